"""What the engine says when something is wrong: what, where, both sides, what next."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from ..arrays import Shape, describe
from ..errors import (
    BacksightError,
    DTypeError,
    GradientError,
    IndexingError,
    InPlaceError,
    PrecisionWarning,
    ShapeError,
    UsageError,
)
from ..ops.protocol import Op
from ..traces.calls import texts_of
from ..traces.locations import locate
from ..traces.trace import Location
from .tensors import HOME, Tensor

_PRODUCTS = ("matmul", "linear", "dot")
_warned: set[Any] = set()  # instructions, and lines, that were warned of


def place_of(where: tuple[Any, int] | None) -> Location | None:
    """Resolve what a node remembers of the user's line."""
    return locate(*where) if where is not None else None


def at(place: Location | None) -> str:
    """Say a place on a line of its own, or nothing: `  at train.py:41   h = linear(x, w)`."""
    if place is None:
        return ""
    expression = " ".join(place.expression.split())
    return f"\n  at {place}   {shortened(expression)}"


def shortened(text: str, most: int = 90) -> str:
    """Cut a long text, and say so by an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def users_place() -> Location | None:
    """Find the innermost frame outside the package that is running now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(HOME):
        frame = frame.f_back
    return locate(frame.f_code, frame.f_lasti) if frame is not None else None


def users_names(op: Op, count: int, place: Location | None) -> tuple[str, ...]:
    """Return what the user's line calls the inputs of an op, or the op's own names for them."""
    own = op.names_of(count)
    texts = texts_of(place, op.name, own)
    return tuple(text or name for text, name in zip(texts, own, strict=True))


def failed(op: Op, inputs: Sequence[Any], attributes: Mapping[str, Any], error: Exception) -> None:
    """Turn NumPy's error in a forward into one that names op, shapes, and the user's line.

    Errors of other kinds (a singular matrix, warnings turned into errors, interrupts, memory) go
    their way unchanged.
    """
    if getattr(error, "op", None) is op or not isinstance(
        error, ValueError | TypeError | IndexError
    ):
        return  # told already, or not about arguments
    if isinstance(error, np.linalg.LinAlgError):
        return
    detail = str(error.__cause__ or error).split("\n")[0]
    place = users_place()
    names = users_names(op, len(inputs), place)
    shapes = [np.shape(x._value if isinstance(x, Tensor) else x) for x in inputs]
    kind = _kind(error)
    if op.name in _PRODUCTS and len(inputs) > 1 and (clash := _product(op, names, shapes)):
        text = f"{op.name}: {clash[0]}{at(place)}{clash[1]}"
    elif (clash2 := _broadcast(names, shapes)) and "broadcast" in detail:
        text = f"{op.name}: {clash2}{at(place)}"
    else:
        settings = ", ".join(f"{name}={told(value)}" for name, value in attributes.items())
        text = (
            f"{op.name}: {detail}{at(place)}\n  given {listed(names, inputs)}"
            f"{'; ' if settings else ''}{settings}"
        )
    if kind is ShapeError:
        text += "\n  see backsight explain ShapeError"
    raise with_op(kind(text), op) from (error.__cause__ or error)


def listed(names: Sequence[str], inputs: Sequence[Any]) -> str:
    """List inputs with dtype and shape: `x float32 (32, 784), w float32 (128, 784)`."""
    return ", ".join(
        f"{shortened(name, 40)} {describe(x._value if isinstance(x, Tensor) else x)}"
        for name, x in zip(names, inputs, strict=False)
        if x is not None
    )


def told(value: Any) -> str:
    """Say a setting: an array by dtype and shape, everything else as it prints."""
    return f"({describe(value)})" if hasattr(value, "shape") else shortened(repr(value))


_OF_SHAPES = re.compile(r"shape|dimension|broadcast|axis|axes|size|align|match|divi[ds]")


