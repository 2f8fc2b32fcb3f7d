"""The textbook's worlds: Gymnasium's contract, the table behind each step, exact optima, and stories key by key."""

import ast
import inspect
import math
import os
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker
from scipy import stats

import hfrl
from hfrl import grids, mdp
from hfrl.envs import chance, pac_man
from hfrl.envs.pac_man import DOWN, LEFT, RIGHT, UP, PacManState

LIMITS = {
    "WindyGridworld": None, "DynaMaze": None, "RandomWalk": None, "MaximizationBias": None, "ShortCorridor": None,
    "GridExample": None, "SmallGridworld": None, "KArmedBandit": None, "Puddle": 100, "Corridor": 100,
    "AdviceGrid": 10_000, "PacMan": None,
}  # fmt: skip
TABLES: list[tuple[str, dict[str, Any]]] = [
    ("WindyGridworld", {}),
    ("WindyGridworld", {"kings": True}),
    ("WindyGridworld", {"kings": True, "stay": True}),
    ("WindyGridworld", {"stochastic": True}),
    ("WindyGridworld", {"kings": True, "stochastic": True}),
    ("DynaMaze", {}),
    ("DynaMaze", {"layout": "blocking"}),
    ("DynaMaze", {"layout": "shortcut"}),
    ("RandomWalk", {}),
    ("RandomWalk", {"states": 19}),
    ("MaximizationBias", {}),
    ("MaximizationBias", {"arms": 3}),
    ("ShortCorridor", {}),
    ("GridExample", {}),
    ("SmallGridworld", {}),
    ("Puddle", {}),
    ("Corridor", {}),
    ("Corridor", {"penalty": 0.0, "length": 7}),
    ("AdviceGrid", {}),
    ("AdviceGrid", {"size": 3}),
    ("PacMan", {}),
]
BANDITS: list[tuple[str, dict[str, Any]]] = [
    ("KArmedBandit", {}),
    ("KArmedBandit", {"mean": 4.0}),
    ("KArmedBandit", {"walk": 0.01}),
    ("KArmedBandit", {"bernoulli": True, "arms": 3}),
]
NOISY = {"MaximizationBias"}
"""Worlds whose table has the expected reward in the place of a random one."""
BLIND = {"ShortCorridor"}
"""Worlds whose observation is not their state."""


def named(worlds: Iterable[tuple[str, dict[str, Any]]]) -> list[Any]:
    return [
        pytest.param(name, kwargs, id="-".join([name, *(f"{key}={value}" for key, value in kwargs.items())]))
        for name, kwargs in worlds
    ]


every_world = pytest.mark.parametrize(("name", "kwargs"), named(TABLES + BANDITS))
every_table = pytest.mark.parametrize(("name", "kwargs"), named(TABLES))
every_name = pytest.mark.parametrize("name", LIMITS)


def bare(name: str, **kwargs: Any) -> Any:
    """A world without its time limit, reset."""
    env = gymnasium.make(f"hfrl/{name}-v0", **kwargs).unwrapped
    env.reset(seed=0)
    return env


def exact(name: str, **kwargs: Any) -> mdp.MDP:
    return mdp.from_env(bare(name, **kwargs))


def evaluate(model: mdp.MDP, policy: np.ndarray, gamma: float) -> np.ndarray:
    """The values of a policy pi[s, a], by solving the linear equations."""
    states = len(model.start)
    matrix = np.eye(states)
    for s in range(states):
        for a in range(policy.shape[1]):
            for k in range(model.probability.shape[2]):
                weight = policy[s, a] * model.probability[s, a, k] * model.goes_on[s, a, k]
                matrix[s, model.next_state[s, a, k]] -= gamma * weight
    return np.linalg.solve(matrix, (policy * model.reward).sum(axis=1))


def even(model: mdp.MDP) -> np.ndarray:
    """The policy that chooses all actions alike."""
    return np.full(model.reward.shape, 1.0 / model.reward.shape[1])


# --- the contract ----------------------------------------------------------------------------------------------------


def test_all_the_textbooks_worlds_are_in_this_file() -> None:
    ours = {name for name in gymnasium.registry if name.startswith("hfrl/") and "Pizza" not in name}
    assert ours == {f"hfrl/{name}-v0" for name in LIMITS}
    assert {name for name, _ in TABLES + BANDITS} == set(LIMITS)


@every_name
def test_a_world_says_first_what_it_is(name: str) -> None:
    """``hfrl list envs`` shows these words beside the id."""
    module = sys.modules[type(bare(name)).__module__]
    assert (module.__doc__ or "").startswith(f"hfrl/{name}-v0, ")


