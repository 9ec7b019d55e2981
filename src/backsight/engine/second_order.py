"""Differentiating again: a backward run on Tensors records itself; no second formula is needed."""

from __future__ import annotations

from typing import Any

from .failures import counted
from .recorder import output_of
from .tensors import Tensor


def pull_on_tensors(node: Tensor, dout: Any) -> tuple[tuple[Tensor, Tensor], ...]:
    """Run the backward of a node on Tensors: (input, gradient) for each that wants one, recorded.

    The forward's locals are functions of the inputs. Taken as constants they would give silently
    wrong second derivatives, so the forward runs again, on Tensors, and its locals are taken from
    there.
    """
    op = node.op
    assert op is not None
    kept = node.saved
    attributes = dict(zip(op.attributes, kept, strict=False))
    local: dict[str, Any] = {}
    if op.saves:
        _, values = op.twin(*node.inputs, **attributes)
        local = dict(zip(op.saves, values, strict=True))
    upstream = [f"d{output}" for output in op.outputs]
    inputs = dict(zip(op.inputs, node.inputs, strict=False))
    arguments: list[Any] = []
    for name in op.asks:
        if name in upstream:
            arguments.append(dout if len(upstream) == 1 else dout[upstream.index(name)])
        elif name in inputs:
            arguments.append(inputs[name])
        elif name == op.listed:
            arguments.append(node.inputs)
        elif name in attributes:
            arguments.append(attributes[name])
        elif name in op.outputs:
            several = len(op.outputs) > 1
            arguments.append(output_of(node, op.outputs.index(name)) if several else node)
        elif name in local:
            arguments.append(local[name])
        else:
            arguments.append(_shape(inputs[name.removesuffix("_shape")]))
    wanted = [name for i, name in enumerate(op.inputs) if node.wanted >> i & 1]
    downstream = op.variant(wanted)(*arguments)
    if len(node.inputs) == 1 and not op.listed:
        downstream = (downstream,)
    return tuple(
        (x, dx if dx.__class__ is Tensor else Tensor(dx)) for x, dx in counted(node, downstream)
    )


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(getattr(x, "shape", ()))
