"""What can be wrong with an installation, or with a run folder, and what to type."""

import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from hfrl.types import UserError


class Finding(NamedTuple):
    """One thing that was looked at; ``cure`` is what to type where it is not well."""

    well: bool
    text: str
    cure: str = ""


#: What must be there, and from which version on where it matters.
NEEDED: dict[str, tuple[int, ...]] = {
    "gymnasium": (1, 3), "numpy": (1, 26), "matplotlib": (3, 7), "pillow": (), "tyro": (), "cattrs": (), "rich": (),
    "joblib": (), "numba": (),
}  # fmt: skip
#: What a part of the toolkit needs: the package, and what it is for.
EXTRAS = {
    "sb3": ("stable-baselines3", "its agents, taught"),
    "track": ("tensorboardX", "--tensorboard"),
    "data": ("pyarrow", "export --format parquet and minari"),
    "video": ("imageio-ffmpeg", "watch --video"),
}
LEAST_FREE = 200 * 2**20
PROBE_SECONDS = 60
#: What SDL draws with where nobody can see it.
UNSEEN = ("offscreen", "dummy", "evdev")
BARE_PYGAME = "pip uninstall -y pygame pygame-ce && pip install pygame-ce"


def run_doctor(flags: Any) -> int:
    """Print what was found. The exit code is 1 where something is not well."""
    of_runs = [] if flags.run is None else examine_runs(flags.run, flags.trust)
    findings = examine() + of_runs
    for finding in findings:
        print(f"{'ok  ' if finding.well else 'FIX '}{finding.text}")
        if not finding.well:
            print(f"      type: {finding.cure}")
    return 0 if all(finding.well for finding in findings) else 1


# --- the installation ------------------------------------------------------------------------------------------------


def examine(folder: Path | None = None) -> list[Finding]:
    """All findings for running in ``folder`` (the present one by default)."""
    here = folder or Path.cwd()
    return [
        _python(), *_versions(), *_pygame(), _torch(), *_extras(), _disk(here), _writable(here), _temporary(), _cache(),
        _products(),
    ]  # fmt: skip


def _python() -> Finding:
    version = platform.python_version()
    return Finding(sys.version_info >= (3, 11), f"Python {version} (3.11 or newer)", "python3.11 -m venv .venv")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> list[Finding]:
    findings = []
    for package, least in NEEDED.items():
        wanted, version = ".".join(map(str, least)), _version(package)
        cure = f"pip install '{package}>={wanted}'" if least else f"pip install {package}"
        if version is None:
            findings.append(Finding(False, f"{package} is not installed", cure))
            continue
        numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
        said = f"{package} {version}" + (f" ({wanted} or newer)" if least else "")
        findings.append(Finding(numbers >= least, said, cure))
    return findings


