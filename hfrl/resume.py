"""Runs that go on where they stood: stopped or killed ones to their end, finished ones for longer."""

import datetime
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hfrl import commands, engine, fanout
from hfrl.config import NO_CHECKPOINTS, Arm
from hfrl.reading import read_json
from hfrl.record import command_line, find_runs, is_finished, is_session, write_json
from hfrl.saved import load_arm
from hfrl.types import UserError


class Waiting(NamedTuple):
    """A run folder, and the seeds of it that are still to be run, each with its arm."""

    run: Path
    arm: Arm
    seeds: dict[int, Arm]


def run_resume(flags: Any) -> int:
    """Go on in the same folders: logs are appended to, the last agent and the summary are written anew."""
    fanout.workers(flags.jobs, 1)
    found = [waiting for path in flags.run for waiting in _waiting(Path(path), flags.total_timesteps, flags.trust)]
    ahead = [waiting for waiting in found if waiting.seeds]
    if not ahead:
        steps = max(waiting.arm.total_timesteps for waiting in found)
        commands.SAID.print(
            f"Nothing to do: finished at {steps:,} steps. --total-timesteps {2 * steps} goes on from there.",
            soft_wrap=True,
        )
        return 0
    for waiting in ahead:
        _announce(waiting)
        engine.choose(waiting.arm, checked=True)  # compiles once, before the processes do
    tasks = [
        fanout.Task(arm, seed, waiting.run / f"seed_{seed}") for waiting in ahead for seed, arm in waiting.seeds.items()
    ]
    arms = [replace(waiting.arm, seeds=tuple(waiting.seeds)) for waiting in ahead]
    return commands.conclude(flags, arms, [waiting.run for waiting in ahead], tasks)


def _waiting(path: Path, total: int | None, trust: bool) -> list[Waiting]:
    """What is to be done at a path: run folders, a folder that holds some, or the folder of one seed."""
    runs = find_runs(str(path))
    only = [path] if path.name.startswith("seed_") and path.parent == runs[0] else None
    return [_waiting_in(run, only, total, trust) for run in runs]


def _waiting_in(run: Path, only: Sequence[Path] | None, total: int | None, trust: bool) -> Waiting:
    if is_session(run):
        raise UserError(f"{run} is a session of a person, which nobody can go on with but they: play --load {run}")
    arm = _longer(load_arm(run, trust), total, run)
    folders = only or [run / f"seed_{seed}" for seed in arm.seeds]
    seeds = {}
    for folder in folders:
        if not (folder / "config.json").is_file():
            raise UserError(f"{folder} has no config.json, so nobody knows how to go on with it")
        own = _longer(load_arm(folder, trust), total, folder)
        if not is_finished(folder, own.total_timesteps):
            seeds[own.seeds[0]] = own
    if seeds and arm.num_envs > 1:
        raise UserError(f"{run}: a run of --num-envs {arm.num_envs} {NO_CHECKPOINTS}; train it anew")
    if seeds and only is None:
        _note(run, arm)
    for seed, own in seeds.items():
        _note(run / f"seed_{seed}", own)
    return Waiting(run, arm, seeds)


def _longer(arm: Arm, total: int | None, folder: Path) -> Arm:
    """The arm with another number of steps. Raises UserError for fewer."""
    if total is None:
        return arm
    if total < arm.total_timesteps:
        raise UserError(f"--total-timesteps {total} is fewer than the {arm.total_timesteps} of {folder}")
    return replace(arm, total_timesteps=total)


def _note(folder: Path, arm: Arm) -> None:
    """Write down how long it is to run now, and by which command."""
    meta = read_json(folder / "meta.json")
    if not isinstance(meta, dict):
        raise UserError(f"{folder / 'meta.json'} is damaged: expected a table")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    earlier = meta.get("resumed")
    resumed = [*(earlier if isinstance(earlier, list) else []), {"command": command_line(), "started": now}]
    try:
        write_json(folder / "config.json", arm.as_config())
        write_json(folder / "meta.json", meta | {"resumed": resumed})
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from error


def _announce(waiting: Waiting) -> None:
    seeds = ", ".join(str(seed) for seed in waiting.seeds)
    commands.SAID.print(
        f"Going on to {waiting.arm.total_timesteps:,} steps: {waiting.run}, seed {seeds}", soft_wrap=True, markup=False
    )
