"""Samples of the ops that move, join and repeat elements."""

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


X = normal(2, 3)
CUBE = normal(2, 3, 4)
LINE = normal(5)
NUMBER = np.array(1.5)
NONE = normal(0, 3)

RESHAPES = [
    Sample("reshape", (X,), {"shape": (3, 2)}, lambda x: x.reshape(3, 2)),
    Sample("reshape", (CUBE,), {"shape": (4, -1)}, lambda x: x.reshape(4, -1), "rest"),
    Sample("reshape", (X,), {"shape": -1}, lambda x: x.reshape(-1), "flat"),
    Sample("reshape", (X[:1, :1],), {"shape": ()}, lambda x: x.reshape(()), "to 0-d"),
    Sample("reshape", (NUMBER,), {"shape": (1, 1)}, lambda x: x.reshape(1, 1), "from 0-d"),
    Sample("reshape", (NONE,), {"shape": (3, 0, 2)}, lambda x: x.reshape(3, 0, 2), "empty"),
    Sample("transpose", (X,), {}, lambda x: x.T),
    Sample("transpose", (CUBE,), {"axes": (2, 0, 1)}, lambda x: x.permute(2, 0, 1), "cycle"),
    Sample("transpose", (CUBE,), {"axes": (-1, 0, -2)}, lambda x: x.permute(-1, 0, -2), "negative"),
    Sample("transpose", (NUMBER,), {}, lambda x: x.clone(), "0-d"),
    Sample("transpose", (NONE,), {}, lambda x: x.T, "empty"),
    Sample("moveaxis", (CUBE,), {"source": 0, "destination": -1}, lambda x: x.movedim(0, -1)),
    Sample(
        "moveaxis",
        (CUBE,),
        {"source": (0, 1), "destination": (-1, 0)},
        lambda x: x.movedim((0, 1), (-1, 0)),
        "two",
    ),
    Sample("squeeze", (X[:1, :, None],), {}, lambda x: x.squeeze(), "all"),
    Sample("squeeze", (X[:1, :, None],), {"axis": -1}, lambda x: x.squeeze(-1), "last"),
    Sample("squeeze", (X[:1, :, None],), {"axis": (0, 2)}, lambda x: x.squeeze((0, 2)), "two"),
    Sample("squeeze", (LINE[:1],), {"axis": 0}, lambda x: x.squeeze(0), "to 0-d"),
    Sample("expand_dims", (X,), {"axis": -1}, lambda x: x.unsqueeze(-1), "last"),
    Sample("expand_dims", (X,), {"axis": (0, 2)}, lambda x: x[None, :, None], "two"),
    Sample("expand_dims", (NUMBER,), {"axis": 0}, lambda x: x[None], "0-d"),
    Sample("broadcast_to", (X,), {"shape": (4, 2, 3)}, lambda x: x.expand(4, 2, 3)),
    Sample("broadcast_to", (X[:, :1],), {"shape": (2, 3)}, lambda x: x.expand(2, 3), "of size 1"),
    Sample("broadcast_to", (NUMBER,), {"shape": (2, 3)}, lambda x: x.expand(2, 3), "0-d"),
    Sample("broadcast_to", (X[:1],), {"shape": (0, 3)}, lambda x: x.expand(0, 3), "to empty"),
]

JOINS = [
    Sample("concatenate", (X, normal(1, 3), normal(4, 3)), {}, lambda *xs: T().cat(xs)),
    Sample("concatenate", (X, X), {"axis": -1}, lambda *xs: T().cat(xs, -1), "the same twice"),
    Sample("concatenate", (X,), {"axis": 1}, lambda *xs: T().cat(xs, 1), "one"),
    Sample("concatenate", (NONE, X), {}, lambda *xs: T().cat(xs), "with an empty one"),
    Sample("stack", (X, normal(2, 3, seed=1)), {}, lambda *xs: T().stack(xs)),
    Sample("stack", (X, X, X), {"axis": -1}, lambda *xs: T().stack(xs, -1), "last"),
    Sample("stack", (NUMBER, NUMBER), {}, lambda *xs: T().stack(xs), "0-d"),
]

