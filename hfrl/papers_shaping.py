"""Shaping by a person's model or advice: TAMER+RL in Mountain Car, DPBA and PIES in a large grid."""

from typing import Any

import joblib
import numpy as np
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from hfrl.blend import Blend, Switch, action_biasing, dpba, none, pies, reward_shaping
from hfrl.book import agent, smoothed, world
from hfrl.compiled import Batch
from hfrl.loop import play
from hfrl.models import FixedTable
from hfrl.reproduce import Line, Panel, Result, measured
from hfrl.teachers import Dials
from hfrl.types import Acted

Array = NDArray[np.float64]

# --- Mountain Car ----------------------------------------------------------------------------------------------------

CAR_EPISODES, CAR_CAP = 200, 1_000
CAR = {
    "lam": 0.9, "traces": "replacing", "tilings": 8, "bins": 8, "learning_rate": 0.5, "gamma": 1.0, "epsilon": 0.0,
}  # fmt: skip
#: H of the experiment: a grid of so many cells a dimension, +1 for the push along the velocity, -1 for all others.
CELLS = 20
DECAY = 0.98
CAR_BLENDS: dict[str, tuple[str, float]] = {
    "sarsa": ("none", 0.0),
    "action_biasing_b10": ("action_biasing", 10.0),
    "reward_shaping_b100": ("reward_shaping", 100.0),
}


def push_along(env: Any) -> FixedTable:
    """The person: in each cell the push along the velocity of its middle is right, every other action wrong."""
    low, high = env.observation_space.low.astype(np.float64), env.observation_space.high.astype(np.float64)

    def row(observation: Any) -> int:
        place = (np.asarray(observation, dtype=np.float64) - low) / (high - low) * CELLS
        position, velocity = np.clip(place.astype(np.int64), 0, CELLS - 1)
        return int(position * CELLS + velocity)

    faster = [[-1.0, -1.0, 1.0] if cell % CELLS >= CELLS // 2 else [1.0, -1.0, -1.0] for cell in range(CELLS * CELLS)]
    return FixedTable(faster, row)


def car_lengths(kind: str, beta: float, seed: int) -> list[int]:
    """The steps of each of 200 episodes of one run."""
    made = {"none": lambda b, d: none(), "action_biasing": action_biasing, "reward_shaping": reward_shaping}  # noqa: ARG005
    return car_run(made[kind](beta, DECAY), seed, CAR_EPISODES)


def car_run(blend: Blend, seed: int, episodes: int) -> list[int]:
    """The steps of each episode of one run of SARSA(0.9) with tiles, blended with an H that is right."""
    env = TimeLimit(world("MountainCar-v0").unwrapped, CAR_CAP)
    learner = agent("linear_sarsa_lambda", env, CAR)
    switch = Switch(blend, push_along(env), learner.gamma)
    lengths, length = [], 0
    for event in play(env, learner, blend=switch, seed=seed):
        if isinstance(event, Acted):
            length += 1
            if event.step.ended:
                lengths.append(length)
                length = 0
                if len(lengths) == episodes:
                    break
    return lengths


def knox_mountain_car(runs: int) -> Result:
    """Mean steps of episodes 1 - 10, 1 - 50 and 101 - 200: SARSA(0.9) alone, action biasing (beta 10) and reward
    shaping (beta 100), annealed by .98 an episode (Knox & Stone 2010, 2012)."""
    with joblib.Parallel(n_jobs=-1) as parallel:
        call = joblib.delayed(car_lengths)
        lengths = {
            name: np.array(parallel(call(kind, beta, seed) for seed in range(runs)), dtype=np.float64)
            for name, (kind, beta) in CAR_BLENDS.items()
        }
    spans = {"1_50": slice(0, 50), "101_200": slice(100, 200), "1_10": slice(0, 10)}
    metrics = [
        measured(f"{name}_{span}", one[:, part].mean(axis=1))
        for span, part in spans.items()
        for name, one in lengths.items()
    ]
    lines = [
        Line(name, range(1, CAR_EPISODES + 1), smoothed(one.mean(axis=0), 5).tolist()) for name, one in lengths.items()
    ]
    return Result(metrics, [Panel("Mountain Car", "Episode", "Steps", lines)])


# --- the large grid --------------------------------------------------------------------------------------------------

GRID_EPISODES, FINAL = 400, 20
GRID = {"gamma": 0.99, "epsilon": 0.1}
#: Actions that good and bad advice praises: right and down, left and up.
GOOD, BAD = (1, 2), (0, 3)


def advised_batch(blend: Blend, praised: tuple[int, ...], alpha: float, runs: int) -> Array:
    """The steps of each episode, shape (runs, 400): SARSA with a person who praises these actions and says nothing of
    the others."""
    env = world("hfrl/AdviceGrid-v0")
    good = np.zeros((int(env.observation_space.n), 4), np.bool_)
    good[:, praised] = True
    learner = agent("sarsa", env, GRID | {"learning_rate": alpha})
    word = Dials(positivity=1.0) if praised else None  # every blame is withheld
    batch = Batch(env, learner, range(runs), blend, word, praised=good if praised else None)
    batch.run(episodes=GRID_EPISODES)
    return batch.episodes()[1].astype(np.float64)


def behboudian_grid(runs: int) -> Result:
    """Steps over 400 episodes, and the mean of the last 20, of SARSA alone and advised (Behboudian et al. 2020).

    Naive advice is added to the reward; alpha and the rate of Phi are those of the authors' code.
    """
    arms: dict[str, tuple[Blend, tuple[int, ...], float]] = {
        "sarsa": (none(), (), 0.05),
        "pies_good": (pies(episodes=100, rate=0.5), GOOD, 0.05),
        "pies_bad": (pies(episodes=5, rate=0.5), BAD, 0.05),
        "dpba_corrected_good": (dpba(rate=0.01), GOOD, 0.1),
        "dpba_corrected_bad": (dpba(rate=0.01), BAD, 0.1),
        "naive_good": (reward_shaping(1.0, source="press"), GOOD, 0.05),
    }
    lengths = {name: advised_batch(*arm, runs) for name, arm in arms.items()}
    metrics = [measured(f"{name}_total", one.sum(axis=1)) for name, one in lengths.items()]
    metrics += [measured(f"{name}_final", one[:, -FINAL:].mean(axis=1)) for name, one in lengths.items()]
    lines = [
        Line(name, range(1, GRID_EPISODES + 1), smoothed(one.mean(axis=0), 5).tolist()) for name, one in lengths.items()
    ]
    title = "Advice in a 20 x 20 grid"
    panels = [Panel(title, "Episode", "Steps", lines, y_limits=(0, most)) for most in (1_000, 10_200)]
    return Result(metrics, panels)
