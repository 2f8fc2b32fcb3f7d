"""Dyna-Q+: Dyna-Q whose planning pays for trying again what was not tried for long (Sutton 1990; Sutton & Barto, 2nd
ed., section 8.3).

    planning learns from R + kappa sqrt(tau), tau the steps since the pair was last tried

Actions that were never tried in a state that was visited are planned too: the model says that they lead back to the
same state with reward 0 (the footnote on page 168).
"""

import math
from typing import Any

from hfrl.returns import td_target
from hfrl.seeding import pick
from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def meet(
    model_s2: list[list[int]], tried: list[list[int]], seen: list[list[int]], size: list[int], s: int, now: int
) -> None:
    """On the first visit of a state all its actions enter the model: each leads back with reward 0."""
    if model_s2[s][0] != -1:
        return
    for k in range(len(model_s2[s])):
        model_s2[s][k] = s
        tried[s][k] = now
        seen[size[0]][0] = s
        seen[size[0]][1] = k
        size[0] += 1


def learn(
    q: Table,
    model_r: Table,
    model_s2: list[list[int]],
    tried: list[list[int]],
    seen: list[list[int]],
    size: list[int],
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    steps: int,
    alpha: float,
    gamma: float,
    n: int,
    kappa: float,
    rng: Any,
) -> Numbers:
    """One step of Dyna-Q+ and ``n`` steps of planning with the bonus kappa sqrt(tau)."""
    v_next = max(q[s2])
    numbers = improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)
    meet(model_s2, tried, seen, size, s, 0)
    model_r[s][a] = r
    model_s2[s][a] = -2 - s2 if terminated else s2
    tried[s][a] = steps + 1
    for _ in range(n):
        k = pick(rng, size[0])
        ps, pa = seen[k][0], seen[k][1]
        ps2 = model_s2[ps][pa]
        bonus = kappa * math.sqrt(steps + 1 - tried[ps][pa])
        v = 0.0 if ps2 < 0 else max(q[ps2])
        improve(q, ps, pa, td_target(model_r[ps][pa] + bonus, gamma, ps2 < 0, v), alpha, v)
    return numbers


class DynaQPlus(TabularAgent):
    """Dyna-Q with an exploration bonus in its planning.

    Args:
        env: only its spaces are read.
        n: planning steps after every step, at least 0.
        kappa: of the bonus kappa sqrt(tau), at least 0.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: n or kappa below 0, or n not whole.
    """

    tables = ("q", "model_r", "model_s2", "tried", "seen", "size")
    learn_rule = staticmethod(learn)
    draws = True

    def __init__(
        self,
        env: Any,
        *,
        n: int = 5,
        kappa: float = 1e-3,
        learning_rate: Any = 0.1,
        gamma: float = 0.95,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if n < 0 or n != int(n):
            raise UserError(f"n must be 0 or more planning steps, a whole number, got {n}")
        if kappa < 0:
            raise UserError(f"kappa must be 0 or more, got {kappa}")
        self.n = int(n)
        self.kappa = float(kappa)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The model, when each pair was tried last, and the list of the pairs in the model."""
        self.model_r = [[0.0] * actions for _ in range(states)]
        self.model_s2 = [[-1] * actions for _ in range(states)]
        self.tried = [[0] * actions for _ in range(states)]
        self.seen = [[0, 0] for _ in range(states * actions)]
        self.size = [0]
