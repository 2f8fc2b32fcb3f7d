"""The textbook's equivalences and oracles: what an algorithm becomes at the end of its dial, what it converges to."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from hfrl import registry
from hfrl.agents import Sarsa
from hfrl.compiled import Batch
from hfrl.features import radial_basis, tiles
from hfrl.loop import play
from hfrl.mdp import from_env, q_star
from hfrl.returns import returned
from hfrl.types import Judgement, Learnt, Step, UserError

EXACT = 1e-12


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def agent_of(name: str, env: Any, **settings: Any) -> Any:
    return registry.resolve(name, registry.AGENTS, "agent")(env, **settings)


def lived(env: Any, steps: int = 3000, seed: int = 3) -> list[Step]:
    """Steps of an exploring SARSA, each with the action drawn next: the same life for whoever learns from it."""
    agent = Sarsa(env, learning_rate=0.5, epsilon=0.3)
    return [e.judgement.step for e in play(env, agent, seed=seed, steps=steps) if isinstance(e, Learnt)]


def taught(agent: Any, steps: Sequence[Step]) -> Any:
    """The agent after these steps."""
    agent.begin(np.random.default_rng(0))
    for step in steps:
        agent.update(Judgement(step), lambda judgement: judgement.step.reward)
    return agent


WORLDS = ["FrozenLake-v1", "CliffWalking-v1", "hfrl/Pizza-v0"]
COMMON = {"learning_rate": 0.3, "gamma": 0.9, "epsilon": 0.2, "initial_value": 0.1}
ONE_AND_THE_SAME = [
    ("n_step_sarsa", {"n": 1}, "sarsa", {}),
    ("n_step_expected_sarsa", {"n": 1}, "expected_sarsa", {}),
    ("n_step_tree_backup", {"n": 1}, "expected_sarsa", {}),
    ("q_sigma", {"n": 1, "sigma": 1.0}, "sarsa", {}),
    ("q_sigma", {"n": 1, "sigma": 0.0}, "expected_sarsa", {}),
    ("q_sigma", {"n": 5, "sigma": 0.0}, "n_step_tree_backup", {"n": 5}),
    ("q_sigma", {"n": 5, "sigma": 1.0}, "n_step_sarsa", {"n": 5}),
    ("expected_sarsa", {"epsilon": 0.0}, "q_learning", {"epsilon": 0.0}),
    ("sarsa_lambda", {"lam": 0.0, "traces": "accumulating"}, "sarsa", {}),
    ("sarsa_lambda", {"lam": 0.0, "traces": "replacing"}, "sarsa", {}),
    ("sarsa_lambda", {"lam": 0.0, "traces": "dutch"}, "sarsa", {}),
    ("watkins_q", {"lam": 0.0}, "q_learning", {}),
    ("dyna_q", {"n": 0}, "q_learning", {}),
    ("dyna_q_plus", {"n": 0}, "q_learning", {}),
]
PREDICTIONS = [
    ("n_step_td", {"n": 1}, "td0", {}),
    ("td_lambda", {"lam": 0.0}, "td0", {}),
    ("td_lambda", {"lam": 0.0, "traces": "replacing"}, "td0", {}),
    ("true_online_td", {"lam": 0.0}, "td0", {}),
    ("lambda_return", {"lam": 1.0}, "mc_prediction", {}),
    ("n_step_td", {"n": 3500}, "mc_prediction", {}),
]


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("name", "settings", "other", "others"), ONE_AND_THE_SAME)
def test_control_agents_that_are_one(
    name: str, settings: dict[str, Any], other: str, others: dict[str, Any], world: str
) -> None:
    env = make(world)
    steps = lived(env)
    assert any(step.terminated for step in steps)
    one = taught(agent_of(name, env, **(COMMON | settings)), steps)
    two = taught(agent_of(other, env, **(COMMON | others)), steps)
    np.testing.assert_allclose(one.q, two.q, rtol=0, atol=EXACT)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("name", "settings", "other", "others"), PREDICTIONS)
def test_prediction_agents_that_are_one(
    name: str, settings: dict[str, Any], other: str, others: dict[str, Any], world: str
) -> None:
    env = make(world)
    steps = lived(env)
    while not steps[-1].ended:  # a life of whole episodes
        steps.pop()
    same = {"learning_rate": 0.3, "gamma": 0.9, "initial_value": 0.1}
    one = taught(agent_of(name, env, **(same | settings)), steps)
    two = taught(agent_of(other, env, **(same | others)), steps)
    np.testing.assert_allclose(one.v, two.v, rtol=0, atol=EXACT)


def online_lambda_return(steps: Sequence[Step], states: int, alpha: float, gamma: float, lam: float) -> Any:
    """The online lambda-return algorithm as it is defined (Sutton & Barto, section 12.4), for one episode: at every
    step the whole episode so far is learnt anew from its truncated lambda-returns."""
    start = np.zeros(states)
    values = [start.copy()]  # the weights at the end of each horizon
    for h in range(1, len(steps) + 1):
        v = start.copy()
        for t in range(h):
            g = 0.0
            for n in range(1, h - t + 1):
                step = steps[t + n - 1]
                ahead = 0.0 if step.terminated else values[t + n - 1][step.next_observation]
                one = returned([s.reward for s in steps], t, t + n, gamma, ahead)
                weight = (1 - lam) * lam ** (n - 1) if t + n < h else lam ** (n - 1)
                g += weight * one
            v[steps[t].observation] += alpha * (g - v[steps[t].observation])
        values.append(v)
    return values[-1]


@pytest.mark.parametrize("lam", [0.0, 0.4, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_true_online_td_is_the_online_lambda_return_algorithm(lam: float, seed: int) -> None:
    env = make("FrozenLake-v1")
    steps = lived(env, 400, seed)
    ends = [k for k, step in enumerate(steps) if step.terminated]
    episode = steps[ends[2] + 1 : ends[3] + 1]
    agent = taught(agent_of("true_online_td", env, lam=lam, learning_rate=0.3, gamma=0.9), episode)
    np.testing.assert_allclose(agent.v, online_lambda_return(episode, 16, 0.3, 0.9, lam), rtol=0, atol=EXACT)


def test_nothing_leaks_over_an_episodes_end() -> None:
    """Rules with a memory: two episodes learnt in a row equal the second one learnt from where the first had led."""
    env = make("FrozenLake-v1")
    steps = lived(env, 300)
    end = next(k for k, step in enumerate(steps) if step.ended) + 1
    for name in ("n_step_sarsa", "n_step_tree_backup", "sarsa_lambda", "watkins_q", "q_sigma"):
        whole = taught(agent_of(name, env, **COMMON), steps)
        first = taught(agent_of(name, env, **COMMON), steps[:end])
        second = agent_of(name, env, **COMMON)
        second.q = [list(row) for row in first.q]
        np.testing.assert_array_equal(taught(second, steps[end:]).q, whole.q, err_msg=name)


@pytest.mark.parametrize(
    "name", [name for name in registry.AGENTS if name != "random" and not name.startswith("linear_")]
)
def test_a_checkpoint_in_the_middle_of_an_episode_changes_nothing(name: str) -> None:
    env = make("FrozenLake-v1")
    steps = lived(env, 300)
    middle = next(k for k, step in enumerate(steps) if step.ended) + 3
    whole = taught(agent_of(name, env), steps[:middle])
    copy = agent_of(name, env)
    copy.restore(whole.arrays())
    for agent in (whole, copy):
        for step in steps[middle:]:
            agent.update(Judgement(step), lambda judgement: judgement.step.reward)
    for key, array in whole.arrays().items():
        np.testing.assert_array_equal(array, copy.arrays()[key], err_msg=f"{name} {key}")


SLOW = pytest.mark.slow
OFF_POLICY = ["q_learning", "double_q"]
OFF_POLICY += [pytest.param(name, marks=SLOW) for name in ("dyna_q", "watkins_q", "prioritized_sweeping")]


@pytest.mark.parametrize("name", OFF_POLICY)
def test_control_finds_the_optimal_policy_of_the_cliff(name: str) -> None:
    """Eight compiled seeds with an exploration that fades: all walk the optimal path of 13 steps."""
    env = make("CliffWalking-v1")
    settings = {"epsilon": "linear:0.5:0:600000", "gamma": 1.0, "learning_rate": 0.2}
    batch = Batch(env, agent_of(name, env, **settings), range(8))
    batch.run(steps=700_000)
    batch.run(episodes=2)
    assert [lengths[-1] for lengths in batch.lengths] == [13] * 8


FAR_SIGHTED = ["n_step_sarsa", "n_step_expected_sarsa", "sarsa_lambda", "q_sigma", "n_step_tree_backup"]
ON_POLICY = ["sarsa", "expected_sarsa", "double_expected_sarsa"]


@pytest.mark.parametrize("name", [*ON_POLICY, *(pytest.param(name, marks=SLOW) for name in FAR_SIGHTED)])
def test_on_policy_control_finds_good_values_of_the_lake(name: str) -> None:
    """Its greedy policy is worth at least nine tenths of the optimum, exactly evaluated, on average of eight seeds."""
    env = make("FrozenLake-v1")
    mdp = from_env(env)
    settings = {"epsilon": "linear:0.5:0.02:800000", "gamma": 0.99, "learning_rate": "linear:0.2:0.002:800000"}
    batch = Batch(env, agent_of(name, env, **settings), range(8))
    batch.run(steps=1_000_000)
    found = []
    for i in range(8):
        q = batch.tables["q"][i] + (batch.tables["q2"][i] if "q2" in batch.tables else 0.0)
        actions = q.argmax(axis=1)
        rows = np.arange(16)
        step = np.zeros((16, 16))
        np.add.at(step, (rows[:, None], mdp.next_state[rows, actions]), (mdp.probability * mdp.goes_on)[rows, actions])
        found.append(float(mdp.start @ np.linalg.solve(np.eye(16) - 0.99 * step, mdp.reward[rows, actions])))
    assert np.mean(found) >= 0.9 * float(mdp.start @ q_star(mdp, 0.99).max(axis=1))


def test_monte_carlo_control_averages_the_returns_of_first_visits() -> None:
    """Its table is the plain mean, computed here from the episodes themselves."""
    env = make("hfrl/Pizza-v0")
    steps = lived(env)
    agent = taught(agent_of("mc_control", env, gamma=0.9), steps)
    returns: dict[tuple[int, int], list[float]] = {}
    episode: list[Step] = []
    for step in steps:
        episode.append(step)
        if step.terminated:
            for t, first in enumerate(episode):
                pair = (first.observation, first.action)
                if pair not in [(s.observation, s.action) for s in episode[:t]]:
                    g = sum(0.9**k * s.reward for k, s in enumerate(episode[t:]))
                    returns.setdefault(pair, []).append(g)
        if step.ended:
            assert step.terminated, "no episode of this life was cut"
            episode = []
    assert len(returns) > 20
    for (s, a), each in returns.items():
        assert agent.q[s][a] == pytest.approx(np.mean(each), abs=1e-9)


def test_off_policy_monte_carlo_weights_by_one_over_the_behaviour() -> None:
    """One state, one action each step, two episodes: the weighted average of their returns by hand."""
    env = make("hfrl/RandomWalk-v0", states=3)
    agent = agent_of("mc_off_policy", env, gamma=1.0)
    step = Step(0, 0, 1, 0, -1.0, 0, terminated=True, truncated=False, probability=0.25)
    agent.update(Judgement(step), lambda judgement: -1.0)
    agent.update(Judgement(step), lambda judgement: -3.0)
    assert agent.q[1][0] == pytest.approx(-2.0)
    assert agent.c[1][0] == pytest.approx(2.0)


def test_r_learning_finds_the_average_reward_of_a_cycle() -> None:
    """Ex. 3.5 without discount: round A and A' (+10 every fifth step) is worth 2 a step, more than any other way."""
    env = make("hfrl/GridExample-v0")
    batch = Batch(env, agent_of("r_learning", env, beta=0.001, epsilon=0.3, learning_rate=0.1), range(4))
    batch.run(steps=2_000_000)
    np.testing.assert_allclose(batch.tables["rho"][:, 0], 2.0, atol=1e-4)
    q = batch.tables["q"]
    for i in range(4):
        state, paid = 0, 0.0
        for _ in range(1_000):
            _, state, reward, _ = env.unwrapped.P[state][int(q[i, state].argmax())][0]
            paid += reward
        assert paid / 1_000 == pytest.approx(2.0, abs=0.05)


