"""Distributions of returns: projection by brute force, losses by hand, slopes by finite differences and by torch."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hfrl.distributional import atoms, cross_entropy, midpoints, project, quantile_huber, softmax

NUMBERS = st.floats(-50, 50, width=32)


def by_brute_force(places: Any, masses: Any, z: Any) -> Any:
    """Algorithm 1 of Bellemare et al. 2017, line by line."""
    m = np.zeros((len(places), len(z)))
    gap = (z[-1] - z[0]) / (len(z) - 1)
    for row in range(len(places)):
        for place, mass in zip(places[row], masses[row], strict=True):
            b = min((min(max(place, z[0]), z[-1]) - z[0]) / gap, len(z) - 1)
            lower, upper = int(np.floor(b)), int(np.ceil(b))
            if lower == upper:  # the published line loses the mass of a place that is an atom
                m[row, lower] += mass
            else:
                m[row, lower] += mass * (upper - b)
                m[row, upper] += mass * (b - lower)
    return m


@settings(deadline=None)
@given(
    arrays(np.float64, (3, 6), elements=NUMBERS),
    arrays(np.float64, (3, 6), elements=st.floats(0.0078125, 1, width=32)),
    st.integers(2, 12),
    st.integers(-10, 5),
    st.integers(1, 20),
)
def test_the_projection_is_that_of_the_published_loop(places: Any, masses: Any, n: int, low: int, width: int) -> None:
    masses = masses / masses.sum(axis=1, keepdims=True)
    z = np.linspace(low, low + width, n)
    projected = project(places, masses, z)
    assert np.allclose(projected, by_brute_force(places, masses, z), atol=1e-6)
    assert np.allclose(projected.sum(axis=1), 1, atol=1e-6)
    inside = np.clip(places, low, low + width)
    assert np.allclose((projected * z).sum(axis=1), (masses * inside).sum(axis=1), atol=1e-4), "the mean stays"


def test_what_is_on_the_atoms_already_stays() -> None:
    z = atoms(-10.0, 10.0, 51)
    masses = softmax(np.random.default_rng(0).normal(size=(4, 51)).astype(np.float32))
    assert np.allclose(project(np.broadcast_to(z, (4, 51)), masses, z), masses, atol=1e-5)


@pytest.mark.parametrize(
    ("signal", "discount", "wanted"),
    [
        (1.0, 0.5, [0.0, 0.0, 0.5, 0.25, 0.25]),  # -2, 0, 2 go to 0, 1, 2
        (1.25, 0.0, [0.0, 0.0, 0.0, 0.75, 0.25]),  # terminated: all at the reward, between two atoms
        (9.0, 0.5, [0.0, 0.0, 0.0, 0.0, 1.0]),  # beyond the last atom
    ],
)
def test_a_target_by_hand(signal: float, discount: float, wanted: list[float]) -> None:
    """Half of the mass at -2, a quarter each at 0 and 2, on the atoms -2 .. 2."""
    z = atoms(-2.0, 2.0, 5)
    masses = np.array([[0.5, 0.0, 0.25, 0.0, 0.25]], np.float32)
    assert project(signal + discount * z[None], masses, z)[0].tolist() == pytest.approx(wanted)


def slopes_by_differences(loss: Any, at: Any) -> Any:
    slopes = np.zeros_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += 1e-5
        down[index] -= 1e-5
        slopes[index] = (loss(up).sum() - loss(down).sum()) / 2e-5
    return slopes


def test_the_slope_of_the_cross_entropy() -> None:
    rng = np.random.default_rng(1)
    logits, masses = rng.normal(size=(4, 7)), softmax(rng.normal(size=(4, 7)))
    losses, slopes = cross_entropy(logits, masses)
    assert losses == pytest.approx(-(masses * np.log(softmax(logits))).sum(axis=1))
    assert np.allclose(slopes, slopes_by_differences(lambda x: cross_entropy(x, masses)[0], logits), atol=1e-6)
    torch = pytest.importorskip("torch")
    peer = torch.tensor(logits, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(peer, torch.tensor(masses), reduction="none")
    theirs.sum().backward()
    assert np.allclose(losses, theirs.detach().numpy())
    assert np.allclose(slopes, peer.grad.numpy())


def test_great_logits_do_not_overflow() -> None:
    losses, slopes = cross_entropy(np.array([[1000.0, -1000.0]], np.float32), np.array([[0.0, 1.0]], np.float32))
    assert losses.tolist() == [2000.0]
    assert slopes.tolist() == [[1.0, -1.0]]


def quantile_huber_of_torch(torch: Any, quantiles: Any, targets: Any) -> Any:
    """Dabney et al. 2018, eq. 10, summed over the quantiles and meaned over the targets."""
    tau = torch.tensor(midpoints(quantiles.shape[1]))[None, :, None]
    u = targets[:, None, :] - quantiles[:, :, None]
    huber = torch.nn.functional.huber_loss(torch.zeros_like(u), u, reduction="none")
    return ((tau - (u.detach() < 0).float()).abs() * huber).mean(dim=2).sum(dim=1)


@pytest.mark.parametrize("scale", [0.3, 3.0])
def test_the_slope_of_the_quantile_huber_loss(scale: float) -> None:
    rng = np.random.default_rng(2)
    quantiles, targets = scale * rng.normal(size=(4, 7)), scale * rng.normal(size=(4, 5))
    losses, slopes = quantile_huber(quantiles, targets)
    assert np.allclose(slopes, slopes_by_differences(lambda x: quantile_huber(x, targets)[0], quantiles), atol=1e-6)
    torch = pytest.importorskip("torch")
    peer = torch.tensor(quantiles, requires_grad=True)
    theirs = quantile_huber_of_torch(torch, peer, torch.tensor(targets))
    theirs.sum().backward()
    assert np.allclose(losses, theirs.detach().numpy())
    assert np.allclose(slopes, peer.grad.numpy())


def test_quantile_regression_finds_the_quantiles() -> None:
    """Of 0, 1, .. 99: the quantiles 1/8, 3/8, 5/8, 7/8; Huber's round corner of width 1 moves them by less than 1."""
    quantiles = np.zeros((1, 4), np.float32)
    everything = np.arange(100, dtype=np.float32)[None]
    for _ in range(4000):
        quantiles -= quantile_huber(quantiles, everything)[1]
    assert quantiles[0].tolist() == pytest.approx([12, 37, 62, 87], abs=1.0)
