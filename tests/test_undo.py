"""Taking a press back: in the same episode everything is as if it had never been made; later H alone is corrected.

Exploration is full (epsilon 1), so that what was learnt does not change what is done: then "never made" can be run.
"""

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl.agents import QLearning, Sarsa, Tamer
from hfrl.blend import (
    Blend,
    Switch,
    action_biasing,
    control_sharing,
    extra_action,
    none,
    potential_based,
    reward_shaping,
)
from hfrl.credit import Credit, Immediate, Window, gamma_window, uniform_window
from hfrl.live import Live, Wiring
from hfrl.loop import play
from hfrl.models import HumanTable, NoModel
from hfrl.session import Desk, FrameClock, Person, SessionLog
from hfrl.types import Acted, Event, Feedback, Judgement, Learnt, Press, Step
from hfrl.undo import Memory, Remembering, without

#: Deeds are given by the frame they are done in; the window of these sessions polls every fifth one, to save time.
FRAME, POLL = 1 / 60, 5
STATES, ACTIONS = 8, 3
LENGTH = 30
BLENDS: dict[str, Callable[[], Blend]] = {
    "none": none,
    "reward_shaping": reward_shaping,
    "by press": lambda: reward_shaping(source="press"),
    "potential_based": potential_based,
    "action_biasing": action_biasing,
    "extra_action": extra_action,
}
CREDITS: dict[str, Callable[[], Credit]] = {
    "immediate": Immediate,
    "uniform": uniform_window,
    "gamma": gamma_window,
}
AGENTS: dict[str, Any] = {"q_learning": QLearning, "sarsa": Sarsa, "tamer": Tamer}


class Maze(gymnasium.Env[int, int]):
    """Random states, episodes of a fixed length: what is seen depends on the seed alone."""

    def __init__(self, length: int = LENGTH) -> None:
        self.observation_space = gymnasium.spaces.Discrete(STATES)
        self.action_space = gymnasium.spaces.Discrete(ACTIONS)
        self.length = length
        self.at = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.at += 1
        state = int(self.np_random.integers(STATES))
        return state, float(self.np_random.normal()), self.at == self.length, False, {}

    def render(self) -> Any:
        return np.zeros((4, 4, 3), np.uint8)


class Sitting:
    """A session on a simulated clock: things done at given frames."""

    def __init__(
        self, folder: Path, blend: Blend, credit: Credit, agent_class: Any = QLearning, length: int = LENGTH
    ) -> None:
        env = Maze(length)
        self.agent = agent_class(env, epsilon=1.0, learning_rate=0.3)
        self.model = HumanTable(STATES, ACTIONS, int)
        switch = Switch(blend, self.model, self.agent.gamma)
        folder.mkdir(exist_ok=True)
        self.path = folder / "feedback.jsonl"
        self.log = SessionLog(self.path, "p")
        self.clock = FrameClock()
        wiring = Wiring(env, self.agent, switch, credit, 5, (0, 0))
        desk, memory = Desk(self.agent, switch, [blend, none()]), Memory(self.agent, switch, credit)
        self.live = Live(wiring, Person(desk, credit, memory, self.clock, self.log, 10 / 3))
        self.live.start()

    def run(self, deeds: dict[int, list[tuple[str, Any]]], frames: int) -> "Sitting":
        """Do what is to be done at each frame, and stop after the last."""
        self.part(deeds, 0, frames)
        return self.stop()

    def part(self, deeds: dict[int, list[tuple[str, Any]]], begin: int, end: int) -> None:
        condition = self.live.person.condition
        for first in range(begin, end, POLL):
            for frame in range(first, first + POLL):
                for kind, value in deeds.get(frame, ()):
                    self.live.person.do(kind, value)
            self.clock.advance(condition, POLL * FRAME)
            self.clock.settle(condition)

    def stop(self) -> "Sitting":
        self.live.stop()
        self.log.close()
        assert self.live.failed is None
        return self

    @property
    def message(self) -> str:
        return self.live.person.message.text

    def learnt(self) -> tuple[Any, Any, Any]:
        return self.agent.q, self.model.mean, self.model.count

    def lines(self, kind: str) -> list[dict[str, Any]]:
        events = [json.loads(line) for line in self.path.read_text().splitlines()]
        return [event for event in events if event["event"] == kind]


