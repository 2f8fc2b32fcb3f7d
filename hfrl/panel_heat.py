"""The map of values: every cell of a grid world in the colour of its best action's value, with an arrow to where it
goes.

The colours run from dark blue over grey to yellow (cividis): in this order for every kind of eye, and on a bad
projector. A cell is painted again only when its look has changed.
"""

import functools
import math
from typing import NamedTuple

import pygame

from hfrl import panel_parts as parts
from hfrl.envs.painters.brush import Brush, Colour, blend, sprite, stamp
from hfrl.panel_parts import (
    GOLD,
    HUMAN,
    INK,
    MUTED,
    NIGHT,
    PAPER,
    SHADE,
    WHITE,
    Pen,
    box,
    figure,
    frame,
    framed,
    label,
    number,
    put,
    width,
)
from hfrl.view import Heat, HeatCell

#: Cividis (Nunez, Anderton & Renslow 2018) from its fifth on: a lower end as dark as a wall would be read as one.
COLOURS: tuple[Colour, ...] = (
    (30, 62, 110), (66, 78, 108), (94, 98, 111), (124, 123, 120), (155, 147, 117), (188, 173, 107), (222, 202, 91),
    (254, 232, 69),
)  # fmt: skip
LEVELS = 64
#: Units: a map's smallest cell, and the smallest ones with arrows and with numbers. A map takes this share of the room.
LEAST_CELL, ARROW_CELL, NUMBER_CELL = 8, 13, 44
SHARE = 0.44
#: A map at least so much wider than high lies below its world.
WIDE = 2.0
HEAD, FOOT, EDGE = 24, 28, 8
TITLE, JUDGED = "what the agent expects", "times you judged here"
Moves = tuple[tuple[int, int], ...]
"""Ways to go, as (rows down, columns right)."""


class Look(NamedTuple):
    """All that decides how a cell is painted."""

    level: int | None
    moves: Moves
    ends: bool
    undecided: bool
    words: str
    judged: int
    here: bool


# -- where it is


def split(room: pygame.Rect, unit: float, gap: int, grid: tuple[int, int] | None) -> tuple[pygame.Rect, pygame.Rect]:
    """The world's room, cut into the world's part and the map's, in pixels; an empty one where the map is too small."""
    none = pygame.Rect(room.right, room.top, 0, 0)
    if grid is None:
        return room, none
    rows, columns = grid
    heat = room.copy()
    if columns >= WIDE * rows:
        high = _map_unit(room.width, room.height, unit, grid) * rows + round((HEAD + 4 + EDGE) * unit)
        heat.height = min(high, round(SHARE * room.height))
        heat.bottom = room.bottom
        world = pygame.Rect(room.left, room.top, room.width, room.height - heat.height - gap)
    else:
        heat.width = round(SHARE * room.width)
        heat.right = room.right
        world = pygame.Rect(room.left, room.top, room.width - heat.width - gap, room.height)
    if _plot(heat, unit, grid)[1] < LEAST_CELL:
        return room, none
    return world, heat


