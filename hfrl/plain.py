"""Values as JSON and back: what a checkpoint says in words, beside its arrays.

Numbers, text, lists, tuples, dictionaries, numpy's scalars and arrays, generators of luck, and the records of
:mod:`hfrl.types`. A file can name no other class, so reading one runs no code.
"""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from hfrl import types

#: The records that may stand in a checkpoint, by name.
RECORDS: Mapping[str, Any] = {
    record.__name__: record
    for record in (
        types.Step, types.Feedback, types.Judgement, types.Update, types.Press,
    )
}  # fmt: skip
#: numpy's letters for booleans, whole numbers, floats and text.
LETTERS = "biufSU"


class NotPlainError(Exception):
    """A value that is no plain data: an object with a life of its own."""


def encoded(value: Any) -> Any:
    """A value in lists and dictionaries that JSON can hold; the inverse of :func:`decoded`, to the last bit.

    Raises NotPlainError for anything else.

    >>> encoded((1, [True, None, "a"], float("inf")))
    {'tuple': [1, [True, None, 'a'], {'float': 'inf'}]}
    >>> decoded(encoded((1, [True, None, "a"], float("inf"))))
    (1, [True, None, 'a'], inf)
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return {"scalar": [value.dtype.str, encoded(value.item())]}
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, np.ndarray):
        return _encoded_array(value)
    if isinstance(value, np.random.Generator):
        return {"luck": _words(value)}
    if type(value).__name__ in RECORDS and type(value) is RECORDS[type(value).__name__]:
        return {"record": [type(value).__name__, [encoded(one) for one in value]]}
    if isinstance(value, list):
        return [encoded(one) for one in value]
    if type(value) in (tuple, deque, set):
        return {type(value).__name__: [encoded(one) for one in value]}
    if type(value) is dict:
        return {"dict": [[encoded(key), encoded(one)] for key, one in value.items()]}
    raise NotPlainError(f"{type(value).__name__} is no plain data")


def _encoded_array(value: Any) -> Any:
    if value.dtype.kind not in LETTERS:
        raise NotPlainError(f"an array of {value.dtype}")
    return {"array": [value.dtype.str, list(value.shape), [encoded(one) for one in value.ravel().tolist()]]}


def _words(rng: np.random.Generator) -> dict[str, Any]:
    """Where a generator stands, half a draw that it keeps in hand included."""
    state = rng.bit_generator.state
    if state["bit_generator"] != "PCG64":
        raise NotPlainError(f"a generator of the kind {state['bit_generator']}")
    return {**state["state"], "half": [state["has_uint32"], state["uinteger"]]}


def decoded(plain: Any) -> Any:
    """The inverse of :func:`encoded`. Raises ValueError, TypeError or KeyError on what it did not make."""
    if isinstance(plain, list):
        return [decoded(one) for one in plain]
    if not isinstance(plain, dict):
        return plain
    ((kind, content),) = plain.items()
    if kind in ("tuple", "deque", "set"):
        return {"tuple": tuple, "deque": deque, "set": set}[kind](decoded(one) for one in content)
    if kind == "dict":
        return {_key(decoded(key)): decoded(one) for key, one in content}
    if kind == "float":
        return {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}[content]
    if kind == "scalar":
        return np.array(decoded(content[1]), dtype=_dtype(content[0]))[()]
    if kind == "array":
        values = np.array([decoded(one) for one in content[2]], dtype=_dtype(content[0]))
        return values.reshape([int(length) for length in content[1]])
    if kind == "luck":
        rng = np.random.default_rng(0)
        put_luck(rng, plain)
        return rng
    if kind == "record":
        return RECORDS[content[0]](*[decoded(one) for one in content[1]])
    raise ValueError(f"{kind!r} is no kind of value")


def _key(key: Any) -> Any:
    hash(key)
    return key


def _dtype(text: Any) -> np.dtype[Any]:
    dtype = np.dtype(str(text))
    if dtype.kind not in LETTERS or dtype.names is not None or dtype.subdtype is not None:
        raise ValueError(f"{text!r} is no type of plain numbers")
    return dtype


def put_luck(rng: np.random.Generator, plain: Any) -> None:
    """Make a generator stand where another one stood: everybody who holds it goes on from there. Raises ValueError."""
    words = plain["luck"]
    numbers = [words["state"], words["inc"], *words["half"]]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise ValueError("where a generator stands is said in whole numbers")
    state: dict[str, Any] = dict(rng.bit_generator.state)
    if state["bit_generator"] != "PCG64":
        raise ValueError(f"a generator of the kind {state['bit_generator']}")
    state |= {"state": {"state": words["state"], "inc": words["inc"]}}
    state |= {"has_uint32": words["half"][0], "uinteger": words["half"][1]}
    try:
        rng.bit_generator.state = state
    except OverflowError as error:
        raise ValueError("where a generator stands does not fit its words") from error
