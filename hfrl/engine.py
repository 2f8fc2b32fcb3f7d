"""Which engine runs an arm: the Python loop, which runs everything, or the compiled kernel, which runs tables.

Both give the same bits, so the choice is one of time alone. ``auto`` compiles where it pays and says why.
"""

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hfrl import build, people
from hfrl.blend import Blend
from hfrl.config import Arm
from hfrl.judges import judge
from hfrl.kernel import RefusedError
from hfrl.teachers import Dials, Manner
from hfrl.types import UserError

if TYPE_CHECKING:
    from hfrl.compiled import Batch

#: Steps of all seeds together from which ``auto`` compiles: below, the compiler takes longer than the Python loop.
WORTHWHILE = 200_000


class Choice(NamedTuple):
    """An engine, and why."""

    engine: str
    reason: str


def choose(arm: Arm, checked: bool = False) -> Choice:
    """The engine that runs an arm. Where it is the compiled one, its machine code now lies in the cache.

    Args:
        arm: what to run.
        checked: as a run that goes on is compiled, see :class:`hfrl.compiled.Batch`.

    Raises:
        UserError: the compiled engine was asked for and cannot run this; the text says why and what can.
    """
    if arm.engine == "python":
        return Choice("python", "as asked")
    steps = arm.total_timesteps * len(arm.seeds)
    if arm.engine == "auto" and steps < WORTHWHILE:
        reason = f"{steps:,} steps over all seeds are fewer than the {WORTHWHILE:,} from which compiling pays"
        return Choice("python", reason)
    try:
        _try_out(arm, checked)
    except RefusedError as refusal:
        if arm.engine == "auto":
            return Choice("python", str(refusal))
        raise UserError(
            f"--engine compiled cannot run {arm.agent} in {arm.env}: {refusal}; --engine python can"
        ) from refusal
    if arm.engine == "compiled":
        return Choice("compiled", "as asked")
    return Choice("compiled", f"tables and pure functions, and from {WORTHWHILE:,} steps on compiling pays")


def _try_out(arm: Arm, checked: bool) -> None:
    """Build it once: this compiles, and every process after it finds the machine code in the cache."""
    env = build.make_env(arm.env, arm.env_kwargs)
    try:
        batch_of(arm, env, build.make_agent(arm, env), build.make_blend(arm.blend), (0,), checked)
    finally:
        env.close()


def batch_of(arm: Arm, env: Any, agent: Any, blend: Blend, seeds: Sequence[int], checked: bool = False) -> "Batch":
    """The seeds of an arm, compiled, with a log of every press and sums for ``progress.csv``.

    Raises RefusedError, with the reason, where only the Python loop can run it.
    """
    dials = _dials(arm)
    if not build.make_credit(arm).instant:
        raise RefusedError(f"credit {arm.credit} makes steps wait for their feedback")
    from hfrl.compiled import Batch  # late: numba is loaded where it is used

    return Batch(env, agent, seeds, blend, dials, monitor=True, press_log=True, threads=1, checked=checked)


#: What a compiled teacher's judge may be set to; its dials are those of :class:`Dials`.
JUDGED = ("gamma", "taste_weight")
#: What else, where they drive, and what a driver has who was told nothing of it.
DRIVEN = {name: inspect.signature(judge).parameters[name].default for name in ("hold", "slip", "first", "mix")}
#: The dials that have the same name there and in a :class:`Manner`, and those of a Manner that it has not.
HEARD = ("consistency", "likelihood", "budget", "withhold_praise", "inverted", "drift", "fatigue")
UNHEARD = tuple(dial for dial in Manner._fields if dial not in (*HEARD, "withhold_blame"))


def _dials(arm: Arm) -> Dials | None:
    """The arm's teacher as plain numbers; None for nobody. Raises RefusedError."""
    specs = build.teacher_specs(arm.teacher)
    if [spec.name for spec in specs] == ["none"]:
        return None
    if len(specs) > 1:
        raise RefusedError("several people teach at once, and the compiled loop hears one")
    name, settings = specs[0]
    if name not in ("oracle", "sabl", "adversary"):
        raise RefusedError(f"teacher {name} is not a table: only the oracle and its dials are")
    drives = settings.get("kind") == "takeover"
    if drives and arm.warmup:
        raise RefusedError("a person who drives has no warm-up in the compiled loop")
    judged = {key: value for key, value in settings.items() if key in (*JUDGED, *(DRIVEN if drives else ()))}
    turned = {key: value for key, value in settings.items() if key in people.DIALS}
    manner = people.manner_of(name, turned)
    if manner.delay:
        raise RefusedError("the teacher presses late, and late presses are credited by the Python loop")
    known = judged | turned | ({"kind": "takeover"} if drives else {})
    others = [key for key in settings if key not in known and (key, settings[key]) != ("kind", "label")]
    others += [dial for dial in UNHEARD if getattr(manner, dial) != Manner._field_defaults[dial]]
    if others:
        raise RefusedError(f"the compiled loop has no {', '.join(others)} of a teacher")
    heard = {dial: getattr(manner, dial) for dial in HEARD}
    driving = DRIVEN if drives else {}
    return Dials(positivity=manner.withhold_blame, warmup=arm.warmup, **heard, **(driving | judged))
