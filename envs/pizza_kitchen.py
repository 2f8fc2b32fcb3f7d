"""hfrl/PizzaKitchen-v0, the kitchen: the recipe of the counter, but the cook walks between the stations.

The kitchen is a picture: ``#`` wall, ``.`` floor, ``@`` start, and the stations D dough, S sauce, C cheese, M mushroom,
O olive, P pineapple, V oven, K counter. The cook stands on a station to use it.

State: (cell, pizza in hand); 25 cells x 161 pizzas = 4,025 on the default map, index = cell * 161 + pizza.
Actions (5): up, right, down, left, use. A step into a wall, or a use that does nothing, only costs the time.
Reward as at the counter: -0.1 a step, -0.1 a topping, +10 / -2 / -5 on serving. Serving terminates; 200 steps truncate.

Exact optimum of the automated reward on the default map (undiscounted): 8.01. Greatest expected taste of any policy
for the default customer: .909, as at the counter.
"""

import functools
from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs import recipe
from hfrl.envs.table_world import (
    DOWN_ARROW,
    LEFT_ARROW,
    RIGHT_ARROW,
    UP_ARROW,
    Table,
    TableWorld,
    Transition,
    shared,
    with_taste_paid,
)

MAPS: Mapping[str, str] = {
    "square": """
#######
#D.S.C#
#.....#
#V.@.K#
#.....#
#M.O.P#
#######
""",
    "galley": """
############
#D.S.C.M.O.#
#....@.....#
#P..V....K.#
############
""",
    "islands": """
#########
#D.S.C.M#
#.##.##.#
#V..@..O#
#.##.##.#
#..K...P#
#########
""",
}
STATIONS: Mapping[str, int] = dict(zip("DSCMOPVK", range(8), strict=True))
"""Which deed of the recipe a station does."""
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
USE = 4
OBSERVATIONS = ("index", "features", "pixels", "partial")
PIXELS = 84
#: With ``observation="partial"`` the bake level is a sixth one, "cannot see", away from the oven.
UNSEEN = 5
PARTIAL_PIZZAS = 1 + 32 * 6


class Floorplan:
    """A map taken apart: its free cells in reading order, where the stations are and where the cook starts.

    Raises:
        ValueError: a row of another width, an unknown letter, a missing or doubled station, no start, an open border.
    """

    def __init__(self, text: str) -> None:
        self.rows = text.strip("\n").split("\n")
        self._check()
        self.cells = [(r, c) for r, row in enumerate(self.rows) for c, mark in enumerate(row) if mark != "#"]
        self.number = {cell: index for index, cell in enumerate(self.cells)}
        marks = {self.rows[r][c]: index for index, (r, c) in enumerate(self.cells)}
        self.start = marks["@"]
        self.stations = {marks[mark]: deed for mark, deed in STATIONS.items()}

    def _check(self) -> None:
        text = "".join(self.rows)
        strange = sorted(set(text) - set("#.@" + "".join(STATIONS)))
        if strange:
            raise ValueError(f"unknown mark {strange[0]!r} in the map; expected # . @ and {' '.join(STATIONS)}")
        for mark in ("@", *STATIONS):
            if text.count(mark) != 1:
                raise ValueError(f"the map needs {mark!r} exactly once, found {text.count(mark)}")
        width = len(self.rows[0])
        if any(len(row) != width for row in self.rows):
            raise ValueError(f"every row of the map must be {width} wide, as the first")
        border = self.rows[0] + self.rows[-1] + "".join(row[0] + row[-1] for row in self.rows)
        if set(border) != {"#"}:
            raise ValueError("the map's border must be wall (#) all around")

    def move(self, cell: int, action: int) -> int:
        """The cell a move leads to; a wall keeps the cook where it is."""
        row, column = self.cells[cell]
        down, right = MOVES[action]
        return self.number.get((row + down, column + right), cell)

    def oven_cells(self) -> frozenset[int]:
        """The oven's cell and its neighbours: where the bake level can be seen."""
        (oven,) = (cell for cell, deed in self.stations.items() if deed == recipe.BAKE)
        return frozenset({oven, *(self.move(oven, action) for action in range(4))})


