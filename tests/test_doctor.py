"""The doctor: what it finds wrong with an installation or a run, and that what it says to type does mend it."""

import configparser
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hfrl import blas, doctor
from hfrl.cells import locked
from hfrl.run import main
from hfrl.types import UserError

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished seeds with checkpoints."""
    out = tmp_path_factory.mktemp("saved")
    line = ["--env", "hfrl/Pizza-v0", "--teacher", "oracle", "--blend", "reward_shaping", "-n", "400", "--seeds", "0-1"]
    ends = ["--eval-freq", "100", "--eval-episodes", "2", "--save-freq", "100", "--jobs", "1", "--no-progress"]
    assert main([*line, *ends, "--out", str(out)]) == 0
    return next(out.glob("*/*"))


@pytest.fixture
def run(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "a run"))


def faults(run: Path, trust: bool = False) -> list[doctor.Finding]:
    return [finding for finding in doctor.examine_runs(str(run), trust) if not finding.well]


def typed(cure: str) -> None:
    """What a person would do with the line."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", cure], check=True, env=environment, stdout=subprocess.DEVNULL)


# --- the installation ------------------------------------------------------------------------------------------------


def installed(monkeypatch: pytest.MonkeyPatch, **versions: str | None) -> None:
    """Pretend these packages are there in these versions; None is not there."""
    real = doctor.metadata.version
    given = {name.replace("_", "-"): version for name, version in versions.items()}

    def version(name: str) -> str:
        if name not in given:
            return real(name)
        if given[name] is None:
            raise doctor.metadata.PackageNotFoundError(name)
        return str(given[name])

    monkeypatch.setattr(doctor.metadata, "version", version)


def test_all_that_is_installed_along_is_looked_at() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    required = {re.split("[><= ]", line)[0] for line in config["options"]["install_requires"].split("\n") if line}
    assert set(doctor.NEEDED) | {"pygame-ce"} == required
    for extra, (package, _) in doctor.EXTRAS.items():
        assert package in config["options.extras_require"][extra].split()


@pytest.mark.parametrize(
    ("version", "said"),
    [("1.2.9", "gymnasium 1.2.9 (1.3 or newer)"), ("0.29.1", "gymnasium 0.29.1"), (None, "gymnasium is not installed")],
)
def test_an_old_package(version: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, gymnasium=version)
    (finding,) = [one for one in doctor._versions() if not one.well]
    assert finding.text.startswith(said)
    assert finding.cure == "pip install 'gymnasium>=1.3'"


@pytest.mark.parametrize(
    ("classic", "edition", "said"),
    [
        ("2.6.1", "2.5.3", "both pygame 2.6.1 and pygame-ce 2.5.3 are installed; only pygame-ce may be"),
        ("2.6.1", None, "pygame-ce is needed, found pygame 2.6.1"),
        (None, None, "pygame-ce is needed, found none"),
    ],
)
def test_both_distributions_of_pygame(
    classic: str | None, edition: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, pygame=classic, pygame_ce=edition)
    (finding,) = doctor._pygame()
    assert (finding.well, finding.text) == (False, said)
    assert finding.cure == "pip uninstall -y pygame pygame-ce && pip install pygame-ce"


def test_a_pygame_whose_files_went_with_the_other_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What ``pip uninstall pygame`` leaves where both were installed: the name, and half of the package."""
    (tmp_path / "pygame").mkdir()
    (tmp_path / "pygame" / "__init__.py").write_text("from pygame.base import *\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (finding,) = doctor._pygame()
    assert not finding.well
    assert "does not start: ModuleNotFoundError: No module named 'pygame.base'" in finding.text


@pytest.mark.parametrize(
    ("driver", "environment", "well", "said"),
    [
        ("x11", {"DISPLAY": ":0"}, True, "a display for windows (x11)"),
        ("cocoa", {}, True, "a display for windows (cocoa)"),
        ("offscreen", {}, True, "no display"),
        ("offscreen", {"DISPLAY": ":77"}, False, "DISPLAY=:77 is set, and no window can be opened there"),
        ("dummy", {"SDL_VIDEODRIVER": "dummy", "DISPLAY": ":0"}, True, "SDL_VIDEODRIVER=dummy draws without one"),
    ],
)
def test_a_display(
    driver: str, environment: dict[str, str], well: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    finding = doctor._display(driver)
    assert finding.well is well
    assert said in finding.text


def test_a_display_that_nobody_serves_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDL_VIDEODRIVER", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", ":4077")
    if sys.platform != "linux":
        pytest.skip("X11")
    *_, finding = doctor._pygame()
    assert not finding.well
    assert "DISPLAY=:4077" in finding.text


@pytest.mark.parametrize(
    ("content", "well", "said"),
    [
        (None, True, "torch is not installed"),
        ("raise ImportError('libcudart.so.12: cannot open')", False, "does not start: ImportError: libcudart"),
        (
            "__version__ = '2.9'\nclass version: cuda = None\nclass cuda: is_available = staticmethod(lambda: False)",
            True, "torch 2.9: built for the CPU",
        ),
        (
            "__version__ = '2.9'\nclass version: cuda = '12.8'\nclass cuda: is_available = staticmethod(lambda: False)",
            True, "torch 2.9: built for CUDA 12.8, which finds no GPU here: it runs on the CPU",
        ),
        (
            "__version__ = '2.9'\nclass version: cuda = '12.8'\nclass cuda:\n  is_available = staticmethod(lambda: 1)\n"
            "  get_device_name = staticmethod(lambda: 'a card')",
            True, "torch 2.9: built for CUDA 12.8, a card",
        ),
    ],
)  # fmt: skip
def test_builds_of_torch(
    content: str | None, well: bool, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As the process sees them that imports torch."""
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _: content)
    if content is not None:
        (tmp_path / "torch.py").write_text(content)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = doctor._torch()
    assert finding.well is well
    assert said in finding.text
    assert well or finding.cure == "pip install --force-reinstall torch"


