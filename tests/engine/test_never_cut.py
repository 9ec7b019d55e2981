"""Nothing turns a Tensor into a number or an array silently: it raises, with advice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import BacksightError, DTypeError, InPlaceError

WAYS = {
    "np.asarray": lambda t, s, a: np.asarray(t),
    "np.array": lambda t, s, a: np.array(t),
    "np.array of objects": lambda t, s, a: np.array(t, dtype=object),
    "np.array of a list": lambda t, s, a: np.array([t, t]),
    "np.array of numbers": lambda t, s, a: np.array([1.0, s]),
    "np.array of one object": lambda t, s, a: np.array([s], dtype=object),
    "np.sum of a list": lambda t, s, a: np.sum([s, s]),
    "np.mean of a list": lambda t, s, a: np.mean([t, t], axis=0),
    "np.float64": lambda t, s, a: np.float64(s),
    "np.full": lambda t, s, a: np.full(3, s),
    "np.full_like": lambda t, s, a: np.full_like(a, s),
    "float": lambda t, s, a: float(s),
    "int": lambda t, s, a: int(s),
    "complex": lambda t, s, a: complex(s),
    "math.exp": lambda t, s, a: math.exp(s),
    "a list's index": lambda t, s, a: [1, 2, 3][s],
    "range": lambda t, s, a: range(s),
    "percent": lambda t, s, a: f"{'%.2f'}" % s,
    "a[:] =": lambda t, s, a: a.__setitem__(slice(None), t),
    "a[[0]] =": lambda t, s, a: a.__setitem__([0], t[:1]),
    "a +=": lambda t, s, a: a.__iadd__(t),
    "a @=": lambda t, s, a: np.eye(3).__imatmul__(t),
    "out=": lambda t, s, a: np.add(t, t, out=a),
    "out= of constants": lambda t, s, a: np.add(a, a, out=t),
    "np.add.at": lambda t, s, a: np.add.at(a, [0], s),
    "np.copyto": lambda t, s, a: np.copyto(a, t),
    "np.put": lambda t, s, a: np.put(a, [0], s),
    "np.place": lambda t, s, a: np.place(a, a == 0, t),
    "np.putmask": lambda t, s, a: np.putmask(a, a == 0, t),
    "np.fill_diagonal": lambda t, s, a: np.fill_diagonal(np.eye(3), t),
    "an array's index": lambda t, s, a: a[s],
    "np.vectorize": lambda t, s, a: np.vectorize(lambda x: x)(t),
    "a generator's parameter": lambda t, s, a: np.random.default_rng(0).normal(s),
    "tensor of a list": lambda t, s, a: bs.tensor([s, s]),
    "assigning a list": lambda t, s, a: setattr(bs.tensor(a), "value", [s, s, s]),
    "an op's attribute": lambda t, s, a: np.clip(t, 0.0, s),
}


@pytest.mark.parametrize("how", WAYS)
def test_conversion_raises_with_advice(how: str) -> None:
    array = np.zeros(3)
    with pytest.raises(BacksightError) as error:
        WAYS[how](bs.tensor([1.0, 2.0, 3.0]), bs.tensor(2.0), array)
    assert isinstance(error.value, TypeError | InPlaceError)
    said = str(error.value)
    advice = (".value", ".item()", "leave out= away", "np.stack", "detach()")
    assert any(word in said for word in advice)
    assert not array.any()


ONE_ELEMENT = {
    "a[0] =": lambda s, a: a.__setitem__(0, s),
    "a.fill": lambda s, a: a.fill(s),
    "np.fromiter": lambda s, a: np.fromiter([s], float),
}


@pytest.mark.parametrize("how", ONE_ELEMENT)
def test_numpy_reports_our_advice_as_the_cause(how: str) -> None:
    array = np.zeros(3)
    with pytest.raises(ValueError, match="with a sequence") as error:
        ONE_ELEMENT[how](bs.tensor(2.0), array)
    assert isinstance(error.value.__cause__, DTypeError)
    assert not array.any()


def test_advice_is_followed_easily() -> None:
    t, s = bs.tensor([1.0, 2.0]), bs.tensor(2.0)
    assert np.asarray(t.value).tolist() == t.tolist() == [1.0, 2.0]
    assert float(s.item()) == 2.0
    assert np.stack([s, s]).tolist() == [2.0, 2.0]


def test_lists_of_tensors_join_by_python_and_by_stack() -> None:
    parts = [bs.tensor(float(i)) for i in range(3)]
    total = sum(parts) * max(parts) + np.sum(np.stack(parts) ** 2)
    total.backward()
    assert [float(p.grad) for p in parts] == [2.0, 4.0, 9.0]


def test_conversion_raises_inside_no_grad_too() -> None:
    with bs.no_grad(), pytest.raises(DTypeError):
        np.asarray(bs.tensor(2.0) * 3)


def test_detach_is_a_constant_of_the_same_value() -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * 3
    (h * h.detach()).sum().backward()
    assert w.grad.tolist() == [9.0, 18.0]
    assert not h.detach().requires_grad


def test_arrays_on_the_left_are_recorded() -> None:
    t, a = bs.tensor([1.0, 2.0]), np.array([3.0, 5.0])
    for out in (a + t, a - t, a * t, a / t, a**t, a @ t, np.float64(2) * t, a[None] * t):
        assert isinstance(out, bs.Tensor)
        assert out.requires_grad
    (a - t).sum().backward()
    assert t.grad.tolist() == [-1.0, -1.0]


def test_in_place_operator_on_an_array_with_a_tensor_is_refused() -> None:
    total: Any = np.zeros(2)
    with pytest.raises(InPlaceError, match="leave out= away"):
        total += bs.tensor([1.0, 2.0])
    assert total.tolist() == [0.0, 0.0]
