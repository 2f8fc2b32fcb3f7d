"""What the runs of a suite say together: a row per cell with intervals, a ranking, the harm an adversary does."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hfrl import stats
from hfrl.bench_cells import Run, Suite
from hfrl.bench_plan import NOBODY, PLAIN, Plan
from hfrl.bench_score import Goal, Numbers, speedup

ADVERSARY = "adversary"
#: An agent has recovered where its final utility is surely no further below the plain agent's than this share of the
#: way from nothing to the best.
MARGIN = 0.05
Task = tuple[str, str]


class Mean(NamedTuple):
    """A mean over seeds with its bootstrap interval; no interval under three seeds."""

    value: float
    low: float | None = None
    high: float | None = None


class Row(NamedTuple):
    """One cell: a method in a world, taught by a person.

    Attributes:
        reached: how many of the seeds arrived at the threshold.
        steps: to the threshold, runs that never arrived counted with the whole budget.
        faster: how many times fewer steps than without feedback (geometric mean); bound as in
            :class:`hfrl.bench_score.Speedup`.
        score, gain: with H in the policy; gain is the difference to no feedback, seed by seed.
        alone: the score of the agent alone.
        shortfall: final attainment of the plain agent minus this one's, seed by seed: above 0 is harm.
    """

    method: str
    world: str
    condition: str
    seeds: int
    reached: int
    steps: Mean
    faster: Mean
    bound: str
    area: Mean
    final_return: Mean
    final_taste: Mean | None
    presses: Mean
    presses_to: Mean
    score: Mean
    gain: Mean
    alone: Mean
    alone_return: Mean
    alone_taste: Mean | None
    alone_steps: Mean
    alone_reached: int
    shortfall: Mean
    alone_shortfall: Mean


class Rank(NamedTuple):
    """A method over all worlds and people.

    Attributes:
        score: the suite's score; worlds weigh alike, and people alike within a world.
        iqm: interquartile mean over runs and tasks, for who prefers it.
        alone: the score of the agents alone, without H.
        improvement: the probability that a run of it scores above a run without feedback.
        by_condition: the score under each person, over the worlds that have them.
        stand_ins: tasks in which it cannot be used, where it counts as no feedback.
    """

    method: str
    score: Mean
    iqm: float
    alone: Mean
    improvement: Mean
    by_condition: dict[str, float]
    stand_ins: int


class Tables(NamedTuple):
    """All that a page shows."""

    rows: list[Row]
    ranking: list[Rank]
    against: dict[str, dict[str, float]]
    tasks: list[Task]
    unfinished: list[Task]


def tables(plan: Plan, suite: Suite) -> Tables:
    """Rows, ranking and the matrix of probabilities of improvement."""
    found: dict[tuple[str, str, str], list[Run]] = {}
    for run in suite.runs:
        found.setdefault((run.method, run.world, run.condition), []).append(run)
    rows = [
        _row(runs, found[PLAIN, world, NOBODY], suite.goals[world])
        for (method, world, _), runs in found.items()
        if _whole(runs, found.get((PLAIN, world, NOBODY)))
    ]
    wanted = [
        (world.name, name) for world in plan.worlds.values() for name in world.conditions if name in plan.conditions
    ]
    tasks = [task for task in wanted if _comparable(plan, suite, found, task)]
    scores = {name: _scores(found, name, tasks, "guided") for name in plan.methods} if tasks else {}
    alone = {name: _scores(found, name, tasks, "alone") for name in plan.methods} if tasks else {}
    weights = task_weights(tasks)
    ranking = [_rank(name, scores, alone[name], weights, tasks, found) for name in scores]
    against = {
        name: {other: improvement(scores[other], scores[name], weights) for other in scores if other != name}
        for name in scores
    }
    ranking.sort(key=lambda rank: -rank.score.value)
    return Tables(rows, ranking, against, tasks, [task for task in wanted if task not in tasks])


def task_weights(tasks: Sequence[Task]) -> Numbers:
    """Worlds weigh alike, and so do the people of a world.

    >>> task_weights([("a", "good"), ("a", "adversary"), ("b", "good")]).tolist()
    [0.25, 0.25, 0.5]
    """
    worlds = [world for world, _ in tasks]
    return np.array([1 / len(set(worlds)) / worlds.count(world) for world in worlds])


def improvement(plain: Numbers, other: Numbers, weights: Numbers) -> float:
    """The probability that a run of the other scores above a run of the first, ties half, averaged over tasks.

    Args:
        plain, other: (runs, tasks).
        weights: (tasks,), sum 1.

    >>> improvement(np.array([[1.0], [2.0]]), np.array([[2.0], [3.0]]), np.array([1.0]))
    0.875
    """
    above = np.heaviside(other[:, None] - plain[None], 0.5).mean(axis=(0, 1))
    return float(above @ weights)


# --- the ranking -----------------------------------------------------------------------------------------------------


def _whole(runs: Sequence[Run], plain: Sequence[Run] | None) -> bool:
    """Whether the seeds of a cell are those of the plain agent, so that they can be paired."""
    return plain is not None and [run.seed for run in runs] == [run.seed for run in plain]


def _comparable(plan: Plan, suite: Suite, found: Mapping[Any, list[Run]], task: Task) -> bool:
    """Whether every method that can be run in a task has been."""
    world, condition = task
    plain = found.get((PLAIN, world, NOBODY))
    able = [
        method.name
        for method in plan.methods.values()
        if method.name != PLAIN and method.is_for(plan.worlds[world]) and (method.name, world) not in suite.refused
    ]
    return plain is not None and all(_whole(found.get((name, world, condition), []), plain) for name in able)


def _runs_of(found: Mapping[Any, list[Run]], method: str, task: Task) -> list[Run]:
    """A method's runs in a task; where it cannot be used, people do without: no feedback stands in."""
    return found.get((method, *task)) or found[PLAIN, task[0], NOBODY]


