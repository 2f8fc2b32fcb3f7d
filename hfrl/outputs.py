"""What the outputs of a network mean: heads, which make action values of the last layer, and objectives, which say what
a prediction is, what it should have been, and how far off it is.

Both are pure functions on numpy arrays, whichever library runs the network. A prediction is the output for one action:
a number (shape ``()``), or a distribution of returns as so many numbers (shape ``(atoms,)``). Outputs have the shape
(batch, actions, *prediction).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.types import UserError

Array = NDArray[np.float32]


# --- heads -----------------------------------------------------------------------------------------------------------


class Head(NamedTuple):
    """How the last layer becomes one output per action.

    Attributes:
        extra: rows of the last layer beyond one per action.
        forward: last layer (batch, actions + extra, *prediction) -> outputs (batch, actions, *prediction).
        backward: derivative by the outputs -> derivative by the last layer.
    """

    extra: int
    forward: Callable[[Array], Array]
    backward: Callable[[Array], Array]


def plain(outputs: Array) -> Array:
    """The last layer is the outputs."""
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


# --- objectives ------------------------------------------------------------------------------------------------------


class Fit(NamedTuple):
    """How well predictions fit their targets, one entry per transition of a batch.

    Attributes:
        losses: shape (batch,).
        slopes: the derivative of each loss by its own prediction, shape (batch, *prediction).
        surprises: how wrong each was, not negative, shape (batch,): what prioritized replay goes by.
    """

    losses: Array
    slopes: Array
    surprises: Array


class Objective(NamedTuple):
    """What a prediction is, what it should have been, and how far off it is.

    Attributes:
        prediction: its shape: () for a number, (atoms,) for a distribution.
        values: outputs (batch, actions, *prediction) -> action values (batch, actions).
        target: (signals (batch,), discounts (batch,), worth (batch, *prediction)) -> what the predictions should have
            been. A discount is gamma^n, or 0 where the task has ended; ``worth`` is the output for what comes next.
        fit: (predictions, targets) -> :class:`Fit`.
    """

    prediction: tuple[int, ...]
    values: Callable[[Array], Array]
    target: Callable[[Array, Array, Array], Array]
    fit: Callable[[Array, Array], Fit]


def bootstrapped(signals: Array, discounts: Array, worth: Array) -> Array:
    """y = R + gamma^n v(S'), and R alone where the task has ended.

    >>> bootstrapped(np.array([1.0, 1.0]), np.array([0.5, 0.0]), np.array([4.0, 4.0])).tolist()
    [3.0, 1.0]
    """
    return signals + discounts * worth


def squared_fit(predictions: Array, targets: Array) -> Fit:
    """e^2 and its derivative 2 e.

    >>> [part.tolist() for part in squared_fit(np.array([0.5, -3.0]), np.zeros(2))]
    [[0.25, 9.0], [1.0, -6.0], [0.5, 3.0]]
    """
    errors = predictions - targets
    return Fit(errors * errors, 2 * errors, np.abs(errors))


def huber_fit(predictions: Array, targets: Array) -> Fit:
    """Huber's loss with delta 1: e^2 / 2 within [-1, 1] and |e| - 1/2 beyond; its derivative e, within [-1, 1].

    >>> [part.tolist() for part in huber_fit(np.array([0.5, -3.0]), np.zeros(2))]
    [[0.125, 2.5], [0.5, -1.0], [0.5, 3.0]]
    """
    errors = predictions - targets
    sizes = np.abs(errors)
    losses = np.where(sizes < 1, 0.5 * sizes * sizes, sizes - 0.5)
    return Fit(losses, np.clip(errors, -1, 1), sizes)


LOSSES = {"squared": squared_fit, "huber": huber_fit}


def expected_return(loss: str) -> Objective:
    """A prediction is the expected return, a number. Raises UserError for a loss that is not known."""
    if loss not in LOSSES:
        raise UserError(f"loss must be one of {', '.join(LOSSES)}, got {loss!r}")
    return Objective((), plain, bootstrapped, LOSSES[loss])
