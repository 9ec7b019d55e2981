"""Attention and the blocks of a transformer against PyTorch's, with copied parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import ShapeError, UsageError

from .against_torch import compare


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def of_attention(ours: Any, theirs: Any) -> list[tuple[Any, Any, bool]]:
    """Match the parameters of attention; PyTorch packs the first three projections."""
    e = ours.features
    weight, bias = theirs.in_proj_weight, theirs.in_proj_bias
    return [
        *((w, Part(weight, i * e, e), True) for i, w in enumerate((ours.w_q, ours.w_k, ours.w_v))),
        *((b, Part(bias, i * e, e), False) for i, b in enumerate((ours.b_q, ours.b_k, ours.b_v))),
        (ours.w_o, theirs.out_proj.weight, True),
        (ours.b_o, theirs.out_proj.bias, False),
    ]


class Part:
    """Some rows of a packed parameter."""

    def __init__(self, whole: Any, begin: int, count: int) -> None:
        self.whole, self.rows = whole, slice(begin, begin + count)

    def copy_(self, value: Any) -> None:
        self.whole[self.rows].copy_(value)

    @property
    def grad(self) -> Any:
        return self.whole.grad[self.rows]


def of_block(ours: Any, theirs: Any) -> list[tuple[Any, Any, bool]]:
    found = of_attention(ours.attention, theirs.self_attn)
    if hasattr(ours, "crossing"):
        found += of_attention(ours.crossing, theirs.multihead_attn)
    for mine, given in ((ours.first, theirs.linear1), (ours.second, theirs.linear2)):
        found += [(mine.w, given.weight, True), (mine.b, given.bias, False)]
    for i, norm in enumerate(ours.norms, start=1):
        given = getattr(theirs, f"norm{i}")
        found += [(norm.gamma, given.weight, False), (norm.beta, given.bias, False)]
    return found


@pytest.mark.torch
@pytest.mark.parametrize("masked", ["no", "keys", "causal"])
def test_attention_agrees_with_pytorch(masked: str) -> None:
    torch = pytest.importorskip("torch")
    ours = nn.MultiHeadAttention(8, 2, rng(), dtype=np.float64)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    t, s = (5, 5) if masked == "causal" else (5, 6)
    may = rng().random((3, s)) < 0.6
    may[:, 0] = True

    def called(q: Any, k: Any, v: Any) -> Any:
        if masked == "keys":
            return ours(q, k, v, mask=may[:, None, None, :])
        return ours(q, k, v, causal=masked == "causal")

    def truth(q: Any, k: Any, v: Any) -> Any:
        hidden = torch.tensor(~may) if masked == "keys" else None
        later = torch.triu(torch.ones(t, s, dtype=torch.bool), 1) if masked == "causal" else None
        return theirs(q, k, v, key_padding_mask=hidden, attn_mask=later, need_weights=False)[0]

    given = [rng().standard_normal((3, n, 8)) for n in (t, s, s)]
    compare(called, theirs, of_attention(ours, theirs), given, rng=rng(), call=truth)


@pytest.mark.torch
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_encoder_layer_agrees_with_pytorch(training: bool, norm_first: bool, causal: bool) -> None:
    torch = pytest.importorskip("torch")
    drop = 0.0 if training else 0.5
    ours = nn.TransformerEncoderLayer(
        8, 2, rng(), hidden=16, dropout=drop, norm_first=norm_first, dtype=np.float64
    )
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 16, drop, batch_first=True, norm_first=norm_first, dtype=torch.float64
    )
    nn.train(ours, training)
    theirs.train(training)
    later = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1) if causal else None
    compare(
        lambda x: ours(x, causal=causal),
        theirs,
        of_block(ours, theirs),
        [rng().standard_normal((3, 5, 8))],
        rng=rng(),
        call=lambda x: theirs(x, src_mask=later),
    )


@pytest.mark.torch
@pytest.mark.parametrize("norm_first", [False, True])
def test_decoder_layer_agrees_with_pytorch(norm_first: bool) -> None:
    torch = pytest.importorskip("torch")
    ours = nn.TransformerDecoderLayer(
        8,
        2,
        rng(),
        hidden=16,
        dropout=0,
        norm_first=norm_first,
        activation=bs.gelu,
        dtype=np.float64,
    )
    theirs = torch.nn.TransformerDecoderLayer(
        8,
        2,
        16,
        0.0,
        activation="gelu",
        batch_first=True,
        norm_first=norm_first,
        dtype=torch.float64,
    )
    later = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    given = [rng().standard_normal((3, n, 8)) for n in (5, 4)]
    compare(
        ours,
        theirs,
        of_block(ours, theirs),
        given,
        rng=rng(),
        call=lambda x, memory: theirs(x, memory, tgt_mask=later),
    )


def test_dropped_attention_weights_keep_the_expected_output() -> None:
    layer = nn.MultiHeadAttention(4, 2, rng(), dropout=0.5, dtype=np.float64)
    x = rng().standard_normal((1, 6, 4))
    with nn.evaluating(layer):
        whole = layer(x).value
    drawn = np.array([layer(x).value for _ in range(4000)])
    error = drawn.std(axis=0) / len(drawn) ** 0.5
    assert np.all(np.abs(drawn.mean(axis=0) - whole) < 5 * error)
    layer.drop.p = 0.0
    np.testing.assert_allclose(layer(x).value, whole, rtol=1e-12)


def test_attention_in_single_ops_has_the_gradient_of_the_one_op() -> None:
    layer = nn.MultiHeadAttention(4, 2, rng(), dtype=np.float64)
    x = bs.tensor(rng().standard_normal((2, 3, 4)))
    np.sum(np.sin(layer(x, causal=True))).backward()
    whole = x.grad
    x.grad = None
    np.sum(np.sin(layer._dropping(x, x, x, None, True))).backward()
    np.testing.assert_allclose(x.grad, whole, rtol=1e-11, atol=1e-14)


def test_places_are_those_of_the_paper() -> None:
    added = nn.PositionalEncoding(6, dtype=np.float64)(np.zeros((1, 4, 6)))
    t, i = 3, 1
    assert added[0, t, 2 * i] == pytest.approx(np.sin(t / 10_000 ** (2 * i / 6)))
    assert added[0, t, 2 * i + 1] == pytest.approx(np.cos(t / 10_000 ** (2 * i / 6)))
    with pytest.raises(ShapeError, match="T ≤ 2"):
        nn.PositionalEncoding(6, longest=2)(np.zeros((1, 4, 6)))


def test_sizes_are_checked() -> None:
    with pytest.raises(UsageError, match="8 features do not divide into 3 heads"):
        nn.MultiHeadAttention(8, 3, rng())
    with pytest.raises(UsageError, match="even"):
        nn.PositionalEncoding(5)
