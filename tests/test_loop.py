"""The loop: tapes that hold the order of calls, runs that must be the same bit for bit, and evaluation."""

from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import loop
from hfrl.agents import QLearning, RandomAgent, Sarsa
from hfrl.blend import (
    Blend,
    Switch,
    action_biasing,
    chain,
    control_sharing,
    none,
    policy_shaping,
    potential_based,
    reward_shaping,
)
from hfrl.credit import Credit, Immediate, Uniform, Window
from hfrl.envs import recipe
from hfrl.human_net import HumanNetwork
from hfrl.loop import evaluate, human_model, metronome, play
from hfrl.models import FixedTable, HumanTable, HumanTiles, NoModel
from hfrl.policy import Categorical, Commanded
from hfrl.seeding import Uniforms, streams
from hfrl.tabular import TABLE_LIMIT
from hfrl.teachers import press, silent, simulated
from hfrl.types import (
    Acted,
    Event,
    Feedback,
    Judgement,
    Learnt,
    Pressed,
    RewardPort,
    Step,
    Teacher,
    Update,
    UserError,
)

Tape = list[tuple[Any, ...]]
LIVE = {
    "reward_shaping": reward_shaping,
    "reward_shaping by press": lambda beta: reward_shaping(beta, source="press"),
    "potential_based": potential_based,
    "action_biasing": action_biasing,
    "control_sharing": control_sharing,
    "two in a row": lambda beta: chain(reward_shaping(beta), action_biasing(beta)),
}


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def praise(step: Step) -> Sequence[Feedback]:
    return (press(step, 1.0),)


def acted(events: Any) -> list[Step]:
    return [event.step for event in events if isinstance(event, Acted)]


def learnt(events: Any) -> list[Learnt]:
    return [event for event in events if isinstance(event, Learnt)]


# A scripted world and scripted parts, which write down who was called when


class World:
    """Plays a script: for each episode its steps, (reward, terminated, truncated). Observations are "episode.n"."""

    def __init__(self, tape: Tape, script: Sequence[Sequence[tuple[float, bool, bool]]]) -> None:
        self.tape, self.script = tape, script
        self.episode, self.n = -1, 0

    def reset(self, *, seed: int | None = None) -> tuple[str, dict[str, Any]]:
        self.tape.append(("reset", seed))
        self.episode, self.n = self.episode + 1, 0
        return f"{self.episode}.0", {}

    def step(self, action: int) -> tuple[str, float, bool, bool, dict[str, Any]]:
        reward, terminated, truncated = self.script[self.episode][self.n]
        self.n += 1
        self.tape.append(("step", action))
        return f"{self.episode}.{self.n}", reward, terminated, truncated, {}


class Scribe:
    """An agent that tosses a coin and writes down what it is asked."""

    learns_from_feedback = False
    gamma = 0.9

    def __init__(self, tape: Tape, on_policy: bool) -> None:
        self.tape, self.on_policy = tape, on_policy

    def policy(self, observation: str, bias: Sequence[float] | None = None) -> Categorical:
        self.tape.append(("policy", observation))
        return Categorical([0.5, 0.5])

    def update(self, judgement: Judgement, reward: RewardPort) -> None:
        step = judgement.step
        self.tape.append(("update", step.observation, step.action, reward(judgement), step.next_action))


class Listener:
    """A model of the person that writes down what it hears."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def observe(self, judgement: Judgement) -> None:
        self.tape.append(("observe", judgement.step.observation, judgement.feedback))

    def values(self, observation: str) -> Sequence[float]:
        return [0.0, 0.0]

    def counts(self, observation: str) -> Sequence[int]:
        return [0, 0]


class Ledger(Immediate):
    """Immediate credit that writes down when it is asked."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def take(self, step: Step, presses: Sequence[Feedback], owed: bool) -> Any:
        self.tape.append(("credit", step.observation, len(presses), owed, step.next_action))
        return super().take(step, presses, owed)


SCRIPT = [
    [(1.0, False, False), (2.0, True, False)],  # terminated
    [(3.0, False, False), (4.0, False, True)],  # truncated
    [(5.0, False, False)] * 9,
]


def tape_of(on_policy: bool, steps: int = 5, seed: int = 34) -> Tape:
    tape: Tape = []

    def teacher(step: Step) -> Sequence[Feedback]:
        tape.append(("teacher", step.observation))
        return (Feedback(1.0, step.time),) if step.reward == 2.0 else ()

    def clock(first_of_episode: bool) -> float:
        tape.append(("clock", first_of_episode))
        return 0.0

    switch = Switch(none(), Listener(tape), 0.9)
    world = World(tape, SCRIPT)
    agent = Scribe(tape, on_policy)
    for event in play(world, agent, teacher, switch, Ledger(tape), seed, clock, steps):
        match event:
            case Acted(step):
                tape.append(("Acted", step.observation, step.next_observation, step.reward))
            case Pressed(one):
                tape.append(("Pressed", one.step.observation, one.feedback.value))
            case Learnt(judgement, _):
                tape.append(("Learnt", judgement.step.observation, judgement.feedback))
    return tape


