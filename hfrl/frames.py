"""Pictures in a replay buffer, each stored once.

The picture after a step is the picture before the next one, and of four frames in a stack three were there before. So
a transition holds references to frames, and a frame that is known already is not stored again. Nothing is assumed:
frames are compared, byte by byte, and a frame lives as long as a transition refers to it.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: The frames of one observation.
Stack = tuple[bytes, ...]


class Picture(NamedTuple):
    """What observations look like.

    Attributes:
        shape: of an observation.
        dtype: of its numbers.
        stacked: how many frames lie along its first axis; 1: it is one frame.
    """

    shape: tuple[int, ...]
    dtype: str
    stacked: int = 1


def joined(parts: Sequence[bytes], dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Bytes of arrays, put together into one array with a leading axis.

    >>> joined([bytes([1, 2]), bytes([3, 4])], "uint8", (2,)).tolist()
    [[1, 2], [3, 4]]
    """
    data = bytearray().join(parts)  # not bytes: torch asks for memory that may be written
    return np.frombuffer(data, dtype).reshape(len(data) // (np.dtype(dtype).itemsize * math.prod(shape)), *shape)


class Frames:
    """The observations of a ring of transitions.

    Args:
        capacity: how many transitions.
        picture: what an observation looks like.

    Attributes:
        lanes: how many worlds take turns: what a picture may share with was seen so many transitions ago at most.
    """

    def __init__(self, capacity: int, picture: Picture) -> None:
        self.picture = picture
        self.kept: list[tuple[Stack, Stack]] = [((), ())] * capacity
        self.lanes = 1
        self._latest: tuple[Stack, ...] = ()  # where the last transitions of all lanes led, the newest first
        self._width = int(np.prod(picture.shape)) // picture.stacked

    def put(self, slot: int, observation: Any, next_observation: Any) -> None:
        """Keep the observations of a transition."""
        before = self._known(observation, tuple(itertools.chain(*self._latest)))
        after = self._known(next_observation, before)
        self.kept[slot] = before, after
        self._latest = (after, *self._latest[: self.lanes - 1])

    def _known(self, observation: Any, near: Stack) -> Stack:
        """The frames of an observation; of those that equal a frame near by, that very one."""
        frames: list[bytes] = []
        for frame in observation if self.picture.stacked > 1 else (observation,):
            data = np.asarray(frame, self.picture.dtype).tobytes()
            frames.append(next((known for known in (*near, *frames) if known == data), data))
        return tuple(frames)

    def get(self, slots: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Observations and next observations, each of shape (batch, *shape)."""
        kept = [self.kept[slot] for slot in slots.tolist()]
        return self._array([before for before, _ in kept]), self._array([after for _, after in kept])

    def _array(self, stacks: list[Stack]) -> NDArray[Any]:
        return joined([frame for stack in stacks for frame in stack], self.picture.dtype, self.picture.shape)

    def arrays(self, size: int) -> dict[str, NDArray[Any]]:
        """The first ``size`` transitions as plain arrays: every picture once, wherever it was seen, and which of them
        each transition has."""
        numbers: dict[bytes, int] = {}
        which = [
            [[numbers.setdefault(frame, len(numbers)) for frame in stack] for stack in pair]
            for pair in self.kept[:size]
        ]
        data = np.frombuffer(b"".join(numbers), self.picture.dtype)
        return {
            "frames": data.reshape(len(numbers), self._width),
            "frames_which": np.array(which, np.int64).reshape(size, 2, self.picture.stacked),
        }

    def restore(self, arrays: dict[str, NDArray[Any]], size: int, newest: int) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on what does not fit."""
        frames, which = arrays["frames"], arrays["frames_which"]
        if frames.shape[1:] != (self._width,) or frames.dtype != self.picture.dtype:
            expected = f"(n, {self._width}) of {self.picture.dtype}"
            raise ValueError(f"frames have shape {frames.shape} of {frames.dtype}, expected {expected}")
        if which.shape != (size, 2, self.picture.stacked) or which.dtype.kind not in "iu":
            raise ValueError(
                f"frames_which has shape {which.shape} of {which.dtype}, expected {(size, 2, self.picture.stacked)}"
            )
        if size and not 0 <= which.min() <= which.max() < len(frames):
            raise ValueError(f"frames_which names frames up to {which.max()}, and there are {len(frames)}")
        data = [frame.tobytes() for frame in frames]
        for slot, (before, after) in enumerate(which.tolist()):
            self.kept[slot] = tuple([data[n] for n in before]), tuple([data[n] for n in after])
        self._latest = (self.kept[newest][1],) if size else ()

    def snapshot(self) -> tuple[list[tuple[Stack, Stack]], tuple[Stack, ...]]:
        """What is kept, for :meth:`rewind`; the frames themselves are not copied."""
        return self.kept.copy(), self._latest

    def rewind(self, snapshot: tuple[list[tuple[Stack, Stack]], tuple[Stack, ...]]) -> None:
        """The inverse of :meth:`snapshot`."""
        kept, self._latest = snapshot
        self.kept = kept.copy()

    @property
    def nbytes(self) -> int:
        """Bytes of all frames."""
        frames = {id(frame): len(frame) for pair in self.kept for stack in pair for frame in stack}
        return sum(frames.values())
