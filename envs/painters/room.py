"""A room seen from above: brick walls, a floor of two tones, and the shadow that the walls throw on it."""

from collections.abc import Collection

import pygame

from hfrl.envs.painters import pantry
from hfrl.envs.painters.brush import Colour, blend
from hfrl.envs.painters.pantry import WALL, WHITE

EDGE = blend(WALL, WHITE, 0.3)
FRONT = blend(WALL, (20, 34, 40), 0.4)
FLOORS: tuple[Colour, Colour] = ((247, 236, 214), (239, 225, 199))
#: Below this many pixels a tile has no room for words, nor a wall for bricks.
NAMED_TILE = 44

Cell = tuple[int, int]


def build(surface: pygame.Surface, cells: Collection[Cell], corner: tuple[int, int], tile: int) -> None:
    """Fill the surface with walls and cut the floor out of them.

    Args:
        surface: where to.
        cells: row and column of every cell that is floor.
        corner: where the cell (0, 0) is, in pixels.
        tile: the width of a cell in pixels.
    """
    surface.fill(WALL)
    if tile >= NAMED_TILE:
        pantry.bricks(surface, corner, tile)
    floor = {(corner[0] + tile * column, corner[1] + tile * row): (row + column) % 2 for row, column in cells}
    _carve(surface, floor, tile)
    for (x, y), tone in floor.items():
        surface.fill(FLOORS[tone], (x, y, tile, tile))
    _shade(surface, floor, tile)


def _carve(surface: pygame.Surface, floor: Collection[Cell], tile: int) -> None:
    """Cut the floor out of the walls: a light edge all around, and the front of the wall above it."""
    line, front = max(1, tile // 20), max(1, round(tile * 0.2))
    for x, y in floor:
        surface.fill(EDGE, (x - line, y - front - line, tile + 2 * line, tile + front + 2 * line))
    for x, y in floor:
        surface.fill(FRONT, (x, y - front, tile, front))


def _shade(surface: pygame.Surface, floor: Collection[Cell], tile: int) -> None:
    """The shadow that a wall throws on the floor below it."""
    depth = max(1, tile // 8)
    for x, y in floor:
        if (x, y - tile) not in floor:
            for step in range(1, 4):
                shade = pygame.Surface((tile, max(1, depth * step // 3)), pygame.SRCALPHA, 32)
                shade.fill((60, 40, 24, 20))
                surface.blit(shade, (x, y))
