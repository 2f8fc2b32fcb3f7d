"""Models of the human: what this person would say of an action, learnt from their judgements."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.features import Tiles
from hfrl.labels import Labels
from hfrl.types import Judgement, UserError


def running_mean(mean: float, count: int, label: float) -> float:
    """The mean after one more label: H <- H + (label - H) / n, with n the labels including this one.

    >>> running_mean(0.5, 3, 1.0)
    0.6666666666666666
    """
    return mean + (label - mean) / count


class HumanTable:
    """H(s, a) as a table: the mean label of every judged (state, action); 0 where nothing was ever said.

    The label of a step is the sum of its shares of credit (TAMER, Knox & Stone 2009). A step nobody judged is no
    sample: silence is missing data, not a zero.

    Attributes:
        mean: H, ``mean[s][a]``, states x actions.
        count: how many labels each has.
        labels: who said what of each, see :class:`hfrl.labels.Labels`.
        rows, actions: the table's size.
        row: the number of an observation.
    """

    def __init__(self, states: int, actions: int, index: Callable[[Any], int]) -> None:
        self.mean = [[0.0] * actions for _ in range(states)]
        self.count = [[0] * actions for _ in range(states)]
        self.labels = Labels(states, actions)
        self.rows, self.actions = states, actions
        self.row = self._index = index

    def observe(self, judgement: Judgement) -> None:
        """Learn one judgement; silence teaches nothing."""
        label = judgement.feedback
        if label is None:
            return
        state, action = self._index(judgement.step.observation), judgement.step.action
        self.count[state][action] += 1
        self.mean[state][action] = running_mean(self.mean[state][action], self.count[state][action], label)
        self.labels.add((state,), judgement)

    def correct(self, old: Judgement, new: Judgement) -> None:
        """Replace a judgement that was observed by another of the same step; a silent one takes its label away."""
        before, after = old.feedback, new.feedback
        if before is None:
            return
        state, action = self._index(old.step.observation), old.step.action
        self.labels.add((state,), old, -1)
        self.labels.add((state,), new)
        count = self.count[state][action]
        total = self.mean[state][action] * count - before
        if after is None:
            self.count[state][action] = count = count - 1
        else:
            total += after
        self.mean[state][action] = total / count if count else 0.0

    def values(self, observation: Any) -> list[float]:
        """H(s, .), one number per action."""
        return self.mean[self._index(observation)]

    def counts(self, observation: Any) -> list[int]:
        """How often each action was judged here."""
        return self.count[self._index(observation)]

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]:
        """D(s, .) of each trainer: praise minus blame."""
        return self.labels.differences((self._index(observation),))

    def recency(self, observation: Any, now: int, decay: float) -> list[float]:
        """How fresh the labels of each action are, in [0, 1]; 0 where nothing was ever said."""
        return self.labels.recency((self._index(observation),), now, decay)

    def labelled(self) -> Iterator[tuple[int, dict[str, list[tuple[float, float]]]]]:
        """The judged rows, and (praise, blame) of each action there by trainer."""
        return self.labels.by_row()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model as plain arrays, for a checkpoint."""
        return {"h_mean": np.array(self.mean), "h_count": np.array(self.count)} | self.labels.arrays()

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        shape = (len(self.mean), len(self.mean[0]))
        for name in ("h_mean", "h_count"):
            if arrays[name].shape != shape or arrays[name].dtype.kind not in "fi":
                raise ValueError(f"{name} has shape {arrays[name].shape}, expected {shape}, of numbers")
        self.labels.restore(arrays)
        self.mean = arrays["h_mean"].tolist()
        self.count = arrays["h_count"].tolist()

    def known(self) -> Iterator[tuple[Any, int]]:
        """Nothing: an H that is learnt has no observations to give, only rows. See :class:`FixedTable`."""
        return iter(())


