"""What the teaching window is made of: colours, letters, boxes and small signs; each is painted once and kept.

Sizes are in pixels; the size of letters is their height from the top of a ``d`` to the bottom of a ``g``.
"""

import functools
import math
import re
from typing import Literal, NamedTuple

import pygame

from hfrl.envs.painters.brush import Brush, Colour, arc, blend, sprite, stamp

Align = Literal["left", "middle", "right"]

INK: Colour = (52, 38, 32)
MUTED: Colour = (116, 98, 86)
PAPER: Colour = (255, 249, 236)
CREAM: Colour = (243, 232, 211)
SHADE: Colour = (226, 211, 184)
WHITE: Colour = (255, 255, 255)
WALL: Colour = (58, 84, 94)
NIGHT: Colour = (36, 54, 62)
GOLD: Colour = (240, 186, 66)
GREEN: Colour = (0, 128, 94)
GREY: Colour = (104, 110, 114)
#: Okabe and Ito's blue and vermillion: reward and penalty, told apart by colour-blind people and by their signs.
REWARD: Colour = (0, 114, 178)
PENALTY: Colour = (213, 94, 0)
#: The person's numbers, wherever they stand, and the world's and the agent's.
HUMAN: Colour = (158, 52, 122)
WORLD: Colour = (60, 100, 116)

#: A font of the size 22 has letters 15 pixels high.
FONT_SIZE = 22 / 15
#: Letters are written this many times too large and scaled down: small ones would snap to whole pixels.
FACTOR = 3
#: Letters without tails look centred this share of their size lower.
SINK = 0.06
#: No letters are written below this size; long words are made smaller down to this share, then cut.
SMALLEST, LEAST = 6, 0.72
ARROWS = {"→": 0.0, "↓": math.pi / 2, "←": math.pi, "↑": -math.pi / 2}
#: Digits and arrows are kept one by one, so that a changing number costs no writing.
RUNS = re.compile(r"[0-9→↓←↑]|[^0-9→↓←↑]+")

_fonts: dict[int, pygame.font.Font] = {}


class Pen(NamedTuple):
    """Where to draw, and how many pixels a unit has: a unit is a pixel in a window of 960 x 640."""

    surface: pygame.Surface
    unit: float

    def long(self, units: float) -> int:
        """A length in pixels, at least one."""
        return max(1, round(self.unit * units))


# -- letters


def _font(size: int) -> pygame.font.Font:
    """A font whose letters are FACTOR times ``size`` high; fonts die with pygame.quit(), which any world may call."""
    if not pygame.font.get_init():
        pygame.font.init()
        _fonts.clear()
    if size not in _fonts:
        if len(_fonts) >= 48:
            _fonts.clear()
        _fonts[size] = pygame.font.Font(None, round(FACTOR * size * FONT_SIZE))
    return _fonts[size]


def _written(run: str, size: int, colour: Colour) -> pygame.Surface:
    try:
        return _font(size).render(run, True, colour)
    except pygame.error:  # somebody quit the font module and began it again: these fonts are dead
        _fonts.clear()
    try:
        return _font(size).render(run, True, colour)
    except pygame.error:  # an accent alone: no letter, no width
        return pygame.Surface((1, 1), pygame.SRCALPHA, 32)


@functools.lru_cache(maxsize=2048)
def _advance(run: str, size: int) -> int:
    if run in ARROWS:
        return round(size * 0.9)
    return max(1, round(_written(run, size, INK).get_width() / FACTOR))


@functools.lru_cache(maxsize=1024)
def _glyph(run: str, size: int, colour: Colour) -> pygame.Surface:
    return _run_picture(run, size, colour)


@functools.lru_cache(maxsize=768)
def _phrase(run: str, size: int, colour: Colour) -> pygame.Surface:
    return _run_picture(run, size, colour)


def _run_picture(run: str, size: int, colour: Colour) -> pygame.Surface:
    if run in ARROWS:
        wide = _advance(run, size)
        return sprite((wide, size), wide / 2, lambda brush: _arrow(brush.at(1, size / wide, 0.8, ARROWS[run]), colour))
    large = _written(run, size, colour)
    width, height = _advance(run, size), max(1, round(large.get_height() / FACTOR))
    return pygame.transform.smoothscale(large.premul_alpha(), (width, height))


def _arrow(brush: Brush, colour: Colour) -> None:
    brush.stroke(colour, [(-0.8, 0.0), (0.5, 0.0)], 0.3)
    brush.shape(colour, [(0.2, -0.6), (1.0, 0.0), (0.2, 0.6)])


@functools.lru_cache(maxsize=512)
def _runs(words: str) -> tuple[str, ...]:
    return tuple(RUNS.findall("".join(letter if letter.isprintable() else " " for letter in words)))


def width(words: str, size: int) -> int:
    """How wide the words are."""
    return sum(_advance(run, size) for run in _runs(words))


