"""Simulated people with every dial: what each kind says by hand, how often by chi-squared, and who drives."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from hfrl import build, engine, judges, people, teachers
from hfrl.agents import QLearning, RandomAgent
from hfrl.blend import Switch, none
from hfrl.config import Arm
from hfrl.kernel import RefusedError
from hfrl.loop import human_model, play
from hfrl.policy import Categorical
from hfrl.run import main
from hfrl.seeding import streams
from hfrl.teachers import Manner, dial_generators, press, simulated, spoken
from hfrl.types import Acted, Feedback, Learnt, Pressed, Step, Teacher, UserError

LABELS = 20_000


def shown(index: int = 0, state: int = 0, action: int = 0, ended: bool = False) -> Step:
    return Step(index, 0, state, action, 0.5, state, terminated=ended, truncated=False, time=0.3 * index)


def rng(seed: int = 20261) -> np.random.Generator:
    return np.random.default_rng(seed)


def praise(step: Step) -> Sequence[Feedback]:
    return (press(step, 1.0),)


def blame(step: Step) -> Sequence[Feedback]:
    return (press(step, -1.0),)


def heard(teacher: Teacher, index: int = 0, times: int = LABELS) -> Counter[float | None]:
    """How often which word was said (None: silence); at most one a step."""
    counts: Counter[float | None] = Counter()
    for _ in range(times):
        presses = teacher(shown(index))
        assert len(presses) <= 1
        counts[presses[0].value if presses else None] += 1
    return counts


def fits(counts: Counter[float | None], probabilities: dict[float | None, float]) -> bool:
    assert set(counts) <= {word for word, p in probabilities.items() if p > 0}
    total = sum(counts.values())
    words = [word for word, p in probabilities.items() if p > 0]
    if len(words) == 1:
        return counts[words[0]] == total
    expected = [total * probabilities[word] for word in words]
    return bool(stats.chisquare([counts[word] for word in words], expected).pvalue > 1e-3)


def arm(teacher: str, env: str = "FrozenLake-v1", **settings: Any) -> Arm:
    fields = {"env": env, "agent": "q_learning", "blend": "reward_shaping", "credit": "auto", "seeds": (0,)}
    return Arm(teacher=teacher, total_timesteps=1000, **fields | settings)  # type: ignore[arg-type]


def made(text: str, env: str = "FrozenLake-v1", seed: int = 20261, agent: Any = None) -> Teacher:
    return build.make_teacher(arm(text, env), gymnasium.make(env), rng(seed), agent)


# The model of SABL


def test_silence_is_evidence_of_a_mistake_where_blame_is_withheld() -> None:
    right, wrong = people.words_of(error=0.1, withhold_praise=0.1, withhold_blame=0.9)
    assert (right[2], wrong[2]) == (pytest.approx(0.18, abs=1e-15), pytest.approx(0.82, abs=1e-15))
    right, wrong = people.words_of(error=0.2, withhold_praise=0.7, withhold_blame=0.7)
    assert right[2] == pytest.approx(wrong[2], abs=1e-15)  # Advise's person: silence says nothing


@pytest.mark.parametrize("dials", [(0.1, 0.1, 0.9), (0.3, 0.5, 0.2), (0.0, 0.9, 0.0), (0.2, 0.7, 0.7)])
def test_a_person_speaks_as_often_as_sabls_model_says(dials: tuple[float, float, float]) -> None:
    e, praise_kept, blame_kept = dials
    manner = Manner(consistency=1 - e, withhold_praise=praise_kept, withhold_blame=blame_kept)
    for judge, row in zip((praise, blame), people.words_of(*dials), strict=True):
        assert fits(heard(spoken(judge, manner, rng())), dict(zip((1.0, -1.0, None), row, strict=True)))


def test_sabl_is_an_oracle_in_a_manner_of_its_own() -> None:
    def words(text: str) -> list[list[float]]:
        teacher = made(text)
        return [[one.value for one in teacher(shown(k, 6, k % 4))] for k in range(400)]

    assert words("sabl") == words("oracle:error=0.1,withhold_praise=0.1,withhold_blame=0.9")
    assert words("sabl:withhold_praise=0,withhold_blame=0") == words("oracle:consistency=0.9")
    assert words("oracle:positivity=0.4,likelihood=0.6") == words("oracle:withhold_blame=0.4,likelihood=0.6")


# The kinds


def two_roads() -> Any:
    """State 0: +1 at once, or nothing and then 2, or nothing; state 1: 2, 1.9, 2. All end but the second road."""
    table = [
        [[(1.0, 1, 1.0, True)], [(1.0, 1, 0.0, False)], [(1.0, 1, 0.0, True)]],
        [[(1.0, 1, 2.0, True)], [(1.0, 1, 1.9, True)], [(1.0, 1, 2.0, True)]],
    ]
    env = SimpleNamespace(P=table, initial_state_distrib=[1.0, 0.0], observation_space=gymnasium.spaces.Discrete(2))
    env.unwrapped = env
    return env


def table_of(teacher: Teacher) -> list[list[float]]:
    return [[teacher(shown(0, s, a))[0].value for a in range(3)] for s in range(2)]


def test_a_continuous_judge_grades_between_worst_and_best() -> None:
    teacher = judges.judge(two_roads(), rng(), kind="continuous", gamma=0.4)  # Q: 1, .8, 0 and 2, 1.9, 2
    assert table_of(teacher)[0] == pytest.approx([1.0, 0.6, -1.0])
    assert table_of(teacher)[1] == pytest.approx([1.0, -1.0, 1.0])


def test_the_tolerance_says_what_is_as_good_as_the_best() -> None:
    near = judges.judge(two_roads(), rng(), gamma=0.4, tolerance=0.2)
    assert table_of(near) == [[1.0, 1.0, -1.0], [1.0, 1.0, 1.0]]
    assert table_of(judges.judge(two_roads(), rng(), gamma=0.4)) == [[1.0, -1.0, -1.0], [1.0, -1.0, 1.0]]
    with pytest.raises(UserError, match="tolerance must be 0 or more"):
        judges.judge(two_roads(), rng(), tolerance=-1.0)


@pytest.mark.parametrize("solved", [0, 600])
def test_an_advantage_is_over_what_the_agent_would_do_now(solved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "SOLVED", solved)
    policy = {0: [1 / 3] * 3, 1: [1 / 3] * 3}
    teacher = judges.judge(
        two_roads(), rng(), kind="advantage", gamma=0.5, refresh=10, policy=lambda s: Categorical(policy[s])
    )
    v1 = 5.9 / 3
    q0 = [1.0, v1 / 2, 0.0]
    by_hand = [[q - sum(q0) / 3 for q in q0], [2 - v1, 1.9 - v1, 2 - v1]]
    assert table_of(teacher) == [pytest.approx(row, abs=1e-5) for row in by_hand]
    policy[0], policy[1] = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]  # the agent has learnt
    assert teacher(shown(9, 0, 0))[0].value == pytest.approx(by_hand[0][0], abs=1e-5)  # and is not read yet
    assert teacher(shown(10, 0, 0))[0].value == pytest.approx(0.0, abs=1e-5)
    assert teacher(shown(11, 0, 1))[0].value == pytest.approx(0.95 - 1.0, abs=1e-5)
    assert teacher(shown(11, 1, 2))[0].value == pytest.approx(0.1, abs=1e-5)


def test_an_advantage_reads_the_agent_of_a_run_and_changes_nothing_of_it() -> None:
    env = gymnasium.make("hfrl/SmallGridworld-v0")
    agent = QLearning(env, gamma=0.9)
    before = agent.arrays()
    teacher = build.make_teacher(arm("oracle:kind=advantage,gamma=0.9", "hfrl/SmallGridworld-v0"), env, rng(), agent)
    said = [teacher(shown(0, s, a))[0].value for s in range(1, 15) for a in range(4)]
    assert min(said) < 0 < max(said)
    assert sum(said) == pytest.approx(0.0, abs=1e-6)  # an agent that knows nothing does all alike
    assert all(np.array_equal(value, before[name]) for name, value in agent.arrays().items())


def test_the_worlds_reward_as_a_word() -> None:
    assert made("oracle:kind=reward", "CartPole-v1")(shown())[0].value == 0.5  # it needs no table


def test_labels_of_one_and_nought_err_between_those_two() -> None:
    teacher = made("oracle:kind=label01,consistency=0.7,likelihood=0.5")
    good = teachers.oracle(gymnasium.make("FrozenLake-v1")).good
    right = good[6].index(True)
    counts: Counter[float | None] = Counter()
    for index in range(LABELS):
        presses = teacher(shown(index, 6, right))
        counts[presses[0].value if presses else None] += 1
    assert fits(counts, {1.0: 0.35, 0.0: 0.15, None: 0.5})


def test_blame_may_weigh_less_than_praise() -> None:
    assert heard(spoken(blame, Manner(blame=0.25), rng()), times=50) == {-0.25: 50}
    assert heard(spoken(praise, Manner(blame=0.25), rng()), times=50) == {1.0: 50}


def test_people_who_do_not_look() -> None:
    assert fits(heard(made("random")), {1.0: 0.5, -1.0: 0.5})
    assert fits(heard(made("random:likelihood=0.4")), {1.0: 0.2, -1.0: 0.2, None: 0.6})
    assert heard(made("always_positive", "CartPole-v1"), times=100) == {1.0: 100}
    assert fits(heard(made("always_negative:error=0.3")), {-1.0: 0.7, 1.0: 0.3})


def test_an_adversary_says_the_opposite_at_the_same_moments() -> None:
    dials = "consistency=0.8,likelihood=0.5"
    one, other = made(f"oracle:{dials}"), made(f"adversary:{dials}")
    for index in range(300):
        step = shown(index, 6, index % 4)
        assert [-said.value for said in one(step)] == [said.value for said in other(step)]


# The dials


def test_drift_and_fatigue_by_frequency() -> None:
    """Asked at step 0 and then at step 2000, when half of it is left after each thousand."""
    drifting = spoken(praise, Manner(consistency=0.9, drift=0.5), rng())
    assert fits(heard(drifting, 100), {1.0: 0.9, -1.0: 0.1})  # time counts from the first step they see
    assert fits(heard(drifting, 2100), {1.0: 0.6, -1.0: 0.4})
    tiring = spoken(praise, Manner(likelihood=0.8, fatigue=0.5), rng())
    assert fits(heard(tiring, 0), {1.0: 0.8, None: 0.2})
    assert fits(heard(tiring, 2000), {1.0: 0.2, None: 0.8})
    assert heard(tiring, 10**6, 100) == {None: 100}


@given(some.floats(0, 1), some.floats(0, 1), some.integers(0, 10**7))
def test_drift_ends_at_a_coin_and_fatigue_at_silence(chance: float, share: float, steps: int) -> None:
    low, high = sorted((chance, 0.5))
    assert low - 1e-12 <= teachers.drifted(chance, share, steps) <= high + 1e-12
    assert 0 <= teachers.tired(chance, share, steps) <= chance


@pytest.mark.parametrize(
    ("dial", "touched"),
    [
        ({"consistency": 0.6}, set()),
        ({"inverted": True}, set()),
        ({"drift": 0.9}, set()),
        ({"blame": 0.5}, set()),
        ({"withhold_blame": 0.5}, {2}),
        ({"withhold_praise": 0.5}, {4}),
        ({"delay": "uniform"}, {3}),
        ({"fatigue": 0.9}, {0}),  # fewer labels need fewer draws of what is said of them
    ],
    ids=lambda value: str(value),
)
def test_turning_one_dial_leaves_the_luck_of_the_others(dial: dict[str, Any], touched: set[int]) -> None:
    """Each dial draws from a generator of its own: whichever is turned, the others' end where they ended."""

    def ends(manner: Manner) -> list[Any]:
        kept = dial_generators(rng())
        handed = SimpleNamespace(spawn=lambda count: kept[:count])
        teacher = spoken(praise, manner, handed)  # type: ignore[arg-type]
        for index in range(300):
            teacher(shown(index))
        return [one.bit_generator.state["state"] for one in kept]

    base = Manner(consistency=0.8, likelihood=0.9)
    plain, turned = ends(base), ends(base._replace(**dial))
    assert {k for k in range(5) if plain[k] != turned[k]} == touched