def _kind(error: Exception) -> type[BacksightError]:
    if isinstance(error, BacksightError):
        return type(error)
    if isinstance(error, IndexError):
        return IndexingError
    if isinstance(error, TypeError):
        return DTypeError
    return ShapeError if _OF_SHAPES.search(str(error)) else UsageError


def with_op(error: BacksightError, op: Op) -> BacksightError:
    """Note on an error whose it is, so that an op that calls another tells it once."""
    error.op = op  # type: ignore[attr-defined]
    return error


def _product(op: Op, names: Sequence[str], shapes: Sequence[Shape]) -> tuple[str, str] | None:
    x, w = shapes[:2]
    if not x or not w:
        scalar = names[0] if not x else names[1]
        return f"{scalar} is a single number (shape ()); use * to scale", ""
    inner = w[-2] if len(w) > 1 else w[0]
    if x[-1] != inner:
        text = f"{names[0]} {x} cannot multiply {names[1]} {w}: {x[-1]} ≠ {inner}"
        hint = ""
        if len(w) == 2 and w[1] == x[-1]:
            expected = " is expected as (D, M); did you store it as PyTorch does, (M, D)?"
            hint = f"\n  {names[1]}{expected if op.name == 'linear' else ' fits transposed.'} "
            hint += f"Use {names[1]}.T"
        elif len(x) == 2 and x[0] == inner:
            hint = f"\n  {names[0]} fits transposed. Use {names[0]}.T"
        return text, hint
    if op.name == "linear" and len(shapes) > 2 and shapes[2] not in ((w[-1],), (1,), ()):
        return (
            f"bias {names[2]} {shapes[2]} must be ({w[-1]},), one number per column of "
            f"{names[1]} {w}",
            "",
        )
    return None


def _broadcast(names: Sequence[str], shapes: Sequence[Shape]) -> str | None:
    for i, (a, x) in enumerate(zip(names, shapes, strict=True)):
        for b, y in zip(names[i + 1 :], shapes[i + 1 :], strict=True):
            for axis in range(1, min(len(x), len(y)) + 1):
                p, q = x[-axis], y[-axis]
                if p != q and 1 not in (p, q):
                    return (
                        f"{a} {x} and {b} {y} do not broadcast: axis {-axis} has {p} ≠ {q}, "
                        "and neither is 1"
                    )
    return None


def refused(op: Op, inputs: Sequence[Any], error: Exception) -> None:
    """Add op and place to the sentence of an op's check. Other errors go their way unchanged."""
    if not isinstance(error, ValueError | TypeError | IndexError):
        return
    place = users_place()
    names, own = users_names(op, len(inputs), place), op.names_of(len(inputs))
    here = f"\n  given {listed(names, inputs)}" if names != own else ""
    raise with_op(_kind(error)(f"{op.name}: {error}{at(place)}{here}"), op) from None


def nothing_to_walk(loss: Tensor) -> GradientError:
    """Say why a value has no backward pass."""
    if loss.op is None:
        return GradientError(
            "backward(): this value is a constant: no parameter went into it under record. Was it "
            "computed inside no_grad(), after detach(), or from .value and .item()?"
        )
    return GradientError(f"backward(): {loss.op.name} depends on nothing that requires a gradient")


def freed(node: Tensor) -> GradientError:
    """Say that a graph is walked a second time after its buffers were freed."""
    return GradientError(
        "backward() went through this graph already and freed it"
        f"{at(place_of(node.where))}\n"
        "  Compute the value again for each backward, or keep the graph with "
        "backward(retain_graph=True)"
    )


def check_written(node: Tensor, leaf: Tensor) -> None:
    """Raise InPlaceError if the backward of `node` needs what `leaf` held before a write."""
    op = node.op
    assert op is not None
    names = op.names_of(len(node.inputs))
    for name, x in zip(names, node.inputs, strict=True):
        changed = x is leaf and np.shape(leaf._value) != np.shape(x._value)
        if x is leaf and (name in op.asks or op.listed in op.asks or op.saves or changed):
            place = place_of(node.where)
            called = leaf.name or users_names(op, len(names), place)[names.index(name)]
            raise InPlaceError(
                f"{called} was given a new value after {op.name} used it, and the backward of "
                f"{op.name} needs the old one{at(place)}\n"
                "  Run backward() before the update, or compute the value again after it"
            )


