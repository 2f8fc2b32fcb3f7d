"""Every world keeps its promises: Gymnasium's contract, its own table, the recipe, and the secret of the taste."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterable
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import gymnasium
import numpy as np
import pytest
from gymnasium.utils import env_checker

import hfrl
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


def test_all_our_kitchens_are_in_this_file() -> None:
    """The textbook's worlds have a file of their own, which holds that it has all the others."""
    ours = {name for name in gymnasium.registry if name.startswith("hfrl/Pizza")}
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
    program = (
        f"import gymnasium; env = gymnasium.make('hfrl:{name}'); print(env.unwrapped.spec.id, env.reset(seed=1)[0])"
    )
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
    keys = [pygame.K_d, pygame.K_s, pygame.K_c, pygame.K_b, pygame.K_RETURN]
    taken: list[int] = []
    frames = 0

    def post(kind: int, *key: int) -> None:
        pygame.event.post(pygame.event.Event(kind, key=key[0]) if key else pygame.event.Event(kind))

    def callback(_before: Any, _after: Any, action: int, *_rest: Any) -> None:
        """Let go of the key that was just read and press the next one; roll dough is what happens without a key."""
        nonlocal frames
        frames += 1
        if action != recipe.ROLL:
            taken.append(action)
        post(pygame.KEYUP, keys.pop(0))
        if keys:
            post(pygame.KEYDOWN, keys[0])
        else:
            post(pygame.QUIT)

    pygame.display.init()
    post(pygame.KEYDOWN, keys[0])
    try:
        play(env, callback=callback, fps=1000, noop=recipe.ROLL, seed=0)
    finally:
        pygame.display.quit()
    assert frames >= 5
    assert taken == [recipe.SAUCE, recipe.CHEESE, recipe.BAKE, recipe.SERVE]


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


def test_large_worlds_have_their_table_in_common_and_nobody_can_change_it() -> None:
    for name, kwargs in (("hfrl/PizzaKitchen-v0", {"layout": "galley"}), ("hfrl/PacMan-v0", {})):
        one, other = bare(name, **kwargs), bare(name, **kwargs)
        assert one.P is other.P
        with pytest.raises(TypeError):
            one.P[0][0][0] = (1.0, 0, 0.0, True)
        with pytest.raises(ValueError, match="read-only"):
            one.masks[0][0] = 1
        _, info = one.reset(seed=0)
        info["action_mask"][:] = 0  # what the agent is told is its own
        assert one.masks[one.state].any()
    paid = bare("hfrl/PizzaKitchen-v0", layout="galley", taste_paid=10.0)
    assert paid.P is not bare("hfrl/PizzaKitchen-v0", layout="galley").P


@every_table
def test_a_mask_is_zero_exactly_where_only_time_is_lost(name: str, kwargs: dict[str, str]) -> None:
    env = bare(name, **kwargs)
    for state, rows in enumerate(env.P):
        only_time = [list(outcomes) == [(1.0, state, recipe.STEP_REWARD, False)] for outcomes in rows]
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
    ("square", "^^<<uu vvuu vvu >>u >>u ^^^^u <<u >>vvu", CALM, 6.5, 0.0),  # all the toppings, and a second roll
    ("galley", "^<<<<u >>u >>u <vvuu >>>>>u", CALM, 7.7, 0.3),
    ("islands", "^<^<u <<u vvuu ^^>>u >>u >>u vvvv<<<<u", CALM, 6.7, 0.9),  # a wall, and sauce before there is dough
]


@pytest.mark.parametrize(("layout", "story", "luck", "automated", "taste"), KITCHEN_STORIES)
def test_stories_in_the_kitchen(layout: str, story: str, luck: float, automated: float, taste: float) -> None:
    env = bare(KITCHEN, layout=layout)
    earned, tasted, info = tell(env, story, luck)
    assert earned == pytest.approx(automated, abs=1e-12)
    assert tasted == pytest.approx(taste, abs=1e-12)
    assert info["is_success"] is (automated > 0)


