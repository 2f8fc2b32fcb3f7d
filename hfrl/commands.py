"""What the commands do: each takes its flags and returns the exit code."""

import importlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from hfrl import board, build, circuits, engine, fanout, registry
from hfrl.config import PARTS, Arm, Train, arms, headline, is_code
from hfrl.config_file import as_toml
from hfrl.groups import labels, read_groups
from hfrl.presets import FILE as PRESETS
from hfrl.record import command_line, create_run, find_runs, seed_folders, write_json
from hfrl.saved import chosen_seed, load_arm, load_session
from hfrl.summary import Outcome, comparisons, summarise
from hfrl.types import UserError

SAID = Console(highlight=False)
BESIDE = Console(stderr=True, highlight=False)


# --- train -----------------------------------------------------------------------------------------------------------


def run_train(flags: Train) -> int:
    """Run every seed of every arm, then the table, the figure and the next commands."""
    fanout.workers(flags.jobs, 1)
    if flags.tensorboard:
        board.writer()
    cells = arms(flags) if is_specific(flags) else headline(flags)
    for arm in cells:
        build.check(arm, alone=True)
    if flags.print_config:
        print(as_toml(cells))
        return 0
    warn_of_circles(cells)
    cells = with_engines(cells)
    out = Path(flags.out)
    command = command_line()
    runs = [create_run(out, arm, command) for arm in cells]
    tasks = [
        fanout.Task(arm, seed, run / f"seed_{seed}") for arm, run in zip(cells, runs, strict=True) for seed in arm.seeds
    ]
    return conclude(flags, cells, runs, tasks)


def conclude(flags: Any, cells: Sequence[Arm], runs: Sequence[Path], tasks: Sequence[fanout.Task]) -> int:
    """Run the tasks of these arms and their run folders, and say what they came to. Returns the exit code."""
    with Bars(cells, flags.progress) as bars:
        ending = fanout.run_tasks(tasks, flags.jobs, bars.show)
    if ending.signal:
        BESIDE.print("Stopped early: what was done is kept, and summed up here.", style="yellow")
    for slot, why in ending.failed.items():
        BESIDE.print(f"hfrl: {tasks[slot].folder}: {why}", style="red", soft_wrap=True, markup=False)
    outcomes = summarised(cells, runs)
    if not outcomes:
        if ending.failed:
            return ending.code
        raise UserError(f"stopped before any seed had begun; resume {runs[0]} begins it")
    figures: list[Path] = []
    with _told_if_unwritten():
        figures = draw(
            outcomes, [Path(outcome.summary["run"]) / "figures" / "learning_curves.png" for outcome in outcomes]
        )
    report(outcomes)
    _next_commands(outcomes, figures, ending.finished, all(arm.num_envs == 1 for arm in cells))
    if flags.json:
        print(json.dumps({"arms": [outcome.summary for outcome in outcomes], "out": str(runs[0].parent.parent)}))
    return ending.code


#: Arms of one command that are looked at for praise that pays for circles.
MOST_LOOKED_AT = 12


def warn_of_circles(cells: Sequence[Arm]) -> None:
    """One line for each arm whose praise will pay for running in circles, as far as that is known beforehand; of many
    arms the first few are looked at, for each may take seconds."""
    for line in dict.fromkeys(filter(None, map(circuits.warning, cells[:MOST_LOOKED_AT]))):
        BESIDE.print(line, style="yellow", soft_wrap=True, markup=False)


def with_engines(cells: Sequence[Arm], quiet: bool = False) -> list[Arm]:
    """Each arm with the engine that runs it; which and why is said once for all arms that agree, unless ``quiet``."""
    choices = [engine.choose(arm) for arm in cells]
    for choice in () if quiet else dict.fromkeys(choices):
        whose = [arm.label for arm, chosen in zip(cells, choices, strict=True) if chosen == choice]
        of = "" if len(whose) == len(cells) else f" for {', '.join(dict.fromkeys(whose))}"
        SAID.print(f"Engine {choice.engine}{of}: {choice.reason}", style="dim", soft_wrap=True, markup=False)
    return [replace(arm, engine=choice.engine) for arm, choice in zip(cells, choices, strict=True)]


