"""What the records of a run cost: logs, progress and the wish to stop, beside the bare loop of the same run.

    python benchmarks/logging_cost.py [--rounds 5]

The bare run is `hfrl.play` with the same parts and seed, whose events nobody looks at. The other is what `hfrl.run`
does with one seed: monitor, progress, feedback log, heartbeat. They take turns every thousand steps, within each
heartbeat, so that whatever else the machine does slows both down alike. CPU time of this process. What a run does once,
before its first step and after its last (evaluation, `final.npz`), is in neither; quote the median of the rounds.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import hfrl
from hfrl import build
from hfrl.config import Arm
from hfrl.experiment import HEARTBEAT, Session, run_seed

GOOD = "oracle:consistency=0.9,likelihood=0.3"
RUNS = {
    "Q-learning in the pizza kitchen": Arm(
        "hfrl/PizzaKitchen-v0", "q_learning", "none", "none", "auto", 200_000, (0,), eval_episodes=1
    ),
    "the same, taught": Arm(
        "hfrl/PizzaKitchen-v0", "q_learning", GOOD, "reward_shaping", "auto", 200_000, (0,), eval_episodes=1
    ),
    "DQN on CartPole": Arm(
        "CartPole-v1", "dqn", "none", "none", "auto", 50_000, (0,), {"learning_starts": 500}, eval_episodes=1
    ),
}


class Turns:
    """A heartbeat that lets the bare loop of the same run go as far as the run has come.

    Attributes:
        bare, recorded: CPU seconds so far.
    """

    def __init__(self, arm: Arm) -> None:
        self._session = Session(arm, 0)
        parts = (
            self._session.env, self._session.agent, self._session.teacher, self._session.switch, self._session.credit
        )  # fmt: skip
        self._events: Iterator[Any] = hfrl.play(*parts, seed=0, steps=arm.total_timesteps)
        self._total = arm.total_timesteps
        self.bare = self.recorded = 0.0
        self._left = 0.0

    def __call__(self, steps: int) -> bool:
        entered = time.process_time()
        if steps:
            self.recorded += entered - self._left
            # Two events a step, besides the presses; the last turn has what is left of them.
            for _ in self._events if steps == self._total else islice(self._events, 2 * HEARTBEAT):
                pass
            self.bare += time.process_time() - entered
        self._left = time.process_time()
        return True

    def close(self) -> None:
        """Its worlds are closed."""
        self._session.close()


def cost(arm: Arm) -> tuple[float, float]:
    """What records add, of 1, and seconds of the bare loop."""
    turns = Turns(arm)
    with tempfile.TemporaryDirectory() as folder:
        run_seed(arm, 0, Path(folder), turns)
    turns.close()
    return turns.recorded / turns.bare - 1, turns.bare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for name, arm in RUNS.items():
        build.check(arm)
        costs, seconds = zip(*(cost(arm) for _ in range(rounds)), strict=True)
        each = statistics.median(seconds) / arm.total_timesteps * 1e6
        spread = f"{100 * min(costs):+.1f} to {100 * max(costs):+.1f}"
        print(f"{name:32} {each:6.2f} us a step bare, records {100 * statistics.median(costs):+5.1f} % ({spread})")


if __name__ == "__main__":
    main()
