"""The chain rule on a trace: what each node hands to each of its arguments.

A trace keeps the gradient that arrived at every value. What a node passes on along one edge is its
op's backward, run once more on the numbers of the trace: upstream × local = downstream.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Array
from .ops.protocol import OPS, Op
from .traces.trace import Edge, Node, Trace


def contributions(trace: Trace, node: Node) -> tuple[Array | None, ...]:
    """Return what a node adds to the gradient of each of its arguments, in order of its edges.

    None for constants, and everywhere where that cannot be computed: the op is unknown, or the
    trace holds statistics only. Un-broadcasting is done: each has the shape of its argument.
    """
    nothing = (None,) * len(node.inputs)
    if node.grad is None:
        return nothing
    gradients = pulled(trace, node, node.grad)
    if gradients is None:
        return nothing
    return tuple(
        _summed(gradient, edge, value_of(trace, edge)) if wanted(trace, edge) else None
        for gradient, edge in zip(gradients, node.inputs, strict=True)
    )


def local(trace: Trace, node: Node) -> tuple[float | None, ...]:
    """Return ∂out/∂argument for each edge, where both are one number; else None."""
    nothing = (None,) * len(node.inputs)
    if isinstance(node.value, tuple) or node.value is None or np.size(node.value) != 1:
        return nothing
    gradients = pulled(trace, node, np.ones_like(node.value))
    if gradients is None:
        return nothing
    return tuple(
        float(np.reshape(gradient, ()))
        if gradient is not None and np.size(gradient) == 1 and np.size(value_of(trace, edge)) == 1
        else None
        for gradient, edge in zip(gradients, node.inputs, strict=True)
    )


def pulled(trace: Trace, node: Node, dout: Any) -> tuple[Any, ...] | None:
    """Run the backward of a node's op on an upstream gradient; a gradient per edge, or None.

    None where the op is unknown or has no backward, or where a value was not kept.
    """
    op = OPS.get(node.op)
    values = [value_of(trace, edge) for edge in node.inputs]
    if op is None or op.backward_function is None or any(value is None for value in values):
        return None
    given = dict(zip((edge.argument for edge in node.inputs), values, strict=True))
    inputs = list(given.values()) if op.listed else [given.get(name) for name in op.inputs]
    with np.errstate(all="ignore"):
        known = _locals(op, inputs, node)
        gradients = op.backward_function(**_asked(op, inputs, known, node, dout))
    gradients = gradients if isinstance(gradients, tuple | list) else (gradients,)
    if op.listed:
        return tuple(gradients)
    by_name = dict(zip(op.inputs, gradients, strict=True))
    return tuple(by_name[edge.argument] for edge in node.inputs)


def value_of(trace: Trace, edge: Edge) -> Any:
    """Return the value at the other end of an edge, None where it was not kept."""
    value = trace[edge.node].value
    return value[edge.output] if isinstance(value, tuple) else value


def wanted(trace: Trace, edge: Edge) -> bool:
    """Tell whether a gradient flows along an edge."""
    source = trace[edge.node]
    gradient = source.grad[edge.output] if isinstance(source.grad, tuple) else source.grad
    return gradient is not None


def _locals(op: Op, inputs: list[Any], node: Node) -> dict[str, Any]:
    """Run the forward once more for the locals that its backward asks for."""
    if not op.saves:
        return {}
    _, kept = op.twin(*inputs, **node.attributes)
    return dict(zip(op.saves, kept, strict=True))


def _asked(
    op: Op, inputs: list[Any], known: dict[str, Any], node: Node, dout: Any
) -> dict[str, Any]:
    outs = node.value if isinstance(node.value, tuple) else (node.value,)
    if isinstance(dout, tuple):
        douts = [np.zeros_like(o) if d is None else d for o, d in zip(outs, dout, strict=True)]
    else:
        douts = [dout]
    names = {**known, **node.attributes}
    names |= dict(zip((f"d{name}" for name in op.outputs), douts, strict=False))
    names |= dict(zip(op.outputs, outs, strict=False))
    if op.listed:
        names[op.listed] = tuple(inputs)
    else:
        names |= dict(zip(op.inputs, inputs, strict=True))
        names |= {f"{n}_shape": np.shape(x) for n, x in zip(op.inputs, inputs, strict=True)}
    return {name: names[name] for name in op.asks}


def _summed(gradient: Any, edge: Edge, value: Any) -> Any:
    """Undo the broadcasting of a gradient."""
    if gradient is None or np.shape(gradient) == np.shape(value):
        return gradient
    return np.sum(gradient, axis=edge.summed_axes).reshape(np.shape(value))
