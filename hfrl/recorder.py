"""What a run leaves in the folder of its seed while it goes on: the logs, the evaluations, the summary."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hfrl.board import Board
from hfrl.checkpoint import Saved, sync
from hfrl.config import Arm
from hfrl.loop import Evaluation
from hfrl.reading import Arrays
from hfrl.record import Entry, FeedbackLog, Monitor, Progress, write_arrays, write_json

#: What the names of the evaluations' arrays begin with in a checkpoint.
EVALUATED = "eval."


class Evaluations:
    """What ``evaluations.npz`` holds: Stable-Baselines3's keys, and beside them taste, presses and the guided agent."""

    def __init__(self) -> None:
        self.timesteps: list[int] = []
        self.presses: list[int] = []
        self.alone: list[Evaluation] = []
        self.with_h: list[Evaluation] = []

    def arrays(self) -> Arrays:
        """One row per evaluation, one column per episode."""
        result: Arrays = {
            "timesteps": np.array(self.timesteps, dtype=np.int64),
            "results": np.array([e.returns for e in self.alone]),
            "ep_lengths": np.array([e.lengths for e in self.alone]),
            "presses": np.array(self.presses, dtype=np.int64),
            "results_with_h": np.array([e.returns for e in self.with_h]),
        }
        if self.alone and self.alone[0].tastes is not None:
            result["tastes"] = np.array([e.tastes for e in self.alone])
            result["tastes_with_h"] = np.array([e.tastes for e in self.with_h])
        return result

    def restore(self, arrays: Arrays) -> None:
        """The inverse of :meth:`arrays`. Raises KeyError or ValueError."""
        self.timesteps = [int(steps) for steps in arrays["timesteps"]]
        self.presses = [int(presses) for presses in arrays["presses"]]
        self.alone, self.with_h = (
            [
                Evaluation(returns, lengths, tastes)
                for returns, lengths, tastes in zip(
                    arrays[f"results{suffix}"],
                    arrays["ep_lengths"],
                    arrays.get(f"tastes{suffix}", [None] * len(self.timesteps)),
                    strict=True,
                )
            ]
            for suffix in ("", "_with_h")
        )


class Learner(Protocol):
    """What is evaluated and saved: a session."""

    @property
    def arm(self) -> Arm: ...

    @property
    def guided(self) -> bool: ...

    def evaluate(self, episodes: int, with_h: bool) -> Evaluation: ...


#: What is counted between two rows of progress.csv, and in the present episode.
SUMS = (
    "gained", "_returns", "_lengths", "_errors", "_signals", "_feedback", "_episodes", "_updates",
    "_presses", "_evaluating",
)  # fmt: skip


