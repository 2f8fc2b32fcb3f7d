"""Networks of dense layers in numpy: forward, backward and Adam on one flat vector of float32.

For the small networks that a laptop trains, most of a framework's time goes into looking after itself. Here a network
is one vector ``theta``; weights and biases are views of it, so that the optimiser, a target copy and a checkpoint are
single operations. Derivatives are written out, and held to finite differences and to torch by the tests.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
#: Weights (inputs x outputs) and biases of each layer, as views of a flat vector.
Layers = list[tuple[Array, Array]]


class Head(NamedTuple):
    """How the last layer becomes action values.

    Attributes:
        extra: outputs of the last layer beyond one per action.
        forward: last layer (batch, actions + extra) -> action values (batch, actions).
        backward: derivative by the action values -> derivative by the last layer.
    """

    extra: int
    forward: Callable[[Array], Array]
    backward: Callable[[Array], Array]


def plain(outputs: Array) -> Array:
    """The last layer is the action values."""
    return outputs


def dueling(outputs: Array) -> Array:
    """Q(s,a) = V(s) + A(s,a) - mean_b A(s,b) (Wang et al. 2016, eq. 9); V is the first output.

    >>> dueling(np.array([[1.0, 2.0, 4.0]], np.float32)).tolist()
    [[0.0, 2.0]]
    """
    advantages = outputs[:, 1:]
    values: Array = outputs[:, :1] + advantages - advantages.mean(axis=1, keepdims=True)
    return values


def dueling_backward(by_values: Array) -> Array:
    """The derivative of :func:`dueling`: V hears of every action, each advantage of its own less the mean.

    >>> dueling_backward(np.array([[1.0, 0.0]], np.float32)).tolist()
    [[1.0, 0.5, -0.5]]
    """
    total = by_values.sum(axis=1, keepdims=True)
    return np.concatenate([total, by_values - total / by_values.shape[1]], axis=1)


PLAIN = Head(0, plain, plain)
DUELING = Head(1, dueling, dueling_backward)


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
        x = activations[-1] @ weights
        x += biases
        np.maximum(x, 0.0, out=x)
        activations.append(x)
    weights, biases = layers[-1]
    x = activations[-1] @ weights
    x += biases
    activations.append(x)
    return activations


def backward(layers: Layers, activations: list[Array], by_outputs: Array, gradient: Layers) -> None:
    """Fill ``gradient`` (views of a flat vector) with the derivative of the loss, given it by the outputs."""
    delta = by_outputs
    for at in range(len(layers) - 1, -1, -1):
        into = gradient[at]
        np.matmul(activations[at].T, delta, out=into[0])
        np.sum(delta, axis=0, out=into[1])
        if at:
            delta = delta @ layers[at][0].T
            delta *= activations[at] > 0


class Adam:
    """Adam (Kingma & Ba 2015) on a flat vector: theta <- theta - alpha m^ / (sqrt(v^) + eps).

    Args:
        size: how many numbers theta has.

    Attributes:
        m, v: running means of the gradient and of its square.
        t: updates so far.
    """

    BETA1, BETA2, EPS = 0.9, 0.999, 1e-8

    def __init__(self, size: int) -> None:
        self.m = np.zeros(size, np.float32)
        self.v = np.zeros(size, np.float32)
        self.t = 0
        self._scratch = np.empty(size, np.float32)

    def step(self, theta: Array, gradient: Array, alpha: float) -> None:
        """One update of theta, in place; the gradient is used up."""
        self.t += 1
        m, v, scratch = self.m, self.v, self._scratch
        m *= self.BETA1
        np.multiply(gradient, np.float32(1 - self.BETA1), out=scratch)
        m += scratch
        np.square(gradient, out=gradient)
        gradient *= np.float32(1 - self.BETA2)
        v *= self.BETA2
        v += gradient
        np.sqrt(v, out=scratch)
        scratch *= np.float32(1 / np.sqrt(1 - self.BETA2**self.t))
        scratch += np.float32(self.EPS)
        np.divide(m, scratch, out=scratch)
        scratch *= np.float32(alpha / (1 - self.BETA1**self.t))
        theta -= scratch


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
