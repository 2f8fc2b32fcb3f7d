"""A live session: the loop in a worker thread, and everything a window needs to show of it.

The main thread only asks for :meth:`Live.view` and hands in what the person does; learning never holds it up.
"""

import contextlib
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from hfrl.blend import Switch
from hfrl.credit import Credit
from hfrl.heat import ground_of
from hfrl.insight import Insight
from hfrl.loop import play
from hfrl.reaction import FEWEST, fit, median
from hfrl.session import UNPLEASANT, Deed, FrameClock, Person, SessionClosed, Shown, Staged, is_lasting
from hfrl.types import Acted, Event, Judgement, Learnt, Press, Pressed, Step, UserError
from hfrl.view import Bar, Card, Counts, Echo, Heat, Notice, Slider, View

ECHO_SECONDS = 3.0
CURVE = 300
NAMED = 200
#: So long a session that ends waits for the update at hand; then it ends without.
PATIENCE = 2.0


class Wiring(NamedTuple):
    """The parts of a session, made already."""

    env: Any
    agent: Any
    switch: Switch
    credit: Credit
    seed: int
    since: tuple[int, int]
    steps: int | None = None  # of a recorded session: it ends by itself


class _Echoed(NamedTuple):
    """An echo as it stands: the press's value, when it was made, and what came of it."""

    value: float
    time: float
    changed: str = ""


