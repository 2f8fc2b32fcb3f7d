"""Noisy networks: weights that explore by themselves (Fortunato et al., "Noisy networks for exploration", ICLR 2018).

    w = mu + sigma * noise        (eq. 9)

A network is one flat vector here, and so is its noise: a noisy network is a plain one whose vector is
``mu + sigma * noise``, and the derivative by sigma is that by the weights times the noise. The noise of a layer is
factorised: one number per input and one per output (section 3, eqs. 10 and 11). The last two layers are noisy, as in
the paper's networks; those before them find features.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl.nets import Adam, backward, clip, count, fill, forward, initial, layers_of
from hfrl.network import Told

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


class NoisyNetwork:
    """A :class:`hfrl.network.Network` of dense layers whose weights are mu + sigma * noise, in numpy.

    Args:
        sizes: the widths of all layers, from the inputs to the outputs.
        rng: of the first weights and the first noise.
        max_grad_norm: longer gradients are scaled down to it.
        sigma0: how noisy it is at first.

    Attributes:
        theta, target: mu and sigma, the online and the lagging ones, flat.
        noise: the present noise of both, shape (2, weights).
    """

    def __init__(self, sizes: Sequence[int], rng: np.random.Generator, max_grad_norm: float, sigma0: float) -> None:
        self.sizes = tuple(sizes)
        self.max_grad_norm = max_grad_norm
        self.theta = np.concatenate([initial(sizes, rng), first_sigma(sizes, sigma0)])
        self.target = self.theta.copy()
        self.optimiser = Adam(len(self.theta))
        size = len(self.theta) // 2
        self.noise = np.zeros((2, size), np.float32)
        self._noisy = np.zeros((2, size), np.float32)  # weights with their noise, as they stand
        self._gradient = np.zeros_like(self.theta)
        self._layers, self._target_layers = (layers_of(weights, sizes) for weights in self._noisy)
        self._quiet_layers = layers_of(self.theta[:size], sizes)
        self._gradient_layers = layers_of(self._gradient[:size], sizes)
        self.resample(rng)

    @property
    def updates(self) -> int:
        """How often the weights were moved."""
        return self.optimiser.t

    def _mix(self) -> None:
        """w = mu + sigma * noise, for both."""
        size = len(self.theta) // 2
        for weights, learnt, noise in zip(self._noisy, (self.theta, self.target), self.noise, strict=True):
            np.multiply(learnt[size:], noise, out=weights)
            weights += learnt[:size]

    def resample(self, rng: np.random.Generator) -> None:
        """Fresh noise for both, independent of each other."""
        for noise in self.noise:
            noise[:] = noise_of(self.sizes, rng)
        self._mix()

    def online(self, inputs: Array) -> Array:
        """The outputs of the weights that learn, with their present noise."""
        return forward(self._layers, inputs)[-1]

    def quiet(self, inputs: Array) -> Array:
        """The outputs of the weights that learn, without noise."""
        return forward(self._quiet_layers, inputs)[-1]

    def lagging(self, inputs: Array) -> Array:
        """The outputs of the weights that lag behind, with their present noise."""
        return forward(self._target_layers, inputs)[-1]

    def descend(self, inputs: Array, slope: Callable[[Array], tuple[Array, Told]], alpha: float) -> Told:
        """One update of mu and sigma, by the derivative of the loss that ``slope`` gives for the outputs."""
        activations = forward(self._layers, inputs)
        by_outputs, told = slope(activations[-1])
        backward(self._layers, activations, by_outputs, self._gradient_layers)
        size = len(self.theta) // 2
        np.multiply(self._gradient[:size], self.noise[0], out=self._gradient[size:])
        clip(self._gradient, self.max_grad_norm)
        self.optimiser.step(self.theta, self._gradient, alpha)
        self._mix()
        return told

    def follow(self, tau: float) -> None:
        """target <- tau theta + (1 - tau) target, mu and sigma alike."""
        self.target *= np.float32(1 - tau)
        self.target += np.float32(tau) * self.theta
        self._mix()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights, noise and optimiser as plain arrays."""
        parts = {name: part.copy() for name, part in self._parts().items()}
        return {"sizes": np.array(self.sizes), "adam_t": np.array([self.optimiser.t]), **parts}

    def _parts(self) -> dict[str, Array]:
        adam = self.optimiser
        return {
            "theta": self.theta, "target": self.target, "noise": self.noise, "adam_m": adam.m, "adam_v": adam.v,
        }  # fmt: skip

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        sizes = tuple(arrays["sizes"].tolist())
        if sizes != self.sizes:
            raise ValueError(f"its network has the shape {sizes}, and this agent's {self.sizes}")
        fill(self._parts(), arrays)
        (updates,) = arrays["adam_t"]
        self.optimiser.t = int(updates)
        self._mix()
