"""The Python loop against the loop of Gymnasium's tutorial, steps per second, in one process and in turns.

    python benchmarks/loop_speed.py [--steps 100000] [--rounds 7]

The peer is typed anew after "Training an agent" of Gymnasium's documentation: an agent class with a defaultdict of
numpy rows, `env.step` with the default wrappers, `RecordEpisodeStatistics` as the tutorial has it ("bare": without it).
Both run Q-learning with the same settings. Ours judges, blends and records every step. Quote the median of the ratios:
they hold on any machine. The last column takes the tutorial's loop where the tutorial runs it, on FrozenLake-v1: what a
student gains who comes from there to a world of ours.
"""

import argparse
import statistics
import time
from collections import defaultdict
from typing import Any

import gymnasium as gym
import numpy as np

import hfrl
from hfrl import blend, teachers
from hfrl.agents import QLearning

WORLDS = ("FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0")
ALPHA, GAMMA, EPSILON = 0.5, 0.99, 0.1


class TutorialAgent:
    """The agent of the tutorial: a defaultdict of rows, epsilon-greedy with np.argmax, a list of every TD error."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.q_values: dict[Any, Any] = defaultdict(lambda: np.zeros(env.action_space.n))
        self.training_error: list[float] = []

    def get_action(self, observation: Any) -> int:
        if np.random.random() < EPSILON:
            return int(self.env.action_space.sample())
        return int(np.argmax(self.q_values[observation]))

    def update(self, observation: Any, action: int, reward: float, terminated: bool, next_observation: Any) -> None:
        future_q_value = (not terminated) * np.max(self.q_values[next_observation])
        target = reward + GAMMA * future_q_value
        temporal_difference = target - self.q_values[observation][action]
        self.q_values[observation][action] += ALPHA * temporal_difference
        self.training_error.append(temporal_difference)


def tutorial(world: str, steps: int, statistics_wrapper: bool) -> float:
    """Steps per second of the tutorial's loop."""
    env: Any = gym.make(world)
    if statistics_wrapper:
        env = gym.wrappers.RecordEpisodeStatistics(env, buffer_length=1000)
    agent = TutorialAgent(env)
    done_steps = 0
    started = time.perf_counter()
    while done_steps < steps:
        observation, _ = env.reset()
        done = False
        while not done:
            action = agent.get_action(observation)
            next_observation, reward, terminated, truncated, _ = env.step(action)
            agent.update(observation, action, reward, terminated, next_observation)
            done = terminated or truncated
            observation = next_observation
            done_steps += 1
    return done_steps / (time.perf_counter() - started)


def ours(world: str, steps: int, taught: bool) -> float:
    """Steps per second of hfrl.play, with nobody or with a simulated person and reward shaping."""
    env = gym.make(world)
    agent = QLearning(env, learning_rate=ALPHA, gamma=GAMMA, epsilon=EPSILON)
    teacher: Any = teachers.silent
    if taught:
        teacher = teachers.simulated(env, hfrl.streams(0).teacher, consistency=0.9, likelihood=0.3)
    started = time.perf_counter()
    for _ in hfrl.play(env, agent, teacher, blend.reward_shaping() if taught else blend.none(), seed=0, steps=steps):
        pass
    return steps / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    columns = f"{'tutorial':>10}{'bare':>10}{'ours':>10}{'taught':>10}{'ours/tutorial':>16}{'ours/bare':>12}"
    print(f"{'':22}{columns}{'/tutorial on FrozenLake':>26}")
    frozen_lake = 0.0
    for world in WORLDS:
        rows = [
            (
                tutorial(world, arguments.steps, statistics_wrapper=True),
                tutorial(world, arguments.steps, statistics_wrapper=False),
                ours(world, arguments.steps, taught=False),
                ours(world, arguments.steps, taught=True),
            )
            for _ in range(arguments.rounds)
        ]
        peer, bare, plain, taught = (statistics.median(column) for column in zip(*rows, strict=True))
        ratio, bare_ratio = (statistics.median(row[2] / row[k] for row in rows) for k in (0, 1))
        frozen_lake = frozen_lake or peer
        speeds = f"{peer:10.0f}{bare:10.0f}{plain:10.0f}{taught:10.0f}"
        print(f"{world:22}{speeds}{ratio:16.2f}{bare_ratio:12.2f}{plain / frozen_lake:26.2f}")


if __name__ == "__main__":
    main()
