"""Recurrent cells and attention: PyTorch's modules, masks, large values, and what errors say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backsight.engine import Tensor, tensor
from backsight.errors import DTypeError, ShapeError, UsageError
from backsight.ops.sequences.recurrent import gru_cell, lstm_cell, rnn_cell
from backsight.ops.sequences.transformer import (
    attention,
    join_heads,
    masked_softmax,
    multi_head_attention,
    split_heads,
)

from .sample import normal
from .samples_sequences import heads_of, qkv, step, with_cell_state


def transposed(parameter: Any) -> Tensor:
    """A parameter of PyTorch's in our layout."""
    return tensor(parameter.detach().numpy().T)


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_modules_of_pytorch_can_be_taken_over(kind: str) -> None:
    """Four steps with its weights give its states, and the gradients of its weights."""
    torch = pytest.importorskip("torch")
    module = getattr(torch.nn, kind)(3, 2, batch_first=True).double()
    x = normal(2, 4, 3)
    states, _ = module(torch.tensor(x))
    (states**2).sum().backward()
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    theirs = [getattr(module, name) for name in names]
    ours = [transposed(p) for p in theirs]
    h: Any = np.zeros((2, 2))
    c: Any = np.zeros((2, 2))
    loss: Any = 0.0
    for t in range(4):
        if kind == "LSTM":
            h, c = lstm_cell(x[:, t], h, c, *ours)
        else:
            h = (rnn_cell if kind == "RNN" else gru_cell)(x[:, t], h, *ours)
        np.testing.assert_allclose(h.value, states[:, t].detach().numpy(), rtol=1e-12)
        loss = loss + np.sum(h * h)
    loss.backward()
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, its.grad.numpy().T, rtol=1e-10, atol=1e-14)


