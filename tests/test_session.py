"""A teaching session on a simulated clock: no press is lost or doubled, and nobody else's time or reward is touched.

No pygame here. The learner blocks in simulated time by waiting on the session's own clock.
"""

import itertools
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import live as live_module
from hfrl.agents import QLearning, RandomAgent, Sarsa
from hfrl.blend import Blend, Switch, action_biasing, none, reward_shaping
from hfrl.credit import Credit, Immediate, gamma_window, uniform_window
from hfrl.live import Live, Wiring
from hfrl.loop import play
from hfrl.models import HumanTable
from hfrl.session import (
    GRADING_SECONDS,
    LEVERS,
    UNPLEASANT,
    Deed,
    Desk,
    FrameClock,
    Person,
    RealClock,
    SessionLog,
    Staged,
    reweighted,
)
from hfrl.types import Acted, Event, Judgement, Learnt, Press, Pressed, RewardPort, Update
from hfrl.undo import Memory
from hfrl.view import Echo

FRAME = 1 / 60
STATES, ACTIONS = 12, 3
KEYS = ["event", "t", "wall", "step", "episode", "value", "strength", "latency", "credit", "trainer"]
CREDITS: dict[str, Callable[[], Credit]] = {
    "immediate": Immediate,
    "uniform": uniform_window,
    "gamma": gamma_window,
}


class Walk(gymnasium.Env[int, int]):
    """Every episode is ``length`` steps long, whatever is done; the observation is the number of the step."""

    def __init__(self, length: int = STATES) -> None:
        self.observation_space = gymnasium.spaces.Discrete(STATES)
        self.action_space = gymnasium.spaces.Discrete(ACTIONS)
        self.length = length
        self.at = 0
        self.executed: list[int] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.executed.append(action)
        self.at += 1
        return self.at % STATES, -1.0, self.at == self.length, False, {}

    def render(self) -> Any:
        return np.zeros((4, 4, 3), np.uint8)


class Busy(QLearning):
    """Computes for so many simulated seconds at every update: it parks on the session's clock, frame by frame."""

    blocked = 0.0
    clock: Any = None
    condition: Any = None
    passed: Callable[[], float]
    free = False

    def update(self, judgement: Judgement, reward: RewardPort) -> Update:
        until = self.passed() + self.blocked if self.blocked else 0.0
        while self.blocked and not self.free and self.passed() < until:
            with self.condition:
                self.clock.wait(self.condition, 1.0)
        return super().update(judgement, reward)


class Tally(HumanTable):
    """H that also keeps every judgement it was taught."""

    def __init__(self) -> None:
        super().__init__(STATES, ACTIONS, int)
        self.seen: list[Judgement] = []

    def observe(self, judgement: Judgement) -> None:
        self.seen.append(judgement)
        super().observe(judgement)


