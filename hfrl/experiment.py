"""One seed of one arm: the loop or its compiled twin, in pieces between which it is recorded, evaluated and saved.

The end of a piece is a pause of the loop, and so is the end of a run: nothing is flushed there. So a run that was
stopped, killed or is to go on for longer continues from its last checkpoint as if nothing had happened.
"""

import gc
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, time
from typing import Any, Protocol

import numpy as np

from hfrl import build, checkpoint, engine
from hfrl.abreast import collect
from hfrl.blend import Switch
from hfrl.cells import locked
from hfrl.checkpoint import DAMAGE, Saved
from hfrl.config import NO_CHECKPOINTS, Arm
from hfrl.footprints import Footprints, Walker, walk
from hfrl.loop import Evaluation, Metronome, Place, UnderWay, beginning, evaluate, play, shown_at
from hfrl.plain import decoded, encoded
from hfrl.reading import Arrays, check_like
from hfrl.record import Entry, write_arrays
from hfrl.recorder import Recorder, lines_missing
from hfrl.remembered import give_back, state_of
from hfrl.seeding import streams
from hfrl.types import Acted, Event, Feedback, Learnt, UserError

#: How often, in steps, a run reports its progress and asks whether it should stop.
HEARTBEAT = 1024
#: The same for the compiled engine: some milliseconds of its time.
CHUNK = 1 << 16


class Session:
    """The parts of one seed of one arm, wired together, and the numbers that are counted while it runs."""

    def __init__(self, arm: Arm, seed: int) -> None:
        self.arm = arm
        self.seed = seed
        draws = streams(seed)
        self.evaluation_seed = draws.evaluation
        self.env = build.make_env(arm.env, arm.env_kwargs)
        self.evaluation_env = build.make_env(arm.env, arm.env_kwargs)
        self.envs = build.make_envs(arm) if arm.num_envs > 1 else None
        self.agent = build.make_agent(arm, self.env)
        self.switch = build.make_switch(arm, self.env, self.agent)
        self.teacher = build.make_teacher(arm, self.env, draws.teacher, self.agent, self.switch)
        self.credit = build.make_credit(arm)
        #: Whether H takes part in the behaviour, so that the agent alone is not what acted.
        blend = self.switch.blend
        self.guided = bool(blend.bias or blend.mix or blend.extends == "action")

    def events(self, place: Place | None = None, steps: int | None = None) -> Generator[Event, None, Place]:
        """The river from a place on, for so many steps; from the beginning, for as many as the arm asks for."""
        if self.envs is not None:
            raise UserError(f"a run of --num-envs {self.arm.num_envs} {NO_CHECKPOINTS}, nor played again step by step")
        steps = self.arm.total_timesteps if steps is None else steps
        return play(self.env, self.agent, self.teacher, self.switch, self.credit, self.seed, steps=steps, place=place)

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
        if self.envs is not None:
            self.envs.close()


class Engine(Protocol):
    """What moves a session on: the Python loop, or the compiled kernel.

    Attributes:
        piece: steps after which it is asked to pause, so that a run can be stopped.
    """

    piece: int

    def run(self, steps: int, recorder: Recorder) -> None:
        """Go on for so many steps."""
        ...

    def settle(self, recorder: Recorder) -> None:
        """Bring the session's agent and the recorder's sums to where the engine stands, for an evaluation."""
        ...

    def save(self) -> tuple[Arrays, dict[str, Any]] | None:
        """Arrays and state that :meth:`go_on` takes; None where it cannot be gone on from here, in the middle of an
        episode of a world that cannot be stood there."""
        ...

    def go_on(self, saved: Saved) -> None:
        """Stand where another one was saved. Raises UserError."""
        ...


