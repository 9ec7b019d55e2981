"""Attention: one scaled dot product, and several heads of it with their projections.

Weights are stored as everywhere here, (D, M): the transpose of PyTorch's `in_proj_weight` and
`out_proj.weight`. A mask says True where a query *may attend*, as PyTorch's functional form does.
"""

from __future__ import annotations

import numpy as np

from ...arrays import Array, Shape
from ...errors import DTypeError, ShapeError
from ..activations import softmax
from ..products import linear
from ..protocol import op

__all__ = ["attention", "join_heads", "masked_softmax", "multi_head_attention", "split_heads"]


@op
def masked_softmax(x: Array, *, mask: Array | None = None, causal: bool = False) -> Array:
    """Softmax over the last axis of those x that may be seen; the others get 0.

    A boolean mask says True where x may be seen; a float mask is added to x (−inf hides). `causal`
    hides column s of row t where s > t. A row in which nothing may be seen is 0, as in PyTorch.
    """
    biased = x if mask is None or mask.dtype == bool else x + mask.astype(x.dtype)
    seen = biased if mask is None or mask.dtype != bool else np.where(mask, biased, -np.inf)
    shown = (
        np.where(np.tril(np.ones_like(x, shape=x.shape[-2:], dtype=bool)), seen, -np.inf)
        if causal
        else seen
    )
    highest = np.max(shown, axis=-1, keepdims=True)
    e = np.exp(shown - np.where(highest == -np.inf, 0, highest))  # −inf − (−inf) would be nan
    total = np.sum(e, axis=-1, keepdims=True)
    return e / np.where(total == 0, 1, total)


@masked_softmax.backward
def masked_softmax_backward(dout: Array, out: Array) -> Array:
    return out * (dout - np.sum(dout * out, axis=-1, keepdims=True))


def scale_of(width: int, scale: float | None) -> float:
    """Return what scores are multiplied by: 1/√width unless given."""
    return float(max(width, 1) ** -0.5 if scale is None else scale)


@op
def attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    mask: Array | None = None,
    causal: bool = False,
    scale: float | None = None,
) -> Array:
    """Average v by how well each query fits each key: softmax(q kᵀ · scale) v.

    q (…, T, E), k (…, S, E), v (…, S, M); leading axes broadcast. `scale` is 1/√E unless given.
    Masks as in `masked_softmax`, broadcasting to (…, T, S): True is *may attend*, as in PyTorch's
    `scaled_dot_product_attention`. `mask` and `causal` may be combined (PyTorch refuses both).

    Source: Vaswani et al. 2017, equation 1.
    """
    factor = scale_of(q.shape[-1], scale)
    scores = factor * (q @ np.swapaxes(k, -1, -2))
    p = (
        softmax(scores)
        if mask is None and not causal
        else masked_softmax(scores, mask=mask, causal=causal)
    )
    return p @ v


@attention.backward
def attention_backward(
    dout: Array, q: Array, k: Array, v: Array, p: Array, factor: float
) -> tuple[Array, Array, Array]:
    dv = np.swapaxes(p, -1, -2) @ dout
    dp = dout @ np.swapaxes(v, -1, -2)
    dscores = p * (dp - np.sum(dp * p, axis=-1, keepdims=True))
    dq = factor * (dscores @ k)
    dk = factor * (np.swapaxes(dscores, -1, -2) @ q)
    return dq, dk, dv


