"""Conventions of elementwise arithmetic that the sample table cannot show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.errors import UsageError
from backsight.ops import arithmetic


def slope(function: Any, *values: Any, dout: Any = None) -> Any:
    """The gradient of the sum with respect to each value; a single one as itself."""
    leaves = [tensor(value) for value in values]
    out = function(*leaves)
    upstream = np.ones_like(out.value) if dout is None else np.asarray(dout, out.dtype)
    found = gradients([out], leaves, [upstream])
    return found if len(found) > 1 else found[0]


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_slopes_at_zero_are_infinite_where_the_graph_is_upright() -> None:
    assert slope(np.sqrt, [0.0]) == np.inf
    assert slope(np.log, [0.0]) == np.inf
    assert slope(lambda x: x**0.5, [0.0]) == np.inf


def test_power_to_a_python_number_keeps_float32_and_its_conventions() -> None:
    x = np.array([0.0, 2.0], np.float32)
    for exponent, expected in [(0, [0, 0]), (1, [1, 1]), (2, [0, 4]), (3.0, [0, 12])]:
        found = slope(lambda x, n=exponent: x**n, x)
        assert found.tolist() == expected
        assert found.dtype == np.float32


def test_exponent_of_zero_gets_nothing() -> None:
    assert slope(lambda y: 0.0**y, [0.0, 1.0, 2.0]).tolist() == [0, 0, 0]


def test_exponent_of_a_python_number_keeps_float32() -> None:
    with np.errstate(all="raise"):
        found = slope(lambda y: 2.0**y, np.array([0.0, 3.0], np.float32))
    np.testing.assert_allclose(found, [np.log(2), 8 * np.log(2)], rtol=1e-6)
    raw = arithmetic.power.variant(["y"])(
        np.float32([1, 1]), 2.0, np.float32([0, 3]), np.float32([1, 8])
    )
    assert raw[1].dtype == np.float32


def test_power_mixed_second_derivative_at_exponent_zero() -> None:
    # d/dy of y x^(y-1) at y = 0 is 1/x.
    x, y = tensor(4.0), tensor(0.0)
    (dx,) = gradients([x**y], [x], [np.array(1.0)], create_graph=True)
    (mixed,) = gradients([dx], [y], [np.array(1.0)])
    assert mixed == 0.25


def test_where_keeps_an_infinite_gradient_out_of_the_other_branch() -> None:
    dx, dy = slope(
        lambda x, y: arithmetic.where(x, y, condition=np.array([True, False])),
        [1.0, 2.0],
        [3.0, 4.0],
        dout=[np.inf, np.nan],
    )
    assert dx.tolist() == [np.inf, 0]
    assert dy[0] == 0
    assert np.isnan(dy[1])


def test_clip_passes_at_its_bounds_and_not_outside_nor_at_nan() -> None:
    found = slope(lambda x: np.clip(x, 0, 1), [-0.1, 0.0, 0.5, 1.0, 1.1, np.nan])
    assert found.tolist() == [0, 1, 1, 1, 0, 0]


def test_clip_without_bounds_is_refused() -> None:
    with pytest.raises(UsageError, match="clip: got neither low nor high; give at least one"):
        arithmetic.clip(tensor([1.0]))


def test_ties_of_maximum_get_half_each() -> None:
    for function in (np.maximum, np.minimum):
        dx, dy = slope(function, [1.0, 2.0], [1.0, 2.0], dout=[4.0, 6.0])
        assert dx.tolist() == dy.tolist() == [2, 3]


def test_casts_to_integers_pass_no_gradient() -> None:
    found = slope(lambda x: 2.5 * arithmetic.astype(x, dtype=np.int64), [1.7, -0.3])
    assert found.tolist() == [0, 0]


def test_casts_between_floats_pass_it_in_the_dtype_of_the_input() -> None:
    found = slope(lambda x: arithmetic.astype(x, dtype=np.float64) * 3, np.float32([1, 2]))
    assert found.dtype == np.float32
    assert found.tolist() == [3, 3]


@pytest.mark.parametrize(
    "name", ["expm1", "log1p", "tanh", "sinh", "cosh", "arctan", "exp", "exp2"]
)
def test_no_warning_for_numbers_whose_result_is_finite(name: str) -> None:
    op = getattr(arithmetic, name)
    limit = {"sinh": 700.0, "cosh": 700.0, "exp": 700.0, "expm1": 700.0}.get(name, 1e3)
    values = np.array(
        [-1e3 if name in ("exp", "exp2", "expm1", "tanh", "arctan") else -0.5, 0.0, limit]
    )
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert np.all(np.isfinite(slope(op, values)))


def test_expm1_keeps_its_slope_where_the_value_has_lost_it() -> None:
    np.testing.assert_allclose(slope(np.expm1, [-50.0]), np.exp(-50.0), rtol=1e-15)
