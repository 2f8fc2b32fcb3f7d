"""One seed of one arm: the loop, its records and its evaluations."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hfrl import build, engine
from hfrl.blend import Switch
from hfrl.board import Board
from hfrl.config import Arm
from hfrl.loop import Evaluation, evaluate, play, shown_at
from hfrl.reading import Arrays, check_like
from hfrl.record import (
    FeedbackLog,
    Monitor,
    Progress,
    write_arrays,
    write_json,
)
from hfrl.seeding import streams
from hfrl.types import Acted, Event, Feedback, Learnt, Press, Step, Update, UserError

if TYPE_CHECKING:
    from hfrl.compiled import Batch

#: How often, in steps, a run reports its progress and asks whether it should stop.
HEARTBEAT = 1024
#: The same for the compiled engine: some milliseconds of its time.
CHUNK = 1 << 16


class Evaluations:
    """What ``evaluations.npz`` holds: Stable-Baselines3's keys, and beside them taste, presses and the guided agent."""

    def __init__(self) -> None:
        self.timesteps: list[int] = []
        self.presses: list[int] = []
        self.alone: list[Evaluation] = []
        self.with_h: list[Evaluation] = []

    def arrays(self) -> Arrays:
        """One row per evaluation, one column per episode."""
        result: Arrays = {
            "timesteps": np.array(self.timesteps, dtype=np.int64),
            "results": np.array([e.returns for e in self.alone]),
            "ep_lengths": np.array([e.lengths for e in self.alone]),
            "presses": np.array(self.presses, dtype=np.int64),
            "results_with_h": np.array([e.returns for e in self.with_h]),
        }
        if self.alone and self.alone[0].tastes is not None:
            result["tastes"] = np.array([e.tastes for e in self.alone])
            result["tastes_with_h"] = np.array([e.tastes for e in self.with_h])
        return result


class Session:
    """The parts of one seed of one arm, wired together, and the numbers that are counted while it runs."""

    def __init__(self, arm: Arm, seed: int) -> None:
        self.arm = arm
        self.seed = seed
        draws = streams(seed)
        self.evaluation_seed = draws.evaluation
        self.env = build.make_env(arm.env, arm.env_kwargs)
        self.evaluation_env = build.make_env(arm.env, arm.env_kwargs)
        self.agent = build.make_agent(arm, self.env)
        self.switch = build.make_switch(arm, self.env, self.agent)
        self.teacher = build.make_teacher(arm, self.env, draws.teacher, self.agent, self.switch)
        self.credit = build.make_credit(arm)
        #: Whether H takes part in the behaviour, so that the agent alone is not what acted.
        self.guided = bool(self.switch.blend.bias or self.switch.blend.mix)

    def events(self) -> Iterator[Event]:
        """The river, for as many steps as the arm asks for."""
        arm = self.arm
        return play(self.env, self.agent, self.teacher, self.switch, self.credit, self.seed, steps=arm.total_timesteps)

    def evaluate(self, episodes: int, with_h: bool) -> Evaluation:
        """The agent alone, or with H in its policy."""
        switch: Switch | None = self.switch if with_h else None
        return evaluate(self.evaluation_env, self.agent, episodes, self.evaluation_seed, switch)

    def arrays(self) -> Arrays:
        """Everything that was learnt: the agent's arrays and H's."""
        learnt: Arrays = dict(self.agent.arrays())
        if hasattr(self.switch.model, "arrays"):
            learnt |= self.switch.model.arrays()
        learnt |= self.switch.arrays()
        return learnt

    def restore(self, arrays: Arrays) -> None:
        """The inverse of :meth:`arrays`. Raises UserError where they do not fit."""
        try:
            check_like(self.arrays(), arrays)
            self.agent.restore(arrays)
            if hasattr(self.switch.model, "restore"):
                self.switch.model.restore(arrays)
            self.switch.restore(arrays)
        except (KeyError, ValueError, TypeError, OverflowError, IndexError) as error:
            raise UserError(f"the saved agent does not fit {self.arm.agent} in {self.arm.env}: {error}") from error

    def close(self) -> None:
        """Close both worlds."""
        self.env.close()
        self.evaluation_env.close()


