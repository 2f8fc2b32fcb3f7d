"""COACH: a person's word is an advantage, how much better than its policy the agent has just acted (MacGlashan et al.
2017, algorithm 1).

    e <- lambda e + grad ln pi(A|S);   theta <- theta + alpha f e,   pi = softmax(theta(s, .))

The authors' delay d is the credit's business here: a step comes to the agent together with what was said of it. Silence
(f = 0) moves nothing, and the traces fade on. Nothing is credited across a reset, or across steps that a person drove
or that nobody was there to judge.
"""

from typing import Any

from hfrl.gradients import add_gradient, fade, follow
from hfrl.listening import Listening
from hfrl.tabular import NOTHING, Numbers, Table
from hfrl.types import UserError


def learn(
    q: Table,
    e: Table,
    traced: list[int],
    size: list[int],
    marks: list[int],
    s: int,
    a: int,
    f: float,
    judged: bool,
    terminated: bool,
    truncated: bool,
    alpha: float,
    lam: float,
) -> Numbers:
    """One step. ``q`` holds the preferences theta; the numbers are those of theta(s, a).

    >>> theta, e, traced, size, marks = [[0.0, 0.0], [0.0, 0.0]], [[-0.5, 0.5], [0.0, 0.0]], [0, 0], [1], [1, 0]
    >>> learn(theta, e, traced, size, marks, 1, 0, 1.0, True, False, False, alpha=0.5, lam=0.5)
    (0.0, 0.25, 0.25, 0.0)
    >>> theta, e
    ([[-0.125, 0.125], [0.25, -0.25]], [[-0.25, 0.25], [0.5, -0.5]])
    """
    if not judged:
        fade(e, traced, size, marks, 0.0)
        return NOTHING
    fade(e, traced, size, marks, lam)
    add_gradient(q, e, traced, size, marks, s, a)
    old = q[s][a]
    follow(q, e, traced, size, alpha * f)
    if terminated or truncated:
        fade(e, traced, size, marks, 0.0)
    return old, q[s][a], q[s][a], 0.0


class Coach(Listening):
    """Climbs where the person says that it acted better than usual; acts by the softmax of its preferences.

    The table ``q`` holds preferences, not values; they start at ``initial_value``.

    Args:
        env: only its spaces are read.
        lam: lambda in [0, 1]: how far back a word reaches. 0 where the person judges each action; near 1 where they
            judge what it led to.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        learning_rate, initial_value, seed: as for every table; alpha has no upper bound.

    Raises:
        UserError: a number out of its range.
    """

    tables = ("q", "e", "traced", "size", "marks")
    learn_rule = staticmethod(learn)
    letters = "theta(s,a)"
    greatest_rate = float("inf")  # a step along a gradient has no target to overshoot

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.0,
        takeover: float = 0.0,
        learning_rate: Any = 0.5,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {lam}")
        self.lam = float(lam)
        self.listen("zero", takeover)
        super().__init__(
            env, learning_rate=learning_rate, gamma=0.0, exploration="softmax", initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:
        """The traces, and which states have one."""
        self.e = [[0.0] * actions for _ in range(states)]
        self.traced, self.size, self.marks = [0] * states, [0], [0] * states
