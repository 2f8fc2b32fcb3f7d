"""Double Q-learning: two tables, so that nobody believes the maximum of noise (van Hasselt 2010; Sutton & Barto, 2nd
ed., section 6.7).

    Q1(S,A) <- Q1(S,A) + alpha [R + gamma Q2(S', argmax_a Q1(S',a)) - Q1(S,A)]        (eq. 6.10)

and the other way round, each with probability one half.
"""

from collections.abc import Sequence
from typing import Any

from hfrl.returns import td_target
from hfrl.seeding import draw
from hfrl.tabular import Numbers, Table, TabularAgent, improve


def both(q: Table, q2: Table, s: int) -> list[float]:
    """Q1 + Q2: what the behaviour is greedy on.

    >>> both([[1.0, 2.0]], [[3.0, 0.0]], 0)
    [4.0, 2.0]
    """
    return [q[s][k] + q2[s][k] for k in range(len(q[s]))]


def any_best(values: Sequence[float], u: float) -> int:
    """One of the best actions, at ``u`` in [0, 1): ties are broken at random, as everywhere.

    >>> any_best([1.0, 3.0, 3.0], 0.2), any_best([1.0, 3.0, 3.0], 0.7)
    (1, 2)
    """
    best, ties = values[0], 1
    for k in range(1, len(values)):
        if values[k] > best:
            best, ties = values[k], 1
        elif values[k] == best:
            ties += 1
    left = int(u * ties)
    for k in range(len(values)):
        if values[k] == best:
            if left == 0:
                return k
            left -= 1
    return 0


def learn(
    q: Table, q2: Table, s: int, a: int, r: float, s2: int, terminated: bool, alpha: float, gamma: float, rng: Any
) -> Numbers:
    """One step of Double Q-learning; a coin decides which table learns from the other.

    >>> import numpy as np  # the first draw of this generator is .64: the second table learns
    >>> learn([[0.0], [3.0]], [[1.0], [5.0]], 0, 0, -1.0, 1, False, 0.5, 1.0, np.random.default_rng(0))
    (1.0, 2.0, 1.5, 3.0)
    """
    first = draw(rng) < 0.5
    u = draw(rng)
    if first:
        v_next = q2[s2][any_best(q[s2], u)]
        return improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)
    v_next = q[s2][any_best(q2[s2], u)]
    return improve(q2, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)


class DoubleQLearning(TabularAgent):
    """Learns two tables and acts on their sum."""

    tables = ("q", "q2")
    learn_rule = staticmethod(learn)
    values_rule = staticmethod(both)
    draws = True

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - as large as the first
        """The second table, as the first."""
        self.q2 = [list(row) for row in self.q]

    def values(self, s: int) -> list[float]:
        """Q1(s, .) + Q2(s, .)."""
        return both(self.q, self.q2, s)