def test_stories_of_every_named_customer() -> None:
    told = {customer for _, customer, *_ in COUNTER_STORIES}
    assert told == set(recipe.CUSTOMERS)
    assert len(told) >= 5


def test_the_same_seed_tells_the_same_story() -> None:
    def walk(seed: int) -> list[tuple[int, float]]:
        env = bare(COUNTER)
        env.reset(seed=seed)
        rng = np.random.default_rng(4)
        seen = []
        for _ in range(200):
            state, reward, terminated, _, _ = env.step(int(rng.integers(7)))
            seen.append((state, reward))
            if terminated or len(seen) % 12 == 0:
                env.reset()
        return seen

    assert walk(3) == walk(3)
    assert len({tuple(walk(seed)) for seed in range(8)}) > 1  # the oven is uneven


# --- customers -------------------------------------------------------------------------------------------------------

GUESTS = [(name, 0) for name in recipe.CUSTOMERS] + [("random", seed) for seed in range(6)]


def tastiest(env: Any) -> float:
    return mdp.best_return(mdp.from_env(env, mdp.tasting(env, 1.0, automated=0.0)), 50)


@pytest.mark.parametrize(("customer", "seed"), GUESTS)
def test_every_customer_can_be_pleased_at_little_cost(customer: str, seed: int) -> None:
    """There is an optimum, and a policy that comes to 85 % of its taste at 90 % of the automated optimum."""
    env = bare(COUNTER, customer=customer, customer_seed=seed)
    most = tastiest(env)
    assert 0.5 < most <= 1.0
    q = mdp.q_star(mdp.from_env(env, mdp.tasting(env, 10.0)), 0.99)
    returns, tastes = simulate(env, q.argmax(axis=1), 400)
    assert np.mean(tastes) >= 0.85 * most
    assert np.mean(returns) >= 0.9 * mdp.best_return(mdp.from_env(env), 50)


def test_the_automated_reward_alone_does_not_please_the_default_customer() -> None:
    env = bare(COUNTER)
    _, tastes = simulate(env, mdp.q_star(mdp.from_env(env), 1.0).argmax(axis=1), 400)
    assert np.mean(tastes) <= 0.6 * tastiest(env)


def test_random_customers_repeat_with_their_seed_and_differ_between_seeds() -> None:
    drawn = [recipe.customer_named("random", seed) for seed in range(8)]
    assert drawn == [recipe.customer_named("random", seed) for seed in range(8)]
    assert len(set(drawn)) == 8
    for customer in drawn:
        likes = sorted((customer.mushroom, customer.olive, customer.pineapple))
        assert likes[1] <= 0 < 0.4 <= likes[2] <= 0.7  # one topping is craved, the others are not
    world = bare(COUNTER, customer="random", customer_seed=3)
    assert world.customer == drawn[3]


def test_a_customer_is_the_same_person_at_the_counter_and_in_the_kitchen() -> None:
    counter, kitchen = bare(COUNTER, customer="hawaiian"), bare(KITCHEN, customer="hawaiian")
    for cell in (0, 7, 24):
        for pizza in range(recipe.PIZZAS):
            assert kitchen.taste(cell * recipe.PIZZAS + pizza) == counter.taste(pizza)


@pytest.mark.parametrize("customer", recipe.CUSTOMERS)
def test_taste_is_within_0_and_1_and_nothing_unless_proper(customer: str) -> None:
    env = bare(COUNTER, customer=customer)
    for pizza in range(recipe.PIZZAS):
        assert 0.0 <= env.taste(pizza) <= 1.0
        if not recipe.is_proper(pizza):
            assert env.taste(pizza) == 0.0


