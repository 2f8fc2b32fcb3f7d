"""Deep agents: targets by hand, the person's word in a batch, one update against arithmetic, exact repeats."""

import tomllib
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import blend, build, registry, run
from hfrl.agents import (
    C51,
    DQN,
    DeepSarsa,
    DoubleDQN,
    DuelingDQN,
    PrioritizedDQN,
    Rainbow,
    deep_sarsa,
    double_dqn,
    dqn,
    dueling_dqn,
)
from hfrl.blend import Switch
from hfrl.config import Train, arms
from hfrl.credit import Immediate, uniform_window
from hfrl.deep import DeepAgent, Parts
from hfrl.encoding import encoder_of
from hfrl.loop import evaluate, human_model, play
from hfrl.outputs import DUELING, PLAIN, Fit, Objective, expected_return
from hfrl.presets import presets
from hfrl.priorities import Drawn
from hfrl.replay import Batch
from hfrl.types import Acted, Feedback, Judgement, Learnt, Pressed, Step, UserError
from hfrl.undo import Memory

DEEP = (DQN, DoubleDQN, DuelingDQN, DeepSarsa)
#: A small, quick learner.
QUICK: dict[str, Any] = {
    "learning_starts": 50, "batch_size": 16, "net_arch": (16,), "target_update_interval": 20, "buffer_size": 500,
    "exploration_steps": 300,
}  # fmt: skip


def cart() -> Any:
    return gymnasium.make("CartPole-v1")


def told(judgement: Judgement) -> float:
    return judgement.step.reward


def batch_of(**fields: Any) -> Batch:
    values: dict[str, Any] = {
        "slots": np.array([0, 1]), "observations": np.zeros((2, 1), np.float32), "actions": np.array([0, 1]),
        "rewards": np.zeros(2, np.float32), "next_observations": np.ones((2, 1), np.float32),
        "next_actions": np.array([1, 0]), "terminated": np.zeros(2, np.float32), "credits": ((), ()),
    }  # fmt: skip
    return Batch(**(values | fields))


def test_what_comes_next_by_hand() -> None:
    """The online network prefers action 1, which the target network thinks is worth 2, and action 0 worth 5."""
    online = lambda s: np.array([[0.0, 1.0]] * len(s), np.float32)  # noqa: E731
    target = lambda s: np.array([[5.0, 2.0]] * len(s), np.float32)  # noqa: E731
    batch = batch_of()
    assert dqn.bootstrap(online, target, batch).tolist() == [5.0, 5.0]
    assert dueling_dqn.bootstrap(online, target, batch).tolist() == [5.0, 5.0]
    assert double_dqn.bootstrap(online, target, batch).tolist() == [2.0, 2.0]
    assert deep_sarsa.bootstrap(online, target, batch).tolist() == [2.0, 5.0]


def linear_agent(agent_class: Any = DQN, **settings: Any) -> Any:
    """No hidden layer, one input: Q(s, a) = w_a s + b_a."""
    env = cart()
    env.observation_space = gymnasium.spaces.Box(-9, 9, (1,))
    agent = agent_class(env, net_arch=(), learning_rate=0.1, gamma=0.5, max_grad_norm=1e9, **settings)
    agent.network.theta[:] = [1.0, 2.0, 0.0, 0.0]  # w, b
    agent.network.target[:] = [10.0, 20.0, 0.0, 0.0]
    return agent


@pytest.mark.parametrize(
    ("terminated", "truncated", "target"), [(False, False, 3.0 + 0.5 * 40.0), (True, False, 3.0), (False, True, 23.0)]
)
def test_one_loss_by_hand(terminated: bool, truncated: bool, target: float) -> None:
    """Q(1, 0) = 1; the target network's best at 2 is 40, which counts unless the task has ended."""
    agent = linear_agent()
    step = Step(0, 0, np.array([1.0]), 0, 3.0, np.array([2.0]), terminated, truncated)
    agent.memory.add(step.observation, step, step.next_observation, ())
    loss = agent.learn(agent.memory.batch(np.array([0, 0])), told)
    assert loss == pytest.approx((target - 1.0) ** 2)
    assert agent.network.theta == pytest.approx([1.1, 2.0, 0.1, 0.0], abs=1e-4)  # Adam's first step is alpha long
    huber = linear_agent(loss="huber")
    huber.memory.add(step.observation, step, step.next_observation, ())
    assert huber.learn(huber.memory.batch(np.array([0])), told) == pytest.approx(target - 1.0 - 0.5)


