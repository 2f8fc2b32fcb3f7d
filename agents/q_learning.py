"""Q-learning: off-policy TD control (Watkins 1989; Sutton & Barto, 2nd ed., section 6.5).

    Q(S,A) <- Q(S,A) + alpha [R + gamma max_a Q(S',a) - Q(S,A)]        (eq. 6.8)

The target bootstraps from the best next action, whatever is done next.
"""

from hfrl.returns import td_target
from hfrl.tabular import TabularAgent
from hfrl.types import Judgement, RewardPort, Update


class QLearning(TabularAgent):
    """Learns the values of the greedy policy while it explores."""

    def update(self, judgement: Judgement, reward: RewardPort) -> Update:
        """Learn one step from its blended reward."""
        step = judgement.step
        r = reward(judgement)
        v_next = max(self.q[self.row(step.next_observation)])
        return self.learn(step, r, td_target(r, self.gamma, step.terminated, v_next), v_next)
