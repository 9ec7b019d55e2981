"""Local derivatives as people write them, where an op's body says the same less plainly.

A body guards against edges (0 to a power, ties of a maximum) and moves axes about; by hand nobody
writes that down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .formulas import Formula, minus, number, over, plus, power, times

Names = Mapping[str, Formula]
Values = Mapping[str, Any]


def _power(names: Names, values: Values) -> Formula | None:
    exponent = values.get("y")
    if exponent is None or np.ndim(exponent):
        return None
    n = float(exponent)
    base = names["x"] if n == 2 else power(names["x"], number(n - 1))
    return times(number(n), base)


def _chosen(one: str, sign: str, other: str, latex: str) -> Callable[[Names, Values], Formula]:
    def slope(names: Names, values: Values) -> Formula:
        x, y = names[one], names[other]
        return Formula(f"[{x.text} {sign} {y.text}]", rf"\mathbb{{1}}[{x.latex} {latex} {y.latex}]")

    return slope


def _share(names: Names, values: Values) -> Formula | None:
    x, out = values.get("x"), values.get("out")
    if x is None or out is None or not np.size(out):
        return None
    return over(number(1), number(np.size(x) // np.size(out)))


def _over_samples(difference: Callable[[Names], Formula], factor: float = 1.0) -> Any:
    """Return the slope of a loss: a difference over the number of samples that its mean takes."""

    def slope(names: Names, values: Values) -> Formula | None:
        x, out = values.get("x"), values.get("out")
        if x is None or out is None:
            return None
        part = difference(names)
        part = times(number(factor), part) if factor != 1 else part
        count = np.shape(x)[0] if "labels" in values else np.size(x)
        averaged = np.size(out) == 1 and values.get("reduction", "mean") == "mean"
        return over(part, number(count)) if averaged and count > 1 else part

    return slope


def _softmax_minus_target(names: Names) -> Formula:
    x = names["x"]
    return minus(
        Formula(f"softmax({x.text})", rf"\operatorname{{softmax}}\left({x.latex}\right)"),
        Formula("onehot(labels)", r"\mathbb{1}[\mathrm{labels}]"),
    )


def _sigmoid_minus_target(names: Names) -> Formula:
    x = names["x"]
    return minus(Formula(f"σ({x.text})", rf"\sigma\left({x.latex}\right)"), names["y"])


def _one(names: Names, values: Values) -> Formula:
    return number(1)


SLOPES: dict[tuple[str, str], Callable[[Names, Values], Formula | None]] = {
    ("power", "x"): _power,
    ("square", "x"): lambda names, values: times(number(2), names["x"]),
    ("tanh", "x"): lambda names, values: minus(number(1), power(names["out"], number(2))),
    ("relu", "x"): lambda names, values: Formula(
        f"[{names['x'].text} > 0]", rf"\mathbb{{1}}[{names['x'].latex} > 0]"
    ),
    ("maximum", "x"): _chosen("x", "≥", "y", r"\ge"),
    ("maximum", "y"): _chosen("y", "≥", "x", r"\ge"),
    ("minimum", "x"): _chosen("x", "≤", "y", r"\le"),
    ("minimum", "y"): _chosen("y", "≤", "x", r"\le"),
    ("add", "x"): _one,
    ("add", "y"): _one,
    ("sum", "x"): _one,
    ("reshape", "x"): _one,
    ("broadcast_to", "x"): _one,
    ("mean", "x"): _share,
    ("cross_entropy", "x"): _over_samples(_softmax_minus_target),
    ("bce_with_logits", "x"): _over_samples(_sigmoid_minus_target),
    ("squared_error", "x"): _over_samples(lambda names: minus(names["x"], names["y"]), 2),
    ("squared_error", "y"): _over_samples(lambda names: minus(names["y"], names["x"]), 2),
    ("softplus", "x"): lambda names, values: over(
        number(1),
        plus(number(1), Formula(f"exp(−{names['x'].text})", f"e^{{-{names['x'].latex}}}")),
    ),
}


def slope_of(op: str, argument: str, names: Names, values: Values) -> Formula | None:
    """Return ∂out/∂argument as it is written by hand, None where the op's body says it well."""
    known = SLOPES.get((op, argument))
    return known(names, values) if known is not None else None
