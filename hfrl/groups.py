"""Runs side by side: those of the same settings are one group, whatever their seeds; its label says what differs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hfrl.config import Arm
from hfrl.record import find_runs, is_session
from hfrl.saved import load_arm
from hfrl.summary import Outcome, summarise
from hfrl.types import UserError

#: The settings that a result depends on, apart from the seeds.
COUNTED = ("env", "agent", "teacher", "blend", "credit", "total_timesteps", "warmup", "eval_freq", "eval_episodes")
#: Those that an arm's short label tells of.
NAMED = ("agent", "teacher", "blend")


def settings_of(arm: Arm) -> dict[str, Any]:
    """All that a result depends on but the seeds, flat."""
    flat = {name: getattr(arm, name) for name in COUNTED}
    for name in ("set", "env_kwargs"):
        flat |= {f"{name}.{key}": repr(value) for key, value in getattr(arm, name).items()}
    return flat


def read_groups(paths: Sequence[str], trust: bool) -> list[Outcome]:
    """The runs at or below the paths, pooled by their settings and labelled. Raises UserError."""
    found = list(dict.fromkeys(run for path in paths for run in find_runs(path)))
    runs = [run for run in found if not is_session(run)]
    if not runs:
        raise UserError(f"{paths[0]} is a session of a person and has no learning curve; see replay and evaluate")
    groups: dict[tuple[Any, ...], tuple[Arm, list[Path]]] = {}
    for run in runs:
        arm = load_arm(run, trust)
        groups.setdefault(tuple(sorted(settings_of(arm).items())), (arm, []))[1].append(run)
    arms = [arm for arm, _ in groups.values()]
    outcomes = [summarise(arm, *together) for arm, together in groups.values()]
    return [
        outcome._replace(label=label, full_label=label) for outcome, label in zip(outcomes, labels(arms), strict=True)
    ]


def labels(arms: Sequence[Arm]) -> list[str]:
    """For each arm, what tells it from the others of its world: its short label, and the settings that differ.

    >>> plain = Arm("w", "q_learning", "none", "none", "auto", 100, (0,))
    >>> from dataclasses import replace
    >>> labels([plain, replace(plain, set={"learning_rate": 0.5}), replace(plain, env="v")])
    ['q_learning learning_rate=default', 'q_learning learning_rate=0.5', 'q_learning']
    """
    flat = [settings_of(arm) for arm in arms]
    return [_label(arm, [other for other in flat if other["env"] == arm.env]) for arm in arms]


def _label(arm: Arm, neighbours: Sequence[Mapping[str, Any]]) -> str:
    mine = settings_of(arm)
    names = dict.fromkeys(name for other in neighbours for name in other)
    differ = [name for name in names if len({other.get(name) for other in neighbours}) > 1]
    told = [name for name in differ if name not in NAMED or _hidden(name, neighbours)]
    return " ".join([arm.label, *(f"{name.split('.')[-1]}={mine.get(name, 'default')}" for name in told)])


def _hidden(name: str, neighbours: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a part differs in its settings alone, which the short label leaves out."""
    return len({other[name].partition(":")[0] for other in neighbours}) < len({other[name] for other in neighbours})
