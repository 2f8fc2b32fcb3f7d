"""Arms side by side as few seeds allow it: Agarwal et al. (2021), "Deep reinforcement learning at the edge of the
statistical precipice", a row of panels per world, and one of all worlds together.

Sample efficiency (the interquartile mean over seeds at each evaluation, with its bootstrap band and every seed thin),
the interquartile mean at the end with its interval and every seed as a dot, the performance profile (the share of runs
that score at least so much), and the probability that a run of an arm beats one of the first arm.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hfrl import stats, stats_worlds
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
TOGETHER = (
    "; all worlds: 0 is the worst run at the end, 1 the best possible or, where that is unknown, the best run; "
    "a thin line or dot is the mean of a seed over worlds, and resampling is within each world"
)
Interval = tuple[float, float] | None
Profile = tuple[Numbers, tuple[Numbers, Numbers] | None]


class Shown(NamedTuple):
    """One arm in one row of panels.

    Attributes:
        arm: its place among all arms, for its look.
        steps: (E,), where the evaluations stand.
        seeds: (any, E), the thin lines and the dots.
        ends: all scores at the end.
        middle, band: the interquartile mean at each evaluation and its interval.
        end, interval: the same at the end.
        profile: thresholds -> the share of runs with at least so much, and its interval.
        chance, chance_interval: that a run beats one of the row's first arm.
    """

    arm: int
    steps: Numbers
    seeds: Numbers
    ends: Numbers
    middle: Numbers
    band: tuple[Numbers, Numbers] | None
    end: float
    interval: Interval
    profile: Callable[[Numbers], Profile]
    chance: float
    chance_interval: Interval


class Row(NamedTuple):
    """A row of panels: what it is about, what is measured, what stands along the evaluations, and the arms."""

    title: str
    measure: str
    x_label: str
    arms: Sequence[Shown]


def comparison(curves: Sequence[Curve], path: Path, command: str) -> Path:
    """Draw the figure and write it with its command; see `hfrl.plot.learning_curves` for formats and errors."""
    return save(lambda: figure(curves, command), path, command)


def figure(curves: Sequence[Curve], command: str) -> Figure:
    """A row per world, one for its taste where it has one, and one of all worlds together where there are several;
    four panels each, one legend under all of them.

    Args:
        curves: at least one; within one world each label once.
        command: the command line that repeats the figure.

    Raises:
        ValueError: as `hfrl.plot.figure`.
    """
    check_curves(curves)
    arms = list(dict.fromkeys(curve.label for curve in curves))
    rows = [_row(title, here, arms) for title, here in _by_title(curves).items()]
    tasted = [_tasting(curve, curve.tastes) for curve in curves if curve.tastes is not None]
    rows += [_row(title, here, arms) for title, here in _by_title(tasted).items()]
    together = _together(curves, arms)
    rows += [] if together is None else [together]
    entries = [_entry(curves, label, arm) for arm, label in enumerate(arms)]
    fig = page(entries, len(rows), COLUMNS, MEANING + (TOGETHER if together else ""), command)
    for place, row in enumerate(rows):
        panels = [fig.add_subplot(len(rows), COLUMNS, place * COLUMNS + column + 1) for column in range(COLUMNS)]
        for axes, draw in zip(panels, (_efficiency, _ends, _profiles, _improvements), strict=True):
            draw(axes, row)
        panels[0].set_title(row.title, loc="left", parse_math=False)
    return fig


def _by_title(curves: Sequence[Curve]) -> dict[str, list[Curve]]:
    return {
        title: [curve for curve in curves if curve.title == title] for title in dict.fromkeys(c.title for c in curves)
    }


def _tasting(curve: Curve, tastes: Numbers) -> Curve:
    """The same arm, by its hidden taste."""
    return curve._replace(title=f"{curve.title}{TASTE}", returns=tastes)


def _entry(curves: Sequence[Curve], label: str, arm: int) -> Line2D:
    seeds = sorted({len(curve.returns) for curve in curves if curve.label == label})
    colour, style = look(arm)
    text = f"{label} ({seeds_label(seeds[0], seeds[-1])})"
    return Line2D([], [], label=text, color=colour, linestyle=style, linewidth=MEAN_WIDTH)


# --- what is shown ---------------------------------------------------------------------------------------------------


def _row(title: str, curves: Sequence[Curve], arms: Sequence[str]) -> Row:
    """The arms in one world."""
    first = curves[0].returns[:, -1]
    measure = "hidden taste" if title.endswith(TASTE) else "automated return"
    return Row(title, measure, "environment steps", [_shown(curve, first, arms.index(curve.label)) for curve in curves])


def _shown(curve: Curve, first: Numbers, arm: int) -> Shown:
    ends = curve.returns[:, -1]
    return Shown(
        arm=arm,
        steps=curve.timesteps,
        seeds=curve.returns,
        ends=ends,
        middle=stats.iqm_curve(curve.returns),
        band=stats.iqm_band(curve.returns),
        end=stats.iqm(ends),
        interval=stats.bootstrap_interval(ends, stats.iqm),
        profile=lambda points: (stats.performance_profile(ends, points), stats.profile_band(ends, points)),
        chance=stats.probability_of_improvement(first, ends),
        chance_interval=stats.improvement_interval(first, ends),
    )


def _together(curves: Sequence[Curve], arms: Sequence[str]) -> Row | None:
    """The arms that are in every world, over all worlds; None where there is one world, or no such arm."""
    worlds = _by_title(curves)
    everywhere = [label for label in arms if all(label in [c.label for c in here] for here in worlds.values())]
    if len(worlds) < 2 or not everywhere:
        return None
    scaled = {
        label: [_scaled(curve, here) for here in worlds.values() for curve in here if curve.label == label]
        for label in everywhere
    }
    evaluations = {len(curve.timesteps) for curve in curves}
    # Worlds with other numbers of evaluations have only their ends in common.
    points = evaluations.pop() if len(evaluations) == 1 else 1
    stacked = {
        label: np.stack([one[: min(map(len, several)), -points:] for one in several], axis=1)
        for label, several in scaled.items()
    }
    first = stacked[everywhere[0]]
    shown = [_shown_together(values, first, arms.index(label)) for label, values in stacked.items()]
    return Row(f"all {len(worlds)} worlds", "normalised return", "share of the run", shown)


def _scaled(curve: Curve, here: Sequence[Curve]) -> stats.Scores:
    """Its returns between the worst and the best of a world."""
    ends = np.concatenate([other.returns[:, -1] for other in here])
    known = [other.optimal_return for other in here if other.optimal_return is not None]
    best = max(float(ends.max()), *known) if known else float(ends.max())
    return stats_worlds.normalised(curve.returns, float(ends.min()), best)


def _shown_together(values: stats.Scores, first: stats.Scores, arm: int) -> Shown:
    """Of (runs, worlds, evaluations)."""
    points, ends, firsts = values.shape[-1], values[..., -1], first[..., -1]

    def profile(thresholds: Numbers) -> Profile:
        return (
            stats_worlds.profile_over_worlds(ends, thresholds),
            stats_worlds.stratified_band(ends, lambda drawn: stats_worlds.profile_over_worlds(drawn, thresholds)),
        )

    return Shown(
        arm=arm,
        steps=np.arange(1, points + 1) / points,
        seeds=values.mean(axis=1),
        ends=ends,
        middle=stats_worlds.iqm_over_worlds(values),
        band=stats_worlds.stratified_band(values, stats_worlds.iqm_over_worlds),
        end=stats.iqm(ends),
        interval=stats.bootstrap_interval(ends, stats.iqm),
        profile=profile,
        chance=stats_worlds.improvement_over_worlds(firsts, ends),
        chance_interval=stats_worlds.improvement_interval_over_worlds(firsts, ends),
    )


# --- the panels ------------------------------------------------------------------------------------------------------


def _efficiency(axes: Axes, row: Row) -> None:
    """The interquartile mean at each evaluation."""
    for one in row.arms:
        marker = "o" if len(one.steps) == 1 else ""
        colour, style = look(one.arm)
        for seed in one.seeds if len(one.seeds) > 1 else ():
            axes.plot(one.steps, seed, label="_seed", color=colour, alpha=0.3, linewidth=SEED_WIDTH, zorder=2)
        if one.band is not None:
            axes.fill_between(one.steps, *one.band, color=colour, alpha=0.25, linewidth=0, zorder=3)
        axes.plot(one.steps, one.middle, color=colour, linestyle=style, linewidth=MEAN_WIDTH, marker=marker, zorder=4)
    axes.set_xlabel(row.x_label)
    axes.set_ylabel(f"IQM of the\n{row.measure}")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(steps_label))
    axes.set_xlim(left=0)


def _ends(axes: Axes, row: Row) -> None:
    """The interquartile mean of the last evaluation, with its interval, and every seed."""
    for place, one in enumerate(row.arms):
        colour, _ = look(one.arm)
        if one.interval is not None:
            axes.hlines(place, *one.interval, color=colour, alpha=0.35, linewidth=12)
        axes.plot([one.end], [place], marker="|", color=colour, markersize=24, markeredgewidth=MEAN_WIDTH)
        dots = one.seeds[:, -1]
        axes.scatter(dots, place + _spread(len(dots)), s=14, color=colour, alpha=0.7, linewidth=0, zorder=4)
    _rows(axes, len(row.arms))
    axes.set_xlabel(f"{row.measure} at the end")


def _spread(count: int) -> stats.Scores:
    """Places beside a row, so that equal scores can be counted."""
    return SPREAD * np.linspace(-1, 1, count) if count > 1 else np.zeros(count)


def _profiles(axes: Axes, row: Row) -> None:
    """The share of runs that score at least so much at the end."""
    ends = [one.ends for one in row.arms]
    low, high = min(map(np.min, ends)), max(map(np.max, ends))
    margin = 0.05 * (high - low or 1.0)
    points = np.linspace(low - margin, high + margin, PROFILE_POINTS)
    for one in row.arms:
        (colour, style), (profile, band) = look(one.arm), one.profile(points)
        if band is not None:
            axes.fill_between(points, *band, color=colour, alpha=0.2, linewidth=0, step="post")
        axes.step(points, profile, where="post", color=colour, linestyle=style, linewidth=MEAN_WIDTH)
    axes.set_xlabel(f"{row.measure} at the end")
    axes.set_ylabel("share of runs\nwith at least this")
    axes.set_ylim(-0.03, 1.06)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _improvements(axes: Axes, row: Row) -> None:
    """How probably a run of each arm beats one of the first."""
    axes.axvline(0.5, color="#707070", linestyle=(0, (3, 3)), linewidth=1.8, zorder=1)
    for place, one in enumerate(row.arms):
        if not place:
            continue
        colour, _ = look(one.arm)
        if one.chance_interval is not None:
            axes.hlines(place, *one.chance_interval, color=colour, alpha=0.35, linewidth=12)
        axes.plot([one.chance], [place], marker="|", color=colour, markersize=24, markeredgewidth=MEAN_WIDTH)
    _rows(axes, len(row.arms))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("P(beats the first arm)")


def _rows(axes: Axes, count: int) -> None:
    """A row per arm, the first on top; the colours of the legend say which."""
    axes.set_ylim(count - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))
