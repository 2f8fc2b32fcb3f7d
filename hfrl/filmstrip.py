"""``plot --kind filmstrip``: what a seed would do after so many steps, from the checkpoints that were kept.

In a grid world a map of what it expected and where it would go, in any other an episode in pictures, each from the
agent as it began to the last checkpoint.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hfrl import checkpoint, film, maps
from hfrl.config import Arm
from hfrl.experiment import Session
from hfrl.heat import ground_of
from hfrl.record import command_line, find_runs
from hfrl.saved import load_arm
from hfrl.screen import looked_at
from hfrl.types import UserError

KIND = "filmstrip"
#: Agents that are shown at most, and pictures of each episode.
MOST, PICTURES = 6, 6
#: With fewer checkpoints it is said how to keep more.
ENOUGH = 3


def run_filmstrip(flags: Any) -> int:
    """Draw the strip of a run. Raises UserError."""
    runs = list(dict.fromkeys(run for path in flags.run for run in find_runs(path)))
    if len(runs) != 1:
        raise UserError(f"--kind {KIND} takes one run, got {len(runs)}")
    run = runs[0]
    arm = load_arm(run, flags.trust)
    folder = run / f"seed_{arm.seeds[0] if flags.seed is None else flags.seed}"
    if not folder.is_dir():
        raise UserError(f"{run} has no {folder.name.replace('_', ' ')} (there are {', '.join(map(str, arm.seeds))})")
    kept = checkpoint.numbered(folder)
    if not kept:
        raise UserError(f"{folder} has no checkpoints to show; {_more(arm)}")
    shown = film.spread([None, *kept], MOST)  # None: as it began
    path = Path(flags.out) if flags.out else run / "figures" / f"{KIND}.png"
    try:
        _draw(arm, int(folder.name.removeprefix("seed_")), shown, flags.state, path)
    except (OSError, ValueError) as error:
        raise UserError(f"the figure cannot be written: {error}") from error
    print(f"Figure: {path}")
    if len(kept) < ENOUGH:
        print(f"Only {len(kept)} checkpoint(s) of it are there; {_more(arm)}")
    return 0


def _more(arm: Arm) -> str:
    every = max(1, arm.total_timesteps // (MOST - 1))
    return f"train with --save-freq {every} --keep-checkpoints {MOST} keeps enough of them"


def _draw(arm: Arm, seed: int, shown: Sequence[Path | None], state: int | None, path: Path) -> None:
    from hfrl import plot, plot_film, plot_grid  # late: matplotlib is loaded where it draws

    session, command = Session(arm, seed), command_line()
    try:
        ground = ground_of(session.env)
        if ground is not None and maps.has_values(session.agent):
            name = f"{arm.env}: {arm.label}"
            drawn = [
                maps.map_of(maps.learnt_by([one], name), state)._replace(title=when)
                for one, when in agents(session, shown)
            ]
            plot.save(lambda: plot_grid.values(drawn, command), path, command)
            return
        if state is not None:
            raise UserError(f"--state chooses what a map shows, and {arm.env} has none for {arm.agent}")
        strips = [_strip(one, when) for one, when in agents(session, shown)]
        plot.save(lambda: plot_film.figure(strips, PICTURES, command), path, command)
    finally:
        session.close()


def agents(session: Session, shown: Sequence[Path | None]) -> Iterator[tuple[Session, str]]:
    """The session as it was at each checkpoint (None: as it began), and after how many steps in words."""
    for path in shown:
        if path is None:
            yield session, "before it learnt"
        else:
            saved = checkpoint.read(path)
            session.restore(saved.arrays)
            yield session, f"after {saved.step:,} steps"


def _strip(session: Session, when: str) -> Any:
    from hfrl.plot_film import Strip

    env = looked_at(session, "rgb_array")
    try:
        with film.unseen():
            shots = film.spread(list(film.thinned(film.shots(session, env, 1), PICTURES)), PICTURES)
    finally:
        env.close()
    return Strip(f"{when}: {shots[-1].outcome}", film.pictures(shots))
