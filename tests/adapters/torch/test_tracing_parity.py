"""The same networks on the same numbers, by the engine and by PyTorch: the same traces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.traces.trace import Node, Trace

from .tracing import check_trace

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F = torch.nn.functional

Numbers = dict[str, Any]


def drawn(**shapes: tuple[int, ...]) -> Numbers:
    """Draw parameters, as PyTorch lays them out."""
    generator = np.random.default_rng(11)
    return {name: generator.normal(size=shape) * 0.6 for name, shape in shapes.items()}


X = np.random.default_rng(7).normal(size=(5, 6, 4))
IMAGES = np.random.default_rng(8).normal(size=(5, 2, 6, 6))
LABELS = np.array([0, 2, 1, 1, 0])
ACTIONS = np.array([[0], [2], [1], [1], [2]])


def mlp_engine(p: Numbers) -> Any:
    h = bs.relu(bs.linear(X[:, 0], p["w1"].T, p["b1"]))
    return bs.cross_entropy(bs.linear(h, p["w2"].T, p["b2"]), labels=LABELS)


def mlp_torch(p: Numbers) -> Any:
    h = F.relu(F.linear(torch.from_numpy(X[:, 0]), p["w1"], p["b1"]))
    return F.cross_entropy(F.linear(h, p["w2"], p["b2"]), torch.from_numpy(LABELS))


def cnn_engine(p: Numbers) -> Any:
    h = bs.conv2d(IMAGES, p["k"], p["kb"], padding=1)
    h = bs.max_pool2d(bs.relu(bs.batch_norm(h, p["gamma"], p["beta"])), size=2)
    return bs.cross_entropy(bs.linear(h.reshape(5, 27), p["w"].T, p["b"]), labels=LABELS)


def cnn_torch(p: Numbers) -> Any:
    h = F.conv2d(torch.from_numpy(IMAGES), p["k"], p["kb"], padding=1)
    h = F.batch_norm(
        h, torch.zeros(3).double(), torch.ones(3).double(), p["gamma"], p["beta"], training=True
    )
    h = F.max_pool2d(h.relu_(), 2)
    return F.cross_entropy(F.linear(h.flatten(1), p["w"], p["b"]), torch.from_numpy(LABELS))


def lstm_engine(p: Numbers) -> Any:
    h = c = np.zeros((5, 3))
    w_ih, w_hh = p["w_ih"].T, p["w_hh"].T
    hs = []
    for t in range(6):
        h, c = bs.lstm_cell(X[:, t], h, c, w_ih, w_hh, p["b_ih"], p["b_hh"])
        hs.append(h)
    last = bs.stack(*hs, axis=1)[:, -1]
    return bs.cross_entropy(bs.linear(last, p["w"].T, p["b"]), labels=LABELS)


def lstm_torch(p: Numbers) -> Any:
    weights = [p["w_ih"], p["w_hh"], p["b_ih"], p["b_hh"]]
    zero = torch.zeros(1, 5, 3, dtype=torch.float64)
    given = torch.from_numpy(X), (zero, zero)
    out, _, _ = torch._VF.lstm(*given, weights, True, 1, 0.0, True, False, True)
    return F.cross_entropy(F.linear(out[:, -1], p["w"], p["b"]), torch.from_numpy(LABELS))


def block_engine(p: Numbers) -> Any:
    wq, wk, wv = (p["w_in"][i * 4 : i * 4 + 4].T for i in range(3))
    bq, bk, bv = (p["b_in"][i * 4 : i * 4 + 4] for i in range(3))
    x = p["x"]
    own = bs.multi_head_attention(
        x, x, x, wq, wk, wv, p["w_out"].T, bq, bk, bv, p["b_out"], heads=2
    )
    h = bs.layer_norm(x + own, p["g1"], p["n1"])
    inner = bs.gelu(bs.linear(h, p["w1"].T, p["b1"]))
    h = bs.layer_norm(h + bs.linear(inner, p["w2"].T, p["b2"]), p["g2"], p["n2"])
    return bs.squared_error(h, X)


def block_torch(p: Numbers) -> Any:
    x = p["x"]
    turned = x.transpose(1, 0)
    given = (turned, turned, turned, 4, 2, p["w_in"], p["b_in"], None, None, False, 0.0)
    own, _ = F.multi_head_attention_forward(*given, p["w_out"], p["b_out"], need_weights=False)
    h = F.layer_norm(x + own.transpose(0, 1), (4,), p["g1"], p["n1"])
    inner = F.gelu(F.linear(h, p["w1"], p["b1"]))
    h = F.layer_norm(h + F.linear(inner, p["w2"], p["b2"]), (4,), p["g2"], p["n2"])
    return F.mse_loss(h, torch.from_numpy(X))


def dqn_engine(p: Numbers) -> Any:
    q = bs.gather(bs.linear(X[:, 0], p["w"].T, p["b"]), index=ACTIONS, axis=1)
    delta = np.squeeze(q, axis=(1,)) - X[:, 1, 0] * 3
    return (np.clip(delta, -1.0, 1.0) ** 2).mean()


def dqn_torch(p: Numbers) -> Any:
    q = F.linear(torch.from_numpy(X[:, 0]), p["w"], p["b"])
    q = q.gather(1, torch.from_numpy(ACTIONS)).squeeze(1)
    delta = q - torch.from_numpy(X[:, 1, 0] * 3)
    return (delta.clamp(-1.0, 1.0) ** 2).mean()


NETWORKS: dict[str, tuple[Callable[[Numbers], Any], Callable[[Numbers], Any], Numbers]] = {
    "mlp": (mlp_engine, mlp_torch, drawn(w1=(7, 4), b1=(7,), w2=(3, 7), b2=(3,))),
    "cnn": (
        cnn_engine,
        cnn_torch,
        drawn(k=(3, 2, 3, 3), kb=(3,), gamma=(3,), beta=(3,), w=(3, 27), b=(3,)),
    ),
    "lstm": (
        lstm_engine,
        lstm_torch,
        drawn(w_ih=(12, 4), w_hh=(12, 3), b_ih=(12,), b_hh=(12,), w=(3, 3), b=(3,)),
    ),
    "transformer block": (
        block_engine,
        block_torch,
        drawn(
            x=(5, 6, 4), w_in=(12, 4), b_in=(12,), w_out=(4, 4), b_out=(4,), w1=(8, 4), b1=(8,),
            w2=(4, 8), b2=(4,), g1=(4,), n1=(4,), g2=(4,), n2=(4,),
        ),
    ),
    "dqn": (dqn_engine, dqn_torch, drawn(w=(3, 4), b=(3,))),
}  # fmt: skip


def computing(trace: Trace) -> list[Node]:
    """Return the ops that compute: not what cuts or turns a given array, nor the batch's axis."""
    return [
        node
        for node in trace
        if not node.is_leaf
        and not given(trace, node)
        and not (node.op == "transpose" and node.attributes["axes"] is not None)
    ]


