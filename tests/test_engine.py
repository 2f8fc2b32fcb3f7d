"""``--engine``: which one is chosen and why, and that both write the same run folder."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hfrl import engine
from hfrl.config import Train, arms
from hfrl.experiment import run_seed
from hfrl.run import main

GOOD = "oracle:consistency=0.9,likelihood=0.3"


def arm_of(**flags: Any) -> Any:
    words = {key: (value,) if key in ("env", "agent", "teacher", "blend") else value for key, value in flags.items()}
    return arms(Train(**words))[0]


def kept(folder: Path) -> dict[str, Any]:
    """All that a seed's folder holds, but for the times of day."""
    result: dict[str, Any] = {}
    for name in ("evaluations", "final"):
        with np.load(folder / f"{name}.npz") as file:
            result |= {f"{name} {key}": (file[key].dtype, file[key].tolist()) for key in file.files}
    rows = [line.split(",") for line in (folder / "progress.csv").read_text().splitlines()]
    clock = rows[0].index("time/time_elapsed")
    result["progress"] = [row[:clock] + row[clock + 1 :] for row in rows]
    result["monitor"] = [line.split(",")[:2] for line in (folder / "monitor.csv").read_text().splitlines()[2:]]
    result["presses"] = re.sub(r'"wall": [0-9.]+, ', "", (folder / "feedback.jsonl").read_text())
    summary = json.loads((folder / "summary.json").read_text())
    result["summary"] = {key: value for key, value in summary.items() if key not in ("wall_s", "steps_per_second")}
    return result


