"""Ops that a script defines where it likes: nested, by exec, twice; and what they cannot break."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import BacksightError, GradientError, OpError
from backsight.ops.protocol import OPS, op


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Forget the ops that a test defines."""
    known = dict(OPS)
    yield
    OPS.clear()
    OPS.update(known)


K = -100.0  # a global that a twin of a nested function must not mistake for the local of that name


def test_nested_op_without_saved_locals_may_use_what_is_around() -> None:
    K = 3.0

    @op
    def tripled(x: Any) -> Any:
        return K * x

    @tripled.backward
    def tripled_backward(dout: Any) -> Any:
        return K * dout

    assert bs.grad(lambda x: np.sum(tripled(x)))(np.ones(2)).tolist() == [3.0, 3.0]


def test_nested_op_that_saves_locals_cannot() -> None:
    K = 3.0

    @op
    def cubed(x: Any) -> Any:
        square = K * x * x
        return square * x

    with pytest.raises(OpError, match="defined inside a function and uses K from it"):

        @cubed.backward
        def cubed_backward(dout: Any, square: Any) -> Any:
            return 3 * dout * square


def test_default_of_a_nested_op_is_that_of_its_definition() -> None:
    power = 2.0

    @op
    def weighted(x: Any, *, K: float = power) -> Any:
        scaled = K * x
        return scaled * x

    @weighted.backward
    def weighted_backward(dout: Any, scaled: Any) -> Any:
        return 2 * dout * scaled

    assert bs.grad(weighted)(3.0) == 12.0
    assert bs.grad(bs.grad(weighted))(3.0) == 4.0


def test_nested_functions_with_returns_of_their_own() -> None:
    @op
    def helped(x: Any) -> Any:
        def twice(y: Any) -> Any:
            return 2 * y

        double = twice(x)
        return double * double

    @helped.backward
    def helped_backward(dout: Any, double: Any) -> Any:
        return 4 * dout * double

    assert bs.grad(helped)(3.0) == 24.0


def test_decorated_forward_is_called_with_its_decorator() -> None:
    def negated(function: Any) -> Any:
        @functools.wraps(function)
        def call(x: Any) -> Any:
            return -function(x)

        return call

    @op
    @negated
    def doubled(x: Any) -> Any:
        return 2 * x

    @doubled.backward
    def doubled_backward(dout: Any) -> Any:
        return -2 * dout

    value, gradient = bs.value_and_grad(doubled)(3.0)
    assert (value, gradient) == (-6.0, -2.0)


EXECUTED = """
@op
def squared(x):
    doubled = 2 * x
    return x * x

@squared.backward
def squared_backward(dout, {asked}):
    return dout * {given}
"""


def test_op_without_source_works_as_long_as_it_saves_no_locals() -> None:
    exec(EXECUTED.format(asked="x", given="2 * x"), {"op": op})
    assert bs.grad(bs.grad(OPS["squared"]))(3.0) == 2.0
    with pytest.raises(OpError, match=r"source cannot be read.*not by exec"):
        exec(EXECUTED.format(asked="doubled", given="doubled"), {"op": op})


def test_defining_again_in_the_same_module_replaces() -> None:
    def define(factor: float) -> Any:
        @op
        def scaled(x: Any, *, by: float = factor) -> Any:
            return by * x

        @scaled.backward
        def scaled_backward(dout: Any, by: float) -> Any:
            return by * dout

        return scaled

    first = define(2.0)
    w = bs.tensor(1.0)
    old = first(w)
    second = define(5.0)
    assert OPS["scaled"] is second
    (old + second(w) + first(w)).backward()  # what was recorded keeps its backward
    assert w.grad == 9.0


def test_backward_defined_again_is_used_from_then_on() -> None:
    @op
    def passed(x: Any) -> Any:
        return x * 1.0

    @passed.backward
    def wrong(dout: Any) -> Any:
        return 7 * dout

    assert bs.grad(passed)(1.0) == 7.0

    @passed.backward
    def right(dout: Any) -> Any:
        return dout

    assert bs.grad(passed)(1.0) == 1.0


def test_name_of_another_modules_op_is_refused() -> None:
    def sigmoid(x: Any) -> Any:
        return x

    with pytest.raises(OpError) as error:
        op(sigmoid)
    assert "there is an op named 'sigmoid' already, in backsight.ops." in str(error.value)
    assert f"choose another name for the one in {__name__}" in str(error.value)
    assert bs.sigmoid(0.0) == 0.5
    assert OPS["sigmoid"] is bs.sigmoid


def test_one_backward_for_two_ops() -> None:
    @op
    def ceiled(x: Any) -> Any:
        return np.ceil(x)

    @op
    def floored(x: Any) -> Any:
        return np.floor(x)

    @ceiled.backward
    @floored.backward
    def straight_through(dout: Any) -> Any:
        return dout

    assert bs.grad(lambda x: ceiled(x) + floored(x))(0.5) == 2.0


def test_own_op_in_a_trace_and_in_a_message() -> None:
    @op
    def halved(x: Any) -> Any:
        return x / 2

    @halved.backward
    def halved_backward(dout: Any) -> Any:
        return dout / 2

    @halved.check
    def check_halved(x: Any) -> None:
        if np.size(x) == 3:
            raise ValueError("three do not halve; give two")

    w = bs.tensor([2.0, 4.0], name="w")
    trace = bs.trace(halved(w).sum())
    assert [node.op for node in trace] == ["parameter", "halved", "sum"]
    assert trace[1].grad.tolist() == [1.0, 1.0]
    with pytest.raises(BacksightError, match="halved: three do not halve; give two\n  at "):
        halved(np.ones(3))


def test_backward_that_needs_no_array_keeps_none_alive() -> None:
    @op
    def first_row(x: Any) -> Any:
        return x[0]

    @first_row.backward
    def first_row_backward(dout: Any, x_shape: Any) -> Any:
        return np.concatenate([dout[None], np.zeros_like(dout, shape=(x_shape[0] - 1, 2))])

    w = bs.tensor(np.ones((3, 2)))
    out = first_row(w)
    w.value = np.zeros((3, 2))  # no InPlaceError: only the shape is needed
    out.sum().backward()
    assert w.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]


def test_forward_that_writes_through_an_alias_is_an_error() -> None:
    @op
    def careless(x: Any) -> Any:
        y = x
        y -= 1
        return y * 2

    @careless.backward
    def careless_backward(dout: Any) -> Any:
        return 2 * dout

    w = bs.tensor([1.0, 2.0])
    with pytest.raises(BacksightError):
        careless(w)
    assert w.tolist() == [1.0, 2.0]


def test_backward_that_writes_through_an_alias_changes_no_other_gradient() -> None:
    @op
    def doubled_again(x: Any) -> Any:
        return x * 2

    @doubled_again.backward
    def doubled_again_backward(dout: Any) -> Any:
        dx = dout
        dx *= 2
        return dx

    a, b = bs.tensor([1.0]), bs.tensor([1.0])
    with pytest.raises(GradientError):
        (doubled_again(a * 1.0) + b).backward(np.ones(1))
    assert b.grad is None


def test_op_without_a_backward_does_not_cut_a_gradient_silently() -> None:
    @op
    def forgotten(x: Any) -> Any:
        return x * 2

    assert forgotten(np.ones(2)).tolist() == [2.0, 2.0]
    with pytest.raises(BacksightError, match="forgotten has no backward"):
        forgotten(bs.tensor([1.0]))
    with bs.no_grad():
        assert forgotten(bs.tensor([1.0])).tolist() == [2.0]
