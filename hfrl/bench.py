"""The command ``bench``: suites that compare methods. ``bench feedback`` ranks every way to learn from a person."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from hfrl import bench_cells, bench_page, bench_plan, fanout, registry
from hfrl.bench_cells import Suite
from hfrl.bench_plan import NOBODY, PLAIN, Cell, Plan
from hfrl.bench_score import VERSION
from hfrl.bench_table import ADVERSARY, Mean, Tables, apart, harm, tables
from hfrl.config import parse_seeds
from hfrl.record import command_line, describe_machine, read_json
from hfrl.types import UserError

SAID = Console(highlight=False)
BESIDE = Console(stderr=True, highlight=False)
SUITES = {"feedback": "every way to learn from a person, taught by good, noisy, sparing, late and hostile people"}
SEEDS = "0-9"
#: No table is wider, in characters.
WIDEST = 200


def run_bench(flags: Any) -> int:
    """Run a suite, or say which there are."""
    if flags.suite is None:
        _list_suites()
        return 0
    if flags.suite not in SUITES:
        close = registry.nearest(flags.suite, SUITES)
        raise UserError(f"unknown suite {flags.suite!r}{close} (known: {', '.join(SUITES)})")
    fanout.workers(flags.jobs, 1)
    plan, seeds = _asked_for(flags)
    return _run_feedback(flags, plan, seeds)


def _list_suites() -> None:
    plan = bench_plan.full_plan()
    for name, summary in SUITES.items():
        SAID.print(f"  bench {name:12}{summary}", soft_wrap=True, markup=False)
    SAID.print(f"    worlds      {', '.join(plan.worlds)}", soft_wrap=True)
    SAID.print(f"    conditions  {', '.join(plan.conditions)}", soft_wrap=True)
    SAID.print(f"    methods     {', '.join(plan.methods)}", soft_wrap=True)
    SAID.print(f"    references  {', '.join(plan.references)}", soft_wrap=True)


def _asked_for(flags: Any) -> tuple[Plan, tuple[int, ...]]:
    """The plan and the seeds that the flags name; what they leave open is the whole suite's, or the quick one's."""
    whole = bench_plan.full_plan()
    quick = whole.quick
    worlds = flags.worlds or (quick.worlds if flags.quick else ())
    conditions = flags.conditions or (quick.conditions if flags.quick else ())
    plan = bench_plan.chosen(whole, flags.methods, worlds, conditions)
    return plan, parse_seeds(flags.seeds or (quick.seeds if flags.quick else SEEDS,))


def _run_feedback(flags: Any, plan: Plan, seeds: tuple[int, ...]) -> int:
    out, command = Path(flags.out), command_line()
    every = bench_plan.cells(plan, seeds)
    refused = bench_plan.left_out(plan) | bench_cells.refusals(every)
    cells = [cell for cell in every if (cell.method, cell.world) not in refused]
    _announce(flags, plan, out, cells, refused)
    circles = bench_cells.circles(cells)
    for (method, world), warning in circles.items():
        SAID.print(f"  {method} in {world}: {warning}", style="yellow", soft_wrap=True, markup=False)
    with _Bar(flags.progress) as bar:
        ending = bench_cells.run_cells(out, cells, command, flags.jobs, bar.show)
    suite = bench_cells.read_suite(out, plan, cells, refused)._replace(circles=circles)
    if not suite.runs:
        raise UserError(f"stopped before any run was finished; the same command goes on in {flags.out}")
    found = tables(plan, suite)
    bench_cells.write_index(out, cells, command)
    written = bench_page.write_csvs(out, suite, found)
    page = _draw(flags, plan, suite, found, cells, seeds)
    report(plan, found)
    SAID.print(f"Page: {page}", soft_wrap=True)
    SAID.print(f"Tables: {', '.join(map(str, written))}", soft_wrap=True)
    for why in ending.failed.values():
        BESIDE.print(f"hfrl: {why}", style="red", soft_wrap=True, markup=False)
    if not ending:
        BESIDE.print("Stopped early: finished runs are kept, and the same command goes on.", style="yellow")
    if flags.json:
        print(json.dumps(_as_json(found, page)))
    return ending.code


def _announce(flags: Any, plan: Plan, out: Path, cells: Sequence[Cell], refused: Any) -> None:
    runs = sum(len(cell.arm.seeds) for cell in cells)
    todo = len(bench_cells.waiting(out, cells))
    seconds = bench_cells.estimate(out, plan, cells, flags.jobs)
    what = "quick suite" if flags.quick else "suite"
    SAID.print(
        f"{VERSION}, {what}: {len(plan.methods)} methods, {len(plan.worlds)} worlds, {len(plan.conditions)} people, "
        f"{len(cells)} cells, {runs} runs, {runs - todo} of them finished before. "
        f"Estimate: {seconds / 60:.1f} minutes with {fanout.workers(flags.jobs, max(1, todo))} processes.",
        soft_wrap=True,
        markup=False,
    )
    for (method, world), reason in refused.items():
        SAID.print(f"  {method} cannot be used in {world}: {reason}", style="dim", soft_wrap=True, markup=False)


class _Bar:
    """One bar over all runs, on the standard error of a terminal."""

    def __init__(self, wanted: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("bench feedback"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        self._progress = Progress(*columns, TimeRemainingColumn(), console=BESIDE, disable=not wanted)
        self._bar = self._progress.add_task("runs", total=None)

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()

    def show(self, done: int, total: int) -> None:
        """Move it to the steps done."""
        self._progress.update(self._bar, completed=done, total=total)


def _draw(flags: Any, plan: Plan, suite: Suite, found: Tables, cells: Sequence[Cell], seeds: Sequence[int]) -> Path:
    """The figures and the page."""
    from hfrl import plot_bench  # late: matplotlib is loaded where something is drawn

    out, command = Path(flags.out), command_line()
    figures = []
    if found.ranking:
        bars = [plot_bench.Bar(r.method, r.score.value, *r.score[1:], r.alone.value) for r in found.ranking]
        figures.append(plot_bench.ranking(bars, PLAIN, out / "figures" / "ranking.png", command))
    conditions = list(dict.fromkeys(condition for _, condition in found.tasks))
    if len(conditions) > 2 and len(found.ranking) > 1:
        scores = {rank.method: rank.by_condition for rank in found.ranking}
        figures.append(plot_bench.radars(scores, PLAIN, conditions, out / "figures" / "radars.png", command))
    panels = _gains(plan, suite)
    order = [rank.method for rank in found.ranking if rank.method != PLAIN]
    if panels and order:
        figures.append(plot_bench.gains(panels, order, out / "figures" / "gains.png", command))
    facts = describe_machine(command)
    metas = {folder for cell in cells if (folder := bench_cells.folder_of(out, cell)).is_dir()}
    commits = sorted(
        {str(meta.get("git_commit")) for folder in metas if isinstance(meta := read_json(folder / "meta.json"), dict)}
    )
    machine = f"hfrl {facts['versions'].get('hfrl')}, Python {facts['python']}, {facts['machine']['cores']} cores"
    seconds = sum(run.seconds for run in suite.runs)
    told = bench_page.Told(command, machine, commits, flags.quick, seeds, seconds)
    return bench_page.write_page(out / "index.html", plan, suite, found, told, figures)


def _gains(plan: Plan, suite: Suite) -> dict[str, list[Any]]:
    """By world, for the first person of the plan: how far ahead of no feedback, against presses used."""
    from hfrl.plot_bench import Gain

    panels: dict[str, list[Any]] = {}
    person = next(iter(plan.conditions))
    for world in plan.worlds:
        plain = {run.seed: run.attained for run in suite.runs if (run.method, run.world) == (PLAIN, world)}
        for method in plan.methods:
            runs = [r for r in suite.runs if (r.method, r.world, r.condition) == (method, world, person)]
            if method == PLAIN or not runs or any(run.seed not in plain for run in runs):
                continue
            ahead = np.mean([run.attained - plain[run.seed] for run in runs], axis=0)
            presses = np.mean([run.presses for run in runs], axis=0)
            panels.setdefault(world, []).append(Gain(method, presses, ahead))
    return panels


# --- on the screen ---------------------------------------------------------------------------------------------------


def report(plan: Plan, found: Tables) -> None:
    """The ranking, the steps to the threshold with a good person, and who withstands an adversary."""
    if found.ranking:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title="ranking", title_justify="left")
        for name in ("", "method", "score", "alone", "P(better)"):
            table.add_column(name, justify="left" if name == "method" else "right", no_wrap=True)
        for place, rank in enumerate(found.ranking, start=1):
            better = "" if rank.method == PLAIN else _with_interval(rank.improvement, 2)
            scores = (_with_interval(rank.score, 1), _with_interval(rank.alone, 1))
            table.add_row(str(place), rank.method, *scores, better)
        _say(table)
    for world in plan.worlds:
        _report_world(world, found)
    for sentence in _about_adversary(found):
        SAID.print(sentence, soft_wrap=True, markup=False)


def _say(table: Table) -> None:
    """A table with nothing cut off: where a line is longer than the terminal's, the terminal breaks it."""
    wanted = Measurement.get(SAID, SAID.options.update(width=WIDEST), table).maximum
    SAID.print(table, width=max(SAID.width, wanted), crop=False)


