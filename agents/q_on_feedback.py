"""Q-learning with the person's word in the place of the reward: the baseline that is warned of.

    Q(S,A) <- Q(S,A) + alpha [label + gamma max_a Q(S',a) - Q(S,A)]

It adds praise up over time, and people do not speak as a reward does: they praise more than they scold, and praise on
the way round a circle pays for ever (Knox & Stone 2012; Ho, Littman, Cushman & Austerweil 2015). See the corridor.
"""

from typing import Any

from hfrl.listening import Listening
from hfrl.returns import td_target
from hfrl.tabular import NOTHING, Numbers, Table, improve


def learn(
    q: Table, s: int, a: int, f: float, judged: bool, s2: int, terminated: bool, alpha: float, gamma: float
) -> Numbers:
    """One step; silence is a reward of 0.

    >>> learn([[0.0, 1.0], [2.0, 4.0]], s=0, a=1, f=-1.0, judged=True, s2=1, terminated=False, alpha=0.5, gamma=0.5)
    (1.0, 1.0, 1.0, 4.0)
    """
    if not judged:
        return NOTHING
    v_next = max(q[s2])
    return improve(q, s, a, td_target(f, gamma, terminated, v_next), alpha, v_next)


class QOnFeedback(Listening):
    """Maximises the sum of future praise.

    Args:
        env: only its spaces are read.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none: it is not learnt.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: a number out of its range.
    """

    learn_rule = staticmethod(learn)
    letters = "Q(s,a)"
    discounts = True
    bootstraps = "best"

    def __init__(
        self,
        env: Any,
        *,
        takeover: float = 0.0,
        learning_rate: Any = 0.2,
        gamma: float = 0.95,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.listen("zero", takeover)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip
