"""How a person's word joins the automated reward: three ports, and the blends that use them.

A teacher can change what an agent is *told* (``reward``), what it *prefers* (``bias``) or what it *does* (``mix``).
Every port is ``(context, value) -> value`` and the identity by default; ``chain`` puts blends in a row. Blends read H,
the model of the person, never the single press, except where ``source="press"`` asks for it.

Numbers and order of TAMER+RL: Knox & Stone, "Combining manual feedback with subsequent MDP reward signals" (AAMAS 2010)
and "Reinforcement learning from simultaneous human and MDP reward" (AAMAS 2012).

Scale: H is about 1 in size (a press is +1 or -1). ``beta`` is in units of the world's reward, so a world whose returns
are in the hundreds needs a beta to match.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from hfrl.policy import Categorical, greedy
from hfrl.schedules import Constant, Exponential, Schedule, checked
from hfrl.types import Distribution, Judgement, Step, UserError, record


class HumanModel(Protocol):
    """H: what the person would say. ``values`` is H(s, .), ``counts`` how often each action was judged there."""

    def observe(self, judgement: Judgement) -> None: ...

    def values(self, observation: Any) -> Sequence[float]: ...

    def counts(self, observation: Any) -> Sequence[int]: ...


class Context(NamedTuple):
    """What a port may look at. ``index`` and ``episode`` are the present; a judgement is there for the reward port."""

    model: HumanModel
    gamma: float
    index: int  # type: ignore[assignment]  # the field's own word; nobody asks a record for tuple.index
    episode: int
    observation: Any
    judgement: Judgement | None = None


class Port(NamedTuple):
    """A rule with its weight beta; at weight 0 the identity, whatever the rule."""

    weight: Schedule
    rule: Callable[[Context, float, Any], Any]

    def __call__(self, context: Context, value: Any) -> Any:
        beta = self.weight(context.index, context.episode)
        return value if beta == 0 else self.rule(context, beta, value)


class Blend(NamedTuple):
    """A way to combine a person and a reward: the rules at each port, applied from left to right."""

    name: str
    reward: tuple[Port, ...] = ()
    bias: tuple[Port, ...] = ()
    mix: tuple[Port, ...] = ()


# --- the equations ---------------------------------------------------------------------------------------------------


def shaped_reward(reward: float, beta: float, h: float) -> float:
    """R' = R + beta H(s, a) (TAMER+RL method 1).

    >>> shaped_reward(-0.1, 0.5, 1.0)
    0.4
    """
    return reward + beta * h


def potential(beta: float, h: Sequence[float]) -> float:
    """phi(s) = beta max_a H(s, a) (TAMER+RL method 8)."""
    return beta * max(h)


def potential_difference(gamma: float, phi: float, phi_next: float, terminated: bool) -> float:
    """F = gamma phi(s') - phi(s), with phi(terminal) = 0 (Ng, Harada & Russell 1999). A truncation keeps phi(s').

    >>> potential_difference(0.9, 2.0, 3.0, False), potential_difference(0.9, 2.0, 3.0, True)
    (0.7000000000000002, -2.0)
    """
    return gamma * (1 - terminated) * phi_next - phi


def added(values: Sequence[float] | None, beta: float, h: Sequence[float]) -> list[float]:
    """The preference beta H(s, .), on top of a preference that is there already (TAMER+RL method 6).

    >>> added([1.0, 0.0], 2.0, [0.0, 0.5])
    [1.0, 1.0]
    """
    if values is None:
        return [beta * one for one in h]
    return [value + beta * one for value, one in zip(values, h, strict=True)]


def shared_control(own: Categorical, beta: float, h: Sequence[float]) -> Categorical:
    """With probability min(beta, 1) what H likes best, else the agent's own choice (TAMER+RL method 7).

    >>> shared_control(Categorical([0.5, 0.5]), 0.5, [0.0, 1.0]).probabilities
    [0.25, 0.75]
    """
    return own.mixed(min(beta, 1.0), greedy(h))


# --- the rules at the ports ------------------------------------------------------------------------------------------


def add_model(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`reward_shaping`."""
    step = _judgement(context).step
    return shaped_reward(reward, beta, context.model.values(step.observation)[step.action])


