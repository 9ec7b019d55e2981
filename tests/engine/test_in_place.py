"""Writing to values: assigning leaves, read-only views, a user's arrays changed after use."""

from __future__ import annotations

import copy
import linecache
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import BacksightError, InPlaceError

X = np.array([[1.0, -1.0], [2.0, 4.0]])


def leaf() -> Any:
    return bs.tensor([[1.0, 2.0], [3.0, 5.0]], name="w")


# What is assigned


def test_value_minus_a_step_updates_a_leaf() -> None:
    w = bs.tensor(np.float32([1.0, 2.0]))
    (w * w).sum().backward()
    before = w.value
    w.value -= 0.25 * w.grad
    assert w.tolist() == [0.5, 1.0]
    assert before.tolist() == [1.0, 2.0]
    assert (w.dtype, w.requires_grad) == (np.float32, True)


def test_every_augmented_assignment_of_a_value() -> None:
    w = bs.tensor([1.0, 5.0])
    w.value += 1
    w.value -= np.array([0.0, 2.0])
    w.value *= 2
    w.value /= 4
    w.value **= 2
    assert w.tolist() == [1.0, 4.0]
    w.value //= 3
    w.value %= 2
    w.value @= np.array([[2.0, 0.0], [0.0, 3.0]])
    assert w.tolist() == [0.0, 3.0]


def test_0d_leaf_is_updated() -> None:
    w = bs.tensor(np.float16(2.0))
    w.value -= np.float64(0.5)
    assert (w.item(), w.dtype) == (1.5, np.float16)


def test_in_place_operators_update_a_leaf_inside_no_grad() -> None:
    w = bs.tensor([[1.0, 2.0], [3.0, 4.0]])
    same = w
    with bs.no_grad():
        w -= 0.5
        w *= 2
        w /= 2
        w += bs.tensor([[0.5, 0.5], [0.5, 0.5]])
        w **= 2
        w @= np.array([[0.0, 1.0], [1.0, 0.0]])
    assert same is w
    assert w.tolist() == [[4.0, 1.0], [16.0, 9.0]]
    assert w.requires_grad


@pytest.mark.parametrize("symbol", ["+=", "-=", "*=", "/=", "**=", "@="])
def test_in_place_operators_on_a_recorded_leaf_are_refused(symbol: str) -> None:
    w = leaf()
    with pytest.raises(InPlaceError) as error:
        exec(f"w {symbol} w", {"w": w})
    assert f"`w {symbol} …` on a leaf that requires a gradient" in str(error.value)
    assert "no_grad()" in str(error.value)
    assert f"w.value {symbol}" in str(error.value)


def test_in_place_operator_on_a_computed_value_makes_a_new_one() -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * 2
    kept = h
    h += 1
    assert (h.tolist(), kept.tolist()) == ([3.0, 5.0], [2.0, 4.0])
    (h * kept).sum().backward()
    assert w.grad.tolist() == [10.0, 18.0]


def test_assigned_array_is_copied() -> None:
    w, new = bs.tensor([1.0, 2.0]), np.array([5.0, 6.0])
    w.value = new
    new[0] = 0.0
    assert w.tolist() == [5.0, 6.0]


def test_item_assignment_is_refused_with_advice() -> None:
    w = leaf()
    with pytest.raises(InPlaceError, match=r"np\.where.*\.value of a leaf"):
        w[0] = 1.0
    with pytest.raises(InPlaceError, match="computed by multiply"):
        (w * 2)[0, 0] += 1.0


# A leaf assigned between forward and backward: the right gradient, or an error

NEEDS_OLD: dict[str, Callable[[Any], Any]] = {
    "w * w": lambda w: w * w,
    "X @ w": lambda w: X @ w,
    "w @ w.T": lambda w: w @ w.T,
    "w / X": lambda w: X / w,
    "w**2": lambda w: w**2,
    "np.sin(w)": lambda w: np.sin(w),
    "np.maximum(w, 2)": lambda w: np.maximum(w, 2.0),
    "w.max(axis=0)": lambda w: w.max(axis=0),
    "w.var()": lambda w: w.var(),
    "bs.linear(X, w)": lambda w: bs.linear(X, w),
    "bs.relu(w)": lambda w: bs.relu(w),
}


@pytest.mark.parametrize("expression", NEEDS_OLD)
def test_assigning_a_leaf_that_a_backward_needs_is_an_error(expression: str) -> None:
    w = leaf()
    loss = NEEDS_OLD[expression](w).sum()
    w.value = w.value * 10
    try:
        loss.backward()
    except InPlaceError as error:
        said = str(error)
        assert said.startswith("w was given a new value after ")
        assert f"at {__file__}:" in said
        assert "Run backward() before the update" in said
        assert w.grad is None
        line = int(said.split(f"{__file__}:")[1].split()[0])
        assert expression.split("(")[0].split(" ")[0] in linecache.getline(__file__, line)
    else:  # the op keeps its output, not its input: then the gradient is that of the old value
        again = leaf()
        NEEDS_OLD[expression](again).sum().backward()
        np.testing.assert_array_equal(w.grad, again.grad)


