"""The loop by hand: every joint of the river in view, and one agent's first hundred episodes at the counter."""

import gymnasium as gym

import hfrl
from hfrl.agents import QLearning
from hfrl.types import Acted, Learnt

env = gym.make("hfrl/Pizza-v0")
agent = QLearning(env, learning_rate=0.5, gamma=0.99, epsilon=0.1)

returns, total = [], 0.0
for event in hfrl.play(env, agent, seed=0):
    if isinstance(event, Acted):
        step = event.step
        total += step.reward
        if step.ended:
            returns.append(total)
            total = 0.0
    elif isinstance(event, Learnt) and len(returns) == 99:
        judgement, update = event
        doing = env.unwrapped.action_meanings[judgement.step.action]
        print(f"{doing:14} Q {update.old:6.2f} -> {update.new:6.2f}   target {update.target:6.2f}")
    if len(returns) == 100:
        break

print(
    f"\nmean return of the first ten episodes {sum(returns[:10]) / 10:.2f}, of the last {sum(returns[-10:]) / 10:.2f}"
)
result = hfrl.evaluate(gym.make("hfrl/Pizza-v0"), agent, episodes=20)
print(f"greedy now: return {result.returns.mean():.2f}, hidden taste {result.tastes.mean():.2f}")
