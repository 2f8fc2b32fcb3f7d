"""Folders that are worked in by one process at a time, and named by what they hold.

The lock is the system's, on the folder itself: it goes with the process that held it, however that ends, so that nobody
has to clear it away after a crash.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from hfrl.types import UserError

#: Settings that no number depends on: seeds have folders of their own, the engines give the same bits, and the others
#: say what is kept of a run beside its records.
NOT_IN_THE_NUMBERS = ("seeds", "engine", "tensorboard", "save_freq", "keep_checkpoints")


class BusyError(UserError):
    """Another process is at work in a folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else works in this folder meanwhile. Raises BusyError where somebody does, at once."""
    try:
        import fcntl
    except ImportError:  # Windows has none: there a second run is not noticed
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(f"another process is at work in {folder}; wait for it, or stop it") from None
        yield
    finally:
        os.close(handle)


def digest(settings: Mapping[str, Any]) -> str:
    """A name for settings: the same for the same, in whatever order they are.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1, "b": 3})
    True
    """
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def cell_digest(config: Mapping[str, Any]) -> str:
    """A name for all that the numbers of a run depend on: its resolved config, and the version of this package."""
    counted = {key: value for key, value in config.items() if key not in NOT_IN_THE_NUMBERS}
    return digest({"hfrl": metadata.version("hfrl"), **counted})