# --- the secret ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reveal", [False, True])
@every_table
def test_taste_is_told_only_when_served_and_only_where_revealed(
    name: str, kwargs: dict[str, str], reveal: bool
) -> None:
    env = gymnasium.make(name, reveal_taste=reveal, **kwargs)
    rng = np.random.default_rng(1)
    _, info = env.reset(seed=1)
    served = cut = 0
    for _ in range(6_000):
        assert "taste" not in info
        _, _, terminated, truncated, info = env.step(int(rng.integers(env.action_space.n)))
        assert ("taste" in info) == (terminated and reveal)
        assert ("is_success" in info) == terminated
        if terminated:
            served += 1
            assert info["is_success"] is recipe.is_proper(env.unwrapped.state % recipe.PIZZAS)
            if reveal:
                assert info["taste"] == env.unwrapped.taste(env.unwrapped.state)
        cut += truncated
        if terminated or truncated:
            _, info = env.reset()
    assert served > 3
    assert cut > 0 or name == COUNTER


def test_a_revealed_taste_is_the_customers() -> None:
    *_, info = tell(bare(COUNTER, reveal_taste=True), "dscmbbr", CALM)
    assert info["taste"] == pytest.approx(0.9)
    *_, info = tell(bare(COUNTER, reveal_taste=True), "dscr", CALM)
    assert info["taste"] == 0.0


@every_world
def test_nothing_an_agent_sees_depends_on_the_customer(name: str, kwargs: dict[str, str]) -> None:
    """Two customers who could not differ more, the same actions: the same observations, rewards, ends and infos."""
    guests = [bare(name, customer=customer, **kwargs) for customer in ("hawaiian", "olive_purist")]
    assert guests[0].P == guests[1].P
    assert guests[0].observation_space == guests[1].observation_space
    assert any(guests[0].taste(state) != guests[1].taste(state) for state in range(recipe.PIZZAS))
    rng = np.random.default_rng(2)
    for env in guests:
        env.reset(seed=9)
    for _ in range(150):
        action = int(rng.integers(guests[0].action_space.n))
        (o, *rest, info), (o2, *rest2, info2) = (env.step(action) for env in guests)
        np.testing.assert_array_equal(o, o2)
        assert rest == rest2
        assert info.keys() == info2.keys()
        assert info.get("is_success") == info2.get("is_success")
        if rest[1]:
            for env in guests:
                env.reset()


@pytest.mark.parametrize("name", ["hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0"])
def test_only_the_reference_world_pays_for_taste(name: str) -> None:
    """``taste_paid`` adds its multiple of the taste to serving, and nothing else differs."""
    plain, paid = (gymnasium.make(name, **kwargs).unwrapped for kwargs in ({}, {"taste_paid": 10.0}))
    served = 0
    for state, rows in enumerate(plain.P):
        for action, outcomes in enumerate(rows):
            for (p, after, reward, ends), other in zip(outcomes, paid.P[state][action], strict=True):
                bonus = 10.0 * plain.taste(state) if ends else 0.0
                assert other == (p, after, pytest.approx(reward + bonus), ends)
                served += bonus > 0
    assert served


def test_rewards_know_nothing_but_time_toppings_and_the_formula() -> None:
    for pizza in range(recipe.PIZZAS):
        state = recipe.decode(pizza)
        for deed in range(8):
            for _, after, reward, served in recipe.outcomes(pizza, deed):
                laid = recipe.decode(after).toppings - state.toppings
                paid = 0.0
                if deed == recipe.SERVE:
                    proper = state.sauce and state.cheese and state.bake in (2, 3)
                    paid = 10.0 if proper else -5.0 if not state.dough or state.bake == 4 else -2.0
                assert reward == pytest.approx(-0.1 - 0.1 * laid + paid, abs=1e-12)
                assert served == (deed == recipe.SERVE)


# --- numbers of pizzas, observations ---------------------------------------------------------------------------------


def test_encode_and_decode_are_a_bijection_over_161_pizzas() -> None:
    states = [recipe.decode(pizza) for pizza in range(161)]
    assert recipe.PIZZAS == 161
    assert len(set(states)) == 161
    assert [recipe.encode(state) for state in states] == list(range(161))
    assert sum(state.dough for state in states) == 2**5 * 5
    assert recipe.decode(recipe.NO_DOUGH) == recipe.PizzaState(False, False, False, False, False, False, 0)
    sauce_cheese_olive_crisp = recipe.PizzaState(True, True, True, False, True, False, recipe.CRISP)
    assert recipe.encode(sauce_cheese_olive_crisp) == 1 + (8 * 3 + 2) * 5 + 3


