"""Off-policy Monte Carlo control by weighted importance sampling (Sutton & Barto, 2nd ed., section 5.7).

    backwards:  G <- gamma G + R;  C(S,A) <- C(S,A) + W;  Q(S,A) <- Q(S,A) + W/C(S,A) [G - Q(S,A)]
                stop where A is not the greedy action of S;  W <- W / b(A|S)

b(A|S) is the probability with which the behaviour chose A, after every blend. Only the tail of an episode in which all
was greedy teaches anything, so it learns slowly where the behaviour explores much.
"""

from collections.abc import Sequence
from typing import Any

from hfrl.tabular import NOTHING, Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def first_best(values: Sequence[float]) -> int:
    """The first of the best actions: a greedy policy that is one policy, ties or not.

    >>> first_best([1.0, 3.0, 3.0])
    1
    """
    best = 0
    for k in range(1, len(values)):
        if values[k] > values[best]:
            best = k
    return best


def learn(
    q: Table,
    c: Table,
    past_s: list[int],
    past_a: list[int],
    past_r: list[float],
    past_mu: list[float],
    size: list[int],
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    truncated: bool,
    mu: float,
    gamma: float,
    horizon: int,
) -> Numbers:
    """Remember a step; at the end of the episode learn backwards. A truncated one goes on with the greedy value.

    >>> q, c, size = [[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [0]
    >>> learn(q, c, [0], [0], [0.0], [0.0], size, 0, 1, 2.0, 1, True, False, 0.5, 0.9, 1), c[0]
    ((0.0, 2.0, 2.0, 0.0), [0.0, 1.0])
    """
    last = size[0]
    past_s[last], past_a[last], past_r[last], past_mu[last] = s, a, r, mu
    size[0] = last + 1
    if not (terminated or truncated or size[0] == horizon):
        return NOTHING
    size[0] = 0
    g = 0.0 if terminated else max(q[s2])
    w = 1.0
    numbers = NOTHING
    for t in range(last, -1, -1):
        at, done = past_s[t], past_a[t]
        g = past_r[t] + gamma * g
        c[at][done] += w
        numbers = improve(q, at, done, g, w / c[at][done], 0.0)
        if done != first_best(q[at]):
            break
        w = w / past_mu[t]
    return numbers


class MCOffPolicy(TabularAgent):
    """Learns the greedy policy from whole returns of an exploring one. It averages, so the learning rate is not used.

    Args:
        env: only its spaces are read.
        horizon: the longest stretch of an episode that is remembered, in steps.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: a horizon below 1.
    """

    tables = ("q", "c", "past_s", "past_a", "past_r", "past_mu", "size")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        horizon: int = 10_000,
        learning_rate: Any = 0.5,
        gamma: float = 0.99,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if horizon < 1:
            raise UserError(f"horizon must be 1 or more steps, got {horizon}")
        self.horizon = int(horizon)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The sums of weights, and the episode so far."""
        self.c = [[0.0] * actions for _ in range(states)]
        self.past_s, self.past_a, self.size = [0] * self.horizon, [0] * self.horizon, [0]
        self.past_r, self.past_mu = [0.0] * self.horizon, [0.0] * self.horizon
