"""Credit over time: the specification's vectors, scipy's distributions, and that no press is ever lost or doubled."""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special, stats

from hfrl.credit import (
    Delay,
    Empirical,
    Gamma,
    Immediate,
    Uniform,
    Window,
    empirical_window,
    gamma_window,
    lower_incomplete_gamma,
    overlap,
    shares,
    uniform_window,
)
from hfrl.types import Feedback, Judgement, Press, Step, UserError

DELAYS: list[Delay] = [Uniform(0.2, 0.8), Uniform(0.0, 0.3), Gamma(2.0, 0.28), Empirical([0.0, 0.25, 0.4, 0.4, 0.9])]


def shown(index: int, time: float, ended: bool = False, episode: int = 0) -> Step:
    return Step(index, episode, index, 0, 0.0, index + 1, terminated=ended, truncated=False, time=time)


def credit_of(released: Sequence[tuple[Judgement, bool]]) -> dict[int, float]:
    """What each released step was told in all."""
    return {judgement.step.index: sum(v * w for v, w in judgement.credits) for judgement, _ in released}


def numbers_of(released: Sequence[tuple[Judgement, bool]]) -> list[int]:
    return [judgement.step.index for judgement, _ in released]


# The distributions


@pytest.mark.parametrize(
    ("delay", "probability"), [(-1.0, 0.0), (0.2, 0.0), (0.35, 0.25), (0.5, 0.5), (0.8, 1.0), (9.0, 1.0)]
)
def test_uniform_cdf_by_hand(delay: float, probability: float) -> None:
    assert Uniform(0.2, 0.8).cdf(delay) == pytest.approx(probability, abs=1e-12)