class Recorder:
    """Writes what flows by into the folder of one seed."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._monitor = Monitor(folder / "monitor.csv", session.arm.env)
        self._log = FeedbackLog(folder / "feedback.jsonl")
        self._progress = Progress(folder / "progress.csv")
        self._board = Board(folder) if session.arm.tensorboard else None
        self._evaluations = Evaluations()
        self._started = time.perf_counter()
        self._evaluating = 0.0
        self._return, self._length = 0.0, 0
        self._clear()

    def _clear(self) -> None:
        """Start the sums between two rows of progress.csv."""
        self._returns = self._lengths = self._errors = self._signals = self._feedback = 0.0
        self._episodes = self._updates = self._presses = 0

    def acted(self, step: Step) -> None:
        """Count the step, and close its episode where it ends."""
        self._return += step.reward
        self._length += 1
        if step.terminated or step.truncated:
            self.episode(self._return, self._length)
            self._return, self._length = 0.0, 0

    def episode(self, total: float, length: int) -> None:
        """Count an episode that has ended."""
        self._monitor.episode(total, length)
        self._returns += total
        self._lengths += length
        self._episodes += 1

    def learnt(self, update: Update) -> None:
        """Add an update to the sums."""
        self.summed(abs(update.error), update.signal, 1)

    def summed(self, errors: float, signals: float, updates: int) -> None:
        """Add so many updates to the sums."""
        self._errors += errors
        self._signals += signals
        self._updates += updates

    def pressed(self, press: Press) -> None:
        """Log a press."""
        feedback, step, shares = press
        self.fed_back(feedback, step.index, step.episode, shares)

    def fed_back(self, feedback: Feedback, index: int, episode: int, shares: Sequence[tuple[int, float]]) -> None:
        """Log a press that came while step ``index`` of ``episode`` was on the screen."""
        self._log.press(feedback, index, episode, shares)
        self._feedback += feedback.value
        self._presses += 1

    def evaluated(self, steps: int) -> None:
        """Evaluate after so many steps, unless that was done (a run may be stopped there); write a row of progress."""
        before = time.perf_counter()
        arm, held = self._session.arm, self._evaluations
        if held.timesteps and held.timesteps[-1] == steps:
            return
        alone = self._session.evaluate(arm.eval_episodes, with_h=False)
        # Where no port of the behaviour reads H, the guided agent is the agent.
        guided = self._session.evaluate(arm.eval_episodes, with_h=True) if self._session.guided else alone
        held.timesteps.append(steps)
        held.presses.append(self._log.presses)
        held.alone.append(alone)
        held.with_h.append(guided)
        row = self._row(steps, alone)
        self._progress.row(row)
        if self._board is not None:
            self._board.row(row)
        self._clear()
        self._evaluating += time.perf_counter() - before

    def _row(self, steps: int, alone: Evaluation) -> dict[str, float | None]:
        return {
            "time/total_timesteps": steps,
            "time/time_elapsed": time.perf_counter() - self._started,
            "rollout/ep_rew_mean": self._returns / self._episodes if self._episodes else None,
            "rollout/ep_len_mean": self._lengths / self._episodes if self._episodes else None,
            "eval/mean_reward": float(alone.returns.mean()),
            "eval/mean_taste": None if alone.tastes is None else float(alone.tastes.mean()),
            "human/presses": self._log.presses,
            "human/mean_feedback": self._feedback / self._presses if self._presses else None,
            "shaping/mean_signal": self._signals / self._updates if self._updates else None,
            "td/mean_abs_error": self._errors / self._updates if self._updates else None,
        }

    def close(self) -> None:
        """Nothing recorded is lost: the logs are synced and the agent as it is now is saved."""
        for growing in (self._monitor, self._log, self._progress):
            growing.close()
        if self._board is not None:
            self._board.close()
        write_arrays(self._folder / "final.npz", self._session.arrays())

    def summarise(self, done: bool) -> None:
        """Write the evaluations, and last of all the summary: where it stands, the seed's folder is whole."""
        held = self._evaluations
        learning = time.perf_counter() - self._started - self._evaluating
        write_arrays(self._folder / "evaluations.npz", held.arrays())
        alone, guided = held.alone[-1], held.with_h[-1]
        summary = {
            "finished": done,
            "total_timesteps": held.timesteps[-1],
            "return": float(alone.returns.mean()),
            "taste": None if alone.tastes is None else float(alone.tastes.mean()),
            "return_with_h": float(guided.returns.mean()),
            "taste_with_h": None if guided.tastes is None else float(guided.tastes.mean()),
            "feedback": held.presses[-1],
            "wall_s": time.perf_counter() - self._started,
            "steps_per_second": held.timesteps[-1] / learning,
        }
        write_json(self._folder / "summary.json", summary)


