"""How long a feedback log of a million events takes to open.

    python benchmarks/feedback_log.py [--events 1000000] [--rounds 3]

Written by the log's own writer: late presses, shared among one to three steps. CPU seconds beside wall seconds, because
other processes on the machine do not lengthen the first.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from hfrl.feedback import read_presses
from hfrl.record import FeedbackLog
from hfrl.types import Feedback


def write(path: Path, events: int) -> None:
    """A log of so many presses."""
    rng, log = np.random.default_rng(0), FeedbackLog(path)
    for index in range(events):
        parts = rng.dirichlet(np.ones(rng.integers(1, 4)))
        shares = [(index - back, float(part)) for back, part in enumerate(parts)]
        log.press(Feedback(float(rng.choice([-1.0, 0.5, 1.0])), 0.3 * index, 0.1), index, index // 50, shares)
    log.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feedback.jsonl"
        write(path, arguments.events)
        print(f"{arguments.events:,} events, {path.stat().st_size / 2**20:.0f} MiB")
        wall, cpu = [], []
        for _ in range(arguments.rounds + 1):
            begun, used = time.perf_counter(), time.process_time()
            presses = read_presses(path)
            wall.append(time.perf_counter() - begun)
            cpu.append(time.process_time() - used)
            assert len(presses.t) == arguments.events
        print(f"first, with the compiler's load: {wall[0]:.2f} s (CPU {cpu[0]:.2f} s)")
        print(f"then: {statistics.median(wall[1:]):.2f} s (CPU {statistics.median(cpu[1:]):.2f} s)")


if __name__ == "__main__":
    main()
