"""Value iteration: every state takes the value of its best action, again and again (Bellman 1957; Sutton & Barto, 2nd
ed., section 4.4).

    v(s) <- max_a sum p(s',r|s,a) [r + gamma v(s')], for all s        (eq. 4.10)
"""

from collections.abc import Iterator

from hfrl.mdp import MDP
from hfrl.planning import PlanningAgent, Sweep, value_iteration


class ValueIteration(PlanningAgent):
    """Knows the optimal values before its first step."""

    def plan(self, mdp: MDP) -> Iterator[Sweep]:
        """All states at once, until no value moves more than the tolerance."""
        return value_iteration(mdp, self.gamma, self.tolerance)
