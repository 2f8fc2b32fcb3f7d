"""Config files with sections, grids of settings, and what ``--print-config`` prints."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfrl import config
from hfrl.config import Arm
from hfrl.run import main, read
from hfrl.types import UserError

FILE = """
agent = ["q_learning", "sarsa"]
seeds = "0-1"
set = ["gamma=0.9"]
[default]
total-timesteps = 3000
eval_freq = 500
["hfrl/Pizza-v0"]
blend = ["none", "reward_shaping"]
teacher = "oracle"
set = ["learning_rate=0.2", "gamma=0.95"]
["FrozenLake-v1"]
total_timesteps = 2000
"""


def arms_of(text: str, tmp_path: Path, *typed: str) -> list[Arm]:
    path = tmp_path / "file.toml"
    path.write_text(text)
    _, flags = read(["--config", str(path), *typed])
    return config.arms(flags)


def test_a_section_for_each_world_and_one_for_all(tmp_path: Path) -> None:
    cells = arms_of(FILE, tmp_path)
    pizza, lake = ([arm for arm in cells if arm.env == env] for env in ("hfrl/Pizza-v0", "FrozenLake-v1"))
    assert len(pizza) == 4  # two agents, two blends
    assert len(lake) == 2
    assert {(arm.total_timesteps, arm.eval_freq, arm.seeds) for arm in pizza} == {(3000, 500, (0, 1))}
    assert {(arm.total_timesteps, arm.eval_freq, arm.seeds) for arm in lake} == {(2000, 500, (0, 1))}
    # What a section sets comes behind what the file sets for all: the last one wins.
    assert pizza[0].set == {"gamma": 0.95, "learning_rate": 0.2}
    assert lake[0].set == {"gamma": 0.9}


def test_the_world_is_chosen_by_a_flag_and_flags_win_over_sections(tmp_path: Path) -> None:
    (one, other) = arms_of(FILE, tmp_path, "--env", "FrozenLake-v1", "-n", "100")
    assert (one.env, one.total_timesteps, other.agent) == ("FrozenLake-v1", 100, "sarsa")
    (taxi, _) = arms_of(FILE, tmp_path, "--env", "Taxi-v4")
    assert (taxi.env, taxi.total_timesteps, taxi.set) == ("Taxi-v4", 3000, {"gamma": 0.9})
    assert {arm.eval_freq for arm in arms_of(FILE, tmp_path, "--eval-freq", "7")} == {7}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[defalt]\nseeds = '0'", "unknown section 'defalt'; did you mean 'default'"),
        ("[agent]\nseeds = '0'", "a table 'agent' where a setting"),
        ("[default]\nsedes = '0'", "[default]' has an unknown key 'sedes'; did you mean 'seeds'"),
        ("['Taxi-v4']\nsedes = '0'", "[Taxi-v4]' has an unknown key 'sedes'; did you mean 'seeds'"),
        ("['Taxi-v4']\nout = 'there'", "says out in the section of Taxi-v4; it counts for the whole file"),
        ("['Taxi-v4']\nenv = 'FrozenLake-v1'", "says env in the section of Taxi-v4"),
        ("['Taxi-v4']\nagent = 'evil.py:Evil'", "names code to be run"),
        ("['evil.py:World']\nseeds = '0'", "names code to be run"),
        ("seeds = '0'\n[default]\nseeds = '1'", "says seeds twice"),
        ("[default]\nseeds = '0'\nseeds = '1'", "config"),
        ("print_config = true", "unknown key 'print_config'"),
        ("sections = []", "unknown key 'sections'"),
        ("[default.deep]\nseeds = '0'", "unknown key 'deep'"),
    ],
)
def test_a_mistake_in_a_section_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        arms_of(text, tmp_path)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_grid_of_settings(tmp_path: Path) -> None:
    cells = config.arms(
        read(["--env", "FrozenLake-v1", "--set", "gamma=0.9", "--grid", "learning_rate=0.1,0.5", "epsilon=0.1,0.2"])[1]
    )
    assert [arm.set for arm in cells] == [
        {"gamma": 0.9, "learning_rate": alpha, "epsilon": epsilon} for alpha in (0.1, 0.5) for epsilon in (0.1, 0.2)
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learning_rate", "takes key=value,value"),
        ("learning_rate=", "takes key=value,value"),
        ("=1,2", "takes key=value,value"),
        ("gamma=0.9,0.9", "a value of gamma twice"),
        ("gamma=0.9,", "takes key=value,value"),
        ("gama=0.9,0.8", "gama"),
    ],
)
def test_a_mistake_in_a_grid_is_one_line(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--env", "FrozenLake-v1", "--grid", text]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_setting_twice_in_a_grid_or_too_many_points() -> None:
    with pytest.raises(UserError, match="gamma twice"):
        config.grid_points(["gamma=0.9", "gamma=0.8"])
    with pytest.raises(UserError, match="more than"):
        config.grid_points([f"k{n}={','.join(map(str, range(50)))}" for n in range(4)])


@given(st.dictionaries(st.sampled_from("abcd"), st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True)))
def test_a_grid_has_every_combination_once(axes: dict[str, list[int]]) -> None:
    points = config.grid_points([f"{key}={','.join(map(str, values))}" for key, values in axes.items()])
    size = 1
    for values in axes.values():
        size *= len(values)
    assert len(points) == size == len({tuple(point.items()) for point in points})
    assert all(point[key] in values for point in points for key, values in axes.items())


@pytest.mark.parametrize(
    "typed",
    [
        ("--env", "FrozenLake-v1"),
        ("--env", "FrozenLake-v1", "Taxi-v4", "--agent", "q_learning", "sarsa", "--grid", "gamma=0.9,0.8"),
        ("--blend", "none", "reward_shaping:beta=0.3", "--teacher", "oracle:delay=gamma", "--seeds", "3", "9-11"),
        ("--preset", "cartpole"),
        ("--agent", "dqn", "--env", "CartPole-v1", "--set", "net_arch=[8, 8]", "exploration_fraction=0.5"),
    ],
)
def test_what_is_printed_is_a_config_that_makes_the_same_runs(
    typed: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*typed, "--print-config", "--out", str(tmp_path / "runs")]) == 0
    printed = capsys.readouterr().out
    wanted = config.arms(read(list(typed))[1])
    assert arms_of(printed, tmp_path) == wanted
    assert not (tmp_path / "runs").exists()


def test_a_printed_file_with_sections_makes_the_same_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = arms_of(FILE, tmp_path)
    assert main(["--config", str(tmp_path / "file.toml"), "--print-config"]) == 0
    again = arms_of(capsys.readouterr().out, tmp_path)
    key: Any = repr
    assert sorted(again, key=key) == sorted(wanted, key=key)


def test_what_is_no_grid_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-config"]) == 2  # the headline: a person beside one of two arms
    assert "no grid" in capsys.readouterr().err
