"""What stands around in both worlds: ingredients in their bowls, the oven, the bell on the counter."""

import functools
import itertools
import math
from collections.abc import Callable, Sequence

import pygame

from hfrl.envs.painters import dishes
from hfrl.envs.painters.brush import Brush, Colour, Point, arc, blend, faint, sprite, stamp, text

INK: Colour = (66, 46, 38)
PAPER: Colour = (255, 249, 236)
WOOD: Colour = (214, 166, 108)
SLATE: Colour = (94, 122, 130)
TEAL: Colour = (64, 134, 140)
GOLD: Colour = (240, 186, 66)
FIRE: Colour = (255, 148, 40)
WHITE: Colour = (255, 255, 255)
WALL: Colour = (78, 108, 118)

# Every painter of a thing works in a frame whose origin is the middle of the thing and whose unit is half its width.


def bowl(brush: Brush, fill: Callable[[Brush], None]) -> None:
    """A white bowl from above with something in it."""
    brush.shadow(0.05, 0.14, 1.08, 1.04, 100)
    brush.disc((206, 198, 188), 0, 0.03, 1.0)
    brush.disc((250, 247, 241), 0, 0, 0.98)
    brush.disc((208, 200, 190), 0, 0, 0.83)
    brush.disc((232, 225, 214), 0.01, 0.04, 0.8)
    fill(brush)


def dough(brush: Brush) -> None:
    """A ball of dough."""
    brush.shadow(0.05, 0.12, 0.7, 0.66, 80)
    brush.disc((226, 200, 152), 0, 0.02, 0.64)
    brush.disc((250, 234, 202), -0.02, -0.02, 0.6)
    brush.oval((255, 247, 228), -0.16, -0.2, 0.3, 0.24)
    brush.stroke((226, 200, 152), arc(0.0, 0.0, 0.38, 0.38, 0.2, 1.7), 0.06)
    brush.stroke((226, 200, 152), arc(0.05, 0.02, 0.18, 0.18, 3.4, 5.6), 0.05)


def sauce(brush: Brush) -> None:
    """Tomato sauce with a swirl and a leaf of basil."""
    brush.disc((170, 36, 26), 0, 0.02, 0.76)
    brush.disc((224, 66, 44), 0, 0.03, 0.72)
    steps = [step / 26 for step in range(27)]
    swirl = [((0.12 + 0.44 * t) * math.cos(9 * t), 0.03 + (0.12 + 0.44 * t) * math.sin(9 * t)) for t in steps]
    brush.stroke((246, 120, 88), swirl, 0.1)
    for turn in (-0.5, 0.9):
        leaf = brush.at(0.2, -0.14, 0.34, turn)
        leaf.shape((60, 128, 60), [*arc(0.5, 0.34, 0.75, 0.75, -2.3, -0.84), *arc(0.5, -0.34, 0.75, 0.75, 0.84, 2.3)])
        leaf.stroke((130, 184, 104), [(0.1, 0.0), (0.5, 0.0), (0.85, 0.0)], 0.07)


def cheese(brush: Brush) -> None:
    """A wedge of cheese with holes."""
    brush.shadow(0.04, 0.42, 0.72, 0.22, 90)
    tip, left, right = (-0.74, 0.08), (0.5, -0.46), (0.74, 0.02)
    brush.shape((255, 226, 120), [tip, left, right])
    brush.shape((246, 192, 62), [tip, right, (0.74, 0.46), (-0.74, 0.5)])
    brush.shape((226, 164, 40), [(-0.74, 0.42), (0.74, 0.38), (0.74, 0.46), (-0.74, 0.5)])
    for x, y, size in ((-0.34, 0.28, 0.1), (0.12, 0.22, 0.13), (0.5, 0.28, 0.09), (-0.08, 0.4, 0.05)):
        brush.oval((206, 142, 30), x, y, size, size * 0.9)
    brush.oval((240, 198, 80), 0.3, -0.2, 0.14, 0.08)


def mushroom(brush: Brush) -> None:
    """One whole mushroom."""
    brush.shadow(0.03, 0.56, 0.5, 0.16, 90)
    brush.box((214, 194, 168), -0.24, -0.05, 0.48, 0.66, 0.2)
    brush.box((246, 234, 214), -0.22, -0.05, 0.38, 0.63, 0.18)
    cap = [*arc(0, 0.04, 0.72, 0.66, math.pi, math.tau), *arc(0, 0.02, 0.72, 0.2, 0.0, math.pi)]
    brush.shape((150, 98, 62), cap)
    brush.shape((182, 124, 80), [(0.94 * x - 0.02, 0.94 * y - 0.06) for x, y in cap])
    for x, y, size in ((-0.3, -0.2, 0.13), (0.12, -0.38, 0.1), (0.32, -0.1, 0.12)):
        brush.oval((224, 178, 132), x, y, size, size * 0.8)


