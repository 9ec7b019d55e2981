"""`check(forward, backward, *inputs)`: compare a hand-written backward pass with differences.

All is done in float64. Small inputs are checked element by element; of large ones a drawn sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..errors import UsageError
from ..pages import Block, Page, Prose, Table
from .differences import Slope, gradient
from .functions import Pair, differentiable, pair_of
from .slips import slip_of

MOST_ELEMENTS = 400  # of one argument that are checked one by one
SAMPLED = 60  # elements of a larger one
TOLERANCE = 1e-6  # relative to the largest entry of the gradient
VERSION = 1


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on the gradient of one argument.

    `verdict` is `ok`, `wrong`, `kink` (right within the slopes of both sides), `round-off` (the
    differences are too inexact to tell), `zero` (both are zero) or `independent` (the output does
    not depend on the argument). `slip` names what is wrong, None where that is not known.
    """

    function: str
    argument: str
    verdict: str
    slip: str | None
    evidence: str
    max_error: float
    index: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found: `.ok`, `.results`, `.page()`, `.to_dict()`."""

    results: tuple[Result, ...]

    @property
    def ok(self) -> bool:
        """Whether no gradient is wrong."""
        return all(result.verdict != "wrong" for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return the results as JSON data."""
        results = [
            {**asdict(r), "index": list(r.index) if r.index is not None else None}
            for r in self.results
        ]
        return {"version": VERSION, "results": results}

    def page(self) -> Page:
        """Return what the check looks like."""
        rows = tuple(
            (f"{r.function}: d{r.argument}", r.verdict, r.slip or "", r.evidence)
            for r in self.results
        )
        wrong = sum(r.verdict == "wrong" for r in self.results)
        verdict = (
            f"{wrong} of {len(rows)} gradients wrong." if wrong else "All gradients are right."
        )
        blocks: tuple[Block, ...] = (
            Prose(verdict, severity="critical" if wrong else "ok"),
            Table(rows, ("gradient", "verdict", "slip", "evidence")),
        )
        return Page("Check of a backward pass", blocks)

    def __str__(self) -> str:
        return str(self.page())


def check(
    forward: Callable[..., Any], backward: Any, *inputs: Any, seed: int = 0, name: str = ""
) -> Check:
    """Check the gradients that a backward claims, argument by argument.

    `forward` and `backward` may be plain NumPy functions of many shapes (functions.py says which),
    or a Backsight op with None for its backward; instead of a backward a gradient may be claimed.
    Inputs are promoted to float64.

    Raises UsageError where there is nothing to differentiate, or the forward gives no array.
    """
    given = [_promoted(x) for x in inputs]
    pair = pair_of(forward, backward, given)
    places = differentiable(given)
    if not places:
        raise UsageError(f"{pair.name}: no input is an array of real numbers")
    rng = np.random.default_rng(seed)
    out = _array(pair, pair.forward([np.copy(x) for x in given]))
    dout = np.ones_like(out) if pair.scalar else rng.standard_normal(out.shape)
    label = name or pair.name
    copies, upstream = [np.copy(x) for x in given], np.copy(dout)
    claimed = pair.backward(copies, upstream)
    results = list(_contract(label, pair, given, copies, dout, upstream))
    if len(claimed) < len(places):
        raise UsageError(
            f"{label}: the backward returns {len(claimed)} gradients for {len(places)} arguments: "
            f"{', '.join(pair.arguments)}"
        )
    for place, argument, dx in zip(places, pair.arguments, claimed, strict=False):
        results.append(_judged(pair, label, argument, place, given, dout, dx, rng))
    return Check(tuple(results))


def _promoted(x: Any) -> Any:
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        return x.astype(np.float64)
    return np.float64(x) if isinstance(x, float | np.floating) else x


def _array(pair: Pair, out: Any) -> Array:
    array = np.asarray(out)
    if array.dtype.kind != "f":
        raise UsageError(
            f"{pair.name}: the forward returns {type(out).__name__}, not an array of real numbers"
        )
    return array


def _contract(
    label: str, pair: Pair, given: list[Any], copies: list[Any], dout: Array, upstream: Array
) -> list[Result]:
    """Report what the pair wrote into."""
    found = []
    for argument, before, after in zip(pair.arguments, given, copies, strict=False):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
            text = f"{argument} was written to; work on a copy"
            found.append(Result(label, argument, "wrong", "input-modified", text, math.inf, None))
    if not np.array_equal(dout, upstream):
        text = "the upstream gradient was written to; its owner may still need it"
        found.append(Result(label, "dout", "wrong", "upstream-modified", text, math.inf, None))
    return found


