"""How observations are stored in a replay buffer and seen by a network."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.frames import Picture
from hfrl.tabular import discrete_parts
from hfrl.types import UserError

Array = NDArray[np.float32]


class Encoder(NamedTuple):
    """How observations are stored and seen by a network.

    Attributes:
        width: numbers stored per observation; 0 where pictures are stored.
        inputs: numbers that come into the network's first dense layer; 0 where that is up to its convolutions.
        code: observation -> what is stored, as an array.
        see: what is stored, with a leading axis -> the network's inputs.
        raw: what is stored, with a leading axis -> observations as the world gave them.
        picture: what is stored where it is a picture; None otherwise.
        image: channels, height and width of a picture as the network sees it; () otherwise.
        table: rows and numbers per row of an embedding; () without one.
    """

    width: int
    inputs: int
    code: Callable[[Any], NDArray[Any]]
    see: Callable[[NDArray[Any]], NDArray[Any]]
    raw: Callable[[NDArray[Any]], Any]
    picture: Picture | None = None
    image: tuple[int, ...] = ()
    table: tuple[int, ...] = ()


def encoder_of(space: gymnasium.Space[Any], embedding: int = 0) -> Encoder:
    """Numbers as they are for a Box of one axis; pictures for a Box of two to four; for ``Discrete``,
    ``MultiDiscrete`` and a ``Tuple`` of ``Discrete`` one input per value, or ``embedding`` learnt numbers per part.

    Raises:
        UserError: any other space, with what can be done, or an embedding of what is not discrete.
    """
    sizes = discrete_parts(space)
    if sizes is not None:
        return _discrete(sizes, isinstance(space, gymnasium.spaces.Discrete), embedding)
    if embedding:
        raise UserError(f"embedding={embedding} is for discrete observations; these are {_words(space)}")
    if isinstance(space, gymnasium.spaces.Box) and len(space.shape) == 1:
        return Encoder(int(space.shape[0]), int(space.shape[0]), as_numbers, same, same)
    if isinstance(space, gymnasium.spaces.Box) and 2 <= len(space.shape) <= 4:
        return _picture(space.shape, space.dtype == np.uint8)
    raise UserError(
        f"a network needs a Box of one to four axes or discrete observations, got {_words(space)}; wrap the world in "
        "gymnasium.wrappers.FlattenObservation"
    )


def beside(encoder: Encoder, values: Callable[[Any], NDArray[np.float64]], count: int) -> Encoder:
    """The same, with ``count`` numbers beside what is seen: ``values`` of the observations, H(s, .) as it is now. To a
    picture each is one more channel, the same number everywhere."""

    def see(codes: NDArray[Any]) -> Array:
        seen = encoder.see(codes)
        more = values(encoder.raw(codes)).astype(np.float32).reshape(len(codes), count)
        if not encoder.image:
            return np.concatenate([seen, more], axis=1)
        shown = seen / np.float32(255) if seen.dtype == np.uint8 else seen
        planes = np.broadcast_to(more[:, :, None, None], (*more.shape, *encoder.image[1:]))
        return np.concatenate([shown, planes], axis=1)

    image = (encoder.image[0] + count, *encoder.image[1:]) if encoder.image else ()
    return encoder._replace(inputs=encoder.inputs + count * (not image), see=see, image=image)


def _words(space: gymnasium.Space[Any]) -> str:
    return " ".join(str(space).split())


def _picture(shape: tuple[int, ...], bytes_: bool) -> Encoder:
    """(height, width), (height, width, channels), (channels, height, width), or a stack of pictures (frames, height,
    width, channels). Of three axes the shortest at either end is the channels; if it is the first one, they may be
    frames of a stack."""
    first = len(shape) == 3 and shape[0] < shape[2]
    stacked = shape[0] if first or len(shape) == 4 else 1
    picture = Picture(shape, "uint8" if bytes_ else "float32", stacked)

    def code(observation: Any) -> NDArray[Any]:
        return np.asarray(observation, picture.dtype)

    def see(codes: NDArray[Any]) -> NDArray[Any]:
        if len(shape) == 2:
            return codes[:, None]
        if first:
            return codes
        channels = np.moveaxis(codes, -1, -3)
        return channels.reshape(len(codes), -1, *channels.shape[-2:])

    return Encoder(0, 0, code, see, same, picture, see(np.zeros((1, *shape), np.uint8)).shape[1:])


def _discrete(parts: Sequence[tuple[int, int]], alone: bool, embedding: int) -> Encoder:
    """One input per value of each part, or a row of a table; ``alone``: an observation is a number, not a sequence."""
    starts = np.array([start for _, start in parts])
    counts = np.array([size for size, _ in parts])
    rows = int(counts.sum())
    first = np.cumsum(counts) - counts  # the first input, or row, of each part

    def code(observation: Any) -> NDArray[Any]:
        numbers: NDArray[np.int64] = np.asarray(observation).reshape(-1) - starts
        return numbers

    def one_hot(codes: NDArray[Any]) -> Array:
        seen = np.zeros((len(codes), rows), np.float32)
        seen[np.arange(len(codes))[:, None], codes.astype(np.int64) + first] = 1.0
        return seen

    def which(codes: NDArray[Any]) -> NDArray[np.int64]:
        table_rows: NDArray[np.int64] = codes.astype(np.int64) + first
        return table_rows

    def raw(codes: NDArray[Any]) -> Any:
        whole_numbers = codes.astype(np.int64) + starts
        return whole_numbers[:, 0] if alone else whole_numbers

    if not embedding:
        return Encoder(len(parts), rows, code, one_hot, raw)
    return Encoder(len(parts), len(parts) * embedding, code, which, raw, table=(rows, embedding))


def as_numbers(observation: Any) -> Array:
    """An observation that is a row of numbers already."""
    return np.asarray(observation, np.float32)


def same(codes: Any) -> Any:
    """What is stored is what is seen."""
    return codes
