"""The walk: from a value back to the leaves, latest op first.

Each step takes the gradient that has arrived at a node (*upstream*), runs the op's backward on it
(× *local* derivative) and hands the results on (*downstream*). Where a value was used twice,
gradients add; where the forward stretched an input by broadcasting, its gradient is summed back.

A graph belongs to the thread that walks it: two threads may share leaves, not nodes.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from ..arrays import Array, Shape
from ..errors import GradientError
from . import failures, observers
from .modes import recorded
from .recorder import OUTPUT
from .second_order import pull_on_tensors
from .tensors import Tensor, extra_of, strip

new_mark = itertools.count(1).__next__
_merging = threading.Lock()
FREED: tuple[Any, ...] = ("freed",)


def backward(loss: Tensor, dout: Array | None = None, *, retain_graph: bool = False) -> None:
    """Accumulate the gradient of `loss` into `.grad` of its leaves. See `Tensor.backward`."""
    dout = seed(loss, dout)
    watching = observers.beginning([loss]) if observers.active else []
    error: BaseException | None = None
    try:
        leaves = walk([loss], [dout], retain_graph=retain_graph, watching=watching)
        with _merging:
            for leaf, gradient, shared in leaves:
                extra = extra_of(leaf)
                if extra.grad is not None:
                    extra.grad = extra.grad + gradient
                else:
                    extra.grad = gradient.copy() if shared else gradient
    except BaseException as failure:
        error = failure
        raise
    finally:
        for observer in watching:
            observer.ends([loss], error)


def gradients(
    outputs: Sequence[Tensor],
    wrt: Sequence[Tensor],
    douts: Sequence[Any],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    watching: Sequence[observers.Observer] = (),
) -> list[Any]:
    """Return the gradients of `outputs`, weighed by `douts`, with respect to `wrt`; `.grad` stays.

    None where no output depends on it. With `create_graph` they are Tensors that can be
    differentiated again, and the graph is kept.
    """
    captured: dict[int, Any] = {id(x): None for x in wrt}
    roots = [(out, dout) for out, dout in zip(outputs, douts, strict=True) if out.wanted]
    leaves = walk(
        [out for out, _ in roots],
        [dout for _, dout in roots],
        retain_graph=retain_graph or create_graph,
        create_graph=create_graph,
        captured=captured,
        watching=watching,
    )
    for leaf, gradient, _ in leaves:
        if id(leaf) in captured:
            captured[id(leaf)] = gradient
    return [captured[id(x)] for x in wrt]


def walk(  # noqa: C901 - the one screen where length is welcome: it is the idea
    outputs: Sequence[Tensor],
    douts: Sequence[Any],
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
    captured: dict[int, Any] | None = None,
    watching: Sequence[observers.Observer] = (),
) -> list[tuple[Tensor, Any, bool]]:
    """Walk from `outputs` to the leaves.

    Returns (leaf, gradient, shared) for every trainable leaf reached; a shared gradient may be
    someone else's array too. Gradients at the values in `captured` (by id) are left there.
    """
    order = reachable(outputs)
    at_leaf: dict[int, list[Any]] = {}
    for output, dout in zip(outputs, douts, strict=True):
        deliver(output, dout, at_leaf)
    with recorded(create_graph):
        while order:
            node = order.pop()  # our last reference: buffers are freed as the walk passes
            dout = node.pending
            if dout is None:
                continue  # reachable, but no gradient took this way
            node.pending = None
            op: Any = node.op
            if node.extra is not None:
                dout = hooked(node, dout)
            if captured and id(node) in captured:
                captured[id(node)] = dout
            if dout.__class__ is list:
                dout = filled(node, dout)
            elif op is OUTPUT:
                into_bundle(node, dout)
                continue
            try:
                pull = op.pulls[node.wanted] if not create_graph else pull_on_tensors
                downstream = pull(node, dout)
            except Exception as error:
                failures.backward_failed(node, dout, error)
            if watching:
                each_input = aligned(node, downstream)
                for observer in watching:
                    observer.node(node, dout, each_input)
            for x, dx in downstream:
                value = x._value
                if dx.shape != value.shape:
                    dx = unbroadcast(node, x, dx)
                if dx.dtype is not value.dtype and dx.dtype != value.dtype:
                    failures.warn_widened(node, x)
                    dx = dx.astype(value.dtype)
                if x.op is None:
                    deliver(x, dx, at_leaf, is_new(dx, node, dout, downstream))
                elif x.pending is None:
                    x.pending = dx  # stored as it comes: it may be shared, or a read-only view
                    x.owned = False
                elif x.owned:
                    np.add(x.pending, dx, out=x.pending)
                else:
                    x.pending = x.pending + dx  # two uses of a value: gradients add
                    x.owned = x.pending.__class__ is np.ndarray
            if not retain_graph:
                node.inputs, node.saved = (), FREED
    return [
        (leaf, hooked(leaf, dx) if leaf.extra else dx, shared)
        for leaf, dx, shared in at_leaf.values()
    ]


def reachable(outputs: Sequence[Tensor]) -> list[Tensor]:
    """List the nodes that the outputs depend on, in order of computation.

    Raises GradientError at a node whose graph was freed, InPlaceError at a leaf that was written
    after an op that needs its old value. Neither has changed a gradient by then.
    """
    mark = new_mark()
    stack = [output for output in outputs if output.op is not None]
    order: list[Tensor] = []
    while stack:
        node = stack.pop()
        if node.mark == mark:
            continue
        node.mark = mark
        node.pending = None
        order.append(node)
        if node.saved is FREED:
            raise failures.freed(node)
        for x in node.inputs:
            if x.__class__ is Tensor:
                if x.op is not None:
                    if x.wanted:
                        stack.append(x)
                elif x.serial > node.serial:
                    failures.check_written(node, x)
    order.sort(key=attrgetter("serial"))
    return order


def deliver(x: Tensor, dx: Any, at_leaf: dict[int, list[Any]], new: bool = False) -> None:
    """Add a gradient at a leaf, or store the first one at a node.

    Leaves may be shared by graphs of several threads, so their gradients live in the walk's own
    dict. An array that is not `new` may belong to others, and is never added into.
    """
    if x.op is not None:
        x.pending = dx if x.pending is None else x.pending + dx
        x.owned = False
        return
    arrived = at_leaf.get(id(x))
    if arrived is None:
        at_leaf[id(x)] = [x, dx, not new]
    elif arrived[2] or arrived[1].__class__ is not np.ndarray:
        arrived[1] = arrived[1] + dx
        arrived[2] = False
    else:
        np.add(arrived[1], dx, out=arrived[1])


def into_bundle(node: Tensor, dout: Any) -> None:
    """Collect the gradient of one output at the node of an op of several outputs."""
    (bundle,), (index,) = node.inputs, node.saved
    if bundle.pending is None:
        bundle.pending = [None] * len(bundle._value)
    had = bundle.pending[index]
    bundle.pending[index] = dout if had is None else had + dout


def is_new(dx: Any, node: Tensor, dout: Any, downstream: Sequence[tuple[Tensor, Any]]) -> bool:
    """Tell whether a gradient is an array that its backward made, and nobody else has.

    It may be the upstream array itself, a view, given to two inputs, or something that was saved.
    """
    if dx.__class__ is not np.ndarray or dx.base is not None or dx is dout or dx is node._value:
        return False
    for x in node.inputs:
        if dx is (x._value if x.__class__ is Tensor else x):
            return False
    for kept in node.saved:
        if dx is kept:
            return False
    times = 0
    for _, each in downstream:
        times += dx is each
    return times == 1


def aligned(node: Tensor, downstream: Sequence[tuple[Tensor, Any]]) -> tuple[Any, ...]:
    """Put the gradients of a node in the order of its inputs, None where none is wanted."""
    left = iter(downstream)
    return tuple(next(left)[1] if node.wanted >> i & 1 else None for i in range(len(node.inputs)))


def filled(node: Tensor, dout: list[Any]) -> list[Any]:
    """Put zeros where no gradient arrived at an output, so that bodies know no None."""
    return [
        np.zeros_like(value) if each is None else each
        for value, each in zip(node._value, dout, strict=True)
    ]


def seed(loss: Tensor, dout: Any) -> Any:
    """Return the upstream gradient to begin with. Raises GradientError where there is none."""
    if not loss.wanted:
        raise failures.nothing_to_walk(loss)
    value = loss._value
    if dout is None:
        if value.size != 1:
            raise GradientError(
                f"backward() starts from one number; this value has shape {loss.shape}. "
                "Reduce it first (loss.mean()), or give the upstream gradient: backward(dout)"
            )
        return np.ones_like(value)
    if isinstance(dout, Tensor):
        dout = dout._value
    if np.shape(dout) != loss.shape:
        raise GradientError(
            f"backward(dout): the upstream gradient has shape {np.shape(dout)}, "
            f"the value {loss.shape}; a gradient has the shape of its value"
        )
    return _array_like(dout, value)


def unbroadcast(node: Tensor, x: Tensor, dx: Any) -> Any:
    """Sum a gradient over the axes along which the forward stretched its input."""
    shape = x._value.shape
    axes = summed_axes(dx.shape, shape)
    if axes is None:
        raise failures.wrong_gradient(node, x, dx)
    summed = np.sum(dx, axis=axes, keepdims=True)
    return np.reshape(summed, shape) if summed.shape != shape else summed


def summed_axes(stretched: Shape, shape: Shape) -> tuple[int, ...] | None:
    """Return the axes in which `shape` was stretched to `stretched`, None if it was not.

    >>> summed_axes((5, 3, 4), (3, 1))
    (0, 2)
    """
    extra = len(stretched) - len(shape)
    if extra < 0:
        return None
    axes = list(range(extra))
    for i, (long, short) in enumerate(zip(stretched[extra:], shape, strict=True)):
        if long != short:
            if short != 1:
                return None
            axes.append(i + extra)
    return tuple(axes)


def hooked(node: Tensor, dout: Any) -> Any:
    """Run the hooks of a value; what one returns replaces its gradient.

    Each gets an array of its own, and what it returns is copied: other values may share either.
    """
    for hook in tuple(node.extra.hooks) if node.extra else ():
        changed = hook(dout.copy())
        if changed is not None:
            if np.shape(changed) != dout.shape:
                raise GradientError(
                    f"a hook returned a gradient of shape {np.shape(changed)} for a value of shape "
                    f"{dout.shape}"
                )
            if isinstance(dout, Tensor) and isinstance(changed, Tensor):
                dout = changed  # a graph of the backward is made
            else:
                dout = _array_like(strip(changed), strip(dout))
    return dout


def _array_like(given: Any, like: Any) -> Any:
    """Copy numbers of any kind into an array of the dtype, and on the device, of another."""
    if hasattr(given, "astype"):
        return given.astype(like.dtype)
    return np.full_like(like, given)
