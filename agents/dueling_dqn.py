"""Dueling DQN: the network tells how good a state is apart from how much better each action is (Wang et al., "Dueling
network architectures for deep reinforcement learning", ICML 2016).

    Q(s,a) = V(s) + A(s,a) - mean_b A(s,b)        (eq. 9);   y = R + gamma max_a Q_target(S',a)
"""

from hfrl.deep import Array, DeepAgent, Values
from hfrl.nets import DUELING
from hfrl.replay import Batch


def bootstrap(online: Values, target: Values, batch: Batch) -> Array:  # noqa: ARG001 - what every variant is given
    """max_a Q_target(S',a) for each transition."""
    best: Array = target(batch.next_observations).max(axis=1)
    return best


class DuelingDQN(DeepAgent):
    """DQN whose last layer is a value and advantages."""

    bootstrap = staticmethod(bootstrap)
    head = DUELING
