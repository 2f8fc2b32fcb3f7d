"""What the presets of the DQN family reach: returns over seeds with intervals, beside the published ones.

    python benchmarks/dqn_returns.py [PRESET ...] [--seeds 0-4] [--set key=value ...] [--peer]

Each seed is evaluated twenty times on its way, ten greedy episodes each, and at its end. `best` is the checkpoint with
the best of these evaluations, `last` the end; both are then judged by 50 greedy episodes that nobody has chosen by.
Intervals are 95 % bootstrap intervals of the mean over seeds (`hfrl.stats`; too narrow for few seeds). `CPU` is that of
learning alone, in seconds a seed; `reached` the steps and the CPU seconds to the first evaluation at the bar.

With --peer Stable-Baselines3's DQN learns beside it with those of the settings that it has; its loss is always Huber's.
"""

import argparse
import inspect
import os
import time
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np

from hfrl import build
from hfrl.config import Arm, Train, arms, parse_seeds
from hfrl.loop import evaluate, play
from hfrl.presets import presets
from hfrl.stats import bootstrap_interval
from hfrl.types import Learnt

EVALUATIONS, LOOK, JUDGED = 20, 10, 50


class Bar(NamedTuple):
    """What is asked for, and what others published for these steps."""

    best: float
    published: str


BARS = {
    "cartpole_fast": Bar(475, ""),
    "cartpole": Bar(475, "SB3 zoo DQN 500 (50k); CleanRL DQN 488.7 (500k)"),
    "acrobot": Bar(-90, "SB3 zoo DQN -76.6 (100k)"),
    "mountain_car": Bar(-115, "SB3 zoo DQN -100.8 (120k)"),
    "lunar_lander": Bar(200, "SLM-Lab DQN 195, Double DQN + PER 266 (300k frames)"),
    "pizza": Bar(0.95 * 9.41, "the exact optimum is 9.41"),
    "pizza_kitchen": Bar(0.95 * 8.01, "the exact optimum is 8.01"),
}


class Ran(NamedTuple):
    """One seed: returns of the best checkpoint and of the last, CPU seconds, and (steps, seconds) to the bar."""

    best: float
    last: float
    cpu: float
    reached: tuple[int, float] | None


