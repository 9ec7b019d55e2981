"""grad, vjp, jvp, jacobian, hessian, hvp: against PyTorch's, nested, on containers, and refused."""

from __future__ import annotations

import collections
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import DTypeError, GradientError

X = np.array([0.5, -1.0, 2.0])
Y = np.array([1.5, 0.3, -0.7])
Pair = collections.namedtuple("Pair", "left right")

# Functions of one vector to one number, in NumPy's words and in PyTorch's.
SCALAR: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "prod": (np.prod, lambda t, x: x.prod()),
    "tanh": (lambda x: np.sum(np.tanh(x) * x), lambda t, x: (t.tanh(x) * x).sum()),
    "norm": (lambda x: np.linalg.norm(x) ** 3, lambda t, x: t.linalg.vector_norm(x) ** 3),
    "quartic": (lambda x: np.sum(x**4) + x[0] * x[1] * x[2], lambda t, x: (x**4).sum() + x.prod()),
    "softmax": (lambda x: bs.softmax(x)[1], lambda t, x: t.softmax(x, -1)[1]),
    "logsumexp": (lambda x: bs.logsumexp(x * x), lambda t, x: t.logsumexp(x * x, -1)),
    "matmul": (
        lambda x: x @ np.outer(x, Y) @ np.exp(x),
        lambda t, x: x @ t.outer(x, t.tensor(Y)) @ t.exp(x),
    ),
    "gelu": (lambda x: np.sum(bs.gelu(x)), lambda t, x: t.nn.functional.gelu(x).sum()),
    "var": (lambda x: np.var(x) * x[0], lambda t, x: x.var(correction=0) * x[0]),
}


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch")


def close(ours: Any, theirs: Any, tolerance: float = 1e-11) -> None:
    truth = np.asarray(theirs.detach())
    np.testing.assert_allclose(ours, truth, rtol=tolerance, atol=tolerance * abs(truth).max())


@pytest.mark.torch
@pytest.mark.parametrize("name", SCALAR)
def test_first_and_second_derivatives_are_pytorchs(name: str, torch: Any) -> None:
    f, make = SCALAR[name]
    g, x, v = functools.partial(make, torch), torch.tensor(X), torch.tensor(Y)
    value, gradient = bs.value_and_grad(f)(X)
    close(value, g(x))
    close(gradient, torch.func.grad(g)(x))
    hessian = torch.func.jacrev(torch.func.jacrev(g))(x)
    close(bs.hessian(f)(X), hessian, 1e-10)
    close(bs.hvp(f, X, Y), hessian @ v, 1e-10)
    out, pushed = bs.jvp(f, (X,), (Y,))
    close(out, g(x))
    close(pushed, torch.func.grad(g)(x) @ v)


@pytest.mark.torch
@pytest.mark.parametrize("name", SCALAR)
def test_third_derivatives_are_pytorchs(name: str, torch: Any) -> None:
    f, make = SCALAR[name]
    g, x = functools.partial(make, torch), torch.tensor(X)
    close(
        bs.jacobian(bs.hessian(f))(X),
        torch.func.jacrev(torch.func.jacrev(torch.func.jacrev(g)))(x),
        1e-9,
    )


@pytest.mark.torch
def test_vjp_jvp_and_jacobian_of_two_arguments_are_pytorchs(torch: Any) -> None:
    def f(x: Any, y: Any) -> Any:
        return np.tanh(np.outer(x, y)) * x[:, None]

    def g(x: Any, y: Any) -> Any:
        return torch.tanh(torch.outer(x, y)) * x[:, None]

    x, y = torch.tensor(X), torch.tensor(Y[:2])
    dout = np.arange(6.0).reshape(3, 2)
    out, pull = bs.vjp(f, X, Y[:2])
    theirs, truth = torch.func.vjp(g, x, y)
    close(out, theirs)
    for own, each in zip(pull(dout), truth(torch.tensor(dout)), strict=True):
        close(own, each)
    by_x, by_y = torch.func.jacrev(g, (0, 1))(x, y)
    close(bs.jacobian(f, 1)(X, Y[:2]), by_y)
    for own, each in zip(bs.jacobian(f, (0, 1))(X, Y[:2]), (by_x, by_y), strict=True):
        close(own, each)
    value, pushed = bs.jvp(f, (X, Y[:2]), (Y, X[:2]))
    close(value, theirs)
    close(pushed, by_x @ torch.tensor(Y) + by_y @ torch.tensor(X[:2]))


