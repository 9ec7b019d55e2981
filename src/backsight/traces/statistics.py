"""What is kept of an array when the array itself is not: `Statistics`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..errors import DTypeError

# Squares of larger (smaller) float64 numbers would overflow (underflow); see `moments`.
SAFE_TO_SQUARE = (1e-140, 1e140)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Size, spread and extremes of one array.

    `count` is the number of elements, `nonfinite` how many of them are infinite or NaN, `zeros` the
    share (0 to 1) that is exactly zero. The rest is of the finite elements alone, NaN where there
    are none: `std` is that of the population, `rms` the root of the mean square.
    """

    shape: tuple[int, ...]
    dtype: str
    count: int
    nonfinite: int
    zeros: float
    mean: float
    std: float
    rms: float
    minimum: float
    maximum: float


def statistics(array: Array) -> Statistics:
    """Measure an array, a NumPy scalar or a number, in float64 whatever its dtype.

    Arrays that speak NumPy's protocols only (CuPy's) are measured where they are. Complex numbers
    are measured by their magnitudes. Raises DTypeError for what is not a number.
    """
    array = in_numpy(array)
    dtype = np.dtype(array.dtype)
    shape = tuple(int(length) for length in array.shape)
    count = math.prod(shape)
    with np.errstate(all="ignore"):
        values = in_float64(array, dtype)
        zeros = (count - int(np.count_nonzero(values))) / count if count else 0.0
        nonfinite = 0
        if count and not math.isfinite(float(np.max(values)) - float(np.min(values))):
            finite = np.isfinite(values)
            nonfinite = count - int(np.count_nonzero(finite))
            values = values[finite]
        spread = moments(values) if nonfinite < count else (math.nan,) * 5
    return Statistics(shape, dtype.name, count, nonfinite, zeros, *spread)


def in_numpy(array: Any) -> Any:
    """Return `array` as NumPy's own, or as it is where only the protocols can reach it."""
    if hasattr(array, "__array_ufunc__") and not hasattr(array, "__array__"):
        return array
    try:
        return np.asarray(array)
    except TypeError:  # CuPy forbids the silent copy from the device
        if not hasattr(array, "__array_ufunc__"):
            raise
        return array


def in_float64(array: Any, dtype: np.dtype[Any]) -> Any:
    """Return the numbers as float64; magnitudes where the numbers are complex."""
    if dtype.kind in "OSUmM":
        raise DTypeError(f"statistics: {dtype.name} {array.shape} holds no numbers to measure")
    if dtype.kind == "c":
        array = np.abs(array)
    try:
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise DTypeError(
            f"statistics: {dtype.name} {array.shape} is not one number each"
        ) from error


def moments(values: Any) -> tuple[float, float, float, float, float]:
    """Return mean, std, rms, minimum and maximum of finite float64 numbers, one or more.

    Very large and very small numbers are measured in units of a power of two, so that no square
    leaves float64's range. Rounding is kept from carrying a result outside its mathematical bounds.
    """
    low, high = float(np.min(values)), float(np.max(values))
    largest = max(-low, high)
    smallest_safe, largest_safe = SAFE_TO_SQUARE
    exponent = 0
    if largest and not smallest_safe < largest < largest_safe:
        exponent = math.frexp(largest)[1]
        values = np.ldexp(values, -exponent)
    below, above = (math.ldexp(bound, -exponent) for bound in (low, high))
    mean = min(max(float(np.mean(values)), below), above)
    std = min(root_mean_square(np.subtract(values, mean)), (above - below) / 2)
    rms = min(root_mean_square(values), max(-below, above))
    return (
        math.ldexp(mean, exponent),
        math.ldexp(std, exponent),
        math.ldexp(rms, exponent),
        low,
        high,
    )


def root_mean_square(values: Any) -> float:
    """Return the root of the mean square, without an array of squares."""
    return math.sqrt(float(np.vdot(values, values)) / math.prod(values.shape))