@pytest.fixture
def sit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sitting]]:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    made: list[Sitting] = []

    def sitting(*args: Any, **kwargs: Any) -> Sitting:
        made.append(Sitting(tmp_path / str(len(made)), *args, **kwargs))
        return made[-1]

    yield sitting
    for one in made:
        one.live.stop()


PRESS, BACK = ("feedback", 1.0), ("take_back", None)
PENALTY = ("feedback", -2.0)
#: Frames: a step is shown for about 18, an episode for about 600.
OTHERS = {100: [PENALTY], 130: [PRESS], 260: [PRESS]}


def both(sit: Callable[..., Sitting], parts: tuple[Any, ...], done: Any, never: Any, frames: int) -> tuple[Any, Any]:
    """The same sitting twice: with the press and its take-back, and with neither."""
    blend, credit, agent = parts
    first = sit(blend(), credit(), agent).run(done, frames)
    second = sit(blend(), credit(), agent).run(never, frames)
    return first, second


EVERY = [
    pytest.param((BLENDS[blend], CREDITS[credit], AGENTS[agent]), id=f"{agent}-{blend}-{credit}")
    for agent in AGENTS
    for blend in (BLENDS if agent != "tamer" else ("none",))  # it hears no reward to blend
    for credit in CREDITS
]


@pytest.mark.parametrize("parts", EVERY)
@pytest.mark.parametrize("later", [0, 2, 25, 70, 180])
def test_a_press_taken_back_in_its_episode_was_never_made(
    parts: tuple[Any, ...], later: int, sit: Callable[..., Sitting]
) -> None:
    """So many frames later: before the loop had it, inside the credit window, and long after it was learnt."""
    done = OTHERS | {300: [PRESS]}
    done[300 + later] = [*done.get(300 + later, []), BACK]
    first, second = both(sit, parts, done, OTHERS, 550)
    assert first.learnt() == second.learnt()
    assert np.any(first.model.mean)
    assert first.lines("take_back")[0]["value"] == 1 + next(
        at
        for at, line in enumerate(map(json.loads, first.path.read_text().splitlines()))
        if line["event"] == "feedback" and abs(line["t"] - 5.0) < 0.1
    )


@pytest.mark.parametrize("parts", EVERY)
def test_the_rest_of_the_session_is_as_without_it(parts: tuple[Any, ...], sit: Callable[..., Sitting]) -> None:
    """Two more episodes with presses: nothing of the old press comes back."""
    later = {800: [PRESS], 1500: [PENALTY, PRESS]}
    first, second = both(sit, parts, OTHERS | {300: [PRESS], 400: [BACK]} | later, OTHERS | later, 2000)
    assert first.learnt() == second.learnt()


def test_the_message_says_what_was_done(sit: Callable[..., Sitting]) -> None:
    one = sit(reward_shaping(), uniform_window())
    one.part({50: [PRESS, BACK]}, 0, 55)
    assert one.message == "taken back"
    one.part({60: [PRESS], 120: [BACK]}, 55, 125)
    assert "learnt again without it" in one.message
    one.part({130: [PRESS], 800: [BACK]}, 125, 805)
    assert "earlier episode" in one.message
    assert "H" in one.message
    one.part({810: [BACK]}, 805, 815)
    assert one.message == "nothing to take back"
    assert len(one.lines("take_back")) == 3


@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize("credit", CREDITS)
def test_in_an_earlier_episode_h_is_corrected_and_q_stays(credit: str, blend: str, sit: Callable[..., Sitting]) -> None:
    deeds = OTHERS | {300: [PRESS]}
    kept = sit(BLENDS[blend](), CREDITS[credit]())
    kept.part(deeds, 0, 700)
    before = [row[:] for row in kept.agent.q], [row[:] for row in kept.model.mean]
    kept.part({700: [BACK]}, 700, 701)
    assert "earlier episode" in kept.message
    assert kept.agent.q == before[0]
    assert kept.model.mean != before[1]
    kept.stop()
    never = sit(BLENDS[blend](), CREDITS[credit]()).run(OTHERS, 701)
    assert kept.model.count == never.model.count
    assert np.array(kept.model.mean) == pytest.approx(np.array(never.model.mean), abs=1e-12)


