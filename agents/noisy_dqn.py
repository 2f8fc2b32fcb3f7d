"""Noisy DQN: the network's own noise explores, as much as it has learnt to, in place of epsilon (Fortunato et al.,
"Noisy networks for exploration", ICLR 2018).

    w = mu + sigma * noise        (eq. 9);   y = R + gamma max_a Q_target(S',a; noise')        (eq. 14)
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
class NoisyDQN(DeepAgent):
    """Explores by noise in its weights, drawn anew for every step; epsilon only fills the buffer at first.

    Args:
        sigma0: how noisy it is at first, positive.
        loss: ``"squared"`` or ``"huber"`` (delta 1). Huber keeps CartPole from being learnt at some published settings.
    """

    bootstraps: ClassVar[str] = "best"
    exploration_final_eps: float = 0.0
    exploration_steps: int = 4_000
    sigma0: float = 0.5
    loss: str = "squared"

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, expected_return(self.loss), sigma0=self.sigma0)
