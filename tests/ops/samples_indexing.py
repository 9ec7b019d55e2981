"""Samples of reading and writing by index."""

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


def theirs(index: Any) -> Any:
    """The same index with PyTorch's tensors for arrays and lists."""
    if isinstance(index, tuple):
        return tuple(theirs(each) for each in index)
    return T().tensor(index) if isinstance(index, np.ndarray | list) else index


X = normal(4, 3)
CUBE = normal(2, 4, 3)
LINE = normal(6)
ROWS = np.array([2, 0, 2, -1, 3, 2])
MASK = np.array([[True, False, True], [False] * 3, [True] * 3, [False, False, True]])

INDICES: list[tuple[str, Any, Any]] = [
    ("row", X, 1),
    ("last row", X, -1),
    ("one number", X, (1, 2)),
    ("slice", X, slice(1, 3)),
    ("every second column", X, (slice(None), slice(None, None, 2))),
    ("ellipsis", CUBE, (..., 1)),
    ("new axes", X, (None, slice(None), None, 0)),
    ("nothing", X, slice(0, 0)),
    ("everything", np.array(1.5), ()),
    ("0-d", np.array(1.5), ...),
    ("rows, repeated", X, ROWS),
    ("rows, as a tuple", X, (ROWS,)),
    ("rows, as a list", X, [0, 0, 3]),
    ("rows of a line", LINE, ROWS),
    ("rows, in a matrix", X, np.array([[0, 1], [3, 0]])),
    ("rows of a cube", CUBE, np.array([1, 1, 0])),
    ("no rows", X, np.array([], dtype=np.int64)),
    ("0-d array", X, np.array(2)),
    ("pairs", X, (np.array([0, 1, 0]), np.array([2, 2, 2]))),
    ("columns, repeated", X, (slice(None), np.array([1, 1, 0]))),
    ("grid", X, (np.array([[0], [3]]), np.array([2, 2]))),
    ("arrays apart", CUBE, (np.array([1, 1]), slice(None), np.array([0, 0]))),
    ("mask", X, MASK),
    ("mask of rows", X, MASK[:, 0]),
    ("mask of columns", X, (slice(None), MASK[0])),
    ("mask and array", X, (MASK[:, 0], np.array([1, 0]))),
    ("one of a mask, repeated", X, (np.array([False, True, False, False]), np.array([1, 1]))),
]


def read(index: Any) -> Any:
    return lambda x: x[theirs(index)].clone()


def written(index: Any, shape: Any) -> Any:
    """PyTorch's scatter: the gradient of reading, which is linear."""

    def compute(x: Any) -> Any:
        zeros = T().zeros(shape, dtype=x.dtype, requires_grad=True)
        (out,) = T().autograd.grad((zeros[theirs(index)] * x).sum(), zeros, create_graph=True)
        return out

    return compute


GETITEMS = [Sample("getitem", (x,), {"index": i}, read(i), name) for name, x, i in INDICES]
SCATTERS = [
    Sample(
        "scatter",
        (normal(*x[i].shape, seed=3),),
        {"index": i, "shape": x.shape},
        written(i, x.shape),
        name,
    )
    for name, x, i in INDICES
]

ORDER = np.array([[2, 0], [1, 1], [0, 2], [-1, 0]])
TOP = np.array([[0, 3, 3]])


def wrapped(index: Any, length: int) -> Any:
    """PyTorch's gather knows no negative indices."""
    return T().tensor(index % length)


ALONG = [
    Sample(
        "gather",
        (X,),
        {"index": ORDER, "axis": 1},
        lambda x: x.gather(1, wrapped(ORDER, 3)),
        "rows",
    ),
    Sample(
        "gather", (X,), {"index": TOP, "axis": 0}, lambda x: x.gather(0, T().tensor(TOP)), "one"
    ),
    Sample(
        "gather",
        (X,),
        {"index": np.array([[1, 1]]), "axis": -1},
        lambda x: x[:, [1, 1]],
        "broadcast",
    ),
    Sample(
        "gather",
        (X,),
        {"index": np.array([5, 5, 0]), "axis": None},
        lambda x: x.take(T().tensor([5, 5, 0])),
        "flat",
    ),
    Sample(
        "spread",
        (normal(4, 2),),
        {"index": ORDER, "axis": -1, "shape": (4, 3)},
        lambda x: T().zeros(4, 3, dtype=x.dtype).scatter_add(1, wrapped(ORDER, 3), x),
        "rows",
    ),
    Sample(
        "spread",
        (normal(1, 3),),
        {"index": TOP, "axis": 0, "shape": (4, 3)},
        lambda x: T().zeros(4, 3, dtype=x.dtype).scatter_add(0, T().tensor(TOP), x),
        "one",
    ),
    Sample(
        "spread",
        (normal(4, 2),),
        {"index": np.array([[1, 1]]), "axis": 1, "shape": (4, 3)},
        lambda x: T().zeros(4, 3, dtype=x.dtype).index_add(1, T().tensor([1, 1]), x),
        "broadcast",
    ),
    Sample(
        "spread",
        (normal(3),),
        {"index": np.array([5, 5, 0]), "axis": None, "shape": (4, 3)},
        lambda x: T().zeros(12, dtype=x.dtype).index_add(0, T().tensor([5, 5, 0]), x).reshape(4, 3),
        "flat",
    ),
]

WORDS = np.array([[1, 3, 1], [0, 3, 2]])


def looked_up(indices: Any, padding: int | None = None) -> Any:
    return lambda w: F().embedding(T().tensor(indices), w, padding_idx=padding)


EMBEDDINGS = [
    Sample("embedding", (X,), {"indices": WORDS}, looked_up(WORDS)),
    Sample("embedding", (X,), {"indices": WORDS[0]}, looked_up(WORDS[0]), "line"),
    Sample("embedding", (X,), {"indices": np.array(2)}, looked_up(2), "one"),
    Sample("embedding", (X,), {"indices": WORDS[:, :0]}, looked_up(WORDS[:, :0]), "none"),
    # Its gradient is torch's, and not the derivative: the row of the padding gets none.
    Sample(
        "embedding",
        (X,),
        {"indices": WORDS, "padding_index": 3},
        looked_up(WORDS, 3),
        "padding",
        kinks=True,
    ),
    Sample(
        "embedding",
        (X,),
        {"indices": WORDS, "padding_index": -1},
        looked_up(WORDS, -1),
        "padding from the end",
        kinks=True,
    ),
]

SAMPLES: list[Sample] = [*GETITEMS, *SCATTERS, *ALONG, *EMBEDDINGS]