def _probe(program: str) -> tuple[bool, str]:
    """Run a line of Python in a process of its own: whether it ended well, and the last line that it said."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return False, f"{type(error).__name__}"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1].strip() if lines else f"it ended with code {done.returncode}"


def _pygame() -> list[Finding]:
    """Classic pygame and pygame-ce write into the same folder: with both, which one runs is luck, and taking one away
    takes files of the other along."""
    installed = [f"{name} {version}" for name in ("pygame", "pygame-ce") if (version := _version(name))]
    if len(installed) == 2:
        return [Finding(False, f"both {' and '.join(installed)} are installed; only pygame-ce may be", BARE_PYGAME)]
    if not installed or installed[0].startswith("pygame "):
        found = installed[0] if installed else "none"
        return [Finding(False, f"pygame-ce is needed, found {found}", BARE_PYGAME)]
    well, said = _probe("import pygame; pygame.display.init(); print(pygame.display.get_driver())")
    if not well:
        return [Finding(False, f"{installed[0]} is installed and does not start: {said}", BARE_PYGAME)]
    return [Finding(True, installed[0]), _display(said)]


def _display(driver: str) -> Finding:
    """Where a window would open, by what SDL chose to draw with: it falls back to none without a word."""
    if driver not in UNSEEN:
        return Finding(True, f"a display for windows ({driver})")
    if driver == os.environ.get("SDL_VIDEODRIVER"):
        return Finding(True, f"no display, and SDL_VIDEODRIVER={driver} draws without one")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        if os.environ.get(name):
            said = f"{name}={os.environ[name]} is set, and no window can be opened there: one would be drawn unseen"
            return Finding(False, said, f"unset {name}   # play needs a display; watch has --gif, --video and --sheet")
    return Finding(True, "no display: `watch` works with --render ansi, --gif, --video or --sheet; `play` needs one")


def _torch() -> Finding:
    if importlib.util.find_spec("torch") is None:
        said = "torch is not installed: agents run in numpy without it; pictures need it (pip install 'hfrl[deep]')"
        return Finding(True, said)
    well, said = _probe(
        "import torch; cuda = torch.version.cuda; print(f'torch {torch.__version__}: ' + ('built for the CPU' if not "
        "cuda else f'built for CUDA {cuda}, ' + (torch.cuda.get_device_name() if torch.cuda.is_available() else 'which "
        "finds no GPU here: it runs on the CPU')))"
    )
    if well:
        return Finding(True, said)
    return Finding(False, f"torch is installed and does not start: {said}", "pip install --force-reinstall torch")


def _extras() -> list[Finding]:
    findings = []
    for extra, (package, use) in EXTRAS.items():
        version = _version(package)
        missing = f"{package} is not installed (only for {use}: pip install 'hfrl[{extra}]')"
        findings.append(Finding(True, f"{package} {version}" if version else missing))
    return findings


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    return Finding(
        free >= LEAST_FREE, f"{free / 2**30:.1f} GiB free in {folder}", "python -m hfrl.run --out /a/larger/disk"
    )


def _can_write(folder: Path) -> str | None:
    """None where a file can be made in a folder, else why not."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"hfrl")
            file.flush()
    except OSError as error:
        return error.strerror or str(error)
    return None


def _writable(folder: Path) -> Finding:
    where = folder / "runs" if (folder / "runs").is_dir() else folder
    why = _can_write(where)
    said = f"{where} can be written" if why is None else f"{where} cannot be written: {why}"
    return Finding(why is None, said, "python -m hfrl.run --out /a/folder/of/yours")


def _temporary() -> Finding:
    """Runs that go on at once tell their steps through a file there."""
    try:
        where = Path(tempfile.gettempdir())
    except OSError as error:
        return Finding(False, f"no folder for temporary files: {error}", "export TMPDIR=/a/folder/of/yours")
    why = _can_write(where)
    said = f"{where} takes temporary files" if why is None else f"{where} takes no temporary files: {why}"
    return Finding(why is None, said, "export TMPDIR=/a/folder/of/yours")


def _cache() -> Finding:
    """Where machine code is kept."""
    from hfrl.compiled import cache_folder

    try:
        return Finding(True, f"machine code is kept in {cache_folder()}")
    except (UserError, OSError) as error:
        return Finding(False, f"machine code cannot be kept: {error}", "export HFRL_CACHE=/a/folder/of/yours")


def _products() -> Finding:
    """OpenBLAS takes some processors for less than they are: no fault, but a quarter of the speed of a wide network."""
    well, said = _probe("from hfrl.blas import described; print(described())")
    return Finding(well, said if well else f"numpy does not start: {said}", "pip install --force-reinstall numpy")


# --- run folders -----------------------------------------------------------------------------------------------------


def examine_runs(path: str, trust: bool) -> list[Finding]:
    """What can be said of the run folders at or below a path. Raises UserError where there is none."""
    from hfrl.record import find_runs

    return [finding for run in find_runs(path) for finding in _examine_run(run, trust)]


def _examine_run(run: Path, trust: bool) -> list[Finding]:
    from hfrl.record import is_session
    from hfrl.saved import load_arm

    try:
        arm = load_arm(run, trust)
    except UserError as error:
        return [Finding(False, f"run {run}: {error}", _cure_of_config(run, trust))]
    found: list[Finding] = []
    why = _can_write(run)
    if why is not None:
        found.append(
            Finding(False, f"run {run} can be read and not gone on with: {why}", f"chmod -R u+w {_quoted(run)}")
        )
    look = _session_fault if is_session(run) else _seed_fault
    for seed in arm.seeds:
        finding = look(run, run / f"seed_{seed}", arm)
        if finding is not None:
            found.append(finding)
    if all(finding.well for finding in found):
        found.append(_as_a_whole(run, arm))
    return found


