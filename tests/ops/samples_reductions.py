"""Samples of reductions and running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .sample import Sample, normal, positive


def T() -> Any:
    import torch

    return torch


X = normal(3, 4)
CUBE = normal(2, 3, 4)
TIED = np.array([[1.0, 3.0, 3.0], [-2.0, -2.0, -2.0], [0.0, 0.0, -1.0]])

# An array and the axes to reduce, with and without keepdims.
CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("all", X, {}),
    ("all kept", X, dict(keepdims=True)),
    ("axis 0", X, dict(axis=0)),
    ("axis -1 kept", X, dict(axis=-1, keepdims=True)),
    ("two axes", CUBE, dict(axis=(0, -1))),
    ("two axes kept", CUBE, dict(axis=(-1, 1), keepdims=True)),
    ("0-d", np.array(1.5), {}),
    ("size 1", np.array([[1.5]]), dict(axis=1)),
    ("no rows", X[:0], dict(axis=1)),
]


def dims(x: Any, axis: Any) -> Any:
    """PyTorch takes no None for all axes of some reductions."""
    return tuple(range(x.ndim)) if axis is None else axis


def rows(
    op: str, torch: Callable[..., Any], cases: Any = CASES, note: str = "", **extra: Any
) -> list[Sample]:
    """One row per case; `torch` is called with x, axes and keepdims."""

    def row(case: str, x: Any, axes: dict[str, Any]) -> Sample:
        def compute(t: Any) -> Any:
            return torch(t, dims(t, axes.get("axis")), axes.get("keepdims", False))

        return Sample(op, (x,), {**axes, **extra}, torch=compute, note=f"{note} {case}".strip())

    return [row(*case) for case in cases]


def without(*names: str) -> Any:
    return [case for case in CASES if case[0] not in names]


SPREADABLE = without("0-d", "size 1", "no rows")


def torch_prod(x: Any, axis: Any, keepdims: bool) -> Any:
    """PyTorch multiplies along one axis at a time."""
    for each in sorted((i % x.ndim for i in np.atleast_1d(axis).astype(int)), reverse=True):
        x = x.prod(int(each), keepdim=keepdims)
    return x


def torch_norm(order: float) -> Callable[..., Any]:
    return lambda x, axis, keep: T().linalg.vector_norm(x, order, axis, keepdim=keep)


def torch_std(correction: int) -> Callable[..., Any]:
    return lambda x, axis, keep: T().std(x, axis, correction=correction, keepdim=keep)


def torch_var(correction: int) -> Callable[..., Any]:
    return lambda x, axis, keep: T().var(x, axis, correction=correction, keepdim=keep)


ZEROS = [
    ("one zero", np.array([2.0, 0.0, 3.0, -1.0]), {}),
    ("two zeros", np.array([2.0, 0.0, 3.0, 0.0]), {}),
    ("three zeros", np.array([0.0, 0.0, 3.0, 0.0]), {}),
    (
        "some rows with zeros",
        np.array([[2.0, 3.0, -1.0], [0.0, 3.0, 2.0], [0.0, 0.0, 2.0]]),
        dict(axis=1),
    ),
]
ONE_AXIS = [
    ("axis 0", X, dict(axis=0)),
    ("axis -1 kept", X, dict(axis=-1, keepdims=True)),
    ("middle", CUBE, dict(axis=1)),
    ("no rows", X[:0], dict(axis=1)),
]

SAMPLES: list[Sample] = [
    *rows("sum", lambda x, axis, keep: x.sum(axis, keepdim=keep)),
    Sample("sum", (X[:, :0],), dict(axis=1), torch=lambda x: x.sum(1), note="of nothing"),
    Sample("sum", (X,), dict(axis=()), note="over no axis: x itself; PyTorch takes () for all"),
    *rows("mean", lambda x, axis, keep: x.mean(axis, keepdim=keep)),
    *rows("var", torch_var(0), without("no rows")),
    *rows("var", torch_var(1), SPREADABLE, note="ddof 1", ddof=1),
    *rows("std", torch_std(0), SPREADABLE),
    *rows("std", torch_std(1), SPREADABLE, note="ddof 1", ddof=1),
    Sample("var", (X[:0],), dict(axis=1), note="no rows: PyTorch warns"),
    Sample("std", (X[:0],), dict(axis=1), note="no rows: PyTorch warns"),
    Sample("var", (X + 1e3,), torch=lambda x: x.var(correction=0), half=False, note="far from 0"),
    Sample("var", (np.ones(3),), torch=lambda x: x.var(correction=0), note="of a constant"),
    Sample(
        "std",
        (np.ones((2, 3)),),
        dict(axis=1),
        torch=lambda x: x.std(1, correction=0),
        kinks=True,
        note="of a constant",
    ),
    *rows("max", lambda x, axis, keep: x.amax(axis, keepdim=keep)),
    *rows("min", lambda x, axis, keep: x.amin(axis, keepdim=keep)),
    *[
        Sample(op, (TIED,), dict(axis=axis), torch=compute, kinks=True, note=note)
        for op, axis, note, compute in [
            ("max", None, "ties of all", lambda x: x.max()),
            ("max", 1, "ties", lambda x: x.amax(1)),
            ("max", (0, 1), "ties along two axes", lambda x: x.amax((0, 1))),
            ("min", None, "ties of all", lambda x: x.min()),
            ("min", 0, "ties", lambda x: x.amin(0)),
            ("max_by_index", 1, "ties", lambda x: x.max(1).values),
            ("max_by_index", 0, "ties in columns", lambda x: x.max(0).values),
        ]
    ],
    *rows("max_by_index", lambda x, axis, keep: x.max(axis, keepdim=keep).values, ONE_AXIS),
    *rows("prod", torch_prod),
    *rows("prod", torch_prod, ZEROS),
    Sample("prod", (X[:, :0],), dict(axis=1), torch=lambda x: x.prod(1), note="of nothing"),
    *[
        Sample("cumsum", (x,), dict(axis=axis), torch=lambda t, a=axis: t.cumsum(a), note=note)
        for x, axis, note in [
            (X, 0, "axis 0"),
            (CUBE, -1, "axis -1"),
            (X[:0], 1, "no rows"),
            (X[:, :0], 1, "of nothing"),
            (X[0], 0, "vector"),
        ]
    ],
    Sample("cumsum", (X,), torch=lambda x: x.flatten().cumsum(0), note="all"),
    Sample("cumsum", (np.array(1.5),), torch=lambda x: x.flatten().cumsum(0), note="0-d"),
    *[
        row
        for order in (1, 2, 3, 1.5, 0.5, np.inf, -np.inf)
        for row in rows("norm", torch_norm(order), note=f"ord {order}", ord=order)
    ],
    *[
        Sample(
            "norm",
            (x,),
            dict(ord=order, axis=-1),
            torch=lambda t, p=order: T().linalg.vector_norm(t, p, -1),
            kinks=True,
            note=f"ord {order} {note}",
        )
        for note, x in [("of zero", np.zeros((2, 3))), ("of ties and zeros", TIED)]
        for order in (1, 2, 3, 1.5, np.inf, -np.inf)
    ],
    Sample("norm", (X[:, :0],), dict(axis=1), torch=lambda x: x.norm(dim=1), note="of nothing"),
    Sample("norm", (1e3 * positive(3),), torch=lambda x: x.norm(), note="1e3"),
]
