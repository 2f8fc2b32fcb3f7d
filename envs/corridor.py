"""hfrl/Corridor-v0, the trap of praise as reward: walking to and fro can be worth more than arriving.

    S . . . G      +1 for each step towards the goal, -p for each step back

A person praises progress and scolds the way back, more softly; an agent that takes praise for reward adds it up. At the
goal the episode is over and praise with it. One turn to and fro earns 1 - p.

State: the place from the left (``length`` + 1). Actions: left, right; a step back from the start stays, and costs p.
Reaching the goal terminates; 100 steps truncate. Exact: next to the goal, arriving earns 1 and looping forever
(g - p) / (1 - g^2), so looping is better iff g^2 + g > 1 + p: from g = .6180 on for p = 0, .7247 for p = .25, .8229 for
p = .5, never for p = 1. Knox & Stone 2012; Ho, Littman, Cushman & Austerweil 2015 (positive circuits).
"""

from hfrl.envs.chain_world import GOAL, Chain, LineWorld, Link
from hfrl.envs.table_world import ended


class Corridor(LineWorld):
    """The corridor.

    Args:
        penalty: p, what a step back costs, 0 or more.
        length: steps from the start to the goal, at least 2.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: a negative penalty, or a length below 2.
    """

    def __init__(self, penalty: float = 0.5, length: int = 4, render_mode: str | None = None) -> None:
        if penalty < 0:
            raise ValueError(f"penalty must be 0 or more, got {penalty}")
        if length < 2:
            raise ValueError(f"length must be at least 2 steps, got {length}")
        back = -float(penalty)
        table = [
            [[(1.0, max(place - 1, 0), back, False)], [(1.0, place + 1, 1.0, place + 1 == length)]]
            for place in range(length)
        ]
        table.append(ended(length, 2))
        links = [Link(place, place + 1, "+1") for place in range(length)]
        links += [Link(place, max(place - 1, 0), f"{back:g}" if penalty else "0") for place in range(length)]
        names = ("S", *(str(place) for place in range(1, length)), GOAL)
        super().__init__(Chain(names, 0, tuple(links)), table, render_mode)
