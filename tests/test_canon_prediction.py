"""Prediction, bandits and planning: numbers by hand, what is equal to what, and what each must come to."""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from scipy import stats

from hfrl import registry
from hfrl.agents.bandit_thompson import believed
from hfrl.loop import evaluate, play
from hfrl.mdp import MDP, backup, best_return, from_env, q_star
from hfrl.planning import policy_evaluation, policy_values
from hfrl.types import Judgement, Learnt, Step, UserError

EXACT = 1e-12
PREDICTION = ["td0", "td_lambda", "n_step_td", "true_online_td", "mc_prediction"]
PLANNING = ["value_iteration", "policy_iteration", "async_value_iteration"]


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def room(states: int, actions: int = 2) -> Any:
    """All that an agent reads of a world."""
    return SimpleNamespace(observation_space=spaces.Discrete(states), action_space=spaces.Discrete(actions))


def agent_of(name: str, env: Any, **settings: Any) -> Any:
    return registry.resolve(name, registry.AGENTS, "agent")(env, **settings)


def told(judgement: Judgement) -> float:
    return judgement.step.reward


def taught(agent: Any, steps: Sequence[Step]) -> Any:
    """The agent after these steps."""
    for step in steps:
        agent.update(Judgement(step), told)
    return agent


def step(s: int, r: float, s2: int, end: str = "", a: int = 0) -> Step:
    return Step(0, 0, s, a, r, s2, terminated=end == "terminated", truncated=end == "truncated")


def life(seed: int, states: int = 5, episodes: int = 6, longest: int = 9) -> list[Step]:
    """Episodes of random steps, some terminated and some truncated."""
    rng = np.random.default_rng(seed)
    steps = []
    for _ in range(episodes):
        length = int(rng.integers(1, longest + 1))
        seen = rng.integers(states, size=length + 1).tolist()
        end = ["terminated", "truncated"][int(rng.integers(2))]
        for t in range(length):
            steps.append(step(seen[t], float(rng.normal()), seen[t + 1], end if t + 1 == length else ""))
    return steps


# --- prediction, by hand: alpha .5, gamma .5, lambda .5, v = 1 2 4 ---------------------------------------------------

HAND = {"learning_rate": 0.5, "gamma": 0.5}
#: From state 0 with reward 1 to state 1, then with reward 2 to state 2: v after both steps.
BY_HAND: list[tuple[str, dict[str, Any], str, list[float]]] = [
    # Targets 1 + .5 * 2 = 2 and 2 + .5 * 4 = 4; or 2 alone.
    ("td0", {}, "", [1.5, 3.0, 4.0]),
    ("td0", {}, "terminated", [1.5, 2.0, 4.0]),
    ("td0", {}, "truncated", [1.5, 3.0, 4.0]),
    # The second error, 2 or 0, reaches state 0 by its trace of .25: 1.5 + .5 * 2 * .25.
    ("td_lambda", {"lam": 0.5}, "", [1.75, 3.0, 4.0]),
    ("td_lambda", {"lam": 0.5}, "terminated", [1.5, 2.0, 4.0]),
    ("td_lambda", {"lam": 0.5}, "truncated", [1.75, 3.0, 4.0]),
    # Two rewards and V(2): 1 + .5 * 2 + .25 * 4 = 3; at an end state 1 learns too, 4 or 2.
    ("n_step_td", {"n": 2}, "", [2.0, 2.0, 4.0]),
    ("n_step_td", {"n": 2}, "terminated", [1.5, 2.0, 4.0]),
    ("n_step_td", {"n": 2}, "truncated", [2.0, 3.0, 4.0]),
    # State 1 had not moved since it was bootstrapped from, so that both kinds of traces agree but for e(0) = .125.
    ("true_online_td", {"lam": 0.5}, "", [1.75, 3.0, 4.0]),
    ("true_online_td", {"lam": 0.5}, "terminated", [1.5, 2.0, 4.0]),
    ("true_online_td", {"lam": 0.5}, "truncated", [1.75, 3.0, 4.0]),
    ("mc_prediction", {}, "", [1.0, 2.0, 4.0]),
    ("mc_prediction", {}, "terminated", [1.5, 2.0, 4.0]),
    ("mc_prediction", {}, "truncated", [2.0, 3.0, 4.0]),
    # The first return of all is the average.
    ("mc_prediction", {"first_visit": True}, "terminated", [2.0, 2.0, 4.0]),
    ("mc_prediction", {"first_visit": True}, "truncated", [3.0, 4.0, 4.0]),
]