def test_the_same_words_as_the_oracle_with_its_four_old_dials() -> None:
    env = gymnasium.make("FrozenLake-v1")
    old = simulated(env, rng(), consistency=0.8, likelihood=0.4, positivity=0.3, delay="gamma", budget=90)
    new = made("oracle:error=0.2,likelihood=0.4,positivity=0.3,delay=gamma,budget=90")
    for index in range(600):
        step = shown(index, index % 16, index % 4)
        assert old(step) == new(step)


# Several at once


def test_two_people_are_heard_in_the_order_of_their_presses() -> None:
    late = spoken(praise, Manner(delay=0.5), rng())
    both = people.Fused([("late", late), ("prompt", blame)])
    assert [(one.trainer, one.value) for one in both(shown(0))] == [("prompt", -1.0)]
    assert [(one.trainer, one.value) for one in both(shown(1))] == [("prompt", -1.0)]
    # At 0.6 s the press about step 0, made at 0.5 s, is there, before what the other says now.
    assert [(one.trainer, one.value) for one in both(shown(2))] == [("late", 1.0), ("prompt", -1.0)]
    assert [one.trainer for one in people.Fused([("b", praise), ("a", blame)])(shown())] == ["b", "a"]


def test_one_more_person_leaves_the_luck_of_the_first() -> None:
    alone = made("oracle:consistency=0.7,likelihood=0.5")
    fused = made("oracle:consistency=0.7,likelihood=0.5+random:likelihood=0.5+oracle:consistency=0.7,likelihood=0.5")
    by: dict[str, list[tuple[int, float]]] = {"oracle": [], "random": [], "oracle-2": []}
    expected = []
    for index in range(500):
        step = shown(index, 6, index % 4)
        expected += [(index, one.value) for one in alone(step)]
        for one in fused(step):
            by[one.trainer].append((index, one.value))
    assert by["oracle"] == expected
    assert by["oracle-2"] != expected  # a twin with luck of their own
    assert 200 < len(by["random"]) < 300


