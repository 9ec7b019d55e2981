"""The layout: what must hold of every graph, on drawn ones, and known small cases."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsight.pictures.layers import inversions, layered, spaced


def overlap(placed: object, sizes: list[tuple[float, float]]) -> bool:
    boxes = [
        (x - w / 2, x + w / 2, y - h / 2, y + h / 2)
        for (x, y), (w, h) in zip(placed.centres, sizes, strict=True)  # type: ignore[attr-defined]
    ]
    return any(
        a[0] < b[1] - 1e-6 and b[0] < a[1] - 1e-6 and a[2] < b[3] - 1e-6 and b[2] < a[3] - 1e-6
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 25), st.integers(0, 10_000))
def test_no_boxes_overlap_and_lines_lead_to_the_right(count: int, seed: int) -> None:
    draw = random.Random(seed)
    edges = [(draw.randrange(b), b) for b in range(1, count) for _ in range(draw.randrange(3))]
    sizes = [(draw.uniform(10, 120), draw.uniform(10, 60)) for _ in range(count)]
    placed = layered(sizes, edges)
    assert not overlap(placed, sizes)
    for (a, b), line in zip(edges, placed.lines, strict=True):
        assert placed.centres[a][0] < placed.centres[b][0]
        assert all(p[0] <= q[0] + 1e-6 for p, q in itertools.pairwise(line))
        assert line[0][0] == pytest.approx(placed.centres[a][0] + sizes[a][0] / 2)
        assert line[-1][0] == pytest.approx(placed.centres[b][0] - sizes[b][0] / 2)
    for (x, y), (w, h) in zip(placed.centres, sizes, strict=True):
        assert w / 2 - 1e-6 <= x <= placed.width - w / 2 + 1e-6
        assert h / 2 - 1e-6 <= y <= placed.height - h / 2 + 1e-6
    assert layered(sizes, edges) == placed


def test_a_chain_is_a_straight_line() -> None:
    placed = layered([(50, 30)] * 5, [(0, 1), (1, 2), (2, 3), (3, 4)])
    assert len({y for _, y in placed.centres}) == 1
    assert placed.height == 30


def test_a_graph_that_can_be_drawn_without_crossings_is() -> None:
    # Two chains given crosswise.
    edges = [(0, 3), (1, 2), (2, 5), (3, 4)]
    placed = layered([(40, 20)] * 6, edges)
    heights = [y for _, y in placed.centres]
    assert heights[0] == pytest.approx(heights[3]) == pytest.approx(heights[4])
    assert heights[1] == pytest.approx(heights[2]) == pytest.approx(heights[5])


def test_sources_stand_beside_what_needs_them() -> None:
    placed = layered([(40, 20)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert placed.centres[3][0] == placed.centres[2][0]


def test_loops_lead_back_below() -> None:
    placed = layered([(40, 20)] * 3, [(0, 1), (1, 2), (2, 1), (1, 1)])
    assert placed.backward == {2, 3}
    assert max(y for _, y in placed.lines[2]) > max(y for _, y in placed.centres) + 10


def test_inversions() -> None:
    assert inversions([0, 1, 2], 3) == 0
    assert inversions([2, 1, 0], 3) == 3
    assert inversions([1, 1, 0, 2], 3) == 2


def test_spaced_is_the_least_squares_solution() -> None:
    found = spaced([0, 1, 2], [5.0, 5.0, 100.0], [10.0] * 3, 10.0)
    assert found == pytest.approx([-5.0, 15.0, 100.0])


def test_nothing_to_place() -> None:
    assert layered([], []).centres == ()
