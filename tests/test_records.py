"""What a run leaves behind: formats that others read, numbers that add up, whole files or none, and no secret."""

import csv
import io
import itertools
import json
import math
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfrl import experiment, record, saved
from hfrl.config import Arm
from hfrl.run import main
from hfrl.summary import comparisons, summarise
from hfrl.types import Acted, Feedback, UserError

SECRET = "hunter2-do-not-write-me-down"
SEED_FILES = {
    "config.json",
    "meta.json",
    "monitor.csv",
    "progress.csv",
    "evaluations.npz",
    "feedback.jsonl",
    "final.npz",
    "summary.json",
    "checkpoints",
}
LINE = (
    *("--env", "hfrl/Pizza-v0", "FrozenLake-v1", "--blend", "reward_shaping", "--credit", "uniform"),
    *("--teacher", "oracle:likelihood=0.5,delay=uniform", "-n", "900", "--seeds", "0-1"),
    *("--eval-freq", "300", "--eval-episodes", "4", "--jobs", "1", "--no-progress"),
)


def an_arm(**changes: Any) -> Arm:
    settings: dict[str, Any] = {
        "env": "hfrl/Pizza-v0",
        "agent": "q_learning",
        "teacher": "none",
        "blend": "none",
        "credit": "immediate",
        "total_timesteps": 900,
        "seeds": (0,),
        "eval_freq": 300,
        "eval_episodes": 4,
    }
    return Arm(**(settings | changes))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two seeds at the counter and two on the lake, taught late; by the name of their world."""
    out = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HFRL_TEST_TOKEN", SECRET)
        assert main([*LINE, "--out", str(out)]) == 0
    return {"pizza" if "Pizza" in folder.name else "lake": run for folder in out.iterdir() for run in folder.iterdir()}


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def monitor(path: Path) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """The header and the rows, read as Stable-Baselines3 does."""
    with path.open(encoding="utf-8") as file:
        first = file.readline()
        assert first[0] == "#"
        header = json.loads(first[1:])
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return header, rows


# --- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", ["pizza", "lake"])
def test_the_folder_holds_what_it_should_and_nothing_else(runs: dict[str, Path], world: str) -> None:
    run = runs[world]
    assert {path.name for path in run.iterdir()} == {
        "config.json", "meta.json", "summary.json", "figures", "seed_0", "seed_1"
    }  # fmt: skip
    for seed in (0, 1):
        assert {path.name for path in (run / f"seed_{seed}").iterdir()} == SEED_FILES
    assert [path.name for path in (run / "figures").iterdir()] == ["learning_curves.png"]
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{8}", run.name)
    assert not [path for path in run.parent.parent.rglob("*") if path.name.startswith(".")]


def test_a_folder_is_named_after_what_is_in_it(runs: dict[str, Path]) -> None:
    assert runs["lake"].parent.name.startswith("FrozenLake-v1__q_learning__reward_shaping__oracle")
    assert record.arm_name(an_arm()) == "hfrl-Pizza-v0__q_learning"
    wild = record.arm_name(an_arm(env="/home/me/my worlds.py:Wörld", blend="none+action_biasing:beta=1" * 20))
    assert re.fullmatch(r"[A-Za-z0-9_.=-]{1,150}", wild)
    assert not wild.startswith(("-", "."))


def test_two_runs_at_the_same_instant_get_different_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two equal arms of one grid, on a clock that ticks slowly (Windows: every 16 ms)."""
    monkeypatch.setattr(record.time, "time_ns", lambda: 1_700_000_000_000_000_000)
    folders = [record.create_run(tmp_path, an_arm(), "test") for _ in range(3)]
    assert len(set(folders)) == 3
    assert all((folder / "seed_0" / "config.json").is_file() for folder in folders)


def test_many_at_once_get_different_folders(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: record.create_run(tmp_path, an_arm(), "test"), range(24)))
    assert len(set(made)) == 24
    assert sorted(path for path in tmp_path.glob("*/*")) == sorted(made)


