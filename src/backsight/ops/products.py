"""Products of matrices and tensors, and linear systems."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..errors import DTypeError, ShapeError
from .protocol import op

__all__ = ["dot", "einsum", "inverse", "linear", "matmul", "outer", "solve"]


def flat(shape: Shape) -> tuple[int, int]:
    """Return the shape of a matrix whose rows are the last axis.

    >>> flat((32, 10, 64))
    (320, 64)
    """
    return math.prod(shape[:-1]), shape[-1]


@op
def matmul(x: Array, y: Array) -> Array:
    """Multiply matrices (…, N, K) and (…, K, M). A 1-D x is a row, a 1-D y a column."""
    return x @ y


@matmul.backward
def matmul_backward(dout: Array, x: Array, y: Array) -> tuple[Array, Array]:
    dx = (
        dout[..., None] * y
        if y.ndim == 1
        else (y @ dout[..., None])[..., 0]
        if x.ndim == 1
        else dout @ np.swapaxes(y, -1, -2)
    )
    dy = (
        dout * x
        if x.ndim == y.ndim == 1
        else (np.swapaxes(x, -1, -2) @ dout[..., None])[..., 0]
        if y.ndim == 1
        else x[:, None] * dout[..., None, :]
        if x.ndim == 1
        else np.swapaxes(x, -1, -2) @ dout
        if x.ndim == 2 or y.ndim > 2
        else np.reshape(x, flat(x.shape)).T @ np.reshape(dout, flat(dout.shape))
    )
    return dx, dy


@op
def dot(x: Array, y: Array) -> Array:
    """NumPy's dot: scales by a single number, otherwise multiplies (…, K) by (K,) or (K, M)."""
    return x * y if np.ndim(x) == 0 or np.ndim(y) == 0 else x @ y


@dot.backward
def dot_backward(dout: Array, x: Array, y: Array) -> tuple[Array, Array]:
    dx = (
        dout * y
        if np.ndim(x) == 0 or np.ndim(y) == 0
        else dout[..., None] * y
        if y.ndim == 1
        else dout @ y.T
    )
    dy = (
        dout * x
        if np.ndim(x) == 0 or np.ndim(y) == 0 or x.ndim == y.ndim == 1
        else x[:, None] * dout
        if x.ndim == 1
        else np.reshape(x, flat(x.shape)).T @ np.reshape(dout, flat(x.shape)[:1] + y.shape[1:])
    )
    return dx, dy


@dot.check
def check_dot(x: Array, y: Array) -> None:
    """Refuse what NumPy's dot does with stacks of matrices on the right."""
    if np.ndim(x) and np.ndim(y) > 2:
        raise ShapeError(
            f"y has {np.ndim(y)} axes; dot takes at most 2 there. "
            "np.matmul multiplies stacks of matrices, np.einsum everything else"
        )


@op
def outer(x: Array, y: Array) -> Array:
    """Multiply each element of x (N,) by each of y (M,): (N, M)."""
    return x[:, None] * y


@outer.backward
def outer_backward(dout: Array, x: Array, y: Array) -> tuple[Array, Array]:
    dx = dout @ y
    dy = x @ dout
    return dx, dy


@outer.check
def check_outer(x: Array, y: Array) -> None:
    """Refuse what is not 1-D."""
    if np.ndim(x) != 1 or np.ndim(y) != 1:
        raise ShapeError(f"x {np.shape(x)} and y {np.shape(y)} must be 1-D; flatten them first")


@op
def linear(x: Array, w: Array, b: Array | None = None) -> Array:
    """Transform rows: x (…, D) times w (D, M), plus b (M,); result (…, M)."""
    return x @ w if b is None else x @ w + b