def tosses(seed: int = 34) -> list[int]:
    """The coin of the policy's own stream: one uniform number for each choice."""
    return [int(u >= 0.5) for u in islice(Uniforms(streams(seed).policy).numbers, 20)]


def test_the_tape_of_an_off_policy_agent() -> None:
    a = tosses()
    assert tape_of(on_policy=False) == [
        ("reset", streams(34).world),
        ("policy", "0.0"),
        ("step", a[0]),
        ("clock", True),
        ("Acted", "0.0", "0.1", 1.0),
        ("teacher", "0.0"),
        ("credit", "0.0", 0, True, None),
        ("update", "0.0", a[0], 1.0, None),
        ("Learnt", "0.0", None),
        ("policy", "0.1"),  # the next action is drawn after the update
        ("step", a[1]),
        ("clock", False),
        ("Acted", "0.1", "0.2", 2.0),
        ("teacher", "0.1"),
        ("credit", "0.1", 1, True, None),
        ("Pressed", "0.1", 1.0),
        ("observe", "0.1", 1.0),  # H hears of a step before the agent learns it
        ("update", "0.1", a[1], 2.0, None),
        ("Learnt", "0.1", 1.0),
        ("reset", None),  # terminated: nothing was drawn; the world is seeded once
        ("policy", "1.0"),
        ("step", a[2]),
        ("clock", True),
        ("Acted", "1.0", "1.1", 3.0),
        ("teacher", "1.0"),
        ("credit", "1.0", 0, True, None),
        ("update", "1.0", a[2], 3.0, None),
        ("Learnt", "1.0", None),
        ("policy", "1.1"),
        ("step", a[3]),
        ("clock", False),
        ("Acted", "1.1", "1.2", 4.0),
        ("teacher", "1.1"),
        ("credit", "1.1", 0, True, None),
        ("update", "1.1", a[3], 4.0, None),
        ("Learnt", "1.1", None),
        ("reset", None),  # truncated: an off-policy agent needs no next action
        ("policy", "2.0"),
        ("step", a[4]),
        ("clock", True),
        ("Acted", "2.0", "2.1", 5.0),
        ("teacher", "2.0"),
        ("credit", "2.0", 0, True, None),
        ("update", "2.0", a[4], 5.0, None),
        ("Learnt", "2.0", None),
    ]


def test_the_tape_of_an_on_policy_agent() -> None:
    a = tosses()
    assert tape_of(on_policy=True) == [
        ("reset", streams(34).world),
        ("policy", "0.0"),
        ("step", a[0]),
        ("clock", True),
        ("Acted", "0.0", "0.1", 1.0),
        ("teacher", "0.0"),
        ("policy", "0.1"),  # the next action is drawn before the update
        ("credit", "0.0", 0, True, a[1]),
        ("update", "0.0", a[0], 1.0, a[1]),
        ("Learnt", "0.0", None),
        ("step", a[1]),  # and it is what is done
        ("clock", False),
        ("Acted", "0.1", "0.2", 2.0),
        ("teacher", "0.1"),
        ("credit", "0.1", 1, True, None),  # terminated: there is no next action
        ("Pressed", "0.1", 1.0),
        ("observe", "0.1", 1.0),
        ("update", "0.1", a[1], 2.0, None),
        ("Learnt", "0.1", 1.0),
        ("reset", None),
        ("policy", "1.0"),
        ("step", a[2]),
        ("clock", True),
        ("Acted", "1.0", "1.1", 3.0),
        ("teacher", "1.0"),
        ("policy", "1.1"),
        ("credit", "1.0", 0, True, a[3]),
        ("update", "1.0", a[2], 3.0, a[3]),
        ("Learnt", "1.0", None),
        ("step", a[3]),
        ("clock", False),
        ("Acted", "1.1", "1.2", 4.0),
        ("teacher", "1.1"),
        ("policy", "1.2"),  # truncated: what comes next has a value ...
        ("credit", "1.1", 0, True, a[4]),
        ("update", "1.1", a[3], 4.0, a[4]),
        ("Learnt", "1.1", None),
        ("reset", None),
        ("policy", "2.0"),  # ... but is never done: the next episode draws anew
        ("step", a[5]),
        ("clock", True),
        ("Acted", "2.0", "2.1", 5.0),
        ("teacher", "2.0"),
        ("policy", "2.1"),
        ("credit", "2.0", 0, True, a[6]),
        ("update", "2.0", a[5], 5.0, a[6]),
        ("Learnt", "2.0", None),
    ]


