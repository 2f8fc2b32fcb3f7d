"""The command line: ``python -m hfrl.run [COMMAND] [FLAGS]``, also installed as ``hfrl``.

This module only reads the line; what a command does lives in ``hfrl.commands``, imported when it is needed.
"""

import contextlib
import dataclasses
import io
import math
import re
import sys
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hfrl import registry
from hfrl.config import Train, sectioned
from hfrl.config_file import ConfigFile, read_file, sections_of
from hfrl.flags import Compare, Export, Import, Merge, Sweep, Trusting, WatchMetrics
from hfrl.types import UserError


@dataclass(frozen=True)
class Evaluate(Trusting):
    """Play a saved agent greedily, in worlds and with seeds of evaluation's own."""

    run: tuple[str, ...]
    """Run folders, or a folder that holds some."""
    episodes: int = 50
    """Episodes for each seed."""
    json: bool = False
    """End the output with one line of JSON."""


@dataclass(frozen=True)
class Resume(Trusting):
    """Go on with runs in their folders: stopped or killed ones to their end, finished ones for longer, exactly."""

    run: tuple[str, ...]
    """Run folders, a folder that holds some, or the folder of one seed."""
    total_timesteps: int | None = None
    """Steps in all, also -n: more than the run was asked for extend it. [as it was asked for]"""
    jobs: str = "auto"
    """Processes at work: a number, or auto for one per core."""
    json: bool = False
    """End the output with the summary as one line of JSON."""
    progress: bool = True
    """Show progress bars."""


@dataclass(frozen=True)
class Watch(Trusting):
    """Watch a saved agent: in a window, as text, or in a file: a GIF, a video, a sheet of pictures."""

    run: str
    """A run folder, or the folder of one seed."""
    seed: int | None = None
    """Which of the run's seeds. [the first]"""
    episodes: int = 3
    """How many episodes."""
    render: str = "human"
    """human opens a window, ansi prints, rgb_array makes the pictures of --gif, --video, --sheet."""
    gif: str | None = None
    """Write the episodes to this .gif."""
    video: str | None = None
    """Write the episodes to this .mp4 (pip install 'hfrl[video]')."""
    sheet: str | None = None
    """Write pictures of the episodes side by side to this .png, .svg or .pdf."""
    fps: float = 3.0
    """Steps per second."""


@dataclass(frozen=True)
class Plot(Trusting):
    """Draw learning curves of runs, side by side, or what was learnt in every cell of a grid world."""

    run: tuple[str, ...]
    """Run folders, or folders that hold some."""
    kind: str = "curve"
    """curve; comparison (IQM, profiles, probability of improvement); filmstrip (at each checkpoint); in grid worlds
    values (with arrows), triangles (every action), error (|Q - Q*|), difference (of two)."""
    state: int | None = None
    """Maps, also of a filmstrip: show the cells as they are in this state (the same pizza in hand). [the first]"""
    seed: int | None = None
    """Maps and filmstrip: of one seed. [the mean of all; the first]"""
    out: str | None = None
    """The figure: .png, .svg or .pdf. [KIND.png in the first run's figures/]"""


@dataclass(frozen=True)
class Reproduce:
    """Run published experiments again: a figure, its numbers beside the book's, pass or fail."""

    name: tuple[str, ...] = ()
    """Targets, such as sutton-6.4; --list names them all."""
    all: bool = False
    """Every target."""
    list: bool = False
    """Name the targets, and run none."""
    redraw: bool = False
    """Draw the figures again from the folder of --out, and run nothing."""
    runs: int | None = None
    """Independent runs of each experiment. [the book's number]"""
    out: str = "reproduced"
    """The folder of the results."""
    json: bool = False
    """End the output with all numbers as one line of JSON."""