@linear.backward
def linear_backward(dout: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    dx = dout @ w.T
    dw = (
        x.T @ dout
        if x.ndim == 2
        else np.reshape(x, flat(x.shape)).T @ np.reshape(dout, flat(dout.shape))
    )
    db = np.sum(dout, axis=tuple(range(dout.ndim - 1)))  # over the rows
    return dx, dw, db


@linear.check
def check_linear(x: Array, w: Array, b: Array | None) -> None:
    """Refuse weights that are no matrix, and biases that would stretch the result."""
    if np.ndim(w) != 2:
        raise ShapeError(f"w {np.shape(w)} must be a matrix (D, M)")
    if (
        b is not None
        and np.shape(x)[-1:] == w.shape[:1]
        and np.shape(b)
        not in (
            w.shape[1:],
            (1,),
            (),
        )
    ):
        raise ShapeError(
            f"b {np.shape(b)} must be ({w.shape[1]},), one number per column of w {w.shape}"
        )


def letters(spec: str, *shapes: Shape) -> list[str]:
    """Spell a spec out: the letters of each operand, then of the result, without `->` and `...`.

    >>> letters("ij,jk", (2, 3), (3, 4))
    ['ij', 'jk', 'ik']
    >>> letters("...ij,j->...i", (5, 2, 3), (3,))
    ['zij', 'j', 'zi']
    """
    left, arrow, result = spec.replace(" ", "").partition("->")
    terms = left.split(",")
    extra = [
        len(shape) - len(t.replace("...", "")) for t, shape in zip(terms, shapes, strict=False)
    ]
    most = max([n for n, term in zip(extra, terms, strict=False) if "..." in term], default=0)
    dots = "".join(
        c for c in string.ascii_letters[25::-1] + string.ascii_uppercase if c not in spec
    )
    if not arrow:
        once = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
        result = "..." * ("..." in left) + "".join(once)
    # The last of the stretched axes belong together, as in broadcasting.
    spelled = [t.replace("...", dots[most - n : most]) for t, n in zip(terms, extra, strict=False)]
    return [*spelled, result.replace("...", dots[:most])]


def lost(spec: str, place: int, *shapes: Shape) -> Shape:
    """Return the axes of operand `place` that the forward only summed: its gradient repeats there.

    >>> lost("ij,kl->il", 0, (2, 3), (4, 5))
    (1,)
    """
    *terms, result = letters(spec, *shapes)
    lengths = dict(zip(terms[place], shapes[place], strict=True))
    known = set(result)
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=False)):
        if i != place:  # a length of 1 that was stretched says nothing of the others
            known |= {c for c, n in zip(term, shape, strict=True) if n != 1 or lengths.get(c) == 1}
    return tuple(i for i, c in enumerate(terms[place]) if c not in known)


def spec_back(spec: str, place: int, *shapes: Shape) -> str:
    """Return the spec that takes dout and the other operand to the gradient of operand `place`.

    >>> spec_back("ij,jk->ik", 0, (2, 3), (3, 4)), spec_back("ij,jk->ik", 1, (2, 3), (3, 4))
    ('ik,jk->ij', 'ik,ij->jk')
    """
    *terms, result = letters(spec, *shapes)
    summed = lost(spec, place, *shapes)
    kept = "".join(c for i, c in enumerate(terms.pop(place)) if i not in summed)
    return f"{','.join([result, *terms])}->{kept}"


def stretched(kept: Shape, axes: Shape, shape: Shape) -> Shape:
    """Return the shape of an array `kept` once `axes` of `shape` are put back.

    >>> stretched((2, 4), (1,), (2, 3, 4))
    (2, 3, 4)
    """
    rest = iter(kept)
    return tuple(n if i in axes else next(rest) for i, n in enumerate(shape))


@op
def einsum(x: Array, y: Array | None = None, *, spec: str) -> Array:
    """Multiply and sum by a spec: `ij,jk->ik`. Without an arrow, letters that occur once are kept.

    One operand or two; `...` stands for leading axes. A letter may not repeat within an operand.
    """
    return np.einsum(spec, x) if y is None else np.einsum(spec, x, y, optimize=True)


