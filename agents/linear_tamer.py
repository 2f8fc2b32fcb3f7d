"""TAMER with linear H over tiles or radial basis functions, for Mountain Car and its like (Knox & Stone 2009).

    H(s,a) = sum_i theta_i(a) x_i(s);   theta_i(A) <- theta_i(A) + alpha [label - H(S,A)] x_i(S)

It acts on argmax_a H(s,a), as TAMER does everywhere.
"""

from typing import Any

from hfrl.features import Active
from hfrl.linear import LinearAgent, value
from hfrl.listening import Listening
from hfrl.tabular import NOTHING, Numbers


def learn(q: Any, s: Active, a: int, f: float, judged: bool, alpha: float, share: float) -> Numbers:
    """One label; ``share`` is one over the number of tilings, ``q`` holds theta.

    >>> import numpy as np
    >>> theta, both = np.array([[0.25], [0.25]]), (np.array([0, 1]), np.ones(2))
    >>> learn(theta, both, 0, 1.0, True, 0.5, 0.5), theta.tolist()
    ((0.5, 1.0, 0.75, 0.0), [[0.375], [0.375]])
    """
    if not judged:
        return NOTHING
    old = value(q, s, a)
    q[s[0], a] += alpha * share * (f - old) * s[1]
    return old, f, value(q, s, a), 0.0


class LinearTamer(Listening, LinearAgent):
    """Learns what the person would say of each action, over features.

    Args:
        env: only its spaces are read: a Box of one axis, and Discrete actions.
        silence: ``"zero"``: while somebody teaches, a step passed in silence has the label 0; ``"missing"``: none.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        features, tilings, bins, learning_rate, epsilon, exploration, temperature, initial_value, seed: see
            :class:`hfrl.linear.LinearAgent`.

    Raises:
        UserError: observations that are no Box of one axis, a number out of its range, or an unknown silence.
    """

    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        silence: str = "zero",
        takeover: float = 0.0,
        features: str = "tiles",
        tilings: int = 8,
        bins: int = 8,
        learning_rate: Any = 0.2,
        epsilon: Any = 0.0,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.listen(silence, takeover)
        LinearAgent.__init__(
            self, env, features=features, tilings=tilings, bins=bins, learning_rate=learning_rate, gamma=0.0,
            epsilon=epsilon, exploration=exploration, temperature=temperature, initial_value=initial_value, seed=seed,
        )  # fmt: skip
