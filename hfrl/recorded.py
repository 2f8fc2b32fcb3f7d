"""The teacher ``recorded``: somebody who says what the person of a recorded session said, as often, of the same actions
in the same states. It stands in when the person is tired.

The session is replayed (a headless run is run again), so its steps and the credit of every press are those that it had
itself. What was said of a pair (observation, action) is counted; of a pair that the person never judged it says
nothing. Where observations are a Box of a few numbers, what was said is counted for the tiles that H is learnt with: of
an observation it says what the person said of those that share tiles with it, each as often as it shares them.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfrl import build
from hfrl.again import run_again
from hfrl.config import Arm
from hfrl.feedback import read_presses
from hfrl.loop import MOST_TILED, human_model
from hfrl.models import HumanTiles
from hfrl.reading import named
from hfrl.record import find_runs, is_session, seed_folders
from hfrl.saved import load_arm
from hfrl.tabular import discrete_parts, rows_of
from hfrl.teachers import NOTHING, press
from hfrl.types import Feedback, Step, UserError

#: A session or a run may have so many steps: each is played again.
MOST_STEPS = 200_000
LOG = "feedback.jsonl"
Pair = tuple[int, int]
"""The row of an observation, and an action."""


class Habit(NamedTuple):
    """How often somebody praises, blames, and is neutral in words, of 1; the rest is silence."""

    praise: float
    blame: float
    neutral: float


def habit(visits: int, praises: float, blames: float, neutral: float) -> Habit:
    """Words per judged step: a share of a press's credit is the probability that the press was about the step.

    Where there were more words than steps, of the words.

    >>> habit(4, 1.5, 0.5, 0.0), habit(1, 3.0, 1.0, 0.0)
    (Habit(praise=0.375, blame=0.125, neutral=0.0), Habit(praise=0.75, blame=0.25, neutral=0.0))
    """
    most = max(visits, praises + blames + neutral)
    return Habit(praises / most, blames / most, neutral / most)


class Counts:
    """What was said of each pair.

    Args:
        rows: observation -> its number, or those of its tiles.
    """

    def __init__(self, rows: Callable[[Any], Sequence[int]]) -> None:
        self._rows = rows
        self._said: dict[Pair, list[float]] = {}

    def add(self, steps: Iterable[Step], credits: Mapping[int, Sequence[tuple[float, float]]]) -> None:
        """Count the steps of a seed that were judged: in words, or by the silence of somebody who attended. What a
        person drove themselves counts where it was judged in words."""
        for step in steps:
            said = credits.get(step.index, ())
            if not said and not (step.taught and step.actor == "agent"):
                continue
            for row in self._rows(step.observation):
                counts = self._said.setdefault((row, int(step.action)), [0, 0.0, 0.0, 0.0])
                counts[0] += 1
                for value, share in said:
                    counts[1 if value > 0 else 2 if value < 0 else 3] += share

    def habit(self, observation: Any, action: int) -> Habit | None:
        """The frequencies of an action in an observation; None where neither it nor its like was judged."""
        pairs = ((row, action) for row in self._rows(observation))
        known = [self._said[pair] for pair in pairs if pair in self._said]
        if not known:
            return None
        visits, *words = (sum(column) for column in zip(*known, strict=True))
        return habit(int(visits), *words)

    def habits(self) -> dict[Pair, Habit]:
        """The frequencies of each pair (of a tile and an action) that was judged."""
        return {pair: habit(int(visits), *words) for pair, (visits, *words) in self._said.items()}


class Recorded:
    """Praises (+1), blames (-1), is neutral (0) or silent as the person was; silent of what they never judged.

    Args:
        counts: what they said.
        rng: one draw a step decides.
    """

    constants = ("counts",)

    def __init__(self, counts: Counts, rng: np.random.Generator) -> None:
        self.counts = counts
        self._rng = rng

    def __call__(self, step: Step) -> Sequence[Feedback]:
        u = self._rng.random()
        known = self.counts.habit(step.observation, int(step.action))
        if known is None:
            return NOTHING
        for word, frequency in zip((1.0, -1.0, 0.0), known, strict=True):
            if u < frequency:
                return (press(step, word),)
            u -= frequency
        return NOTHING


# --- from a folder ---------------------------------------------------------------------------------------------------


def recorded(env: Any, rng: np.random.Generator, run: str = "") -> Recorded:
    """The teacher's maker.

    Args:
        env: the world, the same as the recorded one, with observations that can be numbered, or of a few numbers.
        rng: the teacher's own.
        run: the folder of a session of ``play`` or of a headless run, the folder of one of its seeds, or the
            ``feedback.jsonl`` in that. All seeds of a folder are one person.

    Raises:
        UserError: no such folder, another world, a log that is damaged or without a press, a run that comes out
            otherwise than it was saved, or one that names code.
    """
    if run == "":
        raise UserError("teacher recorded needs a session or a run: recorded:run=FOLDER")
    _rows_in(env)
    with named("teacher recorded:"):
        folder, seeds = _found(str(run))
        arm = load_arm(folder)
        _check_origin(folder, arm)
        _check_world(folder, arm, env)
        counts = _counts(folder, seeds, _stamp(seeds))
    return Recorded(counts, rng)


def _rows_in(env: Any) -> Callable[[Any], Sequence[int]]:
    """Observation -> what it is counted under: its number, or the tiles that H has. Raises UserError."""
    space = env.observation_space
    if discrete_parts(space) is not None:
        row = rows_of(space).row
        return lambda observation: (row(observation),)
    model = human_model(env)
    if isinstance(model, HumanTiles):
        active = model.features.active
        return lambda observation: active(observation)[0].tolist()
    raise UserError(
        "teacher recorded counts what was said in each state, and needs observations that can be numbered, or a Box of "
        f"up to {MOST_TILED} numbers, got {' '.join(str(space).split())}"
    )


def _found(path: str) -> tuple[Path, tuple[Path, ...]]:
    """The run folder at or below a path, and those of its seeds that are meant."""
    given = Path(path).parent if Path(path).name == LOG and Path(path).is_file() else Path(path)
    folder = find_runs(str(given))[-1]
    if (folder / "seed_0" / "pooled.json").is_file():
        raise UserError(f"{folder} pools the presses of several sessions, and has no steps: give one of the sessions")
    seeds = seed_folders(folder)
    chosen = tuple(one for one in seeds if given.name == one.name and given.parent == one.parent)
    return folder, chosen or tuple(seeds)


def _check_origin(run: Path, arm: Arm) -> None:
    """Who was taught by a recording could have been taught by itself, round and round."""
    if any(spec.name == "recorded" for spec in build.teacher_specs(arm.teacher)):
        raise UserError(f"{run} was itself taught by a recorded person: give the run that {arm.teacher!r} names")


def _check_world(run: Path, arm: Arm, env: Any) -> None:
    there = build.make_env(arm.env, arm.env_kwargs)
    try:
        parts = ("id", "settings", "observations", "actions")
        for what, one, other in zip(parts, _world(there), _world(env), strict=True):
            if one != other:
                raise UserError(f"the person of {run} taught in another world ({what}: {one}, here {other})")
    finally:
        there.close()


def _world(env: Any) -> tuple[Any, ...]:
    """What makes a world that one, as far as can be seen from outside."""
    name = env.spec.id if env.spec else type(env.unwrapped).__name__
    settings = {key: value for key, value in (env.spec.kwargs if env.spec else {}).items() if key != "render_mode"}
    return name, settings, env.observation_space, env.action_space


def _stamp(seeds: Sequence[Path]) -> tuple[int, ...]:
    """When the logs were written: one that is written anew is read anew."""
    return tuple((folder / LOG).stat().st_mtime_ns if (folder / LOG).is_file() else 0 for folder in seeds)


@functools.lru_cache(maxsize=4)  # each seed of a run makes its teacher anew
def _counts(run: Path, seeds: Sequence[Path], stamp: Sequence[int]) -> Counts:  # noqa: ARG001
    """What the person of these seeds said of each pair."""
    arm = load_arm(run)
    env = build.make_env(arm.env, arm.env_kwargs)
    counts = Counts(_rows_in(env))
    env.close()
    for folder in seeds:
        logged = _logged(folder / LOG)
        steps, replayed, _ = run_again(run, arm, folder, MOST_STEPS)
        credits = replayed if is_session(run) else logged
        if not credits.keys() <= {step.index for step in steps}:
            raise UserError(f"{folder / LOG} is damaged: it has presses about steps that were not taken")
        counts.add(steps, credits)
    if not any(map(sum, counts.habits().values())):
        raise UserError(f"{run} holds no press: its person never said anything")
    return counts


def _logged(path: Path) -> dict[int, list[tuple[float, float]]]:
    """(value, share) of every press about a step, as its log has them. Raises UserError."""
    presses = read_presses(path)
    credits: dict[int, list[tuple[float, float]]] = {}
    for row, value in enumerate(presses.value.tolist()):
        for index, share in presses.shares(row):
            if not 0 <= share <= 1:
                raise UserError(f"{path} is damaged: a share of credit is {share}, expected 0 to 1")
            credits.setdefault(index, []).append((value, share))
    return credits
