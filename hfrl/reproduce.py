"""Published figures and tables as commands: each target runs its experiment, draws it, and says pass or fail.

A target is a function ``(runs) -> Result``: numbers with the reference they are held to, and the curves of the figure
as plain data. ``runs`` is the book's number of runs unless told otherwise.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfrl import registry
from hfrl.reading import is_finite, read_json
from hfrl.record import command_line, write_json
from hfrl.types import UserError

#: Half the width of a 95 % interval of a mean, in standard errors.
NORMAL_95 = 1.96
#: Of one figure.
MOST_PANELS = 20


class Metric(NamedTuple):
    """A number of the experiment.

    Attributes:
        name: as it stands in ``result.json``.
        value: ours.
        half_width: of its 95 % interval over runs; None where there is no chance in it.
        reference: the paper's, the book's or the exact number; None where we only report ours.
        tolerance: how far from the reference still passes.
        source: where the reference comes from.
    """

    name: str
    value: float
    half_width: float | None = None
    reference: float | None = None
    tolerance: float = 0.0
    source: str = ""

    @property
    def passed(self) -> bool:
        """Whether the number is near enough to its reference; True where there is none."""
        return self.reference is None or abs(self.value - self.reference) <= self.tolerance


class Line(NamedTuple):
    """One curve: what it is, and its points."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


class Panel(NamedTuple):
    """One pair of axes: ``lines``, or a table of numbers as ``cells`` (rows of numbers, which ``rows`` and ``columns``
    may name)."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line] = ()
    cells: Sequence[Sequence[float]] = ()
    y_limits: tuple[float, float] | None = None
    log_x: bool = False
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()


class Result(NamedTuple):
    """What a target found."""

    metrics: Sequence[Metric]
    panels: Sequence[Panel]


class Target(NamedTuple):
    """A figure or table: where its experiment lives, how many runs it has, and what it shows."""

    where: str
    runs: int
    summary: str


TARGETS: Mapping[str, Target] = {
    "sutton-2.2": Target("hfrl.book_bandits:figure_2_2", 2000, "10-armed testbed: epsilon-greedy sample averages"),
    "sutton-2.3": Target("hfrl.book_bandits:figure_2_3", 2000, "optimistic initial values"),
    "sutton-2.4": Target("hfrl.book_bandits:figure_2_4", 2000, "upper confidence bounds"),
    "sutton-2.5": Target("hfrl.book_bandits:figure_2_5", 2000, "gradient bandits, with and without a baseline"),
    "sutton-2.6": Target("hfrl.book_bandits:figure_2_6", 2000, "parameter study of the bandit methods"),
    "sutton-3.2": Target("hfrl.book_planning:example_3_5", 1, "gridworld values: random policy and optimal (Ex. 3.5)"),
    "sutton-4.1": Target("hfrl.book_planning:example_4_1", 1, "iterative policy evaluation in a small gridworld"),
    "sutton-6.2": Target("hfrl.book_prediction:example_6_2", 100, "random walk: TD(0) against Monte Carlo"),
    "sutton-6.3": Target("hfrl.book_control:figure_6_3", 50_000, "cliff: interim and asymptotic performance by alpha"),
    "sutton-6.4": Target("hfrl.book_control:example_6_6", 1000, "cliff: SARSA against Q-learning online"),
    "sutton-6.5": Target("hfrl.book_control:figure_6_5", 10_000, "maximization bias: Q-learning against Double Q"),
    "windy": Target("hfrl.book_control:windy", 100, "windy gridworld: SARSA (Ex. 6.5)"),
    "windy-king": Target("hfrl.book_control:windy_king", 100, "windy gridworld with king's moves (Ex. 6.9)"),
    "sutton-7.2": Target("hfrl.book_prediction:figure_7_2", 100, "n-step TD on the 19-state random walk"),
    "sutton-8.2": Target("hfrl.book_planning:figure_8_2", 1000, "Dyna maze: planning steps"),
    "sutton-8.4": Target("hfrl.book_planning:figure_8_4", 100, "blocking maze: Dyna-Q against Dyna-Q+"),
    "sutton-8.5": Target("hfrl.book_planning:figure_8_5", 100, "shortcut maze: Dyna-Q against Dyna-Q+"),
    "sutton-12.3": Target(
        "hfrl.book_prediction:figure_12_3", 100, "off-line lambda-return on the 19-state random walk"
    ),
    "sutton-12.8": Target(
        "hfrl.book_prediction:figure_12_8", 100, "true online TD(lambda) on the 19-state random walk"
    ),
    "sutton-12.10": Target("hfrl.book_gradient:figure_12_10", 100, "Mountain Car: SARSA(lambda), replacing traces"),
    "sutton-13.1": Target("hfrl.book_gradient:figure_13_1", 100, "short corridor: REINFORCE"),
    "sutton-13.2": Target("hfrl.book_gradient:figure_13_2", 100, "short corridor: REINFORCE with baseline"),
    "griffith-pacman": Target(
        "hfrl.papers_policy_shaping:griffith_pacman", 30, "policy shaping: Advise in a small Pac-Man"
    ),
    "em-trainers": Target(
        "hfrl.papers_policy_shaping:em_trainers", 200, "five trainers, one of them an adversary: EM and a majority"
    ),
    "tamer-rl": Target("hfrl.papers_tamer_rl:tamer_rl", 100, "the nine ways of TAMER+RL, by beta and without one"),
    "knox-mountain-car": Target("hfrl.papers_shaping:knox_mountain_car", 20, "TAMER+RL in Mountain Car"),
    "behboudian-grid": Target("hfrl.papers_shaping:behboudian_grid", 20, "advice in a large grid: PIES and DPBA"),
    "frozenlake": Target("hfrl.book_control:frozen_lake", 50, "FrozenLake-v1: Q-learning against the exact optimum"),
    "coach-matrix": Target(
        "hfrl.papers_feedback:coach_matrix",
        20,
        "what feedback means: four kinds of words, five agents (Shah et al. 2021)",
    ),
    "positive-circuits": Target(
        "hfrl.papers_feedback:positive_circuits", 1, "praise as reward: from which discount on looping beats arriving"
    ),
    "preference-teachers": Target(
        "hfrl.papers_preferences:preference_teachers", 20, "people who compare: closed forms, and as they are drawn"
    ),
    "tamer-credit": Target("hfrl.papers_feedback:tamer_credit", 1, "whom one press was about (Knox & Stone 2009)"),
    "taxi": Target("hfrl.book_control:taxi", 20, "Taxi-v4: Q-learning against the exact optimum"),
}


def chosen(names: Sequence[str], everything: bool) -> list[str]:
    """The targets a line asks for. Raises UserError for an unknown name, with the nearest one."""
    if everything:
        return list(TARGETS)
    if not names:
        raise UserError("reproduce needs the names of targets, --all or --list, such as: reproduce sutton-6.4")
    for name in names:
        if name not in TARGETS:
            raise UserError(f"unknown target {name!r}{registry.nearest(name, TARGETS)} (--list names them all)")
    return list(dict.fromkeys(names))


def run(name: str, runs: int | None = None) -> Result:
    """Run one target, with the book's number of runs or another one."""
    target = TARGETS[name]
    experiment = registry.resolve(name, {name: registry.Entry(target.where, target.summary)}, "target")
    result: Result = experiment(target.runs if runs is None else runs)
    return result


