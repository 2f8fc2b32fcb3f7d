"""Rainbow: six extensions of DQN together (Hessel et al., "Rainbow: combining improvements in deep reinforcement
learning", AAAI 2018, section "The integrated agent").

    double Q-learning        the online network chooses a* at S(t+n), the target network tells its distribution
    prioritized replay       P(i) ~ (cross-entropy of i)^0.5, corrected with beta from .4 to 1
    dueling networks         logits = V(s) + A(s,a) - mean_b A(s,b), atom by atom
    multi-step learning      R(t+1) + gamma R(t+2) + gamma^2 R(t+3) + gamma^3 z, with n = 3
    distributional RL        masses on fixed atoms, projected; loss = -sum_i m_i log p_i(S,A)
    noisy nets               w = mu + sigma * noise, in place of epsilon (which only fills the buffer at first)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from hfrl.deep import Array, DeepAgent, Outputs, Parts
from hfrl.distributional import categorical
from hfrl.outputs import DUELING
from hfrl.priorities import Sampler
from hfrl.replay import Batch


def bootstrap(values: Outputs, online: Outputs, target: Outputs, batch: Batch) -> Array:
    """The target network's distribution of the action that the online network values most; ``values`` are means."""
    best = values(online(batch.next_observations)).argmax(axis=1)
    distributions: Array = target(batch.next_observations)[np.arange(len(best)), best]
    return distributions


@dataclass(kw_only=True, eq=False)
class Rainbow(DeepAgent):
    """Learns how the return is distributed, with all that helps.

    Args:
        v_min, v_max: the first and the last atom: the least and the greatest discounted return that can be told apart.
        atoms: how many, at least 2.
        sigma0: how noisy it is at first; 0: not at all.
    """

    replay: str | Callable[[int], Sampler] = "prioritized:0.5:linear:0.4:1:100000"
    n_steps: int = 3
    exploration_final_eps: float = 0.0
    exploration_steps: int = 4_000
    sigma0: float = 0.5
    v_min: float = -100.0
    v_max: float = 100.0
    atoms: int = 51

    def parts(self) -> Parts:
        """See :class:`Parts`."""
        objective = categorical(self.v_min, self.v_max, self.atoms)
        return Parts(partial(bootstrap, objective.values), objective, DUELING, self.sigma0)
