"""An op with its derivative over a range, both computed by the op itself."""

from __future__ import annotations

import difflib
import math
from typing import Any

import numpy as np

from ..arrays import Array
from ..chain import pulled
from ..errors import UsageError
from ..ops.protocol import OPS, Op
from ..pages.vector.axes import WIDTH, laid_out
from ..pages.vector.plot import Plot, Series, Stretch, changes
from ..pages.vector.scales import brief
from ..traces.trace import Edge, Node, Trace
from .graph import Drawing

POINTS = 601
SATURATED = 0.05  # of the largest local derivative: as rules count it
HALVINGS = 40  # of the space between two points, to find a jump in it
JUMP = 1e-3  # of the largest derivative (of the range of values): more is no rounding
FAR = 8.0  # times what 95 % of the values reach: drawn so tall, the others would be a line
AXES = ("axis", "axes")


def draw_op(
    name: str, low: float = -6.0, high: float = 6.0, *, width: float = WIDTH, **attributes: Any
) -> Drawing:
    """Draw an op and its derivative from low to high: `draw_op("gelu", approximate="tanh")`.

    The line is the op's forward, the dashed one its backward with an upstream gradient of 1. Shaded
    is where it saturates: its derivative is under 5 % of the largest there, so hardly any gradient
    comes through. Where the derivative jumps (a kink) its line is broken, and a dot is what the
    backward takes. Raises UsageError for what is no op of one array, elementwise.
    """
    op = found(name)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UsageError(f"an op is drawn over a range of finite numbers, not {low} to {high}")
    x = np.linspace(low, high, POINTS)
    out, slope = computed(op, x, attributes)
    shown = np.isfinite(out) & np.isfinite(slope)
    if not shown.any():
        raise UsageError(f"{name} has no finite value from {brief(low)} to {brief(high)}")
    kinks, leaps = jumps(op, x, slope, 1, attributes), jumps(op, x, out, 0, attributes)
    value, cut_value = within(points(op, x, 0, leaps, attributes))
    derivative, cut_slope = within(points(op, x, 1, sorted({*kinks, *leaps}), attributes))
    series = [Series(op.name, value, "value"), Series("derivative", derivative, "gradient")]
    if kinks:
        taken = computed(op, np.array(kinks), attributes)[1]
        at_kinks = tuple(zip(kinks, taken.tolist(), strict=True))
        series.append(Series("", at_kinks, "gradient", dots=True))
    wide = computed(op, np.linspace(low - (high - low), high + (high - low), POINTS), attributes)[1]
    limited = not cut_slope and np.nanmax(np.abs(wide)) <= 1.01 * np.nanmax(np.abs(slope))
    stretches = flat_stretches(x, slope) if limited else ()
    notes = [] if cut_slope else [about(slope[shown], x[shown], shaded=bool(stretches))]
    notes += [told(op, kink, x, attributes) for kink in kinks[:4]]
    if leaps:
        more = ", …" if len(leaps) > 4 else ""
        places = ", ".join(map(brief, leaps[:4]))
        notes.append(f"The value itself jumps at {places}{more}: no derivative tells of that.")
    if not shown.all():
        gone = x[~shown]
        span = f"from {brief(gone[0])} to {brief(gone[-1])}" if len(gone) > 1 else ""
        notes.append(f"Not defined everywhere {span}." if span else f"Not defined at {gone[0]:g}.")
    if cut_value or cut_slope:
        notes.append("It goes on beyond the upper or lower edge.")
    given = "".join(f", {key}={shown_value}" for key, shown_value in attributes.items())
    plot = Plot(
        f"{op.name}(x{given}) and its derivative",
        "x",
        "",
        tuple(series),
        stretches=stretches,
        notes=tuple(notes),
        x_range=(low, high),
        zero=True,
        name=f"op-{op.name}",
    )
    return Drawing(laid_out(plot, width=width, height=230))


