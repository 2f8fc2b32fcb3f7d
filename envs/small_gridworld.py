"""hfrl/SmallGridworld-v0, the gridworld of policy evaluation: -1 a step until one of two corners.

    T . . .
    . . . .
    . . . .
    . . . T

State: the cell (16); an episode begins anywhere but in an end. Actions: up, right, down, left. Both ends terminate.

Exact values, undiscounted: of the random policy 0 -14 -20 -22 / -14 -18 -20 -20 / -20 -20 -18 -14 / -22 -20 -14 0;
optimal: minus the steps to the nearer end. Sutton & Barto, 2nd ed., example 4.1, figure 4.1.
"""

from hfrl.envs.grid_world import FOUR_MOVES, Cell, Floor, GridWorld
from hfrl.envs.table_world import Transition, ended, starting

MAP = """
T...
....
....
...T
"""


class SmallGridworld(GridWorld):
    """The small gridworld.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        floor = Floor(MAP)
        ends = floor.marked("T")
        table = [
            ended(state, 4) if state in ends else [[_outcome(floor, state, move)] for move in FOUR_MOVES]
            for state in range(16)
        ]
        super().__init__(floor, table, starting(16, floor.marked(".")), FOUR_MOVES, render_mode)


def _outcome(floor: Floor, state: int, move: Cell) -> Transition:
    after = floor.move(state, move)
    return 1.0, after, -1.0, floor.mark(after) == "T"
