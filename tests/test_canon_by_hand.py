"""Every control agent's update with numbers worked by hand: an ordinary step, one that terminated, one cut short.

The table is [[1, 2], [4, 3], [10, 20]], alpha .5, gamma .9. In state 0 action 0 pays -1 and leads to state 1, where
action 1 is drawn; there it pays 2 and leads to state 2, where action 0 is drawn. Expectations are over epsilon = .5.
"""

import math
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from hfrl import registry
from hfrl.agents import linear_q, linear_sarsa_lambda
from hfrl.compiled import Batch
from hfrl.mdp import from_env, q_star
from hfrl.types import Judgement, Step

FIRST = Step(0, 0, 0, 0, -1.0, 1, terminated=False, truncated=False, next_action=1)
SECOND = Step(1, 0, 1, 1, 2.0, 2, terminated=False, truncated=False, next_action=0)
ENDS = ("ordinary", "terminated", "truncated")
Q = [[1.0, 2.0], [4.0, 3.0], [10.0, 20.0]]


def ending(step: Step, end: str) -> Step:
    if end == "terminated":
        return step._replace(terminated=True, next_action=None)
    return step._replace(truncated=end == "truncated")


def agent_of(name: str, **settings: Any) -> Any:
    env = SimpleNamespace(observation_space=spaces.Discrete(3), action_space=spaces.Discrete(2))
    part = registry.resolve(name, registry.AGENTS, "agent")
    agent = part(env, **{"learning_rate": 0.5, "gamma": 0.9} | settings)
    agent.q = [row[:] for row in Q]
    return agent


def learn(agent: Any, *steps: Step) -> Any:
    for step in steps:
        agent.update(Judgement(step), lambda judgement: judgement.step.reward)
    return agent


EPS = {"epsilon": 0.5}
#: agent, settings, and Q(0,0) after the first step alone: ordinary, terminated, truncated.
ONE_STEP: list[tuple[str, dict[str, Any], tuple[float, float, float]]] = [
    ("q_learning", {}, (1.8, 0.0, 1.8)),  # -1 + .9 * 4 = 2.6
    ("sarsa", {}, (1.35, 0.0, 1.35)),  # -1 + .9 * 3 = 1.7
    ("expected_sarsa", EPS, (1.6875, 0.0, 1.6875)),  # -1 + .9 * (.75 * 4 + .25 * 3) = 2.375
    ("n_step_sarsa", {"n": 1}, (1.35, 0.0, 1.35)),
    ("n_step_expected_sarsa", EPS | {"n": 1}, (1.6875, 0.0, 1.6875)),
    ("n_step_tree_backup", EPS | {"n": 1}, (1.6875, 0.0, 1.6875)),
    ("q_sigma", EPS | {"n": 1, "sigma": 0.5}, (1.51875, 0.0, 1.51875)),  # the mean of 1.7 and 2.375
    ("sarsa_lambda", {}, (1.35, 0.0, 1.35)),
    ("watkins_q", {}, (1.8, 0.0, 1.8)),
    ("dyna_q", {"n": 1}, (2.2, -0.5, 2.2)),  # twice: there is one pair to plan with
    ("dyna_q_plus", {"n": 0}, (1.8, 0.0, 1.8)),
    ("prioritized_sweeping", {"n": 1, "theta": 0.0}, (1.8, 0.0, 1.8)),
    ("r_learning", {}, (2.0, 0.0, 2.0)),  # -1 - 0 + 4 = 3, without gamma
]


@pytest.mark.parametrize(("name", "settings", "after"), ONE_STEP, ids=[row[0] for row in ONE_STEP])
@pytest.mark.parametrize("end", ENDS)
def test_one_step(name: str, settings: dict[str, Any], after: tuple[float, float, float], end: str) -> None:
    agent = learn(agent_of(name, **settings), ending(FIRST, end))
    assert agent.q[0] == pytest.approx([after[ENDS.index(end)], 2.0], abs=1e-12)
    assert agent.q[1:] == Q[1:]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        # Q1 hears Q2(1, argmax Q1) = 5, Q2 hears Q1(1, argmax Q2) = 3.
        ("double_q", 2.25, 0.85),
        # pi of epsilon .5 on Q1 + Q2 = [9, 10]: .25, .75. Q1 hears 6.5, Q2 hears 3.25.
        ("double_expected_sarsa", 2.925, 0.9625),
    ],
)
def test_two_tables(name: str, first: float, second: float, end: str) -> None:
    seen = set()
    for seed in range(12):
        agent = agent_of(name, **EPS)
        agent.q2 = [[0.0, 0.0], [5.0, 7.0], [0.0, 0.0]]
        agent.begin(np.random.default_rng(seed))
        learn(agent, ending(FIRST, end))
        if agent.q[0][0] != 1.0:
            assert agent.q2[0] == [0.0, 0.0]
            assert agent.q[0][0] == pytest.approx(0.0 if end == "terminated" else first, abs=1e-12)
            seen.add("first")
        else:
            assert agent.q2[0][0] == pytest.approx(-0.5 if end == "terminated" else second, abs=1e-12)
            seen.add("second")
    assert seen == {"first", "second"}


