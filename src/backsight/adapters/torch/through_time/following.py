"""The way of a gradient from one application of a weight back to those before it.

A `Way` is found in the structure of a graph while nothing runs. Then either the gradient that
passes anyway is read at each application, or, where losses at other steps add to it, one step's
contribution is followed alone: its nodes are called once more, which PyTorch does without any hook,
and gradients are handed on as its engine would. Only nodes whose backward is a plain function of
what they saved are called: none of the script's own, none whose saved values are packed away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import torch

from ..graph import Graph
from ..structure import Structure

MOST_ON_THE_WAY = 20_000  # nodes

PURE = frozenset((
    "Abs", "Add", "Addbmm", "Addcdiv", "Addcmul", "Addmm", "Addmv", "Alias", "Amax", "Amin",
    "AsStrided", "AvgPool2D", "Baddbmm", "Bmm", "Cat", "Clamp", "ClampMax", "ClampMin", "Clone",
    "ConstantPadNd", "Convolution", "Cos", "Cumsum", "Diagonal", "Div", "Dot", "Elu", "Exp",
    "Expand", "Expm1", "Flip", "Gather", "Gelu", "Glu", "Hardsigmoid", "Hardswish", "Hardtanh",
    "Index", "IndexSelect", "LeakyRelu", "Lerp", "LinalgVectorNorm", "Linear", "Log", "Log1P",
    "LogSigmoid", "LogSoftmax", "MaskedFill", "MaxPool2DWithIndices", "Maximum", "Mean",
    "Minimum", "Mish", "MkldnnConvolution", "MkldnnRnnLayer", "Mm", "Mul", "Mv",
    "NativeBatchNorm", "NativeDropout", "NativeGroupNorm", "NativeLayerNorm", "Neg", "Permute",
    "Pow", "PreluKernel", "Prod", "Reciprocal", "Relu", "Repeat", "ReshapeAlias", "Roll",
    "Rsqrt", "Rsub", "ScaledDotProductFlashAttentionForCpu", "Select", "Sigmoid", "Silu", "Sin",
    "Slice", "Softmax", "Softplus", "Split", "SplitWithSizes", "Sqrt", "Squeeze", "Stack",
    "Std", "Sub", "Sum", "T", "Tanh", "ThnnFusedGruCell", "ThnnFusedLstmCell", "Threshold",
    "ToCopy", "Transpose", "Tril", "Triu", "Unbind", "UnsafeSplit", "UnsafeSplitWithSizes",
    "UnsafeView", "Unsqueeze", "Var", "View", "Where",
))  # fmt: skip
"""Stems of nodes that may be called: functions of a gradient and what was saved, no more.

