"""TAMER: a supervised model of what the person would say, and greedy actions on it (Knox & Stone 2009, algorithms 1-3).

    H(S,A) <- H(S,A) + alpha [label - H(S,A)],   act on argmax_a H(s,a)

There is no gamma and no bootstrapping: a person who judges an action has looked ahead already. The label of a step is
the sum of its shares of credit; while somebody teaches, a step passed in silence has the label 0.
"""

from typing import Any

from hfrl.listening import Listening
from hfrl.tabular import NOTHING, Numbers, Table, improve


def learn(q: Table, s: int, a: int, f: float, judged: bool, alpha: float) -> Numbers:
    """One label. ``q`` holds H.

    >>> learn([[0.5, 0.0]], s=0, a=0, f=1.0, judged=True, alpha=0.5)
    (0.5, 1.0, 0.75, 0.0)
    """
    if not judged:
        return NOTHING
    return improve(q, s, a, f, alpha, 0.0)


class Tamer(Listening):
    """Learns what the person would say of each action, and does what they would praise most.

    Args:
        env: only its spaces are read.
        silence: ``"zero"``: while somebody teaches, a step passed in silence has the label 0; ``"missing"``: none.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        learning_rate, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: a number out of its range, or an unknown silence.
    """

    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        silence: str = "zero",
        takeover: float = 0.0,
        learning_rate: Any = 0.2,
        epsilon: Any = 0.0,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.listen(silence, takeover)
        super().__init__(
            env, learning_rate=learning_rate, gamma=0.0, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip
