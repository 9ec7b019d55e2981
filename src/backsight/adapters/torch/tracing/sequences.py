"""Recurrent layers of PyTorch, unrolled into our cells, and attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import array_of
from ..graph import plain_saved
from .plans import Plan, Unknown, converts, plain, require
from .records import Operand

MOST_LOOKS = 64  # nodes of PyTorch's graph among which a drawn mask is looked for


@converts("lstm")
def _lstm(
    do: Plan, input: Any, hx: Any, params: Any, has_biases: bool, num_layers: int,
    dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> Any:  # fmt: skip
    return _unrolled(do, "lstm_cell", input, hx, params, num_layers, bidirectional, batch_first)


@converts("gru")
def _gru(
    do: Plan, input: Any, hx: Any, params: Any, has_biases: bool, num_layers: int,
    dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> Any:  # fmt: skip
    return _unrolled(do, "gru_cell", input, [hx], params, num_layers, bidirectional, batch_first)


@converts("rnn_tanh", "rnn_relu")
def _rnn(
    do: Plan, input: Any, hx: Any, params: Any, has_biases: bool, num_layers: int,
    dropout: float, train: bool, bidirectional: bool, batch_first: bool,
) -> Any:  # fmt: skip
    return _unrolled(do, "rnn_cell", input, [hx], params, num_layers, bidirectional, batch_first)


def _unrolled(
    do: Plan, cell: str, input: Any, hx: Sequence[Any], params: Sequence[Any], layers: int,
    both_ways: bool, batch_first: bool,
) -> list[Any]:  # fmt: skip
    """Take one step of a cell after the other; return the output and the last states."""
    require(isinstance(input, Operand) and input.ndim == 3)
    ways = 2 if both_ways else 1
    each = len(params) // (layers * ways)
    require(each in (2, 4) and each * layers * ways == len(params))  # no projections
    length = input.shape[1 if batch_first else 0]
    xs = [
        do("getitem", input, index=(slice(None), t) if batch_first else (t,)) for t in range(length)
    ]
    last: list[list[Any]] = [[] for _ in hx]
    for layer in range(layers):
        outs = []
        for way in range(ways):
            number = layer * ways + way
            w_ih, w_hh, *biases = params[number * each : (number + 1) * each]
            weights = [do("transpose", w, axes=None) for w in (w_ih, w_hh)]
            states = [do("getitem", h, index=(number,)) for h in hx]
            options = (
                {"nonlinearity": do.call.name.removeprefix("rnn_")} if cell == "rnn_cell" else {}
            )
            hs = []
            for x in xs if way == 0 else xs[::-1]:
                found = do(cell, x, *states, *weights, *biases, **options)
                states = found if isinstance(found, list) else [found]
                hs.append(states[0])
            outs.append(hs if way == 0 else hs[::-1])
            for kept, state in zip(last, states, strict=True):
                kept.append(state)
        pairs = zip(*outs, strict=True)
        xs = [do("concatenate", *pair, axis=-1) if ways == 2 else pair[0] for pair in pairs]
    output = do("stack", *xs, axis=1 if batch_first else 0)
    return [output, *(do("stack", *kept, axis=0) for kept in last)]


@converts("lstm_cell")
def _lstm_cell(
    do: Plan, input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    weights = [do("transpose", w, axes=None) for w in (w_ih, w_hh)]
    return do("lstm_cell", input, *hx, *weights, b_ih, b_hh)


@converts("gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def _cell(
    do: Plan, input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None
) -> Any:
    weights = [do("transpose", w, axes=None) for w in (w_ih, w_hh)]
    if do.call.name == "gru_cell":
        return do("gru_cell", input, hx, *weights, b_ih, b_hh)
    kind = do.call.name.split("_")[1]
    return do("rnn_cell", input, hx, *weights, b_ih, b_hh, nonlinearity=kind)


@converts("scaled_dot_product_attention")
def _attention(
    do: Plan, query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: Any = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    require(not enable_gqa)
    mask = plain(attn_mask)
    if not dropout_p:
        return do("attention", query, key, value, mask=mask, causal=is_causal, scale=scale)
    factor = query.shape[-1] ** -0.5 if scale is None else scale
    return _with_dropout(do, query, key, value, mask, causal=is_causal, factor=factor)


@converts("multi_head_attention_forward")
def _multi_head(
    do: Plan, query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int,
    in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool,
    dropout_p: float, out_proj_weight: Any, out_proj_bias: Any, training: bool = True,
    key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
    use_separate_proj_weight: bool = False, q_proj_weight: Any = None, k_proj_weight: Any = None,
    v_proj_weight: Any = None, static_k: Any = None, static_v: Any = None,
    average_attn_weights: bool = True, is_causal: bool = False,
) -> Any:  # fmt: skip
    require(not add_zero_attn)
    require(all(each is None for each in (bias_k, bias_v, static_k, static_v)))
    width, several = embed_dim_to_check, query.ndim == 3
    xs = _batch_first(do, (query, key, value))
    if use_separate_proj_weight:
        projections = [q_proj_weight, k_proj_weight, v_proj_weight]
    else:
        projections = [
            do("getitem", in_proj_weight, index=(slice(i * width, (i + 1) * width),))
            for i in range(3)
        ]
    weights = [do("transpose", each, axes=None) for each in (*projections, out_proj_weight)]
    biases = [None] * 3
    if in_proj_bias is not None:
        biases = [
            do("getitem", in_proj_bias, index=(slice(i * width, (i + 1) * width),))
            for i in range(3)
        ]
    mask = _may_attend(plain(attn_mask), plain(key_padding_mask), num_heads)
    if dropout_p and training:
        q, k, v = (
            do("split_heads", do("linear", x, w, b), heads=num_heads)
            for x, w, b in zip(xs, weights[:3], biases, strict=True)
        )
        mixed = _with_dropout(do, q, k, v, mask, causal=False, factor=q.shape[-1] ** -0.5)
        found = do("linear", do("join_heads", mixed), weights[3], out_proj_bias)
    else:
        options = {"heads": num_heads, "mask": mask, "causal": False}
        given = (*xs, *weights, *biases, out_proj_bias)
        found = do("multi_head_attention", *given, **options)
    moved = do("transpose", found, axes=(1, 0, 2)) if several else do("squeeze", found, axis=0)
    return [moved, *[None] * (len(do.outs) - 1)]


def _with_dropout(
    do: Plan, q: Any, k: Any, v: Any, mask: Any, *, causal: bool, factor: float
) -> Any:
    """Attend step by step, with some of the weights dropped: those that PyTorch has drawn."""
    axes = (*range(k.ndim - 2), k.ndim - 1, k.ndim - 2)
    scores = do("multiply", do("matmul", q, do("transpose", k, axes=axes)), factor)
    if mask is None and not causal:
        weights = do("softmax", scores, axis=-1)
    else:
        weights = do("masked_softmax", scores, mask=mask, causal=causal)
    dropped = do("dropout", weights, mask=_noise(do, weights.shape))
    return do("matmul", dropped, v)


def _noise(do: Plan, shape: tuple[int, ...]) -> Any:
    """Find what weights of a shape were multiplied with, on the graph of the call."""
    ahead, seen = list(do.nodes[:1]), 0
    while ahead and seen < MOST_LOOKS:
        node, seen = ahead.pop(0), seen + 1
        noise = plain_saved(node, "other")
        if noise is not None and noise.numel() == math.prod(shape) > 1:
            return np.array(array_of(noise)).reshape(shape)
        ahead += [before for before, _ in node.next_functions if before is not None]
    raise Unknown


def _batch_first(do: Plan, given: tuple[Any, ...]) -> list[Any]:
    """Put the batch in front, once for values that are given more than once."""
    known: dict[tuple[int, int], Any] = {}
    found = []
    for each in given:
        key = id(each.source), each.output
        if key not in known:
            known[key] = (
                do("transpose", each, axes=(1, 0, 2))
                if each.ndim == 3
                else do("expand_dims", each, axis=0)
            )
        found.append(known[key])
    return found


def _may_attend(hidden: Any, padding: Any, heads: int) -> Any:
    """Turn PyTorch's masks, True where a key is hidden, into ours, and join the two."""
    if hidden is not None and hidden.ndim == 3:
        hidden = hidden.reshape(-1, heads, *hidden.shape[1:])
    if padding is not None:
        padding = padding[:, None, None, :] if padding.ndim == 2 else padding
    masks = [each for each in (hidden, padding) if each is not None]
    if not masks:
        return None
    if all(each.dtype == bool for each in masks):
        return ~np.logical_or(*masks) if len(masks) == 2 else ~masks[0]
    added = [np.where(each, -np.inf, 0.0) if each.dtype == bool else each for each in masks]
    return np.asarray(sum(added))