Not so the fused layers of GPUs: they write to what they saved.
"""

_NAME = re.compile(r"([A-Za-z0-9]+?)Backward\d*$")
_raw: dict[type, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Way:
    """The nodes on the way back from `start`, the loss's side first, and where to measure.

    `measured` gives for each application, the latest first, the nodes whose gradients together are
    its own: the outputs of the call that applies the weight. Of a node in `mixed` only that part
    counts which comes from outside its call. `alone` says that nothing but the way itself adds to
    the gradients on it.
    """

    start: int
    order: tuple[int, ...]
    applied: tuple[int, ...]
    measured: tuple[tuple[int, ...], ...]
    mixed: frozenset[int]
    alone: bool


def find_way(
    structure: Structure, applied: Collection[int], call_of: Callable[[int], int | None], last: int
) -> Way | None:
    """Find the way back from the application `last` to the others, None if it is too long.

    `call_of` tells which call of the script made a node, None where that is not known.
    """
    calls = Counter(map(call_of, applied))

    def cell_of(serial: int) -> int | None:
        """Return the call of a node if it applies the weight once, else none."""
        call = call_of(serial)
        return call if calls.get(call) == 1 else None

    start = _output_of(structure, last, cell_of)
    behind = _behind(structure.graph, start)
    if behind is None:
        return None
    useful = _leading_to(set(applied), behind, structure.graph)
    order = tuple(serial for serial in behind if serial in useful)
    reached = tuple(serial for serial in order if serial in set(applied))
    outer: set[int] = {start}
    inner: set[int] = set()
    for serial in order:
        cell = cell_of(serial)
        for source in useful.intersection(structure.graph.sources[serial - 1]):
            within = cell is not None and cell_of(source) == cell
            (inner if within else outer).add(source)
    outputs: dict[int | None, list[int]] = {}
    for serial in order:
        if serial in outer:
            outputs.setdefault(cell_of(serial), []).append(serial)
    of_call = [outputs.get(cell_of(serial), ()) if cell_of(serial) else () for serial in reached]
    measured = tuple(
        tuple(each) or (serial,) for each, serial in zip(of_call, reached, strict=True)
    )
    consumers = (structure.consumers.get(serial, ()) for serial in order if serial != start)
    alone = all(consumer in useful for each in consumers for consumer, _ in each)
    return Way(start, order, reached, measured, frozenset(outer & inner), alone)


def _leading_to(wanted: Collection[int], behind: Collection[int], graph: Graph) -> set[int]:
    """Return those nodes that are wanted, or depend on one that is."""
    useful: set[int] = set()
    for serial in sorted(behind, reverse=True):
        if serial in wanted or not useful.isdisjoint(graph.sources[serial - 1]):
            useful.add(serial)
    return useful


def _output_of(structure: Structure, applied: int, cell_of: Callable[[int], int | None]) -> int:
    """Return the output, nearest to the loss, of the call that an application belongs to."""
    cell = cell_of(applied)
    if cell is None:
        return applied
    found, stack, known = applied, [applied], {applied}
    while stack:
        for consumer, _ in structure.consumers.get(stack.pop(), ()):
            if consumer not in known and cell_of(consumer) == cell:
                known.add(consumer)
                stack.append(consumer)
                found = min(found, consumer)
    return found


def _behind(graph: Graph, start: int) -> list[int] | None:
    """List a node and all it depends on, nearest to the loss first; None if they are too many."""
    known, stack = {start}, [start]
    while stack:
        for source in graph.sources[stack.pop() - 1]:
            if source > 0 and source not in known:
                known.add(source)
                stack.append(source)
        if len(known) > MOST_ON_THE_WAY:
            return None
    return sorted(known)


def callable_again(nodes: Collection[Any], hooked: Collection[int]) -> bool:
    """Tell whether nodes may be called once more; `hooked` are numbers of nodes with hooks.

    A hook of the script may change the gradient: without it we would follow another one.
    """
    return all(_pure(node) and node._sequence_nr() not in hooked for node in nodes)


def _pure(node: Any) -> bool:
    if isinstance(node, torch._C._FunctionBase):
        return False
    kind = type(node)
    names = _raw.get(kind)
    if names is None:
        stem = _NAME.match(node.name())
        if stem is None or stem[1] not in PURE:
            return False
        names = _raw[kind] = tuple(each for each in dir(kind) if each.startswith("_raw_saved_"))
    for name in names:
        saved = getattr(node, name)
        for each in saved if isinstance(saved, tuple | list) else (saved,):
            if each is not None and each.unpack_hook is not None:
                return False
    return True


class Follower:
    """Takes the gradient of a way's start, once it arrives, back to the first application.

    `norms` has its norm at each application, the latest first.
    """

    def __init__(self, way: Way, graph: Graph, call_of: Callable[[int], int | None]) -> None:
        self.way = way
        self.graph = graph
        self.norms: list[torch.Tensor] = []
        self._useful = frozenset(way.order)
        self._outputs = frozenset(serial for each in way.measured for serial in each)
        self._calls = {serial: call_of(serial) for serial in way.order}

    def follow(self, arrived: tuple[Any, ...]) -> None:
        """Call the nodes on the way with the gradients of the start's outputs."""
        way = self.way
        waiting = {way.start: list(arrived)}
        outside: dict[int, list[Any]] = {}  # that part of it which comes from other calls
        parts: dict[int, Any] = {}
        owned = dict(zip(way.applied, way.measured, strict=True))
        for serial in way.order:
            given = waiting.pop(serial, None)
            if given is None:
                continue
            if serial in self._outputs:
                parts[serial] = norm_of(outside.pop(serial, ()) if serial in way.mixed else given)
            if serial in owned:
                norm = joined([parts.pop(each, None) for each in owned[serial]])
                if norm is None:
                    return
                self.norms.append(norm)
            if serial == way.applied[-1]:
                return
            self._hand_on(serial, given, waiting, outside)

    def _hand_on(
        self,
        serial: int,
        given: list[Any],
        waiting: dict[int, list[Any]],
        outside: dict[int, list[Any]],
    ) -> None:
        """Call one node, and add what it gives to what waits for those behind it."""
        node = self.graph.nodes[serial - 1]
        gradients = node(*given)
        if not isinstance(gradients, tuple):
            gradients = (gradients,)
        targets = zip(self.graph.sources[serial - 1], node.next_functions, gradients, strict=False)
        for source, (child, slot), gradient in targets:
            if gradient is None or source not in self._useful:
                continue
            fitted = fitting(gradient, child._input_metadata[slot])
            collect(waiting, source, child, slot, fitted)
            if source in self.way.mixed and self._calls[source] != self._calls[serial]:
                collect(outside, source, child, slot, fitted)


def collect(
    waiting: dict[int, list[Any]], source: int, child: Any, slot: int, gradient: torch.Tensor
) -> None:
    """Add a gradient to what has arrived at an output of a node. Nothing is written to."""
    slots = waiting.get(source)
    if slots is None:
        slots = waiting[source] = [None] * len(child._input_metadata)
    slots[slot] = gradient if slots[slot] is None else slots[slot] + gradient


def fitting(gradient: torch.Tensor, wanted: Any) -> torch.Tensor:
    """Return a gradient in the shape and type of what it is of: PyTorch's engine un-broadcasts."""
    if gradient.shape != wanted.shape:
        gradient = gradient.sum_to_size(wanted.shape)
    return gradient.to(wanted.dtype) if gradient.dtype != wanted.dtype else gradient


def norm_of(gradients: Collection[Any]) -> torch.Tensor | None:
    """Return the norm of gradients together as a tensor that nobody waits for, None of none."""
    return joined([_norm(each) for each in gradients if each is not None])


def joined(norms: list[Any]) -> torch.Tensor | None:
    """Return the norm of parts, given those of each."""
    known = [norm for norm in norms if norm is not None]
    if len(known) < 2:
        return known[0] if known else None
    return _norm(torch.stack(known))


def _norm(gradient: torch.Tensor) -> torch.Tensor:
    wide = torch.float64 if gradient.device.type in ("cpu", "cuda") else torch.float32
    found: torch.Tensor = torch.linalg.vector_norm(gradient, dtype=wide)
    return found
