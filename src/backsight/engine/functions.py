"""Derivatives of functions of arrays: `grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `hvp`.

They take a function and give a function, `argnums` as in JAX, and nest to any order: inside another
derivative they record themselves. Arguments may be nested tuples, lists and dicts of arrays.

What they give are arrays. Where an argument is a Tensor that requires a gradient they are Tensors,
connected to it and to every other Tensor that the function used, so that a loss may be made of
them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..errors import GradientError
from ..ops.arithmetic import add
from ..ops.shapes import reshape
from . import observers
from .modes import recorded
from .tape import gradients
from .tensors import Tensor, as_dtype, check_differentiable, extra_of, strip, tensor
from .trees import leaves_like, leaves_of, mapped, names_of, refilled

Function = Callable[..., Any]
Argnums = int | Sequence[int]

_depth: ContextVar[int] = ContextVar("backsight_derivative_depth", default=0)


def value_and_grad(f: Function, argnums: Argnums = 0) -> Function:
    """Return a function that gives `f`'s value and its gradient.

    `f` returns one number. The gradient has the structure of the argument; a tuple of them where
    `argnums` is a tuple. Raises GradientError if the value is not one number.
    """
    return _value_and_grad(f, argnums, observed=True)


def _value_and_grad(f: Function, argnums: Argnums, *, observed: bool) -> Function:
    @functools.wraps(f)
    def derivative(*args: Any, **keywords: Any) -> tuple[Any, Any]:
        out, variables, nested = _run(f, argnums, args, keywords)
        check_number(out, _name(f))
        dout = np.ones_like(strip(out))
        if observed and not nested and observers.of_functions and isinstance(out, Tensor):
            found = _seen(out, variables, _arguments(f, argnums, args), dout)
        else:
            found = _pulled([out], variables, [dout], nested)
        return (out if nested else strip(out)), _chosen(argnums, found)

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
    """Return `f(*args)`, and a function from an upstream gradient to those of the arguments.

    The upstream gradient has the containers and shapes of the value, else GradientError is raised.
    """
    out, variables, nested = _run(f, tuple(range(len(args))), args, {})

    def pull(dout: Any) -> tuple[Any, ...]:
        douts = _like(out, dout, "vjp: the upstream gradient has the form of the value")
        return _pulled(leaves_of(out), variables, douts, nested)  # type: ignore[no-any-return]

    return (out if nested else mapped(strip, out)), pull


def jvp(f: Function, args: Any, tangents: Any) -> tuple[Any, Any]:
    """Return `f(*args)` and its derivative in the direction of `tangents`, one for each argument.

    Computed by differentiating the vjp by its upstream gradient, in which it is linear.
    """
    if not isinstance(args, tuple | list) or not isinstance(tangents, tuple | list):
        raise GradientError("jvp: arguments and tangents are tuples: jvp(f, (x,), (v,))")
    directions = _like(tuple(args), tuple(tangents), "jvp: tangents have the form of the arguments")
    nested = _depth.get() > 0 or any(_wants(x) for x in (*leaves_of(args), *directions))
    with _deeper():
        out, variables, _ = _run(f, tuple(range(len(args))), tuple(args), {})
        outs = leaves_of(out)
        probes = [tensor(np.ones_like(strip(o))) for o in outs]
        live = [(o, u) for o, u in zip(outs, probes, strict=True) if isinstance(o, Tensor)]
        pulled = gradients(
            [o for o, _ in live], leaves_of(variables), [u for _, u in live], create_graph=True
        )
        pairs = [
            (g, t)
            for g, t in zip(pulled, directions, strict=True)
            if isinstance(g, Tensor) and g.wanted
        ]
        pushed = gradients(
            [g for g, _ in pairs],
            probes,
            [_seed(t, g, nested) for g, t in pairs],
            create_graph=nested,
            retain_graph=True,
        )
    filled = [
        _zeros(strip(o), nested) if p is None else p for o, p in zip(outs, pushed, strict=True)
    ]
    derivative = refilled(out, filled)
    return (out, derivative) if nested else (mapped(strip, out), derivative)


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """Return a function that gives the Jacobian of `f`, shaped as output shape + argument shape.

    Where value or argument are containers, so is the Jacobian: those of the value outside.
    """

    @functools.wraps(f)
    def derivative(*args: Any, **keywords: Any) -> Any:
        out, variables, nested = _run(f, argnums, args, keywords)

        def of(o: Any) -> Any:
            value = strip(o)
            count = np.size(value)
            rows = []
            for i in range(count):
                basis = np.zeros_like(value)
                basis[np.unravel_index(i, np.shape(value))] = 1
                rows.append(leaves_of(_pulled([o], variables, [basis], nested)))
            columns = [
                np.reshape(np.stack([row[k] for row in rows]), np.shape(value) + x.shape)
                if rows
                else np.zeros_like(x._value, shape=np.shape(value) + x.shape)
                for k, x in enumerate(leaves_of(variables))
            ]
            return _chosen(argnums, refilled(variables, columns))

        return mapped(of, out)

    return derivative


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """Return a function that gives the Hessian of `f`, shaped as argument shape twice."""
    return jacobian(grad(f, argnums), argnums)


def hvp(f: Function, x: Any, v: Any) -> Any:
    """Return the Hessian of `f` at `x` times `v`, without forming it: the gradient of ⟨∇f, v⟩."""
    directions = _like(x, v, "hvp: the vector has the form of the argument")

    def along(y: Any) -> Any:
        parts = zip(leaves_of(grad(f)(y)), directions, strict=True)
        return functools.reduce(add, (np.sum(g * _seed(each, g, True)) for g, each in parts))

    return _value_and_grad(along, 0, observed=False)(x)[1]


def check_number(out: Any, name: str) -> None:
    """Raise GradientError unless a function returned one number, of whatever shape."""
    if not isinstance(out, Tensor | np.ndarray | np.number | float | int):
        raise GradientError(
            f"grad: {name} returned a {type(out).__name__}; a gradient is of one number. "
            "Return the loss alone"
        )
    if np.size(strip(out)) != 1:
        raise GradientError(
            f"grad: {name} returned shape {np.shape(strip(out))}; a gradient is of one number. "
            "Reduce it (np.sum, np.mean), or use jacobian"
        )


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
    called = _parameters(f, len(args))
    variables = {
        place: mapped(functools.partial(_variable, f"{_name(f)}: {called[place]}"), args[place])
        for place in wanted
    }
    given = [variables.get(i, arg) for i, arg in enumerate(args)]
    with _deeper(), recorded(True):
        out = f(*given, **keywords)
    return out, tuple(variables[place] for place in wanted), nested


@contextmanager
def _deeper() -> Iterator[None]:
    token = _depth.set(_depth.get() + 1)
    try:
        yield
    finally:
        _depth.reset(token)


def _variable(who: str, x: Any) -> Tensor:
    """Make a Tensor to differentiate by. One that an outer derivative follows stays connected."""
    if _wants(x):
        return reshape(x, shape=x.shape)  # type: ignore[no-any-return]
    value = strip(x)
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
    if value.dtype.kind in "iub":
        check_differentiable(value.dtype, who)
    return tensor(value)


def _wants(x: Any) -> bool:
    return x.__class__ is Tensor and x.wanted != 0


def _seen(out: Tensor, variables: tuple[Any, ...], names: Sequence[str], dout: Any) -> Any:
    """Pull as `_pulled` does, where somebody may look on."""
    leaves = leaves_of(variables)
    arguments = list(zip(names, leaves, strict=True))
    watching = [each for each in observers.of_functions if each.differentiates([out], arguments)]
    if not watching:
        return _pulled([out], variables, [dout], False)
    error: BaseException | None = None
    try:
        found = _pulled([out], variables, [dout], False, watching)
        for leaf, gradient in zip(leaves, leaves_of(found), strict=True):
            extra_of(leaf).grad = gradient.copy()  # nobody but the watchers has this leaf
        return found
    except BaseException as failure:
        error = failure
        raise
    finally:
        for each in watching:
            each.ends([out], error)


def _arguments(f: Function, argnums: Argnums, args: tuple[Any, ...]) -> list[str]:
    """Name every leaf of the arguments that a gradient is taken by."""
    wanted = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    called = _parameters(f, len(args))
    return [name for place in wanted for name in names_of(args[place], called[place])]


def _pulled(
    outs: list[Any],
    variables: tuple[Any, ...],
    douts: list[Any],
    nested: bool,
    watching: Sequence[observers.Observer] = (),
) -> Any:
    """Pull upstream gradients back to the variables. What is found is the caller's own."""
    live = [(o, d) for o, d in zip(outs, douts, strict=True) if isinstance(o, Tensor)]
    found = gradients(
        [o for o, _ in live],
        leaves_of(variables),
        [_seed(d, o, nested) for o, d in live],
        retain_graph=True,
        create_graph=nested,
        watching=watching,
    )
    own = (
        _zeros(x._value, nested) if g is None else g if nested else g.copy()
        for x, g in zip(leaves_of(variables), found, strict=True)
    )
    return refilled(variables, own)


def _like(tree: Any, given: Any, rule: str) -> list[Any]:
    try:
        return leaves_like(tree, given)
    except ValueError as error:
        raise GradientError(f"{rule}; {error}") from None


def _seed(dout: Any, out: Any, nested: bool) -> Any:
    """Give an upstream gradient the dtype of its value."""
    if nested and isinstance(dout, Tensor):
        return dout if dout.dtype == out.dtype else dout.astype(out.dtype)
    dout = as_dtype(strip(dout), out.dtype)
    return Tensor(dout) if nested else dout


def _zeros(value: Any, nested: bool) -> Any:
    zeros = np.zeros_like(value)
    return Tensor(zeros) if nested else zeros


def _chosen(argnums: Argnums, found: tuple[Any, ...]) -> Any:
    return found[0] if isinstance(argnums, int) else found


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _parameters(f: Function, count: int) -> list[str]:
    """Return what a function calls its positional arguments; `argument 0` where that is unknown."""
    try:
        known = [p.name for p in inspect.signature(f).parameters.values() if p.kind <= 1]
    except (TypeError, ValueError):
        known = []
    return [known[i] if i < len(known) else f"argument {i}" for i in range(count)]
