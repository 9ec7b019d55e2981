"""Extremes and published values of activations that the sample table cannot show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.errors import ShapeError, UsageError
from backsight.ops import activations

ELEMENTWISE = [
    "sigmoid",
    "log_sigmoid",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "erf",
    "gelu",
    "silu",
    "softplus",
    "hard_tanh",
    "relu6",
    "hard_sigmoid",
]


def slope(function: Any, value: Any, dout: Any = None) -> Any:
    """The gradient of the sum of `function(value)`, or weighed by `dout`."""
    leaf = tensor(value)
    out = function(leaf)
    upstream = np.ones_like(out.value) if dout is None else np.asarray(dout, out.dtype)
    (found,) = gradients([out], [leaf], [upstream])
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_large_numbers_give_finite_slopes_without_a_warning(name: str, dtype: Any) -> None:
    op = getattr(activations, name)
    x = np.array([-1e3, -300, -30, 0, 30, 300, 1e3], dtype)
    with np.errstate(all="raise", under="ignore"):
        assert np.all(np.isfinite(op(x)))
        found = slope(op, x)
    assert np.all(np.isfinite(found))
    assert found.dtype == dtype


def test_sigmoid_keeps_its_digits_in_both_tails() -> None:
    x = np.array([-700.0, -40.0, -1.0, 0.0, 1.0, 40.0])
    truth = [math.exp(v) / (1 + math.exp(v)) for v in x]
    np.testing.assert_allclose(activations.sigmoid(x), truth, rtol=3e-16)
    assert activations.sigmoid(np.float32(-80)) > 0


def test_sigmoid_at_the_ends() -> None:
    assert activations.sigmoid(np.array([-np.inf, np.inf])).tolist() == [0, 1]
    assert np.isnan(activations.sigmoid(np.array([np.nan]))).all()


def test_erf_against_the_standard_library() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20_001), np.logspace(-300, 0, 301), [-np.inf, np.inf]])
    truth = np.array([math.erf(v) for v in x])
    np.testing.assert_allclose(activations.erf(x), truth, rtol=3e-16)
    for dtype, ulps in [(np.float32, 4), (np.float16, 0.6)]:
        some = np.concatenate([np.linspace(-5, 5, 20_001), np.logspace(-4, 0, 301)]).astype(dtype)
        truth = np.array([math.erf(v) for v in some])
        found = activations.erf(some)
        assert found.dtype == dtype
        assert np.max(np.abs(found)) == 1
        np.testing.assert_allclose(found, truth, rtol=ulps * np.finfo(dtype).eps)


def test_erf_published_values() -> None:
    # Abramowitz and Stegun, Handbook of mathematical functions, table 7.1.
    x = np.array([0.1, 0.5, 1.0, 1.5, 2.0])
    table = [0.1124629160, 0.5204998778, 0.8427007929, 0.9661051465, 0.9953222650]
    np.testing.assert_allclose(activations.erf(x), table, atol=5.1e-11)


def test_erf_of_nan_is_nan() -> None:
    assert np.isnan(activations.erf(np.array(np.nan)))


def test_selu_keeps_mean_0_and_variance_1() -> None:
    # Klambauer et al. 2017: their fixed point, by integration over a normal density.
    z = np.linspace(-12, 12, 200_001)
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    out = activations.selu(z)
    assert abs(np.sum(out * density)) < 1e-8
    assert abs(np.sum(out * out * density) - 1) < 1e-8


def test_conventions_at_the_kinks() -> None:
    assert slope(activations.relu, [0.0]) == 0
    assert slope(activations.leaky_relu, [0.0]) == 0.01
    assert slope(activations.elu, [0.0]) == 1
    assert slope(activations.hard_tanh, [-1.0, 1.0]).tolist() == [0, 0]
    assert slope(activations.relu6, [0.0, 6.0]).tolist() == [0, 0]
    assert slope(activations.hard_sigmoid, [-3.0, 3.0]).tolist() == [0, 0]


def test_softplus_is_x_beyond_its_threshold() -> None:
    x = np.array([20.0, 20.000001])
    assert activations.softplus(x)[0] > 20
    assert activations.softplus(x)[1] == x[1]
    assert slope(activations.softplus, x)[1] == 1


def test_softmax_of_large_scores() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert activations.softmax(np.array([1e3, -1e3, 1e3])).tolist() == [0.5, 0, 0.5]
        assert activations.log_softmax(np.array([0.0, -1e3])).tolist() == [0, -1e3]
        assert activations.logsumexp(np.array([1e3, 1e3])) == 1e3 + math.log(2)
        assert activations.logsumexp(np.array([-np.inf, 3.0])) == 3


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_scores_of_minus_infinity_only() -> None:
    nothing = np.full(3, -np.inf)
    assert np.isnan(activations.softmax(nothing)).all()
    assert activations.logsumexp(nothing) == -np.inf
    assert np.isnan(slope(activations.logsumexp, nothing)).all()


def test_prelu_weights_must_fit_the_channels() -> None:
    with pytest.raises(ShapeError) as error:
        activations.prelu(tensor(np.zeros((2, 3, 4))), tensor(np.zeros(4)))
    assert (
        "prelu: weight (4,) does not fit x (2, 3, 4); it has one number for each channel of "
        "x (N, C, …), or one for all"
    ) in str(error.value)
    with pytest.raises(ShapeError, match="does not fit"):
        activations.prelu(tensor(np.zeros(3)), tensor(np.zeros(3)))


def test_gelu_knows_two_forms() -> None:
    with pytest.raises(UsageError, match="approximate is 'erf'; it must be 'none' or 'tanh'"):
        activations.gelu(tensor([1.0]), approximate="erf")