def fit(words: str, size: int, room: int, least: int = 0) -> tuple[str, int]:
    """The words and the size that fit into a room this wide: smaller letters first, then fewer, ending in ``…``.

    ``least`` is the smallest size of the letters before any are left out; 0 is a fair share of ``size``.
    """
    wide = width(words, size)
    if wide <= room:
        return words, size
    least = least or max(SMALLEST, math.ceil(size * LEAST))
    smaller = max(least, math.floor(size * room / wide))
    while smaller > least and width(words, smaller) > room:
        smaller -= 1
    if width(words, smaller) <= room:
        return words, smaller
    return _cut(words, smaller, room), smaller


@functools.lru_cache(maxsize=256)
def _cut(words: str, size: int, room: int) -> str:
    while words and width(words + "…", size) > room:
        words = words[:-1].rstrip()
    return words + "…" if words else ""


def put(surface: pygame.Surface, words: str, left: int, middle: int, size: int, colour: Colour) -> int:
    """Write words with their left edge and their middle line there; returns their right edge."""
    if size < SMALLEST:
        return left
    middle += round(size * SINK)
    for run in _runs(words):
        picture = _glyph(run, size, colour) if len(run) == 1 else _phrase(run, size, colour)
        top = middle - picture.get_height() // 2
        surface.blit(picture, (left, top), special_flags=pygame.BLEND_PREMULTIPLIED)
        left += _advance(run, size)
    return left


