"""Optimisers, with PyTorch's definitions.

An update replaces a parameter's array and never writes into it, so a graph that still needs the old
value is told so (InPlaceError) instead of computing with the new one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..engine import observers
from ..engine.tensors import Tensor, replace
from ..errors import UsageError
from .parameters import parameters


def _collected(given: Any) -> list[Tensor]:
    """List the parameters of a layer, or of Tensors, and name those without a name."""
    several = isinstance(given, Iterable) and not isinstance(given, Mapping)
    found = parameters(list(given) if several and not is_dataclass(given) else given)
    if not found:
        raise UsageError(
            f"the optimiser was given no parameters: {type(given).__name__} holds no Tensor "
            "that requires a gradient"
        )
    for path, t in found.items():
        if not t.name:
            t.name = path
    return list(found.values())


@dataclass(eq=False)
class Optimizer(ABC):
    """What all optimisers share: `parameters` is a layer, or Tensors; `lr` the learning rate."""

    parameters: Any
    lr: float

    def __post_init__(self) -> None:
        if not self.lr >= 0:
            raise UsageError(
                f"{type(self).__name__}: the learning rate is {self.lr}; it must be ≥ 0"
            )
        self.parameters = _collected(self.parameters)

    def zero_grad(self) -> None:
        """Forget the gradients. `.backward()` adds to what is there."""
        for t in self.parameters:
            t.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient."""
        for i, t in enumerate(self.parameters):
            gradient = t.grad
            if gradient is not None:
                replace(t, t._value - self.change(i, t._value, gradient))
        observers.stepped(self)

    @abstractmethod
    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return what is subtracted from parameter `place`."""


@dataclass(eq=False)
class SGD(Optimizer):
    """Gradient descent, with momentum (v ← μ v + g; w ← w − lr v), or Nesterov's."""

    lr: float = 1e-2
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    velocity: dict[int, Array] = field(default_factory=dict, init=False, repr=False)

    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return lr times the gradient, or times the velocity."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * value
        if self.momentum:
            known = self.velocity.get(place)
            velocity = gradient if known is None else self.momentum * known + gradient
            self.velocity[place] = velocity
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        return self.lr * gradient


@dataclass(eq=False)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1); weight decay adds to the gradient, as in PyTorch."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    moments: dict[int, tuple[int, Array, Array]] = field(
        default_factory=dict, init=False, repr=False
    )

    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return lr · m̂ / (√v̂ + eps)."""
        if self.weight_decay:
            gradient = gradient + self.weight_decay * value
        keep, keep_square = self.betas
        zeros = np.zeros_like(value)
        count, mean, square = self.moments.get(place, (0, zeros, zeros))
        count += 1
        mean = keep * mean + (1 - keep) * gradient
        square = keep_square * square + (1 - keep_square) * (gradient * gradient)
        self.moments[place] = (count, mean, square)
        rate = self.lr / (1 - keep**count)
        root = np.sqrt(square) / (1 - keep_square**count) ** 0.5
        return rate * mean / (root + self.eps)
