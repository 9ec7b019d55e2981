"""Have a watcher of the engine told where values leave the graph.

`Tensor.value`, `detach` and `item` are wrapped while somebody watches, and what is computed inside
`no_grad()` is seen when its result is made. Steps that are let pass pay a test.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any, Protocol

HOME = __file__.rpartition("watching")[0]


class Listener(Protocol):
    """Who is told of cuts."""

    def listens(self) -> bool:
        """Tell whether it wants to know just now."""

    def left(self, op: str, sources: list[Any], result: Any) -> None:
        """See a value leave the graph, computed from `sources`."""


def note_cuts(tensor: Any, listener: Listener) -> Callable[[], None]:
    """Have `listener` told of the values that leave the graph; return what undoes that."""
    made = {
        "value": _value(tensor.value, listener),
        "detach": _telling("detach", tensor.detach, listener),
        "item": _telling("item", tensor.item, listener),
        "__init__": _init(tensor, listener),
    }
    before = {name: tensor.__dict__[name] for name in made}
    for name, wrapped in made.items():
        setattr(tensor, name, wrapped)

    def restore() -> None:
        for name, wrapped in made.items():
            if tensor.__dict__.get(name) is wrapped:  # else another has replaced it since
                setattr(tensor, name, before[name])

    return restore


def _value(original: Any, listener: Listener) -> Any:
    def value(self: Any) -> Any:
        found = original.fget(self)
        if self.wanted and listener.listens() and _is_users(sys._getframe(1)):
            listener.left("value", [self], found)
        return found

    return property(value, original.fset, doc=original.__doc__)


def _telling(name: str, original: Callable[[Any], Any], listener: Listener) -> Any:
    @functools.wraps(original)
    def method(self: Any) -> Any:
        found = original(self)
        if self.wanted and listener.listens() and _is_users(sys._getframe(1)):
            listener.left(name, [self], found)
        return found

    return method


def _init(tensor: Any, listener: Listener) -> Any:
    """Wrap the making of a constant: the result of a call that is not recorded is one."""
    original = tensor.__init__

    @functools.wraps(original)
    def __init__(self: Any, value: Any, wanted: int = 0) -> None:
        original(self, value, wanted)
        if not wanted and listener.listens():
            caller = sys._getframe(1)
            if caller.f_code.co_name == "constant" and caller.f_back is not None:
                inputs = list(_inputs(caller.f_back))
                if any(each.__class__ is tensor for each in inputs):
                    listener.left("no_grad", inputs, self)

    return __init__


def _is_users(frame: FrameType) -> bool:
    """Tell whether a frame is outside the package: layers look at values for their own reasons."""
    return not frame.f_code.co_filename.startswith(HOME)


def _inputs(frame: FrameType) -> Iterator[Any]:
    """Go through the inputs of a recorded call, in the frame of the function that runs it."""
    op = frame.f_globals.get("_op")
    if op is None:
        return
    with suppress(Exception):
        variables = frame.f_locals
        for name in op.inputs:
            yield variables.get(name)
        if op.listed:
            yield from variables.get(op.listed, ())
