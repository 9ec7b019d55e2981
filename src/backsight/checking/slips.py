"""Naming a slip from the two arrays alone: what was claimed, and what is right.

Each pattern is tried on the numbers; a name is given only where the pattern reproduces the claimed
array to within rounding, and the evidence says how.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np

from ..arrays import Array

CLOSE = 1e-5
"""How well a pattern must fit, relative to the largest entry."""

Slip = tuple[str, str]
"""A slug of the closed list, and the evidence."""


def slip_of(
    claimed: Array, right: Array, dout: Array, with_upstream: Callable[[Array], Array]
) -> Slip | None:
    """Return the slip that explains a wrong gradient, None if none does.

    `with_upstream(dout)` is the right gradient for another upstream one.
    """
    for found in _candidates(claimed, right, dout, with_upstream):
        return found
    return None


def fits(one: Array, other: Array) -> bool:
    """Tell whether two arrays are equal to within rounding."""
    if one.shape != other.shape:
        return False
    scale = float(np.max(np.abs(other), initial=0.0))
    return bool(np.all(np.abs(one - other) <= CLOSE * max(scale, 1e-12)))


def _candidates(
    claimed: Array, right: Array, dout: Array, with_upstream: Callable[[Array], Array]
) -> Iterator[Slip]:
    if claimed.shape != right.shape:
        yield from _of_other_shape(claimed, right)
        yield "wrong-shape", f"the gradient has shape {claimed.shape}, the argument {right.shape}"
        return
    if not np.any(claimed):
        yield "zero", f"all {claimed.size} elements are 0; right ones reach {_largest(right)}"
    if fits(claimed, -right):
        yield "sign", "it is the right gradient times −1"
    yield from _factor(claimed, right, dout)
    if right.ndim == 2 and right.shape[0] == right.shape[1] and fits(claimed.T, right):
        yield "transposed", "its transpose is the right gradient"
    if fits(claimed, with_upstream(np.ones_like(dout))) and not fits(dout, np.ones_like(dout)):
        yield "upstream-missing", "it is the gradient for an upstream gradient of 1 everywhere"
    yield from _masked(claimed, right, dout)


def _of_other_shape(claimed: Array, right: Array) -> Iterator[Slip]:
    if claimed.ndim == 2 and claimed.T.shape == right.shape and fits(claimed.T, right):
        yield "transposed", "its transpose is the right gradient"
    if claimed.size > right.size:
        for count in range(1, claimed.ndim + 1):
            for axes in itertools.combinations(range(claimed.ndim), count):
                total = np.sum(claimed, axis=axes)
                if total.size == right.size and fits(total.reshape(right.shape), right):
                    named = ", ".join(map(str, axes))
                    yield "unsummed-broadcast", f"its sum over axis {named} is the right gradient"
                    return


def _factor(claimed: Array, right: Array, dout: Array) -> Iterator[Slip]:
    size = float(np.vdot(right, right).real)
    if size == 0:
        return
    factor = float(np.vdot(right, claimed).real) / size
    named = _named(factor, dout)  # of any other factor it is not known that it is one everywhere
    if named and fits(claimed, factor * right):
        yield "factor", f"it is {factor:.6g} times the right gradient{named}"


def _named(factor: float, dout: Array) -> str:
    """Say what a factor equals, "" unless that is something that one meets."""
    counts = {f"axis {i} of the output has {n}": n for i, n in enumerate(dout.shape) if n > 1}
    counts["the output has as many elements"] = dout.size
    for what, count in counts.items():
        if count > 1 and math.isclose(abs(factor), count, rel_tol=1e-4):
            return f"; {what} elements" if "axis" in what else f"; {what}"
        if count > 1 and math.isclose(abs(factor), 1 / count, rel_tol=1e-4):
            return f", 1/{count}; {what}{' elements' if 'axis' in what else ''}"
    return {2.0: ", the 2 of a square", 0.5: ", the 2 of a square"}.get(round(factor, 6), "")


def _masked(claimed: Array, right: Array, dout: Array) -> Iterator[Slip]:
    """Elements that should have been stopped got through, or the other way round."""
    passed = (right == 0) & (claimed != 0)
    stopped = (right != 0) & (claimed == 0)
    same = np.isclose(claimed, right, rtol=CLOSE, atol=0) | passed | stopped
    if not np.all(same) or not np.any(right != 0):
        return
    if np.any(passed) and not np.any(stopped):
        yield (
            "mask-missing",
            (
                f"{int(np.sum(passed))} of {right.size} elements should be 0 and are not; the "
                "others are right"
            ),
        )
    if fits(claimed + right, dout) and claimed.shape == dout.shape:
        yield "mask-wrong-side", "the elements that pass and those that are stopped are swapped"


def _largest(array: Array) -> str:
    return f"{float(np.max(np.abs(array), initial=0.0)):.3g}"
