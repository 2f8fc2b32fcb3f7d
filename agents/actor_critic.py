"""One-step actor-critic: the critic's TD error tells the actor how good an action was (Sutton & Barto, 2nd ed., section
13.5).

    delta <- R + gamma v(S') - v(S)
    v(S) <- v(S) + alpha_v delta;   theta <- theta + alpha I delta grad ln pi(A|S);   I <- gamma I
"""

from typing import Any

from hfrl.policy import softmax_probabilities
from hfrl.returns import td_target
from hfrl.tabular import Numbers, Table, TabularAgent
from hfrl.types import UserError


def learn(
    q: Table,
    v: list[float],
    discount: list[float],
    s: int,
    a: int,
    r: float,
    s2: int,
    terminated: bool,
    truncated: bool,
    alpha: float,
    gamma: float,
    critic_rate: float,
) -> Numbers:
    """One step of actor and critic; the numbers are the critic's.

    >>> q, v, discount = [[0.0, 0.0], [0.0, 0.0]], [0.0, 2.0], [1.0]
    >>> learn(q, v, discount, 0, 1, 1.0, 1, False, False, 0.5, 0.5, 0.25), q[0], discount
    ((0.0, 2.0, 0.5, 2.0), [-0.5, 0.5], [0.5])
    """
    old = v[s]
    target = td_target(r, gamma, terminated, v[s2])
    bootstrap = v[s2]
    error = target - old
    v[s] = old + critic_rate * error
    pi = softmax_probabilities(q[s], 1.0)
    for k in range(len(pi)):
        q[s][k] += alpha * discount[0] * error * ((1.0 if k == a else 0.0) - pi[k])
    discount[0] = 1.0 if terminated or truncated else discount[0] * gamma
    return old, target, v[s], bootstrap


class ActorCritic(TabularAgent):
    """A softmax of preferences, improved step by step by a critic's TD error.

    The table ``q`` holds preferences, not values; they start at ``initial_value``.

    Args:
        env: only its spaces are read.
        critic_rate: alpha_v, the learning rate of the critic, in [0, 1].
        learning_rate, gamma, initial_value, seed: as for every table; alpha is the actor's.

    Raises:
        UserError: a number out of its range.
    """

    tables = ("q", "v", "discount")
    learn_rule = staticmethod(learn)
    greatest_rate = float("inf")  # a step along a gradient has no target to overshoot

    def __init__(
        self,
        env: Any,
        *,
        critic_rate: float = 0.2,
        learning_rate: Any = 0.1,
        gamma: float = 0.99,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if not 0 <= critic_rate <= 1:
            raise UserError(f"critic_rate must be within [0, 1], got {critic_rate}")
        self.critic_rate = float(critic_rate)
        super().__init__(
            env, learning_rate=learning_rate, gamma=gamma, exploration="softmax", initial_value=initial_value, seed=seed
        )

    def make_tables(self, states: int, actions: int) -> None:  # noqa: ARG002 - one value per state
        """The critic's values, and the discount I of the present step (one number)."""
        self.v, self.discount = [0.0] * states, [1.0]
