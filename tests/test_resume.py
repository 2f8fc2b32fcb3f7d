"""A run that goes on is one that never stopped: for every agent, blend, teacher, credit and world, to the last bit."""

import csv
import inspect
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import build, checkpoint, experiment, record, registry
from hfrl.config import Arm
from hfrl.envs import WORLDS
from hfrl.reading import read_arrays
from hfrl.recorder import SUMS, lines_missing
from hfrl.run import main
from hfrl.types import UserError

LAKE = "FrozenLake-v1"
TAUGHT = "oracle:consistency=0.8,likelihood=0.5"
SMALL = {
    "dqn": {"learning_starts": 50, "buffer_size": 120, "batch_size": 8, "net_arch": [8], "target_update_interval": 30},
}
#: What an agent needs beyond its defaults, and the world that suits it.
HOMES = {"linear_q": "MountainCar-v0", "linear_sarsa_lambda": "MountainCar-v0", "linear_tamer": "MountainCar-v0"}


def an_arm(**changes: Any) -> Arm:
    settings: dict[str, Any] = {
        "env": LAKE, "agent": "q_learning", "teacher": "none", "blend": "none", "credit": "auto",
        "total_timesteps": 400, "seeds": (3,), "eval_freq": 150, "eval_episodes": 2,
    }  # fmt: skip
    return Arm(**(settings | changes))


def going(steps: int) -> bool:
    return True


def run(arm: Arm, folder: Path, heartbeat: Callable[[int], bool] = going) -> Path:
    folder.mkdir(exist_ok=True)
    experiment.run_seed(arm, arm.seeds[0], folder, heartbeat, _refuse)
    return folder


def _refuse(line: str) -> None:
    pytest.fail(f"it said: {line}")


def rows(path: Path, but: str) -> list[dict[str, str]]:
    """The rows of a CSV, without the column that tells the time."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return [{key: value for key, value in row.items() if key != but} for row in csv.DictReader(lines)]


def presses(path: Path) -> list[dict[str, Any]]:
    return [{key: value for key, value in json.loads(line).items() if key != "wall"} for line in path.open()]


def state_of(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The last checkpoint, without what depends on the time of day."""
    saved = checkpoint.latest(folder, _refuse, lines_missing)
    assert saved is not None
    state = dict(saved.state)
    logs = state.pop("logs")
    state["counted"] = [value for name, value in zip(SUMS, logs["sums"], strict=True) if name != "_evaluating"]
    return state, saved.arrays


def assert_same(one: Path, other: Path) -> None:
    """Everything that a run leaves behind, but times."""
    for name in ("final.npz", "evaluations.npz"):
        a, b = read_arrays(one / name), read_arrays(other / name)
        assert sorted(a) == sorted(b)
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=f"{name} {key}")
    assert rows(one / "progress.csv", "time/time_elapsed") == rows(other / "progress.csv", "time/time_elapsed")
    assert rows(one / "monitor.csv", "t") == rows(other / "monitor.csv", "t")
    assert presses(one / "feedback.jsonl") == presses(other / "feedback.jsonl")
    (a, arrays_a), (b, arrays_b) = state_of(one), state_of(other)
    assert a == b
    assert sorted(arrays_a) == sorted(arrays_b)
    for key in arrays_a:
        np.testing.assert_array_equal(arrays_a[key], arrays_b[key], err_msg=key)


def assert_resumes(arm: Arm, tmp_path: Path, *pauses: int) -> None:
    """A run with pauses is the run without."""
    whole = run(arm, tmp_path / "whole")
    for pause in pauses:
        run(replace(arm, total_timesteps=pause), tmp_path / "paused")
    assert_same(run(arm, tmp_path / "paused"), whole)


def settings_of(agent: str) -> dict[str, Any]:
    part = registry.resolve(agent, registry.AGENTS, "agent")
    known = inspect.signature(part).parameters
    return {key: value for key, value in SMALL["dqn"].items() if key in known}


