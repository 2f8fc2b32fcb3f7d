"""DQfD, deep Q-learning from demonstrations: what a person did is worth more, by a margin, than what they did not
(Hester et al., "Deep Q-learning from demonstrations", AAAI 2018).

    J(Q) = J_DQ(Q) + lambda J_E(Q)                                            (eq. 3, without n-step and L2)
    J_E(Q) = max_a [Q(S,a) + l(A_E,a)] - Q(S,A_E)                             (eq. 2)
    l(A_E,a) = 0 for a = A_E, else the margin

J_DQ is Double DQN's loss, J_E is of the steps that a person drove. Without it the values of actions that nobody showed
would be whatever the network makes of them. ``n_steps`` adds the paper's n-step returns, ``replay`` its prioritized
sampling. A demonstration is what a person drives, before or while the agent learns (a driver's ``first``).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.outputs import expected_return
from hfrl.replay import Batch
from hfrl.types import UserError


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:
    """Q_target(S', argmax_a Q(S',a)) for each transition."""
    best = online(batch.next_observations).argmax(axis=1)
    values: Array = target(batch.next_observations)[np.arange(len(best)), best]
    return values


def margin_slopes(
    q: Array, actions: NDArray[np.int64], driven: NDArray[np.bool_], margin: float
) -> tuple[Array, Array]:
    """J_E (eq. 2) of each transition and its derivative by Q(s, .): shapes (batch,) and (batch, actions); 0 where
    nobody drove.

    The second action is .5 worse than the margin asks of it; the third was shown, and beats the others by more:

    >>> q = np.array([[1.0, 0.7, 0.0], [0.0, 0.0, 2.0], [1.0, 0.7, 0.0]], np.float32)
    >>> losses, slopes = margin_slopes(q, np.array([0, 2, 0]), np.array([True, True, False]), 0.8)
    >>> [round(float(loss), 4) for loss in losses], slopes.tolist()
    ([0.5, 0.0, 0.0], [[-1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    """
    rows = np.arange(len(actions))
    raised = q + np.float32(margin)
    raised[rows, actions] -= np.float32(margin)
    rival = raised.argmax(axis=1)
    rival[raised[rows, rival] <= raised[rows, actions]] = -1  # of equals the one that was shown
    beaten = driven & (rival >= 0)
    rival = np.where(beaten, rival, actions)
    losses = (raised[rows, rival] - raised[rows, actions]) * beaten
    slopes = np.zeros_like(q)
    slopes[rows[beaten], rival[beaten]] = 1.0
    slopes[rows[beaten], actions[beaten]] = -1.0
    return losses, slopes


@dataclass(kw_only=True, eq=False)
class DQfD(DeepAgent):
    """Learns the values of the greedy policy, and from what a person drove that this was better than anything else.

    Args:
        loss: ``"squared"`` or ``"huber"`` (delta 1).
        margin: by how much what was shown should be better, at least 0.
        margin_weight: lambda, at least 0; 0 is Double DQN.
    """

    bootstraps: ClassVar[str] = "best"
    loss: str = "squared"
    margin: float = 0.8
    margin_weight: float = 1.0

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        for name in ("margin", "margin_weight"):
            if not 0 <= getattr(self, name) < np.inf:
                raise UserError(f"{name} must be 0 or more, got {getattr(self, name)}")
        return Parts(bootstrap, expected_return(self.loss), beside=self._margin if self.margin_weight else None)

    def _margin(self, q: Array, actions: NDArray[np.int64], driven: NDArray[np.bool_]) -> tuple[Array, Array]:
        losses, slopes = margin_slopes(q, actions, driven, self.margin)
        weight = np.float32(self.margin_weight)
        return weight * losses, weight * slopes
