"""Where the first number that is not finite was born, read off the graph behind a loss.

The graph still holds values that the backward needs. Going through it in the order of the forward,
the first such value that is not finite gives the op that made it, or the leaf that it is. A loss is
only taken apart once: afterwards everything is NaN.
"""

from __future__ import annotations

from typing import Any

import torch

from ...figures import non_finite_figures
from ..arrays import array_of, readable
from ..graph import plain_saved
from ..structure import SHAPING, Structure

RESULTS = ("result", "output", "out")
POSITIONS = {"self": 0, "input": 0, "other": 1, "mat2": 1, "weight": 1, "exponent": 1}
OF_LINEAR = {"mat1": 1, "mat2": 2}

RISKY = (
    "log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "rsqrt", "pow", "power", "square",
    "div", "reciprocal", "acos", "asin", "atanh", "acosh", "tan", "lgamma", "linalg_vector_norm",
)  # fmt: skip
PASSING = ("neg", "mean", "sum", "multiply", "add", "subtract", *SHAPING)
"""Ops that keep no value of their own to look at, and seldom make such numbers."""


def birth_of(structure: Structure, root: torch.Tensor) -> tuple[int, str, dict[str, Any]] | None:
    """Return who is to blame for a root that is not finite, None where that cannot be told.

    First comes a node by its serial number, a leaf as −1 − i, or 0 for data; then the op; then the
    figures. Call it where the script's modes are switched off and no graph is made.
    """
    nodes, sources = structure.graph.nodes, structure.graph.sources
    for i, leaf in enumerate(structure.graph.leaves):
        if readable(leaf) and figures_of_fault(value := array_of(leaf)):
            return -1 - i, "", non_finite_figures(value)
    for serial in range(len(nodes), 0, -1):
        node, op = nodes[serial - 1], structure.op(serial)
        for name in (attribute[11:] for attribute in dir(node) if attribute[:11] == "_raw_saved_"):
            value = _broken(node, name)
            if value is None:
                continue
            if name in RESULTS:
                return serial, op, non_finite_figures(value)
            position = (OF_LINEAR if op == "linear" else POSITIONS).get(name)
            if position is None or position >= len(sources[serial - 1]):
                continue
            behind = structure.behind(sources[serial - 1][position])
            if behind == 0 and not figures_of_fault(value):
                continue  # a mask of −inf
            return behind, structure.op(behind) if behind > 0 else op, non_finite_figures(value)
    suspect = _suspect(structure)
    if suspect is None:
        return None
    return suspect, structure.op(suspect), non_finite_figures(array_of(root))


def figures_of_fault(value: Any) -> bool:
    """Tell whether a value holds worse than the −inf of a mask."""
    figures = non_finite_figures(value)
    return bool(figures["nan"] or (value == float("inf")).any())


def _broken(node: Any, name: str) -> Any:
    """Return a value that a node keeps if it is not finite, else None."""
    if isinstance(getattr(node, f"_raw_saved_{name}"), tuple):
        return None
    value = plain_saved(node, name)
    if value is None or not readable(value) or bool(torch.isfinite(value).all()):
        return None
    return array_of(value)


def _suspect(structure: Structure) -> int | None:
    """Return the one op near the loss that can make such numbers, None unless there is one."""
    found, stack, seen = set(), [1], set()
    while stack:
        serial = stack.pop()
        if serial in seen or serial <= 0:
            continue
        seen.add(serial)
        op = structure.op(serial)
        if op in RISKY:
            found.add(serial)
        elif op in PASSING:
            stack.extend(structure.graph.sources[serial - 1])
    return found.pop() if len(found) == 1 else None