@dataclass(frozen=True)
class Bench:
    """Compare methods: a suite of worlds, simulated people and seeds, ranked, on one page. Goes on where it stopped."""

    suite: str | None = None
    """Which suite: feedback. [names them all]"""
    quick: bool = False
    """Fewer worlds, people and seeds: under three minutes on two cores."""
    methods: tuple[str, ...] = ()
    """Only these methods, and the plain agent. [all]"""
    worlds: tuple[str, ...] = ()
    """Only these worlds. [all]"""
    conditions: tuple[str, ...] = ()
    """Only these people. [all]"""
    seeds: tuple[str, ...] = ()
    """Seeds, such as 0-9. [0-9; 0-2 with --quick]"""
    jobs: str = "auto"
    """Processes at work: a number, or auto for one per core."""
    out: str = "bench"
    """The folder of the cells, the page and the tables."""
    json: bool = False
    """End the output with the ranking as one line of JSON."""
    progress: bool = True
    """Show a progress bar."""


@dataclass(frozen=True, kw_only=True)
class Staged:
    """What play and replay --show have in common: the window, and the script that may drive it."""

    speed: float = 3.333
    """Steps per second."""
    size: str = "960x640"
    """The window's size."""
    keys: str | None = None
    """A script: lines of {"t": seconds, "key": "up"}."""
    duration: float | None = None
    """End after so many seconds."""
    screenshot: str | None = None
    """Save the window to this .png at second --at."""
    at: float | None = None
    """When the screenshot is taken, in seconds."""
    gif: str | None = None
    """Save what is shown to this .gif, ten frames a second."""
    fast: bool = False
    """Run on a simulated clock, as fast as it goes (scripts)."""


@dataclass(frozen=True, kw_only=True)
class Play(Staged):
    """Teach in the window: reward, penalise, take over, and see what each press did."""

    env: str | None = None
    """The world: any with pictures (rgb_array) and Discrete actions. [hfrl/Pizza-v0]"""
    agent: str | None = None
    """Who learns. [q_learning]"""
    preset: str | None = None
    """Settings that were measured to learn a world; `hfrl list presets` shows them all."""
    blend: str | None = None
    """How your feedback joins the reward; b goes on to the next while you teach. [reward_shaping; none where nothing
    but your word is learnt]"""
    credit: str = "uniform"
    """Which steps a press is about: immediate, uniform, gamma or empirical."""
    seed: int = 0
    """Of everything random."""
    set: tuple[str, ...] = ()
    """Settings of the agent, key=value."""
    alpha: str | None = None
    """The agent's learning_rate."""
    gamma: str | None = None
    """The agent's discount."""
    epsilon: str | None = None
    """The agent's exploration."""
    device: str | None = None
    """Where networks run: cpu, cuda or auto. [auto]"""
    env_kwargs: tuple[str, ...] = ()
    """Settings of the world, key=value."""
    warmup: str = "auto"
    """Steps of training on the automated reward before you teach; auto: until it is near the optimum; 0: none."""
    load: str | None = None
    """Go on from the saved agent of this run, in its world and with its settings where no flag says otherwise."""
    wait: bool = False
    """Wait for your judgement of every step (w switches)."""
    trainer: str = "person"
    """A name of your choice for the log."""
    out: str = "runs"
    """The folder that run folders are made in."""
    card: bool = False
    """Print every update card in the terminal, too."""
    keymap: str | None = None
    """Your own keys: a TOML file such as reward = ["up", "/"]."""


@dataclass(frozen=True, kw_only=True)
class Replay(Trusting, Staged):
    """Rebuild the agent of a recorded session from its log, show it again, or learn it by another blend."""

    run: str
    """A run folder of play."""
    blend: str | None = None
    """Learn the recorded steps and presses by another blend instead."""
    fit_delay: str | None = None
    """Find how late its person pressed instead, uniform or gamma, as a --credit to type."""
    show: bool = False
    """Play it in the window."""


@dataclass(frozen=True)
class List:
    """Name every agent, teacher, blend, credit and world there is."""

    kind: str = "all"
    """agents, teachers, blends, credits, envs, presets or all."""
    presets: bool = False
    """Print the file of presets."""


@dataclass(frozen=True)
class Doctor(Trusting):
    """Check this installation and say what to type where something is wrong."""

    run: str | None = None
    """A run folder to check as well."""