def heads_apart(shape: Shape, heads: int) -> Shape:
    """Return (…, T, H, E/H) for a shape (…, T, E)."""
    return (*shape[:-1], heads, shape[-1] // heads)


@op
def split_heads(x: Array, *, heads: int) -> Array:
    """Deal the features out to heads: (…, T, H·E) to (…, H, T, E)."""
    return np.swapaxes(np.reshape(x, heads_apart(x.shape, heads)), -3, -2)


@split_heads.backward
def split_heads_backward(dout: Array) -> Array:
    return join_heads(dout)


def heads_together(shape: Shape) -> Shape:
    """Return (…, T, H·E) for a shape (…, H, T, E)."""
    return (*shape[:-3], shape[-2], shape[-3] * shape[-1])


@op
def join_heads(x: Array) -> Array:
    """Put the features of all heads side by side: (…, H, T, E) to (…, T, H·E)."""
    return np.reshape(np.swapaxes(x, -3, -2), heads_together(x.shape))


@join_heads.backward
def join_heads_backward(dout: Array, x_shape: Shape) -> Array:
    return split_heads(dout, heads=x_shape[-3])


@op
def multi_head_attention(
    x_q: Array,
    x_k: Array,
    x_v: Array,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    w_o: Array,
    b_q: Array | None = None,
    b_k: Array | None = None,
    b_v: Array | None = None,
    b_o: Array | None = None,
    *,
    heads: int,
    mask: Array | None = None,
    causal: bool = False,
) -> Array:
    """Attend in several heads: project, split into heads, attend in each, join, project.

    x_q (N, T, D), x_k and x_v (N, S, ·): the batch comes first. w_q, w_k, w_v (D, E) with E
    divisible by `heads`, w_o (E, M), biases (E,) and (M,). PyTorch packs the first three: w_q is
    `in_proj_weight[:E].T`. The mask broadcasts to (N, H, T, S), so one of keys is mask[:, None,
    None, :]; True is *may attend* (the opposite of `torch.nn.MultiheadAttention`). A query that may
    attend to nothing gets b_o.

    Source: Vaswani et al. 2017, section 3.2.2.
    """
    q = split_heads(linear(x_q, w_q, b_q), heads=heads)
    k = split_heads(linear(x_k, w_k, b_k), heads=heads)
    v = split_heads(linear(x_v, w_v, b_v), heads=heads)
    factor = scale_of(q.shape[-1], None)
    scores = factor * (q @ np.swapaxes(k, -1, -2))
    p = (
        softmax(scores)
        if mask is None and not causal
        else masked_softmax(scores, mask=mask, causal=causal)
    )
    joined = join_heads(p @ v)
    return linear(joined, w_o, b_o)


@multi_head_attention.backward
def multi_head_attention_backward(
    dout: Array,
    x_q: Array,
    x_k: Array,
    x_v: Array,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    w_o: Array,
    q: Array,
    k: Array,
    v: Array,
    p: Array,
    joined: Array,
    heads: int,
    factor: float,
) -> tuple[Array, ...]:
    dmixed = split_heads(dout @ w_o.T, heads=heads)
    dp = dmixed @ np.swapaxes(v, -1, -2)
    dscores = p * (dp - np.sum(dp * p, axis=-1, keepdims=True))
    dq = join_heads(factor * (dscores @ k))
    dk = join_heads(factor * (np.swapaxes(dscores, -1, -2) @ q))
    dv = join_heads(np.swapaxes(p, -1, -2) @ dmixed)
    dx_q = dq @ w_q.T
    dx_k = dk @ w_k.T
    dx_v = dv @ w_v.T
    dw_q = np.einsum("ntd,nte->de", x_q, dq, optimize=True)
    dw_k = np.einsum("nsd,nse->de", x_k, dk, optimize=True)
    dw_v = np.einsum("nsd,nse->de", x_v, dv, optimize=True)
    dw_o = np.einsum("nte,ntm->em", joined, dout, optimize=True)
    db_q = np.sum(dq, axis=(0, 1))
    db_k = np.sum(dk, axis=(0, 1))
    db_v = np.sum(dv, axis=(0, 1))
    db_o = np.sum(dout, axis=(0, 1))
    return dx_q, dx_k, dx_v, dw_q, dw_k, dw_v, dw_o, db_q, db_k, db_v, db_o


def check_mask(mask: Array | None, scores: Shape) -> None:
    """Raise an error unless the mask is boolean or float and broadcasts to the scores."""
    if mask is None:
        return
    kind = getattr(mask, "dtype", np.dtype(object))
    if kind.kind not in "bf":
        raise DTypeError(
            f"the mask holds {kind.name}; give booleans (True = may attend; mask.astype(bool)), or "
            "floats that are added to the scores"
        )
    given = np.shape(mask)
    fits = len(given) <= len(scores) and all(
        m in (1, n) for m, n in zip(given[::-1], scores[::-1], strict=False)
    )
    if not fits:
        raise ShapeError(f"the mask {given} does not broadcast to the scores {scores}")


@masked_softmax.check
def check_masked_softmax(x: Array, mask: Array | None, causal: bool) -> None:
    """Refuse masks that do not fit."""
    check_mask(mask, np.shape(x))
    if causal and np.ndim(x) < 2:
        raise ShapeError(f"causal needs scores (…, T, S), not {np.shape(x)}")


@attention.check
def check_attention(q: Array, k: Array, v: Array, mask: Array | None) -> None:
    """Refuse queries, keys, values and masks that do not fit together."""
    of_q, of_k, of_v = np.shape(q), np.shape(k), np.shape(v)
    if min(len(of_q), len(of_k), len(of_v)) < 2:
        raise ShapeError(f"q {of_q}, k {of_k}, v {of_v} must be (…, T, E), (…, S, E), (…, S, M)")
    if of_q[-1] != of_k[-1]:
        raise ShapeError(
            f"q {of_q} and k {of_k} are compared along their last axis: {of_q[-1]} ≠ {of_k[-1]}"
        )
    if of_k[-2] != of_v[-2]:
        raise ShapeError(
            f"k {of_k} and v {of_v} have one row per key each: {of_k[-2]} ≠ {of_v[-2]}"
        )
    leading = np.broadcast_shapes(of_q[:-2], of_k[:-2])
    check_mask(mask, (*leading, of_q[-2], of_k[-2]))


@multi_head_attention.check
def check_multi_head_attention(
    x_q: Array,
    x_k: Array,
    x_v: Array,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    w_o: Array,
    heads: int,
    mask: Array | None,
) -> None:
    """Refuse sizes that do not fit together. The products check each projection."""
    of_q, of_k, of_v = np.shape(x_q), np.shape(x_k), np.shape(x_v)
    if not len(of_q) == len(of_k) == len(of_v) == 3:
        raise ShapeError(
            f"x_q {of_q}, x_k {of_k} and x_v {of_v} must be (N, T, D), (N, S, ·), (N, S, ·)"
        )
    if not (of_q[0] == of_k[0] == of_v[0] and of_k[1] == of_v[1]):
        raise ShapeError(
            f"x_q {of_q}, x_k {of_k} and x_v {of_v} must have one N, and x_k and x_v one S"
        )
    for name, x, w in (("x_q", x_q, w_q), ("x_k", x_k, w_k), ("x_v", x_v, w_v)):
        if np.ndim(w) != 2 or w.shape[0] != x.shape[2]:
            raise ShapeError(
                f"{name} {x.shape} cannot multiply w_{name[-1]} {np.shape(w)}, expected as "
                f"({x.shape[2]}, E)"
            )
    width = w_q.shape[1]
    if w_k.shape[1] != width or w_v.shape[1] != width or np.ndim(w_o) != 2 or w_o.shape[0] != width:
        raise ShapeError(
            f"w_q {w_q.shape}, w_k {w_k.shape} and w_v {w_v.shape} must have the same E columns, "
            f"and w_o {np.shape(w_o)} E rows"
        )
    if heads < 1 or width % heads:
        raise ShapeError(f"{width} features do not divide among {heads} heads")
    check_mask(mask, (of_q[0], heads, of_q[1], of_k[1]))
