"""Prioritized sweeping: plan first where a value is most wrong, and then where that leads from (Moore & Atkeson 1993;
Sutton & Barto, 2nd ed., section 8.4).

    P <- |R + gamma max_a Q(S',a) - Q(S,A)|; if P > theta the pair enters the queue with priority P
    repeat n times: take the pair of the greatest priority; the same update from the model;
                    its state's predecessors enter the queue if their P > theta

The model is what happened last, as in Dyna-Q.
"""

from typing import Any

from hfrl.returns import td_target
from hfrl.tabular import NOTHING, Numbers, Table, TabularAgent, improve
from hfrl.types import UserError


def enter(queue: list[list[int]], size: list[int], priority: Table, s: int, a: int, p: float) -> None:
    """Put a pair into the queue, or raise its priority if it waits already."""
    if priority[s][a] == 0.0:
        queue[size[0]][0] = s
        queue[size[0]][1] = a
        size[0] += 1
    if p > priority[s][a]:
        priority[s][a] = p


def foremost(queue: list[list[int]], size: list[int], priority: Table) -> int:
    """Where in the queue the greatest priority waits, the first of equals."""
    best = 0
    for k in range(1, size[0]):
        if priority[queue[k][0]][queue[k][1]] > priority[queue[best][0]][queue[best][1]]:
            best = k
    return best


def surprise(q: Table, model_r: Table, model_s2: list[list[int]], s: int, a: int, gamma: float) -> float:
    """The target of a pair by the model; ``model_s2`` is -2 - s2 where s2 was the end."""
    s2 = model_s2[s][a]
    return td_target(model_r[s][a], gamma, s2 < 0, 0.0 if s2 < 0 else max(q[s2]))


def learn(
    q: Table,
    model_r: Table,
    model_s2: list[list[int]],
    seen: list[list[int]],
    known: list[int],
    queue: list[list[int]],
    size: list[int],
    priority: Table,
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    alpha: float,
    gamma: float,
    n: int,
    theta: float,
) -> Numbers:
    """One step: the model learns, and then ``n`` updates in the order of their priority; the last one's numbers.

    >>> q, queue, seen, priority = [[0.0], [0.0]], [[0, 0], [0, 0]], [[0, 0], [0, 0]], [[0.0], [0.0]]
    >>> model_r, model_s2, known, size = [[0.0], [0.0]], [[-1], [-1]], [0], [0]
    >>> rest = (0.5, 0.5, 2, 0.1)
    >>> learn(q, model_r, model_s2, seen, known, queue, size, priority, 0, 0, 0.0, 1, False, *rest)[0]
    nan
    >>> learn(q, model_r, model_s2, seen, known, queue, size, priority, 1, 0, 8.0, 0, True, *rest), q
    ((0.0, 2.0, 1.0, 4.0), [[1.0], [4.0]])
    """
    if model_s2[s][a] == -1:
        seen[known[0]][0] = s
        seen[known[0]][1] = a
        known[0] += 1
    model_r[s][a] = r
    model_s2[s][a] = -2 - s2 if terminated else s2
    wrong = abs(surprise(q, model_r, model_s2, s, a, gamma) - q[s][a])
    if wrong > theta:
        enter(queue, size, priority, s, a, wrong)
    numbers = NOTHING
    for _ in range(n):
        if size[0] == 0:
            break
        k = foremost(queue, size, priority)
        ps, pa = queue[k][0], queue[k][1]
        size[0] -= 1
        queue[k][0] = queue[size[0]][0]
        queue[k][1] = queue[size[0]][1]
        priority[ps][pa] = 0.0
        ahead = model_s2[ps][pa]
        bootstrap = 0.0 if ahead < 0 else max(q[ahead])
        numbers = improve(q, ps, pa, surprise(q, model_r, model_s2, ps, pa, gamma), alpha, bootstrap)
        for j in range(known[0]):
            bs, ba = seen[j][0], seen[j][1]
            if model_s2[bs][ba] == ps:
                wrong = abs(surprise(q, model_r, model_s2, bs, ba, gamma) - q[bs][ba])
                if wrong > theta:
                    enter(queue, size, priority, bs, ba, wrong)
    return numbers


class PrioritizedSweeping(TabularAgent):
    """Learns by planning alone, most urgent pairs first.

    Args:
        env: only its spaces are read.
        n: updates after every step, at least 1.
        theta: errors up to this are not worth an update, at least 0.
        learning_rate, gamma, epsilon, exploration, temperature, confidence, initial_value, seed: as for every table.

    Raises:
        UserError: n below 1 or not whole, or theta below 0.
    """

    tables = ("q", "model_r", "model_s2", "seen", "known", "queue", "size", "priority")
    learn_rule = staticmethod(learn)

    def __init__(
        self,
        env: Any,
        *,
        n: int = 5,
        theta: float = 1e-4,
        learning_rate: Any = 0.5,
        gamma: float = 0.95,
        epsilon: Any = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: Any = 1.0,
        confidence: Any = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if n < 1 or n != int(n):
            raise UserError(f"n must be 1 or more updates, a whole number, got {n}")
        if theta < 0:
            raise UserError(f"theta must be 0 or more, got {theta}")
        self.n, self.theta = int(n), float(theta)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=epsilon, exploration=exploration,
            temperature=temperature, confidence=confidence, initial_value=initial_value, seed=seed,
        )  # fmt: skip

    def make_tables(self, states: int, actions: int) -> None:
        """The model, the pairs in it, and the queue."""
        self.model_r = [[0.0] * actions for _ in range(states)]
        self.model_s2 = [[-1] * actions for _ in range(states)]
        self.priority = [[0.0] * actions for _ in range(states)]
        self.seen = [[0, 0] for _ in range(states * actions)]
        self.queue = [[0, 0] for _ in range(states * actions)]
        self.known, self.size = [0], [0]