@einsum.backward
def einsum_backward(dout: Array, x: Array, y: Any, spec: str) -> tuple[Array, Array]:
    to_x = spec_back(spec, 0, x.shape, np.shape(y))
    x_lost = lost(spec, 0, x.shape, np.shape(y))
    dx_kept = np.einsum(to_x, dout) if y is None else np.einsum(to_x, dout, y, optimize=True)
    dx = (
        np.broadcast_to(np.expand_dims(dx_kept, x_lost), stretched(dx_kept.shape, x_lost, x.shape))
        if x_lost
        else dx_kept
    )
    to_y = "" if y is None else spec_back(spec, 1, x.shape, y.shape)
    y_lost = () if y is None else lost(spec, 1, x.shape, y.shape)
    dy_kept: Any = None if y is None else np.einsum(to_y, dout, x, optimize=True)
    dy = (
        np.broadcast_to(np.expand_dims(dy_kept, y_lost), stretched(dy_kept.shape, y_lost, y.shape))
        if y_lost
        else dy_kept
    )
    return dx, dy


@einsum.check
def check_einsum(x: Array, y: Array | None, spec: str) -> None:
    """Refuse specs for other numbers of operands, and letters repeated within one."""
    left = spec.replace(" ", "").partition("->")[0]
    terms = left.split(",")
    count = 1 if y is None else 2
    if len(terms) != count:
        raise ShapeError(f"{spec!r} is a spec for {len(terms)} operands, but {count} were given")
    for term in terms:
        twice = next((c for c in term if c.isalpha() and term.count(c) > 1), None)
        if twice:
            raise ShapeError(
                f"{twice!r} stands twice in {term!r}: diagonals have no backward in einsum; "
                "take the diagonal first (i = np.arange(n); x[i, i])"
            )


def einsum_of_many(spec: str, operands: Sequence[Any]) -> Any:
    """Compute an einsum of any number of operands by einsums of two, from left to right."""
    *terms, result = letters(spec, *(np.shape(each) for each in operands))
    if len(terms) != len(operands):
        raise ShapeError(
            f"einsum: {spec!r} is a spec for {len(terms)} operands, but {len(operands)} were given"
        )
    out, mine = operands[0], terms[0]
    for i, (x, term) in enumerate(zip(operands[1:], terms[1:], strict=True), start=2):
        needed = "".join([result, *terms[i:]])
        last = i == len(terms)
        kept = "".join(dict.fromkeys(c for c in mine + term if c in needed))
        kept = result if last else kept
        out, mine = einsum(out, x, spec=f"{mine},{term}->{kept}"), kept
    return out


@op
def solve(a: Array, b: Array) -> Array:
    """Solve a @ out = b: a (…, N, N), not singular; b a vector (N,) or columns (…, N, K)."""
    return np.linalg.solve(a, b)


@solve.backward
def solve_backward(dout: Array, a: Array, b_shape: Shape, out: Array) -> tuple[Array, Array]:
    dcolumns = dout[..., None] if len(b_shape) == 1 else dout
    columns = out[..., None] if len(b_shape) == 1 else out
    dright = np.linalg.solve(np.swapaxes(a, -1, -2), dcolumns)
    da = -dright @ np.swapaxes(columns, -1, -2)
    db = dright[..., 0] if len(b_shape) == 1 else dright
    return da, db


@solve.check
def check_solve(a: Array, b: Array) -> None:
    """Refuse float16, and what is not square."""
    refuse_half(a, b)
    if np.ndim(a) < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"a {np.shape(a)} must be square matrices (…, N, N)")


@op
def inverse(x: Array) -> Array:
    """Invert matrices (…, N, N), none singular. To solve a system, `solve` is better."""
    return np.linalg.inv(x)


@inverse.backward
def inverse_backward(dout: Array, out: Array) -> Array:
    transposed = np.swapaxes(out, -1, -2)
    return -transposed @ dout @ transposed


@inverse.check
def check_inverse(x: Array) -> None:
    """Refuse float16, and what is not square."""
    refuse_half(x)
    if np.ndim(x) < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"x {np.shape(x)} must be square matrices (…, N, N)")


def refuse_half(*arrays: Array) -> None:
    """Raise DTypeError for float16: NumPy's linear algebra starts at float32."""
    if any(np.result_type(each) == np.float16 for each in arrays):
        raise DTypeError(
            "NumPy's linear algebra has no float16; use .astype(np.float32) and convert back"
        )