def test_the_tapes_tell_each_draw_from_the_next() -> None:
    # With this seed every toss differs from the one before, or the tapes above could not tell one draw from the next.
    assert tosses()[:7] == [1, 0, 1, 0, 1, 0, 1]


# What a step says


def events_of(
    env: Any,
    agent: Any,
    teacher: Teacher = silent,
    blend: Blend | Switch | None = None,
    credit: Credit | None = None,
    seed: int = 4,
    steps: int = 400,
) -> list[Event]:
    return list(play(env, agent, teacher, blend, credit, seed, steps=steps))


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
def test_steps_are_numbered_and_chained(agent_class: Any) -> None:
    env = make("FrozenLake-v1", max_episode_steps=6)
    steps = acted(events_of(env, agent_class(env)))
    assert [step.index for step in steps] == list(range(400))
    for before, after in pairwise(steps):
        assert after.episode == before.episode + before.ended
        assert before.ended or after.observation == before.next_observation
        assert not before.ended or after.observation == 0
    assert {step.actor for step in steps} == {"agent"}
    assert any(step.terminated for step in steps)
    assert any(step.truncated and not step.terminated for step in steps)


def test_masks_are_those_of_the_worlds_states() -> None:
    env = make("hfrl/Pizza-v0")
    masks = env.unwrapped.masks
    steps = acted(events_of(env, RandomAgent(env)))
    assert any(step.ended for step in steps)
    for step in steps:
        assert step.mask is not None
        assert step.next_mask is not None
        assert (step.mask == masks[step.observation]).all()
        assert (step.next_mask == masks[step.next_observation]).all()


def test_a_world_without_masks_has_none() -> None:
    env = make("FrozenLake-v1")
    assert {(step.mask, step.next_mask) for step in acted(events_of(env, RandomAgent(env), steps=30))} == {(None, None)}


def test_time_goes_by_the_metronome_with_a_second_after_each_episode() -> None:
    env = make("FrozenLake-v1")
    steps = acted(events_of(env, RandomAgent(env)))
    assert steps[-1].episode > 3
    assert [step.time for step in steps] == pytest.approx([0.3 * step.index + step.episode for step in steps])


def test_the_metronome_by_hand() -> None:
    time = metronome(0.5, 2.0)
    assert [time(first) for first in (True, False, False, True, True, False)] == [0.0, 0.5, 1.0, 3.5, 6.0, 6.5]


def test_a_clock_of_ones_own_is_asked_once_a_step() -> None:
    env = make("FrozenLake-v1")
    ticks = iter(range(100, 200))
    events = play(env, RandomAgent(env), clock=lambda first: float(next(ticks)), steps=20)
    assert [step.time for step in acted(events)] == [100.0 + n for n in range(20)]


def test_counting_goes_on_where_an_earlier_run_ended() -> None:
    env = make("FrozenLake-v1")
    switch = Switch(none(), NoModel(), 1.0)
    steps = acted(play(env, RandomAgent(env), blend=switch, seed=1, steps=50, since=(1000, 70)))
    assert [step.index for step in steps] == list(range(1000, 1050))
    assert steps[0].episode == 70
    assert (switch.index, switch.episode) == (1050, steps[-1].episode)


# How many steps


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
@pytest.mark.parametrize("steps", [1, 7, 250])
def test_steps_are_taken_and_learnt_exactly(agent_class: Any, steps: int) -> None:
    env = make("FrozenLake-v1")
    agent = agent_class(env)
    events = events_of(env, agent, steps=steps)
    assert len(acted(events)) == len(learnt(events)) == steps
    assert agent.steps == steps


@pytest.mark.parametrize("steps", [1, 7, 60])
def test_the_end_of_a_run_is_a_pause_and_steps_that_wait_stay_in_the_credit(steps: int) -> None:
    env = make("CliffWalking-v1")
    agent = QLearning(env)
    switch = Switch(reward_shaping(0.5), HumanTable(48, 4, int), agent.gamma)
    credit = Window()
    events = events_of(env, agent, praise, switch, credit, steps=steps)
    assert len(acted(events)) == steps
    last = acted(events)[-1]
    later = last._replace(index=steps, time=last.time + 100, terminated=True)
    _, released = credit.take(later, (), owed=True)
    indices = [event.judgement.step.index for event in learnt(events)]
    indices += [judgement.step.index for judgement, _ in released]
    assert indices == list(range(steps + 1))


def test_no_steps_are_no_steps() -> None:
    env = make("FrozenLake-v1")
    assert list(islice(play(env, RandomAgent(env), steps=0), 3)) == []


def test_without_a_number_of_steps_the_run_goes_on() -> None:
    env = make("FrozenLake-v1")
    assert len(list(islice(play(env, RandomAgent(env)), 5000))) == 5000


