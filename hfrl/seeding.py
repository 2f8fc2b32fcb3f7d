"""Randomness is an argument: one seed, and a generator of its own for everyone who draws.

World, policy, replay, network and teacher never share a generator, so that a change in one leaves the others' luck
alone and runs stay comparable across methods.
"""

from collections.abc import Iterator, Sequence
from operator import length_hint
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Streams(NamedTuple):
    """The generators of one run, and two integers: ``world`` seeds ``env.reset``, ``evaluation`` everything there."""

    world: int
    policy: np.random.Generator
    replay: np.random.Generator
    network: np.random.Generator
    teacher: np.random.Generator
    evaluation: int


def streams(seed: int | None = None) -> Streams:
    """Five streams and a world seed from one ``SeedSequence``; the same seed gives the same streams."""
    children = np.random.SeedSequence(seed).spawn(6)
    world, evaluation = (int(child.generate_state(1)[0]) for child in (children[0], children[5]))
    policy, replay, network, teacher = (np.random.default_rng(child) for child in children[1:5])
    return Streams(world, policy, replay, network, teacher, evaluation)


class Uniforms:
    """The generator's uniform numbers: the stream of ``rng.random()``, drawn in blocks for a fifth of the cost.

    Attributes:
        numbers: the stream, for ``next``.
    """

    BLOCK = 1024

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._before = state_of(rng)  # where the generator stood when the present block was drawn
        self._block = iter(())
        self._drawn = 0
        self.numbers = self._flow()

    def _flow(self) -> Iterator[float]:
        while True:
            yield from self._block
            self._refill()

    def _refill(self) -> None:
        self._before = state_of(self._rng)
        self._block = iter(self._rng.random(self.BLOCK).tolist())
        self._drawn = self.BLOCK

    def state(self) -> tuple[list[int], int]:
        """Where the present block began (:func:`state_of`), and how many of its numbers are used up."""
        return self._before.tolist(), self._drawn - length_hint(self._block)

    def restore(self, state: tuple[Sequence[int], int]) -> None:
        """The inverse of :meth:`state`. Raises ValueError on anything else."""
        words, used = state
        if not 0 <= used <= self.BLOCK:
            raise ValueError(f"a block has {self.BLOCK} numbers, and {used} cannot be used up")
        self._rng = restored(np.array(words, dtype=np.uint64))
        self._refill()
        for _ in range(used):
            next(self._block)
        self.numbers = self._flow()


def draw(rng: np.random.Generator) -> float:
    """One uniform number in [0, 1): how a pure rule asks for luck, so that the compiled engine can give it the same."""
    return rng.random()


def pick(rng: np.random.Generator, n: int) -> int:
    """One of 0 .. n-1, all equally likely, from one uniform number."""
    return int(draw(rng) * n)


WORD = (1 << 64) - 1


def state_of(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Where a PCG64 generator stands, as four words: state high and low, increment high and low."""
    words = rng.bit_generator.state["state"]
    return np.array(
        [words["state"] >> 64, words["state"] & WORD, words["inc"] >> 64, words["inc"] & WORD], dtype=np.uint64
    )


def restored(words: NDArray[Any]) -> np.random.Generator:
    """The generator that stands there: the inverse of :func:`state_of`. Raises ValueError on anything else."""
    if words.shape != (4,) or words.dtype != np.uint64:
        raise ValueError(f"a generator's state is 4 words, got shape {words.shape} of {words.dtype}")
    high, low, inc_high, inc_low = (int(word) for word in words)
    rng = np.random.default_rng(0)
    state: dict[str, Any] = dict(rng.bit_generator.state)
    state["state"] = {"state": high << 64 | low, "inc": inc_high << 64 | inc_low}
    rng.bit_generator.state = state
    return rng
