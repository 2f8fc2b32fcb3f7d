"""The run folder: what a run leaves behind, so that it can be read, plotted and repeated.

    runs/<env>__<agent>[__blend__teacher]/<time>-<hash>/
        config.json  meta.json  summary.json  figures/
        seed_<n>/ config.json  meta.json  monitor.csv  progress.csv  evaluations.npz  feedback.jsonl  final.npz
                  summary.json

A folder is made under a temporary name and moved, and no other run ever writes into it; whole files likewise. There is
no pickle: arrays are ``npz`` read with ``allow_pickle=False``, everything else is JSON or CSV.
"""

import datetime
import hashlib
import json
import math
import os
import platform
import re
import secrets
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from hfrl.config import Arm
from hfrl.reading import read_arrays as read_arrays
from hfrl.reading import read_json as read_json
from hfrl.types import Feedback, UserError

#: Monitor rows above which two episodes are merged into one row, again and again.
MONITOR_ROWS = 100_000
SYNC_SECONDS = 1.0


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing: to a temporary name in the same folder, then moved."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """A JSON file that stands whole or not at all; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """An ``npz`` of plain arrays: whole or not at all, the same bytes for the same arrays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Level 1: of a replay buffer a third of the time of the usual level, for a few percent of its bytes.
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, array in arrays.items():
                member = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
                member.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(member, "w", force_zip64=array.nbytes > 1 << 30) as file:
                    np.lib.format.write_array(file, np.asanyarray(array), version=(1, 0), allow_pickle=False)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)  # a disk that is full would stay full
        raise


# --- folders ---------------------------------------------------------------------------------------------------------


def arm_name(arm: Arm) -> str:
    """``<env>__<agent>``, and what differs from the plain agent, as a folder's name."""
    parts = [arm.env, arm.agent]
    parts += [part for part in (arm.blend, arm.teacher) if part != "none"]
    return "__".join(re.sub(r"[^A-Za-z0-9_.=-]+", "-", part).strip("-.") for part in parts)[:150]


def create_run(out: Path, arm: Arm, command: str) -> Path:
    """A new run folder with its config and meta, and a folder per seed. Raises UserError where none can be made."""
    config = json.dumps(arm.as_config(), sort_keys=True)
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    # The same settings twice at the same instant are two runs: chance tells them apart, and it touches no result.
    digest = hashlib.sha256(config.encode() + secrets.token_bytes(8)).hexdigest()[:8]
    folder = out / arm_name(arm) / f"{stamp}-{digest}"
    building = folder.with_name(f".{folder.name}")
    try:
        building.mkdir(parents=True)
        meta = describe_machine(command)
        _describe(building, arm.as_config(), meta)
        (building / "figures").mkdir()
        for seed in arm.seeds:
            (building / f"seed_{seed}").mkdir()
            _describe(building / f"seed_{seed}", arm.as_config() | {"seeds": [str(seed)]}, meta)
        os.rename(building, folder)
    except OSError as error:
        raise UserError(f"no run folder can be made in {str(out)!r}: {error.strerror or error}") from error
    return folder


def open_run(folder: Path, arm: Arm, command: str) -> list[int]:
    """A run folder under a name of the caller's, made or gone on with: a seed that ran to its end stays as it is, every
    other goes on from its last checkpoint. Returns the seeds that are still to be run. Raises UserError where none can
    be made."""
    finished = [seed for seed in arm.seeds if is_finished(folder / f"seed_{seed}", arm.total_timesteps)]
    missing = [seed for seed in arm.seeds if seed not in finished]
    if not missing:
        return []
    present = (int(one.name.removeprefix("seed_")) for one in folder.glob("seed_*") if one.name[5:].isdigit())
    seeds = sorted({*arm.seeds, *present})
    meta = describe_machine(command)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for seed in missing:
            (folder / f"seed_{seed}").mkdir(exist_ok=True)
            _describe(folder / f"seed_{seed}", arm.as_config() | {"seeds": [str(seed)]}, meta)
        _describe(folder, arm.as_config() | {"seeds": [str(seed) for seed in seeds]}, meta)
    except OSError as error:
        raise UserError(f"no run folder can be made in {str(folder.parent)!r}: {error.strerror or error}") from error
    return missing


def is_finished(folder: Path, steps: int) -> bool:
    """Whether the seed of this folder ran to its end, ``steps`` steps."""
    try:
        summary = read_json(folder / "summary.json")
    except UserError:
        return False
    return isinstance(summary, dict) and summary.get("finished") is True and summary.get("total_timesteps") == steps