def test_a_folder_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    rename = os.rename

    def watched(source: Path, target: Path) -> None:
        seen.append([path.name for path in tmp_path.glob("*/[!.]*")])
        assert {path.name for path in Path(source).iterdir()} == {"config.json", "meta.json", "figures", "seed_0"}
        rename(source, target)

    monkeypatch.setattr(os, "rename", watched)
    folder = record.create_run(tmp_path, an_arm(), "test")
    assert seen == [[]]  # nothing of it could be seen before it was complete
    assert folder.is_dir()


@pytest.mark.parametrize("name", ["q_learning", "random"])
def test_config_and_meta_stand_in_the_run_and_in_each_seed(name: str, tmp_path: Path) -> None:
    run = record.create_run(tmp_path, an_arm(agent=name, seeds=(3, 11)), "hfrl --agent x")
    whole = json.loads((run / "config.json").read_text())
    assert whole["seeds"] == ["3", "11"]
    for seed in (3, 11):
        part = json.loads((run / f"seed_{seed}" / "config.json").read_text())
        assert part == whole | {"seeds": [str(seed)]}
        assert json.loads((run / f"seed_{seed}" / "meta.json").read_text()) == json.loads(
            (run / "meta.json").read_text()
        )


def test_find_runs_below_above_and_inside(runs: dict[str, Path]) -> None:
    run = runs["pizza"]
    out = run.parent.parent
    assert record.find_runs(str(run)) == [run]
    assert record.find_runs(str(run / "seed_1")) == [run]
    assert set(record.find_runs(str(out))) == set(runs.values())
    for wrong in (str(out / "no"), str(run / "figures")):
        with pytest.raises(UserError):
            record.find_runs(wrong)


def test_seeds_are_ordered_by_number(tmp_path: Path) -> None:
    for seed in (10, 9, 100, 1):
        (tmp_path / f"seed_{seed}").mkdir()
        (tmp_path / f"seed_{seed}" / "final.npz").touch()
    (tmp_path / "seed_2").mkdir()  # begun, neither finished nor stopped
    assert [folder.name for folder in record.seed_folders(tmp_path)] == ["seed_1", "seed_9", "seed_10", "seed_100"]


# --- secrets and pickles ---------------------------------------------------------------------------------------------