def is_specific(flags: Train) -> bool:
    """Whether the flags say what to run; without them it is the headline."""
    return bool(flags.env or flags.agent or flags.teacher or flags.blend or flags.config or flags.preset)


def summarised(cells: Sequence[Arm], runs: Sequence[Path]) -> list[Outcome]:
    """The outcomes of the arms that have begun, labelled so that no two of a world are called the same."""
    found = []
    for arm, run, label in zip(cells, runs, told(cells), strict=True):
        outcome = _summarised(arm, run)
        if outcome and label != arm.label:
            outcome = outcome._replace(label=label, full_label=label)
        if outcome:
            found.append(outcome)
    return found


def told(cells: Sequence[Arm]) -> list[str]:
    """What each arm is called: its short label, and what differs where two of a world would be called the same."""
    short = [arm.label for arm in cells]
    return short if len({(arm.env, arm.label) for arm in cells}) == len(cells) else labels(cells)


def _summarised(arm: Arm, run: Path) -> Outcome | None:
    """The outcome of an arm, written into its folder; None where it was stopped before its first seed began."""
    if not any(run.glob("seed_*/summary.json")):
        return None
    outcome = summarise(arm, run)
    with _told_if_unwritten():
        write_json(run / "summary.json", outcome.summary)
    return outcome


@contextmanager
def _told_if_unwritten() -> Iterator[None]:
    """What can be made again from the records is not worth losing their table for: a full disk is said, and no more."""
    try:
        yield
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        BESIDE.print(f"hfrl: not written, {error.strerror or error}{where}", style="red", soft_wrap=True, markup=False)


class Bars:
    """A progress bar per arm, on the standard error of a terminal."""

    def __init__(self, cells: Sequence[Arm], wanted: bool) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        self._progress = Progress(*columns, TimeRemainingColumn(), console=BESIDE, disable=not wanted)
        self._sizes = [len(arm.seeds) for arm in cells]
        self._bars = [
            self._progress.add_task(f"{arm.env} {arm.label}", total=len(arm.seeds) * arm.total_timesteps)
            for arm in cells
        ]

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._progress.stop()

    def show(self, steps: Sequence[int]) -> None:
        """Move the bars to the steps that each task has done."""
        at = 0
        for bar, size in zip(self._bars, self._sizes, strict=True):
            self._progress.update(bar, completed=sum(steps[at : at + size]))
            at += size


def draw(outcomes: Sequence[Outcome], paths: Sequence[Path], kind: str = "curve") -> list[Path]:
    """One figure of all arms, at each of the paths: their learning curves, or how they compare."""
    from hfrl import plot, plot_compare

    curves = [
        plot.Curve(
            label=label,
            timesteps=outcome.timesteps,
            returns=outcome.returns,
            tastes=outcome.tastes,
            presses=outcome.presses,
            optimal_return=outcome.summary["optimal_return"],
            optimal_taste=outcome.summary["optimal_taste"],
            title=outcome.summary["env"],
        )
        for group in by_world(outcomes)
        for outcome, label in zip(group, labels_of(group), strict=True)
    ]
    drawn = plot.learning_curves if kind == "curve" else plot_compare.comparison
    made = drawn(curves, paths[0], command_line())
    for path in paths[1:]:
        path.write_bytes(made.read_bytes())
    return [made, *paths[1:]]


def labels_of(group: Sequence[Outcome]) -> list[str]:
    """Short labels where they tell the arms of a world apart, else the full ones, numbered where even those agree."""
    short = [outcome.label for outcome in group]
    labels = short if len(set(short)) == len(short) else [outcome.full_label for outcome in group]
    return [
        label if labels.count(label) == 1 else f"{label} #{labels[: index + 1].count(label)}"
        for index, label in enumerate(labels)
    ]


