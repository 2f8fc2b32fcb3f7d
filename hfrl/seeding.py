"""Randomness is an argument: one seed, and a generator of its own for everyone who draws.

World, policy, replay, network and teacher never share a generator, so that a change in one leaves the others' luck
alone and runs stay comparable across methods.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


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


def uniforms(rng: np.random.Generator, block: int = 1024) -> Iterator[float]:
    """The generator's uniform numbers, one by one: the stream of ``rng.random()``, drawn in blocks for a fifth of the
    cost."""
    while True:
        yield from rng.random(block).tolist()