class Stepping:
    """The loop, step by step."""

    def __init__(self, session: Session) -> None:
        self.piece = HEARTBEAT
        self._session = session
        self._place = beginning(session.agent, session.switch, session.seed)
        self._walker = Walker(session.env, self._place.world_seed)
        self._stands: bool | None = None  # whether the world can be stood in the middle of an episode

    def run(self, steps: int, recorder: Recorder) -> None:
        """Let the river flow. What is counted at every step is counted here, in plain variables: as calls it would cost
        a fifth of the loop."""
        walker, step = self._walker, None
        took, total = walker.actions.append, recorder.gained
        ended: list[tuple[float, int, float]] = []
        heard: list[Entry] = []
        errors, signals, updates = recorder.sums
        events: Iterator[Any] = self._session.events(self._place, steps)
        try:
            for event in events:  # which move the place on
                kind = type(event)
                if kind is Learnt:
                    update = event.update
                    if update is not None:
                        errors += abs(update.error)
                        signals += update.signal
                        updates += 1
                elif kind is Acted:
                    step = event.step
                    took(step.action)
                    total += step.reward
                    if step.terminated or step.truncated:
                        ended.append((total, walker.over(), perf_counter()))
                        total, step = 0.0, None
                else:
                    feedback, on_screen, shares = event.press
                    heard.append((feedback, on_screen.index, on_screen.episode, shares, time()))
        finally:
            recorder.gained, recorder.sums = total, (errors, signals, updates)
            recorder.ended(ended)
            recorder.heard(heard)
            walker.stands(step, total)

    def settle(self, recorder: Recorder) -> None:
        """The loop works on the session itself."""

    def save(self) -> tuple[Arrays, dict[str, Any]] | None:
        """All that goes on from here."""
        session, place = self._session, self._place
        way = self._walker.footprints()
        if way.seen is not None and not self._can_stand(way):
            return None
        assert isinstance(place.clock, Metronome)
        switch = session.switch
        state: dict[str, Any] = {
            "engine": "python",
            "place": [place.index, place.episode, place.world_seed],
            "uniforms": place.uniforms.state(),
            "clock": [place.clock.ticks, place.clock.pauses],
            "under_way": None if place.under_way is None else encoded(tuple(place.under_way)),
            "switch": [switch.index, switch.episode, encoded(switch.previous), encoded(switch.entered)],
            "world": list(way),
            "teacher": state_of(session.teacher),
            "credit": state_of(session.credit),
        }
        return session.arrays(), state

    def _can_stand(self, way: Footprints) -> bool:
        if self._stands is None:
            twin = build.make_env(self._session.arm.env, self._session.arm.env_kwargs)
            try:
                self._stands = walk(twin, way)
            finally:
                twin.close()
        return self._stands

    def go_on(self, saved: Saved) -> None:
        """Stand where another session stood."""
        session, state = self._session, saved.state
        session.restore(saved.arrays)
        index, episode, world_seed = state["place"]
        uniforms = self._place.uniforms
        uniforms.restore(state["uniforms"])
        clock = self._place.clock
        assert isinstance(clock, Metronome)
        clock.ticks, clock.pauses = (int(number) for number in state["clock"])
        under_way = None if state["under_way"] is None else UnderWay(*decoded(state["under_way"]))
        if under_way is not None and under_way.chosen is not None:  # three fields where no choice was an agent's own
            under_way = under_way._replace(chosen=(*under_way.chosen, None)[:4])
        self._place = Place(int(index), int(episode), uniforms, world_seed, clock, under_way)
        switch = session.switch
        switch.index, switch.episode = (int(number) for number in state["switch"][:2])
        switch.previous, switch.entered = (decoded(one) for one in state["switch"][2:])
        give_back(session.teacher, state["teacher"])
        give_back(session.credit, state["credit"])
        way = Footprints(*state["world"])
        if way.seen is None and way.now[:2] == (None, None):
            # A world with luck of its own making: new luck, but the same whenever it goes on from here.
            fresh = int(np.random.SeedSequence((session.seed, int(index))).generate_state(1)[0])
            self._place.world_seed = fresh
        if not walk(session.env, way):
            raise UserError(
                f"{saved.path} was made in another world: its actions do not lead where they led. "
                f"{session.arm.env} or its package has changed since"
            )
        self._walker.go_on(way)


class Abreast:
    """Several copies of the world at once (:mod:`hfrl.abreast`). It is not gone on from."""

    def __init__(self, session: Session) -> None:
        self.piece = HEARTBEAT
        assert session.envs is not None
        self._events = collect(session.envs, session.agent, session.seed)
        self._gained: dict[int, tuple[float, int]] = {}  # by episode: return and length so far

    def run(self, steps: int, recorder: Recorder) -> None:
        """So many steps, over all lanes together."""
        errors, signals, updates = recorder.sums
        while steps:
            event = next(self._events)
            if isinstance(event, Acted):
                step = event.step
                total, length = self._gained.pop(step.episode, (0.0, 0))
                total, length = total + step.reward, length + 1
                if step.ended:
                    recorder.episode(total, length)
                else:
                    self._gained[step.episode] = total, length
                continue
            steps -= 1
            if event.update is not None:
                errors += abs(event.update.error)
                signals += event.update.signal
                updates += 1
        recorder.sums = errors, signals, updates

    def settle(self, recorder: Recorder) -> None:
        """It works on the session itself."""

    def save(self) -> None:
        """Its worlds stand in the middle of their episodes."""

    def go_on(self, saved: Saved) -> None:
        """No checkpoint is ever made. Raises UserError."""
        raise UserError(f"{saved.path}: a run of several worlds {NO_CHECKPOINTS}")


