"""TD(0): a value moves towards the reward and the value of what came next (Sutton 1988; Sutton & Barto, 2nd ed.,
section 6.1).

    V(S) <- V(S) + alpha [R + gamma V(S') - V(S)]        (eq. 6.2)
"""

from hfrl.prediction import PredictionAgent, improve_value
from hfrl.returns import td_target
from hfrl.tabular import Numbers


def learn(v: list[float], s: int, r: float, s2: int, terminated: bool, alpha: float, gamma: float) -> Numbers:
    """One step of TD(0).

    >>> learn([0.0, 2.0], s=0, r=1.0, s2=1, terminated=False, alpha=0.5, gamma=0.5)
    (0.0, 2.0, 1.0, 2.0)
    """
    return improve_value(v, s, td_target(r, gamma, terminated, v[s2]), alpha, v[s2])


class TD0(PredictionAgent):
    """Learns the values of the policy it follows, one step at a time."""

    learn_rule = staticmethod(learn)
