"""One row of the sample table: an op, the inputs and attributes it is tried on, and its truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True, eq=False)
class Sample:
    """What the tests of `test_ops.py` need to know of an op.

    `inputs` are float64 arrays (None for an optional input that is left out), `attributes` the
    keyword arguments. `torch` computes the same with PyTorch from tensors of the inputs (and the
    attributes it closes over); None where PyTorch has no counterpart, with the reason in `note`.
    At `kinks` the differences mean nothing, so only PyTorch's convention is compared there. `half`
    is False where the numbers do not fit float16. `tolerance` is relative, for the comparison with
    PyTorch in float64.
    """

    op: str
    inputs: tuple[Array | None, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    torch: Callable[..., Any] | None = None
    note: str = ""
    kinks: bool = False
    half: bool = True
    tolerance: float = 1e-12

    def __str__(self) -> str:
        return f"{self.op} {self.note}".strip()


def normal(*shape: int, seed: int = 0) -> Array:
    """Numbers of order 1 of both signs, none closer to 0 than 0.05, so that no kink at 0 is met."""
    x = np.random.default_rng((seed, *shape)).standard_normal(shape)
    return np.where(np.abs(x) < 0.05, 0.05, x)


def positive(*shape: int, seed: int = 0) -> Array:
    """Numbers between 0.5 and 2."""
    return np.random.default_rng((seed, *shape)).uniform(0.5, 2.0, shape)


def integers(high: int, *shape: int, seed: int = 0) -> Array:
    """Integers from 0 to high - 1."""
    return np.random.default_rng((seed, *shape)).integers(0, high, shape)
