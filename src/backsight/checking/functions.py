"""Hand-written pairs of many shapes, called in one way: forward on arrays, backward on upstream.

Accepted are Backsight ops; functions in the manner of CS231n (`out, cache = f(…)`, `dx, dw =
f_backward(dout, cache)`); backwards that ask for what they need by name (`dout`, inputs, `out`) or
by position (`dout`, then the inputs); and a gradient that is claimed as an array or a function.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Array
from ..errors import UsageError
from ..ops.protocol import Op

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """A forward and a backward in one form.

    `forward(inputs)` returns the output; `backward(inputs, dout)` the claimed gradients as they
    came, one for each of `arguments`. `scalar` says that the gradient is claimed without an
    upstream one: the output is a number.
    """

    name: str
    arguments: tuple[str, ...]
    forward: Callable[[list[Any]], Any]
    backward: Callable[[list[Any], Any], tuple[Any, ...]]
    scalar: bool = False


def pair_of(forward: Function, backward: Any, inputs: Sequence[Any]) -> Pair:
    """Return the common form of a pair.

    Raises UsageError where it cannot be told how to call the backward.
    """
    if isinstance(forward, Op) and backward is None:
        return _of_op(forward)
    name = getattr(forward, "__name__", "forward").removesuffix("_forward")
    names = _arguments(forward, len(inputs))
    places = differentiable(inputs)
    if not callable(backward):
        claimed = tuple(backward) if isinstance(backward, tuple | list) else (backward,)
        return Pair(
            name,
            tuple(names[i] for i in places),
            lambda given: forward(*given),
            lambda given, dout: claimed,
            scalar=True,
        )
    asks = [
        p.name
        for p in inspect.signature(backward).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    call = _caller(forward, backward, asks, names)
    return Pair(
        name,
        tuple(names[i] for i in places),
        lambda given: _output(forward(*given), asks),
        call,
        scalar=not asks or not asks[0].startswith("d"),
    )


def differentiable(inputs: Sequence[Any]) -> list[int]:
    """Return the places of the inputs that are arrays of real numbers, or such a number."""
    return [
        i
        for i, x in enumerate(inputs)
        if isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")
    ]


def _arguments(forward: Function, count: int) -> list[str]:
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        return [f"argument {i}" for i in range(count)]
    names = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    return [names[i] if i < len(names) else f"argument {i}" for i in range(count)]


def _output(result: Any, asks: list[str]) -> Any:
    """Return the output: of a pair with a cache that is the first of two."""
    return result[0] if is_cached(result, asks) else result


def is_cached(result: Any, asks: list[str]) -> bool:
    """Tell whether a forward gave (out, cache): two values, and the backward takes two."""
    return isinstance(result, tuple) and len(result) == 2 and len(asks) == 2


def _caller(
    forward: Function, backward: Function, asks: list[str], names: list[str]
) -> Callable[[list[Any], Any], tuple[Any, ...]]:
    def call(given: list[Any], dout: Any) -> tuple[Any, ...]:
        result = forward(*given)
        if is_cached(result, asks):
            return _tuple(backward(dout, result[1]))
        known = {**dict(zip(names, given, strict=False)), "dout": dout, "out": result}
        known |= {f"{name}_shape": np.shape(x) for name, x in zip(names, given, strict=False)}
        if asks and all(name in known for name in asks):
            return _tuple(backward(**{name: known[name] for name in asks}))
        if len(asks) == len(given) + 1:
            return _tuple(backward(dout, *given))
        if len(asks) == len(given):
            return _tuple(backward(*given))
        raise UsageError(
            f"{backward.__name__}({', '.join(asks)}): it cannot be told what to call it with; a "
            f"backward takes (dout, cache), (dout, {', '.join(names)}), or asks by name for dout, "
            "out and inputs"
        )

    return call


def _tuple(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def _of_op(op: Op) -> Pair:
    """Return the pair of an op; its attributes are at their defaults."""
    body = op.backward_function
    if body is None or op.listed or len(op.outputs) > 1:
        raise UsageError(f"{op.name}: only ops with named inputs, one output and a backward")
    missing = [name for name, value in op.attributes.items() if value is inspect.Parameter.empty]
    if missing:
        raise UsageError(
            f"{op.name} needs {', '.join(missing)}; wrap it: check(lambda x: {op.name}(x, "
            f"{missing[0]}=…), …)"
        )

    def backward(given: list[Array], dout: Array) -> tuple[Any, ...]:
        names = dict(zip(op.inputs, [*given, *[None] * len(op.inputs)], strict=False))
        out = op.forward(*given)
        kept: tuple[Any, ...] = op.twin(*given)[1] if op.saves else ()
        known = {**names, **op.attributes, **dict(zip(op.saves, kept, strict=True))}
        known |= {f"{name}_shape": np.shape(x) for name, x in names.items()}
        known |= {"out": out, "dout": dout, op.outputs[0]: out, f"d{op.outputs[0]}": dout}
        assert body is not None
        gradients = _tuple(body(**{name: known[name] for name in op.asks}))
        return tuple(_unbroadcast(dx, np.shape(x)) for dx, x in zip(gradients, given, strict=False))

    return Pair(op.name, op.inputs, lambda given: op.forward(*given), backward)


def _unbroadcast(dx: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient as the engine's walk does: an op's backward may leave that to it."""
    if dx is None or np.shape(dx) == shape:
        return dx
    extra = np.ndim(dx) - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and np.shape(dx)[i + extra] != 1
    )
    return np.sum(dx, axis=axes).reshape(shape)
