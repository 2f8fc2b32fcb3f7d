"""What a sweep costs beside its runs, and what a second worker brings.

    python benchmarks/sweep_overhead.py [--cells 100] [--steps 60000]

Overhead: two sweeps of cells of one step each, one of a few cells and one of many more, with the same workers; the
difference over the cells that it has more, less what a run of one step takes by itself. Gain: the same sweep of longer
cells with one worker and with two. Wall time in processes of their own, medians of three.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def seconds(cells: int, steps: int, jobs: int) -> float:
    """Wall time of one sweep, imports and workers included."""
    with tempfile.TemporaryDirectory() as folder:
        grid = ",".join(str((k + 1) / (cells + 1)) for k in range(cells))
        line = ["--env", "FrozenLake-v1", "--grid", f"learning_rate={grid}", "--seeds", "0", "-n", str(steps)]
        line += ["--eval-freq", "0", "--eval-episodes", "1", "--engine", "python", "--no-progress"]
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "hfrl.run", "sweep", *line, "--jobs", str(jobs), "--out", folder],
            check=True,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=100)
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    few, many = 10, 10 + arguments.cells
    for jobs in (1, 2):
        short = statistics.median(seconds(few, 1, jobs) for _ in range(arguments.rounds))
        long = statistics.median(seconds(many, 1, jobs) for _ in range(arguments.rounds))
        print(f"{jobs} worker(s): {(long - short) / arguments.cells * 1000:.1f} ms a cell of one step")
    one = statistics.median(seconds(8, arguments.steps, 1) for _ in range(arguments.rounds))
    two = statistics.median(seconds(8, arguments.steps, 2) for _ in range(arguments.rounds))
    print(f"8 cells of {arguments.steps:,} steps: {one:.2f} s with one worker, {two:.2f} s with two: {one / two:.2f}x")


if __name__ == "__main__":
    main()
