"""From names to parts: the world, agent, teacher, blend and credit of an arm, each checked before anything runs."""

import functools
import inspect
import re
import warnings
from typing import Any

import gymnasium
import numpy as np

from hfrl import abreast, people, registry
from hfrl import blend as blends
from hfrl.blend import Blend, Deeds, Switch, extend, refusal
from hfrl.config import Arm, absolute
from hfrl.credit import Credit
from hfrl.loop import human_model
from hfrl.models import NoModel
from hfrl.teachers import Manner, after, nobody
from hfrl.types import Teacher, UserError

#: What an agent must have to be taught, evaluated and saved.
AGENT_NEEDS = ("policy", "update", "greedy_policy", "gamma", "on_policy", "learns_from_feedback", "arrays", "restore")


def make_env(env_id: str, env_kwargs: dict[str, Any], render_mode: str | None = None) -> Any:
    """A Gymnasium world, or a user's own ``file.py:World``, in the wrappers for pictures that ``env_kwargs`` ask for.
    Raises UserError with the nearest id there is."""
    own = {name: value for name, value in env_kwargs.items() if name not in WRAPPERS}
    return _wrapped(_bare_env(env_id, own, render_mode), env_id, env_kwargs)


def _grey(env: Any, wanted: Any) -> Any:
    if not isinstance(wanted, bool):
        raise ValueError("it is true or false")
    return gymnasium.wrappers.GrayscaleObservation(env) if wanted else env


def _resized(env: Any, wanted: Any) -> Any:
    if not isinstance(wanted, int) or wanted < 1:
        raise ValueError("it is the height and width in pixels")
    return gymnasium.wrappers.ResizeObservation(env, (wanted, wanted))


def _stacked(env: Any, wanted: Any) -> Any:
    if not isinstance(wanted, int) or wanted < 1:
        raise ValueError("it is how many observations")
    return gymnasium.wrappers.FrameStackObservation(env, wanted) if wanted > 1 else env


#: Settings of a world that are no world's own: Gymnasium's wrappers for pictures, in the order they are put on.
WRAPPERS = {"grayscale": _grey, "resize": _resized, "frame_stack": _stacked}


def _wrapped(env: Any, env_id: str, env_kwargs: dict[str, Any]) -> Any:
    for name, wrap in WRAPPERS.items():
        if name in env_kwargs:
            try:
                env = wrap(env, env_kwargs[name])
            except (AssertionError, ValueError, TypeError, gymnasium.error.Error) as error:
                reason = str(error) or f"it is for pictures, and {env_id} has {env.observation_space}"
                raise UserError(f"{name}={env_kwargs[name]!r} does not go with env {env_id!r}: {reason}") from error
    return env


def _bare_env(env_id: str, env_kwargs: dict[str, Any], render_mode: str | None) -> Any:
    if ".py:" in env_id:
        made = registry.build(registry.resolve(env_id, {}, "env"), (), env_kwargs, f"env {env_id}")
        made.render_mode = render_mode
        return made
    modes: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium's advice on versions: an outdated id is an error below
        try:
            # The passive checker repeats at every step what the tests check once.
            return gymnasium.make(env_id, disable_env_checker=True, **env_kwargs, **modes)
        except gymnasium.error.Error as error:
            raise UserError(_unknown_env(env_id, error)) from error
        except ModuleNotFoundError as error:
            raise UserError(f"env {env_id!r} needs a package that is not installed: {error}") from error
        except (TypeError, ValueError, AssertionError, KeyError) as error:
            shown = ", ".join(f"{key}={value!r}" for key, value in (env_kwargs | modes).items())
            raise UserError(f"env {env_id!r} cannot be made with {shown or 'its defaults'}: {error}") from error


