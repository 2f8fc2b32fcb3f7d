"""People for worlds without a table: rules of thumb, trained experts, and whether whoever obeys them does well."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import build, experts, heuristics
from hfrl.config import Arm
from hfrl.run import main
from hfrl.types import Step, Teacher, UserError


def teacher_of(text: str, env: str) -> Teacher:
    arm = Arm(env, "random", text, "none", "immediate", 1, (0,))
    return build.make_teacher(arm, gymnasium.make(env), np.random.default_rng(1))


def obeyed(text: str, env: str, episodes: int) -> list[float]:
    """Returns of somebody who does the first thing that the teacher praises."""
    world, teacher = gymnasium.make(env), teacher_of(text, env)
    returns = []
    for episode in range(episodes):
        observation, _ = world.reset(seed=episode)
        total, ended = 0.0, False
        while not ended:
            praised = [a for a in range(int(world.action_space.n)) if word(teacher, observation, a) > 0]  # type: ignore[attr-defined]
            observation, reward, terminated, truncated, _ = world.step(praised[0])
            total += float(reward)
            ended = terminated or truncated
        returns.append(total)
    return returns


def word(teacher: Teacher, observation: Any, action: int) -> float:
    (one,) = teacher(Step(0, 0, observation, action, 0.0, observation, False, False))
    return one.value


@pytest.mark.parametrize(
    ("text", "env", "at_least"),
    [
        ("heuristic", "CartPole-v1", 500.0),
        ("expert", "CartPole-v1", 470.0),
        ("heuristic", "MountainCar-v0", -145.0),
        ("heuristic", "Acrobot-v1", -120.0),
    ],
)
def test_whoever_obeys_does_well(text: str, env: str, at_least: float) -> None:
    assert np.mean(obeyed(text, env, 5)) >= at_least


def test_the_mountain_cars_rule_by_hand() -> None:
    teacher = teacher_of("heuristic", "MountainCar-v0")
    assert [word(teacher, np.array([-0.5, -0.01]), a) for a in range(3)] == [1.0, -1.0, -1.0]
    assert [word(teacher, np.array([-0.5, 0.0]), a) for a in range(3)] == [1.0, -1.0, 1.0]


def test_every_dial_turns_around_a_rule_of_thumb() -> None:
    teacher = teacher_of("heuristic:consistency=0,blame=0.5,budget=2", "MountainCar-v0")
    rolling = np.array([-0.5, 0.01])
    assert word(teacher, rolling, 2) == -0.5
    assert word(teacher, rolling, 0) == 1.0
    assert list(teacher(Step(2, 0, rolling, 0, 0.0, rolling, False, False))) == []


def test_a_driver_in_a_world_without_a_table() -> None:
    taught: Any = teacher_of("heuristic:kind=takeover,hold=2", "MountainCar-v0")
    rolling = np.array([-0.5, 0.01])
    taught(Step(0, 0, rolling, 0, 0.0, rolling, False, False))
    assert taught.take_over(rolling, None).action == 2


def test_a_shipped_network_by_hand(tmp_path: Path) -> None:
    """Two inputs, two units, one layer of outputs: max(0, x W + b) V + c."""
    theta = np.array([1.0, 0.0, 0.0, 1.0, 0.0, -1.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.0], np.float32)
    np.savez(tmp_path / "net.npz", sizes=np.array([2, 2, 2]), theta=theta, allow_pickle=False)
    values = experts.network_values(tmp_path / "net.npz")
    # x = (2, 3): units (2, 2); outputs 2*1 + 2*3 + .5 and 2*2 + 2*4.
    assert values(np.array([2.0, 3.0])) == [8.5, 12.0]
    assert values(np.array([-5.0, 0.0])) == [0.5, 0.0]


@pytest.mark.parametrize(
    "arrays",
    [{}, {"sizes": np.array([2, 2])}, {"sizes": np.array([2, 2]), "theta": np.zeros(5)}, {"sizes": np.array([[2]])}],
)
def test_a_damaged_network_is_one_line(arrays: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "net.npz", allow_pickle=False, **arrays)
    with pytest.raises(UserError, match="holds no network"):
        experts.network_values(tmp_path / "net.npz")


def test_the_tolerance_of_an_expert() -> None:
    assert experts.near_best([1.0, 0.5, 0.0], 0.0) == [True, False, False]
    assert experts.near_best([1.0, 0.5, 0.0], 0.5) == [True, True, False]
    everything = teacher_of("expert:tolerance=1000", "CartPole-v1")
    assert {word(everything, np.zeros(4, np.float32), a) for a in range(2)} == {1.0}
    grades = teacher_of("expert:kind=continuous", "CartPole-v1")
    assert {word(grades, np.zeros(4, np.float32), a) for a in range(2)} == {1.0, -1.0}


def test_the_agent_of_a_run_as_an_expert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--env", "FrozenLake-v1", "--seeds", "0", "--jobs", "1", "--no-progress", "--eval-episodes", "2"]
    assert main([*common, "-n", "3000", "--out", str(tmp_path / "a")]) == 0
    (run,) = (tmp_path / "a").glob("*/*")
    assert (
        main([*common, "-n", "200", "--teacher", f"expert:run={run},likelihood=0.5", "--out", str(tmp_path / "b")]) == 0
    )
    with np.load(run / "seed_0" / "final.npz") as saved:
        q = saved["q"]
    teacher = teacher_of(f"expert:run={run}", "FrozenLake-v1")
    for state, action in ((0, 0), (4, 1), (14, 3)):
        assert word(teacher, state, action) == (1.0 if q[state][action] == max(q[state]) else -1.0)
    capsys.readouterr()
    assert main(["--env", "CliffWalking-v1", "--teacher", f"expert:run={run}"]) == 2
    assert "trained in another world: its observation_space is Discrete(16)" in capsys.readouterr().err


def test_an_expert_of_a_run_that_claims_to_be_its_own_teacher(tmp_path: Path) -> None:
    """Who taught an expert is not asked any more, or this would go round and round."""
    common = ["--env", "FrozenLake-v1", "--seeds", "0", "--jobs", "1", "--no-progress", "--eval-episodes", "2"]
    assert main([*common, "-n", "200", "--out", str(tmp_path)]) == 0
    (run,) = tmp_path.glob("*/*")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"teacher": [f"expert:run={run}"]}))
    assert len(teacher_of(f"expert:run={run}", "FrozenLake-v1")(Step(0, 0, 0, 1, 0.0, 0, False, False))) == 1
    assert main(["evaluate", str(run), "--episodes", "2"]) == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--env Blackjack-v1 --teacher heuristic", "knows CartPole, MountainCar, Acrobot, not BlackjackEnv"),
        ("--env Blackjack-v1 --teacher expert", "there is no expert for Blackjack-v1 (there is one for CartPole-v1)"),
        ("--env CartPole-v0 --teacher expert --agent linear_q", "did you mean 'CartPole-v1'"),
        ("--env CartPole-v1 --teacher expert:kind=advantage --agent linear_q", "the kind of an expert must be one of"),
        ("--env CartPole-v1 --teacher heuristic:kind=x --agent linear_q", "the kind of a heuristic must be one of"),
        ("--env CartPole-v1 --teacher expert:run=nowhere --agent linear_q", "nowhere"),
        ("--env CartPole-v1 --teacher expert:tolerance=-1 --agent linear_q", "tolerance must be 0 or more"),
    ],
)
def test_mistakes_are_one_line(line: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1


def test_the_rules_of_thumb_are_symmetric() -> None:
    """Mirrored worlds have mirrored rules."""
    rules: list[tuple[Any, int]] = [(heuristics.balance, 4), (heuristics.along, 2), (heuristics.pump, 6)]
    draws = np.random.default_rng(3)
    for rule, width in rules:
        for _ in range(50):
            seen = draws.normal(size=width)
            mirrored: Sequence[bool] = rule(-seen)
            assert tuple(reversed(rule(seen))) == tuple(mirrored)
