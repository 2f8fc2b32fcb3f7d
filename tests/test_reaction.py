"""The reaction test: its lights, and what counts as an answer."""

import itertools

import pytest

from hfrl import reaction
from hfrl.credit import Empirical, Immediate, uniform_window
from hfrl.reaction import GAPS, LATEST, LIT, SECONDS, SOONEST, Reaction, fit, flashes, median


@pytest.mark.parametrize("seed", range(20))
def test_the_lights_come_at_random_moments_of_the_seed(seed: int) -> None:
    moments = flashes(seed)
    assert moments == flashes(seed) != flashes(seed + 1)
    assert len(moments) >= reaction.FEWEST
    assert moments[-1] <= SECONDS - LATEST
    assert all(GAPS[0] <= b - a <= GAPS[1] for a, b in itertools.pairwise([0.0, *moments]))
    assert GAPS[0] > LIT


def test_a_delay_is_measured_from_the_frame_that_shows_the_light() -> None:
    test = Reaction(3, begin=100.0)
    due = 100.0 + flashes(3)[0]
    assert not test.look(due - 0.01)
    assert test.look(due + 0.012)  # the frame was late
    test.press(due + 0.412)
    assert test.delays == pytest.approx([0.4])
    assert not test.look(due + 0.012 + LIT)


@pytest.mark.parametrize(
    ("presses", "delays"),
    [
        ([0.4], [0.4]),
        ([SOONEST - 0.01], []),
        ([LATEST + 0.01], []),
        ([SOONEST - 0.01, 0.4], []),  # whoever pressed already does not answer any more
        ([0.4, 0.6], [0.4]),
        ([], []),
    ],
)
def test_what_counts_as_an_answer(presses: list[float], delays: list[float]) -> None:
    test = Reaction(0, begin=0.0)
    light = flashes(0)[0]
    test.press(light - 0.1)  # before there was anything to answer
    test.look(light)
    for delay in presses:
        test.press(light + delay)
    assert test.delays == pytest.approx(delays)


def test_it_ends_by_itself() -> None:
    test = Reaction(0, begin=5.0)
    assert test.left(5.0) == SECONDS
    assert test.left(5.0 + SECONDS) == test.left(99.0) == 0.0


def test_the_delays_become_the_credits() -> None:
    credit = uniform_window()
    assert fit(credit, [0.5, 0.3, 0.4])
    assert isinstance(credit.delay, Empirical)
    assert credit.delay.delays == [0.3, 0.4, 0.5]
    assert median([0.5, 0.3, 0.4]) == 0.4
    assert not fit(Immediate(), [0.5])
