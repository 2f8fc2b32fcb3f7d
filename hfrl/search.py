"""``sweep --space``: settings searched with Optuna instead of a grid; each trial is a cell of the sweep.

The study is a journal file in the folder, so that a search goes on where it was stopped, and a second process on the
same folder takes trials of the same study.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hfrl import build, clusters, commands, fanout, registry
from hfrl.config import Arm
from hfrl.flags import Sweep
from hfrl.record import command_line, open_run
from hfrl.summary import Outcome, summarise
from hfrl.sweep import folder_of, write_csv
from hfrl.types import UserError

#: What is searched for: the flag's word, and the key of the summary.
OBJECTIVES = {"return": "return_mean", "taste": "taste_mean"}
SHOWN = 5
_NUMBER = r"(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)"
RANGE = re.compile(rf"(log:)?{_NUMBER}:{_NUMBER}")


class Range(NamedTuple):
    """Numbers from ``low`` to ``high``, whole ones where both are; ``log`` spreads them over orders of magnitude."""

    low: float
    high: float
    log: bool


Space = Mapping[str, "Range | list[Any]"]


def space_of(texts: Sequence[str]) -> dict[str, Range | list[Any]]:
    """What ``key=low:high``, ``key=log:low:high`` and ``key=value,value`` mean. Raises UserError.

    >>> space_of(["learning_rate=log:0.01:1", "net_arch=[8],[8,8]"])
    {'learning_rate': Range(low=0.01, high=1, log=True), 'net_arch': [[8], [8, 8]]}
    """
    space: dict[str, Range | list[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not (key and equals and values):
            raise UserError(f"--space takes key=low:high, key=log:low:high or key=value,value, got {text!r}")
        if key in space:
            raise UserError(f"--space has {key} twice")
        found = RANGE.fullmatch(values)
        if found is None:
            parts = re.split(r",(?![^\[(]*[\])])", values)
            space[key] = [registry.literal(part) for part in parts]
            continue
        low, high = registry.literal(found[2]), registry.literal(found[3])
        if not low < high or (found[1] and low <= 0):
            raise UserError(f"--space needs low < high, and 0 < low for log, got {text!r}")
        space[key] = Range(low, high, bool(found[1]))
    return space


def run_search(flags: Sweep, cells: Sequence[Arm], where: clusters.Where) -> int:
    """Run trials until the study has as many as were asked for, then the best of them. Returns the exit code."""
    space = space_of(flags.space)
    if len(cells) != 1:
        raise UserError(f"a search is for one arm, and these flags make {len(cells)}; name one of each part, no --grid")
    if flags.trials < 1:
        raise UserError(f"--trials must be at least 1, got {flags.trials}")
    if flags.objective not in OBJECTIVES:
        close = registry.nearest(flags.objective, OBJECTIVES)
        raise UserError(f"unknown objective {flags.objective!r}{close} (known: {', '.join(OBJECTIVES)})")
    search = _Search(flags, cells[0], space, where)
    done = search.finished()
    commands.SAID.print(f"{flags.trials} trials, {min(done, flags.trials)} of them finished before, in {flags.out}")
    while search.finished() < flags.trials:
        code = search.trial()
        if code:
            commands.BESIDE.print("Stopped: finished trials are kept, and the same command goes on.", style="yellow")
            return code
    search.report()
    return 0


class _Search:
    """A study in a folder, and the arm whose settings are searched."""

    def __init__(self, flags: Sweep, arm: Arm, space: Space, where: clusters.Where) -> None:
        try:
            import optuna
        except ImportError:
            raise UserError("--space needs optuna: pip install 'hfrl[search]'") from None
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._flags, self._arm, self._space, self._where = flags, arm, space, where
        self._out = Path(flags.out)
        self._out.mkdir(parents=True, exist_ok=True)
        # A folder may hold several searches: one for each arm, space and objective.
        name = f"{folder_of(Path(), arm).name} {sorted(flags.space)} {flags.objective}"
        self._study: Any = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(self._out / "search.journal"))),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            # Another process is to try other settings, so the number of the trial is in the seed.
            sampler=optuna.samplers.TPESampler(seed=arm.seeds[0]),
        )

    def finished(self) -> int:
        """How many trials have come to an end, by whichever process."""
        return sum(trial.state.is_finished() for trial in self._study.get_trials(deepcopy=False))

    def trial(self) -> int:
        """One trial: settings, their runs, their worth. Returns the exit code where it was stopped, else 0."""
        import optuna

        asked = self._study.ask()
        chosen = {name: _suggested(asked, name, axis) for name, axis in self._space.items()}
        arm = replace(self._arm, set=self._arm.set | chosen)
        try:
            build.check(arm, alone=True)
        except UserError:
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
            raise
        (arm,) = commands.with_engines([arm], quiet=True)
        folder = folder_of(self._out, arm)
        tasks = [fanout.Task(arm, seed, folder / f"seed_{seed}") for seed in open_run(folder, arm, command_line())]
        with commands.Bars([arm], self._flags.progress) as bars:
            ending = fanout.run_tasks(tasks, self._flags.jobs, bars.show, self._where) if tasks else None
        if ending is not None and ending.code:
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
            for why in ending.failed.values():
                commands.BESIDE.print(f"hfrl: {folder}: {why}", style="red", soft_wrap=True, markup=False)
            return ending.code
        worth = summarise(arm, folder).summary[OBJECTIVES[self._flags.objective]]
        if worth is None:
            self._study.tell(asked, state=optuna.trial.TrialState.FAIL)
            raise UserError(f"{arm.env} has no {self._flags.objective} to search for")
        self._study.tell(asked, worth)
        settings = " ".join(f"{key}={value}" for key, value in chosen.items())
        text = f"  trial {self.finished()} of {self._flags.trials}: {self._flags.objective} {worth:.4g} with {settings}"
        commands.SAID.print(text, soft_wrap=True, markup=False)
        return 0

    def report(self) -> None:
        """The best trials, their table, and the command that trains with the best settings."""
        trials = [trial for trial in self._study.get_trials(deepcopy=False) if trial.value is not None]
        found: dict[str, Outcome] = {}
        for trial in sorted(trials, key=lambda one: -(one.value or 0.0)):
            chosen = {name: _meant(trial.params[name], axis) for name, axis in self._space.items()}
            label = " ".join(f"{key}={value}" for key, value in chosen.items())
            if label not in found:  # the same settings may be tried again
                folder = folder_of(self._out, replace(self._arm, set=self._arm.set | chosen))
                found[label] = summarise(self._arm, folder)._replace(label=label, full_label=label)
        outcomes, best = list(found.values()), next(iter(found))
        write_csv(self._out / "search.csv", outcomes)
        commands.report(outcomes[:SHOWN], compared=False)
        commands.SAID.print(f"Table of all {len(outcomes)} settings: {self._out / 'search.csv'}", soft_wrap=True)
        commands.SAID.print(
            f"Next:\n  python -m hfrl.run --env {self._arm.env} --agent {self._arm.agent} --seeds 100-109 --set {best}",
            soft_wrap=True,
            markup=False,
        )


def _suggested(trial: Any, name: str, axis: Range | list[Any]) -> Any:
    """A value for a setting, asked of Optuna."""
    if not isinstance(axis, Range):
        return _meant(trial.suggest_int(name, 0, len(axis) - 1), axis)
    if isinstance(axis.low, int) and isinstance(axis.high, int):
        return trial.suggest_int(name, axis.low, axis.high, log=axis.log)
    return _meant(trial.suggest_float(name, axis.low, axis.high, log=axis.log), axis)


def _meant(value: Any, axis: Range | list[Any]) -> Any:
    """What a study's number means: one of a list is kept by its place, and four digits of a number are enough.

    >>> _meant(1, ["a", "b"]), _meant(0.1234567, Range(0, 1, False))
    ('b', 0.1235)
    """
    if not isinstance(axis, Range):
        return axis[value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
