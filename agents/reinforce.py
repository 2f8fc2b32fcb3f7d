"""REINFORCE: Monte Carlo policy gradient, with or without a baseline (Williams 1992; Sutton & Barto, 2nd ed., sections
13.3, 13.4).

    theta <- theta + alpha gamma^t [G(t) - v(S(t))] grad ln pi(A(t)|S(t), theta),   pi = softmax(theta(S, .))
    v(S(t)) <- v(S(t)) + alpha_v [G(t) - v(S(t))]        (v = 0 without a baseline)

For a table of preferences grad ln pi(a|s) is 1 - pi(a|s) at the action that was taken and -pi(b|s) at the others.
"""

from typing import Any

from hfrl.policy import softmax_probabilities
from hfrl.tabular import NOTHING, Numbers, Table, TabularAgent
from hfrl.types import UserError


def climb(q: Table, s: int, a: int, amount: float) -> float:
    """theta(s, .) <- theta(s, .) + amount grad ln pi(a|s); returns the new theta(s, a).

    >>> theta = [[0.0, 0.0]]
    >>> climb(theta, 0, 1, 2.0), theta
    (1.0, [[-1.0, 1.0]])
    """
    pi = softmax_probabilities(q[s], 1.0)
    for k in range(len(pi)):
        q[s][k] += amount * ((1.0 if k == a else 0.0) - pi[k])
    return q[s][a]


def learn(
    q: Table,
    v: list[float],
    past_s: list[int],
    past_a: list[int],
    past_r: list[float],
    size: list[int],
    s: int,
    a: int,
    r: float,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    baseline: int,
    baseline_rate: float,
    horizon: int,
) -> Numbers:
    """Remember a step; at the end of the episode (or after ``horizon`` steps of it) climb the gradient, in the order of
    time. A truncated episode counts with the return it has.

    >>> q, v = [[0.0, 0.0]], [0.0]
    >>> learn(q, v, [0], [0], [0.0], [0], 0, 1, 2.0, True, False, 0.5, 1.0, 1, 0.25, 1)
    (0.0, 2.0, 0.5, 0.0)
    >>> q, v
    ([[-0.5, 0.5]], [0.5])
    """
    last = size[0]
    past_s[last], past_a[last], past_r[last] = s, a, r
    size[0] = last + 1
    if not (terminated or truncated or size[0] == horizon):
        return NOTHING
    g = 0.0
    for t in range(last, -1, -1):
        g = past_r[t] + gamma * g
        past_r[t] = g
    discount = 1.0
    numbers = NOTHING
    for t in range(size[0]):
        at, error = past_s[t], past_r[t] - v[past_s[t]]
        old = q[at][past_a[t]]
        if baseline:
            v[at] += baseline_rate * error
        new = climb(q, at, past_a[t], alpha * discount * error)
        numbers = old, past_r[t], new, v[at] if baseline else 0.0
        discount *= gamma
    size[0] = 0
    return (numbers[0], numbers[1], numbers[2], 0.0)


class Reinforce(TabularAgent):
    """Climbs the gradient of the return after every episode; acts by the softmax of its preferences.

    The table ``q`` holds preferences, not values; they start at ``initial_value``.

    Args:
        env: only its spaces are read.
        baseline: learn state values and climb by what is better than they are.
        baseline_rate: alpha_v, the learning rate of those values, in [0, 1].
        horizon: the longest episode that is remembered, in steps.
        learning_rate, gamma, initial_value, seed: as for every table.

    Raises:
        UserError: a number out of its range.
    """

    tables = ("q", "v", "past_s", "past_a", "past_r", "size")
    learn_rule = staticmethod(learn)
    greatest_rate = float("inf")  # a step along a gradient has no target to overshoot

    def __init__(
        self,
        env: Any,
        *,
        baseline: bool = False,
        baseline_rate: float = 0.1,
        horizon: int = 10_000,
        learning_rate: Any = 0.01,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= baseline_rate <= 1:
            raise UserError(f"baseline_rate must be within [0, 1], got {baseline_rate}")
        if horizon < 1:
            raise UserError(f"horizon must be 1 or more steps, got {horizon}")
        self.baseline, self.baseline_rate, self.horizon = int(baseline), float(baseline_rate), int(horizon)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, exploration="softmax", initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - as long as the horizon
        """The baseline's values, and the episode so far."""
        self.v, self.size = [0.0] * states, [0]
        self.past_s, self.past_a, self.past_r = [0] * self.horizon, [0] * self.horizon, [0.0] * self.horizon
