"""The compiled part of ``bench feedback``: judged steps a second on one thread, as the suite runs them.

    python benchmarks/bench_feedback_speed.py [--rounds 3] [--steps 2000000]

A judged step is a step of a taught agent: the teacher is asked, H learns, the blend works, every press is logged. Every
method and world of the suite's table that can be compiled is run with its own settings and the good person, in pieces
of the size that a run uses; machine code is made beforehand. The figures are medians of the rounds, and the last line
is the harmonic mean: all steps over all seconds.
"""

import argparse
import statistics
import time

from hfrl import bench_plan, build, engine
from hfrl.experiment import CHUNK
from hfrl.kernel import RefusedError


def speed(cell: bench_plan.Cell, steps: int) -> float:
    """Judged steps a second of a cell. Raises RefusedError where it cannot be compiled."""
    env = build.make_env(cell.arm.env, cell.arm.env_kwargs)
    agent = build.make_agent(cell.arm, env)
    batch = engine.batch_of(cell.arm, env, agent, build.make_blend(cell.arm.blend), (0,))
    batch.run(steps=CHUNK)
    started, done = time.perf_counter(), 0
    while done < steps:
        batch.run(steps=CHUNK)
        done += CHUNK
    return done / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2_000_000)
    arguments = parser.parse_args()
    plan = bench_plan.full_plan()
    cells = [cell for cell in bench_plan.cells(plan, (0,)) if cell.condition == "good"]
    medians: list[float] = []
    for cell in cells:
        try:
            rounds = [speed(cell, arguments.steps) for _ in range(arguments.rounds)]
        except RefusedError as refusal:
            print(f"{cell.world:12}{cell.method:26}{'-':>8}   {refusal}", flush=True)
            continue
        medians.append(statistics.median(rounds))
        print(f"{cell.world:12}{cell.method:26}{medians[-1] / 1e6:8.1f}", flush=True)
    slowest, together = min(medians), statistics.harmonic_mean(medians)
    print(
        f"millions of judged steps a second, one thread: {together / 1e6:.1f} together, {slowest / 1e6:.1f} the slowest"
    )


if __name__ == "__main__":
    main()
