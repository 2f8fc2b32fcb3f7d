"""A page of plain code while it is written: its numbers, and the pure functions that it calls by name."""

import inspect
from collections.abc import Callable
from typing import Any

from hfrl.schedules import Constant, Exponential, Linear, Schedule


class RefusedError(Exception):
    """The compiled engine cannot run this; the Python engine can. The text says why."""


class Page:
    """Collects the numbers and functions of a page while its lines are written."""

    def __init__(self) -> None:
        self.numbers: list[float | int] = []
        self.functions: dict[str, Callable[..., Any]] = {}

    def number(self, value: float | int) -> str:
        """A number as the page names it: an argument, so that another value needs no other machine code."""
        self.numbers.append(value)
        return f"numbers[{len(self.numbers) - 1}]"

    def schedule(self, plan: Schedule, step: str, episode: str) -> str:
        """A schedule as an expression of the page."""
        if isinstance(plan, Constant):
            return self.number(plan.value)
        n = episode if getattr(plan, "by_episode", False) else step
        if isinstance(plan, Linear):
            self.functions["linear"] = linear
            values = (plan.start, plan.end, plan.duration)
            return f"linear({', '.join(map(self.number, values))}, {n})"
        if isinstance(plan, Exponential):
            self.functions["exponential"] = exponential
            return f"exponential({self.number(plan.start)}, {self.number(plan.rate)}, {n})"
        raise RefusedError(f"the schedule {plan!r} is none of ours")

    def call(self, name: str, function: Callable[..., Any], scope: dict[str, str], owner: Any) -> str:
        """A call of a pure function, its arguments bound by the names of its parameters."""
        self.functions[name] = function
        arguments = []
        for parameter in inspect.signature(function).parameters:
            if parameter in scope:
                arguments.append(scope[parameter])
                continue
            value = getattr(owner, parameter, None)
            if not isinstance(value, bool | int | float):
                raise RefusedError(f"{name} of {type(owner).__name__} asks for {parameter!r}, which is no number of it")
            arguments.append(self.number(value))
        return f"{name}({', '.join(arguments)})"


def linear(start: float, end: float, duration: int, n: int) -> float:
    """:class:`hfrl.schedules.Linear` as a pure function."""
    done = n / duration
    return end if done >= 1 else start + (end - start) * done


def exponential(start: float, rate: float, n: int) -> float:
    """:class:`hfrl.schedules.Exponential` as a pure function."""
    value: float = start * rate ** float(n)
    return value


def own(name: str) -> str:
    """An agent's table as the page names it, apart from the page's own names."""
    return f"m_{name}"


def named(rule: Any) -> str:
    """What a rule is called, to refuse it by name."""
    name: str = getattr(rule, "__name__", type(rule).__name__)
    return name
