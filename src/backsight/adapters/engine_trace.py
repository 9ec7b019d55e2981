"""Traces: `trace(loss)` of the engine after the fact, `record()` around a backward pass."""

from __future__ import annotations

import contextlib
import copy
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from types import (
    BuiltinFunctionType,
    FrameType,
    FunctionType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import observers
from ..engine.recorder import OUTPUT
from ..engine.tape import reachable, seed, summed_axes, unbroadcast, walk
from ..engine.tensors import Tensor, as_dtype
from ..errors import GradientError
from ..nn.parameters import parameters
from ..ops.protocol import Op
from ..traces.calls import gives_several, is_call_of, texts_of
from ..traces.locations import assigned_name, locate
from ..traces.statistics import statistics
from ..traces.trace import Edge, Node, Trace

if TYPE_CHECKING:
    from .torch.tracing.passes import Tracing


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
    builder = TraceBuilder([loss], Names(sys._getframe(1)))
    leaves = walk([loss], [dout], retain_graph=True, captured={}, watching=[builder])
    return builder.build({id(leaf): gradient for leaf, gradient, _ in leaves})


class record:
    """Trace every backward pass of this thread inside the block, of the engine and of PyTorch.

    >>> with record() as r:
    ...     loss.backward()
    >>> r.trace

    `r.trace` is the last one, `r.traces` are all of them. PyTorch must be imported before the block
    and compute the loss inside it: what was computed before is one opaque value. Not traced are
    passes that start at something else than the loss's parameters (`autograd.grad(loss, h)`), those
    of `torch.func`, and those inside another backward pass.
    """

    def __init__(self) -> None:
        self.traces: list[Trace] = []
        self._torch: Tracing | None = None
        self._failure: Exception | None = None
        self._builders: list[TraceBuilder] = []  # several while a hook walks back itself
        self._frame: FrameType | None = None
        self._thread = 0

    @property
    def trace(self) -> Trace:
        """The trace of the last backward pass. Raises GradientError if there was none."""
        failure = self._torch.error if self._torch is not None else self._failure
        if failure is not None and (self._torch is not None or not self.traces):
            what = f"{type(failure).__name__}: {failure}"
            raise GradientError(f"record: PyTorch could not be traced ({what})") from failure
        if not self.traces:
            why = "; ".join(sorted(self._torch.why)) if self._torch is not None else ""
            raise GradientError(
                "record: no backward pass ran inside the block"
                + (f" that can be traced; not traced: {why}" if why else "")
            )
        return self.traces[-1]

    def __enter__(self) -> record:
        self._frame = sys._getframe(1)
        self._thread = threading.get_ident()
        observers.active.append(self)
        if "torch" in sys.modules:
            self._record_torch()
        return self

    def _record_torch(self) -> None:
        from .torch.tracing.passes import tracing

        def tell(trace: Trace | None) -> None:
            if trace is not None:
                self.traces.append(trace)

        try:
            self._torch = tracing(tell)
        except GradientError as error:
            self._failure = error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        observers.active.remove(self)
        if self._torch is not None:
            self._torch.stop()
        self._frame = None
        self._builders.clear()

    def begins(self, outputs: Sequence[Tensor]) -> bool:
        """Keep the graph as it is before the walk frees it. Other threads are not looked at."""
        if threading.get_ident() != self._thread:
            return False
        self._builders.append(TraceBuilder(outputs, Names(self._frame)))
        return True

    def node(self, node: Tensor, dout: Any, downstream: tuple[Any, ...]) -> None:
        """See one node of the walk."""
        self._builders[-1].node(node, dout, downstream)

    def ends(self, outputs: Sequence[Tensor], error: BaseException | None) -> None:
        """Build the trace, unless the walk failed."""
        builder = self._builders.pop()
        if error is None:
            self.traces.append(builder.build(builder.arrived()))

    def stepped(self, optimizer: Any) -> None:
        """Nothing of an update belongs into a trace."""


class TraceBuilder:
    """Collects one walk, and turns it into a Trace."""

    def __init__(self, outputs: Sequence[Tensor], names: Names) -> None:
        self.names = names
        # The walk empties nodes as it passes, so what is needed of them is taken now.
        self.order = [(node, node.inputs, node.saved) for node in reachable(outputs)]
        self.outputs = outputs
        self.upstream: dict[int, Any] = {}
        self.raw_shapes: dict[int, list[Any]] = {}
        self.at_leaf: dict[int, Any] = {}
        self.before = {id(leaf): leaf.grad for leaf in self.trainable()}

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
        """Keep the gradient that arrived, and the shapes that left; add up what leaves got."""
        self.upstream[id(node)] = tuple(dout) if isinstance(dout, list) else dout
        self.raw_shapes[id(node)] = [getattr(dx, "shape", None) for dx in downstream]
        for x, dx in zip(node.inputs, downstream, strict=True):
            if dx is not None and x.op is None:
                own = unbroadcast(node, x, dx) if dx.shape != x.shape else dx
                own = as_dtype(own, x.dtype)
                known = self.at_leaf.get(id(x))
                self.at_leaf[id(x)] = own if known is None else known + own

    def arrived(self) -> dict[int, Any]:
        """Return the gradients that this walk brought to the leaves, by id.

        What it added to `.grad` would be inexact after rounding; it counts only where a hook had
        its say, or where the walk began at the leaf itself.
        """
        found = {}
        for leaf in self.trainable():
            now, before = leaf.grad, self.before[id(leaf)]
            if id(leaf) in self.at_leaf and not (leaf.extra and leaf.extra.hooks):
                found[id(leaf)] = self.at_leaf[id(leaf)]
            elif now is not None and now is not before:
                found[id(leaf)] = now if before is None else now - before
        return found

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
            last = node.where is not None and last_at[node.where] is node
            named = direct or (last and not gives_several(place))
            ids[id(node)] = len(nodes)
            nodes.append(
                _node(
                    len(nodes),
                    op.name,
                    node._value,
                    self.upstream.get(id(node)),
                    inputs=tuple(edges),
                    attributes=dict(zip(op.attributes, saved, strict=False)),
                    name=(assigned_name(place) if place and named else "") or self.names.of(node),
                    where=place,
                )
            )
        return Trace(tuple(nodes), "engine")

    def _leaf(self, nodes: list[Node], x: Any, text: str, leaf_gradients: Mapping[int, Any]) -> int:
        """Append the node of a leaf: a Tensor, an array, a number."""
        value = _value(x) if isinstance(x, Tensor) else copy.deepcopy(x)
        gradient = leaf_gradients.get(id(x)) if isinstance(x, Tensor) else None
        name = (x.name if isinstance(x, Tensor) else "") or self.names.of(x)
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
        value=_locked(value),
        grad=_locked(grad),
        value_stats=statistics(value) if single else None,
        grad_stats=statistics(grad) if single and grad is not None else None,
        **fields,
    )


