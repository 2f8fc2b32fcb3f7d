"""Start-up of the command line against importing numpy and gymnasium, and the memory of a long run.

    python benchmarks/start_and_memory.py [--rounds 9] [--steps 1000000]

Whole processes in turns; quote the median of the ratios. Peak memory is the resident size of the largest process.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time

IMPORTS = [sys.executable, "-c", "import numpy, gymnasium"]
HELP = [sys.executable, "-m", "hfrl.run", "--help"]


def seconds(command: list[str]) -> float:
    """Wall time of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=1_000_000)
    arguments = parser.parse_args()
    seconds(IMPORTS), seconds(HELP)
    pairs = [(seconds(HELP), seconds(IMPORTS)) for _ in range(arguments.rounds)]
    help_ms, import_ms = (1000 * statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"--help {help_ms:.0f} ms, import numpy and gymnasium {import_ms:.0f} ms, ratio {ratio:.2f}")
    with tempfile.TemporaryDirectory() as out:
        for steps in (arguments.steps // 10, arguments.steps):
            flags = ["--env", "hfrl/Pizza-v0", "--teacher", "oracle:consistency=0.9,likelihood=0.3", "--seeds", "0"]
            run = [sys.executable, "-m", "hfrl.run", *flags, "-n", str(steps), "--jobs", "1", "--no-progress"]
            taken = seconds([*run, "--out", out])
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{steps} taught steps: {taken:.1f} s, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
