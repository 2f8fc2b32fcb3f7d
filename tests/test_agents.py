"""The agents: tables worked by hand, exact values of known worlds, and what every agent promises."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from hfrl import registry
from hfrl.agents import QLearning, RandomAgent, Sarsa
from hfrl.linear import LinearAgent
from hfrl.loop import play
from hfrl.mdp import MDP, backup, best_return, from_env, q_star
from hfrl.planning import PlanningAgent
from hfrl.policy import softmax
from hfrl.schedules import Linear
from hfrl.tabular import TABLE_LIMIT, rows_of
from hfrl.types import Acted, Judgement, Learnt, Step, UserError

TABULAR = [QLearning, Sarsa]
WORLDS = ["FrozenLake-v1", "hfrl/Pizza-v0", "Blackjack-v1"]


def spaces_of(observation: spaces.Space[Any], action: spaces.Space[Any] | None = None) -> Any:
    """All that an agent reads of a world."""
    return SimpleNamespace(observation_space=observation, action_space=action or spaces.Discrete(2))


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def by_hand(agent_class: Any, **settings: Any) -> Any:
    """An agent of three states and two actions with round numbers in its table."""
    agent = agent_class(spaces_of(spaces.Discrete(3)), **({"learning_rate": 0.5, "gamma": 0.9} | settings))
    agent.q = [[1.0, 2.0], [4.0, 3.0], [10.0, 20.0]]
    return agent


def told(judgement: Judgement) -> float:
    return judgement.step.reward


ORDINARY = Step(7, 2, 0, 0, -1.0, 1, terminated=False, truncated=False, next_action=1)
TERMINATED = ORDINARY._replace(terminated=True, next_action=None)
TRUNCATED = ORDINARY._replace(truncated=True)


# Updates by hand


@pytest.mark.parametrize(
    ("agent_class", "step", "target", "new"),
    [
        (QLearning, ORDINARY, 2.6, 1.8),  # -1 + .9 * max(4, 3)
        (QLearning, TERMINATED, -1.0, 0.0),
        (QLearning, TRUNCATED, 2.6, 1.8),
        (Sarsa, ORDINARY, 1.7, 1.35),  # -1 + .9 * 3, for action 1 is next
        (Sarsa, TERMINATED, -1.0, 0.0),
        (Sarsa, TRUNCATED, 1.7, 1.35),
    ],
)
def test_one_update_by_hand(agent_class: Any, step: Step, target: float, new: float) -> None:
    agent = by_hand(agent_class)
    update = agent.update(Judgement(step), told)
    assert (update.old, update.signal) == (1.0, -1.0)
    assert (update.target, update.error, update.new) == pytest.approx((target, target - 1.0, new))
    assert agent.q == [[pytest.approx(new), 2.0], [4.0, 3.0], [10.0, 20.0]]


def test_sarsa_bootstraps_from_the_action_drawn_whichever_is_best() -> None:
    assert by_hand(Sarsa).update(Judgement(ORDINARY._replace(next_action=0)), told).target == pytest.approx(2.6)
    assert by_hand(Sarsa).update(Judgement(ORDINARY), told).bootstrap == 3.0
    assert by_hand(QLearning).update(Judgement(ORDINARY), told).bootstrap == 4.0


@pytest.mark.parametrize("agent_class", TABULAR)
def test_an_agent_learns_what_it_is_told_and_not_the_worlds_reward(agent_class: Any) -> None:
    agent = by_hand(agent_class)
    heard = []

    def port(judgement: Judgement) -> float:
        heard.append(judgement)
        return 5.0

    judgement = Judgement(TERMINATED, ((1.0, 1.0),))
    update = agent.update(judgement, port)
    assert (update.old, update.target, update.error, update.new, update.signal) == (1.0, 5.0, 4.0, 3.0, 5.0)
    assert heard == [judgement]


@pytest.mark.parametrize("agent_class", TABULAR)
def test_a_tabular_agent_ignores_the_feedback_itself(agent_class: Any) -> None:
    praised, silent = by_hand(agent_class), by_hand(agent_class)
    praised.update(Judgement(ORDINARY, ((1.0, 1.0),)), told)
    silent.update(Judgement(ORDINARY), told)
    assert praised.q == silent.q


@pytest.mark.parametrize("agent_class", TABULAR)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_learning_rate_goes_from_nothing_to_all_the_way(agent_class: Any, alpha: float) -> None:
    agent = by_hand(agent_class, learning_rate=alpha)
    update = agent.update(Judgement(ORDINARY), told)
    assert update.new == pytest.approx(update.old if alpha == 0 else update.target)


@pytest.mark.parametrize("agent_class", TABULAR)
def test_learning_rate_and_exploration_move_with_the_steps_learnt(agent_class: Any) -> None:
    agent = by_hand(agent_class, learning_rate=Linear(1.0, 0.0, 4), epsilon=Linear(1.0, 0.0, 4))
    rates, explored = [], []
    for index in range(6):
        explored.append(2 * agent.policy(1).prob(1))  # half of epsilon is on the worse of two actions
        update = agent.update(Judgement(Step(index, 0, 0, 0, 7.0 * 10.0**index, 1, True, False)), told)
        rates.append((update.new - update.old) / update.error)
    assert rates == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0, 0.0])
    assert explored == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0, 0.0])


@pytest.mark.parametrize("agent_class", TABULAR)
@pytest.mark.parametrize("end", [TERMINATED, TRUNCATED])
def test_schedules_by_episode_move_at_both_ends_of_an_episode_alone(agent_class: Any, end: Step) -> None:
    agent = by_hand(agent_class, epsilon="linear:1:0:2:episodes")
    explored = []
    for index, step in enumerate((ORDINARY, end, ORDINARY, end, ORDINARY)):
        agent.update(Judgement(step._replace(index=index, episode=(index + 1) // 3 if index < 4 else 2)), told)
        explored.append(2 * agent.policy(1).prob(1))
    assert explored == pytest.approx([1.0, 0.5, 0.5, 0.0, 0.0])


@pytest.mark.parametrize("agent_class", [QLearning, Sarsa, RandomAgent])
def test_a_second_run_goes_on_with_the_clock_of_the_first(agent_class: Any) -> None:
    env = make("FrozenLake-v1")
    agent = agent_class(env)
    for seed in (1, 2):
        for _ in play(env, agent, seed=seed, steps=60, since=(agent.steps, agent.episodes)):
            pass
    # learn(60); learn(60) must not find its exploration rewound.
    assert agent.steps == 120


# Nothing leaks over the end of an episode


@pytest.mark.parametrize("agent_class", TABULAR)
def test_an_update_changes_one_entry_and_never_a_terminal_row(agent_class: Any) -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    agent = agent_class(env, initial_value=0.5, epsilon=0.5)
    ends = {"terminated": 0, "goal": 0}
    before = [row[:] for row in agent.q]
    for event in play(env, agent, seed=3, steps=3000):
        if not isinstance(event, Learnt):
            continue
        step, update = event.judgement.step, event.update
        assert update is not None
        before[step.observation][step.action] = update.new
        assert agent.q == before
        ends["terminated"] += step.terminated
        ends["goal"] += step.reward > 0
    assert min(ends.values()) > 0
    for terminal in (5, 7, 11, 12, 15):
        assert agent.q[terminal] == [0.5] * 4


@pytest.mark.parametrize("agent_class", TABULAR)
def test_what_lies_beyond_a_termination_counts_for_nothing(agent_class: Any) -> None:
    one, other = by_hand(agent_class), by_hand(agent_class)
    other.q[1] = [1e9, 1e9]
    assert one.update(Judgement(TERMINATED), told).new == other.update(Judgement(TERMINATED), told).new


# Policies


@pytest.mark.parametrize("agent_class", TABULAR)
def test_the_behaviour_is_epsilon_greedy_on_q_plus_the_bias(agent_class: Any) -> None:
    agent = by_hand(agent_class, epsilon=0.2)
    assert agent.policy(1).probabilities == pytest.approx([0.9, 0.1])
    assert agent.policy(1, [0.0, 2.0]).probabilities == pytest.approx([0.1, 0.9])
    assert agent.policy(1, [0.0, 1.0]).probabilities == pytest.approx([0.5, 0.5])
    assert agent.greedy_policy(1).probabilities == [1.0, 0.0]
    assert agent.greedy_policy(1, [0.0, 2.0]).probabilities == [0.0, 1.0]
    assert agent.q_values(1) == [4.0, 3.0]  # a preference leaves the values alone


@pytest.mark.parametrize("agent_class", TABULAR)
def test_softmax_exploration_has_a_temperature_that_may_move(agent_class: Any) -> None:
    agent = by_hand(agent_class, exploration="softmax", temperature="linear:2:0.5:10")
    assert agent.policy(1).probabilities == softmax([4.0, 3.0], 2.0).probabilities
    assert agent.policy(1, [-1.0, 1.0]).probabilities == softmax([3.0, 4.0], 2.0).probabilities
    agent.steps = 9  # and one more is learnt: ten steps lie behind it
    agent.update(Judgement(ORDINARY), told)
    assert agent.policy(1).probabilities == pytest.approx(softmax([4.0, 3.0], 0.5).probabilities)
    assert agent.greedy_policy(1).probabilities == [1.0, 0.0]


def test_the_random_agent_is_uniform_whatever_anybody_prefers() -> None:
    agent = RandomAgent(spaces_of(spaces.Discrete(3), spaces.Discrete(4)))
    for policy in (agent.policy, agent.greedy_policy):
        assert [policy(0, [9.0, 0.0, 0.0, 0.0]).prob(action) for action in range(4)] == [0.25] * 4
    assert {agent.predict(0)[0] for _ in range(100)} == {0, 1, 2, 3}


# What every agent promises


@pytest.fixture(params=registry.AGENTS)
def agent_class(request: pytest.FixtureRequest) -> Any:
    return registry.resolve(request.param, registry.AGENTS, "agent")


def home_of(agent_class: Any, world: str) -> Any:
    """The world, or another one that it can live in: for an agent of Box observations, or one that needs a ``P``."""
    if issubclass(agent_class, PlanningAgent) and world == "Blackjack-v1":
        return make("CliffWalking-v1")
    boxes = {"FrozenLake-v1": "MountainCar-v0", "Blackjack-v1": "MountainCar-v0", "hfrl/Pizza-v0": "CartPole-v1"}
    return make(boxes.get(world, "MountainCar-v0") if issubclass(agent_class, LinearAgent) else world)


def observations(env: Any, count: int) -> list[Any]:
    env.observation_space.seed(5)
    return [env.observation_space.sample() for _ in range(count)]


def train(agent: Any, env: Any, steps: int = 200, seed: int = 1) -> list[Learnt]:
    return [event for event in play(env, agent, seed=seed, steps=steps) if isinstance(event, Learnt)]


@pytest.mark.parametrize("world", WORLDS)
def test_policies_are_distributions_over_the_actions(agent_class: Any, world: str) -> None:
    env = home_of(agent_class, world)
    agent = agent_class(env)
    train(agent, env)
    actions = env.action_space.n
    for observation in observations(env, 20):
        for policy in (agent.policy, agent.greedy_policy):
            for distribution in (policy(observation), policy(observation, [1.0] + [0.0] * (actions - 1))):
                assert sum(distribution.prob(action) for action in range(actions)) == pytest.approx(1.0)
                assert all(env.action_space.contains(distribution.sample(u)) for u in (0.0, 0.5, 0.999999))


@pytest.mark.parametrize("world", WORLDS)
def test_looking_at_an_agent_changes_nothing(agent_class: Any, world: str) -> None:
    env = home_of(agent_class, world)
    agent = agent_class(env)
    train(agent, env)
    before = agent.arrays()
    for observation in observations(env, 20):
        agent.policy(observation)
        agent.policy(observation, [1.0] * env.action_space.n)
        agent.greedy_policy(observation)
        agent.predict(observation, deterministic=True)
        agent.predict(observation, deterministic=False)
    after = agent.arrays()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("world", WORLDS)
def test_update_returns_its_numbers_or_none_and_says_whether_feedback_is_read(agent_class: Any, world: str) -> None:
    env = home_of(agent_class, world)
    agent = agent_class(env)
    updates = [event.update for event in train(agent, env)]
    assert len(updates) == 200
    for update in updates:
        if update is not None:
            assert update.error == pytest.approx(update.target - update.old, abs=1e-12)
            assert math.isfinite(update.new)
        if update is not None and agent_class in TABULAR:
            assert update.new == pytest.approx(update.old + 0.5 * update.error, abs=1e-12)  # alpha is .5 by default
    assert isinstance(agent.on_policy, bool)
    assert isinstance(agent.learns_from_feedback, bool)
    assert 0 <= agent.gamma <= 1
    assert agent.steps == 200


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("world", ["FrozenLake-v1", "hfrl/Pizza-v0"])
def test_predict_takes_one_observation_or_a_batch(agent_class: Any, world: str, deterministic: bool) -> None:
    env = home_of(agent_class, world)
    agent = agent_class(env)
    train(agent, env)
    seen = observations(env, 7)
    plain = seen[0].tolist() if isinstance(seen[0], np.ndarray) else int(seen[0])
    for observation in (seen[0], plain, np.array(seen[0])):
        action, state = agent.predict(observation, state=None, episode_start=None, deterministic=deterministic)
        assert env.action_space.contains(action)
        assert state is None
    actions, state = agent.predict(np.array(seen), deterministic=deterministic)
    assert isinstance(actions, np.ndarray)
    assert actions.shape == (7,)
    assert all(env.action_space.contains(action) for action in actions)
    assert state is None


def test_predict_is_reproducible_by_its_seed(agent_class: Any) -> None:
    def drawn(seed: int) -> list[Any]:
        agent = agent_class(home_of(agent_class, "FrozenLake-v1"), seed=seed)
        return [agent.predict(number % 4, deterministic=False)[0] for number in range(60)]

    assert drawn(3) == drawn(3)
    assert any(drawn(3) != drawn(seed) for seed in range(4, 9))


@pytest.mark.parametrize("world", WORLDS)
def test_what_was_learnt_survives_a_round_trip_and_is_learnt_on(agent_class: Any, world: str) -> None:
    env = home_of(agent_class, world)
    agent, other = agent_class(env), agent_class(env)
    learnt = train(agent, env)
    saved = {name: array.copy() for name, array in agent.arrays().items()}
    assert all(array.dtype != object for array in saved.values())
    other.restore(saved)
    one_more = learnt[-1].judgement
    for one in (agent, other):
        one.update(one_more, told)
    arrays = agent.arrays()
    assert arrays.keys() == other.arrays().keys()
    for name, array in other.arrays().items():
        assert np.array_equal(array, arrays[name])
    assert other.policy(one_more.step.observation).prob(0) == agent.policy(one_more.step.observation).prob(0)


def test_a_checkpoint_of_another_shape_is_refused(agent_class: Any) -> None:
    agent = agent_class(home_of(agent_class, "FrozenLake-v1"))
    for name, array in agent.arrays().items():
        wrong = agent.arrays() | {name: np.zeros((*array.shape[:-1], array.shape[-1] + 1))}
        with pytest.raises(ValueError, match=r"shape|unpack"):
            agent.restore(wrong)


def test_every_agent_runs_in_every_small_world(agent_class: Any) -> None:
    for world in (*WORLDS, "CliffWalking-v1", "Taxi-v4"):
        env = home_of(agent_class, world)
        assert len(train(agent_class(env), env, steps=50)) == 50


@pytest.mark.parametrize("agent_class", TABULAR)
def test_deterministic_predictions_are_the_first_best_action(agent_class: Any) -> None:
    agent = by_hand(agent_class)
    agent.q = [[1.0, 2.0], [4.0, 3.0], [5.0, 5.0]]
    assert [agent.predict(state)[0] for state in range(3)] == [1, 0, 0]
    assert agent.predict(np.array([2, 0, 1]))[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize("agent_class", TABULAR)
def test_stochastic_predictions_follow_the_behaviour(agent_class: Any) -> None:
    agent = by_hand(agent_class, epsilon=0.5, seed=1)
    drawn = [agent.predict(1, deterministic=False)[0] for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(0.25, abs=0.03)  # four standard errors


# Observations of every kind


@pytest.mark.parametrize(
    ("space", "parts"),
    [
        (spaces.Discrete(5), range(5)),
        (spaces.Discrete(5, start=3), range(3, 8)),
        (spaces.Discrete(4, start=-2), range(-2, 2)),
        (spaces.MultiDiscrete([3, 4]), [np.array(o) for o in product(range(3), range(4))]),
        (spaces.MultiDiscrete([2, 3], start=[5, -1]), [np.array(o) for o in product(range(5, 7), range(-1, 2))]),
        (
            spaces.Tuple([spaces.Discrete(3), spaces.Discrete(2, start=1), spaces.Discrete(2)]),
            list(product(range(3), (1, 2), range(2))),
        ),
    ],
    ids=str,
)
def test_every_observation_has_a_row_of_its_own(space: Any, parts: Sequence[Any]) -> None:
    rows = rows_of(space)
    assert sorted(rows.row(observation) for observation in parts) == list(range(rows.size))
    agent = QLearning(spaces_of(space))
    for number, observation in enumerate(parts):
        assert space.contains(observation)
        agent.update(Judgement(Step(0, 0, observation, 0, float(number + 1), parts[0], True, False)), told)
    assert [agent.q_values(observation)[0] for observation in parts] == [0.5 * (n + 1) for n in range(len(parts))]


def test_multidiscrete_observations_come_one_by_one_or_in_a_batch() -> None:
    agent = QLearning(spaces_of(spaces.MultiDiscrete([2, 2])))
    agent.q = [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert agent.predict(np.array([1, 0]))[0] == 0
    assert agent.predict(np.array([[0, 0], [0, 1], [1, 1]]))[0].tolist() == [1, 0, 1]


def test_blackjack_is_learnt_from_tuples() -> None:
    env = make("Blackjack-v1", sab=True)
    agent = QLearning(env, learning_rate="linear:0.2:0.005:25000", gamma=1.0, epsilon=0.5)
    train(agent, env, steps=25_000)
    # Another card never hurts below 12, and nearly always from 20 on.
    assert agent.predict((21, 10, 0))[0] == agent.predict((20, 10, 0))[0] == 0
    assert agent.predict((8, 10, 0))[0] == agent.predict((11, 10, 0))[0] == 1


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0.0, 1.0, (3,)),
        spaces.MultiDiscrete([[2, 2], [2, 2]]),
        spaces.Tuple([spaces.Discrete(2), spaces.Box(0.0, 1.0)]),
        spaces.Dict({"a": spaces.Discrete(2)}),
        spaces.MultiBinary(3),
    ],
    ids=str,
)
@pytest.mark.parametrize("agent_class", TABULAR)
def test_other_observations_are_refused_with_an_agent_that_takes_them(agent_class: Any, space: Any) -> None:
    with pytest.raises(UserError, match=r"(?s)observations, got .*--agent random") as refused:
        agent_class(spaces_of(space))
    assert "random" in registry.AGENTS
    assert "\n" not in str(refused.value)
    RandomAgent(spaces_of(space))  # as the line says


@pytest.mark.parametrize("space", [spaces.Box(-1.0, 1.0, (1,)), spaces.Discrete(3, start=1), spaces.MultiDiscrete([2])])
def test_actions_that_are_no_choice_from_0_are_refused(agent_class: Any, space: Any) -> None:
    seen = spaces.Box(-1.0, 1.0, (2,)) if issubclass(agent_class, LinearAgent) else spaces.Discrete(3)
    with pytest.raises(UserError, match="Discrete action space that starts at 0, got"):
        agent_class(spaces_of(seen, space))


def test_a_table_beyond_memory_is_refused() -> None:
    with pytest.raises(UserError, match=r"a table of 100000001 x 2 entries does not fit \(limit 50000000\)"):
        QLearning(spaces_of(spaces.Discrete(100_000_001)))
    assert TABLE_LIMIT == 50_000_000


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"learning_rate": 1.5}, r"learning_rate must stay within \[0, 1\], got 1.5"),
        ({"learning_rate": "linear:2:0:10"}, "learning_rate must stay within"),
        ({"gamma": 1.01}, r"gamma must be within \[0, 1\], got 1.01"),
        ({"gamma": -0.1}, "gamma must be within"),
        ({"gamma": math.nan}, "gamma must be within"),
        ({"epsilon": 2}, "epsilon must stay within"),
        ({"epsilon": "often"}, "'often' is no schedule"),
        ({"exploration": "boltzmann"}, "exploration must be one of epsilon_greedy, softmax, ucb, got 'boltzmann'"),
        ({"exploration": "softmax", "temperature": -1.0}, "temperature must stay within"),
    ],
)
@pytest.mark.parametrize("agent_class", TABULAR)
def test_impossible_settings_are_refused(agent_class: Any, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line):
        agent_class(spaces_of(spaces.Discrete(3)), **settings)


def test_initial_values_fill_the_table() -> None:
    assert QLearning(spaces_of(spaces.Discrete(2)), initial_value=3).q == [[3.0, 3.0], [3.0, 3.0]]


# Exact values


def run(agent: Any, env: Any, steps: int, seed: int) -> Any:
    for _ in play(env, agent, seed=seed, steps=steps):
        pass
    return agent


def greedy_return(agent: Any, mdp: MDP, horizon: int) -> float:
    """The exact expected return of always taking the first best action."""
    states = np.arange(len(mdp.start))
    actions = np.array([row.index(max(row)) for row in agent.q])
    values = np.zeros(len(mdp.start))
    for _ in range(horizon):
        values = backup(mdp, values, 1.0)[states, actions]
    return float(mdp.start @ values)


def test_q_learning_finds_the_exact_optimal_values_of_a_world_without_chance() -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    agent = run(QLearning(env, gamma=0.9, epsilon=1.0, learning_rate=0.5), env, 40_000, seed=0)
    assert np.array(agent.q) == pytest.approx(q_star(from_env(env), 0.9), abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_q_learning_comes_near_the_optimal_values_of_a_slippery_world(seed: int) -> None:
    env = make("FrozenLake-v1")
    agent = QLearning(env, gamma=0.95, epsilon=1.0, learning_rate="exponential:0.2:0.99998")
    run(agent, env, 120_000, seed)
    # A random walk seldom comes near the goal, where chance is greatest: every value within .15, the mean within .04.
    distance = np.abs(np.array(agent.q) - q_star(from_env(env), 0.95))
    assert distance.max() < 0.15
    assert distance.mean() < 0.04
    assert greedy_return(agent, from_env(env), 100) > 0.9 * best_return(from_env(env), 100)


@pytest.mark.parametrize("seed", range(4))
def test_q_learning_cooks_the_optimal_pizza(seed: int) -> None:
    env = make("hfrl/Pizza-v0")
    agent = QLearning(env, learning_rate="linear:0.5:0.01:60000", initial_value=10.0)
    run(agent, env, 60_000, seed)
    assert greedy_return(agent, from_env(env), 50) == pytest.approx(9.41, abs=1e-9)


def test_sarsa_finds_the_values_of_the_policy_it_follows() -> None:
    env = make("FrozenLake-v1", is_slippery=False)
    agent = Sarsa(env, gamma=0.9, epsilon=1.0, learning_rate="exponential:0.5:0.99995")
    run(agent, env, 100_000, seed=0)
    mdp = from_env(env)
    values = np.zeros((16, 4))
    for _ in range(500):
        values = backup(mdp, values.mean(axis=1), 0.9)  # of the uniformly random policy
    distance = np.abs(np.array(agent.q) - values)
    assert distance.max() < 0.05
    assert distance[8:].mean() < 0.01
    assert np.abs(values - q_star(mdp, 0.9)).max() > 0.3  # which are far from the optimal ones


# The cliff


def late_return(agent_class: Any, seed: int) -> float:
    """The mean on-line return of episodes 401 to 500 on the cliff (Sutton & Barto, example 6.6)."""
    env = make("CliffWalking-v1")
    agent = agent_class(env, learning_rate=0.5, epsilon=0.1, gamma=1.0)
    return float(np.mean(list(returns(play(env, agent, seed=seed), 500))[400:]))


def returns(events: Iterator[Any], episodes: int) -> Iterator[float]:
    total, count = 0.0, 0
    for event in events:
        if isinstance(event, Acted):
            total += event.step.reward
            if event.step.ended:
                yield total
                total, count = 0.0, count + 1
                if count == episodes:
                    return


# One seed scatters by about 6.5 around the long-run means of -26.9 and -50.1.


def test_on_the_cliff_sarsa_earns_more_than_q_learning_while_it_explores() -> None:
    sarsa = np.mean([late_return(Sarsa, seed) for seed in range(16)])
    q_learning = np.mean([late_return(QLearning, seed) for seed in range(16)])
    assert sarsa == pytest.approx(-26.9, abs=6.5)  # four standard errors
    assert q_learning == pytest.approx(-50.1, abs=6.5)


@pytest.mark.slow
@pytest.mark.parametrize(("agent_class", "expected"), [(Sarsa, -26.9), (QLearning, -50.1)])
def test_the_books_late_returns_on_the_cliff(agent_class: Any, expected: float) -> None:
    found = [late_return(agent_class, seed) for seed in range(160)]
    assert np.mean(found) == pytest.approx(expected, abs=2.0)  # four standard errors


def test_on_the_cliff_the_greedy_policy_of_q_learning_is_the_shortest_way() -> None:
    env = make("CliffWalking-v1")
    agent = QLearning(env, learning_rate=0.5, epsilon=0.1, gamma=1.0)
    run(agent, env, 30_000, seed=0)
    assert greedy_return(agent, from_env(env), 100) == -13.0