def test_an_update_tells_what_became_of_this_very_step() -> None:
    agent = linear_agent(learning_starts=0, batch_size=1)
    step = Step(0, 0, np.array([1.0]), 0, 3.0, np.array([2.0]), False, False)
    update = agent.update(Judgement(step), lambda judgement: judgement.step.reward + 1.0)
    assert (update.old, update.signal, update.bootstrap, update.target) == (1.0, 4.0, 40.0, 24.0)
    assert update.error == 23.0
    assert update.new == pytest.approx(1.2, abs=1e-4)


def test_nothing_is_learnt_before_its_time_and_then_as_often_as_was_said() -> None:
    env = cart()
    agent = DQN(env, **QUICK | {"train_freq": 4, "gradient_steps": 3})
    learnt = [event for event in play(env, agent, seed=0, steps=100) if isinstance(event, Learnt)]
    at = [event.judgement.step.index + 1 for event in learnt if event.update is not None]
    assert at == list(range(52, 101, 4))
    assert agent.network.updates == 3 * len(at)


def test_the_target_network_is_copied_or_follows() -> None:
    env = cart()
    copied = DQN(env, **QUICK, seed=1)
    for _ in play(env, copied, seed=0, steps=99):
        pass
    assert not np.array_equal(copied.network.target, copied.network.theta)
    for _ in play(env, copied, seed=0, steps=1):
        pass
    assert np.array_equal(copied.network.target, copied.network.theta)
    follows = linear_agent(tau=0.25)
    follows.network.follow(follows.tau)
    assert follows.network.target.tolist() == [7.75, 15.5, 0.0, 0.0]


def test_epsilon_falls_point_by_point() -> None:
    agent = DQN(cart(), exploration_initial_eps=1.0, exploration_final_eps=0.2, exploration_steps=4)
    seen = []
    for _ in range(6):
        seen.append(round(2 * agent.policy(np.zeros(4)).other, 6))
        agent.steps += 1
    assert seen == [1.0, 0.8, 0.6, 0.4, 0.2, 0.2]


# The person


def praise(step: Step) -> list[Feedback]:
    return [Feedback(1.0, step.time)] if step.action == 1 else []


@pytest.mark.parametrize("agent_class", DEEP)
@pytest.mark.parametrize(
    "name", ["reward_shaping", "potential_based", "action_biasing", "control_sharing", "policy_shaping"]
)
def test_a_weight_of_zero_is_the_plain_agent_bit_for_bit(agent_class: Any, name: str) -> None:
    def theta(with_blend: Any) -> Any:
        env = cart()
        agent = agent_class(env, **QUICK)
        for _ in play(env, agent, praise, with_blend, seed=4, steps=200):
            pass
        return agent.network.theta

    assert np.array_equal(theta(getattr(blend, name)(0.0)), theta(blend.none()))
    assert not np.array_equal(theta(getattr(blend, name)(1.0)), theta(blend.none()))


@pytest.mark.parametrize("agent_class", [DQN, PrioritizedDQN])
def test_what_is_said_late_at_weight_zero_moves_nothing(agent_class: Any) -> None:
    """Not even the priorities of what is spoken of."""

    def arrays(teacher: Any) -> dict[str, Any]:
        env = cart()
        agent = agent_class(env, **QUICK)
        for _ in play(env, agent, teacher, blend.reward_shaping(0.0), uniform_window(), seed=4, steps=200):
            pass
        kept: dict[str, Any] = agent.arrays()
        return kept

    talked, silent = arrays(praise), arrays(lambda step: [])
    assert len(talked.pop("replay_said")) > 20
    silent.pop("replay_said")
    assert [name for name in talked if not np.array_equal(talked[name], silent[name])] == []


