"""Which transitions are learnt from: all alike, or those that surprised more often (Schaul, Quan, Antonoglou & Silver,
"Prioritized experience replay", ICLR 2016).

    P(i) = p_i^alpha / sum_k p_k^alpha,   p_i = |delta_i| + eps        (eq. 1; section 3.3)
    w_i = (N P(i))^-beta / max_j w_j        (section 3.4; the greatest of the batch)
"""

import itertools
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hfrl.schedules import Schedule, checked
from hfrl.types import UserError

Array = NDArray[np.float32]
Slots = NDArray[np.int64]
FORMS = "uniform or prioritized[:ALPHA[:BETA]], BETA a number or a schedule such as linear:0.4:1:100000"


def importance(probabilities: NDArray[np.float64], n: int, beta: float) -> Array:
    """w_i = (N P(i))^-beta, as a share of the greatest of them.

    >>> importance(np.array([0.5, 0.125]), 4, 0.5).tolist()
    [0.5, 1.0]
    """
    weights = (n * probabilities) ** -beta
    shares: Array = (weights / weights.max()).astype(np.float32)
    return shares


class SumTree:
    """A number in each slot, and sums of sums above them, so that a slot is found by a share of the total in a few
    steps (Schaul et al. 2016, appendix B.2.1).

    A node has sixteen children instead of two: four vectorised levels stand for sixteen where 50,000 slots are kept.

    Args:
        capacity: how many slots, at least 1. All numbers are 0 at first.
    """

    FAN = 16

    def __init__(self, capacity: int) -> None:
        self.levels: list[NDArray[np.float64]] = []
        size = capacity
        while True:
            size = -(-size // self.FAN)
            self.levels.append(np.zeros(size * self.FAN))
            if size == 1:
                break

    @property
    def total(self) -> float:
        """The sum of all numbers."""
        return float(self.levels[-1].sum())

    def get(self, slots: Slots) -> NDArray[np.float64]:
        """The numbers in these slots."""
        return self.levels[0].take(slots)

    def set(self, slots: Slots, values: NDArray[np.float64]) -> None:
        """Put numbers, none negative, into slots; of a slot that is named twice the last number stays."""
        self.levels[0][slots] = values
        for below, above in itertools.pairwise(self.levels):
            slots = slots // self.FAN
            # A sum is made anew from its children, never moved by differences: it does not drift.
            above[slots] = below.reshape(-1, self.FAN).take(slots, axis=0).sum(axis=1)

    def find(self, masses: NDArray[np.float64]) -> Slots:
        """For each mass in [0, total): the slot whose part of the cumulative sum it lies in; never one that holds 0."""
        nodes = np.zeros(len(masses), np.int64)
        rows = np.arange(len(masses))
        for level in reversed(self.levels):
            children = level.reshape(-1, self.FAN).take(nodes, axis=0)
            sums = children.cumsum(axis=1)
            # Rounding may leave a mass at the very end of its node, where there may be empty slots.
            masses = np.minimum(masses, np.nextafter(sums[:, -1], 0.0))
            chosen = (sums <= masses[:, None]).sum(axis=1)
            masses = masses - (sums[rows, chosen] - children[rows, chosen])
            nodes = nodes * self.FAN + chosen
        return nodes


class Drawn(NamedTuple):
    """Slots of a buffer, and how much each counts in the loss, in (0, 1]; None: all alike."""

    slots: Slots
    weights: Array | None


class Sampler(Protocol):
    """Who is drawn from a buffer."""

    def added(self, slot: int) -> None:
        """A transition was put into a slot."""
        ...

    def draw(self, n: int, size: int, rng: np.random.Generator, step: int, episode: int) -> Drawn:
        """``n`` of the first ``size`` slots."""
        ...

    def learnt(self, slots: Slots, errors: Array) -> None:
        """How wrong the values of these slots were when they were learnt from."""
        ...

    def arrays(self, size: int) -> dict[str, NDArray[Any]]:
        """What goes on from here, as plain arrays."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]], size: int) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on what does not fit."""
        ...


class Uniform:
    """All transitions alike (Lin 1992)."""

    def added(self, slot: int) -> None:
        """Nothing to note."""

    def draw(self, n: int, size: int, rng: np.random.Generator, step: int, episode: int) -> Drawn:  # noqa: ARG002
        """``n`` of the first ``size`` slots, each with the same probability."""
        # Not rng.integers: it keeps half a draw in hand, which a saved state of four words would lose.
        return Drawn((rng.random(n) * size).astype(np.int64), None)

    def learnt(self, slots: Slots, errors: Array) -> None:
        """Nothing to note."""

    def arrays(self, size: int) -> dict[str, NDArray[Any]]:  # noqa: ARG002 - every sampler is asked so
        """Nothing to keep."""
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]], size: int) -> None:
        """Nothing to take up."""


