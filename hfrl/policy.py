"""Distributions over actions, and how action values become one.

A discrete choice is the inverse CDF of one uniform number, so that every engine that draws the same numbers takes the
same actions, and ties are broken at random without a special case: tied actions share their probability.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hfrl.types import record


class Categorical(NamedTuple):
    """A distribution over the actions 0 .. n-1; ``probabilities`` sum to 1."""

    probabilities: Sequence[float]

    @property
    def actor(self) -> str:
        """The agent."""
        return "agent"

    def sample(self, u: float) -> int:
        """The action at ``u`` in [0, 1): the first whose cumulative probability exceeds ``u``."""
        cumulative = 0.0
        chosen = 0
        for action, probability in enumerate(self.probabilities):
            cumulative += probability
            if u < cumulative:
                return action
            if probability > 0:
                chosen = action  # where rounding leaves the sum below u: the last possible action
        return chosen

    def prob(self, action: int) -> float:
        """The probability of an action."""
        return self.probabilities[action]

    def log_prob(self, action: int) -> float:
        """The logarithm of the probability; minus infinity for an impossible action."""
        probability = self.probabilities[action]
        return math.log(probability) if probability > 0 else -math.inf

    def tilt(self, factors: Sequence[float]) -> "Categorical":
        """Each probability times its factor (not negative), normalised: Pr(a) f(a) / sum. Unchanged if all vanish."""
        weights = [p * f for p, f in zip(self.probabilities, factors, strict=True)]
        total = sum(weights)
        return Categorical([w / total for w in weights]) if total > 0 else self

    def mixed(self, share: float, other: "Discrete") -> "Categorical":
        """With probability ``share`` in [0, 1] the other distribution, else this one."""
        pairs = zip(self.probabilities, other.probabilities, strict=True)
        return Categorical([(1 - share) * p + share * q for p, q in pairs])


class Commanded(NamedTuple):
    """The action that a person who drives has chosen: all probability on it."""

    action: int

    @property
    def actor(self) -> str:
        """The person."""
        return "human"

    def sample(self, u: float) -> int:  # noqa: ARG002 - the verb of every distribution
        """The commanded action, whatever ``u``."""
        return self.action

    def prob(self, action: int) -> float:
        """1 for the commanded action."""
        return float(action == self.action)

    def log_prob(self, action: int) -> float:
        """0 for the commanded action, minus infinity for any other."""
        return 0.0 if action == self.action else -math.inf


class Delegated(NamedTuple):
    """What an agent with one more action than the world does: its last action is whatever somebody else likes best.

    ``own`` are the probabilities of the agent's n + 1 actions, ``liked`` those of the n actions that the last of them
    stands for. One uniform number draws both, from 2 n cells: the agent's own actions, then the last one by what is
    done for it.
    """

    own: Sequence[float]
    liked: Sequence[float]

    @property
    def actor(self) -> str:
        """The agent: it was its choice to ask."""
        return "agent"

    @property
    def probabilities(self) -> list[float]:
        """One probability per action of the world, whichever way it is chosen.

        >>> Delegated([0.25, 0.25, 0.5], [0.0, 1.0]).probabilities
        [0.25, 0.75]
        """
        return [p + self.own[-1] * q for p, q in zip(self.own[:-1], self.liked, strict=True)]

    def chosen(self, u: float) -> tuple[int, int]:
        """What the agent chooses at ``u``, and what is done.

        >>> [Delegated([0.25, 0.25, 0.5], [0.0, 1.0]).chosen(u) for u in (0.1, 0.4, 0.9)]
        [(0, 0), (1, 1), (2, 1)]
        """
        n = len(self.liked)
        cell = Categorical([*self.own[:n], *(self.own[n] * q for q in self.liked)]).sample(u)
        return (cell, cell) if cell < n else (n, cell - n)

    def sample(self, u: float) -> int:
        """What is done at ``u``."""
        return self.chosen(u)[1]

    def prob(self, action: int) -> float:
        """The probability that an action of the world is done."""
        return self.probabilities[action]

    def log_prob(self, action: int) -> float:
        """The logarithm of the probability; minus infinity for an impossible action."""
        return Categorical(self.probabilities).log_prob(action)


class EpsilonGreedy(NamedTuple):
    """``tied`` probability on each action whose value is ``best``, ``other`` on the rest.

    The same distribution as ``Categorical(probabilities)``, without building the list for every step.
    """

    values: Sequence[float]
    best: float
    tied: float
    other: float

    @property
    def actor(self) -> str:
        """The agent."""
        return "agent"

    @property
    def probabilities(self) -> list[float]:
        """One probability per action."""
        return [self.tied if value == self.best else self.other for value in self.values]

    def sample(self, u: float) -> int:
        """The action at ``u`` in [0, 1): the first whose cumulative probability exceeds ``u``."""
        values, best, tied, other = self
        cumulative = 0.0
        action = chosen = 0
        for value in values:
            if value == best:
                cumulative += tied
                chosen = action
            else:
                cumulative += other
            if u < cumulative:
                return action
            action += 1  # enumerate would build a pair per action, in the hottest loop there is
        # Where rounding leaves the sum below u: the last possible action.
        return action - 1 if other > 0 else chosen

    def prob(self, action: int) -> float:
        """The probability of an action."""
        return self.tied if self.values[action] == self.best else self.other

    def log_prob(self, action: int) -> float:
        """The logarithm of the probability; minus infinity for an impossible action."""
        return Categorical(self.probabilities).log_prob(action)

    def tilt(self, factors: Sequence[float]) -> Categorical:
        """See :meth:`Categorical.tilt`."""
        return Categorical(self.probabilities).tilt(factors)

    def mixed(self, share: float, other: "Discrete") -> Categorical:
        """See :meth:`Categorical.mixed`."""
        return Categorical(self.probabilities).mixed(share, other)


Discrete = Categorical | EpsilonGreedy
Exploration = Callable[[Sequence[float], float], Discrete]
"""(action values, epsilon or temperature) -> distribution."""


def epsilon_greedy(values: Sequence[float], epsilon: float) -> EpsilonGreedy:
    """pi(a) = epsilon/n + (1 - epsilon)/ties for each of the best actions, epsilon/n for the others (Sutton & Barto,
    2nd ed., section 2.2).

    >>> epsilon_greedy([1.0, 3.0, 3.0, 0.0], 0.2).probabilities
    [0.05, 0.45, 0.45, 0.05]
    """
    best = max(values)
    other = epsilon / len(values)
    return record(EpsilonGreedy, (values, best, other + (1 - epsilon) / values.count(best), other))


def greedy(values: Sequence[float]) -> EpsilonGreedy:
    """All on the best actions, evenly where they tie.

    >>> greedy([0.0, 0.0]).probabilities
    [0.5, 0.5]
    """
    return epsilon_greedy(values, 0.0)


def softmax(values: Sequence[float], temperature: float) -> Discrete:
    """pi(a) = exp(Q(a)/tau) / sum_b exp(Q(b)/tau) (Sutton & Barto, 2nd ed., eq. 13.2). Temperature 0 is greedy.

    >>> [round(p, 4) for p in softmax([0.0, 1.0], 1.0).probabilities]
    [0.2689, 0.7311]
    """
    if temperature <= 0:
        return greedy(values)
    return Categorical(softmax_probabilities(values, temperature))


def upper_bound_greedy(values: Sequence[float], confidence: float) -> Discrete:  # noqa: ARG001 - counts are not known here
    """Greedy on values that :func:`upper_bounds` has raised already."""
    return greedy(values)


def epsilon_greedy_into(values: Sequence[float], epsilon: float, into: list[float]) -> None:
    """The probabilities of :func:`epsilon_greedy`, written into a list (or an array, where it is compiled)."""
    other = epsilon / len(values)
    best = max(values)
    tied = other + (1 - epsilon) / values.count(best)
    for a in range(len(values)):
        into[a] = tied if values[a] == best else other


def softmax_into(values: Sequence[float], temperature: float, into: list[float]) -> None:
    """The probabilities of :func:`softmax`, written into a list (or an array, where it is compiled)."""
    if temperature <= 0:
        epsilon_greedy_into(values, 0.0, into)
        return
    best = max(values)
    total = 0.0
    for a in range(len(values)):
        into[a] = math.exp((values[a] - best) / temperature)
        total += into[a]
    for a in range(len(values)):
        into[a] /= total


def softmax_probabilities(values: Sequence[float], temperature: float) -> list[float]:
    """The probabilities of :func:`softmax`."""
    probabilities = [0.0] * len(values)
    softmax_into(values, temperature, probabilities)
    return probabilities


def upper_bounds(values: Sequence[float], counts: Sequence[int], confidence: float) -> list[float]:
    """Q(a) + c sqrt(ln t / N(a)), t the sum of all N; infinite for an action never tried (Sutton & Barto, eq. 2.10).

    >>> [round(bound, 4) for bound in upper_bounds([0.0, 1.0, 0.0], [1, 3, 0], 2.0)]
    [2.3548, 2.3596, inf]
    """
    t = 0
    for count in counts:
        t += count
    log = math.log(t) if t > 0 else 0.0
    return [
        values[a] + confidence * math.sqrt(log / counts[a]) if counts[a] > 0 else math.inf for a in range(len(values))
    ]


#: How :func:`explored` numbers the explorations.
EPSILON_GREEDY, SOFTMAX, UCB = range(3)


def explored_into(values: Sequence[float], rate: float, exploring: int, into: list[float]) -> None:
    """The probabilities of an exploration by its number, for rules that average over what is done next, written into a
    list (or an array, where it is compiled). Beyond its first trials the upper confidence bound aims at the best
    actions alone, so that is what it averages over."""
    if exploring == SOFTMAX:
        softmax_into(values, rate, into)
    else:
        epsilon_greedy_into(values, rate if exploring == EPSILON_GREEDY else 0.0, into)


def explored(values: Sequence[float], rate: float, exploring: int) -> list[float]:
    """The probabilities of :func:`explored_into`.

    >>> explored([0.0, 1.0], 0.5, EPSILON_GREEDY), explored([0.0, 1.0], 0.5, UCB)
    ([0.25, 0.75], [0.0, 1.0])
    """
    probabilities = [0.0] * len(values)
    explored_into(values, rate, exploring, probabilities)
    return probabilities


def expected_value(values: Sequence[float], rate: float, exploring: int) -> float:
    """sum_a pi(a) Q(a), pi of :func:`explored` on the same values: the same number to the last bit, without the list.

    >>> expected_value([0.0, 1.0], 0.5, EPSILON_GREEDY)
    0.75
    """
    total = 0.0
    if exploring == SOFTMAX:
        probabilities = softmax_probabilities(values, rate)
        for a in range(len(values)):
            total += probabilities[a] * values[a]
        return total
    epsilon = rate if exploring == EPSILON_GREEDY else 0.0
    best = max(values)
    ties = 0
    for value in values:
        ties += value == best
    other = epsilon / len(values)
    tied = other + (1 - epsilon) / ties
    for value in values:
        total += (tied if value == best else other) * value
    return total


EXPLORATIONS: dict[str, Exploration] = {
    "epsilon_greedy": epsilon_greedy,
    "softmax": softmax,
    "ucb": upper_bound_greedy,
}
