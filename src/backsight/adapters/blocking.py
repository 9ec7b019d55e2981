"""How much gradient a clamp blocks, from a sample of its elements, whoever computed it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .figures import rows_of, unit_axis, unit_view

MOST_SAMPLES = 65_536  # elements measured of one array; the error of a share is under 0.4 points


def blocked_figures(
    value: Any, upstream: Any, left: Any, low: Any, high: Any, size: int
) -> dict[str, float]:
    """Measure a clamp by what went into it, the gradient that arrived and the gradient that left.

    All are samples of the same elements of `size` in all; a bound is None, one number or an array.

    `arriving`        elements that gradient reaches
    `leaving`         those that gradient leaves
    `blocked_inward`  gradient arrives, none leaves, and descent (−g) would move the value back into
                      the range: above the upper bound and g > 0, or below the lower and g < 0
    `arriving_norm`, `leaving_norm`   of the gradient before and after
    """
    with np.errstate(all="ignore"):
        arrives = upstream != 0
        leaves = left != 0
        inward = np.zeros(arrives.shape, dtype=bool)
        if high is not None:
            inward |= (value > high) & (upstream > 0)
        if low is not None:
            inward |= (value < low) & (upstream < 0)
        return {
            "elements": float(size),
            "samples": float(value.size),
            "arriving": float(np.count_nonzero(arrives)),
            "leaving": float(np.count_nonzero(leaves)),
            "blocked_inward": float(np.count_nonzero(inward & ~leaves)),
            "arriving_norm": norm(upstream),
            "leaving_norm": norm(left),
        }


def open_counts(
    value: Any, low: Any, high: Any, axis: int | None, phase: int
) -> tuple[int, int, Any]:
    """Count by unit in how many samples a clamp lets gradient through.

    `value` is what went into the clamp; its units lie along `axis` (None: where they usually lie).
    A unit is open in a sample where its value lies within the range, bounds included; a unit of a
    convolution where that is so at any position. One that is open in none is shut: what it puts out
    is a constant, and whatever gradient arrives, none leaves. Returned are the number of units, of
    samples, and an array: in how many samples each unit was open.

    >>> open_counts(np.array([[0.5, 9.0], [2.0, 7.0]]), 0.0, 1.0, None, 0)
    (2, 2, array([1, 0]))
    """
    if axis is None or not -value.ndim <= axis < value.ndim:
        axis = unit_axis(value.ndim)
    with np.errstate(all="ignore"):
        within = np.ones(value.shape, dtype=bool)
        if low is not None:
            within &= ~(value < low)
        if high is not None:
            within &= ~(value > high)
    view = unit_view(within, axis)
    taken = view[rows_of(view, phase)]
    return value.shape[axis], taken.shape[0], np.count_nonzero(taken.any(axis=1), axis=0)


def stride(shape: Sequence[int]) -> int:
    """Return the step that samples an array of this shape: no divisor of its rows' length.

    Otherwise it would always meet the same columns.
    """
    step = max(1, math.ceil(math.prod(shape) / MOST_SAMPLES))
    while shape and step > 1 and math.gcd(step, shape[-1]) != 1:
        step += 1
    return step


def sampled(array: Any, step: int, shape: Sequence[int] | None = None) -> Any:
    """Return every `step`-th element, flat; a bound is stretched to `shape` first."""
    if shape is not None:
        if np.ndim(array) == 0:
            return array
        array = np.broadcast_to(array, shape)
    if array.ndim and array.flags.c_contiguous:
        return array.reshape(-1)[::step]
    return np.ravel(array) if step == 1 else array.flat[::step]


def norm(array: Any) -> float:
    """Return the Euclidean norm, in float64."""
    return float(np.sqrt(np.sum(np.square(array.astype(np.float64)))))
