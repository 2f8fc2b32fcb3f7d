"""One frozen dataclass is the source of the flags, of the config file and of the record of a run."""

import dataclasses
import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hfrl import registry
from hfrl.presets import Preset, preset
from hfrl.types import UserError

DEFAULT_ENV = "hfrl/Pizza-v0"
DEFAULT_STEPS = 200_000
EVALUATIONS = 20
#: Shorter runs are done again sooner than a checkpoint would be worth.
LEAST_SAVE_FREQ = 10_000
NUMBER = re.compile(r"[0-9]{1,18}")
ENGINES = ("auto", "python", "compiled")
GOOD_TEACHER = "oracle:consistency=0.9,likelihood=0.3"


@dataclass(frozen=True)
class Train:
    """Train agents, taught or not. Several values after --env, --agent, --teacher or --blend make a grid.

    Without --env, --agent, --teacher, --blend and --config it is the headline: the pizza worlds, Q-learning on the
    automated reward alone beside Q-learning with a simulated person's feedback blended in.
    """

    env: tuple[str, ...] = ()
    """The worlds: Gymnasium ids such as hfrl/Pizza-v0 or FrozenLake-v1. [hfrl/Pizza-v0]"""
    agent: tuple[str, ...] = ()
    """The agents; `hfrl list` names them. [q_learning]"""
    teacher: tuple[str, ...] = ()
    """Who teaches: none, oracle:consistency=0.9,likelihood=0.3; + fuses several. [none; an oracle for a blend, and for
    an agent that learns from feedback alone]"""
    blend: tuple[str, ...] = ()
    """How feedback joins the reward: none, reward_shaping:beta=0.5; + chains two. [none; reward_shaping if taught]"""
    credit: str = "auto"
    """Which steps a press is about: immediate, uniform, gamma or empirical; auto takes uniform for a late teacher."""
    total_timesteps: int | None = None
    """Environment steps of each run, also -n. [200000]"""
    seeds: tuple[str, ...] = ()
    """Seeds, such as 0-9 or 3 7. [0-2; the headline 0-9]"""
    preset: str | None = None
    """Settings that were measured to learn a world, such as cartpole_fast; `hfrl list presets` shows them all."""
    set: tuple[str, ...] = ()
    """Settings of the agent, key=value."""
    grid: tuple[str, ...] = ()
    """Settings of the agent that make a grid, key=value,value: learning_rate=0.1,0.5 epsilon=0.05,0.1."""
    alpha: str | None = None
    """The agent's learning_rate: a number, linear:START:END:STEPS or exponential:START:RATE[:episodes]."""
    gamma: str | None = None
    """The agent's discount."""
    epsilon: str | None = None
    """The agent's exploration: a number or a schedule."""
    device: str | None = None
    """Where networks run: cpu, cuda, or auto, the GPU if torch is needed and finds one. [auto]"""
    env_kwargs: tuple[str, ...] = ()
    """Settings of the world, key=value."""
    warmup: int = 0
    """Steps without a teacher before the teaching begins."""
    num_envs: int = 1
    """Copies of the world that are stepped together, for agents of the DQN family without a teacher."""
    eval_freq: int | None = None
    """Steps between evaluations; 0 evaluates only at the end. [a twentieth of the run]"""
    eval_episodes: int = 50
    """Episodes of each evaluation."""
    save_freq: int | None = None
    """Steps between checkpoints; 0 saves only at the end. [a tenth of the run, and 10000 at least]"""
    keep_checkpoints: int = 2
    """How many of the latest checkpoints are kept while it runs."""
    engine: str = "auto"
    """What runs the loop: python, compiled (tables only, far faster, the same bits), or auto, which says why."""
    jobs: str = "auto"
    """Processes at work: a number, or auto for one per core."""
    out: str = "runs"
    """The folder that run folders are made in."""
    tensorboard: bool = False
    """Write TensorBoard events, too (pip install 'hfrl[track]')."""
    config: str | None = None
    """Read these same settings from a TOML or JSON file (a run's config.json, say); flags win over it."""
    trust: bool = False
    """Run code that the file of --config names (agent = "file.py:Name")."""
    print_config: bool = False
    """Print what these flags (and the file) come to, as a config file, and run nothing."""
    json: bool = False
    """End the output with the summary as one line of JSON."""
    progress: bool = True
    """Show progress bars."""
    sections: tuple["Train", ...] = field(default=(), init=False)
    """The same for each world, where a file has sections for worlds (:func:`sectioned`); no flag."""


