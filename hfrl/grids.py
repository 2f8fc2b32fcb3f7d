"""Worlds that are a grid: where a state lies, which states share its cell, and which way each action goes.

Pictures of values (in the window and in figures) need nothing else of a world. A world of ours says it itself, with
``grid_shape``, ``cell_of``, ``state_at`` and ``directions``; of Gymnasium's toys the shape is read from their
attributes and the directions from ``P``, because FrozenLake counts left, down, right, up and CliffWalking up, right,
down, left.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Cell = tuple[int, int]
"""(row, column), from the top left."""


class Grid(NamedTuple):
    """A world's floor plan.

    Attributes:
        rows, columns: the size.
        cell: the cell of a state; None where the state has none.
        at: ``at(state, row, column)``: the state that differs from ``state`` in the cell alone (the same pizza in hand,
            the same passenger in the taxi); None where that cell cannot be entered.
        directions: action -> (rows down, columns right), for the actions that move; others (use, serve) are missing.
    """

    rows: int
    columns: int
    cell: Callable[[int], Cell | None]
    at: Callable[[int, int, int], int | None]
    directions: Mapping[int, Cell]


def grid_of(env: Any) -> Grid | None:
    """The grid of a world, wrapped or not; None where it is none, or where an observation is not a state's number."""
    world = env.unwrapped
    if not hasattr(world, "P") or getattr(env.observation_space, "n", None) != len(world.P):
        return None
    if hasattr(world, "grid_shape"):
        rows, columns = world.grid_shape
        return Grid(rows, columns, world.cell_of, world.state_at, world.directions)
    if hasattr(world, "nrow") and hasattr(world, "ncol"):
        return _plain(world, int(world.nrow), int(world.ncol))
    if hasattr(world, "decode") and hasattr(world, "encode") and hasattr(world, "locs"):
        return _taxi(world)
    shape = getattr(world, "shape", None)
    if shape is not None and len(shape) == 2 and shape[0] * shape[1] == len(world.P):
        return _plain(world, int(shape[0]), int(shape[1]))
    return None


def _plain(world: Any, rows: int, columns: int) -> Grid:
    """A grid whose states are its cells in reading order."""

    def cell(state: int) -> Cell:
        row, column = divmod(int(state), columns)
        return row, column

    def at(state: int, row: int, column: int) -> int:  # noqa: ARG001 - the cell is all there is to a state
        return row * columns + column

    return Grid(rows, columns, cell, at, directions(world.P, cell))


def _taxi(world: Any) -> Grid:
    rows, columns = 5, 5

    def cell(state: int) -> Cell:
        row, column = divmod(int(state) // 20, columns)
        return row, column

    def at(state: int, row: int, column: int) -> int:
        return (row * columns + column) * 20 + int(state) % 20

    return Grid(rows, columns, cell, at, directions(world.P, cell))


def directions(table: Any, cell: Callable[[int], Cell | None]) -> dict[int, Cell]:
    """Which way each action goes, from a world's ``P``: the sign of its mean move, over moves of one cell.

    Slipping to both sides cancels out; a jump (off the cliff, back to the start) is no move. An action that moves
    nowhere on average is missing.

    Args:
        table: ``P[s][a] = [(probability, next state, reward, terminated), ...]``.
        cell: the cell of a state.
    """
    result = {}
    for action in range(len(table[0])):
        down = right = 0.0
        for state in range(len(table)):
            for probability, after, _, _ in table[state][action]:
                here, there = cell(state), cell(after)
                if here is None or there is None:
                    continue
                rows, columns = there[0] - here[0], there[1] - here[1]
                if abs(rows) <= 1 and abs(columns) <= 1:
                    down += probability * rows
                    right += probability * columns
        longest = max(abs(down), abs(right))
        if longest > 1e-9:
            result[action] = (_sign(down, longest), _sign(right, longest))
    return result


def _sign(part: float, longest: float) -> int:
    """-1, 0 or 1: a component much smaller than the longest one is none."""
    return 0 if abs(part) < longest / 2 else (1 if part > 0 else -1)