def write(name: str, result: Result, folder: Path) -> Path:
    """``result.json``, ``figure.json`` and ``figure.png`` in the target's folder, which is returned."""
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    names, values = [one.name for one in result.metrics], _numbers([one.value for one in result.metrics])
    write_json(folder / "result.json", dict(zip(names, values, strict=True)))
    write_json(folder / "figure.json", [_plain(panel) for panel in result.panels])
    return _draw(name, result.panels, folder)


def redraw(name: str, folder: Path) -> Path:
    """The figure again, from the ``figure.json`` in the target's folder, which is returned. Raises UserError."""
    path = folder / name / "figure.json"
    if not path.is_file():
        raise UserError(f"{path} is not there: reproduce {name} makes it (--redraw draws from what was made)")
    return _draw(name, read_panels(path), folder / name)


def read_panels(path: Path) -> list[Panel]:
    """The panels of a ``figure.json``. Raises UserError."""
    try:
        panels = [_panel(content) for content in read_json(path)]
        if not 1 <= len(panels) <= MOST_PANELS:
            raise ValueError(f"it has {len(panels)} panels")
        return panels
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} is damaged: {error}") from error


def _draw(name: str, panels: Sequence[Panel], folder: Path) -> Path:
    from hfrl.plot_book import draw

    draw(f"{name}: {TARGETS[name].summary}", panels, folder / "figure.png", command_line())
    return folder


def _plain(panel: Panel) -> dict[str, Any]:
    """A panel as JSON has it, with null where a curve has a gap."""
    lines = [{"label": line.label, "x": _numbers(line.x), "y": _numbers(line.y)} for line in panel.lines]
    return panel._asdict() | {"lines": lines, "cells": [_numbers(row) for row in panel.cells]}


def _numbers(values: Sequence[float]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _panel(content: Any) -> Panel:
    """The inverse of :func:`_plain`."""
    curves = [Line(str(line["label"]), _values(line["x"]), _values(line["y"])) for line in content["lines"]]
    limits = None if content["y_limits"] is None else (float(content["y_limits"][0]), float(content["y_limits"][1]))
    cells = [_values(row) for row in content["cells"]]
    if any(len(line.x) != len(line.y) for line in curves) or len({len(row) for row in cells}) > 1:
        raise ValueError("its numbers do not fit together")
    title, x_label, y_label = (str(content[name]) for name in ("title", "x_label", "y_label"))
    return Panel(title, x_label, y_label, curves, cells, limits, bool(content["log_x"]))


def _values(numbers: Sequence[float | None]) -> list[float]:
    if not all(number is None or is_finite(number) for number in numbers):
        raise ValueError("a value is no number")
    return [float("nan") if number is None else float(number) for number in numbers]


def report(name: str, result: Result) -> str:
    """The numbers beside their references, one line each, and the verdict."""
    width = max(len(metric.name) for metric in result.metrics)
    lines = [f"{name}: {TARGETS[name].summary}"]
    for metric in result.metrics:
        interval = "" if metric.half_width is None else f" +- {metric.half_width:.2g}"
        line = f"  {metric.name:{width}}  ours {metric.value:9.4g}{interval:12}"
        if metric.reference is not None:
            verdict = "pass" if metric.passed else "FAIL"
            line += f"  {metric.source} {metric.reference:.4g} (within {metric.tolerance:.2g}): {verdict}"
        lines.append(line.rstrip())
    return "\n".join([*lines, f"  {'pass' if passed(result) else 'FAIL'}"])


def passed(result: Result) -> bool:
    """Whether every number that has a reference is near it."""
    return all(metric.passed for metric in result.metrics)


def mean_of(values: Any) -> tuple[float, float]:
    """The mean over runs and half the width of its 95 % interval, from one number per run."""
    values = np.asarray(values, dtype=np.float64)
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return float(values.mean()), NORMAL_95 * spread / len(values) ** 0.5


def measured(
    name: str, values: Any, reference: float | None = None, tolerance: float = 0.0, source: str = ""
) -> Metric:
    """A metric from one number per run."""
    value, half_width = mean_of(values)
    return Metric(name, value, half_width, reference, tolerance, source)
