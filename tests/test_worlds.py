"""Every world keeps its promises: Gymnasium's contract, its own table ``P``, the recipe, and the secret of the taste."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import gymnasium
import hfrl
import numpy as np
import pytest
from gymnasium.utils import env_checker
from hfrl import mdp
from hfrl.envs import recipe
from hfrl.envs.pizza_kitchen import MAPS, OBSERVATIONS, Floorplan, PizzaKitchen

COUNTER, KITCHEN = "hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0"
LIMITS = {COUNTER: 50, KITCHEN: 200}
CALM, DOUBLE = 0.5, 0.95
"""Luck for the oven: a uniform number below and above .9."""

TABLES = [(COUNTER, {}), *((KITCHEN, {"layout": layout}) for layout in MAPS)]
WORLDS = [
    (COUNTER, {}),
    *((KITCHEN, {"layout": layout, "observation": seen}) for layout in MAPS for seen in OBSERVATIONS),
]


def named(worlds: Iterable[tuple[str, dict[str, str]]]) -> list[Any]:
    return [pytest.param(name, kwargs, id="-".join([name[5:-3], *kwargs.values()])) for name, kwargs in worlds]


every_world = pytest.mark.parametrize(("name", "kwargs"), named(WORLDS))
every_table = pytest.mark.parametrize(("name", "kwargs"), named(TABLES))


def bare(name: str, **kwargs: Any) -> Any:
    """A world without its time limit, reset."""
    env = gymnasium.make(name, **kwargs).unwrapped
    env.reset(seed=0)
    return env


class Luck:
    """A generator whose every uniform is the same number."""

    def __init__(self, u: float) -> None:
        self.u = u

    def random(self) -> float:
        return self.u


# --- the contract ----------------------------------------------------------------------------------------------------


def test_all_our_worlds_are_in_this_file() -> None:
    ours = {name for name in gymnasium.registry if name.startswith("hfrl/")}
    assert ours == set(LIMITS), "a new world needs its contract, its table and its stories here"


@every_world
def test_gymnasium_checker_passes_without_a_warning(name: str, kwargs: dict[str, str]) -> None:
    env = gymnasium.make(name, **kwargs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env_checker.check_env(env.unwrapped)
    env.close()


@every_world
def test_stable_baselines3_checker_passes(name: str, kwargs: dict[str, str]) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(bare(name, **kwargs))


@every_table
def test_nothing_that_is_handed_out_is_handed_out_again(name: str, kwargs: dict[str, str]) -> None:
    """Whoever changes the mask of a step, or keeps it, must not change the world's."""
    env = bare(name, **kwargs)
    for seed in range(20):
        env_checker.check_returned_data_not_reused(env, seed)
    _, info = env.reset(seed=1)
    before = info["action_mask"].copy()
    info["action_mask"][:] = 7
    _, info = env.reset(seed=1)
    np.testing.assert_array_equal(info["action_mask"], before)


@pytest.mark.parametrize("name", LIMITS)
def test_the_id_makes_without_importing_hfrl_first(name: str) -> None:
    program = f"import gymnasium; env = gymnasium.make('hfrl:{name}'); print(env.unwrapped.spec.id, env.reset(seed=1)[0])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [name, str(bare(name).state)]


