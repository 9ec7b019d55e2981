"""From arrays to figures: what a recording keeps of an activation, a parameter, a recurrence.

Plain functions of NumPy arrays, the same for every source. Large arrays are measured on a strided
sample; sums and squares are taken in float64. Nothing here warns or raises on numbers that are not
finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ..arrays import Array

MOST_SAMPLES = 65_536  # elements measured of one array; the error of a share is under 0.4 points
MOST_FOR_SPREAD = 4_096  # elements measured for a mean or a standard deviation
MOST_UNITS = 1_024  # of one site; of a wider layer every k-th unit is counted
SATURATED = 0.05  # of the largest local derivative
CERTAIN = 0.99  # a softmax row whose largest weight is above passes almost no gradient
KEPT = 1e-3  # a gradient through time counts as carried while so much of it is left
FEWEST_ROWS = 8  # for the spread of a column
ALIKE = 1e-5  # rows that differ by less, relative to their largest number, are copies

RELU_KIN = ("relu", "relu6", "leaky_relu", "prelu")
"""Flat, or nearly so, on one side by design: judged by unit."""

ROWWISE = ("softmax", "log_softmax", "masked_softmax")

RANGES: dict[str, tuple[float | None, float | None]] = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "masked_softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "relu": (0.0, None),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, None),
    "log_softmax": (None, 0.0),
    "log_sigmoid": (None, 0.0),
}
"""What an op can put out, where it is limited: (low, high), None for no limit."""


def _sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)


def _gelu_slope(x: Array) -> Array:
    inner = 0.7978845608028654 * (x + 0.044715 * x**3)  # the tanh form: near enough for a share
    phi = 0.5 + 0.5 * np.tanh(inner)
    return phi + x * 2 * phi * (1 - phi) * 0.7978845608028654 * (1 + 0.134145 * x * x)


SLOPES: dict[str, Callable[[Array, Array], Array]] = {
    "sigmoid": lambda x, out: 4 * out * (1 - out),
    "tanh": lambda x, out: 1 - out * out,
    "log_sigmoid": lambda x, out: 1 - np.exp(out),
    "hard_sigmoid": lambda x, out: (out > 0) & (out < 1),
    "hard_tanh": lambda x, out: (out > np.min(out)) & (out < np.max(out)),
    "relu": lambda x, out: out > 0,
    "relu6": lambda x, out: (out > 0) & (out < 6),
    "leaky_relu": lambda x, out: np.where(x > 0, 1.0, 0.5),
    "prelu": lambda x, out: np.where(x > 0, 1.0, 0.5),
    "elu": lambda x, out: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
    "selu": lambda x, out: np.where(x > 0, 0.5976946, np.exp(np.minimum(x, 0))),
    "gelu": lambda x, out: np.abs(_gelu_slope(x)) / 1.13,
    "silu": lambda x, out: np.abs((s := _sigmoid(x)) + out * (1 - s)) / 1.1,
    "softplus": lambda x, out: _sigmoid(x),
}
"""Local derivatives by op, relative to the largest, of input and output."""

ACTIVATIONS = (*SLOPES, *ROWWISE)


def unit_view(array: Array, axis: int = -1) -> Array:
    """Return an array as (samples, positions, units), units along `axis`.

    With four axes units are channels and the rest but the first are positions; else every other
    axis counts samples. A single row, or number, is one sample.
    """
    if array.ndim < 2:
        return array.reshape(1, 1, -1)
    units = np.moveaxis(array, axis, -1)
    if array.ndim >= 4 and axis in (1, 1 - array.ndim):
        return units.reshape(units.shape[0], -1, units.shape[-1])
    return units.reshape(-1, 1, units.shape[-1])


def unit_axis(ndim: int) -> int:
    """Return where the units of an activation lie if nothing else is known."""
    return 1 if ndim >= 4 else -1


def rows_of(view: Array, phase: int = 0) -> tuple[slice, slice, slice]:
    """Return which samples, positions and units to measure: whole samples where they fit.

    `phase` moves the choice, so that a batch that never changes is seen whole in time.
    """
    samples, positions, units = view.shape
    by_unit = max(1, math.ceil(units / MOST_UNITS))
    wide = math.ceil(units / by_unit)
    by_position = max(1, math.ceil(positions * wide / MOST_SAMPLES))
    by_sample = max(
        1, math.ceil(samples * math.ceil(positions / by_position) * wide / MOST_SAMPLES)
    )
    return (
        slice(phase % by_sample, None, by_sample),
        slice(phase % by_position, None, by_position),
        slice(None, None, by_unit),
    )


def activation_figures(
    op: str, x: Array, out: Array, *, axis: int | None = None, phase: int = 0
) -> tuple[dict[str, float], Array | None]:
    """Measure an activation: its figures, and in how many samples each unit was active.

    x is what went in and `out` what came out, of one shape. Active is a unit of ReLU's kin above 0,
    any other where its local derivative is over 5 % of the largest. `axis` is that of the units; of
    a softmax that of the weights, which are no units: it gets None.

    >>> x = np.array([[-1.0, 2.0], [-3.0, -4.0]])
    >>> activation_figures("relu", x, np.maximum(x, 0))[1]
    array([0, 1])
    """
    with np.errstate(all="ignore"):
        if op in ROWWISE:
            return _softmax_figures(op, out, -1 if axis is None else axis), None
        view = unit_view(out, unit_axis(out.ndim) if axis is None else axis)
        chosen = rows_of(view, phase)
        taken = view[chosen].astype(np.float64)
        put_in = taken
        if x.shape == out.shape:
            put_in = unit_view(x, unit_axis(x.ndim) if axis is None else axis)[chosen]
            put_in = put_in.astype(np.float64)
        slope = SLOPES[op](put_in, taken)
        live = taken > 0 if op in RELU_KIN else slope >= SATURATED
        figures = {
            "samples": float(taken.shape[0]),
            "elements": float(taken.size),
            "saturated": 0.0 if op in RELU_KIN else float(np.count_nonzero(slope < SATURATED)),
            "flat": float(np.count_nonzero(slope == 0)),
            **spread_figures(out),
        }
        return figures, np.count_nonzero(live.any(axis=1), axis=0)


def _softmax_figures(op: str, out: Array, axis: int) -> dict[str, float]:
    rows = np.moveaxis(out, axis, -1) if out.ndim else out.reshape(1)
    rows = rows.reshape(-1, rows.shape[-1])
    rows = rows[:: max(1, math.ceil(rows.size / MOST_SAMPLES))].astype(np.float64)
    largest = np.max(rows, axis=-1) if rows.size else np.zeros(0)
    largest = np.exp(largest) if op.startswith("log") else largest
    return {
        "samples": float(rows.shape[0]),
        "elements": float(rows.shape[0]),
        "saturated": float(np.count_nonzero(largest > CERTAIN)),
        "flat": float(np.count_nonzero(largest == 1.0)),
        **spread_figures(out),
    }


def spread_figures(array: Array) -> dict[str, float]:
    """Return mean and standard deviation of a sample."""
    if not array.size:
        return {}
    with np.errstate(all="ignore"):
        mean, std = spread(strided(array, MOST_FOR_SPREAD).astype(np.float64))
        return {"mean": mean, "std": std}


def spread(taken: Array) -> tuple[float, float]:
    """Return mean and standard deviation of a flat array in float64, not of an empty one.

    They are NumPy's to within rounding, at a fifth of the time for a small array.
    """
    mean = float(np.add.reduce(taken)) / taken.size
    centred = taken - mean
    return mean, math.sqrt(float(centred.dot(centred)) / taken.size)


def input_figures(array: Array) -> dict[str, float]:
    """Measure data: mean, std, and how many times the stds of its columns differ.

    Columns are judged where there are two axes and enough rows; constant ones do not count.
    """
    figures = spread_figures(array)
    if array.ndim == 2 and array.shape[0] >= FEWEST_ROWS and array.shape[1] >= 2:
        rows = array[:: max(1, array.size // MOST_SAMPLES), :MOST_UNITS].astype(np.float64)
        with np.errstate(all="ignore"):
            stds = np.std(rows, axis=0)
            stds = stds[stds > 0]
            if stds.size >= 2:
                figures["column_ratio"] = float(np.max(stds) / np.min(stds))
    return figures


def parameter_figures(
    value: Array, gradient: Array | None, *, axis: int | None = None
) -> dict[str, float]:
    """Measure a parameter; `axis` is the one along which a weight's units lie, None without units.

    `gradient_rms` is absent without a gradient, the two about rows where there are no two units.
    """
    with np.errstate(all="ignore"):
        sample = strided(value, MOST_FOR_SPREAD).astype(np.float64)
        whole = sample if sample.size == value.size else value
        figures = {"rms": rms(whole), "std": spread(sample)[1] if sample.size else 0.0}
        if gradient is not None:
            figures["gradient_rms"] = rms(gradient)
        if axis is not None and value.ndim >= 2 and value.shape[axis] >= 2:
            figures["rows_equal"] = float(rows_equal(value, axis))
            if gradient is not None:
                figures["gradient_rows_equal"] = float(rows_equal(gradient, axis))
        return figures


def rows_equal(array: Array, axis: int) -> bool:
    """Tell whether the rows along `axis` are copies of one another, to within rounding."""
    rows = array if axis == 0 else np.moveaxis(array, axis, 0)
    rows = rows[:: max(1, rows.shape[0] // MOST_UNITS)]
    rows = rows.reshape(rows.shape[0], -1)
    rows = rows[:, :: max(1, math.ceil(rows.size / MOST_SAMPLES))]
    if rows.size == 0:
        return False
    largest = max(float(rows.max()), -float(rows.min()))
    if not math.isfinite(largest):
        return False
    first = rows[0].astype(np.float64)
    for few in (rows[1:2], rows[1:]):  # most often two rows tell
        if np.abs(few - first).max(initial=0.0) > ALIKE * largest:
            return False
    return True


def update_figures(before: Array, after: Array) -> dict[str, float]:
    """Measure the real change of a parameter, given its strided values before and after."""
    with np.errstate(all="ignore"):
        change = after.astype(np.float64) - before.astype(np.float64)
        std = spread(change.reshape(-1))[1] if change.size else 0.0
        # A difference that is not a number says nothing: the two may be the same infinity.
        unchanged = (
            not change.any() if std == std else np.array_equal(before, after, equal_nan=True)
        )
        return {"update_std": std, "unchanged": float(unchanged)}


def recurrence_figures(norms: Sequence[float]) -> dict[str, float]:
    """Measure a gradient on its way back through repeated applications; the latest comes first.

    `growth` is the factor per application (the geometric mean), `total` the one over all, `horizon`
    the number of applications over which at least a thousandth of the gradient is left.
    """
    times = len(norms)
    start, end = norms[0], norms[-1]
    total = end / start if start > 0 else math.nan
    gone = (i for i, norm in enumerate(norms) if not norm >= KEPT * start)
    growth = total ** (1 / (times - 1)) if times > 1 and total >= 0 else math.nan
    return {
        "times": float(times),
        "growth": growth,
        "total": total,
        "horizon": float(next(gone, times)),
    }


def spectral_radius(matrix: Array) -> float:
    """Return the largest modulus of an eigenvalue, NaN where the numbers are not finite."""
    if not np.all(np.isfinite(matrix)):
        return math.nan
    try:
        return float(np.max(np.abs(np.linalg.eigvals(matrix.astype(np.float64)))))
    except np.linalg.LinAlgError:  # it does not converge
        return math.nan


def range_figures(name: str, array: Array) -> dict[str, float]:
    """Return the smallest and the largest number of a sample as `<name>_min`, `<name>_max`."""
    taken = strided(array, MOST_SAMPLES)
    if not taken.size:
        return {}
    return {f"{name}_min": float(np.min(taken)), f"{name}_max": float(np.max(taken))}


def non_finite_figures(array: Array) -> dict[str, int]:
    """Count what is not finite in a whole array."""
    nan, inf = int(np.count_nonzero(np.isnan(array))), int(np.count_nonzero(np.isinf(array)))
    return {"count": nan + inf, "size": int(array.size), "nan": nan, "inf": inf}


def rms(array: Array) -> float:
    """Return the root of the mean square of a sample."""
    taken = strided(array, MOST_SAMPLES).astype(np.float64, copy=False)
    return math.sqrt(float(taken.dot(taken)) / taken.size) if taken.size else 0.0


def strided(array: Array, most: int) -> Array:
    """Return at most `most` elements, flat: every k-th, where k shares no factor with a row.

    Otherwise it would always meet the same columns.
    """
    if array.size <= most:
        return array.reshape(-1)
    step = math.ceil(array.size / most)
    while array.ndim and step > 1 and math.gcd(step, array.shape[-1]) != 1:
        step += 1
    if array.flags.c_contiguous:
        return array.reshape(-1)[::step]
    return np.asarray(array.flat[::step])
