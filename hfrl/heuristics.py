"""The teacher ``heuristic``: people who know a rule of thumb of a world that has no table.

Each rule says which actions are good by what is to be seen. Measured over 100 episodes each, whoever does what they say
keeps CartPole up to its limit in all of them (500), climbs the mountain in 126 steps on average (the limit is 200), and
swings Acrobot up in 84 (the limit is 500).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hfrl.judges import Hands, Opinion, paid
from hfrl.types import Teacher, UserError

Good = Callable[[Any], Sequence[bool]]
KINDS = ("label", "label01", "reward", "takeover")
#: What the balance of a pole weighs: the cart's place and speed, the pole's angle and angular speed.
BALANCE = (0.1, 0.2, 1.0, 1.0)


def balance(observation: Sequence[float]) -> tuple[bool, bool]:
    """CartPole: push to the side where the pole falls, x/10 + v/5 + angle + angular speed; either way at 0.

    >>> balance([0.0, 0.0, 0.1, 0.0]), balance([0.0, 0.0, 0.0, 0.0])
    ((False, True), (True, True))
    """
    lean = sum(weight * float(number) for weight, number in zip(BALANCE, observation, strict=True))
    return lean <= 0, lean >= 0


def along(observation: Sequence[float]) -> tuple[bool, bool, bool]:
    """MountainCar: push the way the car rolls; either way while it stands, and never coast.

    >>> along([-0.5, 0.01]), along([-0.5, 0.0])
    ((False, False, True), (True, False, True))
    """
    speed = float(observation[1])
    return speed <= 0, False, speed >= 0


def pump(observation: Sequence[float]) -> tuple[bool, bool, bool]:
    """Acrobot: torque the way the lower joint swings; either way while it hangs still.

    >>> pump([1.0, 0.0, 1.0, 0.0, 0.0, -2.0])
    (True, False, False)
    """
    speed = float(observation[5])
    return speed <= 0, False, speed >= 0


HEURISTICS: Mapping[str, Good] = {"CartPoleEnv": balance, "MountainCarEnv": along, "AcrobotEnv": pump}


def heuristic(
    env: Any,
    rng: np.random.Generator,
    kind: str = "label",
    hold: int = 5,
    slip: float = 0.0,
    first: int = 0,
    mix: float = 0.0,
) -> Teacher:
    """Somebody who goes by a rule of thumb.

    Args:
        env: CartPole, MountainCar or Acrobot.
        rng: of the choices of a driver.
        kind: ``label``, ``label01``, ``reward`` or ``takeover``, as :func:`hfrl.judges.judge` has them.
        hold, slip, first, mix: see :class:`hfrl.judges.Hands`.

    Raises:
        UserError: another world, or a setting out of its range.
    """
    world = type(env.unwrapped).__name__
    if world not in HEURISTICS:
        known = ", ".join(name.removesuffix("Env") for name in HEURISTICS)
        raise UserError(f"teacher heuristic knows {known}, not {world}; the oracle knows every world with a table P")
    if kind not in KINDS:
        raise UserError(f"the kind of a heuristic must be one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "reward":
        return paid
    good = HEURISTICS[world]
    return Hands(good, hold, slip, rng, first, mix) if kind == "takeover" else Opinion(good)
