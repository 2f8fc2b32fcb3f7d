"""The picture of the k-armed bandit: a row of slot machines, and on the one that was pulled what it paid."""

import functools
import math

import pygame

from hfrl.envs.painters.brush import Brush, Colour, blend, sprite, stamp, write
from hfrl.envs.painters.pantry import GOLD, INK, PAPER, TEAL, WHITE

#: Machines in a row, of up to ten and of more.
FEW, MANY = 5, 9
#: The space of one, in units of half a machine's width.
WIDE, HIGH = 2.9, 4.2
#: The widest picture in pixels, about, and the widest machine.
WIDEST, LARGEST = 860, 130
WALLPAPER: Colour = (247, 236, 214)
SKIRTING: Colour = (214, 190, 160)
BODIES: tuple[Colour, ...] = (TEAL, (190, 92, 78))
DARK: Colour = (46, 40, 44)
KNOB: Colour = (214, 66, 52)


def size(arms: int) -> tuple[int, int]:
    """Width and height in pixels that suit so many machines."""
    columns, rows = _shape(arms)
    unit = min(LARGEST / 2, WIDEST / (WIDE * columns))
    return round(unit * WIDE * columns), round(unit * HIGH * rows)


def _shape(arms: int) -> tuple[int, int]:
    """Machines in a row, and rows; at least three places wide, so that a single machine has a room around it."""
    columns = max(3, min(arms, FEW if arms <= 2 * FEW else MANY))
    return columns, math.ceil(arms / columns)


def draw(surface: pygame.Surface, arms: int, pulled: int | None, paid: float) -> None:
    """Fill a surface with the machines.

    Args:
        surface: where to; any size.
        arms: how many.
        pulled: the one whose lever is down, or None.
        paid: what it paid.
    """
    columns, rows = _shape(arms)
    width, height = surface.get_size()
    unit = min(width / (WIDE * columns), height / (HIGH * rows))
    left, top = (width - unit * WIDE * min(columns, arms)) / 2, (height - unit * HIGH * rows) / 2
    surface.fill(WALLPAPER)
    for arm in range(arms):
        row, column = divmod(arm, columns)
        x, y = round(left + unit * WIDE * column), round(top + unit * HIGH * row)
        floor = round(y + unit * 3.72)
        if column == 0:
            surface.fill(SKIRTING, (0, floor, width, max(1, round(unit * HIGH - unit * 3.72))))
        stamp(surface, _machine(round(unit * 100), row + column, arm == pulled), (x, y))
        _words(surface, (x, y), unit, arm, f"{paid:+.2f}" if arm == pulled else "")


def _words(surface: pygame.Surface, corner: tuple[int, int], unit: float, arm: int, paid: str) -> None:
    middle = round(corner[0] + unit * 1.3)
    if paid:
        write(surface, paid, (middle, round(corner[1] + unit * 1.62)), round(unit * 0.62), round(unit * 1.4), DARK)
    write(surface, str(arm), (middle, round(corner[1] + unit * 2.82)), round(unit * 0.62), round(unit * 1.2), PAPER)


@functools.lru_cache(maxsize=16)
def _machine(hundredths: int, number: int, pulled: bool) -> pygame.Surface:
    """One machine; the unit is given in hundredths of a pixel."""
    unit = max(1.0, hundredths / 100)

    def paint(brush: Brush) -> None:
        machine = brush.at(1.3, 2.0)
        _lever(machine, pulled)
        _body(machine, BODIES[number % len(BODIES)], pulled)

    return sprite((math.ceil(unit * WIDE), math.ceil(unit * HIGH)), unit, paint)


def _body(brush: Brush, colour: Colour, pulled: bool) -> None:
    brush.shadow(0.05, 1.78, 1.2, 0.2, 150)
    brush.box(blend(colour, INK, 0.45), -1.0, -1.3, 2.0, 3.12, 0.42)
    brush.box(colour, -1.0, -1.36, 2.0, 3.08, 0.42)
    brush.box(blend(colour, WHITE, 0.3), -0.82, -1.22, 1.64, 0.26, 0.13)
    brush.box(GOLD, -0.82, -0.86, 1.64, 0.96, 0.16)
    brush.box(blend(GOLD, WHITE, 0.75) if pulled else DARK, -0.72, -0.76, 1.44, 0.76, 0.1)
    if not pulled:
        for x in (-0.44, 0.0, 0.44):
            brush.disc((122, 112, 110), x, -0.38, 0.1)
    brush.box(blend(colour, INK, 0.35), -0.62, 0.44, 1.24, 0.78, 0.16)
    brush.box(blend(colour, INK, 0.5), -0.56, 1.38, 1.12, 0.2, 0.1)


def _lever(brush: Brush, pulled: bool) -> None:
    knob = (1.26, 0.62) if pulled else (1.26, -1.1)
    brush.box((120, 112, 110), 0.9, -0.22, 0.3, 0.36, 0.08)
    brush.stroke((160, 152, 150), [(1.08, -0.04), knob], 0.14)
    brush.disc(blend(KNOB, INK, 0.35), knob[0], knob[1] + 0.03, 0.24)
    brush.disc(KNOB, knob[0], knob[1], 0.22)
    brush.disc((255, 170, 150), knob[0] - 0.07, knob[1] - 0.07, 0.06)
