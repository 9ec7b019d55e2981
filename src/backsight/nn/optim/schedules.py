"""Learning rates that change: a schedule sets `optimizer.lr` at each `step()`.

Each is a formula of the number of steps taken, so that any step can be asked for. Names and
definitions are PyTorch's; call `step()` after `optimizer.step()`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from ...errors import UsageError
from .optimizers import Optimizer


@dataclass(eq=False)
class Schedule(ABC):
    """What all schedules share: the rate that the optimiser had is that from which they count."""

    optimizer: Optimizer
    base: float = field(init=False, repr=False)
    count: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        self.base = self.optimizer.lr
        self.optimizer.lr = self.rate(0)

    def step(self) -> None:
        """Count a step and set the rate."""
        self.count += 1
        self.optimizer.lr = self.rate(self.count)

    @abstractmethod
    def rate(self, count: int) -> float:
        """Return the learning rate after `count` steps."""


@dataclass(eq=False)
class StepLR(Schedule):
    """Multiply by `gamma` every `step_size` steps."""

    step_size: int
    gamma: float = 0.1

    def rate(self, count: int) -> float:
        """Return base · gamma^⌊count / step_size⌋."""
        return self.base * self.gamma ** (count // self.step_size)


@dataclass(eq=False)
class ExponentialLR(Schedule):
    """Multiply by `gamma` at every step."""

    gamma: float

    def rate(self, count: int) -> float:
        """Return base · gamma^count."""
        return self.base * self.gamma**count


@dataclass(eq=False)
class CosineAnnealingLR(Schedule):
    """Fall along half a cosine to `eta_min` within `steps` (PyTorch: T_max).

    Source: Loshchilov & Hutter 2017, equation 5, without restarts.
    """

    steps: int
    eta_min: float = 0.0

    def rate(self, count: int) -> float:
        """Return eta_min + (base − eta_min) (1 + cos(π count / steps)) / 2."""
        fall = (1 + math.cos(math.pi * count / self.steps)) / 2
        return self.eta_min + (self.base - self.eta_min) * fall


@dataclass(eq=False)
class LinearLR(Schedule):
    """Go along a line from `start_factor` times the rate to `end_factor` times it: a warm-up.

    PyTorch's `total_iters` are `steps`; its start factor must be above 0, here it may be 0.
    """

    steps: int
    start_factor: float = 1 / 3
    end_factor: float = 1.0

    def rate(self, count: int) -> float:
        """Return base times the factor that is reached after `count` steps."""
        way = min(count, self.steps) / self.steps
        return self.base * (self.start_factor + (self.end_factor - self.start_factor) * way)


@dataclass(eq=False)
class LambdaLR(Schedule):
    """Multiply the rate by any function of the number of steps."""

    factor: Callable[[int], float]

    def rate(self, count: int) -> float:
        """Return base · factor(count)."""
        return self.base * self.factor(count)


@dataclass(eq=False)
class SequentialLR(Schedule):
    """One schedule after another: `milestones` are the steps at which the next begins.

    All are made for the same optimiser. Raises UsageError unless there is one milestone less than
    schedules, and they rise.
    """

    schedules: list[Schedule]
    milestones: list[int]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.milestones, self.milestones[1:], strict=False))
        if len(self.milestones) != len(self.schedules) - 1 or not rising:
            raise UsageError(
                f"SequentialLR: {len(self.schedules)} schedules need {len(self.schedules) - 1} "
                f"rising milestones; given {self.milestones}"
            )
        # Each has multiplied the rate of the one before when it was made: the first knows it.
        self.optimizer.lr = self.schedules[0].base
        for schedule in self.schedules:
            schedule.base = self.schedules[0].base
        super().__post_init__()

    def rate(self, count: int) -> float:
        """Return what the schedule of that time says."""
        place = sum(count >= milestone for milestone in self.milestones)
        begun = self.milestones[place - 1] if place else 0
        return self.schedules[place].rate(count - begun)
