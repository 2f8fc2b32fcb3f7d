"""The teaching window: the world, and around it what a person needs to teach, drawn from a plain View.

Everything here draws and nothing here acts: no events are read, no display is opened, and the whole window is painted
anew in every frame from what is cached. Lengths are in pixels; a unit is a pixel at 960 x 640 and grows with the
window.
"""

import functools
import itertools
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import pygame

from hfrl import panel_heat
from hfrl import panel_parts as parts
from hfrl.envs.painters.brush import Colour, blend
from hfrl.panel_parts import (
    CREAM,
    GOLD,
    GREEN,
    GREY,
    HUMAN,
    INK,
    MUTED,
    NIGHT,
    PAPER,
    PENALTY,
    REWARD,
    SHADE,
    WALL,
    WHITE,
    WORLD,
    Pen,
    box,
    figure,
    frame,
    framed,
    label,
    number,
    put,
    rate,
    sign,
    tone,
    width,
)
from hfrl.view import Bar, Card, Notice, Slider, View

#: The window whose pixels are the units, and the smallest one that gets panels.
USUAL, SMALLEST = (960, 640), (480, 320)
#: For so long (seconds) a press tints the world.
ECHO_TIME = 0.15
MOST_BARS, MOST_POINTS = 8, 150
#: A line of a card with a column: the key, three spaces or more, what it does.
KEYED = re.compile(r"(\S.*?) {3,}(\S.*)")
ARROW_KEYS = {"up": "↑", "down": "↓", "left": "←", "right": "→"}
MODES: dict[str, Colour] = {"TEACHING": GREEN, "WATCHING": GREY, "PAUSED": GOLD, "YOU DRIVE": HUMAN}


class Layout(NamedTuple):
    """Where everything is in a window.

    ``world``, ``heat``, ``banner``, ``strip``, ``panel`` and ``legend`` lie side by side; ``hover`` lies in ``strip``;
    ``card``, ``bars``, ``curve`` and ``sliders`` lie in ``panel``. ``heat`` is empty where there is none.
    """

    world: pygame.Rect
    heat: pygame.Rect
    banner: pygame.Rect
    strip: pygame.Rect
    hover: pygame.Rect
    panel: pygame.Rect
    card: pygame.Rect
    bars: pygame.Rect
    curve: pygame.Rect
    sliders: tuple[pygame.Rect, ...]
    legend: pygame.Rect


# -- where things are


def _unit(size: tuple[int, int]) -> float:
    return min(size[0] / USUAL[0], size[1] / USUAL[1])


def layout(size: tuple[int, int], sliders: int, grid: tuple[int, int] | None = None) -> Layout:
    """Where everything is in a window of ``size`` (width, height) pixels with so many sliders.

    ``grid``: rows and columns of the map of values that shares the world's room; None for no map.
    """
    wide, high = size
    unit = _unit(size)
    gap, foot = max(1, round(8 * unit)), round(52 * unit)
    main = high - gap - foot
    strip_high = round(174 * unit)
    world_high = max(1, main - gap - strip_high)
    both = wide - 3 * gap
    # A wide window widens the panel too, but the world stays the largest.
    most = min(620 * unit, 0.97 * both * world_high / (world_high + max(1, main)))
    side = round(max(392 * unit, min(most, both - 1.4 * world_high)))
    world = pygame.Rect(gap, gap, max(1, wide - 3 * gap - side), world_high)
    strip = pygame.Rect(gap, world.bottom + gap, world.width, max(1, main - world.bottom - gap))
    edge, hover_high = round(10 * unit), max(1, round(26 * unit))
    hover = pygame.Rect(
        strip.left + edge, strip.bottom - hover_high - round(7 * unit), max(1, strip.width - 2 * edge), hover_high
    )
    banner = pygame.Rect(world.right + gap, gap, max(1, side), max(1, round(44 * unit)))
    panel = pygame.Rect(banner.left, banner.bottom + gap, banner.width, max(1, main - banner.bottom - gap))
    legend = pygame.Rect(gap, main + round(4 * unit), max(1, wide - 2 * gap), max(1, foot - round(6 * unit)))
    world, heat = panel_heat.split(world, unit, gap, grid)
    return Layout(world, heat, banner, strip, hover, panel, *_stack(panel, unit, gap, sliders), legend)


def _stack(
    panel: pygame.Rect, unit: float, gap: int, sliders: int
) -> tuple[pygame.Rect, pygame.Rect, pygame.Rect, tuple[pygame.Rect, ...]]:
    """The panel from top to bottom: update card, bars, curve, sliders. What is left over goes to bars and curve."""
    edge = round(6 * unit)
    row = min(19.5 * unit, 0.25 * panel.height / max(1, sliders))
    low = round(row * sliders) + 2 * edge + gap if sliders else 0
    spare = max(0.0, panel.height - low - 2 * gap - 384 * unit)
    card_high = max(1, round(114 * unit + min(40 * unit, 0.1 * spare)))
    bars_high = max(1, round(174 * unit + min(200 * unit, 0.4 * spare)))
    card = pygame.Rect(panel.left, panel.top, panel.width, card_high)
    bars = pygame.Rect(panel.left, card.bottom + gap, panel.width, bars_high)
    top = bars.bottom + gap
    curve = pygame.Rect(panel.left, top, panel.width, max(1, panel.bottom - low - top))
    first = panel.bottom - edge - round(row * sliders)
    rows = tuple(
        pygame.Rect(
            panel.left + edge,
            first + round(row * index),
            max(1, panel.width - 2 * edge),
            max(1, round(row * (index + 1)) - round(row * index)),
        )
        for index in range(sliders)
    )
    return card, bars, curve, rows


def hover_value(layout: Layout, position: tuple[int, int]) -> float | None:
    """The value in [-1, 1] under a mouse position (pixels), left to right; None outside the hover strip."""
    room = layout.hover
    if not room.collidepoint(position):
        return None
    return max(-1.0, min(1.0, 2.0 * (position[0] - room.left) / max(1, room.width - 1) - 1.0))