#: agent, settings, and (Q(0,0), Q(1,1)) after both steps: ordinary, terminated, truncated.
TWO_STEPS: list[tuple[str, dict[str, Any], list[tuple[float, float]]]] = [
    # G = -1 + .9 * 2 + .81 * 10 = 8.9; cut short Q(1,1) hears 2 + .9 * 10 = 11.
    ("n_step_sarsa", {"n": 2}, [(4.95, 3.0), (0.9, 2.5), (4.95, 7.0)]),
    # The average over state 2 is .25 * 10 + .75 * 20 = 17.5.
    ("n_step_expected_sarsa", EPS | {"n": 2}, [(7.9875, 3.0), (0.9, 2.5), (7.9875, 10.375)]),
    # G(1) = 17.75; G(0) = -1 + .9 (.75 * 4 + .25 * 17.75) = 5.69375. Terminated: G(1) = 2, G(0) = 2.15.
    ("n_step_tree_backup", EPS | {"n": 2}, [(3.346875, 3.0), (1.575, 2.5), (3.346875, 10.375)]),
    # G(1) = 2 + .9 (.5 * 10 + .5 * 17.5) = 14.375; G(0) = -1 + .9 (.5 G(1) + .5 (3.75 + .25 (G(1) - 3))) = 8.4359375.
    ("q_sigma", EPS | {"n": 2, "sigma": 0.5}, [(4.71796875, 3.0), (1.2375, 2.5), (4.71796875, 8.6875)]),
    # delta is .7 and then 8 (terminated -1); the trace of the first pair is .45 by then.
    ("sarsa_lambda", {"lam": 0.5}, [(3.15, 7.0), (1.125, 2.5), (3.15, 7.0)]),
    ("sarsa_lambda", {"lam": 0.5, "traces": "accumulating"}, [(3.15, 7.0), (1.125, 2.5), (3.15, 7.0)]),
    # Action 1 was not the greedy one of state 1: the first pair's trace has ended. 2 + .9 * 20 = 20.
    ("watkins_q", {"lam": 0.5}, [(1.8, 11.5), (1.8, 2.5), (1.8, 11.5)]),
    # G = 2 and -1 + .9 * 2; cut short it goes on with the greedy value 20.
    ("mc_control", {}, [(1.0, 3.0), (0.8, 2.0), (17.0, 20.0)]),
    # With Q(1,1) = 2 action 1 is not greedy, and nothing before it counts; with 20 it is.
    ("mc_off_policy", {}, [(1.0, 3.0), (1.0, 2.0), (17.0, 20.0)]),
]


@pytest.mark.parametrize(("name", "settings", "after"), TWO_STEPS, ids=[f"{row[0]}-{row[1]}" for row in TWO_STEPS])
@pytest.mark.parametrize("end", ENDS)
def test_two_steps(name: str, settings: dict[str, Any], after: list[tuple[float, float]], end: str) -> None:
    agent = learn(agent_of(name, **settings), FIRST, ending(SECOND, end))
    assert (agent.q[0][0], agent.q[1][1]) == pytest.approx(after[ENDS.index(end)], abs=1e-12)
    assert (agent.q[0][1], agent.q[1][0], agent.q[2]) == (2.0, 4.0, [10.0, 20.0])


def test_a_trace_goes_on_where_the_next_action_is_greedy() -> None:
    """Watkins's: delta is 1.6, and then 2 + .9 * 20 - 4 = 16, of which .45 goes back."""
    steps = FIRST._replace(next_action=0), SECOND._replace(action=0)
    agent = learn(agent_of("watkins_q", lam=0.5), *steps)
    assert (agent.q[0][0], agent.q[1][0]) == pytest.approx((1.8 + 0.5 * 16 * 0.45, 12.0), abs=1e-12)


