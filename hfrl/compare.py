"""``compare``: whether two arms can be told apart, in words and numbers, and how many more seeds that would take."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hfrl import stats
from hfrl.groups import read_groups
from hfrl.summary import MEASURES, Outcome
from hfrl.types import UserError

#: Beyond so many seeds nobody would look for a difference.
MOST_SEEDS = 1000
Scores = npt.NDArray[np.float64]


class Verdict(NamedTuple):
    """Two arms by one measure at the end of their runs.

    Attributes:
        measure: ``automated return`` or ``hidden taste``.
        paired: the seeds that both have, compared in pairs.
        iqms: of each arm, over all its seeds.
        intervals: 95 % bootstrap intervals of these; None under three seeds.
        improvement: the probability that a run of the second scores above one of the first, with its interval.
        seeds: how many pairs in all would tell them apart; None: no number would, or too few are known.
    """

    measure: str
    paired: stats.Comparison
    iqms: tuple[float, float]
    intervals: tuple[tuple[float, float] | None, tuple[float, float] | None]
    improvement: float
    improvement_interval: tuple[float, float] | None
    seeds: int | None


def run_compare(flags: Any) -> int:
    """Print the verdicts, a measure at a time."""
    if not 0 < flags.power < 1:
        raise UserError(f"--power must lie between 0 and 1, got {flags.power}")
    groups = read_groups(flags.run, flags.trust)
    if len(groups) != 2:
        raise UserError(
            f"compare takes two runs, got {len(groups)} group(s) of the same settings: "
            f"{', '.join(group.label for group in groups[:6])}; plot RUN... --kind comparison shows any number"
        )
    first, second = groups
    if first.summary["env"] != second.summary["env"]:
        raise UserError(f"compare takes runs of one world, got {first.summary['env']} and {second.summary['env']}")
    found = verdicts(first, second, flags.power)
    print(f"{first.summary['env']}: A is {first.label}, B is {second.label}")
    for verdict in found:
        for line in in_words(verdict, flags.power):
            print(line)
    if flags.json:
        print(json.dumps({"a": first.label, "b": second.label, "verdicts": [_numbers(verdict) for verdict in found]}))
    return 0


def verdicts(first: Outcome, second: Outcome, power: float) -> list[Verdict]:
    """By each measure that both have. Raises UserError where no seed is in both."""
    shared = [seed for seed in first.summary["seeds"] if seed in second.summary["seeds"]]
    if not shared:
        raise UserError(
            f"the two have no seed in common ({_some(first)} and {_some(second)}): seeds are compared in pairs, so run "
            "both with the same --seeds"
        )
    rows = [[one.summary["seeds"].index(seed) for seed in shared] for one in (first, second)]
    result = []
    for name, measure in MEASURES.items():
        a, b = getattr(first, name), getattr(second, name)
        if a is not None and b is not None:
            result.append(_verdict(measure, (a[:, -1], b[:, -1]), (a[rows[0], -1], b[rows[1], -1]), power))
    return result


def _some(outcome: Outcome) -> str:
    seeds = outcome.summary["seeds"]
    return ", ".join(map(str, seeds[:5])) + (" ..." if len(seeds) > 5 else "")


def _verdict(measure: str, all_runs: tuple[Scores, Scores], pairs: tuple[Scores, Scores], power: float) -> Verdict:
    a, b = all_runs
    differences = pairs[1] - pairs[0]
    return Verdict(
        measure,
        stats.paired_comparison(*pairs, names=("A", "B")),
        (stats.iqm(a), stats.iqm(b)),
        (stats.bootstrap_interval(a, stats.iqm), stats.bootstrap_interval(b, stats.iqm)),
        stats.probability_of_improvement(a, b),
        stats.improvement_interval(a, b),
        stats.seeds_to_tell_apart(differences, power) if differences.size > 1 else None,
    )


def in_words(verdict: Verdict, power: float) -> list[str]:
    """The lines that are printed of a verdict."""
    paired = verdict.paired
    arms = ", ".join(
        f"{name} {value:.3g}{_interval(interval)}"
        for name, value, interval in zip("AB", verdict.iqms, verdict.intervals, strict=True)
    )
    chance = f"{verdict.improvement:.2f}{_interval(verdict.improvement_interval)}"
    return [
        f"{verdict.measure}: {paired.verdict}.",
        f"  interquartile means: {arms}; a run of B beats one of A with probability {chance}",
        f"  {more_seeds(paired, verdict.seeds, power)}",
    ]


def more_seeds(paired: stats.Comparison, seeds: int | None, power: float) -> str:
    """How many seeds more would tell the two apart, in words."""
    if paired.n < 2:
        return "one seed says nothing of how much seeds differ: run at least three"
    if seeds is None:
        return f"over {paired.n} seeds the difference is 0: more seeds of the same would not tell them apart"
    if told_apart(paired):
        return f"{paired.n} seeds tell them apart: no more are needed"
    more = max(1, seeds - paired.n)
    if seeds > MOST_SEEDS:
        return f"it would take about {seeds:,} seeds: beside its scatter the difference is next to nothing"
    often = f"a difference as large and as scattered as this would be found {100 * power:.0f} times in 100"
    guess = " (a rough guess: few seeds measure the scatter badly)" if paired.n < 10 else ""
    return f"with about {more:,} seeds more, {max(seeds, paired.n + 1):,} in all, {often}{guess}"


def told_apart(paired: stats.Comparison, level: float = 0.95) -> bool:
    """Whether interval and test agree that the difference is none of chance."""
    if paired.low is None or paired.high is None or paired.p_value is None:
        return False
    return not paired.low <= 0 <= paired.high and paired.p_value < 1 - level


def _interval(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f" [{interval[0]:.3g}, {interval[1]:.3g}]"


def _numbers(verdict: Verdict) -> dict[str, Any]:
    paired = verdict.paired._asdict() | {"told_apart": told_apart(verdict.paired)}
    return verdict._asdict() | {"paired": paired}
