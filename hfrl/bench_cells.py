"""Running the cells of a suite, and reading them back: a folder per cell, named by a hash of its settings.

A cell is a run folder like any other (``plot``, ``evaluate`` and ``watch`` read it). A seed that ran to its end is
never run again, so that a suite goes on where it was stopped, and one with more seeds or methods runs only what is new.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfrl import bench_score, build, circuits, engine, mdp
from hfrl.bench_plan import Cell, Plan, World
from hfrl.bench_score import Goal, Marks, Numbers
from hfrl.cells import cell_digest
from hfrl.config import Arm
from hfrl.fanout import Ending, Task, in_order, run_tasks, workers
from hfrl.record import is_finished, open_run, write_json
from hfrl.summary import optimum, seed_evaluations, seed_summary
from hfrl.teachers import TASTE_WEIGHT
from hfrl.types import UserError

#: What a cell costs beside its runs: its parts are made once, to see whether they fit.
CHECK_SECONDS = 0.05


class Run(NamedTuple):
    """One seed of one cell, read back.

    Attributes:
        guided, alone: its marks with H in the policy, and of the agent alone.
        attained: (E,), its attainment at each evaluation, with H in the policy.
        presses: (E,), presses used by each evaluation.
        seconds: it took.
    """

    method: str
    world: str
    condition: str
    seed: int
    guided: Marks
    alone: Marks
    attained: Numbers
    presses: Numbers
    seconds: float


class Suite(NamedTuple):
    """What there is of a suite: its runs, which cells cannot be run, with the reason, and where praise pays for
    running in circles."""

    runs: list[Run]
    refused: dict[tuple[str, str], str]
    goals: dict[str, Goal]
    circles: Mapping[tuple[str, str], str] = {}


def folder_of(out: Path, cell: Cell) -> Path:
    """Where a cell lives: what it is in words, and a hash of every setting that its numbers depend on."""
    digest = cell_digest(cell.arm.as_config())
    return out / "cells" / f"{cell.world}__{cell.method}__{cell.condition}-{digest}"


def goal_of(world: World) -> Goal:
    """What can be reached in a world: from its table ``P``, or as the plan says. Raises UserError."""
    env = build.make_env(world.env, world.env_kwargs)
    try:
        best = optimum(env)
        if best.automated is None:
            if world.best is None:
                raise UserError(f"world {world.name} has no table P, so the plan must say its best return")
            return Goal(world.zero, world.best, world.best)
        if best.taste is None:
            return Goal(world.zero, best.automated, best.automated)
        liked = mdp.from_env(env, mdp.tasting(env, TASTE_WEIGHT))
        utility = mdp.best_return(liked, env.spec.max_episode_steps if env.spec else None)
        return Goal(world.zero, utility, best.automated, best.taste, TASTE_WEIGHT)
    finally:
        env.close()


def refusals(cells: Sequence[Cell]) -> dict[tuple[str, str], str]:
    """The methods that cannot be run in a world, with the reason. Every part is made once and thrown away; a world and
    its people are made once for all methods."""
    reasons: dict[tuple[str, str], str] = {}
    worlds: dict[str, Any] = {}
    asked: set[tuple[str, ...]] = set()
    for cell in cells:
        arm, pair = cell.arm, (cell.method, cell.world)
        key = f"{arm.env} {arm.env_kwargs}"
        if key not in worlds:
            worlds[key] = build.make_env(arm.env, arm.env_kwargs)
        if pair not in asked and (reason := _refusal(arm, worlds[key])):
            reasons[pair] = reason
        if (key, arm.teacher) not in asked and pair not in reasons:
            build.make_teacher(arm, worlds[key], np.random.default_rng(0), build.make_agent(arm, worlds[key]))
        asked |= {pair, (key, arm.teacher)}
    for env in worlds.values():
        env.close()
    return reasons


def _refusal(arm: Arm, env: Any) -> str | None:
    try:
        build.make_switch(arm, env, build.make_agent(arm, env))
        build.make_credit(arm)
    except UserError as error:
        return str(error)
    return None


def circles(cells: Sequence[Cell]) -> dict[tuple[str, str], str]:
    """The methods whose praise will pay for running in circles in a world, as far as that is known beforehand: in
    words, of the first person with whom it does."""
    found: dict[tuple[str, str], str] = {}
    for cell in cells:
        pair = cell.method, cell.world
        if pair not in found and (warning := circuits.warning(cell.arm)):
            found[pair] = warning
    return found


def waiting(out: Path, cells: Sequence[Cell]) -> list[tuple[Cell, int]]:
    """The runs that are still to be done: cell and seed."""
    return [
        (cell, seed)
        for cell in cells
        for seed in cell.arm.seeds
        if not is_finished(folder_of(out, cell) / f"seed_{seed}", cell.arm.total_timesteps)
    ]


def estimate(out: Path, plan: Plan, cells: Sequence[Cell], jobs: str) -> float:
    """Seconds that the waiting runs will take: by what finished runs of the same world took here, else by the plan."""
    todo = waiting(out, cells)
    if not todo:
        return 0.0
    known: dict[str, list[float]] = {}
    for cell in cells:
        for seed in cell.arm.seeds:
            folder = folder_of(out, cell) / f"seed_{seed}"
            if is_finished(folder, cell.arm.total_timesteps):
                known.setdefault(cell.world, []).append(float(seed_summary(folder)["wall_s"]))
    each = {name: float(np.mean(known.get(name, [world.seconds]))) for name, world in plan.worlds.items()}
    longer = [cell.arm.total_timesteps / plan.worlds[cell.world].steps for cell, _ in todo]
    total = sum(each[cell.world] * times for (cell, _), times in zip(todo, longer, strict=True))
    return total / workers(jobs, len(todo)) + CHECK_SECONDS * len({id(cell) for cell, _ in todo})


def run_cells(out: Path, cells: Sequence[Cell], command: str, jobs: str, show: Callable[[int, int], None]) -> Ending:
    """Run what is waiting, and tell how that ended; a run that is cut off goes on from its last checkpoint.

    Args:
        out: the suite's folder.
        cells: that can be run.
        command: that is recorded in every cell.
        jobs: processes, see :func:`hfrl.fanout.workers`.
        show: called with the steps done and the steps in all.
    """
    todo = [(cell.arm, folder_of(out, cell)) for cell in cells]
    missing = [(arm, folder, seeds) for arm, folder in todo if (seeds := open_run(folder, arm, command))]
    if not missing:
        return Ending(True, 0, {})
    # What is compiled is compiled in parallel: it is minutes where all is new.
    choices = in_order(engine.choose, [arm for arm, _, _ in missing], jobs)
    tasks = [
        Task(dataclasses.replace(arm, engine=choice.engine), seed, folder / f"seed_{seed}")
        for (arm, folder, seeds), choice in zip(missing, choices, strict=True)
        for seed in seeds
    ]
    total = sum(task.arm.total_timesteps for task in tasks)
    return run_tasks(tasks, jobs, lambda steps: show(sum(steps), total))


def read_suite(out: Path, plan: Plan, cells: Sequence[Cell], refused: dict[tuple[str, str], str]) -> Suite:
    """The finished runs of a suite, marked. Raises UserError where a cell is damaged."""
    goals = {name: goal_of(world) for name, world in plan.worlds.items()}
    runs = []
    for cell in cells:
        folder = folder_of(out, cell)
        for seed in cell.arm.seeds:
            if is_finished(folder / f"seed_{seed}", cell.arm.total_timesteps):
                runs.append(read_run(folder / f"seed_{seed}", cell, seed, goals[cell.world]))
    return Suite(runs, refused, goals)


def read_run(folder: Path, cell: Cell, seed: int, goal: Goal) -> Run:
    """One seed of a cell, marked twice: with H in its policy, and alone."""
    found = seed_evaluations(folder)
    steps, presses = found["timesteps"], found["presses"]
    sides = []
    for suffix in ("_with_h", ""):
        if f"results{suffix}" not in found:
            raise UserError(f"{folder / 'evaluations.npz'} is damaged: expected results{suffix}")
        returns = found[f"results{suffix}"].mean(axis=1)
        tastes = found[f"tastes{suffix}"].mean(axis=1) if f"tastes{suffix}" in found else None
        # The reference arm is paid for taste; a return is always what the world itself pays.
        paid = float(cell.arm.env_kwargs.get("taste_paid", 0.0))
        sides.append((returns if tastes is None else returns - paid * tastes, tastes))
    guided, alone = (bench_score.marks(steps, returns, tastes, presses, goal) for returns, tastes in sides)
    attained = bench_score.attainments(*sides[0], goal)
    seconds = float(seed_summary(folder)["wall_s"])
    return Run(cell.method, cell.world, cell.condition, seed, guided, alone, attained, presses, seconds)


def write_index(out: Path, cells: Sequence[Cell], command: str) -> None:
    """``suite.json``: which folder is which cell, so that the numbers can be traced back to their runs."""
    rows = [
        {
            "method": cell.method,
            "world": cell.world,
            "condition": cell.condition,
            "folder": str(folder_of(out, cell).relative_to(out)),
            **{key: value for key, value in cell.arm.as_config().items() if key != "engine"},
        }
        for cell in cells
    ]
    write_json(out / "suite.json", {"score": bench_score.VERSION, "command": command, "cells": rows})
