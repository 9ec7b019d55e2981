"""Steps of recurrent networks.

Weights are stored as everywhere here, (D, M): the transpose of PyTorch's `weight_ih` and
`weight_hh`. Gates stand in PyTorch's order, and its two biases are kept, so that its parameters can
be taken over with `.T` alone.
"""

from __future__ import annotations

import numpy as np

from ...arrays import Array
from ...errors import ShapeError, UsageError
from ..activations import sigmoid
from ..products import linear
from ..protocol import op

__all__ = ["gru_cell", "lstm_cell", "rnn_cell"]


@op
def rnn_cell(
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    """Take one step of a plain recurrent network: tanh(x w_ih + b_ih + h w_hh + b_hh).

    x (N, D), h (N, H), w_ih (D, H), w_hh (H, H), biases (H,). `nonlinearity` is "tanh" or "relu".

    Source: Elman 1990.
    """
    a = linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh)
    return np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)


@rnn_cell.backward
def rnn_cell_backward(
    dout: Array, x: Array, h: Array, w_ih: Array, w_hh: Array, out: Array, nonlinearity: str
) -> tuple[Array, ...]:
    slope = 1 - out * out if nonlinearity == "tanh" else out > 0
    da = dout * slope
    dx = da @ w_ih.T
    dh = da @ w_hh.T
    dw_ih = x.T @ da
    dw_hh = h.T @ da
    db_ih = np.sum(da, axis=0)
    db_hh = np.sum(da, axis=0)
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh


@op
def lstm_cell(
    x: Array,
    h: Array,
    c: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
) -> tuple[Array, Array]:
    """Take one step of a long short-term memory; returns (h_next, c_next).

    x (N, D), h and c (N, H), w_ih (D, 4H), w_hh (H, 4H), biases (4H,). The columns are those of the
    input gate i, forget gate f, candidate g and output gate o, in PyTorch's order (CS231n: i, f, o,
    g).

    Source: Hochreiter & Schmidhuber 1997; the forget gate is from Gers et al. 2000.
    """
    ai, af, ag, ao = np.split(linear(x, w_ih, b_ih) + linear(h, w_hh, b_hh), 4, axis=1)
    i = sigmoid(ai)
    f = sigmoid(af)
    g = np.tanh(ag)
    o = sigmoid(ao)
    c_next = f * c + i * g
    tanh_c = np.tanh(c_next)
    h_next = o * tanh_c
    return h_next, c_next


@lstm_cell.backward
def lstm_cell_backward(
    dh_next: Array,
    dc_next: Array,
    x: Array,
    h: Array,
    c: Array,
    w_ih: Array,
    w_hh: Array,
    i: Array,
    f: Array,
    g: Array,
    o: Array,
    tanh_c: Array,
) -> tuple[Array, ...]:
    dcell = dc_next + dh_next * o * (1 - tanh_c * tanh_c)  # c_next goes on, and into h_next
    dai = dcell * g * i * (1 - i)
    daf = dcell * c * f * (1 - f)
    dag = dcell * i * (1 - g * g)
    dao = dh_next * tanh_c * o * (1 - o)
    da = np.concatenate([dai, daf, dag, dao], axis=1)
    dx = da @ w_ih.T
    dh = da @ w_hh.T
    dc = dcell * f
    dw_ih = x.T @ da
    dw_hh = h.T @ da
    db_ih = np.sum(da, axis=0)
    db_hh = np.sum(da, axis=0)
    return dx, dh, dc, dw_ih, dw_hh, db_ih, db_hh


@op
def gru_cell(
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None = None,
    b_hh: Array | None = None,
) -> Array:
    """Take one step of a gated recurrent unit: (1 − z) n + z h.

    x (N, D), h (N, H), w_ih (D, 3H), w_hh (H, 3H), biases (3H,). The columns are those of the reset
    gate r, update gate z and candidate n. As in PyTorch, r multiplies h w_hh *with* its bias b_hh.

    Source: Cho et al. 2014, whose z is 1 − z here and whose r multiplies h before the product.
    """
    xr, xz, xn = np.split(linear(x, w_ih, b_ih), 3, axis=1)
    hr, hz, hn = np.split(linear(h, w_hh, b_hh), 3, axis=1)
    r = sigmoid(xr + hr)
    z = sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return n + z * (h - n)


@gru_cell.backward
def gru_cell_backward(
    dout: Array,
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    hn: Array,
    r: Array,
    z: Array,
    n: Array,
) -> tuple[Array, ...]:
    dan = dout * (1 - z) * (1 - n * n)
    daz = dout * (h - n) * z * (1 - z)
    dar = dan * hn * r * (1 - r)
    dxa = np.concatenate([dar, daz, dan], axis=1)
    dha = np.concatenate([dar, daz, dan * r], axis=1)
    dx = dxa @ w_ih.T
    dh = dha @ w_hh.T + dout * z
    dw_ih = x.T @ dxa
    dw_hh = h.T @ dha
    db_ih = np.sum(dxa, axis=0)
    db_hh = np.sum(dha, axis=0)
    return dx, dh, dw_ih, dw_hh, db_ih, db_hh


def check_step(
    x: Array, h: Array, w_ih: Array, w_hh: Array, biases: dict[str, Array | None], gates: int
) -> None:
    """Raise ShapeError unless the sizes of a recurrent step fit together."""
    of_x, of_h = np.shape(x), np.shape(h)
    if len(of_x) != 2 or len(of_h) != 2 or of_x[0] != of_h[0]:
        raise ShapeError(
            f"x {of_x} and h {of_h} must be (N, D) and (N, H), one step for the same N; loop over "
            "time outside"
        )
    columns = gates * of_h[1]
    count = f"{gates}·" if gates > 1 else ""
    for name, value, rows in (("w_ih", w_ih, of_x[1]), ("w_hh", w_hh, of_h[1])):
        if np.shape(value) != (rows, columns):
            flipped = np.shape(value) == (columns, rows)
            raise ShapeError(
                f"{name} {np.shape(value)} must be ({rows}, {columns}) for x {of_x} and h {of_h}: "
                f"{count}{of_h[1]} columns" + (f"; use {name}.T of PyTorch's" if flipped else "")
            )
    for name, bias in biases.items():
        if bias is not None and np.shape(bias) != (columns,):
            raise ShapeError(f"{name} {np.shape(bias)} must be ({columns},), {count}{of_h[1]}")


@rnn_cell.check
def check_rnn_cell(
    x: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array | None,
    b_hh: Array | None,
    nonlinearity: str,
) -> None:
    """Refuse sizes that do not fit, and unknown nonlinearities."""
    check_step(x, h, w_ih, w_hh, {"b_ih": b_ih, "b_hh": b_hh}, 1)
    if nonlinearity not in ("tanh", "relu"):
        raise UsageError(f"nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")


@lstm_cell.check
def check_lstm_cell(
    x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> None:
    """Refuse sizes that do not fit."""
    check_step(x, h, w_ih, w_hh, {"b_ih": b_ih, "b_hh": b_hh}, 4)
    if np.shape(c) != np.shape(h):
        raise ShapeError(f"c {np.shape(c)} must have the shape of h {np.shape(h)}")


@gru_cell.check
def check_gru_cell(
    x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None
) -> None:
    """Refuse sizes that do not fit."""
    check_step(x, h, w_ih, w_hh, {"b_ih": b_ih, "b_hh": b_hh}, 3)
