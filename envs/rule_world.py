"""The shell of a world whose step is not a plain draw from a constant table: its dynamics are pure functions.

A class names up to three of them, and the attributes that they read and change:

    first_rule    first(..., rng) -> the starting state
    step_rule     outcome(..., s, a, rng) -> (next state, reward, terminated)
    born_rule     born(..., rng): fills a table once for every seeded life, such as a bandit's true values
    world_tables  the attributes that hold (nested) lists of int or float: tables, and clocks such as ``[0]``

Parameters are bound by their names: ``s``, ``a`` and ``rng``, a name of ``world_tables``, or a number that is an
attribute of the world. ``rng`` is only ever passed on to :mod:`hfrl.envs.chance`. That is all the compiled engine needs
to play such a world: it compiles the very same functions.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

RULES = ("first_rule", "step_rule", "born_rule")


class RuleWorld(gymnasium.Env[Any, int]):
    """``reset`` and ``step`` of such a world; stands before :class:`TableWorld` among the bases of one with a ``P``.

    Attributes:
        state: the state the world is in.
        masks: ``masks[s]`` is an int8 array of shape (actions,), 1 where the action changes anything.
        did, paid: the last action of this episode and its reward, for pictures; None and 0 at its start.
        observation_of: state -> what the agent sees; None where it sees the state.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["human", "rgb_array", "ansi"], "render_fps": 4}  # type: ignore[misc]
    first_rule: ClassVar[Callable[..., int]]
    step_rule: ClassVar[Callable[..., tuple[int, float, bool]]]
    world_tables: ClassVar[tuple[str, ...]]
    state: int
    did: int | None = None
    paid: float = 0.0
    masks: Sequence[NDArray[np.int8]]
    observation_of: Sequence[int] | None = None
    _parameters: ClassVar[dict[str, tuple[str, ...]]] = {}
    _is_born = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        named = [name for name in RULES if hasattr(cls, name)]
        cls._parameters = {name: tuple(inspect.signature(getattr(cls, name)).parameters) for name in named}

    def observe(self, state: int) -> Any:
        """What the agent sees of a state."""
        return state if self.observation_of is None else self.observation_of[state]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        gymnasium.Env.reset(self, seed=seed, options=options)  # TableWorld's would draw a state from its distribution
        if "born_rule" in self._parameters and (seed is not None or not self._is_born):
            self._call("born_rule")
            self._is_born = True
        self.state, self.did, self.paid = self._call("first_rule"), None, 0.0
        if self.render_mode == "human":
            self.render()
        return self.observe(self.state), {"action_mask": self.masks[self.state].copy()}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.did = int(action)
        self.state, self.paid, terminated = self._call("step_rule", self.did)
        if self.render_mode == "human":
            self.render()
        return self.observe(self.state), self.paid, terminated, False, {"action_mask": self.masks[self.state].copy()}

    def _call(self, rule: str, action: int = 0) -> Any:
        known = {"s": self.state, "a": action, "rng": self.np_random}
        arguments = [known[name] if name in known else getattr(self, name) for name in self._parameters[rule]]
        return getattr(type(self), rule)(*arguments)
