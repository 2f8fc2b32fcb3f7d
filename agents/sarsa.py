"""SARSA: on-policy TD control (Rummery & Niranjan 1994; Sutton & Barto, 2nd ed., section 6.4).

    Q(S,A) <- Q(S,A) + alpha [R + gamma Q(S',A') - Q(S,A)]        (eq. 6.7)

The target bootstraps from the action that is taken next.
"""

from hfrl.returns import td_target
from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import Judgement, RewardPort, Update


def learn(
    q: Table, s: int, a: int, r: float, s2: int, a2: int, terminated: bool, alpha: float, gamma: float
) -> Numbers:
    """One step of SARSA; there is no ``a2`` after termination.

    >>> learn([[0.0, 1.0], [2.0, 4.0]], s=0, a=1, r=-1.0, s2=1, a2=0, terminated=False, alpha=0.5, gamma=0.5)
    (1.0, 0.0, 0.5, 2.0)
    """
    v_next = 0.0 if terminated else q[s2][a2]
    return improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)


class Sarsa(TabularAgent):
    """Learns the values of the policy it follows, exploration included."""

    on_policy = True
    bootstraps = "next"
    learn_rule = staticmethod(learn)

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Learn one step from its blended reward and the action drawn next."""
        step = judgement.step
        r = reward(judgement)
        s, s2 = self.row(step.observation), self.row(step.next_observation)
        numbers = learn(self.q, s, step.action, r, s2, step.next_action, step.terminated, self.alpha_now(), self.gamma)
        return self.finish(step, r, numbers)