def _report_world(world: str, found: Tables) -> None:
    rows = [row for row in found.rows if row.world == world and row.condition in ("good", NOBODY)]
    if not any(row.method == PLAIN for row in rows) or len(rows) < 2:
        return
    plain = next(row for row in rows if row.method == PLAIN)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), title=world, title_justify="left")
    end = "return" if plain.final_taste is None else "taste"
    heads = ("method", "at\n90 %", "steps to\n90 %", "times\nfaster", end, "presses\nto 90 %", "alone:\nsteps")
    for name in heads:
        table.add_column(name, justify="left" if name == "method" else "right", no_wrap=True)
    for row in sorted(rows, key=lambda row: row.steps.value):
        sign = {">=": ">= ", "<=": "<= ", "?": "~ ", "": ""}[row.bound]
        mark = " *" if row.faster.value >= 2 and apart(row, plain) else ""
        table.add_row(
            escape(row.method),
            f"{row.reached}/{row.seeds}",
            _with_interval(row.steps, 0),
            "" if row.method == PLAIN else sign + _with_interval(row.faster, 1).replace("\n", f"{mark}\n"),
            f"{(row.final_taste or row.final_return).value:.2f}",
            f"{row.presses_to.value:,.0f}",
            f"{row.alone_steps.value:.0f}\n{row.alone_reached}/{row.seeds}",
        )
    _say(table)


def _about_adversary(found: Tables) -> list[str]:
    rows = [row for row in found.rows if row.condition == ADVERSARY]
    sentences = []
    for kind, words in (("recovers", "ends as well as the plain agent"), ("harmed", "is harmed")):
        names: dict[str, list[str]] = {}
        for row in rows:
            if harm(row) == kind:
                names.setdefault(row.method, []).append(row.world)
        told = "; ".join(f"{name} in {', '.join(worlds)}" for name, worlds in names.items())
        if told:
            sentences.append(f"With an adversary {words}: {told}.")
    return sentences


def _with_interval(mean: Mean, digits: int) -> str:
    text = f"{mean.value:z.{digits}f}"
    return text if mean.low is None else f"{text}\n[{mean.low:z.{digits}f}, {mean.high:z.{digits}f}]"


def _as_json(found: Tables, page: Path) -> dict[str, Any]:
    return {
        "score": VERSION,
        "page": str(page),
        "ranking": [
            {"method": r.method, "score": list(r.score), "alone": list(r.alone), "p_improvement": list(r.improvement)}
            for r in found.ranking
        ],
    }
