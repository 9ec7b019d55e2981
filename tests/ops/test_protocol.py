"""Ops of one's own: what a backward may ask for, what is refused at definition, redefinition."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import OpError, ShapeError
from backsight.ops.protocol import OPS, op

FACTOR = 3.0


@op
def swish(x: Any, *, beta: Any = 1.0) -> Any:
    """x · sigmoid(βx): its backward asks for an input, a local and an attribute."""
    gate = 1 / (1 + np.exp(-beta * x))
    return x * gate


@swish.backward
def swish_backward(dout: Any, x: Any, gate: Any, beta: Any) -> Any:
    return dout * (gate + beta * x * gate * (1 - gate))


@op
def plane(x: Any, y: Any) -> Any:
    """Polar coordinates to Cartesian: two outputs."""
    cosine, sine = np.cos(y), np.sin(y)
    across = x * cosine
    up = x * sine
    return across, up


@plane.backward
def plane_backward(dacross: Any, dup: Any, x: Any, cosine: Any, sine: Any) -> Any:
    return dacross * cosine + dup * sine, x * (dup * cosine - dacross * sine)


@op
def product_of(*xs: Any) -> Any:
    """Multiply a list of values."""
    out = xs[0] * 1.0
    for x in xs[1:]:
        out = out * x
    return out


@product_of.backward
def product_of_backward(dout: Any, xs: Any, out: Any) -> Any:
    return tuple(dout * out / x for x in xs)


@op
def shifted(x: Any, b: Any = None, *, axis: int = 0) -> Any:
    """Flip along an axis and add, if there is something to add."""
    return np.flip(x, axis) if b is None else np.flip(x, axis) + b


@shifted.backward
def shifted_backward(dout: Any, axis: int) -> Any:
    return np.flip(dout, axis), dout


@op
def scaled_sum(x: Any) -> Any:
    """A sum: the backward needs a shape and a global, nothing else."""
    return FACTOR * np.sum(x)


@scaled_sum.backward
def scaled_sum_backward(dout: Any, x_shape: Any) -> Any:
    return np.broadcast_to(FACTOR * dout, x_shape)


MINE = ("swish", "plane", "product_of", "shifted", "scaled_sum")


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Forget the ops that a test defines."""
    known = dict(OPS)
    yield
    OPS.clear()
    OPS.update(known)


X = np.array([0.3, -1.2, 2.0])
Y = np.array([1.1, 0.4, -0.6])


def differences(f: Callable[[Any], Any], x: Any, h: float = 1e-5) -> Any:
    steps = np.eye(x.size) * h
    return np.stack([(f(x + s) - f(x - s)) / (2 * h) for s in steps], axis=-1)


CALLS = {
    "swish": lambda x: np.sum(swish(x, beta=0.7) * Y),
    "plane": lambda x: np.sum(plane(x, Y)[0] * X + plane(Y, x)[1] * plane(x, x)[0]),
    "product_of": lambda x: np.sum(product_of(x, Y, x)),
    "shifted": lambda x: np.sum(shifted(x) * shifted(x, x * x) * X),
    "scaled_sum": lambda x: scaled_sum(x * x) * x[0],
}