@pytest.mark.parametrize(("name", "settings", "end", "after"), BY_HAND)
def test_two_steps_of_prediction_by_hand(name: str, settings: dict[str, Any], end: str, after: list[float]) -> None:
    agent = agent_of(name, room(3), **HAND, **settings)
    agent.v = [1.0, 2.0, 4.0]
    assert taught(agent, [step(0, 1.0, 1), step(1, 2.0, 2, end)]).v == after


@pytest.mark.parametrize(
    ("traces", "after"),
    # State 0 twice: errors 1 and, from v = .5, 1 + .5 * .5 - .5 = .75 with a trace of 1.25 or 1.
    [("accumulating", 0.5 + 0.5 * 0.75 * 1.25), ("replacing", 0.5 + 0.5 * 0.75)],
)
def test_traces_of_a_state_that_comes_again(traces: str, after: float) -> None:
    agent = agent_of("td_lambda", room(2), **HAND, lam=0.5, traces=traces)
    taught(agent, [step(0, 1.0, 0), step(0, 1.0, 0)])
    assert agent.v == [after, 0.0]
    assert agent.e == [0.3125 if traces == "accumulating" else 0.25, 0.0]


def test_a_true_online_trace_of_a_state_that_comes_again() -> None:
    # e = 1 - .5 = .5 in the book's scale of alpha z; here z: 1, .25, then .25 + 1 - .5 * .25 = 1.125.
    # V = .5, V_old = 0: .5 + .5 (.75 + .5) 1.125 - .5 * .5 = .953125.
    agent = agent_of("true_online_td", room(2), **HAND, lam=0.5)
    taught(agent, [step(0, 1.0, 0), step(0, 1.0, 0)])
    assert agent.v == [0.953125, 0.0]
    assert agent.e == [1.125 * 0.25, 0.0]
    assert agent.v_old == [0.5]


@pytest.mark.parametrize(("first_visit", "after"), [(False, 1.75), (True, 3.0)])
def test_a_state_seen_twice_in_an_episode(first_visit: bool, after: float) -> None:
    # Returns 2 + 2 * .5 = 3 and 2 from state 0: half-way to 3, then half-way to 2; or the first alone.
    agent = agent_of("mc_prediction", room(2), **HAND, first_visit=first_visit)
    assert taught(agent, [step(0, 2.0, 0), step(0, 2.0, 1, "terminated")]).v == [after, 0.0]


def test_the_numbers_of_an_update() -> None:
    agent = agent_of("td0", room(2), **HAND, initial_value=1.0)
    update = agent.update(Judgement(step(0, 2.0, 1)), lambda judgement: 3.0)  # it learns what it is told
    assert update == (1.0, 3.5, 2.5, 2.25, 3.0, 1.0)
    waiting = agent_of("n_step_td", room(2), n=2)
    assert waiting.update(Judgement(step(0, 2.0, 1)), told) is None
    assert waiting.steps == 1


# --- what is equal to what -------------------------------------------------------------------------------------------

SAME = {"learning_rate": 0.3, "gamma": 0.9, "initial_value": 0.2}
EQUAL = [
    ("td_lambda", {"lam": 0.0}, "td0", {}),
    ("td_lambda", {"lam": 0.0, "traces": "replacing"}, "td0", {}),
    ("true_online_td", {"lam": 0.0}, "td0", {}),
    ("n_step_td", {"n": 1}, "td0", {}),
    ("n_step_td", {"n": 9}, "mc_prediction", {}),
    ("n_step_td", {"n": 500}, "mc_prediction", {}),
    ("mc_prediction", {"horizon": 1}, "td0", {}),
]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("one", "its", "other", "others"), EQUAL)
def test_at_the_ends_of_their_dials(
    one: str, its: dict[str, Any], other: str, others: dict[str, Any], seed: int
) -> None:
    steps = life(seed)
    first = taught(agent_of(one, room(5), **SAME, **its), steps)
    second = taught(agent_of(other, room(5), **SAME, **others), steps)
    np.testing.assert_allclose(first.v, second.v, rtol=0, atol=EXACT)


