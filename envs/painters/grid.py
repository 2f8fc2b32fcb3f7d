"""Paints the textbook's grids: floor, walls, start, goal, marked cells, notes below the columns, and the agent."""

from collections.abc import Sequence

import pygame

from hfrl.envs.painters.brush import Brush, arc, rounded, write

CELL = 64
FLOOR, WALL, LINE = (250, 246, 238), (92, 84, 80), (222, 212, 198)
START, GOAL, END = (198, 219, 239), (253, 208, 92), (205, 205, 205)
MARK, AGENT, FACE = (212, 234, 204), (0, 114, 178), (255, 255, 255)
INK = (60, 54, 50)
COLOURS = {"S": START, "G": GOAL, "T": END, "#": WALL, ".": FLOOR, "C": (90, 74, 66), "P": (140, 190, 214)}


def size(rows: Sequence[str], notes: Sequence[str] = ()) -> tuple[int, int]:
    """The picture's natural size in pixels."""
    return CELL * len(rows[0]), CELL * len(rows) + (CELL // 2 if notes else 0)


def draw(
    surface: pygame.Surface, rows: Sequence[str], agent: tuple[int, int] | None, notes: Sequence[str] = ()
) -> None:
    """Fill the surface with the map.

    Args:
        surface: of any size.
        rows: the map's letters.
        agent: row and column of the agent; None where it is nowhere.
        notes: one short text below each column.
    """
    width, height = surface.get_size()
    below = 0.5 if notes else 0.0
    unit = min(width / len(rows[0]), height / (len(rows) + below))
    left, top = (width - unit * len(rows[0])) / 2, (height - unit * (len(rows) + below)) / 2
    surface.fill(FLOOR)
    for r, row in enumerate(rows):
        for c, mark in enumerate(row):
            _draw_cell(surface, pygame.Rect(round(left + c * unit), round(top + r * unit), *_whole(unit)), mark)
    for c, note in enumerate(notes):
        if not note:
            continue
        middle = (round(left + (c + 0.5) * unit), round(top + (len(rows) + 0.25) * unit))
        write(surface, note, middle, round(unit * 0.3), round(unit), INK)
    if agent is not None:
        _draw_agent(Brush(surface, unit, (left + (agent[1] + 0.5) * unit, top + (agent[0] + 0.5) * unit)))


def _whole(unit: float) -> tuple[int, int]:
    return round(unit + 0.5), round(unit + 0.5)


def _draw_cell(surface: pygame.Surface, place: pygame.Rect, mark: str) -> None:
    pygame.draw.rect(surface, COLOURS.get(mark, MARK), place)
    pygame.draw.rect(surface, LINE, place, max(1, place.width // 48))
    if mark not in "#.C":
        write(surface, mark, place.center, place.height // 3, place.width, INK)


def _draw_agent(brush: Brush) -> None:
    """A round fellow with two eyes and a soft shadow."""
    brush.shape((0, 0, 0, 40), arc(0.02, 0.3, 0.26, 0.07))
    brush.shape(AGENT, arc(0.0, 0.0, 0.3, 0.3))
    for side in (-0.1, 0.1):
        brush.shape(FACE, arc(side, -0.06, 0.075, 0.09))
        brush.shape(INK, arc(side + 0.015, -0.05, 0.035, 0.045))
    brush.shape(FACE, rounded(-0.09, 0.11, 0.18, 0.035, 0.015))
