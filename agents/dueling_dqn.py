"""Dueling DQN: the network tells how good a state is apart from how much better each action is (Wang et al., "Dueling
network architectures for deep reinforcement learning", ICML 2016).

    Q(s,a) = V(s) + A(s,a) - mean_b A(s,b)        (eq. 9);   y = R + gamma max_a Q_target(S',a)
"""

from dataclasses import dataclass
from typing import ClassVar

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.outputs import DUELING, expected_return
from hfrl.replay import Batch


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:  # noqa: ARG001 - what every variant is given
    """max_a Q_target(S',a) for each transition."""
    best: Array = target(batch.next_observations).max(axis=1)
    return best


@dataclass(kw_only=True, eq=False)
class DuelingDQN(DeepAgent):
    """DQN whose last layer is a value and advantages.

    Args:
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
    """

    bootstraps: ClassVar[str] = "best"
    loss: str = "squared"

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, expected_return(self.loss), DUELING)
