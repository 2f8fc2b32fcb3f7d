"""DQN on CartPole-v1: ours, Stable-Baselines3's and a CleanRL-style script, environment steps per CPU second.

    python benchmarks/dqn_speed.py [--rounds 3] [--steps 20000]

One process, one thread, the same settings, in turns; wall time beside CPU time. `clean` are CleanRL's published
settings (net 120-84, batch 128, an update every 10 steps), `zoo` those of Stable-Baselines3's zoo (net 256-256, batch
64, 128 updates every 256 steps). Learning begins after 1,000 steps in both, so that a short run is not all random play.
The CleanRL-style script is typed anew after the published single-file one: torch, Adam, a copy of the network every 500
steps. Stable-Baselines3 and torch are left out where they are not installed. Returns are those of 20 greedy episodes
after it.
"""

import argparse
import importlib.util
import itertools
import os
import statistics
import time
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import gymnasium as gym
import numpy as np

import hfrl
from hfrl.agents import DQN

SETTINGS: dict[str, dict[str, Any]] = {
    "clean": {
        "learning_rate": 2.5e-4, "buffer_size": 10_000, "batch_size": 128, "train_freq": 10, "gradient_steps": 1,
        "target_update_interval": 500, "learning_starts": 1_000, "exploration_final_eps": 0.05,
    },
    "zoo": {
        "learning_rate": 2.3e-3, "buffer_size": 100_000, "batch_size": 64, "train_freq": 256, "gradient_steps": 128,
        "target_update_interval": 10, "learning_starts": 1_000, "exploration_final_eps": 0.04,
    },
}  # fmt: skip
NETS = {"clean": [120, 84], "zoo": [256, 256]}
EXPLORING = {"clean": 0.5, "zoo": 0.16}


class Ran(NamedTuple):
    """Environment steps per second of CPU and of wall time, and the mean return afterwards."""

    cpu: float
    wall: float
    score: float


def timed(work: Any, steps: int, act: Any) -> Ran:
    """Run the work, then 20 greedy episodes with what it learnt."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    env, returns = gym.make("CartPole-v1"), []
    for episode in range(20):
        observation, _ = env.reset(seed=episode)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(act(observation))
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
    return Ran(steps / cpu, steps / wall, statistics.mean(returns))


def ours(name: str, steps: int, seed: int) -> Ran:
    env: Any = gym.make("CartPole-v1")
    agent = DQN(env, net_arch=NETS[name], exploration_steps=round(EXPLORING[name] * steps), **SETTINGS[name])

    def work() -> None:
        for _ in hfrl.play(env, agent, seed=seed, steps=steps):
            pass

    return timed(work, steps, lambda observation: agent.predict(observation)[0])


def stable_baselines(name: str, steps: int, seed: int) -> Ran:
    import stable_baselines3

    model = stable_baselines3.DQN(
        "MlpPolicy", gym.make("CartPole-v1"), exploration_fraction=EXPLORING[name], seed=seed, device="cpu",
        policy_kwargs={"net_arch": NETS[name]}, **SETTINGS[name],
    )  # fmt: skip
    return timed(lambda: model.learn(steps), steps, lambda o: int(model.predict(o, deterministic=True)[0]))


def clean(name: str, steps: int, seed: int) -> Ran:
    """The loop of CleanRL's dqn.py with these settings: squared loss, no clipping of the gradient."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    s = SETTINGS[name]
    widths = [4, *NETS[name], 2]

    def network() -> Any:
        layers: list[Any] = []
        for n, m in itertools.pairwise(widths):
            layers += [nn.Linear(n, m), nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    q, target = network(), network()
    target.load_state_dict(q.state_dict())
    optimiser = torch.optim.Adam(q.parameters(), lr=s["learning_rate"])
    size = s["buffer_size"]
    before, after = np.zeros((size, 4), np.float32), np.zeros((size, 4), np.float32)
    actions, rewards, ends = np.zeros((size, 1), np.int64), np.zeros(size, np.float32), np.zeros(size, np.float32)

    def learn(filled: int) -> None:
        drawn = rng.integers(0, filled, s["batch_size"])
        with torch.no_grad():
            best = target(torch.tensor(after[drawn])).max(dim=1).values
            wanted = torch.tensor(rewards[drawn]) + 0.99 * best * (1 - torch.tensor(ends[drawn]))
        value = q(torch.tensor(before[drawn])).gather(1, torch.tensor(actions[drawn])).squeeze()
        loss = nn.functional.mse_loss(wanted, value)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def work() -> None:
        env = gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))
        observation, _ = env.reset(seed=seed)
        for step in range(steps):
            share = min(1.0, step / (EXPLORING[name] * steps))
            if rng.random() < 1 + share * (s["exploration_final_eps"] - 1):
                action = int(rng.integers(2))
            else:
                action = int(q(torch.tensor(observation)[None]).argmax(dim=1).item())
            nxt, reward, terminated, truncated, _ = env.step(action)
            at = step % size
            before[at], after[at], actions[at], rewards[at], ends[at] = observation, nxt, action, reward, terminated
            observation = env.reset()[0] if terminated or truncated else nxt
            if step > s["learning_starts"]:
                if step % s["train_freq"] == 0:
                    for _ in range(s["gradient_steps"]):
                        learn(min(step + 1, size))
                if step % s["target_update_interval"] == 0:
                    target.load_state_dict(q.state_dict())

    return timed(work, steps, lambda o: int(q(torch.tensor(o)[None]).argmax().item()))


def acting(rounds: int = 20_000) -> float:
    """Microseconds of a greedy action on the 120-84 network."""
    agent = DQN(gym.make("CartPole-v1"), net_arch=NETS["clean"])
    observation = np.zeros(4, np.float32)
    started = time.perf_counter()
    for _ in range(rounds):
        agent.greedy_policy(observation).sample(0.5)
    return 1e6 * (time.perf_counter() - started) / rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20_000)
    arguments = parser.parse_args()
    runs: dict[str, Any] = {"ours": ours}
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        runs["clean script"] = clean
    if importlib.util.find_spec("stable_baselines3"):
        runs["sb3"] = stable_baselines
    print(f"a greedy action on 120-84: {acting():.1f} us (bar 15)")
    for name in SETTINGS:
        found: dict[str, list[Ran]] = {who: [] for who in runs}
        for seed in range(arguments.rounds):
            for who, run in runs.items():
                found[who].append(run(name, arguments.steps, seed))
        mine = found["ours"]
        for who, results in found.items():
            ratio = statistics.median(a.cpu / b.cpu for a, b in zip(mine, results, strict=True))
            cpu, wall = (statistics.median(column) for column in list(zip(*results, strict=True))[:2])
            scores = ", ".join(f"{one.score:.0f}" for one in results)
            line = f"{name:6}{who:14}{cpu:9.0f} steps/CPU s{wall:9.0f} steps/s   ours is {ratio:5.2f} times"
            print(f"{line}   returns {scores}", flush=True)


if __name__ == "__main__":
    main()