@given(some.lists(some.sampled_from(["oracle", "sabl", "random"]), max_size=8))
def test_every_trainer_has_a_name(names: list[str]) -> None:
    called = people.trainers(names)
    assert len(set(called)) == len(names)
    assert [name.partition("-")[0] for name in called] == names


def test_several_people_leave_their_names_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = [
        "--env",
        "FrozenLake-v1",
        "-n",
        "300",
        "--seeds",
        "0",
        "--jobs",
        "1",
        "--no-progress",
        "--eval-episodes",
        "2",
    ]
    line += ["--teacher", "oracle:likelihood=0.5+sabl", "--out", str(tmp_path)]
    assert main(line) == 0
    assert "(oracle+sabl)" in capsys.readouterr().out
    (log,) = tmp_path.rglob("feedback.jsonl")
    names = Counter(json.loads(text)["trainer"] for text in log.read_text().splitlines())
    assert set(names) == {"oracle", "sabl"}
    assert all(count > 50 for count in names.values())


def test_the_credit_of_several_people_waits_for_the_latest() -> None:
    assert build.make_credit(arm("oracle+sabl")).instant
    late = build.make_credit(arm("oracle+sabl:delay=gamma"))
    assert repr(late.delay) == repr(teachers.Gamma())  # type: ignore[attr-defined]
    mixed = build.make_credit(arm("oracle:delay=0.3+sabl:delay=gamma"))
    assert repr(mixed.delay) == repr(teachers.Uniform())  # type: ignore[attr-defined]


