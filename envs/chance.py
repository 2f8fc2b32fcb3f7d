"""Luck for worlds whose dynamics are pure functions: uniform and normal numbers from an opaque generator.

A pure function hands its ``rng`` to these alone, so that the compiled engine can give it the very same numbers.
"""

import math
from typing import Any


def draw(rng: Any) -> float:
    """One uniform number in [0, 1)."""
    return float(rng.random())


def normal(rng: Any) -> float:
    """One standard normal number by the polar method (Marsaglia & Bray 1964), from two uniform numbers or more.

    Only + - * /, a logarithm and a square root, so that every engine makes the same bits. One coordinate of each
    point in the unit disc is used: keeping the other for the next call would be a memory, and a pure function has none.
    """
    x, size = 0.0, 1.0
    while size >= 1.0 or size == 0.0:
        x = 2.0 * draw(rng) - 1.0
        y = 2.0 * draw(rng) - 1.0
        size = x * x + y * y
    return x * math.sqrt(-2.0 * math.log(size) / size)
