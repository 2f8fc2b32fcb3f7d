"""What goes wrong around a run: signals, killed workers, full and read-only disks, clocks. Nothing recorded is lost,
and the exit says what happened."""

import contextlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hfrl import record
from hfrl.config import Arm
from hfrl.run import main

ROOT = Path(__file__).parent.parent
STEPS = 40_000
LINE = (
    "--env",
    "hfrl/Pizza-v0",
    "--engine",
    "python",
    "--eval-freq",
    "0",
    "--eval-episodes",
    "2",
    "--save-freq",
    "5000",
)
RUN = (*LINE, "-n", str(STEPS), "--seeds", "0-1", "--jobs", "2", "--no-progress")


@pytest.fixture
def begin() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command in a process group of its own; what is left of it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def run(*line: str, limit: int | None = None) -> subprocess.Popen[str]:
        def prepare() -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever these tests were started with
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        process = subprocess.Popen(
            [sys.executable, "-m", "hfrl.run", *line],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):  # the whole group: a worker that outlives its parent, too
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the run comes to that nothing happens to."""
    out = tmp_path_factory.mktemp("whole")
    assert main([*RUN, "--out", str(out)]) == 0
    return ends(out)


def ends(out: Path) -> dict[str, bytes]:
    """The last agents and the evaluations of a run, by their seeds."""
    names = ("final.npz", "evaluations.npz")
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for name in names for path in out.rglob(name)}


def run_of(out: Path) -> Path:
    (run,) = (path.parent for path in out.glob("*/*/config.json"))
    return run


def wait_for_checkpoints(process: subprocess.Popen[str], out: Path) -> None:
    begun = time.monotonic()
    while len({path.parent for path in out.glob("*/*/seed_*/checkpoints/*.npz")}) < 2:
        assert process.poll() is None
        assert time.monotonic() - begun < 60
        time.sleep(0.01)


def assert_goes_on(out: Path, whole: dict[str, bytes]) -> None:
    assert main(["resume", str(run_of(out)), "--no-progress", "--jobs", "1"]) == 0
    assert ends(out) == whole


@pytest.mark.parametrize(
    ("signals", "code", "told"),
    [
        ([signal.SIGTERM], 143, "Stopped early"),
        ([signal.SIGINT, signal.SIGINT], 130, "interrupted"),
        pytest.param([signal.SIGINT], 130, "Stopped early", marks=pytest.mark.slow),
        pytest.param([signal.SIGTERM, signal.SIGTERM], 143, "", marks=pytest.mark.slow),
    ],
)
def test_a_signal_loses_nothing(
    signals: list[signal.Signals],
    code: int,
    told: str,
    begin: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    whole: dict[str, bytes],
) -> None:
    process = begin(*RUN, "--out", str(tmp_path))
    wait_for_checkpoints(process, tmp_path)
    for number in signals:
        os.kill(process.pid, number)
        time.sleep(0.05)
    _, err = process.communicate(timeout=60)  # the workers are gone, too: they would hold the pipe
    # A second SIGTERM may meet the process when it has stopped already; the shell's $? is 143 of a killed one, too.
    assert process.returncode == code or (len(signals) == 2 and process.returncode == -signals[1])
    assert told in err
    assert "Traceback" not in err
    assert_goes_on(tmp_path, whole)


def test_a_killed_worker_is_replaced_and_its_run_goes_on(
    begin: Callable[..., subprocess.Popen[str]], tmp_path: Path, whole: dict[str, bytes]
) -> None:
    process = begin(*RUN, "--out", str(tmp_path))
    wait_for_checkpoints(process, tmp_path)
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout
    workers = [pid for pid in children.split() if b"LokyProcess" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(int(workers[0]), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert ends(tmp_path) == whole


def test_a_file_that_cannot_grow_ends_in_a_line_for_each_seed_and_loses_nothing(
    begin: Callable[..., subprocess.Popen[str]], tmp_path: Path, whole: dict[str, bytes]
) -> None:
    """The same as a full disk, made by a limit on the size of a file."""
    process = begin(*RUN, "--out", str(tmp_path), limit=30_000)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    lines = err.splitlines()
    assert len([line for line in lines if line.startswith("hfrl: ")]) == len(lines) >= 2, err
    assert all("File too large" in line for line in lines)
    assert_goes_on(tmp_path, whole)


@pytest.mark.parametrize("command", [(), ("sweep",)])
def test_a_folder_that_takes_no_file_is_one_line(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, *LINE, "-n", "10", "--out", "/proc/runs", "--no-progress"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hfrl: no run folder can be made in '/proc/runs'")
    assert err.count("\n") == 1


def test_a_summary_that_cannot_be_written_leaves_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("hfrl.commands.write_json", full)
    monkeypatch.setattr("hfrl.plot.figure", lambda *_, **__: full(tmp_path / "figure.png", None))
    assert main([*LINE, "-n", "300", "--seeds", "0", "--out", str(tmp_path), "--no-progress"]) == 0
    out, err = capsys.readouterr()
    assert "automated" in out
    assert "resume" in out
    assert err.count("hfrl: not written, No space left on device") == 2


def test_whatever_else_the_system_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(flags: object) -> int:
        raise PermissionError(13, "Permission denied", "/somewhere")

    monkeypatch.setattr("hfrl.commands.run_train", refused)
    assert main([*LINE]) == 1
    assert capsys.readouterr().err == "hfrl: Permission denied: /somewhere\n"


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = (*LINE, "-n", "2000", "--seeds", "0", "--jobs", "1", "--no-progress")
    assert main([*short, "--out", str(tmp_path / "plain")]) == 0
    back = itertools.count(1_000_000_000, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(back)))
    assert main([*short, "--out", str(tmp_path / "back")]) == 0
    assert ends(tmp_path / "back") == ends(tmp_path / "plain")
    rows = (run_of(tmp_path / "back") / "seed_0" / "monitor.csv").read_text().splitlines()[2:]
    times = [float(row.split(",")[2]) for row in rows]
    assert times == sorted(times)
    assert all(moment >= 0 for moment in times)


def test_two_runs_of_one_name_at_one_instant_are_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(record.datetime.datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Stopped":  # type: ignore[override]
            return cls(2026, 1, 1)

    monkeypatch.setattr(record.datetime, "datetime", Stopped)
    arm = Arm("hfrl/Pizza-v0", "q_learning", "none", "none", "auto", 10, (0,))
    runs = {record.create_run(tmp_path, arm, "hfrl") for _ in range(5)}
    assert len(runs) == 5
    assert len({run.name[:15] for run in runs}) == 1
    assert all(json.loads((run / "config.json").read_text())["total_timesteps"] == 10 for run in runs)
