"""What counts as an array, and which numbers can carry a gradient."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

# Any array type that speaks NumPy's two protocols (`__array_ufunc__`, `__array_function__`) may
# stand where `Array` stands: ops never ask for `numpy.ndarray` itself.
Array: TypeAlias = Any
Shape: TypeAlias = tuple[int, ...]


def is_differentiable(dtype: Any) -> bool:
    """Tell whether numbers of this dtype carry a gradient: float16, float32 and float64 do."""
    return bool(np.dtype(dtype).kind == "f")


def describe(value: object) -> str:
    """Say shape and dtype of a value as error messages print them: `float32 (32, 784)`."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or dtype is None:
        return f"{type(value).__name__} {value!r}"
    return f"{np.dtype(dtype).name} {tuple(shape)}"
