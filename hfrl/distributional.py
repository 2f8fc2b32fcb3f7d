"""Whole distributions of returns in place of their means: places, and masses that lie there.

C51 fixes the places and learns the masses (Bellemare, Dabney & Munos, "A distributional perspective on reinforcement
learning", ICML 2017); QR-DQN fixes the masses and learns the places (Dabney, Rowland, Bellemare & Munos,
"Distributional reinforcement learning with quantile regression", AAAI 2018).
"""

import numpy as np
from numpy.typing import NDArray

from hfrl.outputs import Fit, Objective
from hfrl.types import UserError

Array = NDArray[np.float32]


def atoms(v_min: float, v_max: float, n: int) -> Array:
    """The places of C51, evenly spaced: z_i = v_min + i (v_max - v_min) / (n - 1).

    >>> atoms(-1.0, 1.0, 5).tolist()
    [-1.0, -0.5, 0.0, 0.5, 1.0]
    """
    return np.linspace(v_min, v_max, n, dtype=np.float32)


def midpoints(n: int) -> Array:
    """The levels of the quantiles of QR-DQN, the middles of n equal parts of [0, 1] (Dabney et al. 2018, lemma 2).

    >>> midpoints(4).tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    return ((2 * np.arange(n) + 1) / (2 * n)).astype(np.float32)


def softmax(logits: Array) -> Array:
    """exp(x_i) / sum_j exp(x_j) along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def project(places: Array, masses: Array, z: Array) -> Array:
    """Masses at any places -> masses at the evenly spaced ``z``: each is shared between its two neighbours, the nearer
    one takes the more, and what lies beyond the ends goes to them (Bellemare et al. 2017, eq. 7 and algorithm 1).

    Args:
        places, masses: of shape (batch, atoms).
        z: at least two places, of shape (n,).

    Returns:
        Of shape (batch, n); the sum of each row is that of its masses.

    >>> project(np.array([[0.25, 3.0]]), np.array([[0.5, 0.5]]), np.array([0.0, 1.0, 2.0])).tolist()
    [[0.375, 0.125, 0.5]]
    """
    rows, n = len(places), len(z)
    b = (np.clip(places, z[0], z[-1]) - z[0]) * (np.float32(n - 1) / (z[-1] - z[0]))  # in atoms from the left
    lower = np.minimum(b.astype(np.int64), n - 2)
    share = b - lower  # of the upper neighbour
    at = lower + n * np.arange(rows)[:, None]
    into = np.bincount(at.ravel(), (masses * (1 - share)).ravel(), rows * n)
    into += np.bincount(at.ravel() + 1, (masses * share).ravel(), rows * n)
    return into.reshape(rows, n).astype(np.float32)


def cross_entropy(logits: Array, masses: Array) -> tuple[Array, Array]:
    """-sum_i m_i log p_i(logits) of each row, and its derivative by the logits, p - m (Bellemare et al. 2017,
    algorithm 1).

    >>> losses, slopes = cross_entropy(np.array([[0.0, 0.0]], np.float32), np.array([[1.0, 0.0]], np.float32))
    >>> round(float(losses[0]), 4), slopes.tolist()
    (0.6931, [[-0.5, 0.5]])
    """
    shifted = logits - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=-1, keepdims=True)
    losses: Array = (masses * (np.log(total) - shifted)).sum(axis=-1)
    return losses, powers / total - masses


def quantile_huber(quantiles: Array, targets: Array) -> tuple[Array, Array]:
    """The quantile Huber loss with kappa = 1 of each row, and its derivative by the quantiles (Dabney et al. 2018,
    eqs. 9 and 10, algorithm 1).

        sum_i mean_j |tau_i - 1{u_ij < 0}| L(u_ij),   u_ij = target_j - quantile_i

    L is Huber's: u^2 / 2 within [-1, 1], |u| - 1/2 beyond. A quantile of a high level is drawn up by what lies above it
    with more weight than it is drawn down by what lies below.

    >>> losses, slopes = quantile_huber(np.array([[0.0, 2.0]], np.float32), np.array([[4.0]], np.float32))
    >>> losses.tolist(), slopes.tolist()  # levels 1/4 and 3/4: .25 * 3.5 + .75 * 1.5
    ([2.0], [[-0.25, -0.75]])
    """
    levels = midpoints(quantiles.shape[-1])[:, None]
    u = targets[:, None, :] - quantiles[:, :, None]
    weights = np.where(u < 0, 1 - levels, levels)
    inside = np.clip(u, -1, 1)
    # Huber's loss is c (u - c / 2) for u clipped to c, on both sides of 1.
    losses: Array = (weights * inside * (u - inside / 2)).mean(axis=2).sum(axis=1)
    slopes: Array = -(weights * inside).mean(axis=2)
    return losses, slopes


# --- as objectives of a deep agent -----------------------------------------------------------------------------------


def categorical(v_min: float, v_max: float, n: int) -> Objective:
    """A prediction is the logits of ``n`` atoms from ``v_min`` to ``v_max``; its surprise the cross-entropy.

    Raises:
        UserError: fewer than two atoms, or an empty range.
    """
    if not isinstance(n, int) or n < 2:
        raise UserError(f"atoms must be a whole number of at least 2, got {n!r}")
    if not -np.inf < v_min < v_max < np.inf:
        raise UserError(f"v_min must be below v_max, got {v_min} and {v_max}")
    z = atoms(v_min, v_max, n)

    def values(logits: Array) -> Array:
        means: Array = softmax(logits) @ z
        return means

    def target(signals: Array, discounts: Array, worth: Array) -> Array:
        return project(signals[:, None] + discounts[:, None] * z, softmax(worth), z)

    def fit(logits: Array, masses: Array) -> Fit:
        losses, slopes = cross_entropy(logits, masses)
        return Fit(losses, slopes, losses)

    return Objective((n,), values, target, fit)


def quantiles(n: int) -> Objective:
    """A prediction is the ``n`` quantiles; its surprise how far their mean is from that of the target.

    Raises:
        UserError: no quantile.
    """
    if not isinstance(n, int) or n < 1:
        raise UserError(f"n_quantiles must be a whole number of at least 1, got {n!r}")

    def values(outputs: Array) -> Array:
        means: Array = outputs.mean(axis=-1)
        return means

    def target(signals: Array, discounts: Array, worth: Array) -> Array:
        return signals[:, None] + discounts[:, None] * worth

    def fit(predicted: Array, targets: Array) -> Fit:
        losses, slopes = quantile_huber(predicted, targets)
        return Fit(losses, slopes, np.abs(targets.mean(axis=1) - predicted.mean(axis=1)))

    return Objective((n,), values, target, fit)
