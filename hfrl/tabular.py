"""The shell that tabular agents share: the table, how observations number its rows, exploration, saving.

An agent file holds its equation and little more.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.policy import EXPLORATIONS, Discrete, greedy
from hfrl.schedules import Schedule, checked
from hfrl.types import Step, Update, UserError, record

TABLE_LIMIT = 50_000_000


class Rows(NamedTuple):
    """How many rows a table needs for an observation space, and the row of each observation."""

    size: int
    row: Callable[[Any], int]


def rows_of(space: gymnasium.Space[Any]) -> Rows:
    """Number the observations of ``Discrete``, ``MultiDiscrete`` or a ``Tuple`` of them.

    Raises:
        UserError: any other space, with an agent that takes it.
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        start = int(space.start)
        return Rows(int(space.n), (lambda o: int(o) - start) if start else int)
    sizes = _sizes(space)
    if sizes is None:
        raise UserError(
            f"a tabular agent needs Discrete, MultiDiscrete or Tuple-of-Discrete observations, "
            f"got {' '.join(str(space).split())}; "
            "in this version only --agent random takes such a world"
        )

    def row(observation: Sequence[int]) -> int:
        number = 0
        for part, (size, start) in zip(observation, sizes, strict=True):
            number = number * size + int(part) - start
        return number

    count = 1
    for size, _ in sizes:
        count *= size
    return Rows(count, row)


def _sizes(space: gymnasium.Space[Any]) -> list[tuple[int, int]] | None:
    """(size, start) of every part, or None if a part is not discrete."""
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        if space.nvec.ndim != 1:
            return None
        return [(int(n), int(start)) for n, start in zip(space.nvec, space.start, strict=True)]
    if isinstance(space, gymnasium.spaces.Tuple) and all(
        isinstance(part, gymnasium.spaces.Discrete) for part in space.spaces
    ):
        return [(int(part.n), int(part.start)) for part in space.spaces]  # type: ignore[attr-defined]
    return None


def action_count(space: gymnasium.Space[Any]) -> int:
    """How many actions there are. Raises UserError for a space that is not ``Discrete`` from 0."""
    if not isinstance(space, gymnasium.spaces.Discrete) or space.start != 0:
        raise UserError(f"the agents of this version need a Discrete action space that starts at 0, got {space}")
    return int(space.n)


