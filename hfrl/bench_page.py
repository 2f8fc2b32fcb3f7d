"""The suite's results as files: tables as CSV, and one HTML page that needs nothing beside itself."""

import base64
import csv
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from hfrl.bench_cells import Run, Suite
from hfrl.bench_plan import NOBODY, PLAIN, Plan
from hfrl.bench_score import EVALUATIONS, VERSION, Marks
from hfrl.bench_table import ADVERSARY, MARGIN, Mean, Rank, Row, Tables, apart, harm
from hfrl.record import write_text

RUN_COLUMNS = (
    "method", "world", "condition", "seed", "steps_to_threshold", "reached", "presses_to_threshold", "speed", "area",
    "final", "score", "final_return", "final_taste", "presses", "alone_steps_to_threshold", "alone_reached",
    "alone_area", "alone_final", "alone_score", "alone_final_return", "alone_final_taste", "seconds",
)  # fmt: skip
ROW_FACTS = ("method", "world", "condition", "seeds", "reached", "alone_reached", "bound")
ROW_MEANS = (
    "steps", "faster", "area", "final_return", "final_taste", "presses", "presses_to", "score", "gain", "alone",
    "alone_return", "alone_taste", "alone_steps", "shortfall", "alone_shortfall",
)  # fmt: skip
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto; padding: 0 1em }
h1 { margin-bottom: .1em } h2 { margin-top: 2.2em; border-bottom: 2px solid #0072b2 } h3 { margin-bottom: .3em }
table { border-collapse: collapse; font-size: 14px; margin: .6em 0 } caption { text-align: left; color: #555 }
th, td { padding: .25em .6em; border-bottom: 1px solid #e2e2e2; text-align: right; vertical-align: top }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid #999; background: #f6f8fa }
td small { color: #777; white-space: nowrap } tr.plain td { background: #f3f3f3 } .good { color: #00734f }
.bad { color: #b03a00 } img { max-width: 100%; height: auto } .note { color: #555 } code { background: #f3f3f3 }
.scroll { overflow-x: auto } .warn { background: #fff4e0; padding: .6em 1em; border-left: 4px solid #e69f00 }
"""


class Told(NamedTuple):
    """What a page says about how its numbers came about."""

    command: str
    machine: str
    commits: Sequence[str]
    quick: bool
    seeds: Sequence[int]
    seconds: float


# --- CSV -------------------------------------------------------------------------------------------------------------


def write_csvs(out: Path, suite: Suite, tables: Tables) -> list[Path]:
    """``runs.csv`` (one row per seed of a cell), ``cells.csv`` (per cell, with intervals) and ``ranking.csv``."""
    files = {
        "runs.csv": (RUN_COLUMNS, map(_run_row, suite.runs)),
        "cells.csv": (
            (*ROW_FACTS, *(f"{name}{end}" for name in ROW_MEANS for end in ("", "_low", "_high"))),
            map(_cell_row, tables.rows),
        ),
        "ranking.csv": (
            ("method", "score", "score_low", "score_high", "iqm", "alone", "alone_low", "alone_high",
             "p_improvement", "p_low", "p_high", "stand_ins"),
            ((r.method, *r.score, r.iqm, *r.alone, *r.improvement, r.stand_ins) for r in tables.ranking),
        ),
    }  # fmt: skip
    paths = []
    for name, (columns, rows) in files.items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_plain(value) for value in row] for row in rows)
        write_text(out / name, text.getvalue())
        paths.append(out / name)
    return paths


def _run_row(run: Run) -> Iterable[Any]:
    g, a = run.guided, run.alone
    yield from (run.method, run.world, run.condition, run.seed)
    yield from (g.steps, g.reached, g.presses_to, g.speed, g.area, g.final, g.score, g.final_return, g.final_taste)
    yield from (run.presses[-1], *_alone(a), run.seconds)


def _alone(a: Marks) -> tuple[Any, ...]:
    return a.steps, a.reached, a.area, a.final, a.score, a.final_return, a.final_taste


def _cell_row(row: Row) -> Iterable[Any]:
    yield from (getattr(row, name) for name in ROW_FACTS)
    for name in ROW_MEANS:
        yield from getattr(row, name) or (None, None, None)


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | str | int):
        return str(int(value) if isinstance(value, bool) else value)
    return f"{float(value):.6g}"


# --- the page --------------------------------------------------------------------------------------------------------


def write_page(path: Path, plan: Plan, suite: Suite, tables: Tables, told: Told, figures: Sequence[Path]) -> Path:
    """The page, with its figures inside."""
    pictures = {figure.stem: figure for figure in figures}
    parts = [
        f"<h1>Which feedback method, when</h1><p class=note>{escape(VERSION)} · {_told(told, plan)}</p>",
        _warnings(told, tables),
        "<h2>Ranking</h2>" + _ranking_text() + _ranking(tables.ranking) + _picture(pictures.get("ranking")),
        "<h2>World by world, taught by a good person</h2>" + _steps_text() + _worlds(plan, suite, tables, "good"),
        "<h2>What each dial does</h2><p>The score under every person; dashed: no feedback in the same worlds.</p>"
        + _picture(pictures.get("radars")),
        "<h2>Gain against presses</h2><p>Attainment ahead of no feedback after as many steps, against the presses used"
        " by then (the good person).</p>" + _picture(pictures.get("gains")),
        _harm(plan, tables),
        "<h2>The other people</h2>"
        + "".join(
            f"<details><summary>{escape(name)}: {escape(plan.conditions[name].says)}</summary>"
            f"{_worlds(plan, suite, tables, name)}</details>"
            for name in plan.conditions
            if name not in ("good", ADVERSARY)
        ),
        "<h2>Who beats whom</h2><p>The probability in percent that a run of the row scores above a run of the column, "
        "averaged over worlds and people.</p>" + _matrix(tables),
        "<h2>How it was measured</h2>" + _measured(plan, suite, told),
    ]
    head = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f"<title>hfrl: bench feedback</title><style>{STYLE}</style></head><body>\n"
    )
    write_text(path, head + "\n".join(parts) + "\n</body></html>\n")
    return path


def _told(told: Told, plan: Plan) -> str:
    methods = len(plan.methods)
    return escape(
        f"{methods} methods, {len(plan.worlds)} worlds, {len(plan.conditions)} people, {len(told.seeds)} seeds · "
        f"{told.command}"
    )


def _warnings(told: Told, tables: Tables) -> str:
    said = []
    if told.quick:
        said.append("This is the quick suite: fewer worlds, people and seeds than the whole one; it can only hint.")
    if len(told.seeds) < 10 and not told.quick:
        said.append(f"Only {len(told.seeds)} seeds: the suite's own number is 10.")
    if tables.unfinished:
        names = ", ".join(f"{world}/{condition}" for world, condition in tables.unfinished)
        said.append(f"Not finished, and left out of the ranking: {names}. The same command goes on.")
    if len(told.commits) > 1:
        said.append(f"The runs come from {len(told.commits)} commits: {', '.join(one[:10] for one in told.commits)}.")
    return "".join(f"<p class=warn>{escape(one)}</p>" for one in said)


def _ranking_text() -> str:
    return (
        "<p>100 is a run that is at the threshold at its first evaluation and as good as can be from the start. "
        "<em>score</em> has H in the policy, <em>alone</em> is the agent without it; the interval is a 95 % bootstrap, "
        "stratified by world and person. <em>P(better)</em> is the probability that a run scores above a run without "
        "feedback. Where a method cannot be used, no feedback stands in.</p>"
    )


def _ranking(ranking: Sequence[Rank]) -> str:
    rows = [
        (
            rank.method == PLAIN,
            [
                str(place),
                f"<code>{escape(rank.method)}</code>",
                _mean(rank.score, 1),
                f"{rank.iqm:.1f}",
                _mean(rank.alone, 1),
                "" if rank.method == PLAIN else _mean(rank.improvement, 2),
                str(rank.stand_ins or ""),
            ],
        )
        for place, rank in enumerate(ranking, start=1)
    ]
    return _table(["", "method", "score", "IQM", "alone", "P(better)", "stand-ins"], rows)


def _steps_text() -> str:
    return (
        "<p><em>steps</em>: mean over seeds of the first evaluation at 90 % of the best (of the best taste where a "
        "world has one), runs that never arrived counted with the whole budget; <em>faster</em>: how many times fewer "
        "than without feedback (geometric mean over pairs of seeds; ≥ where only runs without feedback never arrived, "
        "≤ where only taught ones did not, ~ where both); <b>bold</b>: at least 2 times fewer, the intervals of the "
        "steps apart. All but the columns <em>alone</em> have H in the policy.</p>"
    )


def _worlds(plan: Plan, suite: Suite, tables: Tables, condition: str) -> str:
    place = {rank.method: k for k, rank in enumerate(tables.ranking)}
    parts = []
    for world in plan.worlds.values():
        rows = [row for row in tables.rows if row.world == world.name and row.condition in (condition, NOBODY)]
        if not any(row.condition == condition for row in rows):
            continue
        rows.sort(key=lambda row: place.get(row.method, -1))
        plain = next(row for row in rows if row.method == PLAIN)
        goal = suite.goals[world.name]
        best = f"best return {goal.best_return:.4g}"
        best += "" if goal.best_taste is None else f", best taste {goal.best_taste:.3g}"
        parts.append(f"<h3>{escape(world.name)} <small class=note>{escape(world.env)} · {best}</small></h3>")
        parts.append(_world_table(rows, plain, goal.best_taste is not None))
    return "".join(parts)


def _world_table(rows: Sequence[Row], plain: Row, tasty: bool) -> str:
    head = ["method", "arrived", "steps", "faster", "area", "return"]
    head += ["taste"] if tasty else []
    head += ["presses", "presses to", "score", "alone: score", "return"] + (["taste"] if tasty else [])
    body = []
    for row in rows:
        cells = [
            f"<code>{escape(row.method)}</code>",
            f"{row.reached}/{row.seeds}",
            _mean(row.steps, 0),
            "" if row.method == PLAIN else _faster(row, plain),
            _mean(row.area, 2),
            _mean(row.final_return, 2),
            *([_mean(row.final_taste, 2)] if tasty else []),
            f"{row.presses.value:,.0f}",
            f"{row.presses_to.value:,.0f}",
            _mean(row.score, 1),
            _mean(row.alone, 1),
            _mean(row.alone_return, 2),
            *([_mean(row.alone_taste, 2)] if tasty else []),
        ]
        body.append((row.method == PLAIN, cells))
    return _table(head, body)


def _faster(row: Row, plain: Row) -> str:
    sign = {">=": "≥ ", "<=": "≤ ", "?": "~ ", "": ""}[row.bound]
    text = sign + _mean(row.faster, 1)
    return f"<b>{text}</b>" if row.faster.value >= 2 and apart(row, plain) else text


def _harm(plan: Plan, tables: Tables) -> str:
    rows = [row for row in tables.rows if row.condition == ADVERSARY]
    if not rows:
        return ""
    worlds = [name for name in plan.worlds if any(row.world == name for row in rows)]
    body = []
    for rank in tables.ranking:
        mine = {row.world: row for row in rows if row.method == rank.method}
        if not mine:
            continue
        cells = [f"<code>{escape(rank.method)}</code>"]
        for world in worlds:
            cells.append(_harm_cell(mine[world]) if world in mine else "-")
        body.append((False, cells))
    says = escape(plan.conditions[ADVERSARY].says)
    return (
        f"<h2>With an adversary</h2><p>A person who is {says}. How much of the way from nothing to the best the final "
        "utility falls short of the plain agent's, with H in the policy (below 0: better than plain). "
        f"<span class=good>Green</span>: surely within {MARGIN:.2f} of the plain agent; <span class=bad>red</span>: "
        "surely not.</p>" + _table(["method", *worlds], body)
    )


def _harm_cell(row: Row) -> str:
    kind = {"recovers": "good", "harmed": "bad", "unsure": "note"}[harm(row)]
    return f"<span class={kind}>{_mean(row.shortfall, 2)}</span>"


def _matrix(tables: Tables) -> str:
    names = [rank.method for rank in tables.ranking]
    body = [
        (
            row == PLAIN,
            [f"{k}. <code>{escape(row)}</code>"]
            + ["" if row == other else f"{100 * tables.against[row][other]:.0f}" for other in names],
        )
        for k, row in enumerate(names, start=1)
    ]
    return _table(["", *(str(k) for k in range(1, len(names) + 1))], body)


def _measured(plan: Plan, suite: Suite, told: Told) -> str:
    people = [(False, [escape(c.name), escape(c.says), escape(_pairs(c.dials)), f"{c.claimed:g}"])
              for c in plan.conditions.values()]  # fmt: skip
    worlds = [
        (False, [escape(w.name), escape(w.env), escape(w.agent), escape(_pairs(w.set)), f"{w.steps:,}", str(w.episodes),
                 f"{w.unit:g}", f"{w.zero:g}", f"{suite.goals[w.name].best:.4g}"])
        for w in plan.worlds.values()
    ]  # fmt: skip
    methods = [
        (False, [f"<code>{escape(m.name)}</code>", escape(m.says), f"<code>{escape(_words(m))}</code>"])
        for m in (*plan.methods.values(), *plan.references.values())
    ]
    refused, circles = (
        [(False, [escape(method), escape(world), escape(why)]) for (method, world), why in found.items()]
        for found in (suite.refused, suite.circles)
    )
    return (
        f"<p><code>{escape(told.command)}</code><br/>{escape(told.machine)}; seeds {escape(_seeds(told.seeds))}; "
        f"{told.seconds / 60:.1f} minutes of runs in all. Every arm of a world has the same seeds, budget and "
        f"{EVALUATIONS} evenly spaced greedy evaluations in a world of evaluation's own. Score of a run: 100 times the "
        "mean of <em>speed</em> (1 at the first evaluation, 0 at the last or never, every halving of the steps worth "
        "the same), <em>area</em> (mean attainment over the run) and <em>final</em> (attainment over the last tenth); "
        "attainment is the utility, return + 10 taste, on its way from zero to the best. docs/bench.md has the whole "
        "definition.</p>"
        + _table(["person", "", "dials", "claimed"], people)
        + _table(["world", "env", "agent", "settings", "steps", "episodes", "unit", "zero", "best"], worlds)
        + _table(["method", "", "what it is"], methods)
        + (_table(["praise pays for circles with", "in", "as was known before it began"], circles) if circles else "")
        + (_table(["cannot be used", "in", "because"], refused) if refused else "")
    )


def _words(method: Any) -> str:
    parts = [
        " or ".join(one for one in (method.agent, method.box_agent) if one),
        method.blend if method.blend != "none" else "",
        _pairs(method.set or {}),
    ]
    parts += [f"teacher {method.teacher}"] if method.teacher else []
    return " ".join(part for part in (*parts, _pairs(method.env_kwargs)) if part) or "-"


def _pairs(settings: dict[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


def _seeds(seeds: Sequence[int]) -> str:
    whole = list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]}-{seeds[-1]}" if list(seeds) == whole and len(seeds) > 1 else ", ".join(map(str, seeds))


def _mean(mean: Mean | None, digits: int) -> str:
    if mean is None:
        return "-"
    text = f"{mean.value:z,.{digits}f}"
    if mean.low is None:
        return text
    return f"{text}<br/><small>{mean.low:z,.{digits}f} to {mean.high:z,.{digits}f}</small>"


def _table(head: Sequence[str], rows: Iterable[tuple[bool, Sequence[str]]]) -> str:
    """A table; a row says whether it is the plain agent's. Cells are HTML already."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        f"<tr{' class=plain' if plain else ''}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
        for plain, cells in rows
    )
    return f"<div class=scroll><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _picture(path: Path | None) -> str:
    if path is None:
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return f'<img alt="{escape(path.stem)}" src="data:image/png;base64,{data}"/>'
