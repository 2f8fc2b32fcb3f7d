"""I-SABL: SABL that infers the person's strategy, mu+ and mu-, from the words and silences themselves (Loftin et al.
2016; 2014, algorithm 2). EM in one of two forms: of what is right and how much is withheld, one is hidden and averaged
over, the other is settled on.

``hidden="strategy"``, the paper's: mu+ and mu- have a posterior, uniform beforehand; one action of a state is right.

    E:  beta = mean over that posterior of  ln(((1-e) mu+ + e mu-) / (e mu+ + (1-e) mu-))
    M:  right in s is  argmax_a L(s,a),   L(s,a) = words(s,a) + n0(s,a) beta

``hidden="right"``, ours: several actions of a state may be right, so each pair is weighed on its own.

    E:  L(s,a) = words(s,a) + n0(s,a) ln(((1-e) mu+ + e mu-) / (e mu+ + (1-e) mu-))
        praises withheld(s,a) = n0(s,a) P(taken for right | silence, L(s,a)),   the rest of n0 are blames withheld
    M:  mu+ = mode of (praises withheld, praises),   mu- = mode of (blames withheld, blames)

n0 counts silences; the agent acts on argmax_a L(s,a). Words and silences come one by one, so either form does its steps
for the state heard of and one more, in turn: EM by parts, which climbs the same hill (Neal & Hinton 1998).
"""

import math
from typing import Any

from hfrl.listening import Listening
from hfrl.strategies import checked_error, silence_evidence, thought_right, withheld, word_evidence
from hfrl.tabular import NOTHING, Numbers, Table
from hfrl.types import UserError

HIDDEN = ("right", "strategy")
#: The posterior of mu+ and mu- is summed over so many values of each: 1/40, 3/40, ...
VALUES = 20


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
    """What is right is hidden: one E step for the pairs of a state, and one M step. ``sums``: praises and blames heard,
    and both as withheld.

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


def strategies(error: float) -> Table:
    """All values of (mu+, mu-) that are weighed, and with each the logarithms of what it makes likely: a praise and a
    blame (up to what all share), a silence after what is right, and after what is not.

    >>> len(strategies(0.1)), [round(x, 4) for x in strategies(0.1)[0]]
    (400, [0.025, 0.025, -0.0253, -0.0253, -3.6889, -3.6889])
    """
    values = [(2 * k + 1) / (2 * VALUES) for k in range(VALUES)]
    rows = []
    for praise in values:
        for blame in values:
            right, wrong = (1 - error) * praise + error * blame, error * praise + (1 - error) * blame
            rows.append([praise, blame, math.log(1 - praise), math.log(1 - blame), math.log(right), math.log(wrong)])
    return rows


def weigh(sums: list[float], strategy: list[float], meant: list[float], grid: Table) -> None:
    """The strategy is hidden: the E step. ``strategy`` becomes the posterior mean of (mu+, mu-), ``meant`` that of the
    evidence of a silence. ``sums``: praises and blames heard, silences after what is right and after what is not.

    >>> strategy, meant = [0.5, 0.5], [0.0]
    >>> weigh([2.0, 0.0, 0.0, 4.0], strategy, meant, strategies(0.1))  # praised what is right, and else said nothing
    >>> [round(x, 3) for x in (*strategy, *meant)]
    [0.271, 0.827, -1.004]
    """
    most, total, praise, blame, silence = -math.inf, 0.0, 0.0, 0.0, 0.0
    for k in range(len(grid)):
        log = sums[0] * grid[k][2] + sums[1] * grid[k][3] + sums[2] * grid[k][4] + sums[3] * grid[k][5]
        if log > most:
            shrunk = math.exp(most - log)
            total, praise, blame, silence = total * shrunk, praise * shrunk, blame * shrunk, silence * shrunk
            most = log
        weight = math.exp(log - most)
        total += weight
        praise += weight * grid[k][0]
        blame += weight * grid[k][1]
        silence += weight * (grid[k][4] - grid[k][5])
    strategy[0], strategy[1], meant[0] = praise / total, blame / total, silence / total


def settle(
    q: Table, words: Table, silences: Table, praises_held: Table, sums: list[float], meant: list[float], s: int
) -> None:
    """The strategy is hidden: the M step of a state. Its silences count as after what is right where they came after
    the likeliest action, a share of them where several tie.

    >>> q, held, sums = [[0.0, 0.0]], [[0.0, 0.0]], [1.0, 0.0, 0.0, 5.0]
    >>> settle(q, [[2.0, 0.0]], [[2.0, 3.0]], held, sums, [-0.5], 0)
    >>> q, held, sums
    ([[1.0, -1.5]], [[2.0, 0.0]], [1.0, 0.0, 2.0, 3.0])
    """
    n = len(q[s])
    for k in range(n):
        q[s][k] = words[s][k] + silences[s][k] * meant[0]
    best, ties = max(q[s]), 0
    for k in range(n):
        ties += q[s][k] == best
    for k in range(n):
        held = silences[s][k] / ties if q[s][k] == best else 0.0
        sums[2] += held - praises_held[s][k]
        sums[3] -= held - praises_held[s][k]
        praises_held[s][k] = held


def learn(
    q: Table,
    words: Table,
    silences: Table,
    praises_held: Table,
    sums: list[float],
    strategy: list[float],
    meant: list[float],
    grid: Table,
    turn: list[int],
    s: int,
    a: int,
    f: float,
    judged: bool,
    error: float,
    hidden: int,
) -> Numbers:
    """Count a word or a silence (f = 0), and infer from the state and from the one whose turn it is.

    >>> q, words, silences = [[0.0]], [[0.0]], [[0.0]]
    >>> strategy, sums = [0.5, 0.5], [0.0, 0.0, 0.0, 0.0]
    >>> rest = [0.0], [[]], [0], 0, 0, 1.0, True
    >>> [round(x, 4) for x in learn(q, words, silences, [[0.0]], sums, strategy, *rest, error=0.2, hidden=0)]
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
    if hidden:
        settle(q, words, silences, praises_held, sums, meant, s)
        weigh(sums, strategy, meant, grid)
        settle(q, words, silences, praises_held, sums, meant, turn[0])
        settle(q, words, silences, praises_held, sums, meant, s)
    else:
        infer(q, words, silences, praises_held, sums, strategy, turn[0], error)
        infer(q, words, silences, praises_held, sums, strategy, s, error)
    turn[0] = (turn[0] + 1) % len(q)
    return old, q[s][a], q[s][a], 0.0


