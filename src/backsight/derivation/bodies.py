"""The two bodies of an op as formulas of one node: what it computes, and what it hands back."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import OpError
from ..ops.protocol import OPS, Op
from ..ops.source import definition
from ..traces.trace import Node
from .formulas import Formula, call, numbers, symbol, times
from .slopes import slope_of
from .typeset import Typesetter, only_stretches

LONGEST = 60  # characters of an expression that is written in place of its name


@dataclass(frozen=True, slots=True)
class Handed:
    """What an op hands to one input: the whole formula, and the factor beside the upstream one.

    That factor, `local`, is None where the body is no product of two (a sum, a matrix product).
    `where` explains names of the formula.
    """

    whole: Formula
    local: Formula | None
    where: tuple[tuple[Formula, Formula], ...] = ()


def computed(node: Node, inputs: Mapping[str, Formula], values: Mapping[str, Any]) -> Formula:
    """Return what a node computes as a formula of its inputs, whose values decide conditions."""
    op = OPS.get(node.op)
    plain = call(node.op.removeprefix("torch:"), *inputs.values())
    if op is None or op.listed:
        return plain
    setter = Typesetter({**_attributes(node), **inputs}, _known(op, node, values))
    known = setter._call(_as_call(op, inputs))  # a common function is called by its common name
    if known.text != plain.text:
        return known
    try:
        body = inlined(_body(op.forward), setter)
    except (OpError, SyntaxError, NameError, AttributeError, TypeError):
        return plain
    if not isinstance(body, ast.Return) or body.value is None or isinstance(body.value, ast.Tuple):
        return plain
    formula = setter.formula(body.value)
    told = any(part.text in formula.text for part in inputs.values())
    return formula if told and len(formula.text) <= LONGEST and "np." not in formula.text else plain


def handed(
    node: Node,
    argument: str,
    names: Mapping[str, Formula],
    upstream: Formula,
    values: Mapping[str, Any],
) -> Handed | None:
    """Return what the backward of a node's op hands to one input; None where it is not known.

    `names` are the formulas of inputs and of `out`, `upstream` that of the gradient that arrives.
    """
    op = OPS.get(node.op)
    if op is None or op.listed or op.backward_function is None or len(op.outputs) > 1:
        return None
    slope = slope_of(op.name, argument, names, values)
    if slope is not None:
        return Handed(times(upstream, slope), slope)
    dout = f"d{op.outputs[0]}"
    known = _known(op, node, values)
    shown = {**_attributes(node), **names, op.outputs[0]: names["out"], dout: upstream}
    setter = Typesetter(shown, known)
    try:
        forward = _locals(op)
        body = inlined(_body(op.backward_function), setter, forward, LONGEST)
        if not isinstance(body, ast.Return) or body.value is None:
            return None
        value = body.value
        if isinstance(value, ast.Tuple):
            value = value.elts[op.inputs.index(argument)]
        left = factored(value, dout)
        local = setter.formula(left) if left is not None else None
        whole = setter.formula(value)
    except (OpError, SyntaxError, NameError, AttributeError, TypeError, ValueError):
        return None
    where = tuple(
        (symbol(name), setter.formula(forward[name]))
        for name in sorted(_names(value))
        if name in forward and name not in shown
    )
    return Handed(whole, local, where)


def factored(value: ast.expr, factor: str) -> ast.expr | None:
    """Return what is left of a product without one factor, None if it is no such product."""
    match value:
        case ast.Name(id=name) if name == factor:
            return ast.Constant(1)
        case ast.Subscript(value=inner) if only_stretches(value):
            return factored(inner, factor)
        case ast.UnaryOp(op=ast.USub() as sign, operand=operand):
            left = factored(operand, factor)
            return ast.UnaryOp(sign, left) if left is not None else None
        case ast.BinOp(left=a, op=ast.Mult() as op, right=b):
            for part, other, first in ((a, b, True), (b, a, False)):
                left = factored(part, factor)
                if left is not None and factor not in _names(other):
                    if isinstance(left, ast.Constant) and left.value == 1:
                        return other
                    return ast.BinOp(left, op, other) if first else ast.BinOp(other, op, left)
        case ast.BinOp(left=a, op=ast.Div() as op, right=b) if factor not in _names(b):
            left = factored(a, factor)
            return ast.BinOp(left, op, b) if left is not None else None
    return None


def inlined(
    body: list[ast.stmt],
    setter: Typesetter,
    first: Mapping[str, ast.expr] | None = None,
    longest: int = 10_000,
) -> ast.stmt:
    """Return the last statement that runs, its local names replaced by what they stand for."""
    known: dict[str, ast.expr] = {
        name: value for name, value in (first or {}).items() if len(ast.unparse(value)) <= longest
    }
    for statement in body:
        match statement:
            case ast.If(test=test):
                taken = statement.body if setter.holds(test) else statement.orelse
                if taken:
                    last = inlined(taken, setter, known, longest)
                    if isinstance(last, ast.Return):
                        return last
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                known[name] = _chosen(replaced(value, known), setter)
            case ast.Return(value=value) if value is not None:
                return ast.Return(_chosen(replaced(value, known), setter))
    return body[-1]


def _chosen(value: ast.expr, setter: Typesetter) -> ast.expr:
    """Return an expression with its conditional parts decided, so that products can be told."""

    class Decide(ast.NodeTransformer):
        def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
            try:
                taken: ast.AST = self.visit(node.body if setter.holds(node.test) else node.orelse)
                return taken
            except Exception:  # the condition is about values that are not at hand
                return node

    made: ast.expr = Decide().visit(value)
    return made


def replaced(value: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr:
    """Return a copy of an expression with names replaced by expressions."""

    class Replace(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(known[node.id]) if node.id in known else node

    made: ast.expr = Replace().visit(copy.deepcopy(value))
    return made


@functools.lru_cache(maxsize=512)
def _body_of(function: Any) -> list[ast.stmt]:
    body = definition(function).body
    first = body[0]
    docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if docstring else body


def _body(function: Any) -> list[ast.stmt]:
    return copy.deepcopy(_body_of(function))


def _locals(op: Op) -> dict[str, ast.expr]:
    """Return what the forward assigns to its local names, where that is one name at a time."""
    return {
        statement.targets[0].id: statement.value
        for statement in _body(op.forward)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }


def _as_call(op: Op, inputs: Mapping[str, Formula]) -> ast.Call:
    arguments: list[ast.expr] = [ast.Name(name, ast.Load()) for name in inputs]
    return ast.Call(ast.Name(op.name, ast.Load()), arguments, [])


def _attributes(node: Node) -> dict[str, Formula]:
    return {
        name: numbers(np.asarray(value))
        for name, value in node.attributes.items()
        if isinstance(value, int | float | np.ndarray | np.generic) and not isinstance(value, bool)
    }


def _known(op: Op, node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what conditions may ask: attributes, inputs, shapes, functions of the op's module."""
    inputs = {name: values.get(name) for name in op.inputs}
    shapes = {f"{name}_shape": np.shape(value) for name, value in values.items()}
    return {**op.forward.__globals__, **node.attributes, **inputs, **shapes, "out": node.value}


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