def test_a_folder_that_takes_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Path("/proc")
    if not nowhere.is_dir():
        pytest.skip("Linux")
    finding = doctor._writable(nowhere)
    assert not finding.well
    assert "/proc cannot be written" in finding.text
    monkeypatch.setattr(doctor.tempfile, "gettempdir", lambda: str(nowhere))
    assert not doctor._temporary().well
    assert doctor._temporary().cure.startswith("export TMPDIR=")


def test_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor._disk(tmp_path).well
    monkeypatch.setattr(doctor, "LEAST_FREE", 1 << 60)
    finding = doctor._disk(tmp_path)
    assert not finding.well
    assert "GiB free" in finding.text


def test_a_cache_that_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise UserError("no folder")

    monkeypatch.setattr("hfrl.compiled.cache_folder", nowhere)
    assert doctor._cache() == (False, "machine code cannot be kept: no folder", "export HFRL_CACHE=/a/folder/of/yours")


@pytest.mark.parametrize(
    ("kernels", "wide", "advised"), [("Haswell", True, True), ("Haswell", False, False), ("SkylakeX", True, False)]
)
def test_kernels_of_half_the_width_are_told(
    kernels: str, wide: bool, advised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blas, "kernels", lambda: kernels)
    monkeypatch.setattr(blas, "has_avx512", lambda: wide)
    assert f"OpenBLAS's {kernels} kernels" in blas.described()
    assert ("OPENBLAS_CORETYPE=SkylakeX" in blas.described()) == advised


def test_the_kernels_named_are_those_that_the_environment_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenBLAS that is told what to be says so, where numpy brings one; that is no fault."""
    if blas.kernels() is None or platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("numpy has no OpenBLAS of its own here, or of other names")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")
    finding = doctor._products()
    assert (finding.well, finding.text) == (True, "numpy multiplies matrices with OpenBLAS's Nehalem kernels")


# --- run folders -----------------------------------------------------------------------------------------------------


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "half a final.npz": lambda run: halve(run / "seed_1" / "final.npz"),
    "no final.npz": lambda run: (run / "seed_1" / "final.npz").unlink(),
    "half an evaluations.npz": lambda run: halve(run / "seed_0" / "evaluations.npz"),
    "half a summary.json": lambda run: halve(run / "seed_0" / "summary.json"),
    "a seed that was killed": lambda run: [(run / "seed_1" / name).unlink() for name in ("summary.json", "final.npz")],
    "half a final.npz and half a checkpoint": lambda run: [
        halve(run / "seed_0" / name) for name in ("final.npz", "checkpoints/step_400.npz")
    ],
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_typed_mends_a_run(damage: str, run: Path, saved: Path) -> None:
    """To the bits it had before."""
    DAMAGES[damage](run)
    (finding,) = faults(run)
    assert "rm -r" not in finding.cure
    typed(finding.cure)
    assert not faults(run)
    for name in ("seed_0/final.npz", "seed_1/final.npz", "seed_0/evaluations.npz", "seed_1/feedback.jsonl"):
        assert (run / name).read_bytes() == (saved / name).read_bytes(), name


def test_both_seeds_are_told_of(run: Path) -> None:
    for seed in (0, 1):
        halve(run / f"seed_{seed}" / "final.npz")
    assert [re.search(r"seed (\d):", finding.text)[1] for finding in faults(run)] == ["0", "1"]  # type: ignore[index]


def test_a_config_is_copied_from_a_seed(run: Path) -> None:
    halve(run / "config.json")
    (finding,) = faults(run)
    assert finding.cure.endswith("# and name all 2 seeds in it")
    typed(finding.cure)
    assert not faults(run)
    halve(run / "config.json")
    for seed in (0, 1):
        halve(run / f"seed_{seed}" / "config.json")
    (finding,) = faults(run)
    assert finding.cure.startswith(f"rm -r {shlex.quote(str(run))}")


def test_a_seed_that_is_gone_is_run_again(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(run / "seed_1")
    (finding,) = faults(run)
    assert "seed 1 is gone" in finding.text
    monkeypatch.chdir(tmp_path)
    typed(finding.cure)
    (again,) = tmp_path.glob("runs/*/*/seed_*")
    assert again.name == "seed_1"


def test_a_run_that_goes_on_is_left_alone(run: Path) -> None:
    (run / "seed_0" / "summary.json").unlink()
    with locked(run / "seed_0"):
        assert not faults(run)
        said = [finding.text for finding in doctor.examine_runs(str(run), trust=False)]
    assert any("seed 0 is being run by another process" in text for text in said)


def test_a_config_that_names_code_is_not_thrown_away(run: Path) -> None:
    for path in (run / "config.json", run / "seed_0" / "config.json", run / "seed_1" / "config.json"):
        config = json.loads(path.read_text())
        path.write_text(json.dumps(config | {"agent": ["mine.py:Mine"]}))
    (finding,) = faults(run)
    assert f"doctor {shlex.quote(str(run))} --trust" in finding.cure
    assert "rm" not in finding.cure.split()


def test_a_run_that_cannot_be_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_can_write", lambda _: "Read-only file system")
    (finding,) = faults(run)
    assert "can be read and not gone on with: Read-only file system" in finding.text


def test_it_is_printed_with_its_cure(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    halve(run / "seed_0" / "final.npz")
    assert main(["doctor", str(run)]) == 1
    said = capsys.readouterr().out
    assert "FIX run" in said
    assert f"      type: rm -f {shlex.quote(str(run / 'seed_0' / 'summary.json'))}; python -m hfrl.run resume" in said
