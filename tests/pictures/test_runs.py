"""Pictures of runs: what they show is what the recording holds, and what is missing is said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.pages.vector.scales import brief
from backsight.pages.vector.scene import Box, Dot, Item, Label, Line, Part, Tiles
from backsight.pages.vector.svg import to_svg
from backsight.pictures import (
    draw_gradient_flow,
    draw_gradient_map,
    draw_gradient_norm,
    draw_histograms,
    draw_learning_rate,
    draw_local_derivatives,
    draw_loss,
    draw_saturation,
    draw_through_time,
    draw_units,
    draw_update_ratios,
)
from backsight.pictures.curves import MOST_POINTS, line, shared, some, trimmed
from backsight.pictures.histograms import layers
from backsight.traces.findings import Severity
from backsight.traces.recording import Probe, Site, Step

from .recordings import PLACE, deep, finding, recording, recurrent, with_units

EVERY = (
    draw_loss,
    draw_gradient_norm,
    draw_learning_rate,
    draw_gradient_flow,
    draw_gradient_map,
    draw_update_ratios,
    draw_through_time,
    draw_units,
    draw_saturation,
)


def flat(items: Any) -> Any:
    for item in items:
        yield item
        if isinstance(item, Part):
            yield from flat(item.items)


def items(drawing: Any, kind: Any) -> list[Any]:
    return [item for item in flat(drawing.scene.items) if isinstance(item, kind)]


def texts(drawing: Any) -> set[str]:
    return {label.text for label in items(drawing, Label)}


def facts(part: Item) -> dict[str, float]:
    assert isinstance(part, Part)
    return {key: float(value) for key, value in part.data}


def test_findings_are_marked_at_the_step_they_begin() -> None:
    run = recording([1.0 / (i + 1) for i in range(20)])
    drawing = draw_loss(run, [finding("BS101", 5), finding("BS301", 5, Severity.WARNING)])
    assert "✖ BS101 ▲ BS301" in texts(drawing)
    known = facts(drawing.scene.items[0])
    at = known["left"] + (5 - 1) / 19 * (known["right"] - known["left"])
    marks = [each for each in items(drawing, Line) if each.role == "problem"]
    assert marks
    assert all(x == pytest.approx(at, abs=0.1) for each in marks for x, _ in each.points)


def test_a_loss_that_is_not_finite_breaks_the_line_and_is_told() -> None:
    drawing = draw_loss(recording([1.0, 2.0, math.nan, math.nan, 1.0, 1.0]))
    assert "✖ not finite" in texts(drawing)
    assert "Not finite in 2 of 6 recorded steps, first in 3" in drawing.scene.description
    drawing = draw_loss(recording([math.nan] * 3))
    assert "not finite in any of the 3 recorded steps" in drawing.scene.description


def test_a_loss_that_falls_by_orders_of_magnitude_is_drawn_by_orders_of_magnitude() -> None:
    drawing = draw_loss(recording([10.0**-i for i in range(7)]))
    (curve,) = [each for each in items(drawing, Line) if each.role == "value"]
    heights = [y for _, y in curve.points]
    assert np.allclose(np.diff(heights), heights[1] - heights[0], atol=1e-3)


def test_many_steps_are_thinned_to_medians_within_all_that_was_there() -> None:
    r = np.random.default_rng(0)
    points = [(float(i), float(v)) for i, v in enumerate(r.standard_normal(10_000))]
    points[5_000] = (5_000.0, 40.0)
    series, band = line("loss", points)
    assert len(series.points) <= MOST_POINTS
    assert band is not None
    assert max(high for _, _, high in band.points) == 40.0  # no spike is lost
    assert min(low for _, low, _ in band.points) == min(y for _, y in points)
    assert max(y for _, y in series.points) < 2.0
    assert len(to_svg(draw_loss(recording([y for _, y in points])).scene)) < 40_000


def test_the_gradient_by_depth_shrinks_evenly_where_it_does() -> None:
    drawing = draw_gradient_flow(deep(layers=6, shrinking=0.1))
    red = [
        each for each in items(drawing, Line) if each.role == "gradient" and len(each.points) == 6
    ]
    assert len(red) == 3
    for each in red:  # the same factor from layer to layer: a straight line
        assert np.allclose(np.diff([x for x, _ in each.points], 2), 0, atol=1e-6)
        assert np.all(np.diff([y for _, y in each.points]) > 0)
    assert {"0", "5", "step 1", "step 40"} <= texts(drawing)
    assert "model.layers.0.weight 2.5e−7" in drawing.scene.description


def test_the_map_of_gradients_is_darker_the_larger_they_are() -> None:
    drawing = draw_gradient_map(deep(layers=4, steps=10, shrinking=0.1), [finding("BS101", 3)])
    tiles = [each for each in items(drawing, Tiles) if len(each.rows) == 4]
    shades = np.array(tiles[0].rows, dtype=float)
    assert shades.shape == (4, 10)
    assert np.all(np.diff(shades, axis=0) > 0)  # towards the loss
    assert np.all(np.diff(shades, axis=1) < 0)  # from step to step
    assert shades.max() == 1.0
    assert "✖ BS101" in texts(drawing)


def test_update_ratios_are_updates_over_weights() -> None:
    drawing = draw_update_ratios(deep(layers=3, shrinking=0.1))
    assert "0: 2e−4 at 1" in drawing.scene.description
    assert "2: 0.02 at 1" in drawing.scene.description


def test_what_is_left_through_time_is_the_measured_total() -> None:
    drawing = draw_through_time(recurrent(growth=0.5, times=21))
    assert f"{0.5**20:.2e}".replace("e-07", "e−7") in drawing.scene.description
    back = [each for each in items(drawing, Line) if each.role == "gradient"]
    xs, ys = zip(*back[0].points, strict=True)
    assert len(xs) == 21
    assert np.allclose(np.diff(ys), ys[1] - ys[0], atol=1e-6)


@pytest.mark.parametrize(("growth", "total"), [(0.0, 0.0), (math.inf, math.inf)])
def test_gradients_that_vanish_or_overflow_on_the_way_are_drawn(
    growth: float, total: float
) -> None:
    run = recurrent()
    probe = run.probes_by_site[1][0]
    probe.figures.update({"growth": growth, "total": total})  # type: ignore[attr-defined]
    assert to_svg(draw_through_time(run).scene)


def test_the_gradient_of_a_pass_through_time_is_that_of_the_trace() -> None:
    r = np.random.default_rng(0)
    w = bs.tensor(r.standard_normal((4, 4)) * 0.3, name="w")
    h: Any = np.ones((1, 4))
    for _ in range(9):
        h = np.tanh(h @ w)
    trace = bs.trace(np.mean(h**2))
    norms = [np.linalg.norm(node.grad) for node in trace if node.op == "tanh"]  # type: ignore[arg-type]
    drawing = draw_through_time(trace)
    told = f"lowest {norms[0]:.3g} at 1".replace("e-0", "e−").replace("-", "−")
    assert told in drawing.scene.description


def test_units_are_alive_dead_or_died() -> None:
    drawing = draw_units(with_units())
    assert "8 units, 2 never active, 3 died" in drawing.scene.description
    (grid,) = [
        each for each in items(drawing, Tiles) if len(each.rows[0]) == 8 and None in each.rows[0]
    ]
    (row,) = grid.rows
    assert [i for i, v in enumerate(row) if v is None] == [2, 3, 4]
    assert [i for i, v in enumerate(row) if v is not None and math.isnan(v)] == [0, 1]
    assert row[5:] == (1.0, 0.5, 1.0)


def test_saturation_of_a_relu_is_its_flat_share() -> None:
    drawing = draw_saturation(with_units())
    (tiles,) = [each for each in items(drawing, Tiles) if len(each.rows[0]) == 2]
    assert tiles.rows[0] == pytest.approx((0.76, 0.76), abs=0.01)  # 0.75, above the faintest


@pytest.mark.parametrize("draw", EVERY, ids=lambda each: each.__name__)
def test_an_empty_recording_gets_a_sentence_not_an_empty_plot(draw: Any) -> None:
    drawing = draw(recording())
    assert drawing.scene.description.endswith(".")
    assert not items(drawing, (Line, Dot, Box, Tiles))


@pytest.mark.parametrize("draw", EVERY, ids=lambda each: each.__name__)
def test_numbers_that_are_not_finite_break_no_picture(draw: Any) -> None:
    for run in (deep(), recurrent(), with_units()):
        for probes in run.probes_by_site.values():
            for i, probe in enumerate(probes):
                value = (math.nan, math.inf, 0.0)[i % 3]
                for name in ("gradient_rms", "update_std", "growth", "std"):
                    if name in probe.figures:
                        probe.figures[name] = value  # type: ignore[index]
        assert "nan" not in to_svg(draw(run).scene).lower().replace("not finite", "")


@pytest.mark.parametrize("draw", EVERY, ids=lambda each: each.__name__)
def test_one_step_is_enough_for_a_picture(draw: Any) -> None:
    run = deep(layers=1, steps=1)
    assert to_svg(draw(run).scene) == to_svg(draw(run).scene)


def test_names_stay_text() -> None:
    run = deep(layers=2)
    hostile = "<script>alert(1)</script>"
    sites = tuple(
        type(site)(
            **{name: getattr(site, name) for name in site.__slots__}
            | {"parameter": f"{hostile}{i}"}
        )
        for i, site in enumerate(run.sites)
    )
    evil = recording([1.0, 2.0], sites, run.probes_by_site)
    for draw in (draw_gradient_flow, draw_gradient_map, draw_update_ratios):
        assert "<script" not in to_svg(draw(evil).scene)


def test_histograms_count_every_number_once() -> None:
    r = np.random.default_rng(0)
    w = bs.tensor(r.standard_normal((5, 6)), name="w")
    h = bs.relu(r.standard_normal((20, 5)) @ w)
    trace = bs.trace(np.mean(h**2))
    drawing = draw_histograms(trace)
    assert {"1 h relu: value", "1 h relu: gradient"} <= texts(drawing)
    zeros = float(np.mean(h.value == 0))
    assert f"{100 * zeros:.0f} % exactly 0" in drawing.scene.description
    bars = [box for box in items(drawing, Box) if box.role == "value"]
    heights = np.array([box.height for box in bars])
    counts = np.histogram(h.value, 31)[0]
    assert np.allclose(heights / heights.max(), counts[counts > 0] / counts.max(), atol=1e-6)


def test_local_derivatives_of_a_relu_are_all_or_nothing() -> None:
    r = np.random.default_rng(0)
    w = bs.tensor(r.standard_normal((5, 6)), name="w")
    h = bs.relu(r.standard_normal((8, 5)) @ w)
    drawing = draw_local_derivatives(bs.trace(np.mean(h**2)))
    (tiles,) = [each for each in items(drawing, Tiles) if len(each.rows) == 8]
    shades = np.array(tiles.rows, dtype=float)
    assert np.array_equal(shades == shades.max(), h.value > 0)


def test_names_without_what_they_share() -> None:
    assert trimmed(["a.b.0.weight", "a.b.1.weight"]) == ["0", "1"]
    assert trimmed(["weight", "weight"]) == ["weight", "weight"]
    assert trimmed(["a.w"]) == ["a.w"]
    assert trimmed(["a.0.0.w", "a.0.1.w"]) == ["0", "1"]
    assert shared(["a.0.0.w", "a.0.1.w"]) == "a.0.*.w"
    assert shared(["a.w", "b.v"]) == ""


def test_some_are_evenly_chosen_with_both_ends() -> None:
    chosen = [site.id for site in some(deep(layers=50).sites, 8)]
    assert chosen[0] == 0
    assert chosen[-1] == 49
    assert len(chosen) == 8


def test_a_finding_marks_the_recurrence_it_is_about() -> None:
    here = finding("BS104", 4)
    at_place = type(here)(
        "It fades.",
        Severity.WARNING,
        "BS104",
        "x",
        PLACE,
        parameter="cell.w",
        evidence={"first_step": 4},
    )
    assert "▲ BS104" in texts(draw_through_time(recurrent(), [at_place]))
    assert "✖ BS104" not in texts(draw_through_time(recurrent(), [here]))


def test_learning_rate_and_norm_are_those_of_the_steps() -> None:
    steps = [Step(i, 1.0, 2.0 * i, 0.1 / i) for i in range(1, 9)]
    run = recording(steps)
    assert "gradient norm: 2 at 1, 16 at 8" in draw_gradient_norm(run).scene.description
    assert "learning rate: 0.1 at 1, 0.0125 at 8" in draw_learning_rate(run).scene.description


def test_of_many_weights_the_unusual_ones_are_shown() -> None:
    run = deep(layers=90, steps=3, shrinking=0.9)
    probes = dict(run.probes_by_site)
    probes[41] = tuple(Probe(s, {"gradient_rms": 0.0}) for s in (1, 2, 3))
    probes[43] = (Probe(1, {"gradient_rms": 1.0}), Probe(2, {"std": 1.0}))
    drawing = draw_gradient_map(recording([1.0] * 3, run.sites, probes))
    assert {"0", "41", "43", "89"} <= texts(drawing)
    (tiles,) = [each for each in items(drawing, Tiles) if len(each.rows) == 32]
    assert (0.0, 0.0, 0.0) in tiles.rows
    assert any(row[1:] == (None, None) for row in tiles.rows)


def test_of_many_updates_the_smallest_and_the_largest_are_shown() -> None:
    run = deep(layers=90, steps=3, shrinking=0.9)
    probes = dict(run.probes_by_site)
    for place, size in ((41, 1e-9), (43, 7.0)):
        probes[place] = tuple(Probe(s, {"std": 1.0, "update_std": size}) for s in (1, 2, 3))
    for width in (360, 640):
        drawing = draw_update_ratios(recording([1.0] * 3, run.sites, probes), width=width)
        assert {"0", "41", "43", "89"} <= texts(drawing)


def test_of_many_activations_the_most_saturated_are_shown() -> None:
    sites, probes = [], {}
    for i in range(80):
        sites.append(Site("tanh", "activation", None, "hidden", f"layers.{i}", id=i))
        share = 70.0 if i == 41 else 5.0
        probes[i] = (Probe(1, {"elements": 100.0, "saturated": share, "flat": 0.0}),)
    drawing = draw_saturation(recording([1.0], sites, probes))
    (tiles,) = [each for each in items(drawing, Tiles) if len(each.rows) == 32]
    assert sum(row[0] > 0.6 for row in tiles.rows) == 1
    assert "layers.41 tanh" in texts(drawing) or "41 tanh" in texts(drawing)


def test_layers_of_a_loop_are_layers_and_steps_in_time_are_one() -> None:
    r = np.random.default_rng(0)
    h: Any = r.standard_normal((4, 5))
    for i in range(6):  # six layers, each with weights of its own
        h = np.tanh(h @ bs.tensor(r.standard_normal((5, 5)), name=f"w{i}"))
    assert len(layers(bs.trace(np.mean(h**2)))) == 6
    w = bs.tensor(r.standard_normal((5, 5)), name="w")
    h = h.value
    for _ in range(6):  # one layer, six times
        h = np.tanh(h @ w)
    assert len(layers(bs.trace(np.mean(h**2)))) == 1


def test_the_cell_of_an_lstm_has_a_line_for_its_output_and_one_for_its_memory() -> None:
    r = np.random.default_rng(0)
    out, _ = nn.LSTM(3, 5, r)(r.standard_normal((2, 12, 3)).astype(np.float32))
    trace = bs.trace(np.mean(out**2))
    told = draw_through_time(trace).scene.description
    cells = [node for node in trace if node.op == "lstm_cell"]
    for i, output in enumerate(("h_next", "c_next")):
        norms = [
            float(np.linalg.norm(node.grad[i]))  # type: ignore[index]
            for node in cells
            if node.grad[i] is not None  # type: ignore[index]
        ]
        assert f"{output} of lstm_cell: {brief(norms[0])} at 1" in told
        assert f"lowest {brief(min(norms))} at" in told
