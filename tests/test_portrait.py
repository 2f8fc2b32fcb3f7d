"""What is found out about a person from their presses: by hand, against simulated people whose dials are known."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfrl.portrait import ENOUGH, LATELY, Portrait, Traits
from hfrl.types import Feedback, Press, Step


def step(index: int, observation: object = 0, action: int = 0) -> Step:
    return Step(index, 0, observation, action, 0.0, observation, False, False)


def press(about: Step, value: float, time: float = 0.0) -> Press:
    return Press(Feedback(value, time), about, ((about.index, 1.0),))


def judged(words: list[tuple[int, float]]) -> Portrait:
    """A portrait after one word each on so many steps: (state, value); 0 says nothing."""
    portrait = Portrait()
    for index, (state, value) in enumerate(words):
        portrait.saw(step(index, state), True)
        if value:
            portrait.said(press(step(index, state), value, float(index)))
    return portrait


def test_by_hand() -> None:
    """Ten words about state 0, eight of them praise: 28 + 1 of 45 pairs agree, C = (1 + sqrt(13/45)) / 2."""
    portrait = judged([(0, value) for value in [1.0] * 8 + [-1.0] * 2] + [(1, 0.0)] * 10)
    assert portrait.traits().consistency is None  # nine words about what was judged before
    portrait.saw(step(20, 1), True)
    portrait.said(press(step(20, 1), 0.5))
    portrait.saw(step(21, 1), True)
    portrait.said(press(step(21, 1), 2.0))
    traits = portrait.traits()
    assert traits.rate == 12 / 22
    assert traits.positivity == 10 / 12
    assert traits.consistency == pytest.approx((1 + (2 * 30 / 46 - 1) ** 0.5) / 2)
    assert traits.words() == "83% praise; 0.55 presses a step; 78% consistent"


def test_nobody_has_said_anything() -> None:
    assert Portrait().traits() == Traits()
    assert Portrait().traits().words() == ""


def test_a_press_is_about_the_step_with_most_of_its_credit_and_counts_once_a_step() -> None:
    portrait = Portrait()
    for index in range(3):
        portrait.saw(step(index, np.array([float(index)])), True)
    late = Press(Feedback(1.0, 3.0), step(2), ((0, 0.2), (1, 0.7), (2, 0.1)))
    for one in (late, late._replace(feedback=Feedback(-1.0, 3.1)), press(step(2), 0.0), press(step(9), 1.0)):
        portrait.said(one)
    assert portrait.traits() == Traits(rate=4 / 3, positivity=1.0)


@pytest.mark.parametrize("c", [0.6, 0.75, 0.9, 1.0])
def test_consistency_is_found_again(c: float) -> None:
    """2,000 words about 40 things, forty people: the mean of the estimates is within .02 of what they are."""
    found = []
    for seed in range(40):
        rng = random.Random(seed)
        good = [rng.random() < 0.5 for _ in range(40)]
        words = []
        for _ in range(2000):
            state = rng.randrange(40)
            right = rng.random() < c
            words.append((state, 1.0 if good[state] == right else -1.0))
        consistency = judged(words).traits().consistency
        assert consistency is not None
        found.append(consistency)
    assert np.mean(found) == pytest.approx(c, abs=0.02)


def test_a_person_who_turns_sour_is_noticed_and_one_who_does_not_is_not() -> None:
    sour = judged([(index, 1.0) for index in range(60)] + [(100 + index, -1.0) for index in range(LATELY)])
    assert sour.traits().lately == 0.0
    assert sour.traits().words().startswith("67% praise, lately 0%")
    drifting = 0
    for seed in range(200):
        rng = random.Random(seed)
        same = judged([(index, 1.0 if rng.random() < 0.7 else -1.0) for index in range(120)])
        drifting += same.traits().lately is not None
    assert drifting <= 200 * 0.1  # two standard errors: one in twenty


words = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1.0, -1.0, 0.0])), min_size=1, max_size=60)


@given(words, st.integers(1, 60))
def test_presses_that_were_taken_back_never_were(said: list[tuple[int, float]], back: int) -> None:
    """Taken back newest first, as the key does it; the steps stay."""
    portrait = judged(said)
    presses = [(index, state, value) for index, (state, value) in enumerate(said) if value]
    for index, state, value in reversed(presses[-back:]):
        portrait.withdrawn(press(step(index, state), value, float(index)))
    kept = presses[: max(0, len(presses) - back)]
    still = {index for index, _, _ in kept}
    wanted = judged([(state, value if index in still else 0.0) for index, (state, value) in enumerate(said)])
    left, right = portrait.traits(), wanted.traits()
    assert left._replace(lately=None) == right._replace(lately=None)


def test_enough_is_said_before_anything_is_told() -> None:
    assert judged([(0, 1.0)] * ENOUGH).traits().consistency is None
    assert judged([(0, 1.0)] * (ENOUGH + 1)).traits().consistency == 1.0
