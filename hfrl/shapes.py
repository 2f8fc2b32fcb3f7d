"""The architecture of a network, and its weights as one flat vector, whichever library runs it.

A table of embeddings or convolutions may come before the dense layers. All weights lie in one vector in the order in
which inputs meet them, so that a checkpoint is the same for every backend.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hfrl.types import UserError

Array = NDArray[np.float32]
#: Filters, width of the square kernel, stride.
Convolution = tuple[int, int, int]
#: Of Mnih et al. 2015, for images of 84 by 84.
NATURE: tuple[Convolution, ...] = ((32, 8, 4), (64, 4, 2), (64, 3, 1))


class Shape(NamedTuple):
    """What a network is made of.

    Attributes:
        sizes: the widths of the dense layers, from what comes into them to the outputs.
        image: channels, height and width of an input; () where inputs are no images.
        filters: the convolutions before the dense layers.
        table: rows and numbers per row of the embedding before the dense layers; () for none.
    """

    sizes: tuple[int, ...]
    image: tuple[int, ...] = ()
    filters: tuple[Convolution, ...] = ()
    table: tuple[int, ...] = ()

    @property
    def dense(self) -> bool:
        """Whether there is nothing but dense layers."""
        return not (self.image or self.table)

    def blocks(self) -> list[tuple[int, ...]]:
        """The shape of every block of weights, in their order: the table; kernels (filters, channels, width, width) and
        biases of each convolution; weights (inputs, outputs) and biases of each dense layer.

        >>> Shape((2, 1), table=(3, 2)).blocks()
        [(3, 2), (2, 1), (1,)]
        """
        blocks = [self.table] if self.table else []
        channels = self.image[0] if self.image else 0
        for filters, kernel, _ in self.filters:
            blocks += [(filters, channels, kernel, kernel), (filters,)]
            channels = filters
        for n, m in itertools.pairwise(self.sizes):
            blocks += [(n, m), (m,)]
        return blocks

    def first(self, rng: np.random.Generator) -> Array:
        """First weights: uniform within 1/sqrt(inputs of a unit) of 0, as torch's layers have them; standard normal in
        the table."""
        blocks = self.blocks()
        parts = [rng.standard_normal(self.table).ravel()] if self.table else []
        rest = blocks[bool(self.table) :]
        for weights, biases in zip(rest[::2], rest[1::2], strict=True):
            inputs = int(np.prod(weights[1:])) if len(weights) == 4 else weights[0]
            parts.append(rng.uniform(-1.0, 1.0, int(np.prod(weights)) + biases[0]) / np.sqrt(inputs))
        return np.concatenate(parts).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The shape as plain arrays, for a checkpoint; a network of dense layers has its sizes alone."""
        arrays: dict[str, NDArray[Any]] = {"sizes": np.array(self.sizes)}
        if self.image:
            arrays |= {"image": np.array(self.image), "filters": np.array(self.filters).reshape(-1, 3)}
        if self.table:
            arrays["table"] = np.array(self.table)
        return arrays

    def check(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Raise ValueError where a checkpoint is of another shape."""
        theirs = Shape(
            tuple(arrays["sizes"].tolist()),
            tuple(arrays["image"].tolist()) if "image" in arrays else (),
            tuple((int(f), int(k), int(s)) for f, k, s in arrays["filters"].tolist()) if "filters" in arrays else (),
            tuple(arrays["table"].tolist()) if "table" in arrays else (),
        )
        if theirs != self:
            raise ValueError(f"its network has {theirs.words()}, and this agent's {self.words()}")

    def words(self) -> str:
        """The shape in words.

        >>> Shape((4, 8, 2)).words(), Shape((9, 2), (1, 5, 5), ((1, 3, 1),)).words()
        ('the shape (4, 8, 2)', 'the shape (9, 2) behind convolutions ((1, 3, 1),) of an image (1, 5, 5)')
        """
        behind = f" behind convolutions {self.filters} of an image {self.image}" if self.image else ""
        behind += f" behind a table {self.table}" if self.table else ""
        return f"the shape {self.sizes}{behind}"


def flattened(image: Sequence[int], filters: Sequence[Convolution]) -> int:
    """How many numbers the last convolution leaves of an image (channels, height, width). Raises UserError where it
    leaves none.

    >>> flattened((4, 84, 84), NATURE)
    3136
    """
    channels, height, width = image
    for number, kernel, stride in filters:
        height, width = ((length - kernel) // stride + 1 for length in (height, width))
        channels = number
        if height < 1 or width < 1:
            raise UserError(
                f"filters {[list(one) for one in filters]} (number, width, stride) do not fit an image of "
                f"{image[1]} by {image[2]}; give narrower ones, such as filters=[[16,3,1],[32,3,2]]"
            )
    return channels * height * width
