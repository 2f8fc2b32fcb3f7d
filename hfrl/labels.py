"""D(s, a): how often each trainer praised and blamed an action, kept beside H; and how fresh what they said is.

H is the mean of everybody's labels. Policy shaping needs more: who said it and how often (Griffith et al. 2013). The
counts are sparse, so a world of a million states costs what was judged of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.types import Judgement

#: The name of whoever pressed, where a judgement does not say.
SOMEBODY = "teacher"
#: So many labels of a pair are remembered with their times: older ones add nothing to a trace that is full at 1.
RECENT = 16

Said = dict[int, list[float]]


def sign(value: float) -> int:
    """+1, 0 or -1.

    >>> sign(2.5), sign(0.0), sign(-1.0)
    (1, 0, -1)
    """
    return (value > 0) - (value < 0)


def aged(share: float, age: int, decay: float) -> float:
    """What is left of a label in the trace of its pair after so many steps: share * decay^age.

    >>> aged(1.0, 2, 0.5), aged(0.25, -1, 0.5)
    (0.25, 0.25)
    """
    left: float = share * decay ** float(max(0, age))  # a whole exponent would be multiplied out where it is compiled
    return left


def recency_of(labels: Sequence[tuple[int, float]], now: int, decay: float) -> float:
    """min(1, sum of share * decay^age), an eligibility trace that is full at 1; ``labels`` are (step, share).

    >>> recency_of([(0, 1.0), (2, 0.25)], now=2, decay=0.5), recency_of([(0, 1.0), (1, 1.0)], now=1, decay=0.5)
    (0.5, 1.0)
    """
    trace = 0.0
    for at, share in labels:
        trace += aged(share, now - at, decay)
    return min(1.0, trace)


def noted(times: NDArray[np.int64], at: int) -> None:
    """Write down when a whole label came, in a row of times that ends where it is full or with a -1; the oldest goes
    where there is no room.

    >>> times = np.array([3, 5, -1])
    >>> noted(times, 6), noted(times, 9), times.tolist()
    (None, None, [5, 6, 9])
    """
    k = 0
    while k < len(times) and times[k] >= 0:
        k += 1
    if k == len(times):
        for j in range(1, k):
            times[j - 1] = times[j]
        k -= 1
    times[k] = at


def recency_in(times: NDArray[np.int64], now: int, decay: float) -> float:
    """:func:`recency_of` whole labels in such a row.

    >>> recency_in(np.array([0, 1, -1]), 2, 0.5), recency_of([(0, 1.0), (1, 1.0)], 2, 0.5)
    (0.75, 0.75)
    """
    trace = 0.0
    for k in range(len(times)):
        if times[k] < 0:
            break
        trace += aged(1.0, now - times[k], decay)
    return min(1.0, trace)


class Labels:
    """The labels of each trainer by row and action: ``said[trainer][row * actions + action] = [praise, blame]``.

    A row is a state of a table, or a tile: then an observation has several, and its D is their mean. A press that is
    shared among steps counts as its shares; its strength does not count.
    """

    def __init__(self, rows: int, actions: int) -> None:
        self.rows = rows
        self.actions = actions
        self.said: dict[str, Said] = {}
        #: Times of the latest labels, (step, share) by row and action; None while no blend asks.
        self.times: dict[int, list[tuple[int, float]]] | None = None

    def add(self, rows: Sequence[int], judgement: Judgement, times: int = 1) -> None:
        """Count a judgement; ``times=-1`` takes it away again."""
        action = int(judgement.step.action)
        trainers = judgement.trainers or (SOMEBODY,) * len(judgement.credits)
        for (value, share), trainer in zip(judgement.credits, trainers, strict=True):
            meant = sign(value)
            if meant == 0:
                continue
            said = self.said.setdefault(trainer, {})
            for row in rows:
                counts = said.setdefault(int(row) * self.actions + action, [0.0, 0.0])
                counts[meant < 0] += times * share
                if counts == [0.0, 0.0]:  # taken back: as if nothing had been said
                    del said[int(row) * self.actions + action]
            if not said:
                del self.said[trainer]
        if self.times is not None:
            self._note(self.times, rows, judgement, times)

    def _note(
        self, kept: dict[int, list[tuple[int, float]]], rows: Sequence[int], judgement: Judgement, times: int
    ) -> None:
        step = judgement.step
        for _, share in judgement.credits:
            for row in rows:
                latest = kept.setdefault(int(row) * self.actions + int(step.action), [])
                if times > 0:
                    latest.append((step.index, share))
                    del latest[:-RECENT]
                elif (step.index, share) in latest:
                    latest.remove((step.index, share))
                if not latest:
                    del kept[int(row) * self.actions + int(step.action)]

    def differences(self, rows: Sequence[int]) -> dict[str, list[float]]:
        """D(s, .) of each trainer: praise minus blame."""
        result = {}
        for trainer, said in self.said.items():
            found = [0.0] * self.actions
            for row in rows:
                for action in range(self.actions):
                    praise, blame = said.get(int(row) * self.actions + action, (0.0, 0.0))
                    found[action] += (praise - blame) / len(rows)
            result[trainer] = found
        return result

    def recency(self, rows: Sequence[int], now: int, decay: float) -> list[float]:
        """sum_i n_i min(1, e_i) / sum_i n_i for each action, over the active rows (Knox & Stone 2012, section 3.1)."""
        kept = self.times or {}
        result = []
        for action in range(self.actions):
            total = 0.0
            for row in rows:
                total += recency_of(kept.get(int(row) * self.actions + action, ()), now, decay)
            result.append(total / len(rows))
        return result

    def by_row(self) -> Iterator[tuple[int, dict[str, list[tuple[float, float]]]]]:
        """Each judged row in turn, and what each trainer said there: (praise, blame) of every action."""
        rows: dict[int, dict[str, list[tuple[float, float]]]] = {}
        for trainer in sorted(self.said):
            for pair, (praise, blame) in self.said[trainer].items():
                row, action = divmod(pair, self.actions)
                said = rows.setdefault(row, {}).setdefault(trainer, [(0.0, 0.0)] * self.actions)
                said[action] = (praise, blame)
        for row in sorted(rows):
            yield row, rows[row]

    def keep_times(self) -> None:
        """A blend asks how fresh labels are: note their times from now on."""
        if self.times is None:
            self.times = {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All counts as plain arrays for a checkpoint, in an order that does not depend on that of the presses; nothing
        where nothing was said."""
        result: dict[str, NDArray[Any]] = {}
        if self.said:
            names = sorted(self.said)
            counts = np.concatenate([_counted(k, self.said[name]) for k, name in enumerate(names)])
            result |= {"d_trainers": np.array(names, dtype=np.str_), "d_counts": counts}
        if self.times:
            times = [(pair, at, share) for pair in sorted(self.times) for at, share in self.times[pair]]
            result["d_times"] = np.array(times, dtype=np.float64)
        return result

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`; what is not there was not said. Raises ValueError on what does not fit."""
        names = arrays["d_trainers"].tolist() if "d_trainers" in arrays else []
        counts = _rows_of("d_counts", arrays.get("d_counts"), 4, {0: len(names), 1: self.rows * self.actions})
        times = _rows_of("d_times", arrays.get("d_times"), 3, {0: self.rows * self.actions})
        self.said = {}
        for k, name in enumerate(names):
            mine = counts[counts[:, 0].astype(np.int64) == k]
            if len(mine):
                pairs = mine[:, 1].astype(np.int64).tolist()
                self.said[str(name)] = dict(zip(pairs, mine[:, 2:].tolist(), strict=True))
        if len(times) or self.times is not None:
            self.times = {}
            for pair, at, share in times.tolist():
                self.times.setdefault(int(pair), []).append((int(at), share))


def _counted(trainer: int, said: Said) -> NDArray[np.float64]:
    """The labels of one trainer, in order: a row (trainer, pair, praise, blame) for each pair."""
    pairs = sorted(said)
    counts = np.empty((len(pairs), 4))
    counts[:, 0], counts[:, 1] = trainer, pairs
    counts[:, 2:] = [said[pair] for pair in pairs]
    return counts


def _rows_of(name: str, array: NDArray[Any] | None, width: int, below: dict[int, int]) -> NDArray[Any]:
    """The rows of a saved array of numbers, none where it is None; ``below`` says what its columns stay below."""
    if array is None:
        return np.empty((0, width))
    if array.ndim != 2 or array.shape[1] != width or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} has shape {array.shape} of {array.dtype}, expected (n, {width}) of numbers")
    for column, limit in below.items():
        if ((array[:, column] < 0) | (array[:, column] >= limit)).any():
            raise ValueError(f"column {column} of {name} is out of its range, 0 to {limit - 1}")
    return array
