"""The figures of ``reproduce``: curves and tables of numbers, drawn with matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hfrl.plot import save
from hfrl.reproduce import Panel

#: Okabe and Ito's colours, which colour-blind people can tell apart; dashes tell them apart in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
DASHES: Sequence[Any] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))


def draw(title: str, panels: Sequence[Panel], path: Path, command: str) -> Path:
    """Draw the panels side by side and write the picture with its command; see :func:`hfrl.plot.save`."""
    figure = Figure(figsize=(6.4 * len(panels), 4.6), layout="constrained")
    figure.suptitle(title, fontsize=14)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _draw_table(axes, panel) if panel.cells else _draw_lines(axes, panel)
    return save(lambda: figure, path, command)


def _draw_lines(axes: Axes, panel: Panel) -> None:
    for k, line in enumerate(panel.lines):
        axes.plot(
            line.x, line.y, label=line.label, color=COLOURS[k % 8], linestyle=DASHES[k // 8 % 8], linewidth=2,
            marker="o" if len(line.x) <= 12 else None, markersize=4,
        )  # fmt: skip
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    if panel.log_x:
        axes.set_xscale("log", base=2)
    if panel.y_limits:
        axes.set_ylim(*panel.y_limits)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(panel.lines) > 1:
        axes.legend(frameon=False, fontsize=9)


def _draw_table(axes: Axes, panel: Panel) -> None:
    axes.imshow(panel.cells, cmap="cividis")
    low, high = min(map(min, panel.cells)), max(map(max, panel.cells))
    for r, row in enumerate(panel.cells):
        for c, value in enumerate(row):
            bright = value > (low + high) / 2
            axes.text(
                c,
                r,
                f"{value:.2f}" if panel.rows else f"{value:.1f}",
                ha="center",
                va="center",
                color="black" if bright else "white",
            )
    axes.set(title=panel.title, xticks=[], yticks=[], xlabel=panel.x_label, ylabel=panel.y_label)
    if panel.rows:
        axes.set_yticks(range(len(panel.rows)), [name.replace("_", " ") for name in panel.rows])
        axes.set_xticks(range(len(panel.columns)), [name.replace("_", " ") for name in panel.columns], rotation=20)
