"""Figures of Sutton & Barto's random walks: TD(0) and Monte Carlo, n-step TD, lambda-returns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.book import BOOK, batch, world
from hfrl.reproduce import Line, Metric, Panel, Result, measured

Array = NDArray[np.float64]


def errors(states: int, agent: str, settings: Mapping[str, Any], runs: int, episodes: int) -> Array:
    """The root mean square error over the states after each episode: shape (runs, episodes)."""
    env = world("hfrl/RandomWalk-v0", {"states": states})
    truth = np.asarray(env.unwrapped.true_values)
    learners = batch(env, agent, settings, runs)
    result = []
    for _ in range(episodes):
        learners.run(episodes=1)
        values = learners.tables["v"][:, : len(truth)]
        inner = slice(1, -1) if len(truth) == states + 2 else slice(None)
        result.append(np.sqrt(((values - truth)[:, inner] ** 2).mean(axis=1)))
    return np.array(result).T


def example_6_2(runs: int) -> Result:
    """Example 6.2: five states, V0 = .5, TD(0) against constant-alpha Monte Carlo over 100 episodes."""
    lines, metrics = [], []
    references = {("td", 0.05): 0.035, ("mc", 0.01): 0.098}
    for short, label, agent, alphas in (
        ("td", "TD", "td0", (0.15, 0.1, 0.05)),
        ("mc", "MC", "mc_prediction", (0.01, 0.02, 0.03, 0.04)),
    ):
        for alpha in alphas:
            error = errors(5, agent, {"learning_rate": alpha, "gamma": 1.0, "initial_value": 0.5}, runs, 100)
            lines.append(Line(f"{label}, alpha = {alpha:g}", range(1, 101), error.mean(axis=0).tolist()))
            reference = references.get((short, alpha))
            name = f"{short}{alpha:g}".replace(".", "") + "_rms_100"
            metrics.append(measured(name, error[:, 99], reference, 0.008, "simulation"))
            if (short, alpha) == ("td", 0.05):
                metrics.append(measured("td005_rms_25", error[:, 24], 0.110, 0.01, "simulation"))
    panel = Panel("Random walk, 5 states", "Episodes", "RMS error, averaged over states", lines, y_limits=(0, 0.26))
    return Result(metrics, [panel])


def _study(
    labels: Mapping[str, tuple[str, Mapping[str, Any]]], alphas: Mapping[str, Sequence[float]], runs: int
) -> tuple[list[Line], dict[str, Array]]:
    """RMS error over the first 10 episodes by alpha, and each method's errors at its best alpha, one per run."""
    lines, best = [], {}
    for label, (agent, settings) in labels.items():
        mean = {
            alpha: errors(19, agent, {**settings, "learning_rate": alpha, "gamma": 1.0}, runs, 10).mean(axis=1)
            for alpha in alphas[label]
        }
        shown = [min(float(one.mean()), 1.0) if np.isfinite(one.mean()) else 1.0 for one in mean.values()]
        lines.append(Line(label, list(mean), shown))
        best[label] = min(mean.values(), key=lambda one: float(one.mean()) if np.isfinite(one.mean()) else np.inf)
    return lines, best


def _grid(top: float, points: int = 21) -> list[float]:
    return [float(alpha) for alpha in np.linspace(0.0, top, points)[1:]]


def figure_7_2(runs: int) -> Result:
    """Figure 7.2: n-step TD on 19 states, RMS error over states and the first 10 episodes, by n and alpha."""
    sizes = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
    labels = {f"n = {n}": ("n_step_td", {"n": n}) for n in sizes}
    lines, best = _study(labels, {label: _grid(1.0) for label in labels}, runs)
    metrics = [measured(f"best_rms_n{n}", best[f"n = {n}"]) for n in sizes[:5]]
    favourite = min(sizes, key=lambda n: float(best[f"n = {n}"].mean()))
    metrics.append(Metric("best_n", favourite, None, 4, 4, f"{BOOK}, an intermediate n:"))
    return Result(metrics, [Panel("n-step TD", "alpha", "RMS error, first 10 episodes", lines, y_limits=(0.25, 0.55))])


LAMBDAS = (0.0, 0.4, 0.8, 0.9, 0.95, 0.975, 0.99, 1.0)


def figure_12_3(runs: int) -> Result:
    """Figure 12.3: the off-line lambda-return algorithm on the same walk."""
    return _lambdas("lambda_return", "Off-line lambda-return", runs)


def figure_12_8(runs: int) -> Result:
    """Figure 12.8: true online TD(lambda), which is the online lambda-return algorithm, on the same walk."""
    return _lambdas("true_online_td", "True online TD(lambda)", runs)


def _lambdas(agent: str, title: str, runs: int) -> Result:
    labels = {f"lambda = {lam:g}": (agent, {"lam": lam}) for lam in LAMBDAS}
    tops = {f"lambda = {lam:g}": 1.0 if lam < 0.95 else (0.6 if lam < 0.99 else 0.3) for lam in LAMBDAS}
    lines, best = _study(labels, {label: _grid(top) for label, top in tops.items()}, runs)
    metrics: list[Metric] = [
        measured(f"best_rms_lambda{lam:g}".replace(".", ""), best[f"lambda = {lam:g}"]) for lam in LAMBDAS
    ]
    favourite = min(LAMBDAS, key=lambda lam: float(best[f"lambda = {lam:g}"].mean()))
    metrics.append(Metric("best_lambda", favourite, None, 0.8, 0.11, f"{BOOK}, an intermediate lambda:"))
    return Result(metrics, [Panel(title, "alpha", "RMS error, first 10 episodes", lines, y_limits=(0.22, 0.55))])