def test_no_environment_variable_is_written_down(runs: dict[str, Path]) -> None:
    for run in runs.values():
        files = [path for path in run.rglob("*") if path.is_file()]
        assert len(files) > 10
        for path in files:
            assert SECRET.encode() not in path.read_bytes(), path
        meta = json.loads((run / "meta.json").read_text())
        assert set(meta) == {"command", "python", "versions", "git_commit", "machine", "started"}
        assert set(meta["machine"]) == {"system", "processor", "cores"}
        assert meta["versions"].keys() >= {"numpy", "gymnasium"}
        assert meta["git_commit"] is None or re.fullmatch(r"[0-9a-f]{40}", meta["git_commit"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", meta["started"])


def test_no_array_holds_an_object(runs: dict[str, Path]) -> None:
    paths = [path for run in runs.values() for path in run.rglob("*.npz")]
    assert len(paths) == 12
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            for name in file.files:
                assert file[name].dtype.kind in "iufU", (path, name)


def test_a_pickle_is_neither_written_nor_read(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(tmp_path / "exploded"),))

    path = tmp_path / "a.npz"
    bomb = np.array([Bomb()], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        record.write_arrays(path, {"q": bomb})
    assert not path.exists()
    np.savez(path, q=bomb)
    with pytest.raises(UserError, match=r"a\.npz cannot be read"):
        record.read_arrays(path)
    assert not (tmp_path / "exploded").exists()


# --- whole files -----------------------------------------------------------------------------------------------------


def test_a_file_stands_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.json"
    record.write_json(path, {"a": 1})
    for wrong in ({"a": math.nan}, {"a": math.inf}, {"a": {1, 2}}):
        with pytest.raises((ValueError, TypeError)):
            record.write_json(path, wrong)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["summary.json"]

    def power_cut(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", power_cut)
    with pytest.raises(KeyboardInterrupt):
        record.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}


def test_arrays_come_back_as_they_went_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    arrays = {"q": np.linspace(-1, 1, 12).reshape(3, 4), "clock": np.array([5, 2]), "none": np.zeros((0, 3))}
    for name in ("a", "b"):
        record.write_arrays(tmp_path / f"{name}.npz", arrays)
    back = record.read_arrays(tmp_path / "a.npz")
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_growing_file_is_on_the_disk_once_its_second_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(record.time, "monotonic", lambda: now)
    file = record.Growing(tmp_path / "log")
    file.write("one\n")
    assert (tmp_path / "log").read_text() == ""
    now += record.SYNC_SECONDS + 0.1
    file.write("two\n")
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    file.write("three\n")
    file.close()
    file.close()
    assert (tmp_path / "log").read_text() == "one\ntwo\nthree\n"


# --- monitor.csv -----------------------------------------------------------------------------------------------------


def episodes_of(arm: Arm, seed: int) -> Iterator[tuple[float, int]]:
    """Return and length of every finished episode, counted from the loop itself."""
    session = experiment.Session(arm, seed)
    total, length = 0.0, 0
    for event in session.events():
        if isinstance(event, Acted):
            total += event.step.reward
            length += 1
            if event.step.ended:
                yield total, length
                total, length = 0.0, 0
    session.close()


@pytest.mark.parametrize("world", ["pizza", "lake"])
def test_monitor_says_what_every_episode_came_to(runs: dict[str, Path], world: str) -> None:
    arm = saved.load_arm(runs[world])
    for seed in arm.seeds:
        header, rows = monitor(runs[world] / f"seed_{seed}" / "monitor.csv")
        assert header["env_id"] == arm.env
        assert header["episodes_per_row"] == 1
        assert header["t_start"] > 1.6e9
        assert list(rows[0]) == ["r", "l", "t"]
        counted = list(episodes_of(arm, seed))
        assert len(rows) == len(counted) > 10
        for row, (total, length) in zip(rows, counted, strict=True):
            assert row["r"] == pytest.approx(total, abs=1e-6)
            assert row["l"] == length
        times = [row["t"] for row in rows]
        assert times == sorted(times)
        assert times[0] >= 0
        assert sum(row["l"] for row in rows) <= 900


@pytest.mark.parametrize("count", [7, 8, 9, 16, 32, 100, 128])
def test_monitor_merges_rows_and_keeps_the_totals(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "MONITOR_ROWS", 8)
    log = record.Monitor(tmp_path / "monitor.csv", "hfrl/Pizza-v0")
    episodes = [(0.25 * i, 1 + i % 5) for i in range(count)]
    for total, length in episodes:
        log.episode(total, length)
    log.close()
    header, rows = monitor(tmp_path / "monitor.csv")
    k = header["episodes_per_row"]
    assert k == max(1, 2 ** math.floor(math.log2(count / 8) + 1)) if count >= 8 else k == 1
    assert len(rows) < 8
    covered = k * len(rows)
    assert covered > count - k  # only an unfilled last row is missing
    assert k * sum(row["r"] for row in rows) == pytest.approx(sum(total for total, _ in episodes[:covered]))
    assert k * sum(row["l"] for row in rows) == pytest.approx(sum(length for _, length in episodes[:covered]), abs=0.1)
    for row, first in zip(rows, range(0, covered, k), strict=True):
        assert row["r"] == pytest.approx(np.mean([total for total, _ in episodes[first : first + k]]))
    assert [row["t"] for row in rows] == sorted(row["t"] for row in rows)
    # What it was before rows were merged stays until a checkpoint knows the merged one.
    assert {path.name for path in tmp_path.iterdir()} == {"monitor.csv", *(path.name for path in log.outdated())}


# --- feedback.jsonl --------------------------------------------------------------------------------------------------

FEEDBACK_KEYS = ["event", "t", "wall", "step", "episode", "value", "strength", "latency", "credit", "trainer"]


@pytest.mark.parametrize("world", ["pizza", "lake"])
def test_feedback_has_its_keys_and_its_credit_sums_to_one(runs: dict[str, Path], world: str) -> None:
    for seed in (0, 1):
        folder = runs[world] / f"seed_{seed}"
        presses = [json.loads(line) for line in lines_of(folder / "feedback.jsonl")]
        assert len(presses) == json.loads((folder / "summary.json").read_text())["feedback"]
        assert 350 < len(presses) < 550  # half of 900 steps
        late = 0
        for press in presses:
            assert list(press) == FEEDBACK_KEYS
            assert press["event"] == "feedback"
            assert press["value"] in (1.0, -1.0)
            assert press["strength"] == abs(press["value"])
            assert press["trainer"] == "teacher"
            assert 0.2 <= press["latency"] <= 0.8
            assert math.fsum(share for _, share in press["credit"]) == pytest.approx(1.0, abs=1e-9)
            assert all(share > 0 for _, share in press["credit"])
            assert all(0 <= step <= press["step"] < 900 for step, _ in press["credit"])
            late += any(step < press["step"] for step, _ in press["credit"])
        assert late > 100  # a press some tenths of a second late is about the steps before
        assert [press["step"] for press in presses] == sorted(press["step"] for press in presses)
        assert [press["episode"] for press in presses] == sorted(press["episode"] for press in presses)


def test_no_credit_crosses_the_end_of_an_episode(runs: dict[str, Path]) -> None:
    arm = saved.load_arm(runs["pizza"])
    firsts = [0, *itertools.accumulate(length for _, length in episodes_of(arm, 0))]
    for line in lines_of(runs["pizza"] / "seed_0" / "feedback.jsonl"):
        press = json.loads(line)
        assert min(step for step, _ in press["credit"]) >= firsts[press["episode"]]


def test_a_press_as_it_stands_in_the_log(tmp_path: Path) -> None:
    log = record.FeedbackLog(tmp_path / "feedback.jsonl")
    log.press(Feedback(-2.0, 12.5, 0.25, "Ada"), 41, 7, ((40, 0.75), (41, 0.25)))
    log.close()
    assert log.presses == 1
    told = json.loads((tmp_path / "feedback.jsonl").read_text())
    assert told.pop("wall") > 1.6e9
    assert told == {
        "event": "feedback", "t": 12.5, "step": 41, "episode": 7, "value": -2.0, "strength": 2.0, "latency": 0.25,
        "credit": [[40, 0.75], [41, 0.25]], "trainer": "Ada",
    }  # fmt: skip


#: Some that would break a line put together carelessly.
NAMES = ("Ada", '100 % "sure"', "%s", "{0}\n", "Žofie")


def test_presses_logged_at_once_are_the_lines_of_presses_one_by_one(tmp_path: Path) -> None:
    entries = [
        (Feedback(value, 0.3 * i, 0.1 * (i % 3), NAMES[i % len(NAMES)]), i, i // 7, shares, 1.7e9 + 0.0004 * i)
        for i, (value, shares) in enumerate(
            zip([1.0, -1.0, 0.0, 0.25] * 10, [((3, 1.0),), ((3, 0.5), (4, 0.5))] * 20, strict=True)
        )
    ]
    alone, together = (record.FeedbackLog(tmp_path / name) for name in ("alone.jsonl", "together.jsonl"))
    for feedback, index, episode, shares, wall in entries:
        alone.press(feedback, index, episode, shares, wall)
    together.presses_of(entries[:25])
    together.presses_of(())
    together.presses_of(entries[25:])
    assert alone.presses == together.presses == len(entries)
    alone.close()
    together.close()
    told, same = (
        [json.loads(line) for line in lines_of(tmp_path / name)] for name in ("alone.jsonl", "together.jsonl")
    )
    for press in same:  # presses of one millisecond share its text
        press["wall"] = pytest.approx(press["wall"], abs=2e-3)
    assert told == same
    assert [press["trainer"] for press in told] == [entry[0].trainer for entry in entries]
    assert [press["value"] for press in told] == [entry[0].value for entry in entries]
    assert [press["credit"] for press in told] == [[list(share) for share in entry[3]] for entry in entries]


@pytest.mark.parametrize("batch", [1, 3, 8, 50])
def test_episodes_at_once_are_the_rows_of_episodes_one_by_one(
    batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MONITOR_ROWS", 8)
    episodes = [(0.1 * i, 1 + i % 5, 1e9 + i) for i in range(50)]
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    alone, together = (record.Monitor(tmp_path / name / "monitor.csv", "w") for name in ("alone", "together"))
    for episode in episodes:
        alone.episode(*episode)
    for first in range(0, len(episodes), batch):
        together.episodes(episodes[first : first + batch])
    alone.close()
    together.close()
    (header, rows), (same_header, same) = (monitor(tmp_path / name / "monitor.csv") for name in ("alone", "together"))
    assert header["episodes_per_row"] == same_header["episodes_per_row"] == 8
    assert [(row["r"], row["l"]) for row in rows] == [(row["r"], row["l"]) for row in same]


# --- progress.csv and evaluations.npz --------------------------------------------------------------------------------

COLUMNS = [
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
]


@pytest.mark.parametrize("world", ["pizza", "lake"])
def test_progress_and_evaluations_agree(runs: dict[str, Path], world: str) -> None:
    folder = runs[world] / "seed_0"
    table = list(csv.DictReader(io.StringIO((folder / "progress.csv").read_text())))
    assert list(table[0]) == COLUMNS
    arrays = record.read_arrays(folder / "evaluations.npz")
    tasty = world == "pizza"
    keys = {"timesteps", "results", "ep_lengths", "presses", "results_with_h"}
    assert set(arrays) == keys | ({"tastes", "tastes_with_h"} if tasty else set())
    assert arrays["timesteps"].tolist() == [300, 600, 900] == [int(row["time/total_timesteps"]) for row in table]
    for name in set(arrays) - {"timesteps", "presses"}:
        assert arrays[name].shape == (3, 4), name
    assert (arrays["ep_lengths"] >= 1).all()
    assert arrays["presses"].tolist() == [int(row["human/presses"]) for row in table]
    for row, results in zip(table, arrays["results"], strict=True):
        assert float(row["eval/mean_reward"]) == pytest.approx(results.mean(), rel=1e-5, abs=1e-9)
        assert -1 <= float(row["human/mean_feedback"]) <= 1
        assert float(row["td/mean_abs_error"]) > 0
        assert (row["eval/mean_taste"] != "") == tasty
    if tasty:
        assert float(table[-1]["eval/mean_taste"]) == pytest.approx(arrays["tastes"][-1].mean(), abs=1e-6)
        assert ((arrays["tastes"] >= 0) & (arrays["tastes"] <= 1)).all()
    elapsed = [float(row["time/time_elapsed"]) for row in table]
    assert elapsed == sorted(elapsed)


def test_rollout_means_are_of_the_episodes_since_the_last_row(runs: dict[str, Path]) -> None:
    arm = saved.load_arm(runs["lake"])
    folder = runs["lake"] / "seed_1"
    table = list(csv.DictReader(io.StringIO((folder / "progress.csv").read_text())))
    ends = list(itertools.accumulate(length for _, length in episodes_of(arm, 1)))
    for index, row in enumerate(table):
        inside = [
            (total, length)
            for (total, length), end in zip(episodes_of(arm, 1), ends, strict=True)
            if 300 * index < end <= 300 * (index + 1)
        ]
        assert float(row["rollout/ep_rew_mean"]) == pytest.approx(np.mean([total for total, _ in inside]), abs=1e-5)
        assert float(row["rollout/ep_len_mean"]) == pytest.approx(np.mean([n for _, n in inside]), rel=1e-4)


def test_a_column_that_is_unknown_stays_empty(tmp_path: Path) -> None:
    log = record.Progress(tmp_path / "progress.csv")
    log.row({"time/total_timesteps": 100, "eval/mean_taste": None, "eval/mean_reward": 1 / 3})
    log.close()
    assert lines_of(tmp_path / "progress.csv")[1] == "100,,,,0.333333,,,,,"


def test_without_evaluations_on_the_way_there_is_one_at_the_end(tmp_path: Path) -> None:
    done = experiment.run_seed(an_arm(eval_freq=0), 0, tmp_path, lambda steps: True)
    assert done
    assert record.read_arrays(tmp_path / "evaluations.npz")["timesteps"].tolist() == [900]


@pytest.mark.parametrize("agent", ["q_learning", "sarsa"])
def test_a_stopped_run_is_a_shorter_run(agent: str, tmp_path: Path) -> None:
    """Stopped at a heartbeat, everything is closed and saved as if so many steps had been asked for."""
    arm = an_arm(agent=agent, total_timesteps=5_000, eval_freq=2_000, teacher="oracle", blend="reward_shaping")
    folders = [tmp_path / name for name in ("stopped", "short")]
    for folder in folders:
        folder.mkdir()
    beats: list[int] = []

    def heartbeat(steps: int) -> bool:
        beats.append(steps)
        return steps < 3_000

    assert experiment.run_seed(arm, 0, folders[0], heartbeat) is False
    assert beats == [0, 1024, 2000, 2048, 3072]  # at 2,000 it paused to be evaluated
    short = an_arm(agent=agent, total_timesteps=3_072, eval_freq=2_000, teacher="oracle", blend="reward_shaping")
    assert experiment.run_seed(short, 0, folders[1], lambda steps: True) is True
    for name in ("final.npz", "evaluations.npz"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    told = [json.loads((folder / "summary.json").read_text()) for folder in folders]
    assert [one["finished"] for one in told] == [False, True]
    assert told[0]["total_timesteps"] == told[1]["total_timesteps"] == 3_072
    logs = [lines_of(folder / "feedback.jsonl") for folder in folders]
    assert len(logs[0]) == len(logs[1]) == 3_072


def test_a_run_that_breaks_keeps_its_records(tmp_path: Path) -> None:
    def heartbeat(steps: int) -> bool:
        if steps >= 2_000:
            raise RuntimeError("the power went out")
        return True

    with pytest.raises(RuntimeError, match="power"):
        experiment.run_seed(an_arm(total_timesteps=5_000, teacher="oracle"), 0, tmp_path, heartbeat)
    arrays = record.read_arrays(tmp_path / "final.npz")
    assert arrays["clock"][0] == 2_048
    assert len(lines_of(tmp_path / "feedback.jsonl")) == 2_048
    assert len(lines_of(tmp_path / "progress.csv")) == 1 + 6  # at 300, 600 ... 1800
    assert not (tmp_path / "summary.json").exists()  # the mark of a seed that was summed up


# --- summaries -------------------------------------------------------------------------------------------------------


def written_run(out: Path, curves: list[list[float]], steps: list[int], **changes: Any) -> tuple[Arm, Path]:
    """A run folder made by hand: one row of tastes per seed, the returns 10 times that, 5 presses per 100 steps."""
    arm = an_arm(seeds=tuple(range(len(curves))), total_timesteps=steps[-1], **changes)
    run = record.create_run(out, arm, "by hand")
    for seed, tastes in enumerate(curves):
        folder = run / f"seed_{seed}"
        column = np.array(tastes)[:, None]
        arrays = {"timesteps": np.array(steps), "results": 10 * column, "ep_lengths": np.ones_like(column)}
        arrays |= {"presses": np.array(steps) // 20, "results_with_h": 10 * column, "tastes": column}
        record.write_arrays(folder / "evaluations.npz", arrays)
        record.write_arrays(folder / "final.npz", {"clock": np.array([1, 1])})
        summary = {
            "finished": True, "total_timesteps": steps[-1], "return": 10 * tastes[-1], "taste": tastes[-1],
            "return_with_h": 10 * tastes[-1], "taste_with_h": tastes[-1], "feedback": steps[-1] // 20,
            "wall_s": 1.0 + seed, "steps_per_second": 100.0,
        }  # fmt: skip
        record.write_json(folder / "summary.json", summary)
    return arm, run


STEPS = [100, 200, 300, 400]


@pytest.mark.parametrize(
    ("curves", "steps", "presses"),
    [
        # 90 % of the best taste, .909, is .818
        ([[0.9, 0.9, 0.9, 0.9], [0.1, 0.9, 0.9, 0.9], [0.1, 0.1, 0.9, 0.9]], 200, 10),
        ([[0.1, 0.82, 0.1, 0.1], [0.1, 0.82, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]], 200, 10),  # the first time counts
        ([[0.1, 0.81, 0.81, 0.81]] * 3, None, None),
        ([[0.9, 0.9, 0.9, 0.9], [0.1, 0.1, 0.1, 0.1]], None, None),  # half of the seeds never get there
        ([[0.1, 0.9, 0.9, 0.9], [0.1, 0.1, 0.9, 0.9], [0.9] * 4, [0.1] * 4], 250, 15),
    ],
)
def test_steps_and_presses_to_the_threshold(
    curves: list[list[float]], steps: int | None, presses: float | None, tmp_path: Path
) -> None:
    summary = summarise(*written_run(tmp_path, curves, STEPS, teacher="oracle")).summary
    assert (summary["steps_to_threshold"], summary["presses_to_threshold"]) == (steps, presses)


def test_a_summary_by_hand(tmp_path: Path) -> None:
    curves = [[0.1, 0.2, 0.3, 0.3], [0.1, 0.2, 0.3, 0.5], [0.1, 0.2, 0.3, 0.7]]
    outcome = summarise(*written_run(tmp_path, curves, STEPS, teacher="oracle"))
    summary = outcome.summary
    assert summary["seeds"] == [0, 1, 2]
    assert (summary["return_mean"], summary["taste_mean"]) == (pytest.approx(5.0), pytest.approx(0.5))
    assert (summary["return_with_h_mean"], summary["taste_with_h_mean"]) == (pytest.approx(5.0), pytest.approx(0.5))
    assert (summary["feedback_mean"], summary["wall_s"], summary["steps_per_second"]) == (20, 2.0, 100.0)
    low, high = summary["taste_ci"]
    assert 0.3 <= low < 0.5 < high <= 0.7
    assert summary["total_timesteps"] == 400
    np.testing.assert_array_equal(outcome.timesteps, STEPS)
    np.testing.assert_allclose(outcome.returns, 10 * np.array(curves))
    assert outcome.tastes is not None
    np.testing.assert_allclose(outcome.tastes, curves)
    json.dumps(summary, allow_nan=False)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_no_interval_under_three_seeds(seeds: int, tmp_path: Path) -> None:
    curves = [[0.1, 0.2, 0.3, 0.1 * (seed + 1)] for seed in range(seeds)]
    summary = summarise(*written_run(tmp_path, curves, STEPS)).summary
    assert (summary["return_ci"] is None) == (summary["taste_ci"] is None) == (seeds < 3)


def test_what_a_world_does_not_have_is_null(runs: dict[str, Path]) -> None:
    lake = json.loads((runs["lake"] / "summary.json").read_text())
    pizza = json.loads((runs["pizza"] / "summary.json").read_text())
    assert lake.keys() == pizza.keys()
    for key in ("taste_mean", "taste_ci", "taste_with_h_mean", "optimal_taste"):
        assert lake[key] is None, key
    for key in ("taste_mean", "taste_with_h_mean", "optimal_taste", "optimal_return"):
        assert pizza[key] is not None, key
    for summary in (lake, pizza):
        assert summary["return_ci"] is None  # two seeds
        assert summary["return_with_h_mean"] is not None
    seed = json.loads((runs["lake"] / "seed_0" / "summary.json").read_text())
    assert seed["taste"] is None
    assert seed["taste_with_h"] is None
    assert seed["return"] is not None


def test_without_a_press_nothing_is_said_of_h(tmp_path: Path) -> None:
    arm, run = written_run(tmp_path, [[0.5] * 4] * 3, STEPS)
    for folder in run.glob("seed_*"):
        path = folder / "summary.json"
        record.write_json(path, json.loads(path.read_text()) | {"feedback": 0})
    summary = summarise(arm, run).summary
    assert summary["return_with_h_mean"] is None
    assert summary["taste_with_h_mean"] is None
    assert summary["return_mean"] == 5.0


def test_a_seed_that_was_not_summed_up_does_not_count(tmp_path: Path) -> None:
    arm, run = written_run(tmp_path, [[0.1] * 4, [0.5] * 4, [0.9] * 4], STEPS)
    (run / "seed_1" / "summary.json").unlink()
    summary = summarise(arm, run).summary
    assert summary["seeds"] == [0, 2]
    assert summary["taste_mean"] == pytest.approx(0.5)
    assert summary["taste_ci"] is None


def test_seeds_of_different_lengths_are_compared_over_what_all_have(tmp_path: Path) -> None:
    arm, run = written_run(tmp_path, [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]], STEPS)
    path = run / "seed_1" / "evaluations.npz"
    arrays = record.read_arrays(path)
    record.write_arrays(path, {name: array[:2] for name, array in arrays.items()})
    outcome = summarise(arm, run)
    np.testing.assert_array_equal(outcome.timesteps, [100, 200])
    assert outcome.returns.shape == outcome.presses.shape == (2, 2)


def test_evaluations_of_different_steps_are_not_laid_over_one_another(tmp_path: Path) -> None:
    """A stopped seed's last evaluation is at the step it was stopped at, not at its neighbour's."""
    arm, run = written_run(tmp_path, [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.9, 0.9]], STEPS)
    path = run / "seed_1" / "evaluations.npz"
    arrays = record.read_arrays(path)
    arrays["timesteps"] = np.array([100, 200, 220, 230])
    record.write_arrays(path, arrays)
    outcome = summarise(arm, run)
    np.testing.assert_array_equal(outcome.timesteps, [100, 200])


def test_comparisons_pair_the_seeds_that_both_arms_have(tmp_path: Path) -> None:
    plain = summarise(*written_run(tmp_path / "a", [[0.1, 0.1 + 0.01 * seed] for seed in range(6)], [100, 200]))
    taught = summarise(*written_run(tmp_path / "b", [[0.1, 0.8 + 0.01 * seed] for seed in range(5)], [100, 200]))
    sentences = comparisons([plain, taught], ["plain", "taught"])
    assert [sentence.partition(":")[0] for sentence in sentences] == ["automated return", "hidden taste"]
    assert all("taught" in sentence for sentence in sentences)
    few = summarise(*written_run(tmp_path / "c", [[0.1, 0.9]] * 2, [100, 200]))
    assert all("too few seeds" in sentence for sentence in comparisons([plain, few], ["plain", "few"]))