# Nested


@pytest.mark.parametrize("order", range(5))
def test_derivatives_of_a_sine_to_fourth_order(order: int) -> None:
    f: Any = np.sin
    for _ in range(order):
        f = bs.grad(f)
    assert math.isclose(f(np.float64(0.7)), math.sin(0.7 + order * math.pi / 2), rel_tol=1e-14)


def test_fourth_derivative_of_a_power() -> None:
    assert bs.grad(bs.grad(bs.grad(bs.grad(lambda x: x**5))))(2.0) == 240.0


def test_inner_derivative_does_not_see_the_outer_variable() -> None:
    g = bs.grad
    assert g(lambda x: x * g(lambda y: x + y)(1.0))(1.0) == 1.0  # Siskind & Pearlmutter 2005
    assert g(lambda x: x * g(lambda y: x * y)(2.0))(3.0) == 6.0
    assert g(lambda x: g(lambda y: g(lambda z: x * y * z * z)(2.0))(3.0))(4.0) == 4.0
    assert g(lambda x: g(lambda y: x)(2.0) + x * x)(3.0) == 6.0


def test_forward_in_forward_does_not_confuse_either() -> None:
    def inner(x: Any) -> Any:
        return bs.jvp(lambda y: x * y * y, (2.0,), (1.0,))[1]

    assert bs.jvp(lambda x: x * inner(x), (3.0,), (1.0,)) == (36.0, 24.0)


@pytest.mark.parametrize(
    "third",
    [
        lambda f: bs.grad(bs.grad(bs.grad(f))),
        lambda f: bs.grad(lambda x: bs.hvp(f, x, 1.0)),
        lambda f: lambda x: bs.jvp(bs.grad(bs.grad(f)), (x,), (1.0,))[1],
        lambda f: bs.grad(lambda x: bs.jvp(bs.grad(f), (x,), (1.0,))[1]),
        lambda f: bs.jacobian(bs.hessian(f)),
        lambda f: lambda x: bs.vjp(bs.hessian(f), x)[1](1.0)[0],
        lambda f: bs.grad(lambda x: bs.vjp(bs.grad(f), x)[1](1.0)[0]),
    ],
)
def test_every_nesting_gives_the_third_derivative(third: Any) -> None:
    def f(x: Any) -> Any:
        return np.exp(2 * x) * np.sin(x)

    truth = math.exp(1.2) * (2 * math.sin(0.6) + 11 * math.cos(0.6))
    assert math.isclose(third(f)(np.float64(0.6)), truth, rel_tol=1e-12)


def test_negative_zero_stays_negative() -> None:
    with np.errstate(divide="ignore"):
        assert bs.grad(bs.grad(lambda x: 1 / x))(np.array(-0.0)) == -np.inf


def test_branches_and_loops_follow_the_values() -> None:
    def f(x: Any) -> Any:
        while x < 100:
            x = x * x
        return x if x > 0 else -x

    assert bs.grad(f)(2.0) == 8 * 2.0**7


# Tensors around


def test_gradient_penalty_trains_what_the_function_closes_over() -> None:
    w = bs.tensor(Y)
    slope = bs.grad(lambda x: np.sum(np.tanh(x * w)))(bs.tensor(X))
    (slope**2).sum().backward()
    steep = (1 - np.tanh(X * Y) ** 2) * Y
    inner = (1 - np.tanh(X * Y) ** 2) * (1 - 2 * X * Y * np.tanh(X * Y))
    np.testing.assert_allclose(w.grad, 2 * steep * inner, rtol=1e-12)


