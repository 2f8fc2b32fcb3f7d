"""Prioritized replay: the sum-tree against a cumulative sum, probabilities and weights by hand, exact restores."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl.priorities import Prioritized, SumTree, Uniform, importance, sampler_of
from hfrl.types import UserError

#: Whole numbers, whose sums are exact: the oracle must agree to the last slot.
WHOLE = st.integers(0, 9)


@settings(deadline=None)
@given(st.integers(1, 700), st.lists(st.tuples(st.integers(0, 699), WHOLE), min_size=1, max_size=60), st.data())
def test_the_tree_finds_what_a_cumulative_sum_finds(capacity: int, put: list[tuple[int, int]], data: Any) -> None:
    tree, plain = SumTree(capacity), np.zeros(capacity)
    pairs = [(slot % capacity, value) for slot, value in put]
    cut = data.draw(st.integers(0, len(pairs)))
    for part in (pairs[:cut], pairs[cut:]):  # many at once, some of them twice
        if part:
            slots, values = (np.array(column) for column in zip(*part, strict=True))
            tree.set(slots, values.astype(float))
            for slot, value in part:
                plain[slot] = value
    assert tree.get(np.arange(capacity)).tolist() == plain.tolist()
    assert tree.total == plain.sum()
    if plain.sum():
        masses = np.array(data.draw(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20)))
        masses = masses * plain.sum()
        assert tree.find(masses).tolist() == np.searchsorted(plain.cumsum(), masses, side="right").tolist()


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(0, 10**6))
def test_no_empty_slot_is_ever_found(capacity: int, seed: int) -> None:
    """Numbers that round, half of them 0; masses up to the very end of the total and, by rounding, beyond."""
    rng = np.random.default_rng(seed)
    tree = SumTree(capacity)
    values = rng.random(capacity) ** 9 * (rng.random(capacity) < 0.5)
    values[rng.integers(capacity)] = 0.3
    tree.set(np.arange(capacity), values)
    assert tree.total == pytest.approx(values.sum())
    ends = tree.total * np.array([0.0, 1 - 1e-16, 1.0, 1 + 1e-12])
    found = tree.find(np.concatenate([rng.random(50) * tree.total, ends]))
    assert (values[found] > 0).all()


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(0, 10**6))
def test_a_tree_filled_at_once_has_the_bits_of_one_filled_bit_by_bit(capacity: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = SumTree(capacity), SumTree(capacity)
    for _ in range(5):
        slots = rng.integers(capacity, size=40)
        one.set(slots, rng.random(40))
    other.set(np.arange(capacity), one.get(np.arange(capacity)))
    for a, b in zip(one.levels, other.levels, strict=True):
        assert a.tobytes() == b.tobytes()


def test_priorities_and_weights_by_hand() -> None:
    """p = (|delta| + eps)^alpha: 4, 1, 0 with eps 0 and alpha 1/2 are drawn as 2 : 1 : 0."""
    rng = np.random.default_rng(0)
    sampler = Prioritized(3, alpha=0.5, beta=1.0, eps=0.0)
    for slot in range(3):
        sampler.added(slot)
    sampler.learnt(np.arange(3), np.array([4.0, -1.0, 0.0], np.float32))
    slots, weights = sampler.draw(30_000, 3, rng, 0, 0)
    assert np.bincount(slots, minlength=3).tolist() == [20_000, 10_000, 0], "one of each equal part of the total"
    assert weights is not None
    # (3 * 2/3)^-1 = 1/2 and (3 * 1/3)^-1 = 1: half the weight for what is drawn twice as often.
    assert weights[slots == 0][0] == pytest.approx(0.5)
    assert weights[slots == 1][0] == pytest.approx(1.0)
    assert importance(np.array([0.25, 0.25]), 4, 0.4).tolist() == [1.0, 1.0]


def test_eps_keeps_what_was_learnt_perfectly_and_a_new_transition_comes_first() -> None:
    sampler = Prioritized(20, alpha=1.0, eps=0.5)
    for slot in range(2):
        sampler.added(slot)
    sampler.learnt(np.array([0, 1]), np.array([0.0, 7.0], np.float32))
    sampler.learnt(np.array([1]), np.array([1.0], np.float32))
    sampler.added(2)  # as great as the greatest there ever was: 7.5
    assert sampler.arrays(3)["priorities"].tolist() == [0.5, 1.5, 7.5]


def test_beta_goes_with_the_steps() -> None:
    sampler = Prioritized(2, alpha=1.0, beta="linear:0:1:100", eps=0.0)
    sampler.added(0)
    sampler.added(1)
    sampler.learnt(np.array([0, 1]), np.array([1.0, 3.0], np.float32))
    least = []
    for step in (0, 50, 100, 200):
        weights = sampler.draw(8, 2, np.random.default_rng(0), step, 0).weights
        assert weights is not None
        least.append(float(weights.min()))
    assert least == pytest.approx([1.0, (1 / 3) ** 0.5, 1 / 3, 1 / 3])


def test_a_slot_that_is_used_again_is_new_again() -> None:
    sampler = Prioritized(2, alpha=1.0, eps=0.0)
    sampler.added(0)
    sampler.draw(1, 1, np.random.default_rng(0), 0, 0)
    sampler.learnt(np.array([0]), np.array([0.25], np.float32))
    assert sampler.arrays(1)["priorities"].tolist() == [0.25]
    sampler.added(0)
    assert sampler.arrays(1)["priorities"].tolist() == [1.0]


@pytest.mark.parametrize("at", [0, 3, 17])
def test_what_was_saved_goes_on_with_the_same_draws(at: int) -> None:
    rng = np.random.default_rng(4)
    one, other = Prioritized(30), Prioritized(30)
    errors = np.random.default_rng(5).normal(size=(20, 8)).astype(np.float32)

    def go(sampler: Prioritized, rng: Any, turns: Any) -> list[Any]:
        drawn = []
        for turn in turns:
            sampler.added(turn % 30)
            slots, weights = sampler.draw(8, turn + 1, rng, turn, 0)
            sampler.learnt(slots, errors[turn])
            drawn.append((slots.tolist(), weights.tolist() if weights is not None else None))
        return drawn

    go(one, rng, range(at))
    saved, state = one.arrays(at), rng.bit_generator.state
    rest = go(one, rng, range(at, 20))
    other.added(1)  # forgotten when it is restored
    other.restore(saved, at)
    rng.bit_generator.state = state
    assert go(other, rng, range(at, 20)) == rest
    a, b = one.arrays(20), other.arrays(20)
    assert all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_damaged_priorities_are_refused() -> None:
    sampler = Prioritized(4)
    sampler.added(0)
    good = sampler.arrays(1)
    for name, bad in (
        ("priorities", np.zeros(2)),
        ("priorities", np.array([np.nan])),
        ("priorities", np.array([-1.0])),
        ("priorities_greatest", np.zeros(2)),
    ):
        with pytest.raises(ValueError, match="priorities"):
            Prioritized(4).restore(good | {name: bad}, 1)


def test_the_forms_on_the_command_line() -> None:
    assert isinstance(sampler_of("uniform", 5), Uniform)
    made = sampler_of("prioritized", 5)
    assert isinstance(made, Prioritized)
    assert (made.alpha, made.beta(0, 0), made.eps) == (0.6, 0.4, 1e-6)
    made = sampler_of("prioritized:0.7:linear:0.5:1:10", 5)
    assert isinstance(made, Prioritized)
    assert (made.alpha, made.beta(5, 0)) == (0.7, 0.75)
    for text in ("prioritised", "uniform:1", "prioritized:much", "prioritized:0.6:often", ""):
        with pytest.raises(UserError):
            sampler_of(text, 5)
    for text, line in (("prioritized:2", "alpha of prioritized replay"), ("prioritized:1:2", "beta of prioritized")):
        with pytest.raises(UserError, match=line):
            sampler_of(text, 5)


def test_nothing_is_drawn_that_was_never_added() -> None:
    rng = np.random.default_rng(0)
    for sampler, size in itertools.product((Uniform(), Prioritized(100)), (1, 7)):
        for slot in range(size):
            sampler.added(slot)
        slots = sampler.draw(200, size, rng, 0, 0).slots
        assert set(slots.tolist()) == set(range(size))
