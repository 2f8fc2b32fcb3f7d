"""``reproduce``: what is judged, what is written, and the figures that take a moment."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hfrl import reproduce
from hfrl.reproduce import TARGETS, Line, Metric, Panel, Result, measured
from hfrl.run import main


@pytest.mark.parametrize(
    ("value", "reference", "tolerance", "passed"),
    [(1.0, 1.2, 0.2, True), (1.0, 1.3, 0.2, False), (1.0, None, 0.0, True), (float("nan"), 1.0, 9.0, False)],
)
def test_a_number_passes_near_its_reference(
    value: float, reference: float | None, tolerance: float, passed: bool
) -> None:
    metric = Metric("x", value, None, reference, tolerance + 1e-12)
    assert metric.passed is passed
    assert reproduce.passed(Result([metric], [])) is passed


def test_an_interval_by_hand() -> None:
    metric = measured("x", [1.0, 2.0, 3.0], 2.0, 0.1)
    assert metric.value == 2.0
    assert metric.half_width == pytest.approx(1.96 / 3**0.5)
    assert measured("x", [4.0]).half_width == 0.0


def test_the_report_shows_ours_beside_the_reference() -> None:
    result = Result([Metric("a", 1.0, 0.1, 1.1, 0.2, "book"), Metric("b", 2.0, None, 5.0, 1.0, "book")], [])
    text = reproduce.report("taxi", result)
    assert "a  ours         1 +- 0.1" in text
    assert "book 1.1 (within 0.2): pass" in text
    assert "book 5 (within 1): FAIL" in text
    assert text.endswith("  FAIL")


def test_a_result_is_written_flat_with_its_figure(tmp_path: Path) -> None:
    panels = [
        Panel("curves", "x", "y", [Line("one", (1, 2), (3.0, 4.0))], log_x=True),
        Panel("t", "", "", cells=[[1.0]]),
    ]
    folder = reproduce.write("taxi", Result([Metric("a", 1.5)], panels), tmp_path)
    assert json.loads((folder / "result.json").read_text()) == {"a": 1.5}
    assert (folder / "figure.png").stat().st_size > 5_000


def test_a_figure_is_drawn_again_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same bytes, gaps, tables and limits included."""
    panels = [
        Panel("curves", "x", "y", [Line("one", np.arange(3), np.array([3.0, np.nan, 4.0]))], log_x=True),
        Panel("t", "rows", "columns", [Line("a", (1,), (2,))], y_limits=(0.0, 3.5)),
        Panel("t", "", "", cells=np.array([[1.0, 2.0], [3.0, 4.0]]).tolist()),
    ]
    folder = reproduce.write("taxi", Result([], panels), tmp_path)
    first = (folder / "figure.png").read_bytes()
    with Image.open(folder / "figure.png") as picture:
        assert picture.info["Description"]
    (folder / "figure.png").unlink()
    assert main(["reproduce", "taxi", "--redraw", "--out", str(tmp_path)]) == 0
    assert (folder / "figure.png").read_bytes() == first
    capsys.readouterr()
    for content in ('[{"title": 3}]', "[3]", '{"a": []}', "null"):
        (folder / "figure.json").write_text(content)
        assert main(["reproduce", "taxi", "--redraw", "--out", str(tmp_path)]) == 2
        assert "figure.json is damaged" in capsys.readouterr().err
    assert main(["reproduce", "windy", "--redraw", "--out", str(tmp_path)]) == 2
    assert "reproduce windy makes it" in capsys.readouterr().err


#: Targets without chance or with little work, at the full number of runs or less.
QUICK = {
    "sutton-3.2": None, "sutton-4.1": None, "taxi": 4, "frozenlake": 10, "sutton-6.4": 300, "windy": 30,
    "windy-king": 30, "sutton-6.2": 100, "sutton-8.2": 100, "sutton-8.5": 30, "sutton-2.2": 1000,
    "em-trainers": 20,
}  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_quick_figures_pass(name: str) -> None:
    result = reproduce.run(name, QUICK[name])
    assert reproduce.passed(result), reproduce.report(name, result)
    assert result.panels


#: Targets that take minutes in full.
LONG = {"sutton-6.3", "sutton-12.10", "knox-mountain-car", "tamer-rl"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(TARGETS) - set(QUICK) - LONG))
def test_the_other_figures_pass(name: str) -> None:
    result = reproduce.run(name)
    assert reproduce.passed(result), reproduce.report(name, result)


