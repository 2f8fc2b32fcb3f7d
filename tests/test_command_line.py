"""What is typed: a mistake is one clear line and exit code 2; a right line does what it says, twice the same."""

import contextlib
import itertools
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("SDL_AUDIODRIVER", "dummy")

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from hfrl import build, commands, config, registry
from hfrl.config import Arm
from hfrl.groups import read_groups
from hfrl.people import DIALS
from hfrl.run import COMMANDS, main, read
from hfrl.types import UserError

SHORT = ("-n", "300", "--seeds", "0", "--jobs", "1", "--eval-freq", "0", "--eval-episodes", "2", "--no-progress")
COUNTER = ("--env", "hfrl/Pizza-v0")
GOOD = "oracle:consistency=0.9,likelihood=0.3"

PARTS = '''
import gymnasium
from hfrl import blend, teachers
from hfrl.agents import QLearning


class Optimist(QLearning):
    """Q-learning that starts high."""

    def __init__(self, env, *, hope=5.0):
        super().__init__(env, initial_value=hope)


class Corridor(gymnasium.Env):
    metadata = {"render_modes": ["ansi"]}

    def __init__(self, size=4):
        self.observation_space = gymnasium.spaces.Discrete(size)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.size = size

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        return 0, {}

    def step(self, action):
        self.at = max(0, self.at + (1 if action else -1))
        return self.at, -1.0, self.at == self.size - 1, False, {}

    def render(self):
        return f"{'.' * self.at}@\\n"


class Endless(Corridor):
    steps = 0

    def step(self, action):
        Endless.steps += 1
        return 0, 0.0, False, False, {}


class Bare:
    def __init__(self, env):
        pass


def half(beta=1.0):
    return blend.reward_shaping(beta / 2)


def cheerful(env, rng, value=1.0):
    return lambda step: (teachers.press(step, value),)


NUMBER = 3
'''


def flags(tail: Sequence[str], out: Path) -> list[str]:
    """A short run's flags where the line does not give its own."""
    line = list(tail)
    for flag, value in zip(SHORT[:-1:2], SHORT[1::2], strict=True):
        if flag not in line:
            line += [flag, value]
    return [*line, "--no-progress", "--out", str(out)]


