"""The random agent: every action is equally likely, nothing is learnt. The floor that any learner must beat."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.policy import Categorical
from hfrl.tabular import action_count
from hfrl.types import Judgement, RewardPort


class RandomAgent:
    """Uniform over a Discrete action space; takes any observation.

    Args:
        env: only its ``action_space`` is read.
        seed: of ``predict`` alone; the loop draws from its own generators.
    """

    on_policy = False
    learns_from_feedback = False
    gamma = 1.0

    def __init__(self, env: Any, *, seed: int | None = None) -> None:
        actions = action_count(env.action_space)
        self._uniform = Categorical([1 / actions] * actions)
        self._predicting = np.random.default_rng(seed)
        self._observation_ndim = len(env.observation_space.shape or ())
        self.steps = 0
        self.episodes = 0

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> Categorical:  # noqa: ARG002
        """1/n for each action, whatever anybody prefers."""
        return self._uniform

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> Categorical:
        """The same: there is nothing to be greedy about."""
        return self.policy(observation, bias)

    def update(self, judgement: Judgement, reward: RewardPort) -> None:  # noqa: ARG002 - the verb of every agent
        """Count the step, and learn nothing."""
        self.steps += 1
        self.episodes += judgement.step.ended

    def predict(
        self,
        observation: Any,
        state: Any = None,  # noqa: ARG002 - Stable-Baselines3's signature
        episode_start: Any = None,  # noqa: ARG002
        deterministic: bool = True,  # noqa: ARG002
    ) -> tuple[Any, None]:
        """A random action, or an array of them for a batch of observations."""
        if isinstance(observation, np.ndarray) and observation.ndim > self._observation_ndim:
            return np.array([self._uniform.sample(self._predicting.random()) for _ in observation]), None
        return self._uniform.sample(self._predicting.random()), None

    def rates(self) -> dict[str, float]:
        """Nothing to set."""
        return {}

    def dials(self) -> tuple[Any, ...]:
        """Nothing to set."""
        return ()

    def set_dials(self, dials: tuple[Any, ...]) -> None:
        """Nothing to set."""

    def set_rate(self, name: str, value: float) -> None:
        """Nothing to set. Raises KeyError."""
        raise KeyError(f"the random agent has no {name} to set to {value}")

    def q_values(self, observation: Any) -> list[float]:  # noqa: ARG002
        """It values nothing: 0 for each action."""
        return [0.0] * len(self._uniform.probabilities)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The clock is all there is."""
        return {"clock": np.array([self.steps, self.episodes])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`."""
        self.steps, self.episodes = (int(number) for number in arrays["clock"])
