"""What the records of a run cost: logs, progress and the wish to stop, beside the bare loop of the same run.

    python benchmarks/logging_cost.py [--rounds 7]

The bare run is `hfrl.play` with the same parts and seed, whose events nobody looks at. The other is what `hfrl.run`
does with one seed: monitor, progress, feedback log, heartbeat. One evaluation of one episode at its end, and what was
learnt on the disk twice, as the last checkpoint and as `final.npz`, are no logging, and the bare run has them too. CPU
time of this process, in turns; quote the median of the ratios.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import hfrl
from hfrl import build
from hfrl.config import Arm
from hfrl.experiment import Session, run_seed
from hfrl.record import write_arrays

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


def bare(arm: Arm) -> float:
    """CPU seconds of the loop alone, its parts made and its agent evaluated once, as the other has it."""
    started = time.process_time()
    session = Session(arm, 0)
    parts = session.env, session.agent, session.teacher, session.switch, session.credit
    for _ in hfrl.play(*parts, seed=0, steps=arm.total_timesteps):
        pass
    session.evaluate(arm.eval_episodes, with_h=False)
    if session.guided:
        session.evaluate(arm.eval_episodes, with_h=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("checkpoint", "final"):
            write_arrays(Path(folder) / f"{name}.npz", session.arrays())
    taken = time.process_time() - started
    session.close()
    return taken


def recorded(arm: Arm) -> float:
    """CPU seconds of the run with its records."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        run_seed(arm, 0, Path(folder), lambda steps: True)  # noqa: ARG005 - a heartbeat that lets it go on
        return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    for name, arm in RUNS.items():
        build.check(arm)
        pairs = [(bare(arm), recorded(arm)) for _ in range(rounds)]
        cost = statistics.median(with_records / alone - 1 for alone, with_records in pairs)
        each = statistics.median(alone for alone, _ in pairs) / arm.total_timesteps * 1e6
        print(f"{name:32} {each:6.2f} us a step bare, records {100 * cost:+5.1f} %")


if __name__ == "__main__":
    main()
