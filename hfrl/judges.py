"""Judges: what a perfect teacher would say of a step. :mod:`hfrl.teachers` has the dials that make people of them.

What feedback means decides which method can learn from it (MacGlashan et al. 2017): a label of right and wrong, the
world's own reward, or how much better an action is than what the agent would do.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hfrl.mdp import MDP, Array, backup
from hfrl.planning import policy_values
from hfrl.policy import Commanded
from hfrl.seeding import draw
from hfrl.teachers import (
    NOTHING,
    TASTE_WEIGHT,
    TOLERANCE,
    Oracle,
    best_values,
    check_probability,
    good_actions,
    known_world,
    press,
    state_number,
)
from hfrl.types import Distribution, Feedback, Step, Teacher, UserError

KINDS = ("label", "label01", "continuous", "advantage", "reward", "takeover")
#: Up to so many states the values of a policy come from one linear system, beyond from sweeps.
SOLVED = 600
#: Sweeps end when no value moves more than this.
CLOSE = 1e-6
MOST_SWEEPS = 100_000

Policy = Callable[[Any], Any]
"""What an agent would do in a state (observation -> distribution with ``probabilities``), for a judge to read."""


# --- the equations ---------------------------------------------------------------------------------------------------


def graded(q: Array) -> Array:
    """How good every action is between the worst (-1) and the best (+1) of its state; +1 where all are equal.

    >>> graded(np.array([[0.0, 1.0, 4.0], [2.0, 2.0, 2.0]])).tolist()
    [[-1.0, -0.5, 1.0], [1.0, 1.0, 1.0]]
    """
    low = q.min(axis=1, keepdims=True)
    span = q.max(axis=1, keepdims=True) - low
    return np.where(span > TOLERANCE, 2 * (q - low) / np.where(span > TOLERANCE, span, 1.0) - 1, 1.0)


def advantages(q: Array, policy: Array) -> Array:
    """A_pi(s,a) = Q_pi(s,a) - sum_b pi(b|s) Q_pi(s,b) (Baird 1993).

    >>> advantages(np.array([[1.0, 3.0]]), np.array([[0.5, 0.5]])).tolist()
    [[-1.0, 1.0]]
    """
    return np.asarray(q - (policy * q).sum(axis=1, keepdims=True))


# --- judges ----------------------------------------------------------------------------------------------------------


class Rated:
    """Says ``says(observation)[action]`` of every step.

    Args:
        says: observation -> one number per action.
    """

    def __init__(self, says: Callable[[Any], Sequence[float]]) -> None:
        self._says = says

    def __call__(self, step: Step) -> Sequence[Feedback]:
        return (press(step, self._says(step.observation)[step.action]),)


class Advantage:
    """Says how much better an action is than what the agent's *present* policy would do there: feedback as COACH takes
    it (MacGlashan et al. 2017, section 3). It therefore fades as the agent gets good.

    Args:
        mdp: the world as the person sees it.
        gamma: the person's discount, below 1.
        policy: read, never changed: the agent's behaviour before any blend.
        row: the number of the state that a step was taken in.
        refresh: the policy is read anew when so many steps have passed, at least 1.

    Raises:
        UserError: gamma 1, or a refresh below 1.
    """

    def __init__(self, mdp: MDP, gamma: float, policy: Policy, row: Callable[[Step], int], refresh: int = 100) -> None:
        if not 0 <= gamma < 1:
            raise UserError(f"kind=advantage needs the teacher's gamma below 1, got {gamma}")
        if refresh < 1 or refresh != int(refresh):
            raise UserError(f"refresh must be a whole number of at least 1 step, got {refresh}")
        self._mdp, self._gamma, self._policy, self._row, self._refresh = mdp, gamma, policy, row, refresh
        self._values = np.zeros(len(mdp.start))
        self._says: list[list[float]] = []
        self._read_at = 0

    def __call__(self, step: Step) -> Sequence[Feedback]:
        if not self._says or step.index - self._read_at >= self._refresh:
            self._read_at = step.index
            self._says = self._read().tolist()
        return (press(step, self._says[self._row(step)][step.action]),)

    def _read(self) -> Array:
        actions = self._mdp.reward.shape[1]
        policy = np.zeros(self._mdp.reward.shape)
        for state in range(len(policy)):
            probabilities = self._policy(state).probabilities
            policy[state, : min(actions, len(probabilities))] = probabilities
        self._values = self._evaluated(policy)
        return advantages(backup(self._mdp, self._values, self._gamma), policy)

    def _evaluated(self, policy: Array) -> Array:
        if len(policy) <= SOLVED:
            return policy_values(self._mdp, policy, self._gamma)
        values = self._values
        for _ in range(MOST_SWEEPS):
            improved = np.asarray((policy * backup(self._mdp, values, self._gamma)).sum(axis=1))
            if np.max(np.abs(improved - values)) <= CLOSE:
                break
            values = improved
        return improved


def paid(step: Step) -> Sequence[Feedback]:
    """Says the world's reward of the step: a person who reads the score aloud."""
    return (press(step, step.reward),)


