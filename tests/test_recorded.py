"""A person who was recorded: what is counted, by hand and of known people; what is said; which folders are none."""

import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import gymnasium
import numpy as np
import pytest

from hfrl import build
from hfrl.again import run_again
from hfrl.config import Arm
from hfrl.people import words_of
from hfrl.reading import read_arrays
from hfrl.record import write_arrays
from hfrl.recorded import Counts, Habit, Pair, Recorded
from hfrl.run import main
from hfrl.saved import load_arm
from hfrl.teachers import oracle
from hfrl.types import Step

QUICK = ("--eval-freq", "0", "--eval-episodes", "1", "--jobs", "1", "--no-progress")
ERROR, PRAISE_HELD, BLAME_HELD = 0.2, 0.3, 0.6
SABL = f"sabl:error={ERROR},withhold_praise={PRAISE_HELD},withhold_blame={BLAME_HELD}"


def trained(out: Path, *line: str, env: str = "FrozenLake-v1") -> Path:
    assert main([*QUICK, "--env", env, *line, "--out", str(out)]) == 0
    (run,) = out.glob("*/*")
    return run


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds in which everything is tried, taught at once by a person of whom all is known."""
    line = ("--agent", "random", "--blend", "none", "--teacher", SABL, "-n", "4000", "--seeds", "0-1")
    return trained(tmp_path_factory.mktemp("lesson"), *line)


def teacher_of(text: str, env: str = "FrozenLake-v1", seed: int = 1) -> Any:
    arm = Arm(env, "random", text, "none", "immediate", 1, (0,))
    return build.make_teacher(arm, gymnasium.make(env), np.random.default_rng(seed))


def visits_of(run: Path) -> dict[Pair, int]:
    """How often each pair was tried, by all seeds."""
    counts: dict[Pair, int] = {}
    for folder in run.glob("seed_*"):
        for step in run_again(run, load_arm(run), folder, 10_000).steps:
            pair = int(step.observation), int(step.action)
            counts[pair] = counts.get(pair, 0) + 1
    return counts


def said(habits: Mapping[Pair, Habit], visits: Mapping[Pair, float]) -> tuple[float, float, float]:
    """How many words of each kind that comes to in all."""
    praises, blames, neutral = (sum(habits[pair][k] * visits[pair] for pair in habits) for k in range(3))
    return praises, blames, neutral


def counted(pair: Pair, visits: int, *words: tuple[float, int]) -> Counts:
    """So many steps of a pair, in some of which so many words (value, how often) were said."""
    values = [value for value, often in words for _ in range(often)]
    counts = Counts(lambda observation: (int(observation),))
    steps = [Step(n, 0, pair[0], pair[1], 0.0, 0, False, False) for n in range(visits)]
    counts.add(steps, {n: [(value, 1.0)] for n, value in enumerate(values)})
    return counts


# --- what is counted -------------------------------------------------------------------------------------------------


def test_habits_by_hand() -> None:
    step = Step(0, 0, 4, 1, 0.0, 4, False, False)
    steps = [
        step,  # praised
        step._replace(index=1),  # passed over in silence
        step._replace(index=2, taught=False),  # nobody was there
        step._replace(index=3, taught=False),  # and yet a late press is about this one
        step._replace(index=4, actor="human"),  # driven, and not judged
        step._replace(index=5, actor="human", action=0),  # driven, and judged neutral
        step._replace(index=6, action=2, taught=False),
    ]
    credits = {0: [(1.0, 0.75)], 3: [(-0.5, 0.25), (1.0, 0.5)], 5: [(0.0, 1.0)]}
    counts = Counts(lambda o: (int(o),))
    counts.add(steps, credits)
    third = 1 / 3
    assert counts.habits() == {
        (4, 1): Habit(pytest.approx(1.25 * third), pytest.approx(0.25 * third), 0.0),
        (4, 0): Habit(0.0, 0.0, 1.0),
    }


def test_a_known_person_is_found_again(lesson: Path) -> None:
    """Of all pairs that were tried often, within 4.5 standard errors of what SABL's person says of right and wrong."""
    habits, visits = teacher_of(f"recorded:run={lesson}").counts.habits(), visits_of(lesson)
    assert habits.keys() == visits.keys()
    good = oracle(gymnasium.make("FrozenLake-v1")).good
    often = [pair for pair in habits if visits[pair] >= 150]
    assert len({good[s][a] for s, a in often}) == 2
    assert len(often) > 10
    for s, a in often:
        expected = words_of(ERROR, PRAISE_HELD, BLAME_HELD)[0 if good[s][a] else 1]
        for found, p in zip(habits[s, a], (*expected[:2], 0.0), strict=True):
            assert abs(found - p) <= 4.5 * math.sqrt(p * (1 - p) / visits[s, a])