def _unknown_env(env_id: str, error: Exception) -> str:
    name, _, version = env_id.rpartition("-v")
    versions = sorted(known for known in gymnasium.registry if known.rpartition("-v")[0] == (name or env_id))
    if versions and env_id not in versions:
        return f"unknown env {env_id!r}; did you mean {versions[-1]!r}?"
    if versions and version.isdigit():
        return f"env {env_id!r} cannot be made: {str(error).splitlines()[0]}"
    folded = {known.lower(): known for known in gymnasium.registry}
    folded |= {known.split("/")[-1].lower(): known for known in gymnasium.registry}
    close = registry.nearest(env_id.lower(), folded)
    for lower in folded:
        close = close.replace(repr(lower), repr(folded[lower]))
    return f"unknown env {env_id!r}{close} (`hfrl list envs` names them all)"


def make_agent(arm: Arm, env: Any) -> Any:
    """The agent of an arm. Raises UserError for an unknown name or setting, or a world it cannot take."""
    part = registry.resolve(arm.agent, registry.AGENTS, "agent")
    chosen = absolute(arm.set, arm.total_timesteps)
    registry.check_settings(part, chosen, ("env", "self"), f"agent {arm.agent}")
    agent = registry.build(part, (env,), chosen, f"agent {arm.agent}")
    missing = [name for name in AGENT_NEEDS if not hasattr(agent, name)]
    if missing:
        raise UserError(f"agent {arm.agent} has no {', '.join(missing)}; an agent needs {', '.join(AGENT_NEEDS)}")
    return agent


def teacher_specs(text: str) -> list[registry.Spec]:
    """The people of an arm: one, or several with ``+`` between them."""
    known = "|".join(registry.TEACHERS)
    parts = re.split(rf"\+(?=(?:{known})(?:[:+]|$)|[^+:,=]*\.py:)", text)
    return [registry.parse(part, "teacher") for part in parts]


def make_teacher(
    arm: Arm, env: Any, rng: np.random.Generator, agent: Any = None, switch: Switch | None = None
) -> Teacher:
    """The teacher of an arm, silent until its warm-up is over.

    Args:
        agent: whose policy a teacher may read (kind=advantage), and never more than that.
        switch: what a teacher takes the wheel by who drives.
    """
    specs = teacher_specs(arm.teacher)
    reads = agent if switch is None or switch.blend.extends != "action" else Deeds(agent, switch)
    made = [_one_teacher(spec, env, people.generator_of(rng, k), reads) for k, spec in enumerate(specs)]
    names = people.trainers([spec.name for spec in specs])
    teacher = made[0] if len(made) == 1 else people.Fused(list(zip(names, made, strict=True)))
    driver = people.driver_of(teacher)
    if driver is not None and switch is not None:
        switch.takeover = driver.take_over
    return after(teacher, arm.warmup) if arm.warmup else teacher


def judge_of(spec: registry.Spec, env: Any, rng: np.random.Generator, agent: Any = None) -> tuple[Teacher, Manner]:
    """What a person of this description thinks, and how they put it. Raises UserError as :func:`make_teacher`."""
    part = registry.resolve(spec.name, registry.TEACHERS, "teacher")
    what = f"teacher {spec.name}"
    takes = inspect.signature(part).parameters
    dials = () if part is nobody else tuple(dial for dial in people.DIALS if dial not in takes)
    registry.check_settings(part, spec.settings, ("env", "rng", "policy"), what, dials)
    own = {name: value for name, value in spec.settings.items() if name not in dials}
    if "policy" in takes and agent is not None:
        own["policy"] = agent.policy
    manner = people.manner_of(spec.name, {name: value for name, value in spec.settings.items() if name in dials})
    judge: Teacher = registry.build(part, (env, rng), own, what)
    if not callable(judge):
        raise UserError(f"{what} made {judge!r}: expected a callable on a step")
    if own.get("kind") == "label01":
        manner = manner._replace(blame=0.0)
    return judge, manner


def _one_teacher(spec: registry.Spec, env: Any, rng: np.random.Generator, agent: Any) -> Teacher:
    judge, manner = judge_of(spec, env, rng, agent)
    silent = registry.resolve(spec.name, registry.TEACHERS, "teacher") is nobody
    return judge if silent else people.person(judge, manner, rng)


