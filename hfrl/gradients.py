"""The gradient of a softmax policy in a table, and traces of it: grad ln pi(a|s) is 1 - pi(a|s) at the action taken and
-pi(b|s) at the state's others (Sutton & Barto, 2nd ed., eq. 13.9 for a table of preferences).

A trace has whole rows of states, because each gradient fills its row; ``rows`` lists the states that have one, ``size``
(one number) says how many, ``marks[s]`` whether s is among them.
"""

from hfrl.policy import softmax_probabilities
from hfrl.traces import LEAST

Table = list[list[float]]


def add_gradient(q: Table, e: Table, rows: list[int], size: list[int], marks: list[int], s: int, a: int) -> None:
    """e(s, .) <- e(s, .) + grad ln pi(a|s).

    >>> e, rows, size, marks = [[0.0, 0.0]], [0, 0], [0], [0]
    >>> add_gradient([[0.0, 0.0]], e, rows, size, marks, 0, 1)
    >>> e, size, marks
    ([[-0.5, 0.5]], [1], [1])
    """
    pi = softmax_probabilities(q[s], 1.0)
    for k in range(len(pi)):
        e[s][k] += (1.0 if k == a else 0.0) - pi[k]
    if marks[s] == 0:
        marks[s] = 1
        rows[size[0]] = s
        size[0] += 1


def follow(q: Table, e: Table, rows: list[int], size: list[int], amount: float) -> None:
    """theta <- theta + amount e, in the rows that have a trace.

    >>> q = [[0.0, 0.0], [0.0, 0.0]]
    >>> follow(q, [[-0.5, 0.5], [9.0, 9.0]], [0, 0], [1], 2.0)
    >>> q
    [[-1.0, 1.0], [0.0, 0.0]]
    """
    for k in range(size[0]):
        row = rows[k]
        for action in range(len(q[row])):
            q[row][action] += amount * e[row][action]


def fade(e: Table, rows: list[int], size: list[int], marks: list[int], factor: float) -> None:
    """e <- factor e; rows that have faded away leave the list.

    >>> e, rows, size, marks = [[-0.5, 0.5]], [0, 0], [1], [1]
    >>> fade(e, rows, size, marks, 0.5); e, size, marks
    ([[-0.25, 0.25]], [1], [1])
    >>> fade(e, rows, size, marks, 0.0); e, size, marks
    ([[0.0, 0.0]], [0], [0])
    """
    kept = 0
    for k in range(size[0]):
        row = rows[k]
        most = 0.0
        for action in range(len(e[row])):
            e[row][action] *= factor
            most = max(most, abs(e[row][action]))
        if most < LEAST:
            marks[row] = 0
            for action in range(len(e[row])):
                e[row][action] = 0.0
        else:
            rows[kept] = row
            kept += 1
    size[0] = kept
