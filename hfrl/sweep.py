"""``sweep``: a grid of runs in folders named by their settings, of which none is ever run twice.

A cell is a run folder like any other, under a name that says what it is and ends in a hash of all that its numbers
depend on. So a sweep goes on where it was stopped, a second process on the same folder takes what the first has not
begun, and more values or seeds run only what is new. A seed that failed says so in its ``failed.txt`` and is left alone
until ``--retry``.
"""

import csv
import io
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hfrl import build, clusters, commands, fanout
from hfrl.cells import cell_digest
from hfrl.config import Arm, arms
from hfrl.config_file import as_toml
from hfrl.fanout import Busy, Task
from hfrl.flags import Sweep
from hfrl.reading import read_text
from hfrl.record import arm_name, command_line, is_finished, open_run, write_text
from hfrl.summary import Outcome
from hfrl.types import UserError

#: Between two looks at cells that another process is at work in.
BUSY_SECONDS = 0.5
FAILED = "failed.txt"


def run_sweep(flags: Sweep) -> int:
    """Run what is waiting, then the table of all cells that are finished. Returns the exit code."""
    fanout.workers(flags.jobs, 1)
    where = clusters.checked(flags.backend, flags.address)
    if not commands.is_specific(flags):
        raise UserError("sweep needs a file, such as sweep.toml, or flags, such as --env and --grid")
    cells = unique(arms(flags))
    if flags.print_config:
        print(as_toml(cells))
        return 0
    for arm in cells:
        build.check(arm, alone=True)
    if flags.space:
        from hfrl import search  # late: it comes back here for its cells

        return search.run_search(flags, cells, where)
    commands.warn_of_circles(cells)
    cells = commands.with_engines(cells)
    folders = [folder_of(Path(flags.out), arm) for arm in cells]
    tasks = _opened(cells, folders, flags.retry)
    runs = sum(len(arm.seeds) for arm in cells)
    commands.SAID.print(
        f"{len(cells)} cells, {runs} runs, {len(tasks)} of them waiting, in {flags.out}", soft_wrap=True, markup=False
    )
    return _concluded(flags, cells, folders, _worked(flags, cells, tasks, where))


def unique(cells: Sequence[Arm]) -> list[Arm]:
    """Each cell once, though a file may say it twice."""
    return list({cell_digest(arm.as_config()): arm for arm in cells}.values())


def folder_of(out: Path, arm: Arm) -> Path:
    """Where a cell lives: what it is in words, and a hash of all that its numbers depend on."""
    return out / f"{arm_name(arm)[:100]}-{cell_digest(arm.as_config())}"


def _opened(cells: Sequence[Arm], folders: Sequence[Path], retry: bool) -> list[Task]:
    """The runs that are still to be done, in folders that are there now."""
    tasks = []
    command = command_line()
    for arm, folder in zip(cells, folders, strict=True):
        for seed in open_run(folder, arm, command):
            place = folder / f"seed_{seed}"
            if retry:
                (place / FAILED).unlink(missing_ok=True)
            if not (place / FAILED).is_file():
                tasks.append(Task(arm, seed, place))
    return tasks


def _worked(flags: Sweep, cells: Sequence[Arm], tasks: Sequence[Task], where: clusters.Where) -> int:
    """Run the tasks; those that another process has begun are waited for, and taken on should it die. Returns the
    number of the signal that stopped them, 0 for none."""
    left = list(tasks)
    with _Progress(cells, tasks, flags.progress) as progress:
        while left:
            progress.begin(left)
            ending = fanout.run_tasks(left, flags.jobs, progress.show, where)
            for slot, why in ending.failed.items():
                if not isinstance(why, Busy):
                    write_text(left[slot].folder / FAILED, why + "\n")
            if ending.signal:
                return ending.signal
            left = [task for task in left if not _is_over(task)]
            if left:
                time.sleep(BUSY_SECONDS)
    return 0


def _is_over(task: Task) -> bool:
    return (task.folder / FAILED).is_file() or is_finished(task.folder, task.arm.total_timesteps)


