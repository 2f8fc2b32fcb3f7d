"""Sweeps: cells named by their settings, none run twice, failed ones kept, several processes, clusters."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hfrl import clusters, sweep
from hfrl.config import arms
from hfrl.record import is_finished
from hfrl.run import main, read
from hfrl.types import UserError

ROOT = Path(__file__).parent.parent
PORT = "6399"
FILE = """
env = "FrozenLake-v1"
grid = ["learning_rate=0.1,0.5"]
seeds = "0-1"
total_timesteps = 300
eval_episodes = 2
eval_freq = 100
"""
BROKEN = '''
from hfrl.agents import QLearning


class Broken(QLearning):
    """Q-learning that breaks at its first step while there is a file beside it."""

    def __init__(self, env, *, path="", **settings):
        super().__init__(env, learning_rate=settings.get("learning_rate", 0.5))
        self.path = path

    def update(self, judgement, reward):
        if self.path and __import__("os").path.exists(self.path):
            raise ZeroDivisionError("it broke")
        return super().update(judgement, reward)
'''


def file_of(tmp_path: Path, text: str = FILE) -> str:
    (tmp_path / "sweep.toml").write_text(text)
    return str(tmp_path / "sweep.toml")


def swept(tmp_path: Path, *typed: str, code: int = 0) -> Path:
    """Sweep in this process and return the folder of the cells."""
    out = tmp_path / "cells"
    assert main(["sweep", file_of(tmp_path), "--out", str(out), "--jobs", "1", "--no-progress", *typed]) == code
    return out


def results(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("final.npz"))}


def times(out: Path) -> dict[str, int]:
    return {str(path.relative_to(out)): path.stat().st_mtime_ns for path in sorted(out.rglob("final.npz"))}


def test_a_cell_is_a_folder_named_by_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = swept(tmp_path, "--json")
    said = capsys.readouterr().out
    assert "2 cells, 4 runs, 4 of them waiting" in said
    told = json.loads(said.splitlines()[-1])
    assert [arm["seeds"] for arm in told["arms"]] == [[0, 1], [0, 1]]
    assert told["failed"] == []
    cells = arms(read(["sweep", file_of(tmp_path)])[1])
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == sorted(
        sweep.folder_of(out, arm).name for arm in cells
    )
    with (out / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["cell"] for row in rows] == ["q_learning learning_rate=0.1", "q_learning learning_rate=0.5"]
    assert [row["seeds"] for row in rows] == ["0 1", "0 1"]
    assert [float(row["return_mean"]) for row in rows] == [arm["return_mean"] for arm in told["arms"]]
    assert main(["plot", str(out), "--out", str(tmp_path / "plot.png")]) == 0


def test_finished_cells_are_skipped_and_new_values_and_seeds_run_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = swept(tmp_path)
    before = times(out)
    capsys.readouterr()
    swept(tmp_path)
    assert "4 runs, 0 of them waiting" in capsys.readouterr().out
    assert times(out) == before
    swept(tmp_path, "--seeds", "0-2", "--grid", "learning_rate=0.1,0.5,0.7")
    assert "3 cells, 9 runs, 5 of them waiting" in capsys.readouterr().out
    after = times(out)
    assert len(after) == 9
    assert {name: after[name] for name in before} == before


def test_the_same_numbers_as_a_grid_of_train(tmp_path: Path) -> None:
    out = swept(tmp_path)
    path = file_of(tmp_path)
    assert main(["--config", path, "--out", str(tmp_path / "runs"), "--jobs", "1", "--no-progress"]) == 0
    assert sorted(results(out).values()) == sorted(results(tmp_path / "runs").values())


def test_settings_that_no_number_depends_on_are_not_in_the_name(tmp_path: Path) -> None:
    plain = arms(read(["sweep", file_of(tmp_path)])[1])
    for typed in (["--engine", "python"], ["--seeds", "5"], ["--save-freq", "7"], ["--keep-checkpoints", "3"]):
        other = arms(read(["sweep", file_of(tmp_path), *typed])[1])
        assert [sweep.folder_of(Path(), arm) for arm in other] == [sweep.folder_of(Path(), arm) for arm in plain]
    for typed in (["-n", "301"], ["--eval-freq", "50"], ["--credit", "gamma"], ["--warmup", "3"], ["--gamma", "0.5"]):
        other = arms(read(["sweep", file_of(tmp_path), *typed])[1])
        assert not {sweep.folder_of(Path(), arm) for arm in other} & {sweep.folder_of(Path(), arm) for arm in plain}


def test_a_failed_cell_is_told_left_alone_and_run_again_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    fault = tmp_path / "fault"
    fault.touch()
    agent = ["--agent", f"{tmp_path / 'broken.py'}:Broken", "--grid", f"path={fault}", "--seeds", "0"]
    out = swept(tmp_path, *agent, code=1)
    said = capsys.readouterr()
    assert "ZeroDivisionError: it broke" in said.err
    assert "--retry" in said.out
    (told,) = out.rglob("failed.txt")
    assert "it broke" in told.read_text()
    swept(tmp_path, *agent, code=1)
    said = capsys.readouterr()
    assert "1 runs, 0 of them waiting" in said.out
    assert "it broke" in said.err
    fault.unlink()
    swept(tmp_path, *agent, "--retry")
    assert not list(out.rglob("failed.txt"))
    assert len(results(out)) == 1


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def begin(processes: list[subprocess.Popen[str]], *line: str) -> subprocess.Popen[str]:
    """Start a sweep in a process of its own, in a group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hfrl.run", "sweep", *line, "--no-progress"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    processes.append(process)
    return process


