"""DQN: Q-learning with a network, a replay buffer and a target network (Mnih et al., "Human-level control through deep
reinforcement learning", Nature 2015).

    y = R + gamma max_a Q_target(S',a);   theta <- theta - alpha grad (y - Q(S,A; theta))^2        (algorithm 1)
"""

from hfrl.deep import Array, DeepAgent, Values
from hfrl.replay import Batch


def bootstrap(online: Values, target: Values, batch: Batch) -> Array:  # noqa: ARG001 - what every variant is given
    """max_a Q_target(S',a) for each transition."""
    best: Array = target(batch.next_observations).max(axis=1)
    return best


class DQN(DeepAgent):
    """Learns the values of the greedy policy from what it remembers."""

    bootstrap = staticmethod(bootstrap)
