"""Samples of elementwise arithmetic and functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .sample import Sample, integers, normal, positive


def T() -> Any:
    import torch

    return torch


def of_torch(name: str) -> Callable[..., Any]:
    return lambda *xs: getattr(T(), name)(*xs)


X, Y = normal(3, 4), normal(3, 4, seed=1)
TIED = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 3.0]])
TIES = np.array([[1.0, 3.0, -2.0], [0.0, 0.5, 3.0]])
LARGE = np.array([-1e3, -30.0, -1.0, 0.0, 1.0, 30.0, 1e3])


def binary(op: str, torch: str, x: Any = X, y: Any = Y) -> list[Sample]:
    """The shapes that broadcasting must get right."""
    pairs = [
        ("", x, y),
        ("row", x, y[0]),
        ("column and row", x[:, :1], y[0]),
        ("0-d left", np.array(x[0, 0]), y),
        ("both 0-d", np.array(x[0, 0]), np.array(y[0, 0])),
        ("size 1", x[:1, :1], y),
        ("empty", x[:0], y[0]),
        ("more axes right", x[0], np.reshape(y, (2, 3, 2, 1))),
    ]
    return [Sample(op, (a, b), torch=of_torch(torch), note=note) for note, a, b in pairs]


def unary(op: str, x: Any, torch: str = "", **keywords: Any) -> list[Sample]:
    """One matrix, one number, nothing."""
    function = of_torch(torch or op)
    return [
        Sample(op, (x,), torch=function, **keywords),
        Sample(op, (np.array(x.flat[0]),), torch=function, note="0-d", **keywords),
        Sample(op, (x[:0],), torch=function, note="empty", **keywords),
    ]


def clipped(low: Any, high: Any) -> Callable[[Any], Any]:
    def torch(x: Any) -> Any:
        bounds = [T().tensor(b).double() if isinstance(b, np.ndarray) else b for b in (low, high)]
        return T().clamp(x, *bounds)

    return torch


def chosen(condition: Any) -> Callable[[Any, Any], Any]:
    return lambda x, y: T().where(T().tensor(condition), x, y)


# float16, so that a bound widens nothing.
LOW = np.array([-0.5, -1.0, 0.0, -2.0], np.float16)
HIGH = np.array([[0.5], [1.0], [0.25]], np.float16)
MASK = integers(2, 3, 4).astype(bool)

SAMPLES: list[Sample] = [
    *binary("add", "add"),
    *binary("subtract", "subtract"),
    *binary("multiply", "multiply"),
    *binary("divide", "divide", y=positive(3, 4)),
    *binary("power", "pow", x=positive(3, 4)),
    *binary("maximum", "maximum"),
    *binary("minimum", "minimum"),
    Sample("divide", (X, -positive(4)), torch=of_torch("divide"), note="negative below"),
    Sample("divide", (1e3 * X, 1e3 * positive(4)), torch=of_torch("divide"), note="large"),
    Sample("power", (positive(3), np.zeros(3)), torch=of_torch("pow"), note="to the 0"),
    Sample("power", (positive(3), np.ones(3)), torch=of_torch("pow"), note="to the 1"),
    Sample("power", (positive(3), np.full(3, -2.0)), torch=of_torch("pow"), note="to the -2"),
    Sample(
        "power",
        (np.zeros(6), np.array([0.0, 1.0, 1.5, 2.0, 3.0, 1e3])),
        torch=of_torch("pow"),
        kinks=True,
        note="of 0",
    ),
    Sample("maximum", (TIED, TIES), torch=of_torch("maximum"), kinks=True, note="ties"),
    Sample("minimum", (TIED, TIES), torch=of_torch("minimum"), kinks=True, note="ties"),
    Sample(
        "maximum", (TIED, np.array(0.5)), torch=of_torch("maximum"), kinks=True, note="tie with 0-d"
    ),
    *unary("negative", X),
    *unary("reciprocal", positive(3, 4)),
    *unary("square", X),
    Sample("square", (LARGE,), torch=of_torch("square"), half=False, note="large"),
    *unary("sqrt", positive(3, 4)),
    Sample("astype", (X,), dict(dtype=np.float64), torch=lambda x: x.double()),
    *unary("absolute", X),
    Sample("absolute", (LARGE,), torch=of_torch("abs"), kinks=True, note="kink"),
    *unary("sign", X),
    *unary("floor", X),
    *unary("ceil", X),
    *unary("trunc", X),
    *unary("round", X),
    Sample("sign", (LARGE,), torch=of_torch("sign"), kinks=True, note="steps"),
    Sample("floor", (LARGE,), torch=of_torch("floor"), kinks=True, note="steps"),
    Sample("ceil", (LARGE,), torch=of_torch("ceil"), kinks=True, note="steps"),
    Sample("trunc", (LARGE,), torch=of_torch("trunc"), kinks=True, note="steps"),
    Sample("round", (LARGE + 0.5,), torch=of_torch("round"), kinks=True, note="halves"),
    Sample(
        "round", (X,), dict(decimals=2), torch=lambda x: T().round(x, decimals=2), note="decimals"
    ),
    Sample("clip", (X,), dict(low=-0.5, high=0.5), torch=clipped(-0.5, 0.5)),
    Sample("clip", (X,), dict(low=0.1), torch=clipped(0.1, None), note="low only"),
    Sample("clip", (X,), dict(high=0.1), torch=clipped(None, 0.1), note="high only"),
    Sample("clip", (X,), dict(low=0.4, high=-0.4), torch=clipped(0.4, -0.4), note="crossed"),
    Sample("clip", (np.array(0.3),), dict(low=0, high=1), torch=clipped(0, 1), note="0-d"),
    Sample("clip", (X[:0],), dict(low=0, high=1), torch=clipped(0, 1), note="empty"),
    Sample(
        "clip", (LARGE,), dict(low=-1, high=30), torch=clipped(-1, 30), kinks=True, note="bounds"
    ),
    *unary("exp", X),
    *unary("exp2", X),
    *unary("expm1", X),
    *unary("log", positive(3, 4)),
    *unary("log2", positive(3, 4)),
    *unary("log10", positive(3, 4)),
    *unary("log1p", positive(3, 4)),
    Sample("expm1", (-np.abs(LARGE),), torch=of_torch("expm1"), note="very negative"),
    Sample("expm1", (1e-9 * X,), torch=of_torch("expm1"), half=False, note="tiny"),
    Sample("log1p", (1e-9 * X,), torch=of_torch("log1p"), half=False, note="tiny"),
    *unary("sin", X),
    *unary("cos", X),
    *unary("tan", 0.5 * X),
    *unary("arctan", X),
    *unary("sinh", X),
    *unary("cosh", X),
    *unary("tanh", X),
    Sample("sin", (LARGE,), torch=of_torch("sin"), note="large"),
    Sample("cos", (LARGE,), torch=of_torch("cos"), note="large"),
    Sample("arctan", (LARGE,), torch=of_torch("arctan"), half=False, note="large"),
    Sample("tanh", (LARGE,), torch=of_torch("tanh"), note="large"),
]

# Bounds and conditions that broadcast, also against x.
SAMPLES += [
    Sample("where", (x, y), dict(condition=condition), torch=chosen(condition), note=note)
    for note, condition, x, y in [
        ("", MASK, X, Y),
        ("row", MASK, X[0], Y),
        ("0-d", MASK, np.array(2.0), np.array(3.0)),
        ("column condition", MASK[:, :1], X, Y[0]),
        ("condition of more axes", np.reshape(MASK, (3, 1, 4)), X[0], Y[:, :1]),
        ("empty", MASK[:0], X[:0], Y[0]),
    ]
]
SAMPLES += [
    Sample("clip", (x,), dict(low=low, high=high), torch=clipped(low, high), note=note)
    for note, low, high, x in [
        ("arrays", LOW, HIGH, X),
        ("array that stretches x", LOW, None, np.array(0.3)),
        ("array above", None, HIGH, X[0]),
    ]
]
