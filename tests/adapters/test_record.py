"""`record()`: several backwards, gradients that were there, hooks, threads; the seeds' neuron."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import observers
from backsight.errors import GradientError


def test_every_backward_inside_the_block_gives_a_trace() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    with bs.record() as r:
        (w * 3).sum().backward()
        (w * w).sum().backward()
    assert len(r.traces) == 2
    assert r.trace is r.traces[-1]
    assert [t.named("w").grad.tolist() for t in r.traces] == [[3.0, 3.0], [2.0, 4.0]]
    assert w.grad.tolist() == [5.0, 7.0]
    (w * 3).sum().backward()
    assert len(r.traces) == 2


def test_trace_of_a_record_is_that_of_trace() -> None:
    w, x = bs.tensor([[1.0, 2.0]], name="w"), np.array([[3.0], [4.0]])
    loss = np.tanh(x @ w).sum()
    before = bs.trace(loss)
    with bs.record() as r:
        loss.backward()
    assert [(n.op, n.name, n.inputs) for n in r.trace] == [(n.op, n.name, n.inputs) for n in before]
    for own, other in zip(r.trace, before, strict=True):
        np.testing.assert_array_equal(own.value, other.value)
        np.testing.assert_array_equal(own.grad, other.grad)


def test_gradient_of_this_walk_is_exact_beside_a_large_one() -> None:
    w = bs.tensor(np.float32([1.0, 2.0]), name="w")
    w.grad = np.float32([1e8, np.inf])
    with bs.record() as r:
        (w * 3).sum().backward()
    assert r.trace.named("w").grad.tolist() == [3.0, 3.0]


def test_gradients_of_broadcast_and_repeated_leaves_are_summed() -> None:
    b = bs.tensor(np.float32([1.0]), name="b")
    b.grad = np.float32([100.0])
    with bs.record() as r:
        (b * np.float32([[1.0, 2.0], [3.0, 4.0]]) + b).sum().backward()
    assert r.trace.named("b").grad.tolist() == [14.0]
    assert r.trace.named("b").grad.dtype == np.float32
    assert b.grad.tolist() == [114.0]


def test_leaf_that_gets_nothing_has_no_gradient_even_if_it_had_one() -> None:
    w, unused = bs.tensor([1.0], name="w"), bs.tensor([2.0], name="unused")
    unused.grad = np.array([5.0])
    with bs.record() as r:
        (w * unused.detach()).sum().backward()
    assert r.trace.named("w").grad.tolist() == [2.0]
    assert [n.name for n in r.trace.parameters()] == ["w"]


def test_gradient_changed_by_a_hook_is_the_one_told() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    h = w * 2
    h.register_hook(lambda gradient: gradient * 10)
    w.register_hook(lambda gradient: -gradient)
    with bs.record() as r:
        h.sum().backward()
    assert r.trace.named("w").grad.tolist() == [-20.0, -20.0]
    assert r.trace.named("h").grad.tolist() == [10.0, 10.0]


def test_backward_with_an_upstream_gradient() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    with bs.record() as r:
        (w * 3).backward(np.array([1.0, 10.0]))
    assert r.trace.loss.grad.tolist() == [1.0, 10.0]
    assert r.trace.named("w").grad.tolist() == [3.0, 30.0]


def test_traces_keep_their_numbers_through_an_update() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    optimizer = bs.nn.optim.SGD([w], lr=0.5)
    with bs.record() as r:
        for _ in range(2):
            optimizer.zero_grad()
            (w * w).sum().backward()
            w.grad *= 1.0
            optimizer.step()
    assert [t.parameters()[0].value.tolist() for t in r.traces] == [[1.0, 2.0], [0.0, 0.0]]
    assert r.traces[0].parameters()[0].grad.tolist() == [2.0, 4.0]


def test_failed_backward_gives_no_trace_and_no_trouble() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    remove = w.register_hook(lambda gradient: 1 / 0)
    with bs.record() as r:
        with pytest.raises(ZeroDivisionError):
            (w * 2).sum().backward()
        with pytest.raises(GradientError):
            r.trace  # noqa: B018
        remove()
        (w * 2).sum().backward()
    assert len(r.traces) == 1
    assert r.trace.named("w").grad.tolist() == [2.0, 2.0]


def test_block_without_a_backward_says_so() -> None:
    with bs.record() as r:
        pass
    with pytest.raises(GradientError, match="no backward pass ran inside the block"):
        r.trace  # noqa: B018


def test_error_inside_the_block_ends_the_recording() -> None:
    with pytest.raises(KeyError), bs.record():
        raise KeyError
    assert observers.active == []


def test_nested_records_both_see() -> None:
    w = bs.tensor([1.0])
    with bs.record() as outer:
        w.sum().backward()
        with bs.record() as inner:
            (w * 2).sum().backward()
    assert (len(outer.traces), len(inner.traces)) == (2, 1)


def test_backward_inside_a_hook_is_a_trace_of_its_own() -> None:
    w, v = bs.tensor([1.0], name="w"), bs.tensor([5.0], name="v")
    h = w * 2
    other = (v * 7).sum()
    h.register_hook(lambda gradient: other.backward())
    with bs.record() as r:
        (h * 3).sum().backward()
    assert [[n.name for n in t.parameters()] for t in r.traces] == [["v"], ["w"]]
    assert r.traces[1].named("w").grad.tolist() == [6.0]


def test_other_threads_are_not_recorded() -> None:
    w = bs.tensor([1.0, 2.0], name="w")

    def other() -> None:
        for _ in range(50):
            (w * 5).sum().backward()

    with bs.record() as r:
        thread = threading.Thread(target=other)
        thread.start()
        for _ in range(50):
            (np.tanh(w) * w).sum().backward()
        thread.join()
    assert len(r.traces) == 50
    assert all([n.op for n in t][-1] == "sum" and len(t) == 4 for t in r.traces)


def test_gradients_and_functions_are_not_observed() -> None:
    with bs.record() as r:
        bs.grad(lambda x: x * x)(3.0)
    assert r.traces == []


# The single neuron of the third seed, worked by hand there


def neuron(W: Any, b: Any) -> Any:
    x, y = np.array([-1.0, -2.0]), 1.0
    z = W @ x + b
    a = bs.sigmoid(z)
    C = 0.5 * (y - a) ** 2
    return C


def test_the_seeds_neuron() -> None:
    W, b = bs.tensor([2.0, -3.0], name="W"), bs.tensor(-3.0, name="b")
    with bs.record() as r:
        neuron(W, b).backward()
    named = r.trace.named
    assert named("z").value == 1.0
    assert float(named("a").value) == pytest.approx(0.731059, abs=5e-7)
    assert float(named("C").value) == pytest.approx(0.036165, abs=5e-7)
    delta = float(named("z").grad)
    assert delta == pytest.approx(-0.052877, abs=5e-7)
    assert float(named("a").grad) == pytest.approx(0.731059 - 1, abs=5e-7)
    np.testing.assert_allclose(named("W").grad, [-delta, -2 * delta], rtol=1e-14)
    assert float(named("b").grad) == delta
    W.value -= W.grad
    b.value -= b.grad
    np.testing.assert_allclose(W.value, [1.947123, -3.105754], atol=5e-7)
    assert b.item() == pytest.approx(-2.947123, abs=5e-7)
    again = bs.trace(neuron(W, b))
    assert float(again.named("a").value) == pytest.approx(0.788726, abs=5e-7)


def test_trace_comes_back_from_a_file(tmp_path: Path) -> None:
    W, b = bs.tensor([2.0, -3.0], name="W"), bs.tensor(-3.0, name="b")
    trace = bs.trace(neuron(W, b))
    path = tmp_path / "neuron.npz"
    bs.save(trace, path)
    again = bs.load(path)
    assert again.source == "engine"
    for own, other in zip(again, trace, strict=True):
        assert (own.op, own.name, own.inputs, own.where) == (
            other.op,
            other.name,
            other.inputs,
            other.where,
        )
        np.testing.assert_array_equal(own.value, other.value)
        if other.grad is None:
            assert own.grad is None
        else:
            np.testing.assert_array_equal(own.grad, other.grad)


def test_trace_with_every_kind_of_attribute_comes_back(tmp_path: Path) -> None:
    w = bs.tensor(np.arange(12.0).reshape(3, 4) / 7, name="w")
    h = np.where(w > 0.5, w, 0.1) * np.clip(w, None, np.array([0.2, 0.4, 0.6, 0.8]))
    h = h[:, [0, 2, 2]][..., ::-1][None] + np.einsum("ij,kj->ik", w, w).astype(np.float64)
    first, second = np.split(h.transpose(0, 2, 1), [1], axis=1)
    loss = (first.sum() * second.max()) + bs.cross_entropy(w, labels=np.array([0, 1, 3]))
    trace = bs.trace(loss)
    path = tmp_path / "all.npz"
    bs.save(trace, path)
    again = bs.load(path)
    assert [n.op for n in again] == [n.op for n in trace]
    for own, other in zip(again, trace, strict=True):
        assert repr(dict(own.attributes)) == repr(dict(other.attributes))