def given(trace: Trace, node: Node) -> bool:
    while node.op in ("transpose", "getitem"):
        node = trace[node.inputs[0].node]
    return node.is_leaf


@pytest.mark.parametrize("name", NETWORKS)
def test_engine_and_torch_trace_alike(name: str) -> None:
    by_engine, by_torch, numbers = NETWORKS[name]
    tensors = {key: bs.tensor(array, name=key) for key, array in numbers.items()}
    leaves = {key: torch.tensor(array, requires_grad=True) for key, array in numbers.items()}
    with bs.record() as r:
        by_engine(tensors).backward()
        by_torch(leaves).backward()
    own, other = r.traces
    assert (own.source, other.source) == ("engine", "torch")
    check_trace(other)
    assert [n.op for n in computing(own)] == [n.op for n in computing(other)]
    for a, b in zip(computing(own), computing(other), strict=True):
        assert a.attributes.keys() == b.attributes.keys()
        assert [e.argument for e in a.inputs] == [e.argument for e in b.inputs]
        compare(a.value, b.value, a)
        compare(a.grad, b.grad, a)
    for key, leaf in leaves.items():
        node = next(n for n in other.parameters() if n.value is not None and same(n, leaf))
        np.testing.assert_array_equal(node.grad, leaf.grad.numpy())
        np.testing.assert_allclose(tensors[key].grad, node.grad, rtol=1e-9, atol=1e-10)


def same(node: Node, leaf: Any) -> bool:
    return np.shape(node.value) == tuple(leaf.shape) and np.array_equal(
        node.value, leaf.detach().numpy()
    )


def compare(own: Any, other: Any, node: Node) -> None:
    """Compare values or gradients; a state that nobody uses has no gradient, or one of zeros."""
    if isinstance(own, tuple):
        for one, two in zip(own, other, strict=True):
            if one is None or two is None:
                assert not np.any(one if two is None else two), node.op
            else:
                compare(one, two, node)
        return
    np.testing.assert_allclose(own, other, rtol=1e-9, atol=1e-10, err_msg=node.op)
