"""Learning curves that can be projected in a lecture hall and traced back to the command that made them.

The only module that imports matplotlib, and it never touches pyplot: a figure is an object here, drawn by the Agg
canvas, so nothing opens a window, needs a display or leaves state behind.

One row of panels per world, one column per measure. An arm keeps its colour and its line style in every panel, so
the figure reads without colour too. The mean over seeds is the thick line, each seed a thin one, and the band is the
bootstrap interval of the mean (`hfrl.stats.bootstrap_band`), drawn from three seeds on.
"""

import io
import os
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hfrl.stats import FEWEST_RUNS, bootstrap_band

LineStyle = Literal["solid"] | tuple[int, tuple[float, ...]]
Numbers = npt.NDArray[np.integer[Any] | np.floating[Any]]

# Okabe and Ito (2008), "Color universal design", without the yellow, which is lost on a projected white page. The
# lengths of the two tuples have no common divisor, so a colour and a style meet again only after 42 arms.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES: tuple[LineStyle, ...] = (
    "solid",
    (0, (4, 1.5)),
    (0, (1.2, 1)),
    (0, (6, 1.2, 1.2, 1.2)),
    (0, (6, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (11, 1.5)),
)
MEAN_WIDTH = 3.0
SEED_WIDTH = 0.8

BEST = "best possible"
BEST_COLOUR = "#707070"
BEST_STYLE = (0, (3, 3))
BEST_WIDTH = 1.8

PANEL_INCHES = (5.6, 4.2)
DPI = 150
FONT_POINTS = 18
SMALL_POINTS = 11
HANDLE_LETTERS = 7
"""Room that a legend entry takes besides its text: the line it shows and the gaps, in letters."""
SMALL_TEXT = {"size": SMALL_POINTS, "color": "#707070", "ha": "center", "va": "center", "linespacing": 1.4}
RC: dict[Any, Any] = {
    "font.size": FONT_POINTS,
    "axes.titlesize": FONT_POINTS,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 1.2,
    "pdf.fonttype": 42,  # letters stay letters, so the text of a PDF can be searched
    "svg.hashsalt": "hfrl",  # the ids in an SVG are random otherwise
}

# The field of each format that holds the command, and the dates to leave out, so that the bytes repeat.
METADATA: dict[str, tuple[str, dict[str, None]]] = {
    "png": ("Description", {}),
    "svg": ("Description", {"Date": None}),
    "pdf": ("Subject", {"CreationDate": None}),
}


class Curve(NamedTuple):
    """One arm in one world, over S seeds and E evaluations."""

    label: str
    """The arm; the same label has the same colour and style in every world."""
    timesteps: Numbers
    """(E,), environment steps taken at each evaluation."""
    returns: Numbers
    """(S, E), automated return per episode."""
    tastes: Numbers | None
    """(S, E), hidden taste in [0, 1], or None in a world without one."""
    presses: Numbers
    """(S, E), presses of the person used so far."""
    optimal_return: float | None
    """Best possible automated return, if known."""
    optimal_taste: float | None
    """Best possible taste, if known."""
    title: str
    """The world's id; curves with the same title share a row."""


class Measure(NamedTuple):
    """One column of the figure."""

    ylabel: str
    values: Callable[[Curve], Numbers | None]
    best: Callable[[Curve], float | None]


RETURN = Measure("automated return\nper episode", lambda curve: curve.returns, lambda curve: curve.optimal_return)
TASTE = Measure("taste (0 to 1)", lambda curve: curve.tastes, lambda curve: curve.optimal_taste)
PRESSES = Measure("presses", lambda curve: curve.presses, lambda _curve: None)


def learning_curves(curves: Sequence[Curve], path: Path, command: str) -> Path:
    """Draw the curves and write them to `path`, with the command that made them.

    The command stands in small print under the figure and, in full, in the file's metadata: "Description" of a PNG
    or an SVG, "Subject" of a PDF. The file appears whole or not at all. The same curves and command give the same
    bytes. A missing folder is made.

    Args:
        curves: as for `figure`.
        path: ends in .png, .svg or .pdf, which decides the format.
        command: the command line that repeats the figure.

    Returns:
        `path`.

    Raises:
        ValueError: another suffix, or curves that `figure` refuses.
    """
    return save(lambda: figure(curves, command), path, command)


def save(draw: Callable[[], Figure], path: Path, command: str) -> Path:
    """Write a figure with the command that made it; see :func:`learning_curves` for what that means."""
    file_format = path.suffix.lower().removeprefix(".")
    if file_format not in METADATA:
        raise ValueError(f"{path.name}: the name of a figure must end in .png, .svg or .pdf")
    field, dates = METADATA[file_format]
    drawn = io.BytesIO()
    with matplotlib.rc_context(RC):
        draw().savefig(drawn, format=file_format, dpi=DPI, metadata={field: command, **dates})
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(drawn.getvalue())
    os.replace(unfinished, path)
    return path


