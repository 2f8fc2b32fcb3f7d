"""What a step was worth: targets and returns."""

from collections.abc import Sequence


def td_target(r: float, gamma: float, terminated: bool, v_next: float) -> float:
    """R + gamma V(S'), and R alone where the task has ended (Sutton & Barto, 2nd ed., eq. 6.2).

    A truncated step is not ended: what comes next still has a value.

    >>> td_target(-1.0, 0.5, False, 3.0)
    0.5
    >>> td_target(-1.0, 0.5, True, 3.0)
    -1.0
    """
    return r + gamma * (1 - terminated) * v_next


def expectation(probabilities: Sequence[float], values: Sequence[float]) -> float:
    """sum_a pi(a) Q(a), from left to right.

    >>> expectation([0.25, 0.75], [4.0, 0.0])
    1.0
    """
    total = 0.0
    for k in range(len(values)):
        total += probabilities[k] * values[k]
    return total


def returned(rewards: Sequence[float], begin: int, end: int, gamma: float, bootstrap: float) -> float:
    """The discounted rewards ``begin`` .. ``end - 1`` and what comes after them (Sutton & Barto, 2nd ed., eq. 7.1).

    >>> returned([1.0, 2.0], 0, 2, 0.5, 4.0)
    3.0
    """
    g = bootstrap
    for k in range(end - 1, begin - 1, -1):
        g = rewards[k] + gamma * g
    return g