def backward_failed(node: Tensor, dout: Any, error: Exception) -> NoReturn:
    """Say which backward failed, for which line of the user's."""
    op = node.op
    assert op is not None
    if isinstance(error, BacksightError) and getattr(error, "op", None) is None:
        raise error
    if not isinstance(error, ValueError | TypeError | IndexError | ArithmeticError):
        raise error
    inputs = ", ".join(
        f"{name} {describe(x._value if isinstance(x, Tensor) else x)}"
        for name, x in zip(op.names_of(len(node.inputs)), node.inputs, strict=True)
    )
    raise GradientError(
        f"the backward of {op.name} failed: {error}{at(place_of(node.where))}\n"
        f"  given {inputs}; upstream gradient {describe(dout)}"
    ) from error


def counted(node: Tensor, downstream: Any) -> tuple[tuple[Tensor, Any], ...]:
    """Pair each input that wants a gradient with the one that a backward returned for it.

    Raises GradientError where a backward returned too few, too many, or None for one that is
    wanted.
    """
    op = node.op
    assert op is not None
    inputs = node.inputs
    names = op.names_of(len(inputs))
    if not isinstance(downstream, list | tuple) or len(downstream) != len(inputs):
        got = len(downstream) if isinstance(downstream, list | tuple) else 1
        raise GradientError(
            f"the backward of {op.name} returned {got} gradients for {len(inputs)} inputs "
            f"({', '.join(names)}){at(place_of(node.where))}"
        )
    wanted = node.wanted
    for i, (name, dx) in enumerate(zip(names, downstream, strict=True)):
        if wanted >> i & 1 and not hasattr(dx, "shape"):
            raise GradientError(
                f"the backward of {op.name} returned {dx!r} for {name}, which wants a gradient of "
                f"shape {inputs[i].shape}{at(place_of(node.where))}"
            )
    return tuple(
        (x, dx) for i, (x, dx) in enumerate(zip(inputs, downstream, strict=True)) if wanted >> i & 1
    )


def wrong_gradient(node: Tensor, x: Tensor, dx: Any) -> GradientError:
    """Say that a backward returned something that is no gradient of its input."""
    op = node.op
    assert op is not None
    place = next(i for i, each in enumerate(node.inputs) if each is x)
    name = op.names_of(len(node.inputs))[place]
    return GradientError(
        f"the backward of {op.name} returned a gradient of shape {np.shape(dx)} for {name}, "
        f"which has shape {x.shape}"
        f"{at(place_of(node.where))}\n"
        "  A gradient has the shape of its argument, or one that broadcasting stretched it to"
    )


def warn_widened(node: Tensor, x: Tensor) -> None:
    """Warn once per line where an op turned narrow floats into wider ones."""
    op = node.op
    assert op is not None
    wide = (node._value[0] if isinstance(node._value, tuple) else node._value).dtype
    if node.where in _warned or wide.itemsize <= x._value.dtype.itemsize:
        return
    _warned.add(node.where)
    place = place_of(node.where)
    line = (place.file, place.line) if place is not None else ("", 0)
    if line in _warned:
        return
    _warned.add(line)
    cause = ""
    for name, other in zip(users_names(op, len(node.inputs), place), node.inputs, strict=True):
        dtype = getattr(other, "dtype", None)
        if other is not x and dtype and np.promote_types(dtype, x._value.dtype) == wide:
            cause = f" because {name} is {describe(getattr(other, '_value', other))}"
    warnings.warn_explicit(
        f"{op.name} turned {x._value.dtype} into {wide}{cause}; the gradient is cast back"
        f"{at(place)}\n"
        f"  Everything after it costs more. Convert the other side: .astype({x._value.dtype})",
        PrecisionWarning,
        *line,
    )