def build_table(plan: Floorplan) -> Table:
    """``P`` of the kitchen: the recipe on the stations, and the four moves everywhere."""
    return [
        [_transitions(plan, cell, pizza, action) for action in range(5)]
        for cell in range(len(plan.cells))
        for pizza in range(recipe.PIZZAS)
    ]


def _transitions(plan: Floorplan, cell: int, pizza: int, action: int) -> list[Transition]:
    if action != USE:
        return [(1.0, plan.move(cell, action) * recipe.PIZZAS + pizza, recipe.STEP_REWARD, False)]
    if cell not in plan.stations:
        return [(1.0, cell * recipe.PIZZAS + pizza, recipe.STEP_REWARD, False)]
    return [
        (probability, cell * recipe.PIZZAS + after, reward, served)
        for probability, after, reward, served in recipe.outcomes(pizza, plan.stations[cell])
    ]


def _mask(plan: Floorplan, cell: int, pizza: int) -> NDArray[np.int8]:
    moves = [plan.move(cell, action) != cell for action in range(4)]
    use = cell in plan.stations and recipe.is_possible(pizza, plan.stations[cell])
    return np.array([*moves, use], dtype=np.int8)


@functools.lru_cache(maxsize=8)
def _built(text: str) -> tuple[Floorplan, Table, tuple[NDArray[np.int8], ...]]:
    """Plan, table and masks of a map, once for all kitchens of it."""
    plan = Floorplan(text)
    cells = range(len(plan.cells))
    masks = [_mask(plan, cell, pizza) for cell in cells for pizza in range(recipe.PIZZAS)]
    return plan, *shared(build_table(plan), masks)


