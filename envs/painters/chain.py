"""The picture of a chain: places in a row, the ways between them with what they pay, and the cook above its place."""

import functools

import pygame

from hfrl.envs.chain_world import GOAL, Chain, Link
from hfrl.envs.painters import cook
from hfrl.envs.painters.brush import Brush, Colour, blend, sprite, stamp, write
from hfrl.envs.painters.grid import arrow
from hfrl.envs.painters.pantry import GOLD, INK, PAPER, TEAL, WALL, WHITE

#: Places are so many units apart, a place being one unit wide; of more than MANY places each is closer to the next.
APART, CLOSE, MANY = 1.9, 1.5, 12
#: The room around the places, in units: left and right, above and below.
SIDE, ABOVE, BELOW = 1.2, 2.1, 1.3
#: The widest picture in pixels, about, and the largest unit.
WIDEST, LARGEST = 1100, 90
WAY: Colour = (120, 104, 92)
ODD: Colour = (222, 122, 84)
TABLE: Colour = (247, 236, 214)


def size(chain: Chain) -> tuple[int, int]:
    """Width and height in pixels that suit a chain."""
    wide, high = _extent(chain)
    unit = min(LARGEST, WIDEST / wide)
    return round(unit * wide), round(unit * high)


def draw(surface: pygame.Surface, chain: Chain, place: int) -> None:
    """Fill a surface with the chain.

    Args:
        surface: where to; any size.
        chain: the places and the ways between them.
        place: where the agent is.
    """
    unit, left, middle = _frame(surface.get_size(), chain)
    surface.blit(_background(surface.get_size(), chain), (0, 0))
    tile = max(1, round(unit * 1.15))
    figure = cook.standing(tile)
    x, feet = left + unit * _apart(chain) * place, middle - unit * 0.3
    stamp(surface, figure, (round(x - tile / 2), round(feet - figure.get_height())))


def _apart(chain: Chain) -> float:
    return APART if len(chain.names) <= MANY else CLOSE


def _extent(chain: Chain) -> tuple[float, float]:
    """Width and height in units."""
    return 2 * SIDE + _apart(chain) * (len(chain.names) - 1), ABOVE + BELOW + (0.5 if chain.words else 0.0)


def _frame(whole: tuple[int, int], chain: Chain) -> tuple[float, float, float]:
    """The unit, and the middle of the first place, in pixels."""
    wide, high = _extent(chain)
    unit = min(whole[0] / wide, whole[1] / high)
    return unit, (whole[0] - unit * wide) / 2 + unit * SIDE, (whole[1] - unit * high) / 2 + unit * ABOVE


@functools.lru_cache(maxsize=8)
def _background(whole: tuple[int, int], chain: Chain) -> pygame.Surface:
    """Everything that stands still."""
    surface = pygame.Surface(whole, 0, 32)
    surface.fill(TABLE)
    unit, left, middle = _frame(whole, chain)
    apart = _apart(chain)

    def paint(brush: Brush) -> None:
        row = brush.at(left / unit, middle / unit)
        for link in chain.links:
            _way(row, link, apart)
        for place in range(len(chain.names)):
            _place(row.at(apart * place, 0.0), chain, place)

    stamp(surface, sprite(whole, unit, paint), (0, 0))
    for place, name in enumerate(chain.names):
        if name:
            centre = _pixel(left + unit * apart * place, middle)
            ink, widest = (INK, 0.66) if name == GOAL else (WHITE, 0.9)
            write(surface, name, centre, round(unit * 0.5), round(unit * widest), ink)
    for link in chain.links:
        x = left + unit * apart * (link.start + link.end) / 2 - (unit * 0.86 if link.start == link.end else 0)
        y = middle + unit * _height_of_words(link)
        if link.words:
            write(surface, link.words, _pixel(x, y), round(unit * 0.6 / apart), round(unit * apart * 0.9), INK)
    if chain.words:
        below = _pixel(whole[0] / 2, middle + unit * (BELOW + 0.1))
        write(surface, chain.words, below, round(unit * 0.3), round(whole[0] * 0.94), INK)
    return surface


def _pixel(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


def _height_of_words(link: Link) -> float:
    """Above a way to the right, below one to the left."""
    if link.start == link.end:
        return 0.62
    return (-0.58 if link.end > link.start else 0.6) - (0.0 if link.times == 1 else -0.3)


def _way(brush: Brush, link: Link, apart: float) -> None:
    """An arrow, or a fan of them; ways to the right are bent upwards, ways to the left downwards."""
    if link.start == link.end:
        _loop(brush.at(apart * link.start, 0.0))
        return
    start, end = (apart * link.start, 0.0), (apart * link.end, 0.0)
    for index in range(link.times):
        bend = -0.24 if link.times == 1 else 0.75 * (2 * index / (link.times - 1) - 1)
        arrow(brush, WAY, start, end, bend=bend, gap=0.56, width=0.055 if link.times == 1 else 0.035)


def _loop(brush: Brush) -> None:
    """A way back to the same place, on its left."""
    arrow(brush, WAY, (-0.44, -0.3), (-0.44, 0.3), bend=0.56, gap=0.03, width=0.055)


def _place(brush: Brush, chain: Chain, place: int) -> None:
    """A button with a name; a square for an end, golden where it is a goal."""
    brush.shadow(0.03, 0.12, 0.56, 0.54, 110)
    name = chain.names[place]
    if name in ("", GOAL):
        face = GOLD if name else WALL
        brush.box(blend(face, INK, 0.6), -0.42, -0.42, 0.84, 0.88, 0.14)
        brush.box(face, -0.42, -0.44, 0.84, 0.84, 0.14)
        if not name:
            brush.box(blend(WALL, WHITE, 0.3), -0.2, -0.22, 0.4, 0.4, 0.06)
        return
    colour = ODD if place in chain.odd else TEAL
    brush.disc(blend(colour, INK, 0.4), 0, 0.04, 0.5)
    brush.disc(colour, 0, 0, 0.49)
    if place == chain.first:
        brush.ring(PAPER, 0, 0, 0.43, 0.05)
