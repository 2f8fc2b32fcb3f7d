"""Watkins's Q(lambda): traces that end where the behaviour leaves the greedy policy (Watkins 1989; Sutton & Barto, 2nd
ed., section 12.10; the table's algorithm is in the 1st edition, section 7.6).

    delta <- R + gamma max_a Q(S',a) - Q(S,A)
    Q(s,a) <- Q(s,a) + alpha delta e(s,a),   e <- gamma lambda e if A' is greedy, else e <- 0
"""

from typing import Any

from hfrl.returns import td_target
from hfrl.tabular import Numbers, Table, TabularAgent
from hfrl.traces import decay, visit
from hfrl.types import UserError


def learn(
    q: Table,
    e: Table,
    visited: list[list[int]],
    size: list[int],
    s: int,
    a: int,
    r: float,
    s2: int,
    a2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    lam: float,
) -> Numbers:
    """One step of Watkins's Q(lambda), accumulating traces; whether A' is greedy is asked before anything is learnt.

    >>> q, e, visited, size = [[0.0], [2.0]], [[0.0], [0.0]], [[0, 0], [0, 0], [0, 0]], [0]
    >>> learn(q, e, visited, size, 0, 0, 1.0, 1, 0, False, False, 0.5, 0.5, 0.5)
    (0.0, 2.0, 1.0, 2.0)
    >>> e
    [[0.25], [0.0]]
    """
    old = q[s][a]
    v_next = max(q[s2])
    target = td_target(r, gamma, terminated, v_next)
    ended = terminated or truncated
    greedy = not ended and q[s2][a2] == v_next
    visit(e, visited, size, s, a, e[s][a] + 1.0)
    for k in range(size[0]):
        q[visited[k][0]][visited[k][1]] += alpha * (target - old) * e[visited[k][0]][visited[k][1]]
    decay(e, visited, size, gamma * lam if greedy else 0.0)
    return old, target, q[s][a], v_next


class WatkinsQ(TabularAgent):
    """Q-learning with eligibility traces.

    Args:
        env: only its spaces are read.
        lam: lambda in [0, 1].
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: lambda out of its range.
    """

    on_policy = True  # the traces end by the action drawn next; the target does not use it
    tables = ("q", "e", "visited", "size")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.9,
        learning_rate: Any = 0.1,
        gamma: float = 0.99,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= lam <= 1:
            raise UserError(f"lam (lambda) must be within [0, 1], got {lam}")
        self.lam = float(lam)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """Traces, and the list of the pairs that have one."""
        self.e = [[0.0] * actions for _ in range(states)]
        self.visited = [[0, 0] for _ in range(states * actions + 1)]
        self.size = [0]
