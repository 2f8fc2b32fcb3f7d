"""Action values of a bandit: sample averages or a constant step (Sutton & Barto, 2nd ed., sections 2.2 to 2.7).

    Q(A) <- Q(A) + 1/N(A) [R - Q(A)]        (eq. 2.3)        or with a constant step alpha        (eq. 2.5)

Explores with epsilon-greedy, softmax, upper confidence bounds (``exploration="ucb"``) or optimistic initial values.
"""

from typing import Any

from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def learn(q: Table, n: list[list[int]], s: int, a: int, r: float, step_size: float) -> Numbers:
    """One pull; ``step_size`` 0 means the sample average.

    >>> learn([[1.0, 0.0]], [[1, 0]], 0, 0, 2.0, 0.0)
    (1.0, 2.0, 1.5, 0.0)
    """
    n[s][a] += 1
    return improve(q, s, a, r, 1.0 / n[s][a] if step_size == 0.0 else step_size, 0.0)


class BanditValue(TabularAgent):
    """Learns what each lever pays; in a world of several states, of each state for itself.

    Args:
        env: only its spaces are read.
        step: ``"average"``, or a constant step in (0, 1].
        epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: a step out of its range.
    """

    tables = ("q", "n")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        step: float | str = "average",
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 2.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if step != "average" and not (isinstance(step, int | float) and 0 < step <= 1):
            raise UserError(f"step must be average or within (0, 1], got {step!r}")
        self.step_size = 0.0 if step == "average" else float(step)
        super().__init__(
            env, gamma=0.0, epsilon=epsilon, exploration=exploration, temperature=temperature, confidence=confidence,
            initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """N(a), how often each lever was pulled."""
        self.n = [[0] * actions for _ in range(states)]
