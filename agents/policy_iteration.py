"""Policy iteration: evaluate a policy, act greedily on its values, evaluate again (Howard 1960; Sutton & Barto,
2nd ed., section 4.3).

    v <- r_pi + gamma P_pi v, solved exactly;   pi(s) <- argmax_a sum p(s',r|s,a) [r + gamma v(s')]        (eq. 4.9)
"""

from collections.abc import Iterator

from hfrl.mdp import MDP
from hfrl.planning import PlanningAgent, Sweep, policy_iteration


class PolicyIteration(PlanningAgent):
    """Knows an optimal policy before its first step."""

    def plan(self, mdp: MDP) -> Iterator[Sweep]:
        """One sweep per policy, until none is better by more than the tolerance."""
        return policy_iteration(mdp, self.gamma, self.tolerance)