# --- features --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tilings", "bins"), [(1, 1), (1, 4), (8, 8), (5, 3)])
def test_every_observation_has_one_tile_in_each_tiling(tilings: int, bins: int) -> None:
    space = spaces.Box(np.array([-1.0, 0.0]), np.array([1.0, 5.0]), dtype=np.float64)
    made = tiles(space, tilings, bins)
    rng = np.random.default_rng(0)
    for _ in range(300):
        indices, heights = made.active(rng.uniform([-1.5, -1.0], [1.5, 6.0]))
        assert sorted(indices // (bins + 1) ** 2) == list(range(tilings))
        assert indices.max() < made.size
        assert heights.tolist() == [1.0] * tilings


def test_tiles_by_hand() -> None:
    made = tiles(spaces.Box(0.0, 1.0, (1,)), tilings=2, bins=2)
    # The second tiling is shifted by half a tile: .3 lies in tile 0 of the first and, at .6 + .5, in tile 1 of it.
    assert made.active(np.array([0.3]))[0].tolist() == [0, 3 + 1]
    assert made.active(np.array([0.2]))[0].tolist() == [0, 3 + 0]
    assert made.active(np.array([1.0]))[0].tolist() == [2, 3 + 2]


def test_basis_functions_sum_to_one_and_peak_at_their_centre() -> None:
    made = radial_basis(spaces.Box(0.0, 1.0, (2,)), bins=3)
    indices, heights = made.active(np.array([0.5, 0.5]))
    assert heights.sum() == pytest.approx(1.0)
    assert indices[heights.argmax()] == 4


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("sarsa_lambda", {"lam": 1.5}, r"lam \(lambda\) must be within \[0, 1\], got 1.5"),
        ("watkins_q", {"lam": -0.1}, "must be within"),
        ("td_lambda", {"lam": 2}, "must be within"),
        ("sarsa_lambda", {"traces": "duch"}, "traces must be one of accumulating, replacing, dutch"),
        ("n_step_sarsa", {"n": 0}, "n must be 1 or more"),
        ("n_step_td", {"n": 1.5}, "n must be 1 or more"),
        ("q_sigma", {"sigma": 2}, "sigma must be within"),
        ("dyna_q", {"n": -1}, "n must be 0 or more"),
        ("dyna_q_plus", {"kappa": -1}, "kappa must be 0 or more"),
        ("prioritized_sweeping", {"theta": -1}, "theta must be 0 or more"),
        ("mc_control", {"horizon": 0}, "horizon must be 1 or more"),
        ("r_learning", {"beta": 2}, "beta must be within"),
        ("bandit_value", {"step": 0}, "step must be average or within"),
        ("mc_prediction", {"horizon": 0}, "horizon must be 1 or more"),
        ("td0", {"policy": [[1.0, 0.0]]}, "policy must have 16 rows of 4"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(name: str, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        agent_of(name, make("FrozenLake-v1"), **settings)


@pytest.mark.parametrize(
    ("settings", "line"),
    [({"bins": 0}, "at least 1 tiling"), ({"features": "tyles"}, "features must be one of"), ({"lam": 3}, "lambda")],
)
def test_impossible_features_are_refused_in_one_line(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        agent_of("linear_sarsa_lambda", make("MountainCar-v0"), **settings)