COMMANDS: dict[str, type] = {
    "train": Train,
    "play": Play,
    "replay": Replay,
    "resume": Resume,
    "evaluate": Evaluate,
    "watch": Watch,
    "watch-metrics": WatchMetrics,
    "sweep": Sweep,
    "plot": Plot,
    "compare": Compare,
    "export": Export,
    "import": Import,
    "merge": Merge,
    "reproduce": Reproduce,
    "bench": Bench,
    "list": List,
    "doctor": Doctor,
}
#: Flags that go by another name elsewhere, and short forms.
ALIASES = {"--env-id": "--env", "--algo": "--agent", "--seed": "--seeds", "-n": "--total-timesteps"}
APPENDED = (
    "--set",
    "--env-kwargs",
    "--grid",
    "--space",
    "--env",
    "--agent",
    "--teacher",
    "--blend",
    "--seeds",
    "--methods",
    "--worlds",
    "--conditions",
)
POSITIONAL = {
    "resume": "run",
    "evaluate": "run",
    "watch": "run",
    "replay": "run",
    "watch-metrics": "run",
    "plot": "run",
    "compare": "run",
    "export": "run",
    "import": "file",
    "merge": "run",
    "list": "kind",
    "doctor": "run",
    "reproduce": "name",
    "bench": "suite",
    "sweep": "config",
}


