"""The shell of a finite world: a world is its table ``P``, and a step is one draw from it.

``P[s][a]`` lists ``(probability, next state, reward, terminated)``, as in Gymnasium's toy worlds. Every step and every
reset draws exactly one uniform number from the world's own generator and inverts the cumulative distribution with it,
so that any engine that reads the same table with the same generator walks the same path.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

Transition = tuple[float, int, float, bool]
Table = Sequence[Sequence[Sequence[Transition]]]


#: Codes of keys that no letter names, for ``get_keys_to_action``: SDL's, which are pygame's.
RETURN, RIGHT_ARROW, LEFT_ARROW, DOWN_ARROW, UP_ARROW = 13, 1073741903, 1073741904, 1073741905, 1073741906


class TableWorld(gymnasium.Env[Any, int]):
    """A Gymnasium world that is a table. A subclass builds ``P``, ``initial_state_distrib`` and the pictures.

    Attributes:
        P: ``P[s][a] = [(probability, next state, reward, terminated), ...]``.
        initial_state_distrib: shape (states,), sums to 1.
        state: the state the world is in, an index into ``P``.
        action_meanings: one short name per action.
        masks: ``masks[s]`` is an int8 array of shape (actions,), 1 where the action changes anything.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["human", "rgb_array", "ansi"], "render_fps": 4}  # type: ignore[misc]
    action_meanings: ClassVar[tuple[str, ...]]

    def __init__(self, table: Table, start: Sequence[float], masks: Sequence[NDArray[np.int8]]) -> None:
        self.P = table
        self.initial_state_distrib: NDArray[np.float64] = np.asarray(start, dtype=np.float64)
        self._cumulative_start: list[float] = np.cumsum(self.initial_state_distrib).tolist()
        self.masks = masks
        self.state = int(np.argmax(self.initial_state_distrib))
        self.action_space: gymnasium.spaces.Space[Any] = gymnasium.spaces.Discrete(len(table[0]))

    def observe(self, state: int) -> Any:
        """What the agent sees of a state: by default its number."""
        return state

    def outcome(self, state: int) -> dict[str, Any]:  # noqa: ARG002 - for worlds that have something to tell
        """What ``info`` tells of the state an episode terminated in, such as ``is_success``."""
        return {}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        u = (self._np_random or self.np_random).random()
        first = bisect_right(self._cumulative_start, u)
        self.state = min(first, len(self.P) - 1)  # where rounding leaves the sum below u
        if self.render_mode == "human":
            self.render()
        return self.observe(self.state), {"action_mask": self.masks[self.state].copy()}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        u = (self._np_random or self.np_random).random()  # past the property, which costs as much as the draw
        cumulative = 0.0
        for probability, state, reward, terminated in self.P[self.state][action]:  # noqa: B007 - the draw is read below
            cumulative += probability
            if u < cumulative:
                break
        self.state = state
        info: dict[str, Any] = {"action_mask": self.masks[state].copy()}
        if terminated:
            info.update(self.outcome(state))
        if self.render_mode == "human":
            self.render()
        return self.observe(state), reward, terminated, False, info


def shared(table: Table, masks: Sequence[NDArray[np.int8]]) -> tuple[Table, tuple[NDArray[np.int8], ...]]:
    """The same table and masks, which nobody can change: large worlds are built once and have them in common.

    >>> shared([[[(1.0, 0, -1.0, False)]]], [np.array([0], np.int8)])
    (((((1.0, 0, -1.0, False),),),), (array([0], dtype=int8),))
    """
    for mask in masks:
        mask.setflags(write=False)
    return tuple(tuple(tuple(outcomes) for outcomes in rows) for rows in table), tuple(masks)


def masks_of(table: Table) -> list[NDArray[np.int8]]:
    """The masks of a world in which an action that leaves the state as it is changes nothing.

    Where no action changes anything (a terminal state, a world of one state) all are allowed.

    >>> masks_of([[[(1.0, 0, -1.0, False)], [(1.0, 1, -1.0, True)]], [[(1.0, 1, 0.0, True)]] * 2])
    [array([0, 1], dtype=int8), array([1, 1], dtype=int8)]
    """
    masks = []
    for state, rows in enumerate(table):
        moved = [any(after != state for _, after, _, _ in outcomes) for outcomes in rows]
        masks.append(np.array([int(one or not any(moved)) for one in moved], dtype=np.int8))
    return masks


def with_taste_paid(table: Table, taste: Callable[[int], float], weight: float) -> Table:
    """The table of a world that pays ``weight`` times the taste of what is served on top of its reward.

    Serving is what terminates a world that has a taste; the dish is in the state it is served from.
    """
    if not weight:
        return table

    def paid(state: int, reward: float, ends: bool) -> float:
        return reward + weight * taste(state) if ends else reward

    return [
        [[(p, after, paid(state, reward, ends), ends) for p, after, reward, ends in outcomes] for outcomes in rows]
        for state, rows in enumerate(table)
    ]


def ended(state: int, actions: int) -> list[list[Transition]]:
    """The rows of ``P`` of a terminal state: it stays, earns nothing, and is over."""
    return [[(1.0, state, 0.0, True)] for _ in range(actions)]


def starting(states: int, first: Sequence[int]) -> list[float]:
    """The distribution that starts evenly in these states."""
    start = [0.0] * states
    for state in first:
        start[state] = 1.0 / len(first)
    return start
