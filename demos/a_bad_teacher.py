"""A bad teacher: what wrong labels do to a cook who trusts them, from a careful person to one who is always wrong."""

import gymnasium as gym

import hfrl
from hfrl import blend, teachers
from hfrl.agents import QLearning
from hfrl.models import HumanTable

print("labels right   automated return   hidden taste   of what H praises, truly optimal")
for consistency in (1.0, 0.9, 0.7, 0.5, 0.0):
    env = gym.make("hfrl/Pizza-v0")
    agent = QLearning(env, learning_rate=0.5, epsilon=0.1)
    person = teachers.simulated(env, hfrl.streams(0).teacher, consistency=consistency, likelihood=0.3)
    model = HumanTable(env.observation_space.n, env.action_space.n, int)
    switch = hfrl.Switch(blend.reward_shaping(beta=0.5), model, agent.gamma)
    for _ in hfrl.play(env, agent, person, switch, seed=0, steps=40_000):
        pass
    truth = teachers.oracle(env).good
    judged = [(s, a) for s in range(len(truth)) for a in range(len(truth[s])) if model.count[s][a]]
    praised = [truth[s][a] for s, a in judged if model.mean[s][a] > 0]
    result = hfrl.evaluate(gym.make("hfrl/Pizza-v0"), agent)
    share = sum(praised) / len(praised)
    print(f"{consistency:12.0%} {result.returns.mean():18.2f} {result.tastes.mean():14.2f} {share:20.0%}")