def make_blend(text: str) -> Blend:
    """A blend from its name and settings; ``a+b`` chains two."""
    made = []
    for part_text in re.split(r"\+(?=[A-Za-z])", text):
        spec = registry.parse(part_text, "blend")
        part = registry.resolve(spec.name, registry.BLENDS, "blend")
        registry.check_settings(part, spec.settings, (), f"blend {spec.name}")
        one = registry.build(part, (), spec.settings, f"blend {spec.name}")
        if not isinstance(one, Blend):
            raise UserError(f"blend {spec.name} made {one!r}: expected a Blend")
        made.append(one)
    return made[0] if len(made) == 1 else blends.chain(*made)


def make_switch(arm: Arm, env: Any, agent: Any) -> Switch:
    """The blend of an arm with an empty model of the person; the agent is given what the blend has to find in it.
    Raises UserError where no H fits the world, or the blend does not go with the agent."""
    blend, model = make_blend(arm.blend), human_model(env)
    if blend.name != "none" and isinstance(model, NoModel):
        raise UserError(
            f"blend {blend.name} keeps a model of the person, which needs Discrete actions, and Discrete observations "
            "or a Box (pictures: pip install 'hfrl[deep]'); "
            f"{arm.env} has {env.observation_space}; use --blend none"
        )
    reason = refusal(blend, agent, model, agent.gamma)
    if reason:
        raise UserError(f"agent {arm.agent} in {arm.env}: {reason}")
    extend(agent, blend, model)
    return Switch(blend, model, agent.gamma)


def make_credit(arm: Arm) -> Credit:
    """The credit of an arm; ``auto`` opens a window for a teacher who presses late."""
    text = arm.credit
    if text == "auto":
        late = [delay for spec in teacher_specs(arm.teacher) if (delay := spec.settings.get("delay", 0))]
        text = ("gamma" if set(late) == {"gamma"} else "uniform") if late else "immediate"
    spec = registry.parse(text, "credit")
    part = registry.resolve(spec.name, registry.CREDITS, "credit")
    registry.check_settings(part, spec.settings, (), f"credit {spec.name}")
    credit: Credit = registry.build(part, (), spec.settings, f"credit {spec.name}")
    return credit


def check_taught(arm: Arm, agent: Any) -> None:
    """Somebody teaches an agent that learns from nothing else. Raises UserError."""
    if not getattr(agent, "learns_from_reward", True) and all(
        spec.name == "none" for spec in teacher_specs(arm.teacher)
    ):
        raise UserError(
            f"agent {arm.agent} learns from a person alone, and with --teacher none nobody teaches; use --teacher "
            "oracle, or teach it yourself in the window: play"
        )


def make_envs(arm: Arm) -> Any:
    """The copies of the world of an arm, as Gymnasium's vector world."""
    one = functools.partial(make_env, arm.env, arm.env_kwargs)
    return gymnasium.vector.SyncVectorEnv([one] * arm.num_envs)


def check_abreast(arm: Arm, agent: Any) -> None:
    """Several worlds at once go with an agent that remembers, and with nobody who teaches. Raises UserError."""
    if arm.num_envs == 1:
        return
    together = f"--num-envs {arm.num_envs}"
    if arm.teacher != "none" or arm.blend != "none":
        raise UserError(
            f"{together} goes with --teacher none and --blend none: a press is about the step on the screen, and "
            "several worlds show several"
        )
    if arm.engine == "compiled":
        raise UserError(f"{together} does not go with --engine compiled; leave --engine out")
    reason = abreast.refusal(agent)
    if reason:
        raise UserError(f"{together} does not go with agent {arm.agent}: {reason}")


def check(arm: Arm, alone: bool = False) -> None:
    """Make every part once and throw it away, so that a mistake is said before anything is written.

    Args:
        arm: what is to run.
        alone: nobody sits at a window, so that the arm's teacher is all there is.

    Raises:
        UserError: a part that cannot be made, or parts that cannot be combined.
    """
    env = make_env(arm.env, arm.env_kwargs)
    try:
        agent = make_agent(arm, env)
        make_teacher(arm, env, np.random.default_rng(0), agent, make_switch(arm, env, agent))
        make_credit(arm)
        check_abreast(arm, agent)
        if alone:
            check_taught(arm, agent)
    finally:
        env.close()
