"""What nodes hand on adds up to the gradients that the trace recorded; local derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.chain import contributions, local


def neuron() -> Any:
    w, b = bs.tensor([2.0, -3.0], name="w"), bs.tensor(-3.0, name="b")
    a = bs.sigmoid(np.dot(w, np.array([-1.0, -2.0])) + b)
    return 0.5 * (1.0 - a) ** 2


def batch_normed() -> Any:
    r = np.random.default_rng(0)
    x, gamma, beta = (
        bs.tensor(r.standard_normal((5, 3))),
        bs.tensor(np.ones(3)),
        bs.tensor(np.zeros(3)),
    )
    centred = x - np.mean(x, axis=0)
    variance = np.mean(centred**2, axis=0)
    return np.sum(np.sin(gamma * (centred / np.sqrt(variance + 1e-5)) + beta))


def network() -> Any:
    r = np.random.default_rng(0)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3, r), nn.BatchNorm(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(12, 4, r),
    )  # fmt: skip
    x = r.standard_normal((2, 1, 6, 6)).astype(np.float32)
    return bs.cross_entropy(net(x), labels=np.array([1, 2]))


def recurrent() -> Any:
    r = np.random.default_rng(0)
    out, (h, c) = nn.LSTM(3, 4, r, dtype=np.float64)(r.standard_normal((2, 3, 3)))
    return np.sum(out) + np.sum(h * c)


def attending() -> Any:
    r = np.random.default_rng(0)
    layer = nn.TransformerEncoderLayer(4, 2, r, hidden=8, dropout=0.0, dtype=np.float64)
    return np.sum(np.square(layer(bs.tensor(r.standard_normal((2, 3, 4))), causal=True)))


@pytest.mark.parametrize("make", [neuron, batch_normed, network, recurrent, attending])
def test_contributions_add_up_to_the_recorded_gradients(make: Any) -> None:
    trace = bs.trace(make())
    sums: dict[tuple[int, int], Any] = {}
    for node in trace:
        for edge, part in zip(node.inputs, contributions(trace, node), strict=True):
            if part is not None:
                key = (edge.node, edge.output)
                sums[key] = sums[key] + part if key in sums else part
    checked = 0
    for node in trace.nodes[:-1]:
        grads = node.grad if isinstance(node.grad, tuple) else (node.grad,)
        for output, gradient in enumerate(grads):
            if gradient is not None:
                np.testing.assert_allclose(sums[node.id, output], gradient, rtol=1e-6, atol=1e-9)
                checked += 1
    assert checked >= 5


def test_local_derivatives_of_the_neuron() -> None:
    trace = bs.trace(neuron())
    a = trace.named("a")
    (slope,) = local(trace, a)
    assert slope == pytest.approx(0.196612, abs=5e-7)  # a (1 − a)
    power = next(node for node in trace if node.op == "power")
    assert local(trace, power)[0] == pytest.approx(2 * (1 - 0.731059), abs=2e-6)


def test_unknown_ops_and_statistics_alone_have_none() -> None:
    import dataclasses

    trace = bs.trace(neuron())
    a = trace.named("a")
    assert contributions(trace, dataclasses.replace(a, op="torch:mystery")) == (None,)
    bare = tuple(dataclasses.replace(node, value=None) for node in trace)
    assert contributions(dataclasses.replace(trace, nodes=bare), bare[a.id]) == (None,)