class Recorder:
    """Writes what flows by into the folder of one seed.

    Args:
        learner: is evaluated.
        folder: of the seed.
        saved: the checkpoint that is gone on from; None begins anew.
    """

    def __init__(self, learner: Learner, folder: Path, saved: Saved | None = None) -> None:
        self._learner = learner
        self._folder = folder
        now: Mapping[str, Any] = saved.state["logs"] if saved else {}
        self._monitor = Monitor(folder / "monitor.csv", learner.arm.env, now.get("monitor"))
        self._log = FeedbackLog(folder / "feedback.jsonl", now.get("feedback"))
        self._progress = Progress(folder / "progress.csv", now.get("progress"))
        self._board = Board(folder) if learner.arm.tensorboard else None
        self._evaluations = Evaluations()
        self._started = time.perf_counter()
        self._evaluating = 0.0
        #: The return of the present episode so far.
        self.gained = 0.0
        self._clear()
        if saved:
            self._started -= float(now["seconds"])
            for name, value in zip(SUMS, now["sums"], strict=True):
                setattr(self, name, value)
            prefix = len(EVALUATED)
            self._evaluations.restore(
                {name[prefix:]: array for name, array in saved.arrays.items() if name.startswith(EVALUATED)}
            )

    @property
    def evaluations(self) -> Arrays:
        """The evaluations so far, for a checkpoint."""
        return {EVALUATED + name: array for name, array in self._evaluations.arrays().items()}

    def state(self) -> dict[str, Any]:
        """The logs as they are and what is being counted, as JSON."""
        return {
            "monitor": self._monitor.state(),
            "feedback": self._log.state(),
            "progress": self._progress.state(),
            "seconds": time.perf_counter() - self._started,
            "sums": [getattr(self, name) for name in SUMS],
        }

    def syncs(self) -> list[Callable[[], None]]:
        """What brings the logs to the disk, from another thread."""
        return [sync(log) for log in (self._monitor, self._log, self._progress)]

    def outdated(self) -> list[Path]:
        """Files that no later checkpoint than this one needs."""
        return self._monitor.outdated()

    def _clear(self) -> None:
        """Start the sums between two rows of progress.csv."""
        self._returns = self._lengths = self._errors = self._signals = self._feedback = 0.0
        self._episodes = self._updates = self._presses = 0

    def episode(self, total: float, length: int) -> None:
        """Count an episode that has just ended."""
        self.ended(((total, length, time.perf_counter()),))

    def ended(self, episodes: Sequence[tuple[float, int, float]]) -> None:
        """Count episodes: return, length in steps, and when each ended (``time.perf_counter``). Many at once take half
        the time that they take one by one between steps."""
        self._monitor.episodes(episodes)
        for total, length, _ in episodes:
            self._returns += total
            self._lengths += length
        self._episodes += len(episodes)

    @property
    def sums(self) -> tuple[float, float, int]:
        """Of the updates since the last row of progress.csv: absolute errors, signals, and how many."""
        return self._errors, self._signals, self._updates

    @sums.setter
    def sums(self, sums: tuple[float, float, int]) -> None:
        self._errors, self._signals, self._updates = sums

    def heard(self, entries: Sequence[Entry]) -> None:
        """Log presses, in their order."""
        self._log.presses_of(entries)
        for entry in entries:  # one by one: a run that is stopped and goes on adds in the same order
            self._feedback += entry[0].value
        self._presses += len(entries)

    def evaluated(self, steps: int) -> None:
        """Evaluate after so many steps, unless that was done (a run may be stopped there); write a row of progress."""
        before = time.perf_counter()
        arm, held = self._learner.arm, self._evaluations
        if held.timesteps and held.timesteps[-1] == steps:
            return
        alone = self._learner.evaluate(arm.eval_episodes, with_h=False)
        # Where no port of the behaviour reads H, the guided agent is the agent.
        guided = self._learner.evaluate(arm.eval_episodes, with_h=True) if self._learner.guided else alone
        held.timesteps.append(steps)
        held.presses.append(self._log.presses)
        held.alone.append(alone)
        held.with_h.append(guided)
        row = self._row(steps, alone)
        self._progress.row(row)
        if self._board is not None:
            self._board.row(row)
        self._clear()
        self._evaluating += time.perf_counter() - before

    def _row(self, steps: int, alone: Evaluation) -> dict[str, float | None]:
        return {
            "time/total_timesteps": steps,
            "time/time_elapsed": time.perf_counter() - self._started,
            "rollout/ep_rew_mean": self._returns / self._episodes if self._episodes else None,
            "rollout/ep_len_mean": self._lengths / self._episodes if self._episodes else None,
            "eval/mean_reward": float(alone.returns.mean()),
            "eval/mean_taste": None if alone.tastes is None else float(alone.tastes.mean()),
            "human/presses": self._log.presses,
            "human/mean_feedback": self._feedback / self._presses if self._presses else None,
            "shaping/mean_signal": self._signals / self._updates if self._updates else None,
            "td/mean_abs_error": self._errors / self._updates if self._updates else None,
        }

    def close(self) -> None:
        """Nothing recorded is lost: the logs are synced."""
        for growing in (self._monitor, self._log, self._progress):
            growing.close()
        if self._board is not None:
            self._board.close()

    def summarise(self, done: bool) -> None:
        """Write the evaluations, and last of all the summary: where it stands, the seed's folder is whole."""
        held = self._evaluations
        learning = time.perf_counter() - self._started - self._evaluating
        write_arrays(self._folder / "evaluations.npz", held.arrays())
        alone, guided = held.alone[-1], held.with_h[-1]
        summary = {
            "finished": done,
            "total_timesteps": held.timesteps[-1],
            "return": float(alone.returns.mean()),
            "taste": None if alone.tastes is None else float(alone.tastes.mean()),
            "return_with_h": float(guided.returns.mean()),
            "taste_with_h": None if guided.tastes is None else float(guided.tastes.mean()),
            "feedback": held.presses[-1],
            "wall_s": time.perf_counter() - self._started,
            "steps_per_second": held.timesteps[-1] / learning,
        }
        write_json(self._folder / "summary.json", summary)


def lines_missing(folder: Path, saved: Saved) -> str | None:
    """Whether the logs have less than they had when a checkpoint was made: then it cannot be gone on from. In words."""
    for log, name in (("monitor", "monitor.csv"), ("feedback", "feedback.jsonl"), ("progress", "progress.csv")):
        state = saved.state["logs"][log]
        path = folder / name
        before_merging = folder / f".{name}.per_{state.get('per_row')}"
        path = before_merging if before_merging.exists() else path
        has = path.stat().st_size if path.exists() else 0
        if has < state["size"]:
            return f"{path} has {has:,} bytes, and had {state['size']:,} when {saved.path.name} was written"
    return None