class Compiled:
    """The compiled twin of the loop.

    Args:
        session: what is moved on.
        checked: whether it is to go on from a file, which may hold any number: then no index is used unlooked at.
    """

    def __init__(self, session: Session, checked: bool) -> None:
        self.piece = CHUNK
        self._session = session
        parts = session.arm, session.env, session.agent, session.switch.blend
        self._batch = engine.batch_of(*parts, (session.seed,), checked)

    def run(self, steps: int, recorder: Recorder) -> None:
        """Run so many steps, and record what came of them."""
        batch = self._batch
        try:
            batch.run(steps=steps)
        except IndexError as error:  # never in a batch that began here
            raise UserError(
                f"the checkpoint is damaged: it leads out of the tables of {self._session.arm.env}"
            ) from error
        for gained, length in zip(batch.returns[0], batch.lengths[0], strict=True):
            recorder.episode(gained, length)
        now = time()
        recorder.heard(
            [
                (Feedback(float(value), shown_at(index, episode)), index, episode, ((index, 1.0),), now)
                for index, episode, value in batch.presses(0)
            ]
        )

    def settle(self, recorder: Recorder) -> None:
        """Bring agent, person's model, counters and sums to where the batch stands."""
        self._catch_up()
        errors, signals, updates = (float(self._batch.summed(name)[0]) for name in ("errors", "signals", "updates"))
        before = recorder.sums
        recorder.sums = before[0] + errors, before[1] + signals, before[2] + int(updates)
        self._batch.clear_sums()

    def _catch_up(self) -> None:
        session, batch = self._session, self._batch
        learnt = batch.arrays(0)
        with _no_collection():
            session.agent.restore(learnt)
            if "h_mean" in learnt:  # else nobody teaches, and there is no H to bring along
                session.switch.model.restore(learnt)
            session.switch.restore(learnt)
        # Counted as the loop counts: an episode is over when the next one begins.
        behind = int(batch.count("fresh")[0])
        session.switch.index = int(batch.count("index")[0])
        session.switch.episode = max(0, int(batch.count("episode")[0]) - behind)

    def save(self) -> tuple[Arrays, dict[str, Any]]:
        """The agent, and beside it all that the kernel keeps."""
        self._catch_up()
        kept = {KERNEL + name: array.copy() for name, array in self._batch.state().items()}
        return self._session.arrays() | kept, {"engine": "compiled"}

    def go_on(self, saved: Saved) -> None:
        """Stand where another batch stood."""
        self._session.restore(saved.arrays)
        prefix = len(KERNEL)
        kept = {name[prefix:]: array for name, array in saved.arrays.items() if name.startswith(KERNEL)}
        self._batch.restore(self._session.arrays(), kept)


#: What the names of the kernel's arrays begin with in a checkpoint.
KERNEL = "kernel."


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


def engine_of(session: Session, saved: Saved | None) -> Engine:
    """What moves the session on, standing where another one was saved. Raises UserError where that does not fit."""
    arm = session.arm
    moved: Engine
    if arm.num_envs > 1:
        moved = Abreast(session)
    else:
        moved = Compiled(session, saved is not None) if arm.engine == "compiled" else Stepping(session)
    if saved is None:
        return moved
    if saved.step > arm.total_timesteps:
        raise UserError(f"{saved.path} has done {saved.step:,} steps; {arm.total_timesteps:,} are fewer")
    if saved.state.get("engine") != arm.engine:
        raise UserError(f"{saved.path} was made by --engine {saved.state.get('engine')}, not {arm.engine}")
    try:
        moved.go_on(saved)
    except DAMAGE as error:
        raise damaged(saved, error) from error
    return moved


