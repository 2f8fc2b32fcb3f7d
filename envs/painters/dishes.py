"""The pizza itself, as both worlds show it: dough, sauce, cheese, toppings, and how long it was in the oven.

The bake level is told four times over, so that nobody needs to see colours to read it: it gets darker, it gets browning
spots, its crust gets blisters and then char, and it steams and then smokes.
"""

import functools
import math
from collections.abc import Sequence

import pygame

from hfrl.envs import recipe
from hfrl.envs.painters.brush import Brush, Colour, Point, arc, blend, faint, sprite, wobbly

# One colour for each of raw, pale, golden, crisp, burnt.
CRUST: Sequence[Colour] = ((246, 230, 198), (236, 203, 146), (216, 150, 70), (146, 84, 38), (50, 40, 37))
DOUGH: Sequence[Colour] = ((253, 242, 218), (245, 222, 174), (231, 184, 110), (178, 117, 62), (68, 55, 49))
SAUCE: Sequence[Colour] = ((226, 70, 48), (208, 60, 42), (186, 48, 32), (138, 36, 26), (88, 36, 30))
CHEESE: Sequence[Colour] = ((255, 232, 146), (250, 212, 112), (240, 182, 68), (200, 128, 50), (76, 56, 42))
#: How much of its own colour a topping keeps.
FRESH = (1.0, 0.94, 0.84, 0.62, 0.26)
CHAR: Colour = (34, 27, 26)
SPOTS = (0, 3, 9, 16, 20)
BLISTERS = (0, 3, 9, 16, 22)
#: A disc of fewer pixels across is drawn with fewer and larger pieces.
COARSE = 30
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
MARGIN = 1.06
"""Half the side of the sprite in radii of the pizza."""


def spot(index: int, count: int, radius: float, phase: float = 0.0) -> Point:
    """One of ``count`` places strewn evenly over a disc, as seeds in a sunflower."""
    distance = radius * math.sqrt((index + 0.5) / count)
    angle = index * GOLDEN_ANGLE + phase
    return distance * math.cos(angle), distance * math.sin(angle)


def baked(colour: Colour, bake: int) -> Colour:
    """What the oven makes of a topping's colour."""
    return blend(((150, 84, 36), (150, 84, 36), (150, 84, 36), (92, 46, 18), CHAR)[bake], colour, FRESH[bake])


def places(kind: int, coarse: bool) -> Sequence[Point]:
    """Where the pieces of one of the three toppings lie, so that all three find room and none is heaped."""
    # (radius, pieces, direction in which the kinds follow each other, turn): each ring stands on the gaps of the next.
    fine = ((0.19, 1, 1, 0.3 + 0.75 * math.pi), (0.44, 2, -1, 0.3 + 0.25 * math.pi), (0.67, 4, 1, 0.3))
    found = []
    for radius, each, way, turn in ((0.5, 3, 1, 0.3),) if coarse else fine:
        for piece in range(each):
            angle = math.tau * (piece + way * kind / 3) / each + turn
            jitter = 0.0 if coarse else 0.025 * math.sin(7.0 * piece + 3.0 * kind)
            found.append(((radius + jitter) * math.cos(angle), (radius + jitter) * math.sin(angle)))
    return found


@functools.lru_cache(maxsize=400)
def disc(across: int, pizza: int) -> pygame.Surface:
    """The pizza from above, ``across`` pixels wide, as a sprite a little wider; there must be dough."""
    side = round(across * MARGIN)
    return sprite((side, side), across / 2, lambda brush: paint(brush.at(MARGIN, MARGIN), pizza, across < COARSE))


def paint(brush: Brush, pizza: int, coarse: bool = False) -> None:
    """Paint the pizza around the brush's origin with a radius of one."""
    state = recipe.decode(pizza)
    bake = state.bake
    _paint_crust(brush, bake, coarse)
    if state.sauce:
        _paint_sauce(brush, bake)
    if state.cheese:
        _paint_cheese(brush, bake)
    _paint_spots(brush, bake, coarse, state.cheese)
    painters = (_paint_mushroom, _paint_olive, _paint_pineapple)
    for kind, there in enumerate(state[3:6]):
        for piece, (x, y) in enumerate(places(kind, coarse) if there else ()):
            painters[kind](brush.at(x, y, 0.27 if coarse else 0.165, 2.4 * piece + kind), bake)
    if bake == recipe.BURNT:
        _paint_cinders(brush)


def _paint_crust(brush: Brush, bake: int, coarse: bool) -> None:
    crust = CRUST[bake]
    brush.shape(blend(crust, (70, 40, 20), 0.28), wobbly(1.0, 0.022, 1.0))
    brush.at(-0.012, -0.016).shape(crust, wobbly(0.965, 0.022, 1.0))
    brush.at(-0.02, -0.028).shape(blend(crust, (255, 255, 255), 0.16), wobbly(0.925, 0.02, 1.0))
    brush.shape(crust, wobbly(0.885, 0.02, 1.0))
    brush.shape(blend(DOUGH[bake], (90, 50, 24), 0.22), wobbly(0.835, 0.014, 2.0))
    brush.at(0.006, 0.012).shape(DOUGH[bake], wobbly(0.815, 0.014, 2.0))
    blister = CHAR if bake >= recipe.CRISP else (160, 92, 40)
    for index in range(0 if coarse else BLISTERS[bake]):
        angle = index * GOLDEN_ANGLE * 1.7 + 0.4
        size = 0.028 + 0.022 * ((index * 7) % 5) / 4
        radius = 0.915 + 0.03 * math.sin(5.0 * index)
        place = brush.at(radius * math.cos(angle), radius * math.sin(angle), size, angle)
        place.oval(faint(blister, 200), 0, 0, 0.8, 1.7)


def _paint_sauce(brush: Brush, bake: int) -> None:
    sauce = SAUCE[bake]
    brush.shape(blend(sauce, (60, 0, 0), 0.25), wobbly(0.8, 0.05, 4.0))
    brush.shape(sauce, wobbly(0.775, 0.05, 4.0))
    for turn in (0.0, 2.1, 4.2):
        swirl = [(r * math.cos(turn + 2.6 * r), r * math.sin(turn + 2.6 * r)) for r in (0.2, 0.3, 0.4, 0.5, 0.6, 0.68)]
        brush.stroke(blend(sauce, (255, 170, 120), 0.22), swirl, 0.055)


def _paint_cheese(brush: Brush, bake: int) -> None:
    cheese = CHEESE[bake]
    if bake == recipe.RAW:  # still grated
        brush.shape(faint(blend(cheese, (226, 160, 60), 0.4), 190), wobbly(0.66, 0.13, 0.3))
        for index in range(120):
            x, y = spot(index, 120, 0.72, 1.3)
            tone = blend(cheese, (255, 252, 236), 0.42 * ((index * 5) % 3))
            brush.at(x, y, 1.0, index * 2.3).stroke(tone, [(-0.075, 0.012), (0.0, -0.016), (0.075, 0.012)], 0.048)
        return
    brush.shape(blend(cheese, (140, 70, 10), 0.28), wobbly(0.725, 0.085, 0.3))
    brush.at(-0.008, -0.014).shape(cheese, wobbly(0.705, 0.085, 0.3))
    for index in range(7):
        x, y = spot(index, 7, 0.56, 0.2)
        brush.at(x, y, 0.11, index).oval(
            blend(cheese, (255, 246, 205), (0.0, 0.45, 0.42, 0.24, 0.06)[bake]), 0, 0, 1.2, 0.75
        )


def _paint_spots(brush: Brush, bake: int, coarse: bool, cheese: bool) -> None:
    """Browning: few and light on a pale pizza, many and dark on a crisp one."""
    if coarse:
        return
    brown = (CHAR, (196, 128, 56), (176, 98, 34), (88, 44, 20), CHAR)[bake]
    for index in range(SPOTS[bake]):
        x, y = spot(index, SPOTS[bake], 0.64 if cheese else 0.72, 2.2)
        size = 0.04 + 0.03 * ((index * 3) % 4) / 3
        brush.at(x, y, size, index).oval(faint(brown, 130), 0, 0, 1.5, 1.1)
        brush.at(x, y, size, index).oval(faint(brown, 150), 0.1, 0, 0.9, 0.6)


def _paint_mushroom(brush: Brush, bake: int) -> None:
    """A slice: cap, stem and gills, two units wide."""
    rim, flesh, gill = (baked(colour, bake) for colour in ((128, 88, 60), (247, 234, 214), (168, 124, 92)))
    cap = [*arc(0, -0.1, 1.05, 0.95, math.pi, math.tau), (0.75, 0.22), (-0.75, 0.22)]
    brush.box(rim, -0.38, -0.1, 0.76, 1.1, 0.25)
    brush.shape(rim, cap)
    brush.box(flesh, -0.25, 0.0, 0.5, 0.86, 0.2)
    brush.shape(flesh, [*arc(0, -0.12, 0.84, 0.74, math.pi, math.tau), (0.5, 0.05), (-0.5, 0.05)])
    brush.stroke(gill, [(-0.55, -0.02), (0.0, -0.14), (0.55, -0.02)], 0.14)


def _paint_olive(brush: Brush, bake: int) -> None:
    """A ring of a dark olive, with a glint."""
    dark, glint = baked((46, 58, 42), bake), baked((128, 148, 104), bake)
    brush.ring(dark, 0, 0, 0.86, 0.5)
    brush.stroke(glint, arc(0, 0, 0.64, 0.64, 3.5, 4.7), 0.13)


def _paint_pineapple(brush: Brush, bake: int) -> None:
    """A chunk: a piece of a ring, lighter inside, with fibres."""
    rind, flesh, fibre = (baked(colour, bake) for colour in ((214, 140, 16), (255, 222, 60), (240, 178, 24)))
    wedge = [*arc(0, 0.95, 2.0, 2.0, -2.16, -0.98), *arc(0, 0.95, 0.55, 0.55, -0.98, -2.16)]
    inside = [*arc(0, 0.95, 1.78, 1.78, -2.05, -1.09), *arc(0, 0.95, 0.74, 0.74, -1.09, -2.05)]
    brush.shape(rind, wedge)
    brush.shape(flesh, inside)
    for angle in (-1.9, -1.57, -1.24):
        ends = [(r * math.cos(angle), 0.95 + r * math.sin(angle)) for r in (0.95, 1.25, 1.6)]
        brush.stroke(fibre, ends, 0.13)


def _paint_cinders(brush: Brush) -> None:
    """Charred patches, cracks and ash."""
    for index in range(6):
        x, y = spot(index, 6, 0.7, 4.4)
        brush.at(x, y, 0.2, index).shape(faint(CHAR, 150), wobbly(1.0, 0.35, index))
    for index in range(4):
        angle = 0.5 + index * 1.7
        radii = (0.3, 0.44, 0.58, 0.72, 0.9)
        crack = [
            (r * math.cos(angle + 0.05 * (-1) ** n), r * math.sin(angle + 0.05 * (-1) ** n))
            for n, r in enumerate(radii)
        ]
        brush.stroke((18, 14, 14), crack, 0.03, taper=True)
    for index in range(12):
        x, y = spot(index, 12, 0.86, 0.9)
        brush.disc(faint((176, 170, 166), 120), x, y, 0.016 + 0.008 * (index % 3))


def wisps(brush: Brush, bake: int) -> None:
    """Steam, or smoke, that rises from the origin: one unit high and about one wide."""
    for index, x in enumerate(((), (0.0,), (-0.42, 0.42), (-0.44, 0.0, 0.44), (-0.4, 0.0, 0.4))[bake]):
        high = 0.95 if x == 0 else 0.78
        steps = [step / 14 for step in range(15)]
        path = [(x + 0.07 * math.sin(5.5 * step + 1.5 * index), -high * step) for step in steps]
        if bake != recipe.BURNT:
            brush.stroke((240, 247, 250, 170), path, 0.1, taper=True)
            continue
        for step, (puff_x, puff_y) in zip(steps[:-2:2], path[:-2:2], strict=True):
            brush.disc((58, 54, 56, round(150 * (1 - step))), puff_x, puff_y, 0.05 + 0.1 * step)
