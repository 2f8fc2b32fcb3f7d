"""QR-DQN: the whole distribution of the return in place of its mean, as quantiles that move to where they belong
(Dabney, Rowland, Bellemare & Munos, "Distributional reinforcement learning with quantile regression", AAAI 2018).

    Q(s,a) = mean_i theta_i(s,a);   y_j = R + gamma theta_j(S', argmax_a Q_target(S',a); target)
    loss = sum_i mean_j |tau_i - 1{y_j < theta_i}| Huber(y_j - theta_i(S,A))        (algorithm 1)
"""

from dataclasses import dataclass

import numpy as np

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.distributional import quantiles
from hfrl.replay import Batch


def bootstrap(online: Outputs, target: Outputs, batch: Batch) -> Array:  # noqa: ARG001 - what every variant is given
    """The target network's quantiles of the action that it values most."""
    outputs = target(batch.next_observations)
    best = outputs.mean(axis=2).argmax(axis=1)
    distributions: Array = outputs[np.arange(len(best)), best]
    return distributions


@dataclass(kw_only=True, eq=False)
class QRDQN(DeepAgent):
    """Learns the quantiles of the return.

    Args:
        n_quantiles: how many, at least 1.
    """

    n_quantiles: int = 50

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        return Parts(bootstrap, quantiles(self.n_quantiles))