def run_seed(arm: Arm, seed: int, folder: Path, heartbeat: Callable[[int], bool]) -> bool:
    """Run one seed and write its folder. Returns whether it ran to the end.

    Args:
        arm: what to run.
        seed: of everything random.
        folder: of this seed, made already.
        heartbeat: called with the steps done, now and then; answers whether to go on. What was done is kept either way.
    """
    session = Session(arm, seed)
    recorder = Recorder(session, folder)
    consume = _consume_compiled if arm.engine == "compiled" else _consume
    try:
        steps = consume(session, recorder, heartbeat)
        recorder.evaluated(steps)
    finally:
        recorder.close()
        session.close()
    done = steps == arm.total_timesteps
    recorder.summarise(done)
    return done


def _consume(session: Session, recorder: Recorder, heartbeat: Callable[[int], bool]) -> int:
    """Let the river flow to its end, or until the heartbeat says stop; returns the steps that were learnt from."""
    total, frequency = session.arm.total_timesteps, session.arm.eval_freq
    for event in session.events():
        if isinstance(event, Acted):
            step = event.step
            done = step.index  # this step has been taken, and is not learnt yet
            if done and frequency and done % frequency == 0:
                recorder.evaluated(done)
            if done % HEARTBEAT == 0 and not heartbeat(done):
                return done
            recorder.acted(step)
        elif isinstance(event, Learnt):
            if event.update is not None:
                recorder.learnt(event.update)
        else:
            recorder.pressed(event.press)
    heartbeat(total)
    return total


def _consume_compiled(session: Session, recorder: Recorder, heartbeat: Callable[[int], bool]) -> int:
    """What :func:`_consume` does, by the compiled twin of the loop: in pieces that end where an evaluation is due."""
    arm = session.arm
    total, frequency = arm.total_timesteps, arm.eval_freq or arm.total_timesteps
    batch = engine.batch_of(arm, session.env, session.agent, session.switch.blend, (session.seed,))
    done, going = 0, heartbeat(0)
    while going and done < total:
        goal = min(done + CHUNK, total, (done // frequency + 1) * frequency)
        batch.run(steps=goal - done)
        done = goal
        for gained, length in zip(batch.returns[0], batch.lengths[0], strict=True):
            recorder.episode(gained, length)
        for index, episode, value in batch.presses(0):
            recorder.fed_back(Feedback(float(value), shown_at(index, episode)), index, episode, ((index, 1.0),))
        going = heartbeat(done)
        if done % frequency == 0 and done < total:
            _catch_up(session, recorder, batch, done)
            recorder.evaluated(done)
    _catch_up(session, recorder, batch, done)
    return done


def _catch_up(session: Session, recorder: Recorder, batch: "Batch", done: int) -> None:
    """Bring agent, person's model, counters and sums to where the batch stands."""
    learnt = batch.arrays(0)
    with _no_collection():
        session.agent.restore(learnt)
        if "h_mean" in learnt:  # else nobody teaches, and there is no H to bring along
            session.switch.model.restore(learnt)
    # Counted as the loop counts: an episode is over when the next one begins.
    behind = int(batch.count("fresh")[0]) if done == session.arm.total_timesteps else 0
    session.switch.index, session.switch.episode = done, max(0, int(batch.count("episode")[0]) - behind)
    errors, signals, updates = (float(batch.summed(name)[0]) for name in ("errors", "signals", "updates"))
    recorder.summed(errors, signals, int(updates))
    batch.clear_sums()


@contextmanager
def _no_collection() -> Iterator[None]:
    """A table becomes thousands of lists at once, none of them in a circle: the collector would walk over all of them
    again and again, which takes longer than making them."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()
