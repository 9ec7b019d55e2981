"""Where the first number that is not finite was born: in the forward, in the backward, in a leaf.

Blamed is the first op whose output is not finite while its inputs are, or a leaf that is itself not
finite. A mask of −inf is a common tool: a constant that holds −inf and nothing worse is passed
over, and the op that made a NaN of it is blamed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.recorder import OUTPUT
from ...engine.tensors import Tensor
from ..figures import non_finite_figures
from .graph import placed

MOST_COLUMNS = 8


def is_finite(array: Any) -> bool:
    """Tell whether all of an array is finite, by its sum where that is finite. May warn."""
    if array.__class__ in (list, tuple):
        return all(is_finite(part) for part in array if part is not None)
    if array.__class__ is float:
        return math.isfinite(array)
    if not isinstance(array, np.ndarray | np.generic) or array.dtype.kind != "f":
        return True
    total = float(np.add.reduce(array, axis=None))
    return math.isfinite(total) or bool(np.all(np.isfinite(array)))


def birth_of(outputs: Sequence[Tensor]) -> dict[str, Any] | None:
    """Follow values that are not finite back to where the first of them was born."""
    seen: set[int] = set()
    stack = [x for x in outputs if not is_finite(x._value)]
    born: list[tuple[int, dict[str, Any]]] = []
    while stack:
        x = stack.pop()
        x = x.inputs[0] if x.op is OUTPUT and x.inputs else x
        if id(x) in seen:
            continue
        seen.add(id(x))
        if x.op is None:
            born.append((0, of_leaf(x._value, "parameter" if x.wanted else "input", x)))
            continue
        behind = [each for each in x.inputs if worth_following(each)]
        stack.extend(each for each in behind if each.__class__ is Tensor)
        plain = [each for each in behind if each.__class__ is not Tensor]
        if plain:
            born.append((x.serial, of_leaf(plain[0], "input", x)))
        if not behind:
            born.append((x.serial, of_op(x, "forward", x._value)))
    return min(born, key=lambda each: each[0])[1] if born else None


def worth_following(x: Any) -> bool:
    """Tell whether a value may be to blame: it is not finite, and no mask of −inf."""
    return not is_finite(_value(x)) and not is_mask(x)


def is_mask(x: Any, depth: int = 4) -> bool:
    """Tell whether a value is a constant with −inf in it and nothing worse, or made with one."""
    value = _value(x)
    if not isinstance(value, np.ndarray | np.floating | float):
        return False
    if np.any(np.isnan(value)) or np.any(np.isposinf(value)):
        return False
    if x.__class__ is not Tensor or (x.op is None and not x.wanted):
        return True
    behind = [each for each in x.inputs if not is_finite(_value(each))]
    return bool(behind) and depth > 0 and all(is_mask(each, depth - 1) for each in behind)


def _value(x: Any) -> Any:
    return x._value if x.__class__ is Tensor else x


def born_in_backward(node: Tensor, dout: Any, downstream: Sequence[Any]) -> dict[str, Any] | None:
    """Return the birth of a gradient that is not finite, None where there is none at this node.

    Where the node's own numbers were not finite already, as in `1 / (1 + exp(-x))` far out, the op
    that made those is blamed.
    """
    broken = next((dx for dx in downstream if dx is not None and not is_finite(dx)), None)
    if broken is None or not is_finite(dout):
        return None
    values = [x for x in (node, *node.inputs) if x.__class__ is Tensor]
    forward = birth_of([x for x in values if worth_following(x)])
    if forward is not None:
        return forward | {"phase": "backward"} if forward["phase"] == "forward" else forward
    return of_op(node, "backward", broken)


def of_op(node: Tensor, phase: str, value: Any) -> dict[str, Any]:
    """Describe a birth in an op."""
    assert node.op is not None
    parts = value if isinstance(value, list | tuple) else [value]
    broken = next(part for part in parts if part is not None and not is_finite(part))
    return {
        "phase": phase,
        "op": node.op.name,
        "name": "",
        "kind": "",
        **non_finite_figures(broken),
        **at(node),
    }


def of_leaf(value: Any, kind: str, node: Tensor) -> dict[str, Any]:
    """Describe a leaf that is itself not finite; `node` is the leaf, or the op that takes it."""
    value = np.asarray(value)
    columns: list[int] = []
    if value.ndim == 2:
        broken = ~np.isfinite(value)
        columns = [int(i) for i in np.flatnonzero(broken.any(axis=0))[:MOST_COLUMNS]]
    return {
        "phase": "leaf",
        "op": node.op.name if node.op is not None else "",
        "name": node.name if node.op is None else "",
        "kind": kind,
        **non_finite_figures(value),
        "columns": columns,
        **at(node),
    }


def at(node: Tensor) -> dict[str, Any]:
    """Return place and source lines as an event has them."""
    where, source = placed(node.where)
    place = {name: getattr(where, name) for name in where.__slots__} if where else None
    return {"where": place, "source": source}
