"""A teaching session: a person as a teacher, their clock, their desk of levers, and the log that can rebuild it all.

The generator of ``hfrl.play`` runs in a worker thread; a person's deeds come in through a queue and are applied by the
worker, at one place: :meth:`Person.__call__`, while a step is on the screen. So a replayed log does exactly what the
person did, at the same steps, through the same code. No pygame here: a window, a notebook or a test can be the person.
"""

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO

import gymnasium

from hfrl.blend import Blend, Port, Switch
from hfrl.credit import Credit
from hfrl.policy import Commanded
from hfrl.schedules import Constant
from hfrl.types import Distribution, Feedback, Press, Step, UserError
from hfrl.undo import Memory

GRADING_SECONDS = 1.0
#: What every step is worth to the person while the unpleasant lasts. Its end is negative reinforcement: no reward
#: comes, a penalty goes (Skinner 1938).
UNPLEASANT = -0.2
#: What a person may do, apart from pressing; each is an event in the log. ``value`` says to what.
LEVERS = (
    "teaching",
    "pause",
    "takeover",
    "drive",
    "blend",
    "slider",
    "speed",
    "end_episode",
    "take_back",
    "single_step",
    "unpleasant",
)


#: What else the log tells of. ``reaction`` comes before the first step, and has none.
OTHER_EVENTS = ("step", "card", "feedback", "reaction", "quit", "failed")

#: So many steps of a learner say how long it may take: the longest but one of them, since one may have been a hiccup.
STEPS_TIMED = 32
#: Rounding of the clock, in seconds: it must not cost a frame.
ROUNDING = 1e-9
#: What may be done while the world waits for a driver's first action of an episode.
AT_START = ("drive", "takeover")


class Deed(NamedTuple):
    """One thing a person did: its kind (``feedback`` or one of :data:`LEVERS`), when (session seconds), and to what."""

    kind: str
    time: float
    value: Any = None


class Said(NamedTuple):
    """What the session answers in words, and when."""

    text: str
    time: float


def is_lasting(feedback: Feedback) -> bool:
    """Whether a press came by itself, with its step, because the unpleasant lasts."""
    return feedback.value == UNPLEASANT and feedback.latency == 0.0


class SessionClosed(Exception):  # noqa: N818 - the way out of the loop, no error
    """The person has quit; raised inside the loop to unwind it."""


# --- time ------------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """Session time in seconds; it stands still while paused."""

    def now(self) -> float: ...

    def pause(self, on: bool) -> None: ...

    def wait(self, condition: threading.Condition, seconds: float) -> None: ...


class RealClock:
    """The monotonic clock of the machine, less the pauses."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._paused_at: float | None = None

    def now(self) -> float:
        """Seconds since the first frame, pauses left out."""
        return (self._paused_at if self._paused_at is not None else time.monotonic()) - self._start

    def pause(self, on: bool) -> None:
        """Stop, or go on."""
        if on and self._paused_at is None:
            self._paused_at = time.monotonic()
        elif not on and self._paused_at is not None:
            self._start += time.monotonic() - self._paused_at
            self._paused_at = None

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        """Sleep until something happens, at most so long."""
        condition.wait(max(0.001, min(seconds, 0.1)))


class FrameClock:
    """A simulated clock for scripted sessions: time moves when the window says so, and only while the worker waits."""

    def __init__(self) -> None:
        self._now = 0.0
        self._paused = False
        self.parked = False
        self.finished = False

    def now(self) -> float:
        """Seconds of simulated time, pauses left out."""
        return self._now

    def pause(self, on: bool) -> None:
        """Stop, or go on."""
        self._paused = on

    def wait(self, condition: threading.Condition, seconds: float) -> None:  # noqa: ARG002 - simulated time has no rush
        """Park until the window advances the time."""
        self.parked = True
        condition.notify_all()
        while self.parked:
            condition.wait(1.0)

    def advance(self, condition: threading.Condition, seconds: float) -> None:
        """Move on by so many seconds, once the worker has done all it can at the present moment."""
        with condition:
            while not self.parked and not self.finished:
                condition.wait(1.0)
            if not self._paused:
                self._now += seconds
            self.parked = False
            condition.notify_all()

    def settle(self, condition: threading.Condition) -> None:
        """Return once the worker has done all it can at the present moment."""
        with condition:
            while not self.parked and not self.finished:
                condition.wait(1.0)


class Log(Protocol):
    """Where events are written; ``write`` returns the number of the line."""

    def write(self, deed: "Deed", step: Step | None, press: Press | None = None) -> int: ...

    def close(self) -> None: ...


# --- the log ---------------------------------------------------------------------------------------------------------


#: What the loop itself notes; the next thing the person does syncs it along.
UNSYNCED = ("step", "card")


class SessionLog:
    """``feedback.jsonl`` of a session: one line per event, flushed and synced as it happens.

    Keys: ``event t wall step episode value strength latency credit trainer``. ``event=step`` marks when a step came on
    the screen, ``event=card`` is the card of an update; a press has ``event=feedback``; a take-back names the line it
    takes back in ``value``.
    """

    def __init__(self, path: Path, trainer: str) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")
        self._trainer = trainer
        self.lines = 0

    def write(self, deed: Deed, step: Step | None, press: Press | None = None) -> int:
        """Append an event; returns the number of its line, from 1."""
        value = deed.value
        line = {
            "event": deed.kind,
            "t": deed.time,  # unrounded: a replay shares credit by it, to the last bit
            "wall": round(time.time(), 3),
            "step": None if step is None else step.index,
            "episode": None if step is None else step.episode,
            "value": value,
            "strength": abs(value) if deed.kind == "feedback" else None,
            "latency": None if step is None else round(deed.time - step.time, 6),
            "credit": None if press is None else press.shares,
            "trainer": self._trainer,
        }
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        if deed.kind not in UNSYNCED:
            os.fsync(self._file.fileno())
        self.lines += 1
        return self.lines

    def close(self) -> None:
        """Sync and close; safe to call twice."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


