"""hfrl/GridExample-v0, the gridworld of the Bellman equations: two places pay and carry away, and it never ends.

    . A . B .      every action in A leads to a and pays +10
    . . . . .      every action in B leads to b and pays +5
    . . . b .      a step off the grid pays -1 and stays; all else pays 0
    . . . . .
    . a . . .

State: the cell (25); an episode begins anywhere. Actions: up, right, down, left. The textbook's gamma is .9.

Exact values at gamma .9, first row: of the random policy 3.309 8.789 4.428 5.322 1.492, optimal 21.977 24.419 21.977
19.419 17.477. Sutton & Barto, 2nd ed., examples 3.5 and 3.8, figures 3.2 and 3.5.
"""

from hfrl.envs.grid_world import FOUR_MOVES, Cell, Floor, GridWorld, Scene
from hfrl.envs.table_world import Transition, starting

MAP = """
.A.B.
.....
...b.
.....
.a...
"""
PAY = {"A": 10.0, "B": 5.0}


class GridExample(GridWorld):
    """The grid.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        floor = Floor(MAP)
        self.jumps = {floor.marked(mark)[0]: floor.marked(mark.lower())[0] for mark in PAY}
        table = [[[self._outcome(floor, state, move)] for move in FOUR_MOVES] for state in range(25)]
        super().__init__(floor, table, starting(25, range(25)), FOUR_MOVES, render_mode)

    def _outcome(self, floor: Floor, state: int, move: Cell) -> Transition:
        if state in self.jumps:
            return 1.0, self.jumps[state], PAY[floor.mark(state)], False
        after = floor.move(state, move)
        return 1.0, after, -1.0 if after == state else 0.0, False

    def scene(self) -> Scene:
        """The map, and where the two places lead."""
        cells, mark = self.floor.cells, self.floor.mark
        arrows = tuple((cells[here], cells[there], f"{PAY[mark(here)]:+g}") for here, there in self.jumps.items())
        return Scene(self.floor.rows, arrows=arrows)
