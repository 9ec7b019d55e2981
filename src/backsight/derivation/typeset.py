"""Python expressions as formulas: what a forward or a backward computes, in the user's names.

An op's bodies are plain NumPy in a small dialect, so that a short table is enough. What the table
does not know stays a call: `argmax(x)`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from .formulas import (
    ATOM,
    SUM,
    Formula,
    bracketed,
    call,
    escaped,
    minus,
    negative,
    number,
    over,
    plus,
    power,
    root,
    symbol,
    times,
    transposed,
)

FUNCTIONS: dict[str, Callable[..., Formula]] = {
    "exp": lambda x: Formula(
        f"exp({x.text})",
        f"e^{{{x.latex}}}" if len(x.latex) < 12 else call("exp", x, latex=r"\exp").latex,
    ),
    "log": lambda x: call("log", x, latex=r"\log"),
    "tanh": lambda x: call("tanh", x, latex=r"\tanh"),
    "sin": lambda x: call("sin", x, latex=r"\sin"),
    "cos": lambda x: call("cos", x, latex=r"\cos"),
    "sigmoid": lambda x: call("σ", x, latex=r"\sigma"),
    "sqrt": root,
    "square": lambda x: power(x, number(2)),
    "abs": lambda x: Formula(f"|{x.text}|", rf"\left|{x.latex}\right|"),
    "absolute": lambda x: Formula(f"|{x.text}|", rf"\left|{x.latex}\right|"),
    "maximum": lambda x, y: call("max", x, y, latex=r"\max"),
    "minimum": lambda x, y: call("min", x, y, latex=r"\min"),
    "relu": lambda x: call("max", number(0), x, latex=r"\max"),
    "dot": lambda x, y: times(x, y, "@"),
    "matmul": lambda x, y: times(x, y, "@"),
    "multiply": times,
    "add": plus,
    "subtract": minus,
    "divide": over,
    "negative": negative,
    "power": power,
    "sum": lambda x: total(x, "Σ", r"\sum"),
    "mean": lambda x: total(x, "mean", r"\operatorname{mean}"),
    "swapaxes": lambda x, *_: transposed(x),
    "where": lambda c, x, y: Formula(
        f"({x.text} where {c.text}, else {y.text})",
        rf"\begin{{cases}} {x.latex} & {c.latex} \\ {y.latex} & \text{{else}} \end{{cases}}",
    ),
    "outer": lambda x, y: times(x, transposed(y), "@"),
    "linear": lambda x, w, b=None: times(x, w, "@") if b is None else plus(times(x, w, "@"), b),
    "log_softmax": lambda x: call("log softmax", x, latex=r"\log\operatorname{softmax}"),
}
QUIET = ("astype", "copy", "reshape", "broadcast_to", "squeeze", "expand_dims", "asarray")
"""Calls that change no number: what is shown is their first argument."""

COMPARISONS = {
    ast.Gt: (">", ">"),
    ast.Lt: ("<", "<"),
    ast.GtE: ("≥", r"\ge"),
    ast.LtE: ("≤", r"\le"),
    ast.Eq: ("=", "="),
    ast.NotEq: ("≠", r"\ne"),
}


def only_stretches(node: ast.Subscript) -> bool:
    """Tell whether a subscript only adds axes of length one: `dout[..., None]`."""
    index = node.slice
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    whole = (isinstance(part, ast.Slice) and ast.unparse(part) == ":" for part in parts)
    constant = (isinstance(part, ast.Constant) and part.value in (None, ...) for part in parts)
    return all(map(max, zip(whole, constant, strict=True)))


def total(part: Formula, sign: str, latex: str) -> Formula:
    """Return a sum or a mean over elements."""
    if sign == "mean":
        return call("mean", part, latex=latex)
    inside = bracketed(part, SUM + 1)
    return Formula(f"{sign} {inside.text}", f"{latex} {inside.latex}", SUM + 1)


class Typesetter:
    """Turns syntax trees into formulas. `names` are the formulas of names, `known` their values.

    Values decide which branch of a conditional expression is taken.
    """

    def __init__(self, names: Mapping[str, Formula], known: Mapping[str, Any]) -> None:
        self.names = names
        self.known = known

    def formula(self, node: ast.expr) -> Formula:
        """Return the formula of an expression."""
        match node:
            case ast.Name(id=name):
                return self.names.get(name) or symbol(name)
            case ast.Constant(value=int() | float() as value):
                return number(value)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return negative(self.formula(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.formula(left), self.formula(right))
            case ast.IfExp(test=test, body=body, orelse=other):
                return self.formula(body if self.holds(test) else other)
            case ast.Attribute(value=value, attr="T"):
                return transposed(self.formula(value))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
                text, latex = COMPARISONS[type(op)]
                a, b = self.formula(left), self.formula(right)
                return Formula(
                    f"[{a.text} {text} {b.text}]", rf"\mathbb{{1}}[{a.latex} {latex} {b.latex}]"
                )
            case ast.Subscript(value=value) if only_stretches(node):
                return self.formula(value)
            case ast.Call():
                return self._call(node)
        text = ast.unparse(node)
        return Formula(text, rf"\texttt{{{escaped(text)}}}", ATOM)

    def holds(self, test: ast.expr) -> bool:
        """Evaluate a condition on attributes, shapes and what is None."""
        code = compile(ast.Expression(test), "<condition>", "eval")
        return bool(eval(code, dict(self.known)))

    def _binary(self, op: ast.operator, left: Formula, right: Formula) -> Formula:
        match op:
            case ast.Add():
                return plus(left, right)
            case ast.Sub():
                return minus(left, right)
            case ast.Mult():
                return power(left, number(2)) if left == right else times(left, right)
            case ast.Div():
                return over(left, right)
            case ast.Pow():
                return power(left, right)
            case ast.MatMult():
                return times(left, right, "@")
        return Formula(f"{left.text} ? {right.text}", "?", SUM)

    def _call(self, node: ast.Call) -> Formula:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
        given = [self.formula(argument) for argument in node.args]
        method = isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
        )
        if method:
            assert isinstance(node.func, ast.Attribute)
            given.insert(0, self.formula(node.func.value))
        name = name.rstrip("_")
        if name in QUIET and given:
            return given[0]
        known = FUNCTIONS.get(name)
        if known is not None:
            try:
                return known(*given)
            except TypeError:  # another number of arguments than the table knows
                pass
        return call(name, *given)
