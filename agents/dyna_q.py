"""Dyna-Q: learn from what happened, and again from what a model remembers of it (Sutton 1990; Sutton & Barto, 2nd ed.,
section 8.2).

    Q(S,A) <- Q(S,A) + alpha [R + gamma max_a Q(S',a) - Q(S,A)];  Model(S,A) <- R, S'
    repeat n times: S, A a random pair seen before; R, S' <- Model(S,A); the same update
"""

from typing import Any

from hfrl.returns import td_target
from hfrl.seeding import pick
from hfrl.tabular import Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def remember(
    model_r: Table, model_s2: list[list[int]], seen: list[list[int]], size: list[int], s: int, a: int, r: float, s2: int
) -> None:
    """The model is what happened last; ``model_s2`` is -1 where nothing was tried, and -2 - s2 where s2 was the end."""
    if model_s2[s][a] == -1:
        seen[size[0]][0] = s
        seen[size[0]][1] = a
        size[0] += 1
    model_r[s][a] = r
    model_s2[s][a] = s2


def learn(
    q: Table,
    model_r: Table,
    model_s2: list[list[int]],
    seen: list[list[int]],
    size: list[int],
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    alpha: float,
    gamma: float,
    n: int,
    rng: Any,
) -> Numbers:
    """One step of Dyna-Q and ``n`` steps of planning.

    >>> q, model_r, model_s2, seen, size = [[0.0], [2.0]], [[0.0], [0.0]], [[-1], [-1]], [[0, 0], [0, 0]], [0]
    >>> learn(q, model_r, model_s2, seen, size, 0, 0, 1.0, 1, False, 0.5, 0.5, 0, None), model_s2, size
    ((0.0, 2.0, 1.0, 2.0), [[1], [-1]], [1])
    """
    v_next = max(q[s2])
    numbers = improve(q, s, a, td_target(r, gamma, terminated, v_next), alpha, v_next)
    remember(model_r, model_s2, seen, size, s, a, r, -2 - s2 if terminated else s2)
    for _ in range(n):
        k = pick(rng, size[0])
        ps, pa = seen[k][0], seen[k][1]
        ps2 = model_s2[ps][pa]
        v = 0.0 if ps2 < 0 else max(q[ps2])
        improve(q, ps, pa, td_target(model_r[ps][pa], gamma, ps2 < 0, v), alpha, v)
    return numbers


class DynaQ(TabularAgent):
    """Q-learning with a model of the last outcome of every pair.

    Args:
        env: only its spaces are read.
        n: planning steps after every step, at least 0 (0 is Q-learning).
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: n below 0 or not whole.
    """

    tables = ("q", "model_r", "model_s2", "seen", "size")
    learn_rule = staticmethod(learn)
    draws = True

    def __init__(
        self,
        env: Any,
        *,
        n: int = 5,
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
        self.n = int(n)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The model, and the list of the pairs that were tried."""
        self.model_r = [[0.0] * actions for _ in range(states)]
        self.model_s2 = [[-1] * actions for _ in range(states)]
        self.seen = [[0, 0] for _ in range(states * actions)]
        self.size = [0]
