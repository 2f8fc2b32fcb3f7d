"""What others make of a run: Stable-Baselines3's own tools, TensorBoard's events, and the terminal while it trains."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from hfrl import follow
from hfrl.follow import Followed, Tail
from hfrl.record import Monitor, Progress
from hfrl.run import main

LINE = (
    *("--env", "hfrl/Pizza-v0", "--teacher", "oracle:likelihood=0.3", "--blend", "reward_shaping", "-n", "600"),
    *("--seeds", "0-1", "--eval-freq", "200", "--eval-episodes", "3", "--jobs", "1", "--no-progress"),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    pytest.importorskip("tensorboardX")
    assert main([*LINE, "--tensorboard", "--out", str(out)]) == 0
    return next(out.glob("*/*"))


# --- Stable-Baselines3 -----------------------------------------------------------------------------------------------


def test_monitor_and_evaluations_load_in_sb3_s_own_tools(trained: Path) -> None:
    pytest.importorskip("pandas")
    monitor = pytest.importorskip("stable_baselines3.common.monitor")
    plotter = pytest.importorskip("stable_baselines3.common.results_plotter")
    for seed in (0, 1):
        folder = trained / f"seed_{seed}"
        frame = monitor.load_results(str(folder))
        rows = [line.split(",") for line in (folder / "monitor.csv").read_text().splitlines()[2:]]
        assert len(frame) == len(rows) > 20
        assert frame["r"].tolist() == [float(row[0]) for row in rows]
        steps, returns = plotter.ts2xy(frame, plotter.X_TIMESTEPS)
        assert steps.tolist() == np.cumsum([int(row[1]) for row in rows]).tolist()
        assert returns.tolist() == frame["r"].tolist()
        episodes, _ = plotter.ts2xy(frame, plotter.X_EPISODES)
        assert len(episodes) == len(rows)
    both = monitor.load_results(str(trained / "seed_0"))
    means = plotter.rolling_window(both["r"].to_numpy(), 10)
    assert means.shape == (len(both) - 9, 10)


def test_evaluations_have_what_sb3_s_callback_writes(trained: Path, tmp_path: Path) -> None:
    """The keys, shapes and kinds of an ``evaluations.npz`` that EvalCallback itself has written."""
    sb3 = pytest.importorskip("stable_baselines3")
    callbacks = pytest.importorskip("stable_baselines3.common.callbacks")
    import gymnasium

    model = sb3.DQN("MlpPolicy", "CartPole-v1", learning_starts=1000, device="cpu")
    seen = callbacks.EvalCallback(
        gymnasium.make("CartPole-v1"), n_eval_episodes=3, eval_freq=20, log_path=str(tmp_path), verbose=0, warn=False
    )
    model.learn(40, callback=seen)
    with np.load(tmp_path / "evaluations.npz") as theirs, np.load(trained / "seed_0" / "evaluations.npz") as ours:
        assert set(theirs.files) <= set(ours.files)
        for name in theirs.files:
            assert theirs[name].ndim == ours[name].ndim
            assert theirs[name].dtype.kind == ours[name].dtype.kind
        assert ours["results"].shape == ours["ep_lengths"].shape == (3, 3)
        assert ours["timesteps"].tolist() == [200, 400, 600]


# --- TensorBoard -----------------------------------------------------------------------------------------------------


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars of an event file, read record by record: length, its checksum, the event, its checksum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    raw, at, found = path.read_bytes(), 0, {}  # type: bytes, int, dict[str, list[tuple[int, float]]]
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 8], "little")
        event = event_pb2.Event.FromString(raw[at + 12 : at + 12 + length])
        at += 16 + length
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def test_tensorboard_shows_what_progress_says(trained: Path) -> None:
    for seed in (0, 1):
        (events,) = (trained / f"seed_{seed}").glob("events.out.tfevents.*")
        found = scalars(events)
        lines = (trained / f"seed_{seed}" / "progress.csv").read_text().splitlines()
        names, *rows = [line.split(",") for line in lines]
        assert set(found) == set(names) - {"time/total_timesteps"}
        for name, points in found.items():
            assert [step for step, _ in points] == [200, 400, 600]
            column = [float(row[names.index(name)]) for row in rows]
            np.testing.assert_allclose([value for _, value in points], column, rtol=1e-4)
    assert {"rollout/ep_rew_mean", "human/presses", "shaping/mean_signal", "td/mean_abs_error"} <= set(found)


def test_events_change_nothing(trained: Path, tmp_path: Path) -> None:
    assert main([*LINE, "--out", str(tmp_path)]) == 0
    plain = next(tmp_path.glob("*/*"))
    assert not list(plain.rglob("events*"))
    for name in ("final.npz", "evaluations.npz"):
        assert (plain / "seed_1" / name).read_bytes() == (trained / "seed_1" / name).read_bytes()


def test_without_the_extra_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert main([*LINE, "--tensorboard", "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "pip install 'hfrl[track]'" in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


# --- while it trains -------------------------------------------------------------------------------------------------


def test_a_tail_reads_on_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "monitor.csv"
    tail = Tail(path)
    assert tail.rows() == []
    path.write_text("#{}\nr,l,t\n1,2,3\n4,5")
    assert tail.rows() == [{"r": "1", "l": "2", "t": "3"}]
    assert tail.anew
    with path.open("a") as file:
        file.write(",6\n7,8,9\n")
    assert tail.rows() == [{"r": "4", "l": "5", "t": "6"}, {"r": "7", "l": "8", "t": "9"}]
    assert not tail.anew
    assert tail.rows() == []
    (tmp_path / "new").write_text("#{}\nr,l,t\n9,9,9\n")
    os.replace(tmp_path / "new", path)  # as a monitor does that merges its rows
    assert tail.rows() == [{"r": "9", "l": "9", "t": "9"}]
    assert tail.anew


def test_the_numbers_of_a_seed_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "seed_7"
    folder.mkdir()
    followed = Followed(folder, 1000)
    followed.look()
    assert followed.cells()[:5] == ["7", "0", "0 %", "0", "-"]
    monitor, progress = Monitor(folder / "monitor.csv", "w"), Progress(folder / "progress.csv")
    for total in range(150):
        monitor.episode(float(total), 2)
    monitor.close()
    row = {"time/total_timesteps": 400, "eval/mean_reward": 3.5, "eval/mean_taste": None, "human/presses": 1234}
    progress.row(row)  # on the disk at once, not when the run ends
    followed.look()
    assert followed.cells() == ["7", "400", "40 %", "150", f"{np.mean(range(50, 150)):.2f}", "3.50", "-", "1,234", "▁"]
    progress.close()
    (folder / "summary.json").write_text("{}")
    assert followed.cells()[2] == "done"


def test_merged_rows_are_not_counted_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row stands for k episodes when there are very many; the steps that progress.csv tells win."""
    from hfrl import record

    monkeypatch.setattr(record, "MONITOR_ROWS", 8)
    (tmp_path / "seed_0").mkdir()
    followed, monitor = Followed(tmp_path / "seed_0", None), Monitor(tmp_path / "seed_0" / "monitor.csv", "w")
    for count in range(20):
        monitor.episode(1.0, 3)
        monitor._file.sync()
        followed.look()
        assert followed.episodes <= 8
        assert followed.steps <= 3 * (count + 1)
    monitor.close()


