"""DAgger: the data of all rounds together, and a policy that agrees with most of it (Ross, Gordon & Bagnell, "A
reduction of imitation learning and structured prediction to no-regret online learning", AISTATS 2011, algorithm 3.1).

    N(S,A) <- N(S,A) + f,   act on argmax_a N(s,a)

f is 1 where a person drove: they show what they would do. Of the agent's own steps their word is the label: a praise
says "so would I", a blame "not so". Who drives when is the teacher's business: with probability p^i in episode i
(``mix``, DAgger), or where they saw a mistake (HG-DAgger, Kelly et al. 2019). Where nobody drove and nobody spoke,
nothing is learnt.
"""

from typing import Any

from hfrl.listening import Listening
from hfrl.tabular import NOTHING, Numbers, Table


def learn(q: Table, s: int, a: int, f: float, judged: bool) -> Numbers:
    """One label. ``q`` holds N.

    >>> learn([[2.0, 0.0]], s=0, a=1, f=1.0, judged=True)
    (0.0, 1.0, 1.0, 0.0)
    """
    if not judged:
        return NOTHING
    old = q[s][a]
    q[s][a] = old + f
    return old, q[s][a], q[s][a], 0.0


class Dagger(Listening):
    """Does what the person did, or praised, most often; ties at random.

    The table ``q`` holds counts. They add up, so there is no learning rate.

    Args:
        env: only its spaces are read.
        takeover: what a step counts that a person drove and nobody judged, in [-1, 1].
        epsilon, exploration, temperature, confidence, seed: as for every table.

    Raises:
        UserError: a number out of its range.
    """

    learn_rule = staticmethod(learn)
    letters = "N(s,a)"

    def __init__(
        self,
        env: Any,
        *,
        takeover: float = 1.0,
        epsilon: Any = 0.0,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        seed: int | None = None,
    ) -> None:
        self.listen("missing", takeover)
        super().__init__(
            env, gamma=0.0, epsilon=epsilon, exploration=exploration, temperature=temperature, confidence=confidence,
            seed=seed,
        )  # fmt: skip

    def rates(self) -> dict[str, float]:
        """The exploration alone may be changed while it learns."""
        return {self._exploration_name: self.rate_now()}
