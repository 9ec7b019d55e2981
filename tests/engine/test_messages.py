"""What the engine says to a user: op, both sides by their names, file and line, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import BacksightError, DTypeError, IndexingError, ShapeError, UsageError

x = np.ones((32, 784), np.float32)
w1 = bs.tensor(np.ones((128, 784), np.float32))
b1 = bs.tensor(np.zeros(128, np.float32))
h = bs.tensor(np.ones((4, 3)))
v = bs.tensor(np.ones(5))
cache = {"h": h}
params = [w1, b1]


class Holder:
    w = w1


def raised(call: Callable[[], Any], kind: type[BacksightError] = ShapeError) -> list[str]:
    """The lines of the error of a call, with the file and line replaced by `here`."""
    with pytest.raises(kind) as error:
        call()
    assert type(error.value) is kind
    lines = str(error.value).split("\n")
    line = call.__code__.co_firstlineno
    pattern = rf"{re.escape(__file__)}:({line}|{line + 1}|{line + 2})\b"
    return [re.sub(pattern, "here", each) for each in lines]


SEE = "  see backsight explain ShapeError"


def test_linear_with_pytorchs_weight() -> None:
    self = Holder()
    assert raised(lambda: bs.linear(x, self.w, b1)) == [
        "linear: x (32, 784) cannot multiply self.w (128, 784): 784 ≠ 128",
        "  at here   bs.linear(x, self.w, b1)",
        "  self.w is expected as (D, M); did you store it as PyTorch does, (M, D)? Use self.w.T",
        SEE,
    ]


def test_matmul_that_fits_transposed() -> None:
    assert raised(lambda: x @ w1) == [
        "matmul: x (32, 784) cannot multiply w1 (128, 784): 784 ≠ 128",
        "  at here   x @ w1",
        "  w1 fits transposed. Use w1.T",
        SEE,
    ]


def test_matmul_that_fits_with_the_other_transposed() -> None:
    a, b = bs.tensor(np.ones((4, 3))), bs.tensor(np.ones((4, 6)))
    assert "  a fits transposed. Use a.T" in raised(lambda: a @ b)


NAMES = {
    "x @ w1": (lambda: x @ w1, "x", "w1"),
    "np.matmul": (lambda: np.matmul(x, w1), "x", "w1"),
    "keywords": (lambda: bs.linear(w=params[0], x=x), "x", "params[0]"),
    "optional input left out": (lambda: bs.linear(x, Holder.w), "x", "Holder.w"),
    "starred": (lambda: bs.linear(*[x, w1]), "x", "w"),
    "np.dot": (lambda: np.dot(h, v), "h", "v"),
    "method": (lambda: h.dot(v), "h", "v"),
    "subscript": (lambda: cache["h"] @ v, 'cache["h"]', "v"),
    "expressions": (lambda: (h + 1) @ (2 * v), "h + 1", "2 * v"),
    "sub-expression": (lambda: np.tanh(1 + (h @ v)), "h", "v"),
    "comprehension": (lambda: [h @ q for q in (v,)], "h", "q"),
}


@pytest.mark.parametrize("how", NAMES)
def test_operands_have_the_users_names(how: str) -> None:
    call, left, right = NAMES[how]
    first, *_ = raised(call)
    assert re.match(rf"\w+: {re.escape(left)} \(.*\) cannot multiply {re.escape(right)} \(", first)


def test_product_with_a_number() -> None:
    assert raised(lambda: h @ 2.0)[0] == (
        "matmul: 2.0 is a single number (shape ()); use * to scale"
    )


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("add", lambda: h + v),
        ("subtract", lambda: h - v),
        ("multiply", lambda: np.multiply(h, v)),
        ("divide", lambda: h / v),
        ("maximum", lambda: np.maximum(h, v)),
    ],
)
def test_broadcasting_names_the_axis(name: str, call: Any) -> None:
    first, place, see = raised(call)
    assert first == (
        f"{name}: h (4, 3) and v (5,) do not broadcast: axis -1 has 3 ≠ 5, and neither is 1"
    )
    assert place.startswith("  at here   ")
    assert see == SEE


def test_concatenate_lists_its_parts_by_name() -> None:
    first, place, given, see = raised(lambda: np.concatenate([h, cache["h"], v], axis=0))
    assert first.startswith("concatenate: all the input arrays must have same number of dimensions")
    assert place == '  at here   np.concatenate([h, cache["h"], v], axis=0)'
    assert given == ("  given h float64 (4, 3), cache['h'] float64 (4, 3), v float64 (5,); axis=0")
    assert see == SEE


def test_parts_of_a_list_variable_and_of_an_op_called_directly() -> None:
    parts = [h, v]
    assert "given parts[0] float64 (4, 3), parts[1] " in raised(lambda: np.stack(parts))[2]
    assert "given h float64 (4, 3), v float64 (5,)" in raised(lambda: bs.concatenate(h, v))[2]
    assert "given xs[0] float64 (4, 3), xs[1] " in raised(lambda: np.stack([*parts]))[2]


def test_reshape_gives_shape_and_setting() -> None:
    for call in (lambda: h.reshape(5, 2), lambda: np.reshape(h, (5, 2))):
        first, _, given, _ = raised(call)
        assert first == "reshape: cannot reshape array of size 12 into shape (5,2)"
        assert given == "  given h float64 (4, 3); shape=(5, 2)"


def test_index_out_of_range() -> None:
    first, place, given = raised(lambda: h[:, [0, 9]], IndexingError)
    assert first == "getitem: index 9 is out of bounds for axis 1 with size 3"
    assert place == "  at here   h[:, [0, 9]]"
    assert given.startswith("  given h float64 (4, 3); index=")
    assert given.endswith("[0, 9])")


def test_axis_out_of_range() -> None:
    assert raised(lambda: h.sum(axis=3), IndexingError) == [
        "sum: axis 3 is out of bounds for array of dimension 2",
        "  at here   h.sum(axis=3)",
        "  given h float64 (4, 3); axis=3, keepdims=False",
    ]


def test_arrays_among_the_settings_are_described() -> None:
    assert raised(lambda: np.clip(h, np.zeros(7), 1))[2] == (
        "  given h float64 (4, 3); low=(float64 (7,)), high=1"
    )


def test_first_argument_of_where_and_einsum_is_no_operand() -> None:
    assert raised(lambda: np.where(np.ones((2, 2), bool), h, 0))[2] == (
        "  given h float64 (4, 3), 0 int 0; condition=(bool (2, 2))"
    )
    assert raised(lambda: np.einsum("ij,jk->ik", h, cache["h"]))[2].startswith(
        '  given h float64 (4, 3), cache["h"] float64 (4, 3); spec='
    )


def test_checks_of_an_op_say_whose_arguments_they_mean() -> None:
    first, _, given = raised(lambda: bs.linear(x, w1.T, h))
    assert first == ("linear: b (4, 3) must be (128,), one number per column of w (784, 128)")
    assert given == "  given x float32 (32, 784), w1.T float32 (784, 128), h float64 (4, 3)"


def test_settings_that_are_no_matter_of_shapes_are_usage_errors() -> None:
    assert raised(lambda: np.linalg.norm(v, -2), UsageError)[0] == (
        "norm: ord is -2; it must be positive, inf or -inf"
    )
    raised(lambda: np.clip(v), UsageError)


def test_operands_that_are_no_numbers() -> None:
    first, place, _ = raised(lambda: h + "a", DTypeError)
    assert first.startswith("add: ufunc 'add' did not contain a loop")
    assert place == '  at here   h + "a"'
    raised(lambda: h**None, DTypeError)


def test_python_objects_that_are_no_operands() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        bs.sigmoid()
    with pytest.raises(TypeError, match="unexpected keyword argument 'axis'"):
        bs.sigmoid(h, axis=1)


def test_singular_matrix_is_numpys_error() -> None:
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        np.linalg.inv(bs.tensor(np.zeros((2, 2))))


def test_error_inside_a_layer_names_the_users_line() -> None:
    generator = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(784, 100, generator), nn.ReLU(), nn.Linear(128, 10, generator))
    first, place, _ = raised(lambda: net(x))
    assert first == "linear: x (32, 100) cannot multiply w (128, 10): 100 ≠ 128"
    assert place == "  at here   net(x)"


def test_error_inside_a_users_layer_names_its_line() -> None:
    class Net:
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 2, np.random.default_rng(0))

        def __call__(self, inputs: Any) -> Any:
            return self.layer(inputs)

    with pytest.raises(ShapeError) as error:
        Net()(np.ones((4, 5)))
    assert "x (4, 5) cannot multiply w (3, 2): 5 ≠ 3" in str(error.value)
    assert str(error.value).split("\n")[1].endswith("   self.layer(inputs)")


def test_expression_over_several_lines_is_told_on_one() -> None:
    with pytest.raises(ShapeError) as error:
        np.multiply(
            h,
            v,
        )
    assert str(error.value).split("\n")[1].endswith("   np.multiply( h, v, )")


def test_long_expression_is_cut() -> None:
    with pytest.raises(ShapeError) as error:
        (h + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1) + v
    _, place, _ = str(error.value).split("\n")
    assert place.endswith("…")
    assert len(place.split("   ", 1)[1]) == 90


def test_errors_are_kinds_that_python_programs_catch() -> None:
    with pytest.raises(ValueError, match="do not broadcast") as error:
        h + v
    assert isinstance(error.value, BacksightError)
    assert isinstance(error.value.__cause__, ValueError)  # NumPy's own is kept
    with pytest.raises(IndexError):
        h[9]


def test_tensor_given_as_an_attribute() -> None:
    said = raised(lambda: np.clip(h, 0.0, v), DTypeError)[0]
    assert said.startswith("clip: high is an attribute and gets no gradient, but a Tensor that ")
    assert "high.detach()" in said


def test_same_failure_without_a_tensor_tells_the_same() -> None:
    first, place, *_ = raised(lambda: bs.linear(x, w1.value))
    assert first == "linear: x (32, 784) cannot multiply w1.value (128, 784): 784 ≠ 128"
    assert place == "  at here   bs.linear(x, w1.value)"
