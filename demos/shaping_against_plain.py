"""Shaping against plain: the same cook, the same luck, with and without a simulated person's praise and blame."""

import gymnasium as gym

import hfrl
from hfrl import blend, teachers
from hfrl.agents import QLearning

STEPS = 60_000


def cook(taught: bool, seed: int) -> tuple[float, float]:
    """Train one cook; returns its automated return and its hidden taste."""
    env = gym.make("hfrl/Pizza-v0")
    agent = QLearning(env, learning_rate=0.5, epsilon=0.1)
    person = teachers.simulated(env, hfrl.streams(seed).teacher, consistency=0.9, likelihood=0.3)
    teacher = person if taught else teachers.silent
    for _ in hfrl.play(env, agent, teacher, blend.reward_shaping(beta=0.5), seed=seed, steps=STEPS):
        pass
    result = hfrl.evaluate(gym.make("hfrl/Pizza-v0"), agent)
    return result.returns.mean(), result.tastes.mean()


print("seed   plain: return taste   taught: return taste")
for seed in range(3):
    plain, taught = cook(False, seed), cook(True, seed)
    print(f"{seed:4}          {plain[0]:6.2f}  {plain[1]:.2f}           {taught[0]:6.2f}  {taught[1]:.2f}")