class _Progress:
    """One bar over all runs, and a line for each cell that is finished, on the standard error of a terminal."""

    def __init__(self, cells: Sequence[Arm], tasks: Sequence[Task], wanted: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("sweep"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=commands.BESIDE, disable=not wanted)
        total = sum(task.arm.total_timesteps for task in tasks)
        self._bar = self._progress.add_task("sweep", total=total)
        self._wanted = wanted
        self._total = total
        self._tasks: Sequence[Task] = tasks
        names = zip(cells, commands.told(cells), strict=True)
        self._names = {cell_digest(arm.as_config()): name for arm, name in names}
        waiting: dict[str, set[int]] = {}
        for task in tasks:
            waiting.setdefault(cell_digest(task.arm.as_config()), set()).add(task.seed)
        self._waiting, self._cells = waiting, len(waiting)

    def __enter__(self) -> "_Progress":
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()

    def begin(self, tasks: Sequence[Task]) -> None:
        """These tasks are run now; those before them are done."""
        self._tasks = tasks
        self._before = self._total - sum(task.arm.total_timesteps for task in tasks)

    def show(self, steps: Sequence[int]) -> None:
        """Move the bar to the steps done, and name the cells that are finished."""
        self._progress.update(self._bar, completed=self._before + sum(steps))
        for task, done in zip(self._tasks, steps, strict=True):
            name = cell_digest(task.arm.as_config()) if done >= task.arm.total_timesteps else ""
            if task.seed in self._waiting.get(name, ()):
                self._waiting[name].remove(task.seed)
                if not self._waiting[name]:
                    self._finished(name)

    def _finished(self, name: str) -> None:
        done = sum(not seeds for seeds in self._waiting.values())
        if self._wanted:
            said = f"  {done} of {self._cells}: {self._names[name]}"
            self._progress.console.print(said, soft_wrap=True, markup=False)


def _concluded(flags: Sweep, cells: Sequence[Arm], folders: Sequence[Path], stopped: int) -> int:
    """The table of what is finished, what failed and why, and what to type next."""
    failed = [
        (folder / f"seed_{seed}", read_text(folder / f"seed_{seed}" / FAILED).strip())
        for arm, folder in zip(cells, folders, strict=True)
        for seed in arm.seeds
        if (folder / f"seed_{seed}" / FAILED).is_file()
    ]
    outcomes = commands.summarised(cells, folders)
    if outcomes:
        commands.report(outcomes)
        write_csv(Path(flags.out) / "sweep.csv", outcomes)
    for folder, why in failed:
        commands.BESIDE.print(f"hfrl: {folder}: {why}", style="red", soft_wrap=True, markup=False)
    if stopped:
        commands.BESIDE.print("Stopped early: what was done is kept, and the same command goes on.", style="yellow")
    elif failed:
        commands.SAID.print(f"{len(failed)} runs failed. The same command with --retry runs them once more.")
    if outcomes:
        commands.SAID.print(f"Table: {Path(flags.out) / 'sweep.csv'}", soft_wrap=True)
        commands.SAID.print(f"Next:\n  python -m hfrl.run plot {flags.out}", soft_wrap=True)
    if flags.json:
        print(json.dumps({"arms": [outcome.summary for outcome in outcomes], "failed": [why for _, why in failed]}))
    return 128 + stopped if stopped else int(bool(failed))


def write_csv(path: Path, outcomes: Sequence[Outcome]) -> None:
    """A row for each cell: what tells it from the others, and what it came to."""
    rows: list[dict[str, Any]] = []
    for outcome in outcomes:
        flat = {key: value for key, value in outcome.summary.items() if not isinstance(value, list | tuple)}
        for name in ("return_ci", "taste_ci"):
            low, high = outcome.summary[name] or (None, None)
            flat |= {f"{name}_low": low, f"{name}_high": high}
        rows.append({"cell": outcome.label, **flat, "seeds": " ".join(map(str, outcome.summary["seeds"]))})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
