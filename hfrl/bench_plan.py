"""The plan of the suite ``bench feedback``: its table of worlds, conditions and methods, and the cells they make.

A cell is an arm: one method in one world, taught by one person, for some seeds. The table is ``bench_feedback.toml``,
which ships with the package.
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hfrl.bench_score import EVALUATIONS
from hfrl.config import Arm
from hfrl.registry import nearest
from hfrl.types import UserError

FILE = Path(__file__).with_name("bench_feedback.toml")
#: The method that all others are compared with.
PLAIN = "no_feedback"
#: The condition of an arm without a teacher.
NOBODY = "nobody"
_WORD = re.compile(r"(?:([0-9.]+)\*)?\b(unit|claimed)\b")


class World(NamedTuple):
    """A world of the suite; the head of the table says what each field means."""

    name: str
    env: str
    agent: str
    steps: int
    episodes: int
    unit: float
    zero: float
    conditions: list[str]
    seconds: float
    set: dict[str, Any]
    env_kwargs: dict[str, Any] = {}  # noqa: RUF012 - read, never written
    teacher: dict[str, Any] = {}  # noqa: RUF012
    oracle: str = "oracle"
    best: float | None = None
    box: bool = False


class Condition(NamedTuple):
    """A person: their dials, and how often they are believed to be right."""

    name: str
    says: str
    dials: dict[str, Any]
    claimed: float


class Method(NamedTuple):
    """A way to learn from a person: what differs from the plain agent of a world.

    Attributes:
        worlds: the worlds it is for; empty for all.
        agent: its own agent instead of the world's, in worlds of tables; ``box_agent`` the same in worlds whose
            observations are a Box. A method that has only the one is only for those worlds.
        set: settings beside the world's; of a method with an agent of its own, instead of the world's, where given.
        set_in: other ones than ``set``, by world.
        steps: its own budget (references alone).
    """

    name: str
    says: str
    blend: str = "none"
    agent: str | None = None
    box_agent: str | None = None
    set: dict[str, Any] | None = None
    set_in: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - read, never written
    teacher: str = ""
    worlds: list[str] = []  # noqa: RUF012 - read, never written
    env_kwargs: dict[str, Any] = {}  # noqa: RUF012
    steps: int | None = None

    def is_for(self, world: World) -> bool:
        """Whether the table means it for a world."""
        return not self.barred(world)

    def barred(self, world: World) -> str:
        """Why the table does not mean it for a world; empty where it does."""
        own, other = (self.box_agent, self.agent) if world.box else (self.agent, self.box_agent)
        if own is None and other is not None:
            here, there = ("a Box", "numbered states") if world.box else ("numbered states", "a Box")
            return f"{other} is meant for {there}, and this world has {here}"
        if self.worlds and world.name not in self.worlds:
            return f"the table means it for {', '.join(self.worlds)} alone"
        return ""

    def settings_in(self, world: World) -> dict[str, Any] | None:
        """Its own settings in a world."""
        return self.set_in.get(world.name, self.set)

    def agent_in(self, world: World) -> str:
        """Who learns in a world."""
        return (self.box_agent if world.box else self.agent) or world.agent


class Quick(NamedTuple):
    """What ``--quick`` leaves of the table."""

    worlds: list[str]
    conditions: list[str]
    seeds: str


class Plan(NamedTuple):
    """The whole table, or what was chosen of it."""

    worlds: Mapping[str, World]
    conditions: Mapping[str, Condition]
    methods: Mapping[str, Method]
    references: Mapping[str, Method]
    quick: Quick


class Cell(NamedTuple):
    """One method in one world, taught by one person: an arm, and where it stands in the table."""

    method: str
    world: str
    condition: str
    arm: Arm


@functools.cache
def full_plan() -> Plan:
    """The table as it ships."""
    return read_plan(FILE.read_text(encoding="utf-8"))


def read_plan(text: str) -> Plan:
    """A plan from its TOML."""
    table = tomllib.loads(text)
    return Plan(
        {name: World(name=name, **row) for name, row in table["worlds"].items()},
        {name: Condition(name=name, **row) for name, row in table["conditions"].items()},
        {name: Method(name=name, **row) for name, row in table["methods"].items()},
        {name: Method(name=name, **row) for name, row in table.get("references", {}).items()},
        Quick(**table["quick"]),
    )


def chosen(plan: Plan, methods: Sequence[str], worlds: Sequence[str], conditions: Sequence[str]) -> Plan:
    """The part of a plan that was asked for by name; nothing asked for is everything. The plain agent is always in it.

    Raises:
        UserError: an unknown name, with the nearest there is.
    """
    kept_methods = _kept({**plan.methods, **plan.references}, methods, "method")
    return Plan(
        _kept(plan.worlds, worlds, "world"),
        _kept(plan.conditions, conditions, "condition"),
        {name: row for name, row in plan.methods.items() if name in kept_methods or name == PLAIN},
        {name: row for name, row in plan.references.items() if name in kept_methods},
        plan.quick,
    )


def _kept(rows: Mapping[str, Any], names: Sequence[str], what: str) -> dict[str, Any]:
    wanted = [name.replace("-", "_") for name in names]
    for name in wanted:
        if name not in rows:
            raise UserError(f"unknown {what} {name!r}{nearest(name, rows)} (known: {', '.join(rows)})")
    return {name: row for name, row in rows.items() if not wanted or name in wanted}


def cells(plan: Plan, seeds: Sequence[int]) -> list[Cell]:
    """Every cell of a plan, condition by condition, so that a suite that is stopped early has whole comparisons."""
    result = [
        _cell(world, None, method, seeds)
        for world in plan.worlds.values()
        for method in (*plan.methods.values(), *plan.references.values())
        if (method.teacher == "none" or method.name in plan.references) and method.is_for(world)
    ]
    for condition in plan.conditions.values():
        for world in plan.worlds.values():
            if condition.name in world.conditions:
                result += [
                    _cell(world, condition, method, seeds)
                    for method in plan.methods.values()
                    if method.teacher != "none" and method.is_for(world)
                ]
    return result


def left_out(plan: Plan) -> dict[tuple[str, str], str]:
    """The methods that the table does not mean for a world, with the reason."""
    pairs = [(method, world) for method in plan.methods.values() for world in plan.worlds.values()]
    return {(method.name, world.name): why for method, world in pairs if (why := method.barred(world))}


def _cell(world: World, condition: Condition | None, method: Method, seeds: Sequence[int]) -> Cell:
    steps = method.steps or world.steps
    claimed = condition.claimed if condition else 1.0
    teacher = method.teacher or world.oracle
    dials = world.teacher | condition.dials if condition else {}
    arm = Arm(
        env=world.env,
        agent=method.agent_in(world),
        teacher=_part(teacher, dials) if condition else "none",
        blend=filled(method.blend, world.unit, claimed),
        credit="auto",
        total_timesteps=steps,
        seeds=tuple(seeds),
        set=_settings(_base(world, method), method.settings_in(world) or {}, world.unit, claimed),
        env_kwargs=world.env_kwargs | method.env_kwargs,
        eval_freq=steps // EVALUATIONS,
        eval_episodes=world.episodes,
        engine="auto",
    )
    return Cell(method.name, world.name, condition.name if condition else NOBODY, arm)


def _base(world: World, method: Method) -> dict[str, Any]:
    """The world's settings, but for a method with an agent and settings of its own."""
    own = method.settings_in(world) is not None
    return {} if method.agent_in(world) != world.agent and own else world.set


def _part(name: str, settings: Mapping[str, Any]) -> str:
    """A part as it is written on the command line."""
    pairs = ",".join(f"{key}={value}" for key, value in settings.items())
    return f"{name}{',' if ':' in name else ':'}{pairs}" if pairs else name


def _settings(base: Mapping[str, Any], own: Mapping[str, Any], unit: float, claimed: float) -> dict[str, Any]:
    """Settings of an agent; words in them filled in, as numbers."""
    result = dict(base)
    for key, value in own.items():
        words = isinstance(value, str) and _WORD.fullmatch(value)
        result[key] = float(filled(value, unit, claimed)) if words else value
    return result


def filled(text: str, unit: float, claimed: float) -> str:
    """``X*unit`` and ``claimed`` as numbers.

    >>> filled("reward_shaping:beta=0.5*unit", 100.0, 0.9), filled("advise:consistency=claimed", 1.0, 0.8)
    ('reward_shaping:beta=50', 'advise:consistency=0.8')
    """
    values = {"unit": unit, "claimed": claimed}
    return _WORD.sub(lambda found: f"{float(found[1] or 1) * values[found[2]]:.12g}", text)
