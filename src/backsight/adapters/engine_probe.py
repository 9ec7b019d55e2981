"""What one backward walk of the engine shows, turned into probes of a recording.

The walk hands over each node with the gradient that arrived and those that left
(engine/observers.py). What can only be known when all is seen, such as on which side of the model a
clip lies, is worked out at the end from a few integers per node; no array outlives its node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine.recorder import OUTPUT
from ..engine.tensors import Tensor
from ..traces.locations import locate, source_lines
from ..traces.recording import Observation, Site
from .clamps import Clamp, clamp_figures, clamp_of, clamp_units
from .engine_sites.activations import fed_by
from .seen import (
    LARGE_CONSTANT,
    PARAMETER,
    SMALL_CONSTANT,
    SMALL_PARAMETER,
    Seen,
    add,
    before_parameters,
    consumers_of,
    parameter_like,
)

MOST_NODES = 200_000  # of one walk; what lies farther from the loss is not seen
MOST_SITES = 2_000

SQUARING = ("multiply", "matmul", "dot")  # of a value with itself


class EngineProbes:
    """Make the probes of many walks of one run; `add_site` gives a new site its number."""

    def __init__(self, add_site: Callable[[Site], int]) -> None:
        self.add_site = add_site
        self.phase = 0
        self._sites: dict[tuple[Any, ...], int] = {}
        self._codes: dict[int, Any] = {}  # holding a code object keeps its id from being used again

    def walk(self) -> Walk:
        """Begin to observe one walk."""
        self.phase += 1
        return Walk(self)

    def site(
        self, clamp: Clamp, side: str, consumers: Sequence[str], units: int | None = None
    ) -> int | None:
        """Return the number of the site of a clamp, None if there are too many sites already."""
        code, lasti = clamp.where or (None, 0)
        key = (id(code), lasti, clamp.op, side, units)
        known = self._sites.get(key)
        if known is None and len(self._sites) < MOST_SITES:
            self._codes[id(code)] = code
            where = locate(code, lasti) if code is not None else None
            source = "\n".join(source_lines(where, context=0)[1]) if where is not None else ""
            attributes = {
                "low": clamp.low,
                "high": clamp.high,
                "consumers": list(consumers),
                "units": units,
            }
            known = self._sites[key] = self.add_site(
                Site(clamp.op, "clamp", where, side, source=source, attributes=attributes)
            )
        return known


class Limited(NamedTuple):
    """A clamp as it was met: its serial number, its figures, and what its units let through."""

    serial: int
    clamp: Clamp
    figures: dict[str, float]
    units: tuple[int, int, Any] | None


class Walk:
    """One walk under observation: `node` for each node, latest first, then `finished`."""

    def __init__(self, probes: EngineProbes) -> None:
        self.probes = probes
        self._seen: list[Seen] = []
        self._leaves: dict[int, Tensor] = {}
        self._clamps: list[Limited] = []
        self._missed: set[str] = set()

    def node(self, node: Tensor, dout: Any, downstream: Sequence[Any]) -> None:
        """Look at one node: its place in the graph, and what a clamp does to the gradient."""
        if len(self._seen) >= MOST_NODES:
            self._missed.add(f"more than {MOST_NODES:,} operations in one backward pass")
            return
        op = node.op
        assert op is not None
        value = node._value
        small = value.__class__ is not tuple and value.size == 1
        inputs = tuple(self._code(x) for x in node.inputs)
        self._seen.append(Seen(node.serial, form_of(op.name, node.inputs), inputs, small))
        clamp = clamp_of(node)
        if clamp is None:
            return
        figures = clamp_figures(clamp, node, dout, downstream)
        if figures is None:
            self._missed.add(
                f"{op.name} of arrays that are not NumPy's, or stretched by its bounds"
            )
        else:
            _, axis = fed_by(node)
            units = clamp_units(clamp, node, axis, self.probes.phase)
            self._clamps.append(Limited(node.serial, clamp, figures, units))

    def finished(self) -> Observation:
        """Work out what was seen. `.grad` of the leaves must be final."""
        figures: dict[int, dict[str, float]] = {}
        units: dict[int, tuple[int, Any]] = {}
        if self._clamps:
            of_parameters = parameter_like(self._seen)
            hidden = before_parameters(self._seen, of_parameters)
            consumers = consumers_of(self._seen)
            for serial, clamp, measured, counted in self._clamps:
                side = "hidden" if serial in hidden else "loss"
                side = "parameter" if serial in of_parameters else side
                if side == "hidden" and clamp.low == 0 and clamp.high is None:
                    continue  # max(x, 0) inside the model is a ReLU, and judged as one
                counted = counted if side == "hidden" else None
                wide = counted[0] if counted is not None else None
                measured |= {"rows": float(counted[1])} if counted is not None else {}
                site = self.probes.site(clamp, side, consumers.get(serial, ()), wide)
                if site is None:
                    continue
                add(figures.setdefault(site, {}), measured)
                if counted is not None and measured["arriving"] > 0:
                    samples, active = units.get(site, (0, 0))
                    units[site] = samples + counted[1], active + counted[2]
        norm = gradient_norm(self._leaves.values())
        return Observation(figures, norm, tuple(self._missed), units)

    @property
    def seen(self) -> Sequence[Seen]:
        """The structure of what was walked, latest node first."""
        return self._seen

    def _code(self, x: Any) -> int:
        if x.__class__ is not Tensor:
            size = getattr(x, "size", 1)
            return SMALL_CONSTANT if size.__class__ is int and size <= 1 else LARGE_CONSTANT
        if x.op is OUTPUT:
            x = x.inputs[0]  # one output of several: their common node is what was computed
        if x.op is not None and x.wanted:
            return int(x.serial)
        small = x._value.__class__ is not tuple and x._value.size <= 1
        if x.op is None and x.wanted:
            self._leaves[id(x)] = x
            return SMALL_PARAMETER if small else PARAMETER
        return SMALL_CONSTANT if small else LARGE_CONSTANT


def form_of(op: str, inputs: Sequence[Any]) -> str:
    """Return the op's name, or `square` for the other ways to write a square."""
    if len(inputs) == 2:
        x, y = inputs
        if op == "power" and y.__class__ is not Tensor and np.ndim(y) == 0 and y == 2:
            return "square"
        if op in SQUARING and x is y:
            return "square"
    return op


def gradient_norm(leaves: Any) -> float | None:
    """Return the norm of all gradients together, None where there are none in NumPy arrays."""
    total, seen = 0.0, False
    for leaf in leaves:
        grad = leaf.grad
        if isinstance(grad, np.ndarray | np.generic):
            flat = np.ravel(grad)
            flat = flat.astype(np.float32) if flat.dtype == np.float16 else flat
            with np.errstate(all="ignore"):
                square = float(np.dot(flat, flat))
                if not math.isfinite(square) or square == 0.0:  # float32 has over- or underflown
                    square = float(np.sum(np.square(flat.astype(np.float64))))
            total, seen = total + square, True
    return math.sqrt(total) if seen else None
