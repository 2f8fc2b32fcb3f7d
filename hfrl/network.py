"""What a deep agent asks of a network, and nothing more.

A backend does forward, backward, clipping and Adam. Every equation of a variant (targets, projections, losses, weights
of a batch) is written once, in numpy, on the outputs: ``descend`` asks for the derivative of the loss by them.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Told = TypeVar("Told")


class Network(Protocol):
    """Weights that learn, weights that lag behind (the target network), and the optimiser.

    Inputs are float32 of shape (batch, inputs), outputs float32 of shape (batch, outputs): the linear last layer.

    ``quiet`` is ``online`` without the noise of noisy layers, for evaluation and for maps; ``resample`` draws that
    noise anew, for both sets of weights. A network without noise gives the same outputs for both and draws nothing.
    """

    @property
    def updates(self) -> int:
        """How often the weights were moved."""
        ...

    def online(self, inputs: Array) -> Array: ...

    def quiet(self, inputs: Array) -> Array: ...

    def lagging(self, inputs: Array) -> Array: ...

    def descend(self, inputs: Array, slope: Callable[[Array], tuple[Array, Told]], alpha: float) -> Told:
        """One update: forward, ``slope(outputs)``, backward, clip, Adam with step size ``alpha``.

        Args:
            inputs: of a batch.
            slope: outputs -> the derivative of the loss by each of them, and anything it has to tell.
            alpha: the step size.

        Returns:
            What ``slope`` told.
        """
        ...

    def follow(self, tau: float) -> None:
        """lagging <- tau online + (1 - tau) lagging."""
        ...

    def resample(self, rng: np.random.Generator) -> None: ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that goes on from here, as plain arrays."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        ...
