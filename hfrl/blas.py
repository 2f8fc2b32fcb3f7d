"""Which library multiplies numpy's matrices, and whether it makes the most of the processor."""

import ctypes
import importlib
from pathlib import Path

import numpy as np

#: OpenBLAS's kernels that leave half of an AVX-512 register empty.
NARROW = ("Haswell", "Zen")


def kernels() -> str | None:
    """The name of the kernels that OpenBLAS has chosen, its own; None where numpy brings no OpenBLAS."""
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("*openblas*"):
        try:
            name = ctypes.CDLL(str(path)).scipy_openblas_get_corename64_
        except (OSError, AttributeError):
            continue
        name.restype = ctypes.c_char_p
        return str(name().decode())
    return None


def has_avx512() -> bool:
    """Whether numpy finds AVX-512 as the first server processors had it; False where it does not say."""
    try:
        features = importlib.import_module("numpy._core._multiarray_umath").__cpu_features__
    except (ImportError, AttributeError):
        return False
    return bool(features.get("AVX512_SKX"))


def described() -> str:
    """What multiplies matrices, in a line, and how it would be faster."""
    chosen = kernels()
    if chosen is None:
        return "numpy multiplies matrices with a library of the system"
    said = f"numpy multiplies matrices with OpenBLAS's {chosen} kernels"
    if chosen not in NARROW or not has_avx512():
        return said
    return (
        f"{said}; this processor has AVX-512: OPENBLAS_CORETYPE=SkylakeX before the command makes deep agents up to "
        "1.4 times as fast (and the last bits of their networks others)"
    )
