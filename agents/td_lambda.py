"""TD(lambda): every state that led here learns from the present error (Sutton 1988; Sutton & Barto, 2nd ed., section
12.2).

    delta <- R + gamma V(S') - V(S)
    V(s) <- V(s) + alpha delta e(s)   and   e(s) <- gamma lambda e(s), for all s
"""

from collections.abc import Sequence
from typing import Any

from hfrl.prediction import PredictionAgent
from hfrl.returns import td_target
from hfrl.schedules import Schedule
from hfrl.tabular import Numbers
from hfrl.types import UserError

KINDS = ("accumulating", "replacing")


def learn(
    v: list[float],
    e: list[float],
    s: int,
    r: float,
    s2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    lam: float,
    kind: int,
) -> Numbers:
    """One step of TD(lambda).

    >>> v, e = [0.0, 2.0], [1.0, 0.0]
    >>> learn(v, e, 0, 1.0, 1, False, False, 0.5, 0.5, 0.5, 0), v, e
    ((0.0, 2.0, 2.0, 2.0), [2.0, 2.0], [0.5, 0.0])
    """
    old = v[s]
    v_next = v[s2]
    target = td_target(r, gamma, terminated, v_next)
    e[s] = 1.0 if kind == 1 else e[s] + 1.0
    fade = 0.0 if terminated or truncated else gamma * lam
    for k in range(len(e)):
        v[k] += alpha * (target - old) * e[k]
        e[k] *= fade
    return old, target, v[s], v_next


class TDLambda(PredictionAgent):
    """Learns the values of the policy it follows with eligibility traces.

    Args:
        env: only its spaces are read.
        lam: lambda in [0, 1].
        traces: ``"accumulating"`` or ``"replacing"``.
        policy, learning_rate, gamma, initial_value, seed: see :class:`hfrl.prediction.PredictionAgent`.

    Raises:
        UserError: lambda out of its range, or unknown traces.
    """

    tables = ("v", "e")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.9,
        traces: str = "accumulating",
        policy: Sequence[Sequence[float]] | None = None,
        learning_rate: float | str | Schedule = 0.1,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {lam}")
        if traces not in KINDS:
            raise UserError(f"traces must be one of {', '.join(KINDS)}, got {traces!r}")
        self.lam, self.kind = float(lam), KINDS.index(traces)
        super().__init__(
            env, policy=policy, learning_rate=learning_rate, gamma=gamma, initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - one trace per state
        """The traces."""
        self.e = [0.0] * states
