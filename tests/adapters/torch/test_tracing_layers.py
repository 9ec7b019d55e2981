"""Layers of PyTorch traced: recurrent ones unrolled, attention with its masks, what is opaque."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import backsight as bs
from backsight.traces.trace import Trace

from .tracing import check_trace, ops_of

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
nn = torch.nn


def traced(make: Callable[[], Any]) -> Trace:
    with bs.record() as r:
        make().backward()
    return r.trace


def draw(*shape: int) -> Any:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize(
    "options",
    [{}, {"batch_first": True, "num_layers": 2, "bidirectional": True}, {"bias": False}],
    ids=["plain", "deep", "no bias"],
)
def test_recurrent_layer_is_unrolled_into_cells(kind: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = getattr(nn, kind)(4, 3, **options).double()
    x = draw(3, 5, 4).requires_grad_()

    def loss() -> Any:
        out, last = layer(x)
        states = last if kind == "LSTM" else (last,)
        return out.square().sum() + sum((state**3).sum() for state in states)

    trace = traced(loss)
    steps = 5 * 4 if "num_layers" in options else 3
    assert ops_of(trace).count(f"{kind.lower()}_cell") == steps
    check_trace(trace)


@pytest.mark.parametrize("kind", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cell_in_a_loop(kind: str) -> None:
    torch.manual_seed(0)
    cell = getattr(nn, kind)(4, 3).double()
    xs = draw(6, 2, 4)

    def loss() -> Any:
        state = None
        for x in xs:
            state = cell(x, state)
        return sum(state).sum() if kind == "LSTMCell" else state.sum()

    trace = traced(loss)
    assert ops_of(trace).count(f"{kind.removesuffix('Cell').lower()}_cell") == 6
    check_trace(trace)


MASKS: dict[str, dict[str, Any]] = {
    "none": {},
    "causal": {"attn_mask": torch.triu(torch.ones(5, 5), 1).bool()},
    "padding": {"key_padding_mask": torch.tensor([[False] * 4 + [True]] * 3)},
    "both": {
        "attn_mask": torch.triu(torch.ones(5, 5), 1).bool(),
        "key_padding_mask": torch.tensor([[False] * 4 + [True]] * 3),
    },
    "added": {"attn_mask": draw(5, 5)},
}


@pytest.mark.parametrize("masks", MASKS)
def test_attention_with_its_masks(masks: str) -> None:
    torch.manual_seed(0)
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True).double(), draw(3, 5, 4)
    trace = traced(lambda: layer(x, x, x, **MASKS[masks])[0].square().sum())
    assert "multi_head_attention" in ops_of(trace)
    check_trace(trace)


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("need_weights", [True, False])
def test_attention_with_dropout(masks: str, need_weights: bool) -> None:
    torch.manual_seed(0)
    layer, x = nn.MultiheadAttention(4, 2, dropout=0.3, batch_first=True).double(), draw(3, 5, 4)
    options = {**MASKS[masks], "need_weights": need_weights}
    trace = traced(lambda: layer(x, x, x, **options)[0].square().sum())
    assert "dropout" in ops_of(trace)
    check_trace(trace)


def test_transformer_layers() -> None:
    torch.manual_seed(0)
    x = draw(3, 5, 4)
    encoder = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True).double()
    decoder = nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0, norm_first=True).double()
    trace = traced(lambda: decoder(encoder(x), x).square().sum())
    assert ops_of(trace).count("multi_head_attention") == 3
    check_trace(trace)
    assert {"encoder.self_attn", "decoder.multihead_attn"} <= {node.module for node in trace}


def test_float32_network_of_images() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 3),
    )  # fmt: skip
    trace = traced(lambda: net(draw(5, 1, 8, 8).float()).logsumexp(1).mean())
    assert ops_of(trace) == [
        "conv2d", "batch_norm", "relu", "max_pool2d", "reshape", "dropout", "transpose", "linear",
        "logsumexp", "mean",
    ]  # fmt: skip
    check_trace(trace, 1e-5)


# What is not known is opaque, and not guessed


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return 2 * gradient * ctx.saved_tensors[0]


def checkpointed(x: Any, *, reentrant: bool) -> Any:
    from torch.utils.checkpoint import checkpoint

    return checkpoint(lambda v: (v * 3).relu(), x, use_reentrant=reentrant).sum()


def written_into(x: Any) -> Any:
    y = x * 2
    y += 1
    y.mul_(3)
    y[0] = 0
    return y.sum()


def written_through_a_view(x: Any) -> Any:
    y = x * 1
    y[0].mul_(2)
    return y.sum()


def penalty(x: Any) -> Any:
    (slope,) = torch.autograd.grad(x.tanh().sum(), x, create_graph=True)
    return slope.square().mean()


OPAQUE: dict[str, tuple[Callable[[Any], Any], list[str]]] = {
    "custom function": (lambda x: Squared.apply(x).sum(), ["torch:squared", "sum"]),
    "checkpoint": (lambda x: checkpointed(x, reentrant=True), ["torch:checkpoint", "sum"]),
    "in place": (
        written_into, ["multiply", "add", "multiply", "torch:setitem", "sum"],
    ),
    "view": (written_through_a_view, ["multiply", "torch:copy_slices", "sum"]),
    "second order": (penalty, ["tanh", "sum", "torch:grad", "square", "mean"]),
    "vmap": (lambda x: torch.func.vmap(lambda r: r.sum())(x).sum(), ["torch:sum", "sum"]),
    "not in our table": (lambda x: x.acos().sum(), ["torch:acos", "sum"]),
    "ceil mode": (
        lambda x: torch.nn.functional.max_pool1d(x[None], 2, ceil_mode=True).sum(),
        ["getitem", "torch:max_pool1d", "sum"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPAQUE)
def test_what_has_no_counterpart_is_opaque(name: str) -> None:
    compute, ops = OPAQUE[name]
    x = (draw(3, 5) / 5).requires_grad_()
    trace = traced(lambda: compute(x))
    assert ops_of(trace) == ops
    check_trace(trace, opaque=1)
    own = next(node for node in trace.parameters())
    assert own.grad is not None
    torch.testing.assert_close(torch.tensor(own.grad), x.grad)


def test_checkpoint_without_reentering_is_seen_whole() -> None:
    x = draw(3, 5).requires_grad_()
    trace = traced(lambda: checkpointed(x, reentrant=False))
    assert ops_of(trace) == ["multiply", "relu", "sum"]
    check_trace(trace)


def test_a_wrong_conversion_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from backsight.adapters.torch.tracing import plans

    monkeypatch.setitem(plans.CONVERTERS, "sin", lambda do, x: do("cos", x))
    x = draw(3, 5).requires_grad_()
    assert ops_of(traced(lambda: x.sin().sum())) == ["torch:sin", "sum"]
