"""Figures of the suite: the ranking with intervals, a radar per method, gain against presses."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hfrl.plot import COLOURS, STYLES, save

PLAIN_COLOUR = "#707070"
FAINT = "#c4c4c4"
#: So many methods have a colour of their own in a figure of curves; the others are drawn faint.
COLOURED = 6
RADARS_IN_A_ROW = 5
SMALL = 11


class Bar(NamedTuple):
    """A method in the ranking: its score with an interval, and the score of its agents alone."""

    name: str
    score: float
    low: float | None
    high: float | None
    alone: float


class Gain(NamedTuple):
    """A method in a world: (E,) presses used, and the attainment it is ahead of no feedback by, at the same step."""

    name: str
    presses: npt.NDArray[np.float64]
    ahead: npt.NDArray[np.float64]


def ranking(bars: Sequence[Bar], plain: str, path: Path, command: str) -> Path:
    """The methods from the best down: the score with its interval (filled), and of the agents alone (hollow)."""

    def draw() -> Figure:
        fig = _figure(9.0, 1.6 + 0.42 * len(bars))
        axes = fig.add_subplot()
        for row, bar in enumerate(reversed(bars)):
            colour = PLAIN_COLOUR if bar.name == plain else COLOURS[0]
            if bar.low is not None and bar.high is not None:
                axes.plot([bar.low, bar.high], [row, row], color=colour, linewidth=3, solid_capstyle="butt")
            axes.plot([bar.score], [row], "o", color=colour, markersize=9)
            axes.plot([bar.alone], [row], "o", color=colour, markersize=9, fillstyle="none", zorder=1)
            if bar.name == plain:
                axes.axvline(bar.score, color=PLAIN_COLOUR, linestyle=(0, (3, 3)), linewidth=1.5, zorder=0)
        axes.set_yticks(range(len(bars)), [bar.name for bar in reversed(bars)], fontsize=13, parse_math=False)
        axes.set_xlabel("score (filled: with H in the policy; hollow: the agent alone)", fontsize=13)
        axes.tick_params(axis="x", labelsize=13)
        axes.grid(axis="x", color="#e4e4e4")
        axes.set_axisbelow(True)
        return fig

    return save(draw, path, command)


def radars(
    scores: Mapping[str, Mapping[str, float]], plain: str, conditions: Sequence[str], path: Path, command: str
) -> Path:
    """A radar per method: its score under every person; the dashed polygon is no feedback under the same."""

    def draw() -> Figure:
        shown = [name for name in scores if name != plain]
        rows = math.ceil(len(shown) / RADARS_IN_A_ROW)
        fig = _figure(3.1 * min(RADARS_IN_A_ROW, len(shown)), 3.6 * rows)
        most = max(value for one in scores.values() for value in one.values())
        for place, name in enumerate(shown, start=1):
            axes = fig.add_subplot(rows, min(RADARS_IN_A_ROW, len(shown)), place, projection="polar")
            _radar(axes, scores[name], scores[plain], conditions, most)
            axes.set_title(textwrap.fill(name.replace("_", " "), 22), fontsize=13, pad=22)
        return fig

    return save(draw, path, command)


def _radar(
    axes: Axes, own: Mapping[str, float], plain: Mapping[str, float], conditions: Sequence[str], most: float
) -> None:
    angles = np.linspace(0, 2 * np.pi, len(conditions), endpoint=False)
    round_ = np.append(angles, angles[0])
    for values, colour, style, fill in ((plain, PLAIN_COLOUR, (0, (3, 2)), 0.0), (own, COLOURS[0], "solid", 0.2)):
        ring = [values[name] for name in (*conditions, conditions[0])]
        axes.plot(round_, ring, color=colour, linestyle=style, linewidth=2)
        if fill:
            axes.fill(round_, ring, color=colour, alpha=fill, linewidth=0)
    axes.set_xticks(angles, conditions, fontsize=9)
    axes.set_ylim(0, most)
    axes.set_yticks([25, 50, 75] if most > 75 else [25, 50])
    axes.tick_params(axis="y", labelsize=7, labelcolor="#909090")
    axes.grid(color="#dddddd", linewidth=0.8)


def gains(panels: Mapping[str, Sequence[Gain]], order: Sequence[str], path: Path, command: str) -> Path:
    """A panel per world: how far each method is ahead of no feedback, against the presses it has used.

    Args:
        panels: by world.
        order: the methods from the best down; the first ones are coloured.
        path, command: see :func:`hfrl.plot.save`.
    """

    def draw() -> Figure:
        columns = min(3, len(panels))
        rows = math.ceil(len(panels) / columns)
        fig = _figure(5.2 * columns, 3.9 * rows + 1.4)
        for place, (world, curves) in enumerate(panels.items(), start=1):
            axes = fig.add_subplot(rows, columns, place)
            axes.axhline(0, color=PLAIN_COLOUR, linestyle=(0, (3, 3)), linewidth=1.5)
            for gain in sorted(curves, key=lambda one: -order.index(one.name)):
                rank = order.index(gain.name)
                colour, style = (COLOURS[rank], STYLES[rank % len(STYLES)]) if rank < COLOURED else (FAINT, "solid")
                width = 2.4 if rank < COLOURED else 1.0
                axes.plot(gain.presses, gain.ahead, color=colour, linestyle=style, linewidth=width, label=gain.name)
            axes.set_title(world, loc="left", fontsize=14, parse_math=False)
            axes.set_xscale("symlog", linthresh=10)
            axes.set_xlabel("presses used", fontsize=12)
            axes.set_ylabel("attainment ahead\nof no feedback", fontsize=12)
            axes.tick_params(labelsize=11)
        shown = {
            label: handle
            for axes in fig.axes
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
            if order.index(label) < COLOURED
        }
        handles = [shown[name] for name in order if name in shown]  # a method need not be in every world
        legend = fig.legend(handles=handles, loc="outside lower center", ncols=columns, fontsize=12, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
        return fig

    return save(draw, path, command)


def _figure(width: float, height: float) -> Figure:
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig
