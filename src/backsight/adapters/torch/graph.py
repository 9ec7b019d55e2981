"""The graph behind a loss, in the neutral form: each node once, before its inputs.

Nothing is kept on it but what PyTorch itself holds; the graph is alive while its backward pass
begins, and only then is it walked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from ..seen import LARGE_CONSTANT, PARAMETER, SMALL_CONSTANT, SMALL_PARAMETER, Seen

MOST_NODES = 200_000  # of one pass; what lies farther from the loss is not seen

LEAF = torch._C._functions.AccumulateGrad

# What a node is called where the engine has the same op; the rest is its class in snake case.
OPS = {
    "Abs": "absolute",
    "Add": "add",
    "Addmm": "linear",
    "ClampMin": "clamp",
    "ClampMax": "clamp",
    "Div": "divide",
    "Hardsigmoid": "hard_sigmoid",
    "Hardtanh": "hard_tanh",
    "LogSoftmax": "log_softmax",
    "Mul": "multiply",
    "Mm": "matmul",
    "Bmm": "matmul",
    "Pow": "power",
    "Sub": "subtract",
}


class Graph(NamedTuple):
    """The nodes of one pass with their structure, both in the same order, and the leaves.

    `sources` are the inputs of each node once more: another node by its serial number, which is its
    place in `nodes` from 1 on, leaf i as −1 − i, what needs no gradient as 0.
    """

    nodes: tuple[Any, ...]
    seen: tuple[Seen, ...]
    sources: tuple[tuple[int, ...], ...]
    leaves: tuple[torch.Tensor, ...]
    whole: bool


def walk(roots: Sequence[torch.Tensor]) -> Graph:
    """Walk the graph behind the roots. Call it where the script's modes are switched off."""
    starts = [root.grad_fn for root in roots if root.grad_fn is not None]
    found, waiting, whole = _reached(starts)
    serials: dict[int, int] = {}
    leaves: dict[int, torch.Tensor] = {}
    nodes: list[Any] = []
    ready = [node for node in found if not waiting[id(node)]]
    while ready:
        node = ready.pop()
        serials[id(node)] = len(nodes) + 1
        nodes.append(node)
        for child, _ in node.next_functions:
            key = id(child)
            if key in waiting:
                waiting[key] -= 1
                if not waiting[key]:
                    ready.append(child)
    numbers: dict[int, int] = {}  # of leaves, by id
    seen, sources = [], []
    for serial, node in enumerate(nodes, start=1):
        codes, known = [], []
        for child, _ in node.next_functions:
            if child is None:
                codes.append(LARGE_CONSTANT)  # or one number: the graph does not tell
                known.append(0)
            elif child.__class__ is LEAF:
                leaf = child.variable
                leaves[id(leaf)] = leaf
                codes.append(SMALL_PARAMETER if leaf.numel() <= 1 else PARAMETER)
                known.append(numbers.setdefault(id(leaf), -1 - len(numbers)))
            else:
                codes.append(serials.get(id(child), LARGE_CONSTANT))
                known.append(serials.get(id(child), 0))
        seen.append(_seen(node, serial, tuple(codes)))
        sources.append(tuple(known))
    return Graph(tuple(nodes), tuple(seen), tuple(sources), tuple(leaves.values()), whole)


def _reached(starts: Sequence[Any]) -> tuple[list[Any], dict[int, int], bool]:
    """Return all nodes but leaves, and how many edges lead to each from the others."""
    found: list[Any] = []
    waiting: dict[int, int] = {}
    for start in starts:
        if id(start) not in waiting:
            waiting[id(start)] = 0
            found.append(start)
    for node in found:  # which grows as we go
        for child, _ in node.next_functions:
            if child is None or child.__class__ is LEAF:
                continue
            if id(child) in waiting:
                waiting[id(child)] += 1
            elif len(found) < MOST_NODES:
                waiting[id(child)] = 1
                found.append(child)
    return found, waiting, len(found) < MOST_NODES


def _seen(node: Any, serial: int, inputs: tuple[int, ...]) -> Seen:
    # The inputs of the backward are like the outputs of the forward.
    outputs: Any = getattr(node, "_input_metadata", ())
    small = len(outputs) == 1 and _is_one(outputs[0])
    op = op_of(node)
    if op in ("multiply", "divide") and LARGE_CONSTANT in inputs:
        inputs = _with_numbers(node, inputs)
    itself = len(inputs) == 2 and inputs[0] == inputs[1] > 0
    if (itself and op in ("multiply", "matmul")) or (
        op == "power" and getattr(node, "_saved_exponent", None) == 2
    ):
        op = "square"
    return Seen(serial, op, inputs, small)


def _is_one(output: Any) -> bool:
    try:
        return bool(math.prod(output.shape) == 1)
    except RuntimeError:  # a nested tensor has no shape
        return False


def _with_numbers(node: Any, inputs: tuple[int, ...]) -> tuple[int, ...]:
    """Return the inputs of a product, with a factor that is one number told as such."""
    given = []
    for code, name in zip(inputs, ("self", "other"), strict=False):
        known = plain_saved(node, name) if code == LARGE_CONSTANT else None
        one = known is not None and known.numel() == 1
        given.append(SMALL_CONSTANT if one else code)
    return tuple(given)


def plain_saved(node: Any, name: str) -> torch.Tensor | None:
    """Return a value that a node keeps for the backward, None unless that is free of effects.

    Where somebody packs saved values (checkpointing), asking for one may compute the forward again.
    """
    packed = getattr(node, f"_raw_saved_{name}", None)
    if packed is None or packed.unpack_hook is not None:
        return None
    value: torch.Tensor | None = getattr(node, f"_saved_{name}")
    return value


_CLASS = re.compile(r"(\w+?)(Backward\d*)?$")
_names: dict[str, str] = {}


def op_of(node: Any) -> str:
    """Return what a node computes: `clamp` for ClampBackward1; `torch:<name>` if it is unknown."""
    name = node.name()
    known = _names.get(name)
    if known is None:
        stem = _CLASS.match(name.rpartition("::")[2])
        known = _names[name] = _op(stem[1]) if stem is not None else f"torch:{name}"
    return known


def _op(stem: str) -> str:
    return OPS.get(stem) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", stem).lower()
