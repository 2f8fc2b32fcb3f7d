"""A large feedback log at some hundred megabytes a second: the lines as a program writes them, read by compiled code.

A line that is not exactly so, or whose numbers need more than 53 bits, is left to the reader of JSON
(:mod:`hfrl.feedback`); so both give the same numbers to the last bit. numba is imported when the first large log is
opened.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: What stands before each number of a press; the credit and the trainer follow.
TEXTS = (
    b'{"event": "feedback", "t": ', b', "wall": ', b', "step": ', b', "episode": ', b', "value": ', b', "strength": ',
    b', "latency": ',
)  # fmt: skip
CREDIT, TRAINER, END = b', "credit": [', b'"trainer": "', b'"}\n'
#: The most names that the compiled code tells apart; lines of others are read by Python.
NAMES = 64
#: Whole numbers up to here are floats exactly, and so are the powers of ten up to the 22nd.
EXACT = 1 << 53
TENS = 10.0 ** np.arange(23)


class Scanned(NamedTuple):
    """A row per line: its numbers, where its credit and its end are, whose it is; -1 where Python must read it.

    numbers: (lines, 7), t wall step episode value strength latency. credit: (lines, 2), the bytes from [ to ]. ends:
    (lines,), one past each newline. trainer: (lines,), an index of ``names``, or -1. names: (known, 2), their bytes.
    """

    numbers: NDArray[np.float64]
    credit: NDArray[np.int64]
    ends: NDArray[np.int64]
    trainer: NDArray[np.int64]
    names: NDArray[np.int64]


def scan(raw: NDArray[np.uint8], lines: int) -> Scanned:
    """Read so many lines of a log, each with its newline."""
    texts = np.frombuffer(b"".join(TEXTS) + CREDIT + TRAINER + END, np.uint8)
    at = np.cumsum([0, *map(len, (*TEXTS, CREDIT, TRAINER, END))])
    numbers, credit = np.zeros((lines, len(TEXTS))), np.zeros((lines, 2), np.int64)
    ends, trainer = np.zeros(lines, np.int64), np.full(lines, -1)
    names = np.zeros((NAMES, 2), np.int64)
    known = int(_compiled()(raw, texts, at, numbers, credit, ends, trainer, names, TENS))
    return Scanned(numbers, credit, ends, trainer, names[:known])


@functools.cache
def _compiled() -> Callable[..., Any]:
    import numba

    try:
        page: Callable[..., Any] = numba.njit(cache=True)(_scan)
    except RuntimeError:  # there is no folder that can be written for its cache
        page = numba.njit(_scan)
    return page


def _scan(
    raw: Any, texts: Any, at: Any, numbers: Any, credit: Any, ends: Any, trainer: Any, names: Any, tens: Any
) -> int:
    """One page of loops, because numba compiles that best; ``p`` is the byte that is looked at."""
    p, known, size = 0, 0, len(raw)
    for line in range(len(ends)):
        good = True
        for part in range(9):
            # The text before the part.
            for index in range(at[part], at[part + 1]):
                if p >= size or raw[p] != texts[index]:
                    good = False
                    break
                p += 1
            if not good:
                break
            if part < 7:
                # A number: digits, perhaps with a point among them.
                negative = p < size and raw[p] == 45
                p += negative
                whole, digits, behind, pointed = 0, 0, 0, False
                while p < size:
                    letter = raw[p]
                    if 48 <= letter <= 57:
                        whole = whole * 10 + (letter - 48)
                        digits += 1
                        behind += pointed
                    elif letter == 46 and not pointed and digits:
                        pointed = True
                    else:
                        break
                    p += 1
                    if digits > 17:
                        break
                # JSON has no number such as 007 or 1., and an exponent is for Python to read.
                if digits == 0 or digits > 17 or whole >= 9007199254740992 or behind > 22 or (pointed and not behind):
                    good = False
                    break
                if digits - behind > 1 and whole / tens[digits - 1] < 1:
                    good = False
                    break
                if (part == 2 or part == 3) and pointed:
                    good = False
                    break
                value = whole / tens[behind]
                numbers[line, part] = -value if negative else value
            elif part == 7:
                credit[line, 0] = p - 1
                while p < size and raw[p] != 34 and raw[p] != 10:
                    p += 1
                credit[line, 1] = p - 2
                if p < 3 or raw[p - 1] != 32 or raw[p - 2] != 44 or raw[p - 3] != 93:
                    good = False
                    break
            else:
                begin = p
                while p < size and raw[p] != 34 and raw[p] != 92 and 32 <= raw[p] < 127:
                    p += 1
                found = -1
                for name in range(known):
                    if names[name, 1] - names[name, 0] == p - begin:
                        same = True
                        for index in range(p - begin):
                            if raw[names[name, 0] + index] != raw[begin + index]:
                                same = False
                                break
                        if same:
                            found = name
                            break
                if found < 0 and known < len(names):
                    found = known
                    names[known, 0], names[known, 1] = begin, p
                    known += 1
                trainer[line] = found
        for index in range(at[9], at[10]):
            if good:
                if p >= size or raw[p] != texts[index]:
                    good = False
                else:
                    p += 1
        if not good:
            trainer[line] = -1
            # The place where it went wrong may lie behind the newline only if the line had been whole.
            while p < size and raw[p] != 10:
                p += 1
            p += 1
        ends[line] = p
    return known