def test_closed_over_leaf_is_a_constant_with_its_grad_untouched() -> None:
    w = bs.tensor(Y)
    h = w * 2
    found = bs.grad(lambda x: np.sum(x * h))(X)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, 2 * Y)
    assert w.grad is None
    h.sum().backward()  # the graph around is still whole
    assert w.grad.tolist() == [2.0, 2.0, 2.0]


def test_constant_tensors_count_as_arrays() -> None:
    found = bs.grad(lambda x: np.sum(x * x))(bs.tensor(X, requires_grad=False))
    assert type(found) is np.ndarray


# Arguments and containers


def test_argnums() -> None:
    def f(x: Any, y: Any, scale: float = 1.0) -> Any:
        return x * y * y * scale

    assert bs.grad(f)(2.0, 3.0) == 9.0
    assert bs.grad(f, 1)(2.0, 3.0) == bs.grad(f, -1)(2.0, 3.0) == 12.0
    assert bs.grad(f, (0, 1))(2.0, 3.0, scale=2.0) == (18.0, 24.0)
    assert bs.grad(f, argnums=[1, 0])(2.0, 3.0) == (12.0, 9.0)
    assert bs.value_and_grad(f)(2.0, 3.0) == (18.0, 9.0)


def test_containers_come_back_with_their_form() -> None:
    tree = {"a": X, "b": (2 * X, [1.5]), "none": None, "pair": Pair(X, 1.0)}

    def f(p: Any) -> Any:
        return np.sum(p["a"] * p["b"][0]) * p["b"][1][0] + p["pair"].right ** 2

    found = bs.grad(f)(tree)
    assert list(found) == ["a", "b", "none", "pair"]
    np.testing.assert_array_equal(found["a"], 3 * X)
    np.testing.assert_array_equal(found["b"][0], 1.5 * X)
    assert found["b"][1] == [np.sum(2 * X * X)]
    assert found["none"] is None
    assert isinstance(found["pair"], Pair)
    assert found["pair"].left.tolist() == [0.0, 0.0, 0.0]
    assert found["pair"].right == 2.0


def test_dicts_match_by_key_not_by_order() -> None:
    p = {"a": X, "b": X}
    turned = {"b": np.zeros(3), "a": np.ones(3)}
    along = bs.hvp(lambda p: np.sum(p["a"] ** 3) + np.sum(p["b"] ** 2), p, turned)
    np.testing.assert_array_equal(along["a"], 6 * X)
    np.testing.assert_array_equal(along["b"], 0 * X)
    _, pull = bs.vjp(lambda x, y: {"a": x * 2, "b": y * 3}, X, Y)
    assert [g.tolist() for g in pull(turned)] == [[2.0] * 3, [0.0] * 3]
    _, pushed = bs.jvp(lambda p: p["a"] * 2 + p["b"] * 3, (p,), (turned,))
    assert pushed.tolist() == [2.0] * 3


def test_containers_of_values() -> None:
    value, pushed = bs.jvp(lambda x: {"a": x * x, "b": (1.0, np.sum(x))}, (X,), (np.ones(3),))
    np.testing.assert_array_equal(pushed["a"], 2 * X)
    assert (value["b"][0], pushed["b"][0], pushed["b"][1]) == (1.0, 0.0, 3.0)
    jacobians = bs.jacobian(lambda x: (x * x, np.sum(x)))(X)
    np.testing.assert_array_equal(jacobians[0], np.diag(2 * X))
    np.testing.assert_array_equal(jacobians[1], np.ones(3))
    blocks = bs.hessian(lambda x, y: np.sum(x * x * y), (0, 1))(X, Y)
    np.testing.assert_array_equal(blocks[0][1], np.diag(2 * X))
    np.testing.assert_array_equal(blocks[1][1], np.zeros((3, 3)))


@pytest.mark.parametrize("f", [lambda x: 3.0, lambda x: np.float32(2), lambda x: np.ones(1)])
def test_functions_that_return_constants_have_zero_derivatives(f: Any) -> None:
    assert bs.grad(f)(X).tolist() == [0.0, 0.0, 0.0]
    assert bs.hessian(f)(X).tolist() == np.zeros((3, 3)).tolist()
    assert bs.hvp(f, X, Y).tolist() == [0.0, 0.0, 0.0]
    assert not bs.jvp(f, (X,), (Y,))[1].any()
    out, pull = bs.vjp(f, X)
    assert pull(np.ones(np.shape(out)))[0].tolist() == [0.0, 0.0, 0.0]