def sectioned(flags: Train, sections: Sequence[Train]) -> Train:
    """The flags, with flags of their own for each world."""
    whole = dataclasses.replace(flags)
    object.__setattr__(whole, "sections", tuple(sections))  # nobody has seen it yet
    return whole


#: What belongs to a typed line rather than to an experiment: not part of a run's record.
UNRECORDED = ("config", "preset", "print_config", "json", "progress", "jobs", "out", "trust", "sections")
#: The settings that name parts.
PARTS = ("env", "agent", "teacher", "blend")
#: The most seeds of a run, and cells of a grid.
MOST_SEEDS = 100_000
MOST_ARMS = 10_000
#: The most copies of a world that are stepped together, and what such a run does without.
MOST_ENVS = 1_024
NO_CHECKPOINTS = "is not gone on from: its worlds stand in the middle of their episodes, each at another place"


@dataclass(frozen=True)
class Arm:
    """One cell of the grid: everything that one agent in one world needs, checked and resolved."""

    env: str
    agent: str
    teacher: str
    blend: str
    credit: str
    total_timesteps: int
    seeds: tuple[int, ...]
    set: dict[str, Any] = field(default_factory=dict)
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    warmup: int = 0
    eval_freq: int = 0
    eval_episodes: int = 50
    engine: str = "python"
    tensorboard: bool = False
    save_freq: int = 0
    keep_checkpoints: int = 2
    num_envs: int = 1

    @property
    def label(self) -> str:
        """The arm in a few words, without the settings of its parts."""
        blend = re.sub(r":[^+]*(\+(?=[A-Za-z])|$)", r"\1", self.blend)
        teacher = re.sub(r":[^+]*(\+(?=[A-Za-z])|$)", r"\1", self.teacher)
        return _label(self.agent, blend, teacher)

    @property
    def full_label(self) -> str:
        """The arm with every setting of its parts."""
        return _label(self.agent, self.blend, self.teacher)

    @property
    def trust(self) -> str:
        """What must be typed behind a command that reads this arm's run folder."""
        return " --trust" if any(is_code(key, getattr(self, key)) for key in PARTS) else ""

    def as_config(self) -> dict[str, Any]:
        """The arm in the words of a config file: what ``--config`` reads back."""
        return {
            "env": [self.env],
            "agent": [self.agent],
            "teacher": [self.teacher],
            "blend": [self.blend],
            "credit": self.credit,
            "total_timesteps": self.total_timesteps,
            "seeds": [str(seed) for seed in self.seeds],
            "set": [f"{key}={value}" for key, value in self.set.items()],
            "env_kwargs": [f"{key}={value}" for key, value in self.env_kwargs.items()],
            "warmup": self.warmup,
            "eval_freq": self.eval_freq,
            "eval_episodes": self.eval_episodes,
            "engine": self.engine,
            "tensorboard": self.tensorboard,
            "save_freq": self.save_freq,
            "keep_checkpoints": self.keep_checkpoints,
            "num_envs": self.num_envs,
        }


def _label(agent: str, blend: str, teacher: str) -> str:
    taught = f" + {blend}" if blend != "none" else ""
    person = f" ({teacher})" if teacher != "none" else ""
    return f"{agent}{taught}{person}"


def is_code(key: str, part: str) -> bool:
    """Whether a part named by a file would run code that this package and its worlds do not bring.

    >>> is_code("agent", "mine.py:Mine"), is_code("env", "module:World-v0"), is_code("env", "hfrl:hfrl/Pizza-v0")
    (True, True, False)
    """
    return ".py:" in part or (key == "env" and ":" in part and not part.startswith("hfrl:"))


def parse_seeds(texts: Sequence[str]) -> tuple[int, ...]:
    """``["0-9"]`` or ``["3", "7"]`` as numbers. Raises UserError."""
    seeds: list[int] = []
    for text in (part for whole in texts for part in whole.replace(",", " ").split()):
        first, dash, last = text.partition("-")
        if not NUMBER.fullmatch(first) or (dash and not NUMBER.fullmatch(last)):
            raise UserError(f"seeds are numbers or ranges such as 0-9, got {text!r}")
        if dash and int(last) < int(first):
            raise UserError(f"the range of seeds {text!r} runs backwards; did you mean '{last}-{first}'?")
        if dash and int(last) - int(first) >= MOST_SEEDS:
            raise UserError(f"the range of seeds {text!r} is longer than {MOST_SEEDS}")
        seeds.extend(range(int(first), int(last) + 1) if dash else [int(first)])
        if len(seeds) > MOST_SEEDS:
            raise UserError(f"there are more than {MOST_SEEDS} seeds")
    doubled = [seed for seed, times in Counter(seeds).items() if times > 1]
    if doubled:
        raise UserError(f"seed {min(doubled)} is given twice")
    return tuple(seeds)


