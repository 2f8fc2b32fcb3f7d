"""Seeds and arms at work in parallel processes, with bars that move and a Ctrl-C that loses nothing.

Every task has a slot on a small board in shared memory, where it writes the steps it has done; the last slot is the
wish to stop, which every task reads at its heartbeat.
"""

import contextlib
import os
import re
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import joblib
import numpy as np

from hfrl import clusters
from hfrl.cells import BusyError
from hfrl.clusters import Where
from hfrl.config import Arm
from hfrl.experiment import run_seed
from hfrl.record import is_finished
from hfrl.types import UserError

T = TypeVar("T")
R = TypeVar("R")

POLL_SECONDS = 0.2
#: What asks a run to stop: Ctrl-C, kill, and a terminal that is closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, *((signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()))
#: How often tasks are begun whose process was killed.
ATTEMPTS = 2
KILLED = "its process was killed, twice (by the system, for want of memory?); what it had written is kept"


class Task(NamedTuple):
    """One seed of one arm, and where its records go."""

    arm: Arm
    seed: int
    folder: Path


def workers(jobs: str, tasks: int) -> int:
    """How many processes ``--jobs`` means for so many tasks. Raises UserError."""
    if jobs != "auto" and not re.fullmatch(r"[1-9][0-9]{0,5}", jobs):
        raise UserError(f"--jobs must be a number of processes or auto, got {jobs!r}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores if jobs == "auto" else int(jobs), tasks))


def in_order(work: Callable[[T], R], items: Sequence[T], jobs: str) -> list[R]:
    """What ``work`` makes of each item, in parallel; the results in the order of the items."""
    results: dict[int, R] = {}
    with clusters.pool(clusters.LOCAL, workers(jobs, len(items))) as pool:
        for at, result in pool(joblib.delayed(_numbered)(work, at, item) for at, item in enumerate(items)):
            results[at] = result
    return [results[at] for at in range(len(items))]


def _numbered(work: Callable[[T], R], at: int, item: T) -> tuple[int, R]:
    return at, work(item)


class Busy(str):
    """Why a task was left alone: another process is at work in its folder."""

    __slots__ = ()


class Ending(NamedTuple):
    """How the tasks came to their end; true where all of them ran to theirs.

    Attributes:
        finished: whether all did.
        signal: the number of the signal that stopped them, 0 for none.
        failed: tasks that broke, by their place in the list, and why, in a line; :class:`Busy` where another process is
            at work in its folder.
    """

    finished: bool
    signal: int
    failed: Mapping[int, str]

    def __bool__(self) -> bool:
        return self.finished

    @property
    def code(self) -> int:
        """The exit code: 0, 1 where something broke, 130 after Ctrl-C, 143 after SIGTERM."""
        return 1 if self.failed else 128 + self.signal if self.signal else 0


def run_tasks(
    tasks: Sequence[Task], jobs: str, show: Callable[[Sequence[int]], None], where: Where = clusters.LOCAL
) -> Ending:
    """Run all tasks. A first Ctrl-C (or SIGTERM) stops them early and keeps what was done; a task that breaks leaves
    the others alone, and one whose process was killed goes on from its checkpoint in another, once.

    Args:
        tasks: independent of one another; the order does not change a result.
        jobs: see :func:`workers`.
        show: called a few times a second with the steps that each task has done.
        where: on this machine, or on a cluster whose machines see the same folders.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board"
        board: np.memmap[Any, np.dtype[np.int64]] = np.memmap(path, dtype=np.int64, mode="w+", shape=len(tasks) + 1)
        with _stopping(board), _showing(board, show):
            results: dict[int, bool | str] = {}
            for _ in range(ATTEMPTS):
                todo = [slot for slot in range(len(tasks)) if slot not in results]
                if todo and not _in_parallel(tasks, todo, path, jobs, where, results):
                    show(board[:-1].tolist())
                    continue
                break
            stopped = int(board[-1])
            if stopped:  # a second signal, from now on, ends this process alone
                clusters.dismiss(where)
    failed = {slot: result for slot, result in results.items() if isinstance(result, str)}
    failed |= {slot: KILLED for slot in range(len(tasks)) if slot not in results and not stopped}
    finished = all(results.get(slot) is True for slot in range(len(tasks)))
    return Ending(finished, stopped, dict(sorted(failed.items())))


def _in_parallel(
    tasks: Sequence[Task], todo: Sequence[int], path: Path, jobs: str, where: Where, results: dict[int, bool | str]
) -> bool:
    """Run the tasks of these slots, and note what came of each. Returns False where a worker was killed."""
    calls = [joblib.delayed(_run_task)(tasks[slot], path, slot, os.getpid()) for slot in todo]
    away = where != clusters.LOCAL and jobs == "auto"
    with clusters.pool(where, None if away else workers(jobs, len(todo))) as pool:
        try:
            for slot, result in pool(calls):
                results[slot] = result
        except BrokenProcessPool:
            return False
    return True


def _run_task(task: Task, path: Path, slot: int, parent: int) -> tuple[int, bool | str]:
    away = os.getpid() != parent
    if away and threading.current_thread() is threading.main_thread():
        # Signals reach the whole group; the parent passes them on as a wish, so that records are closed in order.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
    started_by = os.getppid()
    # On another machine there is no board: there a task runs to its end.
    board: Any = np.memmap(path, dtype=np.int64, mode="r+") if path.is_file() else [0] * (slot + 2)

    def heartbeat(steps: int) -> bool:
        board[slot] = steps
        # An orphan stops, so that nobody who goes on with its run finds it still at work.
        return not board[-1] and not (away and os.getppid() != started_by)

    try:
        if is_finished(task.folder, task.arm.total_timesteps):  # by another process, meanwhile
            return slot, bool(heartbeat(task.arm.total_timesteps)) or True
        return slot, bool(heartbeat(0)) and run_seed(task.arm, task.seed, task.folder, heartbeat)
    except BusyError as error:
        return slot, Busy(error)
    except Exception as error:  # the other tasks go on; this one is told at the end
        return slot, _told(error, task.folder)
    finally:
        if away and os.getppid() != started_by:
            os._exit(1)  # nobody hears the answer, and an idle worker would stay for minutes


def _told(error: Exception, folder: Path) -> str:
    """What broke, in a line; for what is no user's mistake and no full disk, the whole story is in a file."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    story = folder / "failure.txt"
    with contextlib.suppress(OSError):
        story.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    return f"{type(error).__name__}: {error} (see {story})"


def _leave(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
    """End at once, but take the workers along: the system's own way would leave them behind."""
    raise SystemExit(128 + signum)


@contextmanager
def _stopping(board: Any) -> Iterator[None]:
    """A first signal writes the wish to stop on the board; a second one ends the process as it would anyway."""

    def wish(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
        board[-1] = signum
        for number, handler in ordinary.items():
            signal.signal(number, handler)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ordinary = dict.fromkeys(SIGNALS, _leave) | {signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, wish) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _showing(board: Any, show: Callable[[Sequence[int]], None]) -> Iterator[None]:
    finished = threading.Event()

    def poll() -> None:
        while not finished.wait(POLL_SECONDS):
            show(board[:-1].tolist())

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
        show(board[:-1].tolist())