@pytest.mark.parametrize("agent", registry.AGENTS)
def test_every_agent_goes_on_as_if_it_had_not_stopped(agent: str, tmp_path: Path) -> None:
    arm = an_arm(agent=agent, set=settings_of(agent), env=HOMES.get(agent, LAKE), teacher=TAUGHT, blend="none")
    if arm.env != LAKE:
        arm = replace(arm, teacher="random:likelihood=0.5")
    try:
        build.check(arm)
    except UserError:
        arm = replace(arm, env="hfrl/KArmedBandit-v0", teacher="none")
    assert_resumes(arm, tmp_path, 133, 277)


@pytest.mark.parametrize("blend", registry.BLENDS)
@pytest.mark.parametrize("agent", ["q_learning", "sarsa", "dqn"])
def test_every_blend_goes_on(agent: str, blend: str, tmp_path: Path) -> None:
    arm = an_arm(agent=agent, set=settings_of(agent), teacher=TAUGHT, blend=blend)
    try:
        build.check(arm)
    except UserError as refusal:
        pytest.skip(str(refusal))
    assert_resumes(arm, tmp_path, 201)


DIALS = (
    "budget=40", "delay=0.7", "delay=uniform", "delay=gamma,budget=60", "drift=0.5,fatigue=0.5", "withhold_praise=0.3",
    "withhold_blame=0.3,blame=0.5", "inverted=True", "kind=advantage,refresh=37", "kind=continuous", "kind=reward",
    "kind=takeover,hold=3,slip=0.3,likelihood=0.4", "kind=takeover,first=40,mix=0.5,likelihood=0.4",
)  # fmt: skip


@pytest.mark.parametrize(
    "teacher", [*registry.TEACHERS, *(f"oracle:likelihood=0.6,{dial}" for dial in DIALS), f"{TAUGHT}+sabl"]
)
def test_every_teacher_goes_on(teacher: str, tmp_path: Path) -> None:
    where = {"env": "CartPole-v1", "agent": "linear_q"} if teacher in ("heuristic", "expert") else {}
    if teacher == "recorded":
        assert main(["--env", LAKE, "--teacher", TAUGHT, "-n", "300", "--seeds", "0", "--out", str(tmp_path)]) == 0
        teacher = f"recorded:run={tmp_path}"
    assert_resumes(an_arm(teacher=teacher, blend="reward_shaping", **where), tmp_path, 87, 201)


@pytest.mark.parametrize("credit", ["immediate", "uniform", "gamma"])
@pytest.mark.parametrize("agent", ["q_learning", "sarsa"])
def test_every_credit_keeps_what_waits(agent: str, credit: str, tmp_path: Path) -> None:
    teacher = "oracle:likelihood=0.8,delay=gamma"
    assert_resumes(an_arm(agent=agent, teacher=teacher, blend="reward_shaping", credit=credit), tmp_path, 87, 88, 201)


OURS = [f"hfrl/{name}-v0" for name, _, _ in WORLDS]
TOYS = ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "Blackjack-v1", "CartPole-v1", "MountainCar-v0", "Acrobot-v1"]


@pytest.mark.parametrize("env", [*OURS, *TOYS])
def test_every_world_stands_where_it_stood(env: str, tmp_path: Path) -> None:
    boxes = {"CartPole-v1": "linear_q", "MountainCar-v0": "linear_q", "Acrobot-v1": "dqn"}
    agent = boxes.get(env, "sarsa")
    arm = an_arm(env=env, agent=agent, set=settings_of(agent), eval_freq=0, eval_episodes=1)
    assert_resumes(arm, tmp_path, 133)


@pytest.mark.parametrize("save_freq", [37, 100])
def test_checkpoints_on_the_way_change_nothing(save_freq: int, tmp_path: Path) -> None:
    arm = an_arm(teacher="oracle:delay=gamma", blend="reward_shaping", agent="sarsa")
    whole = run(arm, tmp_path / "whole")
    assert_same(run(replace(arm, save_freq=save_freq), tmp_path / "saved"), whole)
    assert len(list((tmp_path / "saved" / "checkpoints").glob("*.npz"))) == 2


# --- the compiled engine ---------------------------------------------------------------------------------------------


SLOW = pytest.mark.slow


EVERYTHING = "policy_shaping:consistency=em+pies:episodes=60+control_sharing:eligibility=0.9"
DRIVEN = "oracle:kind=takeover,mix=0.95,slip=0.1,likelihood=0.5,fatigue=0.2"


@pytest.mark.parametrize(
    ("env", "agent", "teacher", "blend"),
    [
        (LAKE, "q_learning", TAUGHT, EVERYTHING),
        pytest.param(LAKE, "dagger", DRIVEN, "none", marks=SLOW),
        pytest.param(LAKE, "sarsa_lambda", TAUGHT, EVERYTHING, marks=SLOW),
        pytest.param("hfrl/KArmedBandit-v0", "bandit_thompson", "none", "none", marks=SLOW),
    ],
)
def test_the_compiled_engine_goes_on_too(env: str, agent: str, teacher: str, blend: str, tmp_path: Path) -> None:
    arm = an_arm(env=env, agent=agent, teacher=teacher, blend=blend, engine="compiled", total_timesteps=2_000)
    assert_resumes(arm, tmp_path, 133, 777)
    run(replace(arm, engine="python"), tmp_path / "python")
    a, b = read_arrays(tmp_path / "paused" / "final.npz"), read_arrays(tmp_path / "python" / "final.npz")
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_a_checkpoint_of_the_other_engine_is_refused(tmp_path: Path) -> None:
    run(an_arm(total_timesteps=100), tmp_path / "run")
    with pytest.raises(UserError, match="--engine python, not compiled"):
        run(an_arm(engine="compiled"), tmp_path / "run")


# --- killed at any instant -------------------------------------------------------------------------------------------