# Waiting for feedback


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.mark.parametrize("blend", [none(), action_biasing(1.0), control_sharing(0.5), reward_shaping(0.0)])
def test_no_step_waits_while_the_reward_port_is_dead(blend: Blend) -> None:
    env = make("CliffWalking-v1")
    events = events_of(env, QLearning(env), blend=blend, credit=Window(), steps=30)
    assert kinds(events) == ["Acted", "Learnt"] * 30
    for before, after in zip(events[::2], events[1::2], strict=True):
        assert before.step.index == after.judgement.step.index


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
@pytest.mark.parametrize("blend", [reward_shaping(0.5), reward_shaping(0.5, source="press"), potential_based(1.0)])
def test_steps_wait_for_their_credit_while_the_reward_port_is_live(agent_class: Any, blend: Blend) -> None:
    env = make("CliffWalking-v1")
    events = list(islice(play(env, agent_class(env), blend=blend, credit=Window(), seed=1), 60))
    # A step of .3 s can be judged until .8 s after it has left the screen: it is learnt 1.2 s, four steps, later.
    assert kinds(events)[:8] == ["Acted"] * 5 + ["Learnt", "Acted", "Learnt"]
    now = -1
    for event in events:
        if isinstance(event, Acted):
            now = event.step.index
        if isinstance(event, Learnt):
            assert now - event.judgement.step.index == 4


def test_immediate_credit_never_waits() -> None:
    env = make("CliffWalking-v1")
    assert kinds(events_of(env, QLearning(env), blend=reward_shaping(0.5), steps=20)) == ["Acted", "Learnt"] * 20


class FeedbackLearner(RandomAgent):
    """An agent that reads the feedback itself."""

    learns_from_feedback = True


def test_an_agent_that_learns_from_feedback_always_waits_for_it() -> None:
    env = make("FrozenLake-v1")
    delayed = simulated(make("FrozenLake-v1"), np.random.default_rng(1), delay=0.5)
    events = list(islice(play(env, FeedbackLearner(env), delayed, credit=Window(), seed=1), 400))
    assert kinds(events)[1] != "Learnt"
    assert all(event.judgement.feedback is not None for event in learnt(events)[:-10])


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
def test_every_step_is_learnt_once_and_every_press_counted_once_through_a_window(agent_class: Any) -> None:
    env = make("hfrl/Pizza-v0")
    teacher = simulated(make("hfrl/Pizza-v0"), np.random.default_rng(1), likelihood=0.5, delay="gamma")
    heard: list[Event] = []
    for event in play(env, agent_class(env, epsilon=0.5), teacher, reward_shaping(0.3), Window(Uniform(0.2, 1.5)), 3):
        heard.append(event)
        if isinstance(event, Acted) and event.step.index >= 1500 and event.step.ended:
            break
    done = learnt(heard)
    over = [step for step in acted(heard) if step.episode < heard[-1].step.episode]
    assert [event.judgement.step.index for event in done][: len(over)] == [step.index for step in over]
    presses = [event.press for event in heard if isinstance(event, Pressed)]
    assert len(presses) > 300
    credited = {step.index: 0.0 for step in over}
    for one in presses:
        assert sum(share for _, share in one.shares) == pytest.approx(1.0, abs=1e-9)
        for index, share in one.shares:
            credited[index] = credited.get(index, 0.0) + share * one.feedback.value
    for event in done[: len(over)]:
        assert (event.judgement.feedback or 0.0) == pytest.approx(credited[event.judgement.step.index], abs=1e-9)


