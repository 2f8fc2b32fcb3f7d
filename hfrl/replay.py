"""The replay buffer: the last transitions, and what a person said of them, to be learnt from again (Lin 1992).

The person's credits lie beside the world's reward and are blended when a batch is drawn: a weight or a model of the
person that changes re-labels all that is remembered, and nothing stale is ever learnt.

What is remembered (:class:`Replay`) and who is drawn (:class:`hfrl.priorities.Sampler`) are two things.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.frames import Frames, Picture
from hfrl.priorities import Sampler, Slots, Uniform
from hfrl.types import Judgement, Step

#: How a remembered step ended: the next one goes on from it, the task ended, or the episode was cut off.
GOES_ON, TERMINATED, CUT = 0.0, 1.0, 2.0
Array = NDArray[np.float32]
Credits = tuple[tuple[float, float], ...]


class Batch(NamedTuple):
    """Transitions with a leading axis: the slots they lie in, observations as they were stored, actions and next
    actions as int64, the world's rewards, ``terminated`` as 0.0 or 1.0, the credits of each (empty tuples where nobody
    spoke), how much each counts in the loss (None: all alike), and whether a person drove (bool; None: nowhere)."""

    slots: Slots
    observations: Array
    actions: NDArray[np.int64]
    rewards: Array
    next_observations: Array
    next_actions: NDArray[np.int64]
    terminated: Array
    credits: Sequence[Credits]
    weights: Array | None = None
    driven: NDArray[np.bool_] | None = None


class Windows(NamedTuple):
    """The steps that followed each of a batch of slots.

    Attributes:
        slots: of shape (batch, n), the first column the batch itself.
        inside: bool of the same shape: which of them belong to it.
    """

    slots: Slots
    inside: NDArray[np.bool_]

    def last(self) -> Slots:
        """The slot of each window's last step."""
        slots: Slots = self.slots[np.arange(len(self.slots)), self.inside.sum(axis=1) - 1]
        return slots


class Ahead(NamedTuple):
    """What the targets of a batch are made of.

    Attributes:
        signals: the discounted sum of what is told up to the bootstrap, shape (batch,).
        discounts: of the bootstrap: gamma^n, and 0 where the task has ended, shape (batch,).
        after: a batch whose ``next_observations`` and ``next_actions`` are those of the bootstrap.
    """

    signals: Array
    discounts: Array
    after: Batch


def returns(signals: Array, inside: NDArray[np.bool_], gamma: float) -> tuple[Array, Array]:
    """R(t+1) + gamma R(t+2) + ... + gamma^(m-1) R(t+m) of each window, and gamma^m: what the value after it counts
    (Sutton & Barto, 2nd ed., eq. 7.1; m is n, or less where something ends).

    Args:
        signals: what the steps inside were worth, one window after the other, shape (steps inside,).
        inside: bool of shape (batch, n).

    >>> inside = np.array([[True, True], [True, False]])
    >>> [part.tolist() for part in returns(np.array([1.0, 4.0, 3.0]), inside, 0.5)]
    [[3.0, 3.0], [0.25, 0.5]]
    """
    powers = np.float32(gamma) ** np.arange(inside.shape[1] + 1, dtype=np.float32)
    grid = np.zeros(inside.shape, np.float32)
    grid[inside] = signals
    sums: Array = (grid * powers[:-1]).sum(axis=1)
    return sums, powers[inside.sum(axis=1)]


