"""Q-learning: off-policy TD control (Watkins 1989; Sutton & Barto, 2nd ed., section 6.5).

    Q(S,A) <- Q(S,A) + alpha [R + gamma max_a Q(S',a) - Q(S,A)]        (eq. 6.8)

The target bootstraps from the best next action, whatever is done next.
"""

from hfrl.returns import td_target
from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import Judgement, RewardPort, Update


def learn(q: Table, s: int, a: int, r: float, s2: int, terminated: bool, alpha: float, gamma: float) -> Numbers:
    """One step of Q-learning.

    >>> learn([[0.0, 1.0], [2.0, 4.0]], s=0, a=1, r=-1.0, s2=1, terminated=False, alpha=0.5, gamma=0.5)
    (1.0, 1.0, 1.0, 4.0)
    """
    v_next = max(q[s2])
    return improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)


class QLearning(TabularAgent):
    """Learns the values of the greedy policy while it explores."""

    bootstraps = "best"
    learn_rule = staticmethod(learn)

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Learn one step from its blended reward."""
        step = judgement.step
        r = reward(judgement)
        s, s2 = self.row(step.observation), self.row(step.next_observation)
        return self.finish(step, r, learn(self.q, s, step.action, r, s2, step.terminated, self.alpha_now(), self.gamma))