def slider_at(layout: Layout, view: View, position: tuple[int, int]) -> tuple[str, float] | None:
    """The name of the slider whose track is under a mouse position (pixels) and the value there; None elsewhere."""
    for room, slider in zip(layout.sliders, view.sliders, strict=False):
        track = slider_track(room)
        reach = room.height // 2
        if room.collidepoint(position) and track.left - reach <= position[0] <= track.right + reach:
            share = (position[0] - track.left) / max(1, track.width - 1)
            return slider.name, slider.low + (slider.high - slider.low) * max(0.0, min(1.0, share))
    return None


def slider_track(room: pygame.Rect) -> pygame.Rect:
    """Where the knob of a slider in this row runs, between name and value: where a drag may be held, in pixels."""
    left, right = room.left + round(0.33 * room.width), room.right - round(0.2 * room.width)
    high = max(2, room.height // 4)
    return pygame.Rect(left, room.centery - high // 2, max(1, right - left), high)


# -- the whole


def draw(surface: pygame.Surface, picture: pygame.Surface, view: View) -> None:
    """Draw the whole window.

    Args:
        surface: the window, any size; below 480 x 320 there is room only for the world.
        picture: the world, any size; scaled once and kept for as long as it is this very surface. A caller whose world
            changed brings a new surface.
        view: everything else.
    """
    size = surface.get_size()
    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1]:
        surface.fill(NIGHT)
        _draw_picture(surface, surface.get_rect(), picture)
        return
    grid = None if view.heat is None else view.heat.shape
    places = layout(size, len(view.sliders), grid)
    pen = Pen(surface, _unit(size))
    surface.blit(_backdrop(size, len(view.sliders), tuple(view.keys), grid), (0, 0))
    _draw_world(pen, places.world, picture, view)
    if view.heat is not None and places.heat.width:
        panel_heat.draw(pen, places.heat, view.heat, view.show_uncertainty)
    _draw_banner(pen, places.banner, view)
    _draw_strip(pen, places, view)
    _draw_card(pen, places.card, view.card)
    _draw_bars(pen, places.bars, view)
    _draw_curve(pen, places.curve, view)
    for room, slider in zip(places.sliders, view.sliders, strict=True):
        _draw_slider(pen, room, slider)
    if view.notice is not None:
        _draw_notice(pen, view.notice, view.keys)


@functools.lru_cache(maxsize=2)
def _backdrop(
    size: tuple[int, int], sliders: int, keys: tuple[tuple[str, str], ...], grid: tuple[int, int] | None
) -> pygame.Surface:
    """All that does not change from frame to frame: boxes, the hover strip, the legend of the keys."""
    surface = pygame.Surface(size, 0, 32)
    surface.fill(WALL)
    pen, places = Pen(surface, _unit(size)), layout(size, sliders, grid)
    corner = pen.long(8)
    surface.fill(NIGHT, places.world)
    for room in (places.strip, places.card, places.bars, places.curve):
        box(surface, room, PAPER, corner)
    if places.sliders:
        edge = pen.long(6)
        box(surface, places.sliders[0].unionall(list(places.sliders)).inflate(2 * edge, 2 * edge), PAPER, corner)
    _draw_hover(pen, places.hover)
    _draw_legend(pen, places.legend, keys)
    return surface


def _draw_hover(pen: Pen, room: pygame.Rect) -> None:
    """From all bad, vermillion, over neutral to all good, blue."""
    for x in range(room.width):
        share = 2 * x / max(1, room.width - 1) - 1
        colour = blend(SHADE, PENALTY if share < 0 else REWARD, min(1.0, abs(share) * 1.15))
        pen.surface.fill(colour, (room.left + x, room.top, 1, room.height))
    frame(pen.surface, room, INK, 1)
    pen.surface.fill(INK, (room.centerx, room.top, 1, pen.long(5)))
    pen.surface.fill(INK, (room.centerx, room.bottom - pen.long(5), 1, pen.long(5)))
    inner = room.inflate(-pen.long(16), -2)
    label(pen.surface, inner, "−1 bad", pen.long(15), WHITE)
    label(pen.surface, inner, "0", pen.long(15), INK, "middle")
    label(pen.surface, inner, "good +1", pen.long(15), WHITE, "right")


# -- the legend of the keys


def _draw_legend(pen: Pen, room: pygame.Rect, keys: Sequence[tuple[str, str]]) -> None:
    """The keys in two rows: in smaller letters if there are many, and the last ones left out if there are too many."""
    size = next((size for size in range(pen.long(15), pen.long(11), -1) if _rows(pen, room, keys, size) <= 2), 0)
    size = size or max(parts.SMALLEST, pen.long(11))
    high = room.height // 2
    left, top = room.left, room.top if _rows(pen, room, keys, size) > 1 else room.top + high // 2
    for key, deed in keys:
        wide = _entry_width(pen, key, deed, size)
        if left > room.left and left + wide > room.right:
            left, top = room.left, top + high
        if top + high > room.bottom + 1 or left + wide > room.right:
            return
        room_of_caps = pygame.Rect(left, top + pen.long(1), wide, high - pen.long(3))
        right = _draw_caps(pen, room_of_caps, key, size) + pen.long(5)
        put(pen.surface, deed, right, room_of_caps.centery - pen.long(1), size, PAPER)
        left += wide + pen.long(13)


def key_names(words: str) -> tuple[str, ...]:
    """The keys that words such as ``"up /"``, ``"1 2 3"`` or ``"space or tab"`` name, as they are printed on caps."""
    pieces = words.split(" or ") if " or " in words else words.split()
    names = tuple(ARROW_KEYS.get(piece.strip().lower(), piece.strip()) for piece in pieces)
    short = all(len(name) == 1 for name in names)
    return names if names and (short or " or " in words) else (words,)


def _draw_caps(pen: Pen, room: pygame.Rect, words: str, size: int) -> int:
    """One or several keys, as on a keyboard, from the left of the room; returns their right edge."""
    left = room.left
    for name in key_names(words):
        wide = min(_cap_width(pen, name, size), max(1, room.right - left))
        box(pen.surface, pygame.Rect(left, room.top, wide, room.height), NIGHT, pen.long(5))
        face = pygame.Rect(left, room.top, wide, room.height - pen.long(2))
        framed(pen.surface, face, PAPER, MUTED, pen.long(5))
        label(pen.surface, face, name, size, INK, "middle")
        left += wide + pen.long(3)
    return left - pen.long(3)


def _caps_width(pen: Pen, words: str, size: int) -> int:
    """The width of one or several keys on their caps."""
    names = key_names(words)
    return sum(_cap_width(pen, name, size) for name in names) + pen.long(3) * (len(names) - 1)


def _rows(pen: Pen, room: pygame.Rect, keys: Sequence[tuple[str, str]], size: int) -> int:
    """How many rows the keys take in letters of this size."""
    rows, left = 1, room.left
    for key, deed in keys:
        wide = _entry_width(pen, key, deed, size)
        if left > room.left and left + wide > room.right:
            rows, left = rows + 1, room.left
        left += wide + pen.long(13)
    return rows


def _cap_width(pen: Pen, key: str, size: int) -> int:
    return max(pen.long(22), width(key, size) + pen.long(11))


def _entry_width(pen: Pen, key: str, deed: str, size: int) -> int:
    return _caps_width(pen, key, size) + pen.long(5) + width(deed, size)


# -- the world


class _Scaled:
    """The last picture, scaled: one slot, for one window shows one world."""

    def __init__(self) -> None:
        self.source: pygame.Surface | None = None
        self.picture: pygame.Surface | None = None

    def take(self, source: pygame.Surface, size: tuple[int, int]) -> pygame.Surface:
        """The picture in this size."""
        if self.picture is None or self.source is not source or self.picture.get_size() != size:
            if source.get_bitsize() not in (24, 32):
                deeper = pygame.Surface(source.get_size(), 0, 32)
                deeper.blit(source, (0, 0))
                self.picture = pygame.transform.smoothscale(deeper, size)
            else:
                self.picture = pygame.transform.smoothscale(source, size)
            self.source = source
        return self.picture


_scaled = _Scaled()


def _draw_picture(surface: pygame.Surface, room: pygame.Rect, picture: pygame.Surface) -> pygame.Rect:
    """The picture as large as the room allows, in its middle, its aspect kept; returns where it is."""
    wide, high = picture.get_size()
    if not wide or not high or not room.width or not room.height:
        return room
    scale = min(room.width / wide, room.height / high)
    size = (max(1, min(room.width, round(scale * wide))), max(1, min(room.height, round(scale * high))))
    place = pygame.Rect((0, 0), size)
    place.center = room.center
    surface.blit(_scaled.take(picture, size), place)
    return place


def _draw_world(pen: Pen, room: pygame.Rect, picture: pygame.Surface, view: View) -> None:
    shown = _draw_picture(pen.surface, room, picture)
    if view.echo is not None and view.echo.age < ECHO_TIME:
        _draw_tint(pen, room, view.echo.value, shown.top + pen.long(60 if view.message else 24))
    if view.message:
        high = pen.long(34)
        place = pygame.Rect(room.left, shown.top + pen.long(16), room.width, high).clamp(room).inflate(-pen.long(24), 0)
        words, size = parts.fit(view.message, pen.long(18), place.width - pen.long(24))
        pill = pygame.Rect(0, 0, width(words, size) + pen.long(24), high)
        pill.center = place.center
        framed(pen.surface, pill, NIGHT, GOLD, pen.long(10), pen.long(2))
        label(pen.surface, pill, words, size, PAPER, "middle")
    if view.mode == "YOU DRIVE":
        frame(pen.surface, room, MODES[view.mode], pen.long(9))


@functools.lru_cache(maxsize=3)
def _veil(size: tuple[int, int], colour: Colour) -> pygame.Surface:
    veil = pygame.Surface(size, 0, 32)
    veil.fill(colour)
    veil.set_alpha(80)
    return veil


def _draw_tint(pen: Pen, room: pygame.Rect, value: float, top: int) -> None:
    """The answer to a press within one frame: a colour over the world, and, from ``top`` on, a big sign with its
    number."""
    colour = tone(value)
    pen.surface.blit(_veil(room.size, colour), room)
    frame(pen.surface, room, colour, pen.long(6))
    words, size = number(abs(value), 0 if value == round(value) else 2), pen.long(68)
    high = pen.long(100)
    words, size = parts.fit(words, size, max(1, room.width - high - pen.long(60)), parts.SMALLEST)
    badge = pygame.Rect(0, 0, high + width(words, size) + pen.long(28), high)
    badge.midtop = (room.centerx, top)
    badge.clamp_ip(room)
    framed(pen.surface, badge, colour, WHITE, high // 2, pen.long(5))
    _draw_sign(pen, value, (badge.left + high // 2 + pen.long(6), badge.centery), pen.long(58), WHITE)
    put(pen.surface, words, badge.left + high, badge.centery, size, WHITE)


def _draw_sign(pen: Pen, value: float, centre: tuple[int, int], size: int, colour: Colour) -> None:
    sign(pen.surface, "plus" if value > 0 else "minus" if value < 0 else "neutral", centre, size, colour)


# -- the banner


def _draw_banner(pen: Pen, room: pygame.Rect, view: View) -> None:
    """The mode in words, colour and shape, and the lamp that shows whether keys arrive."""
    colour = MODES.get(view.mode, GREY)
    ink = INK if colour == GOLD else WHITE
    box(pen.surface, room, colour, pen.long(8))
    high = room.height
    if view.mode in parts.SIGNS:
        sign(pen.surface, view.mode, (room.left + pen.long(28), room.centery), pen.long(32), ink)
    words = "keys arrive" if view.focused else "no keys: click here"
    wide = width(words, pen.long(15)) + pen.long(34)
    wide = min(wide, room.width // 2)
    lamp = pygame.Rect(room.right - wide - pen.long(8), room.top + pen.long(8), wide, high - 2 * pen.long(8))
    box(pen.surface, lamp, PAPER if view.focused else INK, lamp.height // 2)
    middle = (lamp.left + pen.long(14), lamp.centery)
    sign(pen.surface, "lamp" if view.focused else "dark lamp", middle, pen.long(17), GREEN if view.focused else GOLD)
    side = pygame.Rect(lamp.left + pen.long(26), lamp.top, lamp.width - pen.long(33), lamp.height)
    label(pen.surface, side, words, pen.long(15), INK if view.focused else GOLD, "middle")
    left = room.left + pen.long(52)
    name = pygame.Rect(left, room.top, max(1, lamp.left - left - pen.long(6)), high)
    label(pen.surface, name, view.mode, pen.long(27), ink)


# -- the strip below the world


def _draw_strip(pen: Pen, places: Layout, view: View) -> None:
    """What happens, what the last press did, what the person did so far, and how the agent learns."""
    strip, edge = places.strip, pen.long(10)
    top, free = strip.top + pen.long(6), places.hover.top - pen.long(3) - strip.top - pen.long(6)
    heights = (31, 46, 29, 23)
    rooms = []
    for high in heights:
        part = round(free * high / sum(heights))
        rooms.append(pygame.Rect(strip.left + edge, top, strip.width - 2 * edge, part))
        top += part
    _draw_deed(pen, rooms[0], view)
    _draw_echo(pen, rooms[1], view)
    _draw_counts(pen, rooms[2], view)
    _draw_rates(pen, rooms[3], view)


def _draw_deed(pen: Pen, room: pygame.Rect, view: View) -> None:
    """The action in words, large; where in the run it is; how fast it goes."""
    wanted, real = number(view.speed_wanted, 1), number(view.speed_real, 1)
    words = f"episode {view.episode} · step {view.step} · {real} of {wanted} steps/s"
    side = pygame.Rect(room.left, room.top, room.width * 3 // 5, room.height)
    side.right = room.right
    used = label(pen.surface, side, words, pen.long(15), MUTED, "right")
    high = room.height
    sign(pen.surface, "play", (room.left + high // 3, room.centery), high // 2, WORLD)
    left = room.left + high // 3 + pen.long(14)
    deed = pygame.Rect(left, room.top, max(1, used.left - left - pen.long(8)), high)
    label(pen.surface, deed, view.action, pen.long(24), INK)


def _draw_echo(pen: Pen, room: pygame.Rect, view: View) -> None:
    """The last press: its value, and in words whom it was credited to and what it changed; between presses what they
    say of the person."""
    if view.echo is None:
        _draw_between(pen, room, view)
        return
    echo, colour = view.echo, tone(view.echo.value)
    back = room.inflate(0, -pen.long(2))
    framed(pen.surface, back, blend(PAPER, colour, 0.12), colour, pen.long(8))
    badge = pygame.Rect(back.left, back.top, pen.long(96), back.height)
    box(pen.surface, badge, colour, pen.long(8))
    _draw_sign(pen, echo.value, (badge.left + pen.long(21), badge.centery), pen.long(24), WHITE)
    words = number(abs(echo.value), 0 if echo.value == round(echo.value) else 2)
    amount = pygame.Rect(badge.left + pen.long(36), badge.top, badge.width - pen.long(41), badge.height)
    figure(pen.surface, amount, words, pen.long(24), WHITE)
    side = pygame.Rect(badge.right + pen.long(9), back.top, back.right - badge.right - pen.long(16), back.height)
    side.inflate_ip(0, -pen.long(5))
    lines = [words for words in (echo.credited, echo.changed) if words]
    for index, words in enumerate(lines):
        high = side.height // len(lines)
        label(pen.surface, pygame.Rect(side.left, side.top + index * high, side.width, high), words, pen.long(15), INK)


def _draw_between(pen: Pen, room: pygame.Rect, view: View) -> None:
    """While no press is fresh: a warning, else what the person's presses say of them."""
    back = room.inflate(0, -pen.long(2))
    if view.warning:
        framed(pen.surface, back, blend(PAPER, PENALTY, 0.12), PENALTY, pen.long(8))
    else:
        framed(pen.surface, back, PAPER, SHADE, pen.long(8))
    told = f"you: {view.traits}" if view.traits else "what your feedback changes appears here"
    words, colour = (view.warning, INK) if view.warning else (told, MUTED)
    inside = back.inflate(-pen.long(20), -pen.long(5))
    lines = parts.wrapped(words, pen.long(15), inside.width)[:2]
    for index, line in enumerate(lines):
        high = inside.height // len(lines)
        label(
            pen.surface,
            pygame.Rect(inside.left, inside.top + index * high, inside.width, high),
            line,
            pen.long(15),
            colour,
        )


def _draw_counts(pen: Pen, room: pygame.Rect, view: View) -> None:
    """How often the person did what, how busy they are, and how strong the next press is."""
    counts = view.counts
    left, high = room.left, min(room.height - pen.long(4), pen.long(26))
    for name, count, colour in (
        ("plus", counts.rewards, REWARD),
        ("minus", counts.penalties, PENALTY),
        ("neutral", counts.neutral, GREY),
        ("back", counts.taken_back, INK),
    ):
        pill = pygame.Rect(left, room.centery - high // 2, pen.long(64), high)
        box(pen.surface, pill, colour, high // 2)
        sign(pen.surface, name, (pill.left + pen.long(14), pill.centery), pen.long(15), WHITE)
        words = pygame.Rect(pill.left + pen.long(25), pill.top, pill.width - pen.long(32), high)
        figure(pen.surface, words, str(count), pen.long(17), WHITE, "middle")
        left = pill.right + pen.long(6)
    side = pygame.Rect(left, room.top, room.right - left, room.height)
    pace = f"{number(counts.per_minute, 1)}/min"
    _draw_pairs(pen, side, (("", pace, INK), ("strength", number(view.strength, 1), INK)))


def _draw_rates(pen: Pen, room: pygame.Rect, view: View) -> None:
    """How the agent learns: epsilon, alpha, gamma, and how the person's word is blended in."""
    pairs = (
        ("ε", rate(view.epsilon), INK),
        ("α", rate(view.alpha), INK),
        ("γ", rate(view.gamma), INK),
        ("weight", rate(view.weight), HUMAN),
        ("blend", view.blend, HUMAN),
    )
    _draw_pairs(pen, room, pairs)


def _draw_pairs(pen: Pen, room: pygame.Rect, pairs: Sequence[tuple[str, str, Colour]]) -> None:
    """Names and values in a row; all in smaller letters where the row is short, the last one cut if need be."""
    size = pen.long(15)
    gap, step = pen.long(14), pen.long(5)

    def total(size: int) -> int:
        wide = sum(width(name, size) + width(value, size) + (step if name else 0) for name, value, _ in pairs)
        return wide + gap * (len(pairs) - 1)

    least = max(parts.SMALLEST, math.ceil(size * parts.LEAST))
    while size > least and total(size) > room.width:
        size -= 1
    left = room.left
    for name, value, colour in pairs:
        if name:
            left = put(pen.surface, name, left, room.centery, size, MUTED) + step
        rest = pygame.Rect(left, room.top, max(1, room.right - left), room.height)
        left = label(pen.surface, rest, value, size, colour).right + gap


# -- the update card


def _draw_card(pen: Pen, room: pygame.Rect, card: Card | None) -> None:
    """The last update: what the value was and is, and the target as a sum whose terms can be pointed at."""
    inner = room.inflate(-pen.long(20), -pen.long(12))
    title = pygame.Rect(inner.left, inner.top, inner.width, inner.height * 20 // 102)
    used = label(pen.surface, title, "last update", pen.long(15), MUTED)
    if card is None:
        label(pen.surface, inner, "nothing learnt yet", pen.long(17), MUTED, "middle")
        return
    name = pygame.Rect(used.right + pen.long(8), title.top, inner.right - used.right - pen.long(8), title.height)
    label(pen.surface, name, card.action, pen.long(15), INK)
    line = pygame.Rect(inner.left, title.bottom, inner.width, inner.height * 30 // 102)
    _draw_change(pen, line, card)
    top = line.bottom + pen.long(2)
    _draw_sum(pen, pygame.Rect(inner.left, top, inner.width, inner.bottom - top), card)


def _draw_change(pen: Pen, room: pygame.Rect, card: Card) -> None:
    """Q(s,a) before and after, and whether the episode ended here."""
    ended = "terminated" if card.terminated else "truncated: kept" if card.truncated else ""
    tag = pygame.Rect(room.right, 0, 0, min(room.height - pen.long(6), pen.long(28)))
    tag.centery = room.centery
    if ended:
        tag.width = width(ended, pen.long(15)) + pen.long(18)
        tag.right = room.right
        box(pen.surface, tag, PENALTY if card.terminated else WORLD, pen.long(6))
        label(pen.surface, tag, ended, pen.long(15), WHITE, "middle")
    size = pen.long(22)
    words = f"{card.letters}  {number(card.old)} → {number(card.new)}"
    side = pygame.Rect(room.left, room.top, tag.left - room.left - pen.long(6), room.height)
    figure(pen.surface, side, words, size, INK)


def _draw_sum(pen: Pen, room: pygame.Rect, card: Card) -> None:
    """target = r + human + gamma x what comes next: each term a tile with its name above its number. Where the agent
    hears no reward, its label stands in the place of r and human."""
    faded = card.terminated
    ahead = (f"{card.gamma:g} × {card.ahead}", card.bootstrap, 124, CREAM, blend(INK, CREAM, 0.45) if faded else INK)
    tiles: tuple[tuple[str, float, float, Colour, Colour], ...] = (
        ("target", card.target, 70, WORLD, WHITE),
        ("r", card.reward, 62, CREAM, INK),
        ("human", card.human, 66, HUMAN, WHITE),
        ahead,
    )
    if not card.hears_reward:
        heard = ("label", card.human, 128, HUMAN, WHITE)
        tiles = (tiles[0], heard, ahead) if card.ahead else (heard,)
    gap = pen.long(16)
    last = len(tiles) - 1
    scale = (room.width - last * gap) / sum(tile[2] for tile in tiles)
    size = pen.long(20)
    for _, value, share, _, _ in tiles:
        size = parts.fit(number(value), size, round(share * scale) - pen.long(9), parts.SMALLEST)[1]
    left = float(room.left)
    for index, (name, value, share, fill, ink) in enumerate(tiles):
        tile = pygame.Rect(round(left), room.top, round(share * scale), room.height)
        tile.width = min(tile.width, room.right - tile.left)
        box(pen.surface, tile, fill, pen.long(7))
        inner = tile.inflate(-pen.long(8), -pen.long(4))
        half = inner.height * 2 // 5
        label(pen.surface, pygame.Rect(inner.left, inner.top, inner.width, half), name, pen.long(15), ink, "middle")
        low = pygame.Rect(inner.left, inner.top + half, inner.width, inner.height - half)
        figure(pen.surface, low, number(value), size, ink, "middle")
        if index == last > 0 and faded:
            _strike(pen, tile)
        if index < last:
            between = pygame.Rect(tile.right, tile.top, gap, tile.height)
            label(pen.surface, between, "=" if index == 0 else "+", pen.long(20), INK, "middle")
        left += share * scale + gap


def _strike(pen: Pen, room: pygame.Rect) -> None:
    """A line through a term that counts for nothing."""
    thick = pen.long(3)
    inset = pen.long(6)
    ends = (room.left + inset, room.bottom - inset), (room.right - inset, room.top + inset)
    for shift in range(-thick, thick + 1):
        (x, y), (far_x, far_y) = ends
        pygame.draw.aaline(pen.surface, PENALTY, (x, y + shift / 2), (far_x, far_y + shift / 2))


# -- the bars


def best_bars(bars: Sequence[Bar]) -> list[Bar]:
    """The bars that are shown: all of them, or the eight with the highest Q (the chosen one among them), in order."""
    if len(bars) <= MOST_BARS:
        return list(bars)
    order = sorted(range(len(bars)), key=lambda index: (not bars[index].chosen, -bars[index].q))
    return [bars[index] for index in sorted(order[:MOST_BARS])]


def _largest(values: Sequence[float]) -> float:
    """The largest size of the numbers, 1 if there is none to divide by."""
    return max((abs(value) for value in values if math.isfinite(value)), default=0.0) or 1.0


def _draw_bars(pen: Pen, room: pygame.Rect, view: View) -> None:
    """For each action: Q as a bar, H as a thin one below it, how often it was judged; the chosen one on gold."""
    inner = room.inflate(-pen.long(12), -pen.long(8))
    head = pygame.Rect(inner.left, inner.top, inner.width, pen.long(20))
    bars = best_bars(view.bars)
    _draw_bars_head(pen, head, view, len(bars))
    body = pygame.Rect(inner.left, head.bottom, inner.width, inner.bottom - head.bottom)
    most_q, most_h = _largest([bar.q for bar in bars]), _largest([bar.h for bar in bars])
    high = min(body.height / max(1, len(bars)), 44 * pen.unit)
    if not bars:
        label(pen.surface, body, "this agent keeps no values of its actions", pen.long(15), MUTED, "middle")
    for index, bar in enumerate(bars):
        top = body.top + round(index * high)
        row = pygame.Rect(body.left, top, body.width, body.top + round((index + 1) * high) - top)
        _draw_bar(pen, row, bar, (most_q, most_h), view.show_uncertainty)


def _draw_bars_head(pen: Pen, room: pygame.Rect, view: View, shown: int) -> None:
    size = pen.long(15)
    dot, left = pen.long(12), room.left + pen.long(4)
    pen.surface.fill(WORLD, (left, room.centery - dot // 2, dot, dot))
    left = put(pen.surface, "Q: the agent", left + dot + pen.long(5), room.centery, size, WORLD) + pen.long(14)
    pen.surface.fill(HUMAN, (left, room.centery - dot // 4, dot, dot // 2))
    left = put(pen.surface, "H: you", left + dot + pen.long(5), room.centery, size, HUMAN) + pen.long(10)
    words = "judged" if shown == len(view.bars) else f"best {shown} of {len(view.bars)} · judged"
    side = pygame.Rect(left, room.top, max(1, room.right - left - pen.long(4)), room.height)
    label(pen.surface, side, words, size, MUTED, "right")


def _draw_bar(pen: Pen, row: pygame.Rect, bar: Bar, most: tuple[float, float], unsure: bool) -> None:
    if bar.chosen:
        box(pen.surface, row, GOLD, pen.long(5))
    size = min(pen.long(15 if row.height < 26 * pen.unit else 17), row.height)
    name = pygame.Rect(row.left + pen.long(5), row.top, round(0.3 * row.width), row.height)
    label(pen.surface, name, bar.action, size, INK)
    count = pygame.Rect(row.right - pen.long(52), row.top, pen.long(48), row.height)
    if unsure:
        _draw_dots(
            pen, pygame.Rect(count.left + pen.long(5), count.top, count.width - pen.long(5), count.height), bar.judged
        )
    else:
        words = f"{bar.judged}×" if bar.judged else "–"
        figure(pen.surface, count, words, size, HUMAN if bar.judged else MUTED, "right")
    amount = pygame.Rect(count.left - pen.long(64), row.top, pen.long(62), row.height)
    figure(pen.surface, amount, number(bar.q), size, INK, "right")
    left = name.right + pen.long(4)
    plot = pygame.Rect(left, row.top + 1, max(3, amount.left - left - pen.long(4)), row.height - 2)
    thin = max(2, plot.height // 4)
    thick = max(2, plot.height - thin - pen.long(4))
    top = plot.top + (plot.height - thin - thick - 1) // 2
    _draw_beam(pen, plot, (top, thick), bar.q / most[0], WORLD)
    _draw_beam(pen, plot, (top + thick + 1, thin), bar.h / most[1], HUMAN)
    pen.surface.fill(INK, (plot.centerx, row.top, 1, row.height))


def _draw_beam(pen: Pen, plot: pygame.Rect, span: tuple[int, int], share: float, colour: Colour) -> None:
    """A bar from the zero line in the middle to ``share`` (-1 to 1) of the half; ``span`` is its top and its height."""
    share = max(-1.0, min(1.0, share)) if math.isfinite(share) else 0.0
    long = round(abs(share) * (plot.width // 2))
    pen.surface.fill(colour, (plot.centerx - (long if share < 0 else 0), span[0], long, span[1]))


def _draw_dots(pen: Pen, room: pygame.Rect, judged: int) -> None:
    """How sure the model of the person can be: a dot for each judgement, up to five."""
    size = min(pen.long(8), room.width // 5)
    for index in range(5):
        centre = (room.left + index * room.width // 5 + size // 2 + 1, room.centery)
        sign(pen.surface, "dot" if index < judged else "hole", centre, size, HUMAN)


# -- the learning curve


def thinned(values: Sequence[float], most: int = MOST_POINTS) -> tuple[float, ...]:
    """At most so many numbers: the means of equally long stretches; what is not a number counts as 0."""
    known = tuple(values)
    if len(known) > most:
        step = math.ceil(len(known) / most)
        stretches = (known[start : start + step] for start in range(0, len(known), step))
        known = tuple(sum(stretch) / len(stretch) for stretch in stretches)
    return tuple(value if math.isfinite(value) else 0.0 for value in map(float, known))


def _draw_curve(pen: Pen, room: pygame.Rect, view: View) -> None:
    """The returns of this episode as two numbers, and the returns of the past episodes as two lines."""
    inner = room.inflate(-pen.long(16), -pen.long(8))
    high = min(pen.long(24), inner.height)
    half = inner.width // 2
    for index, (words, value, colour) in enumerate(
        (("world return", view.world_return, WORLD), ("human return", view.human_return, HUMAN))
    ):
        head = pygame.Rect(inner.left + index * half, inner.top, half - pen.long(4), high)
        _draw_key(pen, pygame.Rect(head.left, head.top, pen.long(22), high), colour, dashed=index == 1)
        left = put(pen.surface, words, head.left + pen.long(27), head.centery, pen.long(15), colour) + pen.long(5)
        rest = pygame.Rect(left, head.top, max(1, head.right - left), high)
        figure(pen.surface, rest, number(value), pen.long(19), colour)
    plot = pygame.Rect(inner.left, inner.top + high + pen.long(2), inner.width, inner.height - high - pen.long(2))
    if plot.height >= pen.long(14):
        lines = _curve(plot.size, round(pen.unit * 64), thinned(view.world_curve), thinned(view.human_curve))
        pen.surface.blit(lines, plot)


def _draw_key(pen: Pen, room: pygame.Rect, colour: Colour, dashed: bool) -> None:
    """A piece of the line that belongs to a word."""
    thick = pen.long(3)
    pieces = ((0, room.width),) if not dashed else ((0, room.width * 2 // 5), (room.width * 3 // 5, room.width))
    for start, end in pieces:
        pen.surface.fill(colour, (room.left + start, room.centery - thick // 2, end - start, thick))


@functools.lru_cache(maxsize=4)
def _curve(size: tuple[int, int], grain: int, world: tuple[float, ...], human: tuple[float, ...]) -> pygame.Surface:
    """Both lines in one picture; ``grain`` is 64ths of a pixel to the unit. Each has its own scale, written at its own
    side, and they share the zero line."""
    surface = pygame.Surface(size, 0, 32)
    surface.fill(PAPER)
    pen = Pen(surface, grain / 64)
    margin, room = pen.long(52), surface.get_rect()
    plot = pygame.Rect(margin, 2, max(4, room.width - 2 * margin), max(4, room.height - 4))
    surface.fill(CREAM, plot.inflate(4, 4))
    zero, scales = _common_zero(world, human)
    level = round(plot.bottom - 1 - zero * (plot.height - 1))
    surface.fill(MUTED, (plot.left, level, plot.width, 1))
    if not world and not human:
        label(surface, plot, "the curve begins after an episode", pen.long(15), MUTED, "middle")
        return surface
    for values, scale, colour, dash in (
        (human, scales[1], HUMAN, pen.long(5)),
        (world, scales[0], WORLD, 0),
    ):
        _draw_line(surface, _points(values, scale, zero, plot), (colour, dash, 0.8 * max(1.0, pen.unit)))
        side = pygame.Rect(0, 0, margin - pen.long(6), plot.height)
        side.left = plot.right + pen.long(6) if values is human else 0
        if values:
            _draw_scale(pen, side, level, (zero, scale), colour, "left" if values is human else "right")
    return surface


def _common_zero(world: Sequence[float], human: Sequence[float]) -> tuple[float, tuple[float, float]]:
    """Where zero is (the share of the height below it), and for each curve the span of the whole height."""
    ends = [(min(0.0, *values), max(0.0, *values)) if values else (0.0, 0.0) for values in (world, human)]
    below = [-low / (high - low) for low, high in ends if high > low]
    zero = (min(below) + max(below)) / 2 if below else 0.0
    spans = []
    for low, high in ends:
        spans.append(max(high / (1 - zero) if zero < 1 else 0.0, -low / zero if zero > 0 else 0.0) or 1.0)
    return zero, (spans[0], spans[1])


def _points(values: Sequence[float], scale: float, zero: float, plot: pygame.Rect) -> list[tuple[float, float]]:
    step = (plot.width - 1) / max(1, len(values) - 1)
    base = plot.bottom - 1 - zero * (plot.height - 1)
    return [(plot.left + index * step, base - value / scale * (plot.height - 1)) for index, value in enumerate(values)]


def _draw_line(surface: pygame.Surface, points: list[tuple[float, float]], style: tuple[Colour, int, float]) -> None:
    """A smooth line; the style is its colour, the length of its dashes (0: none) and half its thickness in pixels."""
    colour, dash, thick = style
    if len(points) == 1:
        surface.fill(colour, (points[0][0], points[0][1] - 1, 4, 3))
    pieces = _dashes(points, dash) if dash else [points]
    for shift in (-thick, 0.0, thick):
        for piece in pieces:
            if len(piece) > 1:
                pygame.draw.aalines(surface, colour, False, [(x, y + shift) for x, y in piece])


def _dashes(points: list[tuple[float, float]], dash: int) -> list[list[tuple[float, float]]]:
    """The pieces of a line in the first two of every three stretches of ``dash`` pixels from left to right."""
    pieces: list[list[tuple[float, float]]] = []
    for (x, y), (far_x, far_y) in itertools.pairwise(points):
        while x < far_x:
            stretch = math.floor((x - points[0][0]) / dash + 1e-9)
            end = min(far_x, points[0][0] + (stretch + 1) * dash)
            end_y = y + (far_y - y) * (end - x) / (far_x - x)
            if stretch % 3 < 2:
                if pieces and pieces[-1][-1] == (x, y):
                    pieces[-1].append((end, end_y))
                else:
                    pieces.append([(x, y), (end, end_y)])
            x, y = end, end_y
    return pieces


def _draw_scale(
    pen: Pen, side: pygame.Rect, level: int, axis: tuple[float, float], colour: Colour, align: parts.Align
) -> None:
    """The largest and the smallest number of an axis (its zero's share and its span), and zero if there is room."""
    zero, span = axis
    high = min(pen.long(15), max(1, side.height // 2))
    top = pygame.Rect(side.left, 0, side.width, high)
    low = pygame.Rect(side.left, pen.surface.get_height() - high, side.width, high)
    for room, value in ((top, span * (1 - zero)), (low, -span * zero)):
        figure(pen.surface, room, number(value, 1), pen.long(15), colour, align)
    middle = pygame.Rect(side.left, level - high // 2, side.width, high)
    if not middle.colliderect(top) and not middle.colliderect(low):
        label(pen.surface, middle, "0", pen.long(15), MUTED, align)


# -- the sliders


def _draw_slider(pen: Pen, room: pygame.Rect, slider: Slider) -> None:
    track, size = slider_track(room), min(pen.long(15), room.height)
    name = pygame.Rect(room.left + pen.long(5), room.top, track.left - room.left - pen.long(15), room.height)
    label(pen.surface, name, slider.name, size, INK)
    value = pygame.Rect(track.right + pen.long(10), room.top, room.right - track.right - pen.long(15), room.height)
    figure(pen.surface, value, rate(slider.value), size, INK, "right")
    span = slider.high - slider.low
    share = (slider.value - slider.low) / span if span > 0 and math.isfinite(slider.value) else 0.0
    at = track.left + round(max(0.0, min(1.0, share)) * (track.width - 1))
    box(pen.surface, track, SHADE, track.height // 2)
    box(
        pen.surface, pygame.Rect(track.left, track.top, max(1, at - track.left), track.height), WORLD, track.height // 2
    )
    sign(pen.surface, "knob", (at, track.centery), max(6, room.height * 3 // 4), GOLD)


# -- the cards over the whole window


class _Sheet(NamedTuple):
    """The text of a notice in one size: rows of (left column, words), and the lengths of its parts in pixels."""

    rows: list[tuple[str, str]]
    size: int
    wide: int
    edge: int
    column: int
    head: int
    proof: int
    foot: int

    @property
    def step(self) -> int:
        """From one row to the next."""
        return round(self.size * 1.5)

    @property
    def high(self) -> int:
        """The height of the card."""
        rows = sum(self.step if any(row) else self.step // 2 for row in self.rows)
        return 2 * self.edge + self.head + rows + self.proof + self.foot


def _sheet(pen: Pen, notice: Notice, scale: float) -> _Sheet:
    """The notice at a share of its usual size; a line's first words, up to three spaces, are a column of their own."""
    size, edge = max(parts.SMALLEST, round(18 * pen.unit * scale)), pen.long(24 * scale)
    wide = min(pen.surface.get_width() - pen.long(40), pen.long(680))
    lines = [(KEYED.fullmatch(line), line) for line in notice.lines]
    columns = [_caps_width(pen, match[1], size) for match, _ in lines if match]
    column = min(max(columns) + pen.long(14), wide // 2) if columns else 0
    rows: list[tuple[str, str]] = []
    for match, line in lines:
        room = wide - 2 * edge - (column if match else 0)
        pieces = parts.wrapped(match[2] if match else line, size, room)
        rows.append((match[1] if match else "", pieces[0]))
        rows.extend((" " if match else "", piece) for piece in pieces[1:])
    proof = 0 if notice.keys_arrived is None else pen.long(56 * scale)
    proof = proof if notice.flash is None else pen.long(150 * scale)
    foot = pen.long(36 * scale) if notice.footer else 0
    return _Sheet(rows, size, wide, edge, column, pen.long(50 * scale), proof, foot)


def _draw_notice(pen: Pen, notice: Notice, keys: Sequence[tuple[str, str]]) -> None:
    """A card over the dimmed window; its letters shrink until all lines are on it."""
    surface = pen.surface
    surface.fill((84, 92, 96), special_flags=pygame.BLEND_RGB_MULT)
    window, scale = surface.get_rect(), 1.0
    sheet = _sheet(pen, notice, scale)
    while sheet.high > window.height - pen.long(24) and sheet.size > parts.SMALLEST:
        scale *= 0.94
        sheet = _sheet(pen, notice, scale)
    card = pygame.Rect(0, 0, sheet.wide, min(sheet.high, window.height))
    card.center = window.center
    box(surface, card.move(0, pen.long(5)), NIGHT, pen.long(16))
    framed(surface, card, PAPER, GOLD, pen.long(16), pen.long(4))
    inner = card.inflate(-2 * sheet.edge, -2 * sheet.edge)
    title = pygame.Rect(inner.left, inner.top - sheet.edge // 4, inner.width, sheet.head)
    label(surface, title, notice.title, round(30 * pen.unit * scale), INK)
    top = inner.top + sheet.head
    known = {key for key, _ in keys}
    for left, words in sheet.rows:
        high = sheet.step if left or words else sheet.step // 2
        _draw_notice_row(pen, pygame.Rect(inner.left, top, inner.width, high), sheet, (left, words), known)
        top += high
    if notice.keys_arrived is not None:
        proof = pygame.Rect(inner.left, top + sheet.proof // 6, inner.width, sheet.proof * 5 // 6)
        _draw_key_box(pen, proof, notice.keys_arrived)
    if notice.flash is not None:
        light = pygame.Rect(inner.left, top + sheet.proof // 12, inner.width, sheet.proof * 5 // 6)
        _draw_light(pen, light, notice.flash)
    foot = pygame.Rect(inner.left, inner.bottom - sheet.foot + sheet.edge // 4, inner.width, sheet.foot)
    label(surface, foot, notice.footer, sheet.size, WORLD)


def _draw_notice_row(pen: Pen, room: pygame.Rect, sheet: _Sheet, row: tuple[str, str], keys: set[str]) -> None:
    """A line of text, or a key on its cap (other first words in a faint colour) and what it does."""
    first, words = row
    side = pygame.Rect(room.left, room.top, max(1, sheet.column - pen.long(14)), room.height)
    if first.strip() and (first in keys or all(len(name) == 1 for name in key_names(first))):
        side.height -= pen.long(3)
        _draw_caps(pen, side.move(0, pen.long(1)), first, sheet.size)
    else:
        label(pen.surface, side, first.strip(), sheet.size, MUTED)
    start = sheet.column if first else 0
    label(
        pen.surface, pygame.Rect(room.left + start, room.top, room.width - start, room.height), words, sheet.size, INK
    )


def _draw_light(pen: Pen, room: pygame.Rect, lit: bool) -> None:
    """The box of the reaction test: dark, or bright with a word in it."""
    framed(pen.surface, room, GOLD if lit else NIGHT, INK, pen.long(12), pen.long(4))
    words, size, ink = ("NOW", 64, INK) if lit else ("wait for it", 18, SHADE)
    label(pen.surface, room, words, pen.long(size), ink, "middle")


def _draw_key_box(pen: Pen, room: pygame.Rect, arrived: bool) -> None:
    """The box that proves that keys arrive: empty until one did."""
    framed(pen.surface, room, GREEN if arrived else CREAM, GREEN if arrived else MUTED, pen.long(8), pen.long(2))
    side = room.height - 2 * pen.long(8)
    tick = pygame.Rect(room.left + pen.long(12), room.top + pen.long(8), side, side)
    framed(pen.surface, tick, WHITE, INK, pen.long(4), pen.long(2))
    if arrived:
        sign(pen.surface, "check", tick.center, side * 3 // 4, GREEN)
    words = "keys arrive" if arrived else "press any key: keys arrive"
    side_room = pygame.Rect(tick.right + pen.long(12), room.top, room.right - tick.right - pen.long(20), room.height)
    label(pen.surface, side_room, words, pen.long(18), WHITE if arrived else INK)
