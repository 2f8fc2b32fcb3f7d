"""A session and its replay are the same to the last bit; a log that was cut off or damaged is read or refused in words.

Sessions are driven by key files on the simulated clock, through the command line, as a person would type it.
"""

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pytest

from hfrl import build, teach, window
from hfrl.loop import play
from hfrl.record import read_arrays, read_json
from hfrl.run import main
from hfrl.saved import load_arm
from hfrl.types import Feedback, Step, UserError

ROOT = Path(__file__).parent.parent
LOG_KEYS = ["event", "t", "wall", "step", "episode", "value", "strength", "latency", "credit", "trainer"]
WORLDS = ("hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0", "FrozenLake-v1")
AGENTS = ("q_learning", "sarsa", "random")
BLENDS = ("none", "reward_shaping", "potential_based", "action_biasing", "control_sharing")
CREDITS = ("immediate", "uniform", "gamma")
EVERY = list(itertools.product(WORLDS, AGENTS, BLENDS, CREDITS))
#: Every blend with every credit, and the worlds and agents in turn.
SOME = [
    (WORLDS[number % 3], AGENTS[(number // 3 + number) % 3], blend, credit)
    for number, (blend, credit) in enumerate(itertools.product(BLENDS, CREDITS))
]
#: Those that not every agent takes.
MADE_FOR = [
    ("hfrl/Pizza-v0", "sarsa", "extra_action", "uniform"), ("hfrl/PizzaKitchen-v0", "dqn", "extra_action", "immediate"),
    ("FrozenLake-v1", "dqn", "model_feature", "gamma"),
]  # fmt: skip
Keys = Sequence[tuple[float, str]]
Play = Callable[..., Path]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durability has tests of its own."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Play:
    """Runs ``play`` and returns its run folder."""
    numbers = itertools.count()

    def run(keys: Keys, *flags: str, duration: float = 8, code: int = 0) -> Path:
        number = next(numbers)
        file = write_keys(tmp_path / f"{number}.jsonl", keys)
        out = tmp_path / f"runs{number}"
        given = ["--warmup", "500"] if "--load" not in flags and "--warmup" not in flags else []
        line = ["play", "--keys", str(file), "--duration", str(duration), "--fast", "--out", str(out), *given, *flags]
        assert main(line) == code
        capsys.readouterr()
        (found,) = (path.parent for path in out.glob("*/*/config.json"))
        return found

    return run


def write_keys(path: Path, keys: Keys) -> Path:
    path.write_text("".join(json.dumps({"t": moment, "key": key}) + "\n" for moment, key in keys))
    return path


def log_of(run: Path) -> Path:
    (path,) = run.glob("seed_*/feedback.jsonl")
    return path


def events_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_of(run).read_text().splitlines()]


def learnt(run: Path, name: str = "final") -> dict[str, Any]:
    (path,) = run.glob(f"seed_*/{name}.npz")
    return read_arrays(path)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key in one:
        assert one[key].dtype == other[key].dtype
        assert np.array_equal(one[key], other[key]), key


def assert_replays(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    code = main(["replay", str(run)])
    said = capsys.readouterr()
    assert (code, said.err) == (0, ""), said.out + said.err
    assert "the same as the session's, bit for bit" in said.out
    assert_same(learnt(run, "replayed"), learnt(run))


def everything(world: str, seed: int, seconds: float = 8) -> list[tuple[float, str]]:
    """A random script with every key there is, three times as many presses as anything else."""
    env = build.make_env(world, {}, "rgb_array")
    driving = list(window.driving_keys(env))
    env.close()
    rng = random.Random(seed)
    every = [key for deed, keys in window.KEYS.items() if deed not in ("quit", "start") for key in keys]
    presses = [key for deed in ("reward", "penalty", "neutral", "take_back") for key in window.KEYS[deed]]
    names = every + driving * 4 + presses * 3
    keys = [(0.0, "return")]
    keys += [(round(rng.uniform(0.1, seconds), 3), rng.choice(names)) for _ in range(150)]
    if rng.random() < 0.5:
        keys.append((seconds - 0.1, "escape"))
    return sorted(keys)


PRESSES = [(0.0, "return"), (0.9, "up"), (1.4, "up"), (1.45, "z"), (2.0, "n"), (2.7, "/"), (4.1, "2"), (4.2, "down")]


# --- bit for bit -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("world", "agent", "blend", "credit"), [*SOME, *MADE_FOR])
def test_a_session_and_its_replay_are_the_same(
    world: str, agent: str, blend: str, credit: str, session: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    run = session(PRESSES, "--env", world, "--agent", agent, "--blend", blend, "--credit", credit)
    assert sum(event["event"] == "feedback" for event in events_of(run)) == 6
    assert_replays(run, capsys)
    initial, final = learnt(run, "initial"), learnt(run)
    assert final["h_count"].sum() > initial["h_count"].sum() == 0
    assert agent in ("random", "dqn") or world == WORLDS[2] or not np.array_equal(initial["q"], final["q"])


@pytest.mark.parametrize(
    "agent",
    [
        "tamer",
        "deep_tamer",
        "deep_coach",
        "deep_dagger",
        "coach",
        "e_coach",
        "dagger",
        "sabl",
        "i_sabl",
        "q_on_feedback",
    ],
)
def test_a_session_with_an_agent_that_learns_from_feedback_and_its_replay_are_the_same(
    agent: str, session: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Watching without teaching, driving, taking back and switching blends among it; there is no blend to switch to."""
    takeover = ("--set", "takeover=1")
    run = session(everything("FrozenLake-v1", 5), "--env", "FrozenLake-v1", "--agent", agent, *takeover, "--speed", "8")
    events = events_of(run)
    assert {event["event"] for event in events} >= {"feedback", "teaching", "takeover", "drive", "take_back", "card"}
    assert {event["value"] for event in events if event["event"] == "blend"} <= {"none"}
    assert_replays(run, capsys)
    assert read_json(next(run.glob("seed_0/session.json")))["warmup"] == 500
    initial, final = learnt(run, "initial"), learnt(run)
    learns = "theta" if agent.startswith("deep") else "q"
    assert not np.array_equal(initial[learns], final[learns])
    assert learns == "theta" or not initial["q"].any()  # a warm-up on the automated reward has taught it nothing


@pytest.mark.slow
@pytest.mark.parametrize(("world", "agent", "blend", "credit"), EVERY)
def test_every_session_and_its_replay_are_the_same(
    world: str, agent: str, blend: str, credit: str, session: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--env", world, "--agent", agent, "--blend", blend, "--credit", credit, "--speed", "8")
    assert_replays(session(everything(world, 99, 4), *flags, duration=4), capsys)


@pytest.mark.parametrize("seed", range(6))
def test_scripts_at_random_replay(seed: int, session: Play, capsys: pytest.CaptureFixture[str]) -> None:
    rng = random.Random(seed)
    world, agent = WORLDS[seed % 3], rng.choice(AGENTS[:2])
    flags = ["--env", world, "--agent", agent, "--blend", rng.choice(BLENDS), "--credit", rng.choice(CREDITS)]
    speed = rng.choice(["1", "3.333", "10"])
    run = session(everything(world, seed), *flags, "--speed", speed, "--seed", str(seed))
    kinds = {event["event"] for event in events_of(run)}
    assert len(kinds) > 5
    assert_replays(run, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6, 100))
def test_many_scripts_at_random_replay(seed: int, session: Play, capsys: pytest.CaptureFixture[str]) -> None:
    test_scripts_at_random_replay(seed, session, capsys)


def test_the_same_script_twice_is_the_same_session(session: Play) -> None:
    first, second = (session(everything(WORLDS[0], 4)) for _ in range(2))
    assert_same(learnt(first), learnt(second))

    def plain(run: Path) -> list[dict[str, Any]]:
        return [{key: value for key, value in event.items() if key != "wall"} for event in events_of(run)]

    assert plain(first) == plain(second)


def test_a_take_back_while_the_last_step_is_on_the_screen_is_replayed(
    session: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """The presses were learnt already; the session ends before its last step is."""
    run = session([(0, "return"), (1, "up"), (1.5, "up"), (7.9, "backspace"), (7.95, "backspace")], "--speed", "0.4")
    assert [event["event"] for event in events_of(run)][-3:] == ["take_back", "take_back", "quit"]
    assert_replays(run, capsys)


def test_a_driver_who_quits_before_the_first_action_of_an_episode_is_replayed(
    session: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last step of the episode before was learnt, though none came after it."""
    keys = [(0, "return"), (0.5, "tab"), (1, "r"), (1.5, "down")]
    run = session(keys, "--env", "CliffWalking-v1", "--warmup", "0", duration=6)
    assert events_of(run)[-2]["t"] < 3, "the session must end while a new episode waits for its driver"
    assert_replays(run, capsys)


def test_a_loaded_agent_goes_on_and_is_replayed(session: Play, capsys: pytest.CaptureFixture[str]) -> None:
    first = session(PRESSES)
    second = session(PRESSES, "--load", str(first))
    assert_same(learnt(second, "initial"), learnt(first))
    assert read_json(next(second.glob("seed_*/session.json")))["warmup"] == 0
    steps = [event["step"] for event in events_of(second) if event["event"] == "step"]
    assert steps[0] == learnt(first)["clock"][0]
    assert_replays(second, capsys)


def test_a_loaded_agent_is_what_it_was_and_where_it_was(session: Play, capsys: pytest.CaptureFixture[str]) -> None:
    """World and settings come from the run that is loaded; a flag says otherwise; what then does not fit is told."""
    given = ("--env", "FrozenLake-v1", "--env-kwargs", "is_slippery=False", "--agent", "sarsa", "--set", "gamma=0.5")
    first = session(PRESSES, *given)
    arm = load_arm(session(PRESSES, "--load", str(first), "--gamma", "0.7"))
    assert (arm.env, arm.env_kwargs, arm.agent, arm.set) == (
        "FrozenLake-v1", {"is_slippery": False}, "sarsa", {"gamma": 0.7},
    )  # fmt: skip
    capsys.readouterr()
    assert main(["play", "--load", str(first), "--env", "hfrl/Pizza-v0", "--duration", "1", "--fast"]) == 2
    assert "does not fit sarsa in hfrl/Pizza-v0" in capsys.readouterr().err


def test_a_session_without_a_step_replays(session: Play, capsys: pytest.CaptureFixture[str]) -> None:
    run = session([], duration=1)
    assert events_of(run) == []
    assert_replays(run, capsys)


@pytest.mark.parametrize("seed", range(4))
def test_a_headless_run_with_the_same_feedback_ends_in_the_same_tables(seed: int, session: Play) -> None:
    """Bar 4, with the loop and a teacher that reads the log: no desk, no window, no replay."""
    rng = random.Random(seed)
    presses = [(rng.uniform(0.2, 7.8), rng.choice(["up", "down", "n", "1", "2", "3"])) for _ in range(25)]
    world, agent, blend, credit = WORLDS[seed % 3], AGENTS[seed % 2], BLENDS[1 + seed], CREDITS[seed % 3]
    flags = ("--env", world, "--agent", agent, "--blend", blend, "--credit", credit, "--seed", str(seed))
    run = session([(0.0, "return"), *presses], *flags)
    events = events_of(run)
    times = [event["t"] for event in events if event["event"] == "step"]
    said: dict[int, list[Feedback]] = {}
    for event in events:
        if event["event"] == "feedback":
            said.setdefault(event["step"], []).append(Feedback(event["value"], event["t"], trainer=event["trainer"]))

    def teacher(step: Step) -> list[Feedback]:
        return said.get(step.index, [])

    start = teach.Start(load_arm(run), seed, 500, None)
    headless, since = teach.prepare(start, None)
    clock = iter(times)
    for _ in play(
        headless.env, headless.agent, teacher, headless.switch, headless.credit, teach.live_seed(seed),
        lambda first_of_episode: next(clock), since=since, steps=len(times) - 1,
    ):  # fmt: skip
        pass
    assert_same(dict(headless.arrays()), learnt(run))
    assert learnt(run)["h_count"].sum() > 0


# --- the log ---------------------------------------------------------------------------------------------------------


def test_the_log_has_these_keys_and_no_others(session: Play) -> None:
    run = session(sorted([*everything(WORLDS[2], 1), (2.5, "b")]), "--env", WORLDS[2], "--trainer", "Zoë")
    events = events_of(run)
    assert {event["event"] for event in events} >= {"step", "feedback", "take_back", "pause", "blend", "speed"}
    for event in events:
        assert list(event) == LOG_KEYS
        assert event["trainer"] == "Zoë"
        assert event["t"] >= 0
    steps = [event["step"] for event in events if event["event"] == "step"]
    assert steps == list(range(steps[0], steps[0] + len(steps)))
    for event in events:
        if event["event"] == "feedback":
            assert event["strength"] == abs(event["value"])
            assert sum(share for _, share in event["credit"]) == pytest.approx(1)
        else:
            assert event["strength"] is event["credit"] is None
    lines = dict(enumerate(events, start=1))
    back = [event["value"] for event in events if event["event"] == "take_back"]
    assert len(set(back)) == len(back) > 0
    assert all(lines[number]["event"] == "feedback" for number in back)


def test_latency_is_the_age_of_the_step_on_the_screen(session: Play) -> None:
    run = session(PRESSES)
    shown = {event["step"]: event["t"] for event in events_of(run) if event["event"] == "step"}
    for event in events_of(run):
        if event["event"] == "feedback":
            assert event["latency"] == pytest.approx(event["t"] - shown[event["step"]], abs=1e-5)


def test_a_log_cut_off_at_any_byte_is_read_up_to_its_last_whole_line(session: Play, tmp_path: Path) -> None:
    run = session(everything(WORLDS[2], 3, 2), "--env", WORLDS[2], duration=2)
    whole = log_of(run).read_bytes()
    events = events_of(run)
    cut = tmp_path / "cut.jsonl"
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    assert len(ends) == len(events) > 10
    for length in range(0, len(whole) + 1, 7):
        cut.write_bytes(whole[:length])
        lines = sum(end < length for end in ends) + (length in ends)  # a line without its end is whole, too
        assert teach.read_log(cut) == events[:lines]


def test_a_session_that_was_cut_off_anywhere_is_replayed(
    session: Play, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = session(everything(WORLDS[0], 8, 3), duration=3)
    whole = log_of(run).read_bytes()
    (run / "seed_0" / "final.npz").unlink()
    (run / "seed_0" / "summary.json").unlink()
    rng = random.Random(0)
    for length in [0, 1, *(rng.randrange(len(whole)) for _ in range(12)), len(whole) - 1]:
        log_of(run).write_bytes(whole[:length])
        assert main(["replay", str(run)]) == 0, length
        said = capsys.readouterr()
        assert "cut off" in said.out
        assert said.err == ""


def one_line(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> str:
    """Run a mistake; returns its one line."""
    capsys.readouterr()
    code = main(list(arguments))
    said = capsys.readouterr()
    assert code == 2, said.out + said.err
    assert said.err.startswith("hfrl: ")
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err
    return said.err


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One session for all who damage a copy of it."""
    folder = tmp_path_factory.mktemp("recorded")
    keys = [*PRESSES, (5.0, "backspace"), (5.2, "b"), (5.4, "tab"), (5.5, "s"), (5.7, "tab")]
    file = write_keys(folder / "keys.jsonl", keys)
    play_it = ["play", "--keys", str(file), "--duration", "8", "--fast", "--warmup", "500", "--out", str(folder)]
    assert main(play_it) == 0
    (found,) = (path.parent for path in folder.glob("*/*/config.json"))
    return found


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    return shutil.copytree(recorded, tmp_path / recorded.name)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "{}", '{"seed": "x", "warmup": 0, "load": null}', '{"seed": 0, "warmup": null}', "[1]"],
)
def test_a_damaged_session_file_is_one_line(content: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "seed_0" / "session.json").write_text(content)
    assert "session.json" in one_line(capsys, ["replay", str(copy)])


@pytest.mark.parametrize("damage", ["empty", "missing", "cut", "flipped", "other", "shape"])
def test_a_damaged_beginning_is_one_line(damage: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy / "seed_0" / "initial.npz"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "other":
        np.savez(path, something=np.zeros(3))
    elif damage == "shape":
        np.savez(path, **(read_arrays(path) | {"q": np.zeros((2, 2))}))
    else:
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 40]) + whole[middle + 40 :]
        path.write_bytes({"empty": b"", "cut": whole[:middle], "flipped": flipped}[damage])
    one_line(capsys, ["replay", str(copy)])


@pytest.mark.parametrize(
    ("event", "change"),
    [
        ("step", {"t": "soon"}),
        ("step", {"t": None}),
        ("step", {"step": "first"}),
        ("feedback", {"value": None}),
        ("feedback", {"value": "nice"}),
        ("feedback", {"t": None}),
        ("feedback", {"t": []}),
        ("feedback", {"step": []}),
        ("take_back", {"value": 100_000}),
        ("take_back", {"value": 1}),
        ("take_back", {"value": "last"}),
        ("blend", {"value": "no such blend"}),
        ("blend", {"event": "slider", "value": 3}),
        ("blend", {"event": "slider", "value": ["alpha", "high"]}),
        ("blend", {"event": "slider", "value": ["alpha", 7]}),
        ("blend", {"event": "slider", "value": ["hope", 0.5]}),
        ("drive", {"value": 99}),
        ("drive", {"value": "north"}),
        ("feedback", {"event": None}),
    ],
    ids=lambda part: json.dumps(part) if isinstance(part, dict) else part,
)
def test_a_damaged_line_of_the_log_is_one_line(
    event: str, change: dict[str, Any], copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = events_of(copy)
    at = next(number for number, one in enumerate(events) if one["event"] == event and number > 3)
    events[at] |= change
    log_of(copy).write_text("".join(json.dumps(one) + "\n" for one in events))
    assert "feedback.jsonl" in one_line(capsys, ["replay", str(copy)])


@pytest.mark.parametrize("line", ["nonsense", "{", "[]", "3", '{"event": "step"}', "[" * 5000, "\x00", '{"t": NaN}'])
@pytest.mark.parametrize("at", [0, 7])
def test_a_line_that_is_no_event_is_one_line(
    line: str, at: int, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = log_of(copy).read_text().splitlines()
    lines[at] = line
    log_of(copy).write_text("\n".join(lines) + "\n")
    assert f"line {at + 1}" in one_line(capsys, ["replay", str(copy)])


@pytest.mark.parametrize("damage", ["bytes", "missing", "folder"])
def test_a_log_that_cannot_be_read_is_one_line(damage: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log_of(copy)
    whole = path.read_bytes()
    path.unlink()
    if damage == "bytes":
        path.write_bytes(whole[:200] + b"\xff\xfe" + whole[200:])
    elif damage == "folder":
        path.mkdir()
    one_line(capsys, ["replay", str(copy)])


def test_a_missing_step_is_told(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line in the middle was lost: the times would slip by one step without a word."""
    lines = log_of(copy).read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if json.loads(line)["event"] == "step" and number > 5)
    del lines[at]
    log_of(copy).write_text("\n".join(lines) + "\n")
    assert "feedback.jsonl" in one_line(capsys, ["replay", str(copy)])


def test_a_replay_that_differs_says_so(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = events_of(copy)
    first = next(event for event in events if event["event"] == "feedback")
    first["value"] = -first["value"]
    log_of(copy).write_text("".join(json.dumps(one) + "\n" for one in events))
    capsys.readouterr()
    assert main(["replay", str(copy)]) == 1
    assert "differs" in capsys.readouterr().out


def test_a_trained_run_is_no_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ["--eval-freq", "0", "--eval-episodes", "2", "--no-progress", "--jobs", "1", "--out", str(tmp_path)]
    assert main(["train", "--env", WORLDS[2], "-n", "200", "--seeds", "0", *quiet]) == 0
    assert "no session of a person" in one_line(capsys, ["replay", str(tmp_path)])


def test_nothing_to_replay_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_line(capsys, ["replay", str(tmp_path)])
    one_line(capsys, ["replay", str(tmp_path / "nowhere")])
    one_line(capsys, ["replay"])


def test_read_log_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"event": "step", "t": 0, "step": 0, "episode": 0, "value": null}\nbroken\n')
    with pytest.raises(UserError, match="line 2"):
        teach.read_log(path)


# --- another blend ---------------------------------------------------------------------------------------------------


def test_relearning_by_a_blend_of_behaviour_changes_h_alone(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for blend in ("none", "action_biasing", "reward_shaping"):
        assert main(["replay", str(recorded), "--blend", blend]) == 0
        said[blend] = capsys.readouterr().out
    plain, biased, shaped = (learnt(recorded, f"relearnt_{blend}") for blend in said)
    assert "H alone" in said["action_biasing"]
    assert "H alone" not in said["reward_shaping"]
    assert_same(plain, biased)
    assert plain["h_count"].sum() > 0
    assert not np.array_equal(plain["q"], shaped["q"])
    assert np.array_equal(plain["h_mean"], shaped["h_mean"])


def test_relearning_by_the_blend_it_was_taught_with_is_what_was_learnt(
    session: Play, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a window every step was learnt when it came; H was asked at the same moments."""
    for blend in ("none", "reward_shaping", "potential_based"):
        run = session(PRESSES, "--blend", blend, "--credit", "immediate")
        assert main(["replay", str(run), "--blend", blend]) == 0
        assert_same(learnt(run, f"relearnt_{blend}"), learnt(run))


def test_a_taken_back_press_is_not_relearnt(session: Play) -> None:
    """Also one of an earlier episode."""
    keys = [(0.0, "return"), (1.0, "up"), (2.0, "r"), (5.0, "backspace")]
    run = session(keys, "--credit", "immediate")
    assert main(["replay", str(run), "--blend", "none"]) == 0
    assert learnt(run, "relearnt_none")["h_count"].sum() == 0


@pytest.mark.parametrize("blend", ["nonsense", "reward_shaping:beta=x", "reward_shaping:beta=-1", ""])
def test_relearning_by_no_blend_is_one_line(blend: str, recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one_line(capsys, ["replay", str(recorded), "--blend", blend])


# --- in the window ---------------------------------------------------------------------------------------------------


def test_a_replay_can_be_watched(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot = tmp_path / "shown.png"
    flags = ["--show", "--fast", "--duration", "20", "--speed", "20", "--screenshot", str(shot), "--at", "1"]
    before = sorted(path.name for path in recorded.rglob("*"))
    assert main(["replay", str(recorded), *flags]) == 0
    assert shot.stat().st_size > 1000
    assert sorted(path.name for path in recorded.rglob("*")) == before


# --- kill -9 ---------------------------------------------------------------------------------------------------------


def killed(folder: Path, presses: Sequence[float], after: float) -> tuple[Path, float]:
    """A session in real time, killed so many seconds after its first logged step; returns its folder and when."""
    keys = write_keys(folder / "keys.jsonl", [(0.0, "return"), *((moment, "up") for moment in presses)])
    flags = ["--keys", str(keys), "--duration", "60", "--warmup", "0", "--out", str(folder / "runs"), "--speed", "10"]
    child = subprocess.Popen(
        [sys.executable, "-m", "hfrl.run", "play", *flags], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        begun = time.monotonic()
        while not any(path.stat().st_size for path in folder.glob("runs/*/*/seed_0/feedback.jsonl")):
            assert time.monotonic() - begun < 60
            assert child.poll() is None
            time.sleep(0.01)
        time.sleep(after)
    finally:
        moment = time.time()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    (run,) = (path.parent for path in folder.glob("runs/*/*/config.json"))
    return run, moment


def test_a_killed_session_is_rebuilt_from_its_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = killed(tmp_path, [0.1 * number for number in range(1, 300)], after=1.5)
    assert not (run / "seed_0" / "final.npz").exists()
    events = teach.read_log(log_of(run))
    steps = sum(event["event"] == "step" for event in events)
    assert main(["replay", str(run)]) == 0
    assert f"Replayed {steps - 1} steps" in capsys.readouterr().out
    rebuilt = learnt(run, "replayed")
    assert rebuilt["clock"][0] <= steps
    assert rebuilt["h_count"].sum() > 0
    assert main(["replay", str(run)]) == 0
    assert_same(learnt(run, "replayed"), rebuilt)


@pytest.mark.slow
def test_of_a_killed_session_at_most_a_tenth_of_a_second_is_missing(tmp_path: Path) -> None:
    """Bar 3: 50 presses a second, and every one that is older than 100 ms when the machine dies is in the log."""
    presses = [0.5 + 0.02 * number for number in range(2000)]
    run, moment = killed(tmp_path, presses, after=3.0)
    done = [event for event in teach.read_log(log_of(run)) if event["event"] == "feedback"]
    assert len(done) > 50
    begun = min(event["wall"] - due for event, due in zip(done, presses, strict=False))
    expected = sum(begun + due < moment - 0.1 for due in presses)
    assert len(done) >= expected


# --- the commands for runs ------------------------------------------------------------------------------------------


def test_the_doctor_finds_a_session_whole_and_never_tells_to_delete_it(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "--run", str(recorded)])
    said = capsys.readouterr().out
    assert f"ok  run {recorded} is whole" in said
    assert "rm -r" not in said


def test_a_session_has_no_curve_to_plot(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(recorded)]) == 2
    assert "session of a person" in capsys.readouterr().err
