"""Figures of arrays against plain arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backsight.adapters.figures import (
    MOST_SAMPLES,
    MOST_UNITS,
    SLOPES,
    activation_figures,
    non_finite_figures,
    parameter_figures,
    recurrence_figures,
    rows_equal,
    spectral_radius,
    strided,
    unit_view,
    update_figures,
)
from backsight.ops import protocol

RNG = np.random.default_rng(5)


def test_planted_dead_units_are_counted() -> None:
    x = np.abs(RNG.normal(size=(200, 10))) + 0.1
    x[:, :4] *= -1  # never active
    x[:150, 4] *= -1  # active in 50 of 200
    figures, active = activation_figures("relu", x, np.maximum(x, 0))
    assert active is not None
    assert active.tolist() == [0, 0, 0, 0, 50, 200, 200, 200, 200, 200]
    assert figures["samples"] == 200
    assert figures["flat"] / figures["elements"] == pytest.approx((800 + 150) / 2000)
    assert figures["saturated"] == 0


def test_a_channel_is_active_where_any_position_is() -> None:
    x = -np.ones((6, 3, 4, 4))
    x[:, 1, 2, 3] = 1
    x[:2, 2] = 1
    _, active = activation_figures("relu", x, np.maximum(x, 0))
    assert active is not None
    assert active.tolist() == [0, 6, 2]


def test_units_in_columns_are_found_by_axis() -> None:
    x = np.array([[1.0, 1, 1], [-1, -1, 1]])  # two units, three samples
    _, active = activation_figures("relu", x, np.maximum(x, 0), axis=0)
    assert active is not None
    assert active.tolist() == [3, 1]


@pytest.mark.parametrize(
    ("op", "out", "edge"),
    [
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x)), math.log((1 + math.sqrt(0.95)) ** 2 / 0.05)),
        ("tanh", np.tanh, math.atanh(math.sqrt(0.95))),
    ],
)
def test_saturation_begins_at_5_per_cent_of_the_largest_derivative(op, out, edge) -> None:
    x = np.linspace(-10, 10, 40_001).reshape(-1, 1)
    figures, _ = activation_figures(op, x, out(x))
    assert figures["saturated"] / figures["elements"] == pytest.approx(1 - edge / 10, abs=1e-3)


@pytest.mark.parametrize("op", [name for name in SLOPES if name not in ("leaky_relu", "prelu")])
def test_slopes_are_the_local_derivatives_of_the_ops(op: str) -> None:
    x = RNG.normal(size=4000) * 3
    h = 1e-6
    forward = protocol.OPS[op].forward
    slope = np.abs(forward(x + h) - forward(x - h)) / (2 * h)
    told = np.asarray(SLOPES[op](x, forward(x)), dtype=float)
    smooth = np.abs(slope / slope.max() - told) < 0.02
    assert np.mean(smooth) > 0.999


def test_softmax_is_judged_by_row() -> None:
    rows = np.array([[0.995, 0.005], [0.5, 0.5], [1.0, 0.0], [0.9, 0.1]])
    for op, out in (("softmax", rows), ("log_softmax", np.log(np.maximum(rows, 1e-300)))):
        figures, active = activation_figures(op, rows, out, axis=-1)
        assert (figures["elements"], figures["saturated"], figures["flat"]) == (4, 2, 1)
        assert active is None
    figures, _ = activation_figures("softmax", rows.T, rows.T, axis=0)
    assert figures["saturated"] == 2


@pytest.mark.parametrize("shape", [(4096, 64), (30_000, 2000), (16, 8, 200, 200), (64, 100_000)])
def test_large_layers_are_sampled_whole_rows_first(shape: tuple[int, ...]) -> None:
    x = RNG.normal(size=shape).astype(np.float32) + 0.5
    figures, active = activation_figures("tanh", x, np.tanh(x))
    assert active is not None
    assert 0.2 * MOST_SAMPLES < figures["elements"] <= 1.1 * MOST_SAMPLES
    assert len(active) <= MOST_UNITS
    expected = np.mean(1 - np.tanh(x) ** 2 < 0.05)
    assert figures["saturated"] / figures["elements"] == pytest.approx(expected, abs=0.01)


def test_phases_see_a_batch_whole() -> None:
    x = np.zeros((4096, 64))
    x[1234, 5] = 1.0
    seen = sum(activation_figures("relu", x, x, phase=phase)[1][5] for phase in range(4))  # type: ignore[index]
    assert seen == 1


def test_numbers_that_are_not_finite_do_no_harm() -> None:
    x = np.array([[np.nan, np.inf], [-np.inf, 1.0]])
    with np.errstate(all="raise"):
        for op in SLOPES:
            activation_figures(op, x, x)
        parameter_figures(x, x, axis=0)
        update_figures(x, x)


def test_single_numbers_and_empty_arrays_are_measured() -> None:
    assert activation_figures("tanh", np.array(0.5), np.array(0.5))[0]["elements"] == 1
    assert activation_figures("relu", np.zeros((0, 3)), np.zeros((0, 3)))[0]["samples"] == 0
    assert parameter_figures(np.zeros((0, 3)), None)["rms"] == 0
    assert unit_view(np.zeros((2, 3, 4))).shape == (6, 1, 4)


def test_parameters_are_measured() -> None:
    w, g = RNG.normal(size=(30, 20)), RNG.normal(size=(30, 20))
    figures = parameter_figures(w, g, axis=1)
    assert figures["rms"] == pytest.approx(np.sqrt(np.mean(w**2)))
    assert figures["std"] == pytest.approx(np.std(w))
    assert figures["gradient_rms"] == pytest.approx(np.sqrt(np.mean(g**2)))
    assert figures["rows_equal"] == figures["gradient_rows_equal"] == 0
    assert "gradient_rms" not in parameter_figures(w, None)


def test_copies_are_told_from_rows_that_differ() -> None:
    copies = np.tile(RNG.normal(size=(7, 1)), (1, 5))
    assert rows_equal(copies, 1)
    assert not rows_equal(copies, 0)
    assert rows_equal(np.zeros((3, 4)), 0)
    copies[3, 3] += 1e-3
    assert not rows_equal(copies, 1)


def test_updates_are_measured() -> None:
    before = RNG.normal(size=1000)
    change = RNG.normal(size=1000) * 1e-3
    assert update_figures(before, before + change) == {
        "update_std": pytest.approx(np.std(change)),
        "unchanged": 0.0,
    }
    assert update_figures(before, before.copy()) == {"update_std": 0.0, "unchanged": 1.0}


def test_growth_and_horizon_of_a_gradient() -> None:
    figures = recurrence_figures([1.16**i for i in range(60)])
    assert figures["growth"] == pytest.approx(1.16)
    assert figures["total"] == pytest.approx(1.16**59)
    assert figures["horizon"] == figures["times"] == 60
    figures = recurrence_figures([0.5**i for i in range(60)])
    assert figures["growth"] == pytest.approx(0.5)
    assert figures["horizon"] == 10  # 0.5⁹ is over a thousandth, 0.5¹⁰ is not


def test_spectral_radius_of_a_rotation() -> None:
    rotation = 1.6 * np.array([[0.0, -1.0], [1.0, 0.0]])
    assert spectral_radius(rotation) == pytest.approx(1.6)
    assert math.isnan(spectral_radius(np.full((2, 2), np.nan)))


def test_non_finite_numbers_are_counted() -> None:
    found = non_finite_figures(np.array([1.0, np.nan, np.inf, -np.inf]))
    assert found == {"count": 3, "size": 4, "nan": 1, "inf": 2}


def test_strides_meet_every_column() -> None:
    array = np.broadcast_to(np.arange(256.0), (5000, 256)).copy()
    assert len(np.unique(strided(array, 4096))) == 256
    assert len(strided(array.T, 4096)) <= 4096