def by_world(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """The outcomes of each world, in the order the worlds first appear."""
    worlds = dict.fromkeys(outcome.summary["env"] for outcome in outcomes)
    return [[outcome for outcome in outcomes if outcome.summary["env"] == world] for world in worlds]


def report(outcomes: Sequence[Outcome], compared: bool = True) -> None:
    """The table, a world at a time, and in words whether arms can be told apart."""
    for group in by_world(outcomes):
        best = group[0].summary
        known = [
            f"best possible {name} {best[key]:.3g}"
            for name, key in (("automated return", "optimal_return"), ("taste", "optimal_taste"))
            if best[key] is not None
        ]
        SAID.print(f"[bold]{best['env']}[/bold]  {', '.join(known)}", soft_wrap=True)
        _say_table(group)
        for sentence in comparisons(group, labels_of(group)) if compared else ():
            SAID.print(f"  {sentence}", soft_wrap=True, markup=False)
        SAID.print()


#: What stands in a column, of each arm.
COLUMNS = ("automated\nreturn", "hidden\ntaste", "presses", "steps\nto 90 %", "presses\nto 90 %")
#: Characters a line that the columns need; with fewer each arm is a paragraph.
LEAST_WIDTH = 76


def _say_table(group: Sequence[Outcome]) -> None:
    rows = [row for outcome, label in zip(group, labels_of(group), strict=True) for row in _rows(outcome, label)]
    if SAID.width < LEAST_WIDTH:
        for label, *cells in rows:
            SAID.print(label, soft_wrap=True, markup=False)
            for name, cell in zip(COLUMNS, cells, strict=True):
                if cell:
                    line = f"    {name} {cell}".replace("\n", " ")
                    SAID.print(line, soft_wrap=True, markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("arm", min_width=12, overflow="fold")
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    SAID.print(table)


def _rows(outcome: Outcome, label: str) -> list[tuple[str, ...]]:
    s = outcome.summary
    rows: list[tuple[str, ...]] = [
        (
            label,
            _with_interval(s["return_mean"], s["return_ci"]),
            _with_interval(s["taste_mean"], s["taste_ci"]),
            f"{s['feedback_mean']:,.0f}",
            "never" if s["steps_to_threshold"] is None else f"{s['steps_to_threshold']:,}",
            "-" if s["presses_to_threshold"] is None else f"{s['presses_to_threshold']:,.0f}",
        )
    ]
    if s["return_with_h_mean"] is not None and s["return_with_h_mean"] != s["return_mean"]:
        taste = _with_interval(s["taste_with_h_mean"], None)
        rows.append(("  with H in its policy", _with_interval(s["return_with_h_mean"], None), taste, "", "", ""))
    return rows


def _with_interval(mean: float | None, interval: Sequence[float] | None) -> str:
    if mean is None:
        return "-"
    return f"{mean:.2f}" + (f"\n[{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def _next_commands(outcomes: Sequence[Outcome], figures: Sequence[Path], finished: bool, goes_on: bool) -> None:
    runs = [outcome.summary["run"] for outcome in outcomes]
    own = any(is_code(key, outcome.summary[key]) for outcome in outcomes for key in PARTS)
    if figures:
        SAID.print(f"Figure: {figures[0]}", soft_wrap=True)
    SAID.print("Next:")
    longer = f"resume {runs[-1]} --total-timesteps {2 * outcomes[-1].summary['total_timesteps']}"
    going_on = [longer if finished else f"resume {' '.join(runs)}"] if goes_on else []
    for command in (
        *going_on,
        f"plot {' '.join(runs)}",
        f"watch {runs[-1]} --render ansi",
        f"evaluate {runs[-1]}",
    ):
        SAID.print(f"  python -m hfrl.run {command}{' --trust' if own else ''}", soft_wrap=True)


def run_resume(flags: Any) -> int:
    """Runs that go on: ones that were stopped or killed to their end, finished ones for longer."""
    from hfrl import resume

    return resume.run_resume(flags)


def run_sweep(flags: Any) -> int:
    """A grid of settings, each cell in a folder named by its settings."""
    from hfrl import sweep

    return sweep.run_sweep(flags)


# --- reading runs back -----------------------------------------------------------------------------------------------


def run_evaluate(flags: Any) -> int:
    """Greedy episodes of saved agents, alone and with H in their policy."""
    if flags.episodes < 1:
        raise UserError(f"--episodes must be at least 1, got {flags.episodes}")
    rows = []
    for run in (run for path in flags.run for run in find_runs(path)):
        arm = load_arm(run, flags.trust)
        for folder in seed_folders(run):
            session = load_session(arm, folder)
            alone = session.evaluate(flags.episodes, with_h=False)
            guided = session.evaluate(flags.episodes, with_h=True) if session.guided else alone
            session.close()
            rows.append(_evaluated(folder, alone, guided))
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("run", overflow="fold")
    for name in ("return", "taste", "return with H", "taste with H"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(str(row["run"]), *(_with_interval(row[key], None) for key in list(row)[1:]))
    SAID.print(table)
    if flags.json:
        print(json.dumps({"evaluations": rows, "episodes": flags.episodes}))
    return 0


def _evaluated(folder: Path, alone: Any, guided: Any) -> dict[str, Any]:
    return {
        "run": str(folder),
        "return_mean": float(alone.returns.mean()),
        "taste_mean": None if alone.tastes is None else float(alone.tastes.mean()),
        "return_with_h_mean": float(guided.returns.mean()),
        "taste_with_h_mean": None if guided.tastes is None else float(guided.tastes.mean()),
    }


def run_plot(flags: Any) -> int:
    """Learning curves of saved runs, or maps of what they learnt."""
    from hfrl import maps

    if flags.kind == "filmstrip":
        from hfrl import filmstrip

        return filmstrip.run_filmstrip(flags)
    if flags.kind not in ("curve", "comparison"):
        return maps.run_maps(flags)
    if flags.state is not None or flags.seed is not None:
        raise UserError(f"--state and --seed choose what a map shows: add --kind {', '.join(maps.KINDS)}")
    outcomes = read_groups(flags.run, flags.trust)
    name = "learning_curves.png" if flags.kind == "curve" else "comparison.png"
    path = Path(flags.out) if flags.out else Path(outcomes[0].summary["run"]) / "figures" / name
    try:
        draw(outcomes, [path], flags.kind)
    except (OSError, ValueError) as error:
        raise UserError(f"the figure cannot be written: {error}") from error
    report(outcomes)
    SAID.print(f"Figure: {path}", soft_wrap=True)
    return 0


def run_compare(flags: Any) -> int:
    """Two arms, in words."""
    from hfrl import compare

    return compare.run_compare(flags)


def run_reproduce(flags: Any) -> int:
    """Published experiments, run again. The exit code is 1 where a number is not near its reference."""
    from hfrl import reproduce

    if flags.list:
        for name, target in reproduce.TARGETS.items():
            SAID.print(f"  {name:20}{target.summary} ({target.runs} runs)", soft_wrap=True, markup=False)
        return 0
    if flags.runs is not None and flags.runs < 1:
        raise UserError(f"--runs must be at least 1, got {flags.runs}")
    if flags.redraw:
        for name in reproduce.chosen(flags.name, flags.all):
            SAID.print(f"{reproduce.redraw(name, Path(flags.out))}/figure.png", soft_wrap=True, highlight=False)
        return 0
    numbers, failed, started = {}, [], time.perf_counter()
    for name in reproduce.chosen(flags.name, flags.all):
        before = time.perf_counter()
        result = reproduce.run(name, flags.runs)
        SAID.print(reproduce.report(name, result), soft_wrap=True, markup=False, highlight=False)
        try:
            folder = reproduce.write(name, result, Path(flags.out))
        except OSError as error:
            raise UserError(f"the results cannot be written: {error}") from error
        SAID.print(f"  {folder}/figure.png, {time.perf_counter() - before:.1f} s", soft_wrap=True, highlight=False)
        numbers[name] = {metric.name: metric.value for metric in result.metrics}
        failed += [] if reproduce.passed(result) else [name]
    verdict = f"FAIL: {', '.join(failed)}" if failed else "all pass"
    SAID.print(f"{len(numbers)} in {time.perf_counter() - started:.1f} s: {verdict}", soft_wrap=True, highlight=False)
    if flags.json:
        print(json.dumps(numbers))
    return 1 if failed else 0


def run_bench(flags: Any) -> int:
    """A suite that compares methods."""
    from hfrl import bench

    return bench.run_bench(flags)


def run_watch(flags: Any) -> int:
    """Episodes of a saved agent in a window, as text, or in a file."""
    from hfrl import film, screen

    if flags.episodes < 1 or flags.fps <= 0:
        raise UserError(f"--episodes and --fps must be positive, got {flags.episodes} and {flags.fps}")
    given = Path(flags.run)
    runs = find_runs(flags.run)
    alone = given.name.startswith("seed_") and flags.seed is None
    folder = given if alone else chosen_seed(runs[-1], flags.seed)
    session = load_session(load_arm(runs[-1], flags.trust), folder)
    try:
        screen.watch(
            session, flags.render, flags.episodes, flags.fps, {kind: getattr(flags, kind) for kind in film.ENDINGS}
        )
    finally:
        session.close()
    return 0


def run_play(flags: Any) -> int:
    """A person teaches in the window."""
    from hfrl import teach

    return teach.run_play(flags)


def run_replay(flags: Any) -> int:
    """A recorded session, again."""
    from hfrl import teach

    return teach.run_replay(flags)


def run_export(flags: Any) -> int:
    """A run's feedback as a table, or its steps as a data set."""
    from hfrl import exchange

    return exchange.run_export(flags)


def run_import(flags: Any) -> int:
    """A table of feedback, back as logs."""
    from hfrl import exchange

    return exchange.run_import(flags)


def run_merge(flags: Any) -> int:
    """The sessions of a class, pooled."""
    from hfrl import exchange

    return exchange.run_merge(flags)


def run_watch_metrics(flags: Any) -> int:
    """Runs in the terminal while they train."""
    from hfrl import follow

    return follow.run_watch_metrics(flags)


# --- list and doctor -------------------------------------------------------------------------------------------------

KINDS = {
    "agents": registry.AGENTS,
    "teachers": registry.TEACHERS,
    "blends": registry.BLENDS,
    "credits": registry.CREDITS,
}
#: What is true of all parts of a kind, said below them.
BELOW = {"teachers": registry.DIALS, "blends": registry.SCALE}


def run_list(flags: Any) -> int:
    """Every part by name, in one line each."""
    kinds = (*KINDS, "envs", "presets", "all")
    if flags.presets or flags.kind == "presets":
        SAID.print(PRESETS.read_text(encoding="utf-8"), soft_wrap=True, markup=False, highlight=False, end="")
        return 0
    if flags.kind not in kinds:
        raise UserError(f"unknown kind {flags.kind!r}{registry.nearest(flags.kind, kinds)} (known: {', '.join(kinds)})")
    for kind, entries in KINDS.items():
        if flags.kind in (kind, "all"):
            SAID.print(f"{kind}", style="bold")
            for name, entry in entries.items():
                SAID.print(f"  {name:26}{entry.summary}", soft_wrap=True, markup=False)
            if kind in BELOW:
                SAID.print(f"  {BELOW[kind]}", soft_wrap=True, markup=False)
    if flags.kind in ("envs", "all"):
        SAID.print("envs", style="bold")
        for line in _worlds(everything=flags.kind == "envs"):
            SAID.print(f"  {line}", soft_wrap=True)
    return 0


def _worlds(everything: bool) -> Sequence[str]:
    """Our worlds with their first line; of Gymnasium's, the ones our agents take, or all."""
    import gymnasium

    ours = [identifier for identifier in gymnasium.registry if identifier.startswith("hfrl/")]
    known = [
        "Acrobot-v1", "Blackjack-v1", "CartPole-v1", "CliffWalking-v1", "FrozenLake-v1", "FrozenLake8x8-v1",
        "MountainCar-v0", "Taxi-v4",
    ]  # fmt: skip
    others = [identifier for identifier in gymnasium.registry if identifier not in ours]
    shown = sorted(others) if everything else [identifier for identifier in known if identifier in others]
    lines = []
    for identifier in ours:
        entry = gymnasium.registry[identifier].entry_point
        module = str(entry).partition(":")[0]
        first = " ".join((importlib.import_module(module).__doc__ or "").split("\n\n")[0].split())
        lines.append(f"{identifier:28}{first.removeprefix(f'{identifier}, ').rstrip('.')}")
    return [*lines, *shown]


def run_doctor(flags: Any) -> int:
    """What is well, what is not, and what to type."""
    from hfrl import doctor

    return doctor.run_doctor(flags)