def run(capsys: pytest.CaptureFixture[str], *line: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error of a line, in this process."""
    capsys.readouterr()
    code = main(list(line))
    out, err = capsys.readouterr()
    return code, out, err


def train(out: Path, *line: str) -> list[Path]:
    """Train and return the run folders it made, oldest first."""
    before = set(out.glob("*/*"))
    assert main(flags(line, out)) == 0
    return sorted(set(out.glob("*/*")) - before)


@pytest.fixture
def parts(tmp_path: Path) -> str:
    path = tmp_path / "parts.py"
    path.write_text(PARTS)
    return str(path)


@pytest.fixture
def no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests need no picture, and a picture of many arms takes seconds."""
    monkeypatch.setattr(commands, "draw", lambda outcomes, paths: list(paths))


@contextlib.contextmanager
def no_warning() -> Iterator[None]:
    """Warnings would be lines on standard error, too; a file that numpy forgets to close is not shown to users."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield
    shown = [str(one.message) for one in seen if not issubclass(one.category, ResourceWarning)]
    assert shown == []


def one_line(err: str) -> str:
    assert err.startswith("hfrl: "), err
    assert err.count("\n") == 1, err
    assert err.endswith("\n"), err
    assert "Traceback" not in err
    assert "\x1b" not in err
    return err


# --- mistakes --------------------------------------------------------------------------------------------------------

MISTAKES: list[tuple[str, list[str]]] = [
    # names, and the nearest there is
    ("--env hfrl/Piza-v0", ["'hfrl/Piza-v0'", "did you mean 'hfrl/Pizza-v0'"]),
    ("--env FrozenLake-v9", ["'FrozenLake-v9'", "did you mean 'FrozenLake-v1'"]),
    ("--env Taxi-v3", ["'Taxi-v3'", "did you mean 'Taxi-v4'"]),
    ("--env CliffWalking-v0", ["did you mean 'CliffWalking-v1'"]),
    ("--env frozenlake-v1", ["did you mean 'FrozenLake-v1'"]),
    ("--env Pizza-v0", ["did you mean 'hfrl/Pizza-v0'"]),
    ("--env Zork", ["unknown env 'Zork'", "hfrl list envs"]),
    ("--env nomodule:World-v0", ["nomodule", "not installed"]),
    ("--env nofile.py:World", ["no file 'nofile.py'"]),
    ("--agent q_lerning", ["unknown agent 'q_lerning'", "did you mean 'q_learning'"]),
    ("--agent sarza", ["did you mean 'sarsa'"]),
    ("--agent nofile.py:A", ["no file 'nofile.py'"]),
    ("--teacher oracel", ["unknown teacher 'oracel'", "did you mean 'oracle'"]),
    ("--teacher nofile.py:T", ["no file 'nofile.py'"]),
    ("--blend reward_shapping", ["unknown blend 'reward_shapping'", "did you mean 'reward_shaping'"]),
    ("--blend none+nonee", ["unknown blend 'nonee'", "did you mean 'none'"]),
    ("--blend reward_shaping+", ["did you mean 'reward_shaping'"]),
    ("--credit unknown", ["unknown credit 'unknown'", "immediate, uniform, gamma, empirical"]),
    ("--credit unifrm", ["did you mean 'uniform'"]),
    ("--epsilom 0.1", ["'--epsilom'", "did you mean '--epsilon'"]),
    ("--total-timestep 5", ["did you mean '--total-timesteps'"]),
    ("--algos sarsa", ["did you mean '--algo'"]),
    ("-x", ["no flag '-x'"]),
    ("--", ["no flag '--'"]),
    ("trian", ["unknown command 'trian'", "did you mean 'train'"]),
    ("plt runs", ["did you mean 'plot'"]),
    ("train extra", ["unexpected 'extra'"]),
    ("list agent", ["unknown kind 'agent'", "did you mean 'agents'"]),
    ("watch runs --epsiode 3", ["did you mean '--episodes'"]),
    # settings
    ("--set learnig_rate=.1", ["no setting 'learnig_rate'", "did you mean 'learning_rate'"]),
    ("--set learning_rate", ["--set takes key=value, got 'learning_rate'"]),
    ("--set =1", ["--set takes key=value"]),
    ("--env-kwargs customer", ["--env-kwargs takes key=value"]),
    ("--agent random --set learning_rate=.1", ["agent random has no setting 'learning_rate'"]),
    ("--teacher oracle:likelyhood=.3", ["no setting 'likelyhood'", "did you mean 'likelihood'"]),
    ("--teacher oracle:consistency", ["key=value"]),
    ("--teacher none:x=1", ["no setting 'x'"]),
    ("--blend reward_shaping:bta=1", ["no setting 'bta'", "did you mean 'beta'"]),
    ("--credit uniform:hihg=1", ["did you mean 'high'"]),
    ("--env-kwargs customer=nobody", ["unknown customer 'nobody'", "crispy_mushroom"]),
    ("--env-kwargs custumer=hawaiian", ["custumer"]),
    ("--env hfrl/PizzaKitchen-v0 --env-kwargs layout=castle", ["unknown layout 'castle'", "square"]),
    # numbers out of their range
    ("--alpha high", ["'high' is no schedule", "linear:START:END:N"]),
    ("--alpha 2", ["learning_rate must stay within [0, 1], got 2"]),
    ("--alpha -0.5", ["within [0, 1], got -0.5"]),
    ("--alpha nan", ["nan"]),
    ("--alpha linear:1:0", ["linear:START:END:N"]),
    ("--set learning_rate=abc", ["'abc' is no schedule"]),
    ("--env hfrl/Pizza-v0 --set learning_rate=2", ["within [0, 1]"]),
    ("--epsilon 1.5", ["epsilon must stay within [0, 1], got 1.5"]),
    ("--epsilon -0.1", ["within [0, 1], got -0.1"]),
    ("--gamma 1.5", ["gamma must be within [0, 1], got 1.5"]),
    ("--gamma big", ["gamma", "'big'"]),
    ("--set exploration=greedy", ["epsilon_greedy, softmax", "'greedy'"]),
    ("--set exploration=softmax temperature=-1", ["temperature", "-1"]),
    ("--set initial_value=abc", ["initial_value", "'abc'"]),
    ("--set seed=abc", ["seed", "abc"]),
    ("--teacher oracle:consistency=1.5", ["consistency", "within [0, 1], got 1.5"]),
    ("--teacher oracle:consistency=-0.1", ["within [0, 1], got -0.1"]),
    ("--teacher oracle:consistency=often", ["consistency='often'"]),
    ("--teacher oracle:likelihood=7", ["likelihood", "within [0, 1], got 7"]),
    ("--teacher oracle:positivity=2", ["positivity", "within [0, 1], got 2"]),
    ("--teacher oracle:budget=-1", ["budget must be 0 or more"]),
    ("--teacher oracle:budget=2.5", ["budget", "2.5"]),
    ("--teacher oracle:budget=many", ["budget='many'"]),
    ("--teacher oracle:delay=-1", ["delay must be 0 or more seconds, got -1"]),
    ("--teacher oracle:delay=slow", ["uniform, gamma", "'slow'"]),
    ("--teacher oracle:gamma=2", ["gamma"]),
    ("--blend reward_shaping:beta=-1", ["beta must stay within [0, inf], got -1"]),
    ("--blend reward_shaping:beta=much", ["'much' is no schedule"]),
    ("--blend reward_shaping:decay=2", ["decay must be within [0, 1], got 2"]),
    ("--blend reward_shaping:source=air", ["model, press", "'air'"]),
    ("--credit uniform:low=0.9", ["0 <= low < high"]),
    ("--credit gamma:shape=-1", ["positive shape"]),
    ("--credit empirical:file=nofile", ["empirical credit: nofile cannot be read"]),
    ("-n 0", ["at least 1, got 0"]),
    ("-n -5", ["at least 1, got -5"]),
    ("-n 10 -n 20", ["--total-timesteps is given twice"]),
    ("--warmup -3", ["0 or more steps, got -3"]),
    ("--eval-freq -1", ["or more, got -1"]),
    ("--eval-episodes 0", ["at least 1, got 0"]),
    ("--jobs 0", ["--jobs must be", "'0'"]),
    ("--jobs x", ["--jobs must be", "'x'"]),
    ("--jobs ²", ["--jobs must be", "'²'"]),
    ("--seeds 9-0", ["'9-0' runs backwards", "did you mean '0-9'"]),
    ("--seeds x", ["got 'x'"]),
    ("--seeds -1", ["got '-1'"]),
    ("--seeds 1.5", ["got '1.5'"]),
    ("--seeds ²", ["got '²'"]),
    ("--seeds 3 3", ["seed 3 is given twice"]),
    ("--seeds 0-2 1", ["seed 1 is given twice"]),
    ("--seeds 0-99999999", ["longer than 100000"]),
    # parts that do not fit one another
    ("--env CartPole-v1", ["Box", "--agent random"]),
    ("--env Pendulum-v1 --agent random", ["Discrete action space"]),
    ("--env Blackjack-v1 --teacher oracle", ["needs a world with a transition table P", "BlackjackEnv"]),
    ("--env hfrl/PizzaKitchen-v0 --env-kwargs observation=partial --teacher oracle", ["observation=index"]),
    # folders and files
    ("--config nofile.toml", ["config nofile.toml cannot be read"]),
    ("--config .", ["cannot be read"]),
    ("plot nowhere", ["no folder 'nowhere'"]),
    ("evaluate nowhere", ["no folder 'nowhere'"]),
    ("watch nowhere", ["no folder 'nowhere'"]),
    ("doctor --run nowhere", ["no folder 'nowhere'"]),
    ("plot .", ["holds no run"]),
    ("evaluate .", ["holds no run"]),
    ("watch .", ["holds no run"]),
    ("evaluate . --episodes 0", ["--episodes must be at least 1"]),
    ("watch . --fps 0", ["must be positive"]),
]


@pytest.mark.parametrize(("line", "said"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line_and_nothing_is_written(
    line: str, said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = line.split()
    with no_warning():
        code, out, err = run(capsys, *(flags(words, tmp_path / "out") if words[0].startswith("-") else words))
    assert code == 2
    assert out == ""
    for part in said:
        assert part in one_line(err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["-n abc", "-n 1.5", "--eval-freq soon", "--warmup x"])
def test_a_number_that_is_none_is_named(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, *line.split())
    assert code == 2
    flag, value = line.split()
    assert value in one_line(err), "the line must show what was typed"
    assert {"-n": "--total-timesteps"}.get(flag, flag) in err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-n", "--total-timesteps"),
        ("--epsilon", "--epsilon"),
        ("--env", "--env"),
        ("--agent", "--agent"),
        ("--seeds", "--seeds"),
        ("--set", "--set"),
        ("--env=", "--env"),
        ("plot", "run"),
        ("evaluate", "run"),
        ("watch", "run"),
        ("--json yes", "yes"),
    ],
)
def test_a_flag_without_its_value_is_refused(
    line: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--env $WORLD`` with an empty variable must not start the headline."""
    monkeypatch.setattr(commands, "run_train", lambda flags: pytest.fail(f"it would run {flags}"))
    code, _, err = run(capsys, *line.split())
    assert code == 2
    assert said in one_line(err)


def test_a_mistake_on_a_terminal_is_one_plain_line() -> None:
    """The parser paints its complaints for terminals; the line must still be words, and show what was typed."""
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "hfrl.run", "-n", "abc"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        timeout=60,
        check=False,
    )
    os.close(slave)
    said = os.read(master, 65536).decode().replace("\r\n", "\n")
    os.close(master)
    assert done.returncode == 2
    assert "abc" in one_line(said)