def test_a_correction_outlives_a_later_take_back(sit: Callable[..., Sitting]) -> None:
    """H is corrected for an earlier episode; then a press of the present one is taken back, too."""
    deeds = {300: [PRESS], 700: [BACK], 720: [PRESS], 800: [BACK]}
    one = sit(none(), Immediate()).run(OTHERS | deeds, 810)
    never = sit(none(), Immediate()).run(OTHERS, 810)
    assert one.model.count == never.model.count
    assert np.array(one.model.mean) == pytest.approx(np.array(never.model.mean), abs=1e-12)


@pytest.mark.parametrize("parts", EVERY)
def test_several_in_a_row(parts: tuple[Any, ...], sit: Callable[..., Sitting]) -> None:
    done = OTHERS | {300: [PRESS, PENALTY], 310: [PRESS], 330: [BACK, BACK], 335: [BACK]}
    first, second = both(sit, parts, done, OTHERS, 550)
    assert first.learnt() == second.learnt()
    assert [line["value"] for line in first.lines("take_back")] == sorted(
        (line["value"] for line in first.lines("take_back")), reverse=True
    )


def test_all_of_it(sit: Callable[..., Sitting]) -> None:
    done = OTHERS | {300: [PRESS], 330: [BACK], 400: [BACK, BACK, BACK, BACK]}
    first, second = both(sit, (reward_shaping, uniform_window, QLearning), done, {}, 550)
    assert first.learnt() == second.learnt()
    assert not np.any(first.model.mean)
    assert first.message == "nothing to take back"


@pytest.mark.parametrize("parts", EVERY)
def test_pressing_again_after_a_take_back_counts(parts: tuple[Any, ...], sit: Callable[..., Sitting]) -> None:
    done = OTHERS | {300: [PRESS], 320: [BACK], 340: [PENALTY]}
    first, second = both(sit, parts, done, OTHERS | {340: [PENALTY]}, 550)
    assert first.learnt() == second.learnt()


@pytest.mark.parametrize("credit", CREDITS)
def test_the_last_of_several_equal_presses_goes(credit: str, sit: Callable[..., Sitting]) -> None:
    """0.1 + 0.2 + 0.3 is not 0.2 + 0.3 + 0.1: of equal presses the last one is taken back, to the last bit."""
    said = [("feedback", value) for value in (0.1, 0.2, 0.3)]
    again = {200: [*said, ("feedback", 0.1)], 300: [BACK]}
    first, second = both(sit, (reward_shaping, CREDITS[credit], QLearning), again, {200: said}, 500)
    assert first.learnt() == second.learnt()


@pytest.mark.parametrize(
    "lever",
    [("slider", ["alpha", 0.05]), ("slider", ["gamma", 0.2]), ("slider", ["weight", 3.0]), ("blend", "none")],
    ids=lambda lever: str(lever[1]),
)
@pytest.mark.parametrize("credit", CREDITS)
def test_what_was_learnt_by_other_numbers_is_learnt_by_them_again(
    credit: str, lever: Any, sit: Callable[..., Sitting]
) -> None:
    """A lever is moved between the press and its take-back: earlier steps are learnt again as they were."""
    levers = OTHERS | {350: [lever]}
    done = levers | {300: [PRESS], 450: [BACK]}
    first, second = both(sit, (reward_shaping, CREDITS[credit], QLearning), done, levers, 550)
    assert first.learnt() == second.learnt()


@pytest.mark.parametrize("credit", CREDITS)
def test_a_press_just_before_a_pause_can_be_taken_back(credit: str, sit: Callable[..., Sitting]) -> None:
    pause = {301: [("pause", True)], 311: [("pause", False)]}
    first, second = both(
        sit,
        (reward_shaping, CREDITS[credit], QLearning),
        OTHERS | pause | {300: [PRESS], 380: [BACK]},
        OTHERS | pause,
        560,
    )
    assert first.learnt() == second.learnt()


