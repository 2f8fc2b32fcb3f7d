"""The compiled engine against the loop of Gymnasium's tutorial and the same loop in C, in one process, in turns.

    python benchmarks/compiled_speed.py [--rounds 5]

All run Q-learning on the same table with the same settings. The C program has the same PCG64 generators, the same draw
from the table and the same epsilon-greedy as the engine, and learns the same table bit for bit: it is the loop that the
engine would be if it were written by hand (``gcc -O3 -march=native -ffp-contract=off``). Quote the medians of the
ratios.
"""

import argparse
import ctypes
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from loop_speed import ALPHA, EPSILON, GAMMA, tutorial

from hfrl import blend, kernel
from hfrl.agents import QLearning
from hfrl.compiled import Batch
from hfrl.seeding import state_of
from hfrl.teachers import Dials

WORLDS = ("FrozenLake-v1", "CliffWalking-v1", "Taxi-v4")
PROGRAM = r"""
#include <stdint.h>
typedef unsigned __int128 u128;
static const u128 MULT = ((u128)0x2360ED051FC65DA4ULL << 64) | 0x4385DF649FCCF645ULL;
static inline double draw(u128 *state, u128 inc) {
    *state = *state * MULT + inc;
    uint64_t high = (uint64_t)(*state >> 64), mixed = high ^ (uint64_t)*state, turn = high >> 58;
    uint64_t word = (mixed >> turn) | (mixed << ((64 - turn) & 63));
    return (word >> 11) * (1.0 / 9007199254740992.0);
}
static int choose(const double *q, int n, double epsilon, double u) {
    double best = q[0]; int ties = 1;
    for (int k = 1; k < n; k++) { if (q[k] > best) { best = q[k]; ties = 1; } else ties += q[k] == best; }
    double other = epsilon / n, tied = other + (1 - epsilon) / ties, cumulative = 0; int a = 0;
    for (int k = 0; k < n; k++) { cumulative += q[k] == best ? tied : other; a += u >= cumulative; }
    return a < n ? a : n - 1;
}
void learn(long steps, int n, int outcomes, int starts, long limit, const double *until, const int64_t *next,
           const double *reward, const uint8_t *ends, const double *start, double *q, const uint64_t *words,
           double alpha, double gamma, double epsilon) {
    u128 world = ((u128)words[0] << 64) | words[1], world_inc = ((u128)words[2] << 64) | words[3];
    u128 policy = ((u128)words[4] << 64) | words[5], policy_inc = ((u128)words[6] << 64) | words[7];
    int fresh = 1, s = 0, a = 0; long t = 0;
    for (long i = 0; i < steps; i++) {
        if (fresh) {
            double u = draw(&world, world_inc); int low = 0, high = starts;
            while (low < high) {
                int middle = (low + high) / 2;
                if (start[middle] <= u) low = middle + 1; else high = middle;
            }
            s = low < starts ? low : starts - 1; t = 0; fresh = 0;
            a = choose(q + (long)s * n, n, epsilon, draw(&policy, policy_inc));
        }
        double u = draw(&world, world_inc);
        long at = ((long)s * n + a) * outcomes;
        while (u >= until[at]) at++;
        int s2 = next[at]; double best = q[(long)s2 * n];
        for (int k = 1; k < n; k++) best = q[(long)s2 * n + k] > best ? q[(long)s2 * n + k] : best;
        double *entry = q + (long)s * n + a;
        *entry += alpha * (reward[at] + gamma * (1 - ends[at]) * best - *entry);
        t++;
        if (ends[at] || t >= limit) fresh = 1;
        else a = choose(q + (long)s2 * n, n, epsilon, draw(&policy, policy_inc));
        s = s2;
    }
}
"""


def in_c() -> Any:
    """The C function, or None where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp())
    (folder / "learn.c").write_text(PROGRAM)
    library = folder / "learn.so"
    # No fused multiply-add: it rounds once where Python rounds twice, and the table would be another one.
    command = [
        compiler,
        "-O3",
        "-march=native",
        "-ffp-contract=off",
        "-shared",
        "-fPIC",
        "-o",
        str(library),
        str(folder / "learn.c"),
    ]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library)).learn


def agent_for(env: Any) -> QLearning:
    return QLearning(env, learning_rate=ALPHA, gamma=GAMMA, epsilon=EPSILON)


def c_speed(function: Any, world: str, steps: int) -> tuple[float, np.ndarray[Any, Any]]:
    """Steps per second in C, and the table it learns from seed 0."""
    env = gym.make(world)
    made = kernel.world_of(env)
    batch = Batch(env, agent_for(env), (0,))
    words = np.concatenate([batch._draws[0, 0], batch._draws[0, 1]])
    q = np.zeros((made.states, made.actions))
    arrays = [np.ascontiguousarray(made.shared[f"p_{name}"]) for name in ("until", "next", "reward", "ends", "start")]
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*arrays, q, words)]
    rates = [ctypes.c_double(rate) for rate in (ALPHA, GAMMA, EPSILON)]
    limit = ctypes.c_long(made.limit)
    started = time.perf_counter()
    function(ctypes.c_long(steps), made.actions, arrays[0].shape[2], made.states, limit, *pointers, *rates)
    return steps / (time.perf_counter() - started), q


def ours(world: str, steps: int, seeds: int = 1, threads: int = 1, taught: bool = False) -> tuple[float, Any]:
    """Steps per second of the engine over all seeds, compiled beforehand, and the first table."""
    env = gym.make(world)
    batch = Batch(
        env,
        agent_for(env),
        range(seeds),
        blend.reward_shaping(0.5) if taught else None,
        Dials(0.9, 0.3) if taught else None,
        threads=threads,
    )
    started = time.perf_counter()
    batch.run(steps=steps)
    return seeds * steps / (time.perf_counter() - started), batch.tables["q"][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4_000_000)
    arguments = parser.parse_args()
    assert state_of(np.random.default_rng(0)).dtype == np.uint64
    function = in_c()
    print(f"{'millions of steps/s':18}{'tutorial':>10}{'ours':>8}{'C':>8}{'taught':>8}{'64 seeds':>10}", end="")
    print(f"{'ours/tutorial':>15}{'ours/C':>8}{'taught/ours':>13}{'per step, 64 / 1':>18}")
    for world in WORLDS:
        rows = []
        for _ in range(arguments.rounds):
            peer = tutorial(world, 50_000, statistics_wrapper=True)
            single, table = ours(world, arguments.steps)
            native, same = c_speed(function, world, arguments.steps) if function else (float("nan"), table)
            assert np.array_equal(table, same), "the C loop learns another table"
            taught, _ = ours(world, arguments.steps, taught=True)
            many, _ = ours(world, arguments.steps // 16, seeds=64, threads=2)
            rows.append((peer, single, native, taught, many))
        peer, single, native, taught, many = (statistics.median(column) / 1e6 for column in zip(*rows, strict=True))
        ratios = [statistics.median(row[a] / row[b] for row in rows) for a, b in ((1, 0), (1, 2), (3, 1), (1, 4))]
        print(f"{world:18}{peer:10.3f}{single:8.1f}{native:8.1f}{taught:8.1f}{many:10.1f}", end="")
        print(f"{ratios[0]:15.0f}{ratios[1]:8.2f}{ratios[2]:13.2f}{ratios[3]:18.2f}")


if __name__ == "__main__":
    main()
