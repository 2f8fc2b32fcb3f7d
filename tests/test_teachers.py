"""Simulated people: what they say by hand, how often by chi-squared, and when they say it."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from scipy import stats

from hfrl.agents import RandomAgent
from hfrl.credit import Delay, Empirical, Gamma, Uniform
from hfrl.envs import recipe
from hfrl.loop import play
from hfrl.teachers import (
    Delayed,
    Oracle,
    after,
    budgeted,
    consistent,
    drawn_delay,
    fixed_delay,
    good_actions,
    likely,
    nobody,
    oracle,
    positive,
    press,
    silent,
    simulated,
)
from hfrl.types import Acted, Feedback, Step, Teacher, UserError

LABELS = 20_000


def shown(index: int = 0, time: float | None = None, ended: bool = False, state: int = 0, action: int = 0) -> Step:
    when = 0.3 * index if time is None else time
    return Step(index, 0, state, action, 0.0, state, terminated=ended, truncated=False, time=when)


def rng(seed: int = 20260) -> np.random.Generator:
    return np.random.default_rng(seed)


def praise(step: Step) -> Sequence[Feedback]:
    return (press(step, 1.0),)


def blame(step: Step) -> Sequence[Feedback]:
    return (press(step, -1.0),)


def said(teacher: Teacher, steps: int) -> list[list[float]]:
    """The values of the presses at each of so many steps."""
    return [[one.value for one in teacher(shown(index))] for index in range(steps)]


def as_likely(count: int, total: int, probability: float) -> bool:
    return stats.chisquare([count, total - count], [total * probability, total * (1 - probability)]).pvalue > 1e-3


def pizza(**kwargs: Any) -> Any:
    return gymnasium.make("hfrl/Pizza-v0", **kwargs)


def told(teacher: Teacher, state: int, action: int) -> float:
    (one,) = teacher(shown(state=state, action=action))
    return one.value


# The oracle


def two_roads() -> Any:
    """Two of the three actions are equally good in state 0: +1 at once, or 0 and then 2 at gamma .5; the third is 0."""
    table = [
        [[(1.0, 1, 1.0, True)], [(1.0, 1, 0.0, False)], [(1.0, 1, 0.0, True)]],
        [[(1.0, 1, 2.0, True)], [(1.0, 1, 1.9, True)], [(1.0, 1, 2.0, True)]],
    ]
    env = SimpleNamespace(P=table, initial_state_distrib=[1.0, 0.0], observation_space=gymnasium.spaces.Discrete(2))
    env.unwrapped = env
    return env


def test_an_oracle_praises_every_optimal_action_and_blames_the_rest() -> None:
    teacher = oracle(two_roads(), gamma=0.5)
    assert [told(teacher, 0, action) for action in range(3)] == [1.0, 1.0, -1.0]
    assert [told(teacher, 1, action) for action in range(3)] == [1.0, -1.0, 1.0]


def test_an_oracle_values_time_by_its_gamma() -> None:
    assert [told(oracle(two_roads(), gamma=0.4), 0, action) for action in range(3)] == [1.0, -1.0, -1.0]
    assert [told(oracle(two_roads(), gamma=0.6), 0, action) for action in range(3)] == [-1.0, 1.0, -1.0]


def test_an_oracle_speaks_at_every_step_at_the_moment_it_appears() -> None:
    (one,) = Oracle([[True]], lambda step: 0)(shown(index=4))
    assert one == Feedback(1.0, 0.3 * 4)


def test_an_oracle_reads_the_row_it_is_told_to() -> None:
    teacher = Oracle([[True], [False]], row=lambda step: step.observation // 10)
    assert told(teacher, 9, 0) == 1.0
    assert told(teacher, 10, 0) == -1.0


def test_good_actions_are_sets() -> None:
    assert good_actions(np.array([[1.0, 1.0, 0.0], [0.0, -1.0, 0.0]])) == [[True, True, False], [True, False, True]]


def number(**parts: Any) -> int:
    return recipe.encode(recipe.decode(1)._replace(**parts))


def test_the_pizza_oracle_praises_the_mushroom_the_reward_does_not_see() -> None:
    teacher = oracle(pizza())
    dough, plain = number(), number(sauce=True, cheese=True)
    assert told(teacher, recipe.NO_DOUGH, recipe.ROLL) == 1.0
    assert told(teacher, recipe.NO_DOUGH, recipe.SERVE) == -1.0
    assert [told(teacher, dough, deed) for deed in (recipe.SAUCE, recipe.CHEESE)] == [1.0, 1.0]
    assert [told(teacher, dough, deed) for deed in (recipe.OLIVE, recipe.PINEAPPLE, recipe.SERVE)] == [-1.0] * 3
    golden = plain + recipe.GOLDEN
    assert told(teacher, golden, recipe.SERVE) == -1.0
    assert told(teacher, golden, recipe.MUSHROOM) == 1.0
    assert told(teacher, number(sauce=True, cheese=True, mushroom=True, bake=recipe.GOLDEN), recipe.SERVE) == 1.0


def test_an_oracle_that_does_not_discount_praises_every_order_of_the_same_ingredients() -> None:
    teacher = oracle(pizza(), gamma=1.0)
    deeds = (recipe.SAUCE, recipe.CHEESE, recipe.MUSHROOM)
    assert [told(teacher, number(), deed) for deed in deeds] == [1.0, 1.0, 1.0]
    assert [told(teacher, number(sauce=True), deed) for deed in deeds] == [-1.0, 1.0, 1.0]


def test_an_oracle_without_taste_is_a_teacher_of_the_reward_alone() -> None:
    teacher = oracle(pizza(), taste_weight=0.0)
    golden = number(sauce=True, cheese=True, bake=recipe.GOLDEN)
    assert told(teacher, golden, recipe.SERVE) == 1.0
    assert told(teacher, golden, recipe.MUSHROOM) == -1.0
    assert told(teacher, number(), recipe.MUSHROOM) == -1.0


def test_whoever_does_what_the_pizza_oracle_praises_serves_the_best_taste() -> None:
    env, draws = pizza(), rng(1)
    teacher = oracle(env)
    tastes = []
    for episode in range(300):
        state, _ = env.reset(seed=episode)
        terminated = truncated = False
        while not (terminated or truncated):
            praised = [action for action in range(8) if told(teacher, state, action) > 0]
            state, _, terminated, truncated, _ = env.step(int(draws.choice(praised)))
        assert terminated
        tastes.append(env.unwrapped.taste(state))
    # .909 is the best expectation; 300 episodes of 0, .9 or 1 scatter by less than .02.
    assert np.mean(tastes) == pytest.approx(0.909, abs=0.06)


@pytest.mark.parametrize(
    ("name", "kwargs", "line"),
    [
        ("CartPole-v1", {}, "needs a world with a transition table P"),
        ("Blackjack-v1", {}, "needs a world with a transition table P"),
        ("hfrl/PizzaKitchen-v0", {"observation": "partial"}, "needs observations that number the states"),
        ("hfrl/PizzaKitchen-v0", {"observation": "features"}, "needs observations that number the states"),
    ],
)
def test_an_oracle_refuses_a_world_it_cannot_know(name: str, kwargs: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=f"teacher oracle {line}"):
        oracle(gymnasium.make(name, **kwargs))


# The dials by frequency


@pytest.mark.parametrize("consistency", [0.55, 0.8, 0.95])
def test_a_label_is_right_with_the_probability_of_consistency(consistency: float) -> None:
    for teacher, right in ((praise, [1.0]), (blame, [-1.0])):
        labels = said(consistent(teacher, consistency, rng()), LABELS)
        assert all(label in ([1.0], [-1.0]) for label in labels)  # turned round, never dropped
        assert as_likely(labels.count(right), LABELS, consistency)


def test_full_consistency_is_always_right_and_none_always_wrong() -> None:
    assert said(consistent(praise, 1.0, rng()), 500) == [[1.0]] * 500
    assert said(consistent(praise, 0.0, rng()), 500) == [[-1.0]] * 500


@pytest.mark.parametrize("likelihood", [0.05, 0.3, 0.9])
def test_a_step_is_labelled_with_the_probability_of_likelihood(likelihood: float) -> None:
    labels = said(likely(praise, likelihood, rng()), LABELS)
    assert as_likely(labels.count([1.0]), LABELS, likelihood)
    assert labels.count([]) == LABELS - labels.count([1.0])


def test_full_likelihood_labels_every_step_and_none_no_step() -> None:
    assert said(likely(praise, 1.0, rng()), 500) == [[1.0]] * 500
    assert said(likely(praise, 0.0, rng()), 500) == [[]] * 500


def test_positivity_withholds_penalties_and_never_praise() -> None:
    blamed = said(positive(blame, 0.7, rng()), LABELS)
    assert as_likely(blamed.count([]), LABELS, 0.7)
    assert said(positive(praise, 0.7, rng()), 500) == [[1.0]] * 500
    assert said(positive(blame, 1.0, rng()), 500) == [[]] * 500
    assert said(positive(blame, 0.0, rng()), 500) == [[-1.0]] * 500


def test_a_neutral_judgement_is_no_penalty() -> None:
    assert said(positive(lambda step: (press(step, 0.0),), 1.0, rng()), 5) == [[0.0]] * 5


@pytest.mark.parametrize("right", [True, False])
def test_all_dials_together_are_the_model_of_a_simulated_person(right: bool) -> None:
    env = pizza()
    teacher = simulated(env, rng(), consistency=0.9, likelihood=0.3, positivity=0.5)
    action = recipe.ROLL if right else recipe.SERVE
    heard: Counter[float | None] = Counter()
    for index in range(LABELS):
        presses = teacher(shown(index, action=action))
        assert len(presses) <= 1
        heard[presses[0].value if presses else None] += 1
    plus, minus = (0.27, 0.015) if right else (0.03, 0.135)  # L C and L (1 - C) (1 - m), and mirrored
    expected = [LABELS * p for p in (plus, minus, 1 - plus - minus)]
    assert stats.chisquare([heard[1.0], heard[-1.0], heard[None]], expected).pvalue > 1e-3


def test_turning_one_dial_leaves_the_luck_of_the_others_alone() -> None:
    def labelled(**dials: Any) -> list[tuple[bool, float]]:
        teacher = simulated(pizza(), rng(), likelihood=0.4, **dials)
        spoken = [teacher(shown(index)) for index in range(400)]
        return [(bool(presses), presses[0].value if presses else 0.0) for presses in spoken]

    plain = labelled(consistency=0.7)
    assert [spoke for spoke, _ in labelled(consistency=0.2)] == [spoke for spoke, _ in plain]
    assert labelled(consistency=0.7, budget=10**6) == plain
    sparing = labelled(consistency=0.7, positivity=0.5)
    assert [value for _, value in sparing if value > 0] == [value for _, value in plain if value > 0]
    assert sum(spoke for spoke, _ in sparing) < sum(spoke for spoke, _ in plain)


# Budget and warm-up


@pytest.mark.parametrize("budget", [0, 1, 7])
def test_a_budget_is_spent_exactly_and_then_there_is_silence(budget: int) -> None:
    assert said(budgeted(praise, budget), 20) == [[1.0]] * budget + [[]] * (20 - budget)


def test_a_budget_cuts_through_presses_that_come_together() -> None:
    def threefold(step: Step) -> Sequence[Feedback]:
        return [press(step, value) for value in (1.0, 2.0, 3.0)]

    assert said(budgeted(threefold, 5), 4) == [[1.0, 2.0, 3.0], [1.0, 2.0], [], []]


def test_silence_costs_no_budget() -> None:
    labels = said(budgeted(likely(praise, 0.1, rng()), 30), 5000)
    assert labels.count([1.0]) == 30


@pytest.mark.parametrize("budget", [-1, 2.5])
def test_an_impossible_budget_is_refused_before_the_run(budget: Any) -> None:
    with pytest.raises(UserError, match="budget must be"):
        budgeted(praise, budget)


def test_the_dials_reach_the_simulated_teacher() -> None:
    teacher = simulated(pizza(), rng(), budget=3, delay=0.5)
    heard = [one for index in range(40) for one in teacher(shown(index, action=recipe.ROLL))]
    assert [(one.value, one.latency) for one in heard] == [(1.0, 0.5)] * 3
    assert [one.time for one in heard] == pytest.approx([0.5, 0.8, 1.1])


def test_a_teacher_after_warm_up_is_silent_until_then_and_is_not_asked() -> None:
    asked = []

    def listening(step: Step) -> Sequence[Feedback]:
        asked.append(step.index)
        return praise(step)

    assert said(after(listening, 3), 6) == [[], [], [], [1.0], [1.0], [1.0]]
    assert asked == [3, 4, 5]
    assert said(after(praise, 0), 2) == [[1.0], [1.0]]
    with pytest.raises(UserError, match="warmup"):
        after(praise, -1)


def test_nobody_says_nothing() -> None:
    assert said(silent, 5) == said(nobody(pizza(), rng()), 5) == [[]] * 5


# Delays


def test_a_press_comes_its_delay_after_the_step_it_is_about() -> None:
    teacher = Delayed(lambda step: praise(step) if step.index == 1 else (), fixed_delay(0.6))
    heard = {index: list(teacher(shown(index))) for index in range(6)}
    # Step 1 appears at 0.3; the press is made at 0.9, when step 3 appears.
    assert [index for index, presses in heard.items() if presses] == [3]
    (one,) = heard[3]
    assert (one.value, one.time, one.latency) == (1.0, pytest.approx(0.9), 0.6)


def test_a_press_between_two_steps_is_heard_at_the_later_one() -> None:
    teacher = Delayed(lambda step: praise(step) if step.index == 0 else (), fixed_delay(0.4))
    heard = [list(teacher(shown(index))) for index in range(4)]
    assert [len(presses) for presses in heard] == [0, 0, 1, 0]
    assert heard[2][0].time == pytest.approx(0.4)


@pytest.mark.parametrize("way", ["terminated", "truncated"])
def test_presses_under_way_at_the_end_of_an_episode_arrive_with_their_own_times(way: str) -> None:
    teacher = Delayed(praise, fixed_delay(0.7))
    heard = [list(teacher(shown(index))) for index in range(3)]
    heard.append(list(teacher(shown(3)._replace(**{way: True}))))
    assert [len(presses) for presses in heard] == [0, 0, 0, 4]
    assert [one.time for one in heard[3]] == pytest.approx([0.7, 1.0, 1.3, 1.6])
    assert list(teacher(shown(4, time=9.0))) == []  # and nothing is left for the next episode


def test_presses_that_overtake_one_another_arrive_in_the_order_they_were_made() -> None:
    delays = iter([0.9, 0.1, 0.3])
    teacher = Delayed(lambda step: (press(step, float(step.index)),), lambda: next(delays))
    first = list(teacher(shown(0))) + list(teacher(shown(1)))
    last = list(teacher(shown(2, ended=True)))
    assert first == []
    assert [one.time for one in last] == pytest.approx([0.4, 0.9, 0.9])
    assert last[0].value == 1.0


def test_no_delay_is_heard_at_once() -> None:
    assert said(Delayed(praise, fixed_delay(0.0)), 3) == [[1.0]] * 3


def test_every_press_is_heard_once_whatever_the_delays() -> None:
    draws = rng()
    teacher = Delayed(lambda step: (press(step, float(step.index)),), drawn_delay(Gamma(), draws))
    heard = []
    for index in range(2000):
        heard += teacher(shown(index, ended=index % 37 == 36 or index == 1999))
    assert sorted(one.value for one in heard) == list(range(2000))


@pytest.mark.parametrize("delay", [Uniform(0.2, 0.8), Gamma(2.0, 0.28)])
def test_drawn_delays_follow_their_distribution(delay: Delay) -> None:
    draw = drawn_delay(delay, rng())
    sample = [draw() for _ in range(2000)]
    assert 0 <= min(sample) <= max(sample) <= delay.reach
    whole = stats.uniform(0.2, 0.6) if isinstance(delay, Uniform) else stats.gamma(2.0, scale=0.28)
    cut = whole.cdf(delay.reach)  # the slowest thousandth of a Gamma is never drawn
    assert stats.kstest(sample, lambda x: whole.cdf(x) / cut).pvalue > 1e-3


class Half:
    """Delays spread evenly over a second, of which nothing beyond half a second is credited."""

    reach = 0.5

    def cdf(self, delay: float) -> float:
        return min(1.0, max(0.0, delay))


def test_a_delay_beyond_the_reach_of_credit_is_never_drawn_and_none_piles_up_there() -> None:
    draw = drawn_delay(Half(), rng())
    assert stats.kstest([draw() for _ in range(2000)], stats.uniform(0.0, 0.5).cdf).pvalue > 1e-3


def test_drawn_delays_of_measured_ones_are_the_measured_ones() -> None:
    draw = drawn_delay(Empirical([0.3, 0.5, 0.5, 0.9]), rng())
    counts = Counter(round(draw(), 4) for _ in range(4000))
    assert set(counts) == {0.3, 0.5, 0.9}
    assert stats.chisquare([counts[d] for d in (0.3, 0.5, 0.9)], [1000, 2000, 1000]).pvalue > 1e-3


@pytest.mark.parametrize(("delay", "mean"), [(0.6, 0.6), ("uniform", 0.5), ("gamma", 0.56)])
def test_the_delay_of_a_simulated_teacher_is_seconds_or_a_name(delay: float | str, mean: float) -> None:
    teacher = simulated(pizza(), rng(), delay=delay)
    latencies = [one.latency for index in range(2000) for one in teacher(shown(index))]
    assert np.mean(latencies) == pytest.approx(mean, abs=0.03)
    assert (np.std(latencies) == pytest.approx(0.0, abs=1e-12)) == (delay == 0.6)


# What cannot be


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
@pytest.mark.parametrize(
    ("name", "wrap"), [("consistency", consistent), ("likelihood", likely), ("positivity", positive)]
)
def test_an_impossible_probability_is_refused_by_name(name: str, wrap: Callable[..., Teacher], value: float) -> None:
    with pytest.raises(UserError, match=f"{name} is a probability"):
        wrap(praise, value, rng())
    with pytest.raises(UserError, match=f"{name} is a probability"):
        simulated(pizza(), rng(), **{name: value})


@pytest.mark.parametrize(
    ("dials", "line"),
    [
        ({"delay": -0.1}, "delay must be 0 or more seconds"),
        ({"delay": "slow"}, "delay must be seconds or one of uniform, gamma, got 'slow'"),
        ({"budget": -1}, "budget must be 0 or more presses"),
    ],
)
def test_impossible_dials_are_refused_with_a_line(dials: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        simulated(pizza(), rng(), **dials)


# Generators


def test_a_teacher_has_its_own_luck_and_leaves_the_agents_alone() -> None:
    def actions(teacher: Teacher) -> list[int]:
        env = pizza()
        return [e.step.action for e in play(env, RandomAgent(env), teacher, seed=5, steps=300) if isinstance(e, Acted)]

    noisy = simulated(pizza(), rng(), consistency=0.6, likelihood=0.5, delay="uniform")
    assert actions(noisy) == actions(silent)


def test_the_same_generator_gives_the_same_teacher_and_another_another() -> None:
    def labels(seed: int) -> list[list[float]]:
        return said(simulated(pizza(), rng(seed), consistency=0.7, likelihood=0.5), 200)

    assert labels(1) == labels(1)
    assert labels(1) != labels(2)
