"""TAMER+RL: the ways of Knox & Stone to combine H, the model of the person, with action values.

Numbers and order are the papers': "Combining manual feedback with subsequent MDP reward signals" (AAMAS 2010) and
"Reinforcement learning from simultaneous human and MDP reward" (AAMAS 2012). All read H, never the single press, except
where ``source="press"`` asks for it.

Scale: H is about 1 in size (a press is +1 or -1). ``beta`` is in units of the world's reward, so a world whose returns
are in the hundreds needs a beta to match.

Q initialisation (3), Q augmentation (4) and look-ahead advice (9) are one algorithm where H is fixed, beta constant and
the values a table (Wiewiora 2003; Wiewiora, Cottrell & Elkan 2003): a test holds them to the same trajectories.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.models import all_values
from hfrl.policy import Categorical, greedy
from hfrl.ports import Blend, Context, Port, Potential, Rule, constant, weight
from hfrl.schedules import Schedule
from hfrl.types import UserError

# --- the equations ---------------------------------------------------------------------------------------------------


def shaped_reward(reward: float, beta: float, h: float) -> float:
    """R' = R + beta H(s, a) (method 1).

    >>> shaped_reward(-0.1, 0.5, 1.0)
    0.4
    """
    return reward + beta * h


def initialised(value: float, beta: float, h: float) -> float:
    """Q0(s, a) + beta H(s, a) (method 3).

    >>> initialised(1.0, 2.0, -0.25)
    0.5
    """
    return value + beta * h


def augmented_reward(reward: float, gamma: float, terminated: bool, beta_h: float, ahead: float, own: float) -> float:
    """The reward with which an agent that bootstraps from ``own`` learns by the augmented error

        delta = R + gamma (Q + beta H)(s', a') - (Q + beta H)(s, a)

    (method 4): ``ahead`` is (Q + beta H)(s', a'), and what the agent itself puts there is taken off again.

    >>> augmented_reward(-1.0, 0.5, False, beta_h=2.0, ahead=6.0, own=4.0)
    -2.0
    >>> augmented_reward(-1.0, 0.5, True, beta_h=2.0, ahead=6.0, own=4.0)
    -3.0
    """
    return reward + gamma * (1 - terminated) * ahead - beta_h - gamma * (1 - terminated) * own


def potential(beta: float, h: Sequence[float]) -> float:
    """phi(s) = beta max_a H(s, a) (method 8)."""
    return beta * max(h)


def potential_difference(gamma: float, phi: float, phi_next: float, terminated: bool) -> float:
    """F = gamma phi(s') - phi(s), with phi(terminal) = 0 (Ng, Harada & Russell 1999). A truncation keeps phi(s').

    With phi of a pair it is look-ahead advice (method 9), F = gamma phi(s', a') - phi(s, a).

    >>> potential_difference(0.9, 2.0, 3.0, False), potential_difference(0.9, 2.0, 3.0, True)
    (0.7000000000000002, -2.0)
    """
    return gamma * (1 - terminated) * phi_next - phi


def look_back_difference(gamma: float, phi: float, phi_before: float) -> float:
    """F = phi(s, a) - phi(s_before, a_before) / gamma (Wiewiora, Cottrell & Elkan 2003, section 5); phi_before is 0 at
    an episode's first step.

    >>> look_back_difference(0.5, 3.0, 1.0)
    1.0
    """
    return phi - phi_before / gamma


def added(values: Sequence[float] | None, beta: float, h: Sequence[float]) -> list[float]:
    """The preference beta H(s, .), on top of a preference that is there already (method 6).

    >>> added([1.0, 0.0], 2.0, [0.0, 0.5])
    [1.0, 1.0]
    """
    if values is None:
        return [beta * one for one in h]
    return [value + beta * one for value, one in zip(values, h, strict=True)]


def shared_control(own: Categorical, beta: float, h: Sequence[float]) -> Categorical:
    """With probability min(beta, 1) what H likes best, else the agent's own choice (method 7).

    >>> shared_control(Categorical([0.5, 0.5]), 0.5, [0.0, 1.0]).probabilities
    [0.25, 0.75]
    """
    return own.mixed(min(beta, 1.0), greedy(h))


# --- the rules at the ports ------------------------------------------------------------------------------------------


def add_model(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`reward_shaping`."""
    step = context.judged.step
    return shaped_reward(reward, beta, context.model.values(step.observation)[step.action])


