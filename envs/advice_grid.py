"""hfrl/AdviceGrid-v0, the large empty grid: its one reward is far away, and advice says where.

    S . . ...      20 rows and 20 columns; good advice says right and down, bad advice left and up
    . . . ...
    ... ... G

State: the cell (``size`` squared). Actions: up, right, down, left. The step into the goal pays +100 and terminates; all
else pays 0. 10,000 steps truncate. The textbook experiment's gamma is .99.

Exact optimum: 100 after 38 steps; at gamma .99 100 * .99^37 = 68.945. Harutyunyan et al. 2015 (expressing arbitrary
advice as potential); Behboudian et al. 2020 (useful policy invariant shaping from arbitrary advice).
"""

from hfrl.envs.grid_world import FOUR_MOVES, Cell, Floor, GridWorld
from hfrl.envs.table_world import Transition, ended, starting

GOAL_REWARD = 100.0


class AdviceGrid(GridWorld):
    """The large grid.

    Args:
        size: rows and columns, at least 2.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: a size below 2.
    """

    def __init__(self, size: int = 20, render_mode: str | None = None) -> None:
        if size < 2:
            raise ValueError(f"size must be at least 2, got {size}")
        floor = Floor("S" + "." * (size - 1) + ("\n" + "." * size) * (size - 2) + "\n" + "." * (size - 1) + "G")
        states, goal = size * size, size * size - 1
        table = [[[_outcome(floor, state, move)] for move in FOUR_MOVES] for state in range(states)]
        table[goal] = ended(goal, 4)
        super().__init__(floor, table, starting(states, [0]), FOUR_MOVES, render_mode)


def _outcome(floor: Floor, state: int, move: Cell) -> Transition:
    after = floor.move(state, move)
    won = floor.mark(after) == "G"
    return 1.0, after, GOAL_REWARD if won else 0.0, won