@settings(deadline=None)
@given(st.floats(0.05, 50), st.floats(1e-6, 1e4))
def test_the_incomplete_gamma_function_is_scipys(shape: float, x: float) -> None:
    assert lower_incomplete_gamma(shape, x) == pytest.approx(special.gammainc(shape, x), rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(st.floats(0.2, 9), st.floats(0.01, 3), st.floats(-1, 30))
def test_gamma_cdf_is_scipys(shape: float, scale: float, delay: float) -> None:
    expected = stats.gamma.cdf(delay, shape, scale=scale)
    assert Gamma(shape, scale).cdf(delay) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_gamma_delay_reaches_to_the_last_thousandth() -> None:
    delay = Gamma(2.0, 0.28)
    assert 0.999 <= stats.gamma.cdf(delay.reach, 2.0, scale=0.28) < 0.9999


def test_empirical_cdf_is_the_share_of_samples_up_to_a_delay() -> None:
    delay = Empirical([0.5, 0.3, 0.3, 0.9])
    assert [delay.cdf(x) for x in (-0.1, 0.29, 0.3, 0.5, 0.8, 0.9, 5.0)] == [0, 0, 0.5, 0.75, 0.75, 1, 1]
    assert delay.reach == 0.9


@pytest.mark.parametrize("delays", [[], [0.3, -0.1], [math.nan], [0.3, math.nan], [math.inf]])
def test_an_empirical_delay_needs_delays_that_can_happen(delays: list[float]) -> None:
    with pytest.raises(UserError, match="at least one delay"):
        Empirical(delays)


@pytest.mark.parametrize("delay", DELAYS, ids=repr)
def test_nothing_comes_before_0_or_after_its_reach(delay: Delay) -> None:
    assert delay.cdf(-1e-9) == 0.0
    assert delay.cdf(-math.inf) == 0.0
    assert delay.cdf(delay.reach) >= 0.999
    assert delay.cdf(delay.reach + 1e-9) <= 1.0


# The shares of one press


def test_the_credit_vector_of_the_specification() -> None:
    intervals = [(0.0, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.2)]
    assert shares(Uniform(0.2, 0.8), 1.2, intervals) == pytest.approx([0, 1 / 3, 1 / 2, 1 / 6], abs=1e-12)


def test_the_window_gives_the_credit_vector_of_the_specification() -> None:
    window = uniform_window()
    for index in range(3):
        window.take(shown(index, 0.3 * index), (), True)
    presses, released = window.take(shown(3, 0.9, ended=True), [Feedback(-2.0, 1.2)], True)
    assert [step for step, _ in presses[0].shares] == [1, 2, 3]  # a step without a share is not named
    assert [share for _, share in presses[0].shares] == pytest.approx([1 / 3, 1 / 2, 1 / 6])
    assert credit_of(released) == pytest.approx({0: 0.0, 1: -2 / 3, 2: -1.0, 3: -1 / 3})


def test_credit_is_counted_in_seconds_and_not_in_steps() -> None:
    """Steps of .1, .5, .1 and .2 s: of the delays from .2 to .8 s five parts of six fall on the long one."""
    intervals = [(0.0, 0.1), (0.1, 0.6), (0.6, 0.7), (0.7, 0.9)]
    assert shares(Uniform(0.2, 0.8), 0.9, intervals) == pytest.approx([0, 5 / 6, 1 / 6, 0], abs=1e-12)
    window = uniform_window()
    for index, (time, _) in enumerate(intervals[:-1]):
        window.take(shown(index, time), (), True)
    presses, released = window.take(shown(3, 0.7, ended=True), [Feedback(1.0, 0.9)], True)
    assert {1, 2} <= {step for step, share in presses[0].shares if share > 1e-9}
    assert credit_of(released) == pytest.approx({0: 0.0, 1: 5 / 6, 2: 1 / 6, 3: 0.0})


def test_a_press_is_credited_by_when_it_was_made_and_not_by_when_it_was_delivered() -> None:
    window = uniform_window()
    for index in range(4):
        window.take(shown(index, 0.3 * index), (), True)
    presses, _ = window.take(shown(4, 1.2), [Feedback(1.0, 1.2)], True)
    assert dict(presses[0].shares) == pytest.approx({1: 1 / 3, 2: 1 / 2, 3: 1 / 6})


def test_overlap_with_a_gamma_delay_is_the_mass_of_its_density_there() -> None:
    def density(x: float) -> float:
        return float(stats.gamma.pdf(x, 2.0, scale=0.28))

    grid = np.linspace(0.4, 0.7, 20_001)  # a press at 1.0 is .4 to .7 s after [.3, .6]
    mass = np.trapezoid([density(x) for x in grid], grid)
    assert overlap(Gamma(2.0, 0.28), 1.0, 0.3, 0.6) == pytest.approx(mass, abs=1e-8)


def test_a_gamma_window_shares_as_scipy_says() -> None:
    window = gamma_window(2.0, 0.28)
    for index in range(4):
        window.take(shown(index, 0.3 * index), (), True)
    presses, _ = window.take(shown(4, 1.2, ended=True), [Feedback(1.0, 1.45)], True)
    edges = np.array([0.0, 0.3, 0.6, 0.9, 1.2, 1.45])
    masses = -np.diff(stats.gamma.cdf(1.45 - edges, 2.0, scale=0.28))
    assert [share for _, share in presses[0].shares] == pytest.approx((masses / masses.sum()).tolist(), rel=1e-9)


def test_an_empirical_window_shares_as_its_samples_say() -> None:
    window = Window(Empirical([0.1, 0.5, 0.5, 0.7]))
    for index in range(3):
        window.take(shown(index, 0.3 * index), (), True)
    # At 0.95: .1 s ago step 2 was shown, .5 s ago step 1, .7 s ago step 0.
    presses, _ = window.take(shown(3, 0.9, ended=True), [Feedback(1.0, 0.95)], True)
    assert presses[0].shares == ((0, 0.25), (1, 0.5), (2, 0.25))


def test_a_press_too_early_for_any_step_goes_to_the_step_on_the_screen() -> None:
    # 0.1 s after the first step appeared nobody can have judged it, but the press is not lost.
    presses, released = uniform_window().take(shown(0, 0.0, ended=True), [Feedback(1.0, 0.1)], True)
    assert presses[0].shares == ((0, 1.0),)
    assert credit_of(released) == {0: 1.0}


def test_a_press_too_late_for_any_step_goes_to_the_step_on_the_screen() -> None:
    assert shares(Uniform(0.2, 0.8), 9.0, [(0.0, 0.3), (0.3, 0.6), (0.6, 0.9)]) == [0.0, 0.0, 1.0]
    assert shares(Uniform(0.2, 0.8), 0.45, [(0.3, 0.6), (0.6, 0.9)]) == [1.0, 0.0]  # not one that came later


@settings(deadline=None)
@given(
    st.sampled_from(DELAYS),
    st.lists(st.floats(0, 2), min_size=1, max_size=8),
    st.floats(-1, 20),
)
# So late that nothing is left of a Gamma's tail but rounding.
@example(Gamma(2.0, 0.28), [0.3, 0.3, 0.3], 16.0)
def test_shares_sum_to_one_and_none_is_negative(delay: Delay, lengths: list[float], time: float) -> None:
    edges = np.cumsum([0.0, *lengths]).tolist()
    parts = shares(delay, time, list(pairwise(edges)))
    assert sum(parts) == pytest.approx(1.0, abs=1e-9)
    assert min(parts) >= -1e-12


# A window over whole sessions


class Shown(NamedTuple):
    """A step of a session: how long it is shown, the presses (offset from its appearing, value), how it ends."""

    seconds: float
    presses: list[tuple[float, float]]
    ended: bool


sessions = st.lists(
    st.builds(
        Shown,
        st.floats(0.01, 1.5),
        # Before the step appeared (delivered late), while it is shown, and in the grading time after it.
        st.lists(st.tuples(st.floats(-0.5, 2.0), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 3.0])), max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


class Heard(NamedTuple):
    """All that came out of a window: presses and steps, and for each step taken which were still waiting after it."""

    steps: list[Step]
    given: list[Feedback]
    presses: list[tuple[Step, Press]]
    released: list[tuple[Judgement, bool]]
    waiting: list[set[int]]


def run_session(window: Window, session: list[Shown]) -> Heard:
    heard = Heard([], [], [], [], [])
    time, episode = 0.0, 0
    for index, (seconds, offsets, ended) in enumerate(session):
        step = shown(index, time, ended or index == len(session) - 1, episode)
        feedback = [Feedback(value, time + offset) for offset, value in offsets]
        presses, released = window.take(step, feedback, owed=index % 2 == 0)
        heard.steps.append(step)
        heard.given.extend(feedback)
        heard.presses.extend((step, press) for press in presses)
        heard.released.extend(released)
        gone = set(numbers_of(heard.released))
        heard.waiting.append({one.index for one in heard.steps} - gone)
        time += seconds + (1.0 if step.ended else 0.0)
        episode += step.ended
    return heard


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DELAYS), sessions)
def test_no_press_is_lost_or_doubled(delay: Delay, session: list[Shown]) -> None:
    heard = run_session(Window(delay), session)
    assert [press.feedback for _, press in heard.presses] == heard.given
    told = sum(credit_of(heard.released).values())
    assert told == pytest.approx(sum(press.value for press in heard.given), abs=1e-9)
    for _, press in heard.presses:
        assert sum(share for _, share in press.shares) == pytest.approx(1.0, abs=1e-9)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DELAYS), sessions)
