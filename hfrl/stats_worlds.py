"""Several worlds at once: numbers of shape (runs, worlds, ...), resampled in each world by itself.

Source of all of it: Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical precipice",
sections 4.1 (the stratified bootstrap), 4.2 (profiles) and 4.3 (the interquartile mean, probability of improvement).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hfrl.stats import FEWEST_RUNS, Scores, iqm_curve, performance_profile, probability_of_improvement

LEVEL = 0.95
RESAMPLES = 1000
Band = tuple[Scores, Scores]


def normalised(returns: npt.ArrayLike, worst: float, best: float) -> Scores:
    """How far on the way from ``worst`` (0) to ``best`` (1); where the two are equal, 1 is what reaches them.

    >>> normalised(np.array([-3.0, 1.0, 5.0]), 1.0, 5.0).tolist()
    [-1.0, 0.0, 1.0]
    >>> normalised(np.array([2.0, 1.0]), 2.0, 2.0).tolist()
    [1.0, 0.0]
    """
    shares: Scores = 1 + (np.asarray(returns) - best) / ((best - worst) or 1.0)
    return shares


def resampled(scores: Scores, rng: np.random.Generator) -> Scores:
    """As many runs with replacement, in each world by itself."""
    drawn = rng.integers(len(scores), size=scores.shape[:2])
    return scores[drawn, np.arange(scores.shape[1])]


def stratified_band(
    scores: Scores, statistic: Callable[[Scores], Scores], rng: np.random.Generator | None = None
) -> Band | None:
    """The 95 % percentile bootstrap band of a statistic, number by number; None under three runs.

    Args:
        scores: (runs, worlds, ...), finite.
        statistic: maps an array of that shape to numbers.
        rng: source of the resamples; by default a fresh generator with seed 0.
    """
    if len(scores) < FEWEST_RUNS:
        return None
    rng = rng or np.random.default_rng(0)
    drawn = [statistic(resampled(scores, rng)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return low, high


def iqm_over_worlds(curves: Scores) -> Scores:
    """The interquartile mean over runs and worlds together, at each point: (runs, worlds, points) -> (points,)."""
    return iqm_curve(curves.reshape(-1, curves.shape[-1]))


def profile_over_worlds(scores: Scores, thresholds: npt.ArrayLike) -> Scores:
    """The share of runs of all worlds with at least so much: (runs, worlds), (points,) -> (points,)."""
    return performance_profile(scores.ravel(), thresholds)


def improvement_over_worlds(a: Scores, b: Scores) -> float:
    """The probability that a run of b beats one of a in the same world, mean over worlds: (runs, worlds) each.

    >>> improvement_over_worlds(np.array([[0.0, 5.0], [1.0, 5.0]]), np.array([[2.0, 5.0]]))
    0.75
    """
    worlds = range(a.shape[1])
    return float(np.mean([probability_of_improvement(a[:, world], b[:, world]) for world in worlds]))


def improvement_interval_over_worlds(a: Scores, b: Scores) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of :func:`improvement_over_worlds`; None where an arm has under three runs."""
    if min(len(a), len(b)) < FEWEST_RUNS:
        return None
    rng = np.random.default_rng(0)
    drawn = [improvement_over_worlds(resampled(a, rng), resampled(b, rng)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
