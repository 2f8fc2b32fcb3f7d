"""Somebody who compares: which of two segments of behaviour is better, and the ways in which they are not perfect.

The chance of a preference is that of Bradley & Terry, as in Christiano et al., "Deep reinforcement learning from human
preferences" (2017, eq. 1); the person with all dials is that of Lee, Smith, Dragan & Abbeel, "B-Pref: Benchmarking
preference-based reinforcement learning" (2021).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hfrl.teachers import check_probability
from hfrl.types import UserError

# --- the equations ---------------------------------------------------------------------------------------------------


def preference(difference: float, beta: float = 1.0) -> float:
    """P(1 > 2) = 1 / (1 + exp(-beta (R1 - R2))); an infinite beta is never wrong, and throws a coin between equals.

    >>> round(preference(1.0), 4), preference(-2.0, math.inf), preference(0.0, math.inf)
    (0.7311, 0.0, 0.5)
    """
    x = beta * difference if difference else 0.0
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def flipped(chance: float, flip: float) -> float:
    """What is said is turned round with probability ``flip``: p (1 - e) + (1 - p) e.

    >>> round(flipped(preference(1.0), 0.1), 4)
    0.6848
    """
    return chance * (1 - flip) + (1 - chance) * flip


def mixed(chance: float, share: float) -> float:
    """With probability ``share`` a coin decides: p (1 - u) + u / 2. A share of 2 e is a flip of e.

    >>> round(mixed(preference(1.0), 0.1), 4), mixed(0.75, 0.5) == flipped(0.75, 0.25)
    (0.708, True)
    """
    return chance * (1 - share) + share / 2


def myopic(rewards: Sequence[float], gamma: float) -> float:
    """sum_t gamma^(H-1-t) r_t: who is short of sight weighs the end of a segment most.

    >>> myopic([4.0, 2.0, 1.0], 0.5), myopic([4.0, 2.0, 1.0], 1.0)
    (3.0, 7.0)
    """
    total = 0.0
    for reward in rewards:
        total = gamma * total + reward
    return total


# --- the person ------------------------------------------------------------------------------------------------------


class Comparing(NamedTuple):
    """How somebody compares two segments.

    Attributes:
        beta: how sharply they tell values apart, 0 or more, in units of one over the reward; infinite: always.
        gamma: within (0, 1], how much less each earlier step counts (:func:`myopic`).
        flip: the probability of saying the opposite.
        equal: sums nearer than this are equally good to them, whatever else they would have said.
        skip: they answer only where the better sum is above this.
    """

    beta: float = math.inf
    gamma: float = 1.0
    flip: float = 0.0
    equal: float = 0.0
    skip: float = -math.inf


def checked(manner: Comparing) -> Comparing:
    """The same manner. Raises UserError for a dial out of its range."""
    check_probability("flip", manner.flip)
    if not manner.beta >= 0:
        raise UserError(f"beta must be 0 or more, got {manner.beta}")
    if not 0 < manner.gamma <= 1:
        raise UserError(f"gamma must be within (0, 1], got {manner.gamma}")
    if not manner.equal >= 0:
        raise UserError(f"equal must be 0 or more, got {manner.equal}")
    if math.isnan(manner.skip):
        raise UserError("skip must be a number, got nan")
    return manner


def compared(
    first: Sequence[float], second: Sequence[float], manner: Comparing, rng: np.random.Generator
) -> float | None:
    """What is said of two segments, given their rewards in order: 1.0 where the first is better, 0.0 where the second
    is, 0.5 for equally good; None where the question is skipped, which costs nothing of a budget.

    Two numbers are drawn for every question, so that turning one dial leaves the luck of the other.
    """
    choice, slip = rng.random(2)
    sums = sum(first), sum(second)
    if max(sums) <= manner.skip:
        return None
    if abs(sums[0] - sums[1]) < manner.equal:
        return 0.5
    difference = myopic(first, manner.gamma) - myopic(second, manner.gamma)
    better = choice < preference(difference, manner.beta)
    return float(better != (slip < manner.flip))