def _describe(folder: Path, config: dict[str, Any], meta: dict[str, Any]) -> None:
    write_json(folder / "config.json", config)
    write_json(folder / "meta.json", meta)


def describe_machine(command: str) -> dict[str, Any]:
    """What the numbers depend on: versions, commit, command, machine. No environment variables."""
    versions = {}
    for package in ("hfrl", "gymnasium", "numpy", "pygame-ce", "matplotlib", "torch", "numba"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "command": command,
        "python": platform.python_version(),
        "versions": versions,
        "git_commit": git_commit(),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def git_commit() -> str | None:
    """The commit of the checkout this package runs from; None outside a checkout."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


# --- files that grow -------------------------------------------------------------------------------------------------


class Growing:
    """A text file that is appended to: buffered, and synced to the disk once a second and when it is closed.

    Args:
        path: of the file.
        size: bytes that it begins with; what lies behind them was written after the checkpoint that is gone on from.
            None keeps all there is.

    Raises:
        UserError: the file has fewer bytes than that.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        if size is not None:
            cut_back(path, size)
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1 << 16)
        self._synced = time.monotonic()

    def write(self, lines: str) -> None:
        """Append one line or more, their ends included."""
        self._file.write(lines)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def size(self) -> int:
        """The bytes written so far, all of them handed to the system."""
        self._file.flush()
        return os.fstat(self._file.fileno()).st_size

    def fileno(self) -> int:
        """The system's number of the open file."""
        return self._file.fileno()

    def flush(self) -> None:
        """Everything written so far can be read by others, and outlives this process."""
        self._file.flush()

    def sync(self) -> None:
        """Everything written so far is on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync and close; safe to call twice."""
        if not self._file.closed:
            self.sync()
            self._file.close()


def cut_back(path: Path, size: int) -> None:
    """Cut a file off after so many bytes; one that is not there is empty. Raises UserError where it has fewer."""
    has = path.stat().st_size if path.exists() else 0
    if has < size:
        raise UserError(f"{path} has {has:,} bytes, and had {size:,} when the checkpoint was made: lines are missing")
    if has > size:
        os.truncate(path, size)


