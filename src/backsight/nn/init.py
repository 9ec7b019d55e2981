"""How parameters begin: numbers drawn from an explicit generator.

A weight is (D, M): D numbers in, M out. `gain` is √2 for ReLU, 5/3 for tanh, 1 for linear and
sigmoid.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..errors import UsageError


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many numbers enter and leave a weight, (D, M) or (M, C, KH, KW)."""
    if len(shape) < 2:
        raise UsageError(f"a weight of shape {shape} has no fans; biases begin at zero")
    if len(shape) == 2:
        return shape[0], shape[1]
    window = int(np.prod(shape[2:]))
    return shape[1] * window, shape[0] * window


def he_normal(
    shape: Shape, generator: np.random.Generator, *, gain: float = 2**0.5, dtype: Any = np.float32
) -> Array:
    """Draw normal numbers with std gain / √D, which keeps the scale (He et al. 2015, eq. 10)."""
    entering, _ = fans(shape)
    return (generator.standard_normal(shape) * (gain / entering**0.5)).astype(dtype)


def he_uniform(
    shape: Shape, generator: np.random.Generator, *, gain: float = 2**0.5, dtype: Any = np.float32
) -> Array:
    """Draw uniform numbers with the std of `he_normal`, bounded by gain √(3 / D)."""
    entering, _ = fans(shape)
    bound = gain * (3 / entering) ** 0.5
    return generator.uniform(-bound, bound, shape).astype(dtype)


def xavier_normal(
    shape: Shape, generator: np.random.Generator, *, gain: float = 1.0, dtype: Any = np.float32
) -> Array:
    """Draw normal numbers with std gain √(2 / (D + M)) (Glorot & Bengio 2010, eq. 12)."""
    entering, leaving = fans(shape)
    return (generator.standard_normal(shape) * gain * (2 / (entering + leaving)) ** 0.5).astype(
        dtype
    )


def xavier_uniform(
    shape: Shape, generator: np.random.Generator, *, gain: float = 1.0, dtype: Any = np.float32
) -> Array:
    """Draw uniform numbers bounded by gain √(6 / (D + M)) (Glorot & Bengio 2010, eq. 16)."""
    entering, leaving = fans(shape)
    bound = gain * (6 / (entering + leaving)) ** 0.5
    return generator.uniform(-bound, bound, shape).astype(dtype)