def test_scripts_at_random(sit: Callable[..., Sitting]) -> None:
    """Presses and take-backs within one long episode, against the presses that are left."""
    for seed in range(25):
        rng = random.Random(seed)
        blend, credit = rng.choice(list(BLENDS.values())), rng.choice(list(CREDITS.values()))
        agent = rng.choice([one for one in AGENTS.values() if blend is none or one is not Tamer])
        done: dict[int, list[tuple[str, Any]]] = {}
        left: list[tuple[int, tuple[str, Any]]] = []
        for frame in sorted(rng.randrange(500) for _ in range(40)):
            if rng.random() < 0.35:
                done.setdefault(frame, []).append(BACK)
                left = left[:-1]
            else:
                deed = ("feedback", rng.choice((-1.0, 1.0, 0.0, 2.0)))
                done.setdefault(frame, []).append(deed)
                left.append((frame, deed))
        never: dict[int, list[tuple[str, Any]]] = {}
        for frame, deed in left:
            never.setdefault(frame, []).append(deed)
        first, second = both(sit, (blend, credit, agent), done, never, 550)
        assert first.model.count == second.model.count, f"seed {seed}"
        assert first.agent.q == second.agent.q, f"seed {seed}"
        assert first.model.mean == second.model.mean, f"seed {seed}"


# --- the parts -------------------------------------------------------------------------------------------------------


def step(index: int, observation: int = 0, action: int = 0, episode: int = 0) -> Step:
    return Step(index, episode, observation, action, 0.0, 0, False, False, time=float(index))


def press(value: float, *shares: tuple[int, float]) -> Press:
    return Press(Feedback(value, 0.0), step(shares[-1][0]), shares)


def table() -> HumanTable:
    return HumanTable(2, 2, int)


def test_h_is_corrected_by_hand() -> None:
    h = table()
    for value in (1.0, -1.0, 3.0):
        h.observe(Judgement(step(0), ((value, 1.0),)))
    assert (h.mean[0][0], h.count[0][0]) == (1.0, 3)
    h.correct(Judgement(step(0), ((3.0, 1.0),)), Judgement(step(0)))
    assert (h.mean[0][0], h.count[0][0]) == (0.0, 2)
    h.correct(Judgement(step(0), ((-1.0, 1.0),)), Judgement(step(0), ((2.0, 0.5),)))
    assert (h.mean[0][0], h.count[0][0]) == (1.0, 2)
    h.correct(Judgement(step(0), ((1.0, 1.0),)), Judgement(step(0)))
    h.correct(Judgement(step(0), ((1.0, 1.0),)), Judgement(step(0)))
    assert (h.mean[0][0], h.count[0][0]) == (0.0, 0)
    assert h.values(0) == [0.0, 0.0]


def test_correcting_what_nobody_said_changes_nothing() -> None:
    h = table()
    h.observe(Judgement(step(0), ((1.0, 1.0),)))
    h.correct(Judgement(step(0)), Judgement(step(0), ((5.0, 1.0),)))
    assert (h.mean, h.count) == ([[1.0, 0.0], [0.0, 0.0]], [[1, 0], [0, 0]])


def test_a_neutral_judgement_is_one() -> None:
    h = table()
    h.observe(Judgement(step(0), ((0.0, 1.0),)))
    h.observe(Judgement(step(0), ((1.0, 1.0),)))
    h.correct(Judgement(step(0), ((0.0, 1.0),)), Judgement(step(0)))
    assert (h.mean[0][0], h.count[0][0]) == (1.0, 1)


def test_without_takes_away_one_share_and_no_other() -> None:
    judgement = Judgement(step(3), ((1.0, 0.5), (-1.0, 1.0), (1.0, 0.5)))
    assert without(judgement, press(1.0, (3, 0.5), (4, 0.5))).credits == ((1.0, 0.5), (-1.0, 1.0))
    assert without(judgement, press(1.0, (4, 1.0))).credits == judgement.credits
    assert without(judgement, press(2.0, (3, 0.5))).credits == judgement.credits


