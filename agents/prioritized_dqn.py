"""Prioritized replay: Double DQN that learns from what surprised it more often, and corrects for it (Schaul, Quan,
Antonoglou & Silver, "Prioritized experience replay", ICLR 2016).

    P(i) = p_i^alpha / sum_k p_k^alpha,   p_i = |delta_i| + eps        (eq. 1)
    y = R + gamma Q_target(S', argmax_a Q(S',a));   the loss of i counts (N P(i))^-beta        (algorithm 1)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.outputs import expected_return
from hfrl.priorities import Sampler
from hfrl.replay import Batch


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:
    """Q_target(S', argmax_a Q(S',a)) for each transition."""
    best = online(batch.next_observations).argmax(axis=1)
    values: Array = target(batch.next_observations)[np.arange(len(best)), best]
    return values


@dataclass(kw_only=True, eq=False)
class PrioritizedDQN(DeepAgent):
    """Learns from what surprised it.

    Args:
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
    """

    bootstraps: ClassVar[str] = "best"
    replay: str | Callable[[int], Sampler] = "prioritized:0.6:linear:0.4:1:100000"
    loss: str = "squared"

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, expected_return(self.loss))
