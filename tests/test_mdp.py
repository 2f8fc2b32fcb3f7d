"""Exact values against solvers that share no line with ours: linear equations, a linear program, plain recursion."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from scipy import optimize

from hfrl import mdp as mdp_module
from hfrl.mdp import (
    MDP,
    NoTableError,
    backup,
    best_return,
    from_env,
    once,
    optimal_actions,
    q_star,
    return_of,
    tasting,
)
from hfrl.planning import policy_values

Table = list[list[list[tuple[float, int, float, bool]]]]


def world(table: Table, start: list[float]) -> Any:
    """What ``from_env`` reads of a world."""
    bare = SimpleNamespace(P=table, initial_state_distrib=start)
    bare.unwrapped = bare
    return bare


def random_world(seed: int) -> tuple[Table, list[float]]:
    rng = np.random.default_rng(seed)
    states, actions = int(rng.integers(1, 7)), int(rng.integers(1, 4))

    def outcomes() -> list[tuple[float, int, float, bool]]:
        shares = rng.dirichlet(np.ones(rng.integers(1, 4)))
        return [(float(p), int(rng.integers(states)), float(rng.normal()), bool(rng.random() < 0.2)) for p in shares]

    table = [[outcomes() for _ in range(actions)] for _ in range(states)]
    return table, rng.dirichlet(np.ones(states)).tolist()


def dense(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """T[s, a, s'] of going on, and r[s, a], straight from the lists."""
    states, actions = len(table), len(table[0])
    goes, paid = np.zeros((states, actions, states)), np.zeros((states, actions))
    for s, a in np.ndindex(states, actions):
        for probability, after, reward, terminated in table[s][a]:
            paid[s, a] += probability * reward
            if not terminated:
                goes[s, a, after] += probability
    return goes, paid


def by_policy_iteration(table: Table, gamma: float) -> np.ndarray:
    goes, paid = dense(table)
    states = np.arange(len(table))
    policy = np.zeros(len(table), dtype=int)
    while True:
        values = np.linalg.solve(np.eye(len(table)) - gamma * goes[states, policy], paid[states, policy])
        q = paid + gamma * goes @ values
        better = q.argmax(axis=1)
        if np.allclose(q[states, better], q[states, policy], rtol=0, atol=1e-12):
            return q
        policy = better


def by_linear_program(table: Table, gamma: float) -> np.ndarray:
    """The least V with V(s) >= r(s, a) + gamma sum T V for every s and a."""
    goes, paid = dense(table)
    states, actions = paid.shape
    rows = [gamma * goes[s, a] - np.eye(states)[s] for s in range(states) for a in range(actions)]
    solved = optimize.linprog(np.ones(states), np.array(rows), -paid.ravel(), bounds=(None, None))
    assert solved.success
    return np.asarray(paid + gamma * goes @ solved.x)


# Optimal values


@pytest.mark.parametrize("seed", range(40))
def test_q_star_is_what_policy_iteration_finds(seed: int) -> None:
    table, start = random_world(seed)
    gamma = (0.0, 0.5, 0.9, 0.99)[seed % 4]
    assert q_star(from_env(world(table, start)), gamma) == pytest.approx(by_policy_iteration(table, gamma), abs=1e-7)


@pytest.mark.parametrize("seed", range(100, 110))
def test_q_star_is_what_a_linear_program_finds(seed: int) -> None:
    table, start = random_world(seed)
    assert q_star(from_env(world(table, start)), 0.9) == pytest.approx(by_linear_program(table, 0.9), abs=1e-6)


@pytest.mark.parametrize("name", ["FrozenLake-v1", "CliffWalking-v1"])
def test_q_star_of_gymnasiums_worlds_is_what_policy_iteration_finds(name: str) -> None:
    env = gymnasium.make(name)
    table = [[env.unwrapped.P[s][a] for a in range(4)] for s in range(len(env.unwrapped.P))]
    assert q_star(from_env(env), 0.95) == pytest.approx(by_policy_iteration(table, 0.95), abs=1e-7)


def test_q_star_by_hand() -> None:
    # In state 0: stop now for 1, or wait a turn for 3.
    table = [[[(1.0, 0, 1.0, True)], [(1.0, 1, 0.0, False)]], [[(1.0, 1, 3.0, True)], [(1.0, 0, -1.0, False)]]]
    q = q_star(from_env(world(table, [1.0, 0.0])), 0.5)
    assert q == pytest.approx(np.array([[1.0, 1.5], [3.0, -0.25]]))
    assert q_star(from_env(world(table, [1.0, 0.0])), 0.25)[0] == pytest.approx([1.0, 0.75])


def test_nothing_is_worth_anything_beyond_a_termination() -> None:
    table = [[[(1.0, 1, 0.0, True)]], [[(1.0, 1, 100.0, False)]]]
    assert q_star(from_env(world(table, [1.0, 0.0])), 0.5)[0, 0] == 0.0


def test_an_undiscounted_world_without_an_end_is_refused() -> None:
    endless = from_env(world([[[(1.0, 0, 1.0, False)]]], [1.0]))
    with pytest.raises(ValueError, match="use a gamma below 1"):
        q_star(endless, 1.0, sweeps=1000)


# From a table to arrays


def test_from_env_by_hand() -> None:
    table = [[[(0.25, 1, 4.0, True), (0.75, 0, -2.0, False)], [(1.0, 0, 1.0, False)]], [[(1.0, 1, 0.0, True)]] * 2]
    mdp = from_env(world(table, [0.5, 0.5]))
    assert mdp.probability.tolist() == [[[0.25, 0.75], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]]
    assert mdp.next_state.tolist() == [[[1, 0], [0, 0]], [[1, 0], [1, 0]]]
    assert mdp.reward.tolist() == [[-0.5, 1.0], [0.0, 0.0]]
    assert mdp.goes_on.tolist() == [[[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]
    assert mdp.start.tolist() == [0.5, 0.5]


def test_from_env_with_another_reward_asks_for_it_outcome_by_outcome() -> None:
    table = [[[(0.25, 0, 4.0, True), (0.75, 0, -2.0, False)]]]
    mdp = from_env(world(table, [1.0]), lambda s, a, paid, terminated: 10.0 * paid + 100.0 * terminated)
    assert mdp.reward.tolist() == [[0.25 * 140.0 - 0.75 * 20.0]]


def test_a_world_without_a_table_is_refused() -> None:
    with pytest.raises(NoTableError, match="CartPoleEnv has no transition table P"):
        from_env(gymnasium.make("CartPole-v1"))


# Best returns


@pytest.mark.parametrize(
    ("name", "kwargs", "horizon", "expected"),
    [
        ("CliffWalking-v1", {}, None, -13.0),
        ("Taxi-v4", {}, None, 7.93),
        ("FrozenLake-v1", {}, 100, 0.744),
        ("FrozenLake-v1", {"is_slippery": False}, 100, 1.0),
        ("FrozenLake-v1", {"is_slippery": False}, 6, 1.0),
        ("FrozenLake-v1", {"is_slippery": False}, 5, 0.0),
        ("FrozenLake8x8-v1", {}, 200, 0.913),
        ("hfrl/Pizza-v0", {}, None, 9.41),
        ("hfrl/Pizza-v0", {}, 50, 9.41),
        ("hfrl/PizzaKitchen-v0", {}, None, 8.01),
    ],
)
def test_best_return_of_known_worlds(name: str, kwargs: dict[str, Any], horizon: int | None, expected: float) -> None:
    assert best_return(from_env(gymnasium.make(name, **kwargs)), horizon) == pytest.approx(expected, abs=5e-4)


def test_what_exploring_costs_on_the_cliff() -> None:
    """The epsilon-greedy policy of Q*, ties shared, and the best policy among those that explore as much."""
    mdp, epsilon = from_env(gymnasium.make("CliffWalking-v1")), 0.1
    best = optimal_actions(q_star(mdp, 1.0))
    greedy = epsilon / 4 + (1 - epsilon) * best / best.sum(axis=1, keepdims=True)
    assert mdp.start @ policy_values(mdp, greedy, 1.0) == pytest.approx(-50.80, abs=0.005)
    values = np.zeros(len(best))
    for _ in range(3_000):
        q = backup(mdp, values, 1.0)
        values = (1 - epsilon) * q.max(axis=1) + epsilon * q.mean(axis=1)
    assert mdp.start @ values == pytest.approx(-20.71, abs=0.005)


@pytest.mark.parametrize(
    ("name", "limit", "expected"), [("FrozenLake-v1", 100, 0.740), ("FrozenLake8x8-v1", 200, 0.886)]
)
def test_what_the_best_policy_without_a_limit_reaches_within_one(name: str, limit: int, expected: float) -> None:
    mdp = from_env(gymnasium.make(name))
    assert return_of(mdp, q_star(mdp, 1.0).argmax(axis=1), limit) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("name", ["hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0"])
def test_the_best_expected_taste_of_the_pizza_worlds(name: str) -> None:
    env = gymnasium.make(name)
    assert best_return(from_env(env, tasting(env, 1.0, automated=0.0)), None) == pytest.approx(0.909, abs=5e-4)


def test_tasting_adds_the_weighted_taste_of_what_is_served_and_nothing_before() -> None:
    env = SimpleNamespace(taste=lambda state: state / 10)
    env.unwrapped = env
    reward = tasting(env, 20.0, automated=0.5)
    assert reward(3, 0, -2.0, False) == -1.0
    assert reward(3, 0, -2.0, True) == -1.0 + 20.0 * 0.3


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("horizon", [0, 1, 4])
def test_best_return_within_a_horizon_is_what_recursion_finds(seed: int, horizon: int) -> None:
    table, start = random_world(seed)

    @cache
    def best(state: int, left: int) -> float:
        if left == 0:
            return 0.0
        return max(
            sum(p * (reward + (0.0 if over else best(after, left - 1))) for p, after, reward, over in outcomes)
            for outcomes in table[state]
        )

    expected = sum(p * best(state, horizon) for state, p in enumerate(start))
    assert best_return(from_env(world(table, start)), horizon) == pytest.approx(expected, abs=1e-12)


# The set of optimal actions


def test_optimal_actions_are_the_set_within_the_tolerance() -> None:
    q = np.array([[1.0, 1.0 - 1e-7, 0.99], [-3.0, -2.0, -2.0], [0.0, 0.0, 0.0]])
    assert optimal_actions(q).tolist() == [[True, True, False], [False, True, True], [True, True, True]]
    assert optimal_actions(q, tolerance=0.05).tolist()[0] == [True, True, True]
    assert optimal_actions(q, tolerance=0.0).tolist()[0] == [True, False, False]


def test_an_mdp_is_plain_arrays() -> None:
    mdp = from_env(gymnasium.make("FrozenLake-v1"))
    assert isinstance(mdp, MDP)
    assert mdp.probability.shape == mdp.next_state.shape == mdp.goes_on.shape == (16, 4, 3)
    assert mdp.reward.shape == (16, 4)
    assert mdp.probability.sum(axis=2) == pytest.approx(np.ones((16, 4)))


def test_what_is_made_of_a_shared_table_is_made_once_and_nobody_can_change_it() -> None:
    kitchen = gymnasium.make("hfrl/PizzaKitchen-v0", layout="galley", disable_env_checker=True)
    twin = gymnasium.make("hfrl/PizzaKitchen-v0", layout="galley", disable_env_checker=True)
    mdp = from_env(kitchen)
    assert from_env(twin) is mdp
    with pytest.raises(ValueError, match="read-only"):
        mdp.reward[0, 0] = 1.0
    assert from_env(kitchen, lambda s, a, r, over: 2 * r).reward[0, 0] == 2 * mdp.reward[0, 0]
    lake = gymnasium.make("FrozenLake-v1")  # its table is a dictionary, and may be changed
    before = from_env(lake)
    lake.unwrapped.P[0][0] = [(1.0, 0, 5.0, False)]  # type: ignore[attr-defined]
    assert from_env(lake).reward[0, 0] == 5.0 != before.reward[0, 0]
    assert lake.unwrapped.initial_state_distrib.flags.writeable  # type: ignore[attr-defined]


def test_the_oldest_result_goes_where_too_many_are_kept() -> None:
    tables = [((k,),) for k in range(mdp_module.MOST_MADE + 1)]
    made: list[int] = []
    for k, table in enumerate(tables):
        assert once(table, "test", lambda k=k: made.append(k) or k) == k  # type: ignore[misc, func-returns-value]
    assert once(tables[-1], "test", lambda: -1) == mdp_module.MOST_MADE
    assert once(tables[0], "test", lambda: -1) == -1
