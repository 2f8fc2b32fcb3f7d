"""What the experiments of ``reproduce`` share: worlds and agents by name, and many seeds at once."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl import registry
from hfrl.compiled import Batch

BOOK = "S&B"
Settings = Mapping[str, Any]


def world(name: str, settings: Settings | None = None) -> Any:
    """A Gymnasium world, without the checker that repeats at every step what the tests check once."""
    return gymnasium.make(name, disable_env_checker=True, **(settings or {}))


def agent(name: str, env: Any, settings: Settings) -> Any:
    """An agent of the registry with its settings."""
    return registry.resolve(name, registry.AGENTS, "agent")(env, **settings)


def batch(env: Any, name: str, settings: Settings, runs: int, step_log: bool = False) -> Batch:
    """Runs 0 .. runs-1 of an agent, compiled."""
    return Batch(env, agent(name, env, settings), range(runs), step_log=step_log)


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The running mean over a window of points, for curves that are to be read; shorter at the ends."""
    kernel = np.ones(window)
    return np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same")