class Live:
    """The worker and what it has told so far.

    Attributes:
        picture: the world's last frame: an RGB array, or None before the first.
        failed: the exception that ended the loop, if one did.
        hung: the session has ended, and an update of the agent has not: what it holds is no agent to save.
        print_cards: also print every update card.
    """

    def __init__(self, wiring: Wiring, person: Person) -> None:
        self.wiring = wiring
        self.person = person
        self.desk = desk = person.desk
        self.clock = person.clock
        self.memory = person.memory
        self.stage = Staged(wiring.env, self._publish)
        desk.stage = self.stage
        person.on_withdrawn = self._withdrawn
        self.picture: Any = None
        self.failed: BaseException | None = None
        self.hung = False
        self.print_cards = False
        self.actions = action_names(wiring.env)
        self.ground = ground_of(wiring.env)
        self.insight = Insight(wiring.env, wiring.agent, wiring.switch, inline=isinstance(self.clock, FrameClock))
        self._heat: Heat | None = None
        self._heat_of: Any = None  # what the map of values was made from: it is made again when that has changed
        self._noted = 0
        self._thread = threading.Thread(target=self._work, name="learner", daemon=True)
        self._step: Step | None = None
        self._card: Card | None = None
        self._echo: _Echoed | None = None
        self._heard: Judgement | None = None  # what H was told last
        self._counts = Counts()
        self._world_return = self._human_return = 0.0
        self._world_curve: list[float] = []
        self._human_curve: list[float] = []
        self._named: dict[int, str] = {}  # the actions of the last steps, which a press may still be about
        self._recent: list[float] = []  # when the last steps came on the screen
        self.done_steps = 0
        self.delays: list[float] = []  # this person's, in seconds, where they were measured

    def open(self) -> None:
        """Show the world as it will be when the agent begins, which resets it with the same seed."""
        self.stage.reset(seed=self.wiring.seed)

    # --- the worker --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Let the agent act."""
        self._thread.start()

    @property
    def started(self) -> bool:
        """Whether the agent has begun to act."""
        return self._thread.ident is not None

    @property
    def running(self) -> bool:
        """Whether the loop is still at work."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Unwind the loop and wait for it; what it learnt is there. An update that hangs is left behind (``hung``)."""
        if self.hung:
            return
        self.person.close()
        if isinstance(self.clock, FrameClock):
            with self.person.condition:
                self.clock.parked = False
                self.person.condition.notify_all()
        if self.started:
            self._thread.join(PATIENCE)
            if self._thread.is_alive():
                self.hung = True
                self.failed = TimeoutError(f"an update was still at work {PATIENCE:g} s after the end")
            try:
                self.person.drain()
            except OSError as error:  # the disk is full, say: told like any failure of the session
                self.failed = self.failed or error

    def _work(self) -> None:
        w = self.wiring
        try:
            for event in play(
                self.stage,
                w.agent,
                self.person,
                w.switch,
                w.credit,
                w.seed,
                self.person.time,
                since=w.since,
                steps=w.steps,
            ):
                self._note(event)
        except SessionClosed:
            pass  # the person has quit: the way out of the loop
        except BaseException as error:  # shown in the window and told at the end; nothing is swallowed
            self.failed = error
            self._log_failure(error)
        finally:
            if isinstance(self.clock, FrameClock):
                with self.person.condition:
                    self.clock.finished = True
                    self.person.condition.notify_all()

    def _log_failure(self, error: BaseException) -> None:
        try:
            self.person.log.write(Deed("failed", self.clock.now(), f"{type(error).__name__}: {error}"), self._step)
        except OSError:  # the failure itself may be that the disk is full
            self.failed = error

    def _publish(self, env: Any) -> None:
        self.picture = env.render()

    def _note(self, event: Event) -> None:
        self.memory.note(event)
        self._noted += 1
        if isinstance(event, Acted):
            self._note_step(event.step)
        elif isinstance(event, Pressed):
            self._count(event.press, event.press.feedback.value)
            deliberate = not is_lasting(event.press.feedback)
            if deliberate:
                self.insight.pressed(event.press, self.clock.now())
            if deliberate and isinstance(self.person, Shown):
                self._said(event.press.feedback.value)
        else:
            self._note_update(event)
        self._note_heard()

    def _note_heard(self) -> None:
        """Say what H makes of a press, where the agent does not learn from it now."""
        heard = self.memory.heard
        if heard is self._heard:
            return
        self._heard = heard
        if heard is not None and self._echo is not None and not self._echo.changed:
            with contextlib.suppress(UserError):  # no model of the person fits this world
                h = self.wiring.switch.model.values(heard.step.observation)[heard.step.action]
                changed = f"H({self._action_at(heard.step.index)}) is now {h:+.2f}"
                self._echo = self._echo._replace(changed=changed)

    def _withdrawn(self, press: Press) -> None:
        """A press taken back counts in no return any more."""
        self._count(press, -press.feedback.value)
        self.insight.withdrawn(press)

    def _count(self, press: Press, value: float) -> None:
        """Into the return of the episode that the press was about: the present one, or one in the curve."""
        at = press.step.episode - self.wiring.since[1]
        if at < len(self._human_curve):
            self._human_curve[at] += value
        else:
            self._human_return += value

    def _note_step(self, step: Step) -> None:
        if self._step is not None and self._step.ended:
            self._world_curve.append(self._world_return)
            self._human_curve.append(self._human_return)
            self._world_return = self._human_return = 0.0
        self._step = step
        self.insight.acted(step, self.desk.teaching)
        self._named[step.index] = self.actions[step.action]
        self._named.pop(step.index - NAMED, None)
        self._world_return += step.reward
        self._recent = [*self._recent[-19:], step.time]
        self.done_steps += 1

    def _note_update(self, learnt: Learnt) -> None:
        judgement, update = learnt
        if update is None:
            return
        step = judgement.step
        name = self.actions[step.action]
        agent = self.wiring.agent
        hears_reward = getattr(agent, "learns_from_reward", True)
        ahead = "Q(s',a')" if agent.on_policy else "max Q(s')"
        self._card = Card(
            name, update.old, update.new, step.reward, update.signal - (step.reward if hears_reward else 0.0),
            agent.gamma, update.bootstrap, update.target, step.terminated, step.truncated,
            ahead if hears_reward or agent.bootstraps else "", getattr(agent, "letters", "Q(s,a)"), hears_reward,
        )  # fmt: skip
        self.person.log.write(Deed("card", self.clock.now(), self._card.text()), step)
        if self.print_cards:
            print(self._card.text())
        if judgement.credits and self._echo is not None:
            self._echo = self._echo._replace(changed=self._change(judgement, name, update.old, update.new))

    def _change(self, judgement: Judgement, name: str, old: float, new: float) -> str:
        h = self.wiring.switch.model.values(judgement.step.observation)[judgement.step.action]
        letter = getattr(self.wiring.agent, "letters", "Q(s,a)").partition("(")[0]
        return f"H({name}) is now {h:+.2f};  {letter} {old:.2f} -> {new:.2f}"

    # --- before the start --------------------------------------------------------------------------------------------

    def measured(self, delays: Sequence[float]) -> str:
        """The reaction test is over: its delays (seconds) become the credit's. Returns what came of it, in words."""
        if len(delays) < FEWEST:
            return f"{len(delays)} usable presses are too few (of {FEWEST}): the delay stays as it was"
        self.delays = list(delays)
        self.person.log.write(Deed("reaction", self.clock.now(), self.delays), None)
        if not fit(self.wiring.credit, self.delays):
            return f"your delay is {median(delays):.2f} s, but the credit that was chosen knows no delay"
        return f"your delay is {median(delays):.2f} s (of {len(delays)} presses); credit goes by it now"

    # --- what the person does ----------------------------------------------------------------------------------------

    def press(self, value: float) -> None:
        """A reward or a penalty; echoed from this moment on."""
        if not isinstance(self.person, Shown):
            self._said(value)
            self.person.do("feedback", value)

    def _said(self, value: float) -> None:
        self._echo = _Echoed(value, self.clock.now())
        kind = "rewards" if value > 0 else "penalties" if value < 0 else "neutral"
        self._counts = self._counts._replace(**{kind: getattr(self._counts, kind) + 1})

    def _credit_words(self, since: float) -> str:
        """Whom the last press was credited to, in percent; nothing until the worker has shared it out."""
        press = self.person.last_press
        if press is None or press.feedback.time < since:
            return ""
        parts = [f"{self._action_at(index)} {share:.0%}" for index, share in reversed(press.shares)]
        return "credited to: " + ", ".join(parts)

    def _action_at(self, index: int) -> str:
        """The action of a recent step, in words."""
        return self._named.get(index, f"step {index}")

    def take_back(self) -> None:
        """The last press never was."""
        self.person.do("take_back")

    # --- what the window shows ---------------------------------------------------------------------------------------

    def mode(self) -> str:
        """The banner."""
        if self.person.paused:
            return "PAUSED"
        if self.desk.driving:
            return "YOU DRIVE"
        return "TEACHING" if self.desk.teaching else "WATCHING"

    def sliders(self) -> list[Slider]:
        """The numbers that may be changed now."""
        rates = self.wiring.agent.rates()
        result = [Slider(name, value, 0.0, 1.0 if name != "temperature" else 5.0) for name, value in rates.items()]
        if getattr(self.wiring.agent, "discounts", True):
            result.append(Slider("gamma", self.wiring.agent.gamma, 0.0, 1.0))
        blend = self.desk.switch.blend
        if blend.reward or blend.bias or blend.mix:
            result.append(Slider("weight", self.desk.weight, 0.0, 5.0))
        result.append(Slider("speed", self.person.speed, 0.5, 30.0))
        return result

    def view(self, keys: Sequence[tuple[str, str]], focused: bool, strength: float, notice: Notice | None) -> View:
        """The records to draw, as things are at this moment."""
        step, now = self._step, self.clock.now()
        rates = self.wiring.agent.rates()
        counts = self._counts._replace(taken_back=self.person.taken_back)
        pressed = counts.rewards + counts.penalties + counts.neutral
        return View(
            world=world_name(self.wiring.env),
            mode=self.mode(),
            action="" if step is None else self.actions[step.action],
            step=0 if step is None else step.index + 1,
            episode=1 if step is None else step.episode + 1 - self.wiring.since[1],
            world_return=self._world_return,
            human_return=self._human_return,
            counts=counts._replace(per_minute=60 * pressed / now if now > 1 else 0.0),
            blend=self.desk.switch.blend.name,
            weight=self.desk.weight,
            epsilon=rates.get("epsilon", rates.get("temperature", 0.0)),
            gamma=self.wiring.agent.gamma,
            alpha=rates.get("alpha", 0.0),
            speed_wanted=self.person.speed,
            speed_real=self._real_speed(),
            focused=focused,
            strength=strength,
            bars=self._bars(),
            sliders=self.sliders(),
            world_curve=self._world_curve[-CURVE:],
            human_curve=self._human_curve[-CURVE:],
            keys=keys,
            echo=self._echo_now(now),
            card=self._card,
            notice=notice,
            message=self._message(now),
            traits=self.insight.traits.words(),
            warning=self.insight.warning,
            heat=self.heat(),
        )

    def _message(self, now: float) -> str:
        if self.failed is not None:
            return f"the agent failed: {type(self.failed).__name__}: {self.failed}"
        text, said = self.person.message
        if text and now - said <= ECHO_SECONDS:
            return text
        return f"unpleasant: {UNPLEASANT:g} a step, until you take it away" if self.desk.unpleasant else ""

    def _real_speed(self) -> float:
        if len(self._recent) < 2 or self._recent[-1] <= self._recent[0]:
            return 0.0
        return (len(self._recent) - 1) / (self._recent[-1] - self._recent[0])

    def _echo_now(self, now: float) -> Echo | None:
        shown = self._echo
        if shown is None or now - shown.time > ECHO_SECONDS:
            return None
        return Echo(shown.value, now - shown.time, self._credit_words(shown.time), shown.changed)

    def _bars(self) -> list[Bar]:
        """The actions in the state that the step on the screen was taken in."""
        step = self._step
        if step is None:
            return []
        observation, model = step.observation, self.wiring.switch.model
        q = self.wiring.agent.q_values(observation)
        try:
            h, judged = model.values(observation), model.counts(observation)
        except UserError:  # no table of the person fits this world
            h, judged = [0.0] * len(q), [0] * len(q)
        return [Bar(name, q[a], h[a], judged[a], a == step.action) for a, name in enumerate(self.actions)]

    def heat(self) -> Heat | None:
        """What the agent thinks of every cell, made again only after something happened; None in a world without."""
        if self.ground is None or self.stage.seen is None:
            return None
        step, present = self._step, self.stage.seen
        happened = (self._noted, present, self.person.message)
        if happened != self._heat_of:
            # What an episode ended in is no state to see the others from: the passenger is gone, and so is the layer.
            layer = step.observation if step is not None and step.terminated else present
            self._heat_of = happened
            self._heat = self.ground.heat(self.wiring.agent, self.wiring.switch.model, int(layer), int(present))
        return self._heat

    def summary(self) -> dict[str, Any]:
        """The counts of the session, for the end card and summary.json."""
        counts = self._counts._replace(taken_back=self.person.taken_back)._asdict()
        returns = [*self._world_curve, self._world_return] if self._step and self._step.ended else self._world_curve
        return {
            "steps": self.done_steps,
            "episodes": len(returns),
            "seconds": round(self.clock.now(), 3),
            **{key: value for key, value in counts.items() if key != "per_minute"},
            "mean_return": sum(returns) / len(returns) if returns else None,
            "teacher": self.insight.traits._asdict(),
        }


def action_names(env: Any) -> list[str]:
    """The actions in words: the world's own, Gymnasium's toys', or numbers."""
    names = getattr(env.unwrapped, "action_meanings", None)
    if names:
        return list(names)
    known = {
        "FrozenLakeEnv": ("left", "down", "right", "up"),
        "CliffWalkingEnv": ("up", "right", "down", "left"),
        "TaxiEnv": ("south", "north", "east", "west", "pick up", "drop off"),
        "BlackjackEnv": ("stick", "hit"),
        "CartPoleEnv": ("push left", "push right"),
        "MountainCarEnv": ("push left", "coast", "push right"),
    }
    given = known.get(type(env.unwrapped).__name__)
    return list(given) if given else [f"action {action}" for action in range(int(env.action_space.n))]


def world_name(env: Any) -> str:
    """The id a world was made by, or its class."""
    return str(env.spec.id) if env.spec else type(env.unwrapped).__name__
