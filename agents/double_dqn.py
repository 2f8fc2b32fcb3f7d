"""Double DQN: one network chooses, the other one judges, so that nobody believes the maximum of noise (van Hasselt,
Guez & Silver, "Deep reinforcement learning with double Q-learning", AAAI 2016).

    y = R + gamma Q_target(S', argmax_a Q(S',a))        (eq. 4)
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.outputs import expected_return
from hfrl.replay import Batch


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:
    """Q_target(S', argmax_a Q(S',a)) for each transition."""
    best = online(batch.next_observations).argmax(axis=1)
    values: Array = target(batch.next_observations)[np.arange(len(best)), best]
    return values


@dataclass(kw_only=True, eq=False)
class DoubleDQN(DeepAgent):
    """Learns the values of the greedy policy, without the maximum's optimism.

    Args:
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
    """

    bootstraps: ClassVar[str] = "best"
    loss: str = "squared"

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, expected_return(self.loss))
