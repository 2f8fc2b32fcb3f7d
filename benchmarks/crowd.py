"""What a class of students or a crowd of labellers needs of one machine: their sessions, pooled.

    python benchmarks/crowd.py [--sessions 30 300 3000] [--presses 300]

There is no server in this project: everybody teaches in a window of their own and hands in a run folder. So many
folders are made here (copies of one session's, each with its own trainer and presses), and `merge` pools them. Printed
are the seconds and the memory of that, by which a larger crowd is reckoned: both grow with the number of presses.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
LINE = ["--env", "hfrl/Pizza-v0", "--agent", "q_learning", "--blend", "reward_shaping", "--teacher", "oracle"]
LINE += ["-n", "400", "--seeds", "0", "--eval-freq", "0", "--eval-episodes", "1", "--no-progress"]


def run(*line: str) -> float:
    """Seconds of one command."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hfrl.run", *line], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def handed_in(template: Path, folder: Path, number: int, presses: int) -> None:
    """One labeller's session: the template's folder with a log of so many presses, a tenth of them wrong."""
    shutil.copytree(template, folder)
    log = folder / "seed_0" / "feedback.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    rng = np.random.default_rng(number)
    with log.open("w") as file:
        for k in range(presses):
            event = lines[k % len(lines)] | {"trainer": f"student {number}", "t": 0.3 * k}
            event["value"] *= 1.0 if rng.random() < 0.9 else -1.0
            file.write(json.dumps(event) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[30, 300, 3000])
    parser.add_argument("--presses", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        run(*LINE, "--out", str(base / "one"))
        (template,) = (base / "one").glob("*/*")
        for sessions in arguments.sessions:
            crowd = base / f"crowd_{sessions}"
            for number in range(sessions):
                handed_in(template, crowd / f"session_{number}", number, arguments.presses)
            seconds = run("merge", str(crowd), "--out", str(base / "merged"))
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = sum(path.stat().st_size for path in crowd.rglob("*") if path.is_file()) / 2**20
            total = sessions * arguments.presses
            cost = f"merge {seconds:7.2f} s, {peak:5.0f} MB"
            print(f"{sessions:6,} sessions, {total:9,} presses: {cost}, {size:6.0f} MiB handed in")


if __name__ == "__main__":
    main()
