"""Q-learning with linear values: semi-gradient, off-policy (Sutton & Barto, 2nd ed., sections 9.3, 11.1).

    theta_i(A) <- theta_i(A) + alpha [R + gamma max_a Q(S',a) - Q(S,A)] x_i(S)

Off-policy learning with function approximation may diverge in principle (section 11.3); with tiles it seldom does.
"""

from typing import Any

from hfrl.features import Active
from hfrl.linear import LinearAgent, of_pair, value
from hfrl.returns import td_target
from hfrl.tabular import Numbers


def learn(
    q: Any, s: Active, a: int, r: float, s2: Active, terminated: bool, alpha: float, gamma: float, share: float
) -> Numbers:
    """One step of linear Q-learning; ``share`` is one over the number of tilings.

    >>> import numpy as np
    >>> q, first, second = np.zeros((2, 2)), (np.array([0]), np.ones(1)), (np.array([1]), np.ones(1))
    >>> learn(q, first, 0, 1.0, second, False, 0.5, 0.9, 1.0)
    (0.0, 1.0, 0.5, 0.0)
    """
    old = value(q, s, a)
    v_next = max(value(q, s2, k) for k in range(q.shape[1]))
    target = td_target(r, gamma, terminated, v_next)
    indices, heights = of_pair(s, a)
    q[indices, a] += alpha * share * (target - old) * heights
    return old, target, value(q, s, a), v_next


class LinearQ(LinearAgent):
    """Learns the values of the greedy policy over tiles or radial basis functions."""

    bootstraps = "best"
    learn_rule = staticmethod(learn)