def arms(flags: Train) -> list[Arm]:
    """The cells of the grid that the flags ask for, checked. Raises UserError."""
    if flags.sections:
        return [arm for one in flags.sections for arm in arms(one)]
    if flags.preset is not None:
        flags = _with_preset(flags, preset(flags.preset))
    steps = DEFAULT_STEPS if flags.total_timesteps is None else flags.total_timesteps
    if steps < 1:
        raise UserError(f"--total-timesteps must be at least 1, got {steps}")
    if flags.eval_episodes < 1:
        raise UserError(f"--eval-episodes must be at least 1, got {flags.eval_episodes}")
    if flags.eval_freq is not None and flags.eval_freq < 0:
        raise UserError(f"--eval-freq must be 0 (only at the end) or more, got {flags.eval_freq}")
    frequency = max(1, steps // EVALUATIONS) if flags.eval_freq is None else flags.eval_freq
    if flags.save_freq is not None and flags.save_freq < 0:
        raise UserError(f"--save-freq must be 0 (only at the end) or more, got {flags.save_freq}")
    if flags.keep_checkpoints < 1:
        raise UserError(f"--keep-checkpoints must be at least 1, got {flags.keep_checkpoints}")
    if not 1 <= flags.num_envs <= MOST_ENVS:
        raise UserError(f"--num-envs must be 1 to {MOST_ENVS} copies of the world, got {flags.num_envs}")
    if flags.num_envs > 1 and flags.save_freq:
        raise UserError(f"--num-envs {flags.num_envs} {NO_CHECKPOINTS}; leave --save-freq out")
    if flags.warmup < 0:
        raise UserError(f"--warmup must be 0 or more steps, got {flags.warmup}")
    if flags.engine not in ENGINES:
        close = registry.nearest(flags.engine, ENGINES)
        raise UserError(f"unknown engine {flags.engine!r}{close} (known: {', '.join(ENGINES)})")
    chosen = registry.settings(flags.set, "--set")
    chosen |= plain_flags(flags)
    # Absolute, so that a run that is to go on for longer explores as it did.
    points = [absolute(chosen | point, steps) for point in grid_points(flags.grid)]
    asked_for_blend = any(blend != "none" for blend in flags.blend)
    envs, agents = flags.env or (DEFAULT_ENV,), flags.agent or ("q_learning",)

    def taught_by(agent: str) -> Sequence[str]:
        """Who teaches an agent: whoever was asked for; an oracle for a blend, or where nothing else would teach it."""
        needed = asked_for_blend or not registry.hears_reward(agent)
        return flags.teacher or ((GOOD_TEACHER,) if needed else ("none",))

    def blended_in(agent: str) -> Sequence[str]:
        """How a teacher joins the reward, where there is one to join."""
        joined = registry.hears_reward(agent) and any(teacher != "none" for teacher in taught_by(agent))
        return flags.blend or (("reward_shaping",) if joined else ("none",))

    shared = {
        "credit": flags.credit,
        "total_timesteps": steps,
        "seeds": parse_seeds(flags.seeds or ("0-2",)),
        "env_kwargs": registry.settings(flags.env_kwargs, "--env-kwargs"),
        "warmup": flags.warmup,
        "eval_freq": frequency,
        "eval_episodes": flags.eval_episodes,
        "engine": flags.engine,
        "tensorboard": flags.tensorboard,
        "save_freq": save_freq_of(flags, steps),
        "keep_checkpoints": flags.keep_checkpoints,
        "num_envs": flags.num_envs,
    }
    cells = len(envs) * len(points) * sum(len(taught_by(agent)) * len(blended_in(agent)) for agent in agents)
    if cells > MOST_ARMS:
        raise UserError(f"the grid has {cells:,} cells; at most {MOST_ARMS:,} are run at once")
    return [
        Arm(env=env, agent=agent, teacher=teacher, blend=blend, set=point, **shared)  # type: ignore[arg-type]
        for env in envs
        for agent in agents
        for teacher in taught_by(agent)
        for blend in blended_in(agent)
        for point in points
    ]


def save_freq_of(flags: Train, steps: int) -> int:
    """Steps between checkpoints; 0 for only at the end."""
    if flags.num_envs > 1:
        return 0
    return max(LEAST_SAVE_FREQ, steps // 10) if flags.save_freq is None else flags.save_freq


def grid_points(texts: Sequence[str]) -> list[dict[str, Any]]:
    """The combinations of ``key=value,value`` texts; one empty combination for none. Raises UserError.

    >>> grid_points(["gamma=0.9,0.99", "net_arch=[8,8]"])
    [{'gamma': 0.9, 'net_arch': [8, 8]}, {'gamma': 0.99, 'net_arch': [8, 8]}]
    """
    axes: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        parts = re.split(r",(?![^\[(]*[\])])", values)
        if not key or not equals or not all(parts):
            raise UserError(f"--grid takes key=value,value such as learning_rate=0.1,0.5, got {text!r}")
        if key in axes:
            raise UserError(f"--grid has {key} twice; give all its values at once")
        axes[key] = [registry.literal(part) for part in parts]
        if len({repr(value) for value in axes[key]}) < len(parts):
            raise UserError(f"--grid has a value of {key} twice: {text!r}")
    if math.prod(len(values) for values in axes.values()) > MOST_ARMS:
        raise UserError(f"the grid has more than {MOST_ARMS:,} cells")
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]


def plain_flags(flags: Any) -> dict[str, Any]:
    """The settings of the agent that are flags of their own."""
    typed = {"learning_rate": flags.alpha, "gamma": flags.gamma, "epsilon": flags.epsilon, "device": flags.device}
    return {name: registry.literal(value) for name, value in typed.items() if value is not None}


def as_typed(settings: dict[str, Any]) -> tuple[str, ...]:
    """Settings as they are typed, ``key=value``.

    >>> as_typed({"gamma": 0.9, "net_arch": [64, 64]})
    ('gamma=0.9', 'net_arch=[64, 64]')
    """
    return tuple(f"{key}={value}" for key, value in settings.items())


def absolute(settings: dict[str, Any], total: int) -> dict[str, Any]:
    """Settings in which ``exploration_fraction`` of a run of so many steps has become ``exploration_steps``.

    >>> absolute({"exploration_fraction": 0.25, "gamma": 0.9}, 1000)
    {'gamma': 0.9, 'exploration_steps': 250}
    """
    if "exploration_fraction" not in settings:
        return settings
    share = settings["exploration_fraction"]
    if not isinstance(share, int | float) or not 0 < share <= 1:
        raise UserError(f"exploration_fraction must be within (0, 1], got {share!r}")
    if "exploration_steps" in settings:
        raise UserError("exploration_fraction and exploration_steps say the same: give one of them")
    rest = {name: value for name, value in settings.items() if name != "exploration_fraction"}
    return rest | {"exploration_steps": max(1, round(share * total))}


def _with_preset(flags: Train, taken: Preset) -> Train:
    """The flags, and where they say nothing the preset."""
    return dataclasses.replace(
        flags,
        preset=None,
        env=flags.env or (taken.env,),
        agent=flags.agent or (taken.agent,),
        total_timesteps=taken.total_timesteps if flags.total_timesteps is None else flags.total_timesteps,
        set=(*as_typed(taken.set), *flags.set),
        env_kwargs=(*as_typed(taken.env_kwargs), *flags.env_kwargs),
    )


def headline(flags: Train) -> list[Arm]:
    """The two pizza worlds, each with and without a simulated person.

    Flags that narrow a run (steps, seeds, settings) still count.
    """
    # Settings typed later win, so these are the headline's own only where nothing was typed.
    defaults = ("learning_rate=0.5", "epsilon=0.1")
    result: list[Arm] = []
    for env, steps in (("hfrl/Pizza-v0", 100_000), ("hfrl/PizzaKitchen-v0", 200_000)):
        for teacher, blend in (("none", "none"), (GOOD_TEACHER, "reward_shaping:beta=0.5")):
            cell = dataclasses.replace(
                flags,
                env=(env,),
                agent=("q_learning",),
                teacher=(teacher,),
                blend=(blend,),
                total_timesteps=steps if flags.total_timesteps is None else flags.total_timesteps,
                seeds=flags.seeds or ("0-9",),
                set=(*defaults, *flags.set),
            )
            result += arms(cell)
    return result
