"""A wider constant widens what follows: said once per line; the gradient keeps the leaf's dtype."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.engine import failures
from backsight.errors import PrecisionWarning


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Begin and end without lines that were warned of."""
    failures._warned.clear()
    yield
    failures._warned.clear()


def warned(work: Callable[[], Any]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        work()
    return found


def narrow() -> Any:
    return bs.tensor(np.float32([1.0, 2.0]), name="w")


WIDENING = {
    "array": (lambda w, c: w * c, "multiply turned float32 into float64 because c is float64 (2,)"),
    "array on the left": (lambda w, c: c - w, "subtract turned float32 into float64 because c is"),
    "integers": (lambda w, c: w * np.array([1, 2]), "because np.array([1, 2]) is int64 (2,)"),
    "NumPy number": (lambda w, c: w * np.float64(2), "because np.float64(2) is float64 ()"),
    "matrix": (lambda w, c: np.eye(2) @ w, "matmul turned float32 into float64 because np.eye(2)"),
    "Tensor": (lambda w, c: w * bs.tensor(c), "because bs.tensor(c) is float64 (2,)"),
}


@pytest.mark.parametrize("how", WIDENING)
def test_widening_is_told_with_its_cause_and_the_gradient_is_cast_back(how: str) -> None:
    make, said = WIDENING[how]
    w = narrow()
    out = make(w, np.array([3.0, 4.0]))
    assert out.dtype == np.float64
    (found,) = warned(lambda: out.sum().backward())
    text = str(found.message)
    assert found.category is PrecisionWarning
    assert said in text
    assert f"at {__file__}:" in text
    assert ".astype(float32)" in text
    assert w.grad.dtype == np.float32


def test_warning_stands_at_the_users_line() -> None:
    w, c = narrow(), np.array([3.0, 4.0])
    out = w * c
    (found,) = warned(out.sum().backward)
    assert found.filename == __file__
    lines = Path(__file__).read_text().splitlines()
    assert lines[found.lineno - 1].strip() == "out = w * c"


def test_one_line_warns_once() -> None:
    w, c = narrow(), np.array([3.0, 4.0])

    def step() -> None:
        ((w * c).sum() + (w + c).sum()).backward()

    assert len(warned(lambda: [step() for _ in range(5)])) == 1


def test_two_lines_warn_twice() -> None:
    w, c = narrow(), np.array([3.0, 4.0])

    def step() -> None:
        first = w * c
        second = w + c
        (first + second).sum().backward()

    assert len(warned(lambda: [step() for _ in range(5)])) == 2


def test_half_widened_to_single() -> None:
    half, single = bs.tensor(np.float16([1.0])), bs.tensor(np.float32([2.0]))
    (found,) = warned((half * single).sum().backward)
    assert "turned float16 into float32 because single is float32 (1,)" in str(found.message)
    assert (half.grad.dtype, single.grad.dtype) == (np.float16, np.float32)


def test_layer_fed_with_float64_data_says_so() -> None:
    layer = nn.Linear(2, 2, np.random.default_rng(0))
    (found,) = warned(layer(np.ones((3, 2))).sum().backward)
    assert "linear turned float32 into float64 because x is float64 (3, 2)" in str(found.message)
    assert layer.w.grad.dtype == np.float32


SILENT: dict[str, Callable[[Any], Any]] = {
    "Python numbers": lambda w: (2.5 * w + 1) ** 2 / 3,
    "its own dtype": lambda w: w * np.float32([1.0, 2.0]),
    "booleans": lambda w: w * np.array([True, False]),
    "narrower": lambda w: w * np.float16([1.0, 2.0]),
    "asked for": lambda w: w.astype(np.float64) * np.array([1.0, 2.0]),
    "np.where": lambda w: np.where(w > 1, w, 0.0),
}


@pytest.mark.parametrize("how", SILENT)
def test_nothing_is_said_where_nothing_widens_unasked(how: str) -> None:
    w = narrow()
    assert warned(lambda: SILENT[how](w).sum().backward()) == []
    assert w.grad.dtype == np.float32


def test_warning_turned_into_an_error_leaves_no_gradient() -> None:
    w = narrow()
    loss = (w * np.array([3.0, 4.0])).sum()
    with pytest.raises(PrecisionWarning):
        loss.backward()
    assert w.grad is None
