"""hfrl/MaximizationBias-v0, the trap of the maximum: going left looks good to whoever maximizes noisy estimates.

    #  <=  B  <-  A  ->  #      begins in A; from A to B, and from A to the right end: 0
                                ten actions from B to the left end, each paying N(-0.1, 1)

State: the place from the left (0 and 3 are the ends, B is 1, A is 2). In A only the first two actions exist, left and
right: ``actions_in`` says how many there are in each state, and our agents choose among those. For others an even
action means left and an odd one right, so that a random choice among an even number goes to both sides alike. ``P``
has the expected reward, -0.1. Both ends terminate.

Exact optimum: 0, by going right; left is worth -0.1. Sutton & Barto, 2nd ed., example 6.7, figure 6.5.
"""

from typing import Any

import numpy as np

from hfrl.envs.chain_world import Chain, ChainWorld, Link
from hfrl.envs.chance import draw, normal
from hfrl.envs.rule_world import RuleWorld
from hfrl.envs.table_world import Table, ended

LEFT_END, B, A, RIGHT_END = range(4)
MEAN = -0.1
KEYS = "0123456789abcdefghijklmnopqrstuvwxyz"


def first(rng: Any) -> int:
    """Always A; a uniform number is drawn all the same, as by every world with a table."""
    draw(rng)
    return 2


def outcome(mean: float, s: int, a: int, rng: Any) -> tuple[int, float, bool]:
    """From A to B or to the right end; from B to the left end, with a noisy reward."""
    if s == 1:
        return 0, mean + normal(rng), True
    draw(rng)
    if a % 2 == 0:
        return 1, 0.0, False
    return 3, 0.0, True


class MaximizationBias(RuleWorld, ChainWorld):
    """The world of two states.

    Args:
        arms: actions in B, 2 to 36.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: too few or too many arms.

    Attributes:
        mean: the expected reward in B.
        actions_in: how many of the actions each state has: the first ones.
    """

    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ()

    def __init__(self, arms: int = 10, render_mode: str | None = None) -> None:
        if not 2 <= arms <= len(KEYS):
            raise ValueError(f"arms must be 2 to {len(KEYS)}, got {arms}")
        self.mean = MEAN
        self.actions_in = [1, arms, 2, 1]
        in_a = [[(1.0, B, 0.0, False)] if a % 2 == 0 else [(1.0, RIGHT_END, 0.0, True)] for a in range(arms)]
        in_b = [[(1.0, LEFT_END, MEAN, True)] for _ in range(arms)]
        table: Table = [ended(LEFT_END, arms), in_b, in_a, ended(RIGHT_END, arms)]
        links = (Link(B, LEFT_END, f"N({MEAN}, 1)", arms), Link(A, B, "0"), Link(A, RIGHT_END, "0"))
        super().__init__(Chain(("", "B", "A", ""), A, links), table, render_mode)
        self.masks = [(np.arange(arms) < exist).astype(np.int8) for exist in self.actions_in]
        self.action_meanings = ("left", "right", *(f"arm {a}" for a in range(2, arms)))  # type: ignore[misc]

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """Digits, then letters."""
        return {KEYS[a]: a for a in range(self.actions_in[B])}