@every_world
def test_gymnasium_checker_passes_without_a_warning(name: str, kwargs: dict[str, Any]) -> None:
    env = gymnasium.make(f"hfrl/{name}-v0", **kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env_checker.check_env(env.unwrapped)
    env.close()


@every_world
def test_stable_baselines3_checker_passes(name: str, kwargs: dict[str, Any]) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(bare(name, **kwargs))


def test_the_ids_make_without_importing_hfrl_first() -> None:
    program = f"import gymnasium\nfor n in {list(LIMITS)}: print(gymnasium.make(f'hfrl:hfrl/{{n}}-v0').spec.id)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"hfrl/{name}-v0" for name in LIMITS]


@every_name
def test_the_time_limit(name: str) -> None:
    env = gymnasium.make(f"hfrl/{name}-v0")
    assert env.spec is not None
    assert env.spec.max_episode_steps == LIMITS[name]


@every_world
def test_metadata_actions_keys_and_masks(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    assert env.metadata["render_modes"] == ["human", "rgb_array", "ansi"]
    assert env.metadata["render_fps"] > 0
    assert len(env.action_meanings) == env.action_space.n == len(set(env.action_meanings))
    keys = env.get_keys_to_action()
    assert set(keys.values()) <= set(range(env.action_space.n))
    assert len(keys) == len(set(keys.values())) == env.action_space.n
    assert all(len(key) == 1 for key in keys), "a key of more than one letter is a chord to gymnasium.utils.play"
    for mask in env.masks:
        assert mask.dtype == np.int8
        assert mask.shape == (env.action_space.n,)
        assert mask.any()


@every_world
def test_nothing_that_is_handed_out_is_handed_out_again(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    for seed in range(5):
        env_checker.check_returned_data_not_reused(env, seed)
    _, info = env.reset(seed=1)
    before = info["action_mask"].copy()
    info["action_mask"][:] = 7
    np.testing.assert_array_equal(env.reset(seed=1)[1]["action_mask"], before)


@every_world
def test_states_in_words_and_as_text(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, render_mode="ansi", **kwargs)
    first = env.render()
    assert first.endswith("\n")
    states = len(getattr(env, "P", [0]))
    assert all(env.describe(state) for state in range(0, states, max(1, states // 50)))
    env.step(env.action_space.n - 1)
    env.step(0)
    assert isinstance(env.render(), str)


@every_name
def test_render_without_a_mode_warns_and_returns_nothing(name: str) -> None:
    with pytest.warns(UserWarning, match="render_mode"):
        assert bare(name).render() is None


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("DynaMaze", {"layout": "labyrinth"}, "unknown layout 'labyrinth'; expected one of dyna, blocking, shortcut"),
        ("DynaMaze", {"layout": "blocking", "change_after": -1}, "change_after must be 0 steps or more, got -1"),
        ("DynaMaze", {"change_after": 10}, "never changes"),
        ("RandomWalk", {"states": 4}, "states must be odd and at least 3"),
        ("RandomWalk", {"states": 1}, "states must be odd and at least 3"),
        ("MaximizationBias", {"arms": 1}, "arms must be 2 to 36, got 1"),
        ("KArmedBandit", {"arms": 0}, "arms must be 1 to 36, got 0"),
        ("KArmedBandit", {"walk": -0.1}, "walk must be 0 or more, got -0.1"),
        ("KArmedBandit", {"bernoulli": True, "walk": 0.1}, "leave mean and walk at 0"),
        ("KArmedBandit", {"bernoulli": True, "mean": 4.0}, "leave mean and walk at 0"),
        ("Corridor", {"penalty": -1.0}, "penalty must be 0 or more, got -1.0"),
        ("Corridor", {"length": 1}, "length must be at least 2 steps, got 1"),
        ("AdviceGrid", {"size": 1}, "size must be at least 2, got 1"),
    ],
)
def test_a_mistake_is_a_clear_value_error(name: str, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gymnasium.make(f"hfrl/{name}-v0", **wrong)


# --- the table -------------------------------------------------------------------------------------------------------


@every_table
def test_rows_of_the_table_are_distributions(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    states = len(env.P)
    for rows in env.P:
        assert len(rows) == env.action_space.n
        for outcomes in rows:
            assert sum(probability for probability, *_ in outcomes) == pytest.approx(1.0, abs=1e-12)
            assert all(probability > 0 and 0 <= after < states for probability, after, _, _ in outcomes)
            assert len({after for _, after, _, _ in outcomes}) == len(outcomes)
    assert env.initial_state_distrib.shape == (states,)
    assert env.initial_state_distrib.min() >= 0
    assert env.initial_state_distrib.sum() == pytest.approx(1.0, abs=1e-12)


@every_table
def test_a_mask_is_zero_where_an_action_changes_nothing_or_does_not_exist(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    for state, rows in enumerate(env.P):
        moved = [any(after != state for _, after, _, _ in outcomes) for outcomes in rows]
        if hasattr(env, "actions_in"):
            moved = [action < env.actions_in[state] for action in range(len(rows))]
        assert env.masks[state].tolist() == [int(one or not any(moved)) for one in moved]


@every_table
def test_steps_follow_the_table(name: str, kwargs: dict[str, Any]) -> None:
    """Counts of uncertain pairs within 4 sigma; certain pairs do what the table says; noise has its mean."""
    env = bare(name, **kwargs)
    env.reset(seed=17)
    rng = np.random.default_rng(0)
    states = range(len(env.P)) if len(env.P) <= 500 else sorted(rng.choice(len(env.P), 60, replace=False).tolist())
    for state in states:
        if all(list(outcomes) == [(1.0, state, 0.0, True)] for outcomes in env.P[state]):
            continue  # nobody steps on after the end
        for action, outcomes in enumerate(env.P[state]):
            noisy = name in NOISY and state == 1
            tries = 400 if len(outcomes) > 1 or noisy else 1
            seen: dict[Any, list[float]] = {(after, over): [] for _, after, _, over in outcomes}
            for _ in range(tries):
                env.state = state
                observation, reward, terminated, truncated, _ = env.step(action)
                assert not truncated
                assert observation == (0 if name in BLIND else env.state)
                seen[env.state, terminated].append(reward)  # a KeyError is an outcome the table does not have
            for probability, after, paid, over in outcomes:
                rewards = seen[after, over]
                spread = (tries * probability * (1 - probability)) ** 0.5
                assert abs(len(rewards) - tries * probability) <= 4 * spread, (state, action)
                if noisy:
                    assert abs(np.mean(rewards) - paid) <= 4 / tries**0.5
                else:
                    assert set(rewards) == {paid}, (state, action)


@every_table
def test_the_first_state_follows_its_distribution(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    expected = env.initial_state_distrib
    env.reset(seed=3)
    tries = 2_000
    counts = np.zeros(len(expected))
    for _ in range(tries):
        env.reset()
        counts[env.state] += 1
    assert (np.abs(counts - tries * expected) <= 4 * np.sqrt(tries * expected * (1 - expected)) + 1e-9).all()


@every_table
def test_a_step_and_a_reset_draw_one_uniform_and_invert_the_table_with_it(name: str, kwargs: dict[str, Any]) -> None:
    """Any engine that reads ``P`` with the same generator walks the same path; only noise draws more."""
    env = bare(name, **kwargs)
    env.reset(seed=11)
    by_hand, _ = gymnasium.utils.seeding.np_random(11)
    cumulative = np.cumsum(env.initial_state_distrib)
    state = int(np.searchsorted(cumulative, by_hand.random(), side="right"))
    rng = np.random.default_rng(0)
    for _ in range(300):
        assert env.state == state
        action = int(rng.integers(env.action_space.n))
        outcomes = env.P[state][action]
        noisy = name in NOISY and state == 1
        chance.normal(by_hand) if noisy else None
        u = 0.0 if noisy else by_hand.random()
        until = np.cumsum([row[0] for row in outcomes])
        _, state, _, terminated = outcomes[min(int(np.searchsorted(until, u, side="right")), len(outcomes) - 1)]
        assert env.step(action)[2] == terminated
        assert env.np_random.bit_generator.state == by_hand.bit_generator.state
        if terminated:
            assert env.state == state
            env.reset()
            state = int(np.searchsorted(cumulative, by_hand.random(), side="right"))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    named((name, kwargs) for name, kwargs in TABLES if name not in {"GridExample", "Corridor", "MaximizationBias"}),
)
def test_value_iteration_is_what_the_greedy_policy_earns(name: str, kwargs: dict[str, Any]) -> None:
    """Undiscounted; of worlds that end, by any optimal policy."""
    env = bare(name, **kwargs)
    model = mdp.from_env(env)
    best = mdp.q_star(model, 0.999 if name in {"DynaMaze", "AdviceGrid", "RandomWalk"} else 1.0).argmax(axis=1)
    returns = []
    for episode in range(1_000 if name in {"PacMan", "WindyGridworld", "SmallGridworld"} else 5):
        env.reset(seed=123 if episode == 0 else None)
        total, terminated, steps = 0.0, False, 0
        while not terminated:
            _, reward, terminated, _, _ = env.step(int(best[env.state]))
            total += reward
            steps += 1
            assert steps < 2_000
        returns.append(total)
    expected = mdp.best_return(model, None)
    assert abs(np.mean(returns) - expected) <= 4 * np.std(returns) / len(returns) ** 0.5 + 1e-9


# --- exact optima ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kwargs", "gamma", "value", "words"),
    [
        ("WindyGridworld", {}, 1.0, -15.0, "-15"),
        ("WindyGridworld", {"kings": True}, 1.0, -7.0, "-7"),
        ("WindyGridworld", {"kings": True, "stay": True}, 1.0, -7.0, "-7"),
        ("WindyGridworld", {"stay": True}, 1.0, -15.0, "-15"),
        ("WindyGridworld", {"stochastic": True}, 1.0, -20.628, "-20.628"),
        ("WindyGridworld", {"kings": True, "stochastic": True}, 1.0, -10.965, "-10.965"),
        ("DynaMaze", {}, 0.95, 0.95**13, "14"),
        ("DynaMaze", {"layout": "blocking"}, 0.95, 0.95**9, "blocking 10, then 16"),
        ("DynaMaze", {"layout": "blocking", "change_after": 0}, 0.95, 0.95**15, "blocking 10, then 16"),
        ("DynaMaze", {"layout": "shortcut"}, 0.95, 0.95**15, "shortcut 16, then 10"),
        ("DynaMaze", {"layout": "shortcut", "change_after": 0}, 0.95, 0.95**9, "shortcut 16, then 10"),
        ("RandomWalk", {}, 1.0, 1.0, "+1"),
        ("MaximizationBias", {}, 1.0, 0.0, "optimum: 0"),
        ("ShortCorridor", {}, 1.0, -3.0, "-3"),
        ("Puddle", {}, 1.0, 0.72, ".72"),
        ("Puddle", {}, 0.95, 0.457, ".457"),
        ("AdviceGrid", {}, 1.0, 100.0, "100 after 38 steps"),
        ("AdviceGrid", {}, 0.99, 68.945, "68.945"),
        ("PacMan", {}, 0.9, 80.557, "80.557"),
        ("PacMan", {}, 1.0, 500.90, "500.90"),
    ],
)
def test_the_optimum_is_what_the_docstring_says(
    name: str, kwargs: dict[str, Any], gamma: float, value: float, words: str
) -> None:
    env = bare(name, **kwargs)
    model = mdp.from_env(env)
    found = float(model.start @ mdp.q_star(model, gamma).max(axis=1))
    assert found == pytest.approx(value, abs=0.0051 if value > 500 else 0.00051)
    assert words in (sys.modules[type(env).__module__].__doc__ or "")


def test_example_3_5() -> None:
    model = exact("GridExample")
    table = """
        3.3 8.8 4.4 5.3 1.5
        1.5 3.0 2.3 1.9 0.5
        0.1 0.7 0.7 0.4 -0.4
        -1.0 -0.4 -0.4 -0.6 -1.2
        -1.9 -1.3 -1.2 -1.4 -2.0"""
    values = evaluate(model, even(model), 0.9)
    np.testing.assert_allclose(values, [float(word) for word in table.split()], atol=0.0501)
    np.testing.assert_allclose(values[:5], [3.309, 8.789, 4.428, 5.322, 1.492], atol=0.0006)


def test_example_3_8() -> None:
    model = exact("GridExample")
    table = """
        22.0 24.4 22.0 19.4 17.5
        19.8 22.0 19.8 17.8 16.0
        17.8 19.8 17.8 16.0 14.4
        16.0 17.8 16.0 14.4 13.0
        14.4 16.0 14.4 13.0 11.7"""
    q = mdp.q_star(model, 0.9)
    np.testing.assert_allclose(q.max(axis=1), [float(word) for word in table.split()], atol=0.0501)
    np.testing.assert_allclose(q.max(axis=1)[:5], [21.977, 24.419, 21.977, 19.419, 17.477], atol=0.0006)
    assert mdp.optimal_actions(q)[1].all(), "every action in A is as good"
    assert not any(over for rows in bare("GridExample").P for row in rows for *_, over in row)


def test_example_4_1() -> None:
    env = bare("SmallGridworld")
    model = mdp.from_env(env)
    inner = [state for state in range(16) if state not in (0, 15)]
    values = np.zeros(16)
    for _ in range(3_000):
        values = mdp.backup(model, values, 1.0).mean(axis=1)
    expected = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
    np.testing.assert_allclose(values, expected, atol=1e-9)
    nearest = [-min(r + c, 6 - r - c) for r in range(4) for c in range(4)]
    np.testing.assert_allclose(mdp.q_star(model, 1.0).max(axis=1)[inner], np.array(nearest)[inner])


@pytest.mark.parametrize("states", [3, 5, 7, 19, 29])
def test_true_values_of_the_random_walk(states: int) -> None:
    env = bare("RandomWalk", states=states)
    model = mdp.from_env(env)
    inner = slice(1, -1)
    values = np.zeros(states + 2)
    for _ in range(40_000):
        values = mdp.backup(model, values, 1.0).mean(axis=1)
    np.testing.assert_allclose(values[inner], env.true_values[inner], atol=1e-9)
    assert len(env.true_values) == states + 2
    assert env.true_values[0] == env.true_values[-1] == 0.0


def test_true_values_of_the_books_walks() -> None:
    np.testing.assert_allclose(bare("RandomWalk").true_values[1:-1], [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    np.testing.assert_allclose(bare("RandomWalk", states=19).true_values[1:-1], np.arange(-9, 10) / 10, atol=1e-12)


def test_the_best_blind_policy_of_the_short_corridor() -> None:
    model = exact("ShortCorridor")

    def value(right: float) -> float:
        return float(evaluate(model, np.tile([1 - right, right], (4, 1)), 1.0)[0])

    chances = np.linspace(0.4, 0.8, 4_001)
    values = [value(float(right)) for right in chances]
    assert chances[int(np.argmax(values))] == pytest.approx(2 - math.sqrt(2), abs=1e-4)
    assert value(2 - math.sqrt(2)) == pytest.approx(-(6 + 4 * math.sqrt(2)), abs=1e-9)
    assert value(2 - math.sqrt(2)) == pytest.approx(-11.657, abs=0.0005)
    assert value(0.95) == pytest.approx(-44, abs=0.5)
    assert value(0.05) == pytest.approx(-82, abs=0.5)


@pytest.mark.parametrize(("penalty", "threshold"), [(0.0, 0.6180), (0.25, 0.7247), (0.5, 0.8229), (1.0, None)])
def test_to_and_fro_beats_arriving_from_a_threshold_on(penalty: float, threshold: float | None) -> None:
    model = exact("Corridor", penalty=penalty)
    last = len(model.start) - 2
    for gamma in (0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.97) if threshold is None else ():
        assert mdp.q_star(model, gamma)[last].argmax() == 1
    if threshold is not None:
        assert threshold**2 + threshold == pytest.approx(1 + penalty, abs=2e-4)
        assert mdp.q_star(model, threshold - 0.001)[last].argmax() == 1
        q = mdp.q_star(model, threshold + 0.001)
        assert q[last].argmax() == 0
        gamma = threshold + 0.001
        assert q[last, 0] == pytest.approx((gamma - penalty) / (1 - gamma**2), abs=1e-8)


# --- stories: keys, exact return, exact place ------------------------------------------------------------------------

LETTERS = {
    "^": "up", ">": "right", "v": "down", "<": "left", "9": "up right", "3": "down right", "1": "down left",
    "7": "up left", "5": "stay",
}  # fmt: skip
STORIES: list[tuple[str, dict[str, Any], str, float, Any, bool]] = [
    # world, settings, moves, return, where, over
    ("WindyGridworld", {}, ">>>>>>>>>vvvv<<", -15.0, (3, 7), True),
    ("WindyGridworld", {}, ">>>>", -4.0, (2, 4), False),  # the wind of the column it leaves
    ("WindyGridworld", {}, "<^^^^", -5.0, (0, 0), False),  # the border holds
    ("WindyGridworld", {}, ">>>>>>>>>>>", -11.0, (0, 9), False),  # blown up to the ceiling
    ("WindyGridworld", {"kings": True}, ">>33333", -7.0, (3, 7), True),
    ("WindyGridworld", {"kings": True}, "9797", -4.0, (0, 0), False),
    ("WindyGridworld", {"kings": True, "stay": True}, ">>>555", -6.0, (0, 3), False),  # the wind alone
    ("DynaMaze", {}, ">vv>>^>>>>>^^^", 1.0, (0, 8), True),
    ("DynaMaze", {}, ">>>>^^^<", 0.0, (0, 0), False),  # a wall stops it
    ("DynaMaze", {"layout": "blocking"}, ">>>>>^^^^^", 1.0, (0, 8), True),
    ("DynaMaze", {"layout": "blocking"}, "<<<^^^^", 0.0, (4, 0), False),
    ("DynaMaze", {"layout": "shortcut"}, "<<<^^^^^>>>>>>>>", 1.0, (0, 8), True),
    ("DynaMaze", {"layout": "blocking", "change_after": 3}, ">>>>>^^<<<<<<<<^^^^>>>>>>>>", 1.0, (0, 8), True),
    ("RandomWalk", {}, ">>>", 1.0, (0, 6), True),
    ("RandomWalk", {}, "><<<<", 0.0, (0, 0), True),
    ("RandomWalk", {"states": 19}, "<" * 10, -1.0, (0, 0), True),
    ("RandomWalk", {"states": 19}, "<" + ">" * 11, 1.0, (0, 20), True),
    ("Puddle", {}, "^^^^>>>>", 0.72, (0, 4), True),
    ("Puddle", {}, ">>>>^^^^", 0.72, (0, 4), True),
    ("Puddle", {}, ">>^^^^>>", -4 * 0.04 - 2 * 0.5 - 0.04 + 1, (0, 4), True),
    ("Puddle", {}, "<v", -0.08, (4, 0), False),
    ("Puddle", {}, ">^^^^>^v", -0.04 - 0.04 - 0.5 - 0.04 - 0.04 - 0.04 - 0.04 - 0.5, (1, 2), False),
    ("Corridor", {}, ">>>>", 4.0, (0, 4), True),
    ("Corridor", {}, "<>>><><>>", -0.5 + 3 - 0.5 + 1 - 0.5 + 1 + 1, (0, 4), True),
    ("Corridor", {"penalty": 1.0, "length": 2}, "<<>>", 0.0, (0, 2), True),
    ("AdviceGrid", {}, ">" * 19 + "v" * 19, 100.0, (19, 19), True),
    ("AdviceGrid", {}, "<^v>v>", 0.0, (2, 2), False),
    ("AdviceGrid", {"size": 2}, ">v", 100.0, (1, 1), True),
]


def actions_of(env: Any, story: str) -> list[int]:
    meanings = {meaning: action for action, meaning in enumerate(env.action_meanings)}
    return [meanings[LETTERS[letter]] for letter in story]


@pytest.mark.parametrize(("name", "kwargs", "story", "earned", "where", "over"), STORIES)
def test_stories(name: str, kwargs: dict[str, Any], story: str, earned: float, where: Any, over: bool) -> None:
    env = bare(name, **kwargs)
    actions = actions_of(env, story)
    total = 0.0
    for index, action in enumerate(actions):
        _, reward, terminated, _, _ = env.step(action)
        total += reward
        assert terminated == (over and index == len(actions) - 1), f"after {index + 1} of {len(actions)} moves"
    assert total == pytest.approx(earned, abs=1e-12)
    assert env.cell_of(env.state) == where


@pytest.mark.parametrize(
    ("start", "story", "earned", "where"),
    [
        ((0, 1), "^", 10.0, (4, 1)),
        ((0, 1), "><", 10.0, (4, 0)),
        ((0, 3), "v^^", 5.0, (0, 3)),
        ((0, 0), "^<>v", -2.0 + 0.0 + 10.0, (4, 1)),
        ((4, 4), "vv>", -3.0, (4, 4)),
    ],
)
def test_stories_of_the_grid_example(start: tuple[int, int], story: str, earned: float, where: tuple[int, int]) -> None:
    env = bare("GridExample")
    env.state = env.state_at(0, *start)
    results = [env.step(action) for action in actions_of(env, story)]
    if story == "^<>v":
        assert [result[1] for result in results] == [-1.0, -1.0, 0.0, 10.0]
    if story != "><":
        assert sum(result[1] for result in results) == pytest.approx(earned)
        assert env.cell_of(env.state) == where
    else:
        assert [result[1] for result in results] == [10.0, 0.0]
        assert env.cell_of(env.state) == (4, 0)
    assert not any(result[2] for result in results)


def test_a_story_of_the_short_corridor() -> None:
    env = bare("ShortCorridor")
    places = []
    for action in (0, 1, 1, 1, 0, 0, 1, 0, 1):  # left, right, right (back), right, left (on), left (back) ...
        observation, reward, terminated, _, _ = env.step(action)
        assert (observation, reward) == (0, -1.0)
        places.append(env.state)
    assert places == [0, 1, 0, 1, 2, 1, 0, 0, 1]
    assert not terminated
    env.step(0)
    assert env.step(1)[2]


def test_stories_of_maximization_bias() -> None:
    env = bare("MaximizationBias")
    for action in range(10):
        env.reset()
        assert env.state == 2
        seen, reward, terminated, _, info = env.step(action)
        assert (seen, reward, terminated) == ((1, 0.0, False) if action % 2 == 0 else (3, 0.0, True))
    env.reset()
    _, _, _, _, info = env.step(0)
    assert info["action_mask"].sum() == 10
    assert env.reset()[1]["action_mask"].tolist() == [1, 1] + [0] * 8
    assert env.actions_in == [1, 10, 2, 1]


def test_the_reward_of_maximization_bias_is_normal() -> None:
    env = bare("MaximizationBias")
    rewards = []
    for k in range(4_000):
        env.state = 1
        seen, reward, terminated, _, _ = env.step(k % 10)
        assert (seen, terminated) == (0, True)
        rewards.append(reward)
    assert stats.kstest(rewards, "norm", args=(-0.1, 1.0)).pvalue > 0.001


# --- the mazes that change -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layout", "usual"), [("blocking", 1000), ("shortcut", 3000)])
def test_the_maze_changes_after_so_many_steps_of_its_life(layout: str, usual: int) -> None:
    env = bare("DynaMaze", layout=layout)
    early, late = env._tables
    assert early != late
    before, after = env.before, env.after
    rng = np.random.default_rng(2)
    for step in range(usual + 300):
        assert env.changed == (step >= usual)
        assert env.P is (late if step >= usual else early)
        moves = after if step >= usual else before
        state, action = env.state, int(rng.integers(4))
        seen, _, terminated, _, _ = env.step(action)
        assert seen == moves[state][action]
        assert env.clock == [step + 1]
        if terminated or step % 97 == 0:
            env.reset(seed=step)  # no reset, seeded or not, turns the clock back
            assert env.clock == [step + 1]


@pytest.mark.parametrize(("layout", "usual"), [("blocking", 1000), ("shortcut", 3000)])
def test_the_last_step_of_the_first_maze_and_the_first_of_the_second(layout: str, usual: int) -> None:
    """Up, below either gap: the 1000th (3000th) step still meets the first maze, the next one the second."""
    env = bare("DynaMaze", layout=layout)
    passable = []
    for done in (usual - 1, usual):
        for column in (0, 8):
            env.clock[0], env.state = done, env.state_at(0, 4, column)
            env.step(0)
            passable.append(env.cell_of(env.state) == (3, column))
    assert passable == {"blocking": [False, True, True, False], "shortcut": [True, False, True, True]}[layout]


def test_who_stands_where_a_wall_comes_up_can_leave() -> None:
    env = bare("DynaMaze", layout="blocking", change_after=7)
    for action in actions_of(env, ">>>>>^^"):
        env.step(action)
    assert env.cell_of(env.state) == (3, 8)
    assert env.changed
    env.step(actions_of(env, "<")[0])
    assert env.cell_of(env.state) == (3, 8)
    env.step(actions_of(env, "^")[0])
    assert env.cell_of(env.state) == (2, 8)
    env.step(actions_of(env, "v")[0])
    assert env.cell_of(env.state) == (2, 8)


def test_the_picture_and_the_text_show_the_maze_as_it_is() -> None:
    env = bare("DynaMaze", layout="shortcut", change_after=1, render_mode="ansi")
    assert env.render().split("\n")[3] == ".########"
    env.step(0)
    assert env.render().split("\n")[3] == ".#######."


# --- Pac-Man ---------------------------------------------------------------------------------------------------------


def pac(pac_man_at: tuple[int, int], ghost: tuple[int, int], facing: int = DOWN, pellets: int = 3) -> PacManState:
    return PacManState(pellets, pac_man_at, facing, ghost)


def outcomes_of(state: PacManState, action: int) -> dict[tuple[PacManState, bool], tuple[float, float]]:
    return {
        (pac_man.decode(after), over): (probability, reward)
        for probability, after, reward, over in pac_man.outcomes(state, action)
    }


def test_pac_mans_states_have_numbers() -> None:
    assert {pac_man.encode(pac_man.decode(number)) for number in range(10_000)} == set(range(10_000))
    assert pac_man.PELLETS == ((2, 2), (4, 0))  # (x, y) = (3, 3) and (1, 5) in the source
    assert pac((0, 0), (4, 4)) == pac_man.START
    env = bare("PacMan")
    assert env.observation_space.n == 10_000
    assert env.state == pac_man.encode(pac_man.START)


def test_the_ghost_keeps_its_direction_with_one_half_or_turns_anywhere() -> None:
    assert dict(map(reversed, pac_man.turns((4, 2), LEFT))) == {LEFT: 0.75, RIGHT: 0.25}
    assert dict(map(reversed, pac_man.turns((4, 2), UP))) == {LEFT: 0.5, RIGHT: 0.5}
    assert dict(map(reversed, pac_man.turns((0, 4), RIGHT))) == {LEFT: 0.5, DOWN: 0.5}
    assert dict(map(reversed, pac_man.turns((2, 4), DOWN))) == pytest.approx({DOWN: 4 / 6, UP: 1 / 6, LEFT: 1 / 6})


@pytest.mark.parametrize(
    ("state", "action", "paid"),
    [
        # what it pays by where the ghost goes
        (pac((0, 0), (4, 4)), RIGHT, {(3, 4): -1.0, (4, 3): -1.0}),
        (pac((0, 0), (4, 4)), UP, {(3, 4): -1.0, (4, 3): -1.0}),  # a wall
        (pac((3, 0), (4, 4)), DOWN, {(3, 4): 10.0, (4, 3): 10.0}),
        (pac((3, 0), (4, 4), pellets=2), DOWN, {(3, 4): 510.0, (4, 3): 510.0}),
        (pac((3, 0), (4, 4), pellets=1), DOWN, {(3, 4): -1.0, (4, 3): -1.0}),  # it was eaten before
        (pac((2, 3), (4, 4), pellets=1), LEFT, {(3, 4): 510.0, (4, 3): 510.0}),
        (pac((4, 2), (4, 4)), RIGHT, {(3, 4): -1.0, (4, 3): -501.0}),  # caught on the same cell
        (pac((4, 3), (4, 4)), RIGHT, {(3, 4): -1.0, (4, 3): -501.0}),  # caught changing places
        (pac((4, 1), (4, 1 + 1), LEFT), LEFT, {(4, 1): 10.0, (4, 3): 10.0}),  # followed, not caught
        (pac((3, 0), (4, 1), LEFT), DOWN, {(4, 0): -490.0, (4, 2): 10.0}),  # eats and is caught
        (pac((3, 0), (4, 1), LEFT, 2), DOWN, {(4, 0): 10.0, (4, 2): 510.0}),  # clears and is caught at once
    ],
)
def test_what_pac_man_earns(state: PacManState, action: int, paid: dict[tuple[int, int], float]) -> None:
    found = outcomes_of(state, action)
    assert {after.ghost: reward for (after, _), (_, reward) in found.items()} == paid
    for (after, over), (_, reward) in found.items():
        assert over == (reward < -400 or after.pellets == 0)


def test_pac_mans_text() -> None:
    env = bare("PacMan", render_mode="ansi")
    assert env.render() == "P....\n.###.\n.#*..\n.###.\n*...G\n"
    env.state = pac_man.encode(pac((4, 0), (4, 0), pellets=1))
    assert env.render() == ".....\n.###.\n.#*..\n.###.\nX....\n"


# --- the bandit ------------------------------------------------------------------------------------------------------


def problems(count: int, **kwargs: Any) -> np.ndarray:
    env = bare("KArmedBandit", **kwargs)
    values = []
    for seed in range(count):
        env.reset(seed=seed)
        values.append(list(env.true_values))
    return np.array(values)


def test_problems_of_the_testbed() -> None:
    values = problems(1_500)
    assert stats.kstest(values.ravel(), "norm").pvalue > 0.001
    # The greatest of ten normal numbers: mean 1.53875, standard deviation .5868.
    assert abs(values.max(axis=1).mean() - 1.53875) <= 4 * 0.5868 / 1_500**0.5
    assert np.abs(values.mean(axis=0)).max() <= 4.5 / 1_500**0.5  # of every lever
    assert abs(np.corrcoef(values[:, 0], values[:, 1])[0, 1]) <= 4 / 1_500**0.5
    assert stats.kstest(problems(300, mean=4.0).ravel() - 4.0, "norm").pvalue > 0.001
    uniform = problems(300, bernoulli=True)
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 0.001
    assert (problems(3, walk=0.1, mean=2.0) == 2.0).all(), "values that walk begin all alike"


def test_rewards_of_the_testbed() -> None:
    env = bare("KArmedBandit", mean=4.0)
    env.reset(seed=5)
    values = list(env.true_values)
    noise = []
    for pull in range(5_000):
        observation, reward, terminated, truncated, _ = env.step(pull % 10)
        assert (observation, terminated, truncated) == (0, False, False)
        noise.append(reward - values[pull % 10])
    assert env.true_values == values
    assert stats.kstest(noise, "norm").pvalue > 0.001
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) <= 4 / 5_000**0.5


def test_values_that_walk() -> None:
    env = bare("KArmedBandit", walk=0.1)
    ends, steps = [], []
    for seed in range(300):
        env.reset(seed=seed)
        assert env.true_values == [0.0] * 10
        for pull in range(25):
            before = list(env.true_values)
            env.step(pull % 10)
            steps += [(b - a) / 0.1 for a, b in zip(before, env.true_values, strict=True)] if seed < 20 else []
        ends += env.true_values
    assert stats.kstest(steps, "norm").pvalue > 0.001
    assert stats.kstest(np.array(ends) / 0.5, "norm").pvalue > 0.001  # 25 steps of .1


def test_bernoulli_rewards() -> None:
    env = bare("KArmedBandit", bernoulli=True, arms=3)
    env.reset(seed=1)
    for arm, chance_of_one in enumerate(env.true_values):
        rewards = [env.step(arm)[1] for _ in range(2_000)]
        assert set(rewards) <= {0.0, 1.0}
        spread = (2_000 * chance_of_one * (1 - chance_of_one)) ** 0.5
        assert abs(sum(rewards) - 2_000 * chance_of_one) <= 4 * spread


def test_a_seed_draws_a_problem_and_a_plain_reset_keeps_it() -> None:
    env = gymnasium.make("hfrl/KArmedBandit-v0").unwrapped
    assert env.true_values == [0.0] * 10
    env.reset()
    born = list(env.true_values)
    assert len(set(born)) == 10, "an unseeded world is born at its first reset"
    env.step(1)
    env.reset()
    assert env.true_values == born
    env.reset(seed=4)
    problem = list(env.true_values)
    rewards = [env.step(a)[1] for a in range(10)]
    env.reset()
    assert env.true_values == problem != born
    env.reset(seed=4)
    assert env.true_values == problem
    assert [env.step(a)[1] for a in range(10)] == rewards


def test_nothing_an_agent_sees_of_a_bandit_tells_its_values() -> None:
    env = bare("KArmedBandit")
    for seed in range(5):
        observation, info = env.reset(seed=seed)
        assert observation == 0
        assert info.keys() == {"action_mask"}
        observation, _, _, _, info = env.step(seed)
        assert observation == 0
        assert info.keys() == {"action_mask"}


# --- luck ------------------------------------------------------------------------------------------------------------


def test_normal_numbers() -> None:
    rng = np.random.default_rng(8)
    values = np.array([chance.normal(rng) for _ in range(20_000)])
    assert stats.kstest(values, "norm").pvalue > 0.001
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) <= 4 / 20_000**0.5
    assert abs((values**4).mean() - 3) <= 4 * (96 / 20_000) ** 0.5


def test_normal_by_hand() -> None:
    """Points outside the disc and its very middle are thrown away; the first coordinate of the next is stretched."""

    class Said:
        def __init__(self, *numbers: float) -> None:
            self.numbers = list(numbers)

        def random(self) -> float:
            return self.numbers.pop(0)

    said = Said(0.99, 0.99, 0.5, 0.5, 0.75, 0.5, 0.1)  # (.98, .98) is outside, (0, 0) the middle, (.5, 0) is taken
    assert chance.normal(said) == pytest.approx(0.5 * math.sqrt(-2 * math.log(0.25) / 0.25))
    assert said.numbers == [0.1]


# --- worlds whose dynamics are pure functions ------------------------------------------------------------------------

RULED = [("DynaMaze", {"layout": "blocking", "change_after": 500}), ("DynaMaze", {}), ("MaximizationBias", {}),
         ("ShortCorridor", {}), *BANDITS]  # fmt: skip
every_rule = pytest.mark.parametrize(("name", "kwargs"), named(RULED))
ALLOWED = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If,
    ast.IfExp, ast.Expr, ast.Call, ast.Name, ast.Load, ast.Store, ast.Subscript, ast.Constant, ast.BinOp, ast.UnaryOp,
    ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq,
    ast.NotEq, ast.BoolOp, ast.And, ast.Or, ast.Tuple,
)  # fmt: skip
CALLED = {"draw", "normal", "range", "len", "math.log", "math.sqrt"}


def rules(env: Any) -> dict[str, Any]:
    names = ("first_rule", "step_rule", "born_rule")
    return {name: getattr(type(env), name) for name in names if hasattr(type(env), name)}


def depth_and_kinds(table: Any) -> tuple[int, set[type]]:
    if not isinstance(table, list):
        return 0, {type(table)}
    below = [depth_and_kinds(part) for part in table]
    return 1 + below[0][0], set().union(*(kinds for _, kinds in below))


@every_rule
def test_rules_are_bound_by_names(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    assert {"first_rule", "step_rule"} <= set(rules(env))
    for rule, function in rules(env).items():
        parameters = list(inspect.signature(function).parameters)
        assert parameters[-1] == "rng"
        if rule == "step_rule":
            assert parameters[-3:] == ["s", "a", "rng"]
        for parameter in parameters:
            if parameter not in ("s", "a", "rng") and parameter not in env.world_tables:
                assert isinstance(getattr(env, parameter), int | float)
    for table in env.world_tables:
        depth, kinds = depth_and_kinds(getattr(env, table))
        assert depth >= 1
        assert kinds in ({int}, {float})
    seen = getattr(env, "observation_of", None)
    assert (seen is not None) == (name in BLIND)


@every_rule
def test_rules_are_plain_pure_functions(name: str, kwargs: dict[str, Any]) -> None:
    """What numba can compile when lists are arrays: no dictionary, closure, class, attribute or numpy call."""
    for function in rules(bare(name, **kwargs)).values():
        assert function.__closure__ is None
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
        assert isinstance(tree, ast.FunctionDef)
        tree.returns = None
        for argument in tree.args.args:
            argument.annotation = None
        for node in ast.walk(tree):
            assert isinstance(node, ALLOWED), ast.unparse(node)
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) in CALLED
            if isinstance(node, ast.Name) and node.id == "rng":
                calls = [call for call in ast.walk(tree) if isinstance(call, ast.Call) and node in call.args]
                assert [ast.unparse(call.func) for call in calls] in (["draw"], ["normal"])


@every_rule
def test_reset_and_step_are_the_rules(name: str, kwargs: dict[str, Any]) -> None:
    """A second world's tables, played with the bare functions, go through the same states, rewards and values."""
    env, other = bare(name, **kwargs), bare(name, **kwargs)
    rng, _ = gymnasium.utils.seeding.np_random(9)

    def call(rule: str, **known: Any) -> Any:
        function = getattr(type(other), rule)
        known["rng"] = rng
        names = inspect.signature(function).parameters
        return function(*(known[n] if n in known else getattr(other, n) for n in names))

    env.reset(seed=9)
    if hasattr(type(other), "born_rule"):
        call("born_rule")
    state = call("first_rule")
    luck = np.random.default_rng(1)
    for _ in range(1_200):
        action = int(luck.integers(env.action_space.n))
        _, reward, terminated, _, _ = env.step(action)
        state, expected, over = call("step_rule", s=state, a=action)
        assert (env.state, reward, terminated) == (state, expected, over)
        if terminated:
            env.reset()
            state = call("first_rule")
    for table in env.world_tables:
        assert getattr(env, table) == getattr(other, table)


@every_rule
def test_the_compiled_engine_plays_the_same_bits(name: str, kwargs: dict[str, Any]) -> None:
    from hfrl.agents import QLearning
    from hfrl.compiled import Batch

    def make() -> Any:
        return gymnasium.make(f"hfrl/{name}-v0", **kwargs)

    batch = Batch(make(), QLearning(make()), (3, 11))
    batch.run(steps=2_000)
    for i, seed in enumerate((3, 11)):
        env = make()
        agent = QLearning(env)
        for _ in hfrl.play(env, agent, seed=seed, steps=2_000):
            pass
        np.testing.assert_array_equal(batch.tables["q"][i], agent.q)
        for table in env.unwrapped.world_tables:
            np.testing.assert_array_equal(batch.world_table(table)[i], getattr(env.unwrapped, table))


# --- grids -----------------------------------------------------------------------------------------------------------

GRIDS = [(name, kwargs) for name, kwargs in TABLES if name not in {"MaximizationBias", "ShortCorridor"}]
PLAIN = [(name, kwargs) for name, kwargs in GRIDS if name not in {"WindyGridworld", "GridExample", "PacMan"}]


@pytest.mark.parametrize(("name", "kwargs"), named(GRIDS))
def test_states_lie_in_cells(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    grid = grids.grid_of(env)
    assert grid is not None
    assert (grid.rows, grid.columns) == env.grid_shape
    for state in range(0, len(env.P), 1 if len(env.P) < 500 else 7):
        row, column = grid.cell(state)  # type: ignore[misc]
        assert 0 <= row < grid.rows
        assert 0 <= column < grid.columns
        assert grid.at(state, row, column) == state or name == "PacMan"
    free = [(r, c) for r in range(grid.rows) for c in range(grid.columns) if grid.at(env.state, r, c) is not None]
    for row, column in free:
        assert grid.cell(grid.at(env.state, row, column)) == (row, column)  # type: ignore[arg-type]
    assert len(free) == {"DynaMaze": 47, "PacMan": 18}.get(name, grid.rows * grid.columns)


@pytest.mark.parametrize(("name", "kwargs"), named(PLAIN))
def test_directions_are_those_of_the_table(name: str, kwargs: dict[str, Any]) -> None:
    env = bare(name, **kwargs)
    assert env.directions == grids.directions(env.P, env.cell_of)


@pytest.mark.parametrize("name", ["MaximizationBias", "ShortCorridor", "KArmedBandit"])
def test_what_is_no_grid_says_so(name: str) -> None:
    assert grids.grid_of(bare(name)) is None
