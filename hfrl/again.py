"""A run's steps, and what was said of each. No run records its steps: it is run again, or its log is replayed, which
gives the same bits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hfrl import teach
from hfrl.config import Arm
from hfrl.experiment import Session
from hfrl.reading import Arrays, read_arrays, read_json
from hfrl.record import is_session
from hfrl.types import Acted, Pressed, Step, UserError


class Again(NamedTuple):
    """A seed as it went.

    Attributes:
        steps: all of them, in their order.
        credits: of the index of each step that somebody judged: (value, share) of every press.
        learnt: what it had learnt at its end.
    """

    steps: list[Step]
    credits: Mapping[int, Sequence[tuple[float, float]]]
    learnt: Arrays


def run_again(run: Path, arm: Arm, folder: Path, most: int) -> Again:
    """A seed of a run or of a session once more.

    Args:
        run: its folder.
        arm: of the run.
        folder: of the seed, in it.
        most: steps that it may have; they are held in memory.

    Raises:
        UserError: it is longer, was cut off, or comes out otherwise than it was saved.
    """
    seed = int(folder.name.removeprefix("seed_"))
    again = _session_again(run, folder) if is_session(run) else _run_again(arm, seed, folder, most)
    if len(again.steps) > most:
        raise UserError(f"{folder} has {len(again.steps):,} steps, and at most {most:,} are taken")
    if not teach.equal(again.learnt, read_arrays(folder / "final.npz")):
        raise UserError(f"{folder} does not come out the same when it is run again: it was made by another version")
    return again


def _run_again(arm: Arm, seed: int, folder: Path, most: int) -> Again:
    """A headless run again: the same seed gives the same bits."""
    summary = read_json(folder / "summary.json")
    if not isinstance(summary, dict) or summary.get("finished") is not True:
        raise UserError(f"{folder} was stopped before its end, so it cannot be run again to the same point")
    if arm.total_timesteps > most:
        raise UserError(f"{folder} has {arm.total_timesteps:,} steps, and at most {most:,} are taken")
    session, steps = Session(arm, seed), []
    credits: dict[int, list[tuple[float, float]]] = {}
    for event in session.events():
        if isinstance(event, Acted):
            steps.append(event.step)
        elif isinstance(event, Pressed):
            for index, share in event.press.shares:
                credits.setdefault(index, []).append((event.press.feedback.value, share))
    learnt = session.arrays()
    session.close()
    return Again(steps, credits, learnt)


def _session_again(run: Path, folder: Path) -> Again:
    """A person's session again, from its log; what was taken back is not in it."""
    session, replayed, events = teach.replayed_events(teach.recorded_start(run, folder, trust=True), folder)
    steps = [event.step for event in events if isinstance(event, Acted)]
    said = replayed.memory.judgements()
    learnt = session.arrays()
    session.close()
    return Again(steps, {index: one.credits for index, one in said.items() if one.credits}, learnt)
