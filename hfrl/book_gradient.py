"""Figures of Sutton & Barto with function approximation or policy gradients: Mountain Car, the short corridor."""

from typing import Any

import joblib
import numpy as np
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from hfrl.book import BOOK, agent, batch, smoothed, world
from hfrl.loop import play
from hfrl.reproduce import Line, Metric, Panel, Result, measured
from hfrl.types import Acted

Array = NDArray[np.float64]
FIGURE = f"{BOOK}, read off the figure"
#: The best value of any policy in the short corridor.
BEST = -11.657
CAP = 5_000
CORRIDOR_CAP = 1_000
CAR = {"traces": "replacing", "tilings": 8, "bins": 8, "gamma": 1.0, "epsilon": 0.0}


def first_episodes(lam: float, alpha: float, seed: int, episodes: int = 50) -> float:
    """The mean steps of the first episodes of one run in Mountain Car."""
    env = TimeLimit(world("MountainCar-v0").unwrapped, CAP)
    learner = agent("linear_sarsa_lambda", env, CAR | {"lam": lam, "learning_rate": alpha})
    steps = done = 0
    for event in play(env, learner, seed=seed):
        if isinstance(event, Acted):
            steps += 1
            done += event.step.ended
            if done == episodes:
                break
    return steps / episodes


def figure_12_10(runs: int) -> Result:
    """Figure 12.10: early performance of SARSA(lambda) with replacing traces; alpha is over all 8 tilings together.

    The sweep over alpha takes a tenth of the runs; each lambda's best alpha then gets them all.
    """
    alphas = (0.3, 0.6, 0.9, 1.2, 1.5)
    metrics, lines = [], []
    with joblib.Parallel(n_jobs=-1) as parallel:
        for lam, name in ((0.0, "lambda0"), (0.92, "lambda092")):

            def mean(alpha: float, count: int, lam: float = lam) -> Array:
                call = joblib.delayed(first_episodes)
                return np.array(parallel(call(lam, alpha, seed) for seed in range(count)))

            sweep = [float(mean(alpha, max(1, runs // 10)).mean()) for alpha in alphas]
            best = alphas[int(np.argmin(sweep))]
            metrics.append(measured(f"first50_{name}", mean(best, runs)))
            metrics.append(Metric(f"best_alpha_{name}", best))
            lines.append(Line(f"lambda = {lam:g}", alphas, sweep))
    panel = Panel("Mountain Car, replacing traces", "alpha (over 8 tilings)", "Steps per episode, first 50", lines)
    return Result(metrics, [panel._replace(y_limits=(150, 350))])


def _corridor(settings: dict[str, Any], runs: int) -> Array:
    """The return of each of 1000 episodes: shape (runs, 1000)."""
    # A policy that is all but certain of the wrong action never arrives: such an episode is cut off here.
    corridor = TimeLimit(world("hfrl/ShortCorridor-v0"), CORRIDOR_CAP)
    learners = batch(corridor, "reinforce", {"gamma": 1.0, **settings}, runs)
    # The book starts at a policy that goes left nearly always; equal preferences learn the same more quickly.
    learners.tables["q"][:, 0, 0] = np.log(0.95 / 0.05)
    learners.run(episodes=1000)
    return learners.episodes()[0]


def figure_13_1(runs: int) -> Result:
    """Figure 13.1: REINFORCE in the short corridor, alpha 2^-12, 2^-13 and 2^-14."""
    lines, metrics = [], []
    for power in (12, 13, 14):
        returns = _corridor({"learning_rate": 2.0**-power}, runs)
        lines.append(Line(f"alpha = 2^-{power}", range(1, 1001), smoothed(returns.mean(axis=0), 10).tolist()))
        late = returns[:, 900:].mean(axis=1)
        reference = BEST if power == 13 else None
        metrics.append(measured(f"late_alpha_2_{power}", late, reference, 4.0, "exact optimum, nearly reached"))
    lines.append(Line("best policy", (1, 1000), (BEST, BEST)))
    return Result(metrics, [Panel("REINFORCE", "Episode", "Return", lines, y_limits=(-90, -10))])


def figure_13_2(runs: int) -> Result:
    """Figure 13.2: REINFORCE with a baseline (alpha 2^-9, its values 2^-6) against the best without (2^-13)."""
    settings = {
        "REINFORCE with baseline": {"learning_rate": 2.0**-9, "baseline": True, "baseline_rate": 2.0**-6},
        "REINFORCE": {"learning_rate": 2.0**-13},
    }
    returns = {label: _corridor(one, runs) for label, one in settings.items()}
    lines = [Line(label, range(1, 1001), smoothed(one.mean(axis=0), 10).tolist()) for label, one in returns.items()]
    with_baseline, without = returns.values()
    metrics = [
        measured("late_with_baseline", with_baseline[:, 900:].mean(axis=1), BEST, 2.0, "exact optimum, nearly reached"),
        measured("late_without", without[:, 900:].mean(axis=1)),
        measured("early_advantage", with_baseline[:, :200].mean(axis=1) - without[:, :200].mean(axis=1)),
    ]
    lines.append(Line("best policy", (1, 1000), (BEST, BEST)))
    return Result(metrics, [Panel("REINFORCE with baseline", "Episode", "Return", lines, y_limits=(-90, -10))])
