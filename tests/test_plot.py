"""The figure says what the data says, carries its command, and comes out the same twice."""

import io
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from hfrl.plot import BEST, COLOURS, STYLES, Curve, figure, learning_curves, steps_label
from hfrl.stats import bootstrap_band

COMMAND = "hfrl compare --agent q_learning --seeds 10"


def curve(
    label: str = "q_learning",
    title: str = "hfrl/Pizza-v0",
    seeds: int = 10,
    evaluations: int = 20,
    taste: bool = True,
    pressed: bool = True,
) -> Curve:
    rng = np.random.default_rng(len(label))
    shape = (seeds, evaluations)
    return Curve(
        label=label,
        timesteps=np.linspace(1000, 20_000, evaluations).astype(np.int64),
        returns=rng.normal(9.4, 0.3, shape),
        tastes=rng.uniform(0.2, 0.4, shape) if taste else None,
        presses=np.cumsum(rng.integers(0, 5, shape), axis=1) if pressed else np.zeros(shape, dtype=np.int64),
        optimal_return=9.5,
        optimal_taste=1.0 if taste else None,
        title=title,
    )


def two_worlds() -> list[Curve]:
    labels = ("q_learning", "q_learning + reward_shaping (oracle)")
    return [curve(label, title) for title in ("hfrl/Pizza-v0", "hfrl/PizzaKitchen-v0") for label in labels]


def ylabels(fig: Figure) -> list[str]:
    return [axes.get_ylabel().replace("\n", " ") for axes in fig.axes]


def data_of(axes: Axes, label: str) -> list[np.ndarray]:
    return [np.asarray(line.get_ydata()) for line in axes.get_lines() if line.get_label() == label]


def legend_texts(fig: Figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in fig.legends[0].get_texts()]


@pytest.mark.parametrize("seeds", [1, 10])
@pytest.mark.parametrize("taste", [True, False])
@pytest.mark.parametrize("pressed", [True, False])
def test_one_curve_has_a_panel_for_each_measure_it_has(seeds: int, taste: bool, pressed: bool) -> None:
    fig = figure([curve(seeds=seeds, taste=taste, pressed=pressed)], COMMAND)
    expected = ["automated return per episode", *["taste (0 to 1)"] * taste, *["presses"] * pressed]
    assert ylabels(fig) == expected
    assert all(axes.get_xlabel() == "environment steps" for axes in fig.axes)


def test_four_curves_make_a_row_per_world() -> None:
    fig = figure(two_worlds(), COMMAND)
    assert len(fig.axes) == 6
    assert [axes.get_title(loc="left") for axes in fig.axes] == [
        *("hfrl/Pizza-v0", "", ""),
        *("hfrl/PizzaKitchen-v0", "", ""),
    ]
    assert [axes.get_xlabel() for axes in fig.axes] == ["", "", "", *["environment steps"] * 3]
    assert legend_texts(fig) == ["q_learning (10 seeds)", "q_learning + reward_shaping (oracle) (10 seeds)", BEST]


def test_a_world_without_taste_leaves_its_panel_out() -> None:
    fig = figure([curve(), curve(title="Taxi-v3", taste=False, pressed=False)], COMMAND)
    assert ylabels(fig) == [
        *("automated return per episode", "taste (0 to 1)", "presses"),
        *("automated return per episode", "presses"),
    ]
    assert [bool(axes.get_xlabel()) for axes in fig.axes] == [False, True, False, True, True]
    low, high = fig.axes[-1].get_ylim()
    assert low < 0 < 1 <= high  # nobody pressed in Taxi-v3: a flat line at 0 on an axis that still counts presses


def test_the_thick_line_is_the_mean_and_the_thin_ones_are_the_seeds() -> None:
    arm = curve()
    fig = figure([arm], COMMAND)
    for axes, values in zip(fig.axes, (arm.returns, arm.tastes, arm.presses), strict=True):
        assert values is not None
        (mean,) = data_of(axes, "q_learning")
        np.testing.assert_allclose(mean, values.mean(axis=0))
        np.testing.assert_array_equal(data_of(axes, "_seed"), values)
    widths = {str(line.get_label()): line.get_linewidth() for line in fig.axes[0].get_lines()}
    assert widths["_seed"] < widths["q_learning"] / 2