def test_what_a_press_says_it_was_credited_to_is_what_the_steps_were_told(delay: Delay, session: list[Shown]) -> None:
    heard = run_session(Window(delay), session)
    expected: dict[int, list[tuple[float, float]]] = {step.index: [] for step in heard.steps}
    for _, press in heard.presses:
        for index, share in press.shares:
            expected[index].append((press.feedback.value, share))
    assert {judgement.step.index: list(judgement.credits) for judgement, _ in heard.released} == expected


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DELAYS), sessions)
def test_every_step_is_released_once_in_order_with_its_debt(delay: Delay, session: list[Shown]) -> None:
    heard = run_session(Window(delay), session)
    assert [judgement.step for judgement, _ in heard.released] == heard.steps
    assert [owed for _, owed in heard.released] == [step.index % 2 == 0 for step in heard.steps]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DELAYS), sessions)
def test_nothing_is_credited_across_the_end_of_an_episode(delay: Delay, session: list[Shown]) -> None:
    heard = run_session(Window(delay), session)
    episodes = {step.index: step.episode for step in heard.steps}
    for step, press in heard.presses:
        assert {episodes[index] for index, _ in press.shares} == {step.episode}


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(DELAYS), sessions)
def test_a_step_waits_exactly_as_long_as_a_press_can_reach_it(delay: Delay, session: list[Shown]) -> None:
    heard = run_session(Window(delay), session)
    for now, waiting in zip(heard.steps, heard.waiting, strict=True):
        expected = set()
        if not now.ended:
            left = {step.index: after.time for step, after in pairwise(heard.steps)}
            for step in heard.steps[: now.index + 1]:
                reachable = step is now or left[step.index] + delay.reach > now.time
                if step.episode == now.episode and reachable:
                    expected.add(step.index)
        assert waiting == expected


def test_a_press_after_the_last_step_belongs_to_that_episode() -> None:
    window = uniform_window()
    window.take(shown(0, 0.0), (), True)
    presses, released = window.take(shown(1, 0.3, ended=True), [Feedback(1.0, 0.95)], True)
    # 0.95 - [0, 0.3] is .65 to .95 s late, of which .15 s lie below .8; for the last step all from .65 s down to .2.
    assert {index for index, _ in presses[0].shares} == {0, 1}
    assert dict(presses[0].shares) == pytest.approx({0: 0.15 / 0.6, 1: 0.45 / 0.6})
    assert numbers_of(released) == [0, 1]
    after, _ = window.take(shown(2, 1.6, episode=1), [Feedback(-1.0, 1.65)], True)
    assert after[0].shares == ((2, 1.0),)  # 0.05 s into the new episode: nothing of it goes back


@pytest.mark.parametrize("way", ["terminated", "truncated"])
def test_both_ends_of_an_episode_release_every_step(way: str) -> None:
    window = uniform_window()
    window.take(shown(0, 0.0), (), True)
    _, released = window.take(shown(1, 0.3)._replace(**{way: True}), (), True)
    assert numbers_of(released) == [0, 1]


def test_a_step_nobody_spoke_about_is_released_silent() -> None:
    _, released = uniform_window().take(shown(0, 0.0, ended=True), (), False)
    assert [(judgement.feedback, owed) for judgement, owed in released] == [(None, False)]


def test_a_neutral_press_is_not_silence() -> None:
    _, released = uniform_window().take(shown(0, 0.0, ended=True), [Feedback(0.0, 0.5)], True)
    assert [judgement.feedback for judgement, _ in released] == [0.0]


# Immediate


def test_immediate_credit_gives_all_to_the_step_on_the_screen_and_nothing_waits() -> None:
    step = shown(7, 2.1)
    presses, released = Immediate().take(step, [Feedback(1.0, 2.2), Feedback(-0.5, 9.0)], True)
    assert [press.shares for press in presses] == [((7, 1.0),), ((7, 1.0),)]
    assert [press.step for press in presses] == [step, step]
    ((judgement, owed),) = released
    assert judgement.step is step
    assert judgement.credits == ((1.0, 1.0), (-0.5, 1.0))
    assert judgement.feedback == 0.5
    assert owed


def test_immediate_credit_of_nothing_is_silence() -> None:
    presses, released = Immediate().take(shown(7, 2.1), [], False)
    assert list(presses) == []
    assert [(judgement.step.index, judgement.feedback, owed) for judgement, owed in released] == [(7, None, False)]