class PizzaKitchen(TableWorld):
    """The kitchen.

    Args:
        layout: a name of ``MAPS``, or a map as text (rows separated by newlines or ``/``).
        observation: ``"index"`` (Discrete), ``"features"`` (a float vector), ``"pixels"`` (84 x 84 x 3, uint8) or
            ``"partial"`` (Discrete; the bake level shows only at the oven and next to it, so that memory pays).
        customer, customer_seed, reveal_taste, taste_paid, render_mode: as for :class:`hfrl.envs.pizza.Pizza`.

    Raises:
        ValueError: an unknown customer, observation or map, or a map that is no kitchen.
    """

    action_meanings = ("up", "right", "down", "left", "use")

    def __init__(
        self,
        layout: str = "square",
        observation: str = "index",
        customer: str = "crispy_mushroom",
        customer_seed: int = 0,
        reveal_taste: bool = False,
        taste_paid: float = 0.0,
        render_mode: str | None = None,
    ) -> None:
        if observation not in OBSERVATIONS:
            raise ValueError(f"unknown observation {observation!r}; expected one of {', '.join(OBSERVATIONS)}")
        if layout not in MAPS and "#" not in layout:
            raise ValueError(f"unknown layout {layout!r}; expected one of {', '.join(MAPS)}, or a map as text")
        self.plan, table, masks = _built(MAPS.get(layout, layout.replace("/", "\n")))
        self.customer = recipe.customer_named(customer, customer_seed)
        self.observation = observation
        self.reveal_taste = reveal_taste
        self.render_mode = render_mode
        start = [0.0] * len(masks)
        start[self.plan.start * recipe.PIZZAS] = 1.0
        super().__init__(with_taste_paid(table, self.taste, taste_paid), start, masks)
        self._near_oven = self.plan.oven_cells()
        self.observation_space = self._observation_space()
        self.grid_shape = len(self.plan.rows), len(self.plan.rows[0])
        self.directions = dict(enumerate(MOVES))

    def cell_of(self, state: int) -> tuple[int, int]:
        """Row and column of the cook."""
        return self.plan.cells[state // recipe.PIZZAS]

    def state_at(self, state: int, row: int, column: int) -> int | None:
        """The state with the same pizza in hand in another cell; None in a wall."""
        cell = self.plan.number.get((row, column))
        return None if cell is None else cell * recipe.PIZZAS + state % recipe.PIZZAS

    def _observation_space(self) -> gymnasium.spaces.Space[Any]:
        cells = len(self.plan.cells)
        if self.observation == "index":
            return gymnasium.spaces.Discrete(cells * recipe.PIZZAS)
        if self.observation == "partial":
            return gymnasium.spaces.Discrete(cells * PARTIAL_PIZZAS)
        if self.observation == "features":
            return gymnasium.spaces.Box(0.0, 1.0, (cells + 6 + len(recipe.BAKES),), np.float32)
        return gymnasium.spaces.Box(0, 255, (PIXELS, PIXELS, 3), np.uint8)

    def observe(self, state: int) -> Any:
        """What the agent sees of a state, as ``observation`` says."""
        if self.observation == "index":
            return state
        cell, pizza = divmod(state, recipe.PIZZAS)
        if self.observation == "partial":
            return cell * PARTIAL_PIZZAS + self._seen_pizza(cell, pizza)
        if self.observation == "features":
            return self._features(cell, pizza)
        from hfrl.envs.painters import canvas, pizza_kitchen

        return canvas.pixels(PIXELS, pizza_kitchen.draw, self.plan.rows, self.plan.cells[cell], pizza)

    def _seen_pizza(self, cell: int, pizza: int) -> int:
        if pizza == recipe.NO_DOUGH:
            return 0
        contents, bake = divmod(pizza - 1, 5)
        return 1 + contents * 6 + (bake if cell in self._near_oven else UNSEEN)

    def _features(self, cell: int, pizza: int) -> NDArray[np.float32]:
        """One-hot cell, then dough, sauce, cheese, mushroom, olive, pineapple, then one-hot bake level."""
        cells = len(self.plan.cells)
        features = np.zeros(cells + 6 + len(recipe.BAKES), dtype=np.float32)
        features[cell] = 1.0
        state = recipe.decode(pizza)
        features[cells : cells + 6] = state[:6]
        features[cells + 6 + state.bake] = float(state.dough)
        return features

    def taste(self, state: int) -> float:
        """How good the pizza of this state tastes to the customer, in [0, 1]. For oracles and evaluation alone."""
        return self.customer.taste(state % recipe.PIZZAS)

    def outcome(self, state: int) -> dict[str, Any]:
        """Whether a proper pizza was served, and its taste where it may be revealed."""
        served = {"is_success": recipe.is_proper(state % recipe.PIZZAS)}
        return served | {"taste": self.taste(state)} if self.reveal_taste else served

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """The arrows walk, ``u`` uses the station, for a person who drives."""
        return {(UP_ARROW,): 0, (RIGHT_ARROW,): 1, (DOWN_ARROW,): 2, (LEFT_ARROW,): 3, "u": USE}

    def describe(self, state: int) -> str:
        """The state in words."""
        cell, pizza = divmod(state, recipe.PIZZAS)
        row, column = self.plan.cells[cell]
        return f"at row {row}, column {column}: {recipe.describe(pizza)}"

    def render(self) -> str | NDArray[np.uint8] | None:
        cell, pizza = divmod(self.state, recipe.PIZZAS)
        row, column = self.plan.cells[cell]
        if self.render_mode == "ansi":
            rows = [list(line.replace("@", ".")) for line in self.plan.rows]
            rows[row][column] = "@"
            return "\n".join("".join(line) for line in rows) + f"\n{recipe.describe(pizza)}\n"
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import canvas, pizza_kitchen

        size = pizza_kitchen.size(self.plan.rows)
        return canvas.show(self, size, pizza_kitchen.draw, self.plan.rows, (row, column), pizza)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)
