"""What the seeds of an arm came to: means with intervals, the optimum, and whether arms can be told apart."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hfrl import build, mdp, stats
from hfrl.config import Arm
from hfrl.reading import Arrays, is_finite, read_arrays, read_json
from hfrl.record import seed_folders
from hfrl.types import UserError

#: A run has arrived at the first evaluation at this share of the optimum.
THRESHOLD = 0.9


class Optimum(NamedTuple):
    """The best there is, undiscounted, within the time limit; None where it is not known."""

    automated: float | None
    taste: float | None


def optimum(env: Any) -> Optimum:
    """The greatest expected automated return of any policy, and the greatest expected taste of any (other) policy."""
    horizon = env.spec.max_episode_steps if env.spec else None
    try:
        automated = mdp.best_return(mdp.from_env(env), horizon)
        if not hasattr(env.unwrapped, "taste"):
            return Optimum(automated, None)
        return Optimum(automated, mdp.best_return(mdp.from_env(env, mdp.tasting(env, 1.0, automated=0.0)), horizon))
    except (mdp.NoTableError, ValueError):
        return Optimum(None, None)


class Outcome(NamedTuple):
    """What the seeds of one arm came to: their evaluations over time, and the summary that ``--json`` prints."""

    label: str
    full_label: str
    summary: dict[str, Any]
    timesteps: np.ndarray[Any, Any]
    returns: np.ndarray[Any, Any]
    tastes: np.ndarray[Any, Any] | None
    presses: np.ndarray[Any, Any]


def summarise(arm: Arm, run: Path, *more: Path) -> Outcome:
    """Read the folders of an arm's seeds back and put them together. Raises UserError where one is damaged.

    More runs of the same arm add their seeds; of a seed that is in several, the last counts.
    Seeds of different lengths (a run that was stopped) are compared over the evaluations that all of them have.
    """
    found = [folder for one in (run, *more) for folder in seed_folders(one) if (folder / "summary.json").is_file()]
    last = {folder.name: folder for folder in found}
    folders = [last[name] for name in sorted(last, key=lambda name: int(name.removeprefix("seed_")))]
    if not folders:
        raise UserError(f"{run} holds no finished seed (no seed_<n>/summary.json)")
    seeds = [seed_summary(folder) for folder in folders]
    evaluations = [seed_evaluations(folder) for folder in folders]
    shared = _shared_rows([one["timesteps"] for one in evaluations])
    returns = np.array([one["results"][:shared].mean(axis=1) for one in evaluations])
    tasty = all("tastes" in one for one in evaluations)
    tastes = np.array([one["tastes"][:shared].mean(axis=1) for one in evaluations]) if tasty else None
    best = _optimum_of(arm)
    timesteps = evaluations[0]["timesteps"][:shared]
    summary = {
        "env": arm.env,
        "agent": arm.agent,
        "teacher": arm.teacher,
        "blend": arm.blend,
        "total_timesteps": int(timesteps[-1]),
        "seeds": [int(folder.name.removeprefix("seed_")) for folder in folders],
        **_statistics(seeds),
        "optimal_return": best.automated,
        "optimal_taste": best.taste,
        "steps_to_threshold": _steps_to_threshold(timesteps, returns, tastes, best),
        "presses_to_threshold": None,
        "run": str(run),
    }
    presses = np.array([one["presses"][:shared] for one in evaluations])
    summary["presses_to_threshold"] = _presses_at(summary["steps_to_threshold"], timesteps, presses)
    return Outcome(arm.label, arm.full_label, summary, timesteps, returns, tastes, presses)


def _shared_rows(timesteps: Sequence[np.ndarray[Any, Any]]) -> int:
    """How many leading evaluations all seeds have at the same steps; at least 1, where one was stopped before that."""
    shortest = min(len(one) for one in timesteps)
    agree = [len({int(one[row]) for one in timesteps}) == 1 for row in range(shortest)]
    return max(1, agree.index(False) if False in agree else shortest)


SEED_KEYS = ("return", "taste", "return_with_h", "taste_with_h", "feedback", "wall_s", "steps_per_second")


def seed_summary(folder: Path) -> dict[str, Any]:
    """What a seed came to, from its ``summary.json``. Raises UserError where that is damaged."""
    summary = read_json(folder / "summary.json")
    if not isinstance(summary, dict) or any(key not in summary for key in SEED_KEYS):
        raise UserError(f"{folder / 'summary.json'} is damaged: expected the keys {', '.join(SEED_KEYS)}")
    for key in SEED_KEYS:
        value = summary[key]
        may_lack = key.startswith("taste")
        if not (value is None and may_lack) and not is_finite(value):
            raise UserError(f"{folder / 'summary.json'} is damaged: {key} must be a number, got {value!r}")
    return summary


def seed_evaluations(folder: Path) -> Arrays:
    """The evaluations of a seed, from its ``evaluations.npz``. Raises UserError where that is damaged."""
    path = folder / "evaluations.npz"
    arrays = read_arrays(path)
    timesteps = arrays.get("timesteps", np.zeros(0))
    shapes = {"timesteps": 1, "presses": 1, "results": 2}
    for key, dimensions in shapes.items():
        if key not in arrays or arrays[key].ndim != dimensions or timesteps.ndim != 1:
            raise UserError(f"{path} is damaged: expected {key} with {dimensions} dimension(s)")
        if arrays[key].size == 0 or len(arrays[key]) != len(timesteps) or not _is_finite(arrays[key]):
            raise UserError(f"{path} is damaged: expected {key} with a finite number for each of its evaluations")
    for key in ("tastes", "results_with_h", "tastes_with_h"):
        if key in arrays and (arrays[key].shape != arrays["results"].shape or not _is_finite(arrays[key])):
            raise UserError(f"{path} is damaged: {key} must be finite (no NaN), one for each of the results")
    return arrays


def _is_finite(array: np.ndarray[Any, Any]) -> bool:
    return array.dtype.kind in "iuf" and bool(np.all(np.isfinite(array)))


def _statistics(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key in ("return", "taste", "return_with_h", "taste_with_h"):
        values = [seed[key] for seed in seeds]
        # Without a press there is no H, and nothing to evaluate with.
        absent = any(value is None for value in values) or (
            key.endswith("_with_h") and not any(seed["feedback"] for seed in seeds)
        )
        result[f"{key}_mean"] = None if absent else float(np.mean(values))
        if not key.endswith("_with_h"):
            interval = None if absent else stats.bootstrap_interval(np.array(values))
            result[f"{key}_ci"] = None if interval is None else [float(bound) for bound in interval]
    for key in ("feedback", "steps_per_second", "wall_s"):
        name = "feedback_mean" if key == "feedback" else key
        result[name] = float(np.mean([seed[key] for seed in seeds]))
    return result


def _optimum_of(arm: Arm) -> Optimum:
    env = build.make_env(arm.env, arm.env_kwargs)
    try:
        return optimum(env)
    finally:
        env.close()


def _steps_to_threshold(
    timesteps: np.ndarray[Any, Any], returns: np.ndarray[Any, Any], tastes: np.ndarray[Any, Any] | None, best: Optimum
) -> int | None:
    """The median over seeds of the first evaluation at 90 % of the best taste (of the best return where there is no
    taste); None where half of the seeds or more never get there."""
    curves, goal = (returns, best.automated) if tastes is None else (tastes, best.taste)
    if goal is None:
        return None
    # 90 % of a negative optimum lies below it, not above.
    reached = curves >= goal - (1 - THRESHOLD) * abs(goal) - 1e-9
    firsts = [float(timesteps[row.argmax()]) if row.any() else np.inf for row in reached]
    median = float(np.median(firsts))
    return int(median) if np.isfinite(median) else None


def _presses_at(steps: int | None, timesteps: np.ndarray[Any, Any], presses: np.ndarray[Any, Any]) -> float | None:
    """The presses that were used, on average, by the evaluation at or after so many steps."""
    if steps is None:
        return None
    column = int(np.searchsorted(timesteps, steps))
    return float(presses[:, column].mean())


def comparisons(group: Sequence[Outcome], labels: Sequence[str]) -> list[str]:
    """In words, whether each arm can be told apart from the first, seed by seed; the arms of one world."""
    sentences = []
    base = group[0]
    for other, label in zip(group[1:], labels[1:], strict=True):
        shared = [seed for seed in base.summary["seeds"] if seed in other.summary["seeds"]]
        rows = [[outcome.summary["seeds"].index(seed) for seed in shared] for outcome in (base, other)]
        for name in ("returns", "tastes"):
            a, b = getattr(base, name), getattr(other, name)
            if a is None or b is None:
                continue
            names = (labels[0], label)
            compared = stats.paired_comparison(a[rows[0], -1], b[rows[1], -1], names=names)
            sentences.append(f"{MEASURES[name]}: {compared.verdict}.")
    return sentences


MEASURES = {"returns": "automated return", "tastes": "hidden taste"}
