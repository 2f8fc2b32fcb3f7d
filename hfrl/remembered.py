"""What a part remembers from one step to the next, found in it: the luck, counts and lists of a simulated person.

A part that has the two verbs ``state()`` (plain data, see :mod:`hfrl.plain`) and ``restore(state)`` is asked. Any other
is searched, so that a teacher can be a closure of three lines, also a user's own, and is resumed exactly all the same:
generators and plain values are found in attributes, in what functions close over, and in lists of such parts. A twin
that was built by the same settings has the same places, and is given the same values.

What others own is left out: worlds, agents, classes, and records that are no plain data (a delay, a table of a world);
and the attributes that a class names in ``constants``.
"""

import functools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hfrl.plain import RECORDS, NotPlainError, decoded, encoded, put_luck

State = dict[str, Any]


@runtime_checkable
class Remembering(Protocol):
    """A part that says itself what it remembers."""

    def state(self) -> Any: ...

    def restore(self, state: Any) -> None: ...


def state_of(part: Any) -> State:
    """What a part and all that it holds remember, as plain data by place."""
    found: State = {}
    for name, value, _ in _places(part, "", set()):
        found[name] = encoded(value.state() if isinstance(value, Remembering) else value)
    return found


def give_back(part: Any, state: Mapping[str, Any]) -> None:
    """The inverse of :func:`state_of`, for a part that was built by the same settings.

    Raises ValueError where the places are others.
    """
    places = {name: (value, put) for name, value, put in _places(part, "", set())}
    if set(places) != set(state):
        raise ValueError(f"it remembers other things: {', '.join(sorted(set(places) ^ set(state))[:3])}")
    for name, plain in state.items():
        value, put = places[name]
        if isinstance(value, Remembering):
            value.restore(decoded(plain))
        elif isinstance(value, np.random.Generator):
            put_luck(value, plain)
        elif isinstance(value, list):
            value[:] = decoded(plain)
        else:
            put(decoded(plain))


Found = Iterator[tuple[str, Any, Callable[[Any], None]]]


def _places(value: Any, name: str, seen: set[int]) -> Found:
    """The places below a value: name, what is there, how to put something else there. Each object is visited once."""
    if id(value) in seen or _is_foreign(value):
        return
    if not isinstance(value, bool | int | float | str | tuple | None):
        seen.add(id(value))
    if isinstance(value, types.MethodType):
        yield from _places(value.__self__, name, seen)
    elif isinstance(value, functools.partial):
        for at, one in enumerate((value.func, *value.args, *value.keywords.values())):
            yield from _below(one, f"{name}.{at}", _stays, seen)
    elif isinstance(value, types.FunctionType):
        for variable, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            yield from _below(_content(cell), f"{name}.{variable}", _into_cell(cell), seen)
    elif isinstance(value, Remembering):
        yield name, value, _stays
    elif isinstance(value, list | tuple):
        for at, one in enumerate(value):
            put = functools.partial(value.__setitem__, at) if isinstance(value, list) else _stays
            yield from _below(one, f"{name}.{at}", put, seen)
    else:
        for attribute in _attributes(value):
            put = functools.partial(setattr, value, attribute)
            yield from _below(getattr(value, attribute, None), f"{name}.{attribute}", put, seen)


def _below(value: Any, name: str, put: Callable[[Any], None], seen: set[int]) -> Found:
    if _is_plain(value):
        yield name, value, put
    else:
        yield from _places(value, name, seen)


def _is_plain(value: Any) -> bool:
    try:
        encoded(value)
    except NotPlainError:
        return False
    return True


def _is_foreign(value: Any) -> bool:
    """Whether somebody else looks after it: a world, an agent, a class, a module, a record that is a constant."""
    if isinstance(value, type | types.ModuleType | types.BuiltinFunctionType):
        return True
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value).__name__ not in RECORDS
    return (hasattr(value, "action_space") and hasattr(value, "step")) or (
        hasattr(value, "policy") and hasattr(value, "update")
    )


def _attributes(value: Any) -> list[str]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    constants = getattr(value, "constants", ())
    return sorted(name for name in {*slots, *getattr(value, "__dict__", ())} if name not in constants)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put there yet
        return None


def _into_cell(cell: Any) -> Callable[[Any], None]:
    def put(value: Any) -> None:
        cell.cell_contents = value

    return put


def _stays(value: Any) -> None:
    """What a tuple holds is what it was when the twin was built."""
