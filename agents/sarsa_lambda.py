"""SARSA(lambda): every pair that led here learns from the present error, as far as its trace still tells of it.

    delta <- R + gamma Q(S',A') - Q(S,A)
    Q(s,a) <- Q(s,a) + alpha delta e(s,a)   and   e(s,a) <- gamma lambda e(s,a), for all s, a

Accumulating traces add 1 to e(S,A), replacing traces set it to 1 (Singh & Sutton 1996; Sutton & Barto, 2nd ed., section
12.7). Dutch traces are true online SARSA(lambda) (van Seijen et al. 2016; section 12.8), which equals the online
lambda-return algorithm exactly.
"""

from typing import Any

from hfrl.returns import td_target
from hfrl.tabular import Numbers, Table, TabularAgent
from hfrl.traces import decay, visit
from hfrl.types import UserError

KINDS = ("accumulating", "replacing", "dutch")


def learn(
    q: Table,
    e: Table,
    visited: list[list[int]],
    size: list[int],
    q_old: list[float],
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
    kind: int,
    clear: int,
) -> Numbers:
    """One step of SARSA(lambda) for a table.

    >>> q, e, visited, size = [[0.0], [2.0]], [[0.0], [0.0]], [[0, 0], [0, 0], [0, 0]], [0]
    >>> learn(q, e, visited, size, [0.0], 0, 0, 1.0, 1, 0, False, False, 0.5, 0.5, 0.5, 0, 0)
    (0.0, 2.0, 1.0, 2.0)
    >>> e
    [[0.25], [0.0]]
    """
    old = q[s][a]
    v_next = 0.0 if terminated else q[s2][a2]
    target = td_target(r, gamma, terminated, v_next)
    delta = target - old
    if clear:
        for other in range(len(q[s])):
            if other != a:
                e[s][other] = 0.0
    if kind == 0:
        visit(e, visited, size, s, a, e[s][a] + 1.0)
    elif kind == 1:
        visit(e, visited, size, s, a, 1.0)
    else:
        visit(e, visited, size, s, a, e[s][a] + 1.0 - alpha * e[s][a])
    if kind == 2:
        moved = old - q_old[0]
        for k in range(size[0]):
            q[visited[k][0]][visited[k][1]] += alpha * (delta + moved) * e[visited[k][0]][visited[k][1]]
        q[s][a] -= alpha * moved
        q_old[0] = v_next
    else:
        for k in range(size[0]):
            q[visited[k][0]][visited[k][1]] += alpha * delta * e[visited[k][0]][visited[k][1]]
    if terminated or truncated:
        decay(e, visited, size, 0.0)
        q_old[0] = 0.0
    else:
        decay(e, visited, size, gamma * lam)
    return old, target, q[s][a], v_next


class SarsaLambda(TabularAgent):
    """SARSA with eligibility traces.

    Args:
        env: only its spaces are read.
        lam: lambda in [0, 1].
        traces: ``"accumulating"``, ``"replacing"`` or ``"dutch"`` (true online).
        clear_others: with replacing traces, the traces of the state's other actions are cleared.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: lambda out of its range, or unknown traces.
    """

    on_policy = True
    bootstraps = "next"
    tables = ("q", "e", "visited", "size", "q_old")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        lam: float = 0.9,
        traces: str = "replacing",
        clear_others: bool = False,
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
        if traces not in KINDS:
            raise UserError(f"traces must be one of {', '.join(KINDS)}, got {traces!r}")
        self.lam = float(lam)
        self.kind = KINDS.index(traces)
        self.clear = int(clear_others and traces == "replacing")
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """Traces, and the list of the pairs that have one."""
        self.e = [[0.0] * actions for _ in range(states)]
        self.visited = [[0, 0] for _ in range(states * actions + 1)]
        self.size = [0]
        self.q_old = [0.0]
