"""The picture of the counter: the pizza on its board, the bowls around it, the oven and the robot cook behind it."""

import functools
from typing import NamedTuple

import pygame

from hfrl.envs import recipe
from hfrl.envs.painters import cook, dishes, pantry
from hfrl.envs.painters.brush import Brush, Colour, blend, faint, sprite, stamp, write
from hfrl.envs.painters.pantry import INK, PAPER, WHITE, WOOD

SIZE = (800, 600)
"""The scene in its own units, which are pixels at the usual size."""

#: Where things are in the scene.
COUNTER_TOP = 204
BOARD, BOARD_RADIUS, PIZZA_RADIUS = (400, 382), 158, 144
OVEN, OVEN_HALF = (400, 127), 104
COOK, COOK_HALF = (192, 122), 44
BOWLS = ((116, 256), (92, 365), (116, 474), (684, 256), (708, 365), (684, 474))
BOWL_RADIUS = 43
BELL, BELL_HALF = (572, 242), 36
GAUGE, GAUGE_STEP = (550, 104), 50
CAPTION, CAPTION_HIGH, CAPTION_WIDE = (400, 573), 42, 690

NAMES = ("dough", "sauce", "cheese", "mushroom", "olive", "pineapple")
CHALKBOARD: Colour = (46, 56, 60)


class Scene(NamedTuple):
    """How the scene lies on a surface: pixels to a unit, and where its left top corner is."""

    scale: float
    left: float
    top: float

    def place(self, x: float, y: float) -> tuple[int, int]:
        """A point of the scene in pixels of the surface."""
        return round(self.left + self.scale * x), round(self.top + self.scale * y)

    def long(self, units: float) -> int:
        """A length of the scene in pixels, at least one."""
        return max(1, round(self.scale * units))


def draw(surface: pygame.Surface, pizza: int) -> None:
    """Fill a surface with the counter.

    Args:
        surface: where to; any size.
        pizza: what lies on the board, 0 to 160; 0 is nothing.
    """
    width, height = surface.get_size()
    scene = _scene(width, height)
    surface.blit(_background((width, height)), (0, 0))
    _put(surface, scene, _oven(scene.long(OVEN_HALF), recipe.is_possible(pizza, recipe.BAKE)), OVEN)
    write(surface, "oven", scene.place(OVEN[0], OVEN[1] - 77), scene.long(24), scene.long(90), PAPER)
    _draw_gauge(surface, scene, pizza)
    for deed in range(recipe.ROLL, recipe.BAKE):
        _draw_bowl(surface, scene, pizza, deed)
    if pizza != recipe.NO_DOUGH:
        _put(surface, scene, dishes.disc(scene.long(2 * PIZZA_RADIUS), pizza), BOARD)
        steam = _steam(scene.long(PIZZA_RADIUS), recipe.decode(pizza).bake)
        _put(surface, scene, steam, (BOARD[0], BOARD[1] - PIZZA_RADIUS))
    words, middle = recipe.describe(pizza), scene.place(*CAPTION)
    pantry.caption(surface, words, middle, scene.long(CAPTION_HIGH), scene.long(CAPTION_WIDE))


def _scene(width: int, height: int) -> Scene:
    scale = min(width / SIZE[0], height / SIZE[1])
    return Scene(scale, (width - scale * SIZE[0]) / 2, (height - scale * SIZE[1]) / 2)


def _put(surface: pygame.Surface, scene: Scene, picture: pygame.Surface, middle: tuple[float, float]) -> None:
    stamp(surface, picture, picture.get_rect(center=scene.place(*middle)).topleft)


def _draw_bowl(surface: pygame.Surface, scene: Scene, pizza: int, deed: int) -> None:
    """A bowl is full, or full and dim while it cannot be used yet, or empty and checked once it is used up."""
    used = recipe.decode(pizza)[deed]
    possible = recipe.is_possible(pizza, deed)
    x, y = BOWLS[deed]
    _put(surface, scene, _bowl(scene.long(BOWL_RADIUS), deed, bool(used), possible), (x, y))
    ink = INK if possible else blend(INK, WOOD, 0.45)
    write(surface, NAMES[deed], scene.place(x, y + 57), scene.long(23), scene.long(130), ink)


@functools.lru_cache(maxsize=64)
def _bowl(radius: int, deed: int, used: bool, possible: bool) -> pygame.Surface:
    side = round(radius * 2.3)

    def paint(brush: Brush) -> None:
        middle = brush.at(1.15, 1.12)
        pantry.bowl(middle, (lambda _: None) if used else pantry.INGREDIENTS[deed])
        if not possible:
            middle.disc(faint(blend(WOOD, WHITE, 0.1), 100 if used else 165), 0, 0, 1.01)
        if used:
            pantry.check(middle.at(0, 0, 0.38))

    return sprite((side, side), radius, paint)


@functools.lru_cache(maxsize=8)
def _oven(half: int, hot: bool) -> pygame.Surface:
    size = (round(half * 2.3), round(half * 2.2))
    return sprite(size, half, lambda brush: pantry.oven(brush.at(1.15, 1.1), hot))


@functools.lru_cache(maxsize=16)
def _steam(high: int, bake: int) -> pygame.Surface:
    return sprite((round(high * 1.4), high), high, lambda brush: dishes.wisps(brush.at(0.7, 0.94), bake))


