"""The picture of the kitchen: floor, walls and stations from above, and the robot cook with the pizza it carries."""

import functools
from collections.abc import Sequence

import pygame

from hfrl.envs import recipe
from hfrl.envs.painters import cook as robot
from hfrl.envs.painters import dishes, pantry, room
from hfrl.envs.painters.brush import Brush, blend, faint, sprite, stamp, write
from hfrl.envs.painters.pantry import INK, PAPER, TEAL, WHITE, WOOD
from hfrl.envs.painters.room import NAMED_TILE

#: The longer side of the picture in pixels, about.
LONGEST = 640
LARGEST_TILE = 92

MARKS = "DSCMOPVK"
NAMES = ("dough", "sauce", "cheese", "mushroom", "olive", "pineapple", "oven", "serve")
PIZZA_ACROSS = 0.74
"""The width of the carried pizza in tiles."""
#: How far to the sides and down from the head the hands are that hold a pizza, in half heads.
FULL_HANDS = (1.24, 1.62)


def size(rows: Sequence[str]) -> tuple[int, int]:
    """Width and height in pixels that suit a map."""
    tile = min(LARGEST_TILE, max(24, LONGEST // max(len(rows), len(rows[0]))))
    return tile * len(rows[0]), tile * len(rows)


def draw(surface: pygame.Surface, rows: Sequence[str], cook: tuple[int, int], pizza: int) -> None:
    """Fill a surface with the kitchen.

    Args:
        surface: where to; any size.
        rows: the map, as in ``hfrl.envs.pizza_kitchen``.
        cook: row and column where the cook stands.
        pizza: what it carries, 0 to 160; 0 is nothing.
    """
    width, height = surface.get_size()
    tile = max(1, min(width // len(rows[0]), height // len(rows)))
    left, top = (width - tile * len(rows[0])) // 2, (height - tile * len(rows)) // 2
    surface.blit(_background((width, height), tuple(rows)), (0, 0))
    x, y = left + tile * cook[1], top + tile * cook[0]
    deed = MARKS.find(rows[cook[0]][cook[1]])
    if deed >= 0:
        stamp(surface, _mark(tile), (x, y))
    picture = _cook(tile, pizza)
    stamp(surface, picture, (x, y + tile - picture.get_height()))
    if deed >= 0 and tile >= NAMED_TILE:
        badge = _badge(tile, deed)
        stamp(surface, badge, badge.get_rect(center=(x + round(tile * 0.9), y - round(tile * 0.02))).topleft)
    if tile >= NAMED_TILE:
        middle = (width // 2, top + tile * len(rows) - tile // 2)
        pantry.caption(surface, recipe.describe(pizza), middle, round(tile * 0.56), tile * (len(rows[0]) - 1))


@functools.lru_cache(maxsize=8)
def _background(size: tuple[int, int], rows: tuple[str, ...]) -> pygame.Surface:
    """Everything that stands still."""
    surface = pygame.Surface(size, 0, 32)
    tile = max(1, min(size[0] // len(rows[0]), size[1] // len(rows)))
    left, top = (size[0] - tile * len(rows[0])) // 2, (size[1] - tile * len(rows)) // 2
    marks = {(r, c): mark for r, row in enumerate(rows) for c, mark in enumerate(row) if mark != "#"}
    room.build(surface, marks, (left, top), tile)
    for (r, c), mark in marks.items():
        if mark in MARKS:
            _station(surface, MARKS.index(mark), (left + tile * c, top + tile * r), tile)
    return surface


def _station(surface: pygame.Surface, deed: int, at: tuple[int, int], tile: int) -> None:
    x, y = at
    if deed == recipe.BAKE:
        light = pantry.glow(max(1, round(tile * 1.2)))
        stamp(surface, light, (x + (tile - light.get_width()) // 2, y + (tile - light.get_height()) // 2))
    stamp(surface, _furniture(tile, deed), at)
    if tile >= NAMED_TILE:
        write(surface, NAMES[deed], (x + tile // 2, y + round(tile * 0.885)), round(tile * 0.21), tile - 6, INK)


@functools.lru_cache(maxsize=64)
def _furniture(tile: int, deed: int) -> pygame.Surface:
    """One station on its wooden block, a tile large."""
    named = tile >= NAMED_TILE

    def paint(brush: Brush) -> None:
        if named:
            brush.shadow(0.5, 0.9, 0.54, 0.14, 100)
            brush.box(blend(WOOD, (80, 40, 10), 0.35), 0.04, 0.04, 0.92, 0.94, 0.1)
            brush.box(WOOD, 0.04, 0.04, 0.92, 0.9, 0.1)
            brush.box(blend(WOOD, WHITE, 0.3), 0.07, 0.07, 0.86, 0.68, 0.08)
        else:
            brush.box(blend(WOOD, (80, 40, 10), 0.35), 0.02, 0.02, 0.96, 0.96, 0.12)
            brush.box(blend(WOOD, WHITE, 0.3), 0.06, 0.06, 0.88, 0.86, 0.1)
        _thing(brush.at(0.5, 0.41, 0.34) if named else brush.at(0.5, 0.49, 0.42), deed, named)

    return sprite((tile, tile), tile, paint)


def _thing(brush: Brush, deed: int, fine: bool) -> None:
    """What stands on a station, one unit to each side."""
    if deed == recipe.BAKE:
        pantry.oven(brush.at(0, 0.02, 1.06))
    elif deed == recipe.SERVE:
        pantry.bell(brush.at(0, 0.05, 0.95))
    elif fine:
        pantry.bowl(brush, pantry.INGREDIENTS[deed])
    else:
        brush.disc((250, 247, 241), 0, 0, 1.0)
        pantry.INGREDIENTS[deed](brush.at(0, 0, 1.22))


@functools.lru_cache(maxsize=8)
def _mark(tile: int) -> pygame.Surface:
    """The frame around the station that the cook stands on."""

    def paint(brush: Brush) -> None:
        brush.box(faint(WHITE, 110), 0.0, 0.0, 1.0, 1.0, 0.12)
        width = 0.07
        for x, y, w, h in ((0, 0, 1, width), (0, 1 - width, 1, width), (0, 0, width, 1), (1 - width, 0, width, 1)):
            brush.box(TEAL, x, y, w, h, width / 2)

    return sprite((tile, tile), tile, paint)


@functools.lru_cache(maxsize=400)
def _cook(tile: int, pizza: int) -> pygame.Surface:
    """The cook with what it carries, a tile wide and a little higher."""
    state = recipe.decode(pizza)
    if not state.dough:
        return robot.standing(tile)
    picture = _robot(tile, state.bake).copy()
    plate = dishes.disc(max(1, round(tile * PIZZA_ACROSS)), pizza)
    middle = (picture.get_width() // 2, picture.get_height() - round(tile * 0.385))
    stamp(picture, plate, plate.get_rect(center=middle).topleft)
    stamp(picture, _hands(tile), (0, 0))
    return picture


@functools.lru_cache(maxsize=32)
def _robot(tile: int, bake: int) -> pygame.Surface:
    """The cook alone, its arms ready to hold something that steams as after ``bake`` minutes."""

    def paint(brush: Brush) -> None:
        frame = brush.at(*robot.HEAD)
        robot.feet(frame)
        dishes.wisps(brush.at(0.5, 1.05, 0.9), bake)
        robot.body(frame)
        robot.arms(frame, *FULL_HANDS)
        robot.head(frame)

    return sprite(robot.size(tile), tile, paint)


@functools.lru_cache(maxsize=8)
def _hands(tile: int) -> pygame.Surface:
    """The hands in front of the pizza."""
    return sprite(robot.size(tile), tile, lambda brush: robot.hands(brush.at(*robot.HEAD), *FULL_HANDS))


@functools.lru_cache(maxsize=16)
def _badge(tile: int, deed: int) -> pygame.Surface:
    """A small sign of the station that the cook hides."""
    side = round(tile * 0.44)

    def paint(brush: Brush) -> None:
        brush.shadow(1.0, 1.06, 0.98, 0.94, 120)
        brush.disc(TEAL, 1.0, 0.98, 0.96)
        brush.disc(PAPER, 1.0, 0.98, 0.84)
        _thing(brush.at(1.0, 0.98, 0.62), deed, deed >= recipe.BAKE)

    return sprite((side, side), side / 2, paint)