def test_pressed_comes_with_its_shares_before_the_steps_are_learnt() -> None:
    env = make("CliffWalking-v1")

    def once(step: Step) -> Sequence[Feedback]:
        return (Feedback(-1.0, 1.2, trainer="Ada"),) if step.index == 3 else ()

    events = list(islice(play(env, QLearning(env), once, reward_shaping(0.5), Window(), seed=1), 9))
    assert kinds(events) == ["Acted"] * 4 + ["Pressed", "Acted", "Learnt", "Acted", "Learnt"]
    pressed, first, second = events[4], events[6], events[8]
    assert isinstance(pressed, Pressed)
    assert pressed.press.feedback.trainer == "Ada"
    assert pressed.press.step == events[3].step
    assert dict(pressed.press.shares) == pytest.approx({1: 1 / 3, 2: 1 / 2, 3: 1 / 6})
    assert first.judgement.feedback is None
    assert second.judgement.feedback == pytest.approx(-1 / 3)


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
def test_a_blend_switched_live_loses_and_doubles_no_step(agent_class: Any) -> None:
    env = make("FrozenLake-v1")
    agent = agent_class(env)
    switch = Switch(none(), HumanTable(16, 4, int), agent.gamma)
    blends = [none(), reward_shaping(0.5), action_biasing(1.0), potential_based(1.0)]
    last_over = 0
    seen: list[int] = []
    for event in islice(play(env, agent, praise, switch, Window(), seed=2), 3000):
        if isinstance(event, Acted):
            switch.blend = blends[(event.step.index // 3) % 4]
            last_over = event.step.index if event.step.ended else last_over
        if isinstance(event, Learnt):
            seen.append(event.judgement.step.index)
    assert len(seen) == len(set(seen))
    assert set(range(last_over)) <= set(seen)


# A weight of 0, or no blend, is the plain agent


def table_after(agent_class: Any, world: str, blend: Blend, credit: Credit, teacher: Teacher) -> list[list[float]]:
    env = make(world)
    agent = agent_class(env, epsilon=0.3)
    switch = Switch(blend, human_model(env), agent.gamma)
    events = list(play(env, agent, teacher, switch, credit, seed=8, steps=1500))
    if teacher is not silent:
        assert sum(isinstance(event, Pressed) for event in events) > 300
        assert sum(map(sum, switch.model.count)) > 0
    return agent.q


def talkative(world: str, delay: float | str) -> Teacher:
    return simulated(make(world), np.random.default_rng(6), consistency=0.8, likelihood=0.6, delay=delay)


@pytest.mark.parametrize("world", ["hfrl/Pizza-v0", "FrozenLake-v1"])
@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
@pytest.mark.parametrize("late", [False, True])
def test_a_blend_of_weight_0_is_the_plain_agent_bit_for_bit(agent_class: Any, world: str, late: bool) -> None:
    credit: Callable[[], Credit] = Window if late else Immediate
    delay = "uniform" if late else 0.0
    plain = table_after(agent_class, world, none(), Immediate(), silent)
    assert table_after(agent_class, world, none(), credit(), talkative(world, delay)) == plain
    for name, blend in LIVE.items():
        assert table_after(agent_class, world, blend(0.0), credit(), talkative(world, delay)) == plain, name
        assert table_after(agent_class, world, blend(0.7), credit(), talkative(world, delay)) != plain, name


@pytest.mark.parametrize("name", ["none", *LIVE])
def test_h_is_fed_whichever_blend_is_on(name: str) -> None:
    env = make("hfrl/Pizza-v0")
    agent = QLearning(env)
    switch = Switch(LIVE[name](0.5) if name in LIVE else none(), human_model(env), agent.gamma)
    labels = np.zeros((161, 8))
    presses = np.zeros((161, 8), dtype=int)
    for event in play(env, agent, talkative("hfrl/Pizza-v0", 0.0), switch, seed=1, steps=500):
        if isinstance(event, Pressed):
            labels[event.press.step.observation, event.press.step.action] += event.press.feedback.value
            presses[event.press.step.observation, event.press.step.action] += 1
    assert presses.sum() > 100
    assert (np.array(switch.model.count) == presses).all()
    assert np.array(switch.model.mean) == pytest.approx(labels / np.maximum(presses, 1))


def test_a_neutral_press_is_heard_by_h_and_silence_is_not() -> None:
    env = make("FrozenLake-v1")
    switch = Switch(none(), human_model(env), 0.9)

    def now_and_then(step: Step) -> Sequence[Feedback]:
        return (press(step, 0.0),) if step.index % 4 == 0 else ()

    events_of(env, RandomAgent(env), now_and_then, switch, steps=100)
    assert sum(map(sum, switch.model.count)) == 25


def test_the_agent_learns_the_reward_with_the_press_that_was_just_made() -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    agent = QLearning(env, gamma=0.9)
    for event in learnt(play(env, agent, praise, reward_shaping(0.5), seed=1, steps=50)):
        assert event.update is not None
        assert event.update.signal == event.judgement.step.reward + 0.5
        assert event.judgement.feedback == 1.0


# Seeds


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa, RandomAgent])
def test_the_same_seed_gives_the_same_run_and_another_seed_another(agent_class: Any) -> None:
    def told(seed: int) -> list[tuple[Any, ...]]:
        env = make("FrozenLake-v1")
        return [step[:9] for step in acted(events_of(env, agent_class(env), seed=seed))]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_two_runs_side_by_side_do_not_disturb_one_another() -> None:
    def run() -> Any:
        env = make("FrozenLake-v1")
        return play(env, QLearning(env), seed=5, steps=300)

    alone = acted(run())
    both = zip(run(), run(), strict=True)
    assert [(mine.step, yours.step) for mine, yours in both if isinstance(mine, Acted)] == [(s, s) for s in alone]


def test_no_seed_is_a_new_run_every_time() -> None:
    env = make("FrozenLake-v1")
    first, second = (acted(play(env, RandomAgent(env), steps=100)) for _ in range(2))
    assert [step.action for step in first] != [step.action for step in second]


