"""Exact values of finite worlds, from their table ``P``: the oracle of the teachers, the evaluation and the tests."""

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
T = TypeVar("T")
#: Sweeps of a policy between two improvements of it.
FOLLOWED = 100


class MDP(NamedTuple):
    """A finite world as arrays: states S, actions A, at most K outcomes of each.

    Attributes:
        probability: (S, A, K), zero where an outcome does not exist.
        next_state: (S, A, K), integers.
        reward: (S, A), expected.
        goes_on: (S, A, K), 1.0 where the outcome does not terminate.
        start: (S,), the distribution of the first state.
    """

    probability: Array
    next_state: NDArray[np.int64]
    reward: Array
    goes_on: Array
    start: Array


class NoTableError(ValueError):
    """The world has no table ``P``."""


_MADE: dict[tuple[Any, ...], tuple[Any, Any]] = {}
#: So many results are kept; the oldest goes.
MOST_MADE = 32


def once(table: Any, key: Hashable, make: Callable[[], T]) -> T:
    """What ``make()`` makes of a table, made once where nobody can change the table (a tuple, which worlds share).

    Args:
        table: ``P`` of a world.
        key: whatever else the result depends on.
    """
    if not isinstance(table, tuple):
        return make()
    found = _MADE.get((id(table), key))
    if found is None:
        while len(_MADE) >= MOST_MADE:
            _MADE.pop(next(iter(_MADE)))
        found = _MADE[id(table), key] = table, make()  # the table stays: its number is nobody else's
    return cast(T, found[1])


def from_env(env: Any, reward: Callable[[int, int, float, bool], float] | None = None) -> MDP:
    """The arrays of a Gymnasium world with ``P`` and ``initial_state_distrib`` (FrozenLake's convention).

    Args:
        env: the world, wrapped or not.
        reward: (state, action, the world's reward, terminated) -> another reward; the world's own by default.

    Raises:
        NoTableError: the world has no ``P``.
    """
    world = env.unwrapped
    if not hasattr(world, "P"):
        raise NoTableError(f"{type(world).__name__} has no transition table P")
    if reward is None:
        key = "mdp", np.asarray(world.initial_state_distrib, np.float64).tobytes()
        return once(world.P, key, lambda: _from_table(world, None))
    return _from_table(world, reward)


def _from_table(world: Any, reward: Callable[[int, int, float, bool], float] | None) -> MDP:
    states, actions = len(world.P), len(world.P[0])
    outcomes = max(len(world.P[s][a]) for s in range(states) for a in range(actions))
    shape = (states, actions, outcomes)
    mdp = MDP(np.zeros(shape), np.zeros(shape, np.int64), np.zeros(shape[:2]), np.zeros(shape), _start(world, states))
    for s in range(states):
        for a in range(actions):
            for k, (probability, after, paid, terminated) in enumerate(world.P[s][a]):
                mdp.probability[s, a, k] = probability
                mdp.next_state[s, a, k] = after
                mdp.goes_on[s, a, k] = not terminated
                mdp.reward[s, a] += probability * (reward(s, a, paid, terminated) if reward else paid)
    for array in mdp:
        array.setflags(write=False)
    return mdp


def _start(world: Any, states: int) -> Array:
    start = np.array(world.initial_state_distrib, dtype=np.float64)
    assert start.shape == (states,)
    return start


def tasting(env: Any, weight: float, automated: float = 1.0) -> Callable[[int, int, float, bool], float]:
    """The reward of somebody who also tastes: ``automated * R + weight * taste`` of what is served.

    Serving is what terminates a world that has a taste.
    """
    taste = env.unwrapped.taste

    def reward(state: int, action: int, paid: float, terminated: bool) -> float:  # noqa: ARG001 - the port's signature
        return automated * paid + (weight * taste(state) if terminated else 0.0)

    return reward


def backup(mdp: MDP, values: Array, gamma: float) -> Array:
    """Q(s,a) = r(s,a) + gamma sum_s' p(s'|s,a) V(s'), nothing beyond a termination (Sutton & Barto, eq. 4.10)."""
    ahead = mdp.probability * mdp.goes_on * values[mdp.next_state]
    return np.asarray(mdp.reward + gamma * ahead.sum(axis=2))


def q_star(mdp: MDP, gamma: float, tolerance: float = 1e-10, sweeps: int = 100_000) -> Array:
    """Optimal action values, shape (S, A), by value iteration until no value moves more than ``tolerance``.

    With a gamma below 1 the best policy so far is followed for some sweeps between two of them, each an eighth of their
    work: modified policy iteration (Puterman & Shin, "Modified policy iteration algorithms for discounted Markov
    decision problems", Management Science 24, 1978).

    Raises:
        ValueError: no convergence within ``sweeps`` (an undiscounted world without an end).
    """
    q = backup(mdp, np.zeros(len(mdp.start)), gamma)
    for _ in range(sweeps):
        values = q.max(axis=1)
        improved = backup(mdp, values, gamma)
        if np.max(np.abs(improved - q)) <= tolerance:
            return improved
        q = improved if gamma == 1 else backup(mdp, _followed(mdp, improved, gamma), gamma)
    raise ValueError(f"value iteration did not converge in {sweeps} sweeps at gamma {gamma}; use a gamma below 1")


def _followed(mdp: MDP, q: Array, gamma: float) -> Array:
    """What states are worth, shape (S,), after :data:`FOLLOWED` sweeps of the greedy policy of ``q``."""
    rows, actions = np.arange(len(q)), q.argmax(axis=1)
    ahead = gamma * mdp.probability[rows, actions] * mdp.goes_on[rows, actions]
    reward, after, values = mdp.reward[rows, actions], mdp.next_state[rows, actions], q[rows, actions]
    for _ in range(FOLLOWED):
        values = reward + (ahead * values[after]).sum(axis=1)
    return np.asarray(values)


def best_return(mdp: MDP, horizon: int | None) -> float:
    """The greatest expected undiscounted return of any policy, within ``horizon`` steps where there is a limit."""
    if horizon is None:
        return float(mdp.start @ q_star(mdp, 1.0).max(axis=1))
    values = np.zeros(len(mdp.start))
    for _ in range(horizon):
        values = backup(mdp, values, 1.0).max(axis=1)
    return float(mdp.start @ values)


def return_of(mdp: MDP, actions: NDArray[np.int64], horizon: int) -> float:
    """The expected undiscounted return of a deterministic policy within ``horizon`` steps.

    Args:
        mdp: the world.
        actions: shape (S,), what is done in each state.
        horizon: steps after which an episode is cut off.
    """
    rows = np.arange(len(actions))
    reward = mdp.reward[rows, actions]
    ahead = mdp.probability[rows, actions] * mdp.goes_on[rows, actions]
    after = mdp.next_state[rows, actions]
    values = np.zeros(len(actions))
    for _ in range(horizon):
        values = reward + (ahead * values[after]).sum(axis=1)
    return float(mdp.start @ values)


def optimal_actions(q: Array, tolerance: float = 1e-6) -> NDArray[np.bool_]:
    """Which actions are optimal: the *set* within a tolerance of the best, shape (S, A)."""
    return np.asarray(q >= q.max(axis=1, keepdims=True) - tolerance)
