"""Scales: numbers come to their places, ticks are round and within, labels say the number."""

from __future__ import annotations

import doctest
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backsight.pages.vector import plot, scales, words
from backsight.pages.vector.scales import Scale, brief, label, rounds, scale_for

NUMBERS = st.floats(-1e12, 1e12).filter(lambda v: v == 0 or abs(v) > 1e-9)
POSITIVE = st.floats(1e-30, 1e30)


def read(text: str) -> float:
    """Read a label as a reader does."""
    return float(text.replace(",", "").replace("−", "-"))


@pytest.mark.parametrize("module", [scales, words, plot])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.lists(NUMBERS, min_size=2, max_size=8), st.integers(2, 9))
def test_linear_ticks_are_round_within_and_evenly_apart(values: list[float], most: int) -> None:
    scale = scale_for(values, 100.0, 0.0)
    pairs = rounds(scale.low, scale.high, most)
    assert 1 <= len(pairs) <= max(most, 2) + 1
    room = (scale.high - scale.low) * 1e-6
    for value, text in pairs:
        assert scale.low - room <= value <= scale.high + room
        assert read(text) == pytest.approx(value, rel=1e-5, abs=room)
    if len(pairs) > 1:
        gaps = [b - a for (a, _), (b, _) in itertools.pairwise(pairs)]
        assert gaps == pytest.approx([gaps[0]] * len(gaps), rel=1e-5)
        digit = f"{gaps[0]:.3e}"[:5].rstrip("0").rstrip(".")
        assert digit in ("1", "2", "2.5", "5")


@settings(deadline=None)
@given(st.lists(POSITIVE, min_size=1, max_size=8), st.integers(2, 9))
def test_logarithmic_ticks_are_labelled_with_what_stands_there(
    values: list[float], most: int
) -> None:
    scale = scale_for(values, 0.0, 100.0, log=True)
    ticks = scale.ticks(most)
    assert ticks
    for tick in ticks:
        assert scale(read(tick.label)) == pytest.approx(tick.place, abs=1e-3)


@settings(deadline=None)
@given(st.lists(POSITIVE, min_size=2, max_size=9, unique=True), st.booleans())
def test_a_scale_keeps_order_and_reaches_from_end_to_end(values: list[float], log: bool) -> None:
    scale = scale_for(values, 10.0, 90.0, log=log)
    places = [scale(v) for v in sorted(values)]
    assert places == sorted(places)
    assert all(10.0 <= place <= 90.0 for place in places)


def test_a_logarithmic_scale_is_logarithmic() -> None:
    scale = Scale(1e-4, 1.0, 0.0, 400.0, log=True)
    assert [scale(10.0**-p) for p in (4, 3, 2, 1, 0)] == pytest.approx([0, 100, 200, 300, 400])


def test_zeros_have_a_shelf_of_their_own_below_a_logarithmic_scale() -> None:
    scale = scale_for([0.0, 1e-3, 1.0], 200.0, 0.0, log=True)
    assert scale(0.0) == 200.0
    assert scale(1e-3) == pytest.approx(200.0 - scales.SHELF)
    assert scale.ticks(5)[0] == scales.Tick(200.0, "0")


def test_what_has_no_logarithm_at_all_gets_a_linear_scale() -> None:
    assert not scale_for([0.0, -1.0], 0.0, 1.0, log=True).log


@pytest.mark.parametrize("values", [[], [3.0], [0.0, 0.0], [math.nan, math.inf], [1e308, -1e308]])
def test_any_numbers_get_a_scale(values: list[float]) -> None:
    for log in (False, True):
        scale = scale_for(values, 0.0, 100.0, log=log)
        assert scale.low < scale.high
        assert math.isfinite(scale(values[0] if values else 0.5)) or math.isnan(values[0])
        assert scale.ticks(5)


@settings(deadline=None)
@given(st.floats(1e-200, 1e200), st.sampled_from([-1.0, 1.0]))
def test_brief_numbers_are_right_to_three_digits(size: float, sign: float) -> None:
    assert read(brief(sign * size)) == pytest.approx(sign * size, rel=5.1e-3)


def test_whole_ticks_have_no_fractions() -> None:
    assert [t.label for t in Scale(1, 4, 0.0, 90.0).ticks(9, whole=True)] == ["1", "2", "3", "4"]


def test_labels_have_a_real_minus_sign() -> None:
    assert label(-0.5) == "−0.5"
    assert brief(-math.inf) == "−∞"
