"""n-step SARSA: the target waits for n rewards (Sutton & Barto, 2nd ed., section 7.2).

G <- R(t+1) + ... + gamma^(n-1) R(t+n) + gamma^n Q(S(t+n), A(t+n))        (eq. 7.4)
Q(S(t),A(t)) <- Q(S(t),A(t)) + alpha [G - Q(S(t),A(t))]        (eq. 7.5)
"""

from typing import Any

from hfrl.returns import returned
from hfrl.tabular import NOTHING, Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def learn(
    q: Table,
    past_s: list[int],
    past_a: list[int],
    past_r: list[float],
    size: list[int],
    s: int,
    a: int,
    r: float,
    s2: int,
    a2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    n: int,
) -> Numbers:
    """One step: the pair n steps ago learns; at the end of an episode all that still wait do.

    >>> q, past_s, past_a, past_r, size = [[0.0], [0.0], [4.0]], [0, 0], [0, 0], [0.0, 0.0], [0]
    >>> learn(q, past_s, past_a, past_r, size, 0, 0, 1.0, 1, 0, False, False, 0.5, 0.5, 2)[0]
    nan
    >>> learn(q, past_s, past_a, past_r, size, 1, 0, 2.0, 2, 0, False, False, 0.5, 0.5, 2)
    (0.0, 3.0, 1.5, 4.0)
    """
    count = size[0]
    past_s[count], past_a[count], past_r[count] = s, a, r
    count += 1
    ended = terminated or truncated
    numbers, learnt = NOTHING, 0
    v_next = 0.0 if terminated else q[s2][a2]
    while learnt < count and (ended or count - learnt == n):
        target = returned(past_r, learnt, count, gamma, v_next)
        made = improve(q, past_s[learnt], past_a[learnt], target, alpha, v_next)
        numbers = made if learnt == 0 else numbers
        learnt += 1
    for k in range(learnt, count):
        past_s[k - learnt] = past_s[k]
        past_a[k - learnt] = past_a[k]
        past_r[k - learnt] = past_r[k]
    size[0] = count - learnt
    return numbers


class NStepSarsa(TabularAgent):
    """SARSA from n rewards and a value.

    Args:
        env: only its spaces are read.
        n: how many rewards, at least 1.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: n below 1 or not whole.
    """

    on_policy = True
    bootstraps = "next"
    tables = ("q", "past_s", "past_a", "past_r", "size")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        n: int = 4,
        learning_rate: Any = 0.5,
        gamma: float = 0.99,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if n < 1 or n != int(n):
            raise UserError(f"n must be 1 or more steps, a whole number, got {n}")
        self.n = int(n)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - as long as n
        """The steps that still wait."""
        self.past_s, self.past_a, self.past_r, self.size = [0] * self.n, [0] * self.n, [0.0] * self.n, [0]