# Who drives


def driven(text: str, steps: int = 400, seed: int = 3) -> list[Step]:
    env = gymnasium.make("CliffWalking-v1", max_episode_steps=100)
    agent = RandomAgent(env)
    switch = Switch(none(), human_model(env), agent.gamma)
    teacher = build.make_teacher(arm(text, "CliffWalking-v1"), env, streams(seed).teacher, agent, switch)
    events = list(play(env, agent, teacher, switch, seed=seed, steps=steps))
    assert not [event for event in events if isinstance(event, Pressed)]
    assert len([event for event in events if isinstance(event, Learnt)]) == steps
    return [event.step for event in events if isinstance(event, Acted)]


def test_a_driver_takes_over_after_a_mistake_and_hands_back() -> None:
    good = teachers.oracle(gymnasium.make("CliffWalking-v1")).good
    steps = driven("oracle:kind=takeover,hold=3")
    wrong = [not good[step.observation][step.action] for step in steps]
    for k, step in enumerate(steps[:-3]):
        if step.actor == "human":
            assert not wrong[k]  # drives well
        if step.actor == "agent" and wrong[k] and not step.ended:
            after = steps[k + 1 : k + 4]
            whole = [one for one in after if one.episode == step.episode]
            assert all(one.actor == "human" for one in whole)
            if len(whole) == 3 and not whole[-1].ended:
                assert steps[k + 4].actor == "agent"
        if step.actor == "agent" and k and steps[k - 1].actor == "agent" and not steps[k - 1].ended:
            assert not wrong[k - 1]
    assert any(step.actor == "human" for step in steps)
    assert all(steps[k].actor == "agent" for k in range(1, len(steps)) if steps[k - 1].ended)


