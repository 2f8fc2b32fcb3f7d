"""hfrl/ShortCorridor-v0, the short corridor: three states look the same, and in the second left and right are swapped.

    1  2  3  #      begins in 1; in 2 the action left leads right, and right leads left

The agent's only observation is 0, so it cannot do better than to be right with a fixed probability. Actions: left,
right; in 1 left stays. Reward -1 a step; the end terminates. ``P`` is over the states themselves (0 to 3, the end), so
that its optimum, -3, is that of an agent that could see.

Exact optimum of all policies that see nothing: right with probability 2 - sqrt(2) = .5858, value -(6 + 4 sqrt(2)) =
-11.657. Right with probability .95 is worth -44 (.05: -82). Sutton & Barto, 2nd ed., example 13.1.
"""

from typing import Any

import gymnasium

from hfrl.envs.chain_world import Chain, ChainWorld, Link
from hfrl.envs.chance import draw
from hfrl.envs.rule_world import RuleWorld
from hfrl.envs.table_world import ended

END = 3
MOVES = ((0, 1), (2, 0), (1, 3), (3, 3))
"""``MOVES[s]``: where left and right lead."""


def first(rng: Any) -> int:
    """The first state; a uniform number is drawn all the same, as by every world with a table."""
    draw(rng)
    return 0


def outcome(moves: list[list[int]], s: int, a: int, rng: Any) -> tuple[int, float, bool]:
    """Where left (0) or right (1) leads."""
    draw(rng)
    s2 = moves[s][a]
    return s2, -1.0, s2 == 3


class ShortCorridor(RuleWorld, ChainWorld):
    """The short corridor with switched actions.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("moves",)
    observation_of = (0, 0, 0, 0)

    def __init__(self, render_mode: str | None = None) -> None:
        self.moves = [list(row) for row in MOVES]
        table = [[[(1.0, after, -1.0, after == END)] for after in row] for row in MOVES[:END]]
        links = tuple(
            Link(s, s2, word) for s in range(END) for s2, word in zip(MOVES[s], ("left", "right"), strict=True)
        )
        words = "all three look the same to the agent; in the second, left leads right and right leads left"
        chain = Chain(("1", "2", "3", ""), 0, links, odd=(1,), words=words)
        super().__init__(chain, [*table, ended(END, 2)], render_mode)
        self.observation_space = gymnasium.spaces.Discrete(1)
