"""Plots: points stand where their numbers say, series differ without colour, nothing overlaps."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsight.pages.vector.axes import SIGNS, laid_out
from backsight.pages.vector.heat import HeatMap, heat_scene
from backsight.pages.vector.plot import Band, Columns, Level, Mark, Plot, Series, Stretch
from backsight.pages.vector.scene import Dot, Item, Label, Line, Part, Scene, Tiles, text_width
from backsight.pages.vector.sheet import sheet
from backsight.pages.vector.svg import MARGIN, SHADES, item_lines, to_svg
from backsight.pages.vector.words import apart, in_rows, shortened


def flat(items: Any, x: float = 0.0, y: float = 0.0) -> Iterator[tuple[Item, float, float]]:
    """Go through items with how far they are moved."""
    for item in items:
        yield item, x, y
        if isinstance(item, Part):
            yield from flat(item.items, x + item.x, y + item.y)


def of_type(scene: Scene, kind: Any) -> list[Any]:
    return [item for item, _, _ in flat(scene.items) if isinstance(item, kind)]


def extents(scene: Scene) -> list[tuple[float, float, float, float, str]]:
    """Return where the labels of a scene are: left, right, top, bottom, text."""
    found = []
    for item, x, y in flat(scene.items):
        if isinstance(item, Label):
            wide = text_width(item.text, item.size)
            left = item.x + x - {"start": 0.0, "middle": wide / 2, "end": wide}[item.anchor]
            base = item.y + y
            found.append((left, left + wide, base - 0.75 * item.size, base, item.text))
    return found


def overlapping(scene: Scene) -> list[tuple[str, str]]:
    return [
        (a[4], b[4])
        for a, b in itertools.combinations(extents(scene), 2)
        if a[0] < b[1] - 1 and b[0] < a[1] - 1 and a[2] < b[3] - 0.5 and b[2] < a[3] - 0.5
    ]


def outside(scene: Scene) -> list[str]:
    return [
        text
        for left, right, top, bottom, text in extents(scene)
        if left < -MARGIN or right > scene.width + MARGIN or top < -MARGIN or bottom > scene.height
    ]


def facts(scene: Scene) -> dict[str, float]:
    (part,) = [item for item in scene.items if isinstance(item, Part)]
    return {key: float(value) for key, value in part.data}


def curves(count: int, steps: int = 60) -> tuple[Series, ...]:
    return tuple(
        Series(
            f"encoder.layers.{k}.linear.weight",
            tuple((float(i), math.exp(-i / (20 + 3 * k))) for i in range(1, steps)),
            "gradient",
        )
        for k in range(count)
    )


def test_points_stand_where_their_numbers_say() -> None:
    points = ((0.0, 1.0), (5.0, 3.0), (10.0, 2.0))
    scene = laid_out(Plot("t", "x", "y", (Series("", points),), y_range=(0.0, 4.0)))
    (line,) = [line for line in of_type(scene, Line) if line.role == "value"]
    known = facts(scene)
    for (x, y), (px, py) in zip(points, line.points, strict=True):
        share = (x - known["low"]) / (known["high"] - known["low"])
        assert px == pytest.approx(known["left"] + share * (known["right"] - known["left"]))
        low, high = -0.2, 4.2  # five per cent to spare
        tall = known["bottom"] - known["top"]
        assert py == pytest.approx(known["bottom"] - (y - low) / (high - low) * tall)


def test_a_line_is_broken_where_numbers_are_not_finite() -> None:
    points = ((0.0, 1.0), (1.0, 2.0), (2.0, math.nan), (3.0, 1.0), (4.0, math.inf), (5.0, 1.0))
    scene = laid_out(Plot("t", "x", "y", (Series("s", points),)))
    lines = [line for line in of_type(scene, Line) if line.role == "value"]
    assert [len(line.points) for line in lines] == [2]
    assert len(of_type(scene, Dot)) == 2  # pieces of one point are dots


def test_series_are_told_apart_without_colour() -> None:
    scene = laid_out(Plot("t", "step", "y", curves(8), log_y=True))
    dots: dict[tuple[str, bool], set[float]] = {}
    for dot in of_type(scene, Dot):
        dots.setdefault((dot.shape, dot.filled), set()).add(dot.y)
    assert set(dots) == set(SIGNS)
    drawn = [line.dashes for line in of_type(scene, Line) if line.role == "gradient"]
    assert all(a != b for a, b in itertools.pairwise(drawn))


@pytest.mark.parametrize("width", [360.0, 640.0, 1000.0])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_no_labels_overlap_or_leave_the_picture(width: float, count: int) -> None:
    plot = Plot(
        "Gradients of all the weights of an encoder over the steps of a long run",
        "step (backward passes)",
        "rms of the gradient, logarithmic",
        curves(count),
        bands=(Band("all steps", tuple((float(i), 0.1, 0.5) for i in range(60))),),
        marks=tuple(Mark(float(x), f"✖ BS10{x % 10}") for x in (1, 2, 3, 30, 58, 59)),
        levels=(Level(0.3, "threshold 0.3"), Level(0.31, "another one")),
        stretches=(Stretch(10, 12, "a note that is too long for its stretch"),),
        notes=("A sentence that says what is not shown, and goes on until it needs a line more.",),
        log_y=True,
    )
    scene = laid_out(plot, width=width)
    assert not overlapping(scene)
    assert not outside(scene)


@pytest.mark.parametrize("width", [360.0, 640.0])
def test_rows_are_lists_from_top_to_bottom(width: float) -> None:
    rows = tuple(f"layers.{i}.weight" for i in range(9))
    points = tuple((10.0**-i, float(i)) for i in range(9))
    scene = laid_out(
        Plot("t", "rms", "", (Series("step 1", points),), rows=rows, log_x=True), width=width
    )
    heights = {text: top for _, _, top, _, text in extents(scene)}
    assert [heights[row] for row in rows] == sorted(heights[row] for row in rows)
    places = [(dot.x, dot.y) for dot in of_type(scene, Dot)][1:]  # the first is the legend's
    assert [x for x, _ in places] == sorted((x for x, _ in places), reverse=True)
    assert not overlapping(scene)
    assert not outside(scene)


def test_a_plot_says_in_words_what_it_shows() -> None:
    points = ((1.0, 4.0), (2.0, 0.5), (3.0, 1.0))
    scene = laid_out(Plot("t", "step", "loss", (Series("loss", points),), marks=(Mark(2, "✖"),)))
    told = scene.description
    assert "loss: 4 at 1, 1 at 3; lowest 0.5 at 2, highest 4 at 1." in told
    assert "Marked at 2" in told


def test_columns_are_as_tall_as_their_numbers() -> None:
    columns = Columns("", (0.0, 1.0, 2.0, 3.0), (1.0, 4.0, 0.0))
    scene = laid_out(Plot("t", "x", "", columns=(columns,)))
    boxes = [item for item, _, _ in flat(scene.items) if type(item).__name__ == "Box"]
    assert len(boxes) == 2
    assert boxes[1].height == pytest.approx(4 * boxes[0].height)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(1, 20))
def test_labels_are_moved_apart_and_stay_inside_and_in_order(
    places: list[float], gap: float
) -> None:
    found = apart(places, gap, 0.0, 100.0)
    real = min(gap, 100.0 / (len(places) - 1)) if len(places) > 1 else gap
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = [found[i] for i in order]
    assert all(b - a >= real - 1e-6 for a, b in itertools.pairwise(moved))
    assert moved[0] >= -1e-6
    assert moved[-1] <= 100 + 1e-6


def test_labels_that_are_apart_stay_where_they_are() -> None:
    assert apart([80.0, 10.0, 40.0], 12.0, 0.0, 100.0) == [80.0, 10.0, 40.0]


def test_notes_that_would_overlap_go_into_another_row() -> None:
    assert in_rows([(0, 10), (5, 15), (10, 20), (12, 30)]) == [0, 1, 0, 2]


def test_shortened_names_keep_both_ends() -> None:
    name = "encoder.layers.11.self_attn.in_proj_weight"
    short = shortened(name, 16)
    assert len(short) == 16
    assert name.startswith(short.split("…")[0])
    assert name.endswith(short.split("…")[1])


def areas(lines: list[str]) -> dict[str, float]:
    """Return the painted area by the opacity of a path."""
    found: dict[str, float] = {}
    for line in lines:
        opacity = re.search(r'fill-opacity="([^"]+)"', line)
        for x, y, right, bottom in re.findall(r"M([\d.-]+) ([\d.-]+)H([\d.-]+)V([\d.-]+)H", line):
            assert opacity
            area = (float(right) - float(x)) * (float(bottom) - float(y))
            found[opacity[1]] = found.get(opacity[1], 0.0) + area
    return found


def test_tiles_are_darker_the_larger_and_cover_their_place() -> None:
    rows = ((0.0, 0.5, 1.0, 1.0), (None, 1.0, math.nan, 0.5))
    lines = list(item_lines(Tiles(0, 0, 40, 20, rows)))
    painted = areas(lines)
    shades = sorted(painted, key=float)
    assert [painted[s] for s in shades] == [100.0, 200.0, 300.0]  # 0, ½, 1
    assert float(shades[-1]) == 1.0
    assert sum('class="tile missing"' in line for line in lines) == 1
    assert sum('class="tile broken"' in line for line in lines) == 1


def test_a_heat_map_of_any_size_stays_small() -> None:
    numbers = tuple(tuple(float((i * j) % 17) for j in range(60)) for i in range(32))
    rows = tuple(f"layer {i}" for i in range(32))
    heat = HeatMap("t", "step", rows, numbers, 0.0, 100.0, "unit")
    for width in (360.0, 640.0):
        scene = heat_scene(heat, width=width)
        assert len(to_svg(scene)) < 70_000
        assert not overlapping(scene)
        assert not outside(scene)
    assert SHADES >= 16


def test_facts_and_tips_are_escaped() -> None:
    part = Part("a", (Label(0, 0, "<b>", "note", tip="<i>"),), data=(("name", '"><script>'),))
    text = to_svg(Scene(10, 10, (part,)))
    assert "<script>" not in text
    root = ElementTree.fromstring(text)
    assert root.find(".//*[@id='a']").get("data-name") == '"><script>'  # type: ignore[union-attr]


def test_a_sheet_holds_its_pictures_side_by_side() -> None:
    one = laid_out(Plot("one", "x", "y", curves(1)), width=300)
    both = sheet([one, one, one], columns=2, title="both")
    assert both.width > 600
    assert not overlapping(both)
    assert not outside(both)
    assert both.description.count("one.") == 3


@pytest.mark.parametrize(("low", "high"), [(0.1, 2.0), (0.00101, 0.99), (0.1, 1e4), (0.1, 1e30)])
def test_labels_of_a_logarithmic_axis_keep_clear_of_each_other(low: float, high: float) -> None:
    points = ((low, 0.0), (high, 1.0))
    scene = laid_out(Plot("t", "rms", "", (Series("s", points),), log_x=True), width=300)
    assert not overlapping(scene)
    assert len([text for *_, text in extents(scene) if text not in ("t", "rms", "s")]) > 4
