"""C51: the whole distribution of the return in place of its mean, as masses on fixed atoms (Bellemare, Dabney & Munos,
"A distributional perspective on reinforcement learning", ICML 2017).

    Q(s,a) = sum_i z_i p_i(s,a);   m = R + gamma z with the masses p_target(S', argmax_a Q_target(S',a)), projected on z
    loss = -sum_i m_i log p_i(S,A)        (algorithm 1)
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.distributional import categorical
from hfrl.replay import Batch


def bootstrap(values: Outputs, online: Outputs, target: Outputs, batch: Batch) -> Array:  # noqa: ARG001
    """The target network's distribution of the action that it values most, as logits; ``values`` are the means."""
    outputs = target(batch.next_observations)
    best = values(outputs).argmax(axis=1)
    distributions: Array = outputs[np.arange(len(best)), best]
    return distributions


@dataclass(kw_only=True, eq=False)
class C51(DeepAgent):
    """Learns how the return is distributed.

    Args:
        v_min, v_max: the first and the last atom: the least and the greatest discounted return that can be told apart.
        atoms: how many, at least 2.
    """

    v_min: float = -100.0
    v_max: float = 100.0
    atoms: int = 51

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        objective = categorical(self.v_min, self.v_max, self.atoms)
        return Parts(partial(bootstrap, objective.values), objective)
