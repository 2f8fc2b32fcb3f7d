"""hfrl/GridExample-v0: 5x5, every action in A leads to A' and pays +10, every action in B to B' and pays +5.

    . A . B .
    . . . . .
    . . . b .
    . . . . .
    . a . . .      a and b are A' and B'

A step off the grid pays -1 and stays; all else pays 0. It never ends; gamma is .9. Sutton & Barto, 2nd ed., examples
3.5 and 3.8. Exact values of the first row: random policy 3.309 8.789 4.428 5.322 1.492; optimal 21.977 24.419 21.977
19.419 17.477.
"""

from hfrl.envs.grid_world import FOUR_MOVES, Cell, Floor, GridWorld, starting

MAP = ".A.B.\n.....\n...b.\n.....\n.a..."


class GridExample(GridWorld):
    """The grid of example 3.5, starting anywhere.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    def __init__(self, render_mode: str | None = None) -> None:
        floor = Floor(MAP)
        pays = (("A", 10.0), ("B", 5.0))
        jumps = {floor.marked(place)[0]: (floor.marked(place.lower())[0], pay) for place, pay in pays}

        def outcome(state: int, move: Cell) -> tuple[float, int, float, bool]:
            if state in jumps:
                return (1.0, *jumps[state], False)
            after = floor.move(state, move)
            return 1.0, after, -1.0 if after == state else 0.0, False

        table = [[[outcome(state, move)] for move in FOUR_MOVES] for state in range(25)]
        super().__init__(floor, table, starting(25, range(25)), FOUR_MOVES, render_mode)
