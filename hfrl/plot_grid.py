"""Maps of what was learnt, for figures: a panel per run, a square per cell of its grid world.

Colours run from dark blue to yellow (cividis) and of differences from purple over white to orange (PuOr): both can be
told apart by every kind of eye. All panels of a figure share one scale. A wall is dark grey; a cell where an episode
ends says so.
"""

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Circle, Polygon, Rectangle

from hfrl.plot import RC, SMALL_POINTS, SMALL_TEXT, Numbers

WALL, END, LINE, INK = "#3a3a3a", "#ececec", "#ffffff", "#101010"
#: Inches of a cell at most, and of a panel's longer side; a cell below the last number shows no numbers.
CELL, PANEL, LEGIBLE = 1.15, 11.0, 0.5
STAY = (0, 0)
#: Two action values nearer than this are equally good: a mean over seeds rounds.
TIE = 1e-9
Point = tuple[float, float]


class Map(NamedTuple):
    """What is known of a grid world's cells.

    Attributes:
        title, note: what stands over the panel.
        shape: rows and columns.
        states: the state of each cell in reading order, None for a wall.
        ends: the states in which an episode is over.
        moves: action -> (rows down, columns right); (0, 0) for one that goes nowhere.
        values: (states, actions).
    """

    title: str
    note: str
    shape: tuple[int, int]
    states: tuple[int | None, ...]
    ends: frozenset[int]
    moves: tuple[tuple[int, int], ...]
    values: Numbers

    def open_states(self) -> list[int]:
        """The states in which something is chosen."""
        return [state for state in self.states if state is not None and state not in self.ends]


def values(maps: Sequence[Map], command: str) -> Figure:
    """Each cell in the colour of its best action's value, with arrows to where the best actions go.

    Args:
        maps: at least one.
        command: the command line that repeats the figure.
    """
    scale = _scale([one.values[one.open_states()].max(axis=1) for one in maps])

    def paint(axes: Axes, one: Map, unit: float) -> None:
        for cell, state in _cells(one):
            best = float(one.values[state].max())
            _square(axes, cell, _colour(scale, best))
            ink = _ink(_colour(scale, best))
            moves = _best_moves(one, state)
            number = unit >= LEGIBLE and not (len(moves) == 1 and moves[0] == STAY and unit < 0.7)
            _arrows(axes, cell, moves, ink, 0.12 if number else 0.0)
            if number:
                _number(axes, (cell[1], cell[0] + 0.33), best, ink, unit)

    return _figure(maps, command, "max Q(s, a)", scale, paint)


def triangles(maps: Sequence[Map], command: str, label: str) -> Figure:
    """Each cell cut into a wedge per direction, in the colour of that action; actions that stay are discs.

    Args:
        maps: at least one.
        command: the command line that repeats the figure.
        label: what the numbers are.
    """
    scale = _scale([one.values[one.open_states()] for one in maps])

    def paint(axes: Axes, one: Map, unit: float) -> None:
        wedged = unit >= 1.6 * LEGIBLE and len(one.moves) <= 6
        alone = one.moves.count(STAY) == 1
        for cell, state in _cells(one):
            for corners, middle, action in _wedges(one.moves, cell):
                value = float(one.values[state, action])
                colour = _colour(scale, value)
                shape = Polygon(corners, closed=True) if corners else Circle(middle, 0.15 if alone else 0.1)
                shape.set(facecolor=colour, edgecolor=LINE, linewidth=0.6)
                axes.add_patch(shape)
                if wedged and (corners or alone):
                    _number(axes, middle, value, _ink(colour), 0.72 * unit)
            axes.add_patch(Rectangle((cell[1] - 0.5, cell[0] - 0.5), 1, 1, fill=False, edgecolor=LINE, linewidth=1.6))

    return _figure(maps, command, label, scale, paint)