def label(
    surface: pygame.Surface, room: pygame.Rect, words: str, size: int, colour: Colour, align: Align = "left"
) -> pygame.Rect:
    """Write words into a room and never beyond it; returns the part that they take."""
    words, size = fit(words, min(size, room.height), room.width)
    wide = width(words, size)
    left = room.left + {"left": 0, "middle": (room.width - wide) // 2, "right": room.width - wide}[align]
    put(surface, words, left, room.centery, size, colour)
    return pygame.Rect(left, room.top, wide, room.height)


def figure(
    surface: pygame.Surface, room: pygame.Rect, words: str, size: int, colour: Colour, align: Align = "left"
) -> pygame.Rect:
    """Write a number into a room: as small as it must be, for half a number is a wrong number."""
    return label(surface, room, words, fit(words, size, room.width, SMALLEST)[1], colour, align)


@functools.lru_cache(maxsize=512)
def wrapped(words: str, size: int, room: int) -> tuple[str, ...]:
    """The words in lines no wider than the room."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if lines[-1] and width(longer, size) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return tuple(lines)


# -- numbers


def number(value: float, places: int = 2) -> str:
    """A number with so many places, with a real minus sign and no minus zero."""
    if not math.isfinite(value):
        return f"{value:g}".replace("-", "−")
    words = f"{value:.{places}f}" if abs(value) < 1e5 else f"{value:.1e}"
    if words.startswith("-") and not any(digit in words for digit in "123456789"):
        words = words[1:]
    return words.replace("-", "−")


def rate(value: float) -> str:
    """A rate such as epsilon: two places, a third where it has one, more where it would read 0."""
    if 0 < abs(value) < 0.1:
        return f"{value:.2g}".replace("-", "−")
    return number(value, 3).removesuffix("0") if math.isfinite(value) else number(value)


def tone(value: float) -> Colour:
    """The colour of a judgement."""
    return REWARD if value > 0 else PENALTY if value < 0 else GREY


# -- boxes


@functools.lru_cache(maxsize=128)
def _disc(radius: int, colour: Colour) -> pygame.Surface:
    return sprite((2 * radius, 2 * radius), radius, lambda brush: brush.disc(colour, 1, 1, 1))


def box(surface: pygame.Surface, room: pygame.Rect, colour: Colour, corner: int) -> None:
    """A filled box with smooth round corners."""
    corner = min(corner, room.width // 2, room.height // 2)
    if corner < 1:
        surface.fill(colour, room)
        return
    disc = _disc(corner, colour)
    for right in (0, 1):
        for low in (0, 1):
            place = (room.right - corner if right else room.left, room.bottom - corner if low else room.top)
            quarter = (right * corner, low * corner, corner, corner)
            surface.blit(disc, place, quarter, special_flags=pygame.BLEND_PREMULTIPLIED)
    surface.fill(colour, (room.left + corner, room.top, room.width - 2 * corner, room.height))
    surface.fill(colour, (room.left, room.top + corner, room.width, room.height - 2 * corner))


def framed(
    surface: pygame.Surface, room: pygame.Rect, colour: Colour, line: Colour, corner: int, thick: int = 1
) -> None:
    """A filled box with a line around it, inside the room."""
    box(surface, room, line, corner)
    box(surface, room.inflate(-2 * thick, -2 * thick), colour, max(1, corner - thick))


def frame(surface: pygame.Surface, room: pygame.Rect, colour: Colour, thick: int) -> None:
    """Only the line, inside the room."""
    surface.fill(colour, (room.left, room.top, room.width, thick))
    surface.fill(colour, (room.left, room.bottom - thick, room.width, thick))
    surface.fill(colour, (room.left, room.top, thick, room.height))
    surface.fill(colour, (room.right - thick, room.top, thick, room.height))


# -- small signs


def sign(surface: pygame.Surface, name: str, centre: tuple[int, int], size: int, colour: Colour) -> None:
    """A small picture, ``size`` pixels wide and high, by its name in SIGNS."""
    picture = _sign(name, max(1, size), colour)
    stamp(surface, picture, picture.get_rect(center=centre).topleft)


@functools.lru_cache(maxsize=128)
def _sign(name: str, size: int, colour: Colour) -> pygame.Surface:
    return sprite((size, size), size / 2, lambda brush: SIGNS[name](brush.at(1, 1), colour))


# Every sign is painted in a frame whose origin is its middle and which reaches from -1 to 1.


def _plus(brush: Brush, colour: Colour) -> None:
    brush.box(colour, -0.8, -0.24, 1.6, 0.48, 0.12)
    brush.box(colour, -0.24, -0.8, 0.48, 1.6, 0.12)


def _minus(brush: Brush, colour: Colour) -> None:
    brush.box(colour, -0.8, -0.24, 1.6, 0.48, 0.12)


def _neutral(brush: Brush, colour: Colour) -> None:
    brush.ring(colour, 0, 0, 0.72, 0.36)


def _back(brush: Brush, colour: Colour) -> None:
    brush.stroke(colour, arc(0.08, 0.12, 0.56, 0.56, -2.2, 2.2), 0.3)
    brush.shape(colour, [(-0.9, -0.3), (-0.05, -0.9), (0.02, 0.12)])


def _teaching(brush: Brush, colour: Colour) -> None:
    """A speech bubble with a plus and a minus."""
    brush.box(colour, -0.95, -0.8, 1.9, 1.3, 0.35)
    brush.shape(colour, [(-0.5, 0.3), (0.1, 0.3), (-0.55, 0.95)])
    brush.box(GREEN, -0.68, -0.25, 0.6, 0.2, 0.05)
    brush.box(GREEN, -0.48, -0.45, 0.2, 0.6, 0.05)
    brush.box(GREEN, 0.12, -0.25, 0.56, 0.2, 0.05)


def _watching(brush: Brush, colour: Colour) -> None:
    """An eye."""
    lids = [*arc(0, 0.62, 1.12, 1.12, -math.pi + 0.55, -0.55), *arc(0, -0.62, 1.12, 1.12, 0.55, math.pi - 0.55)]
    brush.shape(colour, lids)
    brush.disc(GREY, 0, 0, 0.4)
    brush.disc(colour, 0.1, -0.1, 0.14)


def _paused(brush: Brush, colour: Colour) -> None:
    for left in (-0.7, 0.2):
        brush.box(colour, left, -0.8, 0.5, 1.6, 0.12)


def _driving(brush: Brush, colour: Colour) -> None:
    """A steering wheel."""
    brush.ring(colour, 0, 0, 0.95, 0.26)
    for turn in (0.0, math.tau / 3, 2 * math.tau / 3):
        brush.at(0, 0, 1.0, turn).box(colour, -0.12, 0.0, 0.24, 0.8, 0.0)
    brush.disc(colour, 0, 0, 0.28)


def _check(brush: Brush, colour: Colour) -> None:
    brush.stroke(colour, [(-0.65, 0.1), (-0.2, 0.6), (0.7, -0.6)], 0.34)


def _play(brush: Brush, colour: Colour) -> None:
    brush.shape(colour, [(-0.5, -0.75), (0.8, 0.0), (-0.5, 0.75)])


def _lamp(brush: Brush, colour: Colour) -> None:
    brush.disc(blend(colour, WHITE, 0.25), 0, 0, 1.0)
    brush.disc(colour, 0, 0, 0.78)
    brush.oval(blend(colour, WHITE, 0.7), -0.25, -0.3, 0.26, 0.2)


def _dark_lamp(brush: Brush, colour: Colour) -> None:
    brush.disc(colour, 0, 0, 1.0)
    brush.disc(blend(colour, NIGHT, 0.8), 0, 0, 0.72)
    brush.at(0, 0, 1.0, math.pi / 4).box(colour, -0.8, -0.12, 1.6, 0.24, 0.0)


def _diamond(brush: Brush, colour: Colour) -> None:
    brush.shape(WHITE, [(-1.0, 0), (0, -1.0), (1.0, 0), (0, 1.0)])
    brush.shape(colour, [(-0.72, 0), (0, -0.72), (0.72, 0), (0, 0.72)])


def _dot(brush: Brush, colour: Colour) -> None:
    brush.disc(colour, 0, 0, 0.95)


def _hole(brush: Brush, colour: Colour) -> None:
    brush.ring(colour, 0, 0, 0.95, 0.22)


def _knob(brush: Brush, colour: Colour) -> None:
    brush.disc(INK, 0, 0, 1.0)
    brush.disc(colour, 0, 0, 0.74)


SIGNS = {
    "plus": _plus,
    "minus": _minus,
    "neutral": _neutral,
    "back": _back,
    "TEACHING": _teaching,
    "WATCHING": _watching,
    "PAUSED": _paused,
    "YOU DRIVE": _driving,
    "check": _check,
    "play": _play,
    "lamp": _lamp,
    "dark lamp": _dark_lamp,
    "diamond": _diamond,
    "dot": _dot,
    "hole": _hole,
    "knob": _knob,
}
