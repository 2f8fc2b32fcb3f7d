"""Figures of Sutton & Barto's control chapters, and Gymnasium's own toys: ``reproduce sutton-6.4`` and its like.

All run on the compiled engine, with the book's settings.
"""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.book import BOOK, batch, smoothed, world
from hfrl.mdp import best_return, from_env, q_star, return_of
from hfrl.reproduce import Line, Metric, Panel, Result, measured

Array = NDArray[Any]
CLIFF = {"epsilon": 0.1, "gamma": 1.0}
FIGURE = f"{BOOK}, read off the figure"
ALPHAS = tuple(k / 10 for k in range(1, 11))
CONTROL = (("SARSA", "sarsa"), ("Q-learning", "q_learning"), ("Expected SARSA", "expected_sarsa"))


def example_6_6(runs: int) -> Result:
    """Example 6.6, figure on page 132: sum of rewards during each of 500 episodes on the cliff, alpha .5, eps .1."""
    env, lines, metrics = world("CliffWalking-v1"), [], []
    references = {"sarsa": -26.9, "q_learning": -50.1}
    for label, name in CONTROL[:2]:
        learners = batch(env, name, CLIFF | {"learning_rate": 0.5}, runs)
        learners.run(episodes=500)
        returns, _ = learners.episodes()
        lines.append(Line(label, range(1, 501), smoothed(returns.mean(axis=0), 10).tolist()))
        late = returns[:, 400:].mean(axis=1)
        metrics.append(measured(f"{name}_late", late, references[name], 1.0, "simulation"))
    panel = Panel("Cliff walking", "Episode", "Sum of rewards during episode", lines, y_limits=(-100, 0))
    return Result(metrics, [panel])


