"""The figures of docs/methods: each way to learn from a person beside the plain agent, on the same seeds.

    python benchmarks/method_figures.py [--bench bench] [--only tamer pies] [--jobs 2] [--out docs/methods/figures]

The runs are those of the suite `bench feedback` with the good person (right 9 times in 10, judges 3 steps in 10), in
the suite's folder: what is there is read, what is missing is run. Tables learn to bake a pizza at the counter, networks
to balance the pole. Where H takes part in what is done, the agent is drawn with H in its policy and without.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from hfrl import bench_cells, bench_plan, build, plot
from hfrl.bench_plan import NOBODY, PLAIN, Cell
from hfrl.plot import Curve
from hfrl.record import read_arrays
from hfrl.summary import Optimum, optimum

SEEDS = range(10)
COLOURS = 32


class Shown(NamedTuple):
    """What a page shows: a method of the suite, and where."""

    method: str
    world: str = "pizza"


#: By page. All others show the method of their name at the counter.
PAGES = {
    "policy_shaping_estimated": Shown("policy_shaping_em"),
    "linear_tamer": Shown("tamer", "mountain_car"),
    "model_feature": Shown("model_feature", "cartpole"),
    "deep_tamer": Shown("deep_tamer", "cartpole"),
    "deep_coach": Shown("deep_coach", "cartpole"),
}
SAME = (
    "reward_shaping", "q_initialisation", "q_augmentation", "extra_action", "action_biasing", "control_sharing",
    "potential_based", "look_ahead_advice", "look_back_advice", "policy_shaping", "policy_shaping_single", "dpba",
    "pies", "tamer", "coach", "e_coach", "sabl", "i_sabl", "q_on_feedback",
)  # fmt: skip
#: Who is shown instead of told is not in the suite: the world's arm, with another agent, and a person who drives.
DRIVEN = {
    "dagger": ("pizza", "dagger", "oracle:kind=takeover,mix=0.9,consistency=0.9,likelihood=0.3"),
    "deep_dagger": ("cartpole", "deep_dagger", "heuristic:kind=takeover,mix=0.9"),
    "dqfd": ("cartpole", "dqfd", "heuristic:kind=takeover,first=400"),
}


def cells_shown() -> dict[str, tuple[Cell, Cell]]:
    """By page: the cell of the method, and the one of no feedback."""
    plan = bench_plan.full_plan()
    cells = {
        (cell.method, cell.world): cell
        for cell in bench_plan.cells(plan, SEEDS)
        if cell.condition in (next(iter(plan.conditions)), NOBODY)
    }
    shown = {name: Shown(name) for name in SAME} | PAGES
    found = {name: (cells[one.method, one.world], cells[PLAIN, one.world]) for name, one in shown.items()}
    for name, (world, agent, teacher) in DRIVEN.items():
        plain = cells[PLAIN, world]
        settings = plain.arm.set if agent == "dqfd" else {}
        arm = dataclasses.replace(plain.arm, agent=agent, teacher=teacher, set=settings)
        found[name] = Cell(name, world, "drives", arm), plain
    return found


def curves_of(out: Path, cell: Cell, label: str, best: Optimum) -> list[Curve]:
    """One curve, or two where H in the policy makes a difference."""
    folder = bench_cells.folder_of(out, cell)
    runs = [read_arrays(folder / f"seed_{seed}" / "evaluations.npz") for seed in cell.arm.seeds]
    returns = {key: np.array([run[key].mean(axis=1) for run in runs]) for key in ("results_with_h", "results")}
    names = {"results_with_h": label, "results": f"{label}, without H"}
    same = np.array_equal(*returns.values())
    curves = []
    for key in list(returns)[:1] if same else returns:
        taste = key.replace("results", "tastes")
        tastes = np.array([run[taste].mean(axis=1) for run in runs]) if taste in runs[0] else None
        curves.append(
            Curve(
                title=cell.arm.env,
                label=names[key],
                timesteps=runs[0]["timesteps"],
                returns=returns[key],
                tastes=tastes,
                presses=np.array([run["presses"] for run in runs]),
                optimal_return=best.automated,
                optimal_taste=best.taste,
            )
        )
    return curves


def best_of(cell: Cell) -> Optimum:
    """What can be reached in a cell's world."""
    env = build.make_env(cell.arm.env, cell.arm.env_kwargs)
    try:
        return optimum(env)
    finally:
        env.close()


def shrink(path: Path) -> None:
    """Half the size, few colours: some tens of kilobytes."""
    picture = Image.open(path).convert("RGB")
    small = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    small.quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=Path("bench"))
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--jobs", default="auto")
    parser.add_argument("--out", type=Path, default=Path("docs/methods/figures"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    shown = {name: pair for name, pair in cells_shown().items() if not arguments.only or name in arguments.only}
    wanted = list({id(cell): cell for pair in shown.values() for cell in pair}.values())
    command = "benchmarks/method_figures.py"
    bench_cells.run_cells(arguments.bench, wanted, command, arguments.jobs, lambda done, total: None)  # noqa: ARG005
    for name, (cell, plain) in shown.items():
        best = best_of(cell)
        curves = [
            *curves_of(arguments.bench, plain, "no feedback", best),
            *curves_of(arguments.bench, cell, name, best),
        ]
        path = plot.learning_curves(curves, arguments.out / f"{name}.png", f"{command} --only {name}")
        shrink(path)
        ends = ", ".join(f"{curve.label} {curve.returns[:, -4:].mean():.2f}" for curve in curves)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB; at the end {ends}", flush=True)


if __name__ == "__main__":
    main()