class ISabl(Listening):
    """Does what is most likely right by all that was said and left unsaid, and finds out what leaving unsaid means.

    The table ``q`` holds log-odds; ``strategy`` holds mu+ and mu-, .5 before anything is said: their mode where what is
    right is hidden, the mean of their posterior where they are.

    Args:
        env: only its spaces are read.
        error: e, how often the person is thought to take right for wrong; above 0 and below .5.
        hidden: ``"right"`` settles on a strategy, and each action of a state may be right; ``"strategy"``, the paper's,
            averages over 400 strategies at every step, and one action of a state is right.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        initial_value: the log-odds before anything is said.
        epsilon: .1 by default: who only does what silence seems to approve of never hears otherwise.
        exploration, temperature, confidence, seed: as for every table.

    Raises:
        UserError: a number out of its range, or another word for ``hidden``.
    """

    tables = ("q", "words", "silences", "praises_held", "sums", "strategy", "meant", "grid", "turn")
    learn_rule = staticmethod(learn)
    letters = "L(s,a)"

    def __init__(
        self,
        env: Any,
        *,
        error: float = 0.1,
        hidden: str = "right",
        takeover: float = 0.0,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.error = checked_error(error)
        if hidden not in HIDDEN:
            raise UserError(f"hidden must be one of {', '.join(HIDDEN)}, got {hidden!r}")
        self.hidden = HIDDEN.index(hidden)
        self.listen("zero", takeover)
        super().__init__(
            env, gamma=0.0, epsilon=epsilon, exploration=exploration, temperature=temperature, confidence=confidence,
            initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The evidence of words, the silences, whose praises they are thought to withhold, and the strategy."""
        self.words = [[self.initial_value] * actions for _ in range(states)]
        self.silences = [[0.0] * actions for _ in range(states)]
        self.praises_held = [[0.0] * actions for _ in range(states)]
        self.sums, self.strategy, self.meant, self.turn = [0.0] * 4, [0.5, 0.5], [0.0], [0]
        self.grid = strategies(self.error) if self.hidden else [[0.0] * 6]

    def rates(self) -> dict[str, float]:
        """The exploration alone may be changed while it learns."""
        return {self._exploration_name: self.rate_now()}