def test_a_batch_is_told_what_each_of_its_steps_would_be_told() -> None:
    env = gymnasium.make("FrozenLake-v1")
    for ports in (blend.reward_shaping(0.7), blend.potential_based(0.7), blend.reward_shaping(0.7, source="press")):
        agent = DQN(env, **QUICK)
        switch = Switch(ports, human_model(env), 0.9)
        heard = []
        for event in play(env, agent, praise, switch, seed=0, steps=120):
            if isinstance(event, Learnt):
                heard.append(event.judgement)
        told_of: list[Any] = []

        def port(judgement: Judgement, told_of: list[Any] = told_of, switch: Switch = switch) -> Any:
            told_of.append(switch.reward(judgement))
            return told_of[-1]

        slots = np.arange(len(heard))
        agent.learn(agent.memory.batch(slots), port)
        assert told_of[0] == pytest.approx([switch.reward(judgement) for judgement in heard])
        assert len(set(told_of[0].tolist())) > 1


def test_a_changed_weight_relabels_what_is_remembered() -> None:
    env = cart()
    agent = DQN(env, **QUICK)
    switch = Switch(blend.reward_shaping(1.0, source="press"), human_model(env), 0.99)
    for _ in play(env, agent, praise, switch, seed=0, steps=40):
        pass
    batch = agent.memory.batch(np.arange(40))
    assert set(batch.rewards.tolist()) == {1.0}, "the world's reward is stored as it was"
    signals = []
    for weight in (1.0, 0.5, 0.0):
        switch.blend = blend.reward_shaping(weight, source="press")
        agent.learn(batch, lambda judgement: signals.append(switch.reward(judgement)) or signals[-1])
    pressed = np.array([len(credits) for credits in batch.credits])
    assert pressed.any()
    for weight, signal in zip((1.0, 0.5, 0.0), signals, strict=True):
        assert np.allclose(signal, 1.0 + weight * pressed)


# Late feedback


def late(step: Step) -> list[Feedback]:
    """Half a second after step 3 came on the screen, while step 4 is to be seen: "that was good"."""
    return [Feedback(1.0, step.time + 0.2)] if step.index == 4 else []


