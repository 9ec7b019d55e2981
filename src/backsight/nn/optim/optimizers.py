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

from ...arrays import Array
from ...engine import observers
from ...engine.tensors import Tensor, replace
from ...errors import UsageError
from ..parameters import parameters


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
    """Gradient descent, with momentum (v ← μ v + (1−τ) g; w ← w − lr v), or Nesterov's.

    τ is `dampening`. Nesterov's form subtracts g + μ v. CS231n's velocity holds −lr v; for a
    constant rate the steps are the same.
    """

    lr: float = 1e-2
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    dampening: float = 0.0
    velocity: dict[int, Array] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum <= 0 or self.dampening):
            raise UsageError("SGD: nesterov needs a momentum above 0 and no dampening")

    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return lr times the gradient, or times the velocity."""
        gradient = decayed(self, value, gradient)
        if self.momentum:
            known = self.velocity.get(place)
            taken = (1 - self.dampening) * gradient if self.dampening else gradient
            velocity = gradient if known is None else self.momentum * known + taken
            self.velocity[place] = velocity
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        return self.lr * gradient


@dataclass(eq=False)
class Adagrad(Optimizer):
    """Divide by the root of the sum of all squared gradients (Duchi et al. 2011).

    `lr_decay` divides the rate by 1 + lr_decay · t, t counting from 0.
    """

    lr: float = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    sums: dict[int, tuple[int, Array]] = field(default_factory=dict, init=False, repr=False)

    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return lr · g / (√Σg² + eps)."""
        gradient = decayed(self, value, gradient)
        first = (0, np.full_like(value, self.initial_accumulator_value))
        count, total = self.sums.get(place, first)
        total = total + gradient * gradient
        self.sums[place] = count + 1, total
        rate = self.lr / (1 + count * self.lr_decay)
        return rate * gradient / (np.sqrt(total) + self.eps)


@dataclass(eq=False)
class RMSProp(Optimizer):
    """Divide by the root of a running mean of squared gradients (Tieleman & Hinton 2012).

    `alpha` keeps of that mean (CS231n: decay_rate). `centered` takes the variance in its place,
    `momentum` gathers what is subtracted.
    """

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    squares: dict[int, Array] = field(default_factory=dict, init=False, repr=False)
    means: dict[int, Array] = field(default_factory=dict, init=False, repr=False)
    velocity: dict[int, Array] = field(default_factory=dict, init=False, repr=False)

    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return lr · g / (√mean(g²) + eps), or the velocity of that."""
        gradient = decayed(self, value, gradient)
        zeros = np.zeros_like(value)
        square = averaged(self.squares.get(place, zeros), gradient * gradient, self.alpha)
        self.squares[place] = spread = square
        if self.centered:
            self.means[place] = averaged(self.means.get(place, zeros), gradient, self.alpha)
            spread = square - self.means[place] * self.means[place]
        taken = gradient / (np.sqrt(spread) + self.eps)
        if self.momentum:
            taken = self.velocity[place] = self.momentum * self.velocity.get(place, zeros) + taken
        return self.lr * taken


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
        return self.adapted(place, decayed(self, value, gradient))

    def adapted(self, place: int, gradient: Array) -> Array:
        """Take a gradient into the moments of parameter `place`; return lr · m̂ / (√v̂ + eps)."""
        keep, keep_square = self.betas
        zeros = np.zeros_like(gradient)
        count, mean, square = self.moments.get(place, (0, zeros, zeros))
        count += 1
        mean = averaged(mean, gradient, keep)
        square = averaged(square, gradient * gradient, keep_square)
        self.moments[place] = (count, mean, square)
        rate = self.lr / (1 - keep**count)
        root = np.sqrt(square) / (1 - keep_square**count) ** 0.5
        return rate * mean / (root + self.eps)


@dataclass(eq=False)
class AdamW(Adam):
    """Adam whose weight decay shrinks the weight itself (Loshchilov & Hutter 2019, algorithm 2)."""

    weight_decay: float = 1e-2

    def change(self, place: int, value: Array, gradient: Array) -> Array:
        """Return lr · (m̂ / (√v̂ + eps) + decay · w)."""
        return self.adapted(place, gradient) + self.lr * self.weight_decay * value


def decayed(optimizer: Any, value: Array, gradient: Array) -> Array:
    """Add weight decay to a gradient: that of decay · ‖w‖² / 2."""
    decay = optimizer.weight_decay
    return gradient + decay * value if decay else gradient


def averaged(mean: Array, new: Array, keep: float) -> Array:
    """Move a running mean towards a new value, keeping a share of it."""
    return keep * mean + (1 - keep) * new
