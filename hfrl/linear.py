"""The shell of linear agents: the table of :class:`hfrl.tabular.TabularAgent` with a row per feature, not per state.

Q(s, a) is the sum of the rows of the active features. So the shell's exploration, schedules, predictions and
checkpoints are the same, and only what a row is differs.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.features import Active, WithModel, radial_basis, tiles
from hfrl.schedules import Schedule
from hfrl.tabular import Rows, TabularAgent
from hfrl.types import UserError

FEATURES = ("tiles", "rbf")


def value(q: NDArray[np.float64], s: Active, a: int) -> float:
    """Q(s,a) = sum_i theta_i(a) x_i(s) (Sutton & Barto, 2nd ed., eq. 9.8).

    >>> value(np.array([[1.0], [2.0], [4.0]]), (np.array([0, 2]), np.array([1.0, 0.5])), 0)
    3.0
    """
    indices, heights = of_pair(s, a)
    return float(q[indices, a] @ heights)


def of_pair(s: Active, a: int) -> Active:
    """x(s, a): of features that are other numbers for each action, those of this one.

    >>> of_pair((np.array([0]), np.array([[0.5, -1.0]])), 1)
    (array([0]), array([-1.]))
    """
    indices, heights = s
    return (indices, heights) if heights.ndim == 1 else (indices, heights[:, a])


class LinearAgent(TabularAgent):
    """Linear action values over tiles or radial basis functions.

    Args:
        env: only its spaces are read: a Box of one axis, and Discrete actions.
        features: ``"tiles"`` or ``"rbf"``.
        tilings: how many tilings; the learning rate is shared among them, as in the book's alpha / 8.
        bins: tiles, or basis functions, per dimension.
        learning_rate: alpha over all tilings together, in [0, 2]; a number or a schedule.
        gamma, epsilon, exploration, temperature, initial_value, seed: as for every table.

    Raises:
        UserError: observations that are no Box of one axis, unknown features, too many of them, or a number out of
            range.
    """

    greatest_rate = 2.0
    one_table = False  # a value is a sum of weights that it shares with its neighbours

    def __init__(
        self,
        env: Any,
        *,
        features: str = "tiles",
        tilings: int = 8,
        bins: int = 8,
        learning_rate: float | str | Schedule = 0.5,
        gamma: float = 1.0,
        epsilon: float | str | Schedule = 0.0,
        exploration: str = "epsilon_greedy",
        temperature: float | str | Schedule = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if features not in FEATURES:
            raise UserError(f"features must be one of {', '.join(FEATURES)}, got {features!r}")
        if exploration == "ucb":
            raise UserError("upper confidence bounds count visits of states, which a linear agent has not")
        made: Any = (
            tiles(env.observation_space, tilings, bins)
            if features == "tiles"
            else radial_basis(env.observation_space, bins)
        )
        self.features = made
        self.share = 1.0 / tilings if features == "tiles" else 1.0
        each = initial_value * self.share  # all active features together make the initial value
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, initial_value=each, seed=seed,
        )  # fmt: skip

    def lay_out(self, states: int, actions: int) -> None:
        """All tables, as arrays."""
        super().lay_out(states, actions)
        self.q: Any = np.array(self.q)
        if self.extended == "features":
            self.q[-1] = 0.0  # the initial value is the other features' sum

    #: It has features, which H may join.
    takes_features = True

    def append_model(self, model: Any) -> None:
        """H(s, a) is one more feature, the last one, with a weight for each action as all have; only to be called
        before anything is learnt."""
        self.extended = "features"
        self.features = WithModel(self.features, model.values)
        self.row = self.features.active
        self.lay_out(self.features.size, self.q.shape[1])

    def rows(self, space: gymnasium.Space[Any]) -> Rows:  # noqa: ARG002 - the features know it
        """A row per feature; an observation's "row" is its active features."""
        return Rows(self.features.size, self.features.active)

    def values(self, s: Any) -> Sequence[float]:
        """Q(s, .), one number per action."""
        indices, heights = s
        weights = self.q[indices]
        result: list[float] = ((heights * weights).sum(axis=0) if heights.ndim == 2 else heights @ weights).tolist()
        return result

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        super().restore(arrays)
        for name in self.tables:
            setattr(self, name, np.array(getattr(self, name)))
