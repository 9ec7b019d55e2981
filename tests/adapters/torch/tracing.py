"""Traces of PyTorch in tests: what they are checked against is what autograd computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from backsight.chain import contributions
from backsight.traces.trace import Node, Trace


def ops_of(trace: Trace) -> list[str]:
    """Return the ops in order, without leaves."""
    return [node.op for node in trace if not node.is_leaf]


def check_trace(trace: Trace, tolerance: float = 1e-10, *, opaque: int = 0) -> None:
    """Check the form of a trace, and that what its ops hand on adds up to autograd's gradients.

    `opaque` values may be unknown; what flows into them is not checked.
    """
    assert [node.id for node in trace] == list(range(len(trace)))
    assert all(edge.node < node.id for node in trace for edge in node.inputs)
    unknown = [node.op for node in trace if node.op.startswith("torch:")]
    assert len(unknown) == opaque, unknown
    sums: dict[tuple[int, int], Any] = {}
    blind = set()
    for node in trace:
        for edge, part in zip(node.inputs, contributions(trace, node), strict=True):
            key = edge.node, edge.output
            if part is not None:
                sums[key] = sums.get(key, 0) + part
            elif node.op.startswith("torch:"):
                blind.add(key)
    for node in trace.nodes:
        if node is trace.loss:
            continue
        grads = node.grad if isinstance(node.grad, tuple) else (node.grad,)
        for i, gradient in enumerate(grads):
            if gradient is not None and (node.id, i) not in blind:
                near(sums[node.id, i], gradient, tolerance, node)


def near(own: Any, other: Any, tolerance: float, node: Node) -> None:
    """Compare in proportion to the largest number."""
    scale = max(1e-30, float(np.max(np.abs(other))) if np.size(other) else 0.0)
    difference = float(np.max(np.abs(np.asarray(own) - np.asarray(other)), initial=0.0))
    assert np.shape(own) == np.shape(other), (node.id, node.op)
    assert difference <= tolerance * max(scale, 1.0), (node.id, node.op, difference, scale)
