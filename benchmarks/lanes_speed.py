"""Several worlds at once against one: environment steps a second of DQN with --num-envs K.

    python benchmarks/lanes_speed.py [--rounds 3] [--lanes 1 4 16]

One thread; a round runs every number of lanes in turn, and medians over the rounds are printed, of CPU time and of wall
time. `1, plain` is :func:`hfrl.play`, the others :func:`hfrl.abreast.collect`. Cases: a small network on CartPole that
only acts, CleanRL's settings on CartPole, and Nature's network on pictures of 84 by 84, which only acts.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv

from hfrl.abreast import collect
from hfrl.agents import DQN
from hfrl.loop import play
from hfrl.types import Event, Learnt


class Pictures(gymnasium.Env[Any, Any]):
    """Pictures that cost nothing to make: what is measured is the agent."""

    observation_space = gymnasium.spaces.Box(0, 255, (4, 84, 84), np.uint8)
    action_space = gymnasium.spaces.Discrete(4)
    shown = np.random.default_rng(0).integers(0, 255, (50, 4, 84, 84), np.uint8)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:  # noqa: ARG002 - Gymnasium's
        super().reset(seed=seed)
        self.at = 0
        return self.shown[0], {}

    def step(self, action: Any) -> Any:  # noqa: ARG002 - whatever is done
        self.at += 1
        return self.shown[self.at % 50], 1.0, False, self.at == 200, {}


class Case(NamedTuple):
    """What is run for so many steps."""

    world: Any
    steps: int
    settings: dict[str, Any]


def cart() -> Any:
    return gymnasium.make("CartPole-v1", disable_env_checker=True)


RARELY = {"learning_starts": 10**9, "epsilon": 0.05}
CASES = {
    "CartPole, 64-64, acting alone": Case(cart, 20_000, RARELY),
    "CartPole, 120-84, batch 128 every 10": Case(
        cart, 20_000, {"net_arch": (120, 84), "batch_size": 128, "train_freq": 10, "learning_starts": 1_000}
    ),
    "pictures, Nature's network, acting alone": Case(Pictures, 1_000, {**RARELY, "buffer_size": 1_000}),
}


def timed(case: Case, lanes: int, seed: int) -> tuple[float, float]:
    """CPU and wall seconds of a run; 0 lanes is the plain one."""
    agent = DQN(case.world(), **case.settings)
    events: Iterator[Event]
    if lanes:
        events = collect(SyncVectorEnv([case.world] * lanes), agent, seed)
    else:
        events = play(case.world(), agent, seed=seed)
    left = case.steps
    cpu, wall = time.process_time(), time.perf_counter()
    for event in events:
        left -= isinstance(event, Learnt)
        if not left:
            break
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 4, 16])
    given = parser.parse_args()
    print("| | lanes | steps per CPU second | times the plain run | per second of wall time | times |")
    print("|---|---|---|---|---|---|")
    for name, case in CASES.items():
        columns = [0, *given.lanes]
        timed(case._replace(steps=500), 1, 0)  # compiles
        rounds = [[timed(case, lanes, seed) for lanes in columns] for seed in range(given.rounds)]
        for k, lanes in enumerate(columns):
            shown = []
            for which in (0, 1):
                rate = statistics.median(case.steps / one[k][which] for one in rounds)
                times = statistics.median(one[0][which] / one[k][which] for one in rounds)
                shown += [f"{rate:,.0f}", f"{times:.2f}"]
            print(f"| {name} | {lanes or '1, plain'} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