@pytest.mark.parametrize("name", MINE)
def test_derivatives_to_third_order_agree_with_differences(name: str) -> None:
    f = CALLS[name]
    gradient, hessian = bs.grad(f), bs.hessian(f)
    close = dict(rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(gradient(X), differences(lambda x: f(x), X), **close)
    np.testing.assert_allclose(hessian(X), differences(gradient, X), **close)
    np.testing.assert_allclose(bs.jacobian(hessian)(X), differences(hessian, X), **close)


def test_an_op_is_a_plain_function_of_arrays() -> None:
    np.testing.assert_array_equal(scaled_sum(X), FACTOR * np.sum(X))
    assert type(swish(X)) is np.ndarray
    across, up = plane(X, Y)
    assert type(across) is type(up) is np.ndarray


def test_what_an_op_says_of_itself() -> None:
    assert (swish.inputs, swish.attributes, swish.outputs) == (("x",), {"beta": 1.0}, ("out",))
    assert (swish.asks, swish.saves) == (("dout", "x", "gate", "beta"), ("gate",))
    assert plane.outputs == ("across", "up")
    assert (product_of.listed, shifted.optional) == ("xs", ("b",))
    assert repr(swish).startswith("<op swish(x")
    assert swish.__doc__.startswith("x · sigmoid")
    assert pickle.loads(pickle.dumps(swish)) is copy.deepcopy(swish) is swish


# Several outputs


@pytest.mark.parametrize("used", ["first", "second", "both", "twice"])
def test_outputs_that_are_not_used_count_as_zero(used: str) -> None:
    x, y = bs.tensor(X), bs.tensor(Y)
    across, up = plane(x, y)
    loss = {
        "first": lambda: across.sum(),
        "second": lambda: up.sum(),
        "both": lambda: (across + up).sum(),
        "twice": lambda: (across * up + across).sum(),
    }[used]()
    loss.backward()
    a, u = X * np.cos(Y), X * np.sin(Y)
    da = {"first": 1.0, "second": 0.0, "both": 1.0, "twice": u + 1}[used]
    du = {"first": 0.0, "second": 1.0, "both": 1.0, "twice": a}[used]
    np.testing.assert_allclose(x.grad, da * np.cos(Y) + du * np.sin(Y))
    np.testing.assert_allclose(y.grad, du * a - da * u)


def test_op_none_of_whose_outputs_is_used_gets_no_gradient() -> None:
    x = bs.tensor(X)
    plane(x, Y)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


def test_one_output_walked_from() -> None:
    x, y = bs.tensor(X), bs.tensor(Y)
    _, up = plane(x, y)
    up.backward(np.ones(3))
    np.testing.assert_allclose(x.grad, np.sin(Y))


# Inputs


def test_constant_inputs_get_no_gradient_and_cost_none() -> None:
    y = bs.tensor(Y)
    across, up = plane(X, y)
    (across + up).sum().backward()
    np.testing.assert_allclose(y.grad, X * (np.cos(Y) - np.sin(Y)))


def test_optional_input_may_be_left_out_given_or_named() -> None:
    x, b = bs.tensor(X), bs.tensor(Y)
    (
        shifted(x) + shifted(x, b) + shifted(x, b=b) + shifted(x, None) + shifted(X, b)
    ).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0, 4.0]
    assert b.grad.tolist() == [3.0, 3.0, 3.0]


def test_list_of_inputs_with_constants_and_repeats() -> None:
    x, y = bs.tensor(X), bs.tensor(Y)
    product_of(x, Y, x, y, 2.0).sum().backward()
    np.testing.assert_allclose(x.grad, 4 * X * Y * Y)
    np.testing.assert_allclose(y.grad, 2 * X * X * Y)


def test_attribute_that_wants_a_gradient_is_refused() -> None:
    with pytest.raises(TypeError, match="swish: beta is an attribute and gets no gradient"):
        swish(X, beta=bs.tensor(1.0))
    assert swish(bs.tensor(X), beta=bs.tensor(0.5, requires_grad=False)).requires_grad


def test_saved_locals_keep_their_values_when_arrays_around_change() -> None:
    x, beta = X.copy(), np.array([0.5, 1.0, 2.0])
    w = bs.tensor(1.0)
    out = swish(w * x, beta=beta)
    truth = bs.grad(lambda w: np.sum(swish(w * X, beta=np.array([0.5, 1.0, 2.0]))))(1.0)
    x[:], beta[:] = 7.0, 9.0
    out.sum().backward()
    np.testing.assert_allclose(w.grad, truth)


def test_error_in_a_body_shows_its_own_line() -> None:
    with pytest.raises(ShapeError, match=r"plane: .*do not broadcast") as error:
        plane(bs.tensor(X), np.ones(2))
    lines = traceback.format_exception(error.value.__cause__ or error.value)
    assert any("across = x * cosine" in line for line in lines)


# Refused at definition


