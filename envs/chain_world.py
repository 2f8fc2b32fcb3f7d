"""What worlds share whose states lie in a row: places with names, and how they are shown."""

from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs.table_world import LEFT_ARROW, RIGHT_ARROW, Table, TableWorld, masks_of

#: The name of an end that one wants to reach.
GOAL = "goal"


class Link(NamedTuple):
    """A way from one place to another, for the picture.

    Attributes:
        start, end: places; the same twice for a step that stays.
        words: what is written on it, such as a reward.
        times: how many actions take it.
    """

    start: int
    end: int
    words: str = ""
    times: int = 1


class Chain(NamedTuple):
    """What the painter of chains wants to know.

    Attributes:
        names: what is written in each place; empty for an end that is no ``GOAL``.
        first: where an episode begins.
        links: the ways between places.
        odd: places that are unlike the others, painted in another colour.
        words: one line below the picture.
    """

    names: tuple[str, ...]
    first: int
    links: tuple[Link, ...]
    odd: tuple[int, ...] = ()
    words: str = ""


class ChainWorld(TableWorld):
    """A world whose states are the places of a row, from the left.

    Args:
        chain: the picture.
        table: ``P``.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.
    """

    action_meanings: ClassVar[tuple[str, ...]] = ("left", "right")

    def __init__(self, chain: Chain, table: Table, render_mode: str | None) -> None:
        start = [float(place == chain.first) for place in range(len(table))]
        super().__init__(table, start, masks_of(table))
        self.chain = chain
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Discrete(len(table))

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """The arrows."""
        return {(LEFT_ARROW,): 0, (RIGHT_ARROW,): 1}

    def describe(self, state: int) -> str:
        """The state in words."""
        name = self.chain.names[state]
        if name in ("", GOAL):
            return f"at the {name or ('left end' if state == 0 else 'right end')}"
        return f"in {name}"

    def render(self) -> str | NDArray[np.uint8] | None:
        if self.render_mode == "ansi":
            names = [name or "#" for name in self.chain.names]
            return " ".join(f"[{n}]" if place == self.state else f" {n} " for place, n in enumerate(names)) + "\n"
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import canvas, chain

        return canvas.show(self, chain.size(self.chain), chain.draw, self.chain, self.state)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)


class LineWorld(ChainWorld):
    """A chain that is also a grid of one row, so that values can be drawn upon it."""

    def __init__(self, chain: Chain, table: Table, render_mode: str | None) -> None:
        super().__init__(chain, table, render_mode)
        self.grid_shape = 1, len(table)
        self.directions = {0: (0, -1), 1: (0, 1)}

    def cell_of(self, state: int) -> tuple[int, int]:
        """Row 0, and the place."""
        return 0, state

    def state_at(self, state: int, row: int, column: int) -> int | None:  # noqa: ARG002 - the place is all there is
        """The state of a place; None outside."""
        return column if row == 0 and 0 <= column < len(self.P) else None


def left_and_right(last: int, words: dict[tuple[int, int], Any] | None = None) -> tuple[Link, ...]:
    """The links of a plain chain of places 0 .. ``last``: one to each side of every place between the ends."""
    words = words or {}
    ways = [(place, place + side) for place in range(1, last) for side in (-1, 1)]
    return tuple(Link(*way, words.get(way, "")) for way in ways)
