"""Planning: the methods agree with one another and with the book's numbers."""

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

from hfrl.mdp import from_env, q_star
from hfrl.planning import (
    Sweep,
    asynchronous_value_iteration,
    known,
    policy_evaluation,
    policy_iteration,
    policy_values,
    value_iteration,
)
from hfrl.types import UserError


def make(name: str, **kwargs: Any) -> Any:
    return gymnasium.make(name, disable_env_checker=True, **kwargs)


def last(sweeps: Iterator[Sweep]) -> Sweep:
    *_, final = sweeps
    return final


@pytest.mark.parametrize(
    "world", ["FrozenLake-v1", "CliffWalking-v1", "Taxi-v4", "hfrl/Pizza-v0", "hfrl/GridExample-v0"]
)
def test_all_methods_find_the_same_values(world: str) -> None:
    mdp = known(make(world))
    exact = q_star(mdp, 0.9, tolerance=1e-12).max(axis=1)
    for sweeps in (
        value_iteration(mdp, 0.9, 1e-11),
        policy_iteration(mdp, 0.9),
        asynchronous_value_iteration(mdp, 0.9, tolerance=1e-11),
        asynchronous_value_iteration(mdp, 0.9, np.random.default_rng(0), 1e-11),
    ):
        found = last(sweeps)
        np.testing.assert_allclose(found.values, exact, atol=1e-8)
        policy = np.eye(mdp.reward.shape[1])[found.actions]
        np.testing.assert_allclose(policy_values(mdp, policy, 0.9), exact, atol=1e-7)


def test_the_books_small_gridworld() -> None:
    mdp = known(make("hfrl/SmallGridworld-v0"))
    even = np.full(mdp.reward.shape, 0.25)
    book = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0]
    np.testing.assert_allclose(last(policy_evaluation(mdp, even, 1.0)).values[:16], book, atol=1e-6)


def test_sweeps_are_the_books_pictures() -> None:
    """Figure 4.1: after one sweep all -1, after two -1.75 beside a corner and -2 elsewhere."""
    mdp = known(make("hfrl/SmallGridworld-v0"))
    sweeps = policy_evaluation(mdp, np.full(mdp.reward.shape, 0.25), 1.0)
    one, two = next(sweeps).values, next(sweeps).values
    assert one[:3].tolist() == [0.0, -1.0, -1.0]
    assert two[:3].tolist() == [0.0, -1.75, -2.0]


def test_asynchronous_sweeps_are_fewer_where_the_order_is_right() -> None:
    """In a corridor whose reward is at its right end, from right to left: all is known after one sweep."""
    mdp = known(make("hfrl/RandomWalk-v0", states=19))
    assert len(list(asynchronous_value_iteration(mdp, 0.99))) == 2
    assert len(list(value_iteration(mdp, 0.99))) > 15


def test_evaluation_equals_the_linear_system() -> None:
    mdp = from_env(make("FrozenLake-v1"))
    policy = np.random.default_rng(0).dirichlet(np.ones(4), size=16)
    np.testing.assert_allclose(
        last(policy_evaluation(mdp, policy, 0.95, 1e-12)).values, policy_values(mdp, policy, 0.95), atol=1e-10
    )


def test_mistakes_are_one_line() -> None:
    with pytest.raises(UserError, match="planning needs a world with a transition table P, and CartPoleEnv has no"):
        known(make("CartPole-v1"))
    mdp = known(make("FrozenLake-v1"))
    with pytest.raises(UserError, match="gamma must be within"):
        next(value_iteration(mdp, 1.5))
    with pytest.raises(UserError, match="tolerance must be above 0"):
        next(policy_iteration(mdp, 0.9, 0.0))
