"""Which library runs a network: numpy for dense layers on the CPU, torch for all else, imported when it is needed."""

import importlib.util

import numpy as np

from hfrl.nets import OPTIMISERS, DenseNetwork
from hfrl.network import Network
from hfrl.noisy import NoisyNetwork
from hfrl.shapes import Shape
from hfrl.types import UserError

BACKENDS = ("auto", "numpy", "torch")


def network_of(
    shape: Shape,
    rng: np.random.Generator,
    max_grad_norm: float,
    sigma0: float,
    backend: str,
    device: str,
    optimiser: str = "adam",
) -> Network:
    """A network of this shape.

    Args:
        shape: what it is made of.
        rng: of the first weights: the same for both backends.
        max_grad_norm: longer gradients are scaled down to it.
        sigma0: how noisy the last layers are at first (:mod:`hfrl.noisy`); 0: not at all, ever.
        backend: ``auto``, ``numpy`` or ``torch``; auto takes numpy for dense layers unless a GPU is asked for.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:1``; auto takes a GPU where torch runs and finds one.
        optimiser: ``adam``, or ``sgd`` for a network without noise.

    Raises:
        UserError: a backend that is unknown, not installed or cannot run the shape there; a device that is not here; an
            unknown optimiser.
    """
    if optimiser not in OPTIMISERS:
        raise UserError(f"optimiser must be one of {', '.join(OPTIMISERS)}, got {optimiser!r}")
    if backend not in BACKENDS:
        raise UserError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    on_cpu = device in ("auto", "cpu")
    if backend == "numpy" and not (shape.dense and on_cpu):
        what = f"device={device}" if shape.dense else "convolutions and embeddings"
        raise UserError(f"backend=numpy runs dense layers on the CPU; {what} need backend=torch")
    if backend == "numpy" or (backend == "auto" and shape.dense and on_cpu):
        if sigma0:
            return NoisyNetwork(shape.sizes, rng, max_grad_norm, sigma0)
        return DenseNetwork(shape.sizes, rng, max_grad_norm, optimiser)
    if importlib.util.find_spec("torch") is None:
        raise UserError("this network needs torch, which is not installed: pip install 'hfrl[deep]'")
    from hfrl.torch_nets import TorchNetwork, device_of  # late: importing torch takes seconds

    return TorchNetwork(shape, rng, max_grad_norm, sigma0, device_of(device), optimiser)
