"""``plot --kind``: maps of what was learnt in grid worlds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Circle, Polygon
from PIL import Image

from hfrl import maps, plot_grid
from hfrl.plot_grid import Map
from hfrl.run import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Short runs: a lake by two agents, a kitchen, the cliff, a chain, and the agent without a table."""
    out = tmp_path_factory.mktemp("runs")
    found = {}
    for name, env, agent in (
        ("lake", "FrozenLake-v1", "q_learning"),
        ("sarsa", "FrozenLake-v1", "sarsa"),
        ("kitchen", "hfrl/PizzaKitchen-v0", "q_learning"),
        ("taxi", "Taxi-v4", "q_learning"),
        ("pizza", "hfrl/Pizza-v0", "q_learning"),
        ("king", "hfrl/WindyGridworld-v0", "double_q"),
        ("luck", "FrozenLake-v1", "random"),
    ):
        kwargs = ["--env-kwargs", "kings=True"] if name == "king" else []
        line = ["--env", env, "--agent", agent, "-n", "3000", "--seeds", "0-1", "--eval-episodes", "1", "--no-progress"]
        assert main([*line, *kwargs, "--jobs", "1", "--out", str(out / name)]) == 0
        found[name] = str(next((out / name).glob("*/*")))
    return found


KINDS = ("values", "triangles", "error")
#: Big grids take a second or two each: one kind of map of each, and all of the lake.
QUICK = {("kitchen", "values"), ("taxi", "triangles"), ("king", "error"), *(("lake", kind) for kind in KINDS)}


@pytest.mark.parametrize(
    ("world", "kind"),
    [
        pytest.param(world, kind, marks=() if (world, kind) in QUICK else pytest.mark.slow)
        for world in ("lake", "kitchen", "taxi", "king")
        for kind in KINDS
    ],
)
def test_every_kind_in_every_sort_of_grid(world: str, kind: str, runs: dict[str, str]) -> None:
    if world == "taxi":  # its first state has nobody to drive: any with a passenger who waits
        assert main(["plot", runs[world], "--kind", kind, "--state", "1"]) == 0
    else:
        assert main(["plot", runs[world], "--kind", kind]) == 0
    with Image.open(Path(runs[world]) / "figures" / f"{kind}.png") as image:
        assert image.info["Description"]
        assert min(image.size) > 400
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 20


def test_the_difference_of_two_runs(runs: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "gap.svg"
    assert main(["plot", runs["lake"], runs["sarsa"], "--kind", "difference", "--out", str(path)]) == 0
    assert path.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{lake} --kind heat", "unknown kind 'heat'"),
        ("{lake} --kind valeus", "did you mean 'values'"),
        ("{lake} --kind difference", "takes two runs, got 1"),
        ("{lake} {kitchen} --kind difference", "takes two runs of one world: FrozenLake-v1, hfrl/PizzaKitchen-v0"),
        ("{pizza} --kind values", "hfrl/Pizza-v0 is no grid"),
        ("{luck} --kind values", "random keeps no action values"),
        ("{lake} --kind values --state 16", "--state must be within 0 to 15 in FrozenLake-v1, got 16"),
        ("{taxi} --kind values --state 0", "nothing is chosen in state 0"),
        ("{lake} --kind values --seed 7", "has no seed 7 (there are 0, 1)"),
        ("{lake} --seed 1", "add --kind values"),
        ("{lake} --kind values --out map.txt", "must end in .png, .svg or .pdf"),
    ],
)
def test_a_mistake_is_one_line(line: str, said: str, runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["plot", *line.format(**runs).split()]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1


def lake_map(values: Any, moves: tuple[tuple[int, int], ...] = ((0, -1), (1, 0), (0, 1), (-1, 0))) -> Map:
    """Two cells, a wall and an end."""
    return Map("lake", "seed 0", (2, 2), (0, 1, None, 2), frozenset({2}), moves, np.array(values, dtype=float))


def test_the_mean_of_the_seeds_is_drawn(runs: dict[str, str]) -> None:
    each = [maps._learnt(Path(runs["lake"]), seed, trust=False).q for seed in (0, 1)]
    both = maps._learnt(Path(runs["lake"]), None, trust=False)
    np.testing.assert_array_equal(both.q, (each[0] + each[1]) / 2)
    assert both.seeds == "mean of 2 seeds"


def test_best_moves_know_ties_and_indifference() -> None:
    one = lake_map([[1, 2, 2 - 1e-12, 0], [3, 3, 3, 3], [0, 0, 0, 0]])
    assert plot_grid._best_moves(one, 0) == [(1, 0), (0, 1)]
    assert plot_grid._best_moves(one, 1) == []


def test_a_wedge_points_where_its_action_goes() -> None:
    moves = ((0, -1), (1, 0), (0, 1), (-1, 0), (0, 0))
    figure = plot_grid.triangles([lake_map(np.arange(15).reshape(3, 5), moves)], "hfrl plot", "Q")
    patches = figure.axes[0].patches
    wedges = [patch.get_xy()[:-1] - [1, 0] for patch in patches if isinstance(patch, Polygon)]
    middles = [wedge.mean(axis=0) for wedge in wedges[4:]]  # of the second cell, column 1
    assert [(round(y * 3), round(x * 3)) for x, y in middles] == list(moves[:4])
    assert sum(isinstance(patch, Circle) for patch in patches) == 2


def test_eight_wedges_cover_a_cell_once() -> None:
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    areas = []
    for corners, _, _ in plot_grid._wedges(moves, (0, 0)):
        assert corners is not None
        x, y = np.array(corners).T
        areas.append(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)
    assert sum(areas) == pytest.approx(1.0, abs=1e-12)


def test_constant_values_have_a_colour() -> None:
    assert plot_grid.values([lake_map(np.zeros((3, 4)))], "hfrl plot").axes
    same = lake_map(np.ones((3, 4)))
    assert plot_grid.difference(same, same, "hfrl plot").axes