def _locked(value: Any) -> Any:
    """Make arrays read-only for those who get the trace: the engine may still need them."""
    if isinstance(value, tuple):
        return tuple(_locked(each) for each in value)
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _value(x: Any) -> Any:
    return x._value if isinstance(x, Tensor) else x


def _is_output(x: Any) -> bool:
    return isinstance(x, Tensor) and x.op is OUTPUT


_NO_LAYERS = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Op, Tensor)


class Names:
    """What the variables of a frame call Tensors and arrays. Locals come before globals.

    The parameters of a layer that a variable holds are called by their path: `net.hidden.w`.
    """

    def __init__(self, frame: FrameType | None) -> None:
        self.by_id: dict[int, str] = {}
        self.arrays: dict[int, Any] = {}
        scopes = (frame.f_locals, frame.f_globals) if frame is not None else ()
        held = [(n, v) for scope in scopes for n, v in scope.items() if not n.startswith("_")]
        for name, value in held:
            if isinstance(value, Tensor | np.ndarray):
                self.by_id.setdefault(id(value), name)
            if isinstance(value, np.ndarray):
                self.arrays[id(value)] = value
        for name, value in held:
            if callable(value) and not isinstance(value, _NO_LAYERS):
                with contextlib.suppress(RecursionError):
                    for path, t in parameters(value).items():
                        self.by_id.setdefault(id(t), f"{name}.{path}")

    def of(self, x: Any) -> str:
        """Return the name of a value, "" where there is none.

        An array of which the engine kept a copy has the name of the one variable that equals it.
        """
        if id(x) in self.by_id:
            return self.by_id[id(x)]
        if not isinstance(x, np.ndarray) or x.size < 2:
            return ""
        twins = [
            place
            for place, array in self.arrays.items()
            if (array.shape, array.dtype) == (x.shape, x.dtype) and np.array_equal(array, x)
        ]
        return self.by_id[twins[0]] if len(twins) == 1 else ""
