"""The hidden taste of a world is for oracles and evaluation alone: no method can reach it. Who mentions it at all, and
who imports whom, is held in ``test_architecture``; here a world says so when anybody asks."""

import inspect
from typing import Any

import gymnasium
import pytest

import hfrl
from hfrl import build, registry, teachers
from hfrl.blend import Switch, extend, refusal
from hfrl.config import Arm
from hfrl.credit import uniform_window
from hfrl.envs.pizza import Pizza
from hfrl.loop import evaluate, human_model, play
from hfrl.types import Learnt

WORLD = "hfrl/Pizza-v0"
#: Small enough to learn something in so few steps.
SMALL = {
    "learning_starts": 30, "batch_size": 8, "net_arch": [8], "train_freq": 4, "target_update_interval": 10,
    "buffer_size": 500,
}  # fmt: skip
STEPS = 120
#: Who goes with a blend, if anybody does: tried in this order.
COMPANIONS = ("sarsa", "dqn")


class AskedError(Exception):
    """Somebody asked for the taste."""


class Sealed(Pizza):
    """The counter, whose taste nobody may ask for. It is sealed once it is made: its table needs no taste any more."""

    sealed = False

    def __getattribute__(self, name: str) -> Any:
        if name in ("taste", "customer", "outcome") and object.__getattribute__(self, "sealed"):
            if name == "outcome":
                return lambda state: {}  # the words of a world about an end
            raise AskedError(name)
        return object.__getattribute__(self, name)


def sealed() -> Any:
    world = Sealed()
    world.sealed = True
    return gymnasium.wrappers.TimeLimit(world, 50)


def made(agent: str, env: Any) -> Any:
    part = registry.resolve(agent, registry.AGENTS, "agent")
    known = inspect.signature(part).parameters
    return part(env, **{key: value for key, value in SMALL.items() if key in known})


def person() -> Any:
    """An oracle that has tasted in a world of its own, and presses late."""
    return teachers.simulated(gymnasium.make(WORLD), hfrl.streams(0).teacher, consistency=0.9, delay=0.5)


def learns(env: Any, learner: Any, blend: Any) -> int:
    """So many steps are learnt from."""
    switch = Switch(blend, human_model(env), learner.gamma)
    events = play(env, learner, person(), switch, uniform_window(), seed=0, steps=STEPS)
    return sum(isinstance(event, Learnt) for event in events)


def test_the_seal_holds() -> None:
    env = sealed()
    with pytest.raises(AskedError):
        env.unwrapped.taste(0)
    with pytest.raises(AskedError):
        teachers.oracle(env)
    with pytest.raises(AskedError):
        evaluate(env, made("q_learning", env), episodes=1)


@pytest.mark.parametrize("agent", registry.AGENTS)
def test_no_agent_asks_for_the_taste(agent: str) -> None:
    env = sealed()
    try:
        learner = made(agent, env)
    except hfrl.UserError as error:
        pytest.skip(f"not for this world: {error}")
    assert learns(env, learner, hfrl.blend.none()) > 0


@pytest.mark.parametrize("blend", registry.BLENDS)
def test_no_blend_asks_for_the_taste(blend: str) -> None:
    env, ways = sealed(), build.make_blend(blend)
    for name in COMPANIONS:
        learner = made(name, env)
        model = human_model(env)
        if refusal(ways, learner, model, learner.gamma) is None:
            extend(learner, ways, model)
            assert learns(env, learner, ways) > 0
            return
    pytest.fail(f"{blend} goes with none of {COMPANIONS}")


def test_what_an_agent_is_handed_has_no_taste_in_it() -> None:
    """Neither the observation, nor the info of a step on the way, nor the arm that a run is made of."""
    env = gymnasium.make(WORLD)
    assert "taste" not in env.reset(seed=0)[1]
    ended = False
    while not ended:
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        assert "taste" not in info
        ended = terminated or truncated
    assert not [name for name in Arm.__annotations__ if "tast" in name]