PADS = [
    Sample("pad", (X,), {"width": 1}, lambda x: F().pad(x, (1, 1, 1, 1))),
    Sample("pad", (X,), {"width": (1, 2)}, lambda x: F().pad(x, (1, 2, 1, 2)), "before and after"),
    Sample(
        "pad",
        (X,),
        {"width": ((0, 1), (2, 0)), "value": -1.5},
        lambda x: F().pad(x, (2, 0, 0, 1), value=-1.5),
        "each axis",
    ),
    Sample("pad", (X,), {"width": 0}, lambda x: x.clone(), "nothing"),
    Sample(
        "pad", (NONE,), {"width": ((1, 1), (0, 0))}, lambda x: F().pad(x, (0, 0, 1, 1)), "empty"
    ),
    Sample("flip", (X,), {}, lambda x: x.flip(0, 1)),
    Sample("flip", (X,), {"axis": -1}, lambda x: x.flip(-1), "last"),
    Sample("flip", (CUBE,), {"axis": (0, 2)}, lambda x: x.flip(0, 2), "two"),
    Sample("roll", (X,), {"shift": 2}, lambda x: x.roll(2), "flat"),
    Sample("roll", (X,), {"shift": -1, "axis": 1}, lambda x: x.roll(-1, 1), "back"),
    Sample(
        "roll",
        (X,),
        {"shift": (1, 2), "axis": (0, 1)},
        lambda x: x.roll((1, 2), (0, 1)),
        "two axes",
    ),
]


def repeated(repeats: Any, axis: int | None = None) -> Any:
    def compute(x: Any) -> Any:
        n = T().tensor(np.asarray(repeats))
        return (
            x.repeat_interleave(n, axis) if np.ndim(repeats) else x.repeat_interleave(repeats, axis)
        )

    return compute


UNEVEN = np.array([2, 0, 1])

REPEATS = [
    Sample("repeat", (X,), {"repeats": 2}, repeated(2), "flat"),
    Sample("repeat", (X,), {"repeats": 3, "axis": 1}, repeated(3, 1), "columns"),
    Sample("repeat", (X,), {"repeats": 2, "axis": -2}, repeated(2, -2), "rows"),
    Sample("repeat", (X,), {"repeats": UNEVEN, "axis": -1}, repeated(UNEVEN, -1), "unevenly"),
    Sample("repeat", (X,), {"repeats": [1, 3], "axis": 0}, repeated([1, 3], 0), "by a list"),
    Sample("repeat", (LINE[:3],), {"repeats": UNEVEN}, repeated(UNEVEN), "flat, unevenly"),
    Sample("repeat", (X,), {"repeats": np.array([2]), "axis": 0}, repeated(2, 0), "array of one"),
    Sample("repeat", (X,), {"repeats": 0, "axis": 0}, repeated(0, 0), "not at all"),
    Sample("repeat", (NUMBER,), {"repeats": 3}, repeated(3), "0-d"),
    Sample("tile", (X,), {"reps": (2, 3)}, lambda x: x.tile(2, 3)),
    Sample("tile", (X,), {"reps": 2}, lambda x: x.tile(2), "last axis"),
    Sample("tile", (X,), {"reps": (2, 1, 2)}, lambda x: x.tile(2, 1, 2), "more axes"),
    Sample("tile", (CUBE,), {"reps": (3, 1)}, lambda x: x.tile(3, 1), "fewer axes"),
    Sample("tile", (NUMBER,), {"reps": 2}, lambda x: x.tile(2), "0-d"),
    Sample("tile", (X,), {"reps": (0, 1)}, lambda x: x.tile(0, 1), "not at all"),
]

SAMPLES: list[Sample] = [*RESHAPES, *JOINS, *PADS, *REPEATS]
