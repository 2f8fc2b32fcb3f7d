"""What a person has said, to be learnt from again: a buffer of words, each with the steps that it is about.

A replay buffer of transitions (:mod:`hfrl.replay`) remembers every step; this one remembers what was said. Deep TAMER
keeps one step for each word, Deep COACH the last steps before it.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.encoding import Encoder

#: What was said of a step, and how much it counts.
Pair = tuple[float, float]
FOREIGN = -1


class Word(NamedTuple):
    """A word and the steps that it is about, oldest first.

    Attributes:
        index: of the step it was said of, the last one; ``FOREIGN`` where that was in an earlier run.
        value: what was said.
        weight: how much it counts, not negative.
        codes: the observations as they are stored, shape (steps, *observation).
        actions: what was done, int64 of shape (steps,).
        probabilities: with which the behaviour did it, shape (steps,).
    """

    index: int  # type: ignore[assignment]  # the field's own word
    value: float
    weight: float
    codes: NDArray[Any]
    actions: NDArray[np.int64]
    probabilities: NDArray[np.float64]


class Form(NamedTuple):
    """What a word's arrays look like: an observation's shape and type as it is stored, and the number of actions."""

    shape: tuple[int, ...]
    dtype: str
    actions: int


def form_of(encoder: Encoder, actions: int) -> Form:
    """The form of words about a world's observations."""
    picture = encoder.picture
    return Form((encoder.width,), "float32", actions) if picture is None else Form(*picture[:2], actions)


class Words:
    """The last words, the oldest of which are forgotten.

    Args:
        capacity: how many are kept, at least 1.
        form: what their arrays look like.
    """

    def __init__(self, capacity: int, form: Form) -> None:
        self.form = form
        self.kept: deque[Word] = deque(maxlen=capacity)

    def __len__(self) -> int:
        return len(self.kept)

    def add(self, words: Iterable[Word]) -> None:
        """Remember these."""
        self.kept.extend(words)

    def begin(self) -> None:
        """Another run begins: its steps may have indices that were given before."""
        self.kept = deque((word._replace(index=FOREIGN) for word in self.kept), self.kept.maxlen)

    def sample(self, n: int, rng: np.random.Generator) -> list[Word]:
        """``n`` words, or as many as there are, each drawn from all of them alike."""
        kept = self.kept
        return [kept[at] for at in (rng.random(min(n, len(kept))) * len(kept)).astype(np.int64).tolist()]

    def correct(self, index: int, old: Sequence[Pair], new: Sequence[Pair]) -> bool:
        """Replace what was said of a step; returns whether any of ``old`` is remembered, without which nothing changes.

        Args:
            index: of the step.
            old: what is taken away; of equal words the last go.
            new: what is said instead, of the same steps.
        """
        gone = None
        for pair in old:
            at = self._place(index, pair)
            if at is not None:
                gone = self.kept[at]
                del self.kept[at]
        if gone is None:
            return False
        self.add(gone._replace(value=value, weight=weight) for value, weight in new)
        return True

    def _place(self, index: int, pair: Pair) -> int | None:
        for at in reversed(range(len(self.kept))):
            if self.kept[at][:3] == (index, *pair):
                return at
        return None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of them as plain arrays, for a checkpoint."""
        return packed("words", self.kept, self.form)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on what does not fit."""
        self.rewind(unpacked("words", arrays, self.form))

    def snapshot(self) -> tuple[Word, ...]:
        """All of them, for :meth:`rewind`: nothing is copied."""
        return tuple(self.kept)

    def rewind(self, words: Iterable[Word]) -> None:
        """The inverse of :meth:`snapshot`."""
        self.kept = deque(words, self.kept.maxlen)


def packed(name: str, words: Sequence[Word] | deque[Word], form: Form) -> dict[str, NDArray[Any]]:
    """Words as plain arrays whose names begin with ``name``."""
    codes = [word.codes for word in words]
    return {
        f"{name}_about": np.array([(word.index, len(word.actions)) for word in words], np.int64).reshape(-1, 2),
        f"{name}_said": np.array([(word.value, word.weight) for word in words], np.float64).reshape(-1, 2),
        f"{name}_codes": np.concatenate([np.zeros((0, *form.shape), form.dtype), *codes]),
        f"{name}_actions": np.concatenate([np.zeros(0, np.int64), *(word.actions for word in words)]),
        f"{name}_probabilities": np.concatenate([np.zeros(0), *(word.probabilities for word in words)]),
    }


def unpacked(name: str, arrays: Mapping[str, NDArray[Any]], form: Form) -> list[Word]:
    """The inverse of :func:`packed`. Raises ValueError on what does not fit."""
    about, said, codes = arrays[f"{name}_about"], arrays[f"{name}_said"], arrays[f"{name}_codes"]
    actions, probabilities = arrays[f"{name}_actions"], arrays[f"{name}_probabilities"]
    if about.ndim != 2 or about.shape[1] != 2 or about.dtype.kind not in "iu" or said.shape != about.shape:
        raise ValueError(f"{name}_about has shape {about.shape} of {about.dtype}, expected (n, 2), as {name}_said")
    lengths = about[:, 1]
    total = int(lengths.sum())
    if (lengths < 1).any() or actions.shape != (total,) or probabilities.shape != (total,):
        raise ValueError(f"{name}_actions has shape {actions.shape}, expected ({total},), as {name}_about adds up to")
    if codes.shape != (total, *form.shape) or codes.dtype != form.dtype:
        raise ValueError(
            f"{name}_codes has shape {codes.shape} of {codes.dtype}, expected {(total, *form.shape)} of {form.dtype}"
        )
    if total and not (0 <= actions.min() <= actions.max() < form.actions and probabilities.min() > 0):
        raise ValueError(f"{name}_actions holds {actions.max()}, expected 0 to {form.actions - 1}, each possible")
    cuts = np.cumsum(lengths)[:-1]
    parts = zip(
        about[:, 0].tolist(), *said.T.tolist(), np.split(codes, cuts), np.split(actions, cuts),
        np.split(probabilities, cuts), strict=True,
    )  # fmt: skip
    return [Word(*part) for part in parts] if total else []
