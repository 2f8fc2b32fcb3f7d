"""H, the model of the person: the mean of what was said, and nothing of what was not."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hfrl.features import tiles
from hfrl.models import FixedTable, HumanTable, HumanTiles, NoModel, running_mean
from hfrl.types import Judgement, Step, UserError


def judged(state: int, action: int, *credits: tuple[float, float]) -> Judgement:
    return Judgement(Step(0, 0, state, action, 0.0, 0, terminated=False, truncated=False), credits)


def table() -> HumanTable:
    return HumanTable(3, 2, int)


def test_running_mean_by_hand() -> None:
    assert running_mean(0.0, 1, 0.5) == 0.5
    assert running_mean(0.5, 2, 1.0) == 0.75
    assert running_mean(0.75, 4, -1.25) == 0.25


def test_h_is_the_mean_label_of_each_state_and_action() -> None:
    h = table()
    for state, action, label in ((1, 0, 1.0), (1, 0, -1.0), (1, 0, 1.0), (1, 0, 1.0), (1, 1, -1.0), (2, 0, 0.5)):
        h.observe(judged(state, action, (label, 1.0)))
    assert h.mean == [[0.0, 0.0], [0.5, -1.0], [0.5, 0.0]]
    assert h.count == [[0, 0], [4, 1], [1, 0]]
    assert h.values(1) == [0.5, -1.0]
    assert h.counts(1) == [4, 1]


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_h_is_numpys_mean(labels: list[float]) -> None:
    h = table()
    for label in labels:
        h.observe(judged(0, 1, (label, 1.0)))
    assert h.values(0) == [0.0, pytest.approx(np.mean(labels), abs=1e-9)]


def test_the_label_of_a_step_is_the_sum_of_its_shares() -> None:
    h = table()
    h.observe(judged(0, 0, (1.0, 0.5), (1.0, 0.25), (-1.0, 0.125)))
    assert h.values(0)[0] == 0.625
    assert h.counts(0)[0] == 1  # one step is one label, however many presses made it


def test_silence_teaches_nothing() -> None:
    h = table()
    h.observe(judged(0, 0, (1.0, 1.0)))
    h.observe(judged(0, 0))
    assert h.values(0) == [1.0, 0.0]
    assert h.counts(0) == [1, 0]


def test_a_neutral_judgement_is_a_label() -> None:
    h = table()
    h.observe(judged(0, 0, (1.0, 1.0)))
    h.observe(judged(0, 0, (0.0, 1.0)))
    assert h.values(0) == [0.5, 0.0]
    assert h.counts(0) == [2, 0]


def test_observations_are_numbered_by_the_index_it_was_given() -> None:
    h = HumanTable(4, 1, lambda observation: 2 * observation[0] + observation[1])
    step = Step(0, 0, (1, 0), 0, 0.0, (0, 0), terminated=False, truncated=False)
    h.observe(Judgement(step, ((1.0, 1.0),)))
    assert h.mean == [[0.0], [0.0], [1.0], [0.0]]
    assert h.values((1, 0)) == [1.0]
    assert h.counts((0, 1)) == [0]


def test_arrays_and_restore_are_a_round_trip_that_learns_on() -> None:
    h, other = table(), table()
    for label in (1.0, -1.0, 1.0):
        h.observe(judged(2, 1, (label, 1.0)))
    other.restore(h.arrays())
    for one in (h, other):
        one.observe(judged(2, 1, (0.5, 1.0)))
    assert other.mean == h.mean
    assert other.count == h.count == [[0, 0], [0, 0], [0, 4]]
    assert type(other.count[2][1]) is int


def test_restoring_shares_nothing_with_the_original() -> None:
    h, other = table(), table()
    other.restore(h.arrays())
    h.observe(judged(0, 0, (1.0, 1.0)))
    assert other.mean == table().mean
    assert other.count == table().count


@pytest.mark.parametrize("name", ["h_mean", "h_count"])
def test_restoring_another_shape_is_refused(name: str) -> None:
    h = table()
    arrays: dict[str, Any] = h.arrays()
    arrays[name] = np.zeros((2, 3))
    with pytest.raises(ValueError, match=rf"{name} has shape \(2, 3\), expected \(3, 2\)"):
        h.restore(arrays)
    assert h.mean == table().mean


def test_a_fixed_table_never_learns() -> None:
    fixed = FixedTable([[1.0, 0.0], [0.0, -0.5]])
    fixed.observe(judged(0, 0, (-1.0, 1.0)))
    assert fixed.values(0) == [1.0, 0.0]
    assert [fixed.counts(state) for state in (0, 1)] == [[1, 0], [0, 1]]


def test_where_no_table_fits_nothing_is_learnt_and_h_is_refused() -> None:
    model = NoModel()
    model.observe(judged(0, 0, (1.0, 1.0)))
    with pytest.raises(UserError, match="there is no H for 0"):
        model.values(0)
    with pytest.raises(UserError, match="there is no H for 0"):
        model.counts(0)


def spot(x: float, y: float, action: int) -> Step:
    return Step(0, 0, np.array([x, y]), action, 0.0, np.array([x, y]), False, False)


def over_a_square() -> HumanTiles:
    return HumanTiles(tiles(gymnasium.spaces.Box(0.0, 1.0, (2,)), tilings=4, bins=4), 2)


def test_tiles_of_h_are_the_mean_label_where_it_was_given_and_fade_with_distance() -> None:
    model = over_a_square()
    assert model.values(np.array([0.5, 0.5])) == [0.0, 0.0]
    model.observe(Judgement(spot(0.3, 0.3, 1), ((1.0, 1.0),)))
    model.observe(Judgement(spot(0.3, 0.3, 1), ((-0.5, 1.0),)))
    model.observe(Judgement(spot(0.3, 0.3, 1)))  # silence
    assert model.values(np.array([0.3, 0.3])) == [0.0, 0.25]
    assert model.counts(np.array([0.3, 0.3])) == [0, 2]
    assert model.values(np.array([0.95, 0.95])) == [0.0, 0.0]
    model.observe(Judgement(spot(0.95, 0.95, 1), ((-1.0, 1.0),)))
    between = [model.values(np.array([x, x]))[1] for x in (0.3, 0.6, 0.95)]
    assert between[0] == 0.25
    assert between[2] == -1.0
    assert between == sorted(between, reverse=True)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1), st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 11),
)
def test_a_label_taken_back_from_tiles_never_was(labels: list[tuple[float, float, int, float]], which: int) -> None:
    with_it, without_it = over_a_square(), over_a_square()
    taken = which % len(labels)
    for number, (x, y, action, label) in enumerate(labels):
        judgement = Judgement(spot(x, y, action), ((label, 1.0),))
        with_it.observe(judgement)
        if number != taken:
            without_it.observe(judgement)
    x, y, action, label = labels[taken]
    with_it.correct(Judgement(spot(x, y, action), ((label, 1.0),)), Judgement(spot(x, y, action)))
    for name, array in without_it.arrays().items():
        assert np.array_equal(with_it.arrays()[name], array)


def test_tiles_of_h_survive_a_checkpoint_and_refuse_another_shape() -> None:
    model = over_a_square()
    model.observe(Judgement(spot(0.3, 0.3, 1), ((1.0, 1.0),)))
    copy = over_a_square()
    copy.restore(model.arrays())
    assert copy.values(np.array([0.3, 0.3])) == model.values(np.array([0.3, 0.3])) == [0.0, 1.0]
    with pytest.raises(ValueError, match="h_total has shape"):
        copy.restore({name: array[1:] for name, array in model.arrays().items()})
