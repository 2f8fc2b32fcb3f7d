"""How sure the numbers of a few seeds let us be: intervals, bands and paired comparisons.

Everything here follows two rules of Agarwal et al. (2021), "Deep reinforcement learning at the edge of the
statistical precipice" (NeurIPS): say how wide the uncertainty is, and do not read more out of a handful of runs than
they hold. The functions are pure: the same data gives the same numbers, since each makes its own random generator
unless it is handed one.

The percentile bootstrap is too narrow for few runs. For normally distributed scores the interval that says 95 %
contains the true mean in about 75 % of experiments at 3 runs, 84 % at 5, 90 % at 10 and 93 % at 20 (measured; see
tests/test_stats.py). Read it as a lower bound on how unsure you should be.
"""

from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Statistic = Callable[[Scores], float]

FEWEST_RUNS = 3
"""Under three runs there is no interval: resampling one or two numbers only repeats them."""

EXACT_UP_TO = 12
"""Up to twelve pairs all 2^n sign flips (4096 at most) are counted; above, a random sample of them."""

SIGN_FLIPS = 9_999
"""Random sign flips above EXACT_UP_TO; one short of a round number, because the data itself counts as one more."""

_ROUNDING = 1e-12
"""Two scores closer than this share of their size differ by floating-point rounding only."""


class Comparison(NamedTuple):
    """Arm b against arm a over the same seeds, as `paired_comparison` found it."""

    difference: float
    """Mean of b - a over the pairs; NaN without any pair."""
    low: float | None
    """Lower end of the bootstrap interval of the difference; None under three pairs."""
    high: float | None
    """Upper end; None under three pairs."""
    p_value: float | None
    """Two-sided sign-flip permutation p-value, in (0, 1]; None under three pairs."""
    n: int
    """Number of pairs (seeds)."""
    verdict: str
    """The result in words, for a person."""


def mean(scores: npt.ArrayLike) -> float:
    """Arithmetic mean of all entries.

    Args:
        scores: any shape; not empty, finite.

    Raises:
        ValueError: `scores` is empty or has a NaN or an infinity.
    """
    values = _finite(scores)
    if not values.size:
        raise ValueError("no scores to take the mean of")
    return float(np.mean(values))


def iqm(scores: npt.ArrayLike) -> float:
    """Interquartile mean: the mean of the middle half of all entries.

    Less moved by one lucky or lost run than the mean, less noisy than the median. A quarter of the entries, rounded
    down, is dropped at each end, over runs and tasks pooled; the same number as
    ``scipy.stats.trim_mean(scores, 0.25, axis=None)``.

    Args:
        scores: any shape, for example (runs,) or (runs, tasks); not empty, finite.

    Raises:
        ValueError: `scores` is empty or has a NaN or an infinity.

    Source: Agarwal et al. (2021), section 4.3.
    """
    ordered = np.sort(_finite(scores), axis=None)
    cut = ordered.size // 4
    return mean(ordered[cut : ordered.size - cut])


