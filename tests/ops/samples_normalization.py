"""Sample rows for normalization.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import Sample, normal, positive


def F() -> Any:
    import torch.nn.functional

    return torch.nn.functional


def constant(array: Any) -> Any:
    import torch

    return torch.tensor(np.asarray(array, np.float64))


def batch(x: Any, gamma: Any, beta: Any) -> Any:
    return F().batch_norm(x, None, None, gamma, beta, training=True)


MASK = np.array([[0, 2, 2], [2, 0, 2]], np.float16)  # narrow: it widens nothing
MEAN, VARIANCE = np.array([0.5, -1.0, 2.0]), np.array([0.3, 1.0, 4.0])


def inference(x: Any, gamma: Any, beta: Any) -> Any:
    return F().batch_norm(x, constant(MEAN), constant(VARIANCE), gamma, beta)


SAMPLES = [
    # batch norm
    Sample("batch_norm", (normal(4, 3), positive(3), normal(3)), torch=batch),
    Sample("batch_norm", (normal(4, 3), None, None), torch=batch, note="bare"),
    Sample("batch_norm", (normal(4, 3), positive(3), None), torch=batch, note="no shift"),
    Sample("batch_norm", (normal(4, 3), None, normal(3)), torch=batch, note="no scale"),
    Sample("batch_norm", (normal(2, 3, 4), positive(3), normal(3)), torch=batch, note="(N, C, T)"),
    Sample("batch_norm", (normal(2, 3, 2, 2), positive(3), normal(3)), torch=batch, note="images"),
    Sample("batch_norm", (normal(1, 2, 3), positive(2), normal(2)), torch=batch, note="one sample"),
    Sample("batch_norm", (normal(3, 1), positive(1), normal(1)), torch=batch, note="one channel"),
    Sample(
        "batch_norm",
        (normal(4, 2), positive(2), normal(2)),
        {"eps": 0.1},
        torch=lambda x, g, b: F().batch_norm(x, None, None, g, b, training=True, eps=0.1),
        note="eps",
    ),
    Sample(
        "batch_norm",
        (np.ones((4, 2)), positive(2), normal(2)),
        torch=batch,
        note="of a constant",
        half=False,
    ),
    Sample(
        "batch_norm_inference",
        (normal(4, 3), positive(3), normal(3)),
        {"mean": MEAN, "variance": VARIANCE},
        torch=inference,
    ),
    Sample(
        "batch_norm_inference",
        (normal(2, 3, 2, 2), positive(3), normal(3)),
        {"mean": MEAN, "variance": VARIANCE},
        torch=inference,
        note="images",
    ),
    Sample(
        "batch_norm_inference",
        (normal(1, 3), None, None),
        {"mean": MEAN, "variance": VARIANCE},
        torch=inference,
        note="bare",
    ),
    Sample(
        "batch_norm_inference",
        (np.zeros((0, 3)), positive(3), normal(3)),
        {"mean": MEAN, "variance": VARIANCE},
        torch=inference,
        note="empty",
    ),
    # layer norm
    Sample(
        "layer_norm",
        (normal(2, 3, 4), positive(4), normal(4)),
        torch=lambda x, g, b: F().layer_norm(x, (4,), g, b),
    ),
    Sample(
        "layer_norm",
        (normal(2, 3, 4), positive(3, 4), normal(3, 4)),
        torch=lambda x, g, b: F().layer_norm(x, (3, 4), g, b),
        note="two axes",
    ),
    Sample(
        "layer_norm",
        (normal(4), positive(4), normal(4)),
        torch=lambda x, g, b: F().layer_norm(x, (4,), g, b),
        note="one row",
    ),
    Sample(
        "layer_norm",
        (normal(2, 4), None, None),
        torch=lambda x, g, b: F().layer_norm(x, (4,)),
        note="bare",
    ),
    Sample(
        "layer_norm",
        (normal(2, 3, 4), None, normal(3, 4)),
        {"eps": 0.1},
        torch=lambda x, g, b: F().layer_norm(x, (3, 4), None, b, eps=0.1),
        note="shift only",
    ),
    Sample(
        "layer_norm",
        (normal(3, 1), positive(1), normal(1)),
        torch=lambda x, g, b: F().layer_norm(x, (1,), g, b),
        note="one feature",
    ),
    Sample(
        "layer_norm",
        (np.zeros((0, 3)), positive(3), normal(3)),
        torch=lambda x, g, b: F().layer_norm(x, (3,), g, b),
        note="no rows",
    ),
    # instance and group norm
    Sample(
        "instance_norm",
        (normal(2, 3, 4), positive(3), normal(3)),
        torch=lambda x, g, b: F().instance_norm(x, weight=g, bias=b),
    ),
    Sample(
        "instance_norm",
        (normal(2, 3, 2, 2), None, None),
        {"eps": 0.01},
        torch=lambda x, g, b: F().instance_norm(x, eps=0.01),
        note="bare, images",
    ),
    Sample(
        "instance_norm",
        (normal(2, 1, 3), None, normal(1)),
        torch=lambda x, g, b: F().instance_norm(x, weight=None, bias=b),
        note="shift only",
    ),
    Sample(
        "group_norm",
        (normal(2, 4, 3), positive(4), normal(4)),
        {"groups": 2},
        torch=lambda x, g, b: F().group_norm(x, 2, g, b),
    ),
    Sample(
        "group_norm",
        (normal(2, 4), positive(4), normal(4)),
        {"groups": 2},
        torch=lambda x, g, b: F().group_norm(x, 2, g, b),
        note="no positions",
    ),
    Sample(
        "group_norm",
        (normal(2, 3, 2, 2), positive(3), normal(3)),
        {"groups": 1},
        torch=lambda x, g, b: F().group_norm(x, 1, g, b),
        note="one group",
    ),
    Sample(
        "group_norm",
        (normal(1, 3, 2, 2), None, None),
        {"groups": 3, "eps": 0.01},
        torch=lambda x, g, b: F().group_norm(x, 3, eps=0.01),
        note="bare, as instance norm",
    ),
    # rms norm
    Sample(
        "rms_norm",
        (normal(2, 3, 4), positive(4)),
        torch=lambda x, g: F().rms_norm(x, (4,), g),
    ),
    Sample(
        "rms_norm",
        (normal(2, 3, 4), positive(3, 4)),
        {"eps": 1e-2},
        torch=lambda x, g: F().rms_norm(x, (3, 4), g, eps=1e-2),
        note="two axes",
    ),
    Sample("rms_norm", (normal(3), None), torch=lambda x, g: F().rms_norm(x, (3,)), note="bare"),
    Sample(
        "rms_norm",
        (1000 * normal(2, 4), positive(4)),
        torch=lambda x, g: F().rms_norm(x, (4,), g),
        note="large",
        half=False,
    ),
    # dropout
    Sample(
        "dropout",
        (normal(2, 3),),
        {"mask": MASK},
        torch=lambda x: x * constant(MASK),
        note="",
    ),
    Sample(
        "dropout",
        (normal(2, 3),),
        {"mask": MASK[:, :1]},
        torch=lambda x: x * constant(MASK[:, :1]),
        note="whole rows",
    ),
    Sample(
        "dropout",
        (normal(2, 3),),
        {"mask": MASK > 0},
        torch=lambda x: x * constant(MASK > 0),
        note="boolean",
    ),
    Sample(
        "dropout",
        (np.zeros((0, 3)),),
        {"mask": MASK[:0]},
        torch=lambda x: x * constant(MASK[:0]),
        note="empty",
    ),
]
