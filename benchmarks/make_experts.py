"""Makes the experts that ship with the package: ``python benchmarks/make_experts.py [FOLDER]``.

Double DQN learns the world; of its evaluations every 2,500 steps (20 greedy episodes) the best one's network is kept,
evaluated again over 100 fresh episodes, and written as plain arrays (``sizes``, ``theta``).
"""

import sys
from pathlib import Path

import gymnasium as gym
import numpy as np

import hfrl
from hfrl.agents import DoubleDQN
from hfrl.experts import FOLDER
from hfrl.types import Learnt

SETTINGS = {
    "learning_rate": "linear:0.002:0.0001:60000",
    "buffer_size": 50_000,
    "train_freq": 64,
    "gradient_steps": 32,
    "target_update_interval": 500,
    "exploration_steps": 5_000,
    "exploration_final_eps": 0.04,
    "net_arch": (64, 64),
}
STEPS, EVERY, SEED = 60_000, 2_500, 0


def main(folder: Path) -> None:
    """Train, keep the best, write it."""
    world, judged = gym.make("CartPole-v1"), gym.make("CartPole-v1")
    agent = DoubleDQN(world, **SETTINGS)
    best, kept, steps = -1.0, agent.network.arrays(), 0
    for event in hfrl.play(world, agent, seed=SEED, steps=STEPS):
        steps += isinstance(event, Learnt)
        if isinstance(event, Learnt) and steps % EVERY == 0:
            mean = float(hfrl.evaluate(judged, agent, 20, seed=1).returns.mean())
            print(f"{steps:7} steps: {mean:6.1f}")
            if mean >= best:
                best, kept = mean, agent.network.arrays()
    agent.network.restore(kept)
    final = hfrl.evaluate(judged, agent, 100, seed=2).returns
    path = folder / "CartPole-v1.npz"
    folder.mkdir(exist_ok=True)
    np.savez_compressed(path, sizes=kept["sizes"], theta=kept["theta"], allow_pickle=False)
    print(f"{path}: mean {final.mean():.1f}, worst {final.min():.0f} of 500 over 100 episodes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
