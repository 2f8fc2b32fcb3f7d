"""What the textbook's small worlds share: a picture made of letters, moves, and how a state is shown.

The map's letters: ``#`` wall, ``.`` floor, ``S`` start, ``G`` goal, ``T`` another end, any other letter a place of its
own. States are the cells that are no wall, in reading order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs.table_world import DOWN_ARROW, LEFT_ARROW, RIGHT_ARROW, UP_ARROW, Table, TableWorld

Cell = tuple[int, int]
#: Up, right, down, left, as (rows down, columns right).
FOUR_MOVES: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1))
DIAGONALS: tuple[Cell, ...] = ((-1, 1), (1, 1), (1, -1), (-1, -1))
NAMES: Mapping[Cell, str] = {
    (-1, 0): "up", (0, 1): "right", (1, 0): "down", (0, -1): "left", (-1, 1): "up right", (1, 1): "down right",
    (1, -1): "down left", (-1, -1): "up left", (0, 0): "stay",
}  # fmt: skip
KEYS: Mapping[Cell, str | tuple[int]] = {
    (-1, 0): (UP_ARROW,), (0, 1): (RIGHT_ARROW,), (1, 0): (DOWN_ARROW,), (0, -1): (LEFT_ARROW,), (-1, 1): "u",
    (1, 1): "m", (1, -1): "b", (-1, -1): "y", (0, 0): "j",
}  # fmt: skip


class Floor:
    """A map taken apart: its cells that are no wall, numbered in reading order.

    Raises:
        ValueError: a row of another width.
    """

    def __init__(self, text: str) -> None:
        self.rows = text.strip("\n").split("\n")
        if any(len(row) != len(self.rows[0]) for row in self.rows):
            raise ValueError(f"every row of the map must be {len(self.rows[0])} wide, as the first")
        self.shape = len(self.rows), len(self.rows[0])
        self.cells = [(r, c) for r, row in enumerate(self.rows) for c, mark in enumerate(row) if mark != "#"]
        self.number = {cell: index for index, cell in enumerate(self.cells)}

    def marked(self, mark: str) -> list[int]:
        """The states whose cell has that letter."""
        return [index for index, (r, c) in enumerate(self.cells) if self.rows[r][c] == mark]

    def move(self, state: int, move: Cell) -> int:
        """The state a move leads to; walls and the border keep it where it is."""
        row, column = self.cells[state]
        return self.number.get((row + move[0], column + move[1]), state)


class GridWorld(TableWorld):
    """A world on a floor. A subclass builds the table; this shows it and says where its states lie."""

    action_meanings: ClassVar[tuple[str, ...]] = ()
    #: Numbers beside the columns that the picture shows (a wind), empty for none.
    column_notes: Sequence[str] = ()

    def __init__(
        self, floor: Floor, table: Table, start: Sequence[float], moves: Sequence[Cell], render_mode: str | None
    ) -> None:
        masks = [np.ones(len(table[0]), dtype=np.int8) for _ in table]
        super().__init__(table, start, masks)
        self.floor = floor
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Discrete(len(table))
        self.grid_shape = floor.shape
        self.directions = {action: move for action, move in enumerate(moves) if move != (0, 0)}
        self.action_meanings = tuple(NAMES[move] for move in moves)  # type: ignore[misc]
        self._keys = {KEYS[move]: action for action, move in enumerate(moves)}

    def cell_of(self, state: int) -> Cell | None:
        """Row and column of a state."""
        return self.floor.cells[state] if state < len(self.floor.cells) else None

    def state_at(self, state: int, row: int, column: int) -> int | None:  # noqa: ARG002 - the cell is the state
        """The state of a cell; None in a wall."""
        return self.floor.number.get((row, column))

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """Arrows for the four moves, y u b m for the diagonals, j to stay."""
        return dict(self._keys)

    def describe(self, state: int) -> str:
        """The state in words."""
        cell = self.cell_of(state)
        return "at the end" if cell is None else f"at row {cell[0]}, column {cell[1]}"

    def picture_rows(self) -> list[str]:
        """The map as it is now."""
        return self.floor.rows

    def render(self) -> str | NDArray[np.uint8] | None:
        cell = self.cell_of(self.state)
        if self.render_mode == "ansi":
            rows = [list(row) for row in self.picture_rows()]
            if cell is not None:
                rows[cell[0]][cell[1]] = "@"
            return "\n".join("".join(row) for row in rows) + "\n"
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import canvas, grid

        rows_now, notes = tuple(self.picture_rows()), tuple(self.column_notes)
        return canvas.show(self, grid.size(rows_now, notes), grid.draw, rows_now, cell, notes)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)


def ended(state: int, actions: int) -> list[list[tuple[float, int, float, bool]]]:
    """The rows of ``P`` of a terminal state: it stays, earns nothing, and is over."""
    return [[(1.0, state, 0.0, True)] for _ in range(actions)]


def starting(states: int, first: Sequence[int]) -> list[float]:
    """The distribution that starts evenly in these states."""
    start = [0.0] * states
    for state in first:
        start[state] = 1.0 / len(first)
    return start


def sampled_reset(world: Any, seed: int | None, options: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """``reset`` of a world whose dynamics are pure functions; see ``docs/compiled.md`` for their contract."""
    gymnasium.Env.reset(world, seed=seed, options=options)
    if seed is not None or not world.is_born:
        world.bear()
        world.is_born = True
    world.state = world.begin_at()
    if world.render_mode == "human":
        world.render()
    return world.observe(world.state), {"action_mask": world.masks[world.state].copy()}


def sampled_step(world: Any, outcome: tuple[int, float, bool]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
    """``step`` of such a world, from what its ``outcome`` function returned."""
    world.state, reward, terminated = outcome
    if world.render_mode == "human":
        world.render()
    return world.observe(world.state), reward, terminated, False, {"action_mask": world.masks[world.state].copy()}
