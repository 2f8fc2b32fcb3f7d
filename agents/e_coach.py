"""E-COACH, episodic COACH: the trace never fades, and what is said t steps into an episode counts gamma^t (Shah,
Halpern, Asadi & Littman 2021, algorithm 1).

    e <- e + grad ln pi(A|S);   theta <- theta + alpha gamma^t f e,   pi = softmax(theta(s, .))

So it climbs the discounted sum of what will be said in the episode: it converges whether a person gives a reward, a
label or an advantage. A label of 1 or 0 has its trap all the same: every further step may bring another 1.
"""

from typing import Any

from hfrl.gradients import add_gradient, fade, follow
from hfrl.listening import Listening
from hfrl.tabular import NOTHING, Numbers, Table


def learn(
    q: Table,
    e: Table,
    traced: list[int],
    size: list[int],
    marks: list[int],
    discount: list[float],
    s: int,
    a: int,
    f: float,
    judged: bool,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
) -> Numbers:
    """One step. ``q`` holds the preferences theta, ``discount`` gamma^t (one number).

    >>> theta, e, traced, size, marks = [[0.0, 0.0], [0.0, 0.0]], [[-0.5, 0.5], [0.0, 0.0]], [0, 0], [1], [1, 0]
    >>> discount = [0.5]
    >>> learn(theta, e, traced, size, marks, discount, 1, 0, 1.0, True, False, False, alpha=0.5, gamma=0.5)
    (0.0, 0.125, 0.125, 0.0)
    >>> theta, discount
    ([[-0.125, 0.125], [0.125, -0.125]], [0.25])
    """
    if not judged:
        fade(e, traced, size, marks, 0.0)
        discount[0] = 1.0
        return NOTHING
    add_gradient(q, e, traced, size, marks, s, a)
    old = q[s][a]
    follow(q, e, traced, size, alpha * discount[0] * f)
    discount[0] *= gamma
    if terminated or truncated:
        fade(e, traced, size, marks, 0.0)
        discount[0] = 1.0
    return old, q[s][a], q[s][a], 0.0


class ECoach(Listening):
    """Climbs the discounted sum of an episode's feedback; acts by the softmax of its preferences.

    The table ``q`` holds preferences, not values; they start at ``initial_value``.

    Args:
        env: only its spaces are read.
        takeover: the label of a step that a person drove and nobody judged, in [-1, 1]; 0 for none.
        learning_rate, gamma, initial_value, seed: as for every table; alpha has no upper bound.

    Raises:
        UserError: a number out of its range.
    """

    tables = ("q", "e", "traced", "size", "marks", "discount")
    learn_rule = staticmethod(learn)
    letters = "theta(s,a)"
    discounts = True
    greatest_rate = float("inf")  # a step along a gradient has no target to overshoot

    def __init__(
        self,
        env: Any,
        *,
        takeover: float = 0.0,
        learning_rate: Any = 0.2,
        gamma: float = 0.95,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        self.listen("zero", takeover)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, exploration="softmax", initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:
        """The traces, which states have one, and gamma^t of the present episode."""
        self.e = [[0.0] * actions for _ in range(states)]
        self.traced, self.size, self.marks, self.discount = [0] * states, [0], [0] * states, [1.0]
