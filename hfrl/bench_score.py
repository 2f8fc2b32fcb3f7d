"""hfrl-feedback score v4: what one run of a taught agent is worth, in numbers that can be checked by hand.

The definition, with its reasons, is docs/bench.md. A change of any number here is a new version.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION = "hfrl-feedback score v4"
#: A run has arrived at the first evaluation at this share of the best.
SHARE = 0.9
#: Evenly spaced evaluations of a run, the last at its end. The score's clock ticks in these.
EVALUATIONS = 40
#: The end of a run is the mean of its last evaluations: this share of them.
FINAL = 0.1
_ROUNDING = 1e-9

Numbers = NDArray[Any]


class Goal(NamedTuple):
    """What can be reached in a world.

    Attributes:
        zero: the utility of a run that learnt nothing of use: attainment 0.
        best: the greatest expected utility of any policy: attainment 1.
        best_return, best_taste: the greatest expected return of any policy, and taste; None where there is no taste.
        taste_weight: utility = return + taste_weight * taste.
    """

    zero: float
    best: float
    best_return: float
    best_taste: float | None = None
    taste_weight: float = 0.0


class Marks(NamedTuple):
    """What one run came to.

    Attributes:
        steps: of the first evaluation at the threshold; the whole budget where there was none.
        reached: whether there was one; where not, ``steps`` is a lower bound (a censored time).
        presses_to: presses used by then.
        speed, area, final: the three parts of the score, each in [0, 1].
        score: 100 times their mean.
        final_return, final_taste: at the end of the run; taste None where the world has none.
    """

    steps: float
    reached: bool
    presses_to: float
    speed: float
    area: float
    final: float
    score: float
    final_return: float
    final_taste: float | None


def threshold(best: float, share: float = SHARE) -> float:
    """90 % of the best; of a negative best, a tenth of its size below it.

    >>> threshold(500.0), round(threshold(-13.0), 9)
    (450.0, -14.3)
    """
    return best - (1 - share) * abs(best)


def attainment(value: float, zero: float, best: float) -> float:
    """How far a utility is on the way from ``zero`` to ``best``, within [0, 1].

    >>> attainment(250.0, 0.0, 500.0), attainment(-200.0, -100.0, -13.0)
    (0.5, 0.0)
    """
    return min(1.0, max(0.0, (value - zero) / (best - zero)))


def speed(steps: float, budget: float, reached: bool = True, evaluations: int = EVALUATIONS) -> float:
    """1 where the first of the evaluations is at the threshold, 0 where only the last or none is; in between every
    halving of the steps is worth the same: log(budget / steps) / log(evaluations).

    >>> round(speed(100.0, 1600.0, evaluations=16), 12), speed(1600.0, 1600.0), speed(1600.0, 1600.0, reached=False)
    (1.0, 0.0, 0.0)
    >>> round(speed(400.0, 1600.0, evaluations=16), 12)
    0.5
    """
    if not reached:
        return 0.0
    return min(1.0, math.log(budget / steps) / math.log(evaluations))


def score(speed_part: float, area_part: float, final_part: float) -> float:
    """100 times the mean of the three parts.

    >>> score(0.5, 0.25, 0.75)
    50.0
    """
    return 100 * (speed_part + area_part + final_part) / 3


def attainments(returns: Numbers, tastes: Numbers | None, goal: Goal) -> Numbers:
    """The attainment of every evaluation: shape as ``returns``."""
    utility = returns if tastes is None else returns + goal.taste_weight * tastes
    return np.clip((utility - goal.zero) / (goal.best - goal.zero), 0.0, 1.0)


def marks(timesteps: Numbers, returns: Numbers, tastes: Numbers | None, presses: Numbers, goal: Goal) -> Marks:
    """Mark one run by its evaluations, each standing for the steps since the one before.

    Args:
        timesteps: (E,), evenly spaced, the last at the end of the run.
        returns, tastes: (E,), means over the episodes of each evaluation.
        presses: (E,), used so far.
        goal: of the world.
    """
    budget = float(timesteps[-1])
    judged, best = (returns, goal.best_return) if tastes is None else (tastes, goal.best_taste)
    assert best is not None
    at = judged >= threshold(best) - _ROUNDING
    reached = bool(at.any())
    first = int(at.argmax()) if reached else len(timesteps) - 1
    attained = attainments(returns, tastes, goal)
    last = max(1, round(FINAL * len(timesteps)))
    parts = (
        speed(float(timesteps[first]), budget, reached, len(timesteps)),
        float(attained.mean()),
        float(attained[-last:].mean()),
    )
    return Marks(
        float(timesteps[first]),
        reached,
        float(presses[first]),
        *parts,
        score(*parts),
        float(returns[-last:].mean()),
        None if tastes is None else float(tastes[-last:].mean()),
    )


class Speedup(NamedTuple):
    """How many times fewer steps than without feedback, the geometric mean over seeds.

    Attributes:
        times: the factor; above 1 is faster.
        bound: ``""`` where it is exact, ``">="`` where only runs without feedback never arrived (it is at least this),
            ``"<="`` where only taught ones never did, ``"?"`` where both kinds did not.
        logs: (seeds,), the logarithms that it is the mean of, for an interval.
    """

    times: float
    bound: str
    logs: Numbers


def speedup(plain: Sequence[Marks], taught: Sequence[Marks]) -> Speedup:
    """Steps without feedback over steps with it, seed by seed. A run that never arrived counts with its whole budget,
    which makes its time too short, never too long; the bound says which way that errs.

    >>> def run(steps, reached=True): return Marks(steps, reached, 0, 0, 0, 0, 0, 0, None)
    >>> speedup([run(400.0), run(400.0)], [run(100.0), run(400.0)])[:2]
    (2.0, '')
    >>> speedup([run(400.0, False)], [run(100.0)])[:2]
    (4.0, '>=')
    """
    logs = np.array([math.log(a.steps / b.steps) for a, b in zip(plain, taught, strict=True)])
    # A pair in which neither arrived is a tie at the budget; it says nothing, and neither bound.
    short = any(not a.reached and b.reached for a, b in zip(plain, taught, strict=True))
    long = any(a.reached and not b.reached for a, b in zip(plain, taught, strict=True))
    silent = any(not a.reached and not b.reached for a, b in zip(plain, taught, strict=True))
    bound = "?" if silent or (short and long) else ">=" if short else "<=" if long else ""
    return Speedup(float(np.exp(logs.mean())), bound, logs)
