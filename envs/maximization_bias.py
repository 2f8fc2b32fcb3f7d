"""hfrl/MaximizationBias-v0: going left looks good to whoever takes the maximum of noisy estimates.

    T <- B <- A -> T      left to B pays 0, every action in B ends with a reward from N(-0.1, 1); right ends with 0

A has only the first two actions, left and right: ``actions_in`` says so, and our agents choose among those. Sutton &
Barto, 2nd ed., example 6.7. Exact optimum: 0 (right); left is worth -0.1.
"""

from typing import Any

from hfrl.envs.chance import normal
from hfrl.envs.grid_world import Floor, GridWorld, ended, sampled_reset, sampled_step, starting
from hfrl.envs.table_world import Table

END_LEFT, B, A, END_RIGHT = range(4)
MEAN = -0.1


def first(begin: list[int], rng: Any) -> int:  # noqa: ARG001 - the signature of every such world
    """Always A."""
    return begin[0]


def outcome(mean: list[float], s: int, a: int, rng: Any) -> tuple[int, float, bool]:
    """From A to B or to the right end; from B to the left end with a noisy reward."""
    if s == 1:
        return 0, mean[0] + normal(rng), True
    if a == 0:
        return 1, 0.0, False
    return 3, 0.0, True


class MaximizationBias(GridWorld):
    """The two states of example 6.7.

    Args:
        arms: actions in B, at least 2.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: fewer than 2 arms.
    """

    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("begin", "mean")

    def __init__(self, arms: int = 10, render_mode: str | None = None) -> None:
        if arms < 2:
            raise ValueError(f"arms must be at least 2, got {arms}")
        #: How many of the actions each state has: the first ones.
        self.actions_in = [1, arms, 2, 1]
        self.begin, self.mean, self.is_born = [A], [MEAN], True
        # An action that A has not is taken as right, if somebody takes it all the same.
        in_a = [[(1.0, B, 0.0, False)] if a == 0 else [(1.0, END_RIGHT, 0.0, True)] for a in range(arms)]
        in_b = [[(1.0, END_LEFT, MEAN, True)] for _ in range(arms)]
        table: Table = [ended(END_LEFT, arms), in_b, in_a, ended(END_RIGHT, arms)]
        super().__init__(Floor("TBAT"), table, starting(4, [A]), (((0, -1), (0, 1)) * arms)[:arms], render_mode)
        self.action_meanings = ("left", "right", *(f"arm {a}" for a in range(2, arms)))  # type: ignore[misc]
        self._keys = {"0123456789abcdefghijklmnopqrstuvwxyz"[a]: a for a in range(min(arms, 36))}

    def bear(self) -> None:
        """Nothing is drawn beforehand."""

    def begin_at(self) -> int:
        """The starting state."""
        return first(self.begin, self.np_random)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return sampled_reset(self, seed, options)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return sampled_step(self, outcome(self.mean, self.state, int(action), self.np_random))
