"""hfrl/DynaMaze-v0: mazes for planning, two of which change while they are being learnt.

    dyna                 blocking, before      and after          shortcut, after
    . . . . . . . # G    . . . . . . . . G    . . . . . . . . G    . . . . . . . . G
    . . # . . . . # .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .
    S . # . . . . # .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .
    . . # . . . . . .    # # # # # # # # .    . # # # # # # # #    . # # # # # # # .
    . . . . . # . . .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .
    . . . . . . . . .    . . . S . . . . .    . . . S . . . . .    . . . S . . . . .

Reward 0 until the goal, which pays +1. Sutton & Barto, 2nd ed., figures 8.2, 8.4 and 8.5. Exact shortest paths: 14;
blocking 10 and then 16; shortcut 16 and then 10. The change comes after so many steps of the world's whole life.
"""

from collections.abc import Mapping
from typing import Any

from hfrl.envs.grid_world import FOUR_MOVES, Floor, GridWorld, ended, sampled_reset, sampled_step, starting
from hfrl.envs.table_world import Table

OPEN = "........G\n.........\n.........\n{wall}\n.........\n...S....."
MAPS: Mapping[str, tuple[str, str, int]] = {
    "dyna": (".......#G\n..#....#.\nS.#....#.\n..#......\n.....#...\n.........",) * 2 + (0,),
    "blocking": (OPEN.format(wall="########."), OPEN.format(wall=".########"), 1000),
    "shortcut": (OPEN.format(wall=".########"), OPEN.format(wall=".#######."), 3000),
}
"""Name -> the map before, the map after, and the steps after which it changes."""


def first(begin: list[int], rng: Any) -> int:  # noqa: ARG001 - the signature of every such world
    """The starting state."""
    return begin[0]


def outcome(
    before: list[list[int]],
    after: list[list[int]],
    clock: list[int],
    change: list[int],
    goal: list[int],
    s: int,
    a: int,
) -> tuple[int, float, bool]:
    """Where a move leads in the maze as it is at this step of the world's life.

    >>> outcome([[1], [0]], [[0], [1]], clock=[0], change=[9], goal=[1], s=0, a=0)
    (1, 1.0, True)
    """
    changed = 0 < change[0] <= clock[0]
    clock[0] += 1
    s2 = after[s][a] if changed else before[s][a]
    return s2, 1.0 if s2 == goal[0] else 0.0, s2 == goal[0]


class DynaMaze(GridWorld):
    """The mazes.

    Args:
        layout: ``"dyna"``, ``"blocking"`` or ``"shortcut"``.
        change_after: steps of the world's life before it changes; 0 for never. By default as the book has it.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: an unknown layout, or a negative number.
    """

    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("begin", "before", "after", "clock", "change", "goal")

    def __init__(self, layout: str = "dyna", change_after: int | None = None, render_mode: str | None = None) -> None:
        if layout not in MAPS:
            raise ValueError(f"unknown layout {layout!r}; expected one of {', '.join(MAPS)}")
        early, late, after = MAPS[layout]
        if change_after is not None and change_after < 0:
            raise ValueError(f"change_after must be 0 (never) or more steps, got {change_after}")
        self.maps = early.split("\n"), late.split("\n")
        both = Floor("\n".join(_either(a, b) for a, b in zip(*self.maps, strict=True)))
        self.goal, self.begin = both.marked("G"), both.marked("S")
        self.before, self.after = _moves(both, Floor(early)), _moves(both, Floor(late))
        self.change, self.clock = [after if change_after is None else change_after], [0]
        self.tables = _table(self.before, self.goal[0]), _table(self.after, self.goal[0])
        super().__init__(both, self.tables[0], starting(len(self.before), self.begin), FOUR_MOVES, render_mode)
        self.is_born = True

    @property
    def changed(self) -> bool:
        """Whether the next step finds the second maze."""
        return 0 < self.change[0] <= self.clock[0]

    def picture_rows(self) -> list[str]:
        """The map as it is now."""
        return self.maps[self.changed]

    def bear(self) -> None:
        """A seed changes nothing: the maze's life goes on."""

    def begin_at(self) -> int:
        """The starting state."""
        return first(self.begin, self.np_random)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return sampled_reset(self, seed, options)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        moved = outcome(self.before, self.after, self.clock, self.change, self.goal, self.state, int(action))
        self.P = self.tables[self.changed]
        return sampled_step(self, moved)


def _either(a: str, b: str) -> str:
    """A row whose walls are walls in both maps."""
    return "".join(y if x == "#" else x for x, y in zip(a, b, strict=True))


def _moves(both: Floor, floor: Floor) -> list[list[int]]:
    """``moves[s][a]`` in the numbering of both maps."""
    result = []
    for state, cell in enumerate(both.cells):
        row = []
        for move in FOUR_MOVES:
            target = cell[0] + move[0], cell[1] + move[1]
            row.append(both.number[target] if target in floor.number else state)
        result.append(row)
    return result


def _table(moves: list[list[int]], goal: int) -> Table:
    return [
        ended(goal, 4)
        if state == goal
        else [[(1.0, after, 1.0 if after == goal else 0.0, after == goal)] for after in row]
        for state, row in enumerate(moves)
    ]
