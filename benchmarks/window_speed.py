"""The teaching window: frames, echoes, event pumps and steps while a learner computes, and the start of `play`.

    python benchmarks/window_speed.py [--seconds 20] [--rounds 7]

On SDL's dummy driver, in real time, on the machine's own cores. A thread presses keys at random moments; an echo is
there when the frame that shows it has been flipped. The bars: a frame below 4 ms; press to echo p99 <= 33 ms and the
longest gap between event pumps <= 50 ms while the learner computes at 30 steps/s; jitter of the step period p95 <= 10
ms, the same with and without feedback; `play` up to its first frame in less than 1.5 times `import numpy, gymnasium,
pygame` plus 0.5 s.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pygame

from hfrl import build, panels, teach
from hfrl.agents import DQN, QLearning
from hfrl.blend import Switch, reward_shaping
from hfrl.credit import Immediate
from hfrl.live import Live, Wiring
from hfrl.loop import human_model
from hfrl.session import Desk, FrameClock, Person, RealClock, SessionLog
from hfrl.types import Judgement, RewardPort, Update
from hfrl.undo import Memory
from hfrl.view import Notice
from hfrl.window import FRAME, KEYS, Script, Window

SIZE = (960, 640)
WORLD, STEPS_PER_SECOND, BUSY = "hfrl/Pizza-v0", 30.0, 0.010
IMPORTS = [sys.executable, "-c", "import numpy, gymnasium, pygame"]


class Idle(QLearning):
    """Learns, and that is all."""


class Python(QLearning):
    """Computes in Python for ten milliseconds at every update, and never waits: the others must fight for the GIL."""

    def update(self, judgement: Judgement, reward: RewardPort) -> Update:
        end = time.thread_time() + BUSY
        while time.thread_time() < end:
            for row in self.q:
                max(row)
        return super().update(judgement, reward)


class Numpy(QLearning):
    """Multiplies matrices for ten milliseconds at every update, as a small network would."""

    weights = np.random.default_rng(0).normal(size=(256, 256))

    def update(self, judgement: Judgement, reward: RewardPort) -> Update:
        end = time.thread_time() + BUSY
        while time.thread_time() < end:
            np.tanh(self.weights @ self.weights)
        return super().update(judgement, reward)


class Network(DQN):
    """A DQN at full rate: as many updates at every step as fit into ten milliseconds, on a network of 256 by 256."""

    def __init__(self, env: Any) -> None:
        super().__init__(env, net_arch=(256, 256), learning_starts=64, batch_size=64, target_update_interval=10)

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        end = time.thread_time() + BUSY
        result = super().update(judgement, reward)
        while self.steps > self.learning_starts and time.thread_time() < end:
            self.learn(self.memory.sample(self.batch_size, self.rng), reward)
        return result


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so much of them lies."""
    return float(np.percentile(values, 100 * share))


def session(agent_class: Any, folder: Path, clock: Any, seed: int = 0) -> tuple[Live, SessionLog]:
    """A session on Pizza; credit is immediate, so that every step has its update."""
    env = build.make_env(WORLD, {}, "rgb_array")
    agent = agent_class(env)
    switch, credit = Switch(reward_shaping(), human_model(env), agent.gamma), Immediate()
    log = SessionLog(folder / "feedback.jsonl", "benchmark")
    desk = Desk(agent, switch, teach.all_blends(agent, switch))
    person = Person(desk, credit, Memory(agent, switch, credit), clock, log, STEPS_PER_SECOND)
    live = Live(Wiring(env, agent, switch, credit, seed, (0, 0)), person)
    env.reset(seed=seed)
    live.picture = env.render()
    return live, log


# --- frames ----------------------------------------------------------------------------------------------------------


def frame_times(frames: int) -> list[float]:
    """Milliseconds of ``panels.draw`` while everything it shows changes."""
    pygame.display.init()
    screen = pygame.display.set_mode(SIZE)
    rng = random.Random(0)
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        clock = FrameClock()
        live, log = session(Idle, Path(folder), clock)
        live.start()
        shown: Any = None
        picture = pygame.Surface((1, 1))
        for _ in range(frames):
            if rng.random() < 0.1:
                live.press(rng.choice((-1.0, 1.0, 0.3)))
            clock.advance(live.person.condition, FRAME)
            clock.settle(live.person.condition)
            if live.picture is not shown:
                shown = live.picture
                picture = pygame.image.frombuffer(shown.tobytes(), (shown.shape[1], shown.shape[0]), "RGB")
            view = live.view((("up /", "reward"), ("down z", "penalty")), True, 1.0, None)
            started = time.perf_counter()
            panels.draw(screen, picture, view)
            taken.append(1000 * (time.perf_counter() - started))
        live.stop()
        log.close()
    pygame.display.quit()
    return taken[60:]


# --- a session in real time ------------------------------------------------------------------------------------------


class Measured(NamedTuple):
    """Milliseconds: press to echo, between event pumps, and from step to step within an episode."""

    echoes: list[float]
    gaps: list[float]
    periods: list[float]