def _judged(
    pair: Pair,
    label: str,
    argument: str,
    place: int,
    given: list[Any],
    dout: Array,
    dx: Any,
    rng: np.random.Generator,
) -> Result:
    x = np.asarray(given[place])

    def loss(near: Array, upstream: Array) -> float:
        moved = [np.copy(each) for each in given]
        moved[place] = near if np.ndim(given[place]) else near[()]
        return float(np.sum(np.asarray(pair.forward(moved)) * upstream))

    indices = list(np.ndindex(x.shape))
    whole = len(indices) <= MOST_ELEMENTS
    if not whole:
        indices = [indices[i] for i in rng.choice(len(indices), SAMPLED, replace=False)]
    slopes = gradient(lambda near: loss(near, dout), x, indices)
    right = np.full(x.shape, np.nan)
    for index, each in slopes.items():
        right[index] = each.value
    if dx is None:
        flat = all(abs(s.value) <= max(s.error, 1e-12) for s in slopes.values())
        verdict = "independent" if flat else "wrong"
        text = "no gradient is given" + (
            "" if flat else f"; right ones reach {np.nanmax(np.abs(right)):.3g}"
        )
        return Result(label, argument, verdict, None if flat else "zero", text, 0.0, None)
    claimed = np.asarray(dx)
    if claimed.dtype.kind != "f":
        text = f"the gradient is of {claimed.dtype}, not of real numbers"
        return Result(label, argument, "wrong", "wrong-dtype", text, math.inf, None)

    def with_upstream(other: Array) -> Array:
        found = gradient(lambda near: loss(near, other), x, list(np.ndindex(x.shape)))
        return np.array([found[i].value for i in np.ndindex(x.shape)]).reshape(x.shape)

    if claimed.shape != x.shape:
        slip = slip_of(claimed, right, dout, with_upstream) if whole else None
        slug, text = slip or ("wrong-shape", f"it has shape {claimed.shape}, not {x.shape}")
        return Result(label, argument, "wrong", slug, text, math.inf, None)
    return _compared(label, argument, claimed, right, slopes, whole, dout, with_upstream)


def _compared(
    label: str,
    argument: str,
    claimed: Array,
    right: Array,
    slopes: dict[tuple[int, ...], Slope],
    whole: bool,
    dout: Array,
    with_upstream: Callable[[Array], Array],
) -> Result:
    scale = max((abs(s.value) for s in slopes.values() if math.isfinite(s.value)), default=0.0)
    worst, at, kinks, unsure = 0.0, None, 0, 0
    for index, each in slopes.items():
        apart = abs(float(claimed[index]) - each.value)
        apart = math.inf if math.isnan(apart) else apart
        allowed = TOLERANCE * max(scale, 1e-9) + 10 * each.error
        if apart <= allowed:
            unsure += each.error > 1e-2 * max(scale, 1e-12)
            continue
        low, high = sorted((each.left, each.right))
        slack = 1e-4 * max(abs(low), abs(high), 1e-9)
        if each.is_kink and low - slack <= claimed[index] <= high + slack:
            kinks += 1
        elif apart > worst:
            worst, at = apart, index
    if at is not None:
        slip = slip_of(claimed, right, dout, with_upstream) if whole else None
        exact = slopes[at].value
        text = f"at {_shown(at)}: {float(claimed[at]):.6g} where {exact:.6g} is right"
        if slip is not None:
            text = f"{slip[1]}; {text}"
        relative = worst / max(scale, 1e-300)
        return Result(label, argument, "wrong", slip[0] if slip else None, text, relative, at)
    if kinks:
        text = f"{kinks} elements lie on a kink, and the gradient lies between its two slopes"
        return Result(label, argument, "kink", None, text, 0.0, None)
    if not np.any(claimed) and scale <= 1e-10:
        return Result(label, argument, "zero", None, "both are zero", 0.0, None)
    if unsure == len(slopes):
        text = "the differences are lost in rounding; try inputs of another size"
        return Result(label, argument, "round-off", None, text, 0.0, None)
    checked = "" if whole else f" on {len(slopes)} drawn elements"
    error = max((abs(float(claimed[i]) - s.value) for i, s in slopes.items()), default=0.0)
    return Result(label, argument, "ok", None, f"agrees{checked}", error / max(scale, 1e-300), None)


def _shown(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else "the number"
