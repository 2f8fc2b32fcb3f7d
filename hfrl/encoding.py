"""How observations are stored in a replay buffer and seen by a network."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.tabular import discrete_parts
from hfrl.types import UserError

Array = NDArray[np.float32]


class Encoder(NamedTuple):
    """How observations are stored and seen by a network.

    Attributes:
        width: numbers stored per observation.
        inputs: inputs of the network.
        code: observation -> what is stored.
        see: what is stored, with a leading axis -> the network's inputs.
        raw: what is stored, with a leading axis -> observations as the world gave them.
    """

    width: int
    inputs: int
    code: Callable[[Any], Any]
    see: Callable[[Array], Array]
    raw: Callable[[Array], Any]


def encoder_of(space: gymnasium.Space[Any]) -> Encoder:
    """Numbers as they are for a Box of one axis; one input per value for ``Discrete``, ``MultiDiscrete`` and a
    ``Tuple`` of ``Discrete``.

    Raises:
        UserError: any other space, with what can be done.
    """
    if isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1:
        width = int(space.shape[0])
        return Encoder(width, width, same, same, same)
    sizes = discrete_parts(space)
    if sizes is not None:
        return _one_hot(sizes, alone=isinstance(space, gymnasium.spaces.Discrete))
    raise UserError(
        "a network of dense layers needs a Box of one axis or discrete observations, got "
        f"{' '.join(str(space).split())}; wrap the world in gymnasium.wrappers.FlattenObservation"
    )


def _one_hot(parts: Sequence[tuple[int, int]], alone: bool) -> Encoder:
    """One input per value of each part; ``alone``: an observation is a number, not a sequence of them."""
    starts = np.array([start for _, start in parts])
    counts = np.array([size for size, _ in parts])
    inputs = int(counts.sum())
    first = np.cumsum(counts) - counts  # the first input of each part

    def code(observation: Any) -> Any:
        return np.asarray(observation).reshape(-1) - starts

    def see(codes: Array) -> Array:
        seen = np.zeros((len(codes), inputs), np.float32)
        seen[np.arange(len(codes))[:, None], codes.astype(np.int64) + first] = 1.0
        return seen

    def raw(codes: Array) -> Any:
        whole_numbers = codes.astype(np.int64) + starts
        return whole_numbers[:, 0] if alone else whole_numbers

    return Encoder(len(parts), inputs, code, see, raw)


def same(observation: Any) -> Any:
    """An observation that is a row of numbers already."""
    return observation