# --- the world on its stage ------------------------------------------------------------------------------------------


class Staged(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A world whose picture is published after every reset and step, and whose episode a person may end (truncated).

    ``seen`` is the observation that goes with the picture; None before the first.
    """

    def __init__(self, env: Any, publish: Callable[[Any], None]) -> None:
        super().__init__(env)
        self._publish = publish
        self.end_asked = False
        self.fresh = False
        self.seen: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.end_asked = False
        self.fresh = True
        result = self.env.reset(seed=seed, options=options)
        self.seen = result[0]
        self._publish(self.env)
        return result

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self.fresh = False
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.seen = observation
        self._publish(self.env)
        return observation, reward, terminated, truncated or self.end_asked, info


# --- the desk --------------------------------------------------------------------------------------------------------


class Desk:
    """What a person may change while the agent learns. Levers are moved here and nowhere else, live and in a replay."""

    def __init__(self, agent: Any, switch: Switch, blends: Sequence[Blend]) -> None:
        self.agent = agent
        self.switch = switch
        self.blends = blends
        self.teaching = True
        self.driving = False
        self.unpleasant = False
        self.commands: deque[int] = deque()  # what the driver wants done, in order, one a step
        self.stage: Staged | None = None
        self.await_command: Callable[[], None] = lambda: None
        switch.takeover = self._take_over

    def _take_over(self, observation: Any, own: Distribution) -> Distribution:  # noqa: ARG002 - the person sees it
        if self.driving and not self.commands and self.stage is not None and self.stage.fresh:
            self.await_command()  # an episode's first action is the driver's too
        if not self.driving or not self.commands:
            return own
        return Commanded(self.commands[0])

    def shown(self, step: Step) -> None:
        """A step is on the screen: a command that was carried out is done with, and an episode's end drops the rest."""
        if step.actor == "human" and self.commands:
            self.commands.popleft()
        if step.ended:
            self.commands.clear()

    def apply(self, deed: Deed) -> None:
        """Move one lever."""
        if deed.kind == "teaching":
            self.teaching = bool(deed.value)
        elif deed.kind == "takeover":
            self.driving = bool(deed.value)
            self.commands.clear()
        elif deed.kind == "unpleasant":
            self.unpleasant = bool(deed.value)
        elif deed.kind == "drive":
            if self.stage is not None and deed.value not in range(int(self.stage.action_space.n)):  # type: ignore[attr-defined]
                raise UserError(f"there is no action {deed.value} to drive with")
            self.commands.append(int(deed.value))
        elif deed.kind == "blend":
            named = [blend for blend in self.blends if blend.name == deed.value]
            if not named:
                raise UserError(f"there is no blend {deed.value!r} to switch to")
            self.switch.blend = named[0]
        elif deed.kind == "slider":
            self._slide(*deed.value)
        elif deed.kind == "end_episode" and self.stage is not None:
            self.stage.end_asked = True

    def _slide(self, name: str, value: float) -> None:
        if name == "gamma":
            self.agent.gamma = self.switch.gamma = value
        elif name == "weight":
            self.switch.blend = reweighted(self.switch.blend, value)
        else:
            self.agent.set_rate(name, value)

    @property
    def weight(self) -> float:
        """The present weight of the blend's first port; 0 where it has none."""
        blend = self.switch.blend
        ports = (*blend.reward, *blend.bias, *blend.mix, *blend.start)
        return ports[0].weight(self.switch.index, self.switch.episode) if ports else 0.0


def reweighted(blend: Blend, beta: float) -> Blend:
    """The same rules at a constant weight."""

    def at(ports: tuple[Port, ...]) -> tuple[Port, ...]:
        return tuple(port._replace(weight=Constant(beta)) for port in ports)

    return blend._replace(reward=at(blend.reward), bias=at(blend.bias), mix=at(blend.mix), start=at(blend.start))


# --- the person ------------------------------------------------------------------------------------------------------


def next_episode(ended: Step) -> Step:
    """How the log places what is done before an episode's first step: at the last step, in the next episode."""
    return ended._replace(episode=ended.episode + 1)


def beat(due: float | None, appeared: float, period: float) -> float:
    """From when the time of a step counts, in seconds: from when it was due, so that the learner's own time does not
    make every step longer; but a step that came late is to be seen for half its period at least.

    >>> beat(1.0, 1.01, 0.3), beat(1.0, 3.0, 0.3), beat(None, 1.0, 0.3)
    (1.0, 2.85, 1.0)
    """
    return appeared if due is None else max(due, appeared - period / 2)


class Person:
    """A person as a teacher: called with the step that is on the screen, it returns when the screen moves on.

    Any thread may :meth:`do` something; the worker applies it, logs it at once, and returns the presses to the loop.

    Attributes:
        speed: wanted steps per second.
        wait_for_me: a step stays on the screen until the person has judged it (or steps on).
        step: the step on the screen.
    """

    def __init__(self, desk: Desk, credit: Credit, memory: Memory, clock: Clock, log: Log, speed: float) -> None:
        self.desk = desk
        self.credit = credit
        self.clock = clock
        self.log = log
        self.speed = speed
        self.wait_for_me = False
        self.paused = False
        self.step: Step | None = None
        self.condition = threading.Condition()
        self.given: list[tuple[int, Feedback]] = []  # line in the log, press; not yet returned to the loop
        self.memory = memory
        self.message = Said("", 0.0)
        self.last_press: Press | None = None
        self.taken_back = 0
        #: Told of each press that is taken back after the loop has had it.
        self.on_withdrawn: Callable[[Press], None] = lambda press: None  # noqa: ARG005
        self._done: deque[Deed] = deque()
        self._asked: dict[str, Any] = {}
        self._closed = False
        self._one_step = False
        self._judged = False
        self._beat = 0.0  # when the step on the screen was due
        self._due: float | None = None  # when the next one is; None while the person sets the pace
        # The loop is let go before that by what the learner took lately: the next step is to be shown in time.
        self._took: deque[float] = deque(maxlen=STEPS_TIMED)
        self._left_at: float | None = None
        self._presses: list[tuple[int, Press]] = []  # with their lines in the log: they may still be taken back
        desk.await_command = self._await_command

    def do(self, kind: str, value: Any = None) -> None:
        """Something the person did, now. Never blocks for long, never fails."""
        self._asked[kind] = value
        self._done.append(Deed(kind, self.clock.now(), value))
        with self.condition:
            self.condition.notify_all()

    def wanted(self, kind: str, present: Any) -> Any:
        """What the person last asked for, which the worker may not have got to yet; else how things are."""
        return self._asked.get(kind, present)

    def close(self) -> None:
        """The person leaves; the loop unwinds at the step that is on the screen."""
        with self.condition:
            self._closed = True
            self.condition.notify_all()

    def time(self, first_of_episode: bool) -> float:  # noqa: ARG002 - the signature of the loop's clock
        """The loop's clock: when a step comes on the screen. It is held back until it is due, if the learner and the
        world were done before."""
        now = self.clock.now()
        if self._left_at is not None:
            self._took.append(now - self._left_at)
            self._left_at = None
        while self._due is not None and now < self._due - ROUNDING and not self._closed:
            with self.condition:
                self.clock.wait(self.condition, self._due - now)
            now = self.clock.now()
        return now

    def attends(self, index: int) -> bool:  # noqa: ARG002 - a teacher's verb
        """Whether the person teaches: silence while they only watch says nothing."""
        return self.desk.teaching

    def __call__(self, step: Step) -> Sequence[Feedback]:
        self.step = step
        self.desk.shown(step)
        self.log.write(Deed("step", step.time), step)
        if self.desk.unpleasant and self.desk.teaching:
            self._give(Deed("feedback", step.time, UNPLEASANT), step)
        self._wait(step)
        presses = [press for _, press in self.given]
        self.given.clear()
        return presses

    def _wait(self, step: Step) -> None:
        """Apply what is done until the screen moves on."""
        self._one_step = self._judged = False
        self._beat = beat(self._due, step.time, 1 / self.speed)
        while True:
            self._apply(step)
            if self._closed:
                self.log.write(Deed("quit", self.clock.now()), step)
                raise SessionClosed
            left = self._seconds_left(step)
            if left <= 0:
                self._left_at = self.clock.now()
                return
            # The lock is held for the waiting alone: a slow disk or a long take-back must not hold up the window.
            with self.condition:
                if not self._done:
                    self.clock.wait(self.condition, left)

    def _seconds_left(self, step: Step) -> float:
        self._due = None
        if self._one_step:
            return 0.0
        if self.paused:
            return 1.0
        if self.desk.driving and not step.ended:
            return 0.0 if self.desk.commands else 1.0
        if self.wait_for_me and not self._judged and not step.ended:
            return 1.0
        self._due = self._beat + 1 / self.speed + (GRADING_SECONDS if step.ended else 0.0)
        lead = sorted(self._took)[-2] if len(self._took) > 1 else 0.0
        over = max(self._due - lead, step.time + 0.5 / self.speed)
        return over - self.clock.now() - ROUNDING

    def _await_command(self) -> None:
        while self.step is not None and self.desk.driving and not self.desk.commands:
            self._apply_at_start(self.step)
            if self._closed:
                self.log.write(Deed("quit", self.clock.now()), next_episode(self.step))
                raise SessionClosed
            with self.condition:
                self.clock.wait(self.condition, 1.0)

    def drain(self) -> None:
        """What came after the last step went on the screen goes into the log; nobody learns from it any more."""
        after = None if self.step is None else next_episode(self.step)
        while self._done:
            self.log.write(self._done.popleft(), after)

    def _apply_at_start(self, ended: Step) -> None:
        """Before an episode's first step only what decides who acts counts; the log has it under the new episode."""
        for _ in range(len(self._done)):
            deed = self._done.popleft()
            if deed.kind in AT_START:
                self.log.write(deed, next_episode(ended))
                self._lever(deed)
            else:
                self._done.append(deed)  # it waits for the new episode's first step

    def _apply(self, step: Step) -> None:
        while self._done and not self._one_step:  # what is done after "one step" is done to the next one
            deed = self._done.popleft()
            if deed.kind == "feedback":
                self._press(deed, step)
            elif deed.kind == "take_back":
                self._take_back(deed, step)
            else:
                self.log.write(deed, step)
                self._lever(deed)

    def _press(self, deed: Deed, step: Step) -> None:
        self._presses.append(self._give(deed, step))
        self.last_press = self._presses[-1][1]
        self._judged = True

    def _give(self, deed: Deed, step: Step) -> tuple[int, Press]:
        """Log a press and hand it on. Returns its line in the log, and the press as it will be credited."""
        feedback = Feedback(float(deed.value), deed.time, deed.time - step.time, "person")
        press = self.credit.share(step, feedback)
        line = self.log.write(deed, step, press)
        self.given.append((line, feedback))
        return line, press

    def _take_back(self, deed: Deed, step: Step) -> None:
        if not self._presses:
            self.message = Said("nothing to take back", deed.time)
            return
        line, press = self._presses.pop()
        self.taken_back += 1
        self.log.write(deed._replace(value=line), step)
        fresh = [one for one in self.given if one[0] != line]
        if len(fresh) < len(self.given):
            self.given = fresh
            self.message = Said("taken back", deed.time)
        else:
            self.message = Said(self.memory.take_back(press), deed.time)
            self.on_withdrawn(press)

    def _lever(self, deed: Deed) -> None:
        if deed.kind in ("pause", "speed", "single_step"):
            self._pace(deed)
        else:
            self.desk.apply(deed)
        if deed.kind == "pause":
            self.credit.barrier()
        elif deed.kind == "unpleasant" and not deed.value:
            self.message = Said("the unpleasant is gone: what it just did is reinforced", deed.time)

    def _pace(self, deed: Deed) -> None:
        if deed.kind == "pause":
            self.paused = bool(deed.value)
            self.clock.pause(self.paused)
        elif deed.kind == "speed":
            self.speed = float(deed.value)
        else:
            self._one_step = True


class Replayed:
    """A recorded person: the deeds of a log, done again at the steps at which they were done.

    Args:
        events: the lines of ``feedback.jsonl``, parsed.
    """

    def __init__(self, desk: Desk, credit: Credit, memory: Memory, events: Iterable[dict[str, Any]]) -> None:
        self.desk = desk
        self.credit = credit
        self.times: list[float] = []
        self.memory = memory
        self._presses: dict[int, Press] = {}
        self._deeds: dict[tuple[int, int], list[tuple[int, Deed]]] = {}
        self._step: Step | None = None
        self._at = -1
        self._quit: tuple[int, int] | None = None
        self._last: int | None = None
        self.failed = False
        desk.await_command = self.apply_at_start
        for line, event in enumerate(events, start=1):
            if event["event"] == "step":
                self.times.append(event["t"])
                self._last = event["step"]
            elif event["event"] == "failed":
                self.failed = True
            elif event["event"] == "quit":
                self._quit = (event["step"], event["episode"])
            elif event["step"] is not None:
                deed = Deed(event["event"], event["t"], event["value"])
                self._deeds.setdefault((event["step"], event["episode"]), []).append((line, deed))

    @property
    def steps(self) -> int:
        """How many steps the log knows the outcome of: the last one on the screen was never learnt."""
        return max(0, len(self.times) - 1)

    def time(self, first_of_episode: bool) -> float:  # noqa: ARG002 - the signature of the loop's clock
        """The loop's clock: the recorded times."""
        self._at += 1
        if self._at >= len(self.times):
            raise SessionClosed
        return self.times[self._at]

    def attends(self, index: int) -> bool:  # noqa: ARG002 - a teacher's verb
        """Whether the person taught when this step came on the screen."""
        return self.desk.teaching

    def apply_at_start(self) -> None:
        """What decided who took an episode's first action."""
        if self._step is not None:
            there = (self._step.index, self._step.episode + 1)
            for _, deed in self._deeds.get(there, ()):
                self.desk.apply(deed)
            if there == self._quit:
                raise SessionClosed

    def __call__(self, step: Step) -> Sequence[Feedback]:
        self._step = step
        self.desk.shown(step)
        given: list[tuple[int, Feedback]] = []
        for line, deed in self._deeds.get((step.index, step.episode), ()):
            if deed.kind == "feedback":
                feedback = Feedback(float(deed.value), deed.time, deed.time - step.time, "person")
                self._presses[line] = self.credit.share(step, feedback)
                given.append((line, feedback))
            elif deed.kind == "take_back":
                before = len(given)
                given = [one for one in given if one[0] != deed.value]
                if len(given) == before and deed.value in self._presses:
                    self.memory.take_back(self._presses[deed.value])
            elif deed.kind == "pause":
                self.credit.barrier()
            else:
                self.desk.apply(deed)
        # A session ends while a step is on the screen, which is then never learnt; a crash leaves no word of it.
        quit_here = (step.index, step.episode) == self._quit
        if quit_here or (self._quit is None and not self.failed and step.index == self._last):
            raise SessionClosed
        return [press for _, press in given]


class Unwritten:
    """The log of a session that is only shown: it is written already."""

    def write(self, deed: Deed, step: Step | None, press: Press | None = None) -> int:  # noqa: ARG002 - a log's verb
        """Write nothing."""
        return 0

    def close(self) -> None:
        """Nothing to close."""


class Shown(Person):
    """A recorded person in the window: their deeds at their steps. The watcher may pause, step, change speed and leave.

    Args:
        replayed: what was recorded.
        clock: of the watcher; credit goes by the recorded times.
        speed: steps per second.
    """

    def __init__(self, replayed: Replayed, clock: Clock, speed: float) -> None:
        super().__init__(replayed.desk, replayed.credit, replayed.memory, clock, Unwritten(), speed)
        self._replayed = replayed
        self._since = 0.0
        self.desk.await_command = replayed.apply_at_start

    def time(self, first_of_episode: bool) -> float:
        """The recorded times."""
        return self._replayed.time(first_of_episode)

    def __call__(self, step: Step) -> Sequence[Feedback]:
        self._since = self.clock.now()
        self._wait(step)
        return self._replayed(step)

    def _apply(self, step: Step) -> None:  # noqa: ARG002 - what is done now concerns the watching, not the step
        while self._done:
            deed = self._done.popleft()
            if deed.kind in ("pause", "speed", "single_step"):
                self._pace(deed)

    def _seconds_left(self, step: Step) -> float:
        if self._one_step:
            return 0.0
        if self.paused:
            return 1.0
        return self._since + 1 / self.speed + (GRADING_SECONDS if step.ended else 0.0) - self.clock.now() - 1e-9
