"""A Tensor by itself: what it is made of, how it prints, indexes, compares, copies; dtypes kept."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import gradients
from backsight.errors import DTypeError, IndexingError, InPlaceError, ShapeError

FLOATS = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [2.0, [1.0, 2.0], [[1.0], [2.0]]], ids=str)
def test_floats_keep_their_dtype(value: Any, dtype: Any) -> None:
    array = np.array(value, dtype)
    assert bs.tensor(array).dtype == dtype
    assert bs.tensor(array).shape == array.shape


def test_lists_and_numbers_are_float64() -> None:
    assert bs.tensor([1.0, 2]).dtype == bs.tensor(3.0).dtype == np.float64


def test_dtype_can_be_chosen() -> None:
    assert bs.tensor([2, -3], dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize("data", [[2, -3], 3, True, np.array([1, 2]), [[True]]], ids=str)
def test_integers_need_to_be_floats_or_constants(data: Any) -> None:
    with pytest.raises(
        DTypeError, match=r"numbers carry no gradient\. Write them as floats"
    ) as error:
        bs.tensor(data)
    assert "[2.0, -3.0]" in str(error.value)
    assert "requires_grad=False" in str(error.value)
    assert not bs.tensor(data, requires_grad=False).requires_grad


def test_name_is_in_the_message() -> None:
    with pytest.raises(DTypeError, match=r"tensor\('labels'\): int64"):
        bs.tensor([1, 2], name="labels")


@pytest.mark.parametrize(
    "data", ["abc", [1j], None, object(), {"a": 1}, ["a", 2.0]], ids=lambda x: type(x).__name__
)
def test_what_is_no_number_is_refused(data: Any) -> None:
    with pytest.raises(DTypeError, match="is not numbers"):
        bs.tensor(data)


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(DTypeError, match="Rows must have one length"):
        bs.tensor([[1.0, 2.0], [3.0]])


def test_masked_array_is_refused_and_matrix_is_an_array() -> None:
    with pytest.raises(DTypeError, match="filled"):
        bs.tensor(np.ma.array([1.0, 2.0], mask=[False, True]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        m = bs.tensor(np.matrix([[1.0, 2.0], [3.0, 4.0]]))
    assert (m * m).tolist() == [[1.0, 4.0], [9.0, 16.0]]  # elementwise, not a product


def test_data_is_copied() -> None:
    data = np.array([1.0, 2.0])
    w = bs.tensor(data)
    data[0] = 9.0
    assert w.tolist() == [1.0, 2.0]
    again = bs.tensor(w)
    again.value = [5.0, 6.0]
    assert w.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (lambda: bs.tensor([2.0, -3.0]), "tensor([ 2., -3.])"),
        (lambda: bs.tensor([2.0], name="w"), "tensor([2.], name='w')"),
        (lambda: bs.tensor(np.float32([2.0])), "tensor([2.], dtype=float32)"),
        (
            lambda: bs.tensor([1], requires_grad=False),
            "tensor([1], dtype=int64, requires_grad=False)",
        ),
        (lambda: bs.tensor(2.0) * 3, "tensor(6., op=multiply)"),
        (lambda: bs.tensor([[1.0], [2.0]]), "tensor([[1.],\n        [2.]])"),
    ],
)
def test_repr(t: Any, text: str) -> None:
    assert repr(t()) == str(t()) == f"{t()}" == text


def test_one_number_formats_as_a_number() -> None:
    loss = bs.tensor([0.123456]) * 1
    assert f"{loss:.3f} {loss[0]:>8.2%}" == "0.123   12.35%"
    with pytest.raises(ValueError, match="format"):
        format(bs.tensor([1.0, 2.0]), ".3f")


OPERATORS = [
    "t + 1", "1 + t", "t - 2.5", "2.5 - t", "t * 2", "2 * t", "t / 2", "1 / t", "t**2", "t**0.5",
    "t**-1", "t**3.0", "2**t", "2.0**t", "-t", "+t", "abs(t)", "round(t)", "t + t", "t * True",
    "t * t.value", "t.value * t", "t @ t", "t.sum()", "t.mean()", "t.var()", "t.std()", "t.max()",
    "t.prod()", "t.cumsum()", "t[0]", "t[...]", "t[None]", "t[[0, 0]]", "t.reshape(-1)", "t.T",
    "np.maximum(t, 0)", "np.maximum(0.5, t)", "np.where(t > 0, t, 0)", "np.where(t > 0, 0.0, t)",
    "np.clip(t, 0, 1)", "np.clip(t, 0.0, 1.0)", "np.sqrt(t)", "np.exp(t)", "np.tanh(t)",
    "np.power(t, 3)", "np.linalg.norm(t)", "np.stack([t, t])", "np.concatenate([t, t])",
    "np.pad(t, 1)", "np.outer(t, t)", "np.triu(t[None])", "np.einsum('i,i->', t, t)",
    "np.repeat(t, 2)", "np.sort(t)", "np.diff(t)", "np.mean(t, dtype=t.dtype)", "np.log1p(t)",
    "bs.relu(t)", "bs.gelu(t)", "bs.softmax(t)", "bs.sigmoid(t)", "bs.leaky_relu(t)",
    "t.astype(t.dtype)", "np.square(t)", "np.reciprocal(t)",
]  # fmt: skip


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("expression", OPERATORS)
def test_no_operator_widens(expression: str, dtype: Any) -> None:
    t = bs.tensor(np.array([0.5, 1.0, 2.0], dtype))
    out = eval(expression, {"np": np, "bs": bs, "t": t})
    assert out.dtype == dtype
    if out is not t:
        (gradient,) = gradients([out], [t], [np.ones_like(out.value)])
        assert gradient.dtype == dtype
        assert gradient.shape == t.shape


@pytest.mark.parametrize("dtype", FLOATS)
def test_0d_values_do_not_widen(dtype: Any) -> None:
    t = bs.tensor(dtype(0.5))
    for out in (t + 1, 2.5 * t, t / 3, t**2, t**0.5, np.exp(t), np.maximum(t, 0), bs.sigmoid(t)):
        assert out.dtype == dtype
        t.grad = None
        out.backward()
        assert (t.grad.dtype, t.grad.shape) == (dtype, ())


INDICES = [
    1, -1, np.int64(2), slice(1, 3), slice(None, None, -1), slice(3, 0, -2), None, Ellipsis,
    (1, 2), (slice(1), 2), (..., 0), (0, ...), (None, 1, None), (slice(None), None, slice(1, 3)),
    [0, 2], [[0, 1], [2, 2]], np.array([2, 0, 0]), np.array([], dtype=int), ([0, 1], [1, 3]),
    (np.array([0, 2]), slice(1, 3)), (slice(None), [0, 0, 3]), (1, [0, 1]), (..., [1, 1]),
    np.arange(12).reshape(3, 4) % 3 == 0, np.array([True, False, True]),
    (np.array([True, False, True]), 2), (slice(None), np.array([True, False, False, True])),
    True, (), (np.array([[0], [2]]), np.array([1, 3])), slice(5, 9),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_numpys_with_repeats_added_up(index: Any) -> None:
    x = np.arange(12.0).reshape(3, 4)
    t = bs.tensor(x)
    out = t[index]
    np.testing.assert_array_equal(out.value, x[index])
    out.backward(2 * np.ones(out.shape))
    truth = np.zeros_like(x)
    np.add.at(truth, index, 2.0)
    np.testing.assert_array_equal(t.grad, truth)


def test_tensors_of_integers_and_masks_index() -> None:
    t = bs.tensor([1.0, 2.0, 3.0])
    assert t[bs.tensor([2, 2], requires_grad=False)].tolist() == [3.0, 3.0]
    assert t[bs.tensor([True, False, True], requires_grad=False)].tolist() == [1.0, 3.0]
    assert t[t > 1.5].tolist() == [2.0, 3.0]


@pytest.mark.parametrize("index", [3, -4, (0, 0), 1.0, "a", [0, 3], np.array([True]), ([0], [0])])
def test_wrong_index_says_where(index: Any) -> None:
    w = bs.tensor([1.0, 2.0, 3.0])
    with pytest.raises(IndexingError) as error:
        w[index]
    assert str(error.value).startswith("getitem: ")
    assert "w[index]" in str(error.value)
    assert "given w float64 (3,)" in str(error.value)


def test_iteration_and_length() -> None:
    t = bs.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert len(t) == 2
    first, second = t
    (first * second).sum().backward()
    assert t.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]
    with pytest.raises(TypeError, match="unsized"):
        list(bs.tensor(1.0))


def test_truth_is_that_of_an_array() -> None:
    assert bs.tensor(2.0)
    assert not bs.tensor([0.0])
    with pytest.raises(ValueError, match="ambiguous"):
        bool(bs.tensor([1.0, 2.0]))


def test_comparisons_give_arrays() -> None:
    t, x = bs.tensor([1.0, 2.0]), np.array([2.0, 2.0])
    for found in (t < 2, np.float64(2) > t, t < x, x > t, t != x, t <= bs.tensor([1.0, 1.0])):
        assert type(found) is np.ndarray
        assert found.tolist() == [True, False]
    assert (t == t).all()
    assert 2.0 in t
    assert {t: 1}[t] == 1  # by identity


def test_copies_of_a_leaf_are_leaves_of_their_own() -> None:
    w = bs.tensor(np.float32([1.0, 2.0]), name="w")
    (w * w).sum().backward()
    for twin in (copy.copy(w), copy.deepcopy(w), copy.deepcopy({"w": w})["w"]):
        assert (twin.name, twin.dtype, twin.requires_grad) == ("w", np.float32, True)
        assert twin.grad.tolist() == [2.0, 4.0]
        twin.value = [7.0, 8.0]
        twin.grad *= 2
    assert w.tolist() == [1.0, 2.0]
    assert w.grad.tolist() == [2.0, 4.0]


def test_shared_leaf_stays_shared_in_a_deep_copy() -> None:
    w = bs.tensor([1.0])
    a, b = copy.deepcopy([w, w])
    assert a is b
    assert a is not w


def test_pickle_keeps_value_name_and_kind() -> None:
    for t in (
        bs.tensor(np.float16([[1.0, 2.0]]), name="w"),
        bs.tensor([1, 2], requires_grad=False),
        bs.tensor(3.0),
    ):
        again = pickle.loads(pickle.dumps(t))
        assert (again.dtype, again.shape, again.name) == (t.dtype, t.shape, t.name)
        assert again.requires_grad == t.requires_grad
        assert again.tolist() == t.tolist()


@pytest.mark.parametrize("how", [copy.deepcopy, pickle.dumps])
def test_computed_values_are_not_copied_without_their_graph(how: Any) -> None:
    with pytest.raises(DTypeError, match=r"only leaves can be .* computed by multiply"):
        how(bs.tensor(2.0) * 3)


@pytest.mark.parametrize("how", [np.copy, bs.Tensor.copy])
def test_ndarrays_copy_stays_connected_and_keeps_its_value(how: Any) -> None:
    w = bs.tensor([1.0, 2.0])
    best = how(w)
    w.value = [5.0, 6.0]
    assert best.tolist() == [1.0, 2.0]
    (best * 3).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_tensor_is_not_for_subclassing() -> None:
    with pytest.raises(TypeError, match="keep a Tensor in a field"):
        type("Mine", (bs.Tensor,), {})


def test_requires_grad_is_for_float_leaves() -> None:
    c = bs.tensor([1], requires_grad=False)
    with pytest.raises(DTypeError, match="carry no gradient"):
        c.requires_grad = True
    h = bs.tensor(1.0) * 2
    with pytest.raises(DTypeError, match=r"leaves only.*detach"):
        h.requires_grad = False
    w = bs.tensor(1.0)
    w.requires_grad = False
    assert not (w * 2).requires_grad


def test_grad_has_the_shape_and_dtype_of_its_value() -> None:
    w = bs.tensor(np.float32([1.0, 2.0]), name="w")
    with pytest.raises(
        ShapeError, match=r"w of shape \(2,\) cannot take a gradient of shape \(3,\)"
    ):
        w.grad = np.ones(3)
    w.grad = np.array([1.0, 2.0])
    assert w.grad.dtype == np.float32
    w.grad = bs.tensor(np.float32([3.0, 4.0]))
    assert type(w.grad) is np.ndarray
    w.grad = None
    assert w.grad is None


@pytest.mark.parametrize(
    ("new", "error", "said"),
    [
        ([1.0, 2.0, 3.0], ShapeError, r"w of shape \(2,\) cannot take a value of shape \(3,\)"),
        (5.0, ShapeError, r"shape \(\)"),
        (["a", "b"], DTypeError, "w: data of dtype <U1 is not numbers"),
        (np.array([1j, 2.0]), DTypeError, "complex128 is not numbers"),
    ],
)
def test_assigning_what_does_not_fit(new: Any, error: Any, said: str) -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    with pytest.raises(error, match=said):
        w.value = new
    assert w.tolist() == [1.0, 2.0]


def test_assigning_to_a_computed_value_is_refused() -> None:
    h = bs.tensor([1.0]) * 2
    with pytest.raises(InPlaceError, match=r"only the value of a leaf.*computed by multiply"):
        h.value = [3.0]