def add_press(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`reward_shaping` with ``source="press"``."""
    return shaped_reward(reward, beta, _judgement(context).feedback or 0.0)


def add_potential(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`potential_based`."""
    step = _judgement(context).step
    phi = potential(beta, context.model.values(step.observation))
    phi_next = 0.0 if step.terminated else potential(beta, context.model.values(step.next_observation))
    return reward + potential_difference(context.gamma, phi, phi_next, step.terminated)


def add_preference(context: Context, beta: float, bias: Sequence[float] | None) -> list[float]:
    """The rule of :func:`action_biasing`."""
    return added(bias, beta, context.model.values(context.observation))


def share_control(context: Context, beta: float, own: Categorical) -> Categorical:
    """The rule of :func:`control_sharing`."""
    # Where the person has never said anything H is all ties: sharing control would mean acting at random.
    if not any(context.model.counts(context.observation)):
        return own
    return shared_control(own, beta, context.model.values(context.observation))


def _judgement(context: Context) -> Judgement:
    assert context.judgement is not None
    return context.judgement


# --- the blends ------------------------------------------------------------------------------------------------------

SOURCES = {"model": add_model, "press": add_press}
UNLIMITED = float("inf")


def weight(beta: float | str | Schedule, decay: float = 1.0) -> Schedule:
    """A blend's weight: constant, any schedule, or ``beta * decay ** episode``. Raises UserError."""
    if decay == 1.0:
        return checked("beta", beta, 0, UNLIMITED)
    if not 0 <= decay <= 1:
        raise UserError(f"decay must be within [0, 1], got {decay}")
    if not isinstance(beta, int | float):
        raise UserError(f"decay anneals a plain beta; beta={beta} is a schedule already")
    return checked("beta", Exponential(float(beta), decay, by_episode=True), 0, UNLIMITED)


def none() -> Blend:
    """Only the automated reward counts; the person is listened to by H alone."""
    return Blend("none")


def reward_shaping(beta: float | str | Schedule = 0.5, decay: float = 1.0, source: str = "model") -> Blend:
    """R' = R + beta H(s, a): the person's model is part of the reward (TAMER+RL 1).

    ``source="press"`` adds the press itself instead of the model. A positive H on a way round in circles pays for ever
    (Ho et al. 2015): see the guide before raising beta.
    """
    if source not in SOURCES:
        raise UserError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
    return Blend("reward_shaping", reward=(Port(weight(beta, decay), SOURCES[source]),))


def potential_based(beta: float | str | Schedule = 1.0) -> Blend:
    """R' = R + gamma phi(s') - phi(s), phi = beta max_a H(s, a): faster, never another goal (TAMER+RL 8)."""
    return Blend("potential_based", reward=(Port(weight(beta), add_potential),))


def action_biasing(beta: float | str | Schedule = 1.0, decay: float = 1.0) -> Blend:
    """Act on Q + beta H; Q's update is untouched (TAMER+RL 6)."""
    return Blend("action_biasing", bias=(Port(weight(beta, decay), add_preference),))


def control_sharing(beta: float | str | Schedule = 0.5, decay: float = 1.0) -> Blend:
    """With probability min(beta, 1) do what H likes best, where it was taught anything (TAMER+RL 7)."""
    return Blend("control_sharing", mix=(Port(weight(beta, decay), share_control),))


def chain(*blends: Blend) -> Blend:
    """Blends in a row: each works on what the one before it left."""
    return Blend(
        "+".join(blend.name for blend in blends) or "none",
        tuple(port for blend in blends for port in blend.reward),
        tuple(port for blend in blends for port in blend.bias),
        tuple(port for blend in blends for port in blend.mix),
    )


class Switch:
    """Holds the blend in force, and the model it reads. The blend may be changed while the agent learns.

    Attributes:
        blend: the blend in force; assign another one to switch live.
        model: H, fed with every judgement whichever blend is on, so that a switch finds one ready.
        takeover: (observation, the agent's distribution) -> what a person who drives makes of it; None where nobody can
            take over.
    """

    def __init__(self, blend: Blend, model: HumanModel, gamma: float) -> None:
        self.blend = blend
        self.model = model
        self.gamma = gamma
        self.index = 0
        self.episode = 0
        self.takeover: Callable[[Any, Distribution], Distribution] | None = None

    def frozen(self) -> "Switch":
        """The same preferences at today's weights, for evaluation: no reward port, nothing that still anneals."""

        def today(ports: tuple[Port, ...]) -> tuple[Port, ...]:
            return tuple(Port(Constant(port.weight(self.index, self.episode)), port.rule) for port in ports)

        return Switch(Blend(self.blend.name, (), today(self.blend.bias), today(self.blend.mix)), self.model, self.gamma)

    def waits(self) -> bool:
        """Whether steps must wait for their feedback: only while a reward port is live."""
        return any(port.weight(self.index, self.episode) != 0 for port in self.blend.reward)

    def reward(self, judgement: Judgement) -> Any:
        """What the agent is told: the world's reward through the reward port; a number, or an array for a batch."""
        value: Any = judgement.step.reward
        if not self.blend.reward:
            return value
        if isinstance(value, np.ndarray):
            return self._rewards(judgement) if self.waits() else value
        now = (self.model, self.gamma, self.index, self.episode, judgement.step.observation, judgement)
        context = record(Context, now)
        for port in self.blend.reward:
            value = port(context, value)
        return value

    def _rewards(self, batch: Any) -> Any:
        """The same for a judgement with a leading axis, one by one: float64 of shape (batch,)."""
        step = batch.step
        ended = np.asarray(step.terminated, dtype=bool)
        rows = zip(step.observation, step.action, step.reward, step.next_observation, ended, batch.credits, strict=True)
        return np.array(
            [
                self.reward(Judgement(Step(-1, -1, o, int(a), float(r), o2, bool(end), False), credits))
                for o, a, r, o2, end, credits in rows
            ]
        )

    def bias(self, observation: Any) -> Sequence[float] | None:
        """What the agent prefers beyond its own values; None for no preference."""
        preference = None
        context = Context(self.model, self.gamma, self.index, self.episode, observation)
        for port in self.blend.bias:
            preference = port(context, preference)
        return preference

    def mix(self, observation: Any, own: Distribution) -> Distribution:
        """What is done: the agent's distribution through the mix port."""
        context = Context(self.model, self.gamma, self.index, self.episode, observation)
        for port in self.blend.mix:
            own = port(context, own)
        return own
