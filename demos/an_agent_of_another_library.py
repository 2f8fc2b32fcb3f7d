"""An agent of another library: Stable-Baselines3's DQN in the mountain car, alone and with a simulated person."""

import sys

import gymnasium as gym

import hfrl
from hfrl import blend, heuristics, teachers

try:
    import torch
    from stable_baselines3 import DQN
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.monitor import Monitor
except ImportError:
    print("this demo needs Stable-Baselines3: pip install 'hfrl[sb3]'")
    sys.exit()

torch.set_num_threads(1)  # so small a network gains nothing by a second one
WORLD, STEPS = "MountainCar-v0", 6_000


def drive(taught: bool, seed: int) -> float:
    """Train one driver; returns its mean return afterwards, by the world's own reward."""
    env = Monitor(gym.make(WORLD))  # inside: what it adds up is the world's own reward
    if taught:
        rng = hfrl.streams(seed).teacher
        manner = teachers.Manner(consistency=0.9, likelihood=0.3)  # right nine times in ten, judges three steps in ten
        person = teachers.spoken(heuristics.heuristic(env, rng), manner, rng)
        env = hfrl.TaughtEnv(env, person, blend.reward_shaping(beta=1.0))
    driver = DQN("MlpPolicy", env, learning_rate=4e-3, learning_starts=500, target_update_interval=300, train_freq=4,
                 exploration_fraction=0.3, seed=seed, device="cpu")  # fmt: skip
    driver.learn(STEPS)
    return evaluate_policy(driver, Monitor(gym.make(WORLD)), n_eval_episodes=10)[0]


print("seed   alone   taught   (return after 6000 steps; -200 is: never arrived)")
for seed in range(3):
    print(f"{seed:4} {drive(False, seed):7.0f} {drive(True, seed):8.0f}")