def difference(first: Map, second: Map, command: str) -> Figure:
    """The best values of the first run less those of the second; where they would act differently, both say how.

    Args:
        first, second: of one world.
        command: the command line that repeats the figure.
    """
    states = first.open_states()
    gaps = first.values.max(axis=1) - second.values.max(axis=1)
    most = float(np.abs(gaps[states]).max()) or 1.0
    scale = ScalarMappable(Normalize(-most, most), matplotlib.colormaps["PuOr_r"])

    def paint(axes: Axes, one: Map, unit: float) -> None:
        for cell, state in _cells(one):
            colour = _colour(scale, float(gaps[state]))
            _square(axes, cell, colour)
            mine, theirs = _best_moves(first, state), _best_moves(second, state)
            if unit >= LEGIBLE:
                _number(axes, (cell[1], cell[0] + 0.33), float(gaps[state]), _ink(colour), unit)
            if set(mine) != set(theirs):
                _arrows(axes, (cell[0], cell[1] - 0.24), mine, _ink(colour), 0.12, 0.15)
                _arrows(axes, (cell[0], cell[1] + 0.24), theirs, _ink(colour), 0.12, 0.15, filled=False)

    title = f"{first.title} ({first.note})\nless {second.title} ({second.note})"
    whole = first._replace(
        title=title, note="full arrow: the first; open arrow: the second, where they act differently"
    )
    return _figure([whole], command, "max Q, first less second", scale, paint)


# -- the page


def _figure(
    maps: Sequence[Map], command: str, label: str, scale: ScalarMappable, paint: Callable[[Axes, Map, float], None]
) -> Figure:
    """The panels side by side or, where they are wide, below one another; a colour bar and the command."""
    across = 1 if any(one.shape[1] > 7 for one in maps) else min(len(maps), 3)
    down = math.ceil(len(maps) / across)
    units = [min(CELL, PANEL / max(one.shape)) for one in maps]
    wide = max(max(unit * one.shape[1] for unit, one in zip(units, maps, strict=True)) + 0.5, 4.6)
    high = max(unit * one.shape[0] for unit, one in zip(units, maps, strict=True)) + 1.1
    with matplotlib.rc_context(RC):
        headroom = max(len(_title(one, wide)) for one in maps)
        above = 0.3 * headroom  # inches that the layout engine does not see: titles above notes
        height = high * down + 0.6 + above
        fig = Figure(figsize=(wide * across + 1.5, height))
        fig.set_layout_engine(ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - above / height), h_pad=0.1))
        FigureCanvasAgg(fig)
        panels = []
        for k, (one, unit) in enumerate(zip(maps, units, strict=True)):
            axes = fig.add_subplot(down, across, k + 1)
            _floor(axes, one, wide, headroom)
            paint(axes, one, unit)
            panels.append(axes)
        bar = fig.colorbar(scale, ax=panels, shrink=0.85, aspect=25, pad=0.02)
        bar.set_label(label, fontsize=14)
        bar.ax.tick_params(labelsize=12)
        lines = textwrap.wrap(command, max(20, int((wide * across + 1) * 72 / (0.6 * SMALL_POINTS))), max_lines=2)
        fig.supxlabel("\n".join(lines), fontsize=SMALL_POINTS, color=SMALL_TEXT["color"], parse_math=False)
    return fig


def _title(one: Map, wide: float) -> list[str]:
    """The title, in lines as long as a panel is wide in inches."""
    room = int(wide * 72 / (0.62 * 15))
    return [line for whole in one.title.split("\n") for line in textwrap.wrap(whole, room)]


def _floor(axes: Axes, one: Map, wide: float, headroom: int) -> None:
    rows, columns = one.shape
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    lines = _title(one, wide)
    title = "\n".join([" "] * (headroom - len(lines)) + lines)  # as high as the others': the layout looks at the first
    notes = "\n".join(textwrap.wrap(one.note, int(wide * 72 / (0.6 * 12))))
    axes.set_title(title, fontsize=15, loc="left", pad=8 + 14 * len(notes.split("\n")), parse_math=False)
    axes.annotate(
        notes, (0, 1), (0, 5), xycoords="axes fraction", textcoords="offset points", fontsize=12, color="#505050",
        parse_math=False,
    )  # fmt: skip
    for k, state in enumerate(one.states):
        cell = divmod(k, columns)
        if state is None:
            _square(axes, cell, WALL)
        elif state in one.ends:
            _square(axes, cell, END)
            axes.text(cell[1], cell[0], "end", ha="center", va="center", color="#707070", fontsize=11)


def _cells(one: Map) -> list[tuple[tuple[int, int], int]]:
    """(row, column) and state of every cell in which something is chosen."""
    return [
        (divmod(k, one.shape[1]), state)
        for k, state in enumerate(one.states)
        if state is not None and state not in one.ends
    ]