def _draw_gauge(surface: pygame.Surface, scene: Scene, pizza: int) -> None:
    """Five little pizzas from raw to burnt, and a frame around how far this one is."""
    here = recipe.decode(pizza).bake if pizza != recipe.NO_DOUGH else -1
    for bake, name in enumerate(recipe.BAKES):
        x, y = GAUGE[0] + GAUGE_STEP * bake, GAUGE[1]
        if bake == here:
            _put(surface, scene, _pointer(scene.long(48), scene.long(74)), (x, y + 9))
        plain = recipe.encode(recipe.PizzaState(True, False, False, False, False, False, bake))
        _put(surface, scene, dishes.disc(scene.long(36), plain), (x, y))
        ink = INK if bake == here else blend(PAPER, CHALKBOARD, 0.2)
        write(surface, name, scene.place(x, y + 31), scene.long(18), scene.long(46), ink)


@functools.lru_cache(maxsize=8)
def _pointer(width: int, height: int) -> pygame.Surface:
    return sprite((width, height), height, lambda brush: brush.box(PAPER, 0.0, 0.0, width / height, 1.0, 0.14))


@functools.lru_cache(maxsize=4)
def _background(size: tuple[int, int]) -> pygame.Surface:
    """Everything that stands still: wall, cook, wooden counter, board, bell and the chalkboard of the gauge."""
    surface = pygame.Surface(size, 0, 32)
    scene = _scene(*size)
    pantry.bricks(surface, scene.place(0, COUNTER_TOP), max(4, scene.long(92)))
    _put(surface, scene, pantry.glow(scene.long(290)), (OVEN[0], OVEN[1] + 30))
    _put(surface, scene, _cook(scene.long(COOK_HALF)), COOK)
    _draw_counter(surface, scene)
    _put(surface, scene, _hands(scene.long(COOK_HALF)), COOK)
    _put(surface, scene, _board(scene.long(BOARD_RADIUS)), BOARD)
    _put(surface, scene, _bell(scene.long(BELL_HALF)), BELL)
    write(surface, "serve", scene.place(BELL[0], BELL[1] + 40), scene.long(23), scene.long(120), INK)
    middle = (GAUGE[0] + 2 * GAUGE_STEP, GAUGE[1] - 2)
    _put(surface, scene, _chalkboard(scene.long(268), scene.long(136)), middle)
    title = scene.place(middle[0], GAUGE[1] - 46)
    write(surface, "how baked", title, scene.long(22), scene.long(250), PAPER)
    return surface


def _cook(half: int) -> pygame.Surface:
    def paint(brush: Brush) -> None:
        middle = brush.at(2.2, 2.8)
        cook.body(middle)
        cook.arms(middle, 1.5, 1.96)
        cook.head(middle)

    return sprite((round(half * 4.4), round(half * 5.6)), half, paint)


def _hands(half: int) -> pygame.Surface:
    size = (round(half * 4.4), round(half * 5.6))
    return sprite(size, half, lambda brush: cook.hands(brush.at(2.2, 2.8), 1.5, 1.96))


def _board(radius: int) -> pygame.Surface:
    def paint(brush: Brush) -> None:
        middle = brush.at(1.5, 1.5, 1.0, 0.72)
        pantry.board(middle)
        pantry.flour(middle)

    return sprite((radius * 3, radius * 3), radius, paint)


def _bell(half: int) -> pygame.Surface:
    return sprite((round(half * 2.2), round(half * 2.2)), half, lambda brush: pantry.bell(brush.at(1.1, 1.1)))


def _chalkboard(width: int, height: int) -> pygame.Surface:
    def paint(brush: Brush) -> None:
        wide = width / height
        brush.box((20, 24, 28, 90), 0.02, 0.05, wide - 0.02, 0.95, 0.08)
        brush.box(blend(WOOD, (80, 40, 10), 0.25), 0.0, 0.0, wide, 0.96, 0.08)
        brush.box(CHALKBOARD, 0.05, 0.05, wide - 0.1, 0.86, 0.05)

    return sprite((width, height), height, paint)


def _draw_counter(surface: pygame.Surface, scene: Scene) -> None:
    """Planks from the counter's far edge down to the lower end of the surface, whatever its shape."""
    width, height = surface.get_size()
    top, plank = scene.place(0, COUNTER_TOP)[1], scene.long(66)
    for row, y in enumerate(range(top, height, plank)):
        surface.fill(blend(WOOD, WHITE, (0.16, 0.07, 0.12, 0.04)[row % 4]), (0, y, width, plank))
        surface.fill(blend(WOOD, (110, 60, 20), 0.22), (0, y + plank - max(1, plank // 28), width, max(1, plank // 28)))
        length = scene.long(420)
        for x in range(-scene.long(170 * (row % 3)), width, length):
            surface.fill(blend(WOOD, (110, 60, 20), 0.22), (x, y, max(1, plank // 28), plank))
    edge = scene.long(9)
    surface.fill(blend(WOOD, WHITE, 0.45), (0, top, width, edge))
    surface.fill(blend(WOOD, (110, 60, 20), 0.3), (0, top + edge, width, max(1, edge // 4)))