VIEWS: dict[str, Callable[[Any], Any]] = {
    "w.T @ X": lambda w: w.T @ X,
    "X @ w.T": lambda w: X @ w.T,
    "w[0] * w[1]": lambda w: w[0] * w[1],
    "w.reshape(4) ** 2": lambda w: w.reshape(4) ** 2,
    "w[:, ::-1] * w[::-1]": lambda w: w[:, ::-1] * w[::-1],
    "w[None] * w[None]": lambda w: w[None] * w[None],
    "np.exp(w)": lambda w: np.exp(w),
    "bs.softmax(w)": lambda w: bs.softmax(w) * X,
    "w + 1": lambda w: (w + 1) * (w + 1),
}


@pytest.mark.parametrize("how", ["value", "no_grad", "optimiser"])
@pytest.mark.parametrize("expression", VIEWS)
def test_views_keep_the_old_value_of_an_assigned_leaf(expression: str, how: str) -> None:
    truth, w = leaf(), leaf()
    VIEWS[expression](truth).sum().backward()
    loss = VIEWS[expression](w).sum()
    if how == "value":
        w.value = w.value * 10
    elif how == "no_grad":
        with bs.no_grad():
            w *= 10
    else:
        w.grad = np.ones((2, 2))
        bs.nn.optim.SGD([w], lr=3.0).step()
        w.grad = None
    assert w.tolist() != truth.tolist()
    loss.backward()
    np.testing.assert_array_equal(w.grad, truth.grad)


def test_assigned_constant_tensor_is_noticed_too() -> None:
    w, c = bs.tensor([1.0]), bs.tensor([3.0], requires_grad=False)
    loss = w * c
    c.value = [9.0]
    with pytest.raises(InPlaceError, match="c was given a new value after multiply used it"):
        loss.backward()


def test_assignment_before_the_use_is_no_error() -> None:
    w = leaf()
    w.value = w.value * 2
    (w * w).sum().backward()
    np.testing.assert_array_equal(w.grad, 2 * w.value)


# Arrays that are handed out

WRITES: dict[str, Callable[[Any], Any]] = {
    "item": lambda v: v.__setitem__(0, 5.0),
    "all": lambda v: v.__setitem__(slice(None), 5.0),
    "part": lambda v: v[1:].__setitem__(0, 5.0),
    "transposed": lambda v: v.T.__setitem__(0, 5.0),
    "reshaped": lambda v: v.reshape(-1).__setitem__(0, 5.0),
    "np.reshape": lambda v: np.reshape(v, -1).__setitem__(0, 5.0),
    "fill": lambda v: v.fill(5.0),
    "sort": lambda v: v.sort(),
    "partition": lambda v: v.partition(0),
    "put": lambda v: v.put(0, 5.0),
    "out=": lambda v: np.exp(v, out=v),
    "add.at": lambda v: np.add.at(v, [0], 5.0),  # NumPy itself writes through the lock
    "copyto": lambda v: np.copyto(v, 5.0),
    "put function": lambda v: np.put(v, 0, 5.0),
    "putmask": lambda v: np.putmask(v, v == v, 5.0),
    "place": lambda v: np.place(v, v == v, 5.0),
    "|=": lambda v: v.__ior__(1),
}


@pytest.mark.parametrize("how", WRITES)
def test_write_to_a_handed_out_array_names_op_and_line(how: str) -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * 2
    with pytest.raises(InPlaceError) as error:
        WRITES[how](h.value)
    said = str(error.value)
    assert "the recorded value computed by multiply" in said
    assert f"at {__file__}:" in said
    assert "   w * 2" in said
    assert "x = t.value.copy()" in said
    assert h.tolist() == [2.0, 4.0]


LOCKED: dict[str, Callable[[Any], Any]] = {
    "asarray": lambda v: np.asarray(v).__setitem__(0, 5.0),
    "view": lambda v: v.view(np.ndarray).__setitem__(0, 5.0),
    "flat": lambda v: v.flat.__setitem__(0, 5.0),
    "shuffle": lambda v: np.random.default_rng(0).shuffle(v),
    "real": lambda v: setattr(v, "real", 5.0),
    "frombuffer": lambda v: np.frombuffer(v).__setitem__(0, 5.0),
}


@pytest.mark.parametrize("how", LOCKED)
def test_write_behind_the_view_is_an_error_of_numpys(how: str) -> None:
    h = bs.tensor([1.0, 2.0]) * 2
    with pytest.raises(ValueError, match="read-only"):
        LOCKED[how](h.value)
    assert h.tolist() == [2.0, 4.0]


