"""R-learning: the average reward of a step instead of a discounted future (Schwartz 1993; Sutton & Barto, 1st ed.,
section 6.7).

    Q(S,A) <- Q(S,A) + alpha [R - rho + max_a Q(S',a) - Q(S,A)]
    where A was greedy:  rho <- rho + beta [R - rho + max_a Q(S',a) - max_a Q(S,a)]

Made for tasks that never end; where one does, nothing is added beyond the end.
"""

from typing import Any

from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def learn(
    q: Table, rho: list[float], s: int, a: int, r: float, s2: int, terminated: bool, alpha: float, beta: float
) -> Numbers:
    """One step of R-learning; whether the action was greedy is asked before anything is learnt.

    >>> q, rho = [[0.0, 1.0], [2.0, 0.0]], [0.5]
    >>> learn(q, rho, s=0, a=1, r=1.0, s2=1, terminated=False, alpha=0.5, beta=0.1), rho
    ((1.0, 2.5, 1.75, 2.0), [0.65])
    """
    best = max(q[s])
    greedy = q[s][a] == best
    v_next = 0.0 if terminated else max(q[s2])
    target = r - rho[0] + v_next
    numbers = improve(q, s, a, target, alpha, v_next)
    if greedy:
        rho[0] += beta * (target - best)
    return numbers


class RLearning(TabularAgent):
    """Learns what is better than the average step.

    Args:
        env: only its spaces are read.
        beta: the learning rate of the average reward, in [0, 1].
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.
            Nothing is discounted: gamma is there for blends that need one.

    Raises:
        UserError: beta out of its range.
    """

    tables = ("q", "rho")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        beta: float = 0.01,
        learning_rate: Any = 0.1,
        gamma: float = 1.0,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= beta <= 1:
            raise UserError(f"beta must be within [0, 1], got {beta}")
        self.beta = float(beta)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - one number for all
        """The average reward (one number)."""
        self.rho = [0.0]