def olive(brush: Brush) -> None:
    """Three olives with their red hearts."""
    for x, y, turn in ((-0.3, -0.16, 0.6), (0.34, -0.12, -0.5), (0.0, 0.32, 0.1)):
        place = brush.at(x, y, 0.38, turn)
        place.shadow(0.06, 0.2, 1.05, 0.9, 80)
        place.oval((40, 56, 34), 0, 0, 1.0, 0.84)
        place.oval((84, 108, 58), -0.06, -0.08, 0.88, 0.7)
        place.oval((120, 146, 84), -0.3, -0.34, 0.3, 0.18)
        place.disc((40, 56, 34), 0.42, 0.04, 0.34)
        place.disc((216, 62, 48), 0.44, 0.04, 0.24)


def pineapple(brush: Brush) -> None:
    """A whole pineapple with its crown."""
    brush.shadow(0.03, 0.68, 0.46, 0.14, 90)
    for turn, high in ((-0.75, 0.5), (0.75, 0.5), (-0.36, 0.64), (0.36, 0.64), (0.0, 0.72)):
        leaf = brush.at(0, -0.26, 1.0, turn)
        leaf.shape(
            (70, 142, 70) if turn else (98, 170, 84), [(-0.15, 0.04), (-0.1, -high * 0.6), (0, -high), (0.15, 0)]
        )
    brush.oval((206, 132, 20), 0, 0.22, 0.46, 0.54)
    brush.oval((250, 196, 48), -0.02, 0.2, 0.42, 0.5)
    for offset in (-0.36, -0.08, 0.2):
        brush.stroke((206, 132, 20), [(-0.36, 0.2 + offset), (0.0, 0.42 + offset), (0.3, 0.56 + offset * 0.7)], 0.05)
        brush.stroke((206, 132, 20), [(0.34, 0.2 + offset), (0.0, 0.42 + offset), (-0.3, 0.56 + offset * 0.7)], 0.05)


#: By deed of the recipe: dough, sauce, cheese, mushroom, olive, pineapple.
INGREDIENTS: Sequence[Callable[[Brush], None]] = (dough, sauce, cheese, mushroom, olive, pineapple)


def oven(brush: Brush, hot: bool = True) -> None:
    """A domed stone oven from the front; with ``hot`` it blazes, else its embers glow."""
    brush.shadow(0.0, 0.9, 1.12, 0.2, 110)
    dome = [*arc(0, 0.05, 0.98, 0.95, math.pi, math.tau), (0.98, 0.9), (-0.98, 0.9)]
    brush.shape((120, 70, 54), dome)
    brush.shape((188, 112, 82), [(0.955 * x, 0.955 * (y - 0.02)) for x, y in dome])
    _stones(brush)
    mouth = [*arc(0, 0.22, 0.62, 0.6, math.pi, math.tau), (0.62, 0.72), (-0.62, 0.72)]
    brush.shape((42, 28, 28), mouth)
    glow = 1.0 if hot else 0.5
    for step, colour in enumerate(((110, 34, 22), (168, 52, 24), (226, 96, 28))):
        share = 0.92 - 0.2 * step
        inner = [(share * x, 0.72 + share * glow * (y - 0.72)) for x, y in mouth]
        brush.shape(colour, inner)
    if hot:
        for x, high in ((-0.3, 0.5), (0.28, 0.54), (0.0, 0.74)):
            flame(brush.at(x, 0.68, high))
    for x in (-0.34, -0.05, 0.26):
        brush.oval((255, 182, 70) if hot else (214, 84, 30), x, 0.67, 0.17, 0.055)
    brush.box((96, 62, 52), -1.0, 0.7, 2.0, 0.2, 0.04)
    brush.box((226, 176, 132), -0.98, 0.7, 1.96, 0.08, 0.03)


def _stones(brush: Brush) -> None:
    """The ring of stones around the oven's mouth and a few joints in its dome."""
    ring = [*arc(0, 0.22, 0.8, 0.78, math.pi, math.tau), (0.8, 0.72), (-0.8, 0.72)]
    brush.shape((214, 148, 108), ring)
    for step in range(1, 8):
        angle = math.pi + step * math.pi / 8
        ends = [(r * math.cos(angle), 0.22 + r * math.sin(angle)) for r in (0.62, 0.7, 0.79)]
        brush.stroke((150, 92, 70), ends, 0.035)


def flame(brush: Brush) -> None:
    """A flame that stands on the origin, one unit high."""
    outer = [(-0.3, -0.2), (-0.26, -0.45), (-0.1, -0.62), (-0.04, -1.0), (0.2, -0.62), (0.3, -0.36), (0.3, -0.16)]
    for colour, share in ((FIRE, 1.0), ((255, 196, 66), 0.68), ((255, 242, 178), 0.36)):
        brush.shape(colour, [(share * x, share * y) for x, y in (*outer, *arc(0, -0.2, 0.3, 0.2, 0.0, math.pi))])


