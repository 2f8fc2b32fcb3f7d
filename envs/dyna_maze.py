"""hfrl/DynaMaze-v0, the mazes for planning: two of them change while they are being learnt.

    dyna                 blocking: before     and after            shortcut: before     and after
    . . . . . . . # G    . . . . . . . . G    . . . . . . . . G    . . . . . . . . G    . . . . . . . . G
    . . # . . . . # .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .
    S . # . . . . # .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .
    . . # . . . . . .    # # # # # # # # .    . # # # # # # # #    . # # # # # # # #    . # # # # # # # .
    . . . . . # . . .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .    . . . . . . . . .
    . . . . . . . . .    . . . S . . . . .    . . . S . . . . .    . . . S . . . . .    . . . S . . . . .

State: the cell, in a maze that changes any cell that is ever free (47). Actions: up, right, down, left. Reward 0 until
the goal, which pays +1 and terminates. The change comes after so many steps of the world's whole life, which no reset
interrupts; ``P`` is the maze as it is now.

Exact shortest paths: 14; blocking 10, then 16; shortcut 16, then 10. Sutton & Barto, 2nd ed., figures 8.2, 8.4, 8.5.
"""

from collections.abc import Mapping
from typing import Any

from hfrl.envs.chance import draw
from hfrl.envs.grid_world import FOUR_MOVES, Floor, GridWorld, Scene
from hfrl.envs.rule_world import RuleWorld
from hfrl.envs.table_world import Table, ended, starting

NEVER = 1 << 60
DYNA = ".......#G\n..#....#.\nS.#....#.\n..#......\n.....#...\n........."
OPEN = "........G\n.........\n.........\n{wall}\n.........\n...S....."
RIGHT_GAP, LEFT_GAP, TWO_GAPS = (OPEN.format(wall=wall) for wall in ("########.", ".########", ".#######."))
LAYOUTS: Mapping[str, tuple[str, str, int]] = {
    "dyna": (DYNA, DYNA, NEVER),
    "blocking": (RIGHT_GAP, LEFT_GAP, 1000),
    "shortcut": (LEFT_GAP, TWO_GAPS, 3000),
}
"""Name -> the map before, the map after, and the steps after which it changes."""


def first(begin: list[int], rng: Any) -> int:
    """The starting state; a uniform number is drawn all the same, as by every world with a table."""
    draw(rng)
    return begin[0]


def outcome(
    before: list[list[int]],
    after: list[list[int]],
    clock: list[int],
    change_after: int,
    goal: int,
    s: int,
    a: int,
    rng: Any,
) -> tuple[int, float, bool]:
    """Where a move leads in the maze as it is at this step of the world's life; ``clock[0]`` counts its steps."""
    draw(rng)
    changed = clock[0] >= change_after
    clock[0] += 1
    s2 = after[s][a] if changed else before[s][a]
    return s2, 1.0 if s2 == goal else 0.0, s2 == goal


class DynaMaze(RuleWorld, GridWorld):
    """The mazes.

    Args:
        layout: ``"dyna"``, ``"blocking"`` or ``"shortcut"``.
        change_after: steps of the world's life in the first maze; by default 1000 (blocking) and 3000 (shortcut).
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: an unknown layout, a negative number, or a number for the maze that never changes.

    Attributes:
        before, after: ``before[s][a]`` and ``after[s][a]``, where a move leads in the first and the second maze.
        clock: one number, the steps of the world's life so far.
    """

    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("begin", "before", "after", "clock")

    def __init__(self, layout: str = "dyna", change_after: int | None = None, render_mode: str | None = None) -> None:
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}; expected one of {', '.join(LAYOUTS)}")
        if change_after is not None and layout == "dyna":
            raise ValueError("the layout dyna never changes; change_after belongs to blocking and shortcut")
        if change_after is not None and change_after < 0:
            raise ValueError(f"change_after must be 0 steps or more, got {change_after}")
        early, late, usual = LAYOUTS[layout]
        self.change_after = usual if change_after is None else change_after
        self.mazes = Floor(early), Floor(late)
        both = Floor("".join(b if a == "#" else a for a, b in zip(early, late, strict=True)))
        (self.goal,), self.begin = both.marked("G"), both.marked("S")
        self.before, self.after = (_moves(both, maze) for maze in self.mazes)
        self.clock = [0]
        self._tables = _table(self.before, self.goal), _table(self.after, self.goal)
        table, start = self._tables[self.changed], starting(len(both.cells), self.begin)
        super().__init__(both, table, start, FOUR_MOVES, render_mode)

    @property
    def changed(self) -> bool:
        """Whether the next step meets the second maze."""
        return self.clock[0] >= self.change_after

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        result = super().step(action)
        self.P = self._tables[self.changed]
        return result

    def scene(self) -> Scene:
        """The maze as it is now."""
        return Scene(self.mazes[self.changed].rows)


def _moves(both: Floor, maze: Floor) -> list[list[int]]:
    """``moves[s][a]`` in the numbering of both mazes; a wall keeps the agent where it is."""
    ahead = [[both.move(state, move) for move in FOUR_MOVES] for state in range(len(both.cells))]
    return [[s2 if both.cells[s2] in maze.number else s for s2 in row] for s, row in enumerate(ahead)]


def _table(moves: list[list[int]], goal: int) -> Table:
    table = [[[(1.0, s2, 1.0 if s2 == goal else 0.0, s2 == goal)] for s2 in row] for row in moves]
    table[goal] = ended(goal, len(FOUR_MOVES))
    return table