def figure_6_3(runs: int) -> Result:
    """Figure 6.3 (van Seijen et al. 2009): the mean return of the first 100 episodes over 50,000 runs, and of the first
    100,000 episodes over 10 runs, for each alpha."""
    env = world("CliffWalking-v1")
    interim: dict[str, list[Array]] = {}
    asymptotic: dict[str, list[Array]] = {}
    for _, name in CONTROL:
        interim[name] = [_mean_return(env, name, alpha, runs, 100) for alpha in ALPHAS]
        long_runs = max(1, min(10, runs // 10))
        asymptotic[name] = [_mean_return(env, name, alpha, long_runs, 100_000) for alpha in ALPHAS]
    best = max(interim["sarsa"], key=lambda returns: float(returns.mean()))
    metrics = [
        measured("expected_sarsa_interim_alpha1", interim["expected_sarsa"][-1], -45.5, 1.5, "simulation"),
        measured("sarsa_interim_best", best, -69.0, 2.0, "simulation"),
        measured("expected_sarsa_asymptotic_alpha1", asymptotic["expected_sarsa"][-1], -20.7, 1.0, "simulation"),
        measured("q_learning_interim_alpha05", interim["q_learning"][4], -80.0, 2.0, "simulation"),
    ]
    lines = [
        Line(f"{label}, {when}", ALPHAS, [float(returns.mean()) for returns in means[name]])
        for when, means in (("interim", interim), ("asymptotic", asymptotic))
        for label, name in CONTROL
    ]
    panel = Panel("Cliff walking", "alpha", "Sum of rewards per episode", lines, y_limits=(-160, 0))
    return Result(metrics, [panel])


def _mean_return(env: Any, name: str, alpha: float, runs: int, episodes: int) -> Array:
    """The mean return of the first episodes, one number per run."""
    learners = batch(env, name, CLIFF | {"learning_rate": alpha}, runs)
    total, done = np.zeros(runs), 0
    while done < episodes:
        more = min(episodes - done, 10_000)
        learners.run(episodes=more)
        total += learners.episodes()[0].sum(axis=1)
        done += more
    return np.asarray(total / episodes)


def figure_6_5(runs: int) -> Result:
    """Figure 6.5: how often "left" is chosen in state A, 10,000 runs of 300 episodes, alpha = eps = .1."""
    env, lines, metrics = world("hfrl/MaximizationBias-v0"), [], []
    settings = {"learning_rate": 0.1, "epsilon": 0.1, "gamma": 1.0}
    references = {"q": (0.94, 0.12), "double_q": (0.50, 0.07)}
    for label, short, name in (("Q-learning", "q", "q_learning"), ("Double Q-learning", "double_q", "double_q")):
        learners = batch(env, name, settings, runs, step_log=True)
        left = np.zeros((300, runs))
        for episode in range(300):
            learners.run(steps=2, episodes=1)
            left[episode] = learners.actions[:, 0] == 0
        share = left.mean(axis=1)
        peak, late = references[short]
        top = int(share.argmax())
        metrics.append(measured(f"{short}_peak_left", left[top], peak, 0.04, "simulation"))
        metrics.append(measured(f"{short}_left_300", left[-1], late, 0.03, "simulation"))
        lines.append(Line(label, range(1, 301), (100 * share).tolist()))
    lines.append(Line("optimal (eps / 2)", (1, 300), (5.0, 5.0)))
    panel = Panel("Maximization bias", "Episodes", "% left actions from A", lines, y_limits=(0, 100))
    return Result(metrics, [panel])


def windy(runs: int) -> Result:
    """Example 6.5: SARSA in the windy gridworld, alpha .5, eps .1: episodes against steps, and the path it finds."""
    return _windy({}, runs, optimum=15)


def windy_king(runs: int) -> Result:
    """Exercise 6.9: the same with king's moves."""
    return _windy({"kings": True}, runs, optimum=7)


def _windy(settings: dict[str, Any], runs: int, optimum: int) -> Result:
    env = world("hfrl/WindyGridworld-v0", settings)
    learners = batch(env, "sarsa", {"learning_rate": 0.5, "epsilon": 0.1, "gamma": 1.0}, runs)
    counts = []
    for _ in range(80):
        learners.run(steps=100)
        counts.append(learners.count("episode").astype(np.float64))
    learners.run(steps=92_000)
    found = [_greedy_steps(env, q) for q in learners.tables["q"]]
    exact = -best_return(from_env(env), None)
    metrics = [
        Metric("optimum", exact, None, optimum, 1e-6, "exact"),
        Metric("shortest_found", min(found), None, optimum, 0, "exact"),
        measured("median_found", [np.median(found)], optimum, 2, BOOK),
        measured(
            "episodes_in_8000_steps", counts[-1], None if settings else 170.0, 25.0, f"{BOOK}, read off the figure"
        ),
    ]
    mean = np.mean(counts, axis=1).tolist()
    panel = Panel("Windy gridworld", "Time steps", "Episodes", [Line("SARSA", range(100, 8001, 100), mean)])
    return Result(metrics, [panel])


def _greedy_steps(env: Any, q: Array, limit: int = 1000) -> int:
    """Steps to the end along the first best actions, in a world without chance; ``limit`` where it never ends."""
    table = env.unwrapped.P
    state = int(np.argmax(env.unwrapped.initial_state_distrib))
    for step in range(limit):
        _, state, _, terminated = table[state][int(np.argmax(q[state]))][0]
        if terminated:
            return step + 1
    return limit


def frozen_lake(runs: int) -> Result:
    """FrozenLake-v1, slippery: the exact success of what Q-learning finds, beside the exact optimum."""
    env = world("FrozenLake-v1")
    mdp = from_env(env)
    settings = {"learning_rate": "linear:0.5:0.005:500000", "epsilon": 0.5, "gamma": 0.99}
    learners = batch(env, "q_learning", settings, runs)
    marks, curve = [0, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000], []
    for before, after in itertools.pairwise(marks):
        learners.run(steps=after - before)
        curve.append([return_of(mdp, q.argmax(axis=1), 100) for q in learners.tables["q"]])
    optimal = return_of(mdp, q_star(mdp, 0.99).argmax(axis=1), 100)
    metrics = [
        Metric("best_possible", best_return(mdp, 100), None, 0.744, 0.0006, "exact"),
        Metric("greedy_of_q_star", optimal, None, 0.740, 0.0006, "exact"),
        measured("q_learning", curve[-1], 0.740, 0.02, "exact"),
    ]
    lines = [
        Line("Q-learning, greedy", marks[1:], np.mean(curve, axis=1).tolist()),
        Line("best possible in 100 steps", (marks[1], marks[-1]), (metrics[0].value,) * 2),
    ]
    return Result(metrics, [Panel("FrozenLake-v1", "Steps", "Probability of reaching the goal", lines)])


def taxi(runs: int) -> Result:
    """Taxi-v4: the exact mean return of what Q-learning finds, beside the exact optimum."""
    env = world("Taxi-v4")
    mdp = from_env(env)
    learners = batch(env, "q_learning", {"learning_rate": 0.5, "epsilon": 0.1, "gamma": 0.99}, runs)
    marks, curve = [0, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000], []
    for before, after in itertools.pairwise(marks):
        learners.run(steps=after - before)
        curve.append([return_of(mdp, q.argmax(axis=1), 200) for q in learners.tables["q"]])
    metrics = [
        Metric("optimum", best_return(mdp, 200), None, 7.93, 0.005, "exact"),
        measured("q_learning", curve[-1], 7.93, 0.05, "exact"),
    ]
    lines = [
        Line("Q-learning, greedy", marks[1:], np.mean(curve, axis=1).tolist()),
        Line("optimum", (marks[1], marks[-1]), (metrics[0].value,) * 2),
    ]
    return Result(metrics, [Panel("Taxi-v4", "Steps", "Mean return", lines, y_limits=(-210, 15))])
