"""Schedules, point by point: a schedule that never moves is a bug nobody sees."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl.schedules import Constant, Exponential, Linear, bounds, checked, schedule
from hfrl.types import UserError

numbers = st.floats(-100, 100)
linears = st.builds(Linear, numbers, numbers, st.integers(1, 1000), st.booleans())
exponentials = st.builds(Exponential, numbers, st.floats(0, 1), st.booleans())
plans = st.one_of(st.builds(Constant, numbers), linears, exponentials)
clocks = st.tuples(st.integers(0, 3000), st.integers(0, 3000))


# Point by point


def test_constant_never_moves() -> None:
    assert [Constant(0.3)(step, episode) for step, episode in ((0, 0), (1, 0), (10**9, 10**6))] == [0.3] * 3


@pytest.mark.parametrize(
    ("step", "value"), [(0, 1.0), (1, 0.9), (2, 0.8), (5, 0.5), (9, 0.1), (10, 0.0), (11, 0.0), (10**9, 0.0)]
)
def test_linear_by_step_point_by_point(step: int, value: float) -> None:
    assert Linear(1.0, 0.0, 10)(step, episode=7) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(("episode", "value"), [(0, 0.2), (1, 0.35), (2, 0.5), (4, 0.8), (5, 0.8), (1000, 0.8)])
def test_linear_by_episode_point_by_point(episode: int, value: float) -> None:
    assert Linear(0.2, 0.8, 4, by_episode=True)(123, episode) == pytest.approx(value, abs=1e-12)


def test_linear_ends_at_its_end_exactly() -> None:
    assert Linear(1.0, 0.1, 10)(10, 0) == 0.1
    assert Linear(1.0, 0.05, 200)(5000, 0) == 0.05
    assert Linear(0.3, 0.9, 7)(7, 0) == 0.9


@pytest.mark.parametrize(("step", "value"), [(0, 0.8), (1, 0.4), (2, 0.2), (3, 0.1), (10, 0.8 / 1024)])
def test_exponential_by_step_point_by_point(step: int, value: float) -> None:
    assert Exponential(0.8, 0.5)(step, episode=3) == pytest.approx(value, rel=1e-12)


def test_exponential_by_episode_point_by_point() -> None:
    plan = Exponential(2.0, 0.9, by_episode=True)
    assert [plan(10**6, episode) for episode in (0, 1, 2, 3)] == pytest.approx([2.0, 1.8, 1.62, 1.458])


def test_exponential_of_many_steps_is_zero_and_not_an_error() -> None:
    assert Exponential(1.0, 0.5)(10**7, 0) == 0.0


def test_exponential_with_rate_0_is_over_after_the_first_step() -> None:
    assert [Exponential(0.7, 0.0)(step, 0) for step in (0, 1, 2)] == [0.7, 0.0, 0.0]


# Properties


@settings(deadline=None)
@given(plans, clocks)
def test_a_schedule_never_leaves_its_bounds(plan: Constant | Linear | Exponential, clock: tuple[int, int]) -> None:
    low, high = bounds(plan)
    assert low - 1e-12 <= plan(*clock) <= high + 1e-12


@settings(deadline=None)
@given(st.one_of(linears, exponentials), clocks, st.integers(1, 500))
def test_a_schedule_goes_one_way_and_reads_one_clock(
    plan: Linear | Exponential, clock: tuple[int, int], later: int
) -> None:
    step, episode = clock
    now = plan(step, episode)
    other = plan(step + later, episode) if plan.by_episode else plan(step, episode + later)
    assert other == now
    after = plan(step, episode + later) if plan.by_episode else plan(step + later, episode)
    goal = plan.end if isinstance(plan, Linear) else 0.0
    assert abs(after - goal) <= abs(now - goal) + 1e-9


@settings(deadline=None)
@given(plans)
def test_the_text_of_a_schedule_is_read_back_as_the_schedule(plan: Constant | Linear | Exponential) -> None:
    assert schedule(str(plan)) == plan


# Text forms


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("0.25", Constant(0.25)),
        ("1e-3", Constant(0.001)),
        ("linear:1:0.05:2000", Linear(1.0, 0.05, 2000)),
        ("linear:1:0:50:episodes", Linear(1.0, 0.0, 50, by_episode=True)),
        ("exponential:0.5:0.99", Exponential(0.5, 0.99)),
        ("exponential:0.5:0.99:episodes", Exponential(0.5, 0.99, by_episode=True)),
        (0.5, Constant(0.5)),
        (1, Constant(1.0)),
        (Linear(1.0, 0.0, 3), Linear(1.0, 0.0, 3)),
    ],
)
def test_text_forms(text: str | float | Linear, plan: object) -> None:
    parsed = schedule(text)
    assert parsed == plan
    assert type(parsed) is type(plan)


def test_a_schedule_of_ones_own_is_taken_as_it_is() -> None:
    def own(step: int, episode: int) -> float:
        return 0.5

    assert schedule(own) is own


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "linear",
        "linear:1:0",
        "linear:1:0:0",
        "linear:1:0:-5",
        "linear:1:0:ten",
        "linear:1:0:10:steps",
        "linear:1:0:10:20",
        "linear:1:0:inf",
        "linear:1:nan:10",
        "exponential:1",
        "exponential:1:1.5",
        "exponential:1:-0.1",
        "exponential:nan:0.5",
        "exponential:1:0.5:0.5",
        "cosine:1:0:10",
        "episodes",
    ],
)
def test_what_is_no_schedule_is_refused_with_the_forms_that_are(text: str) -> None:
    with pytest.raises(UserError, match=r"is no schedule; expected a number, linear:.* or exponential:") as refused:
        schedule(text)
    assert repr(text) in str(refused.value)


# Range checks


@pytest.mark.parametrize(
    ("plan", "low", "high"),
    [
        (Constant(0.3), 0.3, 0.3),
        (Linear(1.0, 0.2, 5), 0.2, 1.0),
        (Linear(-1.0, 0.2, 5), -1.0, 0.2),
        (Exponential(0.8, 0.5), 0.0, 0.8),
        (Exponential(-0.8, 0.5), -0.8, 0.0),
    ],
)
def test_bounds_by_hand(plan: Constant | Linear | Exponential, low: float, high: float) -> None:
    assert bounds(plan) == (low, high)


@pytest.mark.parametrize("value", [0, 1, 0.5, "linear:1:0:10", "exponential:1:0.5", Linear(0.0, 1.0, 4)])
def test_a_schedule_within_its_range_is_taken(value: float | str | Linear) -> None:
    assert checked("epsilon", value, 0, 1) == schedule(value)


@pytest.mark.parametrize(
    "value",
    [-0.1, 1.1, "1.5", "nan", "inf", math.nan, "linear:1.2:0:10", "linear:1:-0.1:10", "exponential:2:0.9"],
)
def test_a_schedule_that_can_leave_its_range_is_refused_by_name(value: float | str) -> None:
    with pytest.raises(UserError, match=r"epsilon must stay within \[0, 1\], got"):
        checked("epsilon", value, 0, 1)


def test_an_exponential_that_grows_out_of_its_range_is_refused() -> None:
    with pytest.raises(UserError, match="epsilon"):
        checked("epsilon", Exponential(0.5, 1.5), 0, 1)
