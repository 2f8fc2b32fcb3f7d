"""On-policy first-visit Monte Carlo control (Sutton & Barto, 2nd ed., section 5.4).

    Q(S,A) <- average of the returns that followed the first visit of (S,A) in each episode

The policy explores around what is best so far. A truncated episode's returns go on with the greedy value of where it
was cut; of an episode longer than ``horizon`` steps each stretch of that length counts as one.
"""

from typing import Any

from hfrl.tabular import NOTHING, Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def learn(
    q: Table,
    count: list[list[int]],
    first: Table,
    waits: list[list[int]],
    past_s: list[int],
    past_a: list[int],
    past_r: list[float],
    size: list[int],
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    truncated: bool,
    gamma: float,
    horizon: int,
) -> Numbers:
    """Remember a step; at the end of the episode every pair learns the return of its first visit.

    >>> q, count, first, waits, size = [[0.0], [0.0]], [[0], [0]], [[0.0], [0.0]], [[0], [0]], [0]
    >>> past_s, past_a, past_r = [0, 0], [0, 0], [0.0, 0.0]
    >>> learn(q, count, first, waits, past_s, past_a, past_r, size, 0, 0, 1.0, 1, False, False, 0.5, 9)[0]
    nan
    >>> learn(q, count, first, waits, past_s, past_a, past_r, size, 1, 0, 2.0, 0, True, False, 0.5, 9), q
    ((0.0, 2.0, 2.0, 0.0), [[2.0], [2.0]])
    """
    last = size[0]
    past_s[last], past_a[last], past_r[last] = s, a, r
    size[0] = last + 1
    if not (terminated or truncated or size[0] == horizon):
        return NOTHING
    g = 0.0 if terminated else max(q[s2])
    for t in range(last, -1, -1):
        g = past_r[t] + gamma * g
        first[past_s[t]][past_a[t]] = g  # an earlier visit overwrites a later one
        waits[past_s[t]][past_a[t]] = 1
    numbers = NOTHING
    for t in range(size[0]):
        at, done = past_s[t], past_a[t]
        if waits[at][done]:
            waits[at][done] = 0
            count[at][done] += 1
            numbers = improve(q, at, done, first[at][done], 1.0 / count[at][done], 0.0)
    size[0] = 0
    return numbers


class MCControl(TabularAgent):
    """Learns from whole returns. It averages them, so the learning rate has nothing to do.

    Args:
        env: only its spaces are read.
        horizon: the longest stretch of an episode that is remembered, in steps.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: a horizon below 1.
    """

    tables = ("q", "count", "first", "waits", "past_s", "past_a", "past_r", "size")
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
        """Counts, the returns of the episode that ends, and the episode so far."""
        self.count = [[0] * actions for _ in range(states)]
        self.first = [[0.0] * actions for _ in range(states)]
        self.waits = [[0] * actions for _ in range(states)]
        self.past_s, self.past_a, self.past_r = [0] * self.horizon, [0] * self.horizon, [0.0] * self.horizon
        self.size = [0]
