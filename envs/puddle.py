"""hfrl/Puddle-v0, the grid with three puddles, on which kinds of feedback are told apart.

    . . . . G      ~ puddle
    . . ~ . .
    . ~ ~ . .
    . . . . .
    S . . . .

State: the cell (25). Actions: up, right, down, left. A step into the goal pays +1 and terminates, one into a puddle
-0.5, any other -0.04, off the grid too. 100 steps truncate. The textbook experiment's gamma is .95.

Exact optimum: .72 (seven steps at -.04, then the goal), at gamma .95 .457. After MacGlashan et al. 2017 (COACH), who
ask what a person's feedback means: the reward, a label, or an advantage.
"""

from hfrl.envs.grid_world import FOUR_MOVES, Cell, Floor, GridWorld
from hfrl.envs.table_world import Transition, ended, starting

MAP = """
....G
..~..
.~~..
.....
S....
"""
PAY = {"G": 1.0, "~": -0.5}
STEP_REWARD = -0.04


class Puddle(GridWorld):
    """The grid with puddles.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        floor = Floor(MAP)
        (goal,) = floor.marked("G")
        table = [[[_outcome(floor, state, move)] for move in FOUR_MOVES] for state in range(25)]
        table[goal] = ended(goal, 4)
        super().__init__(floor, table, starting(25, floor.marked("S")), FOUR_MOVES, render_mode)


def _outcome(floor: Floor, state: int, move: Cell) -> Transition:
    after = floor.move(state, move)
    mark = floor.mark(after)
    return 1.0, after, PAY.get(mark, STEP_REWARD), mark == "G"