@functools.lru_cache(maxsize=8)
def glow(radius: int) -> pygame.Surface:
    """Warm light in a circle of so many pixels, as a sprite."""
    steps, side = 30, 2 * min(radius, 60)

    def paint(brush: Brush) -> None:
        for step in range(steps):
            brush.disc((255, 164, 60, 4), 1.0, 1.0, 1.0 - step / steps)

    return pygame.transform.smoothscale(sprite((side, side), side / 2, paint), (2 * radius, 2 * radius))


def bell(brush: Brush) -> None:
    """The bell one rings to serve."""
    brush.shadow(0.0, 0.56, 0.95, 0.22, 100)
    brush.box((96, 76, 66), -0.86, 0.42, 1.72, 0.2, 0.1)
    dome = [*arc(0, 0.38, 0.74, 0.78, math.pi, math.tau), (0.74, 0.44), (-0.74, 0.44)]
    brush.shape((190, 132, 34), dome)
    brush.shape(GOLD, [(0.94 * x - 0.02, 0.94 * (y - 0.44) + 0.42) for x, y in dome])
    brush.stroke((255, 232, 164), arc(0, 0.38, 0.52, 0.56, 3.5, 4.4), 0.1)
    brush.disc((190, 132, 34), 0, -0.48, 0.15)
    brush.disc(GOLD, -0.01, -0.5, 0.12)


def check(brush: Brush) -> None:
    """A check mark on a round patch: this one is already on the pizza."""
    brush.disc(PAPER, 0, 0, 1.0)
    brush.disc((72, 140, 92), 0, 0, 0.86)
    tick: list[Point] = [(-0.42, 0.02), (-0.12, 0.34), (0.44, -0.34)]
    brush.stroke(WHITE, tick[:2], 0.24)
    brush.stroke(WHITE, tick[1:], 0.24)


def board(brush: Brush) -> None:
    """The round slate board, with a handle, that the pizza lies on."""
    brush.shadow(0.03, 0.1, 1.1, 1.08, 120, (50, 26, 10))
    edge, face = blend(SLATE, (20, 30, 36), 0.35), blend(SLATE, WHITE, 0.06)
    for colour, grown, drop in ((edge, 0.0, 0.035), (face, -0.012, 0.0)):
        brush.box(colour, 0.8, -0.12 - grown + drop, 0.56 + grown, 0.24 + 2 * grown, 0.12)
        brush.disc(colour, 0, drop, 1.0 + grown)
    brush.disc(WOOD, 1.24, 0.0, 0.045)
    brush.ring(blend(SLATE, (20, 30, 36), 0.18), 0, 0, 0.94, 0.018)
    brush.ring(blend(SLATE, WHITE, 0.18), 0, 0, 0.975, 0.014)


def flour(brush: Brush) -> None:
    """A dusting of flour within one unit: what an empty board has on it."""
    for index in range(14):
        x, y = dishes.spot(index, 14, 0.5, 0.8)
        brush.at(x, y, 0.34, index).shadow(0, 0, 1.0, 0.8, 40, WHITE)
    for index in range(150):
        x, y = dishes.spot(index, 150, 0.8, 0.3)
        drift = 0.09 * math.sin(12.9 * index)
        brush.disc(faint(WHITE, round(170 * (1 - math.hypot(x, y)))), x + drift, y - drift, 0.005 + 0.002 * (index % 4))


def bricks(surface: pygame.Surface, corner: tuple[int, int], length: int) -> None:
    """A quiet wall all over the surface, its bricks ``length`` pixels long, one of them beginning at ``corner``."""
    surface.fill(WALL)
    course, joint = length / 2, max(1, length // 40)
    across, down = surface.get_width() // length + 3, 2 * (surface.get_height() // length + 3)
    for row, column in itertools.product(range(down), range(across)):
        x = corner[0] % length - length + (column - row % 2 / 2) * length
        y = corner[1] % length - length + row * course
        tone = blend(WALL, WHITE if (row * 5 + column * 3) % 4 else INK, 0.035 * ((row * 7 + column * 5) % 3))
        box = (round(x), round(y), length - joint, round(course) - joint)
        pygame.draw.rect(surface, tone, box, border_radius=length // 14)


def caption(surface: pygame.Surface, words: str, middle: tuple[int, int], height: int, widest: int) -> None:
    """Words on a strip of paper, ``height`` pixels high and at most ``widest`` wide; nothing where words do not fit."""
    picture = text(words, round(height * 0.64), widest - height, INK)
    if picture is not None:
        paper = _paper(picture.get_width() + height, height)
        stamp(surface, paper, paper.get_rect(center=middle).topleft)
        surface.blit(picture, picture.get_rect(center=middle))


@functools.lru_cache(maxsize=64)
def _paper(width: int, height: int) -> pygame.Surface:
    def paint(brush: Brush) -> None:
        brush.box((24, 20, 20, 80), 0.0, 0.06, width / height, 0.94, 0.3)
        brush.box(PAPER, 0.0, 0.0, width / height, 0.94, 0.3)

    return sprite((width, height), height, paint)