def ours(arm: Arm, seed: int, bar: float) -> Ran:
    """Learn the preset with one seed."""
    env, other = (build.make_env(arm.env, arm.env_kwargs) for _ in range(2))
    agent = build.make_agent(arm, env)
    every, started, looking = max(1, arm.total_timesteps // EVALUATIONS), time.process_time(), 0.0
    best, kept, reached = -np.inf, agent.network.arrays(), None
    for event in play(env, agent, seed=seed, steps=arm.total_timesteps):
        if not isinstance(event, Learnt) or agent.steps % every:
            continue
        before = time.process_time()
        score = float(evaluate(other, agent, LOOK, seed=1_000 + agent.steps // every).returns.mean())
        if score > best:
            best, kept = score, agent.network.arrays()
        if reached is None and score >= bar:
            reached = (agent.steps, before - started - looking)
        looking += time.process_time() - before
    cpu = time.process_time() - started - looking
    last = float(evaluate(other, agent, JUDGED, seed=7).returns.mean())
    agent.network.restore(kept)
    return Ran(float(evaluate(other, agent, JUDGED, seed=8).returns.mean()), last, cpu, reached)


def peer(arm: Arm, seed: int, bar: float) -> Ran:
    """Stable-Baselines3's DQN with the same settings."""
    import stable_baselines3
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.evaluation import evaluate_policy

    torch.set_num_threads(1)
    other = build.make_env(arm.env, arm.env_kwargs)
    given: dict[str, Any] = build.absolute(arm.set, arm.total_timesteps) | {"seed": seed, "device": "cpu"}
    steps = given.pop("exploration_steps", 10_000)
    given["exploration_fraction"] = min(1.0, steps / arm.total_timesteps)
    net_arch = given.pop("net_arch", [64, 64])
    known = inspect.signature(stable_baselines3.DQN).parameters
    model = stable_baselines3.DQN(
        "MlpPolicy", build.make_env(arm.env, arm.env_kwargs), policy_kwargs={"net_arch": net_arch},
        **{name: value for name, value in given.items() if name in known},
    )  # fmt: skip
    every = max(1, arm.total_timesteps // EVALUATIONS)

    def judged(episodes: int, seed: int) -> float:
        other.reset(seed=seed)
        return float(evaluate_policy(model, other, episodes, warn=False)[0])

    class Looking(BaseCallback):
        """Evaluates on the way."""

        best, kept, spent, reached = -np.inf, None, 0.0, None

        def _on_step(self) -> bool:
            if self.num_timesteps % every == 0:
                before = time.process_time()
                score = judged(LOOK, 1_000 + self.num_timesteps // every)
                if score > self.best:
                    self.best, self.kept = score, {k: v.clone() for k, v in model.q_net.state_dict().items()}
                if self.reached is None and score >= bar:
                    self.reached = (self.num_timesteps, before - started - self.spent)
                self.spent += time.process_time() - before
            return True

    started, looking = time.process_time(), Looking()
    model.learn(arm.total_timesteps, callback=looking)
    cpu = time.process_time() - started - looking.spent
    last = judged(JUDGED, 7)
    model.q_net.load_state_dict(looking.kept)
    return Ran(judged(JUDGED, 8), last, cpu, looking.reached)


def told(name: str, who: str, arm: Arm, ran: list[Ran], bar: Bar) -> str:
    """A row of the table."""
    parts = []
    for column in ([one.best for one in ran], [one.last for one in ran]):
        interval = bootstrap_interval(column)
        between = f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else ""
        good = sum(score >= bar.best for score in column)
        parts.append(f"{np.mean(column):.1f}{between}, {good} of {len(column)} at {bar.best:g}")
    reached = [one.reached for one in ran if one.reached]
    spans = [f"{min(column):.3g}-{max(column):.3g}" for column in zip(*reached, strict=True)]
    first = f"{len(reached)} of {len(ran)} after {spans[0]} steps, {spans[1]} s" if reached else "none"
    cpu = f"{np.mean([one.cpu for one in ran]):.1f}"
    return f"| {name} | {who} | {arm.total_timesteps} | {parts[0]} | {parts[1]} | {cpu} | {first} | {bar.published} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "presets", nargs="*", default=["cartpole_fast"], help=f"[cartpole_fast]; {', '.join(presets())}"
    )
    parser.add_argument("--seeds", nargs="+", default=["0-4"])
    parser.add_argument("--agent", help="another agent of the family")
    parser.add_argument("--set", nargs="+", default=[], help="settings that win over the preset's")
    parser.add_argument("--steps", type=int, help="another length")
    parser.add_argument("--peer", action="store_true", help="Stable-Baselines3's DQN beside it")
    given = parser.parse_args()
    rows = ["| preset | agent | steps | best | last | CPU | reached | published |", "|---|---|---|---|---|---|---|---|"]
    for name in given.presets:
        chosen = (given.agent,) if given.agent else ()
        (arm,) = arms(Train(preset=name, agent=chosen, set=tuple(given.set), total_timesteps=given.steps))
        bar = BARS.get(name.replace("-", "_"), Bar(-np.inf, ""))
        runs: dict[str, Any] = {arm.agent: ours} | ({"sb3 dqn": peer} if given.peer else {})
        found: dict[str, list[Ran]] = {who: [] for who in runs}
        for seed in parse_seeds(given.seeds):
            for who, run in runs.items():
                ran = run(arm, seed, bar.best)
                found[who].append(ran)
                print(
                    f"{name} {who} seed {seed}: best {ran.best:.2f}, last {ran.last:.2f}, {ran.cpu:.1f} s", flush=True
                )
        rows += [told(name, who, arm, ran, bar) for who, ran in found.items()]
    print("\n".join(rows))


if __name__ == "__main__":
    main()