def test_a_window_forgets_a_press_that_waits() -> None:
    window = Window()
    assert window.take(step(0), (), True) == ([], [])
    late = Feedback(1.0, 1.5)
    (credited, _), _ = window.take(step(1), (late, Feedback(-1.0, 1.5)), True)
    assert len(credited.shares) == 2
    window.forget(credited)
    _, released = window.take(step(2)._replace(terminated=True), (), True)
    assert [judgement.feedback for judgement, _ in released] == [
        pytest.approx(-credited.shares[0][1]),
        pytest.approx(-credited.shares[1][1]),
        None,
    ]


def test_no_window_has_nothing_to_forget() -> None:
    Immediate().forget(press(1.0, (0, 1.0)))
    Immediate().barrier()


def test_what_remembers_passes_everything_on() -> None:
    env = Maze()
    agent, inner = QLearning(env), HumanTable(STATES, ACTIONS, int)
    switch = Switch(none(), inner, 0.9)
    memory = Memory(agent, switch, Immediate())
    wrapped = switch.model
    assert isinstance(wrapped, Remembering)
    said = Judgement(step(0, observation=2, action=1), ((0.5, 1.0),))
    wrapped.observe(said)
    assert wrapped.values(2) == inner.values(2) == [0.0, 0.5, 0.0]
    assert wrapped.counts(2) == [0, 1, 0]
    assert memory.judgements() == {0: said}
    arrays = wrapped.arrays()
    wrapped.correct(said, Judgement(said.step))
    assert inner.count[2][1] == 0
    wrapped.restore(arrays)
    assert wrapped.values(2) == [0.0, 0.5, 0.0]


def test_a_memory_by_itself_follows_the_river() -> None:
    """In a notebook: a press of the 3rd step of 12, taken back while the 8th is shown."""
    blend = reward_shaping(1.0)

    def run(pressing: bool) -> tuple[Any, Any]:
        env = Maze(50)
        agent, h = QLearning(env, epsilon=1.0), HumanTable(STATES, ACTIONS, int)
        switch, credit = Switch(blend, h, 0.9), Immediate()
        memory = Memory(agent, switch, credit)

        def teacher(now: Step) -> list[Feedback]:
            if pressing and now.index == 7:
                memory.take_back(press(1.0, (2, 1.0)))
            return [Feedback(1.0, now.time)] if pressing and now.index == 2 else []

        events: list[Event] = []
        for event in play(env, agent, teacher, switch, credit, seed=1, steps=12):
            memory.note(event)
            events.append(event)
        assert sum(isinstance(event, Acted) for event in events) == 12
        assert sum(isinstance(event, Learnt) for event in events) == 12
        assert bool(memory.judgements()) is False
        return agent.q, h.count

    assert run(True) == run(False)


def test_a_world_without_a_table_of_the_person_can_be_taught_nothing_and_taken_back() -> None:
    env = Maze()
    agent = QLearning(env)
    switch = Switch(none(), NoModel(), 0.9)
    memory = Memory(agent, switch, Immediate())
    memory.note(Acted(step(0)))
    judgement = Judgement(step(0), ((1.0, 1.0),))
    switch.model.observe(judgement)
    memory.note(Learnt(judgement, agent.update(judgement, switch.reward)))
    assert "learnt again" in memory.take_back(press(1.0, (0, 1.0)))
    memory.note(Acted(step(1, episode=1)))
    assert "earlier episode" in memory.take_back(press(1.0, (0, 1.0)))


@pytest.mark.parametrize("credit", CREDITS)
def test_under_shared_control_what_was_learnt_stays_finite_and_the_session_goes_on(
    credit: str, sit: Callable[..., Sitting]
) -> None:
    """There the press changed what was done: the episode is learnt again from what was done."""
    one = sit(control_sharing(1.0), CREDITS[credit]()).run(OTHERS | {300: [PRESS], 400: [BACK]}, 1500)
    assert np.isfinite(one.agent.q).all()
    assert one.live.done_steps > 60
    assert sum(map(sum, one.model.count)) > 0
