"""Pictures of traces: what stands in them, against the trace; folding; sizes; text alternatives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.pages.vector.scene import Bars, Item, Label, Part
from backsight.pages.vector.svg import to_svg
from backsight.pictures import draw
from backsight.pictures.folding import folded


def flat(items: Any) -> Iterator[Item]:
    for item in items:
        yield item
        if isinstance(item, Part):
            yield from flat(item.items)


def texts(drawing: Any, role: str = "") -> list[str]:
    return [
        item.text
        for item in flat(drawing.scene.items)
        if isinstance(item, Label) and role in ("", item.role)
    ]


def neuron() -> Any:
    w, b = bs.tensor([2.0, -3.0], name="W"), bs.tensor(-3.0, name="b")
    a = bs.sigmoid(np.dot(w, np.array([-1.0, -2.0])) + b)
    C = 0.5 * (1.0 - a) ** 2
    return bs.trace(C)


def test_the_neuron_has_its_numbers_in_black_and_red() -> None:
    drawing = draw(neuron())
    assert {"a 0.7311", "C 0.03616", "[2, −3]"} <= set(texts(drawing, "value"))
    assert {"−0.05288", "[0.05288, 0.1058]", "−0.2689"} <= set(texts(drawing, "gradient"))
    assert {"∂ 0.1966", "∂ −1", "∂ 0.5379"} <= set(texts(drawing, "local"))


def test_a_plus_stands_where_gradients_add_and_a_sum_where_they_were_stretched() -> None:
    x, b = bs.tensor(np.ones((4, 3)), name="x"), bs.tensor(np.zeros(3), name="b")
    h = x + b
    drawing = draw(bs.trace(np.sum(h * h)))
    assert texts(drawing).count("⊕") == 1
    assert "Σ axis 0" in texts(drawing, "gradient")


def test_small_arrays_in_full_larger_ones_by_shape_norm_and_bars() -> None:
    x = bs.tensor(np.arange(12.0).reshape(3, 4), name="x")
    drawing = draw(bs.trace(np.sum(x * x)))
    assert f"3×4 ‖{np.linalg.norm(np.arange(12.0)):.4g}‖" in texts(drawing, "value")
    strips = [item for item in flat(drawing.scene.items) if isinstance(item, Bars)]
    assert strips[0].numbers == pytest.approx(tuple(np.arange(12) / 11))


def recurrent(steps: int) -> Any:
    r = np.random.default_rng(0)
    w, u = bs.tensor(r.standard_normal((3, 3)), name="w"), bs.tensor(r.standard_normal((3, 3)))
    h = np.zeros((2, 3))
    for x in r.standard_normal((steps, 2, 3)):
        h = np.tanh(x @ u + h @ w)
    return bs.trace(np.mean(h**2))


def test_repeated_steps_are_one_cell_with_the_gradient_of_each() -> None:
    trace = recurrent(30)
    graph = folded(trace, 48)
    times = {cell.title: cell.times for cell in graph.cells}
    assert times["tanh"] == 30
    assert len(graph.cells) < 10
    (tanh,) = [cell for cell in graph.cells if cell.title == "tanh"]
    norms = [np.linalg.norm(node.grad) for node in trace if node.op == "tanh"]
    assert tanh.norms == pytest.approx(norms)
    assert any(wire.source > wire.target for wire in graph.wires)  # the loop leads back


def test_every_node_is_in_one_cell() -> None:
    for most in (None, 20, 5):
        trace = recurrent(9)
        graph = folded(trace, most)
        assert sorted(i for cell in graph.cells for i in cell.nodes) == list(range(len(trace)))
        if most is not None:
            assert len(graph.cells) <= most


def test_a_few_steps_are_drawn_unfolded() -> None:
    assert len(folded(recurrent(3), None).cells) == len(recurrent(3))


def test_the_svg_is_well_formed_deterministic_and_says_in_words_what_it_shows() -> None:
    first, second = to_svg(draw(neuron()).scene), to_svg(draw(neuron()).scene)
    assert first == second
    root = ElementTree.fromstring(first)
    space = "{http://www.w3.org/2000/svg}"
    description = root.find(f"{space}desc")
    assert description is not None
    assert "The gradient at W has norm 0.1182" in (description.text or "")
    assert "prefers-color-scheme:dark" in first


def test_names_stay_text() -> None:
    w = bs.tensor(2.0, name="<script>alert(1)</script>")
    svg = to_svg(draw(bs.trace(w * w)).scene)
    assert "<script>" not in svg
    ElementTree.fromstring(svg)


def test_marks_show_where_a_finding_is() -> None:
    trace = neuron()
    drawing = draw(trace, marks={trace.named("a").id: "BS204"})
    assert "▲ BS204" in texts(drawing, "problem")


def test_a_deep_network_is_drawn_folded() -> None:
    r = np.random.default_rng(0)
    layers = [nn.TransformerEncoderLayer(16, 2, r, hidden=32, dropout=0.0) for _ in range(12)]
    x: Any = r.standard_normal((2, 5, 16)).astype(np.float32)
    for layer in layers:
        x = layer(x)
    trace = bs.trace(np.mean(x * x))
    drawing = draw(trace)
    parts = [item for item in drawing.scene.items if isinstance(item, Part)]
    assert 3 <= len(parts) <= 48