class Opinion:
    """Praises a good action (+1) and blames every other (-1), in worlds without a table: an oracle of observations.

    Args:
        good: which actions are good where one sees this observation.
    """

    def __init__(self, good: Callable[[Any], Sequence[bool]]) -> None:
        self.good = good

    def __call__(self, step: Step) -> Sequence[Feedback]:
        return (press(step, 1.0 if self.good(step.observation)[step.action] else -1.0),)


def steered(good: Sequence[bool], slip: float, rng: np.random.Generator) -> int:
    """A good action, any of them equally likely; at a slip any action.

    >>> steered([False, True, False], 0.0, np.random.default_rng(0))
    1
    """
    anything = slip > 0 and draw(rng) < slip
    choices = 0
    for fine in good:
        choices += 1 if anything or fine else 0
    left, chosen = int(draw(rng) * choices), 0
    for action in range(len(good)):
        if anything or good[action]:
            if left == 0:
                chosen = action
            left -= 1
    return chosen


class Hands(Opinion):
    """Who can also act: a judge for :class:`Driver`.

    Args:
        good: which actions are good where one sees this observation.
        hold: steps that they drive before they hand back, at least 1.
        slip: the probability that a driven action is any action at all.
        rng: of their choices.
        first: steps that they drive at the very beginning, whatever the agent would do: a demonstration.
        mix: p in [0, 1]: they drive each step of episode i with probability p^i, by chance and not for what they see,
            and their word about the agent's own steps is heard (DAgger, Ross et al. 2011, section 3). 0: they take over
            where they see a mistake.

    Raises:
        UserError: a hold below 1, a first below 0, or a slip or mix that is no probability.
    """

    def __init__(
        self,
        good: Callable[[Any], Sequence[bool]],
        hold: int,
        slip: float,
        rng: np.random.Generator,
        first: int = 0,
        mix: float = 0.0,
    ) -> None:
        super().__init__(good)
        if first < 0 or first != int(first):
            raise UserError(f"first must be a whole number of 0 or more steps, got {first}")
        check_probability("mix", mix)
        self.first, self.mix = int(first), mix
        if hold < 1 or hold != int(hold):
            raise UserError(f"hold must be a whole number of at least 1 step, got {hold}")
        check_probability("slip", slip)
        self.hold = int(hold)
        self._slip = slip
        self._rng = rng

    def action(self, observation: Any) -> int:
        """A good action, any of them equally likely; at a slip any action."""
        return steered(self.good(observation), self._slip, self._rng)

    def drives(self, episode: int) -> bool:
        """Whether chance hands them the wheel for one step of this episode."""
        return bool(self.mix) and self._rng.random() < self.mix**episode


