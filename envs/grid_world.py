"""What worlds on a floor share: a map made of letters, moves, keys, and how a state is shown.

The map's letters: ``#`` wall, ``.`` floor, ``S`` start, ``G`` goal, ``T`` an end that is no goal, ``~`` puddle; any
other letter is a place of its own. States are the cells that are no wall, in reading order.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs.table_world import (
    DOWN_ARROW,
    LEFT_ARROW,
    RIGHT_ARROW,
    UP_ARROW,
    Table,
    TableWorld,
    masks_of,
)

Cell = tuple[int, int]
"""(row, column), from the top left."""
#: Up, right, down, left, as (rows down, columns right).
FOUR_MOVES: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1))
DIAGONALS: tuple[Cell, ...] = ((-1, 1), (1, 1), (1, -1), (-1, -1))
STAY: Cell = (0, 0)
NAMES: Mapping[Cell, str] = {
    (-1, 0): "up", (0, 1): "right", (1, 0): "down", (0, -1): "left", (-1, 1): "up right", (1, 1): "down right",
    (1, -1): "down left", (-1, -1): "up left", (0, 0): "stay",
}  # fmt: skip
KEYS: Mapping[Cell, str | tuple[int]] = {
    (-1, 0): (UP_ARROW,), (0, 1): (RIGHT_ARROW,), (1, 0): (DOWN_ARROW,), (0, -1): (LEFT_ARROW,), (-1, 1): "u",
    (1, 1): "m", (1, -1): "b", (-1, -1): "y", (0, 0): "j",
}  # fmt: skip
"""Arrows, the diagonals where they lie around ``j`` on the keyboard, and ``j`` itself to stay."""


class Floor:
    """A map taken apart: its cells that are no wall, numbered in reading order.

    Raises:
        ValueError: a row of another width.
    """

    def __init__(self, text: str) -> None:
        self.rows = tuple(text.strip("\n").split("\n"))
        if any(len(row) != len(self.rows[0]) for row in self.rows):
            raise ValueError(f"every row of the map must be {len(self.rows[0])} wide, as the first")
        self.shape = len(self.rows), len(self.rows[0])
        self.cells = [(r, c) for r, row in enumerate(self.rows) for c, mark in enumerate(row) if mark != "#"]
        self.number = {cell: index for index, cell in enumerate(self.cells)}

    def marked(self, mark: str) -> list[int]:
        """The states whose cell has that letter."""
        return [index for index, (r, c) in enumerate(self.cells) if self.rows[r][c] == mark]

    def mark(self, state: int) -> str:
        """The letter of a state's cell."""
        row, column = self.cells[state]
        return self.rows[row][column]

    def move(self, state: int, move: Cell) -> int:
        """The state a move leads to; walls and the border keep it where it is."""
        row, column = self.cells[state]
        return self.number.get((row + move[0], column + move[1]), state)


class Scene(NamedTuple):
    """What the painter of grids wants to know.

    Attributes:
        rows: the map's letters.
        wind: the strength of the upward wind in each column; empty for no wind.
        gusts: the wind varies by one.
        arrows: (from, to, words), for places that carry the agent away: two cells, and what it pays.
    """

    rows: tuple[str, ...]
    wind: tuple[int, ...] = ()
    gusts: bool = False
    arrows: tuple[tuple[Cell, Cell, str], ...] = ()


class GridWorld(TableWorld):
    """A world on a floor. A subclass builds the table; this shows it and says where its states lie.

    Args:
        floor: the map.
        table: ``P``.
        start: the distribution of the first state, shape (states,).
        moves: the move of each action.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    action_meanings: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, floor: Floor, table: Table, start: Sequence[float], moves: Sequence[Cell], render_mode: str | None
    ) -> None:
        super().__init__(table, start, masks_of(table))
        self.floor = floor
        self.moves = tuple(moves)
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Discrete(len(table))
        self.grid_shape = floor.shape
        self.directions = {action: move for action, move in enumerate(moves) if move != STAY}
        self.action_meanings = tuple(NAMES[move] for move in moves)  # type: ignore[misc]

    def cell_of(self, state: int) -> Cell:
        """Row and column of a state."""
        return self.floor.cells[state]

    def state_at(self, state: int, row: int, column: int) -> int | None:  # noqa: ARG002 - the cell is all there is
        """The state of a cell; None in a wall."""
        return self.floor.number.get((row, column))

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """Arrows for the four moves, y u b m for the diagonals, j to stay."""
        return {KEYS[move]: action for action, move in enumerate(self.moves)}

    def describe(self, state: int) -> str:
        """The state in words."""
        row, column = self.cell_of(state)
        return f"at row {row}, column {column}"

    def scene(self) -> Scene:
        """The world as it is now, without the agent."""
        return Scene(self.floor.rows)

    def render(self) -> str | NDArray[np.uint8] | None:
        scene, cell = self.scene(), self.cell_of(self.state)
        if self.render_mode == "ansi":
            rows = [list(row) for row in scene.rows]
            rows[cell[0]][cell[1]] = "@"
            return "\n".join("".join(row) for row in rows) + "\n"
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import canvas, grid

        return canvas.show(self, grid.size(scene), grid.draw, scene, cell)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)