def online_lambda_returns(steps: Sequence[Step], v: list[float], alpha: float, gamma: float, lam: float) -> list[float]:
    """The online lambda-return algorithm, word for word (Sutton & Barto, section 12.4), for one episode.

    At horizon h all of its h updates are made anew, from the values of the episode's start, with the lambda-returns cut
    off at h. An n-step return bootstraps from the values that the horizon at its end had come to.
    """
    history = [list(v)]
    for h in range(1, len(steps) + 1):
        now = list(v)
        for t in range(h):

            def n_step(n: int, t: int = t) -> float:
                rewards = sum(gamma**k * steps[t + k].reward for k in range(n))
                last = steps[t + n - 1]
                return rewards + (0.0 if last.terminated else gamma**n * history[t + n - 1][last.next_observation])

            g = sum((1 - lam) * lam ** (n - 1) * n_step(n) for n in range(1, h - t))
            g += lam ** (h - t - 1) * n_step(h - t)
            s = steps[t].observation
            now[s] += alpha * (g - now[s])
        history.append(now)
    return history[-1]


@pytest.mark.parametrize("lam", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(8))
def test_true_online_td_is_the_online_lambda_return_algorithm(seed: int, lam: float) -> None:
    steps = life(seed, longest=20)
    agent = agent_of("true_online_td", room(5), **SAME, lam=lam)
    v = list(agent.v)
    begin = 0
    for end, one in enumerate(steps, 1):
        agent.update(Judgement(one), told)
        if one.ended:
            v = online_lambda_returns(steps[begin:end], v, 0.3, 0.9, lam)
            np.testing.assert_allclose(agent.v, v, rtol=0, atol=EXACT)
            begin = end


@pytest.mark.parametrize("seed", range(8))
def test_first_visits_are_averaged(seed: int) -> None:
    steps = [one for one in life(seed, episodes=30) if not one.truncated]
    steps = steps[: max(k for k, one in enumerate(steps) if one.terminated) + 1]
    returns: dict[int, list[float]] = {s: [] for s in range(5)}
    episode: list[Step] = []
    for one in steps:
        episode.append(one)
        if one.terminated:
            for t, before in enumerate(episode):
                if before.observation not in [e.observation for e in episode[:t]]:
                    g = sum(0.9**k * e.reward for k, e in enumerate(episode[t:]))
                    returns[before.observation].append(g)
            episode = []
    agent = taught(agent_of("mc_prediction", room(5), **SAME, first_visit=True), steps)
    np.testing.assert_allclose(agent.v, [np.mean(returns[s]) for s in range(5)], rtol=0, atol=EXACT)
    assert agent.count == [len(returns[s]) for s in range(5)]


@pytest.mark.parametrize("name", PREDICTION)
@pytest.mark.parametrize("seed", range(5))
def test_nothing_leaks_over_either_end_of_an_episode(name: str, seed: int) -> None:
    steps = life(seed)
    cut = next(k for k, one in enumerate(steps) if one.ended) + 1
    whole = taught(agent_of(name, room(5), **SAME), steps)
    second = agent_of(name, room(5), **SAME)
    second.v = taught(agent_of(name, room(5), **SAME), steps[:cut]).v
    assert taught(second, steps[cut:]).v == whole.v


@pytest.mark.parametrize("name", PREDICTION)
def test_a_checkpoint_in_the_middle_of_an_episode(name: str) -> None:
    steps = life(3)
    middle = next(k for k, one in enumerate(steps) if k > 5 and not one.ended) + 1
    agent, other = agent_of(name, room(5), **SAME), agent_of(name, room(5), **SAME)
    other.restore(taught(agent, steps[:middle]).arrays())
    assert taught(other, steps[middle:]).v == taught(agent, steps[middle:]).v


# --- what prediction comes to ----------------------------------------------------------------------------------------


def walked(agent: Any, env: Any, steps: int, seed: int) -> Any:
    for _ in play(env, agent, seed=seed, steps=steps):
        pass
    return agent


def exact_values(env: Any, agent: Any) -> Any:
    """The values of the agent's policy, from the world's table."""
    return policy_values(from_env(env), np.array(agent.pi), agent.gamma)


