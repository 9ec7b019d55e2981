"""Derivatives of functions of arrays: `grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`.

They take a function and give a function, `argnums` as in JAX, and nest to any order: inside another
derivative they record themselves. Arguments may be nested tuples, lists and dicts of arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import DTypeError, GradientError
from ..ops.arithmetic import add
from .modes import recorded
from .tape import gradients
from .tensors import Tensor, check_differentiable, strip, tensor
from .trees import leaves_of, mapped

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]

_depth: ContextVar[int] = ContextVar("backsight_derivative_depth", default=0)


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """Return a function that gives `f`'s value and its gradient.

    `f` returns one number. The gradient has the structure of the argument; a tuple of them where
    `argnums` is a tuple. Raises GradientError if the value is not one number.
    """

    @functools.wraps(f)
    def derivative(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        out, variables, nested = _run(f, argnums, args, keywords)
        if not isinstance(out, Tensor):
            return out, _chosen(argnums, mapped(lambda x: _zeros(x, nested), variables))
        if out.size != 1:
            raise GradientError(
                f"grad: {_name(f)} returned shape {out.shape}; a gradient is of one number. "
                "Reduce it (np.sum, np.mean), or use jacobian"
            )
        found = _pulled([out], variables, [np.ones_like(out._value)], nested)
        return (out if nested else out._value), _chosen(argnums, found)

    return derivative


def grad(f: Function, argnums: Argnums = 0) -> Function:
    """Return a function that gives the gradient of `f`. See `value_and_grad`.

    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def derivative(*args: Any, **keywords: Any) -> Any:
        return both(*args, **keywords)[1]

    return derivative


def vjp(f: Function, *args: Any) -> tuple[Any, Function]:
    """Return `f(*args)` and a function from an upstream gradient to the gradients of all arguments."""
    out, variables, nested = _run(f, tuple(range(len(args))), args, {})

    def pull(dout: Any) -> tuple[Any, ...]:
        return _pulled(leaves_of(out), variables, leaves_of(dout), nested)  # type: ignore[no-any-return]

    return (out if nested else mapped(strip, out)), pull


def jvp(f: Function, args: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return `f(*args)` and its derivative in the direction of `tangents`.

    Computed by differentiating the vjp with respect to its upstream gradient, in which it is linear.
    """
    nested = _depth.get() > 0 or any(_wants(x) for x in (*leaves_of(args), *leaves_of(tangents)))
    token = _depth.set(_depth.get() + 1)
    try:
        out, variables, _ = _run(f, tuple(range(len(args))), args, {})
        outs = leaves_of(out)
        probes = [tensor(np.ones_like(o._value if isinstance(o, Tensor) else o)) for o in outs]
        inputs = leaves_of(variables)
        live = [(o, u) for o, u in zip(outs, probes, strict=True) if isinstance(o, Tensor)]
        pulled = gradients([o for o, _ in live], inputs, [u for _, u in live], create_graph=True)
        pairs = [
            (g, t)
            for g, t in zip(pulled, leaves_of(tangents), strict=True)
            if isinstance(g, Tensor) and g.wanted
        ]
        pushed = gradients(
            [g for g, _ in pairs],
            probes,
            [_like(t, g, nested) for g, t in pairs],
            create_graph=nested,
            retain_graph=True,
        )
    finally:
        _depth.reset(token)
    filled = [
        np.zeros_like(strip(o)) if p is None else p for o, p in zip(outs, pushed, strict=True)
    ]
    directions = iter(filled)
    derivative = mapped(lambda _: next(directions), out)
    return (out, derivative) if nested else (mapped(strip, out), derivative)


def jacobian(f: Function, argnums: int = 0) -> Function:
    """Return a function that gives the Jacobian of `f`, shaped as output shape + argument shape."""

    @functools.wraps(f)
    def derivative(*args: Any, **keywords: Any) -> Any:
        out, variables, nested = _run(f, argnums, args, keywords)
        (x,) = variables
        if not isinstance(x, Tensor):
            raise DTypeError("jacobian: the argument is one array, not a container of them")
        if not isinstance(out, Tensor):
            return np.zeros(np.shape(out) + x.shape, x.dtype)
        rows = []
        for i in range(out.size):
            basis = np.reshape(np.arange(out.size, like=None) == i, out.shape).astype(out.dtype)
            rows.append(_pulled([out], (x,), [basis], nested)[0])
        if not rows:
            return np.zeros(out.shape + x.shape, x.dtype)
        return np.reshape(np.stack(rows), out.shape + x.shape)

    return derivative


def hessian(f: Function, argnums: int = 0) -> Function:
    """Return a function that gives the Hessian of `f`, shaped as argument shape twice."""
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, x: Any, v: Any) -> Any:
    """Return the Hessian of `f` at `x` times `v`, without forming it: the gradient of ⟨∇f, v⟩."""

    def along(y: Any) -> Any:
        parts = zip(leaves_of(grad(f)(y)), leaves_of(v), strict=True)
        return functools.reduce(add, (np.sum(g * each) for g, each in parts))

    return grad(along)(x)


def _run(
    f: Function, argnums: Argnums, args: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], bool]:
    """Call `f` on fresh Tensors in the places of `argnums`."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for place in wanted:
        if not -len(args) <= place < len(args):
            raise GradientError(
                f"{_name(f)} was given {len(args)} positional arguments; argnums asks for {place}"
            )
    wanted = tuple(place % len(args) for place in wanted)
    nested = _depth.get() > 0 or any(_wants(x) for x in leaves_of(args))
    variables = {place: mapped(_variable, args[place]) for place in wanted}
    given = [variables.get(i, arg) for i, arg in enumerate(args)]
    token = _depth.set(_depth.get() + 1)
    try:
        with recorded(True):
            out = f(*given, **keywords)
    finally:
        _depth.reset(token)
    return out, tuple(variables[place] for place in wanted), nested


def _variable(x: Any) -> Tensor:
    """Make a Tensor to differentiate by; one that an outer derivative follows stays connected to it."""
    if _wants(x):
        return add(x, 0.0)  # type: ignore[no-any-return]
    value = np.asarray(x) if not hasattr(x, "dtype") else strip(x)
    if isinstance(x, int | bool) or value.dtype.kind in "iub":
        check_differentiable(value.dtype, "grad")
    return tensor(value)


def _wants(x: Any) -> bool:
    return x.__class__ is Tensor and x.wanted != 0


def _pulled(outs: list[Any], variables: tuple[Any, ...], douts: list[Any], nested: bool) -> Any:
    live = [(o, d) for o, d in zip(outs, douts, strict=True) if isinstance(o, Tensor)]
    inputs = leaves_of(variables)
    seeds = [_like(d, o, nested) for o, d in live]
    found = gradients(
        [o for o, _ in live], inputs, seeds, retain_graph=True, create_graph=nested
    )
    filled = iter([_zeros(x, nested) if g is None else g for x, g in zip(inputs, found, strict=True)])
    return mapped(lambda _: next(filled), variables)


def _like(dout: Any, out: Any, nested: bool) -> Any:
    if nested:
        return dout if isinstance(dout, Tensor) else Tensor(np.asarray(dout, dtype=out.dtype))
    dout = strip(dout)
    return dout.astype(out.dtype) if hasattr(dout, "astype") else np.asarray(dout, dtype=out.dtype)


def _zeros(x: Tensor, nested: bool) -> Any:
    zeros = np.zeros_like(x._value)
    return Tensor(zeros) if nested else zeros


def _chosen(argnums: Argnums, found: tuple[Any, ...]) -> Any:
    return found[0] if isinstance(argnums, int) else found


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)
