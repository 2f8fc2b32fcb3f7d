"""Double DQN: one network chooses, the other one judges, so that nobody believes the maximum of noise (van Hasselt,
Guez & Silver, "Deep reinforcement learning with double Q-learning", AAAI 2016).

    y = R + gamma Q_target(S', argmax_a Q(S',a))        (eq. 4)
"""

import numpy as np

from hfrl.deep import Array, DeepAgent, Values
from hfrl.replay import Batch


def bootstrap(online: Values, target: Values, batch: Batch) -> Array:
    """Q_target(S', argmax_a Q(S',a)) for each transition."""
    best = online(batch.next_observations).argmax(axis=1)
    values: Array = target(batch.next_observations)[np.arange(len(best)), best]
    return values


class DoubleDQN(DeepAgent):
    """Learns the values of the greedy policy, without the maximum's optimism."""

    bootstrap = staticmethod(bootstrap)
