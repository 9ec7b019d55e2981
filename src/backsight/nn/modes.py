"""Training and evaluation: batch norm and dropout behave differently in the two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .parameters import layers_in


def train(layer: Any, mode: bool = True) -> Any:
    """Put a layer and all layers in it into training mode, or into the other; returns it."""
    for each in layers_in(layer):
        if hasattr(each, "training"):
            each.training = mode
    return layer


def evaluate(layer: Any) -> Any:
    """Put a layer into evaluation mode: running averages are used, nothing is dropped.

    PyTorch's `model.eval()`, CS231n's `mode="test"`.
    """
    return train(layer, False)


@contextmanager
def evaluating(layer: Any) -> Iterator[Any]:
    """Evaluate for as long as the block lasts; then every layer is in the mode it was in."""
    known = [(each, each.training) for each in layers_in(layer) if hasattr(each, "training")]
    try:
        yield evaluate(layer)
    finally:
        for each, mode in known:
            each.training = mode