def test_the_dials_of_a_driver() -> None:
    assert not [step for step in driven("oracle:kind=takeover,likelihood=0") if step.actor == "human"]
    assert sum(step.actor == "human" for step in driven("oracle:kind=takeover,hold=4,budget=3")) <= 12
    often = sum(step.actor == "human" for step in driven("oracle:kind=takeover"))
    seldom = sum(step.actor == "human" for step in driven("oracle:kind=takeover,likelihood=0.1"))
    assert 0 < seldom < often
    good = teachers.oracle(gymnasium.make("CliffWalking-v1")).good
    slips = [
        good[step.observation][step.action]
        for step in driven("oracle:kind=takeover,slip=1", 2000)
        if step.actor == "human"
    ]
    assert 0.2 < np.mean(slips) < 0.9  # any action at all, some of them good


def test_a_demonstration_is_what_is_driven_first() -> None:
    steps = driven("oracle:kind=takeover,first=25,likelihood=0")
    assert [step.actor == "human" for step in steps] == [step.index < 25 for step in steps]


def test_dagger_drives_by_chance_less_from_episode_to_episode() -> None:
    """p^i of the steps of episode i: all of the first, and in later ones within four standard errors; of its own steps
    the agent hears what they think, whatever the action was."""
    env = gymnasium.make("CliffWalking-v1", max_episode_steps=100)
    agent = RandomAgent(env)
    switch = Switch(none(), human_model(env), agent.gamma)
    made_of = arm("oracle:kind=takeover,mix=0.7", "CliffWalking-v1")
    teacher = build.make_teacher(made_of, env, streams(0).teacher, agent, switch)
    good = teachers.oracle(env).good
    drove: dict[int, list[bool]] = {}
    for event in play(env, agent, teacher, switch, seed=0, steps=600):
        if isinstance(event, Acted):
            drove.setdefault(event.step.episode, []).append(event.step.actor == "human")
        elif isinstance(event, Pressed):
            step = event.press.step
            assert step.actor == "agent"
            assert event.press.feedback.value == (1.0 if good[step.observation][step.action] else -1.0)
    assert all(drove[0])
    for episode in (1, 2, 3, 4):
        share = 0.7**episode
        n = len(drove[episode])
        assert abs(np.mean(drove[episode]) - share) <= 4 * (share * (1 - share) / n) ** 0.5


