"""The picture of Pac-Man's world: the room, the pellets that are left, Pac-Man and the ghost, which looks ahead."""

import functools
import math

import pygame

from hfrl.envs.grid_world import FOUR_MOVES
from hfrl.envs.pac_man import FLOOR, PELLETS, PacManState
from hfrl.envs.painters import room
from hfrl.envs.painters.brush import Brush, Colour, arc, blend, sprite, stamp
from hfrl.envs.painters.pantry import GOLD, INK, WHITE

BORDER = 0.6
"""The wall around the floor, in tiles."""
SIZE = (570, 570)
YELLOW: Colour = (252, 206, 62)
GHOST: Colour = (226, 92, 110)


def draw(surface: pygame.Surface, state: PacManState) -> None:
    """Fill a surface of any size with the world in this state."""
    whole = surface.get_size()
    tile, left, top = _frame(whole)
    surface.blit(_background(whole), (0, 0))
    things = [(cell, _pellet(tile)) for i, cell in enumerate(PELLETS) if state.pellets >> i & 1]
    things += [(state.pac_man, _pac_man(tile)), (state.ghost, _ghost(tile, state.facing))]
    for (row, column), picture in things:
        stamp(surface, picture, (left + tile * column, top + tile * row))


def _frame(whole: tuple[int, int]) -> tuple[int, int, int]:
    """The width of a tile, and the left top corner of the floor, in pixels."""
    rows, columns = FLOOR.shape
    tile = max(1, math.floor(min(whole[0] / (columns + 2 * BORDER), whole[1] / (rows + 2 * BORDER))))
    return tile, (whole[0] - tile * columns) // 2, (whole[1] - tile * rows) // 2


@functools.lru_cache(maxsize=8)
def _background(whole: tuple[int, int]) -> pygame.Surface:
    surface = pygame.Surface(whole, 0, 32)
    tile, left, top = _frame(whole)
    room.build(surface, FLOOR.cells, (left, top), tile)
    return surface


@functools.lru_cache(maxsize=8)
def _pellet(tile: int) -> pygame.Surface:
    def paint(brush: Brush) -> None:
        brush.shadow(0.5, 0.66, 0.2, 0.07, 110)
        brush.disc(blend(GOLD, INK, 0.3), 0.5, 0.52, 0.17)
        brush.disc(blend(GOLD, WHITE, 0.2), 0.5, 0.5, 0.16)
        brush.disc(WHITE, 0.45, 0.45, 0.04)

    return sprite((tile, tile), tile, paint)


@functools.lru_cache(maxsize=8)
def _pac_man(tile: int) -> pygame.Surface:
    """A yellow disc with an open mouth; it looks to the right, for the state does not know where it looks."""

    def paint(brush: Brush) -> None:
        brush.shadow(0.5, 0.88, 0.32, 0.08, 150)
        for colour, radius, drop in ((blend(YELLOW, (150, 70, 0), 0.45), 0.39, 0.025), (YELLOW, 0.38, 0.0)):
            mouth = arc(0.5, 0.5 + drop, radius, radius, 0.6, math.tau - 0.6)
            brush.shape(colour, [*mouth, (0.46, 0.5 + drop)])
        brush.disc(INK, 0.54, 0.29, 0.055)
        brush.disc(WHITE, 0.555, 0.275, 0.018)

    return sprite((tile, tile), tile, paint)


@functools.lru_cache(maxsize=32)
def _ghost(tile: int, facing: int) -> pygame.Surface:
    """A ghost whose eyes say where it is going."""
    down, right = FOUR_MOVES[facing]

    def paint(brush: Brush) -> None:
        brush.shadow(0.5, 0.9, 0.32, 0.07, 150)
        for colour, grown in ((blend(GHOST, INK, 0.35), 0.015), (GHOST, 0.0)):
            brush.shape(colour, _sheet(0.34 + grown, grown))
        for x in (0.37, 0.63):
            brush.oval(WHITE, x, 0.42, 0.105, 0.125)
            brush.disc((44, 62, 120), x + 0.05 * right, 0.42 + 0.06 * down, 0.06)

    return sprite((tile, tile), tile, paint)


def _sheet(half: float, grown: float) -> list[tuple[float, float]]:
    """The outline of a ghost: a round head, and a hem of three waves."""
    head = arc(0.5, 0.46, half, half, math.pi, math.tau)
    hem = []
    for step in range(25):
        t = step / 24
        hem.append((0.5 + half - 2 * half * t, 0.8 + grown + 0.05 * math.cos(6 * math.pi * t)))
    return [*head, *hem]
