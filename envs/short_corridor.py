"""hfrl/ShortCorridor-v0: three states that look the same, and in the second one left and right are swapped.

    S x . T      x: the state where the actions are reversed

Reward -1 a step. Sutton & Barto, 2nd ed., example 13.1. The agent sees one observation only, so only a stochastic
policy is good. Exact optimum: right with probability 2 - sqrt(2) = .5858, value -11.657.
"""

from typing import Any

import gymnasium

from hfrl.envs.grid_world import Floor, GridWorld, ended, sampled_reset, sampled_step, starting
from hfrl.envs.table_world import Table

MOVES = ((0, 1), (2, 0), (1, 3))
"""``MOVES[s]``: where left and right lead."""


def first(begin: list[int], rng: Any) -> int:  # noqa: ARG001 - the signature of every such world
    """Always the first state."""
    return begin[0]


def outcome(moves: list[list[int]], s: int, a: int) -> tuple[int, float, bool]:
    """Where left (0) or right (1) leads.

    >>> outcome([[0, 1], [2, 0], [1, 3]], s=1, a=1)
    (0, -1.0, False)
    """
    s2 = moves[s][a]
    return s2, -1.0, s2 == 3


class ShortCorridor(GridWorld):
    """The short corridor with switched actions.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("begin", "moves")

    def __init__(self, render_mode: str | None = None) -> None:
        self.begin, self.moves, self.is_born = [0], [list(row) for row in (*MOVES, (3, 3))], True
        self.observation_of = [0, 0, 0, 0]
        table: Table = [[[(1.0, after, -1.0, after == 3)] for after in row] for row in MOVES]
        super().__init__(Floor("Sx.T"), [*table, ended(3, 2)], starting(4, [0]), ((0, -1), (0, 1)), render_mode)
        self.observation_space = gymnasium.spaces.Discrete(1)

    def observe(self, state: int) -> int:  # noqa: ARG002 - that is the point
        """All states look the same."""
        return 0

    def bear(self) -> None:
        """Nothing is drawn beforehand."""

    def begin_at(self) -> int:
        """The starting state."""
        return first(self.begin, self.np_random)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return sampled_reset(self, seed, options)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return sampled_step(self, outcome(self.moves, self.state, int(action)))
