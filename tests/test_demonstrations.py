"""What a person shows by driving: DAgger's counts, DQfD's margin; and who learns from word or reward alone."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import build
from hfrl.agents import Dagger, DeepDagger, DoubleDQN, DQfD
from hfrl.agents.dqfd import margin_slopes
from hfrl.blend import Switch, none
from hfrl.config import Arm
from hfrl.loop import evaluate, human_model, play
from hfrl.seeding import streams
from hfrl.types import Judgement, Step, UserError

HERE = np.array([0.5, -1.0, 0.25, 0.0], np.float32)
STEP = Step(0, 0, HERE, 0, 1.0, HERE, terminated=True, truncated=False)


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def learnt(agent: Any, env: Any, teacher: str, steps: int, seed: int = 0) -> Any:
    """The agent after so many steps with somebody who may drive."""
    arm = Arm(env.spec.id, "q_learning", teacher, "none", "immediate", steps, (seed,))
    switch = Switch(none(), human_model(env), agent.gamma)
    people = build.make_teacher(arm, env, streams(seed).teacher, agent, switch)
    for _ in play(env, agent, people, switch, seed=seed, steps=steps):
        pass
    return agent


# --- DAgger ----------------------------------------------------------------------------------------------------------


def test_dagger_counts_what_was_driven_and_what_was_said() -> None:
    agent = Dagger(make("FrozenLake-v1"))
    step = STEP._replace(observation=3, action=2, next_observation=4)
    for judgement in (
        Judgement(step._replace(actor="human")),
        Judgement(step._replace(actor="human", action=1)),
        Judgement(step._replace(action=1), ((1.0, 1.0),)),
        Judgement(step._replace(action=2), ((-0.5, 1.0),)),
        Judgement(step._replace(action=3)),  # nobody drove, nobody spoke
    ):
        agent.update(judgement, lambda judgement: 1 / 0)
    assert agent.q[3] == [0.0, 2.0, 0.5, 0.0]
    assert agent.greedy_policy(3).probabilities[1] == 1.0


@pytest.mark.parametrize("teacher", ["oracle:kind=takeover,mix=0.8", "oracle:kind=takeover,hold=3"])
def test_dagger_learns_the_way_from_either_driver(teacher: str) -> None:
    found = [
        evaluate(make("hfrl/Puddle-v0"), learnt(Dagger(env), env, teacher, 1_500, seed), 10).returns.mean()
        for seed in range(10)
        for env in [make("hfrl/Puddle-v0")]
    ]
    assert np.mean(np.array(found) > 0.71) >= 0.9  # the best way there is, in nine of ten


@pytest.mark.parametrize("teacher", ["heuristic:kind=takeover,mix=0.9", "heuristic:kind=takeover", "heuristic"])
def test_dagger_with_a_network_learns_cart_pole_from_who_drives_or_speaks(teacher: str) -> None:
    """Fifteen runs of each reached 500; here two of three must hold the pole nearly always."""
    found = []
    for seed in range(3):
        env = make("CartPole-v1")
        agent = learnt(DeepDagger(env), env, teacher, 2_500, seed)
        found.append(evaluate(make("CartPole-v1"), agent, 10).returns.mean())
    assert np.median(found) >= 450


# --- DQfD ------------------------------------------------------------------------------------------------------------


def test_the_margin_by_hand() -> None:
    """Q = 1, .7, 0 where 0 was shown: .7 + .8 beats 1 by .5. Where the second was shown: 1 + .8 beats .7 by 1.1."""
    q = np.array([[1.0, 0.7, 0.0]] * 3, np.float32)
    losses, slopes = margin_slopes(q, np.array([0, 1, 2]), np.array([True, True, False]), 0.8)
    assert losses.tolist() == pytest.approx([0.5, 1.1, 0.0])
    assert slopes.tolist() == [[-1, 1, 0], [1, -1, 0], [0, 0, 0]]


@pytest.mark.parametrize("driven", [True, False])
def test_the_gradient_of_dqfd_is_that_of_autograd(driven: bool) -> None:
    """One terminal transition: (Q(s,0) - 1)^2 + 2 J_E, without hidden layers, by plain torch."""
    torch = pytest.importorskip("torch")
    agent = DQfD(make("CartPole-v1"), net_arch=[], margin_weight=2.0, margin=5.0, learning_starts=0, seed=1)
    agent.memory.add(HERE, STEP._replace(actor="human" if driven else "agent"), HERE, ())
    theta = torch.tensor(agent.network.arrays()["theta"].astype(np.float64), requires_grad=True)
    q = torch.tensor(HERE.astype(np.float64)) @ theta[:8].view(4, 2) + theta[8:]
    margin = torch.maximum(q[0], q[1] + 5.0) - q[0]
    ((q[0] - 1.0) ** 2 + 2 * margin * driven).backward()
    told: list[Any] = []
    descend = agent.network.descend

    def spied(inputs: Any, slope: Any, alpha: float) -> Any:
        told.append((inputs, slope(agent.network.online(inputs))[0]))
        return descend(inputs, slope, alpha)

    agent.network.descend = spied  # type: ignore[method-assign]
    loss = agent.learn(agent.memory.latest(), lambda judgement: judgement.step.reward)
    inputs, by_q = told[0]
    gradient = np.concatenate([np.outer(inputs[0], by_q[0]).ravel(), by_q[0]])
    np.testing.assert_allclose(gradient, theta.grad, atol=1e-6)
    assert loss == pytest.approx(float((q[0] - 1) ** 2 + 2 * margin * driven), abs=1e-5)
    assert float(margin) > 1


def test_both_ways_to_run_a_network_learn_the_same_from_what_was_shown() -> None:
    pytest.importorskip("torch")
    agents = []
    for backend in ("numpy", "torch"):
        env = make("CartPole-v1")
        agent = DQfD(env, net_arch=[8], learning_starts=20, batch_size=8, backend=backend, seed=0)
        agents.append(learnt(agent, env, "heuristic:kind=takeover,first=30", 60))
    a, b = (agent.network.arrays()["theta"] for agent in agents)
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_without_weight_it_is_double_dqn_bit_for_bit() -> None:
    arrays = []
    for kind, settings in ((DQfD, {"margin_weight": 0.0}), (DoubleDQN, {}), (DQfD, {})):
        env = make("CartPole-v1")
        agent = kind(env, net_arch=[16], learning_starts=50, batch_size=16, **settings)  # type: ignore[operator]
        arrays.append(learnt(agent, env, "heuristic:kind=takeover,first=100", 300).arrays())
    zero, plain, margin = arrays
    assert zero.keys() == plain.keys()
    assert all(np.array_equal(zero[key], plain[key]) for key in zero)
    assert not np.array_equal(margin["theta"], plain["theta"])


def test_what_was_driven_is_remembered_saved_and_forgotten_with_its_step() -> None:
    env = make("CartPole-v1")
    agent = learnt(
        DQfD(env, buffer_size=50, batch_size=8, learning_starts=1_000),
        env,
        "heuristic:kind=takeover,first=20,likelihood=0",
        40,
    )
    assert sorted(agent.memory.driven) == list(range(20))
    other = DQfD(env, buffer_size=50, batch_size=8)
    other.restore(agent.arrays())
    assert other.memory.driven == agent.memory.driven
    batch = other.memory.batch(np.array([3, 30]))
    assert batch.driven is not None
    assert batch.driven.tolist() == [True, False]
    for index in range(40, 65):  # a ring of 50: the first 15 are overwritten
        agent.memory.add(HERE, STEP._replace(index=index), HERE, ())
    assert sorted(agent.memory.driven) == list(range(15, 20))
    with pytest.raises(ValueError, match="replay_driven"):
        other.restore(agent.arrays() | {"replay_driven": np.array([70])})


def test_a_demonstration_is_worth_more_than_its_rewards() -> None:
    """CartPole, 600 steps of which a person drove the first 400: what was learnt keeps the pole up for longer with the
    margin than without, in the mean of six."""
    returns = []
    for weight in (1.0, 0.0):
        found = []
        for seed in range(6):
            env = make("CartPole-v1")
            agent = DQfD(
                env, net_arch=[64], learning_starts=64, exploration_steps=400, margin_weight=weight, seed=seed,
                target_update_interval=50,
            )  # fmt: skip
            learnt(agent, env, "heuristic:kind=takeover,first=400", 600, seed)
            found.append(evaluate(make("CartPole-v1"), agent, 5, seed).returns.mean())
        returns.append(np.mean(found))
    assert returns[0] > 2 * returns[1]


@pytest.mark.parametrize("name", ["margin", "margin_weight"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_margins_are_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"{name} must be 0 or more, got"):
        DQfD(make("CartPole-v1"), **{name: value})


# --- controls --------------------------------------------------------------------------------------------------------


def test_from_the_word_alone_no_reward_is_heard_and_from_the_reward_alone_no_word() -> None:
    """The control `--agent tamer` learns the same where every reward is 7; `--blend none` the same with and without
    somebody who presses."""
    tables = []
    for change in (lambda reward: reward, lambda reward: 7.0):
        env = gymnasium.wrappers.TransformReward(make("FrozenLake-v1"), change)
        agent = build.make_agent(Arm("FrozenLake-v1", "tamer", "oracle", "none", "auto", 1, (0,)), env)
        tables.append(learnt(agent, env, "oracle:likelihood=0.5", 400).q)
    assert tables[0] == tables[1]
    values = []
    for teacher in ("none", "oracle"):
        env = make("FrozenLake-v1")
        agent = build.make_agent(Arm("FrozenLake-v1", "q_learning", "none", "none", "auto", 1, (0,)), env)
        values.append(learnt(agent, env, teacher, 2_000).q)
    assert values[0] == values[1]
    assert any(value for row in values[0] for value in row)
