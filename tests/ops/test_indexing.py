"""Reading and writing by index: what the sample table cannot show."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, integer_array_indices

from backsight.engine.tape import gradients
from backsight.engine.tensors import tensor
from backsight.errors import IndexingError
from backsight.ops import indexing


def added(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """The definition of scatter, by NumPy's slow but sure way."""
    out = np.zeros(shape, x.dtype)
    np.add.at(out, index, x)
    return out


def test_examples_in_docstrings() -> None:
    assert doctest.testmod(indexing).failed == 0


@given(array_shapes(max_dims=3, max_side=4), st.data())
def test_scatter_adds_at_basic_indices(shape: tuple[int, ...], data: st.DataObject) -> None:
    index = data.draw(basic_indices(shape, allow_newaxis=True))
    x = np.ones(np.zeros(shape)[index].shape)
    np.testing.assert_array_equal(
        indexing.scatter(x, index=index, shape=shape), added(x, index, shape)
    )


@given(array_shapes(max_dims=3, max_side=4), st.data())
def test_scatter_adds_at_arrays(shape: tuple[int, ...], data: st.DataObject) -> None:
    index = data.draw(integer_array_indices(shape))
    x = np.arange(1.0, 1 + np.zeros(shape)[index].size).reshape(np.zeros(shape)[index].shape)
    np.testing.assert_array_equal(
        indexing.scatter(x, index=index, shape=shape), added(x, index, shape)
    )


@given(array_shapes(max_dims=3, max_side=4), st.data())
def test_scatter_adds_at_repeated_rows(shape: tuple[int, ...], data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(-shape[0], shape[0] - 1), max_size=9))
    x = np.arange(1.0, 1 + len(rows) * np.prod(shape[1:])).reshape(len(rows), *shape[1:])
    index = np.array(rows, dtype=np.int64)
    np.testing.assert_array_equal(
        indexing.scatter(x, index=index, shape=shape), added(x, index, shape)
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_scatter_takes_integers_of_any_kind(dtype: Any) -> None:
    x = np.ones((3, 2))
    out = indexing.scatter(x, index=np.array([200, 0, 200], dtype), shape=(201, 2))
    assert out[200].tolist() == [2.0, 2.0]


def test_scatter_of_a_transposed_value_is_right() -> None:
    x = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    for index in (np.array([1, 1, 0]), (slice(0, 3), slice(0, 2))):
        out = indexing.scatter(x, index=index, shape=(4, 2))
        np.testing.assert_array_equal(out, added(x, index, (4, 2)))


def test_the_last_row_by_either_name_is_one_row() -> None:
    w = tensor(np.zeros((3, 2)))
    (dw,) = gradients([w[np.array([2, -1])]], [w], [np.ones((2, 2))])
    assert dw.tolist() == [[0, 0], [0, 0], [2, 2]]


def test_indices_may_be_tensors_of_integers() -> None:
    x = tensor([1.0, 2.0, 3.0])
    i = tensor([2, 2], requires_grad=False)
    (dx,) = gradients([x[i]], [x], [np.ones(2)])
    assert dx.tolist() == [0, 0, 2]


def test_padding_row_gets_no_gradient_even_from_infinity() -> None:
    w = tensor(np.ones((3, 2)))
    out = indexing.embedding(w, indices=np.array([0, 2]), padding_index=0)
    (dw,) = gradients([out], [w], [np.array([[np.inf, np.nan], [1, 1]])])
    assert dw.tolist() == [[0, 0], [0, 0], [1, 1]]


def test_embedding_takes_lists() -> None:
    w = tensor(np.arange(6.0).reshape(3, 2))
    out = indexing.embedding(w, indices=[[0, 2], [2, 1]], padding_index=1)
    (dw,) = gradients([out], [w], [np.ones((2, 2, 2))])
    assert dw.tolist() == [[1, 1], [0, 0], [2, 2]]


@pytest.mark.parametrize(
    ("indices", "padding", "text"),
    [
        (np.array([0, -1]), None, "indices hold -1, but weight has 3 rows: 0 to 2"),
        (np.array([0, 3]), None, "indices hold 3, but weight has 3 rows: 0 to 2"),
        (np.array([0.0]), None, "indices are integers 0 to 2, not float64"),
        (np.array([True]), None, "indices are integers 0 to 2, not bool"),
        (np.array([0]), 3, "padding_index is 3, but weight has 3 rows"),
    ],
)
def test_embedding_refuses_what_is_no_row(indices: Any, padding: Any, text: str) -> None:
    with pytest.raises(IndexingError, match=text):
        indexing.embedding(tensor(np.ones((3, 2))), indices=indices, padding_index=padding)


def test_an_index_out_of_range_is_told_with_the_line() -> None:
    x = tensor([1.0, 2.0])
    with pytest.raises(IndexingError, match=r"getitem: index 5 is out of bounds.*\n  at .*x\[5\]"):
        x[5]


def test_one_hot() -> None:
    assert indexing.one_hot(np.array([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert indexing.one_hot(1, 2, np.float32).dtype == np.float32
    assert indexing.one_hot([[0, 1]], 2).shape == (1, 2, 2)
    assert indexing.one_hot(np.array([], int), 3).shape == (0, 3)


def test_labels_out_of_range_are_refused() -> None:
    indexing.check_labels(np.array([0, 9]), 10)
    indexing.check_labels(np.array([], int), 10)
    with pytest.raises(IndexingError, match="labels hold 10, but there are 10 classes: 0 to 9"):
        indexing.check_labels(np.array([3, 10]), 10)
    with pytest.raises(IndexingError, match="labels hold -1, but there are 10 classes: 0 to 9"):
        indexing.check_labels(np.array([-1]), 10)
    with pytest.raises(IndexingError, match="labels are integers 0 to 9, not float32"):
        indexing.check_labels(np.array([1], np.float32), 10)