@pytest.mark.parametrize(("seeds", "bands"), [(1, 0), (2, 0), (3, 1), (10, 1)])
@pytest.mark.parametrize("evaluations", [1, 20])
def test_a_band_is_drawn_from_three_seeds_on(seeds: int, bands: int, evaluations: int) -> None:
    fig = figure([curve(seeds=seeds, evaluations=evaluations)], COMMAND)
    assert [len(axes.collections) for axes in fig.axes] == [bands] * 3
    small_print = fig.texts[0].get_text()
    assert ("band: 95 % bootstrap interval" in small_print) == bool(bands)
    assert ("thin: each seed" in small_print) == (seeds > 1)


def test_the_band_is_the_bootstrap_band() -> None:
    arm = curve()
    band = bootstrap_band(arm.returns)
    assert band is not None
    (drawn,) = figure([arm], COMMAND).axes[0].collections
    outline = np.asarray(drawn.get_paths()[0].vertices)[:, 1]
    np.testing.assert_allclose([outline.min(), outline.max()], [band[0].min(), band[1].max()])


def test_a_single_seed_is_drawn_once() -> None:
    axes = figure([curve(seeds=1)], COMMAND).axes[0]
    assert not data_of(axes, "_seed")
    assert len(data_of(axes, "q_learning")) == 1


def test_a_single_evaluation_is_a_point_that_can_be_seen() -> None:
    axes = figure([curve(evaluations=1)], COMMAND).axes[0]
    assert {line.get_marker() for line in axes.get_lines() if line.get_label() == "q_learning"} == {"o"}


def test_the_best_possible_is_a_dashed_line_named_in_the_legend() -> None:
    fig = figure([curve(), curve("tamer")], COMMAND)
    returns, taste, presses = fig.axes
    np.testing.assert_array_equal(data_of(returns, BEST), [[9.5, 9.5]])  # once, although both arms name it
    np.testing.assert_array_equal(data_of(taste, BEST), [[1.0, 1.0]])
    assert not data_of(presses, BEST)
    assert legend_texts(fig)[-1] == BEST


def test_without_a_known_optimum_the_legend_does_not_name_one() -> None:
    fig = figure([curve()._replace(optimal_return=None, optimal_taste=None)], COMMAND)
    assert legend_texts(fig) == ["q_learning (10 seeds)"]


def test_an_arm_keeps_its_look_and_arms_differ_without_colour() -> None:
    fig = figure(two_worlds()[::-1], COMMAND)
    looks = [
        {str(line.get_label()): (line.get_color(), line.get_linestyle()) for line in axes.get_lines()}
        for axes in fig.axes
    ]
    for label in ("q_learning", "q_learning + reward_shaping (oracle)"):
        assert len({look[label] for look in looks}) == 1
    assert looks[0]["q_learning"][1] != looks[0]["q_learning + reward_shaping (oracle)"][1]
    assert np.gcd(len(COLOURS), len(STYLES)) == 1


#: Machado, Oliveira and Fernandes (2009), table 1, severity 1: linear RGB as somebody sees it.
SEEN_BY = {
    "everybody": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour: str, eyes: Any) -> Any:
    """A colour in CIE L*a*b* (white D65), as these eyes see it."""
    rgb = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(eyes) @ linear, 0, 1)
    white = np.array([0.9505, 1, 1.089])
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen / white
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours: Sequence[str], eyes: Any) -> float:
    """The distance (CIE 1976) of the two that are most alike; 2.3 can just be noticed."""
    return min(float(np.linalg.norm(lab(a, eyes) - lab(b, eyes))) for a, b in itertools.combinations(colours, 2))


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_every_kind_of_eye_can_tell_the_arms_apart(eyes: str) -> None:
    assert nearest(COLOURS, SEEN_BY[eyes]) > 15


def test_colours_that_are_not_safe_would_be_noticed() -> None:
    """The first colours of matplotlib's own cycle."""
    cycle = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2"]
    assert min(nearest(cycle, eyes) for eyes in SEEN_BY.values()) < 10


def test_the_legend_says_when_worlds_differ_in_seeds() -> None:
    fig = figure([curve(seeds=1), curve(seeds=10, title="Taxi-v3"), curve("tamer", seeds=1)], COMMAND)
    assert legend_texts(fig)[:2] == ["q_learning (1 to 10 seeds)", "tamer (1 seed)"]


