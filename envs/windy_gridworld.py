"""hfrl/WindyGridworld-v0, the windy gridworld: a wind blows upwards, stronger in the middle.

    . . . . . . . . . .
    . . . . . . . . . .
    . . . . . . . . . .
    S . . . . . . G . .
    . . . . . . . . . .
    . . . . . . . . . .
    . . . . . . . . . .
    0 0 0 1 1 1 2 2 1 0   cells that the wind adds upwards to a step that starts in this column

State: the cell (70). Actions: up, right, down, left; with king's moves the four diagonals too, and with ``stay`` one
that does not move. Reward -1 a step until the goal, which terminates.

Exact optimum: -15. King's moves -7; the ninth action gains nothing: -7. With a stochastic wind -20.628, and -10.965
with king's moves. Sutton & Barto, 2nd ed., example 6.5, exercises 6.9 (king's moves) and 6.10 (stochastic wind).
"""

from hfrl.envs.grid_world import DIAGONALS, FOUR_MOVES, STAY, Cell, Floor, GridWorld, Scene
from hfrl.envs.table_world import Transition, ended, starting

WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
MAP = """
..........
..........
..........
S......G..
..........
..........
..........
"""


class WindyGridworld(GridWorld):
    """The windy gridworld.

    Args:
        kings: eight moves instead of four.
        stay: a last action that moves with the wind alone.
        stochastic: where there is a wind it is as strong as stated, one weaker or one stronger, a third each.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    def __init__(
        self, kings: bool = False, stay: bool = False, stochastic: bool = False, render_mode: str | None = None
    ) -> None:
        floor = Floor(MAP)
        moves = FOUR_MOVES + (DIAGONALS if kings else ()) + ((STAY,) if stay else ())
        (goal,) = floor.marked("G")
        table = [[_outcomes(floor, state, move, goal, stochastic) for move in moves] for state in range(70)]
        table[goal] = ended(goal, len(moves))
        self.stochastic = stochastic
        super().__init__(floor, table, starting(70, floor.marked("S")), moves, render_mode)

    def scene(self) -> Scene:
        """The map and its wind."""
        return Scene(self.floor.rows, WIND, self.stochastic)


def _outcomes(floor: Floor, state: int, move: Cell, goal: int, stochastic: bool) -> list[Transition]:
    """The move and the wind are added up; then the border holds."""
    row, column = floor.cells[state]
    wind = WIND[column]
    winds = (wind - 1, wind, wind + 1) if stochastic and wind else (wind,)
    share: dict[int, float] = {}
    for blown in winds:
        ahead = min(max(row + move[0] - blown, 0), floor.shape[0] - 1)
        after = floor.number[ahead, min(max(column + move[1], 0), floor.shape[1] - 1)]
        share[after] = share.get(after, 0.0) + 1.0 / len(winds)
    return [(probability, after, -1.0, after == goal) for after, probability in share.items()]
