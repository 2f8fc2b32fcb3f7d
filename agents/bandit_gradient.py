"""The gradient bandit: preferences that climb the gradient of the reward (Sutton & Barto, 2nd ed., section 2.8).

    H(A) <- H(A) + alpha (R - R_mean)(1 - pi(A));   H(a) <- H(a) - alpha (R - R_mean) pi(a), a != A        (eq. 2.12)

R_mean is the average of all rewards so far, this one included; 0 without a baseline.
"""

from typing import Any

from hfrl.policy import softmax_probabilities
from hfrl.tabular import Numbers, Table, TabularAgent


def learn(q: Table, mean: list[float], n: list[int], s: int, a: int, r: float, alpha: float, baseline: int) -> Numbers:
    """One pull. The mean is the baseline of the same pull, as in the figure of the literature.

    >>> q, mean, n = [[0.0, 0.0]], [0.0], [0]
    >>> learn(q, mean, n, 0, 0, 2.0, 0.5, 0), q
    ((0.0, 2.0, 0.5, 0.0), [[0.5, -0.5]])
    """
    n[s] += 1
    mean[s] += (r - mean[s]) / n[s]
    old = q[s][a]
    reference = mean[s] if baseline else 0.0
    pi = softmax_probabilities(q[s], 1.0)
    for k in range(len(pi)):
        q[s][k] += alpha * (r - reference) * ((1.0 if k == a else 0.0) - pi[k])
    return old, r, q[s][a], reference


class BanditGradient(TabularAgent):
    """Learns how much each lever is preferred; acts by the softmax of its preferences, the table ``q``.

    Args:
        env: only its spaces are read.
        baseline: compare with the average reward.
        learning_rate, initial_value, seed: as for every table.
    """

    tables = ("q", "mean", "n")
    learn_rule = staticmethod(learn)
    greatest_rate = float("inf")  # a step along a gradient has no target to overshoot

    def __init__(
        self,
        env: Any,
        *,
        baseline: bool = True,
        learning_rate: Any = 0.1,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.baseline = int(baseline)
        super().__init__(
            env, learning_rate=learning_rate, gamma=0.0, exploration="softmax", initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - one mean per state
        """The average reward, and how many rewards it is of."""
        self.mean, self.n = [0.0] * states, [0] * states
