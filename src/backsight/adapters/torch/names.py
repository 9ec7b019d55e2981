"""What the user calls a parameter, found among the variables of the frames that train."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Iterator, Mapping
from itertools import islice
from types import FrameType
from typing import Any

import torch

from .calls import PROJECT, whose_is

MOST_LOOKS = 30  # a program that makes new parameters for ever is not searched for ever
MOST_VARIABLES = 2_000
MOST_ITEMS = 1_000  # of one list


class Names:
    """The names of the parameters of a run. A module's parameter is `net.fc1.weight`."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._looks = 0

    def of(self, leaf: torch.Tensor) -> str:
        """Return the name of a leaf, "" where none is known."""
        known = self._known.get(id(leaf))
        return known[1] if known is not None and known[0]() is leaf else ""

    def look(self, leaves: tuple[torch.Tensor, ...]) -> None:
        """Search the frames of this thread, if a leaf has no name yet."""
        if self._looks >= MOST_LOOKS or all(self.of(leaf) for leaf in leaves):
            return
        self._looks += 1
        wanted = {id(leaf) for leaf in leaves if not self.of(leaf)}
        for name, tensor in named_tensors():
            if id(tensor) in wanted:
                wanted.discard(id(tensor))
                self._known[id(tensor)] = (weakref.ref(tensor), name)


def named_tensors() -> Iterator[tuple[str, torch.Tensor]]:
    """Go through the tensors that the project's frames of this thread can name, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    seen: set[int] = set()
    while frame is not None:
        if whose_is(frame.f_code.co_filename) == PROJECT:
            variables = frame.f_locals
            yield from within(variables)
            if id(frame.f_globals) not in seen:
                seen.add(id(frame.f_globals))
                yield from within(frame.f_globals)
            forget(frame, variables)
        frame = frame.f_back


def forget(frame: FrameType, variables: Any) -> None:
    """Empty the copy of a function's variables that looking at them has made.

    The frame would keep it, and with it tensors that the script means to be gone. Not if somebody
    else holds it (`locals()`), and newer Pythons make no copy.
    """
    function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    # The frame, the caller's name and ours, and the argument of getrefcount.
    if function and type(variables) is dict and sys.getrefcount(variables) <= 4:
        variables.clear()


def within(variables: Mapping[Any, Any], prefix: str = "", depth: int = 0) -> Iterator[Any]:
    """Go through the tensors of a namespace: variables, modules, lists, attributes of `self`."""
    for name, value in list(variables.items())[:MOST_VARIABLES]:
        if not str(name).startswith("__"):
            yield from called(f"{prefix}{name}", value)
            if name == "self" and depth == 0 and not isinstance(value, torch.nn.Module):
                yield from within(getattr(value, "__dict__", {}), "self.", 1)


def called(name: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Go through the tensors of one variable, with what the user may call them."""
    if isinstance(value, torch.Tensor):
        yield name, value
    elif isinstance(value, torch.nn.Module):
        for path, parameter in value.named_parameters():
            yield f"{name}.{path}", parameter
    elif isinstance(value, list | tuple | dict):
        items = enumerate(value) if not isinstance(value, dict) else value.items()
        for key, each in islice(items, MOST_ITEMS):
            if isinstance(each, torch.Tensor):
                yield f"{name}[{key!r}]", each