def test_registering_twice_is_safe() -> None:
    before = dict(gymnasium.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hfrl.envs.register()
    assert dict(gymnasium.registry) == before


@pytest.mark.parametrize("name", LIMITS)
def test_truncates_at_its_limit_and_not_before(name: str) -> None:
    env = gymnasium.make(name)
    env.reset(seed=3)
    idle = {COUNTER: recipe.SAUCE, KITCHEN: 4}[name]  # sauce without dough; use on bare floor
    for count in range(1, LIMITS[name] + 1):
        _, reward, terminated, truncated, info = env.step(idle)
        assert (terminated, truncated) == (False, count == LIMITS[name])
        assert reward == recipe.STEP_REWARD
        assert "is_success" not in info


@every_world
def test_metadata_actions_and_keys(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    assert env.metadata["render_modes"] == ["human", "rgb_array", "ansi"]
    assert env.metadata["render_fps"] > 0
    assert len(env.action_meanings) == env.action_space.n
    assert sorted(env.get_keys_to_action().values()) == list(range(env.action_space.n))


@pytest.mark.parametrize("name", LIMITS)
def test_gymnasium_play_reaches_every_action_with_one_key(name: str) -> None:
    """Gymnasium reads a key of more than one letter as a chord: "up" would be u and p at once, and "return" nothing."""
    for key in bare(name).get_keys_to_action():
        codes = [key] if isinstance(key, int) else list(key)
        assert len(codes) == 1, f"{key!r} is the chord {'+'.join(map(str, codes))} to gymnasium.utils.play"


def test_gymnasium_play_drives_the_counter_to_a_served_pizza() -> None:
    pygame = pytest.importorskip("pygame")
    from gymnasium.utils.play import play

    env = gymnasium.make(COUNTER, render_mode="rgb_array")
    env.reset(seed=0)
    env.unwrapped.np_random = Luck(CALM)
    keys = [pygame.K_d, pygame.K_s, pygame.K_c, pygame.K_b, pygame.K_b, pygame.K_RETURN]
    taken: list[int] = []

    def press(kind: int, key: int) -> None:
        pygame.event.post(pygame.event.Event(kind, key=key))

    def callback(_before: Any, _after: Any, action: int, *_rest: Any) -> None:
        if keys:
            press(pygame.KEYUP, keys.pop(0))
        taken.append(action)
        assert len(taken) < 60, f"the keys served no pizza: {taken}"
        if keys:
            press(pygame.KEYDOWN, keys[0])
        else:
            pygame.event.post(pygame.event.Event(pygame.QUIT))

    pygame.display.init()
    press(pygame.KEYDOWN, keys[0])
    try:
        play(env, callback=callback, fps=1000, noop=recipe.ROLL, wait_on_player=True)
    finally:
        pygame.display.quit()
    meant = [recipe.ROLL, recipe.SAUCE, recipe.CHEESE, recipe.BAKE, recipe.BAKE, recipe.SERVE]
    assert taken == meant


# --- the table -------------------------------------------------------------------------------------------------------


@every_table
def test_rows_of_the_table_are_distributions(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    states = len(env.P)
    for rows in env.P:
        assert len(rows) == env.action_space.n
        for outcomes in rows:
            assert sum(probability for probability, *_ in outcomes) == pytest.approx(1.0, abs=1e-12)
            assert all(probability > 0 and 0 <= after < states for probability, after, _, _ in outcomes)
            assert len({after for _, after, _, _ in outcomes}) == len(outcomes)
    start = env.initial_state_distrib
    assert start.shape == (states,)
    assert start.min() >= 0
    assert start.sum() == pytest.approx(1.0, abs=1e-12)


@every_table
def test_a_mask_is_zero_exactly_where_only_time_is_lost(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    for state, rows in enumerate(env.P):
        only_time = [outcomes == [(1.0, state, recipe.STEP_REWARD, False)] for outcomes in rows]
        assert env.masks[state].tolist() == [int(not lost) for lost in only_time], env.describe(state)
        assert env.masks[state].dtype == np.int8


@every_table
def test_the_mask_in_info_is_the_one_of_the_state_the_agent_is_in(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    rng = np.random.default_rng(5)
    _, info = env.reset(seed=5)
    for _ in range(300):
        np.testing.assert_array_equal(info["action_mask"], env.masks[env.state])
        _, _, terminated, _, info = env.step(int(rng.integers(env.action_space.n)))
        if terminated:
            np.testing.assert_array_equal(info["action_mask"], env.masks[env.state])
            _, info = env.reset()


@every_table
def test_steps_follow_the_table(name: str, kwargs: dict[str, str]) -> None:
    """Counts of every uncertain pair within 4 sigma; every certain pair does what the table says."""
    env = bare(name, **kwargs)
    env.reset(seed=17)
    tries = 400
    uncertain = 0
    for state, rows in enumerate(env.P):
        for action, outcomes in enumerate(rows):
            counts = dict.fromkeys((after, reward, over) for _, after, reward, over in outcomes)
            seen: dict[Any, int] = dict.fromkeys(counts, 0)
            for _ in range(tries if len(outcomes) > 1 else 1):
                env.state = state
                observation, reward, terminated, truncated, _ = env.step(action)
                assert not truncated
                assert observation == env.state
                seen[(env.state, reward, terminated)] += 1  # a KeyError is an outcome the table does not have
            if len(outcomes) > 1:
                uncertain += 1
                for probability, after, paid, over in outcomes:
                    spread = (tries * probability * (1 - probability)) ** 0.5
                    assert abs(seen[(after, paid, over)] - tries * probability) <= 4 * spread, env.describe(state)
    assert uncertain == 96  # every pizza that is raw, pale or golden, in the oven


@every_table
def test_the_first_state_follows_its_distribution(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    firsts = {env.reset(seed=seed)[0] for seed in range(20)}
    assert firsts == set(np.flatnonzero(env.initial_state_distrib).tolist())


def simulate(env: Any, best: np.ndarray, episodes: int) -> tuple[list[float], list[float]]:
    """Returns and tastes of the policy that takes ``best[s]``, in the world itself."""
    returns, tastes = [], []
    for episode in range(episodes):
        state, _ = env.reset(seed=123 if episode == 0 else None)
        total, terminated = 0.0, False
        while not terminated:
            state, reward, terminated, _, _ = env.step(int(best[state]))
            total += reward
        returns.append(total)
        tastes.append(env.taste(state))
    return returns, tastes


@every_table
@pytest.mark.parametrize("tasted", [False, True], ids=["automated", "tasted"])
def test_value_iteration_is_what_the_greedy_policy_earns(name: str, kwargs: dict[str, str], tasted: bool) -> None:
    env = bare(name, **kwargs)
    finite = mdp.from_env(env, mdp.tasting(env, 10.0) if tasted else None)
    q = mdp.q_star(finite, 1.0)
    returns, tastes = simulate(env, q.argmax(axis=1), 1_500)
    earned = np.array(returns) + 10 * np.array(tastes) if tasted else np.array(returns)
    expected = mdp.best_return(finite, LIMITS[name])
    assert expected == pytest.approx(finite.start @ q.max(axis=1), abs=1e-6)  # the time limit costs the best nothing
    assert abs(earned.mean() - expected) <= 4 * earned.std() / len(earned) ** 0.5 + 1e-9


def test_the_numbers_in_the_docstrings() -> None:
    for name, automated in ((COUNTER, 9.41), (KITCHEN, 8.01)):
        env = bare(name)
        limit = LIMITS[name]
        assert mdp.best_return(mdp.from_env(env), limit) == pytest.approx(automated, abs=0.005)
        tastiest = mdp.best_return(mdp.from_env(env, mdp.tasting(env, 1.0, automated=0.0)), limit)
        assert tastiest == pytest.approx(0.909, abs=0.0005)
        module = sys.modules[type(env).__module__]
        assert f"{automated}" in (module.__doc__ or "")
        assert ".909" in (module.__doc__ or "")


# --- one uniform a step ----------------------------------------------------------------------------------------------


@every_world
def test_one_uniform_per_reset_and_per_step(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    env.reset(seed=11)
    by_hand, _ = gymnasium.utils.seeding.np_random(11)
    by_hand.random()
    rng = np.random.default_rng(0)
    for _ in range(60):
        assert env.np_random.bit_generator.state == by_hand.bit_generator.state
        terminated = env.step(int(rng.integers(env.action_space.n)))[2]
        by_hand.random()
        if terminated:
            env.reset()
            by_hand.random()
    assert env.np_random.bit_generator.state == by_hand.bit_generator.state


def test_the_uniform_is_inverted_in_the_order_of_the_table() -> None:
    env = bare(COUNTER)
    state = recipe.encode(recipe.PizzaState(True, True, True, False, False, False, recipe.RAW))
    for u, bake in ((0.0, recipe.PALE), (0.8999, recipe.PALE), (0.9001, recipe.GOLDEN), (0.9999, recipe.GOLDEN)):
        env.np_random = Luck(u)
        env.state = state
        assert recipe.decode(env.step(recipe.BAKE)[0]).bake == bake


# --- stories: keys, exact automated return, exact hidden taste -------------------------------------------------------

SERVE_KEY = "r"
ARROWS = {"^": "up", ">": "right", "v": "down", "<": "left"}


def actions_of(env: Any, story: str) -> list[int]:
    """The actions behind a story's letters, through the keys or the names that the world itself gives them."""
    keys = {key if isinstance(key, str) else None: action for key, action in env.get_keys_to_action().items()}
    meanings = {meaning: action for action, meaning in enumerate(env.action_meanings)}
    letters = {"r": meanings.get("serve")} | {arrow: meanings.get(word) for arrow, word in ARROWS.items()}
    return [letters[letter] if letter in letters else keys[letter] for letter in story.replace(" ", "")]


def tell(env: Any, story: str, luck: float) -> tuple[float, float, dict[str, Any]]:
    """Automated return, hidden taste of what was served, and the last info of a story that ends by serving."""
    env.reset(seed=0)
    env.np_random = Luck(luck)
    actions = actions_of(env, story)
    total = 0.0
    for index, action in enumerate(actions):
        _, reward, terminated, truncated, info = env.step(action)
        total += reward
        assert terminated == (index == len(actions) - 1), f"the story ended after {index + 1} of {len(actions)} letters"
        assert not truncated
    return total, env.taste(env.state), info


COUNTER_STORIES = [
    # keys, customer, luck, automated return, taste
    ("dscbbr", "crispy_mushroom", CALM, 9.4, 0.3),
    ("dscmbbr", "crispy_mushroom", CALM, 9.2, 0.9),
    ("dscmbbbr", "crispy_mushroom", CALM, 9.1, 1.0),
    ("dscbbbr", "crispy_mushroom", CALM, 9.3, 0.4),
    ("dscobbr", "crispy_mushroom", CALM, 9.2, 0.1),
    ("dscpbbr", "crispy_mushroom", CALM, 9.2, 0.1),
    ("dscmobbr", "crispy_mushroom", CALM, 9.0, 0.4),
    ("dscmopbbr", "crispy_mushroom", CALM, 8.8, 0.0),  # too much: .3 + .6 - .2 - .2 - 2 x .3 is below nothing
    ("dbbscmr", "crispy_mushroom", CALM, 9.2, 0.9),  # the order does not matter
    ("dscbbbbr", "crispy_mushroom", CALM, -5.8, 0.0),  # burnt
    ("dscmbbbbbr", "crispy_mushroom", CALM, -6.1, 0.0),  # burnt, and a minute more changes nothing
    ("dscr", "crispy_mushroom", CALM, -2.4, 0.0),  # raw
    ("dscmbr", "crispy_mushroom", CALM, -2.7, 0.0),  # pale
    ("dsbbr", "crispy_mushroom", CALM, -2.5, 0.0),  # no cheese
    ("dcmbbr", "crispy_mushroom", CALM, -2.7, 0.0),  # no sauce
    ("dr", "crispy_mushroom", CALM, -2.2, 0.0),
    ("r", "crispy_mushroom", CALM, -5.1, 0.0),  # no pizza at all
    ("bmr", "crispy_mushroom", CALM, -5.3, 0.0),  # nothing to bake, nothing to lay a mushroom on, and it costs nothing
    ("sddsscmmbbr", "crispy_mushroom", CALM, 8.8, 0.9),  # four impossible actions, a tenth each; one mushroom is paid
    ("dscbr", "crispy_mushroom", DOUBLE, 9.5, 0.3),  # a minute counts double
    ("dscmbbr", "crispy_mushroom", DOUBLE, -5.8, 0.0),  # golden, then burnt
    ("dscobbr", "olive_purist", CALM, 9.2, 0.9),
    ("dscobbbr", "olive_purist", CALM, 9.1, 0.95),
    ("dscmbbr", "olive_purist", CALM, 9.2, 0.0),
    ("dscpbbr", "hawaiian", CALM, 9.2, 0.95),
    ("dscpbbbr", "hawaiian", CALM, 9.1, 0.75),
    ("dscbbr", "soft_and_plain", CALM, 9.4, 0.9),
    ("dscbbbr", "soft_and_plain", CALM, 9.3, 0.6),
    ("dscmopbbr", "everything", CALM, 8.8, 1.0),
    ("dscmobbr", "vegetable_lover", CALM, 9.0, 0.9),
    ("dscmobbbr", "vegetable_lover", CALM, 8.9, 0.95),
]


@pytest.mark.parametrize(("story", "customer", "luck", "automated", "taste"), COUNTER_STORIES)
def test_stories_at_the_counter(story: str, customer: str, luck: float, automated: float, taste: float) -> None:
    env = bare(COUNTER, customer=customer)
    earned, tasted, info = tell(env, story, luck)
    assert earned == pytest.approx(automated, abs=1e-12)
    assert tasted == pytest.approx(taste, abs=1e-12)
    assert info["is_success"] is (automated > 0)


KITCHEN_STORIES = [
    # layout, moves and uses, luck, automated return, taste
    ("square", "^^<<u vvuu ^^>>u >>u vvu", CALM, 8.0, 0.3),
    ("square", "^^<<u vvuu vvu ^^^^>>u >>u vvu", CALM, 7.4, 0.9),
    ("square", "^^<<u vvuuu vvu ^^^^>>u >>u vvu", CALM, 7.3, 1.0),
    ("square", "^^<<u vvuuuu ^^>>u >>u vvu", CALM, -7.2, 0.0),  # burnt
    ("square", "^^<<u vvu ^^>>u >>u vvu", CALM, -3.9, 0.0),  # pale
    ("square", "^^<<u vvu ^^>>u >>u vvu", DOUBLE, 8.1, 0.3),
    ("square", "^^<<u >>>>vvu", CALM, -3.2, 0.0),  # incomplete
    ("square", ">>u", CALM, -5.3, 0.0),  # no pizza
    ("square", "u>>>u", CALM, -5.5, 0.0),  # nothing to use on the floor, and a wall
    ("square", "^^<<uu vvuu vvu >>u >>u ^^^^u <<u >>vvu", CALM, 6.7, 0.0),  # all the toppings, and a second roll
    ("galley", "^<<<<u >>u >>u <vvuu >>>>>u", CALM, 7.9, 0.3),
    ("islands", "^^<u <<u vvuu ^^>>>>u vvvv>u", CALM, -4.4, 0.0),  # sauce before dough, pineapple, served nothing
]


@pytest.mark.parametrize(("layout", "story", "luck", "automated", "taste"), KITCHEN_STORIES[:-2])
def test_stories_in_the_kitchen(layout: str, story: str, luck: float, automated: float, taste: float) -> None:
    env = bare(KITCHEN, layout=layout)
    earned, tasted, info = tell(env, story, luck)
    assert earned == pytest.approx(automated, abs=1e-12)
    assert tasted == pytest.approx(taste, abs=1e-12)
    assert info["is_success"] is (automated > 0)
