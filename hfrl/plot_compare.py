"""Arms side by side as few seeds allow it: Agarwal et al. (2021), "Deep reinforcement learning at the edge of the
statistical precipice", a row of panels per world.

Sample efficiency (the interquartile mean over seeds at each evaluation, with its bootstrap band and every seed thin),
the interquartile mean at the end with its interval and every seed as a dot, the performance profile (the share of runs
that score at least so much), and the probability that a run of an arm beats one of the first arm.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hfrl import stats
from hfrl.plot import MEAN_WIDTH, SEED_WIDTH, Curve, Numbers, check_curves, look, page, save, seeds_label, steps_label

COLUMNS = 4
PROFILE_POINTS = 201
TASTE = ", hidden taste"
#: How far apart the dots of equal scores stand, as a share of a row.
SPREAD = 0.32
MEANING = (
    "thick: interquartile mean (IQM) of the seeds; thin lines and dots: each seed; bands and bars: 95 % bootstrap "
    "intervals; rows are in the legend's order; right: the probability that a run beats a run of the first arm"
)


def comparison(curves: Sequence[Curve], path: Path, command: str) -> Path:
    """Draw the figure and write it with its command; see `hfrl.plot.learning_curves` for formats and errors."""
    return save(lambda: figure(curves, command), path, command)


def figure(curves: Sequence[Curve], command: str) -> Figure:
    """A row per world, and one for its taste where it has one; four panels each, one legend under all of them.

    Args:
        curves: at least one; within one world each label once.
        command: the command line that repeats the figure.

    Raises:
        ValueError: as `hfrl.plot.figure`.
    """
    check_curves(curves)
    curves = [*curves, *(_tasting(curve, curve.tastes) for curve in curves if curve.tastes is not None)]
    worlds = list(dict.fromkeys(curve.title for curve in curves))
    arms = list(dict.fromkeys(curve.label for curve in curves))
    entries = [_entry(curves, label, arm) for arm, label in enumerate(arms)]
    fig = page(entries, len(worlds), COLUMNS, MEANING, command)
    for row, world in enumerate(worlds):
        here = [curve for curve in curves if curve.title == world]
        panels = [fig.add_subplot(len(worlds), COLUMNS, row * COLUMNS + place + 1) for place in range(COLUMNS)]
        for axes, draw in zip(panels, (_efficiency, _ends, _profiles, _improvements), strict=True):
            draw(axes, here, [arms.index(curve.label) for curve in here])
        panels[0].set_title(world, loc="left", parse_math=False)
    return fig


def _tasting(curve: Curve, tastes: Numbers) -> Curve:
    """The same arm, by its hidden taste."""
    return curve._replace(title=f"{curve.title}{TASTE}", returns=tastes)


def _measure(curve: Curve) -> str:
    return "hidden taste" if curve.title.endswith(TASTE) else "automated return"


def _entry(curves: Sequence[Curve], label: str, arm: int) -> Line2D:
    seeds = sorted({len(curve.returns) for curve in curves if curve.label == label})
    colour, style = look(arm)
    text = f"{label} ({seeds_label(seeds[0], seeds[-1])})"
    return Line2D([], [], label=text, color=colour, linestyle=style, linewidth=MEAN_WIDTH)


def _efficiency(axes: Axes, curves: Sequence[Curve], arms: Sequence[int]) -> None:
    """The interquartile mean at each evaluation."""
    for curve, arm in zip(curves, arms, strict=True):
        marker = "o" if len(curve.timesteps) == 1 else ""
        colour, style = look(arm)
        for seed in curve.returns if len(curve.returns) > 1 else ():
            axes.plot(curve.timesteps, seed, label="_seed", color=colour, alpha=0.3, linewidth=SEED_WIDTH, zorder=2)
        band = stats.iqm_band(curve.returns)
        if band is not None:
            axes.fill_between(curve.timesteps, *band, color=colour, alpha=0.25, linewidth=0, zorder=3)
        middle = stats.iqm_curve(curve.returns)
        axes.plot(curve.timesteps, middle, color=colour, linestyle=style, linewidth=MEAN_WIDTH, marker=marker, zorder=4)
    axes.set_xlabel("environment steps")
    axes.set_ylabel(f"IQM of the\n{_measure(curves[0])}")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(steps_label))
    axes.set_xlim(left=0)


def _ends(axes: Axes, curves: Sequence[Curve], arms: Sequence[int]) -> None:
    """The interquartile mean of the last evaluation, with its interval, and every seed."""
    for place, (curve, arm) in enumerate(zip(curves, arms, strict=True)):
        ends, (colour, _) = curve.returns[:, -1], look(arm)
        interval = stats.bootstrap_interval(ends, stats.iqm)
        if interval is not None:
            axes.hlines(place, *interval, color=colour, alpha=0.35, linewidth=12)
        axes.plot([stats.iqm(ends)], [place], marker="|", color=colour, markersize=24, markeredgewidth=MEAN_WIDTH)
        axes.scatter(ends, place + _spread(len(ends)), s=14, color=colour, alpha=0.7, linewidth=0, zorder=4)
    _rows(axes, len(curves))
    axes.set_xlabel(f"{_measure(curves[0])} at the end")


def _spread(count: int) -> stats.Scores:
    """Places beside a row, so that equal scores can be counted."""
    return SPREAD * np.linspace(-1, 1, count) if count > 1 else np.zeros(count)


def _profiles(axes: Axes, curves: Sequence[Curve], arms: Sequence[int]) -> None:
    """The share of runs that score at least so much at the end."""
    ends = [curve.returns[:, -1] for curve in curves]
    low, high = min(map(np.min, ends)), max(map(np.max, ends))
    margin = 0.05 * (high - low or 1.0)
    points = np.linspace(low - margin, high + margin, PROFILE_POINTS)
    for runs, arm in zip(ends, arms, strict=True):
        (colour, style), band = look(arm), stats.profile_band(runs, points)
        if band is not None:
            axes.fill_between(points, *band, color=colour, alpha=0.2, linewidth=0, step="post")
        profile = stats.performance_profile(runs, points)
        axes.step(points, profile, where="post", color=colour, linestyle=style, linewidth=MEAN_WIDTH)
    axes.set_xlabel(f"{_measure(curves[0])} at the end")
    axes.set_ylabel("share of runs\nwith at least this")
    axes.set_ylim(-0.03, 1.06)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _improvements(axes: Axes, curves: Sequence[Curve], arms: Sequence[int]) -> None:
    """How probably a run of each arm beats one of the first."""
    first = curves[0].returns[:, -1]
    axes.axvline(0.5, color="#707070", linestyle=(0, (3, 3)), linewidth=1.8, zorder=1)
    for place, (curve, arm) in enumerate(zip(curves, arms, strict=True)):
        if not place:
            continue
        ends, (colour, _) = curve.returns[:, -1], look(arm)
        interval = stats.improvement_interval(first, ends)
        if interval is not None:
            axes.hlines(place, *interval, color=colour, alpha=0.35, linewidth=12)
        chance = stats.probability_of_improvement(first, ends)
        axes.plot([chance], [place], marker="|", color=colour, markersize=24, markeredgewidth=MEAN_WIDTH)
    _rows(axes, len(curves))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("P(beats the first arm)")


def _rows(axes: Axes, count: int) -> None:
    """A row per arm, the first on top; the colours of the legend say which."""
    axes.set_ylim(count - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))
