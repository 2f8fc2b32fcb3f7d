"""The picture of a world on a grid: the kitchen's cook in a room with a start, a goal, puddles, a wind or jumps."""

import functools
import math

import pygame

from hfrl.envs.grid_world import Cell, Scene
from hfrl.envs.painters import cook, room
from hfrl.envs.painters.brush import Brush, Colour, Point, arc, blend, faint, sprite, stamp, wobbly, write
from hfrl.envs.painters.pantry import GOLD, INK, PAPER, TEAL, WALL, WHITE
from hfrl.envs.painters.room import NAMED_TILE

#: The longer side of the picture in pixels, about, and the largest tile.
LONGEST, LARGEST_TILE = 704, 92
BORDER = 0.6
"""The wall around the floor, in tiles."""
WATER: Colour = (110, 172, 208)
AIR: Colour = (96, 158, 196)
STONE: Colour = (150, 148, 146)
GREEN: Colour = (104, 158, 104)
#: The colours of places that lead somewhere, by their letter.
PLACES: dict[str, Colour] = {"A": (222, 122, 84), "B": (122, 118, 190)}


def size(scene: Scene) -> tuple[int, int]:
    """Width and height in pixels that suit a world."""
    high, wide = len(scene.rows) + 2 * BORDER, len(scene.rows[0]) + 2 * BORDER
    tile = min(LARGEST_TILE, max(24, math.floor(LONGEST / max(high, wide))))
    return round(tile * wide), round(tile * high)


def draw(surface: pygame.Surface, scene: Scene, agent: Cell) -> None:
    """Fill a surface with the world.

    Args:
        surface: where to; any size.
        scene: the world without the agent.
        agent: row and column of the agent.
    """
    tile, left, top = _frame(surface.get_size(), scene)
    surface.blit(_background(surface.get_size(), scene), (0, 0))
    figure = cook.standing(tile)
    stamp(surface, figure, (left + tile * agent[1], top + tile * (agent[0] + 1) - figure.get_height()))


def _frame(whole: tuple[int, int], scene: Scene) -> tuple[int, int, int]:
    """The width of a tile, and the left top corner of the floor, in pixels."""
    rows, columns = len(scene.rows), len(scene.rows[0])
    tile = max(1, math.floor(min(whole[0] / (columns + 2 * BORDER), whole[1] / (rows + 2 * BORDER))))
    return tile, (whole[0] - tile * columns) // 2, (whole[1] - tile * rows) // 2


@functools.lru_cache(maxsize=8)
def _background(whole: tuple[int, int], scene: Scene) -> pygame.Surface:
    """Everything that stands still."""
    surface = pygame.Surface(whole, 0, 32)
    tile, left, top = _frame(whole, scene)
    marks = {(r, c): mark for r, row in enumerate(scene.rows) for c, mark in enumerate(row) if mark != "#"}
    room.build(surface, marks, (left, top), tile)
    for (row, column), mark in marks.items():
        place = (left + tile * column, top + tile * row)
        if mark != ".":
            stamp(surface, _thing(tile, mark), place)
            _name(surface, mark, place, tile)
        elif scene.wind and scene.wind[column]:
            stamp(surface, _wind(tile, scene.wind[column], scene.gusts), place)
    if scene.wind and tile >= 20:
        _forecast(surface, scene, (left, top), tile)
    if scene.arrows:
        stamp(surface, _jumps(whole, scene, tile, (left, top)), (0, 0))
    for (row, column), _, words in scene.arrows:
        middle = (left + round(tile * (column + 0.73)), top + round(tile * (row + 1.18)))
        write(surface, words, middle, round(tile * 0.28), tile, INK)
    return surface


