"""DQN: Q-learning with a network, a replay buffer and a target network (Mnih et al., "Human-level control through deep
reinforcement learning", Nature 2015).

    y = R + gamma max_a Q_target(S',a);   theta <- theta - alpha grad (y - Q(S,A; theta))^2        (algorithm 1)
"""

from dataclasses import dataclass
from typing import ClassVar

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.outputs import expected_return
from hfrl.replay import Batch


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:  # noqa: ARG001 - what every variant is given
    """max_a Q_target(S',a) for each transition."""
    best: Array = target(batch.next_observations).max(axis=1)
    return best


@dataclass(kw_only=True, eq=False)
class DQN(DeepAgent):
    """Learns the values of the greedy policy from what it remembers.

    Args:
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
    """

    bootstraps: ClassVar[str] = "best"
    loss: str = "squared"

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, expected_return(self.loss))
