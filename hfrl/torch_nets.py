"""Networks in torch: the same verbs and the same flat vector as in numpy, for convolutions, embeddings and the GPU.

Weights are views of one vector, and so are their gradients: clipping, Adam, a target copy and a checkpoint are single
operations on any device. Autograd does the derivatives; torch's own optimisers are not used, because building one
imports hundreds of modules.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hfrl.network import Told
from hfrl.noisy import first_sigma, noise_of
from hfrl.shapes import Shape
from hfrl.types import UserError

Array = NDArray[np.float32]
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


def device_of(name: str) -> torch.device:
    """``auto`` (the GPU where there is one), ``cpu``, ``cuda`` or ``cuda:1``. Raises UserError for a device that is not
    there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise UserError(
            f"device {name} is not here: torch {torch.__version__} sees {found} CUDA device{'s' * (found != 1)}; "
            "use device=cpu"
        )
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}")
    return device


class TorchNetwork:
    """A :class:`hfrl.network.Network` in torch: an embedding or convolutions, then dense layers, max(0, x) in between.

    Inputs are float32 (batch, inputs), whole numbers (batch, parts) for an embedding, or (batch, channels, height,
    width) for images; uint8 images are divided by 255.

    Args:
        shape: what it is made of.
        rng: of the first weights, and of the first noise.
        max_grad_norm: longer gradients are scaled down to it.
        sigma0: how noisy the last layers are at first; 0: not at all, ever.
        device: where it lives.
        optimiser: ``adam`` or ``sgd``, as :mod:`hfrl.nets` has them.
    """

    def __init__(
        self,
        shape: Shape,
        rng: np.random.Generator,
        max_grad_norm: float,
        sigma0: float,
        device: torch.device,
        optimiser: str = "adam",
    ) -> None:
        self.shape = shape
        self.max_grad_norm = max_grad_norm
        self.device = device
        self.updates = 0
        if device.type == "cpu":
            torch.set_num_threads(1)  # for networks of this size two threads are slower than one
        first = shape.first(rng)
        self._size = len(first)
        self._noise = torch.zeros(2, self._size, device=device) if sigma0 else None
        if sigma0:
            first = np.concatenate([first, self._behind(first_sigma(shape.sizes, sigma0))])
        self._theta = torch.from_numpy(first).to(device)
        self._target = self._theta.clone()
        self._plain = optimiser == "sgd"
        self._gradient = torch.zeros_like(self._theta)
        kept = self._theta[:0] if self._plain else self._theta
        self._m, self._v, self._spread = (torch.zeros_like(kept) for _ in range(3))
        # What a forward pass reads: mu + sigma * noise, or the learnt weights themselves.
        self._used = (self._theta, self._target) if self._noise is None else torch.zeros_like(self._noise).unbind()
        weights = blocks_of(self._used[0], shape)
        for block, gradient in zip(weights, blocks_of(self._gradient, shape), strict=True):
            block.requires_grad_().grad = gradient
        self._layers = layers_of(weights, shape)
        self._target_layers = layers_of(blocks_of(self._used[1], shape), shape)
        self._quiet_layers = layers_of(blocks_of(self._theta, shape), shape)
        self.resample(rng)

    @property
    def theta(self) -> Array:
        """The online weights, flat: a copy, unless they live on the CPU."""
        return numbers(self._theta)

    @property
    def target(self) -> Array:
        """The lagging weights, flat: a copy, unless they live on the CPU."""
        return numbers(self._target)

    def _forward(self, layers: "Layers", inputs: NDArray[Any]) -> Tensor:
        x = torch.from_numpy(np.ascontiguousarray(inputs)).to(self.device)
        if layers.table is not None:
            x = functional.embedding(x, layers.table)
        if layers.convolutions:
            x = x.contiguous(memory_format=torch.channels_last)  # a tenth faster on the CPU
        if x.dtype == torch.uint8:
            x = x.float().div_(255)
        for kernels, biases, stride in layers.convolutions:
            x = functional.conv2d(x, kernels, biases, stride).relu_()
        x = x.flatten(1)
        for weights, biases in layers.dense[:-1]:
            x = torch.addmm(biases, x, weights).relu_()
        weights, biases = layers.dense[-1]
        return torch.addmm(biases, x, weights)

    def online(self, inputs: NDArray[Any]) -> Array:
        """The outputs of the weights that learn."""
        with torch.no_grad():
            return numbers(self._forward(self._layers, inputs))

    def quiet(self, inputs: NDArray[Any]) -> Array:
        """The outputs of the weights that learn, without noise."""
        with torch.no_grad():
            return numbers(self._forward(self._quiet_layers, inputs))

    def lagging(self, inputs: NDArray[Any]) -> Array:
        """The outputs of the weights that lag behind."""
        with torch.no_grad():
            return numbers(self._forward(self._target_layers, inputs))

    def descend(self, inputs: NDArray[Any], slope: Callable[[Array], tuple[Array, Told]], alpha: float) -> Told:
        """One update, by the derivative of the loss that ``slope`` gives for the outputs."""
        outputs = self._forward(self._layers, inputs)
        by_outputs, told = slope(numbers(outputs.detach()))
        self._gradient.zero_()
        torch.autograd.backward([outputs], [torch.from_numpy(np.ascontiguousarray(by_outputs)).to(self.device)])
        if self._noise is not None:
            torch.mul(self._gradient[: self._size], self._noise[0], out=self._gradient[self._size :])
        self._clip()
        self.updates += 1
        if self._plain:
            self._theta.add_(self._gradient, alpha=-alpha)
        else:
            self._adam(alpha)
        self._mix()
        return told

    def _clip(self) -> None:
        """Scale the gradient down where it is longer than it may be, without waiting for the device."""
        norm = torch.linalg.vector_norm(self._gradient)
        self._gradient *= (self.max_grad_norm / (norm + 1e-6)).clamp(max=1.0)

    def _adam(self, alpha: float) -> None:
        """theta <- theta - alpha m^ / (sqrt(v^) + eps) (Kingma & Ba 2015, algorithm 1; the order of section 2)."""
        root = math.sqrt(1 - BETA2**self.updates)
        self._m.lerp_(self._gradient, 1 - BETA1)
        self._v.mul_(BETA2).addcmul_(self._gradient, self._gradient, value=1 - BETA2)
        torch.sqrt(self._v, out=self._spread).add_(EPS * root)
        self._theta.addcdiv_(self._m, self._spread, value=-alpha * root / (1 - BETA1**self.updates))

    def follow(self, tau: float) -> None:
        """target <- tau theta + (1 - tau) target."""
        self._target.lerp_(self._theta, tau)
        self._mix()

    def resample(self, rng: np.random.Generator) -> None:
        """Fresh noise for both kinds of weights, independent of each other, where there is any."""
        if self._noise is not None:
            fresh = [self._behind(noise_of(self.shape.sizes, rng)) for _ in range(2)]
            self._noise.copy_(torch.from_numpy(np.stack(fresh)))
            self._mix()

    def _behind(self, dense: Array) -> Array:
        """Numbers of the dense layers, behind zeros for all that comes before those."""
        return np.concatenate([np.zeros(self._size - len(dense), np.float32), dense])

    @torch.no_grad()
    def _mix(self) -> None:
        """w = mu + sigma * noise, for both."""
        if self._noise is not None:
            for used, learnt, noise in zip(self._used, (self._theta, self._target), self._noise, strict=True):
                torch.addcmul(learnt[: self._size], learnt[self._size :], noise, out=used)

    def _parts(self) -> dict[str, Tensor]:
        parts = {"theta": self._theta, "target": self._target, "adam_m": self._m, "adam_v": self._v}
        return parts if self._noise is None else parts | {"noise": self._noise}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Weights and optimiser as plain arrays, the same as those of a network in numpy."""
        copies = {name: numbers(part).copy() for name, part in self._parts().items()}
        return self.shape.arrays() | copies | {"adam_t": np.array([self.updates])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another architecture."""
        self.shape.check(arrays)
        for name, present in self._parts().items():
            if arrays[name].shape != tuple(present.shape) or arrays[name].dtype != np.float32:
                raise ValueError(f"{name} has shape {arrays[name].shape}, expected {tuple(present.shape)} of float32")
            present.copy_(torch.from_numpy(arrays[name]))
        (updates,) = arrays["adam_t"]
        self.updates = int(updates)
        self._mix()


def blocks_of(flat: Tensor, shape: Shape) -> list[Tensor]:
    """The blocks of weights as views of a flat vector."""
    blocks, at = [], 0
    for block in shape.blocks():
        size = int(np.prod(block))
        blocks.append(flat[at : at + size].view(block))
        at += size
    return blocks


class Layers(NamedTuple):
    """The blocks of a network by what they are: rows of embeddings, or None; kernels, biases and stride of each
    convolution; weights and biases of each dense layer."""

    table: Tensor | None
    convolutions: list[tuple[Tensor, Tensor, int]]
    dense: list[tuple[Tensor, Tensor]]


def layers_of(blocks: list[Tensor], shape: Shape) -> Layers:
    """Tell the blocks of a network apart."""
    left = iter(blocks)
    table = next(left) if shape.table else None
    convolutions = [(next(left), next(left), stride) for _, _, stride in shape.filters]
    return Layers(table, convolutions, [(weights, next(left)) for weights in left])


def numbers(tensor: Tensor) -> Array:
    """A tensor as a numpy array."""
    array: Array = tensor.detach().cpu().numpy()
    return array
