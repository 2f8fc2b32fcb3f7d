"""DQN from pictures: ours and Stable-Baselines3's with the same network and settings, on the CPU or a GPU.

    python benchmarks/pixels_speed.py [--device cpu] [--steps 2000] [--rounds 3]

The world is the pizza kitchen in 84 x 84 greys, four of them stacked; the network is Nature's (Mnih et al. 2015), batch
32, an update every 4 steps. One process, one thread, in turns. Printed are environment steps per second of wall and of
CPU time, the time of an update alone, and what 2,000 transitions take in the buffer. Stable-Baselines3 is left out
where it is not installed.
"""

import argparse
import importlib.util
import os
import statistics
import time
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import hfrl
from hfrl import build
from hfrl.agents import DQN

WORLD = {"observation": "pixels", "grayscale": True, "frame_stack": 4}
SETTINGS: dict[str, Any] = {
    "learning_rate": 1e-4, "buffer_size": 2_000, "learning_starts": 200, "batch_size": 32, "train_freq": 4,
    "target_update_interval": 500,
}  # fmt: skip
UPDATES = 50


class Ran(NamedTuple):
    """Steps per second of wall and of CPU time, milliseconds of an update, megabytes of 2,000 transitions."""

    wall: float
    cpu: float
    update: float
    memory: float


def timed(work: Any, steps: int) -> tuple[float, float]:
    """Steps per second of wall and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return steps / (time.perf_counter() - wall), steps / (time.process_time() - cpu)


def ours(device: str, steps: int, seed: int) -> Ran:
    env = build.make_env("hfrl/PizzaKitchen-v0", WORLD)
    agent = DQN(env, device=device, backend="torch", **SETTINGS)

    def work() -> None:
        for _ in hfrl.play(env, agent, seed=seed, steps=steps):
            pass

    wall, cpu = timed(work, steps)

    def updates() -> None:
        for _ in range(UPDATES):
            agent.learn(agent.memory.sample(32, agent.rng), lambda judgement: judgement.step.reward)
        agent.q_values(env.observation_space.sample())  # waits for the device

    per_second, _ = timed(updates, UPDATES)
    frames = agent.memory.frames
    assert frames is not None
    return Ran(wall, cpu, 1e3 / per_second, frames.nbytes / 1e6 / agent.memory.size * 2_000)


def stable_baselines(device: str, steps: int, seed: int) -> Ran:
    import stable_baselines3

    env = build.make_env("hfrl/PizzaKitchen-v0", WORLD)
    model = stable_baselines3.DQN(
        "CnnPolicy", env, seed=seed, device=device, exploration_fraction=1.0, policy_kwargs={"net_arch": []}, **SETTINGS
    )
    wall, cpu = timed(lambda: model.learn(steps), steps)
    per_second, _ = timed(lambda: model.train(gradient_steps=UPDATES, batch_size=32), UPDATES)
    buffer = model.replay_buffer
    kept = buffer.observations.nbytes + buffer.next_observations.nbytes
    return Ran(wall, cpu, 1e3 / per_second, kept / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    runs: dict[str, Any] = {"ours": ours}
    if importlib.util.find_spec("stable_baselines3"):
        runs["sb3"] = stable_baselines
    found: dict[str, list[Ran]] = {who: [] for who in runs}
    for seed in range(arguments.rounds):
        for who, run in runs.items():
            found[who].append(run(arguments.device, arguments.steps, seed))
    for who, results in found.items():
        wall, cpu, update, memory = (statistics.median(column) for column in zip(*results, strict=True))
        ratio = statistics.median(a.wall / b.wall for a, b in zip(found["ours"], results, strict=True))
        print(
            f"{who:6}{wall:8.0f} steps/s{cpu:8.0f} steps/CPU s{update:9.2f} ms an update{memory:9.1f} MB"
            f"   ours is {ratio:.2f} times as fast"
        )


if __name__ == "__main__":
    main()