def _scores(found: Mapping[Any, list[Run]], method: str, tasks: Sequence[Task], side: str) -> Numbers:
    """(runs, tasks)."""
    return np.array([[getattr(run, side).score for run in _runs_of(found, method, task)] for task in tasks]).T


def _rank(
    name: str,
    scores: Mapping[str, Numbers],
    alone: Numbers,
    weights: Numbers,
    tasks: Sequence[Task],
    found: Mapping[Any, list[Run]],
) -> Rank:
    own, plain = scores[name], scores[PLAIN]

    def suite_score(values: Numbers) -> float:
        return float(values.mean(axis=0) @ weights)

    def better(both: Numbers) -> float:
        return improvement(both[:, : len(tasks)], both[:, len(tasks) :], weights)

    conditions = list(dict.fromkeys(condition for _, condition in tasks))
    by_condition = {}
    for condition in conditions:
        columns = [k for k, task in enumerate(tasks) if task[1] == condition]
        by_condition[condition] = float(own[:, columns].mean())
    return Rank(
        name,
        _interval(own, suite_score),
        stats.iqm(own),
        _interval(alone, suite_score),
        _interval(np.hstack([plain, own]), better),
        by_condition,
        0 if name == PLAIN else sum((name, *task) not in found for task in tasks),
    )


def _interval(scores: Numbers, statistic: stats.Statistic) -> Mean:
    bounds = stats.bootstrap_interval(scores, statistic)
    return Mean(statistic(scores), *(bounds or (None, None)))


# --- the rows --------------------------------------------------------------------------------------------------------


def _row(runs: Sequence[Run], plain: Sequence[Run], goal: Goal) -> Row:
    guided, alone, before = ([getattr(run, side) for run in of] for side, of in _sides(runs, plain))
    times = speedup(before, guided)
    faster = _mean(times.logs)
    columns = {
        "steps": [m.steps for m in guided],
        "area": [m.area for m in guided],
        "final_return": [m.final_return for m in guided],
        "presses": [float(run.presses[-1]) for run in runs],
        "presses_to": [m.presses_to for m in guided],
        "score": [m.score for m in guided],
        "gain": [m.score - b.score for m, b in zip(guided, before, strict=True)],
        "alone": [m.score for m in alone],
        "alone_return": [m.final_return for m in alone],
        "alone_steps": [m.steps for m in alone],
        "shortfall": [b.final - m.final for m, b in zip(guided, before, strict=True)],
        "alone_shortfall": [b.final - m.final for m, b in zip(alone, before, strict=True)],
    }
    means = dict(zip(columns, _means(np.array(list(columns.values())).T), strict=True))
    first = runs[0]
    return Row(
        method=first.method,
        world=first.world,
        condition=first.condition,
        seeds=len(runs),
        reached=sum(m.reached for m in guided),
        alone_reached=sum(m.reached for m in alone),
        faster=Mean(*(None if x is None else float(np.exp(x)) for x in faster)),  # type: ignore[arg-type]
        bound=times.bound,
        final_taste=None if goal.best_taste is None else _mean([m.final_taste or 0.0 for m in guided]),
        alone_taste=None if goal.best_taste is None else _mean([m.final_taste or 0.0 for m in alone]),
        **means,
    )


def _sides(runs: Sequence[Run], plain: Sequence[Run]) -> tuple[tuple[str, Sequence[Run]], ...]:
    return ("guided", runs), ("alone", runs), ("guided", plain)


def _mean(values: Any) -> Mean:
    return _means(np.asarray(values, dtype=np.float64)[:, None])[0]


def _means(values: Numbers) -> list[Mean]:
    """The mean of every column of (seeds, columns), with its interval."""
    band = stats.bootstrap_band(values)
    means = values.mean(axis=0).tolist()
    if band is None:
        return [Mean(value) for value in means]
    return [Mean(value, float(low), float(high)) for value, low, high in zip(means, *band, strict=True)]


def harm(row: Row) -> str:
    """What an adversary did to a method: ``recovers`` where its final utility is surely within the margin of the plain
    agent's, ``harmed`` where it is surely below that, else ``unsure``; without an interval, by the mean alone."""
    low = row.shortfall.value if row.shortfall.low is None else row.shortfall.low
    high = row.shortfall.value if row.shortfall.high is None else row.shortfall.high
    return "recovers" if high <= MARGIN else "harmed" if low > MARGIN else "unsure"


def apart(row: Row, plain: Row) -> bool:
    """Whether the intervals of the steps to the threshold do not overlap."""
    bounds = (row.steps.low, row.steps.high, plain.steps.low, plain.steps.high)
    if None in bounds:
        return False
    assert row.steps.high is not None
    assert plain.steps.low is not None
    return row.steps.high < plain.steps.low