@pytest.mark.slow
def test_the_long_figures_pass_with_fewer_runs() -> None:
    for name, runs in (("sutton-6.3", 200), ("sutton-12.10", 6)):
        result = reproduce.run(name, runs)
        assert reproduce.passed(result), reproduce.report(name, result)


def test_dyna_q_plus_finds_the_shortcut_that_dyna_q_misses() -> None:
    numbers = {metric.name: metric.value for metric in reproduce.run("sutton-8.5", 30).metrics}
    assert numbers["dyna_q_plus_slope"] > numbers["dyna_q_slope"] + 10


def numbers_of(name: str, runs: int) -> dict[str, float]:
    return {metric.name: metric.value for metric in reproduce.run(name, runs).metrics}


def test_em_beats_the_majority_clearly() -> None:
    numbers = numbers_of("em-trainers", 6)
    assert numbers["em_accuracy_200"] > numbers["majority_200"] + 0.1
    assert numbers["majority_exact"] == pytest.approx(0.78568, abs=1e-9)


@pytest.mark.slow
def test_advice_is_worth_what_it_is_said_to_be_and_over_claiming_an_adversary_is_fatal() -> None:
    numbers = numbers_of("griffith-pacman", 6)
    order = ["adversary_claimed_08", "baseline_1_300", "adversary_known", "advise_01_1", "advise_1_1"]
    assert sorted(order, key=numbers.__getitem__) == order
    assert numbers["adversary_claimed_08_last_100"] < 0 < numbers["baseline_last_100"]
    assert numbers["adversary_known_last_100"] > numbers["baseline_last_100"]


@pytest.mark.slow
def test_pies_uses_good_advice_and_gets_over_bad_and_dpba_does_not() -> None:
    numbers = numbers_of("behboudian-grid", 6)
    assert numbers["pies_good_total"] < 0.4 * numbers["sarsa_total"]
    assert numbers["pies_bad_final"] == pytest.approx(numbers["sarsa_final"], rel=0.1)
    assert numbers["dpba_corrected_good_total"] > 10 * numbers["sarsa_total"]
    assert numbers["naive_good_total"] > 10 * numbers["sarsa_total"]


@pytest.mark.slow
def test_biasing_the_actions_helps_at_once_and_a_reward_that_fades_leaves_a_trace() -> None:
    numbers = numbers_of("knox-mountain-car", 2)
    assert numbers["action_biasing_b10_1_10"] < 0.5 * numbers["sarsa_1_10"]
    assert numbers["action_biasing_b10_1_50"] < 0.8 * numbers["sarsa_1_50"]
    assert numbers["reward_shaping_b100_101_200"] > 1.3 * numbers["sarsa_101_200"]


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_command_line_writes_and_says_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "sutton-4.1", "--out", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr().out
    assert "all pass" in said
    assert json.loads(said.splitlines()[-1])["sutton-4.1"]["row1_column2"] == pytest.approx(-14)
    assert (tmp_path / "sutton-4.1" / "result.json").is_file()


def test_the_list_names_every_target(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in TARGETS)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["sutton-6,4"], "did you mean 'sutton-6.4'"),
        ([], "reproduce needs the names of targets"),
        (["taxi", "--runs", "0"], "--runs must be at least 1, got 0"),
        (["taxi", "--runs", "many"], "--runs takes a whole number"),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", *arguments]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_nine_ways_side_by_side() -> None:
    """Acting on H and being paid by it help at the right beta, 4 and 9 are one, and a feature or an action of H's is
    worth something in Mountain Car from the first episodes on."""
    numbers = numbers_of("tamer-rl", 30)
    plain = numbers["cliff_sarsa"]
    for name in ("1_reward_shaping_3", "6_action_biasing_3", "look_back_advice_3", "4_q_augmentation_10"):
        assert numbers[f"cliff_{name}"] > plain + 25
    for beta in ("0.1", "1", "10"):
        assert numbers[f"cliff_4_q_augmentation_{beta}"] == pytest.approx(
            numbers[f"cliff_9_look_ahead_advice_{beta}"], abs=1e-9
        )
    assert numbers["car_5_extra_action_1_10"] < numbers["car_2_model_feature_1_10"] < numbers["car_sarsa_1_10"]
