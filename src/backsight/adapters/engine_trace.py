"""Traces of the engine: `trace(loss)` after the fact, `record()` around a backward pass."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from ..engine import observers
from ..engine.recorder import OUTPUT
from ..engine.tape import reachable, seed, summed_axes, walk
from ..engine.tensors import Tensor
from ..errors import GradientError
from ..traces.calls import is_call_of, texts_of
from ..traces.locations import assigned_name, locate
from ..traces.statistics import statistics
from ..traces.trace import Edge, Node, Trace


def trace(loss: Tensor) -> Trace:
    """Trace the pass that computed `loss`: every value, and the gradient of `loss` at every value.

    `.grad` of the leaves stays as it is, and so does the graph. Names of leaves are the user's
    where `tensor(data, name=…)` gave one, or a variable of the calling function holds the leaf.

    Raises GradientError where `loss` is no single number, or its graph was freed by `.backward()`:
    trace first, or record with `with backsight.record() as r: loss.backward()`.
    """
    if not isinstance(loss, Tensor):
        raise GradientError(
            f"trace: expected the Tensor of a loss, got {type(loss).__name__}; "
            "a PyTorch loss is traced with record()"
        )
    dout = seed(loss, None)
    builder = TraceBuilder([loss], _variables(sys._getframe(1)))
    leaves = walk([loss], [dout], retain_graph=True, captured={}, watching=[builder])
    return builder.build({id(leaf): gradient for leaf, gradient, _ in leaves})


class record:
    """Trace every backward pass inside the block.

    >>> with record() as r:
    ...     loss.backward()
    >>> r.trace

    `r.trace` is the last one, `r.traces` are all of them.
    """

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self._builder: TraceBuilder | None = None
        self._frame: FrameType | None = None

    @property
    def trace(self) -> Trace:
        """The trace of the last backward pass. Raises GradientError if there was none."""
        if not self.traces:
            raise GradientError("record: no backward pass ran inside the block")
        return self.traces[-1]

    def __enter__(self) -> record:
        self._frame = sys._getframe(1)
        observers.active.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        observers.active.remove(self)
        self._frame = self._builder = None

    def begins(self, outputs: Sequence[Tensor]) -> bool:
        """Keep the graph as it is before the walk frees it."""
        self._builder = TraceBuilder(outputs, _variables(self._frame))
        self._before = {id(leaf): leaf.grad for leaf in self._builder.trainable()}
        return True

    def node(self, node: Tensor, dout: Any, downstream: tuple[Any, ...]) -> None:
        """See one node of the walk."""
        assert self._builder is not None
        self._builder.node(node, dout, downstream)

    def ends(self, outputs: Sequence[Tensor], error: BaseException | None) -> None:
        """Build the trace, unless the walk failed."""
        builder, self._builder = self._builder, None
        if error is not None or builder is None:
            return
        gradients = {}
        for leaf in builder.trainable():
            now, before = leaf.grad, self._before[id(leaf)]
            if now is not None:
                gradients[id(leaf)] = now if before is None else now - before
        self.traces.append(builder.build(gradients))

    def stepped(self, optimizer: Any) -> None:
        """Nothing of an update belongs into a trace."""


class TraceBuilder:
    """Collects one walk, and turns it into a Trace."""

    def __init__(self, outputs: Sequence[Tensor], variables: Mapping[int, str]) -> None:
        self.variables = variables
        # The walk empties nodes as it passes, so what is needed of them is taken now.
        self.order = [(node, node.inputs, node.saved) for node in reachable(outputs)]
        self.outputs = outputs
        self.upstream: dict[int, Any] = {}
        self.raw_shapes: dict[int, list[Any]] = {}

    def trainable(self) -> list[Tensor]:
        """List the trainable leaves, in order of first use."""
        found: dict[int, Tensor] = {}
        for _, inputs, _ in self.order:
            for x in inputs:
                if x.__class__ is Tensor and x.op is None and x.wanted:
                    found.setdefault(id(x), x)
        for x in self.outputs:
            if x.op is None:
                found.setdefault(id(x), x)
        return list(found.values())

    def begins(self, outputs: Sequence[Tensor]) -> bool:
        """Observe this walk."""
        return True

    def node(self, node: Tensor, dout: Any, downstream: tuple[Any, ...]) -> None:
        """Keep the gradient that arrived, and the shapes that left."""
        self.upstream[id(node)] = tuple(dout) if isinstance(dout, list) else dout
        self.raw_shapes[id(node)] = [getattr(dx, "shape", None) for dx in downstream]

    def ends(self, outputs: Sequence[Tensor], error: BaseException | None) -> None:
        """Nothing to do: the owner builds."""

    def stepped(self, optimizer: Any) -> None:
        """Nothing to do."""

    def build(self, leaf_gradients: Mapping[int, Any]) -> Trace:
        """Return the trace, given the gradients of the trainable leaves by id."""
        nodes: list[Node] = []
        ids: dict[int, int] = {}
        last_at = {node.where: node for node, _, _ in self.order if node.where is not None}
        for leaf in self.outputs:
            if leaf.op is None:
                ids[id(leaf)] = self._leaf(nodes, leaf, "", leaf_gradients)
        for node, inputs, saved in self.order:
            if node.op is OUTPUT:
                continue  # an edge into the node of several outputs says which one is meant
            op = node.op
            assert op is not None
            place = locate(*node.where) if node.where else None
            own = op.names_of(len(inputs))
            texts = texts_of(place, op.name, own)
            shapes = self.raw_shapes.get(id(node), [None] * len(inputs))
            edges = []
            for name, text, x, raw in zip(own, texts, inputs, shapes, strict=True):
                if x is None:
                    continue
                source, index = (x.inputs[0], x.saved[0]) if _is_output(x) else (x, 0)
                key = id(source)
                if key not in ids or not isinstance(source, Tensor):
                    ids[key] = self._leaf(nodes, source, text, leaf_gradients)
                stretched = summed_axes(raw, np.shape(_value(x))) if raw is not None else ()
                edges.append(Edge(name, ids[key], index, stretched or ()))
            direct = is_call_of(place, op.name)
            named = direct or (node.where is not None and last_at[node.where] is node)
            ids[id(node)] = len(nodes)
            nodes.append(
                _node(
                    len(nodes),
                    op.name,
                    node._value,
                    self.upstream.get(id(node)),
                    inputs=tuple(edges),
                    attributes=dict(zip(op.attributes, saved, strict=False)),
                    name=(assigned_name(place) if place and named else "")
                    or self.variables.get(id(node), ""),
                    where=place,
                )
            )
        return Trace(tuple(nodes), "engine")

    def _leaf(self, nodes: list[Node], x: Any, text: str, leaf_gradients: Mapping[int, Any]) -> int:
        """Append the node of a leaf: a Tensor, an array, a number."""
        value = _value(x)
        gradient = leaf_gradients.get(id(x)) if isinstance(x, Tensor) else None
        name = (x.name if isinstance(x, Tensor) else "") or self.variables.get(id(x), "")
        if not name and re.fullmatch(r"[^\W\d][\w.]*(\[[^\]]*\])?", text):
            name = text
        kind = "constant"
        if isinstance(x, Tensor) and x.wanted:
            kind = "parameter"
        elif np.ndim(value):
            kind = "input"
        copied: Any = gradient
        if hasattr(copied, "copy"):
            copied = copied.copy()  # `.grad` may be written to by its owner
        nodes.append(_node(len(nodes), kind, value, copied, name=name))
        return len(nodes) - 1


def _node(id: int, op: str, value: Any, grad: Any, **fields: Any) -> Node:
    single = not isinstance(value, tuple)
    return Node(
        id,
        op,
        value=value,
        grad=grad,
        value_stats=statistics(value) if single else None,
        grad_stats=statistics(grad) if single and grad is not None else None,
        **fields,
    )


def _value(x: Any) -> Any:
    return x._value if isinstance(x, Tensor) else x


def _is_output(x: Any) -> bool:
    return isinstance(x, Tensor) and x.op is OUTPUT


def _variables(frame: FrameType | None) -> dict[int, str]:
    """Names of the Tensors and arrays that variables of a frame hold, by id. Locals come first."""
    if frame is None:
        return {}
    found: dict[int, str] = {}
    for scope in (frame.f_locals, frame.f_globals):
        for name, value in scope.items():
            if isinstance(value, Tensor | np.ndarray) and not name.startswith("_"):
                found.setdefault(id(value), name)
    return found
