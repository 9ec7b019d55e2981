"""Hooks: what they see, what they may change, and what they cannot break."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import GradientError
from backsight.ops.protocol import OPS, op


@op
def ends(x: Any) -> Any:
    """The first and the last element, as two outputs."""
    low = x[0] * 1.0
    high = x[-1] * 1.0
    return low, high


@ends.backward
def ends_backward(dlow: Any, dhigh: Any) -> Any:
    return np.stack([dlow, dhigh])


@pytest.fixture(autouse=True, scope="module")
def ours_only() -> Any:
    yield
    OPS.pop("ends", None)


def test_hook_sees_the_whole_gradient_once() -> None:
    w, seen = bs.tensor([1.0, 2.0]), []
    h = w * 1
    h.register_hook(lambda g: seen.append(g.copy()))
    (h + 2 * h + h).sum().backward()
    assert [g.tolist() for g in seen] == [[4.0, 4.0]]


def test_hook_replaces_the_gradient_of_values_and_leaves() -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * 3
    h.register_hook(lambda g: g * 10)
    h.register_hook(lambda g: g + 1)
    w.register_hook(lambda g: -g)
    h.sum().backward()
    assert w.grad.tolist() == [-33.0, -33.0]


def test_hook_sees_each_output_of_an_op_of_several() -> None:
    x = bs.tensor([1.0, 2.0])
    low, high = ends(x)
    seen: dict[str, Any] = {}
    low.register_hook(lambda g: seen.update(low=g) or g * 10)
    high.register_hook(lambda g: seen.update(high=g))
    (low * 2 + high * 3 + high).backward()
    assert seen == {"low": 2.0, "high": 4.0}
    assert x.grad.tolist() == [20.0, 4.0]


def test_removed_hook_is_silent() -> None:
    w, seen = bs.tensor([1.0]), []
    remove = w.register_hook(seen.append)
    remove()
    remove()
    (w * 2).sum().backward()
    assert seen == []


def test_raising_hook_leaves_no_gradient_behind() -> None:
    w = bs.tensor([1.0, 2.0])
    remove = w.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        (w * 3).sum().backward()
    remove()
    (w * 3).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_hook_of_the_wrong_shape_is_refused() -> None:
    w = bs.tensor([1.0, 2.0])
    w.register_hook(lambda g: g.sum())
    with pytest.raises(GradientError, match=r"a hook returned a gradient of shape \(\)"):
        (w * 3).sum().backward()


def test_hook_that_writes_into_its_gradient_changes_no_other() -> None:
    a, b = bs.tensor([1.0, 2.0]), bs.tensor([3.0, 4.0])
    h = a * 1.0

    def halve(g: Any) -> None:
        g *= 0.5

    h.register_hook(halve)
    try:
        (h + b).backward(np.ones(2))
    except ValueError:  # an array that is read-only says so
        b.grad = np.ones(2)
    assert b.grad.tolist() == [1.0, 1.0]


def test_gradient_is_not_the_array_that_a_hook_keeps() -> None:
    a, kept = bs.tensor([1.0, 2.0]), np.ones(2)
    a.register_hook(lambda g: kept)
    (a * 3).sum().backward()
    a.grad *= 2
    assert kept.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("answer", [lambda g: bs.tensor(g) * 2, lambda g: [2.0, 2.0], np.float64])
def test_gradient_is_an_array_whatever_a_hook_returns(answer: Any) -> None:
    a = bs.tensor(np.float32([1.0, 2.0]))
    a.register_hook((lambda g: g.astype(np.float64)) if answer is np.float64 else answer)
    (a * 3).sum().backward()
    assert type(a.grad) is np.ndarray
    assert a.grad.dtype == np.float32