def test_write_to_a_leafs_array_is_refused() -> None:
    w = leaf()
    with pytest.raises(InPlaceError, match="the recorded value of a leaf"):
        w.value[0] = 1.0


def test_handed_out_arrays_compute_print_and_copy_as_plain_ones() -> None:
    v = bs.tensor([1.0, 2.0]).value
    results = (
        v + 1,
        2 * v,
        v @ v[:, None],
        np.exp(v),
        v.sum(),
        np.cumsum(v),
        v.copy(),
        v.astype(int),
    )
    assert all(type(each) in (np.ndarray, np.float64) for each in results)
    assert repr(v) == "array([1., 2.])"
    assert type(pickle.loads(pickle.dumps(v))) is np.ndarray
    for mine in (v.copy(), np.array(v), copy.deepcopy(v), v[[0, 1]], v + 0):
        mine[0] = 7.0
        mine += 1.0
        assert mine.tolist() == [8.0, 3.0]
    assert v.tolist() == [1.0, 2.0]


def test_handed_out_array_stays_what_it_was() -> None:
    w = bs.tensor([1.0, 2.0])
    v = w.value
    v -= 1  # a new array: nothing is written
    assert w.tolist() == [1.0, 2.0]


# A user's own arrays, written to between forward and backward


def scribbled(make: Callable[[], Any], use: Callable[[Any, Any], Any]) -> tuple[Any, Any]:
    """The gradient with a constant left alone, and with one overwritten after the forward."""
    found = []
    for scribble in (False, True):
        w, c = bs.tensor([[1.0, 2.0], [3.0, 4.0]]), make()
        owner = c[1] if isinstance(c, tuple) else c
        loss = use(w, c[0] if isinstance(c, tuple) else c).sum()
        if scribble:
            owner[0] = owner[1]
        loss.backward()
        found.append(w.grad)
    return found[0], found[1]


def view_of_writeable() -> tuple[Any, Any]:
    array = np.array([3.0, 5.0])
    view = array.view()
    view.flags.writeable = False
    return view, array


def stretched() -> tuple[Any, Any]:
    array = np.array([3.0, 5.0])
    return np.broadcast_to(array, (2, 2)), array


CONSTANTS = {
    "array": lambda: np.array([3.0, 5.0]),
    "float32 array": lambda: np.float32([3.0, 5.0]),
    "strided array": lambda: np.array([3.0, 0.0, 5.0, 0.0])[::2],
    "list": lambda: [3.0, 5.0],
    "read-only view": pytest.param(view_of_writeable),
    "broadcast_to": pytest.param(stretched),
    "fancy index of a value": pytest.param(lambda: bs.tensor([3.0, 5.0]).value[[0, 1]]),
    "copy of a value": lambda: bs.tensor([3.0, 5.0]).value.copy(),
}


@pytest.mark.parametrize("make", CONSTANTS.values(), ids=CONSTANTS)
def test_constant_written_to_after_the_forward_leaves_the_gradient_right(make: Any) -> None:
    for use in (lambda w, c: w * c, lambda w, c: w / c, lambda w, c: np.maximum(w, c)):
        truth, found = scribbled(make, use)
        np.testing.assert_array_equal(found, truth)


INDICES = {
    "array": lambda: np.array([0, 1]),
    "mask": lambda: np.array([False, True]),
    "list": lambda: [0, 1],
}


@pytest.mark.parametrize("make", INDICES.values(), ids=INDICES)
def test_index_written_to_after_the_forward_leaves_the_gradient_right(make: Any) -> None:
    for use in (lambda w, i: w[i], lambda w, i: w[:, i], lambda w, i: w[0, i]):
        truth, found = scribbled(make, use)
        np.testing.assert_array_equal(found, truth)


@pytest.mark.parametrize(
    "use",
    [
        lambda w, c: np.where(c > 2, w, 0),
        lambda w, c: np.where(c, w, 0),
        lambda w, c: np.clip(w, c / 2, None),
        lambda w, c: np.clip(w, None, c),
        lambda w, c: w @ c,
        lambda w, c: c @ w,
        lambda w, c: bs.linear(w, np.eye(2), c),
        lambda w, c: np.concatenate([w, c[None]]) ** 2,
        lambda w, c: np.power(w, c),
        lambda w, c: np.power(c, w),
    ],
)
def test_attributes_and_operands_written_to_leave_the_gradient_right(use: Any) -> None:
    truth, found = scribbled(lambda: np.array([3.0, 1.0]), use)
    np.testing.assert_array_equal(found, truth)


def test_errors_of_writes_are_value_errors_too() -> None:
    with pytest.raises(ValueError, match="recorded value") as error:
        leaf().value[0] = 1.0
    assert isinstance(error.value, BacksightError)