def test_a_pizza_in_words() -> None:
    words = {
        "no dough": 0,
        "raw dough": 1,
        "pale pizza with sauce": 1 + 16 * 5 + 1,
        "golden pizza with sauce, cheese and mushroom": 1 + (24 + 1) * 5 + 2,
        "burnt pizza with olive and pineapple": 1 + 6 * 5 + 4,
    }
    assert {text: recipe.describe(pizza) for text, pizza in words.items()} == {text: text for text in words}
    assert len({recipe.describe(pizza) for pizza in range(161)}) == 161


def oven_neighbours(rows: list[str]) -> set[tuple[int, int]]:
    """The oven and the free cells a move away from it, read off the map."""
    ((r, c),) = [(r, row.index("V")) for r, row in enumerate(rows) if "V" in row]
    around = {(r, c), (r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)}
    return {(i, j) for i, j in around if rows[i][j] != "#"}


@pytest.mark.parametrize("layout", MAPS)
def test_partial_hides_the_bake_level_and_nothing_else(layout: str) -> None:
    env = bare(KITCHEN, layout=layout, observation="partial")
    near = oven_neighbours(env.plan.rows)
    assert 3 <= len(near) <= 5
    seen: dict[int, set[tuple[int, ...]]] = {}
    for state in range(len(env.P)):
        cell, pizza = divmod(state, recipe.PIZZAS)
        observation = env.observe(state)
        assert env.observation_space.contains(observation)
        *content, bake = recipe.decode(pizza)
        known = bake if env.plan.cells[cell] in near else -1
        seen.setdefault(observation, set()).add((cell, *map(int, content), known))
    assert all(len(what) == 1 for what in seen.values())  # an observation says all of this
    cells = len(env.plan.cells)
    assert len(seen) == cells + 32 * (5 * len(near) + cells - len(near))  # and nothing more


@pytest.mark.parametrize("layout", MAPS)
def test_features_lie_in_their_box_and_tell_all_states_apart(layout: str) -> None:
    env = bare(KITCHEN, layout=layout, observation="features")
    features = np.array([env.observe(state) for state in range(len(env.P))])
    box = env.observation_space
    assert features.dtype == box.dtype == np.float32
    assert features.shape[1:] == box.shape
    assert (features >= box.low).all()
    assert (features <= box.high).all()
    assert len(np.unique(features, axis=0)) == len(env.P)
    cells = len(env.plan.cells)
    state = 3 * recipe.PIZZAS + recipe.encode(recipe.PizzaState(True, True, False, False, True, False, recipe.CRISP))
    expected = [float(cell == 3) for cell in range(cells)] + [1, 1, 0, 0, 1, 0] + [0, 0, 0, 1, 0]
    assert env.observe(state).tolist() == expected
    assert env.observe(3 * recipe.PIZZAS)[cells:].tolist() == [0.0] * 11  # without dough nothing is baked


def test_pixels_are_the_callers_own() -> None:
    env = bare(KITCHEN, observation="pixels")
    first, _ = env.reset(seed=0)
    assert env.observation_space.contains(first)
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(env.reset(seed=0)[0], kept)


