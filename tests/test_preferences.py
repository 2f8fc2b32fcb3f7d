"""People who compare: the order of their dials by hand, and how often they say what."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfrl import reproduce
from hfrl.preferences import Comparing, checked, compared, flipped, mixed, preference
from hfrl.types import UserError


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.floats(0, 0.5))
def test_the_chances_of_two_segments_sum_to_1(difference: float, beta: float, flip: float) -> None:
    chance = preference(difference, beta)
    assert chance + preference(-difference, beta) == pytest.approx(1.0)
    assert flipped(chance, flip) + flipped(1 - chance, flip) == pytest.approx(1.0)
    assert mixed(chance, 2 * flip) == pytest.approx(flipped(chance, flip))


@pytest.mark.parametrize(
    ("first", "second", "manner", "answer"),
    [
        ([1.0, 0.0], [0.0, 0.0], Comparing(), 1.0),
        ([0.0, 0.0], [1.0, 0.0], Comparing(), 0.0),
        ([1.0, 0.0], [0.0, 0.0], Comparing(flip=1.0), 0.0),
        ([1.0, 0.0], [0.0, 0.9], Comparing(), 1.0),
        ([1.0, 0.0], [0.0, 0.9], Comparing(gamma=0.5), 0.0),  # .5 against .9
        ([1.0, 0.0], [0.0, 0.9], Comparing(equal=0.2), 0.5),
        ([1.0, 0.0], [0.0, 0.9], Comparing(equal=0.2, flip=1.0), 0.5),  # equal is said whatever slips
        ([1.0, 0.0], [0.0, 0.9], Comparing(equal=0.05, gamma=0.5), 0.0),  # equal by the whole sums: .1 is not
        ([1.0, 0.0], [0.0, 0.9], Comparing(skip=1.0), None),
        ([1.0, 0.0], [0.0, 0.9], Comparing(skip=1.0, equal=5.0), None),  # skipped before it is equal
        ([1.0, 0.0], [0.0, 0.9], Comparing(skip=0.99), 1.0),
    ],
)
def test_the_order_of_the_dials(first: list[float], second: list[float], manner: Comparing, answer: Any) -> None:
    assert {compared(first, second, checked(manner), rng(seed)) for seed in range(20)} == {answer}


def test_equals_are_a_coin() -> None:
    answers = [compared([1.0], [1.0], Comparing(), rng(seed)) for seed in range(400)]
    assert np.mean(answers) == pytest.approx(0.5, abs=4 * 0.025)


def test_one_dial_leaves_the_luck_of_the_other() -> None:
    """Whose answers are turned round, differs in the same questions whatever their beta."""

    def answers(beta: float, flip: float) -> list[float | None]:
        luck = rng(7)
        return [compared([1.0], [0.0], Comparing(beta=beta, flip=flip), luck) for _ in range(200)]

    turned = [[a != b for a, b in zip(answers(beta, 0.0), answers(beta, 0.3), strict=True)] for beta in (0.5, 5.0)]
    assert turned[0] == turned[1]
    assert 30 < sum(turned[0]) < 90


@pytest.mark.parametrize(
    ("manner", "what"),
    [
        (Comparing(beta=-1.0), "beta must be 0 or more, got -1.0"),
        (Comparing(gamma=0.0), "gamma must be within"),
        (Comparing(flip=1.5), "flip is a probability"),
        (Comparing(equal=-0.1), "equal must be 0 or more"),
        (Comparing(skip=math.nan), "skip must be a number"),
    ],
)
def test_a_dial_out_of_its_range(manner: Comparing, what: str) -> None:
    with pytest.raises(UserError, match=what):
        checked(manner)


def test_the_closed_forms_and_what_is_drawn() -> None:
    result = reproduce.run("preference-teachers", 5)
    assert reproduce.passed(result), reproduce.report("preference-teachers", result)
    numbers = {metric.name: metric.value for metric in result.metrics}
    assert [round(numbers[f"closed_form_{name}"], 4) for name in ("rational", "flip_10", "uniform_10")] == [
        0.7311, 0.6848, 0.7080,
    ]  # fmt: skip
    assert numbers["drawn_flip_10"] < numbers["drawn_uniform_10"] < numbers["drawn_rational"]