def test_every_press_is_counted_once(lesson: Path) -> None:
    logged = [
        json.loads(line)["value"]
        for log in lesson.glob("seed_*/feedback.jsonl")
        for line in log.read_text().splitlines()
    ]
    found = said(teacher_of(f"recorded:run={lesson}").counts.habits(), visits_of(lesson))
    assert found == (pytest.approx(logged.count(1.0)), pytest.approx(logged.count(-1.0)), 0.0)


def test_late_presses_go_to_the_steps_they_were_about(tmp_path: Path) -> None:
    """An oracle whose presses come late: by the credit of its run every share is found, most of it where it belongs."""
    line = (
        "--agent",
        "q_learning",
        "--blend",
        "reward_shaping",
        "--teacher",
        "oracle:delay=uniform",
        "--credit",
        "uniform",
    )
    run = trained(tmp_path, *line, "-n", "1500", "--seeds", "3")
    habits, visits = teacher_of(f"recorded:run={run}").counts.habits(), visits_of(run)
    presses = len((run / "seed_3" / "feedback.jsonl").read_text().splitlines())
    assert sum(said(habits, visits)) <= presses + 1e-6  # where several are about one step, of the words
    good = oracle(gymnasium.make("FrozenLake-v1")).good
    often = [(s, a) for (s, a), n in visits.items() if n >= 30]
    assert all((habits[s, a].praise > habits[s, a].blame) == good[s][a] for s, a in often)
    assert len(often) > 5


def test_one_seed_or_its_log_is_that_seed_alone(lesson: Path) -> None:
    both, first = (teacher_of(f"recorded:run={path}").counts.habits() for path in (lesson, lesson / "seed_0"))
    assert first == teacher_of(f"recorded:run={lesson / 'seed_0' / 'feedback.jsonl'}").counts.habits() != both


def test_a_session_in_the_window(tmp_path: Path) -> None:
    """What was taken back is not in it, nor a step that was only watched, nor one that was driven and not judged."""
    keys = [
        (0.0, "return"), (0.9, "up"), (1.4, "up"), (1.5, "backspace"), (2.0, "n"), (3.0, "down"), (3.2, "tab"),
        (3.4, "right"), (4.2, "tab"), (4.5, "down"), (5.0, "space"),
    ]  # fmt: skip
    file = tmp_path / "keys.jsonl"
    file.write_text("".join(json.dumps({"t": moment, "key": key}) + "\n" for moment, key in keys))
    line = ["play", "--env", "FrozenLake-v1", "--keys", str(file), "--duration", "8", "--fast", "--warmup", "0"]
    assert main([*line, "--credit", "immediate", "--out", str(tmp_path / "runs")]) == 0
    (run,) = (tmp_path / "runs").glob("*/*")
    steps, credits, _ = run_again(run, load_arm(run), run / "seed_0", 1000)
    judged = [step for step in steps if step.index in credits or (step.taught and step.actor == "agent")]
    left_out = [step for step in steps if step not in judged]
    assert {step.actor for step in left_out} == {"agent", "human"}
    assert {step.taught for step in left_out} == {True, False}
    tried = [(int(step.observation), int(step.action)) for step in judged]
    habits = teacher_of(f"recorded:run={run}").counts.habits()
    assert habits.keys() == set(tried)
    assert said(habits, {pair: tried.count(pair) for pair in habits}) == pytest.approx((1.0, 2.0, 1.0))


