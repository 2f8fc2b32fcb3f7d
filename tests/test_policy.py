"""Distributions over actions: numbers worked by hand, scipy, and the inverse CDF at its edges."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from hfrl.policy import EXPLORATIONS, Categorical, EpsilonGreedy, epsilon_greedy, greedy, softmax

ALMOST_ONE = math.nextafter(1.0, 0.0)

# Few distinct values, so that ties are common.
value_lists = st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=1, max_size=9)
epsilons = st.one_of(st.sampled_from([0.0, 0.1, 1.0]), st.floats(0, 1))
uniforms = st.one_of(st.sampled_from([0.0, ALMOST_ONE]), st.floats(0, ALMOST_ONE))


def draws(n: int) -> list[float]:
    return np.random.default_rng(20260).random(n).tolist()


# Epsilon-greedy


@pytest.mark.parametrize(
    ("values", "epsilon", "expected"),
    [
        ([1.0, 3.0, 2.0, 0.0], 0.2, [0.05, 0.85, 0.05, 0.05]),
        ([1.0, 3.0, 3.0, 0.0], 0.2, [0.05, 0.45, 0.45, 0.05]),
        ([0.0, 0.0, 0.0, 0.0], 0.2, [0.25, 0.25, 0.25, 0.25]),
        ([-1.0, -2.0], 0.0, [1.0, 0.0]),
        ([5.0, 5.0, 1.0], 0.3, [0.45, 0.45, 0.1]),
        ([5.0, 1.0, 2.0], 1.0, [1 / 3, 1 / 3, 1 / 3]),
        ([7.0], 0.4, [1.0]),
    ],
)
def test_epsilon_greedy_probabilities_by_hand(values: list[float], epsilon: float, expected: list[float]) -> None:
    distribution = epsilon_greedy(values, epsilon)
    assert distribution.probabilities == pytest.approx(expected, abs=1e-12)
    assert [distribution.prob(action) for action in range(len(values))] == pytest.approx(expected, abs=1e-12)


def test_greedy_puts_nothing_on_a_worse_action_and_shares_ties_evenly() -> None:
    assert greedy([1.0, 2.0, 2.0]).probabilities == [0.0, 0.5, 0.5]


@settings(deadline=None)
@given(value_lists, epsilons)
def test_epsilon_greedy_sums_to_one(values: list[float], epsilon: float) -> None:
    assert sum(epsilon_greedy(values, epsilon).probabilities) == pytest.approx(1.0, abs=1e-12)


@settings(deadline=None, max_examples=400)
@given(value_lists, epsilons, uniforms)
# Three actions of .8, .1, .1 sum to one ulp less than 1 when added from the left.
@example([2.0, 0.0, 0.0], 0.3, ALMOST_ONE)
def test_epsilon_greedy_samples_as_the_categorical_of_its_probabilities(
    values: list[float], epsilon: float, u: float
) -> None:
    distribution = epsilon_greedy(values, epsilon)
    same = Categorical(distribution.probabilities)
    assert distribution.sample(u) == same.sample(u)
    for action in range(len(values)):
        assert distribution.prob(action) == same.prob(action)
        assert distribution.log_prob(action) == same.log_prob(action)


def test_epsilon_greedy_samples_as_the_categorical_where_rounding_leaves_the_sum_below_one() -> None:
    short = 0
    for n in range(2, 10):
        for best in range(n):
            for epsilon in (0.05, 0.1, 0.3, 0.5, 0.7, 0.9):
                distribution = epsilon_greedy([float(action == best) for action in range(n)], epsilon)
                same = Categorical(distribution.probabilities)
                total = 0.0
                for p in distribution.probabilities:
                    total += p
                short += total <= ALMOST_ONE
                assert distribution.sample(ALMOST_ONE) == same.sample(ALMOST_ONE) == n - 1
    assert short > 0  # the case this test is about does occur


def test_a_zero_table_does_not_always_take_action_0() -> None:
    for distribution in (epsilon_greedy([0.0] * 4, 0.1), greedy([0.0] * 4), softmax([0.0] * 4, 1.0)):
        assert {distribution.sample(u) for u in draws(200)} == {0, 1, 2, 3}


def test_ties_are_broken_evenly_at_random() -> None:
    distribution = epsilon_greedy([3.0, 1.0, 3.0, 3.0], 0.0)
    counts = Counter(distribution.sample(u) for u in draws(30_000))
    assert set(counts) == {0, 2, 3}
    assert stats.chisquare([counts[0], counts[2], counts[3]]).pvalue > 1e-3


def test_sampled_frequencies_are_the_probabilities() -> None:
    distribution = epsilon_greedy([1.0, 3.0, 3.0, 0.0], 0.2)
    counts = Counter(distribution.sample(u) for u in draws(30_000))
    expected = [30_000 * p for p in (0.05, 0.45, 0.45, 0.05)]
    assert stats.chisquare([counts[a] for a in range(4)], expected).pvalue > 1e-3


# Sampling is the inverse of the cumulative distribution


@pytest.mark.parametrize(
    ("u", "action"),
    [
        (0.0, 0),
        (math.nextafter(0.25, 0), 0),
        (0.25, 1),  # the first whose cumulative probability *exceeds* u
        (math.nextafter(0.75, 0), 1),
        (0.75, 3),  # the impossible action 2 is never met
        (ALMOST_ONE, 3),
    ],
)
def test_sample_is_the_inverse_cdf(u: float, action: int) -> None:
    assert Categorical([0.25, 0.5, 0.0, 0.25]).sample(u) == action


@pytest.mark.parametrize(("u", "action"), [(0.0, 1), (0.5, 1), (ALMOST_ONE, 1)])
def test_an_impossible_first_or_last_action_is_never_sampled(u: float, action: int) -> None:
    assert Categorical([0.0, 1.0, 0.0]).sample(u) == action
    assert greedy([0.0, 1.0, 0.0]).sample(u) == action


def test_where_rounding_leaves_the_sum_below_u_the_last_possible_action_is_taken() -> None:
    assert Categorical([0.5, 0.4, 0.0]).sample(0.95) == 1
    tenths = Categorical([0.1] * 10 + [0.0])
    assert sum(p for p in [0.1] * 10) != 1.0  # rounding is at work
    assert tenths.sample(ALMOST_ONE) == 9


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=8).filter(any), st.floats(0, ALMOST_ONE))
def test_sample_agrees_with_searchsorted(weights: list[int], u: float) -> None:
    total = sum(weights)
    # Powers of two make every sum exact, so that both must agree at every u.
    scale = 2 ** math.ceil(math.log2(total)) if total > 1 else 1
    weights = [*weights, scale - total]
    probabilities = [w / scale for w in weights]
    assert Categorical(probabilities).sample(u) == int(np.searchsorted(np.cumsum(probabilities), u, side="right"))


def test_log_prob_is_the_logarithm_and_minus_infinity_for_an_impossible_action() -> None:
    assert Categorical([0.25, 0.75, 0.0]).log_prob(0) == pytest.approx(-1.3862943611198906)
    assert Categorical([0.25, 0.75, 0.0]).log_prob(2) == -math.inf
    assert epsilon_greedy([1.0, 0.0], 0.0).log_prob(1) == -math.inf
    assert epsilon_greedy([1.0, 0.0], 0.5).log_prob(1) == pytest.approx(math.log(0.25))


# Softmax


def test_softmax_by_hand() -> None:
    e = math.e
    assert softmax([0.0, 1.0], 1.0).probabilities == pytest.approx([1 / (1 + e), e / (1 + e)])
    assert softmax([0.0, 1.0], 0.5).probabilities == pytest.approx([1 / (1 + e * e), e * e / (1 + e * e)])


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8), st.floats(0.05, 1e3))
def test_softmax_is_scipys(values: list[float], temperature: float) -> None:
    expected = special.softmax(np.array(values) / temperature)
    assert softmax(values, temperature).probabilities == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("values", [[1e308, 0.0], [0.0, -1e308], [1e5, 1e5 - 1.0], [-1e5, -1e5 - 1.0]])
@pytest.mark.parametrize("temperature", [1e-300, 1e-3, 1.0])
def test_softmax_does_not_overflow(values: list[float], temperature: float) -> None:
    probabilities = softmax(values, temperature).probabilities
    assert all(0 <= p <= 1 for p in probabilities)
    assert sum(probabilities) == pytest.approx(1.0)
    assert probabilities[0] > 0.7


def test_softmax_at_temperature_0_is_greedy_with_shared_ties() -> None:
    assert softmax([1.0, 2.0, 2.0], 0.0).probabilities == [0.0, 0.5, 0.5]


def test_explorations_are_named_as_on_the_command_line() -> None:
    assert list(EXPLORATIONS) == ["epsilon_greedy", "softmax", "ucb"]
    assert list(EXPLORATIONS.values())[:2] == [epsilon_greedy, softmax]


# Tilt and mix


def test_tilt_multiplies_and_normalises() -> None:
    assert Categorical([0.5, 0.25, 0.25]).tilt([1.0, 2.0, 0.0]).probabilities == [0.5, 0.5, 0.0]
    # .05 .45 .45 .05 times 1 2 0 4 is .05 .9 0 .2, which sum to 1.15
    tilted = epsilon_greedy([1.0, 3.0, 3.0, 0.0], 0.2).tilt([1.0, 2.0, 0.0, 4.0])
    assert tilted.probabilities == pytest.approx([0.05 / 1.15, 0.9 / 1.15, 0.0, 0.2 / 1.15])


def test_tilt_by_nothing_at_all_changes_nothing() -> None:
    own = Categorical([0.5, 0.5])
    assert own.tilt([0.0, 0.0]).probabilities == [0.5, 0.5]
    assert Categorical([1.0, 0.0]).tilt([0.0, 3.0]).probabilities == [1.0, 0.0]


def test_tilt_refuses_factors_of_another_length() -> None:
    with pytest.raises(ValueError, match="zip"):
        Categorical([0.5, 0.5]).tilt([1.0])


def test_mixed_takes_the_other_with_its_share() -> None:
    assert Categorical([1.0, 0.0]).mixed(0.25, Categorical([0.5, 0.5])).probabilities == [0.875, 0.125]
    # .75 of (.1 .9) and .25 of (1 0)
    mixed = epsilon_greedy([0.0, 1.0], 0.2).mixed(0.25, greedy([1.0, 0.0]))
    assert mixed.probabilities == pytest.approx([0.75 * 0.1 + 0.25, 0.75 * 0.9])


@settings(deadline=None)
@given(st.data(), st.floats(0, 1), st.floats(0, 1))
def test_mixed_stays_a_distribution_between_the_two(data: st.DataObject, share: float, epsilon: float) -> None:
    n = data.draw(st.integers(1, 6))
    values = data.draw(st.lists(st.floats(-3, 3), min_size=n, max_size=n))
    wishes = data.draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=n, max_size=n))
    own, other = epsilon_greedy(values, epsilon), greedy(wishes)
    mixed = own.mixed(share, other).probabilities
    assert sum(mixed) == pytest.approx(1.0, abs=1e-9)
    for action in range(n):
        low, high = sorted((own.prob(action), other.prob(action)))
        assert low - 1e-12 <= mixed[action] <= high + 1e-12


def test_an_epsilon_greedy_is_a_record_of_its_four_numbers() -> None:
    assert epsilon_greedy([0.0, 2.0], 0.5) == EpsilonGreedy(values=[0.0, 2.0], best=2.0, tied=0.75, other=0.25)
