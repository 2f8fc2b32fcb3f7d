"""Deep SARSA: the target follows the action that was drawn next, as SARSA's does, from a replay buffer (Sutton & Barto,
2nd ed., sections 6.4 and 10.1; Zhao et al., "Deep reinforcement learning with experience replay based on SARSA", 2016).

    y = R + gamma Q_target(S',A')

What is remembered was done by older policies: the smaller the buffer, the nearer it is to on-policy.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.outputs import expected_return
from hfrl.replay import Batch


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:  # noqa: ARG001 - what every variant is given
    """Q_target(S',A') for each transition."""
    values = target(batch.next_observations)
    return values[np.arange(len(values)), batch.next_actions]


@dataclass(kw_only=True, eq=False)
class DeepSarsa(DeepAgent):
    """Learns the values of the policy it follows, exploration included.

    Args:
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
    """

    on_policy: ClassVar[bool] = True
    bootstraps: ClassVar[str] = "next"
    loss: str = "squared"

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, expected_return(self.loss))
