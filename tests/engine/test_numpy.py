"""Plain NumPy calls on Tensors: NumPy's values, gradients by differences, and who is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import gradients
from backsight.engine.numpy_functions import CONSTANT, FUNCTIONS
from backsight.engine.protocols import CONSTANT_UFUNCS, NEAREST, UFUNCS
from backsight.errors import BacksightError, InPlaceError, UnsupportedError

from .numpy_rows import ROWS, Row, numbers


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def floats(tree: Any) -> list[Any]:
    """The float arrays of a tree of arguments, in order."""
    if isinstance(tree, list | tuple):
        return [found for part in tree for found in floats(part)]
    return [tree] if is_float(tree) else []


def replaced(tree: Any, new: Any) -> Any:
    """The tree with its float arrays replaced by what the iterator `new` gives."""
    if isinstance(tree, list | tuple):
        return type(tree)(replaced(part, new) for part in tree)
    return next(new) if is_float(tree) else tree


def arrays_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, list | tuple) else [result]


def weights(value: Any, place: int) -> Any:
    return np.random.default_rng((place, *np.shape(value))).standard_normal(np.shape(value))


def weighed(row: Row, given: list[Any]) -> float:
    """One number made of all results of a plain NumPy call."""
    result = row.function(*replaced(row.arguments, iter(given)), **row.keywords)
    return sum(float(np.sum(o * weights(o, i))) for i, o in enumerate(arrays_of(result)))


def differences(row: Row, given: list[Any], which: int, h: float = 1e-6) -> Any:
    slope = np.zeros(given[which].shape)
    for index in np.ndindex(slope.shape):
        ends = []
        for sign in (1, -1):
            moved = given[which].copy()
            moved[index] += sign * h
            ends.append(weighed(row, [*given[:which], moved, *given[which + 1 :]]))
        slope[index] = (ends[0] - ends[1]) / (2 * h)
    return slope


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_value_is_numpys_and_gradient_that_of_differences(row: Row) -> None:
    given = floats(row.arguments)
    leaves = [bs.tensor(each) for each in given]
    outs = arrays_of(row.function(*replaced(row.arguments, iter(leaves)), **row.keywords))
    plain = arrays_of(row.function(*row.arguments, **row.keywords))
    assert len(outs) == len(plain)
    for out, truth in zip(outs, plain, strict=True):
        assert isinstance(out, bs.Tensor)
        assert out.shape == np.shape(truth)
        np.testing.assert_allclose(out.value, truth, rtol=1e-14, atol=1e-14)
    found = gradients(outs, leaves, [weights(o.value, i) for i, o in enumerate(outs)])
    for place, gradient in enumerate(found):
        truth = differences(row, given, place)
        own = np.zeros_like(truth) if gradient is None else gradient
        np.testing.assert_allclose(own, truth, rtol=2e-7, atol=2e-7)


TEXTS = {np.array2string, np.array_repr, np.array_str}


def test_every_supported_function_has_a_row() -> None:
    tried = {row.function for row in ROWS}
    missing = {f.__name__ for f in {*FUNCTIONS, *UFUNCS} - TEXTS - tried}
    assert not missing


@pytest.mark.parametrize("function", sorted(CONSTANT, key=lambda f: f.__name__))
def test_functions_without_a_gradient_give_numpys_arrays(function: Any) -> None:
    x = numbers(6)
    arguments: dict[Any, tuple[Any, ...]] = {
        np.argpartition: (x, 2),
        np.bincount: (np.array([0, 2, 2]),),
        np.full_like: (x, 3.0),
        np.searchsorted: (np.sort(x), 0.1),
    }
    pair = {np.allclose, np.array_equal, np.isclose, np.may_share_memory, np.shares_memory}
    given = arguments.get(function, (x, x.copy()) if function in pair else (x,))
    made = bs.tensor(given[0], requires_grad=function is not np.bincount)
    result = function(made, *given[1:])
    assert not isinstance(result, bs.Tensor)
    if function is not np.empty_like:
        np.testing.assert_array_equal(result, function(*given))


@pytest.mark.parametrize("ufunc", sorted(CONSTANT_UFUNCS, key=lambda f: f.__name__))
def test_comparisons_give_arrays(ufunc: Any) -> None:
    x = numbers(6) > 0 if "bitwise" in ufunc.__name__ or ufunc is np.invert else numbers(6)
    given = (x, x[::-1].copy())[: ufunc.nin]
    made = [bs.tensor(each, requires_grad=False) for each in given]
    result = ufunc(*made)
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, ufunc(*given))


METHODS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("sum", (), {}), ("sum", (0,), {"keepdims": True}), ("mean", (), {"axis": -1}),
    ("max", (1,), {}), ("min", (), {}), ("var", (), {"ddof": 1}), ("std", (0,), {}),
    ("prod", (), {"axis": (0, 1)}), ("cumsum", (0,), {}), ("clip", (-0.3, 0.3), {}),
    ("clip", (), {"min": -0.3}), ("clip", (), {"max": 0.3}), ("squeeze", (), {}), ("ravel", (), {}),
    ("flatten", (), {}), ("repeat", (2,), {"axis": 0}), ("swapaxes", (0, 1), {}),
    ("round", (1,), {}),
    ("take", ([1, 1],), {"axis": 1}), ("trace", (), {}), ("reshape", (2, 8), {}),
    ("reshape", ((8, -1),), {}), ("reshape", (-1,), {}), ("reshape", ([2, 8],), {}),
    ("transpose", (), {}), ("transpose", (1, 0), {}), ("transpose", ((1, 0),), {}),
    ("transpose", (None,), {}), ("astype", (np.float32,), {}), ("astype", ("f4",), {"copy": False}),
    ("copy", (), {}), ("dot", (numbers(4, seed=9),), {}), ("argmax", (), {"axis": 1}),
    ("argmin", (), {}), ("argsort", (), {"axis": 0}), ("any", (), {}), ("all", (0,), {}),
    ("nonzero", (), {}), ("item", ((2, 3),), {}), ("tolist", (), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "keywords"), METHODS, ids=str)
def test_methods_are_ndarrays(name: str, args: Any, keywords: Any) -> None:
    x = numbers(4, 4)
    if name == "item":
        x, args = x[:1, :1], ()
    plain = getattr(x, name)(*args, **keywords)
    out = getattr(bs.tensor(x), name)(*args, **keywords)
    out = out.value if isinstance(out, bs.Tensor) else out
    for own, truth in zip(arrays_of(out), arrays_of(plain), strict=True):
        np.testing.assert_array_equal(own, truth)
        assert np.asarray(own).dtype == np.asarray(truth).dtype


@pytest.mark.parametrize("attribute", ["T", "mT", "shape", "ndim", "size", "dtype"])
def test_attributes_are_ndarrays(attribute: str) -> None:
    x = numbers(2, 3)
    out = getattr(bs.tensor(x), attribute)
    np.testing.assert_array_equal(
        out.value if isinstance(out, bs.Tensor) else out, getattr(x, attribute)
    )


REDUCED = [(np.add, np.sum), (np.multiply, np.prod), (np.maximum, np.max), (np.minimum, np.min)]


@pytest.mark.parametrize(("ufunc", "function"), REDUCED)
def test_reduce_of_a_ufunc_goes_over_its_first_axis(ufunc: Any, function: Any) -> None:
    x = numbers(3, 4)
    np.testing.assert_array_equal(ufunc.reduce(bs.tensor(x)).value, ufunc.reduce(x))
    np.testing.assert_array_equal(ufunc.reduce(bs.tensor(x), axis=None).value, function(x))


REFUSED = [
    (lambda t: np.median(t), "np.median", "np.sort"),
    (lambda t: np.cumprod(t), "np.cumprod", "np.cumsum"),
    (lambda t: np.insert(t, 0, 1.0), "np.insert", "np.concatenate"),
    (lambda t: np.arcsinh(t), "np.arcsinh", "np.sinh"),
    (lambda t: np.hypot(t, t), "np.hypot", "np.sqrt"),
    (lambda t: np.linalg.det(t), "np.linalg.det", "np."),
    (lambda t: np.fft.fft(t), "np.fft.fft", "np."),
    (lambda t: np.add.accumulate(t), "np.add.accumulate", "np.cumsum"),
    (lambda t: np.multiply.outer(t, t), "np.multiply.outer", "np.outer"),
    (lambda t: np.logical_and.reduce(t), "np.logical_and.reduce", "np."),
    (lambda t: np.add.at(np.zeros(3), [0], t), "np.add.at", "backsight.scatter"),
    (lambda t: t // 2, "np.floor_divide", "np.floor"),
    (lambda t: 2 % t, "np.remainder", "np.floor"),
    (lambda t: divmod(t, 2), "np.divmod", "np.floor"),
]


@pytest.mark.parametrize(("call", "name", "nearest"), REFUSED, ids=[r[1] for r in REFUSED])
def test_what_has_no_backward_is_refused_with_the_nearest(
    call: Any, name: str, nearest: str
) -> None:
    with pytest.raises(UnsupportedError) as caught:
        call(bs.tensor(numbers(3, 3)))
    said = str(caught.value)
    assert said.startswith(
        f"{name} has no backward here; the nearest supported function is {nearest}"
    )
    assert "tensor.value" in said
    assert "@backsight.op" in said


KEYWORDS = [
    (
        lambda t: np.sum(t, where=t > 0),
        "np.sum on a Tensor got an unexpected keyword argument 'where'",
    ),
    (lambda t: np.max(t, initial=0.0), "'initial'; it takes a, axis, keepdims"),
    (lambda t: np.add.reduce(t, initial=1.0), "np.sum on a Tensor"),
    (lambda t: t.sum(where=t > 0), "'where'; it takes a, axis, dtype, keepdims"),
    (lambda t: t.reshape(9, order="F"), "order='F'"),
    (lambda t: np.exp(t, where=t > 0), "np.exp on a Tensor takes no where="),
    (lambda t: np.add(t, t, dtype=np.float32), "takes no dtype="),
    (lambda t: np.pad(t, 1, mode="edge"), "one constant value"),
    (lambda t: np.linalg.norm(t, 2), "flatten it, or give one axis"),
    (lambda t: np.linalg.norm(t, "fro"), "flatten it, or give one axis"),
    (lambda t: np.einsum(t, [0, 1]), "subscripts as text"),
    (lambda t: np.trace(t[None]), "matrices only"),
    (lambda t: np.where(t), "it takes condition, x, y"),
]


@pytest.mark.parametrize(("call", "said"), KEYWORDS, ids=[k[1][-30:] for k in KEYWORDS])
def test_unsupported_keywords_are_named(call: Any, said: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        call(bs.tensor(numbers(3, 3)))
    assert said in str(caught.value)


OUTS = [
    lambda t, a: np.sum(t, out=a),
    lambda t, a: np.sum(t, None, None, a),
    lambda t, a: np.max(t, None, a),
    lambda t, a: np.clip(t, 0, 1, a),
    lambda t, a: np.add(t, t, out=a),
    lambda t, a: np.add(t, t, a),
    lambda t, a: np.argmax(t, out=a),
    lambda t, a: t.sum(out=a),
    lambda t, a: t.mean(None, None, a),
    lambda t, a: np.concatenate([t, t], out=a),
    lambda t, a: np.matmul(t, t, out=a),
]


@pytest.mark.parametrize("call", OUTS)
def test_out_is_refused(call: Any) -> None:
    array = np.zeros(())
    with pytest.raises(InPlaceError, match="leave out= away"):
        call(bs.tensor(numbers(3, 3)), array)
    assert array == 0


def test_uneven_split_is_refused_as_numpy_does() -> None:
    with pytest.raises(
        ValueError, match=r"5 along axis 0 do not divide into 2 equal parts.*array_split"
    ):
        np.split(bs.tensor(numbers(5)), 2)


def test_triangle_of_infinities_has_no_nan() -> None:
    mask = bs.tensor(np.full((3, 3), -np.inf))
    np.testing.assert_array_equal(np.triu(mask, 1).value, np.triu(mask.value, 1))
    np.testing.assert_array_equal(np.tril(mask).value, np.tril(mask.value))


def test_nearest_functions_are_supported() -> None:
    known = {*FUNCTIONS, *UFUNCS, *CONSTANT}
    for name in NEAREST.values():
        module, _, function = name.rpartition(".")
        found = getattr(bs if module == "backsight" else np, function)
        assert module == "backsight" or found in known, name


@pytest.mark.parametrize(("symbol", "truth"), [("&", False), ("|", True), ("^", True)])
def test_masks_combine_by_operators(symbol: str, truth: bool) -> None:
    masks = {name: bs.tensor(name == "a", requires_grad=False) for name in "ab"}
    assert eval(f"a {symbol} b", masks) == eval(f"b {symbol} a", masks) == truth
    assert not ~masks["a"]


def test_refusals_are_type_errors_too() -> None:
    with pytest.raises(TypeError) as caught:
        np.median(bs.tensor(numbers(3)))
    assert isinstance(caught.value, BacksightError)
