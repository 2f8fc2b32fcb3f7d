"""hfrl/PacMan-v0, a small Pac-Man: eat two pellets and meet no ghost.

    P . . . .      P Pac-Man, * pellets, G the ghost, # wall
    . # # # .
    . # * . .
    . # # # .
    * . . . G

State (10,000): pellets left, Pac-Man's cell, the ghost's direction, the ghost's cell; see :func:`encode`. Actions: up,
right, down, left; both move at once, and a wall stops Pac-Man. The ghost begins facing down; it keeps its direction
with probability .5, else, and before a wall, it turns to any direction that is free, all alike.

Reward: +10 for a pellet, or -1 on a step without; +500 for the last one, which terminates; -500 for being caught (also
when the two change places), which terminates. The experiments' gamma is .9.

Exact optimum: 80.557 at gamma .9, 500.90 undiscounted. Yamagata, McConville & Santos-Rodriguez 2021 (reinforcement
learning with feedback from multiple humans with diverse skills), the small world of their public code.
"""

import functools
from typing import NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs.grid_world import FOUR_MOVES, NAMES, Cell, Floor
from hfrl.envs.table_world import (
    DOWN_ARROW,
    LEFT_ARROW,
    RIGHT_ARROW,
    UP_ARROW,
    Table,
    TableWorld,
    Transition,
    masks_of,
    shared,
)

MAP = """
P....
.###.
.#*..
.###.
*...G
"""
SIDE = 5
CELLS = SIDE * SIDE
UP, RIGHT, DOWN, LEFT = range(4)
STEP_REWARD, PELLET, CLEAR, CAUGHT = -1.0, 10.0, 500.0, -500.0
KEEPS_DIRECTION = 0.5
FLOOR = Floor(MAP)
PELLETS: tuple[Cell, ...] = tuple(FLOOR.cells[state] for state in FLOOR.marked("*"))
ALL_PELLETS = (1 << len(PELLETS)) - 1


class PacManState(NamedTuple):
    """What a state's number stands for.

    Attributes:
        pellets: bit i is set while pellet i of ``PELLETS`` is left.
        pac_man, ghost: cells.
        facing: the ghost's direction: up, right, down, left.
    """

    pellets: int
    pac_man: Cell
    facing: int
    ghost: Cell


START = PacManState(ALL_PELLETS, FLOOR.cells[FLOOR.marked("P")[0]], DOWN, FLOOR.cells[FLOOR.marked("G")[0]])


def encode(state: PacManState) -> int:
    """The number of a state; cells in walls have numbers too, though nobody comes there.

    >>> encode(START), decode(encode(START)) == START
    (7574, True)
    """
    pac_man, ghost = (row * SIDE + column for row, column in (state.pac_man, state.ghost))
    return ((state.pellets * CELLS + pac_man) * 4 + state.facing) * CELLS + ghost


def decode(number: int) -> PacManState:
    """The state of a number."""
    rest, ghost = divmod(number, CELLS)
    rest, facing = divmod(rest, 4)
    pellets, pac_man = divmod(rest, CELLS)
    return PacManState(pellets, divmod(pac_man, SIDE), facing, divmod(ghost, SIDE))


def ahead(cell: Cell, action: int) -> Cell:
    """Where a step leads; a wall keeps Pac-Man where it is."""
    there = cell[0] + FOUR_MOVES[action][0], cell[1] + FOUR_MOVES[action][1]
    return there if there in FLOOR.number else cell


def turns(cell: Cell, facing: int) -> list[tuple[float, int]]:
    """The ghost's next directions and their probabilities.

    >>> turns((4, 4), DOWN)  # the corner: up or left
    [(0.5, 0), (0.5, 3)]
    >>> turns((4, 3), LEFT)  # a passage: back with a quarter
    [(0.25, 1), (0.75, 3)]
    """
    free = [turn for turn in range(4) if ahead(cell, turn) != cell]
    keeps = KEEPS_DIRECTION if facing in free else 0.0
    return [((1.0 - keeps) / len(free) + keeps * (turn == facing), turn) for turn in free]