def test_a_state_that_nobody_uses_gets_zeros() -> None:
    inputs = [tensor(x) for x in with_cell_state(step(4))]
    h_next, _ = lstm_cell(*inputs)
    np.sum(h_next).backward()
    assert all(np.all(np.isfinite(x.grad)) for x in inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saturated_cells_give_numbers(dtype: Any) -> None:
    for cell, inputs in (
        (rnn_cell, step(1)),
        (gru_cell, step(3)),
        (lstm_cell, with_cell_state(step(4))),
    ):
        given = [tensor((1000 * x).astype(dtype)) for x in inputs]
        out = cell(*given)
        (out[0] if isinstance(out, tuple) else out).sum().backward()
        assert all(np.all(np.isfinite(x.grad)) for x in given)


@pytest.mark.torch
@pytest.mark.parametrize("causal", [False, True])
def test_multi_head_attention_is_that_of_pytorch(causal: bool) -> None:
    """Packed projections are cut into three: in_proj_weight[:E].T and so on."""
    torch = pytest.importorskip("torch")
    module = torch.nn.MultiheadAttention(4, 2, batch_first=True).double()
    torch.nn.init.normal_(module.in_proj_bias)
    torch.nn.init.normal_(module.out_proj.bias)
    x = normal(2, 3, 4)
    barred = ~torch.ones(3, 3, dtype=torch.bool).tril() if causal else None
    given = torch.tensor(x, requires_grad=True)
    truth, _ = module(given, given, given, attn_mask=barred, need_weights=False)
    truth.backward(torch.tensor(normal(2, 3, 4, seed=1)))

    w = [transposed(part) for part in module.in_proj_weight.chunk(3)]
    b = [transposed(part) for part in module.in_proj_bias.chunk(3)]
    w_o, b_o = transposed(module.out_proj.weight), transposed(module.out_proj.bias)
    t = tensor(x)
    out = multi_head_attention(t, t, t, *w, w_o, *b, b_o, heads=2, causal=causal)
    out.backward(normal(2, 3, 4, seed=1))
    np.testing.assert_allclose(out.value, truth.detach().numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(t.grad, given.grad.numpy(), rtol=1e-10, atol=1e-14)
    packed = np.concatenate([each.grad.T for each in w])
    np.testing.assert_allclose(packed, module.in_proj_weight.grad.numpy(), rtol=1e-10, atol=1e-14)
    bias = np.concatenate([each.grad for each in b])
    np.testing.assert_allclose(bias, module.in_proj_bias.grad.numpy(), rtol=1e-10, atol=1e-13)


def test_causal_does_not_look_ahead() -> None:
    q, k, v = (tensor(x) for x in qkv(2, t=4))
    attention(q, k, v, causal=True)[:, 1].sum().backward()
    assert np.all(v.grad[:, :2] != 0)
    assert np.all(v.grad[:, 2:] == 0)
    assert np.all(k.grad[:, 2:] == 0)


def test_a_boolean_and_an_added_mask_agree() -> None:
    mask = np.array([[True, False, True, True]])
    q, k, v = qkv(2)
    hidden = np.where(mask, 0.0, -np.inf)
    np.testing.assert_array_equal(attention(q, k, v, mask=mask), attention(q, k, v, mask=hidden))


def test_a_query_that_may_attend_to_nothing_gets_0_and_gives_0() -> None:
    """As PyTorch's scaled_dot_product_attention; no warning, no nan."""
    q, k, v = (tensor(x) for x in qkv(2))
    out = attention(q, k, v, mask=np.zeros((3, 4), bool))
    out.sum().backward()
    assert all(np.all(each == 0) for each in (out.value, q.grad, k.grad, v.grad))


def test_masks_and_scales_do_not_widen() -> None:
    q, k, v = (x.astype(np.float32) for x in qkv(2))
    added = np.zeros((3, 4))  # float64
    assert attention(q, k, v, mask=added, scale=np.float64(0.5)).dtype == np.float32


def test_heads_apart_and_together_again() -> None:
    x = normal(2, 3, 6)
    heads = split_heads(x, heads=3)
    assert heads.shape == (2, 3, 3, 2)
    np.testing.assert_array_equal(heads[:, 1], x[:, :, 2:4])
    np.testing.assert_array_equal(join_heads(heads), x)


def changed(inputs: tuple[Any, ...], place: int, value: Any) -> list[Any]:
    return [value if i == place else x for i, x in enumerate(inputs)]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: lstm_cell(*changed(with_cell_state(step(4, d=3)), 3, np.ones((8, 3)))),
            r"w_ih \(8, 3\) must be \(3, 8\) for x \(3, 3\) and h \(3, 2\): 4·2 columns; "
            r"use w_ih\.T of PyTorch's",
        ),
        (
            lambda: gru_cell(*changed(step(3), 3, np.ones((2, 8)))),
            r"w_hh \(2, 8\) must be \(2, 6\)",
        ),
        (lambda: gru_cell(*changed(step(3), 5, np.ones(8))), r"b_hh \(8,\) must be \(6,\), 3·2"),
        (
            lambda: lstm_cell(*changed(with_cell_state(step(4)), 2, np.ones((3, 3)))),
            r"c \(3, 3\) must have the shape of h \(3, 2\)",
        ),
        (
            lambda: rnn_cell(*changed(step(1), 0, np.ones((3, 5, 2)))),
            "one step for the same N; loop over time outside",
        ),
        (
            lambda: attention(np.ones((3, 2)), np.ones((4, 3)), np.ones((4, 3))),
            "are compared along their last axis: 2 ≠ 3",
        ),
        (
            lambda: attention(np.ones((3, 2)), np.ones((4, 2)), np.ones((5, 2))),
            "have one row per key each: 4 ≠ 5",
        ),
        (lambda: attention(np.ones(2), np.ones((4, 2)), np.ones((4, 2))), r"must be \(…, T, E\)"),
        (
            lambda: attention(*qkv(2), mask=np.ones((4, 3), bool)),
            r"the mask \(4, 3\) does not broadcast to the scores \(2, 3, 4\)",
        ),
        (lambda: masked_softmax(np.ones(3), causal=True), r"causal needs scores \(…, T, S\)"),
        (
            lambda: multi_head_attention(*heads_of(1, 2, 2, 4), heads=3),
            "4 features do not divide among 3 heads",
        ),
        (
            lambda: multi_head_attention(
                *heads_of(2, 2, 4, 2), heads=2, mask=np.ones((2, 4, 4), bool)
            ),
            r"the mask \(2, 4, 4\) does not broadcast to the scores \(2, 2, 2, 4\)",
        ),
        (
            lambda: multi_head_attention(
                *changed(heads_of(1, 2, 2, 4), 4, np.ones((3, 4))), heads=2
            ),
            r"x_k \(1, 2, 4\) cannot multiply w_k \(3, 4\), expected as \(4, E\)",
        ),
    ],
)
def test_wrong_shapes_are_named(call: Any, says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        call()


def test_a_mask_of_integers_is_refused() -> None:
    with pytest.raises(
        DTypeError, match=r"the mask holds int64; give booleans \(True = may attend"
    ):
        attention(*qkv(2), mask=np.ones((3, 4), np.int64))


def test_an_unknown_nonlinearity_is_refused() -> None:
    with pytest.raises(UsageError, match="nonlinearity is 'tanh' or 'relu', not 'sigmoid'"):
        rnn_cell(*step(1), nonlinearity="sigmoid")