def test_only_immediate_credit_never_waits() -> None:
    assert Immediate().instant
    assert not uniform_window().instant


# Windows from the command line


@pytest.mark.parametrize(("low", "high"), [(-0.1, 0.8), (0.8, 0.8), (0.9, 0.8), (math.nan, 0.8)])
def test_a_uniform_window_needs_room(low: float, high: float) -> None:
    with pytest.raises(UserError, match="uniform credit needs 0 <= low < high"):
        uniform_window(low, high)


@pytest.mark.parametrize(("shape", "scale"), [(0.0, 0.3), (2.0, 0.0), (-1.0, 0.3), (2.0, -0.3)])
def test_a_gamma_window_needs_positive_parameters(shape: float, scale: float) -> None:
    with pytest.raises(UserError, match="positive shape and scale"):
        gamma_window(shape, scale)


def test_windows_take_their_delays_from_their_settings(tmp_path: Path) -> None:
    file = tmp_path / "delays.txt"
    file.write_text("0.4\n0.25\n\n0.31\n")
    delay = empirical_window(str(file)).delay
    assert isinstance(delay, Empirical)
    assert delay.delays == [0.25, 0.31, 0.4]
    assert uniform_window(0.1, 0.5).delay == Uniform(0.1, 0.5)
    assert gamma_window(3.0, 0.1).delay == Gamma(3.0, 0.1)
    assert Window().delay == Uniform(0.2, 0.8)


@pytest.mark.parametrize("text", ["0.3\nfast\n", "", "0.3\n-0.2\n", None])
def test_an_empirical_window_refuses_a_file_without_delays(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "delays.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match="empirical"):
        empirical_window(str(file))


# What a person sees before the step is over, and what no press may cross


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(DELAYS), sessions)
def test_a_press_is_told_the_shares_beforehand_that_it_gets_in_the_end(delay: Delay, session: list[Shown]) -> None:
    asking, plain = Window(delay), Window(delay)
    time = 0.0
    for index, (seconds, offsets, ended) in enumerate(session):
        step = shown(index, time, ended)
        feedback = [Feedback(value, time + offset) for offset, value in offsets]
        told = [asking.share(step, press) for press in feedback]
        assert told == asking.take(step, feedback, True)[0] == plain.take(step, feedback, True)[0]
        time += seconds


def test_immediate_credit_tells_beforehand_that_all_is_for_the_step_on_the_screen() -> None:
    step, press = shown(3, 0.9), Feedback(1.0, 1.0)
    assert Immediate().share(step, press) == Press(press, step, ((3, 1.0),))


def test_no_press_crosses_a_barrier_and_none_is_lost_at_it() -> None:
    window = uniform_window()
    for index in range(3):
        window.take(shown(index, 0.3 * index), (), True)
    window.barrier()
    presses, released = window.take(shown(3, 0.9, ended=True), [Feedback(1.0, 1.2)], True)
    assert presses[0].shares == ((3, 1.0),)  # without the barrier: 0, 1/3, 1/2, 1/6
    assert credit_of(released) == {0: 0.0, 1: 0.0, 2: 0.0, 3: 1.0}


@pytest.mark.parametrize("actors", [("agent", "human"), ("human", "agent")])
def test_no_press_crosses_a_takeover(actors: tuple[str, str]) -> None:
    window = uniform_window()
    for index in range(3):
        window.take(shown(index, 0.3 * index)._replace(actor=actors[index == 2]), (), True)
    last = shown(3, 0.9, ended=True)._replace(actor=actors[1])
    presses, released = window.take(last, [Feedback(1.0, 1.2)], True)
    assert dict(presses[0].shares) == pytest.approx({2: 3 / 4, 3: 1 / 4})
    assert sum(credit_of(released).values()) == pytest.approx(1.0)