def found(name: str) -> Op:
    """Return the op of that name. Raises UsageError with the nearest names for an unknown one."""
    op = OPS.get(name)
    if op is None or op.backward_function is None:
        near = difflib.get_close_matches(name, OPS, 3, 0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise UsageError(f"there is no op {name!r}{hint}")
    needed = [each for each in op.inputs if each not in op.optional]
    if op.listed or len(needed) != 1 or any(axis in op.attributes for axis in AXES):
        raise UsageError(
            f"{name} is not a function of one number; what can be drawn takes one array, "
            "elementwise: sigmoid, tanh, relu, gelu, …"
        )
    return op


def computed(op: Op, x: Array, attributes: dict[str, Any]) -> tuple[Array, Array]:
    """Run an op forward, and its backward with an upstream gradient of ones. Raises UsageError."""
    unknown = [key for key in attributes if key not in op.attributes]
    if unknown:
        known = ", ".join(op.attributes) or "none"
        raise UsageError(f"{op.name} has no attribute {unknown[0]!r}; it has {known}")
    try:
        with np.errstate(all="ignore"):
            out = op(x, **attributes)
        if np.shape(out) != x.shape or np.asarray(out).dtype.kind != "f":
            raise UsageError(f"{op.name} is not elementwise: {x.shape} becomes {np.shape(out)}")
        given = Node(0, "input", value=x)
        applied = Node(
            1, op.name, (Edge(op.inputs[0], 0),), {**op.attributes, **attributes}, value=out
        )
        gradients = pulled(Trace((given, applied)), applied, np.ones_like(out))
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise UsageError(f"{op.name} cannot be drawn: {error}") from error
    assert gradients is not None
    slope = np.zeros_like(x) if gradients[0] is None else gradients[0]
    out = np.asarray(out, dtype=np.float64)
    return out, np.where(np.isfinite(out), slope, np.nan)  # no slope where there is no value


def jumps(op: Op, x: Array, numbers: Array, which: int, attributes: dict[str, Any]) -> list[float]:
    """Return where the value (`which` 0) or the derivative (1) of an op jumps.

    Between two points the half with the larger change is taken again and again: what is smooth
    changes less and less, a jump stays.
    """
    with np.errstate(all="ignore"):
        change = np.abs(np.diff(numbers))
        spread = np.max(numbers[np.isfinite(numbers)]) - np.min(numbers[np.isfinite(numbers)])
        candidates = np.flatnonzero(np.isfinite(change) & (change > JUMP * spread))
        if not candidates.size or not spread:
            return []
        left, right = x[candidates], x[candidates + 1]
        low, high = numbers[candidates], numbers[candidates + 1]
        for _ in range(HALVINGS):
            middle = (left + right) / 2
            at = computed(op, middle, attributes)[which]
            first = np.abs(at - low) >= np.abs(high - at)
            left, low = np.where(first, left, middle), np.where(first, low, at)
            right, high = np.where(first, middle, right), np.where(first, at, high)
        largest = np.max(np.abs(numbers[np.isfinite(numbers)]))
        bounded = np.maximum(np.abs(low), np.abs(high)) <= 2 * largest  # no pole
        real = bounded & (np.abs(high - low) > JUMP * spread)
    places = ((left + right) / 2)[real]
    # A jump in a grid point is seen from both sides of it.
    return sorted({float(round(place, 9)) + 0.0 for place in places.tolist()})


def points(
    op: Op, x: Array, which: int, breaks: list[float], attributes: dict[str, Any]
) -> tuple[tuple[float, float], ...]:
    """Return the points of a line, broken at jumps: up to them from the left and from the right."""
    near = (x[-1] - x[0]) * 1e-7
    sides = [side for place in breaks for side in (place - near, place + near)]
    apart = x[np.all(np.abs(x[:, None] - np.array([*breaks, np.inf])) > near, axis=1)]
    inside = [side for side in sides if x[0] <= side <= x[-1]]
    at = np.sort(np.concatenate([apart, inside]))
    line = dict(zip(at.tolist(), computed(op, at, attributes)[which].tolist(), strict=True))
    line |= dict.fromkeys(breaks, math.nan)
    return tuple(sorted(line.items()))


def within(line: tuple[tuple[float, float], ...]) -> tuple[tuple[tuple[float, float], ...], bool]:
    """Break a line where it leaves for infinity, and tell whether it does."""
    sizes = np.array([abs(y) for _, y in line if math.isfinite(y)])
    usual = float(np.quantile(sizes, 0.95)) if sizes.size else 0.0
    if not usual or float(np.max(sizes)) <= FAR * usual:
        return line, False
    return tuple((x, y if abs(y) <= 2 * usual else math.nan) for x, y in line), True


def flat_stretches(x: Array, slope: Array) -> tuple[Stretch, ...]:
    """Return where a derivative is under 5 % of its largest."""
    sizes = np.where(np.isfinite(slope), np.abs(slope), np.nan)
    largest = float(np.nanmax(sizes))
    flat = [bool(size < SATURATED * largest or size == 0) for size in sizes]
    return tuple(
        Stretch(
            float(x[first]),
            float(x[last]),
            "under 5 % passes" if np.any(slope[first : last + 1]) else "nothing passes",
        )
        for first, last in changes(flat)
        if last > first
    )


def about(slope: Array, x: Array, *, shaded: bool) -> str:
    """Say how large the derivative gets and what is shaded."""
    sizes = np.abs(slope)
    largest = float(np.max(sizes))
    if not largest:
        return "Its derivative is 0 wherever it exists: no gradient ever comes through."
    alike = np.flatnonzero(sizes >= largest * (1 - 1e-9))
    told = f"The derivative is at most {brief(largest)} in size here."
    if len(alike) == 1:
        told = f"The derivative is largest at x = {brief(float(x[alike[0]]))}: {brief(largest)}."
    if shaded:
        told += " Shaded: it is under 5 % of that, so hardly any gradient comes through."
    return told


def told(op: Op, kink: float, x: Array, attributes: dict[str, Any]) -> str:
    """Say what happens at a kink, on both sides of it and in it."""
    near = (x[-1] - x[0]) * 1e-7
    left, taken, right = computed(op, np.array([kink - near, kink, kink + near]), attributes)[1]
    return (
        f"A kink at x = {brief(kink)}: the derivative jumps from {brief(float(left))} to "
        f"{brief(float(right))}; the backward takes {brief(float(taken))} there (marked)."
    )