def outcomes(state: PacManState, action: int) -> list[Transition]:
    """The row of ``P``: one outcome for each direction of the ghost."""
    number = encode(state)
    impossible = not {state.pac_man, state.ghost} <= set(FLOOR.number)
    if impossible or state.pellets == 0 or state.pac_man == state.ghost:
        return [(1.0, number, 0.0, True)]
    there = ahead(state.pac_man, action)
    eaten = {PELLETS[i]: 1 << i for i in range(len(PELLETS)) if state.pellets >> i & 1}.get(there, 0)
    left = state.pellets - eaten
    reward = (PELLET if eaten else STEP_REWARD) + (CLEAR if eaten and not left else 0.0)
    result = []
    for probability, facing in turns(state.ghost, state.facing):
        ghost = ahead(state.ghost, facing)
        caught = there == ghost or (there == state.ghost and ghost == state.pac_man)
        after = encode(PacManState(left, there, facing, ghost))
        result.append((probability, after, reward + CAUGHT * caught, caught or left == 0))
    return result


def build_table() -> Table:
    """``P`` of the world."""
    return [[outcomes(decode(number), action) for action in range(4)] for number in range((ALL_PELLETS + 1) * 2500)]


@functools.cache
def _built() -> tuple[Table, tuple[NDArray[np.int8], ...]]:
    """Table and masks, a fifth of a second's work, once for all copies of the world."""
    table = build_table()
    return shared(table, masks_of(table))


class PacMan(TableWorld):
    """Pac-Man, two pellets and one ghost.

    Args:
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    action_meanings = tuple(NAMES[move] for move in FOUR_MOVES)

    def __init__(self, render_mode: str | None = None) -> None:
        table, masks = _built()
        start = np.zeros(len(table))
        start[encode(START)] = 1.0
        super().__init__(table, start.tolist(), masks)
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Discrete(len(table))
        self.grid_shape = FLOOR.shape
        self.directions = dict(enumerate(FOUR_MOVES))

    def cell_of(self, state: int) -> Cell:
        """Row and column of Pac-Man."""
        return decode(state).pac_man

    def state_at(self, state: int, row: int, column: int) -> int | None:
        """The state with Pac-Man in another cell; None in a wall."""
        return encode(decode(state)._replace(pac_man=(row, column))) if (row, column) in FLOOR.number else None

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """The arrows."""
        return {(UP_ARROW,): UP, (RIGHT_ARROW,): RIGHT, (DOWN_ARROW,): DOWN, (LEFT_ARROW,): LEFT}

    def describe(self, state: int) -> str:
        """The state in words."""
        now = decode(state)
        places = [f"{who} at row {row}, column {column}" for who, (row, column) in (
            ("Pac-Man", now.pac_man), ("the ghost", now.ghost))]  # fmt: skip
        return f"{', '.join(places)} facing {self.action_meanings[now.facing]}, {now.pellets.bit_count()} pellets left"

    def render(self) -> str | NDArray[np.uint8] | None:
        now = decode(self.state)
        if self.render_mode == "ansi":
            return picture(now)
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import canvas, pac_man

        return canvas.show(self, pac_man.SIZE, pac_man.draw, now)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)


def picture(state: PacManState) -> str:
    """The map with everybody where they are; X where Pac-Man is caught."""
    rows = [["#" if mark == "#" else "." for mark in row] for row in FLOOR.rows]
    for i, (row, column) in enumerate(PELLETS):
        if state.pellets >> i & 1:
            rows[row][column] = "*"
    for mark, (row, column) in (("P", state.pac_man), ("G", state.ghost)):
        rows[row][column] = mark
    if state.pac_man == state.ghost:
        rows[state.ghost[0]][state.ghost[1]] = "X"
    return "\n".join("".join(row) for row in rows) + "\n"
