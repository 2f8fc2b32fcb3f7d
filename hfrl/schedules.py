"""Numbers that change as learning goes on: constant, linear, exponential, by step or by episode.

A schedule is a function of (steps so far, episodes so far). It knows no total: a session with a person has none, and a
run that goes on must not find its exploration rewound.
"""

import math
from typing import NamedTuple, Protocol

from hfrl.types import UserError

FORMS = "a number, linear:START:END:N[:episodes] or exponential:START:RATE[:episodes]"


class Schedule(Protocol):
    """(steps so far, episodes so far) -> value."""

    def __call__(self, step: int, episode: int) -> float: ...


class Constant(NamedTuple):
    """Always the same value."""

    value: float

    def __call__(self, step: int, episode: int) -> float:  # noqa: ARG002 - the signature of a schedule
        return self.value

    def __str__(self) -> str:
        return repr(self.value)


class Linear(NamedTuple):
    """From ``start`` to ``end`` in equal parts over ``duration`` steps (or episodes), then ``end``.

    >>> [Linear(1.0, 0.0, 4)(step, 0) for step in (0, 1, 4, 9)]
    [1.0, 0.75, 0.0, 0.0]
    """

    start: float
    end: float
    duration: int
    by_episode: bool = False

    def __call__(self, step: int, episode: int) -> float:
        done = (episode if self.by_episode else step) / self.duration
        return self.end if done >= 1 else self.start + (self.end - self.start) * done

    def __str__(self) -> str:
        return f"linear:{self.start}:{self.end}:{self.duration}" + (":episodes" if self.by_episode else "")


class Exponential(NamedTuple):
    """``start * rate ** n`` after n steps (or episodes).

    >>> Exponential(1.0, 0.5, by_episode=True)(1000, 3)
    0.125
    """

    start: float
    rate: float
    by_episode: bool = False

    def __call__(self, step: int, episode: int) -> float:
        return float(self.start * self.rate ** (episode if self.by_episode else step))

    def __str__(self) -> str:
        return f"exponential:{self.start}:{self.rate}" + (":episodes" if self.by_episode else "")


def schedule(value: "float | str | Schedule") -> Schedule:
    """A schedule from a number, from text in one of :data:`FORMS`, or a schedule as it is. Raises UserError."""
    if isinstance(value, int | float):
        return Constant(float(value))
    if not isinstance(value, str):
        return value
    kind, *parts = value.split(":")
    by_episode = parts[-1:] == ["episodes"]
    try:
        numbers = [float(part) for part in (parts[:-1] if by_episode else parts)]
        if not parts:
            return Constant(float(value))
        if not all(map(math.isfinite, numbers)):
            raise ValueError(numbers)
        if kind == "linear" and len(numbers) == 3 and numbers[2] >= 1:
            return Linear(numbers[0], numbers[1], int(numbers[2]), by_episode)
        if kind == "exponential" and len(numbers) == 2 and 0 <= numbers[1] <= 1:
            return Exponential(numbers[0], numbers[1], by_episode)
    except ValueError:
        pass  # said below, with the forms that are understood
    raise UserError(f"{value!r} is no schedule; expected {FORMS}")


def bounds(plan: Schedule) -> tuple[float, float]:
    """The least and the greatest value a schedule of ours can take, to check its range before a run."""
    if isinstance(plan, Linear):
        return min(plan.start, plan.end), max(plan.start, plan.end)
    if isinstance(plan, Exponential):
        farthest = 0.0 if plan.rate <= 1 else math.copysign(math.inf, plan.start)
        return min(farthest, plan.start), max(farthest, plan.start)
    value = plan(0, 0)
    return value, value


def checked(name: str, value: "float | str | Schedule", low: float, high: float) -> Schedule:
    """:func:`schedule`, refused with a clear line where it can leave [low, high]."""
    plan = schedule(value)
    least, greatest = bounds(plan)
    if not low <= least <= greatest <= high:
        raise UserError(f"{name} must stay within [{low:g}, {high:g}], got {value}")
    return plan
