"""hfrl/WindyGridworld-v0, the windy gridworld: a wind blows upwards, stronger in the middle.

    . . . . . . . . . .
    . . . . . . . . . .
    . . . . . . . . . .
    S . . . . . . G . .
    . . . . . . . . . .
    . . . . . . . . . .
    . . . . . . . . . .
    0 0 0 1 1 1 2 2 1 0   wind: cells blown up by a step that starts in this column

Reward -1 a step until the goal. Sutton & Barto, 2nd ed., examples 6.5, 6.9 (king's moves) and 6.10 (stochastic wind).
Exact optimum: 15 steps; 7 with king's moves, and 7 with the ninth action (stay).
"""

from hfrl.envs.grid_world import DIAGONALS, FOUR_MOVES, Cell, Floor, GridWorld, ended, starting
from hfrl.envs.table_world import Transition

WIND = (0, 0, 0, 1, 1, 1, 2, 2, 1, 0)
MAP = "\n".join(("..........",) * 3 + ("S......G..",) + ("..........",) * 3)


class WindyGridworld(GridWorld):
    """The windy gridworld.

    Args:
        kings: eight moves instead of four (exercise 6.9).
        stay: a ninth action that does not move.
        stochastic: where there is a wind it is one weaker, as stated, or one stronger, a third each (exercise 6.10).
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    column_notes = tuple(f"^{wind}" if wind else "" for wind in WIND)

    def __init__(
        self, kings: bool = False, stay: bool = False, stochastic: bool = False, render_mode: str | None = None
    ) -> None:
        floor = Floor(MAP)
        moves = FOUR_MOVES + (DIAGONALS if kings else ()) + (((0, 0),) if stay else ())
        (goal,) = floor.marked("G")
        table = [
            ended(goal, len(moves))
            if state == goal
            else [_outcomes(floor, state, move, goal, stochastic) for move in moves]
            for state in range(len(floor.cells))
        ]
        super().__init__(floor, table, starting(len(table), floor.marked("S")), moves, render_mode)


def _outcomes(floor: Floor, state: int, move: Cell, goal: int, stochastic: bool) -> list[Transition]:
    wind = WIND[floor.cells[state][1]]
    winds = (wind - 1, wind, wind + 1) if stochastic and wind else (wind,)
    result = []
    for blown in winds:
        row, column = floor.cells[state]
        row = min(max(row + move[0] - blown, 0), floor.shape[0] - 1)
        column = min(max(column + move[1], 0), floor.shape[1] - 1)
        after = floor.number[row, column]
        result.append((1.0 / len(winds), after, -1.0, after == goal))
    return result
