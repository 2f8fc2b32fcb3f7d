"""Pictures of a world in rows, for projecting: a contact sheet of episodes, a learning agent after so many steps."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hfrl.plot import RC, SMALL_POINTS, SMALL_TEXT

#: Inches of a figure's width, and between two pictures.
WIDTH, GAP = 14.4, 0.12
TITLE_POINTS, CAPTION_POINTS = 17, 13
#: Inches of a row's title, of a caption, and of the small print below.
TITLE, CAPTION, PRINT = 0.42, 0.34, 0.5


class Strip(NamedTuple):
    """Pictures that belong together: what stands over them, and each with what stands under it."""

    title: str
    pictures: Sequence[tuple[NDArray[np.uint8], str]]


def figure(strips: Sequence[Strip], across: int, command: str) -> Figure:
    """A row, or several, for each strip.

    Args:
        strips: at least one; all pictures have the same shape.
        across: pictures in a row, at most.
        command: the command line that repeats the figure, printed small at the bottom.
    """
    longest = max(len(strip.pictures) for strip in strips)
    across = math.ceil(longest / math.ceil(longest / across))  # rows of the same length
    shape = strips[0].pictures[0][0].shape
    width = (WIDTH - GAP * (across + 1)) / max(across, 4)  # few pictures are not blown up
    across_inches = across * width + GAP * (across + 1)
    high = width * shape[0] / shape[1]
    rows = [math.ceil(len(strip.pictures) / across) for strip in strips]
    height = sum(TITLE + count * (high + CAPTION) for count in rows) + PRINT
    with matplotlib.rc_context(RC):
        fig = Figure(figsize=(across_inches, height))
        FigureCanvasAgg(fig)
        top = height
        for strip, count in zip(strips, rows, strict=True):
            _title(fig, strip.title, top, across_inches, height)
            for place, (picture, caption) in enumerate(strip.pictures):
                row, column = divmod(place, across)
                left, bottom = GAP + column * (width + GAP), top - TITLE - row * (high + CAPTION) - high
                _picture(
                    fig, picture, caption, (left / across_inches, bottom / height, width / across_inches, high / height)
                )
            top -= TITLE + count * (high + CAPTION)
        room = int(across_inches * 72 / (0.6 * SMALL_POINTS))
        lines = textwrap.wrap(command, room, max_lines=2, placeholder=" …", break_on_hyphens=False)
        fig.text(0.5, PRINT / 2 / height, "\n".join(lines), fontdict=SMALL_TEXT, parse_math=False)
    return fig


def _title(fig: Figure, title: str, top: float, wide: float, height: float) -> None:
    fig.text(
        GAP / wide, (top - 0.5 * TITLE) / height, title, size=TITLE_POINTS, weight="bold", va="center", parse_math=False
    )  # fmt: skip


def _picture(fig: Figure, picture: NDArray[np.uint8], caption: str, place: tuple[float, float, float, float]) -> None:
    axes: Any = fig.add_axes(place, xticks=[], yticks=[])
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color("#b0b0b0")
    axes.imshow(picture, aspect="auto", interpolation="lanczos")
    axes.set_xlabel(caption, fontsize=CAPTION_POINTS, labelpad=3, parse_math=False)
