"""SABL, strategy-aware Bayesian learning: what is said, and what is not said, are evidence of the right action (Loftin
et al. 2016; 2014, algorithm 1).

    L(S,A) <- L(S,A) + ln((1-e)/e)                                              after a praise, - after a blame
    L(S,A) <- L(S,A) + ln(((1-e) mu+ + e mu-) / (e mu+ + (1-e) mu-))            after a silence
    act on argmax_a L(s,a)

L(s,a) are the log-odds that a is right in s. Of a person who seldom blames (mu- near 1) and mostly praises (mu+ near 0)
silence means a mistake; of one who only corrects it means that all is well.
"""

from typing import Any

from hfrl.listening import Listening
from hfrl.strategies import checked_error, checked_withholding, silence_evidence, word_evidence
from hfrl.tabular import NOTHING, Numbers, Table


def learn(
    q: Table, s: int, a: int, f: float, judged: bool, error: float, withhold_praise: float, withhold_blame: float
) -> Numbers:
    """One word, or one silence (f = 0; a neutral word is none either). ``q`` holds L.

    >>> [round(x, 4) for x in learn([[0.5]], 0, 0, 1.0, True, error=0.2, withhold_praise=0.5, withhold_blame=0.5)]
    [0.5, 1.8863, 1.8863, 0.0]
    >>> [round(x, 4) for x in learn([[0.5]], 0, 0, 0.0, True, error=0.1, withhold_praise=0.1, withhold_blame=0.9)]
    [0.5, -1.0163, -1.0163, 0.0]
    """
    if not judged:
        return NOTHING
    old = q[s][a]
    silent = f == 0
    new = old + (silence_evidence(error, withhold_praise, withhold_blame) if silent else word_evidence(f, error))
    q[s][a] = new
    return old, new, new, 0.0


class Sabl(Listening):
    """Does what is most likely right by all that was said and left unsaid.

    The table ``q`` holds log-odds. Evidence adds up, so there is no learning rate.

    Args:
        env: only its spaces are read.
        error: e, how often the person is thought to take right for wrong; above 0 and below .5.
        withhold_praise: mu+, how often they are thought to leave a right action unpraised, in [0, 1].
        withhold_blame: mu-, how often a wrong one unblamed, in [0, 1].
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        initial_value: the log-odds before anything is said.
        epsilon, exploration, temperature, confidence, seed: as for every table.

    Raises:
        UserError: a number out of its range.
    """

    learn_rule = staticmethod(learn)
    letters = "L(s,a)"

    def __init__(
        self,
        env: Any,
        *,
        error: float = 0.1,
        withhold_praise: float = 0.1,
        withhold_blame: float = 0.9,
        takeover: float = 0.0,
        epsilon: Any = 0.0,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.error = checked_error(error)
        self.withhold_praise = checked_withholding("withhold_praise", withhold_praise)
        self.withhold_blame = checked_withholding("withhold_blame", withhold_blame)
        self.listen("zero", takeover)
        super().__init__(
            env, gamma=0.0, epsilon=epsilon, exploration=exploration, temperature=temperature, confidence=confidence,
            initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def rates(self) -> dict[str, float]:
        """The exploration alone may be changed while it learns."""
        return {self._exploration_name: self.rate_now()}
