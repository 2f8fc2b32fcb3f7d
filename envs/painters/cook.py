"""The robot cook: a friendly head with a chef's hat, an apron, and arms that hold what it carries."""

import functools
import math

import pygame

from hfrl.envs.painters.brush import Brush, Colour, arc, sprite
from hfrl.envs.painters.pantry import TEAL, WHITE

STEEL: Colour = (204, 216, 222)
DARK_STEEL: Colour = (120, 140, 150)
VISOR: Colour = (38, 58, 68)
EYES: Colour = (120, 240, 230)
RED: Colour = (214, 66, 52)

HIGH = 1.5
"""The height of the cook in tiles: its hat reaches into the tile above."""
#: Where the cook's head is in its sprite, and half its width, in tiles.
HEAD = (0.5, 0.65, 0.3)
#: How far to the sides and down from the head its idle hands are, in half heads.
IDLE_HANDS = (1.3, 2.0)

# The frame: origin in the middle of the head, unit half the head's width; the hat reaches to y = -2.1.


def head(brush: Brush) -> None:
    """Head and hat."""
    for side in (-1, 1):
        brush.box(DARK_STEEL, side * 1.0 - 0.16, -0.3, 0.32, 0.6, 0.12)
        brush.disc(RED, side * 1.12, 0.0, 0.13)
    brush.box(DARK_STEEL, -1.0, -0.72, 2.0, 1.5, 0.42)
    brush.box(STEEL, -0.96, -0.72, 1.92, 1.42, 0.4)
    brush.box(VISOR, -0.78, -0.42, 1.56, 0.9, 0.32)
    for x in (-0.36, 0.36):
        brush.oval(EYES, x, -0.04, 0.17, 0.22)
        brush.disc(WHITE, x + 0.05, -0.12, 0.06)
        brush.oval((255, 138, 120, 150), x * 1.6, 0.28, 0.13, 0.07)
    brush.stroke(EYES, arc(0, 0.12, 0.2, 0.18, 0.35, math.pi - 0.35), 0.08)
    _hat(brush)


def _hat(brush: Brush) -> None:
    fold: Colour = (214, 220, 226)
    for colour, grown in ((fold, 0.05), (WHITE, 0.0)):
        for x, y, radius in ((-0.56, -1.42, 0.44), (0.56, -1.42, 0.44), (0.0, -1.62, 0.52)):
            brush.disc(colour, x, y, radius + grown)
        brush.box(colour, -0.68 - grown, -1.45, 1.36 + 2 * grown, 0.5, 0.1)
    for x in (-0.28, 0.28):
        brush.stroke(fold, [(x, -1.02), (x * 1.05, -1.2), (x * 1.2, -1.38)], 0.06)
    brush.box(fold, -0.76, -1.06, 1.52, 0.44, 0.12)
    brush.box(WHITE, -0.74, -1.08, 1.48, 0.38, 0.12)


def body(brush: Brush) -> None:
    """Neck, shoulders and apron, below the head, to y = 2.6."""
    brush.box(DARK_STEEL, -0.26, 0.6, 0.52, 0.4, 0.1)
    brush.box(DARK_STEEL, -0.98, 0.86, 1.96, 1.74, 0.5)
    brush.box(TEAL, -0.92, 0.88, 1.84, 1.68, 0.48)
    brush.box((244, 240, 232), -0.62, 1.12, 1.24, 1.42, 0.24)
    brush.shape(RED, [(-0.6, 0.84), (0.6, 0.84), (0.2, 1.14), (0.0, 1.34), (-0.2, 1.14)])
    brush.disc((170, 40, 34), 0.0, 1.02, 0.1)


def feet(brush: Brush) -> None:
    """Two feet on the floor and the shadow below them."""
    brush.shadow(0.0, 2.74, 1.25, 0.32, 150)
    for x in (-0.46, 0.46):
        brush.box(DARK_STEEL, x - 0.36, 2.42, 0.72, 0.36, 0.16)


def arms(brush: Brush, reach: float, drop: float) -> None:
    """Two arms whose hands are ``reach`` to the sides and ``drop`` below the head's middle."""
    for side in (-1, 1):
        path = [(side * 0.86, 1.16), (side * (reach * 0.55 + 0.62), 1.42), (side * reach, drop)]
        brush.stroke(DARK_STEEL, path, 0.3)
        brush.stroke(STEEL, path, 0.2)


def hands(brush: Brush, reach: float, drop: float) -> None:
    """The hands of :func:`arms`, in front of what they hold."""
    for side in (-1, 1):
        brush.disc(DARK_STEEL, side * reach, drop, 0.25)
        brush.disc(STEEL, side * reach - 0.02, drop - 0.03, 0.2)


def size(tile: int) -> tuple[int, int]:
    """Width and height in pixels of the sprite of a cook that stands on a tile of so many pixels."""
    return tile, max(1, round(tile * HIGH))


@functools.lru_cache(maxsize=16)
def standing(tile: int) -> pygame.Surface:
    """The cook with nothing in its hands, a tile wide and a little higher."""

    def paint(brush: Brush) -> None:
        frame = brush.at(*HEAD)
        feet(frame)
        body(frame)
        arms(frame, *IDLE_HANDS)
        hands(frame, *IDLE_HANDS)
        head(frame)

    return sprite(size(tile), tile, paint)