def figure(curves: Sequence[Curve], command: str) -> Figure:
    """Draw the curves: a row per world, a column per measure, one legend under all of them.

    The columns are the automated return, the taste if any curve has one, and the presses if anyone pressed. A world
    without taste has no panel in that column.

    Args:
        curves: at least one; within one world each label once.
        command: the command line that repeats the figure, printed small at the bottom.

    Raises:
        ValueError: no curve, a label twice in one world, arrays whose shapes do not fit together, or a NaN.
    """
    check_curves(curves)
    worlds = list(dict.fromkeys(curve.title for curve in curves))
    arms = list(dict.fromkeys(curve.label for curve in curves))
    measures = _measures(curves)
    with matplotlib.rc_context(RC):
        fig = page(_legend_entries(curves, arms, measures), len(worlds), len(measures), _small_print(curves), command)
        lowest: dict[Measure, Axes] = {}
        for row, world in enumerate(worlds):
            here = [curve for curve in curves if curve.title == world]
            for column, measure in enumerate(measures, start=1):
                if all(measure.values(curve) is None for curve in here):
                    continue
                axes = fig.add_subplot(len(worlds), len(measures), row * len(measures) + column)
                _draw_panel(axes, here, arms, measure)
                lowest[measure] = axes
                if measure is RETURN:
                    axes.set_title(world, loc="left", parse_math=False)
        for axes in lowest.values():
            axes.set_xlabel("environment steps")
    return fig


def steps_label(steps: float, _position: int | None = None) -> str:
    """Write a number of steps for an axis: ``0``, ``500``, ``1.5k``, ``20k``, ``2M``.

    Args:
        steps: any number.
        _position: not used; matplotlib hands every formatter the index of the tick.
    """
    if abs(steps) >= 1e6:
        return f"{steps / 1e6:g}M"
    if abs(steps) >= 1e3:
        return f"{steps / 1e3:g}k"
    return f"{steps:g}"


def page(entries: Sequence[Line2D], rows: int, columns: int, meaning: str, command: str) -> Figure:
    """A figure without panels yet: the legend and the small print at the bottom, and room for the panels above."""
    width = PANEL_INCHES[0] * columns
    room = _letters(width, SMALL_POINTS)
    command_lines = textwrap.wrap(command, room, max_lines=2, placeholder=" …", break_on_hyphens=False)
    small_print = [*textwrap.wrap(meaning, room), *command_lines]
    fig = Figure(figsize=(width, PANEL_INCHES[1]))
    FigureCanvasAgg(fig)
    legend = _add_legend(fig, entries)
    print_inches = (1.5 * len(small_print) + 0.7) * SMALL_POINTS / 72
    legend_inches = legend.get_window_extent().height / fig.dpi + 0.5 * FONT_POINTS / 72
    height = PANEL_INCHES[1] * rows + legend_inches + print_inches
    fig.set_size_inches(width, height)
    fig.text(0.5, print_inches / height / 2, "\n".join(small_print), fontdict=SMALL_TEXT, parse_math=False)
    legend.set_bbox_to_anchor((0.5, print_inches / height))
    # The layout engine does not see free text and would push the legend onto it, so both are kept out of its area.
    legend.set_in_layout(False)
    below = (legend_inches + print_inches) / height
    fig.set_layout_engine(ConstrainedLayoutEngine(rect=(0, below, 1, 1 - below), w_pad=0.12, h_pad=0.1))
    return fig


def _draw_panel(axes: Axes, curves: Sequence[Curve], arms: Sequence[str], measure: Measure) -> None:
    for best in sorted({best for curve in curves if (best := measure.best(curve)) is not None}):
        axes.axhline(best, color=BEST_COLOUR, linestyle=BEST_STYLE, linewidth=BEST_WIDTH, label=BEST, zorder=1)
    for curve in curves:
        values = measure.values(curve)
        if values is not None:
            _draw_arm(axes, curve.label, curve.timesteps, values, arms.index(curve.label))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(steps_label))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=measure is PRESSES))
    axes.set_ylabel(measure.ylabel)
    axes.margins(x=0.02, y=0.08)
    axes.set_xlim(left=0)
    if measure is TASTE:
        axes.set_ylim(-0.03, 1.06)
    if measure is PRESSES:
        most = max(1.0, axes.dataLim.y1)  # a world where nobody pressed has no height of its own
        axes.set_ylim(-0.03 * most, 1.06 * most)


