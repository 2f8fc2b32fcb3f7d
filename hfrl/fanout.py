"""Seeds and arms at work in parallel processes, with bars that move and a Ctrl-C that loses nothing.

Every task has a slot on a small board in shared memory, where it writes the steps it has done; the last slot is the
wish to stop, which every task reads at its heartbeat.
"""

import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np

from hfrl.config import Arm
from hfrl.experiment import run_seed
from hfrl.types import UserError

POLL_SECONDS = 0.2


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


def run_tasks(tasks: Sequence[Task], jobs: str, show: Callable[[Sequence[int]], None]) -> bool:
    """Run all tasks. Returns whether all ran to their end; a first Ctrl-C stops them early and keeps what was done.

    Args:
        tasks: independent of one another; the order does not change a result.
        jobs: see :func:`workers`.
        show: called a few times a second with the steps that each task has done.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "board"
        board: np.memmap[Any, np.dtype[np.int64]] = np.memmap(path, dtype=np.int64, mode="w+", shape=len(tasks) + 1)
        calls = [joblib.delayed(_run_task)(task, path, slot, os.getpid()) for slot, task in enumerate(tasks)]
        with (
            _stopping(board),
            _showing(board, show),
            joblib.parallel_config(backend="loky", inner_max_num_threads=1),
        ):
            done = joblib.Parallel(n_jobs=workers(jobs, len(tasks)))(calls)
    return all(done)


def _run_task(task: Task, path: Path, slot: int, parent: int) -> bool:
    if os.getpid() != parent:
        # Ctrl-C reaches the whole group; the parent passes it on as a wish, so that records are closed in order.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    board: np.memmap[Any, np.dtype[np.int64]] = np.memmap(path, dtype=np.int64, mode="r+")

    def heartbeat(steps: int) -> bool:
        board[slot] = steps
        return not board[-1]

    return bool(heartbeat(0)) and run_seed(task.arm, task.seed, task.folder, heartbeat)


@contextmanager
def _stopping(board: Any) -> Iterator[None]:
    """A first Ctrl-C writes the wish to stop on the board; a second one interrupts for good."""

    def wish(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
        board[-1] = 1
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, wish)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
