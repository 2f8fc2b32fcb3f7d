"""What a step was worth: targets and returns."""


def td_target(r: float, gamma: float, terminated: bool, v_next: float) -> float:
    """R + gamma V(S'), and R alone where the task has ended (Sutton & Barto, 2nd ed., eq. 6.2).

    A truncated step is not ended: what comes next still has a value.

    >>> td_target(-1.0, 0.5, False, 3.0)
    0.5
    >>> td_target(-1.0, 0.5, True, 3.0)
    -1.0
    """
    return r + gamma * (1 - terminated) * v_next
