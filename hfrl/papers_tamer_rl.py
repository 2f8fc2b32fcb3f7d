"""The nine ways of TAMER+RL side by side: by beta on the cliff, and those without a beta in Mountain Car."""

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from hfrl import blend as blends
from hfrl.blend import Blend
from hfrl.book import agent, smoothed, world
from hfrl.compiled import Batch
from hfrl.papers_shaping import car_run
from hfrl.reproduce import Line, Panel, Result, measured
from hfrl.teachers import Dials

Array = NDArray[np.float64]

#: A right word in nine of ten, at three steps of ten.
PERSON = Dials(consistency=0.9, likelihood=0.3)
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FIRST, CAP = 50, 500
LIMITS = (-200.0, -20.0)
CLIFF = {"learning_rate": 0.2, "gamma": 0.99, "epsilon": 0.1}
#: By their numbers in Knox & Stone; look-back advice has none.
BY_BETA: dict[str, Callable[[float], Blend]] = {
    "1_reward_shaping": blends.reward_shaping,
    "3_q_initialisation": blends.q_initialisation,
    "4_q_augmentation": blends.q_augmentation,
    "6_action_biasing": blends.action_biasing,
    "7_control_sharing": blends.control_sharing,
    "8_potential_based": blends.potential_based,
    "9_look_ahead_advice": blends.look_ahead_advice,
    "look_back_advice": blends.look_back_advice,
}
CAR_EPISODES = 100
IN_THE_CAR: dict[str, Callable[[], Blend]] = {
    "sarsa": blends.none,
    "2_model_feature": blends.model_feature,
    "5_extra_action": blends.extra_action,
}


def on_the_cliff(blend: Blend, runs: int) -> Array:
    """The mean return of the first 50 episodes of each run: SARSA on the cliff, taught by a fallible person."""
    env = TimeLimit(world("CliffWalking-v1"), CAP)
    batch = Batch(env, agent("sarsa", env, CLIFF), range(runs), blend, PERSON)
    batch.run(episodes=FIRST)
    return np.asarray(batch.episodes()[0].mean(axis=1))


def tamer_rl(runs: int) -> Result:
    """The mean return of the first 50 episodes on the cliff by beta; in Mountain Car the steps of 100 episodes with an
    H that is right, for the two ways that have no beta (a tenth of the runs)."""
    plain, asking = on_the_cliff(blends.none(), runs), on_the_cliff(blends.extra_action(), runs)
    found = {name: [on_the_cliff(made(beta), runs) for beta in BETAS] for name, made in BY_BETA.items()}
    metrics = [measured("cliff_sarsa", plain), measured("cliff_5_extra_action", asking)]
    for name, by_beta in found.items():
        metrics += [measured(f"cliff_{name}_{beta:g}", one) for beta, one in zip(BETAS, by_beta, strict=True)]
    lines = {name: Line(name, BETAS, [float(one.mean()) for one in by_beta]) for name, by_beta in found.items()}
    for name, flat in (("sarsa", plain), ("5_extra_action", asking)):
        lines[name] = Line(name, BETAS, [float(flat.mean())] * len(BETAS))
    done = [lines[name] for name in ("sarsa", "5_extra_action", "6_action_biasing", "7_control_sharing")]
    told = [lines["sarsa"], *(line for line in lines.values() if line not in done)]
    cars = in_the_car(max(2, runs // 10))
    for name, one in cars.items():
        metrics += [measured(f"car_{name}_1_{last}", one[:, :last].mean(axis=1)) for last in (10, CAR_EPISODES)]
    episodes = range(1, CAR_EPISODES + 1)
    car_lines = [Line(name, episodes, smoothed(one.mean(axis=0), 5).tolist()) for name, one in cars.items()]
    panels = [
        Panel("Cliff, episodes 1 - 50: H in what is done", "beta", "Return", done, y_limits=LIMITS, log_x=True),
        Panel("H in what is learnt", "beta", "Return", told, y_limits=LIMITS, log_x=True),
        Panel("Mountain Car", "Episode", "Steps", car_lines),
    ]
    return Result(metrics, panels)


def in_the_car(runs: int) -> dict[str, Array]:
    """Steps of each episode, shape (runs, 100)."""
    with joblib.Parallel(n_jobs=-1) as parallel:
        call: Any = joblib.delayed(car_run)
        return {
            name: np.array(parallel(call(made(), seed, CAR_EPISODES) for seed in range(runs)), dtype=np.float64)
            for name, made in IN_THE_CAR.items()
        }
