"""Asynchronous value iteration: one state after the other, in place, a new value being used at once (Bertsekas 1982;
Sutton & Barto, 2nd ed., section 4.5).

    v(s) <- max_a sum p(s',r|s,a) [r + gamma v(s')], for one s at a time        (eq. 4.10)
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from hfrl.mdp import MDP
from hfrl.planning import PlanningAgent, Sweep, asynchronous_value_iteration
from hfrl.schedules import Schedule
from hfrl.types import UserError

ORDERS = ("backwards", "random")


class AsyncValueIteration(PlanningAgent):
    """Knows the optimal values before its first step.

    Args:
        env: a world with a table ``P``, whose observations are the numbers of its states.
        order: of the states in a sweep: ``"backwards"``, from the last to the first, or ``"random"``, anew each time.
        gamma, tolerance, epsilon, seed: see :class:`hfrl.planning.PlanningAgent`.

    Raises:
        UserError: an unknown order.
    """

    def __init__(
        self,
        env: Any,
        *,
        order: str = "backwards",
        gamma: float = 0.99,
        tolerance: float = 1e-10,
        epsilon: float | str | Schedule = 0.1,
        seed: int | None = None,
    ) -> None:
        if order not in ORDERS:
            raise UserError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
        self._order = np.random.default_rng(seed) if order == "random" else None
        super().__init__(env, gamma=gamma, tolerance=tolerance, epsilon=epsilon, seed=seed)

    def plan(self, mdp: MDP) -> Iterator[Sweep]:
        """State by state, until no value of a sweep moved more than the tolerance."""
        return asynchronous_value_iteration(mdp, self.gamma, self._order, self.tolerance)
