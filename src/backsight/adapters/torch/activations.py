"""The activations among the nodes of a graph, measured by what their backward keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn import functional

from ..figures import ROWWISE, activation_figures, unit_axis
from .arrays import array_of, readable
from .graph import op_of, plain_saved

# By op: what the backward keeps (the result, else the input), and the result from the input.
KEPT: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "relu": ("result", lambda node, x: x),
    "sigmoid": ("result", lambda node, x: x),
    "tanh": ("result", lambda node, x: x),
    "softmax": ("result", lambda node, x: x),
    "log_softmax": ("result", lambda node, x: x),
    "leaky_relu": ("self", lambda node, x: functional.leaky_relu(x, node._saved_negative_slope)),
    "gelu": ("self", lambda node, x: functional.gelu(x)),
    "silu": ("self", lambda node, x: functional.silu(x)),
    "softplus": ("self", lambda node, x: functional.softplus(x)),
    "hard_sigmoid": ("self", lambda node, x: functional.hardsigmoid(x)),
    "log_sigmoid": ("self", lambda node, x: functional.logsigmoid(x)),
    "relu6": ("self", lambda node, x: functional.relu6(x)),
}
MOST_READ = 4_000_000  # elements brought from a device


def activation_of(node: Any) -> str | None:
    """Return the canonical name of an activation, None for other nodes."""
    op = op_of(node)
    if op == "hard_tanh":
        return "relu6" if (node._saved_min_val, node._saved_max_val) == (0, 6) else None
    return op if op in KEPT else None


def measured(
    op: str, node: Any, axis: int | None, phase: int
) -> tuple[int, dict[str, float], Any] | None:
    """Return the number of units, the figures and the active counts; None where nothing is kept.

    Call it while the graph is alive, where the script's modes are off and no graph is made.
    """
    name, result = KEPT[op]
    kept = plain_saved(node, name)
    if kept is None or not readable(kept):
        return None
    if kept.device.type != "cpu" and kept.numel() > MOST_READ and kept.ndim:
        kept = kept[:: -(-kept.numel() // MOST_READ)]
    x, out = array_of(kept), array_of(result(node, kept.detach()))
    if op in ROWWISE:
        dim = node._saved_dim
        axis = dim - 2**64 if dim >= 2**63 else dim  # negative ones come without their sign
    elif axis is None or not -out.ndim <= axis < out.ndim:
        axis = unit_axis(out.ndim)
    figures, active = activation_figures(op, x, out, axis=axis, phase=phase)
    return (out.shape[axis] if out.ndim else 1), figures, active


def is_gate(op: str, consumers: tuple[str, ...]) -> bool:
    """Tell whether an activation opens and closes the way of another value."""
    return op in ("sigmoid", "hard_sigmoid") and consumers == ("multiply",)
