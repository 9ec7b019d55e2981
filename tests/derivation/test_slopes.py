"""Local derivatives that are written by hand say what the op's own backward computes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.chain import pulled
from backsight.derivation.formulas import symbol
from backsight.derivation.slopes import SLOPES, slope_of

LABELS = np.array([2, 0])
CASES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "power": ((np.array([1.5, 0.5]), 3.0), {}),
    "add": ((np.array([1.5, 0.5]), np.array([2.0, 3.0])), {}),
    "maximum": ((np.array([1.5, 0.5]), np.array([1.0, 3.0])), {}),
    "minimum": ((np.array([1.5, 0.5]), np.array([1.0, 3.0])), {}),
    "reshape": ((np.array([1.5, 0.5]),), {"shape": (2, 1)}),
    "broadcast_to": ((np.array([1.5, 0.5]),), {"shape": (2,)}),
    "cross_entropy": ((np.array([[1.0, 2.0, 0.5], [0.1, 0.2, 0.9]]),), {"labels": LABELS}),
    "bce_with_logits": ((np.array([1.5, -0.5]), np.array([1.0, 0.0])), {}),
    "squared_error": ((np.array([1.5, -0.5]), np.array([1.0, 0.0])), {}),
}
UNARY = ((np.array([1.5, -0.5]),), {})


def evaluated(text: str, values: dict[str, Any]) -> Any:
    """Compute a formula from its text."""
    for sign, python in (
        ("·", "*"),
        ("−", "-"),
        ("²", "**2"),
        ("^", "**"),
        ("≥", ">="),
        ("≤", "<="),
    ):
        text = text.replace(sign, python)
    text = re.sub(r"\[([^\]]*)\]", r"(\1)", text)

    def softmax(x: Any) -> Any:
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    functions = {
        "exp": np.exp,
        "σ": lambda x: 1 / (1 + np.exp(-x)),
        "softmax": softmax,
        "onehot": lambda labels: np.eye(3)[labels],
    }
    return eval(text, {**functions, **values})


@pytest.mark.parametrize(("op", "argument"), SLOPES)
def test_the_slope_is_that_of_the_op(op: str, argument: str) -> None:
    inputs, attributes = CASES.get(op, UNARY)
    out = getattr(bs, op)(*(bs.tensor(x) for x in inputs), **attributes)
    trace = bs.trace(np.sum(out))
    node = next(each for each in trace if each.op == op)
    gradients = pulled(trace, node, np.ones_like(node.value))
    assert gradients is not None
    by_name = dict(zip((edge.argument for edge in node.inputs), gradients, strict=True))
    values = {edge.argument: trace[edge.node].value for edge in node.inputs}
    known = {**values, **attributes, "out": node.value}
    names = {name: symbol(name) for name in known}
    slope = slope_of(op, argument, names, known)
    assert slope is not None
    found = np.broadcast_to(evaluated(slope.text, known), np.shape(values[argument]))
    np.testing.assert_allclose(
        found, np.reshape(by_name[argument], np.shape(values[argument])), rtol=1e-9
    )