class Prioritized:
    """Proportional prioritized replay: what surprised is learnt from more often, and counts less each time.

    A new transition has the greatest priority that there ever was, so that everything is learnt from at once.

    Args:
        capacity: slots of the buffer.
        alpha: 0 draws all alike, 1 by how wrong they were; in [0, 1].
        beta: how far the weights make up for it, in [0, 1]; a number or a schedule.
        eps: what is added to every error, so that nothing is forgotten; at least 0.

    Raises:
        UserError: a number out of its range.
    """

    def __init__(
        self, capacity: int, alpha: float = 0.6, beta: float | str | Schedule = 0.4, eps: float = 1e-6
    ) -> None:
        if not 0 <= alpha <= 1:
            raise UserError(f"alpha of prioritized replay must be within [0, 1], got {alpha}")
        if not eps >= 0:
            raise UserError(f"eps of prioritized replay must be 0 or more, got {eps}")
        self.alpha, self.eps = float(alpha), float(eps)
        self.beta = checked("beta of prioritized replay", beta, 0, 1)
        self.tree = SumTree(capacity)
        self.greatest = 1.0  # of all p^alpha so far
        self._waiting: list[tuple[Slots, NDArray[np.float64]]] = []  # written when a batch is drawn, all at once

    def added(self, slot: int) -> None:
        """A new transition has the greatest priority."""
        self._waiting.append((np.array([slot]), np.array([self.greatest])))

    def learnt(self, slots: Slots, errors: Array) -> None:
        """p = |delta| + eps."""
        priorities = (np.abs(errors, dtype=np.float64) + self.eps) ** self.alpha
        self.greatest = max(self.greatest, float(priorities.max()))
        self._waiting.append((slots, priorities))

    def _write(self) -> None:
        if self._waiting:
            slots, priorities = zip(*self._waiting, strict=True)
            self.tree.set(np.concatenate(slots), np.concatenate(priorities))
            self._waiting.clear()

    def draw(self, n: int, size: int, rng: np.random.Generator, step: int, episode: int) -> Drawn:
        """One of each of ``n`` equal parts of the total priority, and the importance of each."""
        self._write()
        total = self.tree.total
        slots = self.tree.find((np.arange(n) + rng.random(n)) * (total / n))
        weights = importance(self.tree.get(slots) / total, size, self.beta(step, episode))
        return Drawn(slots, weights)

    def arrays(self, size: int) -> dict[str, NDArray[Any]]:
        """The priorities, and the greatest there ever was."""
        self._write()
        return {"priorities": self.tree.levels[0][:size].copy(), "priorities_greatest": np.array([self.greatest])}

    def restore(self, arrays: dict[str, NDArray[Any]], size: int) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on what does not fit."""
        priorities, greatest = arrays["priorities"], arrays["priorities_greatest"]
        if priorities.shape != (size,) or greatest.shape != (1,):
            raise ValueError(
                f"priorities have the shapes {priorities.shape} and {greatest.shape}, expected ({size},) and (1,)"
            )
        if not (np.isfinite(priorities).all() and (priorities >= 0).all()):
            raise ValueError("priorities must be finite and none negative")
        self._waiting.clear()
        values = np.zeros(len(self.tree.levels[0]))
        values[:size] = priorities
        self.tree.set(np.arange(len(values)), values)
        self.greatest = float(greatest[0])


def sampler_of(replay: str, capacity: int) -> Sampler:
    """``uniform``, or ``prioritized:ALPHA:BETA``. Raises UserError.

    >>> sampler_of("prioritized:0.7:linear:0.5:1:1000", 10).beta(500, 0)
    0.75
    """
    kind, _, rest = str(replay).partition(":")
    if kind == "uniform" and not rest:
        return Uniform()
    if kind == "prioritized":
        alpha, _, beta = rest.partition(":")
        try:
            return Prioritized(capacity, float(alpha or 0.6), beta or 0.4)
        except ValueError:
            pass  # said below, with the forms that are understood
    raise UserError(f"{replay!r} is no kind of replay; expected {FORMS}")
