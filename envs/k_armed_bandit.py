"""hfrl/KArmedBandit-v0, the k-armed bandit: one state, k levers, and values that nobody told.

    [0] [1] [2] [3] [4] [5] [6] [7] [8] [9]

The true values q(a) are drawn from N(mean, 1) by the world's own generator when it is seeded; a pull of lever a pays
N(q(a), 1). With ``walk`` they all begin at ``mean``, and each takes a step of N(0, walk) after every pull. With
``bernoulli`` they are uniform in [0, 1], and a pull pays 1 with probability q(a), else 0. It never ends.

Exact optimum: the greatest q(a) a pull; with ten levers 1.5388 (.9091 Bernoulli) on average over problems. Sutton &
Barto, 2nd ed., section 2.3 (the 10-armed testbed); ``mean=4``: figure 2.5; ``walk=0.01``: exercise 2.5; ``bernoulli``:
Russo et al. 2018, a tutorial on Thompson sampling.
"""

from typing import Any, ClassVar

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs.chance import draw, normal
from hfrl.envs.rule_world import RuleWorld

KEYS = "0123456789abcdefghijklmnopqrstuvwxyz"


def born(true_values: list[float], mean: float, walk: float, bernoulli: bool, rng: Any) -> None:
    """Draw the true values."""
    for a in range(len(true_values)):
        if bernoulli:
            true_values[a] = draw(rng)
        elif walk > 0.0:
            true_values[a] = mean
        else:
            true_values[a] = mean + normal(rng)


def first(rng: Any) -> int:
    """The one state; a uniform number is drawn all the same, as by every other world."""
    draw(rng)
    return 0


def outcome(
    true_values: list[float], walk: float, bernoulli: bool, s: int, a: int, rng: Any
) -> tuple[int, float, bool]:
    """One pull; then the values walk, where they do."""
    if bernoulli:
        return s, 1.0 if draw(rng) < true_values[a] else 0.0, False
    reward = true_values[a] + normal(rng)
    if walk > 0.0:
        for k in range(len(true_values)):
            true_values[k] += walk * normal(rng)
    return s, reward, False


class KArmedBandit(RuleWorld):
    """The k-armed bandit.

    Args:
        arms: k, 1 to 36.
        mean: of the true values.
        walk: standard deviation of the step that every true value takes after every pull; 0 for values that stay.
        bernoulli: rewards of 1 and 0.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: too few or too many arms, a negative walk, or a mean or a walk of Bernoulli rewards.

    Attributes:
        true_values: q(a) as they are now, for oracles, evaluation and pictures; all 0 before the first reset.
    """

    born_rule = staticmethod(born)
    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("true_values",)
    action_meanings: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        arms: int = 10,
        mean: float = 0.0,
        walk: float = 0.0,
        bernoulli: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if not 1 <= arms <= len(KEYS):
            raise ValueError(f"arms must be 1 to {len(KEYS)}, got {arms}")
        if walk < 0:
            raise ValueError(f"walk must be 0 or more, got {walk}")
        if bernoulli and (walk or mean):
            raise ValueError("with bernoulli=True the true values are uniform in [0, 1]: leave mean and walk at 0")
        self.arms, self.mean, self.walk, self.bernoulli = arms, float(mean), float(walk), bool(bernoulli)
        self.render_mode = render_mode
        self.true_values = [0.0] * arms
        self.state = 0
        self.masks = [np.ones(arms, dtype=np.int8)]
        self.action_space: gymnasium.spaces.Space[Any] = gymnasium.spaces.Discrete(arms)
        self.observation_space = gymnasium.spaces.Discrete(1)
        self.action_meanings = tuple(f"lever {a}" for a in range(arms))  # type: ignore[misc]

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """Digits, then letters."""
        return {KEYS[a]: a for a in range(self.arms)}

    def describe(self, state: int) -> str:  # noqa: ARG002 - there is one
        """The state in words."""
        return f"before {self.arms} levers"

    def render(self) -> str | NDArray[np.uint8] | None:
        if self.render_mode == "ansi":
            return " ".join(f"<{a}>" if a == self.did else f"[{a}]" for a in range(self.arms)) + "\n"
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import bandit, canvas

        return canvas.show(self, bandit.size(self.arms), bandit.draw, self.arms, self.did, self.paid)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)
