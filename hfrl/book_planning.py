"""Figures and tables of Sutton & Barto's planning: gridworld values, and the Dyna mazes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.book import BOOK, batch, world
from hfrl.mdp import backup, from_env, q_star
from hfrl.reproduce import Line, Metric, Panel, Result, measured

Array = NDArray[np.float64]
FIGURE = f"{BOOK}, read off the figure"
EXACT = f"{BOOK}'s table"


def _random_policy_values(mdp: Any, gamma: float) -> Array:
    """v of the equiprobable random policy, by sweeps until nothing moves."""
    values = np.zeros(len(mdp.start))
    for _ in range(100_000):
        improved = backup(mdp, values, gamma).mean(axis=1)
        if np.max(np.abs(improved - values)) < 1e-12:
            break
        values = improved
    return values


def example_3_5(runs: int) -> Result:  # noqa: ARG001 - there is no chance in it
    """Examples 3.5 and 3.8: state values of the random policy and of an optimal one, gamma .9."""
    mdp = from_env(world("hfrl/GridExample-v0"))
    random = _random_policy_values(mdp, 0.9)[:25].reshape(5, 5)
    optimal = q_star(mdp, 0.9).max(axis=1)[:25].reshape(5, 5)
    rows = {
        "random": (random, (3.309, 8.789, 4.428, 5.322, 1.492)),
        "optimal": (optimal, (21.977, 24.419, 21.977, 19.419, 17.477)),
    }
    metrics = [
        Metric(f"{name}_row1_column{column + 1}", float(values[0, column]), None, reference, 0.0006, EXACT)
        for name, (values, row) in rows.items()
        for column, reference in enumerate(row)
    ]
    panels = [Panel(f"{name} policy", "", "", cells=values.tolist()) for name, (values, _) in rows.items()]
    return Result(metrics, panels)


def example_4_1(runs: int) -> Result:  # noqa: ARG001 - there is no chance in it
    """Figure 4.1: iterative policy evaluation of the random policy in the 4x4 gridworld."""
    mdp = from_env(world("hfrl/SmallGridworld-v0"))
    values = _random_policy_values(mdp, 1.0)[:16].reshape(4, 4)
    references = ((0, -14, -20, -22), (-14, -18, -20, -20))
    metrics = [
        Metric(f"row{r + 1}_column{c + 1}", float(values[r, c]), None, reference, 1e-6, EXACT)
        for r, row in enumerate(references)
        for c, reference in enumerate(row)
    ]
    return Result(metrics, [Panel("v of the random policy", "", "", cells=values.tolist())])


def figure_8_2(runs: int) -> Result:
    """Figure 8.2: steps per episode in the Dyna maze with 0, 5 and 50 planning steps, alpha .1, eps .1, gamma .95."""
    env, lines, lengths = world("hfrl/DynaMaze-v0"), [], {}
    for n in (0, 5, 50):
        learners = batch(env, "dyna_q", {"learning_rate": 0.1, "epsilon": 0.1, "gamma": 0.95, "n": n}, runs)
        learners.run(episodes=50)
        lengths[n] = learners.episodes()[1].astype(np.float64)
        lines.append(Line(f"{n} planning steps", range(2, 51), lengths[n].mean(axis=0)[1:].tolist()))
    metrics = [
        measured("steps_n0_ep10", lengths[0][:, 9], None),
        measured("steps_n5_ep5", lengths[5][:, 4], None),
        measured("steps_n50_ep3", lengths[50][:, 2], None),
        measured("steps_n50_ep50", lengths[50][:, 49], 14.0, 4.0, "exact optimum, plus exploration"),
    ]
    return Result(metrics, [Panel("Dyna maze", "Episodes", "Steps per episode", lines, y_limits=(0, 800))])


MAZE = {"learning_rate": 1.0, "epsilon": 0.1, "gamma": 0.95, "n": 10}
DYNAS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Dyna-Q", "dyna_q", {}),
    ("Dyna-Q+", "dyna_q_plus", {"kappa": 1e-3}),
)


def _cumulative(layout: str, steps: int, runs: int) -> dict[str, Array]:
    """Reward so far, shape (runs, steps), for Dyna-Q and Dyna-Q+."""
    result = {}
    for _, name, more in DYNAS:
        learners = batch(world("hfrl/DynaMaze-v0", {"layout": layout}), name, MAZE | more, runs, step_log=True)
        learners.run(steps=steps)
        result[name] = learners.rewards.cumsum(axis=1)
    return result


def _maze_panel(title: str, rewards: dict[str, Array], changed: int) -> Panel:
    lines = [
        Line(label, range(0, rewards[name].shape[1], 20), rewards[name].mean(axis=0)[::20].tolist())
        for label, name, _ in DYNAS
    ]
    top = max(max(line.y) for line in lines)
    return Panel(title, "Time steps", "Cumulative reward", [*lines, Line("the maze changes", (changed,) * 2, (0, top))])


def figure_8_4(runs: int) -> Result:
    """Figure 8.4: the blocking maze, which changes after 1000 steps (10 steps to the goal before, 16 after)."""
    rewards = _cumulative("blocking", 3000, runs)
    metrics = [measured(f"{name}_reward_3000", total[:, -1]) for name, total in rewards.items()]
    difference = rewards["dyna_q_plus"][:, -1] - rewards["dyna_q"][:, -1]
    return Result([*metrics, measured("advantage_3000", difference)], [_maze_panel("Blocking maze", rewards, 1000)])


def figure_8_5(runs: int) -> Result:
    """Figure 8.5: the shortcut maze, which opens after 3000 steps (16 steps to the goal before, 10 after)."""
    rewards = _cumulative("shortcut", 6000, runs)
    metrics = [
        measured(f"{name}_slope", (total[:, 5999] - total[:, 3999]) / 2, None) for name, total in rewards.items()
    ]
    return Result(metrics, [_maze_panel("Shortcut maze", rewards, 3000)])
