"""Monte Carlo prediction: a value is the mean of the returns that followed (Sutton & Barto, 2nd ed., sections 5.1 and
6.1).

    V(S(t)) <- V(S(t)) + alpha [G(t) - V(S(t))]        (eq. 6.1, every visit)

or, with ``first_visit``, the plain average of the returns of first visits.
"""

from collections.abc import Sequence
from typing import Any

from hfrl.prediction import PredictionAgent, improve_value
from hfrl.schedules import Schedule
from hfrl.tabular import NOTHING, Numbers
from hfrl.types import UserError


def learn(
    v: list[float],
    count: list[int],
    first: list[int],
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
    horizon: int,
    first_visit: int,
) -> Numbers:
    """Remember a step; at the end of the episode all its states learn from their returns, in the order of time.

    A truncated episode's returns go on with the value of where it was cut. Of an episode longer than ``horizon`` steps
    the first ``horizon`` learn from what they have, cut there in the same way, and the rest begins anew.

    >>> v, count, first, past_s, past_r, size = [0.0, 8.0], [0, 0], [0, 0], [0, 0], [0.0, 0.0], [0]
    >>> learn(v, count, first, past_s, past_r, size, 0, 1.0, 0, False, False, 0.5, 0.5, 9, 0)[0]
    nan
    >>> learn(v, count, first, past_s, past_r, size, 0, 2.0, 1, True, False, 0.5, 0.5, 9, 0), v
    ((1.0, 2.0, 1.5, 0.0), [1.5, 8.0])
    """
    last = size[0]
    past_s[last], past_r[last] = s, r
    size[0] = last + 1
    if not (terminated or truncated or size[0] == horizon):
        return NOTHING
    g = 0.0 if terminated else v[s2]
    for t in range(last, -1, -1):
        g = past_r[t] + gamma * g
        past_r[t] = g
        first[past_s[t]] = t  # an earlier visit overwrites a later one
    numbers = NOTHING
    for t in range(size[0]):
        at = past_s[t]
        if first_visit == 0 or first[at] == t:
            count[at] += 1
            numbers = improve_value(v, at, past_r[t], 1.0 / count[at] if first_visit else alpha, 0.0)
    size[0] = 0
    return numbers


class MCPrediction(PredictionAgent):
    """Learns the values of the policy it follows from whole returns.

    Args:
        env: only its spaces are read.
        first_visit: average the returns of first visits instead of moving by alpha at every visit.
        horizon: the longest episode that is remembered, in steps.
        policy, learning_rate, gamma, initial_value, seed: see :class:`hfrl.prediction.PredictionAgent`.

    Raises:
        UserError: a horizon below 1 or not whole.
    """

    tables = ("v", "count", "first", "past_s", "past_r", "size")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        first_visit: bool = False,
        horizon: int = 10_000,
        policy: Sequence[Sequence[float]] | None = None,
        learning_rate: float | str | Schedule = 0.1,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if horizon < 1 or horizon != int(horizon):
            raise UserError(f"horizon must be 1 or more steps, a whole number, got {horizon}")
        self.first_visit, self.horizon = int(first_visit), int(horizon)
        super().__init__(
            env, policy=policy, learning_rate=learning_rate, gamma=gamma, initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - one count per state
        """The episode so far, when each state was first seen in it, and from how many returns each has learnt."""
        self.count, self.first, self.size = [0] * states, [0] * states, [0]
        self.past_s, self.past_r = [0] * self.horizon, [0.0] * self.horizon
