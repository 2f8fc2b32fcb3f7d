"""The off-line lambda-return algorithm: at the end of an episode every state learns from its lambda-return (Sutton &
Barto, 2nd ed., section 12.1).

    G(t) <- R(t+1) + gamma [(1 - lambda) V(S(t+1)) + lambda G(t+1)]        (recursive form of eq. 12.2)
    V(S(t)) <- V(S(t)) + alpha [G(t) - V(S(t))], t = 0, 1, ...        (eq. 12.4)

All lambda-returns are computed with the values as they were during the episode.
"""

from collections.abc import Sequence
from typing import Any

from hfrl.prediction import PredictionAgent, improve_value
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
    lam: float,
    horizon: int,
) -> Numbers:
    """Remember a step; at the end of the episode (or after ``horizon`` steps of it) all its states learn.

    >>> v, past_s, past_r, size = [0.0, 4.0], [0, 0], [0.0, 0.0], [0]
    >>> learn(v, past_s, past_r, size, 0, 1.0, 1, False, False, 0.5, 0.5, 0.5, 9)[0]
    nan
    >>> learn(v, past_s, past_r, size, 1, 2.0, 0, True, False, 0.5, 0.5, 0.5, 9), v
    ((4.0, 2.0, 3.0, 0.0), [1.25, 3.0])
    """
    last = size[0]
    past_s[last] = s
    past_r[last] = r
    size[0] = last + 1
    if not (terminated or truncated or size[0] == horizon):
        return NOTHING
    g = 0.0 if terminated else v[s2]
    v_next = g
    for t in range(last, -1, -1):
        g = past_r[t] + gamma * ((1.0 - lam) * v_next + lam * g)
        v_next = v[past_s[t]]
        past_r[t] = g
    numbers = NOTHING
    for t in range(size[0]):
        numbers = improve_value(v, past_s[t], past_r[t], alpha, 0.0)
    size[0] = 0
    return numbers


class LambdaReturn(PredictionAgent):
    """Learns the values of the policy it follows from lambda-returns, after each episode.

    Args:
        env: only its spaces are read.
        lam: lambda in [0, 1].
        horizon: the longest episode that is remembered, in steps.
        policy, learning_rate, gamma, initial_value, seed: see :class:`hfrl.prediction.PredictionAgent`.

    Raises:
        UserError: lambda out of its range, or a horizon below 1.
    """

    tables = ("v", "past_s", "past_r", "size")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.9,
        horizon: int = 10_000,
        policy: Sequence[Sequence[float]] | None = None,
        learning_rate: float | str | Schedule = 0.1,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {lam}")
        if horizon < 1:
            raise UserError(f"horizon must be 1 or more steps, got {horizon}")
        self.lam, self.horizon = float(lam), int(horizon)
        super().__init__(
            env, policy=policy, learning_rate=learning_rate, gamma=gamma, initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - as long as the horizon
        """The episode so far."""
        self.past_s, self.past_r, self.size = [0] * self.horizon, [0.0] * self.horizon, [0]