class Monitor:
    """``monitor.csv`` in Stable-Baselines3's format: a row per episode of its return r, length l and time t.

    Above :data:`MONITOR_ROWS` episodes a row stands for k of them (means of r and l, the last t); the header's
    ``episodes_per_row`` says k.

    Args:
        path: of the file.
        env: the world's id.
        saved: :meth:`state` of a run that goes on; None begins a new file.
    """

    def __init__(self, path: Path, env: str, saved: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._env = env
        now = saved or {"t_start": time.time(), "seconds": 0.0, "per_row": 1, "rows": 0, "pending": []}
        self._start = float(now["t_start"])
        # Not by the clock on the wall, which may be set back while a run goes on.
        self._zero = time.perf_counter() - float(now["seconds"])
        self._per_row, self._rows = int(now["per_row"]), int(now["rows"])
        self._pending = [(float(r), int(length), float(t)) for r, length, t in now["pending"]]
        if saved is None:
            path.write_text(self._header(), encoding="utf-8")
            self._file = Growing(path)
        else:
            if self._before_merging(self._per_row).exists():  # merged after the checkpoint
                os.replace(self._before_merging(self._per_row), path)
            self._file = Growing(path, int(saved["size"]))
        for outdated in self.outdated():
            outdated.unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        """All that a run goes on from, as JSON."""
        return {
            "t_start": self._start, "seconds": time.perf_counter() - self._zero, "per_row": self._per_row,
            "rows": self._rows, "pending": [list(row) for row in self._pending], "size": self._file.size(),
        }  # fmt: skip

    def outdated(self) -> list[Path]:
        """What the file was before its rows were merged: not needed once a checkpoint of the present one is written."""
        return sorted(self._path.parent.glob(f".{self._path.name}.per_*"))

    def _before_merging(self, per_row: int) -> Path:
        return self._path.with_name(f".{self._path.name}.per_{per_row}")

    def fileno(self) -> int:
        """The system's number of the open file."""
        return self._file.fileno()

    def _header(self) -> str:
        facts = {"t_start": self._start, "env_id": self._env, "episodes_per_row": self._per_row}
        return f"#{json.dumps(facts)}\nr,l,t\n"

    def episode(self, total: float, length: int, ended: float | None = None) -> None:
        """Add an episode that ended at this moment of ``time.perf_counter``, by default now."""
        self.episodes(((total, length, time.perf_counter() if ended is None else ended),))

    def episodes(self, ended: Sequence[tuple[float, int, float]]) -> None:
        """Add episodes: return, length, and the moment of ``time.perf_counter`` at which each ended."""
        alone = ended[: MONITOR_ROWS - self._rows] if self._per_row == 1 else ()
        if alone:
            rows = [f"{round(total + 0.0, 6)},{length},{moment - self._zero:.6f}\n" for total, length, moment in alone]
            self._file.write("".join(rows))
            self._add_rows(len(rows))
        for total, length, moment in ended[len(alone) :]:
            self._merged(total, length, moment - self._zero)

    def _merged(self, total: float, length: int, seconds: float) -> None:
        """Add an episode to those that share its row."""
        self._pending.append((total, length, seconds))
        if len(self._pending) < self._per_row:
            return
        self._file.write(_monitor_row(self._pending))
        self._pending.clear()
        self._add_rows(1)

    def _add_rows(self, count: int) -> None:
        self._rows += count
        if self._rows >= MONITOR_ROWS:
            self._halve()

    def _halve(self) -> None:
        """Merge the rows in pairs; from here on a row stands for twice as many episodes."""
        self._file.close()
        rows = [line.split(",") for line in self._path.read_text(encoding="utf-8").splitlines()[2:]]
        numbers = [(float(r), float(length), float(t)) for r, length, t in rows]
        os.replace(self._path, self._before_merging(self._per_row))  # for the checkpoint that knows it so
        self._per_row *= 2
        self._rows = len(numbers) // 2
        merged = "".join(_monitor_row(numbers[i : i + 2]) for i in range(0, 2 * self._rows, 2))
        write_text(self._path, self._header() + merged)
        self._file = Growing(self._path)

    def close(self) -> None:
        """Sync and close. Episodes that do not fill a row of k any more are left out: a row always stands for k."""
        self._file.close()


def _monitor_row(episodes: Sequence[tuple[float, float, float]]) -> str:
    count = len(episodes)
    total = sum(r for r, _, _ in episodes) / count
    length = sum(length for _, length, _ in episodes) / count
    return f"{round(total, 6)},{int(length) if length == int(length) else round(length, 3)},{episodes[-1][2]:.6f}\n"


#: The most lines of presses that are kept as templates.
MOST_TEMPLATES = 1024
MILLISECOND = 1e-3


#: A press, index and episode of the step that was on the screen, what each step was credited, and the wall time.
Entry = tuple[Feedback, int, int, Sequence[tuple[int, float]], float]


class FeedbackLog:
    """``feedback.jsonl``: one line per press, with the credit it received. ``saved`` is :meth:`state` of a run that
    goes on; None begins anew."""

    def __init__(self, path: Path, saved: Mapping[str, Any] | None = None) -> None:
        self._file = Growing(path, int(saved["size"]) if saved else 0)
        self.presses = int(saved["presses"]) if saved else 0
        # Lines as templates: there are few trainers and values.
        self._templates: dict[tuple[float, str], str] = {}

    def state(self) -> dict[str, Any]:
        """All that a run goes on from, as JSON."""
        return {"presses": self.presses, "size": self._file.size()}

    def fileno(self) -> int:
        """The system's number of the open file."""
        return self._file.fileno()

    def press(
        self,
        feedback: Feedback,
        index: int,
        episode: int,
        shares: Sequence[tuple[int, float]],
        wall: float | None = None,
        session: str = "",
    ) -> None:
        """Add a press that came while step ``index`` of ``episode`` was on the screen.

        ``wall`` and ``session`` are those of another log whose press this is.
        """
        entry = feedback, index, episode, shares, time.time() if wall is None else wall
        self._write((entry,), f', "session": {json.dumps(session)}' if session else "")

    def presses_of(self, entries: Sequence[Entry]) -> None:
        """Add many presses at once: half the time that they take one by one between steps."""
        self._write(entries, "")

    def _write(self, entries: Sequence[Entry], pooled: str) -> None:
        # Written out by hand, and all lines in one go: a headless teacher presses tens of thousands of times, and
        # json.dumps costs five times as much. Every value is a number but the names, which may be anything.
        templates: list[str] = []
        values: list[Any] = []
        known = self._templates.get
        since, wall = math.inf, ""
        for (value, moment, latency, trainer), index, episode, shares, now in entries:
            templates.append(known((value, trainer)) or self._template(value, trainer))
            if not 0 <= now - since < MILLISECOND:  # many presses share a millisecond, and its text
                since, wall = now, f"{now:.3f}"
            if len(shares) == 1:
                ((credited, share),) = shares
                credit = f"[{credited}, 1.0]" if share == 1.0 else f"[{credited}, {share!r}]"
            else:
                credit = ", ".join([f"[{credited}, {share!r}]" for credited, share in shares])
            values += (moment, wall, index, episode, latency, credit, pooled)
        self._file.write("".join(templates) % tuple(values))
        self.presses += len(templates)

    def _template(self, value: float, trainer: str) -> str:
        name = json.dumps(trainer).replace("%", "%%")
        template = (
            f'{{"event": "feedback", "t": %.6f, "wall": %s, "step": %d, "episode": %d, "value": {value!r}, '
            f'"strength": {abs(value)!r}, "latency": %.6f, "credit": [%s], "trainer": {name}%s}}\n'
        )
        if len(self._templates) < MOST_TEMPLATES:
            self._templates[value, trainer] = template
        return template

    def close(self) -> None:
        """Sync and close."""
        self._file.close()


class Progress:
    """``progress.csv``: a row per evaluation, under TensorBoard's names of Stable-Baselines3."""

    COLUMNS = (
        "time/total_timesteps",
        "time/time_elapsed",
        "rollout/ep_rew_mean",
        "rollout/ep_len_mean",
        "eval/mean_reward",
        "eval/mean_taste",
        "human/presses",
        "human/mean_feedback",
        "shaping/mean_signal",
        "td/mean_abs_error",
    )

    def __init__(self, path: Path, saved: Mapping[str, Any] | None = None) -> None:
        self._file = Growing(path, int(saved["size"]) if saved else 0)
        if saved is None:
            self._file.write(",".join(self.COLUMNS) + "\n")

    def state(self) -> dict[str, Any]:
        """All that a run goes on from, as JSON."""
        return {"size": self._file.size()}

    def fileno(self) -> int:
        """The system's number of the open file."""
        return self._file.fileno()

    def row(self, values: Mapping[str, float | int | None]) -> None:
        """Add a row; a column that is missing or None stays empty."""
        cells = (values.get(column) for column in self.COLUMNS)
        self._file.write(",".join("" if cell is None else f"{cell:.6g}" for cell in cells) + "\n")
        self._file.flush()  # a row is rare, and somebody may be following it

    def close(self) -> None:
        """Sync and close."""
        self._file.close()


# --- reading back ----------------------------------------------------------------------------------------------------


def find_runs(path: str) -> list[Path]:
    """The run folders at or below a path, oldest first. Raises UserError where there is none."""
    root = Path(path)
    if not root.exists():
        raise UserError(f"there is no folder {path!r}")
    if root.name.startswith("seed_") and (root.parent / "config.json").is_file():
        root = root.parent
    if (root / "config.json").is_file():
        return [root]
    runs = [
        config.parent
        for config in root.rglob("config.json")
        if not config.parent.name.startswith(("seed_", ".")) and not any(p.startswith(".") for p in config.parts[:-1])
    ]
    if not runs:
        raise UserError(f"{path!r} holds no run: no config.json in it or below it")
    return sorted(runs, key=lambda run: (run.name[:15], run.parent.name))


def is_session(run: Path) -> bool:
    """Whether a run is a session of a person (``play``), which has a log to replay and no evaluations to plot."""
    return any(run.glob("seed_*/session.json"))


def seed_folders(run: Path) -> list[Path]:
    """The folders of a run's seeds that were finished or stopped, by number. Raises UserError where there is none."""
    numbered = [folder for folder in run.glob("seed_*") if re.fullmatch(r"seed_[0-9]+", folder.name)]
    folders = [folder for folder in numbered if (folder / "final.npz").is_file()]
    if not folders:
        raise UserError(f"{run} holds no finished seed (no seed_<n>/final.npz)")
    return sorted(folders, key=lambda folder: int(folder.name.removeprefix("seed_")))


def command_line() -> str:
    """The command as it was typed, in a form that can be typed again."""
    import shlex

    program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "hfrl"
    start = "python -m hfrl.run" if program in ("run.py", "__main__.py", "-m", "-c") else program
    return shlex.join([*start.split(), *sys.argv[1:]])