def _as_a_whole(run: Path, arm: Any) -> Finding:
    """The last word on a run whose seeds are well."""
    from hfrl.record import is_session
    from hfrl.summary import summarise

    try:
        if not is_session(run):
            summarise(arm, run)
    except UserError as error:
        return Finding(False, f"run {run}: {error}", f"python -m hfrl.run resume {_quoted(run)}")
    return Finding(True, f"run {run} is whole")


def _cure_of_config(run: Path, trust: bool) -> str:
    """What to type where the config of a run cannot be read."""
    from hfrl.saved import load_arm

    def readable(folder: Path, trusted: bool) -> bool:
        try:
            load_arm(folder, trusted)
        except UserError:
            return False
        return True

    if not trust and readable(run, True):
        return f"python -m hfrl.run doctor {_quoted(run)} --trust   # runs code that the config names: if it is yours"
    whole = [seed for seed in sorted(run.glob("seed_*")) if readable(seed, trust)]
    if whole:
        copy = f"cp {_quoted(whole[0] / 'config.json')} {_quoted(run / 'config.json')}"
        return copy + ("" if len(whole) == 1 else f"   # and name all {len(whole)} seeds in it")
    return f"rm -r {_quoted(run)}   # and run it again: nothing says what it was"


def _seed_fault(run: Path, folder: Path, arm: Any) -> Finding | None:
    """What is wrong with a seed of a headless run: all of it can be made again from its checkpoint."""
    from hfrl.cells import BusyError, locked
    from hfrl.reading import read_json
    from hfrl.record import is_finished
    from hfrl.saved import load_session
    from hfrl.summary import seed_evaluations, seed_summary

    if not folder.is_dir():
        again = f"python -m hfrl.run --config {_quoted(run / 'config.json')} --seeds {folder.name[5:]}"
        return Finding(False, f"run {run}: seed {folder.name[5:]} is gone", f"{again}   # plot pools it with this run")
    mend = f"rm -f {_quoted(folder / 'summary.json')}; python -m hfrl.run resume {_quoted(run)}"
    try:
        with locked(folder):
            pass
    except BusyError:
        return Finding(True, f"run {run}: seed {folder.name[5:]} is being run by another process")
    try:
        if not (folder / "summary.json").exists():
            raise UserError("it was stopped before its end")
        read_json(folder / "summary.json")
        if not (folder / "final.npz").is_file():
            raise UserError("it has no final.npz")
        load_session(arm, folder).close()
        seed_summary(folder)
        seed_evaluations(folder)
        if not is_finished(folder, arm.total_timesteps):
            return Finding(True, f"run {run}: seed {folder.name[5:]} was stopped; resume {_quoted(run)} goes on")
    except UserError as error:
        return Finding(False, f"run {run}: seed {folder.name[5:]}: {error}", mend)
    return None


def _session_fault(run: Path, folder: Path, arm: Any) -> Finding | None:
    """What is wrong with a session of a person, whose log is all that nobody can make again."""
    from hfrl.saved import load_session
    from hfrl.teach import read_log

    try:
        read_log(folder / "feedback.jsonl")
    except UserError as error:
        return Finding(
            False, f"run {run}: {error}", f"cp {_quoted(folder / 'feedback.jsonl')} A_SAFE_PLACE   # first of all"
        )
    try:
        if not (folder / "final.npz").is_file():
            raise UserError("it has no final.npz: the session did not end")
        load_session(arm, folder).close()
    except UserError as error:
        final, rebuilt = _quoted(folder / "final.npz"), _quoted(folder / "replayed.npz")
        mend = f"rm -f {final}; python -m hfrl.run replay {_quoted(run)} && mv {rebuilt} {final}"
        return Finding(False, f"run {run}: {error}", mend)
    return None


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
