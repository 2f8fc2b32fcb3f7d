"""hfrl/RandomWalk-v0, the random walk: a row of states with an end at each side, for prediction.

    #  A  B  C  D  E  #      begins in the middle; # are the ends

Actions: left, right; the walk is what the policy that chooses both alike does. State: the place from the left, the ends
0 and ``states`` + 1 included. Undiscounted. With 5 states the step to the right end pays +1 and all others 0 (Sutton &
Barto, 2nd ed., example 6.2); with any other number the step to the left end pays -1 besides (19 states: example 7.1).

Exact values of the random walk: 1/6, 2/6 ... 5/6; with 19 states -.9, -.8 ... .9; in general ``true_values``. Exact
optimum: +1.
"""

from hfrl.envs.chain_world import Chain, LineWorld, left_and_right
from hfrl.envs.table_world import ended

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class RandomWalk(LineWorld):
    """The random walk.

    Args:
        states: how many between the ends: odd, at least 3.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: an even number of states, or fewer than 3.

    Attributes:
        true_values: of the random policy, undiscounted, one per state; 0 at the ends.
    """

    def __init__(self, states: int = 5, render_mode: str | None = None) -> None:
        if states < 3 or states % 2 == 0:
            raise ValueError(f"states must be odd and at least 3, so that there is a middle; got {states}")
        last = states + 1
        left = 0.0 if states == 5 else -1.0
        table = [ended(0, 2)]
        for state in range(1, last):
            to_left = (1.0, state - 1, left if state == 1 else 0.0, state == 1)
            to_right = (1.0, state + 1, 1.0 if state == states else 0.0, state == states)
            table.append([[to_left], [to_right]])
        table.append(ended(last, 2))
        self.true_values = [0.0] + [left + (1.0 - left) * i / last for i in range(1, last)] + [0.0]
        names = LETTERS[:states] if states <= len(LETTERS) else [str(i) for i in range(1, last)]
        pays = {(1, 0): f"{left:+.0f}" if left else "0", (states, last): "+1"}
        chain = Chain(("", *names, ""), last // 2, left_and_right(last, pays))
        super().__init__(chain, table, render_mode)
