"""The statistics against scipy, against numbers worked by hand, and against what they promise in the long run."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as oracle

from hfrl.stats import (
    Comparison,
    bootstrap_band,
    bootstrap_interval,
    iqm,
    mean,
    paired_comparison,
    probability_of_improvement,
    sign_flip_p_value,
)

Scores = npt.NDArray[np.float64]

scores_lists = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)
score_pairs = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=9)


def rng() -> np.random.Generator:
    return np.random.default_rng(20260)


# Interquartile mean


def test_iqm_by_hand() -> None:
    assert iqm([0, 1, 2, 100]) == 1.5
    assert iqm([5, 1, 2, 3, 4, 1000, -1000, 3]) == 3.0
    assert iqm([7, 9, 11]) == 9.0  # a quarter of three runs, rounded down, is none


def test_iqm_pools_runs_and_tasks() -> None:
    assert iqm([[0, 1], [2, 100]]) == 1.5


@given(scores_lists)
def test_iqm_is_scipys_trimmed_mean(scores: list[float]) -> None:
    assert iqm(scores) == pytest.approx(oracle.trim_mean(scores, 0.25), rel=1e-9, abs=1e-6)


@given(scores_lists)
def test_iqm_lies_between_the_extremes(scores: list[float]) -> None:
    assert min(scores) - 1e-6 <= iqm(scores) <= max(scores) + 1e-6


@given(scores_lists, st.floats(-1e6, 1e6), st.floats(-100, 100))
def test_iqm_moves_and_stretches_with_the_scores(scores: list[float], shift: float, scale: float) -> None:
    moved = iqm(scale * np.array(scores) + shift)
    assert moved == pytest.approx(scale * iqm(scores) + shift, rel=1e-9, abs=1e-3)


# Bootstrap interval


@pytest.mark.parametrize("runs", [0, 1, 2])
def test_no_interval_under_three_runs(runs: int) -> None:
    assert bootstrap_interval(np.arange(runs)) is None
    assert bootstrap_interval(np.ones((runs, 4))) is None
    assert bootstrap_band(np.ones((runs, 4))) is None


def test_same_scores_give_the_same_interval_whatever_the_global_generator_did() -> None:
    scores = rng().normal(size=8)
    first = bootstrap_interval(scores)
    np.random.seed(3)
    assert bootstrap_interval(scores) == first
    assert bootstrap_interval(scores, rng=np.random.default_rng(1)) != first


@pytest.mark.parametrize(("statistic", "scipys"), [(mean, np.mean), (iqm, lambda x: oracle.trim_mean(x, 0.25))])
def test_interval_agrees_with_scipys_percentile_bootstrap(
    statistic: Callable[[Scores], float], scipys: Callable[[Scores], float]
) -> None:
    scores = rng().gamma(2, size=12)
    expected = oracle.bootstrap(
        (scores,), scipys, method="percentile", n_resamples=10_000, vectorized=False, rng=rng()
    ).confidence_interval
    found = bootstrap_interval(scores, statistic, resamples=10_000, rng=rng())
    assert found == pytest.approx(tuple(expected), abs=0.04)  # both are sampled; their widths are about 1.4


def test_interval_of_three_runs_by_hand() -> None:
    # The mean of 3 draws from {0, 0, 3} is 0, 1, 2 or 3 with probability 8, 12, 6 and 1 in 27: at level 0.9 the
    # tails of 5 % end inside 0 (8/27) and inside 2 (the top 1/27 is under 5 %).
    assert bootstrap_interval([0, 0, 3], level=0.9, resamples=20_000) == (0.0, 2.0)
    assert bootstrap_interval([0, 0, 3], level=0.95, resamples=20_000) == (0.0, 3.0)


def test_interval_of_equal_scores_has_no_width() -> None:
    assert bootstrap_interval([2.5] * 5) == (2.5, 2.5)
    assert bootstrap_interval(np.tile([0.0, 4.0], (5, 1))) == (2.0, 2.0)


def test_tasks_are_resampled_independently() -> None:
    # Two tasks whose scores cancel in each run: whole runs would always average 0, tasks by themselves do not.
    task = np.arange(6.0)
    low, high = bootstrap_interval(np.stack([task, -task], axis=1)) or (0.0, 0.0)
    assert low < -0.5
    assert high > 0.5
    # The standard error of the mean of two independent tasks: sqrt(2 * variance / runs) / 2.
    width = 2 * 1.96 * np.sqrt(2 * task.var() / 6) / 2
    assert high - low == pytest.approx(width, rel=0.1)


def test_tasks_are_never_mixed() -> None:
    seen: list[Scores] = []

    def remember(scores: Scores) -> float:
        seen.append(scores)
        return 0.0

    bootstrap_interval([[0, 10], [1, 11], [2, 12]], remember, resamples=50)
    assert len(seen) == 50
    assert all(set(scores[:, 0]) <= {0, 1, 2} and set(scores[:, 1]) <= {10, 11, 12} for scores in seen)


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=20), st.floats(-1e3, 1e3))
def test_interval_lies_within_the_scores_and_moves_with_them(scores: list[float], shift: float) -> None:
    low, high = bootstrap_interval(scores, resamples=200) or (np.nan, np.nan)
    assert min(scores) - 1e-9 <= low <= high <= max(scores) + 1e-9
    moved = bootstrap_interval(np.array(scores) + shift, resamples=200)
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(5, 30))
def test_interval_contains_the_mean_and_widens_with_the_level(seed: int, runs: int) -> None:
    scores = np.random.default_rng(seed).normal(size=runs)
    narrow, wide = (bootstrap_interval(scores, level=level, resamples=300) for level in (0.5, 0.99))
    assert narrow is not None
    assert wide is not None
    assert wide[0] <= narrow[0] <= scores.mean() <= narrow[1] <= wide[1]


@pytest.mark.parametrize(("runs", "expected"), [(5, 0.84), (10, 0.90)])
def test_interval_contains_the_truth_about_as_often_as_the_module_says(runs: int, expected: float) -> None:
    generator, experiments = rng(), 600
    intervals = [
        bootstrap_interval(generator.normal(size=runs), resamples=200, rng=generator) or (np.nan, np.nan)
        for _ in range(experiments)
    ]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    # Three standard errors of a share of 600, and one point for the coarser interval of 200 resamples.
    assert covered == pytest.approx(expected, abs=3 * np.sqrt(expected * (1 - expected) / experiments) + 0.01)


# Bootstrap band


def test_band_is_the_interval_at_each_point() -> None:
    curves = rng().normal(size=(10, 6)) + np.arange(6)
    low, high = bootstrap_band(curves, resamples=20_000) or (np.empty(0), np.empty(0))
    assert low.shape == high.shape == (6,)
    for point in range(6):
        expected = bootstrap_interval(curves[:, point], resamples=20_000)
        assert (low[point], high[point]) == pytest.approx(expected, abs=0.03)  # widths are about 1.2


def test_band_resamples_whole_curves() -> None:
    # A point that repeats another, or mirrors it, has a band that repeats or mirrors the other exactly.
    first = rng().normal(size=9)
    low, high = bootstrap_band(np.stack([first, first, -first], axis=1)) or (np.empty(0), np.empty(0))
    assert (low[0], high[0]) == (low[1], high[1])
    assert (low[2], high[2]) == pytest.approx((-high[0], -low[0]))


@pytest.mark.parametrize(("runs", "expected"), [(3, 0.75), (5, 0.84), (10, 0.90), (20, 0.93)])
def test_band_covers_like_the_interval(runs: int, expected: float) -> None:
    generator = rng()
    covered = []
    for _ in range(40):
        low, high = bootstrap_band(generator.normal(size=(runs, 200)), rng=generator) or (np.inf, np.inf)
        covered.append(np.mean((low <= 0) & (high >= 0)))
    assert np.mean(covered) == pytest.approx(expected, abs=0.015)


# Sign-flip permutation test


def test_p_value_by_hand() -> None:
    # Of the 8 sign patterns of (1, 2, 3) only +++ and --- sum to 6 in size.
    assert sign_flip_p_value([1, 2, 3]) == 2 / 8
    # Of the 4 of (1, -3): sums 4, -2, 2, -4, all at least 2 in size.
    assert sign_flip_p_value([1, -3]) == 1.0
    assert sign_flip_p_value([0.1] * 10) == 2 / 2**10
    assert sign_flip_p_value([0.0] * 10) == 1.0


@given(score_pairs)
def test_exact_p_value_is_scipys(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, dtype=float).T
    expected = oracle.permutation_test(
        (b, a), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    # scipy doubles the smaller tail and we count both: the same, as flipping every sign mirrors the distribution.
    assert sign_flip_p_value(b - a) == pytest.approx(min(1.0, expected.pvalue))


@pytest.mark.parametrize("effect", [0.0, 0.3, 0.6])
def test_random_p_value_is_scipys(effect: float) -> None:
    differences = rng().normal(effect, 1, size=15)
    expected = oracle.permutation_test(
        (differences, np.zeros(15)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    # Four standard errors of a share of 9999 random patterns.
    error = 4 * np.sqrt(expected.pvalue * (1 - expected.pvalue) / 9999)
    assert sign_flip_p_value(differences) == pytest.approx(expected.pvalue, abs=error + 1e-4)


def test_random_p_value_is_never_zero_and_repeats() -> None:
    differences = rng().uniform(1, 2, size=40)
    assert sign_flip_p_value(differences) == 1 / 10_000
    noise = rng().normal(size=40)
    assert sign_flip_p_value(noise) == sign_flip_p_value(noise)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=10), st.floats(0.01, 100))
def test_p_value_knows_neither_direction_nor_unit(differences: list[float], unit: float) -> None:
    d = np.round(differences, 3)
    p_value = sign_flip_p_value(d)
    assert 2 / 2**d.size <= p_value <= 1
    assert sign_flip_p_value(-d) == p_value
    assert sign_flip_p_value(unit * d) == p_value


# Paired comparison


def test_a_clear_difference_is_said_with_its_numbers() -> None:
    a = rng().normal(size=10)
    found = paired_comparison(a, a + np.linspace(0.42, 0.62, 10))
    assert found.difference == pytest.approx(0.52)
    assert found.verdict == "b is higher by 0.52 (95 % interval 0.48 to 0.56, p 0.002)"
    assert (found.p_value, found.n) == (2 / 2**10, 10)


def test_the_higher_arm_is_named_with_positive_numbers() -> None:
    a = rng().normal(size=10)
    found = paired_comparison(a, a - np.linspace(0.42, 0.62, 10), names=("tamer", "coach"))
    assert found.verdict == "tamer is higher by 0.52 (95 % interval 0.48 to 0.56, p 0.002)"
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.difference < found.high < 0


def test_a_small_difference_cannot_be_told_apart() -> None:
    a = rng().normal(size=8)
    found = paired_comparison(a, a + np.array([0.3, -0.3, 0.2, -0.2, 0.1, -0.1, 0.4, -0.32]))
    assert found.verdict == "a and b cannot be told apart (difference 0.01, 95 % interval -0.17 to 0.19, p 1.000)"


@pytest.mark.parametrize("n", [0, 1, 2])
def test_under_three_pairs_nothing_is_said(n: int) -> None:
    found = paired_comparison(np.zeros(n), np.arange(n) + 1.0)
    assert found.verdict == f"too few seeds to say ({n}; at least 3)"
    assert (found.low, found.high, found.p_value, found.n) == (None, None, None, n)
    assert np.isnan(found.difference) == (n == 0)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_three_to_five_pairs_only_hint(n: int) -> None:
    a = rng().normal(size=n)
    found = paired_comparison(a, a + 10 + np.arange(n))
    assert found.verdict.startswith("b looks higher by 1")
    assert found.verdict.endswith(f"but {n} seeds can only hint (p cannot go under {2 / 2**n:.3g})")
    unclear = paired_comparison(np.zeros(n), np.arange(n) - 1.0)
    assert "cannot be told apart" in unclear.verdict
    assert f"{n} seeds can only hint" in unclear.verdict


def test_six_pairs_can_decide_and_a_stricter_level_asks_for_more() -> None:
    b = 10 + np.arange(6.0)
    assert paired_comparison(np.zeros(6), b).verdict.startswith("b is higher by 12.50 (95 % interval ")
    assert "6 seeds can only hint" in paired_comparison(np.zeros(6), b, level=0.99).verdict
    assert "b is higher by 13.50 (99 % interval" in paired_comparison(np.zeros(8), 10 + np.arange(8.0), 0.99).verdict


def test_interval_and_test_must_agree() -> None:
    # Hardly a resample is all zeros, so the interval leaves 0 out; but flipping a zero changes nothing, so only the
    # four other signs count in the test.
    differences = np.array([5.0, 5.0, 5.0, 5.0, 0.0, 0.0, 0.0])
    found = paired_comparison(np.zeros(7), differences)
    assert found.low is not None
    assert found.low > 0
    assert found.p_value == 2 / 2**4
    assert found.verdict.startswith("a and b cannot be told apart (difference 2.86")


def test_identical_arms() -> None:
    a = rng().normal(size=10)
    assert paired_comparison(a, a.copy()) == Comparison(
        0.0, 0.0, 0.0, 1.0, 10, "a and b cannot be told apart (the same score in each of 10 seeds)"
    )


def test_rounding_is_not_a_difference() -> None:
    a = np.full(10, 0.3)
    found = paired_comparison(a, np.full(10, 0.1 + 0.2))  # 0.30000000000000004
    assert found.difference == 0
    assert "the same score" in found.verdict


def test_a_bound_of_zero_up_to_rounding_holds_zero() -> None:
    # 0.1 + 0.2 - 0.3 is 6e-17: a resample with that sum must not take 0 out of the interval.
    found = paired_comparison(np.zeros(3), [0.1, 0.2, -0.3], level=0.01)
    assert (found.low, found.high) == (0.0, 0.0)
    assert "cannot be told apart (difference 0.00, 1 % interval 0.00 to 0.00" in found.verdict


def test_constant_difference() -> None:
    a = rng().normal(size=10)
    assert paired_comparison(a, a + 0.5).verdict == "b is higher by 0.50 (95 % interval 0.50 to 0.50, p 0.002)"
    assert "3 seeds can only hint" in paired_comparison(a[:3], a[:3] + 0.5).verdict


def test_small_numbers_get_the_digits_they_need() -> None:
    found = paired_comparison(np.zeros(10), np.linspace(0.0004, 0.0006, 10))
    assert found.verdict == "b is higher by 0.0005 (95 % interval 0.0005 to 0.0005, p 0.002)"


def test_more_pairs_than_can_be_enumerated() -> None:
    a = rng().normal(size=30)
    found = paired_comparison(a, a + 1 + 0.1 * rng().normal(size=30))
    assert found.p_value == 1 / 10_000
    assert found.verdict.endswith("p under 0.001)")
    assert found == paired_comparison(a, a + 1 + 0.1 * rng().normal(size=30))


@given(score_pairs)
def test_swapping_the_arms_swaps_the_difference(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, dtype=float).T
    one, other = paired_comparison(a, b, resamples=200), paired_comparison(b, a, resamples=200, names=("b", "a"))
    assert one.difference == -other.difference
    assert one.p_value == other.p_value
    assert one.low is not None
    assert other.high is not None
    assert one.low == pytest.approx(-other.high)
    if "higher" in one.verdict:
        assert one.verdict.split(" by ")[0] == other.verdict.split(" by ")[0]


@pytest.mark.parametrize(("n", "most"), [(6, 0.04), (10, 0.07)])
def test_equal_arms_are_seldom_called_different(n: int, most: float) -> None:
    generator = rng()
    arms = generator.normal(size=(500, 2, n))
    higher = np.mean(["is higher" in paired_comparison(a, b, resamples=200).verdict for a, b in arms])
    assert higher <= most  # at most 2/64 and 0.05 in the long run, and two standard errors


# Probability of improvement


def test_probability_of_improvement_by_hand() -> None:
    assert probability_of_improvement([1, 2, 3], [4, 5]) == 1.0
    assert probability_of_improvement([4, 5], [1, 2, 3]) == 0.0
    assert probability_of_improvement([1, 3], [2, 3]) == (1 + 0 + 1 + 0.5) / 4
    assert probability_of_improvement([1, 1], [1]) == 0.5


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=20),
    st.lists(st.integers(-9, 9), min_size=1, max_size=20),
)
def test_probability_of_improvement_is_mann_whitneys_u(a: list[int], b: list[int]) -> None:
    u = oracle.mannwhitneyu(b, a).statistic
    assert probability_of_improvement(a, b) == pytest.approx(u / (len(a) * len(b)))
    assert probability_of_improvement(a, b) + probability_of_improvement(b, a) == pytest.approx(1)


# What is refused


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_a_number_is_refused_everywhere(bad: float) -> None:
    scores = [1.0, 2.0, bad, 3.0]
    calls: list[Callable[[], object]] = [
        lambda: mean(scores),
        lambda: iqm(scores),
        lambda: bootstrap_interval(scores),
        lambda: bootstrap_interval([bad]),
        lambda: bootstrap_band([scores] * 3),
        lambda: sign_flip_p_value(scores),
        lambda: paired_comparison(scores, [1, 2, 3, 4]),
        lambda: paired_comparison([1, 2, 3, 4], scores),
        lambda: probability_of_improvement(scores, [1]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="NaN or an infinity"):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean([]), "no scores"),
        (lambda: iqm([]), "no scores"),
        (lambda: bootstrap_interval(5.0), "shape"),
        (lambda: bootstrap_interval(np.ones((3, 2, 2))), "shape"),
        (lambda: bootstrap_interval([1, 2, 3], level=1.0), "level"),
        (lambda: bootstrap_interval([1, 2, 3], level=95), "level"),
        (lambda: bootstrap_interval([1, 2, 3], resamples=0), "resamples"),
        (lambda: bootstrap_band([1, 2, 3]), "shape"),
        (lambda: bootstrap_band(np.ones((3, 3)), level=0.0), "level"),
        (lambda: sign_flip_p_value([]), "no differences"),
        (lambda: paired_comparison([1, 2, 3], [1, 2]), "same seeds: a has 3 scores, b has 2"),
        (lambda: paired_comparison([[1, 2, 3]], [[1, 2, 3]]), "one dimension"),
        (lambda: probability_of_improvement([], [1]), "at least one run"),
        (lambda: probability_of_improvement([1], []), "at least one run"),
    ],
)
def test_impossible_input_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
