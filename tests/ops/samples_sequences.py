"""Sample rows for sequences.py and attention.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .sample import Sample, normal


def F() -> Any:
    import torch.nn.functional

    return torch.nn.functional


def constant(array: Any) -> Any:
    import torch

    return torch.tensor(np.asarray(array))


def small(*shape: int, seed: int = 1) -> Any:
    """Weights of order 0.5."""
    return 0.5 * normal(*shape, seed=seed)


def rnn(kind: str) -> Any:
    """PyTorch's own cell kernels, which take weights (M, D)."""

    def cell(x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
        import torch

        return getattr(torch, kind)(x, h, w_ih.T, w_hh.T, b_ih, b_hh)

    return cell


def lstm(x: Any, h: Any, c: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
    import torch

    return torch.lstm_cell(x, (h, c), w_ih.T, w_hh.T, b_ih, b_hh)


def step(gates: int, n: int = 3, d: int = 2, m: int = 2, biases: bool = True) -> tuple[Any, ...]:
    """x, h and parameters of one step."""
    b = (small(gates * m, seed=3), small(gates * m, seed=4)) if biases else (None, None)
    return normal(n, d), normal(n, m, seed=1), small(d, gates * m), small(m, gates * m, seed=2), *b


def with_cell_state(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    x, h, *rest = inputs
    return x, h, normal(*h.shape, seed=5), *rest


LOWER = np.tril(np.ones((3, 4), bool))
NOTHING = np.array([[True, False, True, True], [False] * 4, [True] * 4])  # the second row
ADDED = np.where(NOTHING, np.float16(0.5), np.float16(-np.inf))
KEYS = np.array([[True, True, False, True], [False, True, True, True]])


def sdpa(**options: Any) -> Any:
    def attend(q: Any, k: Any, v: Any) -> Any:
        mask = options.get("attn_mask")
        given = (
            None if mask is None else constant(mask if mask.dtype == bool else mask.astype(float))
        )
        return F().scaled_dot_product_attention(q, k, v, **(options | {"attn_mask": given}))

    return attend


def qkv(*leading: int, t: int = 3, s: int = 4, e: int = 2, m: int = 2) -> tuple[Any, Any, Any]:
    return normal(*leading, t, e), normal(*leading, s, e, seed=1), normal(*leading, s, m, seed=2)


def mha(heads: int, mask: Any = None, causal: bool = False) -> Any:
    """PyTorch's function of MultiheadAttention, of separate weights. Its masks say the opposite."""

    def attend(x_q: Any, x_k: Any, x_v: Any, *parameters: Any) -> Any:
        import torch

        w_q, w_k, w_v, w_o, b_q, b_k, b_v, b_o = parameters
        barred = None
        if causal:
            barred = ~torch.ones(x_q.shape[1], x_k.shape[1], dtype=torch.bool).tril()
        bias = None if b_q is None else torch.cat([b_q, b_k, b_v])
        out, _ = F().multi_head_attention_forward(
            *(x.transpose(0, 1) for x in (x_q, x_k, x_v)),
            embed_dim_to_check=x_q.shape[2],
            num_heads=heads,
            in_proj_weight=None,
            in_proj_bias=bias,
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=w_o.T,
            out_proj_bias=b_o,
            attn_mask=barred,
            key_padding_mask=None if mask is None else ~constant(mask),
            need_weights=False,
            use_separate_proj_weight=True,
            q_proj_weight=w_q.T,
            k_proj_weight=w_k.T,
            v_proj_weight=w_v.T,
        )
        return out.transpose(0, 1)

    return attend


def heads_of(n: int, t: int, s: int, d: int, biases: bool = True) -> tuple[Any, ...]:
    """Inputs of multi_head_attention with D = E = M."""
    weights = tuple(small(d, d, seed=i) for i in range(4))
    b = tuple(small(d, seed=i) for i in range(4, 8)) if biases else (None,) * 4
    return normal(n, t, d), normal(n, s, d, seed=1), normal(n, s, d, seed=2), *weights, *b


SAMPLES = [
    # recurrent cells
    Sample("rnn_cell", step(1), torch=rnn("rnn_tanh_cell")),
    Sample("rnn_cell", step(1, biases=False), torch=rnn("rnn_tanh_cell"), note="no biases"),
    Sample("rnn_cell", step(1), {"nonlinearity": "relu"}, torch=rnn("rnn_relu_cell"), note="relu"),
    Sample(
        "rnn_cell",
        tuple(1000 * x for x in step(1)),
        torch=rnn("rnn_tanh_cell"),
        note="saturated",
        kinks=True,
        half=False,
    ),
    Sample("rnn_cell", step(1, n=1, d=1, m=1), torch=rnn("rnn_tanh_cell"), note="size 1"),
    Sample("rnn_cell", step(1, n=0), torch=rnn("rnn_tanh_cell"), note="empty"),
    Sample("lstm_cell", with_cell_state(step(4)), torch=lstm),
    Sample("lstm_cell", with_cell_state(step(4, biases=False)), torch=lstm, note="no biases"),
    Sample("lstm_cell", with_cell_state(step(4, n=1, d=1, m=1)), torch=lstm, note="size 1"),
    Sample(
        "lstm_cell",
        with_cell_state(tuple(1000 * x for x in step(4))),
        torch=lstm,
        note="saturated",
        kinks=True,
        half=False,
    ),
    Sample("gru_cell", step(3), torch=rnn("gru_cell")),
    Sample("gru_cell", step(3, biases=False), torch=rnn("gru_cell"), note="no biases"),
    Sample("gru_cell", step(3, n=1, d=1, m=1), torch=rnn("gru_cell"), note="size 1"),
    Sample(
        "gru_cell",
        tuple(1000 * x for x in step(3)),
        torch=rnn("gru_cell"),
        note="saturated",
        kinks=True,
        half=False,
    ),
    # attention
    Sample("attention", qkv(2), torch=sdpa()),
    Sample("attention", qkv(), torch=sdpa(), note="one sequence"),
    Sample("attention", qkv(2, 3, m=3), torch=sdpa(), note="heads, wide values"),
    Sample("attention", qkv(t=1, s=1, e=1, m=1), torch=sdpa(), note="size 1"),
    Sample("attention", qkv(0), torch=sdpa(), note="empty"),
    Sample("attention", qkv(2), {"scale": 0.3}, torch=sdpa(scale=0.3), note="scale"),
    Sample("attention", qkv(2), {"causal": True}, torch=sdpa(is_causal=True), note="causal"),
    Sample("attention", qkv(2), {"mask": LOWER}, torch=sdpa(attn_mask=LOWER), note="mask"),
    Sample(
        "attention",
        qkv(2),
        {"mask": KEYS[:, None, :]},
        torch=sdpa(attn_mask=KEYS[:, None, :]),
        note="mask of keys",
    ),
    Sample(
        "attention",
        qkv(2),
        {"mask": NOTHING},
        torch=sdpa(attn_mask=NOTHING),
        note="a row that sees nothing",
    ),
    Sample(
        "attention",
        qkv(2),
        {"mask": ADDED},
        torch=sdpa(attn_mask=ADDED),
        note="added mask with -inf",
    ),
    Sample(
        "attention",
        qkv(2),
        {"mask": KEYS[:, None, :], "causal": True},
        torch=sdpa(attn_mask=KEYS[:, None, :] & LOWER),
        note="mask and causal",
    ),
    Sample(
        "attention",
        (normal(2, 3, 2), normal(4, 2), normal(4, 2)),
        torch=lambda q, k, v: sdpa()(q, k.expand(2, 4, 2), v.expand(2, 4, 2)),
        note="one set of keys for all",
    ),
    Sample(
        "attention",
        tuple(1000 * x for x in qkv(2)),
        torch=sdpa(),
        note="large",
        kinks=True,
        half=False,
    ),
    Sample(
        "masked_softmax",
        (normal(2, 3, 4),),
        {"mask": LOWER},
        torch=lambda x: F().softmax(x.masked_fill(~constant(LOWER), -np.inf), -1),
    ),
    Sample(
        "masked_softmax",
        (normal(2, 3, 4),),
        {"causal": True},
        torch=lambda x: F().softmax(x.masked_fill(~constant(LOWER), -np.inf), -1),
        note="causal",
    ),
    Sample("masked_softmax", (normal(3),), torch=lambda x: F().softmax(x, -1), note="all seen"),
    Sample("masked_softmax", (normal(3, 4),), {"mask": NOTHING}, note="a row that sees nothing"),
    Sample(
        "split_heads",
        (normal(2, 3, 4),),
        {"heads": 2},
        torch=lambda x: x.reshape(2, 3, 2, 2).transpose(1, 2),
    ),
    Sample(
        "split_heads",
        (normal(3, 4),),
        {"heads": 4},
        torch=lambda x: x.reshape(3, 4, 1).transpose(0, 1),
        note="one feature each",
    ),
    Sample(
        "join_heads",
        (normal(2, 2, 3, 4),),
        torch=lambda x: x.transpose(1, 2).reshape(2, 3, 8),
    ),
    Sample("join_heads", (np.zeros((0, 2, 3, 4)),), note="empty"),
    Sample("multi_head_attention", heads_of(2, 2, 3, 4), {"heads": 2}, torch=mha(2)),
    Sample(
        "multi_head_attention",
        heads_of(1, 2, 2, 2, biases=False),
        {"heads": 1, "causal": True},
        torch=mha(1, causal=True),
        note="no biases, causal",
    ),
    Sample(
        "multi_head_attention",
        heads_of(2, 2, 4, 2),
        {"heads": 2, "mask": KEYS[:, None, None, :]},
        torch=mha(2, mask=KEYS),
        note="mask of keys",
    ),
    Sample(
        "multi_head_attention",
        (
            normal(2, 2, 3),
            normal(2, 3, 2, seed=1),
            normal(2, 3, 1, seed=2),
            *(small(3, 4), small(2, 4), small(1, 4), small(4, 2)),
            *(None, small(4), None, small(2)),
        ),
        {"heads": 2},
        note="every width another (PyTorch wants D = E = M)",
    ),
]