# The behaviour and its probability


#: H of FrozenLake: in every state it likes action 2, but of state 0 nothing is known.
LIKES_RIGHT = [[0.0] * 4] + [[0.0, 0.0, 1.0, 0.0]] * 15


def test_the_probability_of_the_behaviour_is_that_after_control_was_shared() -> None:
    env = make("FrozenLake-v1")
    agent = QLearning(env, learning_rate=0.0)
    switch = Switch(control_sharing(0.5), FixedTable(LIKES_RIGHT), agent.gamma)
    steps = acted(events_of(env, agent, blend=switch, steps=2000))
    for step in steps:
        expected = 0.25 if step.observation == 0 else 0.5 * 0.25 + 0.5 * (step.action == 2)
        assert step.probability == pytest.approx(expected)
    taught = [step.action == 2 for step in steps if step.observation != 0]
    assert np.mean(taught) == pytest.approx(0.625, abs=4 * (0.625 * 0.375 / len(taught)) ** 0.5)


def test_the_probability_of_the_behaviour_is_that_after_the_bias() -> None:
    env = make("FrozenLake-v1")
    agent = Sarsa(env, learning_rate=0.0, epsilon=0.2)
    switch = Switch(action_biasing(0.1), FixedTable(LIKES_RIGHT), agent.gamma)
    for step in acted(events_of(env, agent, blend=switch)):
        expected = 0.25 if step.observation == 0 else 0.05 + 0.8 * (step.action == 2)
        assert step.probability == pytest.approx(expected)


def test_the_probability_of_the_plain_behaviour_is_the_agents() -> None:
    env = make("FrozenLake-v1")
    agent = QLearning(env, epsilon=0.2, learning_rate=0.0)
    agent.q = [[0.0, 1.0, 0.0, 1.0] for _ in range(16)]
    for step in acted(events_of(env, agent)):
        assert step.probability == pytest.approx(0.45 if step.action in (1, 3) else 0.05)


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
def test_blends_that_touch_behaviour_leave_the_update_alone(agent_class: Any) -> None:
    env = make("FrozenLake-v1")
    agent = agent_class(env, gamma=0.9)
    for blend in (action_biasing(5.0), control_sharing(0.9)):
        switch = Switch(blend, FixedTable(LIKES_RIGHT), 0.9)
        for event in learnt(events_of(env, agent, praise, switch)):
            assert event.update is not None
            assert event.update.signal == event.judgement.step.reward


def test_who_drives_is_written_down_and_handing_back_gives_the_same_luck() -> None:
    env = make("FrozenLake-v1")
    agent = RandomAgent(env)
    switch = Switch(none(), NoModel(), 1.0)
    steps = []
    for event in play(env, agent, blend=switch, seed=3, steps=60):
        if isinstance(event, Acted):
            steps.append(event.step)
            switch.takeover = (lambda observation, own: Commanded(2)) if 10 <= event.step.index < 20 else None
    driven = [step for step in steps if step.actor == "human"]
    assert [step.index for step in driven] == list(range(11, 21))
    assert {(step.action, step.probability) for step in driven} == {(2, 1.0)}
    env = make("FrozenLake-v1")
    alone = acted(play(env, RandomAgent(env), seed=3, steps=11))
    assert [step.action for step in steps[:11]] == [step.action for step in alone]
    assert {step.probability for step in steps if step.actor == "agent"} == {0.25}


# The model of the person that fits a world


def test_a_world_of_numbers_gets_a_table_of_h_a_flat_box_gets_tiles_and_any_other_none() -> None:
    model = human_model(make("hfrl/Pizza-v0"))
    assert isinstance(model, HumanTable)
    assert (len(model.mean), len(model.mean[0])) == (161, 8)
    blackjack = human_model(make("Blackjack-v1"))
    assert isinstance(blackjack, HumanTable)
    assert blackjack.values((31, 10, 1)) == [0.0, 0.0]
    cart = human_model(make("CartPole-v1"))
    assert isinstance(cart, HumanTiles)
    assert cart.total.shape == (8 * 9**4, 2)
    wide = make("CartPole-v1")
    wide.observation_space = gymnasium.spaces.Box(-1, 1, (8,))
    coarse = human_model(wide)
    assert isinstance(coarse, HumanTiles)
    assert coarse.total.shape == (8 * 3**8, 2), "as fine as memory allows"
    wide.observation_space = gymnasium.spaces.Box(-1, 1, (9,))
    assert isinstance(human_model(wide), HumanNetwork)
    wide.observation_space = gymnasium.spaces.Box(0, 255, (8, 8, 3, 2, 2))
    assert isinstance(human_model(wide), NoModel)
    assert isinstance(human_model(make("Pendulum-v1")), NoModel)


