"""What the pizza worlds promise: the formula's best cook is mediocre to the customer; a person's word repairs it."""

import json
from pathlib import Path
from typing import Any

import pytest

from hfrl.run import main

TEACHER = "oracle:consistency=0.9,likelihood=0.3"
BLEND = "reward_shaping:beta=0.5"
STEPS = {"hfrl/Pizza-v0": 100_000, "hfrl/PizzaKitchen-v0": 200_000}
ARMS = {"plain": ("--teacher", "none", "--blend", "none"), "taught": ("--teacher", TEACHER, "--blend", BLEND)}

pytestmark = pytest.mark.slow


def summary_of(world: str, arm: str, out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Ten seeds of one arm in one world, as ``--json`` tells it."""
    line = ["train", "--env", world, "--agent", "q_learning", *ARMS[arm], "-n", str(STEPS[world]), "--seeds", "0-9"]
    line += ["--alpha", "0.5", "--epsilon", "0.1", "--eval-freq", str(STEPS[world] // 4), "--out", str(out)]
    assert main([*line, "--no-progress", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out.splitlines()[-1])["arms"]
    assert told["seeds"] == list(range(10))
    assert told["total_timesteps"] == STEPS[world]
    return dict(told)


@pytest.mark.parametrize("world", STEPS)
def test_the_automated_reward_alone_makes_a_near_perfect_and_mediocre_cook(
    world: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = summary_of(world, "plain", tmp_path, capsys)
    assert told["feedback_mean"] == 0
    assert told["return_mean"] >= 0.95 * told["optimal_return"]
    assert told["taste_mean"] <= 0.60 * told["optimal_taste"]
    assert told["taste_ci"][1] <= 0.60 * told["optimal_taste"]  # with its interval
    assert told["steps_to_threshold"] is None


@pytest.mark.parametrize("world", STEPS)
def test_a_simulated_person_repairs_the_taste_at_almost_no_cost(
    world: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = summary_of(world, "taught", tmp_path, capsys)
    assert told["feedback_mean"] == pytest.approx(0.3 * STEPS[world], rel=0.02)
    assert told["taste_mean"] >= 0.85 * told["optimal_taste"]
    assert told["return_mean"] >= 0.90 * told["optimal_return"]
    low, high = told["taste_ci"]
    assert low <= told["taste_mean"] <= high
    assert low >= 0.60 * told["optimal_taste"]  # far from where the automated reward alone ends
    assert told["steps_to_threshold"] is not None


def test_a_few_hundred_presses_repair_a_cook_who_was_warmed_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the counter, with action biasing: H leaves Q alone, so the agent is judged with H in its policy."""
    line = ["train", "--env", "hfrl/Pizza-v0", "--teacher", f"{TEACHER},budget=300", "--warmup", "50000"]
    line += ["--blend", "action_biasing:beta=0.5", "-n", "100000", "--seeds", "0-9", "--eval-freq", "0", "--json"]
    assert main([*line, "--alpha", "0.5", "--epsilon", "0.1", "--out", str(tmp_path), "--no-progress"]) == 0
    (told,) = json.loads(capsys.readouterr().out.splitlines()[-1])["arms"]
    assert told["feedback_mean"] == 300
    assert told["taste_mean"] <= 0.60 * told["optimal_taste"]  # alone it is as it was
    assert told["return_mean"] >= 0.95 * told["optimal_return"]
    assert told["taste_with_h_mean"] >= 0.85 * told["optimal_taste"]
    assert told["return_with_h_mean"] >= 0.90 * told["optimal_return"]
