"""The end of a derivation: one step of gradient descent, and the forward pass after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops.protocol import OPS
from ..pages.blocks import Block, Heading, Math, Prose
from ..traces.trace import Node, Trace
from .formulas import Formula, minus, number, numbers, times
from .symbols import Symbols


def update_blocks(
    trace: Trace, targets: list[Node], nodes: list[Node], symbols: Symbols, lr: float
) -> list[Block]:
    """Write θ ← θ − lr ∂C/∂θ for each parameter, then `nodes` in a second forward pass."""
    targets = [node for node in targets if isinstance(node.value, np.ndarray | np.generic)]
    if not targets:
        return []
    blocks: list[Block] = [
        Heading(f"Descent: one step of size {number(lr).text} against the gradient")
    ]
    new: dict[int, Any] = {}
    for node in targets:
        new[node.id] = np.asarray(node.value) - lr * np.asarray(node.grad)
        value, gradient = numbers(np.asarray(node.value)), numbers(np.asarray(node.grad))
        right = minus(value, times(number(lr), gradient))
        left, result = symbols.of(node), numbers(new[node.id])
        blocks.append(
            Math(
                f"{left.text} ← {right.text} = {result.text}",
                rf"{left.latex} \gets {right.latex} = {result.latex}",
            )
        )
    blocks.append(Heading("Forward again"))
    values = recomputed(trace, new)
    if values is None:
        blocks.append(Prose("This pass holds an op that Backsight cannot compute; it ends here."))
        return blocks
    for node in nodes:
        if symbols.is_inlined(node) or isinstance(values[node.id], tuple):
            continue
        if node.name or node is trace.loss:
            blocks.append(_before_and_after(symbols.of(node), node.value, values[node.id]))
    return blocks


def recomputed(trace: Trace, new: dict[int, Any]) -> dict[int, Any] | None:
    """Return all values after parameters got new ones, None where an op is unknown."""
    values: dict[int, Any] = {}
    for node in trace:
        if node.is_leaf:
            values[node.id] = new.get(node.id, node.value)
            continue
        op = OPS.get(node.op)
        given = {
            edge.argument: values[edge.node][edge.output]
            if isinstance(values[edge.node], tuple)
            else values[edge.node]
            for edge in node.inputs
        }
        if op is None or any(value is None for value in given.values()):
            return None
        inputs = list(given.values()) if op.listed else [given.get(name) for name in op.inputs]
        with np.errstate(all="ignore"):
            values[node.id] = op.forward(*inputs, **node.attributes)
    return values


def _before_and_after(name: Formula, before: Any, after: Any) -> Math:
    old, now = numbers(np.asarray(before)), numbers(np.asarray(after))
    return Math(
        f"{name.text}: {old.text} → {now.text}", rf"{name.latex}: {old.latex} \to {now.latex}"
    )