def until_killed(arm: Arm, folder: Path, seconds: float) -> bool:
    """Run in a process of its own that is killed after so many seconds. Returns whether it was done before."""
    child = os.fork()
    if child == 0:
        try:
            experiment.run_seed(arm, arm.seeds[0], folder, going, lambda line: None)
            os._exit(0)
        finally:
            os._exit(1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def assert_survives(arm: Arm, tmp_path: Path, instants: int) -> None:
    started = time.perf_counter()
    whole = run(arm, tmp_path / "whole")
    length = time.perf_counter() - started
    luck = np.random.default_rng(0)
    folder, killed = tmp_path / "killed", 0
    folder.mkdir()
    while killed < instants:
        if until_killed(arm, folder, float(luck.uniform(0, length))):
            assert_same(folder, whole)
            shutil.rmtree(folder)
            folder.mkdir()
        else:
            killed += 1
    assert_same(run(arm, folder), whole)
    assert not [path for path in folder.rglob(".*") if ".per_" not in path.name], "what was being written is cleared"


TAUGHT_LATE = {"teacher": "oracle:likelihood=0.6,delay=gamma,budget=900", "blend": "reward_shaping"}
SURVIVORS = [
    an_arm(agent="sarsa", total_timesteps=3_000, save_freq=250, eval_freq=700, **TAUGHT_LATE),
    an_arm(agent="dqn", total_timesteps=1_500, save_freq=200, set=SMALL["dqn"], env="CartPole-v1"),
]


@pytest.mark.parametrize("arm", SURVIVORS, ids=lambda arm: arm.agent)
def test_killed_at_some_instants_it_ends_as_if_it_never_was(arm: Arm, tmp_path: Path) -> None:
    assert_survives(arm, tmp_path, 5)


@pytest.mark.slow
@pytest.mark.parametrize("arm", SURVIVORS, ids=lambda arm: arm.agent)
def test_killed_at_fifty_instants_it_ends_as_if_it_never_was(arm: Arm, tmp_path: Path) -> None:
    assert_survives(arm, tmp_path, 50)


def test_rows_that_were_merged_after_the_checkpoint_are_parted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MONITOR_ROWS", 16)
    arm = an_arm(total_timesteps=1_000, save_freq=90)
    whole = run(arm, tmp_path / "whole")
    for kill in range(100, 1_000, 100):  # in the middle, after a log was written to and before the next checkpoint
        monkeypatch.setattr(experiment, "HEARTBEAT", 10)
        with pytest.raises(KeyboardInterrupt):
            run(arm, tmp_path / "killed", lambda steps, kill=kill: steps < kill or _interrupt())
    assert_same(run(arm, tmp_path / "killed"), whole)


def _interrupt() -> bool:
    raise KeyboardInterrupt


def test_a_run_that_is_interrupted_leaves_nobody_writing_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(path: Path, arrays: dict[str, Any]) -> None:
        time.sleep(0.3)
        record.write_arrays(path, arrays)

    monkeypatch.setattr(checkpoint, "write_arrays", slowly)
    monkeypatch.setattr(experiment, "HEARTBEAT", 10)
    with pytest.raises(KeyboardInterrupt):
        run(an_arm(save_freq=100), tmp_path / "run", lambda steps: steps < 110 or _interrupt())
    assert not [thread for thread in threading.enumerate() if thread.name == "checkpoint"]
    assert (tmp_path / "run" / "checkpoints" / "step_100.npz").exists()


def test_a_damaged_checkpoint_is_passed_over_and_that_is_said(tmp_path: Path) -> None:
    arm = an_arm(save_freq=100)
    whole = run(arm, tmp_path / "whole")
    run(replace(arm, total_timesteps=350), tmp_path / "run")
    newest = tmp_path / "run" / "checkpoints" / "step_350.npz"
    newest.write_bytes(newest.read_bytes()[:-100])
    said: list[str] = []
    experiment.run_seed(arm, 3, tmp_path / "run", going, said.append)
    assert len(said) == 1
    assert "step_350.npz cannot be read" in said[0]
    newest.unlink(missing_ok=True)
    assert_same(tmp_path / "run", whole)


def test_logs_that_lost_lines_are_written_again(tmp_path: Path) -> None:
    arm = an_arm(teacher=TAUGHT)
    whole = run(arm, tmp_path / "whole")
    run(replace(arm, total_timesteps=350), tmp_path / "run")
    (tmp_path / "run" / "feedback.jsonl").write_text("half a line")
    said: list[str] = []
    experiment.run_seed(arm, 3, tmp_path / "run", going, said.append)
    assert "feedback.jsonl has 11 bytes, and had" in said[0]
    assert_same(tmp_path / "run", whole)


# --- worlds that cannot be stood in the middle of an episode ---------------------------------------------------------


class Moody(gymnasium.Env[int, int]):
    """Luck of its own making: what it shows depends on how many worlds there were."""

    made = 0
    observation_space = gymnasium.spaces.Discrete(5)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self) -> None:
        Moody.made += 1
        self._own = np.random.default_rng(Moody.made)
        self._left = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        self._left = 23
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self._left -= 1
        return int(self._own.integers(5)), 1.0, self._left == 0, False, {}


def test_a_world_of_its_own_luck_is_saved_between_two_episodes_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(gymnasium.registry, "Moody-v0", gymnasium.envs.registration.EnvSpec("Moody-v0", Moody))
    arm = an_arm(env="Moody-v0", total_timesteps=100, save_freq=30, keep_checkpoints=9)
    said: list[str] = []
    experiment.run_seed(arm, 3, tmp_path, going, said.append)
    assert said == ["Moody-v0 cannot be stood in the middle of an episode: its checkpoints are made between episodes"]
    assert sorted(path.stem for path in (tmp_path / "checkpoints").iterdir()) == ["step_46", "step_69", "step_92"]
    experiment.run_seed(replace(arm, total_timesteps=115), 3, tmp_path, going, said.append)
    lengths = [row["l"] for row in rows(tmp_path / "monitor.csv", "t")]
    assert lengths == ["23"] * 5, "the episode that was under way is played again from its beginning"