def test_a_mistake_in_a_terminal_without_unicode_is_words(tmp_path: Path) -> None:
    done = python("-n", "abc", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "abc" in one_line(done.stderr)
    assert "---" not in done.stderr


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_an_output_folder_that_cannot_be_made(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    code, _, err = run(capsys, *flags(COUNTER, tmp_path / where))
    assert code == 2
    assert f"no run folder can be made in {str(tmp_path / where)!r}" in one_line(err)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


FILES = [
    ("raise RuntimeError('two\\nlines')", "A", ["cannot be imported", "RuntimeError"]),
    ("def f(:", "A", ["cannot be imported", "SyntaxError"]),
    ("import no_such_module_here", "A", ["cannot be imported", "no_such_module_here"]),
    (PARTS, "Optimst", ["no 'Optimst'", "did you mean 'Optimist'"]),
    (PARTS, "NUMBER", ["NUMBER"]),
    (PARTS, "Bare", ["Bare"]),
]


@pytest.mark.parametrize(("text", "name", "said"), FILES, ids=[f"{said[-1]}" for *_, said in FILES])
def test_a_file_that_holds_no_agent(
    text: str, name: str, said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(text)
    code, _, err = run(capsys, *flags((*COUNTER, "--agent", f"{tmp_path / 'mine.py'}:{name}"), tmp_path / "out"))
    assert code == 2
    for part in said:
        assert part in one_line(err)


@pytest.mark.parametrize("flag", ["--env", "--teacher", "--blend"])
def test_a_part_that_is_no_part(flag: str, parts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (flag, f"{parts}:NUMBER", *(() if flag == "--env" else COUNTER))
    code, _, err = run(capsys, *flags(line, tmp_path / "out"))
    assert code == 2
    assert "NUMBER" in one_line(err)


CONFIGS = [
    ("a.toml", "foo = 1", ["unknown key 'foo'"]),
    ("a.toml", "agnet = 'sarsa'", ["unknown key 'agnet'", "did you mean 'agent'"]),
    ("a.toml", "config = 'b.toml'", ["unknown key 'config'"]),
    ("a.toml", "total_timesteps = 'many'", ["total_timesteps", "int"]),
    ("a.toml", "total_timesteps = true", ["total_timesteps", "int"]),
    ("a.toml", "total_timesteps = 300.0", ["total_timesteps", "int"]),
    ("a.toml", "json = 3", ["json", "bool"]),
    ("a.toml", "env = ['hfrl/Pizza-v0', 3]", ["env[1]"]),
    ("a.toml", "env = [", ["cannot be read"]),
    ("a.toml", "env = 'hfrl/Piza-v0'", ["did you mean 'hfrl/Pizza-v0'"]),
    ("a.json", '{"env": "hfrl/Pizza-v0",}', ["cannot be read"]),
    ("a.json", "[1]", ["a table of settings"]),
    ("a.json", "", ["cannot be read"]),
]


@pytest.mark.parametrize(("name", "text", "said"), CONFIGS, ids=[text for _, text, _ in CONFIGS])
def test_a_mistake_in_a_config(
    name: str, text: str, said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text(text)
    code, _, err = run(capsys, "--config", str(tmp_path / name), "--out", str(tmp_path / "out"))
    assert code == 2
    for part in said:
        assert part in one_line(err)
    assert not (tmp_path / "out").exists()


# --- damaged runs ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three seeds with three evaluations each, H in its policy. Never changed: tests copy it."""
    out = tmp_path_factory.mktemp("saved")
    line = (*COUNTER, "--blend", "action_biasing", "--seeds", "0-2", "--eval-freq", "100")
    (folder,) = train(out, *line)
    return folder


def rewritten(path: Path, **changes: Callable[[Any], Any] | None) -> None:
    """The npz with some arrays changed, or dropped."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for name, change in changes.items():
        old = arrays.pop(name)
        if change is not None:
            arrays[name] = change(old)
    np.savez(path, **arrays)


def rejson(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def halved(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_nan(array: np.ndarray) -> np.ndarray:
    array = array.astype(float)
    array.flat[-1] = np.nan
    return array


class Bomb:
    """What a pickle could do; nobody may find out."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("/tmp/hfrl-was-here",))


FINAL, SEEN, SUMMED = "seed_0/final.npz", "seed_0/evaluations.npz", "seed_0/summary.json"
DAMAGES: dict[str, tuple[str, Callable[[Path], Any], str]] = {
    "half a final.npz": ("evaluate watch", lambda r: halved(r / FINAL), "final.npz cannot be read"),
    "an empty final.npz": ("evaluate watch", lambda r: (r / FINAL).write_bytes(b""), "final.npz cannot be read"),
    "text for final.npz": ("evaluate watch", lambda r: (r / FINAL).write_text("hello"), "final.npz cannot be read"),
    "a pickle in final.npz": (
        "evaluate watch",
        lambda r: np.savez(r / FINAL, q=np.array([Bomb()], dtype=object)),
        "final.npz cannot be read",
    ),
    "no q": ("evaluate watch", lambda r: rewritten(r / FINAL, q=None), "does not fit"),
    "another shape of q": ("evaluate watch", lambda r: rewritten(r / FINAL, q=lambda q: q[:5]), "(161, 8)"),
    "words for q": ("evaluate watch", lambda r: rewritten(r / FINAL, q=lambda q: q.astype(str)), "hfrl: "),
    "no clock": ("evaluate watch", lambda r: rewritten(r / FINAL, clock=None), "does not fit"),
    "no H": ("evaluate watch", lambda r: rewritten(r / FINAL, h_mean=None), "h_mean"),
    "no seed finished": (
        "evaluate watch plot",
        lambda r: [path.unlink() for path in r.glob("seed_*/final.npz")],
        "holds no finished seed",
    ),
    "half an evaluations.npz": ("plot", lambda r: halved(r / SEEN), "evaluations.npz cannot be read"),
    "no evaluations.npz": ("plot", lambda r: (r / SEEN).unlink(), "evaluations.npz cannot be read"),
    "a pickle in evaluations.npz": (
        "plot",
        lambda r: np.savez(r / SEEN, timesteps=np.array([Bomb()], dtype=object)),
        "evaluations.npz cannot be read",
    ),
    "no results": ("plot", lambda r: rewritten(r / SEEN, results=None), "expected results"),
    "no timesteps": ("plot", lambda r: rewritten(r / SEEN, timesteps=None), "expected timesteps"),
    "no presses": ("plot", lambda r: rewritten(r / SEEN, presses=None), "expected presses"),
    "a NaN among the results": ("plot", lambda r: rewritten(r / SEEN, results=with_nan), "results"),
    "a NaN among the tastes": ("plot", lambda r: rewritten(r / SEEN, tastes=with_nan), "NaN"),
    "words for tastes": ("plot", lambda r: rewritten(r / SEEN, tastes=lambda t: t.astype(str)), "tastes"),
    "tastes of another shape": ("plot", lambda r: rewritten(r / SEEN, tastes=lambda t: t[:1]), "tastes"),
    "timesteps in a column": ("plot", lambda r: rewritten(r / SEEN, timesteps=lambda t: t[:, None]), "timesteps"),
    "presses in a column": ("plot", lambda r: rewritten(r / SEEN, presses=lambda p: p[:, None]), "presses"),
    "one lonely timestep": ("plot", lambda r: rewritten(r / SEEN, timesteps=lambda t: np.array(3)), "timesteps"),
    "no episode": (
        "plot",
        lambda r: rewritten(r / SEEN, results=lambda x: x[:, :0], tastes=lambda x: x[:, :0]),
        "results",
    ),
    "a broken config.json": (
        "plot evaluate watch",
        lambda r: (r / "config.json").write_text('{"env": '),
        "cannot be read",
    ),
    "a list for config.json": ("plot evaluate", lambda r: (r / "config.json").write_text("[1]"), "table of settings"),
    "bytes for config.json": ("plot", lambda r: (r / "config.json").write_bytes(b"\xff\xfe"), "cannot be read"),
    "two worlds in config.json": (
        "plot evaluate watch",
        lambda r: rejson(r / "config.json", env=["hfrl/Pizza-v0", "FrozenLake-v1"]),
        "is damaged",
    ),
    "another world in config.json": (
        "evaluate watch",
        lambda r: rejson(r / "config.json", env=["FrozenLake-v1"], teacher=["none"]),
        "does not fit",
    ),
    "an unknown world in config.json": (
        "plot evaluate watch",
        lambda r: rejson(r / "config.json", env=["hfrl/Piza-v0"]),
        "did you mean 'hfrl/Pizza-v0'",
    ),
    "an unknown key in config.json": ("plot", lambda r: rejson(r / "config.json", sedes=["1"]), "unknown key 'sedes'"),
    "no summary": (
        "plot",
        lambda r: [path.unlink() for path in r.glob("seed_*/summary.json")],
        "holds no finished seed",
    ),
    "half a summary": ("plot", lambda r: halved(r / SUMMED), "summary.json cannot be read"),
    "a list for a summary": ("plot", lambda r: (r / SUMMED).write_text("[]"), "is damaged"),
    "a word in a summary": ("plot", lambda r: rejson(r / SUMMED, **{"return": "good"}), "return must be a number"),
    "a NaN in a summary": ("plot", lambda r: rejson(r / SUMMED, **{"return": float("nan")}), "NaN is no number"),
    "no count of presses": ("plot", lambda r: rejson(r / SUMMED, feedback=None), "feedback"),
}
CASES = [(name, command) for name, (uses, *_) in DAMAGES.items() for command in uses.split()]


@pytest.fixture
def no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor starts no process to look at pygame and torch: what is asked here is what it says of a run."""
    monkeypatch.setattr("hfrl.doctor._probe", lambda _: (True, "offscreen"))


@pytest.mark.usefixtures("no_probe")
@pytest.mark.parametrize(("name", "command"), CASES, ids=[f"{command}-{name}" for name, command in CASES])
def test_a_damaged_run_is_said_in_one_line(
    name: str, command: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(saved, folder)
    _, damage, said = DAMAGES[name]
    damage(folder)
    line = {
        "plot": ["plot", str(folder), "--out", str(tmp_path / "x.png")],
        "evaluate": ["evaluate", str(folder), "--episodes", "2"],
        "watch": ["watch", str(folder), "--render", "ansi", "--episodes", "1"],
    }[command]
    with no_warning():
        code, _, err = run(capsys, *line)
    assert code == 2
    assert said in one_line(err)
    assert not Path("/tmp/hfrl-was-here").exists()
    with no_warning():
        code, out, err = run(capsys, "doctor", "--run", str(folder))
    assert code == 1, "the doctor must not call a run whole that cannot be read"
    assert "FIX run" in out
    assert err == ""


@pytest.mark.parametrize("command", ["plot", "evaluate", "watch"])
def test_a_copy_beside_the_seeds_is_left_alone_or_named(
    command: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``seed_0 (copy)``, made by a file manager, must not end in a traceback."""
    folder = tmp_path / "run"
    shutil.copytree(saved, folder)
    shutil.copytree(folder / "seed_0", folder / "seed_0 (copy)")
    options = {"watch": ["--render", "ansi", "--episodes", "1"], "evaluate": ["--episodes", "2"], "plot": []}
    code, _, err = run(capsys, command, str(folder), *options[command])
    if code:
        assert "seed_0 (copy)" in one_line(err)


@pytest.mark.usefixtures("no_probe")
def test_a_seed_whose_files_are_gone_is_not_whole(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(saved, folder)
    (folder / "seed_1" / "final.npz").unlink()
    code, out, _ = run(capsys, "doctor", "--run", str(folder))
    assert code == 1
    assert "seed" in out[out.index("FIX run") :]


# --- right lines -----------------------------------------------------------------------------------------------------

#: The agents that take discrete observations.
AGENTS = [name for name in registry.AGENTS if not name.startswith("linear_")]
PLANNERS = [name for name in AGENTS if name.endswith("_iteration")]
REWARDED = [name for name in AGENTS if registry.hears_reward(name)]
LISTENING = [name for name in AGENTS if name not in REWARDED]
BLENDS = list(registry.BLENDS)


@pytest.mark.usefixtures("no_figure")
@pytest.mark.slow
@pytest.mark.parametrize("world", ["hfrl/Pizza-v0", "FrozenLake-v1", "CliffWalking-v1", "Taxi-v4"])
def test_every_agent_with_every_blend(world: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As grids of the agents that go with the same blends; what does not go together says why in one line."""
    went = 0
    for blends, agents in alike(world).items():
        line = ("--env", world, "--agent", *agents, "--blend", *blends, "--teacher", GOOD, "--json")
        code, out, err = run(capsys, *flags(line, tmp_path / str(went)))
        assert (code, err) == (0, "")
        told = json.loads(out.splitlines()[-1])["arms"]
        assert [(arm["agent"], arm["blend"]) for arm in told] == list(itertools.product(agents, blends))
        went += len(agents)
        assert_arms(told, world)
    assert went == len(REWARDED)


def alike(world: str) -> dict[tuple[str, ...], list[str]]:
    """The agents by the blends they go with. ``none`` always does, and who refuses one says what is missing."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for agent in REWARDED:
        refused = {blend: why for blend in BLENDS if (why := refusal(world, agent, blend))}
        assert "none" not in refused
        assert all(re.search(rf"blend {one} does not go with it: it .*, and ", why) for one, why in refused.items())
        goes = [blend for blend in BLENDS if blend not in refused]
        groups.setdefault(tuple(goes), []).append(agent)
    return groups


def refusal(world: str, agent: str, blend: str) -> str:
    """Why the two do not go together; empty where they do."""
    arm, env = Arm(world, agent, GOOD, blend, "auto", 300, (0,)), build.make_env(world, {})
    try:
        build.make_switch(arm, env, build.make_agent(arm, env))
    except UserError as error:
        return str(error)
    return ""


def assert_arms(told: list[dict[str, Any]], world: str) -> None:
    for arm in told:
        assert arm["env"] == world
        assert arm["total_timesteps"] == 300
        assert arm["feedback_mean"] > 30
        assert (Path(arm["run"]) / "seed_0" / "final.npz").is_file()
        assert arm["return_mean"] <= arm["optimal_return"] + 3  # two episodes may be lucky, not by much


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("world", ["hfrl/Pizza-v0", "FrozenLake-v1", "Taxi-v4"])
def test_every_agent_that_learns_from_feedback_alone(
    world: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else need be said: a simulated person teaches it, and nothing is blended."""
    code, out, err = run(capsys, *flags(("--env", world, "--agent", *LISTENING, "--json"), tmp_path))
    assert (code, err) == (0, "")
    told = json.loads(out.splitlines()[-1])["arms"]
    assert [(arm["agent"], arm["blend"]) for arm in told] == [(agent, "none") for agent in LISTENING]
    assert all(arm["teacher"].startswith("oracle") and arm["feedback_mean"] > 20 for arm in told)


@pytest.mark.parametrize("agent", LISTENING)
@pytest.mark.parametrize("blend", [name for name in BLENDS if name != "none"])
def test_a_blend_is_refused_where_there_is_no_reward_to_blend(
    agent: str, blend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, *flags(("--agent", agent, "--blend", blend), tmp_path))
    assert (code, err.count("\n")) == (2, 1)
    assert f"blend {blend} does not go with it" in err
    assert "use --blend none" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("agent", LISTENING)
def test_an_agent_that_nobody_teaches_is_refused(
    agent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, *flags(("--agent", agent, "--teacher", "none"), tmp_path))
    assert (code, err.count("\n")) == (2, 1)
    assert "learns from a person alone" in err


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("agent", PLANNERS)
def test_a_planner_is_refused_in_a_world_without_a_table(
    agent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, *flags(("--env", "Blackjack-v1", "--agent", agent, "--teacher", "none"), tmp_path))
    assert (code, err.count("\n")) == (2, 1)
    assert "transition table P" in err


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("agent", [name for name in REWARDED if name not in PLANNERS])
def test_blackjack_without_a_teacher(agent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("--env", "Blackjack-v1", "--agent", agent, "--teacher", "none", "--json")
    code, out, _ = run(capsys, *flags(line, tmp_path))
    assert code == 0
    (arm,) = json.loads(out.splitlines()[-1])["arms"]
    nothing = {"taste_mean", "taste_ci", "optimal_return", "optimal_taste", "steps_to_threshold"}
    nothing |= {"presses_to_threshold", "return_with_h_mean", "taste_with_h_mean", "return_ci"}
    assert {key for key, value in arm.items() if value is None} == nothing
    assert arm["feedback_mean"] == 0


KEYS = {
    "env",
    "agent",
    "teacher",
    "blend",
    "total_timesteps",
    "seeds",
    "return_mean",
    "return_ci",
    "taste_mean",
    "taste_ci",
    "return_with_h_mean",
    "taste_with_h_mean",
    "feedback_mean",
    "steps_per_second",
    "wall_s",
    "optimal_return",
    "optimal_taste",
    "steps_to_threshold",
    "presses_to_threshold",
    "run",
}


@pytest.mark.usefixtures("no_figure")
def test_json_is_the_last_line_with_every_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (*COUNTER, "FrozenLake-v1", "--agent", "sarsa", "--blend", "action_biasing", "--seeds", "0-2", "--json")
    code, out, err = run(capsys, *flags(line, tmp_path))
    assert (code, err) == (0, "")
    told = json.loads(out.splitlines()[-1], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert told["out"] == str(tmp_path)
    pizza, lake = told["arms"]
    assert set(pizza) == set(lake) == KEYS
    assert {key for key, value in lake.items() if value is None} >= {"taste_mean", "taste_ci", "optimal_taste"}
    assert pizza["seeds"] == lake["seeds"] == [0, 1, 2]
    low, high = pizza["return_ci"]
    assert low <= pizza["return_mean"] <= high
    assert pizza["return_with_h_mean"] is not None
    assert pizza["optimal_return"] == pytest.approx(9.41, abs=0.005)
    assert lake["optimal_return"] == pytest.approx(0.74, abs=0.01)  # within its 100 steps
    assert "hidden" in out
    assert "best possible automated return 9.41" in out


@pytest.mark.usefixtures("no_figure")
def test_a_grid_is_the_product(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("--env", "FrozenLake-v1", "--agent", "q_learning", "--agent", "sarsa")
    line += ("--teacher", "none", GOOD, "--blend", "none", "--blend", "reward_shaping:beta=0.2", "--json")
    code, out, _ = run(capsys, *flags(line, tmp_path))
    assert code == 0
    told = [(arm["agent"], arm["teacher"], arm["blend"]) for arm in json.loads(out.splitlines()[-1])["arms"]]
    assert told == list(itertools.product(["q_learning", "sarsa"], ["none", GOOD], ["none", "reward_shaping:beta=0.2"]))


def parsed(*line: str) -> config.Arm:
    """The one arm of a line."""
    (arm,) = config.arms(read(list(line))[1])
    return arm


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("--env FrozenLake-v1", "--env-id FrozenLake-v1"),
        ("--env FrozenLake-v1", "--env=FrozenLake-v1"),
        ("--env FrozenLake-v1", "--env_id FrozenLake-v1"),
        ("--agent sarsa", "--algo sarsa"),
        ("--seeds 3-5", "--seed 3-5"),
        ("--seeds 3-5", "--seeds 3 4 5"),
        ("--seeds 3-5", "--seeds 3,4 --seed 5"),
        ("-n 500", "--total-timesteps 500"),
        ("-n 500", "--total_timesteps=500"),
        ("--eval-freq 7 --eval-episodes 3", "--eval_freq 7 --eval_episodes=3"),
        ("--env-kwargs customer=hawaiian", "--env_kwargs customer=hawaiian"),
        ("--set gamma=0.5 initial_value=2", "--set gamma=0.5 --set initial-value=2"),
        ("--set learning_rate=0.25", "--alpha 0.25"),
        ("--set epsilon=linear:1:0:100", "--epsilon linear:1:0:100"),
        ("--blend action_biasing", f"--blend action_biasing --teacher {GOOD}"),
        (f"--teacher {GOOD}", f"--teacher {GOOD} --blend reward_shaping"),
    ],
)
def test_two_ways_to_say_one_thing(one: str, other: str) -> None:
    assert parsed(*one.split()) == parsed(*other.split()) != parsed("-n", "77")


def test_settings_keep_their_types() -> None:
    arm = parsed("--set", "a=1", "b=.5", "c=true", "d=None", "e=word", "f=[1, 2]", "--set", "g=linear:1:0:9")
    assert arm.set == {"a": 1, "b": 0.5, "c": True, "d": None, "e": "word", "f": [1, 2], "g": "linear:1:0:9"}
    again = config.arms(config.Train(**{key: tuple_of(value) for key, value in arm.as_config().items()}))
    assert again == [arm]


def tuple_of(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@pytest.mark.parametrize("value", ["__import__('os').mkdir('hacked')", "open('hacked','w')", "[].__class__"])
def test_values_are_never_executed(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert registry.literal(value) == value
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_figure")
def test_without_parts_it_is_the_headline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *flags(("--json",), tmp_path))
    assert code == 0
    told = json.loads(out.splitlines()[-1])["arms"]
    assert [(arm["env"], arm["blend"].partition(":")[0]) for arm in told] == [
        ("hfrl/Pizza-v0", "none"),
        ("hfrl/Pizza-v0", "reward_shaping"),
        ("hfrl/PizzaKitchen-v0", "none"),
        ("hfrl/PizzaKitchen-v0", "reward_shaping"),
    ]
    assert all(arm["agent"] == "q_learning" for arm in told)


@pytest.mark.parametrize("given", [("--set", "learning_rate=0.25"), ("--alpha", "0.25")])
def test_settings_count_in_the_headline_too(given: tuple[str, ...]) -> None:
    for arm in config.headline(read(list(given))[1]):
        assert arm.set["learning_rate"] == 0.25
        assert arm.set["epsilon"] == 0.1


# --- the same line, the same bytes -----------------------------------------------------------------------------------

RICH = (
    *(
        "--env",
        "hfrl/Pizza-v0",
        "--env-kwargs",
        "customer=olive_purist",
        "--blend",
        "reward_shaping:beta=0.4,decay=0.99",
    ),
    *("--teacher", "oracle:consistency=0.8,likelihood=0.5,delay=uniform", "--credit", "uniform", "--warmup", "50"),
    *("--set", "exploration=softmax", "temperature=linear:2:0.5:200", "initial_value=1", "--alpha", "0.3"),
    *("--seeds", "4", "7", "-n", "400", "--eval-freq", "150"),
)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """What a run has computed: its arrays, byte by byte. A checkpoint also holds how long it has taken so far."""
    files = (path for path in sorted(folder.rglob("*.npz")) if path.parent.name != "checkpoints")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.usefixtures("no_figure")
def test_twice_the_same_line_is_twice_the_same_bytes(tmp_path: Path) -> None:
    (first,) = train(tmp_path / "a", *RICH)
    (second,) = train(tmp_path / "b", *RICH)
    assert sorted(bytes_of(first)) == [
        f"seed_{seed}/{name}.npz" for seed in (4, 7) for name in ("evaluations", "final")
    ]
    assert bytes_of(first) == bytes_of(second)
    assert bytes_of(first)["seed_4/final.npz"] != bytes_of(first)["seed_7/final.npz"]


@pytest.mark.usefixtures("no_figure")
def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    (one,) = train(tmp_path / "a", *RICH, "--jobs", "1")
    (two,) = train(tmp_path / "b", *RICH, "--jobs", "2")
    assert bytes_of(one) == bytes_of(two)


@pytest.mark.usefixtures("no_figure")
def test_the_config_of_a_run_repeats_it(tmp_path: Path) -> None:
    (first,) = train(tmp_path / "a", *RICH)
    assert main(["--config", str(first / "config.json"), "--out", str(tmp_path / "b"), "--no-progress"]) == 0
    (second,) = (tmp_path / "b").glob("*/*")
    assert bytes_of(first) == bytes_of(second)
    assert json.loads((first / "config.json").read_text()) == json.loads((second / "config.json").read_text())
    one_seed = ["--config", str(first / "seed_7" / "config.json"), "--out", str(tmp_path / "c"), "--no-progress"]
    assert main(one_seed) == 0
    (third,) = (tmp_path / "c").glob("*/*")
    assert bytes_of(third) == {name: data for name, data in bytes_of(first).items() if name.startswith("seed_7")}


@pytest.mark.usefixtures("no_figure")
def test_a_toml_config_and_flags_that_win_over_it(tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        'env = "FrozenLake-v1"\nagent = ["q_learning", "sarsa"]\ntotal-timesteps = 200\nset = ["learning_rate=0.1"]\n'
        'seeds = "0"\neval_freq = 0\neval_episodes = 3\nwarmup = 100\ncredit = "gamma"\n'
    )
    line = ["--config", str(tmp_path / "run.toml"), "--out", str(tmp_path / "out"), "--no-progress"]
    assert main([*line, "--agent", "sarsa", "-n", "250"]) == 0
    (folder,) = (tmp_path / "out").glob("*/*")
    told = json.loads((folder / "config.json").read_text())
    assert (told["env"], told["agent"], told["total_timesteps"]) == (["FrozenLake-v1"], ["sarsa"], 250)
    assert (told["set"], told["seeds"], told["eval_episodes"]) == (["learning_rate=0.1"], ["0"], 3)
    assert (told["warmup"], told["credit"]) == (100, "gamma")


@pytest.mark.parametrize("flag", ["--eval-episodes 50", "--warmup 0", "--credit auto"])
def test_a_flag_wins_even_where_it_says_the_default(flag: str, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('env = "FrozenLake-v1"\neval_episodes = 3\nwarmup = 7\ncredit = "gamma"\n')
    typed = read(["--config", str(tmp_path / "run.toml"), *flag.split()])[1]
    (arm,) = config.arms(typed)
    name, value = flag.removeprefix("--").split()
    assert str(getattr(arm, name.replace("-", "_"))) == value


def learnt(folder: Path) -> tuple[bytes, ...]:
    """The agent's own arrays and its evaluations, without what H learnt beside it."""
    with np.load(folder / "seed_0" / "final.npz") as final, np.load(folder / "seed_0" / "evaluations.npz") as seen:
        return (final["q"].tobytes(), final["clock"].tobytes(), seen["results"].tobytes(), seen["ep_lengths"].tobytes())


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("agent", ["q_learning", "sarsa"])
@pytest.mark.parametrize("teacher", [GOOD, "oracle:delay=0.6"])
def test_no_blend_and_weight_0_are_the_plain_agent(agent: str, teacher: str, tmp_path: Path) -> None:
    common = (*COUNTER, "--agent", agent, "-n", "600", "--eval-freq", "200")
    (plain,) = train(tmp_path / "plain", *common)
    (heard,) = train(tmp_path / "heard", *common, "--teacher", teacher, "--blend", "none")
    assert learnt(plain) == learnt(heard)
    with np.load(heard / "seed_0" / "final.npz") as final:
        assert final["h_count"].sum() > 0  # H has listened all the same
    for blend in ("reward_shaping", "potential_based", "action_biasing", "control_sharing"):
        (silenced,) = train(tmp_path / blend, *common, "--teacher", teacher, "--blend", f"{blend}:beta=0")
        assert learnt(plain) == learnt(silenced), blend
    (taught,) = train(tmp_path / "taught", *common, "--teacher", teacher, "--blend", "reward_shaping:beta=1")
    assert learnt(plain) != learnt(taught)


# --- reading runs back -----------------------------------------------------------------------------------------------


def test_evaluate_reads_what_was_learnt(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    code, out, err = run(capsys, "evaluate", str(saved), "--episodes", "2", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out.splitlines()[-1])
    assert told["episodes"] == 2
    assert [row["run"] for row in told["evaluations"]] == [str(saved / f"seed_{seed}") for seed in range(3)]
    for seed, row in enumerate(told["evaluations"]):
        summary = json.loads((saved / f"seed_{seed}" / "summary.json").read_text())
        assert row["return_mean"] == summary["return"]  # the same agent, seeds and episodes as at its end
        assert row["return_with_h_mean"] == summary["return_with_h"]
        assert row["taste_mean"] == summary["taste"]
    assert before == {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}


def test_watch_prints_episodes(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "watch", str(saved), "--render", "ansi", "--episodes", "2", "--seed", "1")
    assert (code, err) == (0, "")
    assert re.search(r"^episode 1: .*, reward [+-]\d", out, re.MULTILINE)
    assert len(re.findall(r"\((?:terminated|truncated)\)$", out, re.MULTILINE)) == 2
    assert "episode 3" not in out
    assert run(capsys, "watch", str(saved / "seed_1"), "--render", "ansi", "--episodes", "2") == (0, out, "")
    assert run(capsys, "watch", str(saved), "--render", "ansi", "--episodes", "2", "--seed", "2")[1] != out


def test_watch_makes_a_gif(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cook.gif"
    code, out, err = run(capsys, "watch", str(saved), "--gif", str(path), "--episodes", "1", "--fps", "5")
    assert (code, err) == (0, "")
    with Image.open(path) as gif:
        assert gif.format == "GIF"
        assert gif.n_frames >= 1
        assert max(gif.size) <= 480
        assert gif.n_frames == 1 or gif.info["duration"] == 200
    assert str(path) in out
    assert [one.name for one in tmp_path.iterdir()] == ["cook.gif"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--render asci", "human, ansi, rgb_array"),
        ("--render rgb_array", "--gif FILE"),
        ("--gif film.mp4", ".gif"),
        ("--gif nowhere/film.gif", "cannot be written"),
        ("--render ansi --seed 8", "no seed 8 (there are 0, 1, 2)"),
        ("--render ansi --episodes 0", "must be positive"),
    ],
)
def test_mistakes_in_watching(
    options: str, said: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "watch", str(saved), *options.split())
    assert code == 2
    assert said in one_line(err)


def test_watching_without_a_display_says_what_works(
    saved: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    code, _, err = run(capsys, "watch", str(saved))
    assert code == 2
    assert "--render ansi, or --gif FILE" in one_line(err)


@pytest.mark.usefixtures("no_figure")
def test_watching_a_world_without_an_end_ends(parts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An episode that never ends is capped, as it is in evaluation."""
    (folder,) = train(tmp_path / "out", "--env", f"{parts}:Endless")
    source = (tmp_path / "parts.py").read_text()
    (tmp_path / "parts.py").write_text(source.replace("Endless.steps += 1", "self.count()") + COUNTING)
    code, out, _ = run(capsys, "watch", str(folder), "--render", "ansi", "--episodes", "1", "--trust")
    assert code == 0
    assert "(truncated)" in out


COUNTING = """

def count(self):
    Endless.steps += 1
    if Endless.steps > 3_000:
        raise RuntimeError("watched 3,000 steps of one episode")


Endless.count = count
"""


@pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_plot_writes_what_is_asked_for(
    suffix: str, magic: bytes, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / f"curves.{suffix}"
    code, out, err = run(capsys, "plot", str(saved), "--out", str(path))
    assert (code, err) == (0, "")
    assert path.read_bytes().startswith(magic)
    assert str(path) in out
    assert "action_biasing" in out


def test_plot_refuses_a_format_it_does_not_write(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "plot", str(saved), "--out", str(tmp_path / "curves.doc"))
    assert code == 2
    assert "png" in one_line(err)


def test_plot_finds_runs_below_a_folder_and_draws_into_the_first(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy of a run adds nothing; one of other settings is told by what differs."""
    for name, alpha in (("a/20260101-000000-00000000", 0.2), ("b/copy", 0.2), ("b/20260102-000000-00000000", 0.3)):
        shutil.copytree(saved, tmp_path / name)
        told = json.loads((tmp_path / name / "config.json").read_text())
        told["set"] = [*told["set"], f"learning_rate={alpha}"]
        (tmp_path / name / "config.json").write_text(json.dumps(told))
    figure = tmp_path / "a" / "20260101-000000-00000000" / "figures" / "learning_curves.png"
    figure.unlink()
    code, out, _ = run(capsys, "plot", str(tmp_path))
    assert code == 0
    assert figure.is_file()
    assert "learning_rate=0.2" in out
    assert "learning_rate=0.3" in out
    assert len(read_groups([str(tmp_path)], trust=False)) == 2


def test_a_run_draws_its_figure_and_says_what_to_type_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *flags((*COUNTER, "--seeds", "0-2", "--eval-freq", "100"), tmp_path))
    assert code == 0
    (folder,) = tmp_path.glob("*/*")
    assert (folder / "figures" / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    typed = [line.split()[3:] for line in out.splitlines() if line.startswith("  python -m hfrl.run ")]
    assert [words[0] for words in typed] == ["resume", "plot", "watch", "evaluate"]
    for words in typed:
        assert main(words) == 0, words


def test_list_names_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list")
    assert code == 0
    for entries in (registry.AGENTS, registry.TEACHERS, registry.BLENDS, registry.CREDITS):
        for name, entry in entries.items():
            assert re.search(rf"^  {name}\s+{re.escape(entry.summary)}$", out, re.MULTILINE)
    for world in (
        "hfrl/Pizza-v0",
        "hfrl/PizzaKitchen-v0",
        "FrozenLake-v1",
        "CliffWalking-v1",
        "Blackjack-v1",
        "Taxi-v4",
    ):
        assert world in out
    code, only, _ = run(capsys, "list", "agents")
    assert code == 0
    assert "sarsa" in only
    assert "reward_shaping" not in only
    assert "CartPole-v1" in out
    assert "Pendulum-v1" in run(capsys, "list", "envs")[1]
    assert "Pendulum-v1" not in out  # no agent of this version takes it


def test_list_says_in_which_units_beta_is(capsys: pytest.CaptureFixture[str]) -> None:
    """H of size 1 against returns of hundreds is the commonest reason why a person seems to have no say."""
    for kind, said in (("blends", True), ("all", True), ("agents", False)):
        assert ("beta is in units of the world's reward" in run(capsys, "list", kind)[1]) is said


def test_what_list_shows_can_be_made() -> None:
    for entries in (registry.AGENTS, registry.TEACHERS, registry.BLENDS, registry.CREDITS):
        for name, entry in entries.items():
            part = registry.resolve(name, entries, "part")
            shown = re.search(r"\[(.*)\]", entry.summary)
            for pair in shown[1].split() if shown else ():
                if "=" in pair:
                    dials = DIALS if entries is registry.TEACHERS else ()
                    registry.check_settings(part, [pair.partition("=")[0]], ("env", "rng"), name, dials)


def test_the_doctor_finds_this_place_well(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "doctor", "--run", str(saved))
    assert (code, err) == (0, "")
    assert "FIX" not in out
    for word in ("Python 3.", "gymnasium", "numpy", "matplotlib", "pygame-ce", "GiB free", f"run {saved} is whole"):
        assert word in out


def test_the_doctor_says_what_to_type(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from hfrl import doctor

    monkeypatch.setitem(doctor.NEEDED, "gymnasium", (99, 0))
    code, out, _ = run(capsys, "doctor")
    assert code == 1
    assert "FIX gymnasium" in out
    assert "type: pip install 'gymnasium>=99.0'" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code in (0, None)
    assert "--help" in capsys.readouterr().out


# --- a user's own parts ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_parts_of_ones_own(jobs: str, parts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ("--env", f"{parts}:Corridor", "hfrl/Pizza-v0", "--env-kwargs", "--agent", f"{parts}:Optimist")
    line = tuple(word for word in line if word != "--env-kwargs")
    line += ("--blend", f"{parts}:half:beta=0.6", "--teacher", f"{parts}:cheerful:value=0.5", "--set", "hope=3")
    code, out, err = run(capsys, *flags((*line, "--seeds", "0-1", "--jobs", jobs, "--json"), tmp_path / "out"))
    assert (code, err) == (0, "")
    corridor, pizza = json.loads(out.splitlines()[-1])["arms"]
    assert corridor["optimal_return"] is None
    assert corridor["feedback_mean"] == pizza["feedback_mean"] == 300  # a press at every step
    with np.load(Path(corridor["run"]) / "seed_0" / "final.npz") as final:
        assert final["q"].shape == (4, 2)
        assert set(np.unique(final["h_mean"])) == {0.0, 0.5}
        assert (final["q"][3] == 3.0).all()  # nobody acts where the corridor has ended: the hope stands there
    assert f"evaluate {pizza['run']} --trust" in " ".join(out.split())
    watch = ("watch", corridor["run"], "--render", "ansi", "--episodes", "1")
    code, _, err = run(capsys, *watch)  # the folder may come from a stranger, and it names code
    assert code == 2
    assert "--trust" in one_line(err)
    code, out, _ = run(capsys, *watch, "--trust")
    assert code == 0
    assert "..." in out


@pytest.mark.usefixtures("no_figure")
def test_a_setting_of_ones_own_world(parts: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder,) = train(tmp_path / "out", "--env", f"{parts}:Corridor", "--env-kwargs", "size=7")
    with np.load(folder / "seed_0" / "final.npz") as final:
        assert final["q"].shape == (7, 2)
    code, _, err = run(capsys, *flags(("--env", f"{parts}:Corridor", "--env-kwargs", "sice=7"), tmp_path / "out"))
    assert code == 2
    assert "sice" in one_line(err)


# --- real processes --------------------------------------------------------------------------------------------------


def python(*line: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hfrl.run", *line],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_module_runs(tmp_path: Path) -> None:
    done = python(*flags((*COUNTER, "--json"), Path("out")), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (arm,) = json.loads(done.stdout.splitlines()[-1])["arms"]
    assert (tmp_path / arm["run"] / "summary.json").is_file()
    meta = json.loads((tmp_path / arm["run"] / "meta.json").read_text())
    assert meta["command"].startswith("python -m hfrl.run --env hfrl/Pizza-v0 --json -n 300")


def test_a_mistake_in_a_real_process(tmp_path: Path) -> None:
    done = python("--env", "hfrl/Piza-v0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'hfrl/Pizza-v0'" in one_line(done.stderr)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["list", "list envs", "doctor", "train"])
def test_a_reader_who_has_seen_enough(line: str, tmp_path: Path) -> None:
    """``| head -1``: the reader is gone before the first word."""
    words = line.split() if line != "train" else flags((*COUNTER, "--json"), tmp_path / "out")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "hfrl.run", *words], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.stderr == ""


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Until it holds; fails where the process ends before, or after a minute."""
    for _ in range(6_000):
        if condition():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    pytest.fail("the run did not begin within a minute")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("whom", ["group", "parent"])
def test_ctrl_c_keeps_what_was_done(jobs: int, whom: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (*COUNTER, "--blend", "reward_shaping", "-n", "900000000", "--seeds", "0-1", "--jobs", str(jobs))
    process = subprocess.Popen(
        [sys.executable, "-m", "hfrl.run", *flags(line, tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: len(list(tmp_path.glob("out/*/*/seed_*/progress.csv"))) == jobs, process)
    if whom == "group":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    else:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert "Stopped early" in err
    (folder,) = (tmp_path / "out").glob("*/*")
    begun = sorted(path.parent.name for path in folder.glob("seed_*/final.npz"))
    assert begun == ["seed_0", "seed_1"][:jobs]
    for seed in begun:
        summary = json.loads((folder / seed / "summary.json").read_text())
        assert summary["finished"] is False
        assert 0 <= summary["total_timesteps"] < 900_000_000
        with np.load(folder / seed / "final.npz") as final:
            assert final["clock"][0] == summary["total_timesteps"]
            assert final["q"].shape == (161, 8)
        logged = (folder / seed / "feedback.jsonl").read_text().splitlines()
        assert len(logged) == summary["feedback"]
    assert json.loads((folder / "summary.json").read_text())["seeds"] == [int(seed[5:]) for seed in begun]
    assert not list(folder.rglob(".*"))
    assert run(capsys, "plot", str(folder), "--out", str(tmp_path / "x.png"))[0] == 0
    assert run(capsys, "evaluate", str(folder), "--episodes", "2")[0] == 0


@pytest.mark.parametrize("width", [40, 76, 120])
def test_no_terminal_cuts_the_results_off(
    width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every arm's name and every number is there, in columns or in paragraphs."""
    monkeypatch.setattr(commands, "SAID", Console(highlight=False, width=width))
    line = [*COUNTER, *SHORT, "--blend", "none", "action_biasing", "--teacher", GOOD, "--out", str(tmp_path)]
    assert main(line) == 0
    table = capsys.readouterr().out.split("best possible")[2].split("Next:")[0]
    assert "…" not in table
    words = " ".join(table.split())
    assert "action_biasing" in words or "action_biasi" in words  # a long name is folded
    assert ("steps to 90 % never" in words) == (width < commands.LEAST_WIDTH)
    assert words.count("never") == 2
    (summary,) = (json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/*/seed_0/summary.json"))[:1])
    assert f"{summary['return']:.2f}" in words
