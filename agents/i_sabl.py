"""I-SABL: SABL that infers the person's strategy, mu+ and mu-, from the words and silences themselves (Loftin et al.
2016; 2014, algorithm 2).

    E:  L(s,a) = words(s,a) + n0(s,a) ln(((1-e) mu+ + e mu-) / (e mu+ + (1-e) mu-))
        praises withheld(s,a) = n0(s,a) P(taken for right | silence, L(s,a)),   the rest of n0 are blames withheld
    M:  mu+ = mode of (praises withheld, praises),   mu- = mode of (blames withheld, blames)
    act on argmax_a L(s,a)

n0 counts silences. The paper's EM hides mu+ and mu- and settles on the right actions; here the right actions are hidden
and mu+ and mu- are settled on, each pair on its own, because several actions of a state may be right. E is done for the
state heard of and one more, in turn, and M after each: EM by parts, which climbs the same hill (Neal & Hinton 1998).
"""

from typing import Any

from hfrl.listening import Listening
from hfrl.strategies import checked_error, silence_evidence, thought_right, withheld, word_evidence
from hfrl.tabular import NOTHING, Numbers, Table


def infer(
    q: Table,
    words: Table,
    silences: Table,
    praises_held: Table,
    sums: list[float],
    strategy: list[float],
    s: int,
    e: float,
) -> None:
    """One E step for the pairs of a state, and one M step. ``sums``: praises and blames heard, and both as withheld.

    Four silences after an action that is right by words, L = ln 9, with e = .1 and both mu .5: a silence was a praise
    withheld with .9 * .9 + .1 * .1 = .82.

    >>> praises_held, sums, strategy = [[0.0]], [2.0, 0.0, 0.0, 4.0], [0.5, 0.5]
    >>> import math
    >>> infer([[0.0]], [[math.log(9.0)]], [[4.0]], praises_held, sums, strategy, 0, 0.1)
    >>> [round(x, 4) for x in (praises_held[0][0], *sums, *strategy)]  # 4.28 / 7.28 and 1.72 / 2.72
    [3.28, 2.0, 0.0, 3.28, 0.72, 0.5879, 0.6324]
    """
    evidence = silence_evidence(e, strategy[0], strategy[1])
    for k in range(len(q[s])):
        q[s][k] = words[s][k] + silences[s][k] * evidence
        held = silences[s][k] * thought_right(q[s][k], e, strategy[0], strategy[1])
        sums[2] += held - praises_held[s][k]
        sums[3] -= held - praises_held[s][k]
        praises_held[s][k] = held
    strategy[0] = withheld(sums[2], sums[0])
    strategy[1] = withheld(sums[3], sums[1])


def learn(
    q: Table,
    words: Table,
    silences: Table,
    praises_held: Table,
    sums: list[float],
    strategy: list[float],
    turn: list[int],
    s: int,
    a: int,
    f: float,
    judged: bool,
    error: float,
) -> Numbers:
    """Count a word or a silence (f = 0), and infer from the state and from the one whose turn it is.

    >>> q, words, silences = [[0.0]], [[0.0]], [[0.0]]
    >>> strategy, sums = [0.5, 0.5], [0.0, 0.0, 0.0, 0.0]
    >>> [round(x, 4) for x in learn(q, words, silences, [[0.0]], sums, strategy, [0], 0, 0, 1.0, True, error=0.2)]
    [0.0, 1.3863, 1.3863, 0.0]
    >>> [round(x, 4) for x in strategy]  # one praise, none withheld: 1 / 3
    [0.3333, 0.5]
    """
    if not judged:
        return NOTHING
    old = q[s][a]
    if f == 0:
        silences[s][a] += 1.0
        sums[3] += 1.0  # until it is told below which of the two it was
    else:
        words[s][a] += word_evidence(f, error)
        sums[0 if f > 0 else 1] += abs(f)
    infer(q, words, silences, praises_held, sums, strategy, turn[0], error)
    infer(q, words, silences, praises_held, sums, strategy, s, error)
    turn[0] = (turn[0] + 1) % len(q)
    return old, q[s][a], q[s][a], 0.0


class ISabl(Listening):
    """Does what is most likely right by all that was said and left unsaid, and finds out what leaving unsaid means.

    The table ``q`` holds log-odds; ``strategy`` holds mu+ and mu-, .5 before anything is said.

    Args:
        env: only its spaces are read.
        error: e, how often the person is thought to take right for wrong; above 0 and below .5.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        initial_value: the log-odds before anything is said.
        epsilon: .1 by default: who only does what silence seems to approve of never hears otherwise.
        exploration, temperature, confidence, seed: as for every table.

    Raises:
        UserError: a number out of its range.
    """

    tables = ("q", "words", "silences", "praises_held", "sums", "strategy", "turn")
    learn_rule = staticmethod(learn)
    letters = "L(s,a)"

    def __init__(
        self,
        env: Any,
        *,
        error: float = 0.1,
        takeover: float = 0.0,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.error = checked_error(error)
        self.listen("zero", takeover)
        super().__init__(
            env, gamma=0.0, epsilon=epsilon, exploration=exploration, temperature=temperature, confidence=confidence,
            initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The evidence of words, the silences, whose praises they are thought to withhold, and the two strategies."""
        self.words = [[self.initial_value] * actions for _ in range(states)]
        self.silences = [[0.0] * actions for _ in range(states)]
        self.praises_held = [[0.0] * actions for _ in range(states)]
        self.sums, self.strategy, self.turn = [0.0] * 4, [0.5, 0.5], [0]

    def rates(self) -> dict[str, float]:
        """The exploration alone may be changed while it learns."""
        return {self._exploration_name: self.rate_now()}
