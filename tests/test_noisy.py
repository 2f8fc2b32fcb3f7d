"""Noisy networks: the noise's shape and moments, first weights, derivatives by torch."""

import itertools
from typing import Any

import numpy as np
import pytest

from hfrl.nets import backward, count, forward, initial, layers_of
from hfrl.noisy import first_sigma, noise_of, squashed
from hfrl.seeding import restored, state_of

SIZES = (3, 5, 4, 2)


def test_noise_is_one_number_per_input_and_one_per_output() -> None:
    noise = noise_of(SIZES, np.random.default_rng(0))
    first, *noisy = layers_of(noise, SIZES)
    assert not first[0].any()
    assert not first[1].any()
    for weights, biases in noisy:
        inputs = weights[:, 0] / biases[0]
        assert np.allclose(weights, np.outer(inputs, biases), atol=1e-6)
    rng = np.random.default_rng(0)
    x, y = (squashed(rng.standard_normal(n)) for n in (5, 4))
    assert noisy[0][0].tobytes() == np.multiply.outer(x, y).tobytes()
    assert noisy[0][1].tobytes() == y.tobytes()


def test_noise_has_the_variance_of_the_paper() -> None:
    """f(x) has mean 0 and variance E|x| = sqrt(2 / pi) = .798, a weight's noise the square of it, .637."""
    rng = np.random.default_rng(1)
    drawn = np.array([noise_of((1, 1, 1), rng) for _ in range(20_000)])
    weights, biases = drawn[:, [0, 2]].ravel(), drawn[:, [1, 3]].ravel()
    for numbers, variance in ((weights, 2 / np.pi), (biases, np.sqrt(2 / np.pi))):
        assert numbers.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / len(numbers)))
        assert (numbers**2).mean() == pytest.approx(variance, rel=0.05)  # over four standard errors


def test_a_shallow_network_is_noisy_in_what_it_has() -> None:
    assert (first_sigma((4, 2), 0.5) == 0.25).all()
    assert noise_of((4, 2), np.random.default_rng(0)).all()


def test_noise_goes_on_from_a_saved_generator() -> None:
    rng = np.random.default_rng(2)
    noise_of(SIZES, rng)
    again = restored(state_of(rng))
    assert noise_of(SIZES, rng).tobytes() == noise_of(SIZES, again).tobytes()


def test_derivatives_by_mu_and_sigma_are_torchs() -> None:
    """A plain network of the vector mu + sigma * noise; the derivative by sigma is that by the weights times noise."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    mu, sigma, noise = initial(SIZES, rng), first_sigma(SIZES, 0.5), noise_of(SIZES, rng)
    inputs, by_outputs = (rng.normal(size=(6, n)).astype(np.float32) for n in (3, 2))
    layers, gradient = layers_of(mu + sigma * noise, SIZES), np.zeros(count(SIZES), np.float32)
    activations = forward(layers, inputs)
    backward(layers, activations, by_outputs, layers_of(gradient, SIZES))
    peers: list[Any] = [torch.tensor(part, requires_grad=True) for part in (mu, sigma)]
    flat = peers[0] + peers[1] * torch.tensor(noise)
    x, at = torch.tensor(inputs), 0
    for number, (n, m) in enumerate(itertools.pairwise(SIZES)):
        x = x @ flat[at : at + n * m].reshape(n, m) + flat[at + n * m : at + (n + 1) * m]
        at += (n + 1) * m
        x = torch.relu(x) if number < 2 else x
    (x * torch.tensor(by_outputs)).sum().backward()
    assert np.allclose(activations[-1], x.detach().numpy(), atol=1e-6)
    assert np.allclose(gradient, peers[0].grad.numpy(), atol=1e-5)
    assert np.allclose(gradient * noise, peers[1].grad.numpy(), atol=1e-5)
