"""The compiled parts of a dense network, held to plain numpy."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hfrl import fused, nets

Array = NDArray[np.float32]
SHAPES = [(1, 1), (3, 5), (128, 84)]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
def test_biases_and_rectifier_are_numpys_to_the_bit(shape: tuple[int, int]) -> None:
    x, biases = numbers(*shape), numbers(shape[1], seed=1)
    linear, rectified = x.copy(), x.copy()
    fused.add_biases(linear, biases)
    fused.rectify(rectified, biases)
    np.testing.assert_array_equal(linear, x + biases)
    np.testing.assert_array_equal(rectified, np.maximum(x + biases, 0))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_way_back_through_a_rectifier(shape: tuple[int, int]) -> None:
    delta, activations, sums = numbers(*shape), np.maximum(numbers(*shape, seed=1), 0), numbers(shape[1], seed=2)
    passed = delta * (activations > 0)
    through = delta.copy()
    fused.through_rectifier(through, activations, sums)
    np.testing.assert_array_equal(through, passed)
    np.testing.assert_allclose(sums, passed.astype(np.float64).sum(axis=0), atol=1e-5)
    fused.sum_rows(delta, sums)
    np.testing.assert_allclose(sums, delta.astype(np.float64).sum(axis=0), atol=1e-5)


@pytest.mark.parametrize("sizes", [(3, 2), (4, 120, 84, 2), (161, 64, 8), (2, 5, 5, 5, 5, 3)])
def test_one_row_is_what_the_batch_gives(sizes: tuple[int, ...]) -> None:
    theta = nets.initial(sizes, np.random.default_rng(3))
    inputs = numbers(7, sizes[0])
    inputs[0] = 0  # nothing on
    together = nets.forward(nets.layers_of(theta, sizes), inputs)[-1]
    alone = np.stack([fused.outputs_of_one(theta, np.array(sizes), row) for row in inputs])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_a_network_that_has_blown_up_says_so() -> None:
    x = np.array([[np.nan, 1.0]], np.float32)
    fused.rectify(x, np.zeros(2, np.float32))
    assert np.isnan(x[0, 0])
    theta = nets.initial((2, 3, 1), np.random.default_rng(0))
    theta[0] = np.nan
    assert np.isnan(fused.outputs_of_one(theta, np.array((2, 3, 1)), np.ones(2, np.float32))).all()


def test_one_step_of_adam_by_hand() -> None:
    """g = 2: m = .2, v = .004, both corrected back to 2 and 4, so theta moves by the rate (less eps)."""
    optimiser = nets.Adam(1)
    theta = np.array([1.0], np.float32)
    optimiser.step(theta, np.array([2.0], np.float32), 0.25)
    assert theta[0] == pytest.approx(0.75, abs=1e-7)
    assert optimiser.m[0] == pytest.approx(0.2)
    assert optimiser.v[0] == pytest.approx(0.004)


def test_a_thousand_steps_of_adam_are_those_of_float64() -> None:
    rng = np.random.default_rng(1)
    optimiser, theta = nets.Adam(50), numbers(50)
    exact, m, v = theta.astype(np.float64), np.zeros(50), np.zeros(50)
    for t in range(1, 1001):
        gradient = rng.standard_normal(50).astype(np.float32)
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient.astype(np.float64) ** 2
        exact -= 1e-3 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        optimiser.step(theta, gradient, 1e-3)
    np.testing.assert_allclose(theta, exact, atol=2e-5)