class HumanTiles:
    """H(s, a) for Box observations: the mean label of the judged steps that share tiles with s, each as often as it
    shares them (an averager, Gordon 1995, over tile coding); 0 where nothing near was ever judged.

    Unlike a gradient step it does not depend on the order of the presses, so that one can be taken back exactly.

    Args:
        features: tiles of the observations.
        actions: how many.

    Attributes:
        total: the sum of the labels, tiles x actions.
        count: how many labels each tile has.
        labels: who said what of each tile.
    """

    rows = None  # no table

    def __init__(self, features: Tiles, actions: int) -> None:
        self.features = features
        self.labels = Labels(features.size, actions)
        # One table of both, so that H(s, .) is read in one go.
        self._sums = np.zeros((features.size, 2, actions))
        self.total, self.count = self._sums[:, 0], self._sums[:, 1]

    def observe(self, judgement: Judgement) -> None:
        """Learn one judgement; silence teaches nothing."""
        self._add(judgement, 1)

    def correct(self, old: Judgement, new: Judgement) -> None:
        """Replace a judgement that was observed by another of the same step; a silent one takes its label away."""
        if old.feedback is not None:
            self._add(old, -1)
            self._add(new, 1)

    def _add(self, judgement: Judgement, times: int) -> None:
        label = judgement.feedback
        if label is None:
            return
        indices, _ = self.features.active(judgement.step.observation)
        self.total[indices, judgement.step.action] += times * label
        self.count[indices, judgement.step.action] += times
        self.labels.add(indices.tolist(), judgement, times)

    def values(self, observation: Any) -> list[float]:
        """H(s, .), one number per action."""
        totals, counts = np.add.reduce(self._sums.take(self.features.active(observation)[0], 0), 0).tolist()
        return [total / max(count, 1.0) for total, count in zip(totals, counts, strict=True)]

    def all_values(self, observations: Any) -> NDArray[np.float64]:
        """H(s, .) of each of several observations, shape (batch, actions)."""
        active = self.features.active
        sums = np.add.reduce(self._sums.take([active(one)[0] for one in observations], 0), 1)
        values: NDArray[np.float64] = sums[:, 0] / np.maximum(sums[:, 1], 1.0)
        return values

    def counts(self, observation: Any) -> list[int]:
        """How often each action was judged here or near."""
        indices, _ = self.features.active(observation)
        result: list[int] = self.count[indices].max(axis=0).astype(np.int64).tolist()
        return result

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]:
        """D(s, .) of each trainer: praise minus blame, the mean over the tiles."""
        return self.labels.differences(self.features.active(observation)[0].tolist())

    def recency(self, observation: Any, now: int, decay: float) -> list[float]:
        """How fresh the labels of each action are here or near, in [0, 1]."""
        return self.labels.recency(self.features.active(observation)[0].tolist(), now, decay)

    def labelled(self) -> Iterator[tuple[int, dict[str, list[tuple[float, float]]]]]:
        """The judged tiles, and (praise, blame) of each action there by trainer."""
        return self.labels.by_row()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The model as plain arrays, for a checkpoint."""
        return {"h_total": self.total.copy(), "h_count": self.count.astype(np.int64)} | self.labels.arrays()

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        for name, present in (("h_total", self.total), ("h_count", self.count)):
            if arrays[name].shape != present.shape or arrays[name].dtype.kind not in "fi":
                raise ValueError(f"{name} has shape {arrays[name].shape}, expected {present.shape}, of numbers")
        self.labels.restore(arrays)
        self.total[:], self.count[:] = arrays["h_total"], arrays["h_count"]


class FixedTable:
    """A model that is given and never learns: for tests, for advice written down beforehand, for a recorded person.

    Args:
        table: H, ``table[row][action]``.
        row: the row of an observation; by default observations are rows.
    """

    def __init__(self, table: Sequence[Sequence[float]], row: Callable[[Any], int] = int) -> None:
        self.table = table
        self.row = row
        self.rows, self.actions = len(table), len(table[0])

    def observe(self, judgement: Judgement) -> None:
        """A fixed model stays as it is."""

    def values(self, observation: Any) -> Sequence[float]:
        """H(s, .), one number per action."""
        return self.table[self.row(observation)]

    def counts(self, observation: Any) -> Sequence[int]:
        """Advice written down counts as said once, except where it is 0."""
        return [int(value != 0) for value in self.table[self.row(observation)]]

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]:  # noqa: ARG002 - a model's verb
        """Nobody pressed anything."""
        return {}

    def recency(self, observation: Any, now: int, decay: float) -> list[float]:  # noqa: ARG002 - a model's verb
        """Advice written down does not age; 0 where there is none."""
        return [float(value != 0) for value in self.table[self.row(observation)]]

    def labelled(self) -> Iterator[tuple[int, dict[str, list[tuple[float, float]]]]]:
        """Nobody pressed anything."""
        return iter(())

    def known(self) -> Iterator[tuple[int, int]]:
        """The pairs of which it says something, as (observation, action)."""
        for observation in range(self.rows):
            for action in range(self.actions):
                if self.table[observation][action] != 0:
                    yield observation, action


class NoModel:
    """The human model where neither table nor tiles fit: it learns nothing, and a blend that reads it is refused."""

    def observe(self, judgement: Judgement) -> None:
        """Nothing to learn with."""

    def correct(self, old: Judgement, new: Judgement) -> None:
        """Nothing to correct."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Nothing was learnt."""
        return {}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Nothing to restore."""

    rows = None  # no table

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]:
        """There is no H for this world. Raises UserError."""
        return {"": self.values(observation)}

    def recency(self, observation: Any, now: int, decay: float) -> Sequence[float]:  # noqa: ARG002 - a model's verb
        """There is no H for this world. Raises UserError."""
        return self.values(observation)

    def values(self, observation: Any) -> Sequence[float]:
        """There is no H for this world. Raises UserError."""
        raise UserError(
            f"there is no H for {observation!r}: it needs Discrete actions, and Discrete or Box observations"
        )

    def counts(self, observation: Any) -> Sequence[int]:
        """There is no H for this world. Raises UserError."""
        raise UserError(
            f"there is no H for {observation!r}: it needs Discrete actions, and Discrete or Box observations"
        )


def all_values(model: Any, observations: Any) -> NDArray[np.float64]:
    """H(s, .) of each of several observations, shape (batch, actions)."""
    if hasattr(model, "all_values"):
        result: NDArray[np.float64] = model.all_values(observations)
        return result
    return np.array([model.values(one) for one in observations])
