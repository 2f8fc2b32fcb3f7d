"""True online TD(lambda): the online lambda-return algorithm, exactly, at the cost of TD(lambda) (van Seijen & Sutton
2014; Sutton & Barto, 2nd ed., section 12.5).

    delta <- R + gamma V(S') - V(S);   e(S) <- e(S) + 1 - alpha gamma lambda e(S) after e <- gamma lambda e
    V(s) <- V(s) + alpha (delta + V(S) - V_old) e(s) - alpha (V(S) - V_old) [s = S];   V_old <- V(S')
"""

from collections.abc import Sequence
from typing import Any

from hfrl.prediction import PredictionAgent
from hfrl.returns import td_target
from hfrl.schedules import Schedule
from hfrl.tabular import Numbers
from hfrl.types import UserError


def learn(
    v: list[float],
    e: list[float],
    v_old: list[float],
    s: int,
    r: float,
    s2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    lam: float,
) -> Numbers:
    """One step of true online TD(lambda) for a table.

    >>> v, e, v_old = [0.0, 2.0], [0.0, 0.0], [0.0]
    >>> learn(v, e, v_old, 0, 1.0, 1, False, False, 0.5, 0.5, 0.5), e, v_old
    ((0.0, 2.0, 1.0, 2.0), [0.25, 0.0], [2.0])
    """
    old = v[s]
    v_next = 0.0 if terminated else v[s2]
    target = td_target(r, gamma, terminated, v_next)
    moved = old - v_old[0]
    ended = terminated or truncated
    e[s] = e[s] + 1.0 - alpha * e[s]
    fade = 0.0 if ended else gamma * lam
    for k in range(len(e)):
        v[k] += alpha * (target - old + moved) * e[k]
        e[k] *= fade
    v[s] -= alpha * moved
    v_old[0] = 0.0 if ended else v_next
    return old, target, v[s], v_next


class TrueOnlineTD(PredictionAgent):
    """Learns the values of the policy it follows with Dutch traces.

    Args:
        env: only its spaces are read.
        lam: lambda in [0, 1].
        policy, learning_rate, gamma, initial_value, seed: see :class:`hfrl.prediction.PredictionAgent`.

    Raises:
        UserError: lambda out of its range.
    """

    tables = ("v", "e", "v_old")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.9,
        policy: Sequence[Sequence[float]] | None = None,
        learning_rate: float | str | Schedule = 0.1,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {lam}")
        self.lam = float(lam)
        super().__init__(
            env, policy=policy, learning_rate=learning_rate, gamma=gamma, initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - one trace per state
        """The traces, and the old value of the present state (one number)."""
        self.e, self.v_old = [0.0] * states, [0.0]
