"""The element-wise parts of a dense network, compiled: what takes numpy a pass over memory each is done in one.

The matrix products stay with numpy, whose BLAS is hard to beat. What surrounds them (biases, rectifiers, sums over a
batch, Adam) costs numpy as much again; here it is next to nothing. One observation alone, the case of acting, is too
small for BLAS and is done here whole.

Everything works in place on contiguous float32 and draws nothing. Sums are taken in whatever order is fastest: the same
on every call, not on every machine. numba is imported with this module, that is with the first network of a process,
and its machine code is kept beside the source.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
# Not all of "fast": infinities and NaN keep their meaning, so that a network that has blown up says so.
compiled = numba.njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})


@compiled
def outputs_of_one(theta: Array, sizes: NDArray[np.int64], inputs: Array) -> Any:
    """The linear outputs of a network of layers ``sizes`` for one row of inputs: max(0, x W + b) in between."""
    at = 0
    last = sizes.size - 2
    x = inputs
    for k in range(last + 1):
        n, m = sizes[k], sizes[k + 1]
        weights = theta[at : at + n * m].reshape((n, m))
        y = theta[at + n * m : at + (n + 1) * m].copy()
        at += (n + 1) * m
        for i in range(n):
            if x[i] != 0:  # half of the units are off, and a one-hot input is nearly all zeros
                for j in range(m):
                    y[j] += x[i] * weights[i, j]
        if k < last:
            for j in range(m):
                y[j] = max(y[j], np.float32(0))
        x = y
    return x


@compiled
def add_biases(x: Array, biases: Array) -> None:
    """x <- x + b, for x of shape (batch, units)."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += biases[j]


@compiled
def rectify(x: Array, biases: Array) -> None:
    """x <- max(0, x + b), for x of shape (batch, units)."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            shifted = x[i, j] + biases[j]
            x[i, j] = np.float32(0) if shifted < 0 else shifted  # NaN stays NaN


@compiled
def sum_rows(delta: Array, into: Array) -> None:
    """The sum over the batch: the derivative by the biases of a linear layer."""
    into[:] = 0
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            into[j] += delta[i, j]


@compiled
def through_rectifier(delta: Array, activations: Array, into: Array) -> None:
    """delta <- delta where the unit was on, 0 elsewhere; and its sum over the batch."""
    into[:] = 0
    for i in range(delta.shape[0]):
        for j in range(delta.shape[1]):
            passed = delta[i, j] if activations[i, j] > 0 else np.float32(0)
            delta[i, j] = passed
            into[j] += passed


@compiled
def adam(
    theta: Array, gradient: Array, m: Array, v: Array,
    b1: Any, c1: Any, b2: Any, c2: Any, eps: Any, root: Any, rate: Any,
) -> None:  # fmt: skip
    """theta <- theta - rate m / (sqrt(v) root + eps), with the running means m <- b1 m + c1 g, v <- b2 v + c2 g^2.

    All numbers are float32; ``c1`` and ``c2`` are 1 - b1 and 1 - b2, rounded once (the difference of rounded numbers
    drifts). See :class:`hfrl.nets.Adam`.
    """
    for k in range(theta.size):
        g = gradient[k]
        m[k] = b1 * m[k] + c1 * g
        v[k] = b2 * v[k] + c2 * (g * g)
        theta[k] -= rate * (m[k] / (np.sqrt(v[k]) * root + eps))