PI = 1 / (1 + math.e)  # softmax of [1, 2] for its first action, and of [4, 3] for its second


@pytest.mark.parametrize("end", ENDS)
def test_actor_critic(end: str) -> None:
    agent = agent_of("actor_critic", critic_rate=0.2)
    agent.v = [1.0, 4.0, 10.0]
    learn(agent, ending(FIRST, end))
    delta = -2.0 if end == "terminated" else -1 + 0.9 * 4 - 1
    assert agent.v == pytest.approx([1 + 0.2 * delta, 4.0, 10.0], abs=1e-12)
    assert agent.q[0] == pytest.approx([1 + 0.5 * delta * (1 - PI), 2 - 0.5 * delta * (1 - PI)], abs=1e-12)


@pytest.mark.parametrize("end", ENDS)
def test_reinforce(end: str) -> None:
    """Returns 2 and .8; the later step counts gamma times. Nothing is learnt before an end, and either end is one."""
    agent = learn(agent_of("reinforce"), FIRST, ending(SECOND, end))
    first, second = (0.0, 0.0) if end == "ordinary" else (0.5 * 0.8 * (1 - PI), 0.5 * 0.9 * 2 * (1 - PI))
    assert agent.q[0] == pytest.approx([1 + first, 2 - first], abs=1e-12)
    assert agent.q[1] == pytest.approx([4 - second, 3 + second], abs=1e-12)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("module", "after"), [(linear_q, 1.8), (linear_sarsa_lambda, 1.35)])
def test_linear_values(module: Any, after: float, end: str) -> None:
    """One feature per state: the table again."""
    env = SimpleNamespace(observation_space=spaces.Box(0, 3, (1,)), action_space=spaces.Discrete(2))
    name = module.__name__.rpartition(".")[2]
    part = registry.resolve(name, registry.AGENTS, "agent")
    agent = part(env, learning_rate=0.5, gamma=0.9, tilings=1, bins=3)
    agent.q[:3] = Q
    step = ending(FIRST, end)._replace(observation=np.array([0.5]), next_observation=np.array([1.5]))
    learn(agent, step)
    assert agent.q[0].tolist() == pytest.approx([0.0 if end == "terminated" else after, 2.0], abs=1e-12)
    assert agent.q[1:3].tolist() == Q[1:]


# The oracle for those that the other tests leave out

SLIPPERY: dict[str, dict[str, Any]] = {
    "reinforce": {"learning_rate": 0.1, "baseline": True},
    "actor_critic": {"learning_rate": 0.05, "critic_rate": 0.05},
}
#: Dyna's model takes the world for certain, and Monte Carlo needs whole episodes of luck: their lake is not slippery.
FIRM: dict[str, dict[str, Any]] = {
    "dyna_q_plus": {"epsilon": "linear:0.5:0.02:100000", "kappa": 1e-5},
    "mc_control": {"epsilon": "linear:1:0.1:400000"},
    "mc_off_policy": {"epsilon": "linear:1:0.1:400000"},
    "r_learning": {"epsilon": "linear:1:0.1:400000", "beta": 0.001},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SLIPPERY, *FIRM])
def test_the_rest_of_control_finds_good_policies_on_the_lake(name: str) -> None:
    """The greedy policy is worth at least nine tenths of the optimum, exactly evaluated, on average of eight seeds."""
    env = gymnasium.make("FrozenLake-v1", is_slippery=name in SLIPPERY, disable_env_checker=True)
    mdp, gamma = from_env(env), 0.99
    part = registry.resolve(name, registry.AGENTS, "agent")
    settings = {} if name == "r_learning" else {"gamma": gamma}
    batch = Batch(env, part(env, **settings | (SLIPPERY | FIRM)[name]), range(8))
    batch.run(steps=1_000_000 if name in SLIPPERY else 500_000)
    found = []
    for q in batch.tables["q"]:
        actions, rows = q.argmax(axis=1), np.arange(16)
        step = np.zeros((16, 16))
        np.add.at(step, (rows[:, None], mdp.next_state[rows, actions]), (mdp.probability * mdp.goes_on)[rows, actions])
        found.append(float(mdp.start @ np.linalg.solve(np.eye(16) - gamma * step, mdp.reward[rows, actions])))
    assert np.mean(found) >= 0.9 * float(mdp.start @ q_star(mdp, gamma).max(axis=1)), found