def test_two_processes_share_a_folder(tmp_path: Path, processes: list[subprocess.Popen[str]]) -> None:
    line = [file_of(tmp_path), "--out", str(tmp_path / "cells"), "--jobs", "1", "-n", "4000", "--seeds", "0-5"]
    both = [begin(processes, *line) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        assert "12 runs" in out
    for arm in arms(read(["sweep", *line])[1]):
        folder = sweep.folder_of(tmp_path / "cells", arm)
        for seed in arm.seeds:
            assert is_finished(folder / f"seed_{seed}", 4000)
            # Nobody has run it twice: every evaluation is there once.
            with np.load(folder / f"seed_{seed}" / "evaluations.npz") as seen:
                assert np.all(np.diff(seen["timesteps"]) > 0)


def test_what_a_killed_sweep_had_begun_is_gone_on_with(
    tmp_path: Path, processes: list[subprocess.Popen[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["-n", "6000", "--save-freq", "500"]
    line = [file_of(tmp_path), "--out", str(tmp_path / "cells"), "--jobs", "1", *typed]
    first = begin(processes, *line)
    begun = time.monotonic()
    while not list((tmp_path / "cells").rglob("checkpoints/*.npz")):
        assert time.monotonic() - begun < 60
        assert first.poll() is None
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    out = swept(tmp_path, *typed)
    assert main(["sweep", *line[:1], "--out", str(tmp_path / "whole"), "--jobs", "1", "--no-progress", *typed]) == 0
    assert results(out) == results(tmp_path / "whole")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ([], "sweep needs a file"),
        (["nowhere.toml"], "nowhere.toml"),
        (["FILE", "--backend", "rya"], "did you mean 'ray'"),
        (["FILE", "--address", "auto"], "it needs --backend ray or --backend dask"),
        (["FILE", "--jobs", "many"], "--jobs must be a number"),
        (["FILE", "--agent", "q_lerning"], "did you mean 'q_learning'"),
        (["FILE", "--grid", "learning_rate=0.1,7"], "learning_rate must stay within"),
    ],
)
def test_mistakes_are_one_line(typed: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = [file_of(tmp_path) if word == "FILE" else word for word in typed]
    assert main(["sweep", *line, "--out", str(tmp_path / "cells")]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not (tmp_path / "cells").exists()


@pytest.mark.parametrize("backend", ["ray", "dask"])
def test_a_backend_that_is_not_there_is_one_line(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"pip install 'hfrl\[{backend}\]'"):
        clusters.checked(backend, None)


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_cluster_on_this_machine_computes_the_same(backend: str, package: str, tmp_path: Path) -> None:
    pytest.importorskip(package)
    out = swept(tmp_path)
    path = file_of(tmp_path)
    there = ["--out", str(tmp_path / backend), "--backend", backend, "--jobs", "2", "--no-progress"]
    assert main(["sweep", path, *there]) == 0
    assert results(tmp_path / backend) == results(out)


@pytest.mark.slow
def test_a_ray_cluster_that_is_there_already(
    tmp_path: Path, processes: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # on this machine alone; a real cluster has a token
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    head = ["start", "--head", "--block", "--port", PORT, "--num-cpus", "2", "--include-dashboard", "false"]
    quiet = subprocess.DEVNULL
    cluster = subprocess.Popen(  # in a group of its own, which is all that is stopped at the end
        [sys.executable, "-m", "ray.scripts.scripts", *head], stdout=quiet, stderr=quiet, start_new_session=True
    )
    processes.append(cluster)  # type: ignore[arg-type]
    begun = time.monotonic()
    while not answers(PORT):
        assert time.monotonic() - begun < 120
        time.sleep(0.1)
    out = str(tmp_path / "there")
    line = [file_of(tmp_path), "--out", out, "--backend", "ray", "--address", f"127.0.0.1:{PORT}"]
    there = begin(processes, *line)
    said, complained = there.communicate(timeout=120)
    assert there.returncode == 0, said + complained
    assert results(tmp_path / "there") == results(swept(tmp_path))
    os.killpg(cluster.pid, signal.SIGTERM)
    cluster.wait(timeout=60)


def answers(port: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "package", "address"), [("dask", "distributed", "tcp://127.0.0.1:9"), ("ray", "ray", "127.0.0.1:9")]
)
def test_an_address_where_nobody_answers_is_one_line(
    backend: str, package: str, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(package)
    line = [file_of(tmp_path), "--out", str(tmp_path / "cells"), "--backend", backend, "--address", address]
    assert main(["sweep", *line, "--no-progress"]) == 2
    assert f"answers at '{address}'" in capsys.readouterr().err


# --- a search --------------------------------------------------------------------------------------------------------

SEARCHED = ("--space", "learning_rate=log:0.05:0.5", "exploration=epsilon_greedy,softmax")


def searched(tmp_path: Path, trials: int = 3) -> Path:
    out = tmp_path / "cells"
    line = ["--env", "FrozenLake-v1", "-n", "300", "--seeds", "0-1", "--eval-episodes", "2", "--eval-freq", "0"]
    line += [*SEARCHED, "--trials", str(trials), "--jobs", "1", "--out", str(out), "--no-progress"]
    assert main(["sweep", *line]) == 0
    return out


def test_a_search_tries_settings_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    out = searched(tmp_path)
    said = capsys.readouterr().out
    assert "3 trials, 0 of them finished before" in said
    assert said.count("  trial ") == 3
    with (out / "search.csv").open() as file:
        rows = list(csv.DictReader(file))
    worth = [float(row["return_mean"]) for row in rows]
    assert worth == sorted(worth, reverse=True)
    assert f"--set {rows[0]['cell']}" in said
    for row in rows:
        alpha = float(row["cell"].split()[0].removeprefix("learning_rate="))
        assert 0.05 <= alpha <= 0.5
    before = times(out)
    searched(tmp_path)
    assert "3 of them finished before" in capsys.readouterr().out
    assert times(out) == before
    searched(tmp_path, trials=5)
    assert capsys.readouterr().out.count("  trial ") == 2


def test_a_search_is_the_same_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    assert results(searched(tmp_path / "a")) == results(searched(tmp_path / "b"))
    capsys.readouterr()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--space", "learning_rate"], "--space takes key=low:high"),
        (["--space", "learning_rate=0.5:0.1"], "low < high"),
        (["--space", "learning_rate=log:0:0.1"], "0 < low for log"),
        (["--space", "gamma=0.9,0.8", "gamma=0.7"], "gamma twice"),
        (["--space", "gamma=0.9,0.8", "--trials", "0"], "--trials must be at least 1"),
        (["--space", "gamma=0.9,0.8", "--objective", "tase"], "did you mean 'taste'"),
        (["--space", "gamma=0.9,0.8", "--agent", "q_learning", "sarsa"], "make 2; name one"),
        (["--space", "gama=0.9,0.8"], "did you mean 'gamma'"),
        (["--space", "gamma=7,8"], "gamma must be within"),
    ],
)
def test_a_mistake_in_a_search_is_one_line(
    typed: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("optuna")
    line = ["--env", "FrozenLake-v1", "-n", "300", "--out", str(tmp_path / "cells"), "--no-progress"]
    assert main(["sweep", *line, *typed]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