class Timed(Window):
    """A window that notes when it pumps, and when the echo of a press is on the screen."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pumps: list[float] = []
        self.echoes: list[float] = []
        self._heard: list[float] = []

    def _post_due(self, now: float) -> None:
        super()._post_due(now)
        self.pumps.append(time.perf_counter())

    def _handle(self, event: pygame.event.Event) -> None:
        super()._handle(event)
        if hasattr(event, "posted"):
            self._heard.append(event.posted)

    def _draw(self, screen: pygame.Surface) -> None:
        super()._draw(screen)
        shown = time.perf_counter()
        self.echoes += [1000 * (shown - posted) for posted in self._heard]
        self._heard.clear()


def press_keys(until: float, rate: float) -> None:
    """A thread's work: keys at random moments."""
    rng = random.Random(0)
    while time.perf_counter() < until:
        time.sleep(rng.expovariate(rate))
        if time.perf_counter() >= until:
            return  # the window may be gone by now, and nobody may post any more
        key = pygame.key.key_code(rng.choice(("up", "z")))
        event = pygame.event.Event(pygame.KEYDOWN, key=key, mod=0, unicode="", posted=time.perf_counter())
        pygame.event.post(event)


def measure(agent_class: Any, seconds: float, rate: float) -> Measured:
    """A session of so many seconds with so many presses a second, the first second left out."""
    with tempfile.TemporaryDirectory() as folder:
        pygame.display.init()
        live, log = session(agent_class, Path(folder), RealClock())
        window = Timed(live, Script([(0.0, "return")], duration=seconds), SIZE, KEYS)
        presser = threading.Thread(target=press_keys, args=(time.perf_counter() + seconds - 0.5, rate), daemon=True)
        if rate:
            presser.start()
        window.run(lambda: Notice("", (), ""))
        if rate:
            presser.join()
        log.close()
        steps = [event for event in teach.read_log(Path(folder) / "feedback.jsonl") if event["event"] == "step"]
    if live.failed is not None:
        raise live.failed
    pumps = [moment for moment in window.pumps if moment > window.pumps[0] + 1]
    gaps = [1000 * (b - a) for a, b in pairwise(pumps)]
    periods = [1000 * (b["t"] - a["t"]) for a, b in pairwise(steps[10:]) if a["episode"] == b["episode"]]
    return Measured(window.echoes[2:], gaps, periods)


def report(name: str, busy: Measured, silent: Measured) -> None:
    """Print a learner's figures."""
    e, g = busy.echoes, busy.gaps
    print(
        f"{name:8}{len(e):8}{statistics.median(e):9.1f}{percentile(e, 0.99):9.1f}{max(e):9.1f}"
        f"{statistics.median(g):10.1f}{percentile(g, 0.99):9.1f}{max(g):9.1f}",
        end="",
    )
    for one in (busy, silent):
        middle = statistics.median(one.periods)
        print(f"{middle:11.1f}{percentile([abs(period - middle) for period in one.periods], 0.95):8.1f}", end="")
    print(flush=True)


def oversleeping(seconds: float) -> list[float]:
    """Milliseconds that sleeps of 16 ms take while nothing else runs in this process: no window can do better."""
    taken = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        time.sleep(0.016)
        taken.append(1000 * (time.perf_counter() - started))
    return taken


# --- the start -------------------------------------------------------------------------------------------------------


def seconds_of(command: Sequence[str]) -> float:
    """Wall time of a whole process."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parent.parent)
    return time.perf_counter() - started


def start_up(rounds: int) -> None:
    """Print what `play` takes to its first frame and out again."""
    with tempfile.TemporaryDirectory() as out:
        play = [sys.executable, "-m", "hfrl.run", "play", "--duration", "0", "--warmup", "0", "--out", out]
        seconds_of(IMPORTS), seconds_of(play)
        pairs = [(seconds_of(play), seconds_of(IMPORTS)) for _ in range(rounds)]
    whole, imports = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    allowed = statistics.median((a - 0.5) / b for a, b in pairs)
    print(
        f"play --duration 0: {1000 * whole:.0f} ms, import numpy, gymnasium, pygame: {1000 * imports:.0f} ms, "
        f"ratio {ratio:.2f}, less half a second {allowed:.2f} (bar 1.5)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of each session")
    parser.add_argument("--rounds", type=int, default=7, help="of the start")
    parser.add_argument("--rate", type=float, default=8, help="presses a second")
    arguments = parser.parse_args()
    taken = frame_times(2_000)
    frame = f"a frame of {SIZE[0]}x{SIZE[1]}"
    print(f"{frame}: median {statistics.median(taken):.2f} ms, p99 {percentile(taken, 0.99):.2f} ms")
    late = oversleeping(arguments.seconds / 2)
    print(
        f"the machine's own noise: a sleep of 16 ms takes p99 {percentile(late, 0.99):.1f} ms, most {max(late):.1f} ms"
    )
    print("milliseconds     press to echo              between event pumps          step, jitter p95   same, silent")
    print(f"{'learner':8}{'presses':>8}{'p50':>9}{'p99':>9}{'most':>9}{'p50':>10}{'p99':>9}{'most':>9}")
    for learner in (Idle, Python, Numpy, Network):
        busy = measure(learner, arguments.seconds, arguments.rate)
        report(learner.__name__.lower(), busy, measure(learner, arguments.seconds, 0))
    start_up(arguments.rounds)


if __name__ == "__main__":
    main()
