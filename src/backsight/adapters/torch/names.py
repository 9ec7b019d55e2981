"""What the user calls a parameter or a module, found among the variables of the frames that train.

Looked at are variables, what lists and dicts hold, attributes of modules, and attributes of objects
whose class the project defines. Nothing of the project is called on the way.
"""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType
from typing import Any

import torch

from .calls import PROJECT, whose_is

MOST_LOOKS = 30  # a program that makes new parameters for ever is not searched for ever
MOST_VARIABLES = 2_000
MOST_ITEMS = 1_000  # of one list
MOST_SEEN = 50_000  # things of one look
DEPTH = 4  # attributes and items on the way: self.agents[0].nets["q"]


class Names:
    """The names in a run. A module's parameter is `net.fc1.weight`, the module `net.fc1`."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._looks = 0

    def of(self, thing: Any) -> str:
        """Return the name of a parameter or a module, "" where none is known."""
        known = self._known.get(id(thing))
        return known[1] if known is not None and known[0]() is thing else ""

    def look(self, things: Iterable[Any]) -> None:
        """Search the frames of this thread, if one of these has no name yet.

        All parameters and modules that are met on the way get theirs.
        """
        if self._looks >= MOST_LOOKS:
            return
        wanted = {id(thing) for thing in things if not self.of(thing)}
        if not wanted:
            return
        self._looks += 1
        mere = []  # places in a list, such as what an optimiser was given: any other name is better
        for name, thing in named_things():
            lasting = type(thing) is not torch.Tensor or id(thing) in wanted
            if lasting and not self.of(thing):
                if name.endswith("]") and name[-2].isdigit():
                    mere.append((name, thing))
                else:
                    self._known[id(thing)] = (weakref.ref(thing), name)
        for name, thing in mere:
            if not self.of(thing):
                self._known[id(thing)] = (weakref.ref(thing), name)


def named_things() -> Iterator[tuple[str, Any]]:
    """Go through the tensors and modules that the project's frames can name, innermost first.

    Last come those that only an optimiser has.
    """
    frame: FrameType | None = sys._getframe(1)
    seen: set[int] = set()
    optimizers: list[tuple[str, Any]] = []
    while frame is not None:
        if whose_is(frame.f_code.co_filename) == PROJECT:
            variables = frame.f_locals
            yield from within(variables, seen, optimizers)
            if id(frame.f_globals) not in seen:
                seen.add(id(frame.f_globals))
                yield from within(frame.f_globals, seen, optimizers)
            forget(frame, variables)
        frame = frame.f_back
    for name, optimizer in optimizers:
        for i, group in enumerate(optimizer.param_groups):
            given = group.get("param_names", ())
            for j, leaf in enumerate(group["params"]):
                yield given[j] if j < len(given) else f"{name}.param_groups[{i}][{j}]", leaf


def forget(frame: FrameType, variables: Any) -> None:
    """Empty the copy of a function's variables that looking at them has made.

    The frame would keep it, and with it tensors that the script means to be gone. Not if somebody
    else holds it (`locals()`), and newer Pythons make no copy.
    """
    function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    # The frame, the caller's name and ours, and the argument of getrefcount.
    if function and type(variables) is dict and sys.getrefcount(variables) <= 4:
        variables.clear()


def within(
    variables: Mapping[Any, Any], seen: set[int], optimizers: list[tuple[str, Any]]
) -> Iterator[tuple[str, Any]]:
    """Go through the tensors and modules of a namespace. Optimisers are put into the list."""
    for name, value in list(variables.items())[:MOST_VARIABLES]:
        if type(name) is str and not name.startswith("__"):
            if issubclass(type(value), torch.optim.Optimizer):
                optimizers.append((name, value))
            yield from called(name, value, seen)


def called(name: str, value: Any, seen: set[int], depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    """Go through the tensors and modules of one variable, with what the user may call them."""
    kind = type(value)
    if issubclass(kind, torch.Tensor):
        yield name, value
        return
    module = issubclass(kind, torch.nn.Module)
    several = issubclass(kind, list | tuple | dict)
    if not (module or several or is_of_project(kind)):
        return
    if not depth or id(value) in seen or len(seen) >= MOST_SEEN:
        return
    seen.add(id(value))
    if module:
        yield from within_module(name, value, seen, depth)
    elif several:
        items = enumerate(value) if not issubclass(kind, dict) else dict.items(value)
        for key, each in islice(items, MOST_ITEMS):
            if type(key) in (int, str):
                yield from called(f"{name}[{key!r}]", each, seen, depth - 1)
    else:
        for attribute, each in attributes_of(value):
            yield from called(f"{name}.{attribute}", each, seen, depth - 1)


def within_module(name: str, module: Any, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    """Go through a module, its parameters, its modules, and lists of either that it keeps."""
    yield name, module
    parts = module.__dict__
    for key, parameter in parts.get("_parameters", {}).items():
        if parameter is not None:
            yield f"{name}.{key}", parameter
    for key, child in parts.get("_modules", {}).items():
        if child is not None:
            yield from called(f"{name}.{key}", child, seen, depth)
    for key, value in attributes_of(module):
        if not key.startswith("_"):
            yield from called(f"{name}.{key}", value, seen, depth - 1)


def attributes_of(value: Any) -> list[tuple[str, Any]]:
    """List the attributes that an object holds itself, without any code of its class."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return []
    return [pair for pair in islice(list(found.items()), MOST_ITEMS) if type(pair[0]) is str]


def is_of_project(kind: type) -> bool:
    """Tell whether the project defines a class."""
    known = _of_project.get(kind)
    if known is None:
        where = type.__getattribute__(kind, "__module__")
        file = getattr(sys.modules.get(where), "__file__", None) if type(where) is str else None
        known = where == "__main__" or (type(file) is str and whose_is(file) == PROJECT)
        _of_project[kind] = known
    return known


_of_project: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()