# --- what is said ----------------------------------------------------------------------------------------------------


def test_what_is_said_is_as_frequent(lesson: Path) -> None:
    teacher = Recorded(counted((0, 1), 10, (1.0, 5), (-1.0, 2), (0.0, 1)), np.random.default_rng(5))
    assert teacher.counts.habit(0, 1) == Habit(0.5, 0.2, 0.1)
    heard = [teacher(Step(n, 0, 0, 1, 0.0, 0, False, False, time=2.0)) for n in range(4000)]
    for value, p in ((1.0, 0.5), (-1.0, 0.2), (0.0, 0.1)):
        often = sum(len(words) == 1 and words[0][:2] == (value, 2.0) for words in heard)
        assert abs(often / 4000 - p) <= 4.5 * math.sqrt(p * (1 - p) / 4000)
    assert {len(words) for words in heard} == {0, 1}


def test_of_what_they_never_judged_they_say_nothing_and_the_luck_goes_on() -> None:
    known, unknown = (Step(0, 0, 0, a, 0.0, 0, False, False) for a in (1, 0))
    one, other = (Recorded(counted((0, 1), 10, (1.0, 5), (-1.0, 3)), np.random.default_rng(7)) for _ in range(2))
    assert [list(one(unknown)) for _ in range(20)] == [[]] * 20
    for _ in range(20):
        other(known)
    assert [list(one(known)) for _ in range(20)] == [list(other(known)) for _ in range(20)]


def test_dials_are_turned_around_it(lesson: Path) -> None:
    steps = [Step(n, 0, 0, n % 4, 0.0, 0, False, False) for n in range(200)]
    plain, turned = (teacher_of(f"recorded:run={lesson}{dial}") for dial in ("", ",inverted=True,budget=30"))
    words = [word.value for step in steps for word in plain(step)]
    opposite = [word.value for step in steps for word in turned(step)]
    assert len(words) > 30
    assert opposite == [-value for value in words[:30]]


def test_it_teaches_in_the_place_of_its_person(lesson: Path, tmp_path: Path) -> None:
    """TAMER, taught by the recording alone, does what the oracle behind it holds for right wherever it was judged."""
    taught = ("--agent", "tamer", "--set", "silence=missing", "--teacher", f"recorded:run={lesson}")
    run = trained(tmp_path, *taught, "-n", "4000", "--seeds", "0", "--epsilon", "0.3")
    h, good = np.load(run / "seed_0" / "final.npz")["q"], oracle(gymnasium.make("FrozenLake-v1")).good
    often = {s for (s, _), n in visits_of(lesson).items() if n >= 150}
    right = [good[s][int(np.argmax(h[s]))] for s in often]
    assert np.mean(right) >= 0.8
    assert len((run / "seed_0" / "feedback.jsonl").read_text().splitlines()) > 1000


def test_over_a_box_it_says_what_was_said_nearby(tmp_path: Path) -> None:
    """Somebody who goes by a rule of thumb, half the time, teaches TAMER over tiles to swing the car; their recording
    says the same of what they judged, and teaches another one."""
    rule = "heuristic:likelihood=0.5"
    line = ("--agent", "linear_tamer", "--set", "silence=missing", "--seeds", "0")
    run = trained(tmp_path / "first", *line, "--teacher", rule, "-n", "6000", env="MountainCar-v0")
    teacher = teacher_of(f"recorded:run={run}", "MountainCar-v0")
    steps = run_again(run, load_arm(run), run / "seed_0", 10_000).steps
    right = [(step.action - 1) * step.observation[1] > 0 for step in steps]
    habits = [teacher.counts.habit(step.observation, int(step.action)) for step in steps]
    assert np.mean([(h.praise > h.blame) == good for h, good in zip(habits, right, strict=True)]) > 0.9
    assert 0.45 < np.mean([sum(h) for h in habits]) < 0.55
    assert teacher.counts.habit(np.array([0.55, -0.07], np.float32), 0) is None
    other = trained(tmp_path / "other", *line, "--teacher", f"recorded:run={run}", "-n", "6000", env="MountainCar-v0")
    first, second = (json.loads((one / "seed_0" / "summary.json").read_text()) for one in (run, other))
    assert second["feedback"] > 2000
    assert min(first["return"], second["return"]) > -200


