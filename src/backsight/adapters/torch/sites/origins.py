"""What an op gave out, worked out once more from what its node keeps: who made the first NaN.

A node keeps what its backward asks for, which is often the inputs alone. So of a value that is not
finite one first sees some consumer. From there the way goes back, through ops that keep nothing, to
the op whose output is not finite though nothing before it is.
"""

from __future__ import annotations

from typing import Any

import torch

from ..arrays import readable
from ..graph import plain_saved
from ..structure import SHAPING, Structure

RISKY = (
    "log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "rsqrt", "pow", "power", "square",
    "divide", "reciprocal", "acos", "asin", "atanh", "acosh", "tan", "lgamma", "linalg_vector_norm",
)  # fmt: skip
"""Ops that can make such numbers of finite ones."""
PASSING = ("neg", "mean", "sum", "multiply", "add", "subtract", *SHAPING)
"""Ops that keep no value of their own to look at, and seldom make such numbers."""

OF_ONE = ("log", "log2", "log10", "log1p", "acos", "asin", "atanh", "acosh", "tan", "lgamma")
RESULTS = ("result", "output", "out")
MOST_WALKED = 1_000


def output_of(structure: Structure, serial: int) -> torch.Tensor | None:
    """Return what a node gave out, or work it out from what it keeps; None if that is too little.

    Call it where the script's modes are switched off and no graph is made.
    """
    node, op = structure.graph.nodes[serial - 1], structure.op(serial)
    result = next((r for name in RESULTS if (r := _saved(node, name)) is not None), None)
    if result is not None:
        return result
    one, other = _saved(node, "self"), _saved(node, "other")
    made: torch.Tensor | None = None
    if one is not None and op in OF_ONE:
        made = getattr(torch, op)(one)
    elif one is not None and op in ("power", "square"):
        exponent: Any = getattr(node, "_saved_exponent", None)
        made = one**exponent if isinstance(exponent, int | float) else None
    elif one is not None and other is not None and op in ("divide", "multiply"):
        made = one / other if op == "divide" else one * other
    return made


def is_broken(structure: Structure, serial: int) -> bool | None:
    """Tell whether the output of a node is not finite, None where its node does not tell."""
    made = output_of(structure, serial)
    if made is not None:
        return not bool(torch.isfinite(made).all())
    if structure.op(serial) == "divide":  # by zero it is sure to be none, whatever is divided
        other = _saved(structure.graph.nodes[serial - 1], "other")
        if other is not None and bool((other == 0).any()):
            return True
    return None


def origin(structure: Structure, serial: int) -> tuple[int, bool]:
    """Go back from a node whose output is not finite; return who made that, and if it is sure."""
    at, sure = serial, True
    for _ in range(MOST_WALKED):
        before = _broken_before(structure, at)
        if before is None:
            break
        if before == 0:
            sure = False
            break
        at = before
    return at, sure


def suspect(structure: Structure) -> tuple[int, bool] | None:
    """Return the op near the loss that has made it NaN or infinite, and whether that is sure.

    None where several can have done it, and none of them tells.
    """
    broken: list[int] = []
    silent: list[int] = []
    stack, seen = [1], set[int]()
    while stack and len(seen) < MOST_WALKED:
        serial = stack.pop()
        if serial in seen or serial <= 0:
            continue
        seen.add(serial)
        known = is_broken(structure, serial)
        if known is False:
            continue
        op = structure.op(serial)
        if known and op in RISKY:
            broken.append(serial)
        elif op in RISKY:
            silent.append(serial)
        if op in PASSING or (known is None and op in RISKY):
            stack.extend(structure.graph.sources[serial - 1])
    if broken:
        return origin(structure, max(broken))
    return (silent[0], True) if len(silent) == 1 else None


def _broken_before(structure: Structure, serial: int) -> int | None:
    """Return the input of a node that is not finite; None if all are finite, 0 if none tells."""
    unsure, stack, seen = False, list(structure.graph.sources[serial - 1]), set[int]()
    while stack and len(seen) < MOST_WALKED:
        source = stack.pop()
        if source <= 0 or source in seen:
            continue  # leaves have been looked at, and data if a node keeps it
        seen.add(source)
        known = is_broken(structure, source)
        if known:
            return source
        if known is None and structure.op(source) in PASSING:
            stack.extend(structure.graph.sources[source - 1])
        elif known is None and structure.op(source) in RISKY:
            unsure = True
    return 0 if unsure else None


def _saved(node: Any, name: str) -> torch.Tensor | None:
    raw = getattr(node, f"_raw_saved_{name}", None)
    if raw is None or isinstance(raw, tuple):
        return None
    value = plain_saved(node, name)
    return value.detach() if value is not None and readable(value) else None