class Replay:
    """A ring of transitions, one row of float32 each: observation, next observation, reward, how it ended, action, next
    action. A million transitions of CartPole take 48 MB. Pictures lie beside the rows, each once.

    Args:
        capacity: how many transitions are kept, at least 1.
        width: numbers per observation.
        sampler: who is drawn; all transitions alike by default.
        picture: what observations look like, if they are pictures; ``width`` is 0 then.
    """

    def __init__(
        self, capacity: int, width: int, sampler: Sampler | None = None, picture: Picture | None = None
    ) -> None:
        self.capacity = capacity
        self.width = width
        self.sampler: Sampler = sampler or Uniform()
        self.frames = Frames(capacity, picture) if picture else None
        self.rows = np.zeros((capacity, 2 * width + 4), np.float32)
        self.size = 0
        self.at = 0
        self.said: dict[int, Credits] = {}
        self.driven: set[int] = set()  # slots of what a person did
        self._added = 0  # transitions so far, the forgotten ones too
        self._expected = -1  # the index of the step that goes on from the newest one
        # Steps that followed one another: the index of the first, and how many transitions had been added before it.
        self._runs: list[tuple[int, int]] = []

    def add(self, observation: Array, step: Step, next_observation: Array, credits: Credits) -> None:
        """Remember a transition; the oldest one is forgotten where there is no room."""
        if step.index != self._expected:
            self.cut()
            self._begin_run(step.index)
        self._expected = step.index + 1
        row, w = self.rows[self.at], self.width
        if self.frames is None:
            row[:w] = observation
            row[w : 2 * w] = next_observation
        else:
            self.frames.put(self.at, observation, next_observation)
        end = TERMINATED if step.terminated else CUT if step.truncated else GOES_ON
        row[2 * w :] = (step.reward, end, step.action, step.next_action or 0)
        if credits:
            self.said[self.at] = credits
        elif self.said:
            self.said.pop(self.at, None)
        if step.actor == "human":
            self.driven.add(self.at)
        elif self.driven:
            self.driven.discard(self.at)
        self.sampler.added(self.at)
        self._stand(self._added + 1)

    def _stand(self, added: int) -> None:
        """So many transitions were added."""
        self._added = added
        self.at = added % self.capacity
        self.size = min(added, self.capacity)

    def _begin_run(self, index: int) -> None:
        oldest = self._added - self.size
        kept = [k for k in range(len(self._runs)) if self._end_of(k) > oldest]
        self._runs = [*(self._runs[k] for k in kept), (index, self._added)]

    def _end_of(self, run: int) -> int:
        """How many transitions had been added when a run was over."""
        return self._runs[run + 1][1] if run + 1 < len(self._runs) else self._added

    def slot_of(self, index: int) -> int | None:
        """Where the step of this index lies; None where it is not remembered."""
        for run in reversed(range(len(self._runs))):
            first, before = self._runs[run]
            place = before + index - first
            if max(before, self._added - self.size) <= place < self._end_of(run):
                return place % self.capacity
        return None

    def correct(self, index: int, old: Credits, new: Credits) -> bool:
        """Replace what was said of a step, or add to it; returns whether it is remembered.

        Args:
            index: of the step.
            old: credits that it has, to be taken away; of equal ones the last go.
            new: credits to be added.
        """
        slot = self.slot_of(index)
        if slot is None:
            return False
        credits = list(self.said.pop(slot, ()))
        for credit in old:
            if credit in credits:
                del credits[len(credits) - 1 - credits[::-1].index(credit)]
        if credits or new:
            self.said[slot] = (*credits, *new)
        return True

    def cut(self) -> None:
        """What comes next does not follow from what was remembered last: another run, a step learnt out of turn."""
        if self.size and self.rows[self.newest, 2 * self.width + 1] == GOES_ON:
            self.rows[self.newest, 2 * self.width + 1] = CUT

    def begin(self) -> None:
        """Another run begins: what comes does not follow, and its steps may have indices that were given before."""
        self.cut()
        self._runs, self._expected = [], -1

    @property
    def newest(self) -> int:
        """The slot of the transition that was remembered last."""
        return (self.at - 1) % self.capacity

    def windows(self, slots: Slots, n: int) -> Windows:
        """``n`` steps from each slot on, fewer where an episode ends or nothing newer is remembered."""
        steps = (slots[:, None] + np.arange(n)) % self.capacity
        stops = (self.rows[:, 2 * self.width + 1][steps] != GOES_ON) | (steps == self.newest)
        inside = np.ones(steps.shape, np.bool_)
        inside[:, 1:] = ~np.logical_or.accumulate(stops, axis=1)[:, :-1]
        return Windows(steps, inside)

    def ahead(self, batch: Batch, n: int, gamma: float, tell: Callable[[Batch], Array]) -> Ahead:
        """``n`` steps from each transition of a batch on, and what comes next.

        ``tell`` says what the agent is told of transitions, shape (batch,). Nothing is summed before it is drawn: a
        changed weight of the person re-labels every step of a return.
        """
        if n == 1:
            return Ahead(tell(batch), np.float32(gamma) * (1 - batch.terminated), batch)
        windows = self.windows(batch.slots, n)
        signals, discounts = returns(tell(self.batch(windows.slots[windows.inside])), windows.inside, gamma)
        last = self.batch(windows.last())
        return Ahead(signals, discounts * (1 - last.terminated), last)

    def sample(self, n: int, rng: np.random.Generator, step: int = 0, episode: int = 0) -> Batch:
        """``n`` transitions as the sampler draws them; ``step`` and ``episode`` are the agent's clock."""
        slots, weights = self.sampler.draw(n, self.size, rng, step, episode)
        return self.batch(slots, weights)

    def latest(self) -> Batch:
        """The transition that was remembered last, as a batch of one."""
        return self.batch(np.array([self.newest]))

    def batch(self, slots: Slots, weights: Array | None = None) -> Batch:
        """The transitions in these slots."""
        rows, w = self.rows.take(slots, axis=0), self.width
        said = self.said
        credits: Sequence[Credits] = [said.get(slot, ()) for slot in slots.tolist()] if said else ((),) * len(slots)
        driven = np.array([slot in self.driven for slot in slots.tolist()]) if self.driven else None
        terminated = (rows[:, 2 * w + 1] == TERMINATED).astype(np.float32)
        observations, next_observations = rows[:, :w], rows[:, w : 2 * w]
        if self.frames is not None:
            observations, next_observations = self.frames.get(slots)
        return Batch(
            slots, observations, rows[:, 2 * w + 2].astype(np.int64), rows[:, 2 * w], next_observations,
            rows[:, 2 * w + 3].astype(np.int64), terminated, credits, weights, driven,
        )  # fmt: skip

    def _rows(self) -> dict[str, NDArray[Any]]:
        """All but the pictures."""
        flat = [(slot, value, share) for slot, credits in self.said.items() for value, share in credits]
        return {
            "replay_rows": self.rows[: self.size].copy(),
            "replay_at": np.array([self._added, self._expected]),
            "replay_runs": np.array(self._runs, np.int64).reshape(-1, 2),
            "replay_said": np.array(flat, dtype=np.float64).reshape(len(flat), 3),
            "replay_driven": np.array(sorted(self.driven), np.int64),
            **self.sampler.arrays(self.size),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What is remembered, as plain arrays for a checkpoint: no more rows than there are transitions."""
        return self._rows() | (self.frames.arrays(self.size) if self.frames else {})

    def _restore_rows(self, arrays: dict[str, NDArray[Any]]) -> None:
        rows, said = arrays["replay_rows"], arrays["replay_said"]
        if rows.ndim != 2 or rows.shape[1] != self.rows.shape[1] or len(rows) > self.capacity or rows.dtype != "f4":
            raise ValueError(
                f"replay_rows has shape {rows.shape} of {rows.dtype}, expected up to {self.rows.shape} of float32"
            )
        if said.ndim != 2 or said.shape[1] != 3:
            raise ValueError(f"replay_said has shape {said.shape}, expected (n, 3)")
        if arrays["replay_at"].shape != (2,):
            raise ValueError(f"replay_at has shape {arrays['replay_at'].shape}, expected (2,)")
        added, self._expected = (int(number) for number in arrays["replay_at"])
        if len(rows) != min(added, self.capacity):
            raise ValueError(
                f"replay_rows holds {len(rows)} of {added} transitions; here buffer_size is {self.capacity}"
            )
        if arrays["replay_runs"].ndim != 2 or arrays["replay_runs"].shape[1] != 2:
            raise ValueError(f"replay_runs has shape {arrays['replay_runs'].shape}, expected (n, 2)")
        self.rows[: len(rows)] = rows
        self._stand(added)
        self._runs = [(first, before) for first, before in arrays["replay_runs"].tolist()]
        self.said = {}
        for slot, value, share in said.tolist():
            self.said[int(slot)] = (*self.said.get(int(slot), ()), (value, share))
        driven = arrays["replay_driven"]
        inside = driven.ndim == 1 and driven.dtype.kind in "iu" and np.isin(driven, np.arange(self.size)).all()
        if not inside:
            raise ValueError(
                f"replay_driven has shape {driven.shape} of {driven.dtype}, expected slots below {self.size}"
            )
        self.driven = set(driven.tolist())
        self.sampler.restore(arrays, self.size)

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on what does not fit."""
        self._restore_rows(arrays)
        if self.frames:
            self.frames.restore(arrays, self.size, self.newest)

    def snapshot(self) -> Any:
        """What is remembered, for :meth:`rewind`: as :meth:`arrays`, but no picture is copied."""
        return self._rows(), self.frames.snapshot() if self.frames else None

    def rewind(self, snapshot: Any) -> None:
        """The inverse of :meth:`snapshot`."""
        rows, frames = snapshot
        self._restore_rows(rows)
        if self.frames:
            self.frames.rewind(frames)


def judgement_of(batch: Batch, observations: Any, next_observations: Any) -> Judgement:
    """A batch as the reward port sees it: one judgement with a leading axis, observations as the world gave them."""
    step = Step(
        -1, -1, observations, batch.actions, batch.rewards, next_observations,  # type: ignore[arg-type]
        batch.terminated, False, next_action=batch.next_actions,  # type: ignore[arg-type]
    )  # fmt: skip
    return Judgement(step, batch.credits)  # type: ignore[arg-type]