def _map_unit(wide: int, high: int, unit: float, grid: tuple[int, int]) -> int:
    """The width of a cell in a room, at most so large that one row is no wall."""
    return max(1, min(wide // grid[1], high // grid[0], round(72 * unit)))


def _plot(room: pygame.Rect, unit: float, grid: tuple[int, int]) -> tuple[pygame.Rect, int]:
    """Where the cells are in the panel, and the width of one, in pixels."""
    rows, columns = grid
    edge = max(1, round(EDGE * unit))
    foot = round(FOOT * unit) if _is_high(room) else 0
    free = room.inflate(-2 * edge, 0)
    free.top, free.height = room.top + round((HEAD + 4) * unit), room.height - round((HEAD + 4) * unit) - foot - edge
    cell = max(1, min(free.width // columns, free.height // rows))
    plot = pygame.Rect(0, 0, cell * columns, cell * rows)
    plot.midtop = free.midtop
    return plot, cell


def _is_high(room: pygame.Rect) -> bool:
    return room.height > room.width * 0.8


# -- the panel


class _Kept:
    """The map as it was painted last, and how each of its cells looked."""

    def __init__(self) -> None:
        self.surface: pygame.Surface | None = None
        self.looks: list[Look | None] = []
        self.source: tuple[Heat, bool, int, float] | None = None
        self.painted = 0

    def take(self, heat: Heat, unsure: bool, cell: int, pen: Pen) -> pygame.Surface:
        """The map with cells of so many pixels; only cells that look different are painted."""
        size = (cell * heat.columns, cell * heat.rows)
        if self.surface is None or self.surface.get_size() != size or len(self.looks) != len(heat.cells):
            self.surface, self.looks, self.source = pygame.Surface(size, 0, 32), [None] * len(heat.cells), None
        if self.source is not None and self.source[0] is heat and self.source[1:] == (unsure, cell, pen.unit):
            return self.surface
        self.source = heat, unsure, cell, pen.unit
        for index, look in enumerate(looks(heat, unsure, cell >= NUMBER_CELL * pen.unit)):
            if look != self.looks[index]:
                row, column = divmod(index, heat.columns)
                _paint(pen._replace(surface=self.surface), pygame.Rect(column * cell, row * cell, cell, cell), look)
                self.looks[index] = look
                self.painted += 1
        return self.surface


_kept = _Kept()


def draw(pen: Pen, room: pygame.Rect, heat: Heat, unsure: bool) -> None:
    """The panel: a headline, the cells, the scale of the colours; ``unsure`` adds how often each cell was judged."""
    box(pen.surface, room, PAPER, pen.long(8))
    plot, cell = _plot(room, pen.unit, heat.shape)
    head = pygame.Rect(room.left + pen.long(10), room.top + pen.long(3), room.width - pen.long(20), pen.long(HEAD))
    title = label(pen.surface, head, TITLE, pen.long(15), INK)
    if _is_high(room):
        foot = pygame.Rect(head.left, plot.bottom + pen.long(7), head.width, pen.long(16))
        _draw_scale(pen, foot, heat)
        _draw_legend(pen, foot, room.bottom - pen.long(6), legend(heat, unsure))
    else:
        left = max(title.right + pen.long(24), head.left + head.width // 2)
        scale = pygame.Rect(left, 0, max(1, head.right - left), pen.long(16))
        scale.centery = head.centery
        _draw_scale(pen, scale, heat)
    pen.surface.blit(_kept.take(heat, unsure, cell, pen), plot)
    if heat.here is not None:
        row, column = divmod(heat.here, heat.columns)
        here = pygame.Rect(plot.left + column * cell, plot.top + row * cell, cell, cell)
        thick = max(2, cell // 14)
        frame(pen.surface, here, INK, thick + 1)
        frame(pen.surface, here.inflate(-2, -2), GOLD, thick)


def legend(heat: Heat, unsure: bool) -> list[tuple[Moves, str]]:
    """What the signs in this map mean: the moves that are drawn as a sample, and the words."""
    chosen = [cell for cell in heat.cells if cell.moves]
    rows: list[tuple[Moves, str]] = [((), "colour: max Q(s,a)"), (((0, 1),), "best action, or several")]
    if any((0, 0) in cell.moves for cell in chosen):
        rows.append((((0, 0),), "best: one that stays"))
    if unsure:
        rows.append(((), JUDGED))
    if any(cell.undecided for cell in chosen):
        rows.append((((-1, 0), (0, 1), (1, 0), (0, -1)), "all actions alike"))
    if heat.layered:
        rows.append(((), "all else as it is now"))
    return rows


def _draw_legend(
    pen: Pen, above: pygame.Rect, bottom: int, rows: list[tuple[tuple[tuple[int, int], ...], str]]
) -> None:
    """A sample and its meaning in each row below ``above``, as many as there is room for."""
    high, side = pen.long(21), pen.long(17)
    top = above.bottom + pen.long(5)
    for moves, words in rows:
        if top + high > bottom:
            return
        row = pygame.Rect(above.left, top, above.width, high)
        sample = pygame.Rect(row.left, row.centery - side // 2, side, side)
        if moves:
            pen.surface.fill(SHADE, sample)
            stamp(pen.surface, _arrows(moves, side, MUTED if len(moves) > 1 else INK), sample.topleft)
        elif words == JUDGED:
            _paint_judged(pen, sample, 1)
        left = sample.right + pen.long(7) if moves or words == JUDGED else row.left
        label(pen.surface, pygame.Rect(left, top, row.right - left, high), words, pen.long(15), MUTED)
        top += high


def _draw_scale(pen: Pen, room: pygame.Rect, heat: Heat) -> None:
    """The colours with the least and the largest value at their ends."""
    span = _span(heat)
    ends = [number(value) for value in span] if span else ["", ""]
    size = pen.long(15)
    left = put(pen.surface, ends[0], room.left, room.centery, size, INK) + pen.long(6)
    right = room.right - width(ends[1], size)
    put(pen.surface, ends[1], right, room.centery, size, INK)
    bar = pygame.Rect(left, room.top + pen.long(2), max(1, right - pen.long(6) - left), room.height - pen.long(4))
    pen.surface.blit(_ramp(bar.size), bar)


@functools.lru_cache(maxsize=8)
def _ramp(size: tuple[int, int]) -> pygame.Surface:
    surface = pygame.Surface(size, 0, 32)
    for x in range(size[0]):
        surface.fill(colour_of(round((LEVELS - 1) * x / max(1, size[0] - 1))), (x, 0, 1, size[1]))
    return surface


# -- how cells look


def _span(heat: Heat) -> tuple[float, float] | None:
    """The least and the largest value of the cells in which something is chosen; None where there is none."""
    values = [
        cell.value for cell in heat.cells if cell.value is not None and not cell.ends and math.isfinite(cell.value)
    ]
    return (min(values), max(values)) if values else None


def looks(heat: Heat, unsure: bool, words: bool) -> list[Look]:
    """How each cell is painted: by colour levels, so that a change nobody can see costs nothing."""
    low, high = _span(heat) or (0.0, 0.0)
    return [_look(cell, (low, high - low), unsure, words, index == heat.here) for index, cell in enumerate(heat.cells)]


def _look(cell: HeatCell, scale: tuple[float, float], unsure: bool, words: bool, here: bool) -> Look:
    judged = cell.judged if unsure else 0
    if cell.value is None:
        return Look(None, (), False, False, "", 0, False)
    if cell.ends:
        return Look(None, (), True, False, "", 0, here)
    share = (cell.value - scale[0]) / scale[1] if scale[1] > 0 and math.isfinite(cell.value) else 0.5
    level = round((LEVELS - 1) * max(0.0, min(1.0, share)))
    return Look(level, cell.moves, False, cell.undecided, number(cell.value) if words else "", judged, here)


@functools.lru_cache(maxsize=LEVELS)
def colour_of(level: int) -> Colour:
    """The colour of a level from 0 to LEVELS - 1."""
    place = level / (LEVELS - 1) * (len(COLOURS) - 1)
    first = min(int(place), len(COLOURS) - 2)
    return blend(COLOURS[first], COLOURS[first + 1], place - first)


def _paint(pen: Pen, cell: pygame.Rect, look: Look) -> None:
    """One cell, with a line of paper around it where there is room for a line."""
    pen.surface.fill(PAPER, cell)
    line = int(cell.width >= ARROW_CELL)
    inner = pygame.Rect(cell.left, cell.top, cell.width - line, cell.height - line)
    if look.level is None:
        pen.surface.fill(SHADE if look.ends else NIGHT, inner)
        if look.ends:
            label(pen.surface, inner, "end", min(pen.long(15), cell.height * 2 // 5), MUTED, "middle")
        return
    pen.surface.fill(colour_of(look.level), inner)
    ink = INK if look.level > LEVELS * 0.55 else WHITE
    if look.words:
        words = pygame.Rect(inner.left + 2, 0, inner.width - 4, max(1, round(inner.height * 0.26)))
        words.bottom = inner.bottom - 1
        figure(pen.surface, words, look.words, words.height, ink, "middle")
        inner.height -= words.height
    if cell.width >= ARROW_CELL * pen.unit and look.moves:
        side = round(min(inner.width, inner.height) * 0.94)
        arrows = _arrows(look.moves, side, blend(ink, colour_of(look.level), 0.6) if look.undecided else ink)
        stamp(pen.surface, arrows, arrows.get_rect(center=inner.center).topleft)
    if look.judged:
        _paint_judged(pen, inner, look.judged)


def _paint_judged(pen: Pen, inner: pygame.Rect, judged: int) -> None:
    """How often the person judged here: a purple number in the corner."""
    high = max(9, min(pen.long(17), inner.height if inner.height < pen.long(18) else inner.height * 2 // 5))
    words, size = parts.fit(str(judged), high - 1, max(1, inner.width - high // 2), parts.SMALLEST)
    badge = pygame.Rect(0, 0, max(high, width(words, size) + high // 2), high)
    badge.topright = inner.topright
    framed(pen.surface, badge, HUMAN, WHITE, high // 2)
    label(pen.surface, badge, words, size, WHITE, "middle")


# -- arrows


@functools.lru_cache(maxsize=512)
def _arrows(moves: Moves, side: int, colour: Colour) -> pygame.Surface:
    """The best actions of a cell: one arrow across it, or several out of its middle; a dot goes nowhere."""
    return sprite((side, side), side / 2, lambda brush: _draw_moves(brush.at(1, 1), moves, colour))


def _draw_moves(brush: Brush, moves: Moves, colour: Colour) -> None:
    ways = [move for move in moves if move != (0, 0)]
    for down, right in ways:
        turned = brush.at(0, 0, 1.0, math.atan2(down, right))
        start, width = (-0.62, 0.2) if len(moves) == 1 else (0.3, 0.16)
        head = 0.42 if len(moves) == 1 else 0.3
        tip = 0.74 if len(moves) == 1 else 0.86
        turned.stroke(colour, [(start, 0.0), (tip - head, 0.0)], width)
        turned.shape(colour, [(tip - head - 0.04, -head * 0.86), (tip, 0.0), (tip - head - 0.04, head * 0.86)])
    if len(ways) < len(moves):
        brush.disc(colour, 0, 0, 0.26 if not ways else 0.2)