def damaged(saved: Saved, error: Exception) -> UserError:
    """What to say of a checkpoint that leads to an error."""
    return UserError(f"{saved.path} does not fit this run: {type(error).__name__}: {error}")


#: Told, in a line, of what is not as it should be.
Say = Callable[[str], None]


def aside(line: str) -> None:
    """To the standard error."""
    print(f"hfrl: {line}", file=sys.stderr)


def run_seed(arm: Arm, seed: int, folder: Path, heartbeat: Callable[[int], bool], say: Say = aside) -> bool:
    """Run one seed, from where its folder stands, and write its folder. Returns whether it ran to the end.

    Args:
        arm: what to run.
        seed: of everything random.
        folder: of this seed, made already; with a checkpoint in it the run goes on from there.
        heartbeat: called with the steps done, now and then; answers whether to go on. What was done is kept either way.
        say: see :data:`Say`.

    Raises:
        UserError: somebody else is at work in this folder, or its checkpoint is not of this run.
        OSError: a file cannot be written; all that was written before is kept.
    """
    with locked(folder):
        checkpoint.clear_leftovers(folder)
        session = Session(arm, seed)
        try:
            return _Course(session, folder, heartbeat, say).run()
        finally:
            session.close()


class _Course:
    """One run of a seed, from where its folder stands to its end or until it is stopped."""

    def __init__(self, session: Session, folder: Path, heartbeat: Callable[[int], bool], say: Say) -> None:
        self._session, self._folder, self._heartbeat, self._say = session, folder, heartbeat, say
        saved = checkpoint.latest(folder, say, lines_missing)
        self._engine = engine_of(session, saved)
        self._done = saved.step if saved else 0
        try:
            self._recorder = Recorder(session, folder, saved)
        except DAMAGE as error:
            if saved is None:
                raise
            raise damaged(saved, error) from error
        self._writer = checkpoint.Writer(folder, session.arm.keep_checkpoints)
        self._said = False
        self._owed = False  # a checkpoint was due in the middle of an episode that cannot be gone on from

    def run(self) -> bool:
        """To the end, or until the heartbeat says stop."""
        recorder, arm = self._recorder, self._session.arm
        try:
            self._flow()
            self._save()  # before the evaluation of the end, which a longer run does not have
            self._engine.settle(recorder)
            recorder.evaluated(self._done)
            self._writer.finish()
        finally:
            self._writer.wait()  # whoever takes the folder next clears what is half written in it
            recorder.close()
            write_arrays(self._folder / "final.npz", self._session.arrays())
        finished = self._done == arm.total_timesteps
        recorder.summarise(finished)
        return finished

    def _flow(self) -> None:
        arm, recorder = self._session.arm, self._recorder
        going = self._heartbeat(self._done)
        while going and self._done < arm.total_timesteps:
            goal = self._next_pause()
            self._engine.run(goal - self._done, recorder)
            self._done = goal
            going = self._heartbeat(goal)
            if arm.eval_freq and goal % arm.eval_freq == 0:
                self._engine.settle(recorder)
                recorder.evaluated(goal)
            if self._owed or (arm.save_freq and goal % arm.save_freq == 0 and goal < arm.total_timesteps):
                self._save()

    def _next_pause(self) -> int:
        """The steps after which something is due."""
        arm, done = self._session.arm, self._done
        if self._owed:
            return done + 1
        rhythms = [rhythm for rhythm in (self._engine.piece, arm.eval_freq, arm.save_freq) if rhythm]
        return min(arm.total_timesteps, *((done // rhythm + 1) * rhythm for rhythm in rhythms))

    def _snapshot(self) -> tuple[Arrays, dict[str, Any]] | None:
        """All that goes on from here, as it is now; None where that is not possible."""
        made = self._engine.save()
        if made is None:
            return None
        arrays, state = made
        logs = self._recorder.state()
        return arrays | self._recorder.evaluations, {
            "step": self._done,
            "seed": self._session.seed,
            "logs": logs,
        } | state

    def _save(self) -> None:
        if self._session.arm.num_envs > 1:
            return
        snapshot = self._snapshot()
        if snapshot is None:
            if not self._said:
                self._said = True
                self._say(
                    f"{self._session.arm.env} cannot be stood in the middle of an episode: its checkpoints are made "
                    "between episodes"
                )
            self._owed = True
            return
        self._owed = False
        self._writer.write(*snapshot, self._recorder.syncs(), self._recorder.outdated())
