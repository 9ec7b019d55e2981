"""Conventions and extremes of reductions that the sample table cannot show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.errors import UsageError
from backsight.ops import reductions


def slope(function: Any, value: Any) -> Any:
    """The gradient of the sum of `function(value)`."""
    leaf = tensor(value)
    out = function(leaf)
    (found,) = gradients([out], [leaf], [np.ones_like(out.value)])
    return found


@pytest.mark.parametrize("size", [1e200, 1e-200, 1e-310])
@pytest.mark.parametrize("order", [1, 2, 3, 0.5, np.inf])
def test_norm_neither_overflows_nor_underflows(size: float, order: float) -> None:
    x = size * np.array([3.0, -4.0])
    expected = size * np.linalg.norm([3.0, -4.0], order)
    tolerance = 1e-14 if size > 1e-300 else 1e-12
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_allclose(reductions.norm(x, ord=order), expected, rtol=tolerance)
        found = slope(lambda t: reductions.norm(t, ord=order), x)
    np.testing.assert_allclose(
        found, slope(lambda t: reductions.norm(t, ord=order), [3.0, -4.0]), rtol=tolerance
    )


def test_norm_of_float16_may_have_squares_beyond_its_range() -> None:
    x = np.array([3e3, 4e3], np.float16)
    assert reductions.norm(x) == 5000
    np.testing.assert_allclose(slope(reductions.norm, x), [0.6, 0.8], rtol=1e-3)


def test_scaling_in_norm_costs_no_digit() -> None:
    x = np.random.default_rng(0).standard_normal((50, 7))
    assert np.array_equal(reductions.norm(x, axis=1), np.sqrt(np.sum(x * x, axis=1)))


def test_norm_of_infinity_is_infinite() -> None:
    x = np.array([1.0, np.inf])
    assert [reductions.norm(x, ord=order) for order in (1, 2, 3, np.inf)] == [np.inf] * 4


@pytest.mark.parametrize("order", [0, -1, np.nan])
def test_orders_that_are_no_norm_are_refused(order: float) -> None:
    with pytest.raises(UsageError, match=f"norm: ord is {order}; it must be positive, inf or -inf"):
        reductions.norm(tensor([1.0]), ord=order)


def test_gradient_of_the_norm_of_zero_is_zero() -> None:
    for order in (1, 2, 3, 0.5, np.inf, -np.inf):
        found = slope(lambda t, p=order: reductions.norm(t, ord=p), np.zeros(3))
        assert found.tolist() == [0, 0, 0]


def test_second_derivative_of_the_norm() -> None:
    # The Hessian of |x| is (I - u uᵀ) / |x|.
    x = tensor([3.0, 4.0])
    (dx,) = gradients([reductions.norm(x)], [x], [np.array(1.0)], create_graph=True)
    (row,) = gradients([dx], [x], [np.array([1.0, 0.0])])
    np.testing.assert_allclose(row, [(1 - 0.36) / 5, -0.48 / 5], rtol=1e-14)


def test_ties_are_shared_by_max_and_won_by_the_first_by_index() -> None:
    x = np.array([2.0, 7.0, 7.0, 7.0])
    np.testing.assert_allclose(slope(reductions.max_, x), [0, 1 / 3, 1 / 3, 1 / 3])
    assert slope(lambda t: reductions.max_by_index(t, axis=0), x).tolist() == [0, 1, 0, 0]


def test_product_of_the_others_is_exact_at_zeros() -> None:
    assert slope(reductions.prod, [2.0, 0.0, 5.0]).tolist() == [0, 10, 0]
    assert slope(reductions.prod, [0.0, 0.0, 5.0]).tolist() == [0, 0, 0]


def test_second_derivative_of_a_product_with_two_zeros() -> None:
    x = tensor([0.0, 0.0, 5.0])
    (dx,) = gradients([reductions.prod(x)], [x], [np.array(1.0)], create_graph=True)
    (row,) = gradients([dx], [x], [np.array([1.0, 0.0, 0.0])])
    assert row.tolist() == [0, 5, 0]


def test_std_of_a_constant_has_no_slope() -> None:
    with np.errstate(all="raise"):
        assert slope(reductions.std, np.ones(4)).tolist() == [0, 0, 0, 0]


@pytest.mark.filterwarnings("ignore:invalid value")
def test_spread_of_one_number_less_one_is_nan_as_in_pytorch() -> None:
    for op in (reductions.var, reductions.std):
        assert np.isnan(op(np.array([2.0]), ddof=1))
        assert np.isnan(slope(lambda t, f=op: f(t, ddof=1), [2.0])).all()


def test_var_equals_numpys() -> None:
    x = np.random.default_rng(0).standard_normal((5, 6)) + 1e3
    for ddof in (0, 1):
        assert np.array_equal(reductions.var(x, axis=1, ddof=ddof), np.var(x, axis=1, ddof=ddof))
        assert np.array_equal(reductions.std(x, axis=1, ddof=ddof), np.std(x, axis=1, ddof=ddof))


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value")
def test_counts_of_nothing_raise_nothing() -> None:
    empty = np.zeros((2, 0))
    for op in (reductions.mean, reductions.var, reductions.std):
        assert np.isnan(op(empty))


def test_shapes_after_a_reduction() -> None:
    for axis in (None, 0, -1, (0, 2), (-1, 0), ()):
        for keepdims in (False, True):
            expected = np.sum(np.zeros((2, 3, 4)), axis=axis, keepdims=keepdims).shape
            assert reductions.reduced_shape((2, 3, 4), axis, keepdims) == expected