@pytest.mark.parametrize(
    "curves",
    [
        [curve(taste=False, pressed=False, seeds=1)],
        [curve(taste=False, pressed=False), curve("tamer", taste=False, pressed=False)],
        [curve("an arm with a name as long as a sentence, which nobody should choose " * 2, pressed=False)],
        [curve(f"arm {'x' * number}") for number in range(9)],
        two_worlds(),
    ],
    ids=["one seed", "one panel", "long name", "nine arms", "two worlds"],
)
def test_nothing_overlaps_and_nothing_runs_out_of_the_figure(curves: list[Curve]) -> None:
    fig = figure(curves, COMMAND + " --option value" * 40)
    fig.draw_without_rendering()
    panels = [axes.get_tightbbox() for axes in fig.axes]
    legend, small_print = fig.legends[0].get_window_extent(), fig.texts[0].get_window_extent()
    bottom = min(panel.y0 for panel in panels if panel is not None)
    assert small_print.y0 >= 0
    assert small_print.y1 <= legend.y0
    assert legend.y1 <= bottom
    for box in (legend, small_print, *panels):
        assert box is not None
        assert 0 <= box.x0 <= box.x1 <= fig.bbox.width
        assert box.y1 <= fig.bbox.height
    heights = [axes.get_window_extent().height for axes in fig.axes]
    assert min(heights) > 2.2 * fig.dpi  # inches: the panels still have room


def test_dollar_signs_are_not_mathematics() -> None:
    fig = figure([curve("arm $x$", title="World $y$")], "echo $HOME$")
    fig.draw_without_rendering()
    assert "$HOME$" in fig.texts[0].get_text()
    assert not fig.texts[0].get_parse_math()
    assert not fig.legends[0].get_texts()[0].get_parse_math()


@pytest.mark.parametrize(
    ("steps", "label"),
    [(0, "0"), (500, "500"), (1000, "1k"), (1500, "1.5k"), (20_000, "20k"), (2_000_000, "2M"), (-2500, "-2.5k")],
)
def test_steps_are_written_in_thousands_and_millions(steps: float, label: str) -> None:
    assert steps_label(steps) == label


def test_png_carries_the_command(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "curves.png"
    assert learning_curves(two_worlds(), path, COMMAND) == path
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.info["Description"] == COMMAND


def test_svg_and_pdf_carry_the_command(tmp_path: Path) -> None:
    svg = learning_curves([curve()], tmp_path / "curves.svg", COMMAND).read_text(encoding="utf-8")
    description = re.search(r"<dc:description>\s*(.*?)\s*</dc:description>", svg)
    assert description is not None
    assert description[1] == COMMAND
    assert "<dc:date>" not in svg
    pdf = learning_curves([curve()], tmp_path / "curves.pdf", COMMAND).read_bytes()
    assert f"/Subject ({COMMAND})".encode() in pdf
    assert b"/CreationDate" not in pdf


@pytest.mark.parametrize("command", ["", "hfrl compare --name Überraschung --note '<&>' --face ☺"])
@pytest.mark.parametrize("suffix", [".png", ".SVG", ".pdf"])
def test_any_command_can_be_kept(command: str, suffix: str, tmp_path: Path) -> None:
    path = learning_curves([curve(seeds=3)], tmp_path / f"curves{suffix}", command)
    assert path.stat().st_size > 1000
    if suffix == ".png":
        with Image.open(path) as image:
            assert image.info["Description"] == command


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_same_curves_same_bytes(suffix: str, tmp_path: Path) -> None:
    first = learning_curves(two_worlds(), tmp_path / f"first{suffix}", COMMAND).read_bytes()
    second = learning_curves(two_worlds(), tmp_path / f"second{suffix}", COMMAND).read_bytes()
    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"first{suffix}", f"second{suffix}"]


def test_a_failed_figure_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = learning_curves([curve()], tmp_path / "curves.png", COMMAND)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="no curves"):
        learning_curves([], path, COMMAND)
    assert path.read_bytes() == before
    assert [left.name for left in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("name", ["curves.jpg", "curves", "png"])
def test_another_suffix_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.png, \.svg or \.pdf"):
        learning_curves([curve()], tmp_path / name, COMMAND)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([], "no curves"),
        ([curve(), curve()], "two curves are called 'q_learning' in 'hfrl/Pizza-v0'"),
        ([curve()._replace(timesteps=np.arange(3))], "shape"),
        ([curve()._replace(timesteps=np.zeros((2, 10)))], "timesteps must have shape"),
        ([curve()._replace(tastes=np.zeros((3, 20)))], "shape"),
        ([curve(seeds=0)], "shape"),
        ([curve(seeds=1)._replace(returns=np.full((1, 20), np.nan))], "NaN"),
    ],
)
def test_curves_that_cannot_be_drawn_are_refused(curves: list[Curve], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figure(curves, COMMAND)


def test_the_settings_of_matplotlib_are_left_as_they_were() -> None:
    before = dict(matplotlib.rcParams)
    figure([curve()], COMMAND).savefig(io.BytesIO())
    assert dict(matplotlib.rcParams) == before
