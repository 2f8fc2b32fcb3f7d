"""``--blend X`` with weight 0 is the plain agent bit for bit: for every blend of the registry that has a weight, every
agent that is told a reward, and both engines."""

import functools
import inspect
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl import registry
from hfrl.blend import Blend, Switch, chain, none, refusal
from hfrl.build import make_blend
from hfrl.compiled import Batch
from hfrl.credit import uniform_window
from hfrl.loop import human_model, play
from hfrl.policy import Categorical
from hfrl.teachers import Dials, press
from hfrl.types import Feedback, Judgement, Step

AGENTS = [name for name in registry.AGENTS if registry.hears_reward(name)]
#: Blends that have a weight; the others are none at all, or ask for an agent that is made for them.
WEIGHTED = [
    name
    for name in registry.BLENDS
    if "beta" in inspect.signature(registry.resolve(name, registry.BLENDS, "blend")).parameters
]
#: Small enough to learn something in so few steps.
SMALL = {
    "learning_starts": 30, "batch_size": 8, "net_arch": [8], "train_freq": 4, "target_update_interval": 10,
    "buffer_size": 500,
}  # fmt: skip
STEPS = 240


def test_these_have_a_weight() -> None:
    assert set(registry.BLENDS) - set(WEIGHTED) == {"none", "model_feature", "extra_action"}


def home(agent: str) -> Any:
    """A world that the agent takes."""
    name = "MountainCar-v0" if agent.startswith("linear") else "hfrl/Pizza-v0"
    return gymnasium.make("hfrl/KArmedBandit-v0" if agent.startswith("bandit") else name, disable_env_checker=True)


def made(agent: str, env: Any) -> Any:
    part = registry.resolve(agent, registry.AGENTS, "agent")
    known = inspect.signature(part).parameters
    return part(env, **{key: value for key, value in SMALL.items() if key in known})


class Talker:
    """Praise and blame about steps that are some tenths of a second past."""

    def __call__(self, step: Step) -> list[Feedback]:
        if step.index % 2:
            return []
        return [press(step, 1.0 if step.index % 3 else -1.0)]


def after(agent: str, blend: Blend, teacher: Any = None) -> tuple[dict[str, Any], list[tuple[Any, float]], bool]:
    """What an agent has become; what it did, and by what signal; whether H was taught."""
    env = home(agent)
    learner = made(agent, env)
    switch = Switch(blend, human_model(env), learner.gamma)
    parts = (teacher, switch, uniform_window()) if teacher else ()
    told = []
    for event in play(env, learner, *parts, seed=11, steps=STEPS):
        if hasattr(event, "update") and event.update is not None:
            told.append((event.judgement.step.action, event.update.signal))
    return learner.arrays(), told, bool(np.sum(switch.model.count))


@functools.cache
def plain(agent: str) -> tuple[dict[str, Any], list[tuple[Any, float]], bool]:
    return after(agent, none())


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Equal to the last bit, but for what a buffer keeps of a person's words."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and np.array_equal(one[name], other[name], equal_nan=True)
        for name in one
        if name != "replay_said" and one[name].dtype.kind != "U"
    )


@pytest.mark.parametrize("agent", AGENTS)
def test_every_blend_at_weight_0_is_the_plain_agent(agent: str) -> None:
    """Whatever a person says, and however late: no step waits, nothing is drawn, nothing is told."""
    arrays, told, taught = plain(agent)
    assert not taught
    went = 0
    for name in WEIGHTED:
        blend = make_blend(f"{name}:beta=0")
        if refusal(blend, made(agent, home(agent)), human_model(home(agent)), 0.9):
            continue
        others, their_told, they_taught = after(agent, blend, Talker())
        assert they_taught
        assert same(arrays, others), name
        assert told == their_told, name
        went += 1
    assert went >= 3


@pytest.mark.parametrize("name", WEIGHTED)
def test_at_another_weight_it_is_another_agent(name: str) -> None:
    """Else the test above would say nothing."""
    assert not same(plain("sarsa")[0], after("sarsa", make_blend(f"{name}:beta=5"), Talker())[0])


@pytest.mark.parametrize("name", WEIGHTED)
def test_every_port_is_the_identity(name: str) -> None:
    model = human_model(home("sarsa"))
    step = Step(0, 0, 0, 1, -0.1, 1, terminated=False, truncated=False, next_action=0)
    model.observe(Judgement(step, ((1.0, 1.0),)))
    zero = Switch(make_blend(f"{name}:beta=0"), model, 0.9)
    own = Categorical([0.3, 0.3, 0.2, 0.2])
    assert not zero.waits()
    assert zero.reward(Judgement(step, ((1.0, 1.0),))) == step.reward
    assert zero.bias(0) is None
    assert zero.mix(0, own) is own


def compiled(agent: str, blend: Blend, dials: Dials | None) -> dict[str, Any]:
    batch = Batch(home(agent), made(agent, home(agent)), range(3), blend, dials)
    batch.run(steps=2_000)
    assert dials is None or (batch.h_count.sum(axis=(1, 2)) > 500).all()
    return batch.tables


@pytest.mark.parametrize("potential", [pytest.param("dpba", marks=pytest.mark.slow), "pies"])
def test_all_of_them_in_a_row_at_weight_0_in_the_compiled_engine(potential: str) -> None:
    """A chain has one learnt potential."""
    names = [name for name in WEIGHTED if name not in ("dpba", "pies")]
    still = chain(*(make_blend(f"{name}:beta=0") for name in [*names, potential]))
    assert same(compiled("sarsa", none(), None), compiled("sarsa", still, Dials(0.8, 0.6)))


@pytest.mark.slow
@pytest.mark.parametrize("name", WEIGHTED)
@pytest.mark.parametrize("agent", ["q_learning", "expected_sarsa", "double_q", "n_step_sarsa", "reinforce"])
def test_every_blend_at_weight_0_in_the_compiled_engine(agent: str, name: str) -> None:
    still = make_blend(f"{name}:beta=0")
    if not refusal(still, made(agent, home(agent)), human_model(home(agent)), 0.9):
        assert same(compiled(agent, none(), None), compiled(agent, still, Dials(0.8, 0.6)))
