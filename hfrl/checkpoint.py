"""Checkpoints: all that a run goes on from, in one file of plain arrays that stands whole or not at all.

    seed_<n>/checkpoints/step_<k>.npz

The last few are kept, and the one where a run ended or was stopped. Beside the arrays of the agent and of the person's
model each has ``run.state``: JSON, as bytes. A file is written by a thread while the run goes on, moved into place when
it is on the disk, and only then is the oldest one deleted.
"""

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfrl.reading import Arrays, parse_json, read_arrays
from hfrl.record import write_arrays
from hfrl.types import UserError

FOLDER = "checkpoints"
STATE = "run.state"
#: Of the state's form: a file of another one is refused.
VERSION = 1
#: What damaged plain data leads to.
DAMAGE = (KeyError, ValueError, TypeError, OverflowError, IndexError, AttributeError)
#: Each brings one file to the disk.
Syncs = Sequence[Callable[[], None]]


class Saved(NamedTuple):
    """A checkpoint as it was read: its file, the steps it had done, its arrays and its state."""

    path: Path
    step: int
    arrays: Arrays
    state: dict[str, Any]


def with_state(arrays: Mapping[str, Any], state: Mapping[str, Any]) -> Arrays:
    """The arrays, and the state among them."""
    text = json.dumps({"version": VERSION, **state}, allow_nan=False).encode()
    return {**arrays, STATE: np.frombuffer(text, dtype=np.uint8)}


def read(path: Path) -> Saved:
    """A checkpoint. Raises UserError where it is damaged."""
    arrays = read_arrays(path)
    try:
        state = parse_json(arrays.pop(STATE).tobytes())
        if state["version"] != VERSION:
            raise UserError(f"{path} was written by another version of hfrl, and cannot be gone on from")
        step = state["step"]
        if not isinstance(step, int) or step < 0:
            raise ValueError(f"it says that {step!r} steps were done")
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    return Saved(path, step, arrays, state)


def latest(folder: Path, say: Callable[[str], None], fault: Callable[[Path, Saved], str | None]) -> Saved | None:
    """The checkpoint of a seed's folder that is farthest on, None where there is none.

    Args:
        folder: of the seed.
        say: told of a checkpoint that is damaged, or has a fault, and is passed over.
        fault: of a checkpoint, in words; None for none.
    """
    for path in reversed(numbered(folder)):
        try:
            saved = read(path)
            wrong = fault(folder, saved)
        except (UserError, *DAMAGE) as error:
            wrong = str(error)
        if wrong is None:
            return saved
        say(f"{wrong}; going on from an earlier checkpoint, or the beginning")
    return None


def numbered(folder: Path) -> list[Path]:
    """The checkpoints of a seed, by step."""
    paths = [path for path in (folder / FOLDER).glob("step_*.npz") if path.stem[5:].isdigit()]
    return sorted(paths, key=lambda path: int(path.stem[5:]))


def clear_leftovers(folder: Path) -> None:
    """Files that were being written when a run was killed."""
    for path in (*folder.glob(".*.npz.*"), *(folder / FOLDER).glob(".*.npz.*"), *folder.glob(".*.json.*")):
        path.unlink(missing_ok=True)


class Writer:
    """Writes the checkpoints of one seed, one at a time, in a thread.

    Args:
        folder: of the seed.
        keep: how many are kept, at least 1.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def write(self, arrays: Arrays, state: Mapping[str, Any], first: Syncs, last: Sequence[Path]) -> None:
        """Begin to write; waits for the one before it.

        Args:
            arrays, state: of the checkpoint; nobody changes them any more.
            first: brings to the disk what the checkpoint counts on, the logs.
            last: files that are deleted when it stands.

        Raises:
            OSError: the one before could not be written.
        """
        self.finish()
        self._thread = threading.Thread(target=self._work, args=(arrays, state, first, last), name="checkpoint")
        self._thread.start()

    def _work(self, arrays: Arrays, state: Mapping[str, Any], first: Syncs, last: Sequence[Path]) -> None:
        try:
            for sync in first:
                sync()
            (self._folder / FOLDER).mkdir(exist_ok=True)
            write_arrays(self._folder / FOLDER / f"step_{state['step']}.npz", with_state(arrays, state))
            for path in (*last, *numbered(self._folder)[: -self._keep]):
                path.unlink(missing_ok=True)
        except Exception as error:  # handed to the run, which ends with it
            self._error = error

    def wait(self) -> None:
        """Wait until nothing is being written."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def finish(self) -> None:
        """Wait until the last one is on the disk. Raises OSError where it could not be written."""
        self.wait()
        if self._error is not None:
            error, self._error = self._error, None
            raise error


def sync(file: Any) -> Callable[[], None]:
    """What brings an open file to the disk from another thread."""
    handle = os.dup(file.fileno())

    def work() -> None:
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    return work
