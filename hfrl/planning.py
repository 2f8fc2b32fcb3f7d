"""Planning in a world that is known: policy evaluation and iteration, value iteration, asynchronous value iteration.

Each is a generator of its sweeps, so that a student can watch it converge (Sutton & Barto, 2nd ed., chapter 4).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.mdp import MDP, Array, NoTableError, backup, from_env, optimal_actions
from hfrl.schedules import Schedule
from hfrl.tabular import NOTHING, TabularAgent
from hfrl.types import Judgement, RewardPort, Update, UserError

#: Sweeps after which an agent gives up: at gamma 1 a world without an end has no values to converge to.
MOST_SWEEPS = 100_000


class Sweep(NamedTuple):
    """One round of planning: state values of shape (S,), the greedy actions of shape (S,), and the largest change of a
    value in this round."""

    values: Array
    actions: NDArray[np.int64]
    change: float


def known(env: Any) -> MDP:
    """The arrays of a world to plan in. Raises UserError where it has no table ``P``."""
    try:
        return from_env(env)
    except NoTableError as error:
        raise UserError(f"planning needs a world with a transition table P, and {error}") from error


def _checked(gamma: float, tolerance: float) -> None:
    if not 0 <= gamma <= 1:
        raise UserError(f"gamma must be within [0, 1], got {gamma}")
    if tolerance <= 0:
        raise UserError(f"tolerance must be above 0, got {tolerance}")


def policy_evaluation(mdp: MDP, policy: Array, gamma: float, tolerance: float = 1e-10) -> Iterator[Sweep]:
    """v(s) <- sum_a pi(a|s) sum p(s',r|s,a) [r + gamma v(s')], all states at once (eq. 4.5).

    Args:
        mdp: the world.
        policy: probabilities of shape (S, A).
        gamma: discount in [0, 1]; below 1 for a policy that may never end.
        tolerance: sweeps end when no value moves more than this.
    """
    _checked(gamma, tolerance)
    values = np.zeros(len(mdp.start))
    change = np.inf
    while change > tolerance:
        q = backup(mdp, values, gamma)
        improved = (policy * q).sum(axis=1)
        change = float(np.max(np.abs(improved - values)))
        values = improved
        yield Sweep(values, q.argmax(axis=1), change)


def policy_values(mdp: MDP, policy: Array, gamma: float) -> Array:
    """v of a policy exactly, by solving v = r + gamma P v (eq. 4.4 as a linear system).

    Raises:
        UserError: gamma 1 and a policy that never ends: there is no such v.
    """
    states = len(mdp.start)
    moves = np.zeros((states, states))
    for outcome in range(mdp.probability.shape[2]):
        weight = policy * (mdp.probability * mdp.goes_on)[:, :, outcome]
        np.add.at(moves, (np.arange(states)[:, None], mdp.next_state[:, :, outcome]), weight)
    try:
        return np.asarray(np.linalg.solve(np.eye(states) - gamma * moves, (policy * mdp.reward).sum(axis=1)))
    except np.linalg.LinAlgError as error:
        raise UserError("this policy may never end, so that its values are infinite: take a gamma below 1") from error


def policy_iteration(mdp: MDP, gamma: float, tolerance: float = 1e-9) -> Iterator[Sweep]:
    """Evaluate the policy exactly, act greedily on its values, until nothing changes (section 4.3).

    An action is only given up for one that is better by more than ``tolerance``, so that ties cannot go on for ever.
    """
    _checked(gamma, tolerance)
    states, actions = mdp.reward.shape
    chosen = np.zeros(states, np.int64)
    rows = np.arange(states)
    values = np.zeros(states)
    stable = False
    while not stable:
        policy = np.zeros((states, actions))
        policy[rows, chosen] = 1.0
        improved = policy_values(mdp, policy, gamma)
        q = backup(mdp, improved, gamma)
        better = q.max(axis=1) > q[rows, chosen] + tolerance
        chosen = np.where(better, q.argmax(axis=1), chosen)
        change = float(np.max(np.abs(improved - values)))
        values, stable = improved, not better.any()
        yield Sweep(values, chosen, change)


def value_iteration(mdp: MDP, gamma: float, tolerance: float = 1e-10) -> Iterator[Sweep]:
    """v(s) <- max_a sum p(s',r|s,a) [r + gamma v(s')], all states at once (eq. 4.10)."""
    _checked(gamma, tolerance)
    values = np.zeros(len(mdp.start))
    change = np.inf
    while change > tolerance:
        q = backup(mdp, values, gamma)
        improved = q.max(axis=1)
        change = float(np.max(np.abs(improved - values)))
        values = improved
        yield Sweep(values, q.argmax(axis=1), change)


def asynchronous_value_iteration(
    mdp: MDP, gamma: float, rng: np.random.Generator | None = None, tolerance: float = 1e-10
) -> Iterator[Sweep]:
    """The same, one state after the other in place (section 4.5): new values are used at once.

    Args:
        mdp: the world.
        gamma: discount in [0, 1].
        rng: draws the order of every sweep; None goes from the last state to the first.
        tolerance: sweeps end when no value moved more than this.
    """
    _checked(gamma, tolerance)
    states = len(mdp.start)
    values = np.zeros(states)
    weights = mdp.probability * mdp.goes_on
    actions = np.zeros(states, np.int64)
    change = np.inf
    while change > tolerance:
        change = 0.0
        order = np.arange(states)[::-1] if rng is None else rng.permutation(states)
        for s in order:
            q = mdp.reward[s] + gamma * (weights[s] * values[mdp.next_state[s]]).sum(axis=1)
            actions[s] = q.argmax()
            change = max(change, abs(float(q.max()) - float(values[s])))
            values[s] = q.max()
        yield Sweep(values.copy(), actions.copy(), change)


class PlanningAgent(TabularAgent):
    """Plans when it is made, in the table ``P`` of its world, and acts on what it found; its steps teach it nothing.

    A subclass gives :meth:`plan`.

    Args:
        env: a world with a table ``P``, whose observations are the numbers of its states.
        gamma: discount in [0, 1].
        tolerance: it plans until no value moves more than this.
        epsilon: exploration in [0, 1] while it plays; it is evaluated without.
        seed: of ``predict(deterministic=False)``, and of a plan that draws.

    Raises:
        UserError: a world that cannot be planned in, a number out of its range, or values that do not converge.

    Attributes:
        sweeps: how many sweeps the plan took.
    """

    takes_action = False  # it knows what its world's actions do, and would learn of no other

    def __init__(
        self,
        env: Any,
        *,
        gamma: float = 0.99,
        tolerance: float = 1e-10,
        epsilon: float | str | Schedule = 0.1,
        seed: int | None = None,
    ) -> None:
        super().__init__(env, gamma=gamma, epsilon=epsilon, seed=seed)
        mdp = known(env)
        if mdp.reward.shape != (len(self.q), len(self.q[0])):
            raise UserError("planning needs observations that are the states of the table P, and here they are not")
        self.tolerance, self.sweeps = float(tolerance), 0
        values = np.zeros(len(mdp.start))
        for sweep in self.plan(mdp):
            values, self.sweeps = sweep.values, self.sweeps + 1
            if self.sweeps == MOST_SWEEPS:
                raise UserError(f"no plan within {MOST_SWEEPS} sweeps at gamma {gamma}: take a gamma below 1")
        q = backup(mdp, values, self.gamma)
        # Equally good actions are to tie, which rounding would break: for gamma 1 even towards one that leads nowhere.
        self.q = np.where(optimal_actions(q), q.max(axis=1, keepdims=True), q).tolist()

    def plan(self, mdp: MDP) -> Iterator[Sweep]:
        """The sweeps of the plan."""
        raise NotImplementedError

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Count the step, and learn nothing."""
        return self.finish(judgement.step, reward(judgement), NOTHING)
