"""Samples of windows, convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from backsight.ops.windows.unfolding import unfold

from .sample import Sample, normal


def T() -> Any:
    import torch

    return torch


def F() -> Any:
    import torch.nn.functional

    return torch.nn.functional


X = normal(2, 4, 5, 6)
LINE = normal(2, 4, 7)

GEOMETRIES: list[tuple[str, dict[str, Any]]] = [
    ("plain", {}),
    ("stride", dict(stride=2)),
    ("padding", dict(padding=1)),
    ("dilation", dict(dilation=(2, 1))),
    ("all", dict(stride=(2, 1), padding=(1, 2), dilation=2)),
]


def columns(x: Any, geometry: dict[str, Any]) -> Any:
    """torch's unfold, in our layout (C, K, N, PH, PW)."""
    flat = F().unfold(x, (3, 2), **geometry)
    counts = F().conv2d(x[:1], T().ones(1, 4, 3, 2, dtype=x.dtype), **geometry).shape[2:]
    return flat.reshape(2, 4, 6, *counts).permute(1, 2, 0, 3, 4)


def images(x: Any, geometry: dict[str, Any]) -> Any:
    """torch's fold, from our layout."""
    flat = x.permute(2, 0, 1, 3, 4).reshape(2, 24, -1)
    return F().fold(flat, (5, 6), (3, 2), **geometry)


def windows_shape(geometry: dict[str, Any]) -> tuple[int, ...]:
    return tuple(unfold.forward(X, size=(3, 2), **geometry).shape)


PAIRS = [
    *(
        Sample("unfold", (X,), {"size": (3, 2), **g}, lambda x, g=g: columns(x, g), name)
        for name, g in GEOMETRIES
    ),
    *(
        Sample(
            "fold",
            (normal(*windows_shape(g)),),
            {"shape": (2, 4, 5, 6), "size": (3, 2), **g},
            lambda x, g=g: images(x, g),
            name,
        )
        for name, g in GEOMETRIES
    ),
    Sample(
        "unfold", (X[:, :, :1, :1],), {"size": 1}, lambda x: x.transpose(0, 1)[:, None], "size 1"
    ),
    Sample("unfold", (X[:0],), {"size": 2}, note="no images"),
    Sample("unfold", (LINE,), {"size": 3, "stride": 2, "value": -1.5}, note="line, other border"),
]


def convolution(name: str, **settings: Any) -> Any:
    return lambda x, w, b: getattr(F(), name)(x, w, b, **settings)


def kernels(*shape: int, bias: int | None = None) -> tuple[Any, Any]:
    return 0.5 * normal(*shape, seed=1), None if bias is None else normal(bias, seed=2)


CONVOLUTIONS = [
    *(
        Sample("conv2d", (X, *kernels(3, 4, 3, 2, bias=3)), g, convolution("conv2d", **g), name)
        for name, g in GEOMETRIES
    ),
    Sample("conv2d", (X, *kernels(3, 4, 3, 2)), {}, convolution("conv2d"), "no bias"),
    Sample("conv2d", (X, *kernels(3, 4, 1, 1)), {}, convolution("conv2d"), "1 by 1"),
    Sample("conv2d", (X, *kernels(3, 4, 5, 6)), {}, convolution("conv2d"), "whole image"),
    Sample(
        "conv2d",
        (X, *kernels(6, 2, 3, 3, bias=6)),
        {"groups": 2, "padding": 1},
        convolution("conv2d", groups=2, padding=1),
        "groups",
    ),
    Sample(
        "conv2d",
        (X, *kernels(8, 1, 3, 2)),
        {"groups": 4, "stride": 2},
        convolution("conv2d", groups=4, stride=2),
        "each channel alone",
    ),
    Sample("conv2d", (X[:0], *kernels(3, 4, 3, 2, bias=3)), {}, convolution("conv2d"), "no images"),
    Sample("conv1d", (LINE, *kernels(3, 4, 3, bias=3)), {}, convolution("conv1d")),
    Sample(
        "conv1d",
        (LINE, *kernels(6, 2, 3)),
        dict(stride=2, padding=2, dilation=2, groups=2),
        convolution("conv1d", stride=2, padding=2, dilation=2, groups=2),
        "all",
    ),
]

