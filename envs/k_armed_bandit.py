"""hfrl/KArmedBandit-v0, the k-armed bandit: one state, k levers, and rewards around values that nobody told.

    [0] [1] [2] ... [9]

The true values q(a) are drawn from N(mean, 1) by the world's own generator when it is seeded; pulling a pays
N(q(a), 1). It never ends. Sutton & Barto, 2nd ed., section 2.3; ``mean=4`` is figure 2.5, ``walk=0.01`` exercise 2.5.
Exact optimum per pull: the greatest q(a); 1.54 on average over 10-armed problems.
"""

from typing import Any

from hfrl.envs.chance import draw, normal
from hfrl.envs.grid_world import Floor, GridWorld, sampled_reset, sampled_step


def born(true_values: list[float], dials: list[float], rng: Any) -> float:
    """Draw the true values: N(mean, 1), or uniform probabilities for Bernoulli rewards."""
    for a in range(len(true_values)):
        true_values[a] = draw(rng) if dials[2] > 0 else dials[0] + normal(rng)
    return true_values[0]


def first(begin: list[int], rng: Any) -> int:  # noqa: ARG001 - the signature of every such world
    """There is one state."""
    return begin[0]


def outcome(true_values: list[float], dials: list[float], s: int, a: int, rng: Any) -> tuple[int, float, bool]:
    """One pull: N(q(a), 1), or 1 with probability q(a); then the values walk, where they do."""
    value = true_values[a]
    reward = (1.0 if draw(rng) < value else 0.0) if dials[2] > 0 else value + normal(rng)
    if dials[1] > 0:
        for k in range(len(true_values)):
            true_values[k] += dials[1] * normal(rng)
    return s, reward, False


class KArmedBandit(GridWorld):
    """The k-armed bandit.

    Args:
        arms: k, at least 1.
        mean: of the true values.
        walk: standard deviation of a step that every true value takes after every pull; 0 for a stationary problem.
        bernoulli: rewards of 1 or 0, true values uniform in [0, 1].
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: fewer than 1 arm, a negative walk, or a walk of Bernoulli probabilities.
    """

    born_rule = staticmethod(born)
    first_rule = staticmethod(first)
    step_rule = staticmethod(outcome)
    world_tables = ("begin", "true_values", "dials")

    def __init__(
        self,
        arms: int = 10,
        mean: float = 0.0,
        walk: float = 0.0,
        bernoulli: bool = False,
        render_mode: str | None = None,
    ) -> None:
        if arms < 1:
            raise ValueError(f"arms must be at least 1, got {arms}")
        if walk < 0 or (walk and bernoulli):
            raise ValueError(f"walk must be 0 or more, and 0 for Bernoulli rewards; got {walk}")
        self.begin, self.is_born = [0], False
        self.true_values = [0.0] * arms
        self.dials = [float(mean), float(walk), float(bernoulli)]
        table = [[[(1.0, 0, 0.0, False)] for _ in range(arms)]]
        super().__init__(Floor("S"), table, [1.0], ((0, 0),) * arms, render_mode)
        self.arms = arms
        self.action_meanings = tuple(f"lever {a}" for a in range(arms))  # type: ignore[misc]
        self._keys = {"0123456789abcdefghijklmnopqrstuvwxyz"[a]: a for a in range(min(arms, 36))}
        del self.P  # rewards are drawn from a density: a table would leave the noise out

    def bear(self) -> None:
        """Draw the true values anew."""
        born(self.true_values, self.dials, self.np_random)

    def begin_at(self) -> int:
        """The starting state."""
        return first(self.begin, self.np_random)

    def describe(self, state: int) -> str:  # noqa: ARG002 - there is one
        """The state in words."""
        return f"{self.arms} levers"

    def picture_rows(self) -> list[str]:
        """One cell per lever."""
        return ["".join("0123456789abcdefghijklmnopqrstuvwxyz"[a % 36] for a in range(self.arms))]

    def cell_of(self, state: int) -> None:  # type: ignore[override]
        """A bandit has no places."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        return sampled_reset(self, seed, options)

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return sampled_step(self, outcome(self.true_values, self.dials, self.state, int(action), self.np_random))
