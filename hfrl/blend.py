"""How a person's word joins the automated reward: the blend in force, and the switch that holds it.

The ports are in :mod:`hfrl.ports`; each family of blends is a module of its own: :mod:`hfrl.tamer_rl` (Knox & Stone),
:mod:`hfrl.policy_shaping` (Griffith et al.) and :mod:`hfrl.advice` (DPBA, PIES). Blends read H, the model of the
person, never the single press, except where ``source="press"`` asks for it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.advice import LearntPotential, TiledPotential, can_hold_a_potential, dpba, pies, potential_for
from hfrl.policy import Delegated, greedy
from hfrl.policy_shaping import policy_shaping
from hfrl.ports import Blend, Context, HumanModel, Port, weight
from hfrl.schedules import Constant
from hfrl.tamer_rl import (
    action_biasing,
    control_sharing,
    extra_action,
    look_ahead_advice,
    look_back_advice,
    model_feature,
    potential_based,
    q_augmentation,
    q_initialisation,
    reward_shaping,
)
from hfrl.types import Corrigible, Distribution, Judgement, Step, Update, UserError, record

__all__ = [
    "NEEDS",
    "Blend",
    "Context",
    "HumanModel",
    "Port",
    "Switch",
    "action_biasing",
    "chain",
    "control_sharing",
    "dpba",
    "extend",
    "extra_action",
    "look_ahead_advice",
    "look_back_advice",
    "model_feature",
    "none",
    "pies",
    "policy_shaping",
    "potential_based",
    "q_augmentation",
    "q_initialisation",
    "refusal",
    "reward_shaping",
    "weight",
]


def none() -> Blend:
    """Only the automated reward counts; the person is listened to by H alone."""
    return Blend("none")


def chain(*blends: Blend) -> Blend:
    """Blends in a row: each works on what the one before it left. Raises UserError where two do not go together."""
    potentials = [blend.potential for blend in blends if blend.potential]
    estimators = [blend.estimator for blend in blends if blend.estimator]
    if len(potentials) > 1:
        raise UserError("a chain has one learnt potential: dpba and pies do not go together")
    if len(estimators) > 1:
        raise UserError("a chain estimates the trainers' consistency once: take one policy_shaping")
    extending = [blend for blend in blends if blend.extends]
    if len(extending) > 1 or any(
        one.extends == "action" and any(other.name not in ("none", one.name) for other in blends) for one in extending
    ):
        names = ", ".join(blend.name for blend in blends)
        raise UserError(f"these do not go together: {names}; of an extra action H says nothing, so it stands alone")
    return Blend(
        "+".join(blend.name for blend in blends) or "none",
        tuple(port for blend in blends for port in blend.reward),
        tuple(port for blend in blends for port in blend.bias),
        tuple(port for blend in blends for port in blend.mix),
        tuple(port for blend in blends for port in blend.start),
        tuple(need for blend in blends for need in blend.needs),
        potentials[0] if potentials else None,
        estimators[0] if estimators else None,
        any(blend.fades for blend in blends),
        extending[0].extends if extending else "",
    )


# --- what goes together ----------------------------------------------------------------------------------------------

#: What a blend may need, and why it is refused without it.
NEEDS = {
    "table": "it writes into a table of action values, and {agent} has none that it acts on",
    "worth": "it changes what the target bootstraps from, and {agent} does not say what that is",
    "best or next": "it needs to know which action the target bootstraps from, and {agent} does not say",
    "next": "it needs the action that is taken next, and {agent} does not wait for it; sarsa does",
    "in order": "it follows the steps in their order, and {agent} learns them again in any order",
    "rows": "it learns a potential as a table or over tiles, and there is neither for these observations",
    "gamma": "it divides by gamma, which is 0",
    "features": "it makes H one more feature, and {agent} has none: each of its values stands alone",
    "one more action": "it is one more action to learn the value of, in every state alike, and {agent} takes none",
}


def refusal(blend: Blend, agent: Any, model: Any, gamma: float) -> str | None:
    """Why a blend does not go with an agent, in words; None where it does."""
    combines = blend.reward or blend.bias or blend.mix or blend.start or blend.extends
    if not getattr(agent, "learns_from_reward", True) and combines:
        why = "is told no reward" if blend.reward else "is made of the same presses, which would count twice"
        return f"blend {blend.name} does not go with it: {type(agent).__name__} {why}; use --blend none"
    bootstraps = getattr(agent, "bootstraps", "")
    if bootstraps != "next" and getattr(agent, "n_steps", 1) > 1:
        bootstraps = ""  # what one step is told would be corrected at each of n
    met = {
        "table": getattr(agent, "one_table", False),
        "worth": bootstraps != "",
        "best or next": bootstraps in ("best", "next"),
        "next": bootstraps == "next",
        "in order": not getattr(agent, "replays", False),
        "rows": can_hold_a_potential(model),
        "gamma": gamma > 0,
        "features": getattr(agent, "takes_features", False),
        "one more action": getattr(agent, "takes_action", False),
    }
    for need in blend.needs:
        if not met[need]:
            return f"blend {blend.name} does not go with it: {NEEDS[need].format(agent=type(agent).__name__)}"
    return unlike(blend, agent)


#: What an agent is made with for a blend (``Blend.extends``), in words.
EXTENSIONS = {"action": "one action more than its world", "features": "H among its features", "": "nothing of H in it"}


def unlike(blend: Blend, agent: Any) -> str | None:
    """Why a blend does not go with what an agent was made with; None where it does, or can still be given it."""
    has = getattr(agent, "extended", "")
    if has == blend.extends or not (has or getattr(agent, "steps", 0)):
        return None
    return (
        f"blend {blend.name} asks for an agent that begins with {EXTENSIONS[blend.extends]}, and this one has "
        f"{EXTENSIONS[has]}; begin a run with it"
    )


def extend(agent: Any, blend: Blend, model: Any) -> None:
    """Give an agent what a blend has to find in it, before it learns anything; done once."""
    if blend.extends == getattr(agent, "extended", ""):
        return
    if blend.extends == "action":
        agent.add_action()
    elif blend.extends == "features":
        agent.append_model(model)


class Deeds(NamedTuple):
    """What an agent with one more action than its world would do in it, to be read."""

    agent: Any
    switch: "Switch"

    def policy(self, observation: Any) -> Distribution:
        """Over the world's own actions."""
        return self.switch.delegated(observation, self.agent.policy(observation))


