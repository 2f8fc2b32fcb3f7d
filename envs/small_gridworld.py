"""hfrl/SmallGridworld-v0: 4x4, reward -1 a step until one of two corners.

    T . . .
    . . . .
    . . . .
    . . . T

Sutton & Barto, 2nd ed., example 4.1. Exact values of the random policy: 0 -14 -20 -22 / -14 -18 -20 -20 / -20 -20 -18
-14 / -22 -20 -14 0; optimal: minus the steps to the nearer corner.
"""

from hfrl.envs.grid_world import FOUR_MOVES, Floor, GridWorld, ended, starting

MAP = "T...\n....\n....\n...T"


class SmallGridworld(GridWorld):
    """The gridworld of example 4.1, starting anywhere but at an end.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        floor = Floor(MAP)
        ends = floor.marked("T")
        table = [
            ended(state, 4)
            if state in ends
            else [[(1.0, floor.move(state, move), -1.0, floor.move(state, move) in ends)] for move in FOUR_MOVES]
            for state in range(16)
        ]
        super().__init__(floor, table, starting(16, floor.marked(".")), FOUR_MOVES, render_mode)