@pytest.mark.parametrize("given", [None, [[0.3, 0.7]] * 7], ids=["random", "given"])
@pytest.mark.parametrize(
    ("name", "settings"), [*((name, {}) for name in PREDICTION), ("mc_prediction", {"first_visit": True})]
)
def test_prediction_finds_the_values_of_its_policy(name: str, settings: dict[str, Any], given: Any) -> None:
    """Eight seeds of 15 000 steps; a value of one seed scatters by .05 at most, and the mean by a third of that."""
    env = make("hfrl/RandomWalk-v0", states=5)
    found = []
    for seed in range(8):
        agent = agent_of(name, env, policy=given, gamma=1.0, learning_rate="linear:0.05:0.0005:15000", **settings)
        found.append(walked(agent, env, 15_000, seed).v)
    inner = (np.array(found) - exact_values(env, agent))[:, 1:6]
    assert np.abs(inner.mean(axis=0)).max() < 0.06  # from values of 0 at the start; the exact ones go up to .97
    assert np.abs(inner).max() < 0.2


def test_the_walk_has_the_books_values() -> None:
    env = make("hfrl/RandomWalk-v0", states=5)
    agent = agent_of("td0", env)
    np.testing.assert_allclose(exact_values(env, agent)[1:6], np.arange(1, 6) / 6, atol=EXACT)


def test_the_policy_is_followed_and_never_improved() -> None:
    given = [[0.25, 0.75], [1.0, 0.0]]
    agent = agent_of("td0", room(2), policy=given, seed=0)
    agent.v = [3.0, -1.0]
    for policy in (agent.policy, agent.greedy_policy):
        assert policy(0).probabilities == [0.25, 0.75]
        assert policy(1, [0.0, 9.0]).probabilities == [1.0, 0.0]
    assert agent.q_values(0) == [3.0, 3.0]
    assert agent.predict(0)[0] == 1
    assert agent.predict(np.array([0, 1]))[0].tolist() == [1, 0]
    drawn = [agent.predict(0, deterministic=False)[0] for _ in range(2000)]
    assert np.mean(drawn) == pytest.approx(0.75, abs=0.04)  # four standard errors
    assert agent.exploration == "fixed"
    assert agent.rates() == {"alpha": 0.1}
    assert set(agent.arrays()) == {"v", "pi", "clock"}


def test_evaluation_plays_the_policy_that_is_predicted() -> None:
    env = make("hfrl/RandomWalk-v0", states=5)
    agent = agent_of("td0", env, policy=[[0.3, 0.7]] * 7)
    returns = evaluate(env, agent, episodes=2000).returns
    assert returns.mean() == pytest.approx(exact_values(env, agent)[3], abs=0.04)  # four standard errors


# --- bandits ---------------------------------------------------------------------------------------------------------


def pull(agent: Any, a: int, r: float, s: int = 0) -> Any:
    return agent.update(Judgement(step(s, r, s, a=a)), told)


def test_values_of_a_bandit_by_hand() -> None:
    average = agent_of("bandit_value", room(1), initial_value=5.0)
    assert [pull(average, 0, r).new for r in (1.0, 3.0, 5.0)] == [1.0, 2.0, 3.0]  # the average forgets its start
    assert (average.q, average.n) == ([[3.0, 5.0]], [[3, 0]])
    constant = agent_of("bandit_value", room(1), step=0.5, initial_value=5.0)
    assert [pull(constant, 0, r).new for r in (1.0, 3.0)] == [3.0, 3.0]
    assert constant.greedy_policy(0).probabilities == [0.0, 1.0]  # optimism: the other lever is next


def test_upper_bounds_of_a_bandit_by_hand() -> None:
    agent = agent_of("bandit_value", room(1, 3), exploration="ucb", confidence=2.0)
    for a, r in ((0, 1.0), (1, 0.5), (1, 0.5), (2, 0.0)):
        pull(agent, a, r)
    # t = 4: 1 + 2 sqrt(ln 4) = 3.355, .5 + 2 sqrt(ln 4 / 2) = 2.165, 2.355.
    assert agent.policy(0).probabilities == [1.0, 0.0, 0.0]
    assert agent.q_values(0) == [1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    ("baseline", "rewards", "preferences"),
    [
        # pi = 1/2: H(0) = .5 * 2 * .5. With a baseline the first reward is its own average.
        (False, [2.0], [0.5, -0.5]),
        (True, [2.0], [0.0, 0.0]),
        (True, [2.0, 4.0], [0.25, -0.25]),  # 4 against a mean of 3
    ],
)
def test_preferences_of_a_bandit_by_hand(baseline: bool, rewards: list[float], preferences: list[float]) -> None:
    agent = agent_of("bandit_gradient", room(1), baseline=baseline, learning_rate=0.5)
    for r in rewards:
        pull(agent, 0, r)
    assert agent.q == [preferences]
    weights = np.exp(preferences)
    assert agent.policy(0).probabilities == pytest.approx(weights / weights.sum())


