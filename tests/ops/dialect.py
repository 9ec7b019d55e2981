"""The dialect that bodies are written in, checked on their syntax tree.

Straight-line assignments of one expression to new names, `if` on attributes, shapes and presence
only, and `return`. No loops, no item assignment, no augmented assignment. The forwards of the
writing ops are excepted: `scatter`, `spread`, `fold`.
"""

from __future__ import annotations

import ast
from typing import Any

from backsight.ops.source import definition

WRITERS = {"scatter", "spread", "fold"}
PINNED = {
    "zeros",
    "ones",
    "empty",
    "full",
    "arange",
    "array",
    "asarray",
    "eye",
    "identity",
    "linspace",
}


def complaints(op: Any) -> list[str]:
    """List what is outside the dialect in an op's forward and backward."""
    found = []
    if op.name not in WRITERS:
        found += _in_body(op, op.forward)
    if op.backward_function is not None:
        found += _in_body(op, op.backward_function)
    return found


def _in_body(op: Any, function: Any) -> list[str]:
    tree = definition(function)
    where = function.__name__
    given = {*op.inputs, *(f"d{o}" for o in op.outputs)}
    arrays = {*given, *op.outputs}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.While | ast.AugAssign | ast.With | ast.Try | ast.Lambda):
            found.append(f"{where}: {type(node).__name__} at line {node.lineno}")
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Subscript) for t in node.targets):
            found.append(f"{where}: writes into an array at line {node.lineno}")
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in given:
            found.append(f"{where}: rebinds {node.id} at line {node.lineno}")
        if isinstance(node, ast.If | ast.IfExp):
            found += [f"{where}: `if` on values of {n}" for n in _values(node.test, arrays)]
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "np"
            and node.func.attr in PINNED
            and not any(k.arg == "like" for k in node.keywords)
        ):
            found.append(f"{where}: np.{node.func.attr} pins the device at line {node.lineno}")
    return found


def _values(test: ast.expr, arrays: set[str]) -> list[str]:
    """Names of arrays whose values (not shape, ndim, size, dtype or presence) a condition reads."""
    allowed = set()
    for node in ast.walk(test):
        if isinstance(node, ast.Attribute) and node.attr in ("shape", "ndim", "size", "dtype"):
            allowed |= {id(n) for n in ast.walk(node)}
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "np.ndim",
            "np.shape",
            "np.size",
        ):
            allowed |= {id(n) for n in ast.walk(node)}
        if isinstance(node, ast.Compare) and all(
            isinstance(o, ast.Is | ast.IsNot) for o in node.ops
        ):
            allowed |= {id(n) for n in ast.walk(node)}
    return [
        node.id
        for node in ast.walk(test)
        if isinstance(node, ast.Name) and node.id in arrays and id(node) not in allowed
    ]