def test_a_world_too_large_for_a_table_gets_no_table_of_h(monkeypatch: pytest.MonkeyPatch) -> None:
    def table(states: int, actions: int, index: Any) -> HumanTable:
        assert states * actions <= TABLE_LIMIT, f"a table of {states} x {actions}"
        return HumanTable(1, actions, index)

    monkeypatch.setattr(loop, "HumanTable", table)
    env = make("FrozenLake-v1")
    env.observation_space = gymnasium.spaces.MultiDiscrete([10_000] * 4)
    assert isinstance(human_model(env), NoModel)


def test_a_world_without_h_runs_with_a_talkative_teacher() -> None:
    env = make("CartPole-v1")
    env.observation_space = gymnasium.spaces.Box(-1, 1, (2, 2, 2, 2, 2))
    assert len(learnt(events_of(env, RandomAgent(env), praise, steps=50))) == 50
    with pytest.raises(UserError, match="there is no H"):
        events_of(env, RandomAgent(env), praise, action_biasing(0.5))


# Evaluation


def cook(serves: bool) -> Any:
    """An agent that makes a plain golden pizza, and serves it or stirs the sauce for ever."""
    agent = QLearning(make("hfrl/Pizza-v0"))
    for pizza in range(recipe.PIZZAS):
        state = recipe.decode(pizza)
        if not state.dough:
            deed = recipe.ROLL
        elif not state.sauce:
            deed = recipe.SAUCE
        elif not state.cheese:
            deed = recipe.CHEESE
        elif state.bake < recipe.GOLDEN:
            deed = recipe.BAKE
        else:
            deed = recipe.SERVE if serves else recipe.SAUCE
        agent.q[pizza][deed] = 1.0
    return agent


def test_evaluation_counts_the_taste_of_what_is_served() -> None:
    found = evaluate(make("hfrl/Pizza-v0"), cook(serves=True), episodes=200, seed=3)
    assert found.tastes is not None
    assert set(found.tastes.round(9)) == {0.3, 0.4}  # golden, or crisp where the last minute counted double
    # Roll, sauce, cheese, two minutes (one if it counts double) and serve: .1 each, and 10.
    assert set(zip(found.lengths.tolist(), found.returns.round(9).tolist(), strict=True)) == {(6, 9.4), (5, 9.5)}
    assert found.lengths.shape == found.returns.shape == found.tastes.shape == (200,)


def test_evaluation_counts_no_taste_of_what_was_not_served() -> None:
    found = evaluate(make("hfrl/Pizza-v0"), cook(serves=False), episodes=5, seed=3)
    assert found.tastes is not None
    assert found.tastes.tolist() == [0.0] * 5
    assert found.lengths.tolist() == [50] * 5
    assert found.returns == pytest.approx([-5.0] * 5)


def test_a_cap_serves_nothing_either() -> None:
    found = evaluate(make("hfrl/Pizza-v0"), cook(serves=True), episodes=5, seed=3, cap=5)
    assert found.tastes is not None
    assert [bool(taste) for taste in found.tastes] == [bool(total > 0) for total in found.returns]
    assert (found.lengths == 5).all()
    assert 0.0 in found.tastes


def test_a_world_without_taste_has_no_tastes() -> None:
    env = make("FrozenLake-v1")
    assert evaluate(env, QLearning(env), episodes=3).tastes is None


def test_evaluation_is_capped_in_a_world_without_a_time_limit() -> None:
    env = make("CliffWalking-v1")
    agent = QLearning(env)
    for row in agent.q:
        row[0] = 1.0  # up, against the wall, for ever
    found = evaluate(env, agent, episodes=3, cap=40)
    assert found.lengths.tolist() == [40] * 3
    assert found.returns.tolist() == [-40.0] * 3
    assert evaluate(env, agent, episodes=1).lengths.tolist() == [loop.DEFAULT_CAP]


def lake_walker() -> Any:
    """The safe way over the ice that is not slippery: down, down, right, down, right, right."""
    agent = QLearning(make("FrozenLake-v1"), epsilon=1.0)
    for state, action in ((0, 1), (4, 1), (8, 2), (9, 1), (13, 2), (14, 2)):
        agent.q[state][action] = 1.0
    return agent


def test_evaluation_is_greedy_whatever_the_exploration() -> None:
    found = evaluate(make("FrozenLake-v1", is_slippery=False), lake_walker(), episodes=20)
    assert found.returns.tolist() == [1.0] * 20
    assert found.lengths.tolist() == [6] * 20


def test_evaluation_breaks_ties_at_random() -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    found = evaluate(env, QLearning(env), episodes=30)
    assert len(set(found.lengths.tolist())) > 5


