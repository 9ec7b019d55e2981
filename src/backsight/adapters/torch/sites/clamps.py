"""The clamp family among the nodes of a graph, and how much gradient one of them blocks."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ...blocking import blocked_figures, open_counts, stride
from ...seen import add, consumers_of
from ..arrays import array_of, readable, sampled
from ..graph import op_of, plain_saved

if TYPE_CHECKING:
    from ..passes import Pass


@dataclass(frozen=True, slots=True)
class Clamp:
    """A clamp as it was applied: which input it limits (`value` names it), and to what range."""

    op: str
    input: int
    value: str
    low: Any
    high: Any

    @property
    def bounds(self) -> dict[str, float | None]:
        """The range as numbers, None where it has no end or differs from element to element."""
        return {"low": _number(self.low), "high": _number(self.high)}

    @property
    def rectifies(self) -> bool:
        """Whether this is max(x, 0)."""
        low = not bool(self.low.any()) if isinstance(self.low, torch.Tensor) else self.low == 0
        return self.high is None and low


Units = tuple[int, int, Any]  # how many, in how many samples, in how many each was open
MOST_READ = 4_000_000  # elements brought from a device


class Clamps:
    """The clamps of one pass."""

    OPS: ClassVar[Collection[str]] = ("clamp", "hard_tanh", "maximum", "minimum")

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._measured: list[tuple[int, Clamp, dict[str, float], Units | None]] = []

    def node(self, serial: int, node: Any) -> None:
        """Have a node measured, if it is a clamp."""
        clamp = clamp_of(node)
        if clamp is not None:
            self.seen.hook(node, partial(self._measure, serial, clamp, node))

    def finished(self) -> None:
        """Name the sites and add their figures."""
        seen = self.seen
        consumers = consumers_of(seen.graph.seen) if self._measured else {}
        for serial, clamp, blocked, units in self._measured:
            if clamp.rectifies and seen.sides[serial] == "hidden":
                continue  # max(x, 0) inside the model is a ReLU, and judged as one
            wide = units[0] if units is not None else None
            blocked |= {"rows": float(units[1])} if units is not None else {}
            taken = list(consumers.get(serial, ()))
            attributes = {**clamp.bounds, "consumers": taken, "units": wide}
            site = seen.site(clamp.op, "clamp", serial, attributes, also=(wide,))
            if site is None:
                continue
            add(seen.figures.setdefault(site, {}), blocked)
            if units is not None and blocked["arriving"] > 0:
                samples, active = seen.units.get(site, (0, 0))
                seen.units[site] = samples + units[1], active + units[2]

    def _measure(
        self, serial: int, clamp: Clamp, node: Any, left: tuple[Any, ...], arrived: tuple[Any, ...]
    ) -> None:
        figures = clamp_figures(clamp, node, left, arrived)
        if figures is not None:
            units = None
            if self.seen.sides[serial] == "hidden":
                _, axis = self.seen.structure.fed_by(serial)
                units = clamp_units(clamp, node, axis, self.seen.probes.phase)
            self._measured.append((serial, clamp, figures, units))
        elif all(readable(gradient) for gradient in (*arrived, left[clamp.input])):
            self.seen.missed.add(f"{clamp.op} whose input is packed away or stretched")


def clamp_of(node: Any) -> Clamp | None:
    """Return what a node limits, None unless it is of the clamp family.

    `maximum` and `minimum` belong to it only against a constant. relu6 is an activation.
    """
    op = op_of(node)
    if op == "clamp":
        low, high = _saved(node, "min"), _saved(node, "max")
    elif op == "hard_tanh":
        low, high = node._saved_min_val, node._saved_max_val
        if (low, high) == (0, 6):
            return None
    elif op in ("maximum", "minimum"):
        return _one_sided(node, op)
    else:
        return None
    if node.next_functions[0][0] is None:
        return None
    return Clamp(op, 0, "self", low, high)


def _one_sided(node: Any, op: str) -> Clamp | None:
    live = [i for i, (child, _) in enumerate(node.next_functions) if child is not None]
    if len(live) != 1:
        return None  # two live values: a choice between them, not a clamp
    names = ("self", "other")
    bound = plain_saved(node, names[1 - live[0]])
    low, high = (bound, None) if op == "maximum" else (None, bound)
    return Clamp(op, live[0], names[live[0]], low, high)


def clamp_figures(
    clamp: Clamp, node: Any, left: tuple[Any, ...], arrived: tuple[Any, ...]
) -> dict[str, float] | None:
    """Measure a clamp in a hook of its node; None where it cannot be judged element by element.

    `left` and `arrived` are the gradients of inputs and outputs. The figures are those of
    `blocked_figures`. Call it where the script's modes are switched off and no graph is made.
    """
    value, upstream, downstream = plain_saved(node, clamp.value), arrived[0], left[clamp.input]
    if value is None or not all(readable(each) for each in (value, upstream, downstream)):
        return None
    if not value.shape == upstream.shape == downstream.shape:
        return None
    step = stride(value.shape)
    return blocked_figures(
        sampled(value, step),
        sampled(upstream, step),
        sampled(downstream, step),
        _bound(clamp.low, value, step),
        _bound(clamp.high, value, step),
        value.numel(),
    )


def clamp_units(clamp: Clamp, node: Any, axis: int | None, phase: int) -> Units | None:
    """Return what `open_counts` says of a clamp's units, None of what has none."""
    value = plain_saved(node, clamp.value)
    if value is None or not readable(value) or value.ndim < 2:
        return None
    bounds = [
        bound.broadcast_to(value.shape) if isinstance(bound, torch.Tensor) else bound
        for bound in (clamp.low, clamp.high)
    ]
    if value.device.type != "cpu" and value.numel() > MOST_READ:
        step = -(-value.numel() // MOST_READ)
        value = value[::step]
        bounds = [each[::step] if isinstance(each, torch.Tensor) else each for each in bounds]
    low, high = (array_of(each) if isinstance(each, torch.Tensor) else each for each in bounds)
    return open_counts(array_of(value), low, high, axis, phase)


def _bound(bound: Any, value: torch.Tensor, step: int) -> Any:
    if not isinstance(bound, torch.Tensor):
        return bound
    if bound.numel() == 1:
        return bound.item()
    return sampled(bound.broadcast_to(value.shape), step)


def _saved(node: Any, name: str) -> Any:
    """Return a bound: a number, or a tensor that the node keeps."""
    if hasattr(node, f"_raw_saved_{name}"):
        return plain_saved(node, name)
    return getattr(node, f"_saved_{name}", None)


def _number(bound: Any) -> float | None:
    if isinstance(bound, torch.Tensor):
        bound = bound.item() if bound.numel() == 1 else None
    return float(bound) if bound is not None and not math.isnan(bound) else None
