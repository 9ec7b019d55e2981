"""Clipping gradients between the backward pass and the update."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import UsageError
from ..parameters import parameters


def clip_grad_norm(layer: Any, max_norm: float) -> float:
    """Scale all gradients together so that their norm is at most `max_norm`; return what it was.

    `layer` is a layer, an optimiser's parameters or Tensors. The direction stays. As in PyTorch,
    the factor is max_norm / (norm + 1e-6), at most 1. Source: Pascanu et al. 2013, algorithm 1.
    """
    _check("max_norm", max_norm)
    given = [(t, t.grad) for t in parameters(layer).values() if t.grad is not None]
    squares = (float(np.sum(np.square(gradient, dtype=np.float64))) for _, gradient in given)
    norm = math.sqrt(sum(squares))
    factor = max_norm / (norm + 1e-6)
    if factor < 1:
        for t, gradient in given:
            t.grad = gradient * np.asarray(factor, t.dtype)
    return norm


def clip_grad_value(layer: Any, clip_value: float) -> None:
    """Limit each element of each gradient to ±clip_value. The direction may change."""
    _check("clip_value", clip_value)
    for t in parameters(layer).values():
        if t.grad is not None:
            t.grad = np.clip(t.grad, -clip_value, clip_value)


def _check(name: str, value: float) -> None:
    if not value > 0:
        raise UsageError(f"{name} is {value}; it must be above 0")