NEEDED = {"run": "a run folder, such as runs/...", "file": "a file, such as feedback.csv"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line. Returns the exit code: 0, 2 for a user's mistake, 130 after Ctrl-C."""
    try:
        name, flags = read(list(sys.argv[1:] if arguments is None else arguments))
        from hfrl import commands  # late: --help and a mistyped flag need nothing of it

        return int(getattr(commands, f"run_{name.replace('-', '_')}")(flags))
    except UserError as error:
        # What is quoted may come from a stranger's file: no letter of it moves the cursor or colours the terminal.
        line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(error).split()))
        print(f"hfrl: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hfrl: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python would complain again when it flushes at exit.
        sys.stdout = io.TextIOWrapper(io.BytesIO())
        return 0
    except OSError as error:
        # A full disk, a folder that cannot be written: no mistake of this program, and what was written before is kept.
        where = f": {error.filename}" if error.filename else ""
        print(f"hfrl: {error.strerror or error}{where}", file=sys.stderr)
        return 1


def read(arguments: list[str]) -> tuple[str, Any]:
    """The command and its flags. Raises UserError; ``--help`` prints and raises SystemExit."""
    name = "train"
    if arguments and not arguments[0].startswith("-"):
        name = arguments.pop(0)
    if name not in COMMANDS:
        raise UserError(f"unknown command {name!r}{registry.nearest(name, COMMANDS)} (known: {', '.join(COMMANDS)})")
    return name, _parse(name, COMMANDS[name], _normal(name, arguments))


def _normal(name: str, arguments: list[str]) -> list[str]:
    """Flags under their one name; repeats of a flag that takes several values become one."""
    kind = COMMANDS[name]
    known = {f"--{field.name}" for field in dataclasses.fields(kind) if field.init} | {"--help"}
    singular = {alias: flag for alias, flag in ALIASES.items() if flag.replace("-", "_") in _underscored(known)}
    flags: dict[str, list[str]] = {}
    loose: list[str] = []
    current = loose
    for argument in arguments:
        if not re.match(r"-[A-Za-z-]", argument):
            current.append(argument)
            continue
        flag, _, value = argument.partition("=")
        flag = singular.get(flag.replace("_", "-"), flag)
        flag = _known_flag(name, flag, known, singular)
        if flag in flags and flag not in APPENDED:
            raise UserError(f"{flag} is given twice")
        current = flags.setdefault(flag, [])
        if value:
            current.append(value)
    positional = POSITIONAL.get(name)
    if loose and positional is None:
        raise UserError(f"unexpected {loose[0]!r}: {name} takes flags only, such as --env or --agent")
    if positional and loose:
        flags.setdefault(f"--{positional}", [])[:0] = loose
    _check_values(kind, flags)
    return [word for flag, values in flags.items() for word in (flag, *values)]


def _check_values(kind: type, flags: dict[str, list[str]]) -> None:
    """Each flag has as many values as it takes, of the right type. Raises UserError with what was typed."""
    hints = typing.get_type_hints(kind)
    for flag, values in flags.items():
        wanted = hints.get(flag.removeprefix("--").removeprefix("no-").replace("-", "_"))
        if flag == "--help":
            continue
        if wanted is bool:
            if values:
                raise UserError(f"{flag} takes no value, got {values[0]!r}")
        elif not values or "" in values:
            raise UserError(f"{flag} needs a value")
        elif not str(wanted).startswith("tuple"):
            _check_value(flag, values, str(wanted))


def _check_value(flag: str, values: list[str], wanted: str) -> None:
    if len(values) > 1:
        raise UserError(f"{flag} takes one value, got {' '.join(values)!r}")
    if wanted.find("int") >= 0 and not re.fullmatch(r"-?[0-9]{1,18}", values[0]):
        raise UserError(f"{flag} takes a whole number, got {values[0]!r}")
    if wanted.find("float") >= 0:
        try:
            finite = math.isfinite(float(values[0]))
        except ValueError:
            finite = False
        if not finite:
            raise UserError(f"{flag} takes a number, got {values[0]!r}")


def _underscored(flags: set[str]) -> set[str]:
    return {flag.replace("-", "_") for flag in flags}


def _known_flag(name: str, flag: str, known: set[str], aliases: dict[str, str]) -> str:
    """The flag as it is known, hyphens and underscores alike. Raises UserError with the nearest."""
    if flag in ("-h", "--help"):
        return "--help"
    plain = "--" + flag[2:].replace("-", "_") if flag.startswith("--") else flag
    if plain in known or plain.replace("--no_", "--", 1) in known:
        return plain.replace("_", "-")
    names = sorted({flag.replace("_", "-") for flag in known} | set(aliases))
    raise UserError(f"{name} has no flag {flag!r}{registry.nearest(flag, names)} (see hfrl {name} --help)")


def _parse(name: str, kind: type, arguments: list[str]) -> Any:
    import tyro

    program = "hfrl" if name == "train" else f"hfrl {name}"
    need = POSITIONAL.get(name, "")
    missing = need in NEEDED and name != "doctor" and f"--{need}" not in arguments
    if "--help" in arguments:
        arguments = ["--help"]
    elif missing:
        raise UserError(f"{name} needs {NEEDED[need]} (see hfrl {name} --help)")
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            said: Any = {"prog": program, "args": arguments, "description": _description(name, kind)}
            if not issubclass(kind, Train):
                return tyro.cli(kind, **said)
            found = _from_config(arguments, kind)
            whole = tyro.cli(kind, default=kind(**found.settings), **said)
            # What is typed wins over the section of a world, too.
            each = [
                dataclasses.replace(tyro.cli(kind, default=kind(**found.of(env)), **said), env=(env,))
                for env in sections_of(found, whole.env)
            ]
            return sectioned(whole, each) if each else whole
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UserError(_one_line(complaint.getvalue(), name)) from None


def _from_config(arguments: list[str], kind: type[Train]) -> ConfigFile:
    """What the file of ``--config`` says; the flags that are typed win over it."""
    if "--config" not in arguments:
        return ConfigFile({}, {})
    return read_file(arguments[arguments.index("--config") + 1], "--trust" in arguments, kind)


def _description(name: str, kind: type) -> str:
    text = " ".join((kind.__doc__ or "").split())
    if name != "train":
        return text
    others = "; ".join(f"{other}: {(COMMANDS[other].__doc__ or '').splitlines()[0]}" for other in COMMANDS)
    return f"{text}\n\nCommands (hfrl COMMAND --help): {others}"


def _one_line(complaint: str, name: str) -> str:
    """The first sentence of the parser's boxed complaint."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", complaint)
    lines = [re.sub(r"[│╭╮╰╯─|+]|--+", " ", line).strip() for line in plain.splitlines()]
    said = [line for line in lines if line and not line.startswith(("Parsing error", "For full helptext"))]
    return f"{' '.join(said[:2]) or 'the flags cannot be read'} (see hfrl {name} --help)"


if __name__ == "__main__":
    sys.exit(main())
