"""Networks of dense layers without a framework: forward, backward and Adam on one flat vector of float32.

For the small networks that a laptop trains, most of a framework's time goes into looking after itself. Here a network
is one vector ``theta``; weights and biases are views of it, so that the optimiser, a target copy and a checkpoint are
single operations. Matrix products are numpy's, what surrounds them is compiled (:mod:`hfrl.fused`). Derivatives are
written out, and held to finite differences and to torch by the tests.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hfrl import fused
from hfrl.network import Told

Array = NDArray[np.float32]
#: Weights (inputs x outputs) and biases of each layer, as views of a flat vector.
Layers = list[tuple[Array, Array]]


def sizes_of(inputs: int, hidden: Sequence[int], outputs: int) -> tuple[int, ...]:
    """The widths of all layers, from the inputs to the outputs."""
    return (inputs, *hidden, outputs)


def count(sizes: Sequence[int]) -> int:
    """How many numbers a network has.

    >>> count((4, 2, 1))
    13
    """
    return sum((n + 1) * m for n, m in itertools.pairwise(sizes))


def layers_of(theta: Array, sizes: Sequence[int]) -> Layers:
    """The layers as views of the flat vector."""
    layers, at = [], 0
    for n, m in itertools.pairwise(sizes):
        layers.append((theta[at : at + n * m].reshape(n, m), theta[at + n * m : at + (n + 1) * m]))
        at += (n + 1) * m
    return layers


def initial(sizes: Sequence[int], rng: np.random.Generator) -> Array:
    """Weights and biases uniform within 1/sqrt(inputs) of 0, as torch's ``Linear`` has them."""
    parts = [rng.uniform(-1.0, 1.0, (n + 1) * m) / np.sqrt(n) for n, m in itertools.pairwise(sizes)]
    return np.concatenate(parts).astype(np.float32)


def forward(layers: Layers, inputs: Array) -> list[Array]:
    """Every layer's activations, the inputs first, the linear outputs last: max(0, x W + b) in between."""
    activations = [inputs]
    for weights, biases in layers[:-1]:
        activations.append(activations[-1] @ weights)
        fused.rectify(activations[-1], biases)
    weights, biases = layers[-1]
    activations.append(activations[-1] @ weights)
    fused.add_biases(activations[-1], biases)
    return activations


def backward(layers: Layers, activations: list[Array], by_outputs: Array, gradient: Layers) -> None:
    """Fill ``gradient`` (views of a flat vector) with the derivative of the loss, given it by the outputs."""
    delta = by_outputs
    fused.sum_rows(delta, gradient[-1][1])
    for at in range(len(layers) - 1, 0, -1):
        np.matmul(activations[at].T, delta, out=gradient[at][0])
        delta = delta @ layers[at][0].T
        fused.through_rectifier(delta, activations[at], gradient[at - 1][1])
    np.matmul(activations[0].T, delta, out=gradient[0][0])


class Adam:
    """Adam (Kingma & Ba 2015) on a flat vector: theta <- theta - alpha m^ / (sqrt(v^) + eps).

    Args:
        size: how many numbers theta has.

    Attributes:
        m, v: running means of the gradient and of its square.
        t: updates so far.
    """

    BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
    _constants = tuple(np.float32(number) for number in (BETA1, 1 - BETA1, BETA2, 1 - BETA2, EPS))

    def __init__(self, size: int) -> None:
        self.m = np.zeros(size, np.float32)
        self.v = np.zeros(size, np.float32)
        self.t = 0

    def step(self, theta: Array, gradient: Array, alpha: float) -> None:
        """One update of theta, in place."""
        self.t += 1
        root, rate = 1 / math.sqrt(1 - self.BETA2**self.t), alpha / (1 - self.BETA1**self.t)
        b1, c1, b2, c2, eps = self._constants
        fused.adam(theta, gradient, self.m, self.v, b1, c1, b2, c2, eps, np.float32(root), np.float32(rate))


class Sgd:
    """Stochastic gradient descent as it is in papers: theta <- theta - alpha gradient. It keeps no means.

    Attributes:
        m, v: empty.
        t: updates so far.
    """

    def __init__(self, size: int) -> None:  # noqa: ARG002 - what every optimiser is told
        self.m, self.v = np.zeros(0, np.float32), np.zeros(0, np.float32)
        self.t = 0

    def step(self, theta: Array, gradient: Array, alpha: float) -> None:
        """One update of theta, in place."""
        self.t += 1
        theta -= np.float32(alpha) * gradient


