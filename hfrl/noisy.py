"""Noisy networks: weights that explore by themselves (Fortunato et al., "Noisy networks for exploration", ICLR 2018).

    w = mu + sigma * noise        (eq. 9)

A network is one flat vector here, and so is its noise: a noisy network is a plain one whose vector is
``mu + sigma * noise``, and the derivative by sigma is that by the weights times the noise. The noise of a layer is
factorised: one number per input and one per output (section 3, eqs. 10 and 11). The last two layers are noisy, as in
the paper's networks; those before them find features.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hfrl.nets import count, layers_of

Array = NDArray[np.float32]
#: So many layers, counted from the outputs, are noisy.
NOISY = 2


def squashed(x: NDArray[np.float64]) -> Array:
    """f(x) = sgn(x) sqrt(|x|).

    >>> squashed(np.array([4.0, -9.0])).tolist()
    [2.0, -3.0]
    """
    return (np.sign(x) * np.sqrt(np.abs(x))).astype(np.float32)


def noise_of(sizes: Sequence[int], rng: np.random.Generator) -> Array:
    """Fresh noise of a network: f(x_i) f(x_j) for the weight from i to j, f(x_j) for the bias of j, 0 where a layer is
    not noisy; x is standard normal."""
    noise = np.zeros(count(sizes), np.float32)
    shapes = itertools.pairwise(sizes)
    for (n, m), (weights, biases) in list(zip(shapes, layers_of(noise, sizes), strict=True))[-NOISY:]:
        # float64, for a generator keeps half a draw of float32 in hand, which a saved state would lose.
        inputs, outputs = squashed(rng.standard_normal(n)), squashed(rng.standard_normal(m))
        np.multiply(inputs[:, None], outputs, out=weights)
        biases[:] = outputs
    return noise


def first_sigma(sizes: Sequence[int], sigma0: float) -> Array:
    """sigma_0 / sqrt(inputs) in noisy layers (section 3.2), 0 elsewhere.

    >>> first_sigma((1, 4, 1, 1), 0.5).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5]
    """
    sigma = np.zeros(count(sizes), np.float32)
    shapes = itertools.pairwise(sizes)
    for (n, _), (weights, biases) in list(zip(shapes, layers_of(sigma, sizes), strict=True))[-NOISY:]:
        weights[:] = biases[:] = sigma0 / np.sqrt(n)
    return sigma