def test_empty_values_have_empty_jacobians() -> None:
    assert bs.jacobian(lambda x: x[:0])(X).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_of_the_argument_is_that_of_the_gradient(dtype: Any) -> None:
    x, v = np.array([1.0, 2.0], dtype), np.array([1.0, 0.5])

    def f(x: Any) -> Any:
        return np.sum(x * x * x)

    for found in (bs.grad(f)(x), bs.hvp(f, x, v), bs.jacobian(f)(x), bs.hessian(f)(x)):
        assert found.dtype == dtype
    assert bs.jvp(f, (x,), (v,))[1].dtype == dtype


def test_pull_may_be_called_again() -> None:
    _, pull = bs.vjp(lambda x: x * x, X)
    np.testing.assert_array_equal(pull(np.ones(3))[0], 2 * X)
    np.testing.assert_array_equal(pull(Y)[0], 2 * X * Y)


def test_results_are_arrays_of_ones_own() -> None:
    x, dout = X.copy(), np.ones(3)
    first, second = bs.grad(lambda a, b: np.sum(a + b), (0, 1))(x, x)
    first[:] = 9.0
    assert second.tolist() == [1.0, 1.0, 1.0]
    _, pull = bs.vjp(lambda x: x, x)
    pull(dout)[0][:] = 9.0
    assert (dout.tolist(), x.tolist()) == ([1.0] * 3, X.tolist())


REFUSED = {
    "vector": (lambda: bs.grad(lambda x: x * 2)(X), r"returned shape \(3,\); .*jacobian"),
    "constant vector": (lambda: bs.grad(lambda x: np.ones(3))(X), r"returned shape \(3,\)"),
    "tuple": (lambda: bs.grad(lambda x: (np.sum(x), 1))(X), "returned a tuple.*the loss alone"),
    "nothing": (lambda: bs.grad(lambda x: None)(X), "returned a NoneType"),
    "place": (lambda: bs.grad(lambda x: x, 1)(2.0), "was given 1 positional arguments.* 1"),
    "upstream": (lambda: bs.vjp(lambda x: x, X)[1](np.ones((2, 3))), r"\(3,\) is expected, not"),
    "one upstream": (lambda: bs.vjp(lambda x: x, X)[1](1.0), r"not shape \(\)"),
    "containers": (lambda: bs.vjp(lambda x: (x, x), X)[1](X), "a tuple of 2 is expected"),
    "keys": (
        lambda: bs.vjp(lambda x: {"a": x}, X)[1]({"b": X}),
        r"a dict of \['a'\] is expected, not a dict of \['b'\]",
    ),
    "tangents": (lambda: bs.jvp(np.sum, (X,), (X, X)), "a tuple of 1 is expected"),
    "tangent": (lambda: bs.jvp(np.sum, (X,), (np.ones(1),)), r"not shape \(1,\)"),
    "no tuple": (lambda: bs.jvp(np.sum, X, X), r"jvp\(f, \(x,\), \(v,\)\)"),
    "vector of hvp": (lambda: bs.hvp(np.sum, X, np.ones(1)), r"hvp: .* not shape \(1,\)"),
}


@pytest.mark.parametrize("call", REFUSED)
def test_what_has_no_derivative_is_refused(call: str) -> None:
    work, said = REFUSED[call]
    with pytest.raises(GradientError, match=said):
        work()


def test_integers_are_refused_by_the_arguments_name() -> None:
    def energy(position: Any) -> Any:
        return position * 2

    with pytest.raises(DTypeError, match="energy: position: int64 numbers carry no gradient"):
        bs.grad(energy)(3)


def test_errors_in_the_function_leave_the_depth_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError):
        bs.grad(lambda x: 1 / 0)(1.0)
    assert type(bs.grad(lambda x: x * x)(1.0)) is not bs.Tensor