class Rig:
    """A session without a window: the test is the person, and moves the time."""

    def __init__(
        self,
        folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        *,
        env: Any = None,
        agent: Any = None,
        blend: Blend | None = None,
        credit: Credit | None = None,
        speed: float = 10 / 3,
        seed: int = 0,
        start: bool = True,
    ) -> None:
        self.events: list[Event] = []

        def teed(*args: Any, **kwargs: Any) -> Iterator[Event]:
            for event in play(*args, **kwargs):
                self.events.append(event)
                yield event

        monkeypatch.setattr(live_module, "play", teed)
        self.env = env or Walk()
        self.agent = agent or QLearning(self.env, epsilon=1.0)
        self.path = folder / "feedback.jsonl"
        self.log = SessionLog(self.path, "anna")
        self.tally = Tally()
        switch = Switch(blend or reward_shaping(), self.tally, self.agent.gamma)
        self.credit = credit or uniform_window()
        wiring = Wiring(self.env, self.agent, switch, self.credit, seed, (0, 0))
        blends = [switch.blend, *(one for one in (none(), action_biasing()) if one.name != switch.blend.name)]
        self.desk = Desk(self.agent, switch, blends)
        self.clock = FrameClock()
        memory = Memory(self.agent, switch, self.credit)
        self.person = Person(self.desk, self.credit, memory, self.clock, self.log, speed)
        self.live = Live(wiring, self.person)
        self.elapsed = 0.0
        if isinstance(self.agent, Busy):
            self.agent.clock, self.agent.condition = self.clock, self.person.condition
            self.agent.passed = lambda: self.elapsed
        if start:
            self.live.start()
            self.clock.settle(self.person.condition)

    def tick(self, seconds: float = FRAME) -> None:
        """One frame, as the window does it."""
        self.elapsed += seconds
        self.clock.advance(self.person.condition, seconds)
        self.clock.settle(self.person.condition)

    def go(self, seconds: float) -> None:
        """So many seconds, frame by frame."""
        for _ in range(round(seconds / FRAME)):
            self.tick()

    def do(self, kind: str, value: Any = None) -> None:
        """Something the person does, and a frame in which it is applied."""
        self.person.do(kind, value)
        self.tick()

    def stop(self) -> list[dict[str, Any]]:
        """The person quits; returns the log."""
        if isinstance(self.agent, Busy):
            self.agent.free = True
        self.live.stop()
        self.log.close()
        return self.lines()

    def lines(self, *kinds: str) -> list[dict[str, Any]]:
        """The log so far, of all kinds or of some."""
        events = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [event for event in events if not kinds or event["event"] in kinds]

    def pressed(self) -> list[Pressed]:
        return [event for event in self.events if isinstance(event, Pressed)]

    def acted(self) -> list[Acted]:
        return [event for event in self.events if isinstance(event, Acted)]

    def learnt(self) -> list[Learnt]:
        return [event for event in self.events if isinstance(event, Learnt)]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**kwargs: Any) -> Rig:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Rig(folder, monkeypatch, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.stop()


# --- bar 1: 10,000 presses -------------------------------------------------------------------------------------------


class Presser:
    """Presses at 1 to 10 a second, now and then two at once, and between them everything else a person may do.

    Every press has a value of its own, and a binary one, so that sums are exact and a press is known by its value.
    """

    def __init__(self, rig: Rig, presses: int, seed: int) -> None:
        self.rig = rig
        self.rng = random.Random(seed)
        self.values = [self.rng.choice((-1, 1)) * (number + 1) / 1024 for number in range(presses)]
        self.rng.shuffle(self.values)
        self.done: list[float] = []
        self.next_press = 0.0
        self.levers = {"pause": 0, "takeover": 0, "drive": 0, "end_episode": 0, "single_step": 0}

    def run(self) -> None:
        rng, rig = self.rng, self.rig
        paused = driving = False
        while len(self.done) < len(self.values):
            rig.tick(rng.uniform(0.02, 0.09))
            if rig.elapsed >= self.next_press:
                for _ in range(2 if rng.random() < 0.05 else 1):
                    self.press()
                self.next_press = rig.elapsed + 1 / rng.uniform(1, 10)
            dice = rng.random()
            if dice < (0.05 if paused else 0.004):
                paused = not paused
                self.lever("pause", paused)
            elif dice > (0.96 if driving else 0.995):
                driving = not driving
                self.lever("takeover", driving)
            elif 0.5 < dice < 0.502:
                self.lever("end_episode", None)
            if driving and rng.random() < 0.3:
                self.lever("drive", rng.randrange(ACTIONS))
            if paused and rng.random() < 0.05:
                self.lever("single_step", None)
        self.finish(paused, driving)

    def press(self) -> None:
        if len(self.done) < len(self.values):
            self.done.append(self.values[len(self.done)])
            self.rig.live.press(self.done[-1])

    def lever(self, kind: str, value: Any) -> None:
        self.levers[kind] += 1
        self.rig.person.do(kind, value)

    def finish(self, paused: bool, driving: bool) -> None:
        """Go on until the last press has left every window: beyond the end of its episode."""
        rig = self.rig
        for kind, on in (("pause", paused), ("takeover", driving)):
            if on:
                rig.person.do(kind, False)
        rig.tick()
        rig.tick()
        last = rig.acted()[-1].step.episode
        for _ in range(100_000):
            if rig.acted()[-1].step.episode > last + 1:
                return
            rig.tick(0.09)
        raise AssertionError("the session does not go on")


@pytest.mark.parametrize("blocked", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("credit", CREDITS)
def test_of_ten_thousand_presses_none_is_lost_and_none_doubled(
    credit: str, blocked: float, rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bar 1: 10,000 presses with the window that people get, 2,000 with the others."""
    monkeypatch.setattr(os, "fsync", lambda _: None)  # ten thousand syncs are another test's matter
    agent = Busy(Walk(), epsilon=1.0)
    agent.blocked = blocked
    one = rig(agent=agent, credit=CREDITS[credit]())
    presser = Presser(one, 10_000 if credit == "uniform" else 2_000, seed=round(10 * blocked))
    presser.run()
    log = one.stop()

    assert one.live.failed is None
    assert all(count > 5 for count in presser.levers.values()), "the script must do everything"
    assert [line["value"] for line in log if line["event"] == "feedback"] == presser.done
    pressed = one.pressed()
    assert [event.press.feedback.value for event in pressed] == presser.done
    assert all(abs(sum(share for _, share in event.press.shares) - 1) < 1e-12 for event in pressed)
    credited = [value * share for judgement in one.tally.seen for value, share in judgement.credits]
    assert abs(sum(credited) - sum(presser.done)) < 1e-9
    # Each press, too, and not only their sum.
    parts: dict[float, float] = {}
    for judgement in one.tally.seen:
        for value, share in judgement.credits:
            parts[value] = parts.get(value, 0.0) + share
    assert parts.keys() == set(presser.done)
    assert all(abs(total - 1) < 1e-9 for total in parts.values())
    # No step is learnt twice or left out.
    learnt = [event.judgement.step.index for event in one.learnt()]
    assert learnt == list(range(len(learnt)))
    assert_nothing_crosses(one, log)


def assert_nothing_crosses(one: Rig, log: Sequence[dict[str, Any]]) -> None:
    """No press is credited across the end of an episode, a pause, or a change of who acts."""
    steps = {event.step.index: event.step for event in one.acted()}
    on_screen_at_pause = {}  # of each press: the step that was there when the last pause before it began or ended
    last = 0
    for line in log:
        if line["event"] == "pause":
            last = line["step"]
        elif line["event"] == "feedback":
            on_screen_at_pause[line["value"]] = last
    for event in one.pressed():
        press = event.press
        for index, share in press.shares:
            assert share > 0
            assert steps[index].episode == press.step.episode
            assert steps[index].actor == press.step.actor
            assert on_screen_at_pause[press.feedback.value] <= index <= press.step.index


def test_windows_do_share_presses_among_steps(rig: Callable[..., Rig]) -> None:
    """Else the tests above would prove nothing."""
    one = rig()
    one.go(0.7)
    one.live.press(1.0)
    one.go(3)
    ((index, share), *others) = one.pressed()[0].press.shares
    assert 0 < share < 1
    assert len(others) == 1
    assert [line["credit"] for line in one.lines("feedback")] == [[[index, share], list(others[0])]]


@pytest.mark.parametrize("credit", CREDITS)
def test_a_logged_credit_is_the_credit_that_was_given(credit: str, rig: Callable[..., Rig]) -> None:
    """Also where the person presses and then pauses, while one and the same step is on the screen."""
    one = rig(credit=CREDITS[credit]())
    one.go(0.95)
    one.live.press(1.0)
    one.tick()
    one.do("pause", True)
    one.go(0.1)
    one.do("pause", False)
    one.live.press(-1.0)
    one.go(6)
    logged = [line["credit"] for line in one.lines("feedback")]
    given = [[list(part) for part in event.press.shares] for event in one.pressed()]
    assert logged == given


@pytest.mark.parametrize("credit", CREDITS)
def test_a_press_while_the_learner_computes_is_about_what_was_on_the_screen(
    credit: str, rig: Callable[..., Rig]
) -> None:
    """Also where the episode has ended: the picture of its last step is still there."""
    agent = Busy(Walk(), epsilon=1.0)
    one = rig(agent=agent, credit=CREDITS[credit]())
    last = 11
    while not one.acted() or one.acted()[-1].step.index < last:
        one.tick()
    agent.blocked = 1.0  # the last step of the episode is learnt slowly
    one.go(0.3 + GRADING_SECONDS + 0.3)
    assert one.acted()[-1].step.index == last, "the learner must be at work still"
    one.live.press(1.0)
    agent.free = True
    one.go(0.2)
    assert one.acted()[-1].step.episode == 1
    assert [line["credit"] for line in one.lines("feedback")] == [[[last, 1.0]]]
    one.go(3)
    assert [event.press.shares for event in one.pressed()] == [((last, 1.0),)]
    assert [(judgement.step.index, judgement.credits) for judgement in one.tally.seen] == [(last, ((1.0, 1.0),))]
    learnt = [event.judgement.step.index for event in one.learnt()]
    assert learnt == list(range(len(learnt))), "no step is learnt again"
    assert sum(map(sum, one.tally.count)) == 1
    one.live.take_back()
    one.tick()
    assert sum(map(sum, one.tally.count)) == 0
    assert one.live.view((), True, 1.0, None).human_return == 0


def test_a_press_after_a_pause_is_never_about_what_was_before_it(rig: Callable[..., Rig]) -> None:
    agent = Busy(Walk(), epsilon=1.0)
    one = rig(agent=agent, credit=Immediate())
    agent.blocked = 1.0
    while len(one.acted()) < 2:
        one.tick()
    one.go(0.4)
    one.person.do("pause", True)
    one.live.press(1.0)
    one.person.do("pause", False)
    one.go(3)
    ((press,),) = one.pressed()
    assert press.shares == ((press.step.index, 1.0),)
    assert press.step.index == 2


def test_a_learner_does_not_make_the_steps_longer(rig: Callable[..., Rig]) -> None:
    """The next step is due by the clock, not by the end of the update; one that comes late is still to be seen."""
    agent = Busy(Walk(), epsilon=1.0)
    one = rig(agent=agent, env=Walk(10_000), speed=2.0, credit=Immediate())
    agent.blocked = 0.1
    one.go(10)
    times = [event.step.time for event in one.acted()]
    assert times[-1] - times[1] == pytest.approx(0.5 * (len(times) - 2), abs=0.1)
    agent.blocked = 2.0
    one.go(20)
    late = [event.step.time for event in one.acted()][len(times) + 1 :]
    assert [b - a for a, b in itertools.pairwise(late)] == pytest.approx([2.25] * (len(late) - 1), abs=0.1)


def test_a_learner_whose_time_varies_does_not_make_the_steps_uneven(rig: Callable[..., Rig]) -> None:
    """Let go as early as it may need, and shown when it is due: the beat is the clock's."""
    agent = Busy(Walk(), epsilon=1.0)
    one = rig(agent=agent, env=Walk(10_000), speed=2.0, credit=Immediate())
    rng = random.Random(1)
    agent.blocked = 0.2
    one.go(1.5)
    for _ in range(40):
        agent.blocked = rng.uniform(0.0, 0.2)
        one.go(0.5)
    gaps = [b - a for a, b in itertools.pairwise(event.step.time for event in one.acted())][4:]
    assert len(gaps) > 30
    assert gaps == pytest.approx([0.5] * len(gaps), abs=4 / 60)  # of up to twelve frames that it may take


def test_keys_of_a_driver_are_carried_out_in_order_and_none_after_the_episode(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.do("takeover", True)
    one.go(0.5)
    before = len(one.env.executed)
    for action in (2, 0, 1):
        one.person.do("drive", action)
    one.go(1)
    assert one.env.executed[before:] == [2, 0, 1]
    steps = one.acted()[-1].step.index + 1
    for _ in range(12 - steps + 4):  # four more than the episode has steps
        one.person.do("drive", 2)
    one.go(5)
    assert one.acted()[-1].step.index == 11, "the new episode waits for a key of its own"


def test_a_press_taken_back_counts_in_no_return(rig: Callable[..., Rig]) -> None:
    one = rig(credit=Immediate())
    one.go(0.5)
    one.live.press(1.0)
    one.go(1)
    assert one.live.view((), True, 1.0, None).human_return == 1
    one.live.take_back()
    one.tick()
    assert one.live.view((), True, 1.0, None).human_return == 0
    one.live.press(-2.0)
    one.go(6)
    assert one.live.view((), True, 1.0, None).human_curve == [-2.0]
    one.live.take_back()
    one.tick()
    assert one.live.view((), True, 1.0, None).human_curve == [0.0]


class Stuck(QLearning):
    """Its third update never comes back, until the test lets it."""

    def __init__(self, env: Any) -> None:
        super().__init__(env, epsilon=1.0)
        self.released = threading.Event()
        self.entered = threading.Event()

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        if self.steps == 2:
            self.entered.set()
            self.released.wait()
        return super().update(judgement, reward)


def test_a_session_ends_without_an_update_that_hangs(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "PATIENCE", 0.05)
    env = Walk()
    agent = Stuck(env)
    one = rig(env=env, agent=agent, credit=Immediate(), start=False)
    one.clock = RealClock()
    one.person.clock = one.live.clock = one.clock
    one.person.speed = 1000.0
    one.live.start()
    assert agent.entered.wait(60)
    one.live.press(1.0)
    one.live.stop()
    assert one.live.hung
    assert isinstance(one.live.failed, TimeoutError)
    assert [line["value"] for line in one.lines("feedback")] == [1.0], "the press is in the log all the same"
    agent.released.set()


def test_two_presses_in_one_poll_both_count(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.go(1)
    one.live.press(1.0)
    one.live.press(1.0)
    one.live.press(-0.5)
    one.go(6)
    assert [line["value"] for line in one.lines("feedback")] == [1.0, 1.0, -0.5]
    assert [event.press.feedback.value for event in one.pressed()] == [1.0, 1.0, -0.5]
    view = one.live.view((), True, 1.0, None)
    assert view.counts[:3] == (2, 1, 0)
    assert view.human_return == 0  # a new episode began
    assert view.human_curve == [1.5]


def test_presses_from_several_threads_all_count(rig: Callable[..., Rig]) -> None:
    one = rig()

    def press(value: float) -> None:
        for _ in range(50):
            one.person.do("feedback", value)

    threads = [threading.Thread(target=press, args=(value,)) for value in (1.0, 2.0, 3.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.go(6)
    assert sorted(line["value"] for line in one.lines("feedback")) == [1.0] * 50 + [2.0] * 50 + [3.0] * 50


# --- time ------------------------------------------------------------------------------------------------------------


def test_steps_come_at_the_wanted_speed_with_a_second_to_grade_an_episode(rig: Callable[..., Rig]) -> None:
    one = rig(speed=10.0)
    one.go(12 * 0.1 + 1 + 0.5)
    times = [event.step.time for event in one.acted()]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert gaps[:11] == pytest.approx([0.1] * 11)
    assert gaps[11] == pytest.approx(0.1 + GRADING_SECONDS)
    assert gaps[12] == pytest.approx(0.1)


@pytest.mark.parametrize("blocked", [0.0, 0.25])
def test_the_length_of_a_step_does_not_depend_on_feedback(blocked: float, rig: Callable[..., Rig]) -> None:
    def times(pressing: bool) -> list[float]:
        agent = Busy(Walk(), epsilon=1.0)
        agent.blocked = blocked
        one = rig(agent=agent)
        rng = random.Random(3)
        for _ in range(1500):
            if pressing and rng.random() < 0.2:
                one.live.press(rng.choice((-1.0, 0.0, 1.0)))
            if pressing and not blocked and rng.random() < 0.02:
                one.live.take_back()  # it learns the episode again, which takes a blocking learner its time
            one.tick()
        one.stop()
        assert bool(one.pressed()) == pressing
        return [event.step.time for event in one.acted()]

    silent = times(False)
    assert len(silent) > 40
    assert times(True) == silent


def test_the_clock_stands_still_while_paused(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.go(1)
    one.do("pause", True)
    frozen, steps = one.clock.now(), one.live.done_steps
    one.go(5)
    one.live.press(1.0)
    one.go(5)
    assert one.clock.now() == frozen
    assert one.live.done_steps == steps
    assert one.live.view((), True, 1.0, None).mode == "PAUSED"
    one.do("pause", False)
    one.go(1)
    assert one.clock.now() == pytest.approx(frozen + 1, abs=0.05)
    assert one.live.done_steps > steps
    press = one.lines("feedback")[0]
    assert press["t"] == frozen
    paused = [line["t"] for line in one.lines("pause")]
    assert paused == pytest.approx([frozen, frozen], abs=2 * FRAME)
    assert one.live.view((), True, 1.0, None).mode == "TEACHING"


def test_a_pause_closes_the_steps_that_left_the_screen(rig: Callable[..., Rig]) -> None:
    """A press right after a pause would be about the steps before it, were it not for the pause."""
    one = rig()
    one.go(1.0)
    before = one.live.done_steps - 1
    one.do("pause", True)
    one.do("pause", False)
    one.live.press(1.0)
    one.go(2)
    assert one.pressed()[0].press.shares == ((before, 1.0),)


def test_one_step_at_a_time_while_paused(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.go(1)
    one.do("pause", True)
    steps = one.live.done_steps
    for done in range(1, 4):
        one.do("single_step")
        one.go(1)
        assert one.live.done_steps == steps + done
    one.live.press(1.0)
    one.tick()
    assert one.lines("feedback")[0]["credit"] == [[steps + 2, 1.0]]


def test_a_single_step_needs_no_pause(rig: Callable[..., Rig]) -> None:
    one = rig(speed=0.5)
    one.go(0.5)
    assert one.live.done_steps == 1
    one.do("single_step")
    assert one.live.done_steps == 2


def test_the_speed_can_be_changed(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(10**9), speed=2.0)
    one.go(4)
    slow = one.live.done_steps
    one.do("speed", 10.0)
    one.go(4)
    assert slow == pytest.approx(8, abs=1)
    assert one.live.done_steps - slow == pytest.approx(40, abs=2)
    assert one.live.view((), True, 1.0, None).speed_wanted == 10
    assert one.live.view((), True, 1.0, None).speed_real == pytest.approx(10, rel=0.01)
    assert [line["value"] for line in one.lines("speed")] == [10.0]


def test_the_unpleasant_lasts_until_it_is_taken_away(rig: Callable[..., Rig]) -> None:
    """A press of -0.2 with every step between, about that step with credit on the spot; both ends are in the log."""
    one = rig(env=Walk(10**9), speed=4.0, credit=Immediate(), blend=reward_shaping(beta=1.0))
    one.go(1)
    one.do("unpleasant", True)
    assert one.live.view((), True, 1.0, None).message == "unpleasant: -0.2 a step, until you take it away"
    one.go(1)
    one.do("unpleasant", False)
    assert one.live.view((), True, 1.0, None).message.startswith("the unpleasant is gone")
    one.do("take_back")  # what came by itself is not taken back
    one.go(1)
    view = one.live.view((), True, 1.0, None)
    assert view.counts.penalties == view.counts.taken_back == 0
    assert view.traits == ""
    lines = one.stop()
    begun, ended = (line["t"] for line in lines if line["event"] == "unpleasant")
    steps = {line["step"]: line["t"] for line in lines if line["event"] == "step"}
    pressed = {line["step"]: line["value"] for line in lines if line["event"] == "feedback"}
    assert pressed == {index: UNPLEASANT for index, t in steps.items() if begun < t <= ended}
    assert len(pressed) == 4
    judged = {e.judgement.step.index: e.judgement.feedback for e in one.events if isinstance(e, Learnt)}
    assert {index for index, said in judged.items() if said} == set(pressed)


def test_wait_for_me_holds_every_step_until_it_is_judged(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(3))
    one.person.wait_for_me = True
    one.go(3)
    assert one.live.done_steps == 1
    one.live.press(1.0)
    one.go(3)
    assert one.live.done_steps == 2
    one.live.press(0.0)  # neutral is a judgement
    one.tick()
    one.go(0.5)
    assert one.live.done_steps == 3
    one.go(2)  # an episode's last step goes by itself, after its grading time
    assert one.live.done_steps == 4
    one.do("single_step")
    assert one.live.done_steps == 5
    one.person.wait_for_me = False
    one.go(3)
    assert one.live.done_steps > 6


def test_wait_for_me_does_not_shorten_a_step(rig: Callable[..., Rig]) -> None:
    one = rig(speed=1.0)
    one.person.wait_for_me = True
    one.go(0.2)
    one.live.press(1.0)
    one.go(0.5)
    assert one.live.done_steps == 1
    one.go(0.5)
    assert one.live.done_steps == 2


def test_the_real_clock_stops_while_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    clock = RealClock()
    moment = 103.0
    assert clock.now() == 3
    clock.pause(True)
    moment = 110.0
    assert clock.now() == 3
    clock.pause(True)
    moment = 111.0
    clock.pause(False)
    clock.pause(False)
    moment = 112.0
    assert clock.now() == 4


def test_something_done_wakes_the_real_clock() -> None:
    clock, condition = RealClock(), threading.Condition()
    woken = threading.Event()

    def wait() -> None:
        with condition:
            clock.wait(condition, 0.05)
        woken.set()

    threading.Thread(target=wait).start()
    assert woken.wait(10)


# --- driving ---------------------------------------------------------------------------------------------------------


def test_the_persons_action_is_executed_logged_and_recorded_as_theirs(rig: Callable[..., Rig]) -> None:
    one = rig(agent=QLearning(Walk(), epsilon=1.0), env=Walk())
    one.go(1)
    one.do("takeover", True)
    assert one.live.view((), True, 1.0, None).mode == "YOU DRIVE"
    steps = one.live.done_steps
    one.go(5)
    assert one.live.done_steps == steps, "the world waits for its driver"
    for action in (2, 0, 1, 1):
        one.do("drive", action)
        one.go(0.2)
    assert one.env.executed[steps:] == [2, 0, 1, 1]
    driven = [event.step for event in one.acted()][steps:]
    assert [step.action for step in driven] == [2, 0, 1, 1]
    assert [step.actor for step in driven] == ["human"] * 4
    assert [step.probability for step in driven] == [1.0] * 4
    assert [line["value"] for line in one.lines("drive")] == [2, 0, 1, 1]
    one.do("takeover", False)
    one.go(1)
    after = [event.step for event in one.acted()][steps + 4 :]
    assert after
    assert {step.actor for step in after} == {"agent"}
    assert [step.probability for step in after] == pytest.approx([1 / 3] * len(after))
    assert [line["value"] for line in one.lines("takeover")] == [True, False]


def test_who_drives_takes_the_first_action_of_an_episode_too(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(3))
    one.do("takeover", True)
    for _ in range(2):
        one.do("drive", 2)
    one.go(3)
    ended = one.live.done_steps
    assert one.acted()[-1].step.ended
    one.go(3)
    assert one.live.done_steps == ended
    one.do("drive", 1)
    one.go(0.2)
    first = one.acted()[-1].step
    assert (first.episode, first.action, first.actor) == (1, 1, "human")
    assert one.lines("drive")[-1]["episode"] == 1


def test_who_hands_back_at_the_start_of_an_episode_lets_the_agent_begin(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(2))
    one.do("takeover", True)
    one.do("drive", 2)
    one.go(3)
    ended = one.live.done_steps
    one.do("takeover", False)
    one.go(1)
    assert one.live.done_steps > ended
    assert one.acted()[ended].step.actor == "agent"


@pytest.mark.parametrize("then", ["drive", "quit"])
def test_presses_while_a_new_episode_waits_for_its_driver_are_not_lost(then: str, rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(2))
    one.do("takeover", True)
    one.do("drive", 2)
    one.go(3)
    assert one.acted()[-1].step.ended
    one.live.press(0.25)
    one.go(1)
    if then == "drive":
        one.do("drive", 1)
        one.go(1)
    log = one.stop()
    assert one.live.failed is None
    assert [line["value"] for line in log if line["event"] == "feedback"] == [0.25]


def test_credit_does_not_cross_a_takeover_or_a_handback(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(10**9))
    one.go(2)
    one.do("takeover", True)
    one.do("drive", 2)
    one.live.press(0.5)  # within 0.2 s: it would be about the agent's last steps
    one.go(0.5)
    driven = one.acted()[-1].step
    one.do("takeover", False)
    one.go(0.02)
    one.live.press(0.25)
    one.go(3)
    actors = {event.step.index: event.step.actor for event in one.acted()}
    assert driven.actor == "human"
    for event in one.pressed():
        assert {actors[index] for index, _ in event.press.shares} == {actors[event.press.step.index]}
    assert one.pressed()[0].press.shares == ((driven.index, 1.0),)


def test_sarsa_learns_from_the_driven_action(rig: Callable[..., Rig]) -> None:
    env = Walk()
    one = rig(env=env, agent=Sarsa(env, epsilon=1.0, initial_value=3.0), blend=none(), credit=Immediate())
    one.agent.q = [[10.0 * state + action for action in range(ACTIONS)] for state in range(STATES)]
    one.do("takeover", True)
    for action in (2, 0, 1, 2):
        one.do("drive", action)
        one.go(0.1)
    steps = [event.judgement.step for event in one.learnt()]
    updates = [event.update for event in one.learnt()]
    assert [step.next_action for step in steps[:4]] == [2, 0, 1, 2]
    for step, update in zip(steps[:4], updates, strict=False):
        assert update is not None
        assert update.bootstrap == 10.0 * (step.observation + 1) + step.next_action


# --- levers ----------------------------------------------------------------------------------------------------------


def test_ending_an_episode_truncates_it_and_keeps_the_bootstrap(rig: Callable[..., Rig]) -> None:
    env = Walk()
    one = rig(env=env, agent=QLearning(env, epsilon=1.0, initial_value=5.0, gamma=0.9), blend=none())
    one.go(0.5)
    one.do("end_episode")
    one.go(3)
    ended = next(event for event in one.learnt() if event.judgement.step.ended)
    step = ended.judgement.step
    assert (step.truncated, step.terminated) == (True, False)
    assert step.index < 4
    assert ended.update is not None
    assert ended.update.target == pytest.approx(-1 + 0.9 * 5.0)
    assert [event.step.episode for event in one.acted()][-1] == 1
    assert not [event for event in one.acted() if event.step.episode == 1 and event.step.truncated]


def test_teaching_on_or_off_changes_nothing_but_the_flag(rig: Callable[..., Rig]) -> None:
    def run(teaching: bool) -> Rig:
        one = rig()
        one.do("teaching" if not teaching else "speed", False if not teaching else 10 / 3)
        for _ in range(30):
            one.live.press(1.0)
            one.go(0.25)
        one.stop()
        return one

    on, off = run(True), run(False)
    assert on.desk.teaching
    assert not off.desk.teaching
    assert off.live.view((), True, 1.0, None).mode == "WATCHING"
    assert on.agent.q == off.agent.q
    assert on.tally.mean == off.tally.mean
    assert np.any(off.tally.mean)

    def presses(one: Rig) -> list[Press]:
        return [event.press._replace(step=event.press.step._replace(taught=True)) for event in one.pressed()]

    assert presses(on) == presses(off)
    assert any(not event.press.step.taught for event in off.pressed())


def test_sliders_set_the_numbers(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.do("slider", ["alpha", 0.25])
    one.do("slider", ["epsilon", 0.75])
    one.do("slider", ["gamma", 0.5])
    one.do("slider", ["weight", 2.5])
    view = one.live.view((), True, 1.0, None)
    assert (view.alpha, view.epsilon, view.gamma, view.weight) == (0.25, 0.75, 0.5, 2.5)
    assert one.agent.gamma == one.desk.switch.gamma == 0.5
    assert one.desk.switch.blend.name == "reward_shaping"
    assert {slider.name: slider.value for slider in view.sliders} == {
        "alpha": 0.25, "epsilon": 0.75, "gamma": 0.5, "weight": 2.5, "speed": 10 / 3,
    }  # fmt: skip
    assert next(line["value"] for line in one.lines("slider")) == ["alpha", 0.25]


def test_a_reweighted_blend_keeps_its_rules() -> None:
    blend = reweighted(reward_shaping(0.5), 3.0)
    assert blend.name == "reward_shaping"
    (port,) = blend.reward
    assert port.weight(0, 0) == port.weight(10**6, 10**4) == 3.0
    assert (blend.bias, blend.mix) == ((), ())


def test_the_blend_can_be_switched(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.do("blend", "action_biasing")
    assert one.live.view((), True, 1.0, None).blend == "action_biasing"
    one.do("blend", "none")
    view = one.live.view((), True, 1.0, None)
    assert (view.blend, view.weight) == ("none", 0.0)
    assert "weight" not in {slider.name for slider in view.sliders}
    one.live.press(1.0)
    one.go(6)
    assert np.any(one.tally.mean), "H listens under every blend"


@pytest.mark.parametrize("lever", LEVERS)
def test_every_lever_is_logged_with_the_step_on_the_screen(lever: str, rig: Callable[..., Rig]) -> None:
    value = {
        "teaching": False, "pause": True, "takeover": True, "drive": 1, "blend": "none", "slider": ["alpha", 0.5],
        "speed": 5.0, "end_episode": None, "take_back": None, "single_step": None,
        "unpleasant": True,
    }[lever]  # fmt: skip
    one = rig()
    one.live.press(1.0)
    one.go(1)
    step = one.acted()[-1].step
    one.do(lever, value)
    (line,) = one.lines(lever)
    assert list(line) == KEYS
    assert (line["step"], line["episode"], line["trainer"]) == (step.index, step.episode, "anna")
    assert line["value"] == (2 if lever == "take_back" else value)


def test_a_line_of_the_log(tmp_path: Path) -> None:
    log = SessionLog(tmp_path / "log", "bob")
    assert log.write(Deed("feedback", 1.25, -2.0), None) == 1
    assert log.write(Deed("pause", 1.5, True), None) == 2
    log.close()
    log.close()
    first, second = (json.loads(line) for line in (tmp_path / "log").read_text().splitlines())
    assert list(first) == list(second) == KEYS
    assert (first["t"], first["value"], first["strength"]) == (1.25, -2.0, 2.0)
    assert (second["value"], second["strength"]) == (True, None)


def test_every_deed_is_in_the_file_at_once_and_every_press_is_synced(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    one = rig()
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(len(one.lines())))
    for number in range(20):
        one.live.press(1.0)
        one.tick()
        assert len(one.lines("feedback")) == number + 1  # read back from the disk's side, not from the writer's buffer
        assert synced[-1] >= one.lines().index(one.lines("feedback")[-1]) + 1
        one.go(0.2)
    assert len(one.lines("step")) == one.live.done_steps


def test_a_slow_disk_does_not_hold_the_person_up(rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch) -> None:
    """The window's thread must never wait for a sync: it could pump no events meanwhile."""
    one = rig()
    syncing, go_on = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        syncing.set()
        go_on.wait(20)

    monkeypatch.setattr(os, "fsync", slow)
    one.live.press(1.0)
    ticking = threading.Thread(target=one.tick)
    ticking.start()
    assert syncing.wait(10)
    pressing = threading.Thread(target=one.live.press, args=(1.0,))
    pressing.start()
    pressing.join(2)
    held_up = pressing.is_alive()
    go_on.set()
    pressing.join()
    ticking.join()
    assert not held_up
    one.go(1)
    assert len(one.lines("feedback")) == 2


def test_learning_an_episode_again_does_not_hold_the_person_up(rig: Callable[..., Rig]) -> None:
    """A take-back makes a slow learner learn many steps again; the window must stay alive meanwhile."""
    busy, go_on = threading.Event(), threading.Event()

    class Slow(QLearning):
        slow = False

        def update(self, judgement: Judgement, reward: RewardPort) -> Update:
            if self.slow:
                busy.set()
                go_on.wait(20)
            return super().update(judgement, reward)

    agent = Slow(Walk(), epsilon=1.0)
    one = rig(agent=agent, credit=Immediate())
    one.live.press(1.0)
    one.go(1)
    agent.slow = True
    one.live.take_back()
    ticking = threading.Thread(target=one.tick)
    ticking.start()
    assert busy.wait(10)
    pressing = threading.Thread(target=one.live.press, args=(1.0,))
    pressing.start()
    pressing.join(2)
    held_up = pressing.is_alive()
    agent.slow = False
    go_on.set()
    pressing.join()
    ticking.join()
    assert not held_up


# --- the end ---------------------------------------------------------------------------------------------------------


class Failing(QLearning):
    """Breaks at its 6th update."""

    count = 0
    error: BaseException = ValueError("no more")

    def update(self, judgement: Judgement, reward: RewardPort) -> Update:
        self.count += 1
        if self.count == 6:
            raise self.error
        return super().update(judgement, reward)


@pytest.mark.parametrize("error", [ValueError("no more"), SystemExit(3)])
def test_an_exception_in_the_agent_ends_the_loop_and_is_told(error: BaseException, rig: Callable[..., Rig]) -> None:
    agent = Failing(Walk(), epsilon=1.0)
    agent.error = error
    one = rig(agent=agent, credit=Immediate())
    for _ in range(12):
        one.live.press(1.0)
        one.go(0.25)
    log = one.stop()
    assert not one.live.running
    assert one.live.failed is error
    assert type(error).__name__ in one.live.view((), True, 1.0, None).message
    steps = [line["step"] for line in log if line["event"] == "step"]
    assert steps == list(range(6))
    done = [event.press.feedback.value for event in one.pressed()]
    assert len([line for line in log if line["event"] == "feedback"]) >= len(done) >= 5


def test_presses_that_come_while_or_after_the_agent_breaks_are_in_the_log(rig: Callable[..., Rig]) -> None:
    """The window still counts and echoes them: so the log has them, too."""
    agent = Failing(Walk(), epsilon=1.0)
    one = rig(agent=agent, credit=Immediate())
    one.go(3)
    assert one.live.failed is not None
    one.live.press(1.0)
    one.tick()
    log = one.stop()
    counted = one.live.view((), True, 1.0, None).counts.rewards
    assert counted == len([line for line in log if line["event"] == "feedback"])


def test_quitting_flushes_what_was_done_just_before(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.go(1)
    one.live.press(0.75)
    log = one.stop()
    assert [line["value"] for line in log if line["event"] == "feedback"] == [0.75]
    assert one.live.failed is None
    assert not one.live.running


def test_quitting_in_mid_update_keeps_the_presses_made_meanwhile(rig: Callable[..., Rig]) -> None:
    agent = Busy(Walk(), epsilon=1.0)
    agent.blocked = 5.0
    one = rig(agent=agent, credit=Immediate(), blend=none())
    one.go(1)  # the first update is under way
    assert not one.learnt()
    one.live.press(0.5)
    one.tick()
    log = one.stop()
    assert [line["value"] for line in log if line["event"] == "feedback"] == [0.5]
    assert len(one.learnt()) == 1


def test_quitting_before_the_start_is_fine(rig: Callable[..., Rig]) -> None:
    one = rig(start=False)
    assert not one.live.started
    assert one.stop() == []
    assert one.live.summary()["steps"] == 0
    assert one.live.summary()["mean_return"] is None


def test_the_summary_counts_what_happened(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(3), speed=10)
    for value in (1.0, 2.0, -1.0, 0.0):
        one.live.press(value)
        one.tick()
    one.live.take_back()
    one.go(2 * (3 * 0.1 + 1.0) + 0.05)
    one.stop()
    summary = one.live.summary()
    assert summary["episodes"] == 2
    assert summary["mean_return"] == -3
    assert {key: summary[key] for key in ("rewards", "penalties", "neutral", "taken_back")} == {
        "rewards": 2, "penalties": 1, "neutral": 1, "taken_back": 1,
    }  # fmt: skip
    assert summary["steps"] == len(one.acted())


def test_an_episode_that_has_ended_is_counted_while_its_last_step_is_on_the_screen(rig: Callable[..., Rig]) -> None:
    one = rig(env=Walk(3), speed=10)
    one.go(0.6)
    assert one.acted()[-1].step.ended
    assert one.live.summary()["episodes"] == 1
    assert one.live.summary()["mean_return"] == -3


def test_taking_back_where_nothing_was_said_is_not_counted(rig: Callable[..., Rig]) -> None:
    one = rig()
    one.live.take_back()
    one.go(0.5)
    assert one.live.view((), True, 1.0, None).message == "nothing to take back"
    assert one.lines("take_back") == []
    assert one.live.summary()["taken_back"] == 0


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_a_press_is_echoed_at_once_then_credited_then_learnt(rig: Callable[..., Rig]) -> None:
    one = rig(credit=uniform_window())
    one.go(1)
    one.live.press(1.0)
    assert one.live.view((), True, 1.0, None).echo == Echo(1.0, 0.0, "", "")
    one.tick()
    echo = one.live.view((), True, 1.0, None).echo
    assert echo is not None
    assert echo.credited.startswith("credited to: action ")
    one.go(1.2)
    echo = one.live.view((), True, 1.0, None).echo
    assert echo is not None
    assert echo.changed.startswith("H(action ")
    one.go(3)
    assert one.live.view((), True, 1.0, None).echo is None


def test_the_card_shows_the_last_update(rig: Callable[..., Rig]) -> None:
    one = rig(credit=Immediate(), blend=reward_shaping(2.0))
    one.live.press(1.0)
    one.go(0.4)
    update = one.learnt()[0].update
    card = one.live.view((), True, 1.0, None).card
    assert update is not None
    assert card is not None
    assert (card.old, card.new, card.reward, card.human) == (update.old, update.new, -1.0, 2.0)
    assert card.target == update.target


def test_the_bars_are_those_of_the_state_on_the_screen(rig: Callable[..., Rig]) -> None:
    one = rig(credit=Immediate())
    one.live.press(1.0)
    one.tick()
    step = one.acted()[0].step
    bars = one.live.view((), True, 1.0, None).bars
    assert [bar.chosen for bar in bars] == [action == step.action for action in range(ACTIONS)]
    assert [bar.q for bar in bars] == one.agent.q[step.observation]
    one.go(0.3 * 12 + 1.5)  # the same state, an episode later
    assert one.tally.count[0][step.action] == 1
    assert sum(map(sum, one.tally.count)) == 1


def test_an_agent_without_values_or_numbers_can_be_watched(rig: Callable[..., Rig]) -> None:
    env = Walk()
    one = rig(env=env, agent=RandomAgent(env))
    one.live.press(1.0)
    one.go(5)
    view = one.live.view((), True, 1.0, None)
    assert one.live.failed is None
    assert [bar.q for bar in view.bars] == [0.0] * ACTIONS
    assert [slider.name for slider in view.sliders] == ["gamma", "weight", "speed"]


def test_the_stage_publishes_every_picture_and_ends_an_episode_once() -> None:
    pictures: list[Any] = []
    stage = Staged(Walk(), pictures.append)
    stage.reset(seed=0)
    assert stage.fresh
    stage.end_asked = True
    assert stage.step(0)[2:4] == (False, True)
    assert not stage.fresh
    stage.reset()
    assert stage.step(0)[2:4] == (False, False)
    assert len(pictures) == 4


def test_a_person_needs_no_window(tmp_path: Path) -> None:
    """The parts alone, with the loop: a press by hand in a notebook."""
    env = Walk()
    agent, switch, credit = QLearning(env), Switch(none(), Tally(), 0.99), Immediate()
    log = SessionLog(tmp_path / "log", "p")
    desk = Desk(agent, switch, [none()])
    person = Person(desk, credit, Memory(agent, switch, credit), RealClock(), log, 1e6)
    person.do("feedback", 1.0)
    river = play(env, agent, person, switch, credit, seed=0, clock=person.time)
    kinds = [type(next(river)) for _ in range(4)]
    assert kinds == [Acted, Pressed, Learnt, Acted]
    log.close()
    assert len((tmp_path / "log").read_text().splitlines()) == 2