class Driver:
    """Takes over as soon as they see something wrong, drives for some steps, and hands back (the interventions of
    Kelly et al. 2019). They say nothing: what they would have blamed is when they take the wheel, so that every dial
    of a person (likelihood, consistency, budget, delay ...) says how reliably they do. Whose turn comes by chance
    (``mix``) says what they think of the agent's own steps.

    Args:
        eyes: what they would say; a word below 0 makes them take over.
        hands: what they do then.
    """

    def __init__(self, eyes: Teacher, hands: Hands) -> None:
        self._eyes = eyes
        self._hands = hands
        self._left = 0
        self._steps = self._episode = 0

    def attends(self, index: int) -> bool:  # noqa: ARG002 - a teacher's verb
        """Never: the silence of somebody who only drives says nothing."""
        return False

    def __call__(self, step: Step) -> Sequence[Feedback]:
        self._steps += 1
        said: Sequence[Feedback] = NOTHING
        if step.actor == "human":
            self._left = max(0, self._left - 1)
        elif self._hands.mix:
            said = self._eyes(step)
        elif any(word.value < 0 for word in self._eyes(step)):
            self._left = self._hands.hold
        if step.ended:
            self._left = 0
            self._episode += 1
        return said

    def take_over(self, observation: Any, own: Distribution) -> Distribution:
        """What is done: the driver's action while they drive, else the agent's own distribution."""
        hands = self._hands
        if self._left > 0 or self._steps < hands.first or hands.drives(self._episode):
            return Commanded(hands.action(observation))
        return own


# --- makers: what stands behind the names of `--teacher` -------------------------------------------------------------


def judge(
    env: Any,
    rng: np.random.Generator,
    kind: str = "label",
    gamma: float = 0.99,
    taste_weight: float = TASTE_WEIGHT,
    tolerance: float = TOLERANCE,
    refresh: int = 100,
    hold: int = 5,
    slip: float = 0.0,
    first: int = 0,
    mix: float = 0.0,
    policy: Policy | None = None,
) -> Teacher:
    """Somebody who knows the exact optimal values of the automated reward plus the hidden taste.

    Args:
        env: the world; see :func:`hfrl.teachers.oracle` for ``gamma``, ``taste_weight`` and ``tolerance``.
        rng: of the choices of a driver.
        kind: what they say: ``label`` (+1 or -1), ``continuous`` (within [-1, 1], by :func:`graded`), ``advantage``
            (of the agent's present policy), ``reward`` (the world's), or ``takeover`` (nothing: they drive).
        refresh: see :class:`Advantage`.
        hold, slip, first, mix: see :class:`Hands`.
        policy: what the agent would do, to be read.

    Raises:
        UserError: an unknown kind, a world that cannot be known, or a number out of its range.
    """
    if kind not in KINDS:
        raise UserError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "reward":
        return paid
    if kind == "advantage":
        if policy is None:
            raise UserError("kind=advantage needs an agent whose policy it can read")
        return Advantage(known_world(env, gamma, taste_weight), gamma, policy, state_number, refresh)
    q = best_values(env, gamma, taste_weight)
    if kind == "continuous":
        grades: list[list[float]] = graded(q).tolist()
        return Rated(lambda observation: grades[int(observation)])
    good = good_actions(q, tolerance)
    if kind == "takeover":
        return Hands(lambda observation: good[int(observation)], hold, slip, rng, first, mix)
    return Oracle(good, state_number)


def coin(env: Any, rng: np.random.Generator) -> Teacher:  # noqa: ARG001 - the signature of a teacher's maker
    """The teacher ``random``: +1 or -1, whatever happens."""
    return lambda step: (press(step, 1.0 if rng.random() < 0.5 else -1.0),)


def always_positive(env: Any, rng: np.random.Generator) -> Teacher:  # noqa: ARG001
    """Praises whatever happens."""
    return lambda step: (press(step, 1.0),)


def always_negative(env: Any, rng: np.random.Generator) -> Teacher:  # noqa: ARG001
    """Blames whatever happens."""
    return lambda step: (press(step, -1.0),)