def test_the_gradient_is_the_gradient() -> None:
    """The expected step is alpha times the gradient of the expected reward, here by finite differences."""
    true, preferences = np.array([1.0, -0.5, 2.0]), [0.3, -0.2, 0.1]

    def expected(h: Any) -> float:
        pi = np.exp(h) / np.exp(h).sum()
        return float(pi @ true)

    pi = np.exp(preferences) / np.exp(preferences).sum()
    mean = np.zeros(3)
    for a in range(3):
        agent = agent_of("bandit_gradient", room(1, 3), baseline=False, learning_rate=1.0)
        agent.q = [list(preferences)]
        pull(agent, a, true[a])
        mean += pi[a] * (np.array(agent.q[0]) - preferences)
    nudged = [(expected(preferences + d) - expected(preferences - d)) / 2e-6 for d in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(mean, nudged, atol=1e-8)


@pytest.mark.parametrize("end", ["", "terminated", "truncated"])
@pytest.mark.parametrize("name", ["bandit_value", "bandit_gradient", "bandit_thompson"])
def test_a_bandit_looks_at_nothing_but_the_reward(name: str, end: str) -> None:
    one, other = agent_of(name, room(2)), agent_of(name, room(2))
    for agent in (one, other):
        agent.begin(np.random.default_rng(0))
    other.q[1] = [7.0, 7.0]
    taught(one, [step(0, 1.0, 0)])
    taught(other, [step(0, 1.0, 1, end)])
    assert one.q[0] == other.q[0]


@pytest.mark.parametrize("name", ["bandit_value", "bandit_gradient", "bandit_thompson"])
def test_every_state_has_levers_of_its_own(name: str) -> None:
    agent = agent_of(name, room(2))
    before = list(agent.q[1])
    for a, r in ((0, 1.0), (1, 5.0), (0, 2.0)):
        pull(agent, a, r, s=0)
    assert agent.q[1] == before
    assert agent.policy(1).probabilities == pytest.approx([0.5, 0.5])
    for a, r in ((0, 1.0), (1, 5.0), (0, 2.0)):
        pull(agent, a, r, s=1)
    assert agent.q[1] == pytest.approx(agent.q[0])


@pytest.mark.parametrize(
    ("prior", "a_plus_b"), [({}, (1.0, 1.0)), ({"prior_weight": 4, "initial_value": 0.25}, (1, 3))]
)
def test_the_beta_posterior_is_scipys(prior: dict[str, float], a_plus_b: tuple[float, float]) -> None:
    agent = agent_of("bandit_thompson", room(1), posterior="beta", **prior)
    agent.begin(np.random.default_rng(1))
    for r in (1.0, 0.0, 1.0, 1.0):
        pull(agent, 0, r)
    exact = stats.beta(a_plus_b[0] + 3, a_plus_b[1] + 1)
    assert agent.q_values(0)[0] == pytest.approx(exact.mean(), abs=EXACT)
    weight = agent.prior_weight + agent.pulls[0][0]
    rng = np.random.default_rng(2)
    drawn = [believed(agent.q[0][0], weight, agent.gaussian, agent.noise, rng) for _ in range(20_000)]
    assert stats.kstest(drawn, exact.cdf).pvalue > 0.001
    assert np.var(drawn) == pytest.approx(exact.var(), rel=0.05)


@pytest.mark.parametrize(("mean", "weight"), [(0.5, 1.0), (0.02, 60.0), (0.9, 5.5), (0.3, 3000.0)])
def test_draws_from_beta_distributions(mean: float, weight: float) -> None:
    rng = np.random.default_rng(3)
    drawn = [believed(mean, weight, 0, 1.0, rng) for _ in range(20_000)]
    assert stats.kstest(drawn, stats.beta(weight * mean, weight * (1 - mean)).cdf).pvalue > 0.001


def test_the_gaussian_posterior_is_the_conjugate_one() -> None:
    # Prior N(2, 3^2 / .5), noise 3: precision (.5 + n) / 9, mean (.5 * 2 + sum of the rewards) / (.5 + n).
    agent = agent_of("bandit_thompson", room(1), noise=3.0, prior_weight=0.5, initial_value=2.0)
    agent.begin(np.random.default_rng(1))
    for r in (1.0, -4.0, 7.0):
        pull(agent, 0, r)
    assert agent.q_values(0)[0] == pytest.approx((0.5 * 2 + 4) / 3.5, abs=EXACT)
    rng = np.random.default_rng(2)
    drawn = [believed(agent.q[0][0], 3.5, agent.gaussian, agent.noise, rng) for _ in range(20_000)]
    assert stats.kstest(drawn, stats.norm(5 / 3.5, 3 / np.sqrt(3.5)).cdf).pvalue > 0.001


def test_thompsons_policy_acts_on_the_draw_and_is_judged_by_the_mean() -> None:
    agent = agent_of("bandit_thompson", room(1))
    assert agent.policy(0).probabilities == [0.5, 0.5]  # independent draws from one prior
    agent.q, agent.sampled = [[1.0, 2.0]], [[0.7, 0.3]]
    assert agent.policy(0).probabilities == [1.0, 0.0]
    assert agent.policy(0, [0.0, 1.0]).probabilities == [0.0, 1.0]
    assert agent.greedy_policy(0).probabilities == [0.0, 1.0]
    assert agent.greedy_policy(0, [2.0, 0.0]).probabilities == [1.0, 0.0]
    assert agent.predict(0)[0] == 1


def test_thompson_pulls_a_lever_as_often_as_it_is_the_best_in_belief() -> None:
    """Posteriors Beta(3, 2) and Beta(2, 3): the share of draws that favour the first, by integration."""
    exact = stats.beta(3, 2).expect(lambda x: stats.beta(2, 3).cdf(x))
    wins = 0
    agent = agent_of("bandit_thompson", room(1), posterior="beta")
    agent.begin(np.random.default_rng(0))
    for _ in range(4000):
        agent.q, agent.pulls = [[0.5, 0.4]], [[2, 3]]  # one success more makes Beta(3, 2) of the first
        pull(agent, 0, 1.0)
        wins += agent.policy(0).prob(0) == 1.0
    assert wins / 4000 == pytest.approx(exact, abs=0.03)  # four standard errors


@pytest.mark.parametrize("r", [5.0, 1.0])
def test_rewards_beyond_a_beta_posterior_count_for_the_nearest(r: float) -> None:
    agent = agent_of("bandit_thompson", room(1), posterior="beta")
    assert pull(agent, 0, r).new == pytest.approx(2 / 3)
    assert pull(agent, 1, -r).new == pytest.approx(1 / 3)


def late_value(agent: Any, rng: np.random.Generator, steps: int, reward: Callable[[Any, int], float]) -> float:
    """The mean true value of the levers pulled in the last tenth of the steps, on a 10-armed problem of its own."""
    true = rng.random(10) if reward is bernoulli else rng.normal(size=10)
    agent.begin(np.random.default_rng(int(rng.integers(1 << 30))))
    pulled = []
    for u in rng.random(steps).tolist():
        a = agent.policy(0).sample(u)
        pull(agent, a, reward(rng, true[a]))
        pulled.append(true[a])
    return float(np.mean(pulled[-steps // 10 :]))


def gaussian(rng: np.random.Generator, mean: float) -> float:
    return mean + float(rng.normal())


def bernoulli(rng: np.random.Generator, mean: float) -> float:
    return float(rng.random() < mean)


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        # The mean reward of steps 451 to 500, over 2000 problems of another generator; the best possible is 1.54.
        ("bandit_value", {"epsilon": 0.1}, 1.349),
        ("bandit_value", {"epsilon": 0.0}, 1.054),
        ("bandit_value", {"exploration": "ucb", "confidence": 2.0}, 1.450),
        ("bandit_value", {"step": 0.1, "epsilon": 0.0, "initial_value": 5.0}, 1.469),
        ("bandit_gradient", {"learning_rate": 0.1}, 1.475),
        ("bandit_thompson", {}, 1.509),
    ],
)
def test_the_ten_armed_testbed(name: str, settings: dict[str, Any], expected: float) -> None:
    rng = np.random.default_rng(0)
    found = [late_value(agent_of(name, room(1, 10), **settings), rng, 500, gaussian) for _ in range(200)]
    assert np.mean(found) == pytest.approx(expected, abs=0.18)  # four standard errors, most of it the problems' luck


def test_thompson_finds_the_lever_that_pays_most_often() -> None:
    """The best of ten uniform probabilities is 10/11 on average; after 450 pulls .892 is paid."""
    rng = np.random.default_rng(0)
    found = [
        late_value(agent_of("bandit_thompson", room(1, 10), posterior="beta"), rng, 500, bernoulli) for _ in range(100)
    ]
    assert np.mean(found) == pytest.approx(0.892, abs=0.04)  # four standard errors


# --- planning --------------------------------------------------------------------------------------------------------


def solved(mdp: MDP, gamma: float) -> Any:
    """Optimal action values from an exact linear solve of the policy that is greedy on them."""
    best = q_star(mdp, gamma, tolerance=1e-12).argmax(axis=1)
    return backup(mdp, policy_values(mdp, np.eye(mdp.reward.shape[1])[best], gamma), gamma)


@pytest.mark.parametrize("world", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_every_plan_is_the_exact_solution(world: str) -> None:
    env = make(world)
    exact = solved(from_env(env), 0.99)
    plans: Iterator[tuple[str, dict[str, Any]]] = iter(
        [*((name, {}) for name in PLANNING), ("async_value_iteration", {"order": "random", "seed": 1})]
    )
    for name, settings in plans:
        agent = agent_of(name, env, gamma=0.99, **settings)
        np.testing.assert_allclose(agent.q, exact, rtol=0, atol=1e-7, err_msg=f"{name} {settings}")
        assert agent.sweeps > 1


def test_a_plan_is_played_evaluated_and_kept() -> None:
    env = make("FrozenLake-v1")
    for name in PLANNING:
        agent = agent_of(name, env, epsilon=0.2, seed=1)
        before = [list(row) for row in agent.q]
        updates = [e.update for e in play(env, agent, seed=0, steps=300) if isinstance(e, Learnt)]
        assert updates == [None] * 300
        assert agent.q == before
        assert agent.steps == 300
        returns = evaluate(make("FrozenLake-v1"), agent, episodes=1000).returns
        # At 100 steps an episode is cut off: the best then is .744, and what is optimal for gamma .99 has .740.
        assert returns.mean() == pytest.approx(0.74, abs=0.056)  # four standard errors
        other = agent_of(name, env, gamma=0.5)
        other.restore(agent.arrays())
        assert other.q == agent.q
    assert best_return(from_env(env), 100) == pytest.approx(0.744, abs=0.001)


@pytest.mark.parametrize("name", PLANNING)
def test_equally_good_actions_tie_so_that_a_plan_without_discount_arrives(name: str) -> None:
    """Undiscounted, staying in the lake's first row is as good as leaving it; only a random tie leaves it for sure."""
    env = make("FrozenLake-v1")
    agent = agent_of(name, env, gamma=1.0)
    assert agent.greedy_policy(0).probabilities == [0.25] * 4
    np.testing.assert_allclose(agent.q, q_star(from_env(env), 1.0, 1e-12), atol=1e-6)
    endless = gymnasium.make("FrozenLake-v1", disable_env_checker=True, max_episode_steps=5000)
    returns = evaluate(endless, agent, episodes=400, cap=5000).returns
    assert returns.mean() == pytest.approx(14 / 17, abs=0.077)  # .8235 without a limit; four standard errors


def test_a_plan_walks_along_the_cliff() -> None:
    env = make("CliffWalking-v1")
    returns = {name: evaluate(env, agent_of(name, env), episodes=3).returns.tolist() for name in PLANNING}
    assert returns == dict.fromkeys(PLANNING, [-13.0] * 3)


def four_by_four() -> MDP:
    """Example 4.1's grid: corners 0 and 15 are the end, every step pays -1, walls keep the agent where it is."""

    def leads(s: int, move: tuple[int, int]) -> int:
        row, column = s // 4 + move[0], s % 4 + move[1]
        return row * 4 + column if 0 <= row < 4 and 0 <= column < 4 else s

    shape = (16, 4, 1)
    mdp = MDP(np.ones(shape), np.zeros(shape, np.int64), np.full((16, 4), -1.0), np.ones(shape), np.full(16, 1 / 16))
    for s in range(16):
        for a, move in enumerate([(-1, 0), (1, 0), (0, 1), (0, -1)]):
            mdp.next_state[s, a, 0] = leads(s, move)
            mdp.goes_on[s, a, 0] = leads(s, move) not in (0, 15)
    for end in (0, 15):
        mdp.reward[end] = 0.0
        mdp.goes_on[end] = 0.0
    return mdp


def test_the_small_gridworld_of_the_book() -> None:
    """Figure 4.1: -14, -20, -22 ... of the random policy, by sweeps and by the linear system."""
    mdp = four_by_four()
    even = np.full((16, 4), 0.25)
    book = [[0, -14, -20, -22], [-14, -18, -20, -20], [-20, -20, -18, -14], [-22, -20, -14, 0]]
    *_, last = policy_evaluation(mdp, even, 1.0)
    np.testing.assert_allclose(last.values.reshape(4, 4), book, atol=1e-7)
    np.testing.assert_allclose(policy_values(mdp, even, 1.0).reshape(4, 4), book, atol=1e-9)
    tenth = [sweep.values for sweep, _ in zip(policy_evaluation(mdp, even, 1.0), range(10), strict=False)][-1]
    np.testing.assert_allclose(tenth[:4], [0.0, -6.1, -8.4, -9.0], atol=0.05)  # the picture for k = 10


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("td_lambda", {"lam": 1.1}, r"lam \(lambda\) must be within \[0, 1\], got 1.1"),
        ("td_lambda", {"lam": float("nan")}, "must be within"),
        ("td_lambda", {"traces": "dutch"}, "traces must be one of accumulating, replacing, got 'dutch'"),
        ("true_online_td", {"lam": -0.1}, "must be within"),
        ("n_step_td", {"n": 0}, "n must be 1 or more steps, a whole number, got 0"),
        ("n_step_td", {"n": 2.5}, "a whole number, got 2.5"),
        ("mc_prediction", {"horizon": 0}, "horizon must be 1 or more steps, a whole number, got 0"),
        ("mc_prediction", {"horizon": 1.5}, "a whole number, got 1.5"),
        ("td0", {"learning_rate": 1.5}, r"learning_rate must stay within \[0, 1\], got 1.5"),
        ("td0", {"gamma": -1}, "gamma must be within"),
        ("td0", {"policy": [[0.5, 0.5]]}, "policy must have 16 rows of 4 probabilities"),
        ("td0", {"policy": [[0.5, 0.5, 0.5, 0.5]] * 16}, "probabilities that sum to 1"),
        ("td0", {"policy": [[1.5, -0.5, 0.0, 0.0]] * 16}, "probabilities that sum to 1"),
        ("td0", {"policy": [[float("nan")] * 4] * 16}, "probabilities that sum to 1"),
        ("bandit_value", {"step": 0.0}, r"step must be average or within \(0, 1\], got 0.0"),
        ("bandit_value", {"step": "avarage"}, "step must be average or within"),
        ("bandit_value", {"epsilon": 2}, "epsilon must stay within"),
        ("bandit_gradient", {"learning_rate": -0.1}, "learning_rate must stay within"),
        ("bandit_thompson", {"posterior": "gauss"}, "posterior must be one of beta, gaussian, got 'gauss'"),
        ("bandit_thompson", {"noise": 0}, "noise and prior_weight must be above 0"),
        ("bandit_thompson", {"prior_weight": float("nan")}, "noise and prior_weight must be above 0"),
        ("bandit_thompson", {"posterior": "beta", "prior_weight": 0.5}, r"1/2 or more, got Beta\(0.25, 0.25\)"),
        ("value_iteration", {"gamma": 1.5}, "gamma must be within"),
        ("value_iteration", {"tolerance": 0}, "tolerance must be above 0"),
        ("async_value_iteration", {"order": "forward"}, "order must be one of backwards, random, got 'forward'"),
    ],
)
def test_impossible_settings_are_refused_in_one_line(name: str, settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError, match=line) as refused:
        agent_of(name, make("FrozenLake-v1"), **settings)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", PLANNING)
def test_worlds_that_cannot_be_planned_in_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UserError, match="planning needs a world with a transition table P, and BlackjackEnv has no"):
        agent_of(name, make("Blackjack-v1"))
    with pytest.raises(UserError, match="observations that are the states of the table P"):
        agent_of(name, make("hfrl/ShortCorridor-v0"))


def test_a_plan_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfrl.planning.MOST_SWEEPS", 50)
    with pytest.raises(UserError, match="no plan within 50 sweeps at gamma 1: take a gamma below 1"):
        agent_of("value_iteration", make("hfrl/GridExample-v0"), gamma=1)
    with pytest.raises(UserError, match="this policy may never end"):
        agent_of("policy_iteration", make("CliffWalking-v1"), gamma=1.0)