def bootstrap_interval(
    scores: npt.ArrayLike,
    statistic: Statistic = mean,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator | None = None,
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of a statistic over runs, stratified by task.

    Draws `runs` runs with replacement, independently in each task, computes the statistic, and repeats; the interval
    holds the middle `level` of the results.

    Args:
        scores: (runs,) or (runs, tasks), finite.
        statistic: maps an array of the shape of `scores` to one number; `mean` or `iqm`, say.
        level: in (0, 1).
        resamples: at least 1.
        rng: source of the resamples; by default a fresh generator with seed 0, so that the same scores give the
            same interval.

    Returns:
        (low, high), or None under three runs.

    Raises:
        ValueError: a NaN or an infinity in `scores`, a shape that is not (runs,) or (runs, tasks), a level or a
            number of resamples out of range.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", section 13.3 (percentile interval);
    Agarwal et al. (2021), section 4.1 (stratified over tasks).
    """
    runs = _finite(scores)
    if runs.ndim not in (1, 2):
        raise ValueError(f"scores must have shape (runs,) or (runs, tasks), not {runs.shape}")
    _check_bootstrap(level, resamples)
    if len(runs) < FEWEST_RUNS:
        return None
    rng = _generator(rng)
    statistics = [
        statistic(np.take_along_axis(runs, rng.integers(len(runs), size=runs.shape), axis=0)) for _ in range(resamples)
    ]
    low, high = np.quantile(statistics, _tails(level))
    return float(low), float(high)


def bootstrap_band(
    curves: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator | None = None,
) -> tuple[Scores, Scores] | None:
    """Percentile bootstrap band of the mean curve, point by point.

    Whole curves are resampled, so that a seed that learns late is late at every point. How often each run is drawn
    is multinomial, and the means of all resamples are one matrix product: counts (resamples, runs) times curves
    (runs, points), over runs. The band holds at each point by itself, not for the whole curve at once.

    Args:
        curves: (runs, points), finite.
        level: in (0, 1).
        resamples: at least 1.
        rng: source of the resamples; by default a fresh generator with seed 0.

    Returns:
        (low, high), each of shape (points,), or None under three runs.

    Raises:
        ValueError: a NaN or an infinity in `curves`, another shape, a level or a number of resamples out of range.

    Source: as `bootstrap_interval`.
    """
    values = _finite(curves)
    if values.ndim != 2:
        raise ValueError(f"curves must have shape (runs, points), not {values.shape}")
    _check_bootstrap(level, resamples)
    runs = len(values)
    if runs < FEWEST_RUNS:
        return None
    counts = _generator(rng).multinomial(runs, np.full(runs, 1 / runs), size=resamples)
    low, high = np.quantile(counts @ values / runs, _tails(level), axis=0)
    return low, high


def sign_flip_p_value(differences: npt.ArrayLike, rng: np.random.Generator | None = None) -> float:
    """Two-sided paired permutation p-value of the mean difference.

    If the two arms were the same, each difference would be as likely with the other sign. The p-value is the share
    of sign patterns whose mean is as far from 0 as the observed one: of all 2^n patterns up to n = 12, of 9999 random
    ones and the observed one above. The smallest exact value is 2 / 2^n, so under 0.05 only from n = 6.

    Args:
        differences: (n,), n >= 1, finite.
        rng: source of the random sign patterns above n = 12; by default a fresh generator with seed 0.

    Returns:
        A number in (0, 1].

    Raises:
        ValueError: `differences` is empty, not one-dimensional, or has a NaN or an infinity.

    Source: Fisher (1935), "The design of experiments", section 21; the + 1 of the random case is Phipson and Smyth
    (2010), "Permutation p-values should never be zero".
    """
    d = _one_dimensional("differences", differences)
    n = d.size
    if n == 0:
        raise ValueError("no differences to test")
    # A pattern that ties with the data must count although the order of summation rounds it differently.
    threshold = abs(d.sum()) - _ROUNDING * np.abs(d).sum()
    if n <= EXACT_UP_TO:
        patterns = np.arange(2**n)[:, None] >> np.arange(n) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ d) >= threshold))
    signs = _generator(rng).choice([-1.0, 1.0], size=(SIGN_FLIPS, n))
    return float((1 + np.sum(np.abs(signs @ d) >= threshold)) / (1 + SIGN_FLIPS))


def paired_comparison(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    level: float = 0.95,
    names: tuple[str, str] = ("a", "b"),
    resamples: int = 2000,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Compare two arms that ran with the same seeds, pair by pair.

    Pairing takes out what a seed does to both arms, so a few seeds say more. One arm is called higher only if the
    bootstrap interval of the mean difference leaves 0 out and the sign-flip test agrees (p < 1 - level). Where the
    test has too few pairs to ever agree (under 6 at level 0.95), the verdict says that they can only hint.

    Args:
        a: (n,), one score per seed, finite.
        b: (n,), the scores of the same seeds in the same order, finite.
        level: of the interval, in (0, 1).
        names: what the verdict calls a and b.
        resamples: of the bootstrap, at least 1.
        rng: source of the resamples and of the random sign flips above n = 12; by default fresh generators with
            seed 0, so that the same scores give the same verdict.

    Returns:
        A `Comparison`; its difference is b - a.

    Raises:
        ValueError: different lengths, not one-dimensional, a NaN or an infinity, a level or a number of resamples
            out of range.

    Source: `bootstrap_interval` and `sign_flip_p_value`.
    """
    first, second = _one_dimensional("a", a), _one_dimensional("b", b)
    if first.shape != second.shape:
        raise ValueError(f"paired arms need the same seeds: a has {first.size} scores, b has {second.size}")
    # Two equal scores added up in another order are still equal: rounding must not become a finding.
    differences = np.where(np.isclose(first, second, rtol=_ROUNDING, atol=0.0), 0.0, second - first)
    n = differences.size
    difference = mean(differences) if n else float("nan")
    interval = bootstrap_interval(differences, mean, level, resamples, rng)
    if interval is None:
        return Comparison(difference, None, None, None, n, f"too few seeds to say ({n}; at least {FEWEST_RUNS})")
    tiny = _ROUNDING * np.abs(differences).max()
    low, high = (0.0 if abs(bound) <= tiny else bound for bound in interval)
    p_value = sign_flip_p_value(differences, rng)
    verdict = _verdict(differences, low, high, p_value, level, names)
    return Comparison(difference, low, high, p_value, n, verdict)


def probability_of_improvement(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Probability that a random run of b scores above a random run of a, ties counting half.

    P(B > A) + P(B = A) / 2, over all pairs of runs: the Mann-Whitney U statistic of b divided by len(a) len(b). 0.5
    says that neither is ahead. Unpaired, so the two arms may have different numbers of runs.

    Args:
        a: (runs of a,), at least one, finite.
        b: (runs of b,), at least one, finite.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: an empty arm, not one-dimensional, a NaN or an infinity.

    Source: Agarwal et al. (2021), their probability of improvement on one task; Mann and Whitney (1947).
    """
    first, second = _one_dimensional("a", a), _one_dimensional("b", b)
    if not first.size or not second.size:
        raise ValueError("both arms need at least one run")
    return float(np.mean(np.heaviside(second[:, None] - first, 0.5)))


def improvement_interval(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator | None = None,
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of `probability_of_improvement`: both arms are resampled, each by itself.

    Args:
        a, b: as for `probability_of_improvement`.
        level: in (0, 1).
        resamples: at least 1.
        rng: source of the resamples; by default a fresh generator with seed 0.

    Returns:
        (low, high), or None where an arm has under three runs.

    Raises:
        ValueError: as `probability_of_improvement`; a level or a number of resamples out of range.

    Source: Agarwal et al. (2021), section 4.3.
    """
    first, second = _one_dimensional("a", a), _one_dimensional("b", b)
    _check_bootstrap(level, resamples)
    if min(len(first), len(second)) < FEWEST_RUNS:
        return None
    wins = np.heaviside(second[:, None] - first, 0.5)
    rng = _generator(rng)
    rows, columns = (rng.integers(size, size=(resamples, size)) for size in wins.shape)
    shares = [float(wins[np.ix_(row, column)].mean()) for row, column in zip(rows, columns, strict=True)]
    low, high = np.quantile(shares, _tails(level))
    return float(low), float(high)


def performance_profile(scores: npt.ArrayLike, thresholds: npt.ArrayLike) -> Scores:
    """The share of runs that score at least each threshold: of two arms, the higher line is the better one.

    Args:
        scores: (runs,), at least one, finite.
        thresholds: (points,), finite.

    Returns:
        (points,), each in [0, 1].

    Raises:
        ValueError: no run, not one-dimensional, a NaN or an infinity.

    Source: Agarwal et al. (2021), section 4.2 (there with > for >=).

    >>> performance_profile([1.0, 2.0, 2.0, 5.0], [0.0, 1.0, 1.5, 2.0, 3.0, 6.0]).tolist()
    [1.0, 1.0, 0.75, 0.75, 0.25, 0.0]
    """
    runs, points = _one_dimensional("scores", scores), _one_dimensional("thresholds", thresholds)
    if not runs.size:
        raise ValueError("no scores to make a profile of")
    shares: Scores = np.mean(runs[:, None] >= points, axis=0)
    return shares


def profile_band(
    scores: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 2000,
    rng: np.random.Generator | None = None,
) -> tuple[Scores, Scores] | None:
    """Percentile bootstrap band of `performance_profile`, point by point; None under three runs.

    Args, errors and source: as `performance_profile` and `bootstrap_band`, whose band of the mean it is: a profile is
    the mean of one step function per run.
    """
    runs, points = _one_dimensional("scores", scores), _one_dimensional("thresholds", thresholds)
    return bootstrap_band((runs[:, None] >= points).astype(np.float64), level, resamples, rng)


def iqm_curve(curves: npt.ArrayLike) -> Scores:
    """The interquartile mean over runs at each point of their curves: (runs, points) -> (points,).

    Raises:
        ValueError: no run, another shape, a NaN or an infinity.

    >>> iqm_curve([[0.0, 9.0], [1.0, 1.0], [3.0, 2.0], [90.0, 3.0]]).tolist()
    [2.0, 2.5]
    """
    values = _finite(curves)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"curves must have shape (runs, points), not {values.shape}")
    ordered, cut = np.sort(values, axis=0), len(values) // 4
    middle: Scores = np.mean(ordered[cut : len(values) - cut], axis=0)
    return middle


def iqm_band(
    curves: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 1000,
    rng: np.random.Generator | None = None,
) -> tuple[Scores, Scores] | None:
    """Percentile bootstrap band of `iqm_curve`; whole curves are resampled, as in `bootstrap_band`.

    Returns:
        (low, high), each of shape (points,), or None under three runs.

    Raises:
        ValueError: as `bootstrap_band`.
    """
    values = _finite(curves)
    if values.ndim != 2:
        raise ValueError(f"curves must have shape (runs, points), not {values.shape}")
    _check_bootstrap(level, resamples)
    if len(values) < FEWEST_RUNS:
        return None
    rng = _generator(rng)
    drawn = [iqm_curve(values[rng.integers(len(values), size=len(values))]) for _ in range(resamples)]
    low, high = np.quantile(drawn, _tails(level), axis=0)
    return low, high


def seeds_to_tell_apart(differences: npt.ArrayLike, power: float = 0.8, level: float = 0.95) -> int | None:
    """How many pairs in all a paired test at this level needs to find, with this probability, a difference as large and
    as scattered as the one that was measured.

    The normal approximation of the paired t-test with its correction for few pairs,
    n = ((z_a + z_b) s / d)^2 + z_a^2 / 2, where d and s are mean and standard deviation of the differences, z_a and z_b
    the normal quantiles of (1 + level) / 2 and of the power; the sign-flip test has the same power for these sizes. At
    least as many as the sign-flip test needs to ever agree (6 at level 0.95). A few pairs measure d and s badly, so the
    answer is an order of magnitude, not a promise.

    Args:
        differences: (n,), n >= 2, finite.
        power: in (0, 1).
        level: in (0, 1).

    Returns:
        The number of pairs; None where the mean difference is 0: no number of pairs would tell.

    Raises:
        ValueError: under two differences, not one-dimensional, a NaN or an infinity, power or level out of range.

    Source: Guenther (1981), "Sample size formulas for normal theory t tests"; Fisher (1935) as in `sign_flip_p_value`.

    >>> seeds_to_tell_apart([1.0, 3.0]), seeds_to_tell_apart([-1.0, 3.0, -1.0, 3.0]), seeds_to_tell_apart([-1.0, 1.0])
    (7, 44, None)
    """
    d = _one_dimensional("differences", differences)
    if d.size < 2:
        raise ValueError("at least two differences are needed to know how much they scatter")
    if not 0 < power < 1 or not 0 < level < 1:
        raise ValueError(f"power and level must lie between 0 and 1, not {power} and {level}")
    shift, scatter = abs(float(np.mean(d))), float(np.std(d, ddof=1))
    if shift <= _ROUNDING * float(np.abs(d).max()):
        return None
    normal = NormalDist()
    wrong, found = normal.inv_cdf((1 + level) / 2), normal.inv_cdf(power)
    pairs = ((wrong + found) * scatter / shift) ** 2 + wrong**2 / 2
    least = int(np.ceil(np.log2(2 / (1 - level)) + 1e-9))
    # With so few the sign-flip test agrees only if all differences have one sign.
    if pairs <= least and scatter > 0 and normal.cdf(shift / scatter) ** least < power:
        least += 1
    return max(least, int(np.ceil(pairs)))


def _verdict(differences: Scores, low: float, high: float, p_value: float, level: float, names: tuple[str, str]) -> str:
    """The comparison in words; an arm is always said to be higher, never lower, so that the numbers are positive."""
    first, second = names
    n = differences.size
    if not differences.any():
        return f"{first} and {second} cannot be told apart (the same score in each of {n} seeds)"
    alpha, smallest_p = 1 - level, 2 / 2**n
    only_hint = smallest_p >= alpha
    if low <= 0 <= high or (p_value >= alpha and not only_hint):
        size, interval = _words(mean(differences), low, high, level)
        weight = f"{n} seeds can only hint" if only_hint else f"p {_p_words(p_value)}"
        return f"{first} and {second} cannot be told apart (difference {size}, {interval}, {weight})"
    higher = second if low > 0 else first
    near, far = sorted((abs(low), abs(high)))
    size, interval = _words(abs(mean(differences)), near, far, level)
    if only_hint:
        limit = f"{n} seeds can only hint (p cannot go under {smallest_p:.3g})"
        return f"{higher} looks higher by {size} ({interval}), but {limit}"
    return f"{higher} is higher by {size} ({interval}, p {_p_words(p_value)})"


def _words(size: float, low: float, high: float, level: float) -> tuple[str, str]:
    """``("0.52", "95 % interval 0.48 to 0.57")``, with digits enough that no bound reads as a false 0."""
    digits = next((digits for digits in range(2, 6) if all(round(bound, digits) for bound in (low, high) if bound)), 6)
    return f"{size:z.{digits}f}", f"{100 * level:g} % interval {low:z.{digits}f} to {high:z.{digits}f}"


def _p_words(p_value: float) -> str:
    return "under 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def _generator(rng: np.random.Generator | None) -> np.random.Generator:
    return np.random.default_rng(0) if rng is None else rng


def _check_bootstrap(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")


def _finite(scores: npt.ArrayLike) -> Scores:
    values = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("scores have a NaN or an infinity")
    return values


def _one_dimensional(name: str, scores: npt.ArrayLike) -> Scores:
    values = _finite(scores)
    if values.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not shape {values.shape}")
    return values