def _name(surface: pygame.Surface, mark: str, place: tuple[int, int], tile: int) -> None:
    """The letter of a place that leads somewhere, and of the place it leads to."""
    if mark.upper() in PLACES:
        words = mark if mark in PLACES else mark.upper() + "'"
        middle = (place[0] + tile // 2, place[1] + tile // 2)
        write(surface, words, middle, round(tile * 0.44), tile, WHITE if mark in PLACES else PLACES[mark.upper()])
    elif tile >= NAMED_TILE and mark in "SG":
        middle = (place[0] + tile // 2, place[1] + round(tile * 0.86))
        write(surface, {"S": "start", "G": "goal"}[mark], middle, round(tile * 0.2), tile, INK)


@functools.lru_cache(maxsize=64)
def _thing(tile: int, mark: str) -> pygame.Surface:
    """What lies on a cell, a tile large."""
    painters = {"S": _start, "G": _goal, "T": _end, "~": _puddle}

    def paint(brush: Brush) -> None:
        if mark in painters:
            painters[mark](brush)
        else:
            _pad(brush, mark)

    return sprite((tile, tile), tile, paint)


def _start(brush: Brush) -> None:
    """A mat."""
    brush.box(blend(TEAL, (20, 40, 40), 0.25), 0.07, 0.09, 0.86, 0.86, 0.1)
    brush.box(blend(TEAL, WHITE, 0.55), 0.07, 0.07, 0.86, 0.85, 0.1)
    for side in (0.12, 0.82):
        brush.box(blend(TEAL, WHITE, 0.2), side, 0.07, 0.06, 0.85)


def _goal(brush: Brush) -> None:
    """A golden tile and a flag."""
    brush.box(blend(GOLD, (120, 60, 0), 0.4), 0.04, 0.06, 0.92, 0.91, 0.1)
    brush.box(blend(GOLD, WHITE, 0.45), 0.04, 0.04, 0.92, 0.9, 0.1)
    brush.shadow(0.44, 0.74, 0.24, 0.07, 110)
    brush.box((150, 104, 66), 0.36, 0.1, 0.055, 0.65, 0.02)
    brush.shape((190, 52, 42), [(0.42, 0.14), (0.84, 0.29), (0.42, 0.46)])
    brush.shape((222, 76, 58), [(0.42, 0.12), (0.82, 0.26), (0.42, 0.42)])


def _end(brush: Brush) -> None:
    """A stone: here it is over."""
    brush.box(blend(STONE, INK, 0.4), 0.05, 0.07, 0.9, 0.9, 0.14)
    brush.box(STONE, 0.05, 0.05, 0.9, 0.88, 0.14)
    brush.ring(blend(STONE, WHITE, 0.5), 0.5, 0.49, 0.27, 0.07)
    brush.disc(blend(STONE, WHITE, 0.5), 0.5, 0.49, 0.1)


def _puddle(brush: Brush) -> None:
    """Water, and its gleam."""
    middle = brush.at(0.5, 0.52)
    middle.shape(blend(WATER, INK, 0.3), [(x, 0.9 * y + 0.02) for x, y in wobbly(0.43, 0.03, 0.6)])
    middle.shape(WATER, [(x, 0.88 * y) for x, y in wobbly(0.41, 0.03, 0.6)])
    middle.stroke(blend(WATER, WHITE, 0.6), arc(0, 0, 0.27, 0.24, 3.5, 4.7), 0.045)
    for x, y in ((0.1, 0.1), (-0.12, 0.18)):
        middle.stroke(blend(WATER, WHITE, 0.35), arc(x, y, 0.1, 0.05, 3.5, 5.9), 0.03)


def _pad(brush: Brush, mark: str) -> None:
    """A coloured pad; only its rim where one arrives."""
    colour = PLACES.get(mark.upper(), GREEN)
    brush.box(blend(colour, INK, 0.35), 0.07, 0.1, 0.86, 0.85, 0.2)
    brush.box(colour, 0.07, 0.07, 0.86, 0.85, 0.2)
    if mark not in PLACES:
        brush.box(blend(colour, WHITE, 0.82), 0.14, 0.14, 0.72, 0.71, 0.15)


@functools.lru_cache(maxsize=16)
def _wind(tile: int, strength: int, gusts: bool) -> pygame.Surface:
    """As many angles as the wind is strong, and with gusts a faint one more."""

    def paint(brush: Brush) -> None:
        count = strength + gusts
        for index in range(count):
            y = 0.5 + 0.21 * (index - (count - 1) / 2)
            alpha = 60 if gusts and index == 0 else 130
            points = [(0.3, y + 0.12), (0.5, y - 0.06), (0.7, y + 0.12)]
            brush.shape(faint(AIR, alpha), [*points, (0.7, y + 0.22), (0.5, y + 0.04), (0.3, y + 0.22)])

    return sprite((tile, tile), tile, paint)


def _forecast(surface: pygame.Surface, scene: Scene, corner: tuple[int, int], tile: int) -> None:
    """The wind of each column, written on the wall below it."""
    below = corner[1] + round(tile * (len(scene.rows) + BORDER / 2))
    for column, wind in enumerate(scene.wind):
        middle = (corner[0] + round(tile * (column + 0.5)), below)
        words = f"{wind} ± 1" if wind and scene.gusts else str(wind)
        write(surface, words, middle, round(tile * 0.34), tile, PAPER if wind else blend(WALL, WHITE, 0.5))


def _jumps(whole: tuple[int, int], scene: Scene, tile: int, corner: tuple[int, int]) -> pygame.Surface:
    """The arrows from the places that lead somewhere, bent so that they pass beside the cells between."""

    def paint(brush: Brush) -> None:
        origin = brush.at(corner[0] / tile, corner[1] / tile)
        for start, end, _ in scene.arrows:
            first, last = ((cell[1] + 0.5, cell[0] + 0.5) for cell in (start, end))
            colour = PLACES.get(scene.rows[start[0]][start[1]], GREEN)
            arrow(origin, colour, first, last, bend=0.32, gap=0.46)

    return sprite(whole, tile, paint)


def arrow(brush: Brush, colour: Colour, start: Point, end: Point, bend: float, gap: float, width: float = 0.07) -> None:
    """An arrow on a bow between two points.

    Args:
        brush: where to.
        colour: of the arrow.
        start, end: the points it stands between.
        bend: how far its middle lies from the straight line, to the right of its way.
        gap: how far from the points it keeps.
        width: of the line.
    """
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    ux, uy = dx / length, dy / length
    path = []
    for step in range(25):
        t = gap / length + (1 - 2 * gap / length) * step / 24
        side = 4 * bend * t * (1 - t)
        path.append((start[0] + t * dx - side * uy, start[1] + t * dy + side * ux))
    (x, y), (x2, y2) = path[-3], path[-1]
    angle = math.atan2(y2 - y, x2 - x)
    brush.stroke(colour, path[:-1], width)
    tip = brush.at(x2, y2, 3.0 * width, angle)
    tip.shape(colour, [(0.4, 0.0), (-0.8, -0.65), (-0.8, 0.65)])