def due(episode: int) -> bool:
    """Whether what is estimated of the trainers is estimated anew as an episode begins: at each of the first forty,
    then each time about a twentieth more have passed. It is worked out from all labels so far, and late in a long run
    one episode more changes nothing but the time it takes.

    >>> [n for n in range(38, 68) if due(n)]
    [38, 39, 40, 42, 44, 46, 48, 50, 52, 54, 56, 58, 60, 63, 66]
    """
    return episode % max(1, episode // 20) == 0


class Switch:
    """Holds the blend in force, and the model it reads. The blend may be changed while the agent learns.

    Attributes:
        blend: the blend in force; assign another one to switch live.
        model: H, fed with every judgement whichever blend is on, so that a switch finds one ready.
        previous: the step that was learnt last, in this episode; None at its start.
        entered: the index of the step to be learnt next, and the potential that each reward port has of its state, as
            it was when that state was entered; None where no potential is paid, and at an episode's start.
        reliability: the consistency of each trainer as the blend in force estimates it; empty where none does.
        takeover: (observation, the agent's distribution) -> what a person who drives makes of it; None where nobody can
            take over.
    """

    def __init__(self, blend: Blend, model: Any, gamma: float) -> None:
        self.model = model
        self.gamma = gamma
        self.index = 0
        self.episode = 0
        self.reliability: dict[str, float] = {}
        self.takeover: Callable[[Any, Distribution], Distribution] | None = None
        self._agent: Any = None
        self._remembers = False
        self.previous: Step | None = None
        self.entered: tuple[int, tuple[float, ...]] | None = None
        self._enters = False
        self._potentials: dict[str, LearntPotential | TiledPotential] = {}
        self._rng: np.random.Generator | None = None
        self._still = False
        self.blend = blend

    @property
    def blend(self) -> Blend:
        """The blend in force."""
        return self._blend

    @blend.setter
    def blend(self, blend: Blend) -> None:
        reason = None if self._agent is None else unlike(blend, self._agent)
        if reason:
            raise UserError(reason)
        if blend is not getattr(self, "_blend", None):
            self.entered = None  # it was another potential
        self._blend = blend
        self._enters = any(port.phi is not None for port in blend.reward)
        plan = blend.potential
        if plan is not None and plan.kind not in self._potentials:
            made = potential_for(plan, self.model)
            if made is not None:
                made.rng = self._rng or made.rng
                self._potentials[plan.kind] = made
        if blend.fades:
            self.model.labels.keep_times()

    def frozen(self) -> "Switch":
        """The same preferences at today's weights, for evaluation: no reward port, nothing that anneals or learns."""

        def today(ports: tuple[Port, ...]) -> tuple[Port, ...]:
            return tuple(Port(Constant(port.weight(self.index, self.episode)), port.rule) for port in ports)

        blend = self.blend
        kept = blend._replace(
            reward=(), bias=today(blend.bias), mix=today(blend.mix), start=(), needs=(), estimator=None
        )
        still = Switch(kept._replace(potential=None), self.model, self.gamma)
        still._blend, still._potentials, still.reliability = kept, self._potentials, self.reliability
        still._still = True
        return still

    # --- where the loop stands ---------------------------------------------------------------------------------------

    def meet(self, agent: Any) -> None:
        """Who is going to learn: it is given what the blend has to find in it.

        Raises:
            UserError: the blend does not go with this agent.
        """
        if self._still:
            return  # what it looks at belongs to the switch that learns
        reason = refusal(self._blend, agent, self.model, self.gamma)
        if reason:
            raise UserError(reason)
        extend(agent, self._blend, self.model)

    def begin(self, agent: Any, rng: np.random.Generator) -> None:
        """A run begins, or goes on: who learns, and the generator of what the blend itself draws. Raises UserError as
        :meth:`meet` does."""
        if self._still:
            return
        self.meet(agent)
        self._agent, self._rng, self.previous, self.entered = agent, rng, None, None
        self._remembers = isinstance(agent, Corrigible)
        for potential in self._potentials.values():
            potential.rng = rng
        if self._blend.start and getattr(agent, "steps", 1) == 0:
            for observation, action in self.model.known():
                self._begin_with(Step(self.index, self.episode, observation, action, 0.0, None, False, False))

    def begin_episode(self, index: int, episode: int) -> None:
        """An episode begins: the present, and what is estimated anew once an episode."""
        self.index, self.episode = index, episode
        if self._blend.estimator is not None and due(episode):
            self.reliability = self._blend.estimator(self._context(None))

    def waits(self) -> bool:
        """Whether steps must wait for their feedback: only while a port is live that makes something of it. An agent
        that remembers need not be told at once."""
        return (not self._remembers and self._told()) or self._learns()

    def _told(self) -> bool:
        """Whether the reward port is live."""
        return any(port.weight(self.index, self.episode) != 0 for port in self._blend.reward)

    def _learns(self) -> bool:
        """Whether the blend's own potential is learnt: while one of its ports is live, and nobody only looks at it."""
        if self._blend.potential is None or self._still:
            return False
        return any(port.weight(self.index, self.episode) != 0 for port in (*self._blend.reward, *self._blend.bias))

    # --- what is learnt ----------------------------------------------------------------------------------------------

    def observe(self, judgement: Judgement) -> None:
        """H hears a judgement, and so does an agent that remembers the step; where the blend says so, the value of a
        pair that is judged for the first time moves."""
        if self._remembers:
            self._agent.correct(Judgement(judgement.step), judgement)
        if not self._blend.start:
            self.model.observe(judgement)
            return
        observation, action = judgement.step.observation, judgement.step.action
        before = self.model.counts(observation)[action]
        self.model.observe(judgement)
        if not before and self.model.counts(observation)[action]:
            self._begin_with(judgement.step)

    def _begin_with(self, step: Step) -> None:
        context = self._context(step.observation, Judgement(step))
        moved = 0.0
        for port in self._blend.start:
            moved = port(context, moved)
        if moved:
            self._agent.raise_value(step.observation, step.action, moved)

    def learn(self, agent: Any, judgement: Judgement) -> Update | None:
        """The agent learns a judgement, and the blend's own potential before it."""
        plan = self._blend.potential
        if plan is not None and self._learns():
            step = judgement.step
            pressed = plan.source == "press"
            advice = (judgement.feedback or 0.0) if pressed else self.model.values(step.observation)[step.action]
            self._potentials[plan.kind].learn(judgement, advice, self.gamma)
        self._agent = agent
        told = as_chosen(judgement) if self._blend.extends == "action" else judgement
        update: Update | None = agent.update(told, self.reward)
        step = judgement.step
        self.previous = None if step.ended else step
        if self._enters:
            self.entered = None if step.ended else (step.index + 1, self._entering(step.next_observation))
        return update

    def _entering(self, observation: Any) -> tuple[float, ...]:
        context = self._context(observation)
        return tuple(port.potential(context) for port in self._blend.reward)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What blends have learnt beside H, as plain arrays for a checkpoint."""
        result: dict[str, NDArray[Any]] = {}
        for potential in self._potentials.values():
            result |= potential.arrays()
        if self.reliability:
            names = sorted(self.reliability)
            result["reliability_of"] = np.array(names, dtype=np.str_)
            result["reliability"] = np.array([self.reliability[name] for name in names])
        return result

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`; what is not there begins anew. Raises ValueError on another shape."""
        for kind, potential in self._potentials.items():
            if f"phi_{kind}" in arrays:
                potential.restore(arrays)
            else:
                potential.clear()
        names = arrays["reliability_of"].tolist() if "reliability_of" in arrays else []
        values = np.asarray(arrays["reliability"], np.float64).tolist() if names else []
        self.reliability = {str(name): float(value) for name, value in zip(names, values, strict=True)}
        self.previous = self.entered = None

    # --- the ports ---------------------------------------------------------------------------------------------------

    def _context(self, observation: Any, judgement: Judgement | None = None) -> Context:
        plan = self._blend.potential
        potential = None if plan is None else self._potentials.get(plan.kind)
        now = (
            self.model, self.gamma, self.index, self.episode, observation, judgement, self._agent, potential,
            self.reliability, self.previous, None,
        )  # fmt: skip
        return record(Context, now)

    def reward(self, judgement: Judgement) -> Any:
        """What the agent is told: the world's reward through the reward port; a number, or an array for a batch."""
        value: Any = judgement.step.reward
        if not self._blend.reward:
            return value
        if isinstance(value, np.ndarray):
            return self._rewards(judgement) if self._told() else value
        context = self._context(judgement.step.observation, judgement)
        entered = self.entered
        known = entered[1] if entered is not None and entered[0] == judgement.step.index else ()
        for at, port in enumerate(self._blend.reward):
            value = port(context._replace(entered=known[at]) if known else context, value)
        return value

    def _rewards(self, batch: Any) -> Any:
        """The same for a judgement with a leading axis: float64 of shape (batch,). One by one, but where every port
        has a rule for a batch."""
        step = batch.step
        if all(port.batched for port in self._blend.reward):
            return self._at_once(batch)
        ended = np.asarray(step.terminated, dtype=bool)
        after = step.next_action if step.next_action is not None else (None,) * len(ended)
        rows = zip(
            step.observation, step.action, step.reward, step.next_observation, ended, batch.credits, after, strict=True
        )
        return np.array(
            [
                self.reward(Judgement(Step(-1, -1, o, int(a), float(r), o2, bool(end), False, next_action=a2), credits))
                for o, a, r, o2, end, credits, a2 in rows
            ]
        )

    def _at_once(self, batch: Any) -> Any:
        context = self._context(batch.step.observation, batch)
        rewards = np.asarray(batch.step.reward, np.float64)
        for port in self._blend.reward:
            beta = port.weight(self.index, self.episode)
            if beta != 0 and port.batched is not None:
                rewards = port.batched(context, beta, rewards)
        return rewards

    def bias(self, observation: Any) -> Sequence[float] | None:
        """What the agent prefers beyond its own values; None for no preference."""
        preference = None
        context = self._context(observation)
        for port in self._blend.bias:
            preference = port(context, preference)
        return preference

    def mix(self, observation: Any, own: Distribution) -> Distribution:
        """What is done: the agent's distribution through the mix port."""
        context = self._context(observation)
        for port in self._blend.mix:
            own = port(context, own)
        return own

    def delegated(self, observation: Any, own: Any) -> Delegated:
        """What is done by an agent whose last action is what H likes best, ties at random."""
        return Delegated(own.probabilities, greedy(self.model.values(observation)).probabilities)


def as_chosen(judgement: Judgement) -> Judgement:
    """A judgement as an agent with an extra action learns it: its own choices in place of what was done for them."""
    step = judgement.step
    action = step.action if step.choice is None else step.choice
    after = step.next_action if step.next_choice is None else step.next_choice
    return judgement._replace(step=step._replace(action=action, next_action=after))