def backward_of(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: op(forward).backward(backward)


def times(x: Any, y: Any) -> Any:
    product = x * y
    return product


def asks_unknown(dout: Any, z: Any) -> Any:
    return dout * z, dout


def asks_no_upstream(x: Any, y: Any) -> Any:
    return y, x


def returns_swapped(dout: Any, x: Any, y: Any) -> Any:
    dx = dout * y
    dy = dout * x
    return dy, dx


def returns_three(dout: Any, x: Any, y: Any) -> Any:
    return dout * y, dout * x, dout


def returns_one(dout: Any, y: Any) -> Any:
    return dout * y


def returns_one_by_name(dout: Any, y: Any) -> Any:
    dx = dout * y
    return dx


def writes_into_dout(dout: Any, x: Any, y: Any) -> Any:
    dout *= 2
    return dout * y, dout * x


def writes_by_item(dout: Any, x: Any, y: Any) -> Any:
    dx = dout * y
    x[0] = 0
    return dx, dout * x


def writes_by_out(dout: Any, x: Any, y: Any) -> Any:
    return np.multiply(dout, y, out=y), dout * x


def rebinds(x: Any) -> Any:
    x = x - 1
    return x * x


def rebinds_backward(dout: Any, x: Any) -> Any:
    return dout * 2 * x


def subtracts_in_place(x: Any) -> Any:
    x -= 1
    return x * x


def sorts_in_place(x: Any) -> Any:
    x.sort()
    return x * 2


def asks_nothing(dout: Any) -> Any:
    return dout


def two_unnamed(x: Any) -> Any:
    return x * 2, x * 3


def two_named(x: Any) -> Any:
    low = x * 2
    high = x * 3
    return low, high


def asks_both(dlow: Any, dhigh: Any) -> Any:
    return dlow * 2 + dhigh * 3


def asks_low(dlow: Any) -> Any:
    return dlow * 2


def returns_early(x: Any, *, flip: bool) -> Any:
    double = x * 2
    if flip:
        return -double
    return double


def asks_local(dout: Any, double: Any) -> Any:
    return dout * double


PAIRS = {
    "unknown name": (times, asks_unknown, r"asks for 'z'.* may ask for dout, .*product"),
    "no upstream": (times, asks_no_upstream, "does not ask for dout"),
    "swapped": (times, returns_swapped, "returns dy in the place of dx.*order of the inputs: x, y"),
    "too many": (times, returns_three, "returns 3 gradients; times has 2 inputs: x, y"),
    "one": (times, returns_one, "returns 1 gradients; times has 2 inputs"),
    "one by name": (times, returns_one_by_name, "returns 1 gradients; times has 2 inputs"),
    "writes into dout": (times, writes_into_dout, "writes into dout, which others still need"),
    "writes an item": (times, writes_by_item, "writes into x"),
    "writes by out=": (times, writes_by_out, "writes into y"),
    "rebinds": (rebinds, rebinds_backward, "asks for 'x', which rebinds rebinds"),
    "subtracts in place": (subtracts_in_place, asks_nothing, "writes into x.*changed = x"),
    "sorts in place": (sorts_in_place, asks_nothing, "writes into x"),
    "unnamed outputs": (two_unnamed, asks_both, "returned as plain names"),
    "dout of several": (
        two_named,
        asks_nothing,
        "returns 2 outputs; it may ask for dlow and dhigh",
    ),
    "one of several": (two_named, asks_low, "does not ask for dhigh"),
    "early return": (returns_early, asks_local, "one return, as its last line; it has 2"),
}


@pytest.mark.parametrize("fault", PAIRS)
def test_faulty_pair_is_refused_at_definition(fault: str) -> None:
    forward, backward, said = PAIRS[fault]
    with pytest.raises(OpError, match=said):
        backward_of(forward, backward)()


def with_default(x: Any, y: Any = 3.0) -> Any:
    return x * y


def with_keywords(x: Any, **options: Any) -> Any:
    return x


def with_both(x: Any, *xs: Any) -> Any:
    return x


def without_input(*, n: int) -> Any:
    return np.ones(n)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (with_default, "input 'y' has the default 3.0.*Put a \\* before it"),
        (with_keywords, r"\*\*keywords are not allowed"),
        (with_both, r"named inputs or \*xs, not both"),
        (without_input, "an op has an input"),
        (lambda x: x, "with def, not as a lambda"),
    ],
)
def test_forms_that_are_no_op(forward: Any, said: str) -> None:
    with pytest.raises(OpError, match=said):
        op(forward)
