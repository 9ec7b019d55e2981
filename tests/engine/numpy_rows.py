"""One row per way of calling NumPy: the function, its arguments and keywords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Row:
    """A call. Float arrays among the arguments, also inside lists, are tried as Tensors."""

    function: Any
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]

    def __str__(self) -> str:
        given = ", ".join(_short(each) for each in self.arguments)
        named = "".join(f", {k}={_short(v)}" for k, v in self.keywords.items())
        return f"{self.function.__name__}({given}{named})"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype.kind}{value.shape}".replace(" ", "")
    if isinstance(value, list | tuple):
        return f"[{' '.join(_short(each) for each in value)}]"
    return str(value)


def row(function: Any, *arguments: Any, **keywords: Any) -> Row:
    return Row(function, arguments, keywords)


def numbers(*shape: int, seed: int = 0) -> Any:
    """Numbers of both signs, no two alike, none near an integer, a half or a bound of the rows."""
    generator = np.random.default_rng((seed, *shape))
    count = int(np.prod(shape, dtype=int))
    spread = (generator.permutation(count) - count / 2 + 0.27) * 0.36
    return spread.reshape(shape)


x, y = numbers(3, 4), numbers(3, 4, seed=1)
row4, matrix, batch = numbers(4, seed=2), numbers(4, 5, seed=3), numbers(2, 3, 4, seed=4)
square = numbers(3, 3, seed=5) + 4 * np.eye(3)
number = np.array(0.83)
positive = np.abs(x) + 0.5
mask = x > 0
rows2 = np.array([2, 0, 0])

REDUCTIONS = [
    row(f, batch, **keywords)
    for f in (np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.var, np.std)
    for keywords in (
        {},
        {"axis": 1},
        {"axis": -1, "keepdims": True},
        {"axis": (0, 2)},
        {"axis": (-1, 0), "keepdims": True},
        {"axis": None, "keepdims": True},
        {"axis": ()},
    )
] + [
    row(np.sum, x, 0, None, None, True),
    row(np.max, x, 0, None, True),
    row(np.sum, x, dtype=np.float64),
    row(np.mean, x, 1, np.float64),
    row(np.var, x, ddof=1),
    row(np.var, x, axis=0, correction=1),
    row(np.std, x, axis=1, ddof=2, keepdims=True),
    row(np.var, x, 0, None, None, 1, True),
    row(np.sum, number),
    row(np.mean, number),
    row(np.max, number),
    row(np.cumsum, x),
    row(np.cumsum, batch, axis=1),
    row(np.cumsum, x, -1),
    row(np.linalg.norm, row4),
    row(np.linalg.norm, x),
    row(np.linalg.norm, x, axis=1),
    row(np.linalg.norm, x, None, 0, True),
    row(np.linalg.norm, batch, axis=(0, 2)),
    row(np.linalg.norm, row4, 1),
    row(np.linalg.norm, row4, 3),
    row(np.linalg.norm, row4, np.inf),
    row(np.linalg.norm, row4, -np.inf),
    row(np.linalg.norm, x, ord=1, axis=1, keepdims=True),
    row(np.trace, matrix),
    row(np.trace, matrix, 1),
    row(np.trace, matrix, offset=-2),
    row(np.trace, matrix.T, offset=3),
    row(np.trace, matrix, offset=7),
]

SHAPES = [
    row(np.reshape, x, (2, 6)),
    row(np.reshape, x, -1),
    row(np.reshape, x, (2, -1, 3)),
    row(np.ravel, x),
    row(np.ravel, number),
    row(np.transpose, batch),
    row(np.transpose, batch, (2, 0, 1)),
    row(np.transpose, batch, axes=[-1, 0, 1]),
    row(np.permute_dims, batch, (1, 0, 2)),
    row(np.swapaxes, batch, 0, -1),
    row(np.matrix_transpose, batch),
    row(np.moveaxis, batch, 0, -1),
    row(np.moveaxis, batch, [0, 1], [-1, 0]),
    row(np.squeeze, x[:, None]),
    row(np.squeeze, x[:, None, :, None], axis=(1, 3)),
    row(np.squeeze, x[None], 0),
    row(np.expand_dims, x, 1),
    row(np.expand_dims, x, axis=(0, -1)),
    row(np.expand_dims, x, [0, 3]),
    row(np.atleast_1d, number),
    row(np.atleast_1d, x),
    row(np.atleast_1d, number, x),
    row(np.concatenate, [x, y]),
    row(np.concatenate, (x, y, mask[:, :1] * 1.0), axis=1),
    row(np.concatenate, [x, batch], axis=None),
    row(np.concat, [x, y], -1),
    row(np.append, x, y),
    row(np.append, x, y, axis=1),
    row(np.append, row4, 2.5),
    row(np.stack, [x, y]),
    row(np.stack, (x, y, x), axis=-1),
    row(np.vstack, [row4, x]),
    row(np.vstack, [row4, row4]),
    row(np.hstack, [row4, number]),
    row(np.hstack, [x, y]),
    row(np.split, x, 3),
    row(np.split, x, 2, axis=-1),
    row(np.split, x, [1, 3], axis=1),
    row(np.split, x, np.int64(3)),
    row(np.array_split, x, 2),
    row(np.array_split, x, 3, -1),
    row(np.array_split, row4, [-3, 9]),
    row(np.flip, x),
    row(np.flip, x, 0),
    row(np.flip, x, axis=(0, 1)),
    row(np.flipud, x),
    row(np.fliplr, batch),
    row(np.roll, x, 2),
    row(np.roll, x, -1, axis=1),
    row(np.roll, x, (1, 2), axis=(0, 1)),
    row(np.pad, x, 1),
    row(np.pad, x, ((1, 0), (0, 2)), "constant"),
    row(np.pad, x, (1, 2), constant_values=3.0),
    row(np.pad, x, [[1, 1], [2, 0]], mode="constant", constant_values=-1),
    row(np.broadcast_to, row4, (3, 4)),
    row(np.broadcast_to, number, (2, 2)),
    row(np.repeat, x, 2),
    row(np.repeat, x, 3, axis=1),
    row(np.repeat, x, [0, 2, 1], axis=0),
    row(np.repeat, x, np.array([1, 2, 0, 1]), axis=-1),
    row(np.tile, x, 2),
    row(np.tile, row4, (3, 2)),
    row(np.tile, batch, (2, 1)),
    row(np.copy, x),
]

INDEXING = [
    row(np.take, x, 2),
    row(np.take, x, [0, 5, 5]),
    row(np.take, x, rows2, axis=0),
    row(np.take, batch, [[0, 1], [1, 1]], axis=-1),
    row(np.take_along_axis, x, np.array([[0, 1], [2, 2], [3, 0]]), 1),
    row(np.take_along_axis, x, np.array([[0, 1, 1, 2]]), axis=0),
    row(np.take_along_axis, x, np.argsort(x), axis=-1),
    row(np.sort, x),
    row(np.sort, x, 0),
    row(np.sort, batch, axis=1),
    row(np.diff, x),
    row(np.diff, x, axis=0),
    row(np.diff, x, n=2, axis=-1),
    row(np.diff, x, 0),
    row(np.triu, x),
    row(np.triu, x, 1),
    row(np.triu, batch, k=-1),
    row(np.tril, x),
    row(np.tril, batch, k=1),
    row(np.tril, row4),
    row(np.where, mask, x, y),
    row(np.where, mask, x, 0),
    row(np.where, mask[0], 1.5, x),
    row(np.where, True, x, y[:, :1]),
    row(np.clip, x, -0.5, 0.5),
    row(np.clip, x, None, 0.5),
    row(np.clip, x, -0.5, None),
    row(np.clip, x, min=-0.5, max=0.6),
    row(np.clip, x, max=0.6),
    row(np.clip, x, np.array([-1, 0, 0, -1]), 1),
    row(np.round, x),
    row(np.around, x, 1),
    row(np.round, x, decimals=2),
]

PRODUCTS = [
    row(np.matmul, x, matrix),
    row(np.matmul, batch, matrix),
    row(np.matmul, row4, matrix),
    row(np.matmul, x, row4),
    row(np.matmul, row4, row4),
    row(np.matmul, batch, numbers(2, 4, 2)),
    row(np.matmul, numbers(5, 1, 3, 4), numbers(2, 4, 2)),
    row(np.vecdot, x, y),
    row(np.vecdot, batch, row4),
    row(np.dot, x, matrix),
    row(np.dot, x, row4),
    row(np.dot, row4, row4),
    row(np.dot, number, x),
    row(np.dot, 2.0, x),
    row(np.dot, batch, matrix),
    row(np.inner, row4, row4),
    row(np.inner, x, y),
    row(np.inner, batch, x),
    row(np.inner, number, x),
    row(np.outer, row4, numbers(3)),
    row(np.outer, x, y),
    row(np.outer, number, row4),
    row(np.tensordot, x, matrix, 1),
    row(np.tensordot, batch, x),
    row(np.tensordot, batch, x, axes=([1, 2], [0, 1])),
    row(np.tensordot, batch, matrix, axes=(-1, 0)),
    row(np.tensordot, x, y, axes=0),
    row(np.einsum, "ij->ji", x),
    row(np.einsum, "ij->", x),
    row(np.einsum, "ij->j", x),
    row(np.einsum, "ij,jk", x, matrix),
    row(np.einsum, "ij,jk->ki", x, matrix),
    row(np.einsum, "ij,kl->il", x, matrix),
    row(np.einsum, "bij,jk->bik", batch, matrix, optimize=True),
    row(np.einsum, "...ij,...ij->...", batch, x),
    row(np.einsum, "i,j,k->ijk", row4, row4, numbers(3)),
    row(np.einsum, "ij,jk,k->i", x, matrix, numbers(5)),
    row(np.einsum, "ij,ij,j", x, y, row4),
    row(np.einsum, "...j,jk,k->...", batch, matrix, numbers(5)),
    row(np.linalg.solve, square, numbers(3)),
    row(np.linalg.solve, square, numbers(3, 2)),
    row(np.linalg.inv, square),
]
if hasattr(np, "matvec"):  # NumPy ≥ 2.2
    PRODUCTS += [
        row(np.matvec, square, numbers(3)),
        row(np.matvec, square, numbers(5, 3)),  # five vectors, not a matrix
        row(np.matvec, square, square),
        row(np.vecmat, numbers(3), square),
        row(np.vecmat, square, square),
        row(np.vecmat, row4, matrix),
    ]

UNARY = [
    row(f, x)
    for f in (
        *(np.absolute, np.fabs, np.negative, np.positive, np.reciprocal, np.square, np.sign),
        *(np.exp, np.exp2, np.expm1, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh),
        *(np.arctan, np.floor, np.ceil, np.trunc, np.rint),
    )
] + [row(f, positive) for f in (np.sqrt, np.log, np.log2, np.log10, np.log1p)]

BINARY = [
    row(f, *pair)
    for f in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum)
    for pair in ((x, y), (x, row4), (x[:, :1], row4), (x, 2), (2.5, x), (number, x), (x, mask))
    if not (f is np.divide and pair[1] is mask)
] + [
    row(np.power, positive, y),
    row(np.power, positive, row4),
    row(np.power, x, 3),
    row(np.power, x, -2),
    row(np.power, positive, 0.5),
    row(np.power, 2, x),
    row(np.power, x, 0),
]

ROWS = REDUCTIONS + SHAPES + INDEXING + PRODUCTS + UNARY + BINARY
