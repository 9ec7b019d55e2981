"""Shapes: what the sample table cannot show."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.ops import shapes


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(shapes).failed == 0


@given(array_shapes(min_dims=0, max_dims=4, min_side=0), st.data())
def test_inverse_axes_undo_a_permutation(shape: tuple[int, ...], data: st.DataObject) -> None:
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    x = np.zeros(shape)
    assert np.transpose(np.transpose(x, axes), shapes.inverse_axes(axes)).shape == shape


@pytest.mark.parametrize("width", [2, (1, 2), ((1, 2),), ((1, 2), (0, 3)), [[1, 2], [0, 3]]])
def test_interior_finds_what_was_padded(width: object) -> None:
    x = np.arange(6.0).reshape(2, 3)
    padded = np.pad(x, width, constant_values=9.0)  # type: ignore[arg-type]
    np.testing.assert_array_equal(padded[shapes.interior(x.shape, width)], x)


@given(
    array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    st.lists(st.integers(0, 3), min_size=1, max_size=4),
)
def test_gradient_of_tile_counts_the_copies(shape: tuple[int, ...], reps: list[int]) -> None:
    x = tensor(np.ones(shape))
    out = shapes.tile(x, reps=tuple(reps))
    (dx,) = gradients([out], [x], [np.ones(out.shape)])
    np.testing.assert_array_equal(dx, np.full(shape, float(np.prod(reps))))


def test_pieces_of_a_concatenation_get_their_own_gradients() -> None:
    x, y = tensor([1.0, 2.0]), tensor([3.0])
    out = np.concatenate([x, np.array([7.0]), y])
    dx, dy = gradients([out], [x, y], [np.array([1.0, 2.0, 3.0, 4.0])])
    assert (dx.tolist(), dy.tolist()) == ([1.0, 2.0], [4.0])


def test_split_and_join_lead_back() -> None:
    x = tensor(np.arange(7.0))
    out = np.concatenate(np.split(x, [2, 5])[::-1])
    (dx,) = gradients([out], [x], [np.arange(7.0)])
    assert dx.tolist() == [5.0, 6.0, 2.0, 3.0, 4.0, 0.0, 1.0]


def test_broadcasting_counts_the_copies() -> None:
    x = tensor(np.ones((1, 3)))
    (dx,) = gradients([np.broadcast_to(x, (5, 2, 3))], [x], [np.ones((5, 2, 3))])
    assert dx.tolist() == [[10.0, 10.0, 10.0]]
