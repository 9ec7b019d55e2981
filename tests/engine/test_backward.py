"""One walk: what accumulates, what is freed, what a hook sees, what a failure leaves behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import gradients
from backsight.errors import GradientError
from backsight.ops.protocol import OPS, op


@op
def faulty(x: Any, *, fault: Any) -> Any:
    """Twice x; its backward does what `fault` says."""
    return 2 * x


@faulty.backward
def faulty_backward(dout: Any, fault: Any) -> Any:
    return fault(dout)


@op
def pair_of(x: Any, y: Any, *, fault: Any) -> Any:
    """The sum of two; its backward returns what `fault` says."""
    return x + y


@pair_of.backward
def pair_of_backward(dout: Any, fault: Any) -> Any:
    return fault(dout)


@op
def with_slope(x: Any) -> Any:
    """Half the sum of squares; its backward returns a local of the forward as it is."""
    slope = x * 1.0
    return 0.5 * np.sum(slope * x)


@with_slope.backward
def with_slope_backward(dout: Any, slope: Any) -> Any:
    return slope


@pytest.fixture(autouse=True, scope="module")
def ours_only() -> Any:
    yield
    for name in ("faulty", "pair_of", "with_slope"):
        OPS.pop(name, None)


def test_gradients_accumulate_in_grad() -> None:
    w = bs.tensor([1.0, 2.0])
    for _ in range(3):
        (w * 3).sum().backward()
    assert w.grad.tolist() == [9.0, 9.0]
    w.grad = None
    (w * 3).sum().backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_two_uses_accumulate() -> None:
    x = bs.tensor(3.0)
    (x * x).backward()
    assert x.grad == 6.0


def test_diamond() -> None:
    w = bs.tensor(2.0)
    h = w * 3
    (h + h * h).backward()
    assert w.grad == 3 + 2 * 6 * 3


def test_value_used_many_times_in_one_op_and_in_many() -> None:
    x = bs.tensor([1.0, 2.0])
    h = x * 2
    out = np.concatenate([h, h, h]).sum() + (h @ h) + h.sum() + h[0]
    out.backward()
    assert x.grad.tolist() == [2 * (3 + 4 + 1 + 1), 2 * (3 + 8 + 1)]


def test_unused_leaf_has_no_gradient() -> None:
    w, v = bs.tensor([1.0]), bs.tensor([1.0])
    (w * 2).sum().backward()
    assert v.grad is None


def test_branch_that_is_not_taken_gets_zeros() -> None:
    a, b = bs.tensor([1.0, 2.0]), bs.tensor([3.0, 4.0])
    np.where([True, True], a, b * 2).sum().backward()
    assert a.grad.tolist() == [1.0, 1.0]
    assert b.grad.tolist() == [0.0, 0.0]


def test_leaf_is_its_own_graph() -> None:
    w = bs.tensor(3.0)
    w.backward()
    w.backward()
    assert w.grad == 2.0


def test_upstream_gradient_is_given_or_one() -> None:
    w = bs.tensor([1.0, 2.0])
    for dout in (np.array([1.0, 10.0]), [1.0, 10.0], bs.tensor([1.0, 10.0])):
        w.grad = None
        (w * 2).backward(dout)
        assert w.grad.tolist() == [2.0, 20.0]
    one = bs.tensor([[3.0]])
    (one * 2).backward()
    assert one.grad.tolist() == [[2.0]]


def test_upstream_gradient_takes_the_dtype_of_its_value() -> None:
    w = bs.tensor(np.float32([1.0, 2.0]))
    (w * 2).backward(np.array([1.0, 2.0]))
    assert w.grad.dtype == np.float32


def test_wrong_beginnings_say_what_is_wrong() -> None:
    w = bs.tensor([1.0, 2.0])
    with pytest.raises(GradientError, match=r"shape \(2,\)\. Reduce it first.*backward\(dout\)"):
        (w * 2).backward()
    with pytest.raises(GradientError, match=r"has shape \(3,\), the value \(2,\)"):
        (w * 2).backward(np.ones(3))
    with pytest.raises(GradientError, match=r"constant.*no_grad\(\).*detach\(\).*\.item\(\)"):
        bs.tensor(1.0, requires_grad=False).backward()
    with bs.no_grad():
        h = w.sum()
    with pytest.raises(GradientError, match="constant"):
        h.backward()


def test_second_backward_needs_the_graph() -> None:
    w = bs.tensor([1.0, 2.0])
    loss = (w * w).sum()
    loss.backward()
    with pytest.raises(GradientError) as error:
        loss.backward()
    assert "went through this graph already and freed it" in str(error.value)
    assert f"at {__file__}:" in str(error.value)
    assert "retain_graph=True" in str(error.value)
    assert w.grad.tolist() == [2.0, 4.0]


def test_shared_part_is_needed_by_both_losses() -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * w
    first, second = h.sum(), (h * 2).sum()
    first.backward()
    with pytest.raises(GradientError, match="freed"):
        second.backward()
    assert w.grad.tolist() == [2.0, 4.0]


def test_retained_graph_is_walked_again_without_doubling() -> None:
    w = bs.tensor([1.0, 2.0])
    h = w * w
    loss = (h * h + h).sum()
    for _ in range(3):
        w.grad = None
        loss.backward(retain_graph=True)
        assert w.grad.tolist() == [4 * 1 + 2, 4 * 8 + 4]


FAULTS = {
    "raises": (lambda dout: 1 / 0, "the backward of faulty failed: division by zero"),
    "raises ValueError": (
        lambda dout: np.ones(2) + np.ones(3),
        "the backward of faulty failed: operands could not be broadcast",
    ),
    "None": (lambda dout: None, "the backward of faulty returned None for x"),
    "a number": (lambda dout: 2.0, "the backward of faulty returned 2.0 for x"),
    "wrong shape": (lambda dout: np.ones(5), "gradient of shape (5,) for x, which has shape (2,)"),
    "fewer axes": (lambda dout: np.ones(()), "gradient of shape () for x, which has shape (2,)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_backward_says_whose_it_is(fault: str) -> None:
    make, said = FAULTS[fault]
    w = bs.tensor([1.0, 2.0])
    loss = (faulty(w * 1.0, fault=make) + w).sum()
    with pytest.raises(GradientError) as error:
        loss.backward()
    assert said in str(error.value)
    assert f"at {__file__}:" in str(error.value)
    assert "faulty(w * 1.0, fault=make)" in str(error.value)
    assert w.grad is None


COUNTS = {
    "one for two": (lambda dout: dout, "returned 1 gradients for 2 inputs (x, y)"),
    "three for two": (lambda dout: (dout, dout, dout), "returned 3 gradients for 2 inputs (x, y)"),
    "a None": (lambda dout: (dout, None), "returned None for y"),
}


@pytest.mark.parametrize("fault", COUNTS)
def test_wrong_number_of_gradients_is_counted(fault: str) -> None:
    make, said = COUNTS[fault]
    with pytest.raises(GradientError) as error:
        pair_of(bs.tensor([1.0]), bs.tensor([2.0]), fault=make).sum().backward()
    assert said in str(error.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_backward_leaves_nothing_that_doubles_a_later_one(fault: str) -> None:
    make = FAULTS[fault][0]
    w, v = bs.tensor([1.0, 2.0]), bs.tensor([5.0, 6.0])
    h = w * v
    bad = (faulty(h, fault=make) * h + v).sum()
    with pytest.raises(GradientError):
        bad.backward(retain_graph=True)
    assert w.grad is None
    assert v.grad is None
    (h * 2).sum().backward()  # the same intermediate value, which had a gradient pending
    assert w.grad.tolist() == [10.0, 12.0]
    assert v.grad.tolist() == [2.0, 4.0]


def test_errors_of_other_kinds_pass_unchanged() -> None:
    class Stop(BaseException):
        pass

    def stop(dout: Any) -> Any:
        raise Stop

    w = bs.tensor([1.0])
    with pytest.raises(Stop):
        faulty(w, fault=stop).sum().backward()
    assert w.grad is None
    (w * 2).sum().backward()
    assert w.grad.tolist() == [2.0]


# Arrays of one's own


def test_gradients_of_two_leaves_never_alias() -> None:
    for loss in (
        lambda a, b: (a + b).sum(),
        lambda a, b: a + b,
        lambda a, b: (a + b).reshape(2, 1),
        lambda a, b: np.concatenate([a, b]),
        lambda a, b: np.stack([a, b])[::-1],
        lambda a, b: (a - b)[None] + a,
        lambda a, b: np.where([True, False], a, b),
    ):
        a, b = bs.tensor([1.0, 2.0]), bs.tensor([3.0, 4.0])
        out = loss(a, b)
        dout = np.ones(out.shape)
        out.backward(dout)
        kept = b.grad.copy()
        a.grad *= 7.0
        a.grad[:] = -1.0
        assert dout.tolist() == np.ones(out.shape).tolist()
        np.testing.assert_array_equal(b.grad, kept)
        assert (a.tolist(), b.tolist()) == ([1.0, 2.0], [3.0, 4.0])


def test_gradient_of_a_leaf_is_not_the_upstream_array() -> None:
    w, dout = bs.tensor([1.0, 2.0]), np.array([1.0, 1.0])
    w.backward(dout)
    w.grad *= 5
    assert dout.tolist() == [1.0, 1.0]


def test_gradient_can_be_written_to() -> None:
    w = bs.tensor([1.0, 2.0])
    w.sum().backward()  # its gradient is a broadcast view inside the walk
    w.grad *= 0.5
    np.clip(w.grad, 0.0, 0.25, out=w.grad)
    assert w.grad.tolist() == [0.25, 0.25]


def test_gradient_is_not_an_array_that_the_op_kept() -> None:
    w = bs.tensor([1.0, 2.0])
    loss = with_slope(w)
    loss.backward(retain_graph=True)
    w.grad *= 100.0
    w.grad = None
    loss.backward()
    assert w.grad.tolist() == [1.0, 2.0]


def test_gradients_leave_grad_alone_and_say_none() -> None:
    w, v = bs.tensor([1.0, 2.0]), bs.tensor([1.0])
    h = w * 2
    loss = (h * h).sum()
    found = gradients([loss], [w, h, v, loss], [np.ones(())])
    assert [None if g is None else np.asarray(g).tolist() for g in found] == [
        [8.0, 16.0],
        [4.0, 8.0],
        None,
        1.0,
    ]
    assert w.grad is None
