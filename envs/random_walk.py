"""hfrl/RandomWalk-v0, the random walk: a row of states with an end at each side, for prediction.

    T . . S . . T

Actions left and right; the walk is the random policy's. With 5 states the right end pays +1 and all else 0 (Sutton &
Barto, 2nd ed., example 6.2); with any other number the left end pays -1 and the right end +1 (19 states: example 7.1).
States are numbered from the left, the ends included. Exact values of the random walk: 1/6 ... 5/6, and (i - 10) / 10.
"""

from hfrl.envs.grid_world import Floor, GridWorld, ended, starting


class RandomWalk(GridWorld):
    """The random walk.

    Args:
        states: how many between the ends, odd, at least 1.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: an even number of states, or none.

    Attributes:
        true_values: of the random policy, undiscounted, one per state; 0 at the ends.
    """

    def __init__(self, states: int = 5, render_mode: str | None = None) -> None:
        if states < 1 or states % 2 == 0:
            raise ValueError(f"states must be odd and at least 1, so that there is a middle; got {states}")
        middle = (states + 1) // 2
        left_pay = 0.0 if states == 5 else -1.0
        floor = Floor("T" + "." * (middle - 1) + "S" + "." * (middle - 1) + "T")
        last = states + 1
        table = [ended(0, 2)]
        for state in range(1, last):
            left = (1.0, state - 1, left_pay if state == 1 else 0.0, state == 1)
            right = (1.0, state + 1, 1.0 if state == states else 0.0, state == states)
            table.append([[left], [right]])
        table.append(ended(last, 2))
        self.true_values = [0.0] + [left_pay + (1.0 - left_pay) * i / last for i in range(1, last)] + [0.0]
        super().__init__(floor, table, starting(len(table), [middle]), ((0, -1), (0, 1)), render_mode)
