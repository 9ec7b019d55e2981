"""Ops with their derivatives: lines against closed forms, kinks and saturation where they are."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import UsageError
from backsight.ops.protocol import OPS
from backsight.pages.vector.scene import Area, Dot, Item, Label, Line, Part
from backsight.pictures import draw_op
from backsight.pictures.ops import computed, found, jumps

GRID = np.linspace(-6, 6, 601)


def flat(items: Any) -> Any:
    for item in items:
        yield item
        if isinstance(item, Part):
            yield from flat(item.items)


def items(drawing: Any, kind: Any) -> list[Any]:
    return [item for item in flat(drawing.scene.items) if isinstance(item, kind)]


def facts(drawing: Any) -> dict[str, float]:
    return {key: float(value) for key, value in drawing.scene.items[0].data}


def numbers_of(drawing: Any, line: Line) -> list[tuple[float, float]]:
    """Read a line off its picture: by the labels of the axis, as an eye does."""
    known = facts(drawing)
    ticks = [
        (label.y - 3.5, float(label.text.replace("−", "-").replace(",", "")))
        for label in items(drawing, Label)
        if label.role == "axis" and label.anchor == "end"
    ]
    (y0, a), (y1, b) = ticks[0], ticks[-1]
    wide = known["right"] - known["left"]
    return [
        (
            known["low"] + (x - known["left"]) / wide * (known["high"] - known["low"]),
            a + (y - y0) / (y1 - y0) * (b - a),
        )
        for x, y in line.points
    ]


def lines(drawing: Any, role: str) -> list[tuple[float, float]]:
    return [
        point
        for line in items(drawing, Line)
        if line.role == role and len(line.points) > 3
        for point in numbers_of(drawing, line)
    ]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


FORMS: dict[str, tuple[Any, Any]] = {
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0)),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.01)),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))),
    "softplus": (lambda x: np.log1p(np.exp(x)), sigmoid),
    "exp": (np.exp, np.exp),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_lines_are_the_function_and_its_derivative(name: str) -> None:
    drawing = draw_op(name)
    for role, form in zip(("value", "gradient"), FORMS[name], strict=True):
        read = lines(drawing, role)
        assert len(read) > 590
        size = max(abs(y) for _, y in lines(drawing, "value"))
        away = [(x, y) for x, y in read if abs(x) > 1e-4]  # beside the kinks
        assert np.allclose(
            [y for _, y in away], form(np.array([x for x, _ in away])), atol=2e-3 * size
        )


@pytest.mark.parametrize("name", ["sigmoid", "gelu", "elu", "selu", "hard_sigmoid", "log_sigmoid"])
def test_the_derivative_is_the_slope_of_the_forward(name: str) -> None:
    x = GRID + 0.003  # beside the kinks
    out, slope = computed(found(name), x, {})
    near = 1e-6
    above, below = (computed(found(name), x + side, {})[0] for side in (near, -near))
    assert np.allclose(slope, (above - below) / (2 * near), atol=1e-6)
    assert np.isfinite(out).all()


@pytest.mark.parametrize(
    ("name", "kinks"),
    [
        ("relu", [0.0]),
        ("relu6", [0.0, 6.0]),
        ("leaky_relu", [0.0]),
        ("hard_tanh", [-1.0, 1.0]),
        ("hard_sigmoid", [-3.0, 3.0]),
        ("absolute", [0.0]),
        ("selu", [0.0]),
        ("elu", []),  # its slope is 1 on both sides
        ("sigmoid", []),
        ("gelu", []),
        ("exp", []),
        ("reciprocal", []),  # a pole is no kink
    ],
)
def test_kinks_are_found_where_they_are(name: str, kinks: list[float]) -> None:
    op = found(name)
    # An odd grid, so that no kink happens to lie on it.
    grid = np.linspace(-7.1234, 7.4321, 601)
    assert jumps(op, grid, computed(op, grid, {})[1], 1, {}) == pytest.approx(kinks, abs=1e-6)


def test_a_kink_breaks_the_line_and_shows_what_the_backward_takes() -> None:
    drawing = draw_op("relu")
    pieces = [line for line in items(drawing, Line) if line.role == "gradient"]
    assert len(pieces) == 2
    assert (
        "the derivative jumps from 0 to 1; the backward takes 0 there" in drawing.scene.description
    )
    marks = [dot for dot in items(drawing, Dot) if dot.shape == "triangle"]
    left = facts(drawing)
    assert [dot.x for dot in marks] == pytest.approx([(left["left"] + left["right"]) / 2])


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("sigmoid", [(-6, -4.357), (4.357, 6)]),  # σ(1 − σ) = 0.05 / 4
        ("tanh", [(-6, -2.178), (2.178, 6)]),  # 1 − tanh² = 0.05
        ("relu", [(-6, 0)]),
        ("hard_tanh", [(-6, -1), (1, 6)]),
        ("floor", [(-6, 6)]),
        ("exp", []),  # has no largest derivative to be under 5 % of
        ("log", []),
        ("absolute", []),
    ],
)
def test_saturation_is_marked_where_it_is(name: str, bounds: list[tuple[float, float]]) -> None:
    drawing = draw_op(name)
    known = facts(drawing)
    wide = known["right"] - known["left"]
    span = known["high"] - known["low"]
    shaded = [
        tuple(
            known["low"] + (x - known["left"]) / wide * span
            for x in (area.points[0][0], area.points[1][0])
        )
        for area in items(drawing, Area)
    ]
    assert len(shaded) == len(bounds)
    for (a, b), (c, d) in zip(shaded, bounds, strict=True):
        assert (a, b) == pytest.approx((c, d), abs=0.021)  # a point of the grid


def test_attributes_are_passed_on() -> None:
    drawing = draw_op("leaky_relu", slope=0.5)
    assert drawing.scene.title == "leaky_relu(x, slope=0.5) and its derivative"
    assert {round(y, 3) for _, y in lines(drawing, "gradient")} == {0.5, 1.0}


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(UsageError, match="there is no op 'sigmod'; did you mean sigmoid"):
        draw_op("sigmod")
    with pytest.raises(UsageError, match="softmax is not a function of one number"):
        draw_op("softmax")
    with pytest.raises(UsageError, match="matmul is not a function of one number"):
        draw_op("matmul")
    with pytest.raises(UsageError, match="finite numbers"):
        draw_op("relu", 1, 1)
    with pytest.raises(UsageError, match="no finite value from −3 to −2"):
        draw_op("log", -3, -2)
    with pytest.raises(UsageError, match="has no attribute 'slop'; it has slope"):
        draw_op("leaky_relu", slop=1)


def test_every_op_is_drawn_or_refused_in_a_sentence() -> None:
    bs.sigmoid(0.0)  # all ops are there
    drawn = []
    for name in list(OPS):
        try:
            drawing = draw_op(name)
        except UsageError:
            continue
        drawn.append(name)
        for a, b in itertools.pairwise(items(drawing, Line)):
            assert all(math.isfinite(v) for line in (a, b) for p in line.points for v in p)
    assert {"sigmoid", "tanh", "relu", "leaky_relu", "gelu", "elu", "silu", "exp"} <= set(drawn)
    assert len(drawn) > 20


def text_of(item: Item) -> str:
    return item.text if isinstance(item, Label) else ""


def test_no_picture_of_an_op_depends_on_colour() -> None:
    drawing = draw_op("sigmoid")
    dashes = {line.role: line.dashes for line in items(drawing, Line) if len(line.points) > 100}
    assert dashes["value"] != dashes["gradient"]
    assert {"sigmoid", "derivative"} <= {text_of(item) for item in flat(drawing.scene.items)}
