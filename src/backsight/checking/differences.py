"""Slopes by differences, each with an estimate of its own error, and with those of either side.

Central differences at h and h/2 give Richardson's extrapolation, whose distance from the finer of
the two estimates the error (Ridders 1982, simplified). The step is swept, and the estimate with the
least error is taken. The two one-sided slopes tell a kink from a mistake.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..arrays import Array

STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""Steps that are tried, in units of the number's size or 1."""


@dataclass(frozen=True, slots=True)
class Slope:
    """The slope of a function in one direction: its value, its error, and those of both sides."""

    value: float
    error: float
    left: float
    right: float

    @property
    def is_kink(self) -> bool:
        """Whether the function bends here: its one-sided slopes stay apart at a tiny step."""
        apart = abs(self.left - self.right)
        return apart > 1e-3 * max(abs(self.left), abs(self.right), 1e-6)


def slope(function: Callable[[float], float], scale: float = 1.0) -> Slope:
    """Return the slope of a function of one number at 0."""
    best: tuple[float, float] | None = None
    at = function(0.0)
    for step in STEPS:
        h = step * max(scale, 1e-3)
        with np.errstate(all="ignore"):
            wide = (function(h) - function(-h)) / (2 * h)
            narrow = (function(h / 2) - function(-h / 2)) / h
        if not (math.isfinite(wide) and math.isfinite(narrow)):
            continue
        value = (4 * narrow - wide) / 3
        rounding = 4e-16 * max(abs(at), abs(function(h))) / h
        error = abs(value - narrow) + rounding
        if best is None or error < best[1]:
            best = value, error
    if best is None:
        return Slope(math.nan, math.inf, math.nan, math.nan)
    h = 1e-6 * max(scale, 1e-3)
    return Slope(*best, (at - function(-h)) / h, (function(h) - at) / h)


def gradient(
    function: Callable[[Array], float], x: Array, indices: list[tuple[int, ...]]
) -> dict[tuple[int, ...], Slope]:
    """Return the slope of a function of an array along some of its elements."""
    found = {}
    for index in indices:

        def moved(h: float, index: tuple[int, ...] = index) -> float:
            near = x.copy()
            near[index] += h
            return function(near)

        found[index] = slope(moved, max(abs(float(x[index])), 1.0))
    return found