def add_press(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`reward_shaping` with ``source="press"``."""
    return shaped_reward(reward, beta, context.judged.feedback or 0.0)


def begin_with_model(context: Context, beta: float, value: float) -> float:
    """The rule of :func:`q_initialisation`."""
    step = context.judged.step
    return initialised(value, beta, context.model.values(step.observation)[step.action])


def augment(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`q_augmentation` at the reward port."""
    step = context.judged.step
    beta_h = beta * context.model.values(step.observation)[step.action]
    if step.terminated:
        return augmented_reward(reward, context.gamma, True, beta_h, 0.0, 0.0)
    h_next = context.model.values(step.next_observation)
    if context.agent.bootstraps == "next":
        return augmented_reward(reward, context.gamma, False, beta_h, beta * h_next[step.next_action], 0.0)
    worth = context.agent.worth
    ahead = worth(step.next_observation, [beta * h for h in h_next])
    return augmented_reward(reward, context.gamma, False, beta_h, ahead, worth(step.next_observation))


def potential_of_state(context: Context, beta: float) -> float:
    """phi(s) of :func:`potential_based`."""
    return potential(beta, context.model.values(context.observation))


def add_potential(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`potential_based`: F = gamma phi(s', t') - phi(s, t), phi(s, t) as it was when s was entered,
    so that the differences of an episode sum up also while H is being learnt (Devlin & Kudenko, "Dynamic
    potential-based reward shaping", AAMAS 2012)."""
    step = context.judged.step
    phi = potential_of_state(context, beta) if context.entered is None else context.entered
    phi_next = 0.0 if step.terminated else potential(beta, context.model.values(step.next_observation))
    return reward + potential_difference(context.gamma, phi, phi_next, step.terminated)


def look_ahead(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`look_ahead_advice` at the reward port.

    a' is the action that the target bootstraps from: the one that is drawn next, or the best one of Q + phi. An agent
    that takes the best one of Q instead is paid the difference.
    """
    step = context.judged.step
    phi = beta * context.model.values(step.observation)[step.action]
    if step.terminated:
        return reward + potential_difference(context.gamma, phi, 0.0, True)
    phi_next = [beta * h for h in context.model.values(step.next_observation)]
    a2, missed = step.next_action, 0.0
    if context.agent.bootstraps != "next" and getattr(context.agent, "replays", False):
        # Its target looks at a network of its own: what that one misses.
        ahead, own = (context.agent.worth(step.next_observation, bias) for bias in (phi_next, None))
        return augmented_reward(reward, context.gamma, False, phi, ahead, own)
    if context.agent.bootstraps != "next":
        q_next = context.agent.q_values(step.next_observation)
        wanted = [q + p for q, p in zip(q_next, phi_next, strict=True)]
        a2 = wanted.index(max(wanted))
        missed = q_next[a2] - max(q_next)
    return reward + potential_difference(context.gamma, phi, phi_next[a2], False) + context.gamma * missed


def look_back(context: Context, beta: float, reward: float) -> float:
    """The rule of :func:`look_back_advice`."""
    step, before = context.judged.step, context.previous
    phi = beta * context.model.values(step.observation)[step.action]
    phi_before = 0.0 if before is None else beta * context.model.values(before.observation)[before.action]
    return reward + look_back_difference(context.gamma, phi, phi_before)


def add_preference(context: Context, beta: float, bias: Sequence[float] | None) -> list[float]:
    """The rule of :func:`action_biasing`."""
    return added(bias, beta, context.model.values(context.observation))


def share_control(context: Context, beta: float, own: Categorical) -> Categorical:
    """The rule of :func:`control_sharing`."""
    # Where the person has never said anything H is all ties: sharing control would mean acting at random.
    if not any(context.model.counts(context.observation)):
        return own
    return shared_control(own, beta, context.model.values(context.observation))


# --- the same for a batch --------------------------------------------------------------------------------------------


def _taken(values: NDArray[np.float64], actions: NDArray[np.int64]) -> Any:
    return values[np.arange(len(actions)), actions]


def add_models(context: Context, beta: float, rewards: Any) -> Any:
    """:func:`add_model` of a batch."""
    step: Any = context.judged.step
    return shaped_reward(rewards, beta, _taken(all_values(context.model, step.observation), step.action))


def add_potentials(context: Context, beta: float, rewards: Any) -> Any:
    """:func:`add_potential` of a batch: both potentials are those of now."""
    step: Any = context.judged.step
    h, h_next = (all_values(context.model, one) for one in (step.observation, step.next_observation))
    phi: Any = beta * h.max(axis=1)
    phi_next: Any = beta * h_next.max(axis=1)
    return rewards + potential_difference(context.gamma, phi, phi_next, step.terminated)


def augment_all(context: Context, beta: float, rewards: Any) -> Any:
    """:func:`augment` of a batch; and :func:`look_ahead`, which is the same for an agent that learns from a buffer."""
    step: Any = context.judged.step
    beta_h = beta * _taken(all_values(context.model, step.observation), step.action)
    bias = beta * all_values(context.model, step.next_observation)
    if context.agent.bootstraps == "next":
        ahead = _taken(bias, np.where(step.terminated, 0, step.next_action))
        return augmented_reward(rewards, context.gamma, step.terminated, beta_h, ahead, 0.0)
    ahead, own = (context.agent.worths(step.next_observation, more) for more in (bias, None))
    return augmented_reward(rewards, context.gamma, step.terminated, beta_h, ahead, own)


BATCHED: dict[Rule, Rule] = {
    add_model: add_models,
    add_potential: add_potentials,
    augment: augment_all,
    look_ahead: augment_all,
}


def _told(plan: Schedule, rule: Rule, phi: Potential | None = None) -> Port:
    """A reward port, with the rule's form for a batch where it has one."""
    return Port(plan, rule, phi, BATCHED.get(rule))


# --- the eligibility module ------------------------------------------------------------------------------------------


class FadingModel(NamedTuple):
    """H(s, a) times how fresh the labels of the pair are: beta(s, a) H(s, a) over a constant beta."""

    model: Any
    now: int
    decay: float

    def values(self, observation: Any) -> list[float]:
        """H(s, .), each as far as it was taught lately."""
        fresh = self.model.recency(observation, self.now, self.decay)
        return [h * f for h, f in zip(self.model.values(observation), fresh, strict=True)]

    def counts(self, observation: Any) -> Sequence[int]:
        """How often each action was judged there."""
        counts: Sequence[int] = self.model.counts(observation)
        return counts

    def said(self, observation: Any) -> Mapping[str, Sequence[float]]:
        """D(s, .) by trainer."""
        said: Mapping[str, Sequence[float]] = self.model.said(observation)
        return said


class Fading(NamedTuple):
    """A rule under the eligibility module (Knox & Stone 2012, section 3.1): where nothing was taught lately, beta is 0.

        beta(s, a) = B sum_i n_i min(1, e_i) / sum_i n_i

    e_i is the trace of feature i, grown by each credited label and decaying by ``decay`` a step.
    """

    rule: Rule
    decay: float

    def __call__(self, context: Context, beta: float, value: Any) -> Any:
        if self.rule is share_control:  # here beta is a probability, of the state and not of an action
            share = beta * max(context.model.recency(context.observation, context.index, self.decay))
            return value if share == 0 else self.rule(context, share, value)
        return self.rule(context._replace(model=FadingModel(context.model, context.index, self.decay)), beta, value)


def faded(rule: Rule, eligibility: float) -> Rule:
    """The rule, under the eligibility module where its decay is not 0. Raises UserError outside [0, 1]."""
    if not 0 <= eligibility <= 1:
        raise UserError(f"eligibility is the decay of a trace per step, within [0, 1] (0: off), got {eligibility}")
    return Fading(rule, float(eligibility)) if eligibility else rule


# --- the blends ------------------------------------------------------------------------------------------------------

SOURCES = {"model": add_model, "press": add_press}


def reward_shaping(
    beta: float | str | Schedule = 0.5, decay: float = 1.0, source: str = "model", eligibility: float = 0.0
) -> Blend:
    """1. R' = R + beta H(s, a): the person's model is part of the reward.

    ``source="press"`` adds the press itself instead of the model. A positive H on a way round in circles pays for ever
    (Ho et al. 2015): see the guide before raising beta. ``eligibility`` is the decay per step of the eligibility
    module; 0 leaves it out.
    """
    if source not in SOURCES:
        raise UserError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
    if eligibility and source == "press":
        raise UserError("a press is as fresh as can be: eligibility goes with source=model")
    rule = faded(SOURCES[source], eligibility)
    return Blend("reward_shaping", reward=(_told(weight(beta, decay), rule),), fades=bool(eligibility))


def q_initialisation(beta: float = 1.0) -> Blend:
    """3. Q0(s, a) + beta H(s, a), beta constant: the person says where the values begin, and nothing else.

    An H that is there before the run is added before the first step. Where H is learnt during the run, a pair's value
    is moved once, by beta times its first label, when that label is heard; what H becomes later does not move it again.
    """
    port = Port(constant("q_initialisation", beta), begin_with_model)
    return Blend("q_initialisation", start=(port,), needs=("table",))


def model_feature() -> Blend:
    """2. H(s, a) is one more feature of what the agent learns its values with: linear values have a weight for it, a
    network sees H(s, .) beside the observation. What it is worth is learnt; there is no beta."""
    return Blend("model_feature", needs=("features",), extends="features")


def q_augmentation(beta: float = 1.0) -> Blend:
    """4. Learn and act on Q + beta H, beta constant: delta = R + gamma (Q + beta H)(s', a') - (Q + beta H)(s, a)."""
    plan = constant("q_augmentation", beta)
    return Blend("q_augmentation", reward=(_told(plan, augment),), bias=(Port(plan, add_preference),), needs=("worth",))


def extra_action() -> Blend:
    """5. "What H likes best", ties at random, is one more action, and has a value of its own. There is no beta.

    It stands alone: of an action that is another one from day to day H itself says nothing. An evaluation of the agent
    alone leaves it out.
    """
    return Blend("extra_action", needs=("one more action",), extends="action")


def action_biasing(beta: float | str | Schedule = 1.0, decay: float = 1.0, eligibility: float = 0.0) -> Blend:
    """6. Act on Q + beta H; Q's update is untouched. ``eligibility`` as in :func:`reward_shaping`."""
    rule = faded(add_preference, eligibility)
    return Blend("action_biasing", bias=(Port(weight(beta, decay), rule),), fades=bool(eligibility))


def control_sharing(beta: float | str | Schedule = 0.5, decay: float = 1.0, eligibility: float = 0.0) -> Blend:
    """7. With probability min(beta, 1) do what H likes best, where it was taught anything. ``eligibility`` as in
    :func:`reward_shaping`; the freshest action of a state counts."""
    rule = faded(share_control, eligibility)
    return Blend("control_sharing", mix=(Port(weight(beta, decay), rule),), fades=bool(eligibility))


def potential_based(beta: float | str | Schedule = 1.0) -> Blend:
    """8. R' = R + gamma phi(s') - phi(s), phi = beta max_a H(s, a): faster, never another goal. H and beta may change
    on the way: phi(s) is what it was when s was entered."""
    return Blend("potential_based", reward=(_told(weight(beta), add_potential, potential_of_state),))


def look_ahead_advice(beta: float = 1.0) -> Blend:
    """9. R' = R + gamma phi(s', a') - phi(s, a), and act on Q + phi, phi = beta H(s, a), beta constant."""
    plan = constant("look_ahead_advice", beta)
    ports = _told(plan, look_ahead), Port(plan, add_preference)
    return Blend("look_ahead_advice", reward=ports[:1], bias=ports[1:], needs=("best or next",))


def look_back_advice(beta: float | str | Schedule = 1.0) -> Blend:
    """R' = R + phi(s, a) - phi(s_before, a_before) / gamma, phi = beta H(s, a): the policy is Q's own. For agents that
    learn what they do (Wiewiora, Cottrell & Elkan 2003); no goal is promised to stay."""
    return Blend("look_back_advice", reward=(Port(weight(beta), look_back),), needs=("next", "in order", "gamma"))