def _square(axes: Axes, cell: tuple[float, float], colour: Any) -> None:
    corner = cell[1] - 0.5, cell[0] - 0.5
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor=LINE, linewidth=1.2))


def _scale(arrays: Sequence[Numbers]) -> ScalarMappable:
    """Cividis from its darkest blue on, over all the numbers of a figure."""
    low, high = min(float(a.min()) for a in arrays), max(float(a.max()) for a in arrays)
    colours: Colormap = ListedColormap(matplotlib.colormaps["cividis"](np.linspace(0.12, 1, 256)))
    return ScalarMappable(Normalize(low, high if high > low else low + 1), colours)


def _colour(scale: ScalarMappable, value: float) -> Any:
    """Red, green, blue and opacity, each within [0, 1]."""
    return scale.to_rgba(np.array(value))


def _ink(colour: Any) -> str:
    """Black on bright colours, white on dark ones (relative luminance, ITU-R BT.709)."""
    bright = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]
    return INK if bright > 0.45 else "white"


def _number(axes: Axes, at: Point, value: float, ink: str, unit: float) -> None:
    text = "0" if abs(value) < 5e-4 else f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"
    axes.text(*at, text, ha="center", va="center", color=ink, fontsize=max(6.0, 13 * min(1.0, unit)))


# -- arrows and wedges


def _best_moves(one: Map, state: int) -> list[tuple[int, int]]:
    """Where the best actions go, each way once; none where all actions are equally good."""
    row = one.values[state]
    best = [action for action in range(len(row)) if row[action] >= row.max() - TIE]
    return [] if len(best) == len(row) > 1 else list(dict.fromkeys(one.moves[action] for action in best))


def _arrows(
    axes: Axes,
    cell: tuple[float, float],
    moves: Sequence[tuple[int, int]],
    ink: str,
    raised: float,
    half: float = 0.27,
    filled: bool = True,
) -> None:
    row, column = cell[0] - raised, cell[1]
    for down, right in moves:
        if (down, right) == STAY:
            axes.add_patch(Circle((column, row), 0.09, facecolor=ink if filled else "none", edgecolor=ink, zorder=3))
            continue
        length = half / math.hypot(down, right)
        if len(moves) == 1:  # centred; several start together in the middle
            start, end = (column - length * right, row - length * down), (column + length * right, row + length * down)
        else:
            start, end = (column, row), (column + 1.2 * length * right, row + 1.2 * length * down)
        style = "-|>" if filled else "->"
        arrow = {"arrowstyle": f"{style},head_width=0.28,head_length=0.4", "color": ink, "lw": 1.8, "shrinkA": 0}
        axes.annotate("", end, start, arrowprops=arrow | {"shrinkB": 0, "mutation_scale": 16})


def _wedges(moves: Sequence[tuple[int, int]], cell: tuple[int, int]) -> list[tuple[list[Point] | None, Point, int]]:
    """For each action its corners (None: a disc) and the middle of its number, in a cell."""
    row, column = cell
    eight = any(down and right for down, right in moves)
    still = [action for action, move in enumerate(moves) if move == STAY]
    found: list[tuple[list[Point] | None, Point, int]] = []
    for action, (down, right) in enumerate(moves):
        if (down, right) == STAY:
            continue
        edge = _edge(down, right, eight)
        corners = [(column, row), *((column + x, row + y) for x, y in edge)]
        long = 0.36 / max(abs(down), abs(right))
        found.append((corners, (column + long * right, row + long * down), action))
    for k, action in enumerate(still):  # discs lie upon the wedges
        found.append((None, (column + 0.22 * (k - (len(still) - 1) / 2), row), action))
    return found


def _edge(down: int, right: int, eight: bool) -> list[Point]:
    """The part of a cell's edge, from its middle, that a direction owns."""
    near = 0.5 * math.tan(math.pi / 8)
    if down and right:
        return [(0.5 * right, near * down), (0.5 * right, 0.5 * down), (near * right, 0.5 * down)]
    half = near if eight else 0.5
    if down:
        return [(-half, 0.5 * down), (half, 0.5 * down)]
    return [(0.5 * right, -half), (0.5 * right, half)]
