"""Luck for worlds whose dynamics are pure functions: uniform and normal numbers from an opaque generator.

A pure function hands its ``rng`` to these alone, so that the compiled engine can give it the same numbers.
"""

import math
from typing import Any


def draw(rng: Any) -> float:
    """One uniform number in [0, 1)."""
    return float(rng.random())


def normal(rng: Any) -> float:
    """One standard normal number, by Marsaglia's polar method (Marsaglia & Bray 1964).

    Only + - * /, a logarithm and a square root of uniform numbers, so that every engine makes the same bits.
    """
    x, size = 0.0, 1.0
    while size >= 1.0 or size == 0.0:
        x = 2.0 * draw(rng) - 1.0
        y = 2.0 * draw(rng) - 1.0
        size = x * x + y * y
    return x * math.sqrt(-2.0 * math.log(size) / size)