SMALL = normal(2, 4, 3, 2)

TRANSPOSED = [
    *(
        Sample(
            "conv_transpose2d",
            (SMALL, *kernels(4, 6 // g.get("groups", 1), 3, 2, bias=6)),
            g,
            convolution("conv_transpose2d", **g),
            name,
        )
        for name, g in [
            ("plain", {}),
            ("stride", dict(stride=(2, 3))),
            ("padding", dict(padding=(1, 0))),
            ("dilation", dict(dilation=2)),
            ("groups", dict(groups=2)),
            ("all", dict(stride=2, padding=1, output_padding=(1, 0), dilation=(1, 2), groups=2)),
        ]
    ),
    Sample(
        "conv_transpose2d",
        (SMALL, *kernels(4, 3, 3, 2)),
        {},
        convolution("conv_transpose2d"),
        "no bias",
    ),
    Sample(
        "conv_transpose1d", (LINE, *kernels(4, 3, 3, bias=3)), {}, convolution("conv_transpose1d")
    ),
    Sample(
        "conv_transpose1d",
        (LINE, *kernels(4, 3, 3)),
        dict(stride=3, padding=1, output_padding=2, dilation=2, groups=2),
        convolution(
            "conv_transpose1d", stride=3, padding=1, output_padding=2, dilation=2, groups=2
        ),
        "all",
    ),
]


def pooling(name: str, size: Any, **settings: Any) -> Any:
    return lambda x: getattr(F(), name)(x, size, **settings)


TIED = np.round(normal(2, 2, 5, 6))

POOLS = [
    *(
        Sample(name, (X,), {"size": size, **g}, pooling(name, size, **g), note)
        for name, size, g, note in [
            ("max_pool2d", 2, {}, "halves"),
            ("max_pool2d", (3, 2), dict(stride=1), "overlapping"),
            ("max_pool2d", 3, dict(stride=2, padding=1), "padding"),
            ("max_pool2d", 2, dict(stride=1, padding=1, dilation=(2, 3)), "dilation"),
            ("max_pool2d", 1, {}, "size 1"),
            ("avg_pool2d", 2, {}, "halves"),
            ("avg_pool2d", (3, 2), dict(stride=1), "overlapping"),
            ("avg_pool2d", 3, dict(stride=2, padding=1), "padding"),
            (
                "avg_pool2d",
                3,
                dict(stride=2, padding=1, count_include_pad=False),
                "padding not counted",
            ),
        ]
    ),
    *(
        Sample(name, (LINE,), {"size": size, **g}, pooling(name, size, **g), note)
        for name, size, g, note in [
            ("max_pool1d", 2, {}, "halves"),
            ("max_pool1d", 3, dict(stride=2, padding=1, dilation=2), "all"),
            ("avg_pool1d", 2, {}, "halves"),
            ("avg_pool1d", 3, dict(stride=2, padding=1), "padding"),
            (
                "avg_pool1d",
                3,
                dict(stride=2, padding=1, count_include_pad=False),
                "padding not counted",
            ),
        ]
    ),
    Sample(
        "max_pool2d",
        (TIED,),
        {"size": 3, "stride": 1},
        pooling("max_pool2d", 3, stride=1),
        "ties",
        kinks=True,
    ),
    Sample("max_pool2d", (X[:0],), {"size": 2}, pooling("max_pool2d", 2), "no images"),
    Sample(
        "avg_pool2d",
        (X[:0],),
        {"size": 2, "padding": 1, "count_include_pad": False},
        note="no images",
    ),
    *(
        Sample(name, (X,), {"size": size}, pooling(name, size), str(size))
        for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d")
        for size in [1, (5, 6), (2, 3), (3, 4), (None, 4), (7, 8)]
    ),
    Sample(
        "adaptive_max_pool2d",
        (TIED,),
        {"size": (3, 4)},
        pooling("adaptive_max_pool2d", (3, 4)),
        "ties",
        kinks=True,
    ),
]

SAMPLES: list[Sample] = [*PAIRS, *CONVOLUTIONS, *TRANSPOSED, *POOLS]
