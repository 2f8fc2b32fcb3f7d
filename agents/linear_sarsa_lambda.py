"""SARSA(lambda) with linear values, for Mountain Car and its like (Sutton & Barto, 2nd ed., section 12.7).

    delta <- R + gamma Q(S',A') - Q(S,A)
    theta <- theta + alpha delta e;   e <- gamma lambda e

Accumulating traces add the features to e(A), replacing traces set those of active features to 1; dutch ones are true
online SARSA(lambda) (section 12.8).
"""

from typing import Any

import numpy as np

from hfrl.features import Active
from hfrl.linear import LinearAgent, of_pair, value
from hfrl.returns import td_target
from hfrl.tabular import Numbers
from hfrl.types import UserError

KINDS = ("accumulating", "replacing", "dutch")


def learn(
    q: Any,
    e: Any,
    q_old: Any,
    s: Active,
    a: int,
    r: float,
    s2: Active,
    a2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    share: float,
    lam: float,
    kind: int,
    clear: int,
) -> Numbers:
    """One step of linear SARSA(lambda); ``share`` is one over the number of tilings.

    >>> q, e = np.zeros((2, 1)), np.zeros((2, 1))
    >>> first, second = (np.array([0]), np.ones(1)), (np.array([1]), np.ones(1))
    >>> learn(q, e, np.zeros(1), first, 0, 1.0, second, 0, False, False, 0.5, 0.9, 1.0, 0.5, 1, 0), e[0, 0]
    ((0.0, 1.0, 0.5, 0.0), np.float64(0.45))
    """
    indices, heights = of_pair(s, a)
    old = value(q, s, a)
    v_next = 0.0 if terminated else value(q, s2, a2)
    target = td_target(r, gamma, terminated, v_next)
    rate, ended = alpha * share, terminated or truncated
    if kind == 1:
        if clear:
            e[indices, :] = 0.0
        e[indices, a] = heights
        q += rate * (target - old) * e
    elif kind == 0:
        e[indices, a] += heights
        q += rate * (target - old) * e
    else:
        moved = old - q_old[0]
        e[indices, a] += (1.0 - rate * float(e[indices, a] @ heights)) * heights
        q += rate * (target - old + moved) * e
        q[indices, a] -= rate * moved * heights
    e *= 0.0 if ended else gamma * lam
    q_old[0] = 0.0 if ended else v_next
    return old, target, value(q, s, a), v_next


class LinearSarsaLambda(LinearAgent):
    """Learns the values of the policy it follows, with eligibility traces over features.

    Args:
        env: only its spaces are read: a Box of one axis, and Discrete actions.
        lam: lambda in [0, 1].
        traces: ``"accumulating"``, ``"replacing"`` or ``"dutch"``.
        clear_others: with replacing traces, those of the active features' other actions are cleared.
        features, tilings, bins, learning_rate, gamma, epsilon, exploration, temperature, initial_value, seed: see
            :class:`hfrl.linear.LinearAgent`.

    Raises:
        UserError: lambda out of its range, or unknown traces.
    """

    on_policy = True
    bootstraps = "next"
    tables = ("q", "e", "q_old")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.9,
        traces: str = "replacing",
        clear_others: bool = False,
        features: str = "tiles",
        tilings: int = 8,
        bins: int = 8,
        learning_rate: Any = 0.5,
        gamma: float = 1.0,
        epsilon: Any = 0.0,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {lam}")
        if traces not in KINDS:
            raise UserError(f"traces must be one of {', '.join(KINDS)}, got {traces!r}")
        self.lam, self.kind = float(lam), KINDS.index(traces)
        self.clear = int(clear_others and traces == "replacing")
        super().__init__(
            env, features=features, tilings=tilings, bins=bins, learning_rate=learning_rate, gamma=gamma,
            epsilon=epsilon, exploration=exploration, temperature=temperature, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The traces, and the old value of the present pair (one number)."""
        self.e, self.q_old = np.zeros((states, actions)), np.zeros(1)
