"""Double Expected SARSA: Expected SARSA with two tables that check each other (Sutton & Barto, 2nd ed., exercise 6.13).

    Q1(S,A) <- Q1(S,A) + alpha [R + gamma sum_a pi(a|S') Q2(S',a) - Q1(S,A)]

and the other way round, each with probability one half; pi is the policy's own exploration on Q1 + Q2.
"""

from typing import Any

from hfrl.policy import explored
from hfrl.returns import expectation, td_target
from hfrl.seeding import draw
from hfrl.tabular import Numbers, Table, TabularAgent, improve


def both(q: Table, q2: Table, s: int) -> list[float]:
    """Q1 + Q2: what the behaviour is greedy on.

    >>> both([[1.0, 2.0]], [[3.0, 0.0]], 0)
    [4.0, 2.0]
    """
    return [q[s][k] + q2[s][k] for k in range(len(q[s]))]


def learn(
    q: Table,
    q2: Table,
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    alpha: float,
    gamma: float,
    rate: float,
    exploring: int,
    rng: Any,
) -> Numbers:
    """One step of Double Expected SARSA."""
    first = draw(rng) < 0.5
    pi = explored(both(q, q2, s2), rate, exploring)
    if first:
        v_next = 0.0 if terminated else expectation(pi, q2[s2])
        return improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)
    v_next = 0.0 if terminated else expectation(pi, q[s2])
    return improve(q2, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)


class DoubleExpectedSarsa(TabularAgent):
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
