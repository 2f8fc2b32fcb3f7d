"""DQN on CartPole-v1: ours, Stable-Baselines3's and a CleanRL-style script, environment steps per CPU second.

    python benchmarks/dqn_speed.py [--rounds 3] [--steps 20000]

One process, one thread, the same settings, in turns; wall time beside CPU time. `clean` are CleanRL's published
settings (net 120-84, batch 128, an update every 10 steps), `zoo` those of Stable-Baselines3's zoo (net 256-256, batch
64, 128 updates every 256 steps). Learning begins after 1,000 steps in both, so that a short run is not all random play.
Two scripts are typed anew after CleanRL's single file: `cleanrl` is built of what that one is built of (a SyncVectorEnv
of one world, Stable-Baselines3's buffer, torch's Adam, a target copied parameter by parameter), without its TensorBoard
writer; `lean script` is the same algorithm without a vector world and with buffers of its own, about as fast as eager
torch gets. Stable-Baselines3 and torch are left out where they are not installed. Returns are those of 20 greedy
episodes after it.

The ratios depend on the processor: OpenBLAS, which multiplies our matrices, and MKL, which multiplies torch's, are each
the faster one somewhere. Some processors with AVX-512 OpenBLAS takes for older ones (the first line says which kernels
it has): OPENBLAS_CORETYPE=SkylakeX helps it there, and leaves MKL as it is.
"""

import argparse
import importlib.util
import itertools
import os
import random
import statistics
import time
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import gymnasium as gym
import numpy as np

import hfrl
from hfrl import blas
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


def torch_network(name: str) -> Any:
    """Dense layers with rectifiers between them."""
    from torch import nn

    layers: list[Any] = []
    for n, m in itertools.pairwise([4, *NETS[name], 2]):
        layers += [nn.Linear(n, m), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def cleanrl(name: str, steps: int, seed: int) -> Ran:
    """DQN of the parts that CleanRL's dqn.py has: squared loss, no clipping of the gradient."""
    import torch
    from gymnasium.vector import AutoresetMode, SyncVectorEnv
    from stable_baselines3.common.buffers import ReplayBuffer
    from torch.nn.functional import mse_loss

    torch.manual_seed(seed)
    chance = random.Random(seed)
    s = SETTINGS[name]
    worlds: Any = SyncVectorEnv(
        [lambda: gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))], autoreset_mode=AutoresetMode.SAME_STEP
    )
    worlds.action_space.seed(seed)
    q, target = torch_network(name), torch_network(name)
    target.load_state_dict(q.state_dict())
    optimiser = torch.optim.Adam(q.parameters(), lr=s["learning_rate"])
    memory = ReplayBuffer(
        s["buffer_size"], worlds.single_observation_space, worlds.single_action_space, "cpu",
        handle_timeout_termination=False,
    )  # fmt: skip

    def learn() -> None:
        data = memory.sample(s["batch_size"])
        with torch.no_grad():
            best, _ = target(data.next_observations).max(dim=1)
            wanted = data.rewards.flatten() + 0.99 * best * (1 - data.dones.flatten())
        value = q(data.observations).gather(1, data.actions).squeeze()
        loss = mse_loss(wanted, value)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    def work() -> None:
        observations, _ = worlds.reset(seed=seed)
        for step in range(steps):
            share = min(1.0, step / (EXPLORING[name] * steps))
            if chance.random() < 1 + share * (s["exploration_final_eps"] - 1):
                actions = np.array([worlds.single_action_space.sample()])
            else:
                actions = torch.argmax(q(torch.Tensor(observations)), dim=1).numpy()
            after, rewards, terminated, truncated, infos = worlds.step(actions)
            real = after.copy()
            if terminated[0] or truncated[0]:
                real[0] = infos["final_obs"][0]
            memory.add(observations, real, actions, rewards, terminated, infos)
            observations = after
            if step > s["learning_starts"]:
                if step % s["train_freq"] == 0:
                    for _ in range(s["gradient_steps"]):
                        learn()
                if step % s["target_update_interval"] == 0:
                    for lagging, online in zip(target.parameters(), q.parameters(), strict=True):
                        lagging.data.copy_(1.0 * online.data + 0.0 * lagging.data)

    return timed(work, steps, lambda o: int(q(torch.tensor(o)[None]).argmax().item()))


def lean(name: str, steps: int, seed: int) -> Ran:
    """The same with as little around it as eager torch allows."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    s = SETTINGS[name]
    q, target = torch_network(name), torch_network(name)
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
    observation = np.full(4, 0.1, np.float32)
    agent.greedy_policy(observation)  # compiled now
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
        runs["lean script"] = lean
    if importlib.util.find_spec("stable_baselines3"):
        runs["cleanrl"], runs["sb3"] = cleanrl, stable_baselines
    print(f"a greedy action on 120-84: {acting():.1f} us (bar 15); numpy's OpenBLAS has its {blas.kernels()} kernels")
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