def both(tmp_path: Path, heartbeat: Any = lambda steps: True, **flags: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The folders of one seed by either engine."""
    arm = arm_of(**({"total_timesteps": 3_000, "eval_freq": 700, "eval_episodes": 3} | flags))
    found = []
    for name in ("python", "compiled"):
        folder = tmp_path / name
        folder.mkdir()
        run_seed(replace(arm, engine=name), 5, folder, heartbeat)
        found.append(kept(folder))
    return found[0], found[1]


CASES: list[dict[str, Any]] = [
    {"env": "hfrl/Pizza-v0"},
    {"env": "hfrl/Pizza-v0", "teacher": GOOD, "blend": "reward_shaping:beta=0.5,decay=0.999"},
    {"env": "hfrl/PizzaKitchen-v0", "teacher": f"{GOOD},budget=40", "blend": "control_sharing", "warmup": 900},
    {"env": "hfrl/PizzaKitchen-v0", "teacher": GOOD, "blend": "action_biasing+potential_based", "agent": "sarsa"},
    {"env": "FrozenLake-v1", "agent": "dyna_q", "teacher": GOOD, "blend": "none", "eval_freq": 0},
    {"env": "FrozenLake-v1", "agent": "sarsa_lambda", "teacher": "oracle:positivity=0.5", "eval_freq": 1_000},
    {"env": "CliffWalking-v1", "agent": "expected_sarsa", "blend": "control_sharing", "teacher": "none"},
    {"env": "hfrl/Pizza-v0", "teacher": GOOD, "blend": "policy_shaping:consistency=0.9+pies:episodes=20"},
    {"env": "hfrl/Pizza-v0", "teacher": "sabl:drift=0.3,fatigue=0.2,inverted=True", "agent": "sabl"},
    {"env": "hfrl/PizzaKitchen-v0", "teacher": GOOD, "blend": "policy_shaping:consistency=em", "set": ("epsilon=0.3",)},
    {
        "env": "hfrl/Pizza-v0",
        "teacher": GOOD,
        "blend": "action_biasing:eligibility=0.95+control_sharing:eligibility=0.5",
    },
    {"env": "hfrl/Puddle-v0", "agent": "dagger", "teacher": "oracle:kind=takeover,mix=0.9,slip=0.1,likelihood=0.5"},
    {"env": "Taxi-v4", "agent": "double_q", "set": ("epsilon=linear:1:0.1:2000",)},
]


DRIVEN: list[dict[str, Any]] = [
    {
        "env": "hfrl/Pizza-v0",
        "agent": "tamer",
        "teacher": "oracle:kind=takeover,hold=3,consistency=0.8",
        "set": ("takeover=1",),
    },
    {
        "env": "FrozenLake-v1",
        "agent": "sarsa_lambda",
        "teacher": "oracle:kind=takeover,first=200,budget=9,likelihood=0.3",
    },
    {
        "env": "FrozenLake-v1",
        "agent": "q_sigma",
        "teacher": "sabl:kind=takeover,mix=0.99,fatigue=0.2",
        "blend": "action_biasing",
    },
]
SLOWLY = [pytest.param(flags, marks=pytest.mark.slow) for flags in DRIVEN]


@pytest.mark.parametrize("flags", [*CASES, *SLOWLY], ids=lambda flags: " ".join(str(value) for value in flags.values()))
def test_both_engines_write_the_same_folder(flags: dict[str, Any], tmp_path: Path) -> None:
    python, compiled = both(tmp_path, **flags)
    assert python == compiled
    assert python["monitor"]


def test_an_episode_that_ends_with_the_run_is_counted_alike(tmp_path: Path) -> None:
    # Every step ends an episode, so the last step of the run ends an episode.
    python, compiled = both(tmp_path, env="FrozenLake-v1", env_kwargs=("max_episode_steps=1",), total_timesteps=40)
    assert python == compiled
    assert len(python["monitor"]) == 40


def test_a_wish_to_stop_is_heard_and_what_was_done_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfrl.experiment.CHUNK", 1024)
    python, compiled = both(tmp_path, lambda steps: steps < 2_048, env="hfrl/Pizza-v0", eval_freq=1_024)
    assert compiled["summary"]["finished"] is False
    assert compiled["summary"]["total_timesteps"] == 2_048
    assert {key: python[key] for key in python if key.startswith("final")} == {
        key: compiled[key] for key in compiled if key.startswith("final")
    }
    assert python["evaluations timesteps"] == compiled["evaluations timesteps"] == (np.dtype(np.int64), [1_024, 2_048])


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfrl.experiment.CHUNK", 37)
    python, compiled = both(tmp_path, env="hfrl/PizzaKitchen-v0", teacher=GOOD)
    assert python == compiled


# --- the choice -------------------------------------------------------------------------------------------------------

REFUSALS = [
    ({"agent": "random"}, "has no pure learn_rule"),
    ({"agent": "value_iteration"}, "has no pure learn_rule"),
    ({"env": "Blackjack-v1"}, "observations are not numbered from 0"),
    ({"env": "CartPole-v1", "agent": "linear_q"}, "observations are not numbered from 0"),
    ({"teacher": "oracle:delay=0.6"}, "presses late|wait for their feedback"),
    ({"teacher": GOOD, "credit": "uniform"}, "credit uniform makes steps wait"),
    ({"teacher": "oracle:kind=continuous"}, "has no kind of a teacher"),
    ({"teacher": "oracle:hold=3"}, "has no hold of a teacher"),
    ({"teacher": "oracle:kind=takeover", "warmup": 100}, "a person who drives has no warm-up"),
    ({"teacher": "oracle:kind=takeover", "blend": "extra_action"}, "leaves an agent with one action more nothing"),
]


@pytest.mark.parametrize(("flags", "reason"), REFUSALS, ids=lambda value: str(value))
def test_auto_takes_python_where_it_must_and_says_why(flags: dict[str, Any], reason: str) -> None:
    chosen = engine.choose(arm_of(**({"env": "hfrl/Pizza-v0", "total_timesteps": 10**7} | flags)))
    assert chosen.engine == "python"
    assert re.search(reason, chosen.reason)


def test_auto_compiles_long_runs_of_tables_and_nothing_short() -> None:
    long, short = (engine.choose(arm_of(total_timesteps=steps)) for steps in (engine.WORTHWHILE, 1_000))
    assert long.engine == "compiled"
    assert "tables" in long.reason
    assert short.engine == "python"
    assert "steps over all seeds are fewer than the" in short.reason


def test_a_short_run_never_loads_the_compiler(tmp_path: Path) -> None:
    line = f"--env hfrl/Pizza-v0 -n 500 --seeds 0 --jobs 1 --eval-episodes 1 --no-progress --out {tmp_path}"
    code = f"import sys; from hfrl.run import main; main({line.split()!r}); assert 'numba' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Engine python: 500 steps over all seeds are fewer" in done.stdout


def test_the_engine_of_a_run_is_on_its_record_and_repeats_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hfrl.commands.draw", lambda outcomes, paths: paths)
    line = ["--env", "FrozenLake-v1", "-n", "2000", "--seeds", "0", "--no-progress", "--out", str(tmp_path)]
    assert main([*line, "--engine", "compiled"]) == 0
    assert "Engine compiled: as asked" in capsys.readouterr().out
    (config,) = tmp_path.glob("*/*/config.json")
    assert json.loads(config.read_text())["engine"] == "compiled"
    assert main(["--config", str(config), "--out", str(tmp_path / "again"), "--no-progress", "--engine", "python"]) == 0
    (again,) = (tmp_path / "again").glob("*/*/seed_0")
    assert kept(config.parent / "seed_0") == kept(again)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--engine compield", "did you mean 'compiled'"),
        (
            "--agent random --engine compiled",
            "--engine compiled cannot run random in hfrl/Pizza-v0: RandomAgent has no",
        ),
        ("--teacher oracle:delay=0.6 --engine compiled", "--engine python can"),
        ("--engine", "needs a value"),
    ],
)
def test_a_mistake_is_one_line(line: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*line.split(), "--out", str(tmp_path / "runs")] if line != "--engine" else [line]) == 2
    _, err = capsys.readouterr()
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_users_agent_runs_on_both_engines(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "compiled.md").read_text(encoding="utf-8")
    code = page.split("```python file=my_agent.py\n")[1].split("```")[0]
    (tmp_path / "my_agent.py").write_text(code, encoding="utf-8")
    python, compiled = both(tmp_path, env="FrozenLake-v1", agent=f"{tmp_path}/my_agent.py:Doubtful")
    assert python == compiled
