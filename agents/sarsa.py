"""SARSA: on-policy TD control (Rummery & Niranjan 1994; Sutton & Barto, 2nd ed., section 6.4).

    Q(S,A) <- Q(S,A) + alpha [R + gamma Q(S',A') - Q(S,A)]        (eq. 6.7)

The target bootstraps from the action that is taken next.
"""

from hfrl.returns import td_target
from hfrl.tabular import TabularAgent
from hfrl.types import Judgement, RewardPort, Update


class Sarsa(TabularAgent):
    """Learns the values of the policy it follows, exploration included."""

    on_policy = True

    def update(self, judgement: Judgement, reward: RewardPort) -> Update:
        """Learn one step from its blended reward and the action drawn next (there is none after termination)."""
        step = judgement.step
        r = reward(judgement)
        v_next = 0.0 if step.terminated else self.q[self.row(step.next_observation)][step.next_action]
        return self.learn(step, r, td_target(r, self.gamma, step.terminated, v_next), v_next)