def test_a_press_that_comes_late_relabels_what_is_in_the_buffer() -> None:
    """A tape: every step is learnt at once; the press reaches steps 2 and 3 of the buffer when their windows close."""
    env = cart()
    agent = DQN(env, **QUICK)
    switch = Switch(blend.reward_shaping(2.0, source="press"), human_model(env), 0.99)
    told_of: dict[int, list[Any]] = {}
    for event in play(env, agent, late, switch, uniform_window(), seed=0, steps=9):
        shown = event.press if isinstance(event, Pressed) else event.judgement if isinstance(event, Learnt) else event
        told_of.setdefault(shown.step.index, []).append(type(event).__name__)
        if isinstance(event, Learnt) and event.judgement.step.index == 4:
            assert agent.memory.said == {}, "the press was not made yet"
    assert told_of.pop(4) == ["Acted", "Learnt", "Pressed"]
    assert set(map(tuple, told_of.values())) == {("Acted", "Learnt")}
    # The press came .2, .5 and .8 s after steps 4, 3 and 2, each shown for .3 s; delays are uniform in [.2, .8].
    shares = {slot: [round(share, 6) for _, share in said] for slot, said in agent.memory.said.items()}
    assert shares | {1: [0.0]} == {1: [0.0], 2: [0.5], 3: [0.5]}, "rounding may leave step 1 a crumb"
    told_now: list[Any] = []
    agent.learn(agent.memory.batch(np.arange(9)), lambda j: told_now.append(switch.reward(j)) or told_now[-1])
    assert told_now[0] == pytest.approx([1, 1, 2, 2, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("credit", [Immediate, uniform_window])
@pytest.mark.parametrize("agent_class", [DQN, DeepSarsa, PrioritizedDQN, Rainbow])
def test_a_press_taken_back_is_as_if_it_had_never_been_made(credit: Any, agent_class: Any) -> None:
    """In its own episode, released from its window already: weights, buffer and H to the bit."""

    def session(slip: bool) -> dict[str, Any]:
        env = gymnasium.make("FrozenLake-v1", desc=["SFFF", "FFFF", "FFFF", "FFFG"])
        agent = agent_class(env, **QUICK | {"learning_starts": 10, "epsilon": 1.0, "max_grad_norm": 1.0})
        switch, window = Switch(blend.reward_shaping(1.0), human_model(env), agent.gamma), credit()
        memory = Memory(agent, switch, window)

        def teacher(step: Step) -> list[Feedback]:
            if step.index == 5 and slip:
                return [Feedback(-4.0, step.time + 0.1)]
            return [Feedback(1.0, step.time)] if step.index % 4 == 2 else []

        presses: list[Any] = []
        for event in play(env, agent, teacher, switch, window, seed=2, steps=40):
            memory.note(event)
            if isinstance(event, Pressed) and event.press.feedback.value == -4.0:
                presses.append(event.press)
            if presses and isinstance(event, Acted) and event.step.index == 12:
                assert event.step.episode == presses[0].step.episode
                assert "the episode learnt again" in memory.take_back(presses.pop())
        arrays: dict[str, Any] = agent.arrays() | switch.model.arrays()
        return arrays

    slipped, spotless = session(True), session(False)
    assert slipped.keys() == spotless.keys()
    assert [name for name in slipped if not np.array_equal(slipped[name], spotless[name])] == []


def test_a_second_run_speaks_of_its_own_steps_alone() -> None:
    """Its steps are counted from 0 again, and those of the first run still lie in the buffer."""
    env = cart()
    agent = DQN(env, **QUICK)
    for seed, teacher in ((0, lambda step: []), (1, praise)):
        for _ in play(env, agent, teacher, blend.reward_shaping(1.0), seed=seed, steps=30):
            pass
    assert len(agent.memory.said) > 5
    assert min(agent.memory.said) >= 30


def test_a_press_taken_back_in_a_later_episode_leaves_the_buffer_too() -> None:
    env = gymnasium.make("FrozenLake-v1", max_episode_steps=5)
    agent = DQN(env, **QUICK | {"learning_starts": 10, "epsilon": 1.0})
    switch = Switch(blend.reward_shaping(1.0), human_model(env), agent.gamma)
    memory = Memory(agent, switch, Immediate())
    presses = []
    for event in play(env, agent, praise, switch, seed=2, steps=60):
        memory.note(event)
        if isinstance(event, Pressed):
            presses.append(event.press)
    press, said, count = presses[0], dict(agent.memory.said), int(np.sum(switch.model.count))
    assert said.pop(press.step.index) == ((1.0, 1.0),)
    assert "from what the agent remembers" in memory.take_back(press)
    assert agent.memory.said == said
    assert int(np.sum(switch.model.count)) == count - 1
    last = presses[-1]
    assert last.step.episode > press.step.episode
    memory.take_back(last)
    assert press.step.index not in agent.memory.said, "learning again begins without it, too"


# What a variant may bring


class Listening:
    """Draws the slots in turn, with weights that are given, and notes what it is told."""

    def __init__(self, weights: Any) -> None:
        self.weights = np.array(weights, np.float32)
        self.filled: list[int] = []
        self.heard: list[Any] = []

    def added(self, slot: int) -> None:
        self.filled.append(slot)

    def draw(self, n: int, size: int, rng: Any, step: int, episode: int) -> Any:
        return Drawn(np.arange(n) % size, self.weights[:n])

    def learnt(self, slots: Any, surprises: Any) -> None:
        self.heard.append((slots.tolist(), surprises.tolist()))

    def arrays(self, size: int) -> dict[str, Any]:
        return {"heard": np.array(len(self.heard))}

    def restore(self, arrays: dict[str, Any], size: int) -> None:
        self.heard = [None] * int(arrays["heard"])


def variant(parts: Parts) -> Any:
    @dataclass(kw_only=True, eq=False)
    class Variant(DeepAgent):
        def parts(self) -> Parts:
            return parts

    return Variant


def test_a_sampler_gives_slots_and_weights_and_hears_how_surprising_they_were() -> None:
    """Q(1, 0) = 1 and Q(1, 1) = 2; rewards 3 and 1 at the end of the task: errors of -2 and 1, weighing 1 and 1/4."""
    sampler = Listening([1.0, 0.25])
    agent = linear_agent(DQN, batch_size=2, replay=lambda capacity: sampler)
    for index, (action, reward) in enumerate([(0, 3.0), (1, 1.0)]):
        step = Step(index, 0, np.array([1.0]), action, reward, np.array([2.0]), True, False)
        agent.memory.add(step.observation, step, step.next_observation, ())
    assert agent.learn(agent.memory.sample(2, agent.rng), told) == pytest.approx((4 + 1 / 4) / 2)
    assert sampler.filled == [0, 1]
    assert sampler.heard == [([0, 1], [2.0, 1.0])]
    assert "heard" in agent.arrays()


@pytest.mark.parametrize(
    ("terminated", "truncated", "third"), [(True, False, 7), (False, True, 27), (False, False, 7 + 9 / 2 + 40 / 4)]
)
def test_a_target_may_look_ahead_in_the_buffer(terminated: bool, truncated: bool, third: float) -> None:
    """Rewards 3, 5, 7 and 9; the third step may be an end. gamma = 1/2, and the target network's best at 2 is 40."""
    asked: list[Any] = []
    objective = expected_return("squared")
    noting = objective._replace(target=lambda *terms: asked.append(objective.target(*terms)) or asked[-1])
    agent = linear_agent(variant(Parts(dqn.bootstrap, noting)), n_steps=2)
    for index, reward in enumerate([3.0, 5.0, 7.0, 9.0]):
        ends = (index == 2 and terminated, index == 2 and truncated)
        step = Step(index, 0, np.array([1.0]), 0, reward, np.array([2.0]), *ends)
        agent.memory.add(step.observation, step, step.next_observation, ())
    agent.learn(agent.memory.batch(np.arange(4)), told)
    second = 5 + 7 / 2 + (0 if terminated else 40 / 4)
    assert asked[0].tolist() == [3 + 5 / 2 + 40 / 4, second, third, 9 + 40 / 2]


@pytest.mark.parametrize("head", [PLAIN, DUELING])
def test_a_prediction_may_be_several_numbers(head: Any) -> None:
    """Two numbers per action whose mean is its value, each learnt towards the target: the actions it takes improve."""
    objective = Objective(
        (2,),
        lambda outputs: outputs.mean(axis=2),
        lambda signals, discounts, worth: signals[:, None] + discounts[:, None] * worth,
        lambda predictions, targets: Fit(
            ((predictions - targets) ** 2).mean(axis=1),
            predictions - targets,
            np.abs(predictions - targets).mean(axis=1),
        ),
    )

    def bootstrap(online: Any, lagging: Any, batch: Batch) -> Any:
        outputs = lagging(batch.next_observations)
        return outputs[np.arange(len(outputs)), outputs.mean(axis=2).argmax(axis=1)]

    agent = variant(Parts(bootstrap, objective, head))(cart(), **QUICK, gamma=0.0, learning_rate=1e-2, seed=1)
    updates = [event.update for event in play(cart(), agent, seed=0, steps=300) if isinstance(event, Learnt)]
    assert agent.shape.sizes[-1] == 2 * (2 + head.extra)
    assert len(agent.q_values(np.zeros(4))) == 2
    errors = [abs(update.error) for update in updates if update is not None]
    assert np.mean(errors[-50:]) < 0.2 * np.mean(errors[:20]), "with gamma 0 every value is the reward, 1"


# Spaces, repeats, checkpoints


def test_a_discrete_world_is_seen_one_input_per_value() -> None:
    encoder = encoder_of(gymnasium.spaces.Discrete(3, start=1))
    codes = np.array([encoder.code(2), encoder.code(3)], np.float32)
    assert encoder.see(codes).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert encoder.raw(codes).tolist() == [2, 3]
    assert encoder.inputs == 3
    cards = encoder_of(gymnasium.make("Blackjack-v1").observation_space)
    assert cards.inputs == 32 + 11 + 2
    codes = np.array([cards.code((4, 10, 1))], np.float32)
    assert np.flatnonzero(cards.see(codes)[0]).tolist() == [4, 32 + 10, 32 + 11 + 1]
    assert cards.raw(codes).tolist() == [[4, 10, 1]]


@pytest.mark.parametrize("agent_class", DEEP)
@pytest.mark.parametrize("world", ["CartPole-v1", "FrozenLake-v1", "hfrl/Pizza-v0"])
def test_the_same_seed_is_the_same_network_and_another_is_not(agent_class: Any, world: str) -> None:
    def arrays(seed: int) -> dict[str, Any]:
        env = gymnasium.make(world)
        agent = agent_class(env, **QUICK)
        for _ in play(env, agent, seed=seed, steps=150):
            pass
        return agent.arrays()

    one, same, other = arrays(1), arrays(1), arrays(2)
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["theta"], other["theta"])


@pytest.mark.parametrize("agent_class", DEEP)
def test_what_was_saved_goes_on_as_if_nothing_had_happened(agent_class: Any) -> None:
    """In the middle of an episode, with judged transitions in the buffer and Adam half-way."""
    judgements: list[Judgement] = []
    env = cart()
    whole = agent_class(env, **QUICK)
    for event in play(env, whole, praise, seed=3, steps=200):
        if isinstance(event, Learnt):
            judgements.append(event.judgement)
            if len(judgements) == 120:
                saved = whole.arrays()
    again = agent_class(cart(), **QUICK, seed=9)
    again.restore({name: array.copy() for name, array in saved.items()})
    for judgement in judgements[120:]:
        again.update(judgement, told)
    assert all(np.array_equal(array, again.arrays()[name]) for name, array in whole.arrays().items())


def test_a_checkpoint_of_another_architecture_is_refused() -> None:
    other = DQN(cart(), net_arch=(8,)).arrays()
    with pytest.raises(ValueError, match=r"shape \(4, 8, 2\), and this agent's \(4, 64, 64, 2\)"):
        DQN(cart()).restore(other)


def test_predict_takes_one_observation_or_many() -> None:
    agent = linear_agent()
    assert agent.predict(np.array([1.0])) == (1, None)
    actions, _ = agent.predict(np.array([[1.0], [-1.0]]))
    assert actions.tolist() == [1, 0]
    assert {agent.predict(np.array([1.0]), deterministic=False)[0] for _ in range(50)} == {0, 1}
    lake = C51(gymnasium.make("FrozenLake-v1"), seed=2, atoms=11, v_min=-1, v_max=1)
    many, _ = lake.predict(np.arange(16))
    assert many.tolist() == [lake.predict(state)[0] for state in range(16)]
    assert len(set(many.tolist())) > 1


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"batch_size": 65, "buffer_size": 64}, "batch_size 65 is larger than buffer_size 64"),
        ({"gamma": 2}, "gamma must be within"),
        ({"buffer_size": 10**15}, "does not fit into memory"),
        ({"tau": 0}, "tau must be within"),
        ({"loss": "mean"}, "loss must be one of squared, huber"),
        ({"train_freq": 0}, "train_freq must be a whole number of at least 1"),
        ({"net_arch": "64"}, "net_arch must be the widths"),
        ({"epsilon": 2}, "epsilon must stay within"),
        ({"learning_rate": -1}, "learning_rate must stay within"),
        ({"max_grad_norm": 0}, "max_grad_norm must be positive"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        DQN(cart(), **settings)


ODD_WORLDS = """
import gymnasium
from gymnasium import spaces

class Odd(gymnasium.Env):
    action_space = spaces.Discrete(2)

class Text(Odd):
    observation_space = spaces.Text(5)

class Table(Odd):
    observation_space = spaces.Dict({"a": spaces.Discrete(2)})

class Late(Odd):
    observation_space, action_space = spaces.Box(0, 1, (2,)), spaces.Discrete(2, start=1)
"""


@pytest.mark.parametrize("agent", ["dqn", "rainbow"])
@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("--env Pendulum-v1", "none takes continuous ones: gymnasium.wrappers.DiscretizeAction"),
        ("--env odd.py:Late", "Discrete action space that starts at 0, got Discrete(2, start=1)"),
        ("--env odd.py:Text", "a network needs a Box of one to four axes or discrete observations, got Text"),
        ("--env odd.py:Table", "gymnasium.wrappers.FlattenObservation"),
        ("--env CartPole-v1 --set batch_size=65 buffer_size=64", "batch_size 65 is larger than buffer_size 64"),
        ("--env CartPole-v1 --device cuda:9", "device cuda:9 is not here: torch"),
        ("--env CartPole-v1 --device gpu", "device must be auto, cpu, cuda or cuda:N, got 'gpu'"),
    ],
)
def test_what_no_network_can_do_is_one_line_and_exit_code_2(
    agent: str, typed: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    if "--device" in typed:
        pytest.importorskip("torch")
    (tmp_path / "odd.py").write_text(ODD_WORLDS)
    monkeypatch.chdir(tmp_path)
    assert run.main(["--agent", agent, *typed.split(), "-n", "100", "--seeds", "0"]) == 2
    said = capsys.readouterr().err.strip()
    assert line in said
    assert "\n" not in said
    assert not (tmp_path / "runs").exists()


def test_a_saved_agent_of_another_architecture_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--env CartPole-v1 --agent dqn -n 100 --seeds 0 --eval-freq 0 --eval-episodes 1 --jobs 1 --no-progress"
    assert run.main([*words.split(), "--set", "net_arch=[8]", "--out", str(tmp_path)]) == 0
    (folder,) = (path for path in tmp_path.glob("*/*") if path.is_dir())
    for config in folder.rglob("config.json"):
        config.write_text(config.read_text().replace("net_arch=[8]", "net_arch=[9]"))
    for command in ("evaluate", "watch"):
        capsys.readouterr()
        assert run.main([command, str(folder), "--episodes", "1"]) == 2
        said = capsys.readouterr().err.strip()
        assert "its network has the shape (4, 8, 2), and this agent's (4, 9, 2)" in said
        assert "\n" not in said


def test_spaces_that_no_network_takes_are_refused() -> None:
    env = cart()
    env.observation_space = gymnasium.spaces.Box(0, 255, (2, 2, 8, 8, 3))
    with pytest.raises(UserError, match="FlattenObservation"):
        DQN(env)
    with pytest.raises(UserError, match="Discrete action space"):
        DQN(gymnasium.make("Pendulum-v1"))


@pytest.mark.slow
@pytest.mark.parametrize("agent_class", [DQN, DoubleDQN, DuelingDQN])
def test_cartpole_is_learnt(agent_class: Any) -> None:
    """The best greedy evaluation within 30,000 steps reaches 475 on two seeds of three at least."""
    best = []
    for seed in range(3):
        env, other = cart(), cart()
        agent = agent_class(env, exploration_steps=5_000, learning_starts=500)
        scores = [0.0]
        for number, event in enumerate(play(env, agent, seed=seed, steps=30_000)):
            if isinstance(event, Learnt) and number % 5_000 < 2 and number > 10_000:
                scores.append(float(evaluate(other, agent, 10, seed=1).returns.mean()))
        best.append(max(scores))
    assert sum(score >= 475 for score in best) >= 2, best


# Presets


def test_every_preset_is_an_agent_that_can_be_made_in_its_world() -> None:
    assert {
        "cartpole",
        "cartpole_fast",
        "acrobot",
        "mountain_car",
        "lunar_lander",
        "pizza",
        "pizza_kitchen",
    } <= presets().keys()
    for name in presets():
        if name == "lunar_lander" and find_spec("Box2D") is None:
            continue  # an extra
        (arm,) = arms(Train(preset=name))
        assert arm.total_timesteps == presets()[name].total_timesteps
        build.check(arm)


@pytest.mark.parametrize("typed", [["list", "--presets"], ["list", "presets"]])
def test_list_prints_every_preset_as_the_file_has_it(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(typed) == 0
    printed = tomllib.loads(capsys.readouterr().out)
    assert printed.keys() == presets().keys()
    for name, table in printed.items():
        taken = presets()[name]
        assert (table["agent"], table["env"], table["set"]) == (taken.agent, taken.env, taken.set)
        known = {field.name for field in fields(registry.resolve(taken.agent, registry.AGENTS, "agent"))}
        assert set(taken.set) <= known


def test_what_is_typed_wins_over_a_preset() -> None:
    (arm,) = arms(Train(preset="cartpole-fast", agent=("double_dqn",), set=("batch_size=32",), total_timesteps=10))
    assert (arm.agent, arm.env, arm.total_timesteps) == ("double_dqn", "CartPole-v1", 10)
    assert arm.set["batch_size"] == 32
    assert arm.set["train_freq"] == 128
    with pytest.raises(UserError, match="did you mean 'cartpole'"):
        arms(Train(preset="cartpol"))


@pytest.mark.slow
def test_the_lecture_hall_learns_cartpole() -> None:
    """475 within 30,000 steps on four seeds of five at least, by the best of its greedy evaluations."""
    (arm,) = arms(Train(preset="cartpole_fast"))
    solved = 0
    for seed in range(5):
        env, other = cart(), cart()
        agent = build.make_agent(arm, env)
        for event in play(env, agent, seed=seed, steps=arm.total_timesteps):
            done = isinstance(event, Learnt) and agent.steps > 10_000 and agent.steps % 1_000 == 0
            if done and evaluate(other, agent, 10, seed=5).returns.mean() >= 475:
                solved += 1
                break
    assert solved >= 4
