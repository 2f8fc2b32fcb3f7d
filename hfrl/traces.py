"""Eligibility traces of a table: only the pairs that have one are touched (Sutton & Barto, 2nd ed., chapter 12)."""

Table = list[list[float]]
#: Traces below this are dropped: what they would still change is beyond the numbers' precision.
LEAST = 1e-12


def visit(e: Table, visited: list[list[int]], size: list[int], s: int, a: int, trace: float) -> None:
    """Set a trace, and remember the pair in the list of those that have one."""
    if e[s][a] == 0.0:
        visited[size[0]][0] = s
        visited[size[0]][1] = a
        size[0] += 1
    e[s][a] = trace


def decay(e: Table, visited: list[list[int]], size: list[int], factor: float) -> None:
    """Every trace times ``factor``; the ones that fade away leave the list."""
    kept = 0
    for k in range(size[0]):
        s, a = visited[k][0], visited[k][1]
        e[s][a] *= factor
        if e[s][a] < LEAST:
            e[s][a] = 0.0
        else:
            visited[kept][0] = s
            visited[kept][1] = a
            kept += 1
    size[0] = kept
