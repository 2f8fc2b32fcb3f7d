"""Features of Box observations for linear agents: tile coding and radial basis functions.

A feature vector is a pair of arrays, the indices of the features that are not zero and their values; where a value is
another one for each action, the values have a column per action.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.types import UserError

#: An unbounded dimension (CartPole's velocities) is taken to reach this far to both sides; beyond, it is clipped.
REACH = 4.0
MOST_FEATURES = 2_000_000
#: So many observations are remembered with their tiles: about 15 MB.
MOST_KNOWN = 50_000

Active = tuple[NDArray[np.int64], NDArray[np.float64]]


def bounds_of(space: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lower and upper bounds of a Box of one axis, unbounded ones replaced by REACH.

    Raises:
        UserError: no Box, or one of several axes.
    """
    low, high = getattr(space, "low", None), getattr(space, "high", None)
    if low is None or high is None or np.ndim(low) != 1:
        raise UserError(f"a linear agent needs Box observations of one axis, got {' '.join(str(space).split())}")
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    # Gymnasium writes "unbounded" as infinity or as the largest float32.
    return np.where(low < -1e6, -REACH, low), np.where(high > 1e6, REACH, high)


class Tiles(NamedTuple):
    """Tilings that overlap: ``count`` grids of ``bins`` tiles a dimension, each shifted by another part of a tile.

    The shift in dimension i is (2 i + 1) / count of a tile from one tiling to the next, so that they do not line up
    (Sutton & Barto, 2nd ed., section 9.5.4). Every observation has exactly ``count`` active features of value 1.
    """

    low: NDArray[np.float64]
    scale: NDArray[np.float64]
    shifts: NDArray[np.float64]
    strides: NDArray[np.int64]
    firsts: NDArray[np.int64]
    bins: int
    size: int
    ones: NDArray[np.float64]
    known: dict[bytes, NDArray[np.int64]]

    def active(self, observation: Any) -> Active:
        """The active tiles of an observation, one in each tiling; nobody writes into them.

        They never change, and a step is looked at again and again: as the next one, when it is learnt, and each time
        that it is drawn from a buffer.
        """
        seen = np.asarray(observation)
        key = seen.tobytes()
        indices = self.known.get(key)
        if indices is None:
            if len(self.known) >= MOST_KNOWN:
                self.known.clear()
            self.known[key] = indices = self._tiles_of(seen)
        return indices, self.ones

    def _tiles_of(self, observation: NDArray[Any]) -> NDArray[np.int64]:
        place = np.minimum(np.maximum((observation - self.low) * self.scale, 0.0), self.bins)
        cells = np.minimum((place + self.shifts).astype(np.int64), self.bins)
        indices: NDArray[np.int64] = cells.dot(self.strides) + self.firsts
        indices.flags.writeable = False
        return indices


def tiles(space: Any, tilings: int = 8, bins: int = 8) -> Tiles:
    """Tile coding for a Box. Raises UserError for numbers below 1, or where it would need too many tiles."""
    if tilings < 1 or bins < 1:
        raise UserError(f"tile coding needs at least 1 tiling and 1 bin, got tilings={tilings}, bins={bins}")
    low, high = bounds_of(space)
    size = tilings * (bins + 1) ** len(low)
    if size > MOST_FEATURES:
        raise UserError(
            f"{tilings} tilings of {bins} bins in {len(low)} dimensions are {size} tiles (limit {MOST_FEATURES}): "
            "take fewer bins, or features=rbf with few of them"
        )
    odd = 2 * np.arange(len(low)) + 1
    shifts = (np.arange(tilings)[:, None] * odd % tilings) / tilings
    strides = ((bins + 1) ** np.arange(len(low) + 1)).astype(np.int64)
    firsts = strides[-1] * np.arange(tilings)
    return Tiles(low, bins / (high - low), shifts, strides[:-1], firsts, bins, size, np.ones(tilings), {})


def tiles_within(space: Any, most: int, tilings: int = 8) -> Tiles:
    """Tile coding as fine as ``most`` tiles allow, 8 bins a dimension at the finest. Raises UserError as tiles does."""
    dimensions = len(bounds_of(space)[0])
    bins = max((n for n in range(1, 9) if tilings * (n + 1) ** dimensions <= most), default=8)
    return tiles(space, tilings, bins)


class RadialBasis(NamedTuple):
    """Gaussians on a grid of ``bins`` centres a dimension, as wide as their distance, normalised to a sum of 1
    (Sutton & Barto, 2nd ed., section 9.5.5)."""

    low: NDArray[np.float64]
    scale: NDArray[np.float64]
    centres: NDArray[np.float64]
    size: int
    indices: NDArray[np.int64]

    def active(self, observation: Any) -> Active:
        """All features; those far away are almost zero."""
        place = np.clip((np.asarray(observation, dtype=np.float64) - self.low) * self.scale, 0.0, None)
        heights = np.exp(-0.5 * ((self.centres - place) ** 2).sum(axis=1))
        return self.indices, heights / heights.sum()


def radial_basis(space: Any, bins: int = 8) -> RadialBasis:
    """Radial basis functions for a Box. Raises UserError for fewer than 2 bins, or too many functions."""
    if bins < 2:
        raise UserError(f"radial basis functions need at least 2 bins, got {bins}")
    low, high = bounds_of(space)
    size = bins ** len(low)
    if size > MOST_FEATURES // 100:
        raise UserError(
            f"{bins} bins in {len(low)} dimensions are {size} functions: take fewer bins, or features=tiles"
        )
    grids: Sequence[Any] = np.meshgrid(*[np.arange(bins, dtype=np.float64)] * len(low), indexing="ij")
    centres = np.stack([grid.ravel() for grid in grids], axis=1)
    return RadialBasis(low, (bins - 1) / (high - low), centres, size, np.arange(size))


class WithModel(NamedTuple):
    """Features of an observation and one more, H(s, a), which is another number for each action.

    ``values`` is H(s, .) of an observation. Heights have a column for each action.
    """

    features: Tiles | RadialBasis
    values: Callable[[Any], Sequence[float]]

    @property
    def size(self) -> int:
        """How many features there are, H the last of them."""
        return self.features.size + 1

    def active(self, observation: Any) -> Active:
        """The active features: heights of shape (features, actions)."""
        indices, heights = self.features.active(observation)
        h = np.asarray(self.values(observation), np.float64)
        return np.append(indices, self.features.size), np.vstack([np.tile(heights[:, None], len(h)), h])


def gaussian(distance: float) -> float:
    """The height of a basis function at a distance in widths.

    >>> round(gaussian(1.0), 4)
    0.6065
    """
    return math.exp(-0.5 * distance * distance)
