"""``plot --kind values|triangles|error|difference``: what saved agents learnt, in every cell of a grid world."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl import mdp, registry
from hfrl.config import Arm
from hfrl.experiment import Session
from hfrl.heat import Ground, ground_of
from hfrl.record import command_line, find_runs, seed_folders
from hfrl.saved import chosen_seed, load_arm, load_session
from hfrl.types import UserError

KINDS = ("values", "triangles", "error", "difference")


class Learnt(NamedTuple):
    """The action values of a run, the mean of its seeds: shape (states, actions). ``best`` are the exact ones."""

    arm: Arm
    ground: Ground
    q: NDArray[np.float64]
    best: NDArray[np.float64]
    start: int
    seeds: str


def run_maps(flags: Any) -> int:
    """Draw the maps of the runs that were asked for. Raises UserError."""
    if flags.kind not in KINDS:
        known = ("curve", "comparison", "filmstrip", *KINDS)
        raise UserError(f"unknown kind {flags.kind!r}{registry.nearest(flags.kind, known)} (known: {', '.join(known)})")
    runs = list(dict.fromkeys(run for path in flags.run for run in find_runs(path)))
    if flags.kind == "difference" and len(runs) != 2:
        raise UserError(f"--kind difference takes two runs, got {len(runs)}")
    learnt = [_learnt(run, flags.seed, flags.trust) for run in runs]
    path = Path(flags.out) if flags.out else runs[0] / "figures" / f"{flags.kind}.png"
    try:
        _draw(flags.kind, learnt, flags.state, path)
    except (OSError, ValueError) as error:
        raise UserError(f"the figure cannot be written: {error}") from error
    print(f"Figure: {path}")
    return 0


def _learnt(run: Path, seed: int | None, trust: bool) -> Learnt:
    arm = load_arm(run, trust)
    folders = seed_folders(run) if seed is None else [chosen_seed(run, seed)]
    one = f"seed {folders[0].name.removeprefix('seed_')}"
    return learnt_by(_sessions(arm, folders), one if len(folders) == 1 else f"mean of {len(folders)} seeds")


def _sessions(arm: Arm, folders: Sequence[Path]) -> Iterator[Session]:
    for folder in folders:
        session = load_session(arm, folder)
        try:
            yield session
        finally:
            session.close()


def learnt_by(sessions: Iterable[Session], who: str) -> Learnt:
    """What these sessions of one arm learnt, ``who`` in words. Raises UserError where there is nothing to map."""
    tables = []
    for session in sessions:
        arm, ground = session.arm, ground_of(session.env)
        if ground is None:
            raise UserError(f"{arm.env} is no grid, so it has no map; --kind curve draws its learning curves")
        if not has_values(session.agent):
            raise UserError(f"{arm.agent} keeps no action values, so there is nothing to map")
        table = mdp.from_env(session.env)
        tables.append([session.agent.q_values(state) for state in range(len(table.start))])
        best, start = mdp.q_star(table, min(session.agent.gamma, 1.0)), int(np.argmax(table.start))
    assert ground is not None
    return Learnt(arm, ground, np.mean(np.array(tables, dtype=np.float64), axis=0), best, start, who)


def has_values(agent: Any) -> bool:
    """Whether an agent keeps action values of its own."""
    return hasattr(agent, "q_values") and bool(set(agent.arrays()) - {"clock"})


def _draw(kind: str, learnt: Sequence[Learnt], state: int | None, path: Path) -> None:
    from hfrl import plot, plot_grid  # late: matplotlib is loaded where it draws

    drawn = [map_of(one, state) for one in learnt]
    command = command_line()
    if kind == "values":
        plot.save(lambda: plot_grid.values(drawn, command), path, command)
    elif kind == "triangles":
        plot.save(lambda: plot_grid.triangles(drawn, command, "Q(s, a)"), path, command)
    elif kind == "error":
        wrong = [one._replace(values=np.abs(one.values - best.best)) for one, best in zip(drawn, learnt, strict=True)]
        plot.save(lambda: plot_grid.triangles(wrong, command, "|Q(s, a) - Q*(s, a)|"), path, command)
    else:
        first, second = drawn
        if (first.shape, first.states, first.values.shape) != (second.shape, second.states, second.values.shape):
            raise UserError(f"--kind difference takes two runs of one world: {learnt[0].arm.env}, {learnt[1].arm.env}")
        plot.save(lambda: plot_grid.difference(first, second, command), path, command)


def map_of(learnt: Learnt, state: int | None) -> Any:
    """A :class:`hfrl.plot_grid.Map` of the cells as they are in ``state``, by default the first. Raises UserError."""
    from hfrl.plot_grid import Map

    states, actions = learnt.q.shape
    layer = learnt.start if state is None else state
    if not 0 <= layer < states:
        raise UserError(f"--state must be within 0 to {states - 1} in {learnt.arm.env}, got {layer}")
    cells = learnt.ground.states(layer)
    if all(cell is None or cell in learnt.ground.ends for cell in cells):
        raise UserError(
            f"nothing is chosen in state {layer} of {learnt.arm.env}, nor in any that differs in the cell alone"
        )
    moves = tuple(learnt.ground.move(action) for action in range(actions))
    layered = learnt.ground.layered
    title = f"{learnt.arm.env}: {learnt.arm.label}"
    note = f"{learnt.seeds}, cells as in state {layer}" if layered else learnt.seeds
    return Map(title, note, learnt.ground.shape, cells, learnt.ground.ends, moves, learnt.q)