OPTIMISERS: Mapping[str, type[Adam] | type[Sgd]] = {"adam": Adam, "sgd": Sgd}


def clip(gradient: Array, most: float) -> float:
    """Scale the gradient down to the norm ``most`` if it is longer, in place; returns the norm it had.

    >>> g = np.array([3.0, 4.0], np.float32)
    >>> clip(g, 2.5), g.round(3).tolist()
    (5.0, [1.5, 2.0])
    """
    norm = float(np.sqrt(np.dot(gradient, gradient)))
    if norm > most:
        gradient *= np.float32(most / (norm + 1e-6))
    return norm


def fill(parts: dict[str, Array], arrays: dict[str, NDArray[Any]]) -> None:
    """Copy saved arrays into those that are there. Raises ValueError where one does not fit."""
    for name, present in parts.items():
        if arrays[name].shape != present.shape or arrays[name].dtype != present.dtype:
            raise ValueError(f"{name} has shape {arrays[name].shape}, expected {present.shape} of float32")
        np.copyto(present, arrays[name])


class DenseNetwork:
    """A :class:`hfrl.network.Network` of dense layers, in numpy.

    Args:
        sizes: the widths of all layers, from the inputs to the outputs.
        rng: of the first weights.
        max_grad_norm: longer gradients are scaled down to it.
        optimiser: one of ``OPTIMISERS``.

    Attributes:
        theta, target: the online and the lagging weights, flat.
    """

    def __init__(
        self, sizes: Sequence[int], rng: np.random.Generator, max_grad_norm: float, optimiser: str = "adam"
    ) -> None:
        self.sizes = tuple(sizes)
        self.max_grad_norm = max_grad_norm
        self.theta = initial(sizes, rng)
        self.target = self.theta.copy()
        self.optimiser: Adam | Sgd = OPTIMISERS[optimiser](len(self.theta))
        self._gradient = np.zeros_like(self.theta)
        self._shape = np.array(sizes)
        self._layers = layers_of(self.theta, sizes)
        self._target_layers = layers_of(self.target, sizes)
        self._gradient_layers = layers_of(self._gradient, sizes)

    @property
    def updates(self) -> int:
        """How often the weights were moved."""
        return self.optimiser.t

    def online(self, inputs: Array) -> Array:
        """The outputs of the weights that learn."""
        return self._outputs(self.theta, self._layers, inputs)

    quiet = online

    def lagging(self, inputs: Array) -> Array:
        """The outputs of the weights that lag behind."""
        return self._outputs(self.target, self._target_layers, inputs)

    def _outputs(self, theta: Array, layers: Layers, inputs: Array) -> Array:
        if len(inputs) == 1:  # acting: too small for BLAS
            outputs: Array = fused.outputs_of_one(theta, self._shape, inputs[0])[None]
            return outputs
        return forward(layers, inputs)[-1]

    def descend(self, inputs: Array, slope: Callable[[Array], tuple[Array, Told]], alpha: float) -> Told:
        """One update, by the derivative of the loss that ``slope`` gives for the outputs."""
        activations = forward(self._layers, inputs)
        by_outputs, told = slope(activations[-1])
        backward(self._layers, activations, by_outputs, self._gradient_layers)
        clip(self._gradient, self.max_grad_norm)
        self.optimiser.step(self.theta, self._gradient, alpha)
        return told

    def follow(self, tau: float) -> None:
        """target <- tau theta + (1 - tau) target."""
        if tau == 1.0:
            np.copyto(self.target, self.theta)
        else:
            self.target *= np.float32(1 - tau)
            self.target += np.float32(tau) * self.theta

    def resample(self, rng: np.random.Generator) -> None:
        """There is no noise in it."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights and optimiser as plain arrays."""
        return {
            "sizes": np.array(self.sizes),
            "theta": self.theta.copy(),
            "target": self.target.copy(),
            "adam_m": self.optimiser.m.copy(),
            "adam_v": self.optimiser.v.copy(),
            "adam_t": np.array([self.optimiser.t]),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        sizes = tuple(arrays["sizes"].tolist())
        if sizes != self.sizes:
            raise ValueError(f"its network has the shape {sizes}, and this agent's {self.sizes}")
        parts = {"theta": self.theta, "target": self.target, "adam_m": self.optimiser.m, "adam_v": self.optimiser.v}
        fill(parts, arrays)
        (updates,) = arrays["adam_t"]
        self.optimiser.t = int(updates)