def test_an_index_is_cell_times_161_plus_pizza() -> None:
    env = bare(KITCHEN)
    assert env.observation_space.n == len(env.P) == 25 * 161
    row, column = env.plan.cells[env.reset(seed=0)[0] // recipe.PIZZAS]
    assert env.plan.rows[row][column] == "@"
    env.np_random = Luck(CALM)
    for action in actions_of(env, "^^<<u"):
        state = env.step(action)[0]
    assert state == 0 * 161 + 1  # the first free cell is the dough station, and 1 is raw dough


# --- text, maps and mistakes -----------------------------------------------------------------------------------------


def test_the_counter_prints_the_pizza() -> None:
    env = bare(COUNTER, render_mode="ansi")
    env.np_random = Luck(CALM)
    printed = [env.render()]
    for action in actions_of(env, "dscmb"):
        env.step(action)
        printed.append(env.render())
    assert printed == [
        "no dough\n",
        "raw dough\n",
        "raw pizza with sauce\n",
        "raw pizza with sauce and cheese\n",
        "raw pizza with sauce, cheese and mushroom\n",
        "pale pizza with sauce, cheese and mushroom\n",
    ]


def test_the_kitchen_prints_its_map() -> None:
    env = bare(KITCHEN, render_mode="ansi")
    assert env.render() == "#######\n#D.S.C#\n#.....#\n#V.@.K#\n#.....#\n#M.O.P#\n#######\nno dough\n"
    for action in actions_of(env, "^^<<u"):
        env.step(action)
    assert env.render() == "#######\n#@.S.C#\n#.....#\n#V...K#\n#.....#\n#M.O.P#\n#######\nraw dough\n"


@pytest.mark.parametrize("name", LIMITS)
def test_a_world_made_without_a_render_mode_says_how_to_get_a_picture(name: str) -> None:
    env = bare(name)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


TINY = "#####/#@DS#/#CMO#/#PVK#/#####"


def test_a_map_as_text_in_either_form() -> None:
    env = bare(KITCHEN, layout=TINY)
    assert len(env.plan.cells) == 9
    assert env.P == bare(KITCHEN, layout=TINY.replace("/", "\n")).P
    earned, tasted, _ = tell(env, ">u >u v<<u >vuu >u", CALM)
    # roll, sauce, cheese, to the oven (3,2), two minutes, one step to the counter
    assert (earned, tasted) == (pytest.approx(10 - 0.1 * 14), pytest.approx(0.3))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layout": "castle"}, "unknown layout 'castle'; expected one of square, galley, islands"),
        ({"layout": TINY.replace("O", "X")}, "unknown mark 'X'"),
        ({"layout": TINY.replace("O", ".")}, "'O' exactly once, found 0"),
        ({"layout": TINY.replace("O", "S")}, "exactly once"),
        ({"layout": TINY.replace("@", ".")}, "'@' exactly once, found 0"),
        ({"layout": TINY.replace("#@DS#", "#@DS##")}, "every row of the map must be 5 wide"),
        ({"layout": TINY.replace("#@DS#", "#@DS.")}, "border must be wall"),
        ({"layout": TINY.removesuffix("/#####")}, "border must be wall"),
        ({"layout": "#"}, "exactly once"),
        ({"observation": "smell"}, "unknown observation 'smell'; expected one of index, features, pixels, partial"),
        ({"customer": "crispy_mushrom"}, "unknown customer 'crispy_mushrom'; expected one of crispy_mushroom"),
    ],
)
def test_a_mistake_in_the_kitchen_is_a_clear_value_error(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        gymnasium.make(KITCHEN, **wrong)


def test_a_mistake_at_the_counter_is_a_clear_value_error() -> None:
    with pytest.raises(ValueError, match=r"unknown customer 'nobody'; expected one of .*random"):
        gymnasium.make(COUNTER, customer="nobody")


@pytest.mark.parametrize("layout", MAPS)
def test_every_free_cell_of_our_maps_can_be_walked_to(layout: str) -> None:
    plan = Floorplan(MAPS[layout])
    reached, edge = {plan.start}, [plan.start]
    while edge:
        cell = edge.pop()
        after = {plan.move(cell, action) for action in range(4)} - reached
        reached |= after
        edge += after
    assert reached == set(range(len(plan.cells)))
    assert sorted(plan.stations.values()) == list(range(8))


@pytest.mark.parametrize("layout", MAPS)
def test_moves_are_up_right_down_left(layout: str) -> None:
    plan = PizzaKitchen(layout).plan
    for cell, (row, column) in enumerate(plan.cells):
        for action, (down, right) in enumerate([(-1, 0), (0, 1), (1, 0), (0, -1)]):
            ahead = (row + down, column + right)
            free = plan.rows[ahead[0]][ahead[1]] != "#"
            assert plan.cells[plan.move(cell, action)] == (ahead if free else (row, column))