def test_two_cannot_drive_at_once() -> None:
    with pytest.raises(UserError, match="two people cannot drive"):
        made("oracle:kind=takeover+sabl:kind=takeover")
    assert people.driver_of(made("oracle+sabl:kind=takeover")) is not None


# What cannot be


@pytest.mark.parametrize(
    ("teacher", "line"),
    [
        ("oracle:kind=labels", "kind must be one of label, label01,"),
        ("oracle:error=0.1,consistency=0.9", "consistency and error are one dial; give one of them"),
        ("oracle:positivity=0.1,withhold_blame=0.9", "withhold_blame and positivity are one dial"),
        ("oracle:error=often", "cannot be made with error='often': expected a number"),
        ("oracle:fatigue=2", "fatigue is a probability and must be within"),
        ("oracle:blame=-1", "blame must be 0 or more"),
        ("oracle:inverted=1", "inverted=1: expected True or False"),
        ("oracle:kind=takeover,hold=0", "hold must be a whole number of at least 1"),
        ("oracle:kind=takeover,slip=7", "slip is a probability"),
        ("oracle:kind=takeover,mix=2", "mix is a probability"),
        ("oracle:kind=takeover,first=-1", "first must be a whole number of 0 or more steps"),
        ("oracle:kind=advantage,gamma=1", "kind=advantage needs the teacher's gamma below 1"),
        ("oracle:kind=advantage,refresh=0", "refresh must be a whole number"),
        ("oracle+none:likelihood=1", "no setting 'likelihood'"),
        ("random:kind=label", "teacher random has no setting 'kind'"),
        ("oracle:withold_praise=0.5", "did you mean 'withhold_praise'"),
        ("oracle+sable", "teacher oracle has no setting"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(teacher: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    if teacher == "oracle+sable":
        line = "unknown teacher 'oracle+sable'"
    assert main(["--env", "FrozenLake-v1", "--teacher", teacher]) == 2
    told = capsys.readouterr().err
    assert line in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("teacher", "reason"),
    [
        ("oracle+oracle", "several people"),
        ("random", "not a table"),
        ("oracle:kind=continuous", "has no kind"),
        ("sabl:blame=0", "has no blame"),
        ("adversary:delay=uniform", "presses late"),
    ],
)
def test_what_the_compiled_loop_cannot_hear_is_refused_with_the_reason(teacher: str, reason: str) -> None:
    env = gymnasium.make("FrozenLake-v1")
    with pytest.raises(RefusedError, match=reason):
        engine.batch_of(arm(teacher), env, QLearning(env), build.make_blend("none"), (0,))


def test_dials_by_their_other_names_reach_the_compiled_loop() -> None:
    dials = engine._dials(arm("sabl:error=0.2,withhold_praise=0,positivity=0.5,gamma=0.9,budget=7", warmup=3))
    assert dials == teachers.Dials(0.8, 1.0, 7, 0.5, gamma=0.9, warmup=3)
    assert engine._dials(arm("sabl:drift=0.2")) == teachers.Dials(0.9, 1.0, None, 0.9, withhold_praise=0.1, drift=0.2)
    assert engine._dials(arm("adversary:fatigue=0.3")) == teachers.Dials(inverted=True, fatigue=0.3)
