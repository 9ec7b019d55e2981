"""What went into an activation and what came out, from what its backward keeps of either.

PyTorch keeps the input or the result, as it needs them; in-place variants keep the result where the
others keep the input. The other one follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from ..arrays import readable
from ..graph import plain_saved
from ..structure import Structure


class Value(NamedTuple):
    """An activation by its canonical name, and the tensors that went in and came out."""

    op: str
    x: Any
    out: Any


def value_of(op: str, node: Any) -> Value | None:
    """Return what a node computed if it is an activation whose values are there, else None.

    Call it while the graph is alive, where the script's modes are off and no graph is made.
    """
    reader = READERS.get(op)
    found = reader(node) if reader is not None else None
    if found is None or not (readable(found.x) and readable(found.out)):
        return None
    return found


def _saved(node: Any, name: str) -> Any:
    found = plain_saved(node, name)
    return found.detach() if found is not None and readable(found) else None


def _of_result(op: str) -> Callable[[Any], Value | None]:
    """Read an op whose local derivative follows from what came out."""

    def read(node: Any) -> Value | None:
        out = _saved(node, "result")
        return Value(op, out, out) if out is not None else None

    return read


def _of_input(op: str, result: Callable[[Any, Any], Any]) -> Callable[[Any], Value | None]:
    """Read an op that keeps what went in; `result(node, x)` computes it again."""

    def read(node: Any) -> Value | None:
        x = _saved(node, "self")
        return Value(op, x, result(node, x)) if x is not None else None

    return read


def _leaky_relu(node: Any) -> Value | None:
    out = _saved(node, "result")
    if out is not None:  # in place: of one sign with what went in
        return Value("leaky_relu", out, out)
    x = _saved(node, "self")
    if x is None:
        return None
    return Value("leaky_relu", x, functional.leaky_relu(x, node._saved_negative_slope))


def _elu(node: Any) -> Value | None:
    alpha, scale = float(node._saved_alpha), float(node._saved_scale)
    op = "elu" if scale == 1.0 else "selu"
    out, x = _saved(node, "result"), _saved(node, "self")
    if out is not None:
        below = torch.log1p((out / (alpha * scale)).clamp(min=-1.0))
        return Value(op, torch.where(out > 0, out / scale, below), out)
    return Value(op, x, scale * functional.elu(x, alpha)) if x is not None else None


def _prelu(node: Any) -> Value | None:
    x, slope = _saved(node, "self"), _saved(node, "weight")
    if x is None or slope is None:
        return None
    return Value("prelu", x, torch.where(x > 0, x, slope * x))


def _softplus(node: Any) -> Value | None:
    x = _saved(node, "self")
    if x is None:
        return None
    beta = node._saved_beta
    return Value("softplus", x * beta, functional.softplus(x, beta, node._saved_threshold))


def _hard_tanh(node: Any) -> Value | None:
    if (node._saved_min_val, node._saved_max_val) != (0, 6):
        return None  # a clamp
    x = _saved(node, "self")
    return Value("relu6", x, functional.relu6(x)) if x is not None else None


def _clamp(node: Any) -> Value | None:
    low, high = getattr(node, "_saved_min", None), getattr(node, "_saved_max", None)
    if hasattr(node, "_raw_saved_min"):
        low = plain_saved(node, "min")
    return _above(node, "self", low) if high is None else None


def _maximum(node: Any) -> Value | None:
    live = [i for i, (child, _) in enumerate(node.next_functions) if child is not None]
    if len(live) != 1:
        return None
    names = ("self", "other")
    return _above(node, names[live[0]], plain_saved(node, names[1 - live[0]]))


def _above(node: Any, name: str, bound: Any) -> Value | None:
    """Read max(x, 0), however it is written."""
    if isinstance(bound, torch.Tensor):
        bound = None if bound.is_meta or bool(bound.any()) else 0
    x = _saved(node, name) if bound == 0 else None
    return Value("relu", x, x.clamp(min=0)) if x is not None else None


READERS: dict[str, Callable[[Any], Value | None]] = {
    **{op: _of_result(op) for op in ("relu", "sigmoid", "tanh", "softmax", "log_softmax")},
    "gelu": _of_input(
        "gelu", lambda node, x: functional.gelu(x, approximate=node._saved_approximate)
    ),
    "silu": _of_input("silu", lambda node, x: functional.silu(x)),
    "hard_sigmoid": _of_input("hard_sigmoid", lambda node, x: functional.hardsigmoid(x)),
    "log_sigmoid": _of_input("log_sigmoid", lambda node, x: functional.logsigmoid(x)),
    "relu6": _of_input("relu6", lambda node, x: functional.relu6(x)),
    "reciprocal": _of_result("sigmoid"),
    "clamp": _clamp,
    "elu": _elu,
    "hard_tanh": _hard_tanh,
    "leaky_relu": _leaky_relu,
    "maximum": _maximum,
    "prelu_kernel": _prelu,
    "softplus": _softplus,
}


def hand_written_sigmoid(structure: Structure, serial: int) -> tuple[int, int]:
    """Recognise `1 / (1 + torch.exp(-x))` at its reciprocal.

    Return the node whose output is the sigmoid, and the one that takes x; (0, 0) if it is none.
    That the number added is 1 is nowhere kept: the values tell.
    """
    graph = structure.graph
    chain, at = [serial], serial
    for op in ("add", "exp", "neg"):
        at = next((source for source in graph.sources[at - 1] if source > 0), 0)
        if not at or structure.op(at) != op:
            return 0, 0
        chain.append(at)
    out = _saved(graph.nodes[serial - 1], "result")
    power = _saved(graph.nodes[chain[2] - 1], "result")
    if out is None or power is None or out.shape != power.shape:
        return 0, 0
    product = out.reshape(-1)[:64] * (1 + power.reshape(-1)[:64])
    product = product[torch.isfinite(product)]
    if not product.numel() or bool(((product - 1).abs() > 1e-2).any()):
        return 0, 0
    # PyTorch computes 1 / y as y.reciprocal() * 1.
    taken = structure.consumers.get(serial, ())
    if len(taken) == 1 and structure.op(taken[0][0]) == "multiply":
        after = taken[0][0]
        if sum(source != 0 for source in graph.sources[after - 1]) == 1:
            return after, chain[-1]
    return serial, chain[-1]
