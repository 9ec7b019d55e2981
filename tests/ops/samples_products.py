"""Samples of products and linear systems."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import Sample, normal


def T() -> Any:
    import torch

    return torch


def F() -> Any:
    import torch.nn.functional

    return torch.nn.functional


def pair(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Any, Any]:
    return normal(*a, seed=1), normal(*b, seed=2)


MATMULS = [
    Sample("matmul", pair(a, b), {}, lambda x, y: x @ y, f"{a} {b}")
    for a, b in [
        ((2, 3), (3, 4)),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 4)),
        ((2, 1, 2, 3), (5, 3, 4)),
        ((1, 2, 3), (5, 3, 1)),
        ((1, 1), (1, 1)),
        ((2, 5, 2, 3), (3, 4)),
        ((2, 1, 2, 3), (5, 3, 1)),
        ((0, 3), (3, 4)),
        ((2, 0), (0, 4)),
        ((0, 2, 3), (3, 4)),
        ((2, 0, 3), (3, 4)),
    ]
]

DOTS = [
    Sample("dot", pair((3,), (3,)), {}, lambda x, y: x @ y, "lines"),
    Sample("dot", pair((2, 3), (3, 4)), {}, lambda x, y: x @ y, "matrices"),
    Sample("dot", pair((2, 3), (3,)), {}, lambda x, y: x @ y, "matrix and line"),
    Sample("dot", pair((3,), (3, 4)), {}, lambda x, y: x @ y, "line and matrix"),
    Sample("dot", pair((5, 2, 3), (3, 4)), {}, lambda x, y: x @ y, "cube and matrix"),
    Sample("dot", pair((5, 2, 3), (3,)), {}, lambda x, y: x @ y, "cube and line"),
    Sample("dot", pair((), (2, 3)), {}, lambda x, y: x * y, "number and matrix"),
    Sample("dot", pair((2, 3), ()), {}, lambda x, y: x * y, "matrix and number"),
    Sample("dot", pair((), ()), {}, lambda x, y: x * y, "numbers"),
    Sample("dot", pair((0,), (0,)), {}, lambda x, y: x @ y, "empty"),
    Sample("outer", pair((3,), (4,)), {}, lambda x, y: T().outer(x, y)),
    Sample("outer", pair((1,), (4,)), {}, lambda x, y: T().outer(x, y), "size 1"),
    Sample("outer", pair((0,), (4,)), {}, lambda x, y: T().outer(x, y), "empty"),
]


def affine(x: Any, w: Any, b: Any) -> Any:
    return F().linear(x, w.T, b)


LINEARS = [
    Sample("linear", (*pair((5, 3), (3, 4)), normal(4)), {}, affine),
    Sample("linear", (*pair((5, 3), (3, 4)), None), {}, affine, "no bias"),
    Sample("linear", (*pair((3,), (3, 4)), normal(4)), {}, affine, "one row"),
    Sample("linear", (*pair((2, 5, 3), (3, 4)), normal(4)), {}, affine, "sequences"),
    Sample("linear", (*pair((2, 5, 3), (3, 4)), None), {}, affine, "sequences, no bias"),
    Sample("linear", (*pair((5, 3), (3, 1)), normal(1)), {}, affine, "one output"),
    Sample("linear", (*pair((5, 3), (3, 4)), normal(1)), {}, affine, "one bias"),
    Sample("linear", (*pair((0, 3), (3, 4)), normal(4)), {}, affine, "no rows"),
    Sample("linear", (*pair((2, 0, 3), (3, 4)), normal(4)), {}, affine, "no sequences"),
]

EINSUMS = [
    Sample(
        "einsum",
        pair(a, b),
        {"spec": spec},
        lambda x, y, spec=spec: T().einsum(spec, x, y),
        spec,
    )
    for spec, a, b in [
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("ij,jk", (2, 3), (3, 4)),
        ("ba,cb", (2, 3), (4, 2)),
        ("i,i->", (3,), (3,)),
        ("i,j->ji", (3,), (4,)),
        ("ij,ij->ij", (2, 3), (2, 3)),
        ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
        ("bij, bjk -> bik", (2, 2, 3), (2, 3, 4)),
        ("ij,k->k", (2, 3), (4,)),
        ("ij,kl->il", (2, 3), (4, 5)),
        ("ij,jk->", (2, 3), (3, 4)),
        ("ij,jk->k", (1, 3), (3, 1)),
        ("ij,jk->ik", (2, 1), (3, 4)),
        ("ij,jk->ijk", (2, 1), (3, 4)),
        ("i,i->i", (1,), (1,)),
        ("...ij,jk->...ik", (5, 2, 3), (3, 4)),
        ("...i,...i->...", (5, 2, 3), (2, 3)),
        ("...i,i", (5, 2, 3), (3,)),
        ("ni,nij->nj", (0, 3), (0, 3, 4)),
        (",ij->ij", (), (2, 3)),
        (",->", (), ()),
    ]
] + [
    Sample(
        "einsum",
        (normal(*shape), None),
        {"spec": spec},
        lambda x, y, spec=spec: T().einsum(spec, x),
        f"unary {spec}",
    )
    for spec, shape in [
        ("ij->ji", (2, 3)),
        ("ij->i", (2, 3)),
        ("ij->", (2, 3)),
        ("ji", (2, 3)),
        ("ijk->kj", (2, 3, 4)),
        ("i...->...", (2, 3, 4)),
        ("->", ()),
    ]
]

# Diagonally dominant, so that differences are well-conditioned.
A = 0.3 * normal(3, 3) + 2 * np.eye(3)
STACK = 0.3 * normal(4, 3, 3) + 2 * np.eye(3)


def solved(a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return T().linalg.solve(a, b[:, None])[..., 0]
    return T().linalg.solve(a, b)


SYSTEMS = [
    Sample("solve", (A, normal(3)), {}, solved, "vector", half=False),
    Sample("solve", (A, normal(3, 2)), {}, solved, "columns", half=False),
    Sample("solve", (STACK, normal(3)), {}, solved, "stack and vector", half=False),
    Sample("solve", (STACK, normal(4, 3, 2)), {}, solved, "stack and stack", half=False),
    Sample("solve", (A, normal(4, 3, 2)), {}, solved, "matrix and stack", half=False),
    Sample("solve", (STACK, normal(3, 2)), {}, solved, "stack and columns", half=False),
    Sample("solve", (A[:1, :1], normal(1)), {}, solved, "size 1", half=False),
    Sample("inverse", (A,), {}, lambda x: T().linalg.inv(x), half=False),
    Sample("inverse", (STACK,), {}, lambda x: T().linalg.inv(x), "stack", half=False),
    Sample("inverse", (A[:1, :1],), {}, lambda x: T().linalg.inv(x), "size 1", half=False),
]

SAMPLES: list[Sample] = [*MATMULS, *DOTS, *LINEARS, *EINSUMS, *SYSTEMS]
