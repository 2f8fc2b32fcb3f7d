"""Figures of Sutton & Barto's chapter 2: the 10-armed testbed, 2000 problems of 1000 steps each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.book import BOOK, batch, world
from hfrl.reproduce import Line, Metric, Panel, Result, measured

Array = NDArray[np.float64]
STEPS = 1000
FIGURE = f"{BOOK}, read off the figure"


def pulls(runs: int, agent: str, settings: Mapping[str, Any], mean: float = 0.0) -> tuple[Array, Array]:
    """Rewards, and whether the pull was the best arm's: arrays of shape (runs, 1000)."""
    learners = batch(world("hfrl/KArmedBandit-v0", {"mean": mean}), agent, settings, runs, step_log=True)
    learners.run(steps=STEPS)
    best = learners.world_table("true_values").argmax(axis=-1)
    return learners.rewards, np.asarray(learners.actions == best.reshape(runs, 1), dtype=np.float64)


def averaged(epsilon: float) -> dict[str, Any]:
    """Epsilon-greedy on sample averages."""
    return {"step": "average", "epsilon": epsilon}


def late(values: Array) -> Array:
    """The mean over steps 901 to 1000, one number per run."""
    return np.asarray(values[:, 900:].mean(axis=1))


def _panels(curves: Mapping[str, tuple[Array, Array]]) -> list[Panel]:
    steps = range(1, STEPS + 1)
    rewards = [Line(label, steps, rewards.mean(axis=0).tolist()) for label, (rewards, _) in curves.items()]
    shares = [Line(label, steps, (100 * best.mean(axis=0)).tolist()) for label, (_, best) in curves.items()]
    return [
        Panel("Average reward", "Steps", "Reward", rewards),
        Panel("Optimal action", "Steps", "% optimal action", shares, y_limits=(0, 100)),
    ]


def figure_2_2(runs: int) -> Result:
    """Figure 2.2: epsilon-greedy with sample averages, eps 0, .01 and .1."""
    curves, metrics = {}, []
    for name, epsilon, reward, share in (("eps0", 0.0, 1.05, 37), ("eps001", 0.01, 1.3, 57), ("eps01", 0.1, 1.4, 80)):
        curves[f"epsilon = {epsilon:g}"] = rewards, best = pulls(runs, "bandit_value", averaged(epsilon))
        metrics.append(measured(f"reward_{name}", late(rewards), reward, 0.1, FIGURE))
        metrics.append(measured(f"optimal_share_{name}", 100 * late(best), share, 8.0, FIGURE))
    return Result(metrics, _panels(curves))


def figure_2_3(runs: int) -> Result:
    """Figure 2.3: optimistic greedy (Q1 = 5) against realistic epsilon-greedy, alpha .1."""
    optimistic = pulls(runs, "bandit_value", {"step": 0.1, "epsilon": 0.0, "initial_value": 5.0})
    realistic = pulls(runs, "bandit_value", {"step": 0.1, "epsilon": 0.1})
    metrics = [
        measured("optimal_share_optimistic", 100 * late(optimistic[1]), 84.0, 5.0, FIGURE),
        measured("optimal_share_realistic", 100 * late(realistic[1]), 74.0, 6.0, FIGURE),
    ]
    return Result(
        metrics, _panels({"optimistic, greedy: Q1 = 5": optimistic, "realistic: Q1 = 0, eps = .1": realistic})
    )


def figure_2_4(runs: int) -> Result:
    """Figure 2.4: upper confidence bounds, c = 2, against epsilon-greedy, both on sample averages."""
    bounds = pulls(runs, "bandit_value", {"step": "average", "exploration": "ucb", "confidence": 2.0})
    greedy = pulls(runs, "bandit_value", averaged(0.1))
    metrics = [
        measured("reward_ucb", late(bounds[0]), 1.5, 0.08, FIGURE),
        measured("reward_eps01", late(greedy[0]), 1.4, 0.08, FIGURE),
        measured("advantage", late(bounds[0]) - late(greedy[0])),
    ]
    return Result(metrics, _panels({"UCB, c = 2": bounds, "epsilon = .1": greedy}))


def figure_2_5(runs: int) -> Result:
    """Figure 2.5: gradient bandits with and without a baseline, true values around +4, alpha .1 and .4."""
    curves, metrics = {}, []
    for name, baseline, alpha, share in (
        ("baseline_01", True, 0.1, 80.0), ("baseline_04", True, 0.4, 75.0),
        ("plain_01", False, 0.1, None), ("plain_04", False, 0.4, None),
    ):  # fmt: skip
        settings = {"learning_rate": alpha, "baseline": baseline}
        both = pulls(runs, "bandit_gradient", settings, mean=4.0)
        curves[f"alpha = {alpha:g}, {'with' if baseline else 'without'} baseline"] = both
        metrics.append(measured(f"optimal_share_{name}", 100 * late(both[1]), share, 8.0, FIGURE))
    return Result(metrics, _panels(curves)[1:])


def figure_2_6(runs: int) -> Result:
    """Figure 2.6: the mean reward of the first 1000 steps by each method's parameter."""
    studies: dict[str, tuple[str, str, float, range]] = {
        "epsilon_greedy": ("epsilon-greedy", "bandit_value", 1.35, range(-7, -1)),
        "gradient": ("gradient bandit", "bandit_gradient", 1.4, range(-5, 3)),
        "ucb": ("UCB", "bandit_value", 1.49, range(-4, 3)),
        "optimistic": ("greedy, optimistic, alpha = .1", "bandit_value", 1.45, range(-2, 3)),
    }
    metrics: list[Metric] = []
    lines = []
    for name, (label, agent, reference, powers) in studies.items():
        rewards = {2.0**p: pulls(runs, agent, _parameter(name, 2.0**p))[0].mean(axis=1) for p in powers}
        best = max(rewards.values(), key=lambda one: float(one.mean()))
        metrics.append(measured(f"best_{name}", best, reference, 0.06, FIGURE))
        lines.append(Line(label, list(rewards), [float(one.mean()) for one in rewards.values()]))
    panel = Panel("Parameter study", "epsilon, alpha, c or Q0", "Average reward over first 1000 steps", lines)
    return Result(metrics, [panel._replace(log_x=True)])


def _parameter(name: str, value: float) -> dict[str, Any]:
    return {
        "epsilon_greedy": averaged(value),
        "gradient": {"learning_rate": value, "baseline": True},
        "ucb": {"step": "average", "exploration": "ucb", "confidence": value},
        "optimistic": {"step": 0.1, "epsilon": 0.0, "initial_value": value},
    }[name]
