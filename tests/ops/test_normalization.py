"""Normalisation: conventions, statistics, dropout masks, and what errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backsight.engine import tensor
from backsight.errors import ShapeError, UsageError
from backsight.ops.normalization import (
    batch_norm,
    batch_norm_inference,
    batch_statistics,
    dropout,
    dropout_mask,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)

from .sample import normal


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_batch_norm_makes_mean_0_and_variance_1() -> None:
    out = batch_norm(5 + 3 * normal(64, 4), eps=0.0)
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(out.var(axis=0), 1)


def test_batch_norm_ignores_a_shift_of_x() -> None:
    """The gradient of x adds up to 0 over the batch, and is at right angles to x̂."""
    x = tensor(normal(8, 3))
    out = batch_norm(x, eps=0.0)
    out.backward(normal(8, 3, seed=1))
    np.testing.assert_allclose(x.grad.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((x.grad * out.value).sum(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 4)])
def test_inference_with_the_statistics_of_the_batch_is_training(shape: tuple[int, ...]) -> None:
    x = normal(*shape)
    mean, variance = batch_statistics(x)
    given = batch_norm_inference(x, normal(3), normal(3), mean=mean, variance=variance)
    np.testing.assert_allclose(given, batch_norm(x, normal(3), normal(3)))


@pytest.mark.torch
def test_statistics_are_those_that_pytorch_averages() -> None:
    torch = pytest.importorskip("torch")
    x = normal(4, 3, 5)
    mean, variance = torch.zeros(3).double(), torch.ones(3).double()
    torch.nn.functional.batch_norm(torch.tensor(x), mean, variance, training=True, momentum=1.0)
    ours, biased = batch_statistics(x)
    np.testing.assert_allclose(ours, mean.numpy())
    np.testing.assert_allclose(biased * 20 / 19, variance.numpy())


def test_inference_keeps_float32_with_wide_statistics() -> None:
    x = normal(4, 3).astype(np.float32)
    assert batch_norm_inference(x, mean=np.zeros(3), variance=np.ones(3)).dtype == np.float32


def test_rms_norm_takes_the_machine_epsilon() -> None:
    x = np.zeros(3, np.float32)
    t = tensor(x)
    rms_norm(t).backward(np.ones(3, np.float32))
    np.testing.assert_allclose(t.grad, 1 / np.sqrt(np.finfo(np.float32).eps), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "norm", [batch_norm, layer_norm, instance_norm, rms_norm, lambda x: group_norm(x, groups=2)]
)
def test_large_and_constant_values_give_numbers(norm: Any, dtype: Any) -> None:
    for value in (1000 * normal(4, 2, 3), np.full((4, 2, 3), 1000.0), np.zeros((4, 2, 3))):
        x = tensor(value.astype(dtype))
        out = norm(x)
        out.backward(normal(4, 2, 3).astype(dtype))
        assert np.all(np.isfinite(out.value))
        assert np.all(np.isfinite(x.grad))


def test_dropout_keeps_the_expected_value() -> None:
    mask = dropout_mask((100_000,), 0.3, generator())
    assert set(np.unique(mask)) == {0.0, 1 / 0.7}
    assert abs(np.mean(mask == 0) - 0.3) < 0.01  # p drops
    assert abs(dropout(np.ones(100_000), mask=mask).mean() - 1) < 0.01


@pytest.mark.parametrize(("p", "kept"), [(0.0, 1.0), (1.0, 0.0), (0, 1.0), (1, 0.0)])
def test_dropout_of_nothing_and_of_everything(p: float, kept: float) -> None:
    assert np.all(dropout_mask((50,), p, generator()) == kept)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_masks_have_the_dtype_asked_for(dtype: Any) -> None:
    assert dropout_mask((3,), 0.1, generator(), dtype).dtype == dtype


def test_the_same_seed_draws_the_same_mask() -> None:
    first, second = (dropout_mask((20,), 0.5, generator(1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("given", [None, 0, np.random])
def test_masks_need_a_generator(given: Any) -> None:
    with pytest.raises(UsageError, match=r"needs a NumPy Generator, np\.random\.default_rng"):
        dropout_mask((3,), 0.5, given)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_p_is_a_probability(p: float) -> None:
    with pytest.raises(UsageError, match="p is the probability to drop, from 0 to 1; it is"):
        dropout_mask((3,), p, generator())


X = np.ones((4, 3))
IMAGES = np.ones((2, 4, 3))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: batch_norm(X, np.ones(4)), r"gamma \(4,\) must be \(3,\), one number per channel"),
        (lambda: batch_norm(X, None, np.ones((1, 3))), r"beta \(1, 3\) must be \(3,\)"),
        (lambda: batch_norm(np.ones(3)), r"x \(3,\) must be \(N, C\)"),
        (lambda: batch_norm(np.ones((1, 3))), r"x \(1, 3\) has one value per channel"),
        (
            lambda: batch_norm_inference(X, mean=np.ones(3), variance=np.ones(2)),
            r"variance \(2,\) must be \(3,\)",
        ),
        (lambda: instance_norm(np.ones((2, 3, 1))), "one position per channel"),
        (lambda: instance_norm(np.ones((2, 3))), "one position per channel"),
        (lambda: group_norm(IMAGES, groups=3), "4 channels do not fall into 3 groups"),
        (lambda: group_norm(IMAGES, groups=0), "4 channels do not fall into 0 groups"),
        (
            lambda: layer_norm(X, np.ones(4)),
            r"gamma \(4,\) must be the trailing axes of x \(4, 3\)",
        ),
        (
            lambda: layer_norm(X, np.ones(3), np.ones((4, 3))),
            r"gamma \(3,\) and beta \(4, 3\) differ",
        ),
        (lambda: rms_norm(X, np.ones((3, 4))), r"gamma \(3, 4\) must be the trailing axes"),
        (lambda: dropout(X, mask=np.ones((5, 3))), r"the mask \(5, 3\) does not fit x \(4, 3\)"),
        (lambda: dropout(X, mask=np.ones((2, 4, 3))), r"the mask \(2, 4, 3\) does not fit"),
    ],
)
def test_wrong_shapes_are_named(call: Any, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        call()
