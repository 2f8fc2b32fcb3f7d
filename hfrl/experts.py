"""The teacher ``expert``: people who know the action values of a trained agent, for worlds without a table.

Some experts ship with the package as plain arrays (``checkpoints/<world>.npz``: the widths and the weights of a dense
network); ``run=FOLDER`` takes the agent of any run instead. benchmarks/make_experts.py has made the shipped ones.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hfrl.judges import Hands, Opinion, Rated, graded, paid
from hfrl.reading import read_arrays
from hfrl.registry import nearest
from hfrl.types import Teacher, UserError

FOLDER = Path(__file__).with_name("checkpoints")
KINDS = ("label", "label01", "continuous", "reward", "takeover")
Values = Callable[[Any], Sequence[float]]
"""Action values of an observation."""


def shipped() -> dict[str, Path]:
    """The worlds that an expert ships for, and where it lies."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.npz"))}


def network_values(path: Path) -> Values:
    """The values of a shipped network: ``sizes`` (widths of its layers) and ``theta`` (all weights, float32).

    Raises:
        UserError: a file that cannot be read, or holds no such network.
    """
    from hfrl.nets import count, forward, layers_of  # late: a network loads the compiler of its parts

    arrays = read_arrays(path)
    sizes, theta = arrays.get("sizes", np.zeros(0)), arrays.get("theta", np.zeros(0))
    if sizes.ndim != 1 or sizes.dtype.kind != "i" or len(sizes) < 2 or theta.shape != (count(sizes.tolist()),):
        raise UserError(f"{path} holds no network: expected sizes, and theta of as many numbers as they say")
    layers = layers_of(theta.astype(np.float32), sizes.tolist())

    def values(observation: Any) -> Sequence[float]:
        numbers: list[float] = forward(layers, np.asarray(observation, np.float32).reshape(1, -1))[-1][0].tolist()
        return numbers

    return values


def run_values(run: str, env: Any) -> Values:
    """The values of the agent of a run. Raises UserError where it is none, or of a world that looks different."""
    from hfrl.record import find_runs, seed_folders
    from hfrl.saved import load_arm, load_session

    folder = find_runs(run)[-1]
    # Who taught it is not needed any more, and might be the expert of this very run.
    arm = dataclasses.replace(load_arm(folder), teacher="none")
    session = load_session(arm, seed_folders(folder)[0])
    session.close()
    for name in ("observation_space", "action_space"):
        there, here = getattr(session.env, name), getattr(env, name)
        if there != here:
            raise UserError(f"the expert of {run} was trained in another world: its {name} is {there}, not {here}")
    if not hasattr(session.agent, "q_values"):
        raise UserError(f"the agent of {run} ({session.arm.agent}) has no action values to judge by")
    values: Values = session.agent.q_values
    return values


def near_best(values: Sequence[float], tolerance: float) -> list[bool]:
    """Which actions are as good as the best within the tolerance.

    >>> near_best([1.0, 0.95, 0.0], 0.1)
    [True, True, False]
    """
    best = max(values) - tolerance
    return [value >= best for value in values]


def expert(
    env: Any,
    rng: np.random.Generator,
    run: str | None = None,
    kind: str = "label",
    tolerance: float = 0.0,
    hold: int = 5,
    slip: float = 0.0,
    first: int = 0,
    mix: float = 0.0,
) -> Teacher:
    """Somebody who judges by the values of a trained agent.

    Args:
        env: the world; see :func:`shipped` for those that have an expert.
        rng: of the choices of a driver.
        run: a run folder whose agent is the expert instead.
        kind: ``label``, ``label01``, ``continuous``, ``reward`` or ``takeover``, as :func:`hfrl.judges.judge` has them.
        tolerance: actions whose value is so near the best are equally good, in the values' own units.
        hold, slip, first, mix: see :class:`hfrl.judges.Hands`.

    Raises:
        UserError: no expert for this world, or a setting out of its range.
    """
    if kind not in KINDS:
        raise UserError(f"the kind of an expert must be one of {', '.join(KINDS)}, got {kind!r}")
    if not tolerance >= 0:
        raise UserError(f"tolerance must be 0 or more, got {tolerance}")
    if kind == "reward":
        return paid
    values = run_values(str(run), env) if run is not None else network_values(_path_of(env))
    if kind == "continuous":
        return Rated(lambda observation: graded(np.array([values(observation)]))[0].tolist())

    def good(observation: Any) -> Sequence[bool]:
        return near_best(values(observation), tolerance)

    return Hands(good, hold, slip, rng, first, mix) if kind == "takeover" else Opinion(good)


def _path_of(env: Any) -> Path:
    name = env.spec.id.rpartition("/")[2] if env.spec else type(env.unwrapped).__name__
    known = shipped()
    if name not in known:
        close = nearest(name, known)
        raise UserError(
            f"there is no expert for {name}{close} (there is one for {', '.join(known)}); give expert:run=FOLDER of an "
            "agent that you trained, or take the oracle where the world has a table P"
        )
    return known[name]