def test_the_same_seed_gives_the_same_evaluation_and_another_another() -> None:
    env = make("FrozenLake-v1")
    first, again, other = (evaluate(env, lake_walker(), episodes=40, seed=seed) for seed in (1, 1, 2))
    assert (first.lengths == again.lengths).all()
    assert (first.returns == again.returns).all()
    assert (first.lengths != other.lengths).any()


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa])
@pytest.mark.parametrize("blend", [none(), action_biasing(1.0, decay=0.9), control_sharing(0.5), reward_shaping(0.5)])
def test_evaluation_changes_nothing_of_the_run_it_looks_at(agent_class: Any, blend: Blend) -> None:
    def run(evaluated: bool) -> Any:
        env, other = make("FrozenLake-v1"), make("FrozenLake-v1")
        agent = agent_class(env)
        switch = Switch(blend, human_model(env), agent.gamma)
        teacher = talkative("FrozenLake-v1", 0.0)
        for event in play(env, agent, teacher, switch, seed=1, steps=600):
            if evaluated and isinstance(event, Learnt) and event.judgement.step.index % 100 == 50:
                before = agent.arrays(), switch.model.arrays(), switch.index, switch.episode
                evaluate(other, agent, episodes=3)
                evaluate(other, agent, episodes=3, switch=switch)
                after = agent.arrays(), switch.model.arrays(), switch.index, switch.episode
                np.testing.assert_equal(after, before)
        return agent.arrays(), switch.model.arrays()

    np.testing.assert_equal(run(evaluated=True), run(evaluated=False))


#: H of FrozenLake that likes the safe way.
KNOWS_THE_WAY = [[1.0 if q else 0.0 for q in row] for row in lake_walker().q]


@pytest.mark.parametrize("blend", [action_biasing(1.0), control_sharing(1.0), control_sharing(0.6)])
def test_the_guided_agent_is_judged_with_h_and_the_agent_alone_without(blend: Blend) -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    agent = QLearning(env)
    switch = Switch(blend, FixedTable(KNOWS_THE_WAY), agent.gamma)
    guided, alone = evaluate(env, agent, 20, switch=switch), evaluate(env, agent, 20)
    assert guided.returns.tolist() == [1.0] * 20
    assert alone.returns.mean() < 0.5


def test_policy_shaping_is_judged_by_the_most_likely_deed_of_the_product() -> None:
    """Up is e^.642 = 1.9 times as likely as any other way by the agent's own account. One praise at C = .9 makes the
    way .9 against .5, 1.8 times; three make it .9986 against .5."""
    env = make("FrozenLake-v1", is_slippery=False)
    agent = QLearning(env, exploration="softmax", temperature=1.0)
    agent.q = [[0.0, 0.0, 0.0, 0.642] for _ in range(16)]
    switch = Switch(policy_shaping(consistency=0.9), human_model(env), agent.gamma)
    for words, wanted in ((1, 0.0), (3, 1.0)):
        switch.model = human_model(env)
        for s, likes in enumerate(KNOWS_THE_WAY):
            if max(likes):
                step = Step(0, 0, s, likes.index(1.0), 0.0, s, False, False)
                for _ in range(words):
                    switch.model.observe(Judgement(step, ((1.0, 1.0),), ("ann",)))
        assert evaluate(env, agent, 5, switch=switch, cap=30).returns.tolist() == [wanted] * 5


def test_the_guided_agent_is_judged_at_the_weight_of_today() -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    agent = QLearning(env)
    agent.q = [[0.0, 0.0, 0.0, 0.3] for _ in range(16)]  # stubbornly up
    switch = Switch(action_biasing(1.0, decay=0.5), FixedTable(KNOWS_THE_WAY), agent.gamma)
    switch.episode = 1
    assert evaluate(env, agent, 5, switch=switch).returns.tolist() == [1.0] * 5  # .5 against .3
    switch.episode = 2
    assert evaluate(env, agent, 5, switch=switch, cap=30).returns.tolist() == [0.0] * 5  # .25 against .3


def test_evaluation_returns_the_worlds_reward_and_never_a_shaped_one() -> None:
    switch = Switch(chain(reward_shaping(5.0), potential_based(3.0)), FixedTable(KNOWS_THE_WAY), 0.9)
    found = evaluate(make("FrozenLake-v1", is_slippery=False), lake_walker(), 5, switch=switch)
    assert found.returns.tolist() == [1.0] * 5


def test_the_update_of_a_greedy_agent_learns_nothing() -> None:
    agent = lake_walker()
    greedy = loop.Greedy(agent)
    before = agent.arrays()
    judgement = Judgement(Step(0, 0, 0, 1, 5.0, 4, terminated=False, truncated=False))
    outcome: Update | None = greedy.update(judgement, lambda told: told.step.reward)
    assert outcome is None
    np.testing.assert_equal(agent.arrays(), before)
    assert not greedy.on_policy