# --- what is no recording --------------------------------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], text: str, env: str = "FrozenLake-v1", *line: str) -> str:
    capsys.readouterr()
    assert main([*QUICK, "--env", env, "-n", "10", *line, "--teacher", text]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    return told


def test_a_folder_that_is_none(lesson: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs a session or a run: recorded:run=FOLDER" in refused(capsys, "recorded")
    assert "there is no folder 'nowhere'" in refused(capsys, "recorded:run=nowhere")
    assert "holds no run" in refused(capsys, f"recorded:run={tmp_path}")
    assert "has no setting 'runs'; did you mean 'run'" in refused(capsys, "recorded:runs=x")


def test_another_world(lesson: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = f"recorded:run={lesson}"
    assert "another world (id: FrozenLake-v1, here CliffWalking-v1)" in refused(capsys, text, "CliffWalking-v1")
    assert "another world (settings:" in refused(capsys, text, "FrozenLake-v1", "--env-kwargs", "is_slippery=False")
    assert "another world (id: FrozenLake-v1, here CartPole-v1)" in refused(
        capsys, text, "CartPole-v1", "--agent", "linear_q"
    )
    picture = ("hfrl/PizzaKitchen-v0", "--env-kwargs", "observation=pixels", "--agent", "dqn")
    told = refused(capsys, text, *picture)
    assert "needs observations that can be numbered, or a Box of up to 8 numbers, got Box(" in told


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ("", "holds no press: its person never said anything"),
        (None, "feedback.jsonl cannot be read: No such file"),
        ("{\n", "feedback.jsonl, line 1:"),
        ('[[99999, 1.0]]', "is damaged: it has presses about steps that were not taken"),
        ('[[0, 7.5]]', "is damaged: a share of credit is 7.5, expected 0 to 1"),
        ('[[0, NaN]]', "feedback.jsonl, line 1: NaN is no number"),
    ],
)  # fmt: skip
def test_a_damaged_log(
    lesson: Path, tmp_path: Path, damage: str | None, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = shutil.copytree(lesson, tmp_path / "broken")
    for log in broken.glob("seed_*/feedback.jsonl"):
        first = json.loads(log.read_text().splitlines()[0])
        log.unlink()
        if damage is not None and damage.startswith("[["):
            credit = json.dumps(first["credit"])
            log.write_text(json.dumps(first).replace(credit, damage) + "\n")
        elif damage is not None:
            log.write_text(damage)
    assert line in refused(capsys, f"recorded:run={broken}")


def test_what_cannot_be_run_again(lesson: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = shutil.copytree(lesson, tmp_path / "other")
    file = other / "seed_0" / "final.npz"
    write_arrays(file, read_arrays(file) | {"clock": np.array([1, 1])})
    assert "does not come out the same" in refused(capsys, f"recorded:run={other}/seed_0")

    config = other / "config.json"
    whole = json.loads(config.read_text())
    for changes, line in (
        ({"total_timesteps": 10**9}, "has 1,000,000,000 steps, and at most 200,000 are taken"),
        ({"teacher": [f"recorded:run={other}"]}, "was itself taught by a recorded person"),
        ({"agent": ["mine.py:Mine"]}, "names code to be run, 'mine.py:Mine'"),
    ):
        config.write_text(json.dumps(whole | changes))
        assert line in refused(capsys, f"recorded:run={other}/seed_1")
    (other / "seed_0" / "pooled.json").write_text("{}")
    assert "pools the presses of several sessions" in refused(capsys, f"recorded:run={other}")
