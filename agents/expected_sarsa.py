"""Expected SARSA (van Seijen et al. 2009; Sutton & Barto, 2nd ed., section 6.6).

    Q(S,A) <- Q(S,A) + alpha [R + gamma sum_a pi(a|S') Q(S',a) - Q(S,A)]        (eq. 6.9)

The target averages over what the policy would do next, so that the luck of one action leaves no noise.
"""

from hfrl.policy import expected_value
from hfrl.returns import td_target
from hfrl.tabular import Numbers, Table, TabularAgent, improve


def learn(
    q: Table,
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    alpha: float,
    gamma: float,
    rate: float,
    exploring: int,
) -> Numbers:
    """One step of Expected SARSA.

    >>> learn([[0.0, 1.0], [2.0, 4.0]], 0, 1, -1.0, 1, False, alpha=0.5, gamma=0.5, rate=1.0, exploring=0)
    (1.0, 0.5, 0.75, 3.0)
    """
    v_next = 0.0 if terminated else expected_value(q[s2], rate, exploring)
    return improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)


class ExpectedSarsa(TabularAgent):
    """Learns the values of its own exploring policy, averaged over its next action."""

    bootstraps = "expected"
    learn_rule = staticmethod(learn)
