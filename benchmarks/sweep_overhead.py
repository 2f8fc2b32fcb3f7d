"""What a sweep costs beside its runs, and what a second worker brings.

    python benchmarks/sweep_overhead.py [--cells 100] [--steps 60000]

Overhead: two sweeps of cells of one step each, one of a few cells and one of many more, with the same workers; the
difference over the cells that it has more, less what a run of one step takes by itself. Gain: the same sweep of longer
cells with one worker and with two, beside the control: what two busy loops at once gain on one after the other on this
machine at this hour, which no sweep can beat. Wall time in processes of their own, medians of three, in turns.
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


BUSY = "for i in range(60_000_000): pass"


def busy(at_once: bool) -> float:
    """Wall time of two busy processes, at once or one after the other."""
    started = time.perf_counter()
    running = []
    for _ in range(2):
        running.append(subprocess.Popen([sys.executable, "-c", BUSY]))
        if not at_once:
            running[-1].wait()
    for process in running:
        process.wait()
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
    rows = [
        (seconds(8, arguments.steps, 1), seconds(8, arguments.steps, 2), busy(False), busy(True))
        for _ in range(arguments.rounds)
    ]
    one, two, after, at_once = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"8 cells of {arguments.steps:,} steps: {one:.2f} s with one worker, {two:.2f} s with two: {one / two:.2f}x")
    print(f"two busy loops: {after:.2f} s one after the other, {at_once:.2f} s at once: {after / at_once:.2f}x")


if __name__ == "__main__":
    main()