def _draw_arm(axes: Axes, label: str, timesteps: Numbers, values: Numbers, arm: int) -> None:
    """Draw the mean of `values` (S, E), its band, and each seed; a leading "_" keeps a line out of legends."""
    colour, style = look(arm)
    marker = "o" if len(timesteps) == 1 else ""  # a line through one point cannot be seen
    if len(values) > 1:
        for seed in values:
            axes.plot(
                timesteps, seed, label="_seed", color=colour, alpha=0.35, linewidth=SEED_WIDTH, marker=marker, zorder=2
            )
    band = bootstrap_band(values)
    if band is not None and len(timesteps) == 1:
        axes.vlines(timesteps, *band, color=colour, alpha=0.25, linewidth=3 * MEAN_WIDTH, zorder=3)
    elif band is not None:
        axes.fill_between(timesteps, *band, color=colour, alpha=0.25, linewidth=0, zorder=3)
    mean = values.mean(axis=0)
    axes.plot(
        timesteps, mean, label=label, color=colour, linestyle=style, linewidth=MEAN_WIDTH, marker=marker, zorder=4
    )


def look(arm: int) -> tuple[str, LineStyle]:
    """The colour and the line style of an arm, wherever it is drawn."""
    return COLOURS[arm % len(COLOURS)], STYLES[arm % len(STYLES)]


def _measures(curves: Sequence[Curve]) -> list[Measure]:
    taste = [TASTE] if any(curve.tastes is not None for curve in curves) else []
    presses = [PRESSES] if any(curve.presses.any() for curve in curves) else []
    return [RETURN, *taste, *presses]


def _legend_entries(curves: Sequence[Curve], arms: Sequence[str], measures: Sequence[Measure]) -> list[Line2D]:
    """One entry per arm, with its number of seeds, and one for the best possible where a panel shows it."""
    room = _letters(PANEL_INCHES[0] * len(measures), FONT_POINTS) - HANDLE_LETTERS
    entries = []
    for arm, label in enumerate(arms):
        seeds = sorted({len(curve.returns) for curve in curves if curve.label == label})
        text = textwrap.fill(f"{label} ({seeds_label(seeds[0], seeds[-1])})", room)
        colour, style = look(arm)
        entries.append(Line2D([], [], label=text, color=colour, linestyle=style, linewidth=MEAN_WIDTH))
    if any(measure.best(curve) is not None for measure in measures for curve in curves):
        entries.append(Line2D([], [], color=BEST_COLOUR, linestyle=BEST_STYLE, linewidth=BEST_WIDTH, label=BEST))
    return entries


def _add_legend(fig: Figure, entries: Sequence[Line2D]) -> Legend:
    """Add a legend with as many entries side by side as the figure is wide."""
    for columns in range(len(entries), 0, -1):
        legend = fig.legend(
            handles=entries,
            ncols=columns,
            loc="lower center",
            bbox_to_anchor=(0.5, 0),
            borderaxespad=0,
            handlelength=3,
            frameon=False,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        if columns == 1 or legend.get_window_extent().width <= 0.97 * fig.bbox.width:
            break
        legend.remove()
    return legend


def seeds_label(fewest: int, most: int) -> str:
    """``1 seed``, ``5 seeds``, ``5 to 7 seeds``."""
    if fewest != most:
        return f"{fewest} to {most} seeds"
    return "1 seed" if most == 1 else f"{most} seeds"


def _small_print(curves: Sequence[Curve]) -> str:
    """What the lines mean, where there are several seeds."""
    most = max(len(curve.returns) for curve in curves)
    if most == 1:
        return ""
    band = "; band: 95 % bootstrap interval" if most >= FEWEST_RUNS else ""
    return f"thick: mean of the seeds; thin: each seed{band}"


def _letters(width: float, points: float) -> int:
    """How many letters fit in `width` inches; 0.6 of the height is wide for a letter, so text never runs out."""
    return int(width * 72 / (0.6 * points))


def check_curves(curves: Sequence[Curve]) -> None:
    """There is something to draw, and it fits together. Raises ValueError."""
    if not curves:
        raise ValueError("no curves to draw")
    drawn = set()
    for curve in curves:
        name = f"{curve.label!r} in {curve.title!r}"
        if (curve.title, curve.label) in drawn:
            raise ValueError(f"two curves are called {name}")
        drawn.add((curve.title, curve.label))
        if curve.timesteps.ndim != 1 or not curve.timesteps.size:
            raise ValueError(f"{name}: timesteps must have shape (evaluations,), not {curve.timesteps.shape}")
        shape = (len(curve.returns), len(curve.timesteps))
        for values in (curve.returns, curve.tastes, curve.presses):
            if values is not None and (values.shape != shape or not shape[0]):
                raise ValueError(f"{name}: an array has shape {values.shape}, not (seeds, evaluations) = {shape}")
            if values is not None and not np.isfinite(values).all():
                raise ValueError(f"{name}: a NaN or an infinity among the values")
