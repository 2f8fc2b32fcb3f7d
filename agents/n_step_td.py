"""n-step TD prediction: the target waits for n rewards (Watkins 1989; Sutton & Barto, 2nd ed., section 7.1).

G <- R(t+1) + gamma R(t+2) + ... + gamma^(n-1) R(t+n) + gamma^n V(S(t+n))        (eq. 7.1)
V(S(t)) <- V(S(t)) + alpha [G - V(S(t))]        (eq. 7.2)
"""

from collections.abc import Sequence
from typing import Any

from hfrl.prediction import PredictionAgent, improve_value
from hfrl.returns import returned
from hfrl.schedules import Schedule
from hfrl.tabular import NOTHING, Numbers
from hfrl.types import UserError


def learn(
    v: list[float],
    past_s: list[int],
    past_r: list[float],
    size: list[int],
    s: int,
    r: float,
    s2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    n: int,
) -> Numbers:
    """One step of n-step TD: the state n steps ago learns; at the end of an episode all that still wait do.

    >>> v, past_s, past_r, size = [0.0, 0.0, 4.0], [0, 0], [0.0, 0.0], [0]
    >>> learn(v, past_s, past_r, size, 0, 1.0, 1, False, False, 0.5, 0.5, 2)[0]
    nan
    >>> learn(v, past_s, past_r, size, 1, 2.0, 2, False, False, 0.5, 0.5, 2)
    (0.0, 3.0, 1.5, 4.0)
    """
    count = size[0]
    past_s[count], past_r[count] = s, r
    count += 1
    ended = terminated or truncated
    numbers, learnt = NOTHING, 0
    v_next = 0.0 if terminated else v[s2]
    while learnt < count and (ended or count - learnt == n):
        made = improve_value(v, past_s[learnt], returned(past_r, learnt, count, gamma, v_next), alpha, v_next)
        numbers = made if learnt == 0 else numbers
        learnt += 1
    for k in range(learnt, count):
        past_s[k - learnt] = past_s[k]
        past_r[k - learnt] = past_r[k]
    size[0] = count - learnt
    return numbers


class NStepTD(PredictionAgent):
    """Learns the values of the policy it follows from n rewards and a value.

    Args:
        env: only its spaces are read.
        n: how many rewards, at least 1.
        policy, learning_rate, gamma, initial_value, seed: see :class:`hfrl.prediction.PredictionAgent`.

    Raises:
        UserError: n below 1 or not whole.
    """

    tables = ("v", "past_s", "past_r", "size")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        n: int = 4,
        policy: Sequence[Sequence[float]] | None = None,
        learning_rate: float | str | Schedule = 0.1,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if n < 1 or n != int(n):
            raise UserError(f"n must be 1 or more steps, a whole number, got {n}")
        self.n = int(n)
        super().__init__(
            env, policy=policy, learning_rate=learning_rate, gamma=gamma, initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - as long as n
        """The states and rewards that still wait."""
        self.past_s, self.past_r, self.size = [0] * self.n, [0.0] * self.n, [0]