class TabularAgent:
    """A table Q of states x actions, an exploration, a learning rate, and a count of what was learnt so far.

    Args:
        env: only its ``observation_space`` and ``action_space`` are read.
        learning_rate: alpha in [0, 1]; a number or a schedule.
        gamma: discount in [0, 1].
        epsilon: exploration in [0, 1] for ``exploration="epsilon_greedy"``; a number or a schedule.
        exploration: ``"epsilon_greedy"`` or ``"softmax"``.
        temperature: of the softmax, at least 0; a number or a schedule.
        initial_value: Q0.
        seed: of ``predict(deterministic=False)`` alone; learning draws from the loop's generators.

    Raises:
        UserError: a space no table fits, or a number out of its range.
    """

    on_policy = False
    learns_from_feedback = False

    def __init__(
        self,
        env: Any,
        *,
        learning_rate: float | str | Schedule = 0.5,
        gamma: float = 0.99,
        epsilon: float | str | Schedule = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: float | str | Schedule = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if exploration not in EXPLORATIONS:
            raise UserError(f"exploration must be one of {', '.join(EXPLORATIONS)}, got {exploration!r}")
        if not 0 <= gamma <= 1:
            raise UserError(f"gamma must be within [0, 1], got {gamma}")
        self.alpha: Schedule = checked("learning_rate", learning_rate, 0, 1)
        self.gamma = float(gamma)
        self._explore = EXPLORATIONS[exploration]
        self._exploration_rate: Schedule
        if exploration == "softmax":
            self._exploration_name = "temperature"
            self._exploration_rate = checked("temperature", temperature, 0, float("inf"))
        else:
            self._exploration_name = "epsilon"
            self._exploration_rate = checked("epsilon", epsilon, 0, 1)
        states, self.row = rows_of(env.observation_space)
        actions = action_count(env.action_space)
        if states * actions > TABLE_LIMIT:
            raise UserError(f"a table of {states} x {actions} entries does not fit (limit {TABLE_LIMIT})")
        self.q = [[float(initial_value)] * actions for _ in range(states)]
        self.steps = 0
        self.episodes = 0
        self._predicting = np.random.default_rng(seed)
        self._observation_ndim = len(env.observation_space.shape or ())

    def q_values(self, observation: Any) -> list[float]:
        """Q(s, .), one number per action."""
        return self.q[self.row(observation)]

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """The behaviour: exploration on Q(s, .), or on Q(s, .) + bias."""
        values = self.q[self.row(observation)]
        if bias is not None:
            values = [q + b for q, b in zip(values, bias, strict=True)]
        return self._explore(values, self._exploration_rate(self.steps, self.episodes))

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """The policy without exploration, ties at random; what evaluation runs."""
        values = self.q[self.row(observation)]
        return greedy(values if bias is None else [q + b for q, b in zip(values, bias, strict=True)])

    def predict(
        self,
        observation: Any,
        state: Any = None,  # noqa: ARG002 - Stable-Baselines3's signature
        episode_start: Any = None,  # noqa: ARG002
        deterministic: bool = True,
    ) -> tuple[Any, None]:
        """Stable-Baselines3's verb: (action, None), or an array of actions for a batch of observations.

        ``deterministic`` takes the first of the best actions; otherwise the action is drawn from the behaviour policy.
        """
        if isinstance(observation, np.ndarray) and observation.ndim > self._observation_ndim:
            return np.array([self.predict(one, deterministic=deterministic)[0] for one in observation]), None
        values = self.q_values(observation)
        if deterministic:
            return values.index(max(values)), None
        return self.policy(observation).sample(self._predicting.random()), None

    def rates(self) -> dict[str, float]:
        """The numbers a person may change while the agent learns, as they are now."""
        now = self.steps, self.episodes
        return {"alpha": self.alpha(*now), self._exploration_name: self._exploration_rate(*now)}

    def dials(self) -> tuple[Any, ...]:
        """Everything a person may change, as it stands: to learn something again by the numbers of then."""
        return self.alpha, self.gamma, self._exploration_rate

    def set_dials(self, dials: tuple[Any, ...]) -> None:
        """The inverse of :meth:`dials`."""
        self.alpha, self.gamma, self._exploration_rate = dials

    def set_rate(self, name: str, value: float) -> None:
        """Set one of :meth:`rates` to a constant. Raises UserError out of its range."""
        if name not in ("alpha", self._exploration_name):
            raise UserError(f"there is no {name!r} to set; expected alpha or {self._exploration_name}")
        plan = checked(name, value, 0, float("inf") if name == "temperature" else 1)
        if name == "alpha":
            self.alpha = plan
        else:
            self._exploration_rate = plan

    def learn(self, step: Step, signal: float, target: float, bootstrap: float) -> Update:
        """Q(S,A) <- Q(S,A) + alpha [target - Q(S,A)]; and the clock that schedules read moves on.

        ``signal`` and ``bootstrap`` are what the target was made of; they go into the record.
        """
        row = self.q[self.row(step.observation)]
        action = step.action
        old = row[action]
        error = target - old
        row[action] = new = old + self.alpha(self.steps, self.episodes) * error
        self.steps += 1
        self.episodes += step.terminated or step.truncated
        return record(Update, (old, target, error, new, signal, bootstrap))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learnt, as plain arrays for a checkpoint."""
        return {"q": np.array(self.q), "clock": np.array([self.steps, self.episodes])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        shape = (len(self.q), len(self.q[0]))
        if arrays["q"].shape != shape or arrays["q"].dtype.kind != "f":
            raise ValueError(
                f"the table has shape {arrays['q'].shape} of {arrays['q'].dtype}, expected {shape} of numbers"
            )
        self.q = arrays["q"].tolist()
        self.steps, self.episodes = (int(number) for number in arrays["clock"])
