"""The shell of agents that learn how good a policy is, not a better one: a table of v, and the policy it follows."""

from collections.abc import Sequence
from typing import Any, ClassVar

from hfrl.policy import Categorical
from hfrl.schedules import Schedule
from hfrl.tabular import Numbers, TabularAgent, action_count, rows_of
from hfrl.types import UserError


def improve_value(v: list[float], s: int, target: float, alpha: float, bootstrap: float) -> Numbers:
    """V(s) <- V(s) + alpha [target - V(s)].

    >>> improve_value([1.0], 0, 3.0, 0.5, 2.0)
    (1.0, 3.0, 2.0, 2.0)
    """
    old = v[s]
    new = old + alpha * (target - old)
    v[s] = new
    return old, target, new, bootstrap


class PredictionAgent(TabularAgent):
    """Follows a fixed policy and learns its values v.

    Args:
        env: only its spaces are read.
        policy: the probabilities of the actions in each state, states x actions; None is the equiprobable policy.
        learning_rate: alpha in [0, 1]; a number or a schedule.
        gamma: discount in [0, 1].
        initial_value: V0.
        seed: of ``predict(deterministic=False)`` alone.

    Raises:
        UserError: a space no table fits, a number out of its range, or a policy of another shape.
    """

    tables: ClassVar[tuple[str, ...]] = ("v",)
    takes_action = False  # what it does is given

    def __init__(
        self,
        env: Any,
        *,
        policy: Sequence[Sequence[float]] | None = None,
        learning_rate: float | str | Schedule = 0.1,
        gamma: float = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        states, actions = rows_of(env.observation_space).size, action_count(env.action_space)
        self.pi = _policy_of(policy, states, actions)
        self.v = [float(initial_value)] * states
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, epsilon=0.0, initial_value=initial_value, seed=seed
        )
        self.exploration = "fixed"

    def values(self, s: int) -> Sequence[float]:
        """V(s), whatever is done: the policy is not asked what is best."""
        return [self.v[s]] * len(self.pi[s])

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> Categorical:  # noqa: ARG002
        """The policy that is evaluated, whatever anybody prefers."""
        return Categorical(self.pi[self.row(observation)])

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> Categorical:
        """The same: it is not improved."""
        return self.policy(observation, bias)

    def predict(
        self, observation: Any, state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> tuple[Any, None]:
        """As every agent's; ``deterministic`` takes the first of the policy's most probable actions."""
        if deterministic and getattr(observation, "ndim", 0) <= self._observation_ndim:
            row = self.pi[self.row(observation)]
            return row.index(max(row)), None
        return super().predict(observation, state, episode_start, deterministic)

    def rates(self) -> dict[str, float]:
        """The learning rate alone: the policy explores as much as it does."""
        return {"alpha": self.alpha_now()}

    def learnt(self) -> tuple[str, ...]:
        """The names of all tables, the policy among them."""
        return (*self.tables, "pi")


def _policy_of(policy: Sequence[Sequence[float]] | None, states: int, actions: int) -> list[list[float]]:
    if policy is None:
        return [[1.0 / actions] * actions for _ in range(states)]
    rows = [[float(p) for p in row] for row in policy]
    if len(rows) != states or any(len(row) != actions for row in rows):
        raise UserError(f"policy must have {states} rows of {actions} probabilities")
    if not all(min(row) >= 0 and abs(sum(row) - 1) <= 1e-9 for row in rows):
        raise UserError("every row of the policy must be probabilities that sum to 1")
    return rows