def test_it_ends_when_all_are_done(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch-metrics", str(trained)]) == 0
    out = capsys.readouterr().out
    assert "done" in out
    assert "600" in out
    assert main(["watch-metrics", str(trained.parent), "--once"]) == 0
    assert "done" in capsys.readouterr().out


def test_it_follows_a_run_that_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks happen while another process trains, and see its steps grow until it is done."""
    line = [*LINE, "--out", str(tmp_path), "--set", "learning_rate=0.1"]
    line[line.index("-n") + 1] = "60000"
    line[line.index("--eval-freq") + 1] = "2000"
    child = subprocess.Popen([sys.executable, "-m", "hfrl.run", *line], stdout=subprocess.DEVNULL)
    looks: list[float] = []
    original = Followed.look

    def look(self: Followed) -> None:
        original(self)
        looks.append(max(self.steps, float(self.last.get("time/total_timesteps") or 0)))

    monkeypatch.setattr(Followed, "look", look)
    guard = threading.Timer(100, child.kill)
    guard.start()
    try:
        while not list(tmp_path.glob("*/*/config.json")) and child.poll() is None:
            threading.Event().wait(0.02)
        assert main(["watch-metrics", str(tmp_path), "--every", "0.05"]) == 0
        assert child.wait() == 0
    finally:
        guard.cancel()
        child.kill()
    assert max(looks) == 60_000
    assert any(0 < steps < 60_000 for steps in looks)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (["watch-metrics"], "needs a run folder"),
        (["watch-metrics", "nowhere"], "there is no folder"),
        (["watch-metrics", "RUN", "--every", "0"], "--every must be within"),
        (["watch-metrix", "RUN"], "did you mean 'watch-metrics'?"),
    ],
)
def test_a_mistake_is_one_line(line: list[str], word: str, trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(trained) if part == "RUN" else part for part in line]) == 2
    said = capsys.readouterr().err
    assert word in said
    assert said.count("\n") == 1


def test_bars_have_eight_heights() -> None:
    assert follow.curve(list(range(8))) == follow.BARS
    assert follow.curve([0.0, *[5.0] * 30, 10.0]) == 9 * follow.BARS[4] + follow.BARS[7]  # the last ten, on all's scale
    assert follow.curve([3.0, 3.0]) == 2 * follow.BARS[0]
    assert follow.curve([]) == ""
