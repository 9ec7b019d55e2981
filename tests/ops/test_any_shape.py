"""Ops over shapes that nobody thought of: Hypothesis chooses shapes, axes and indices.

The truth is the same number computed with plain NumPy and moved along a random direction: the
derivative along it must be the gradient's component.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import backsight as bs

settings.register_profile("ops", deadline=None, max_examples=60)
settings.load_profile("ops")

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def numbers(shape: tuple[int, ...], seed: int, low: float = 0.5, high: float = 2.0) -> Any:
    return np.asarray(np.random.default_rng((seed, len(shape))).uniform(low, high, shape))


def along(function: Any, arrays: list[Any], h: float = 1e-6) -> None:
    """Assert that gradients agree with the derivative of a fixed weighted sum along a direction."""
    shape = np.shape(function(*arrays))
    weights = numbers(shape, 91, -1, 1)
    directions = [numbers(x.shape, 17 + i, -1, 1) for i, x in enumerate(arrays)]
    leaves = [bs.tensor(x) for x in arrays]
    out = function(*leaves)
    assert out.shape == shape
    np.testing.assert_array_equal(out.value, function(*arrays))
    np.sum(out * weights).backward()
    component = 0.0
    for leaf, direction in zip(leaves, directions, strict=True):
        if leaf.grad is not None:
            assert leaf.grad.shape == leaf.shape
            assert leaf.grad.dtype == leaf.dtype
            component += float(np.sum(leaf.grad * direction))
    moved = [
        float(
            np.sum(
                function(*(x + s * h * d for x, d in zip(arrays, directions, strict=True)))
                * weights
            )
        )
        for s in (1, -1)
    ]
    size = max(1.0, float(np.abs(weights).sum()))
    assert component == pytest.approx((moved[0] - moved[1]) / (2 * h), abs=2e-7 * size, rel=1e-6)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "power"])
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=3))
def test_arithmetic_broadcasts(name: str, shapes: Any) -> None:
    function = getattr(np, name)
    along(function, [numbers(shape, i) for i, shape in enumerate(shapes.input_shapes)])


@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
def test_where_broadcasts_with_its_condition(shapes: Any) -> None:
    condition = np.random.default_rng(3).random(shapes.result_shape) > 0.5
    arrays = [numbers(shape, i) for i, shape in enumerate(shapes.input_shapes)]
    along(lambda x, y: np.where(condition, x, y), arrays)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod"])
@given(shape=hnp.array_shapes(min_dims=1, max_dims=4, min_side=2, max_side=4), data=st.data())
def test_reductions_over_any_axes(name: str, shape: Any, data: Any) -> None:
    axes = data.draw(hnp.valid_tuple_axes(len(shape), min_size=1) | st.none())
    keepdims = data.draw(st.booleans())
    function = getattr(np, name)
    along(lambda x: function(x, axis=axes, keepdims=keepdims), [numbers(shape, 0)])


@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4), data=st.data())
def test_basic_indices(shape: Any, data: Any) -> None:
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    along(lambda x: x[index], [numbers(shape, 0)])


@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4), data=st.data())
def test_integer_array_indices_repeat_rows(shape: Any, data: Any) -> None:
    index = data.draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2)))
    along(lambda x: x[index], [numbers(shape, 0)])


@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=4), seed=st.integers(0, 99))
def test_boolean_masks(shape: Any, seed: int) -> None:
    mask = np.random.default_rng(seed).random(shape) > 0.5
    along(lambda x: x[mask], [numbers(shape, 0)])


@given(data=st.data())
def test_matmul_over_any_batch(data: Any) -> None:
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3)
    )
    along(np.matmul, [numbers(shape, i) for i, shape in enumerate(shapes.input_shapes)])


@given(shape=hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3), data=st.data())
def test_moving_axes_about(shape: Any, data: Any) -> None:
    axes = data.draw(st.permutations(range(len(shape))))
    along(lambda x: np.flip(np.transpose(x, axes)).reshape(-1), [numbers(shape, 0)])


@given(count=st.integers(1, 4), data=st.data())
def test_concatenate_and_stack(count: int, data: Any) -> None:
    rest = data.draw(hnp.array_shapes(min_dims=1, max_dims=2, max_side=3))
    axis = data.draw(st.integers(0, len(rest)))
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    parts = [numbers((*rest[:axis], n, *rest[axis:]), i) for i, n in enumerate(lengths)]
    along(lambda *xs: np.concatenate(xs, axis=axis), parts)
    along(lambda *xs: np.stack(xs, axis=axis), [numbers(rest, i) for i in range(count)])


@given(shape=SHAPES, seed=st.integers(0, 9))
def test_elementwise_chain_of_any_shape(shape: Any, seed: int) -> None:
    along(lambda x: np.tanh(np.exp(-x) * np.log(x) + np.sqrt(x)), [numbers(shape, seed)])
