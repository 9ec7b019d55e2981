"""Where values leave the graph, and which of them come back into one by value.

A *cut* is a call whose input wants a gradient and whose result does not: `detach`, `argmax`, a
comparison, anything under `no_grad`. No node of the graph tells of it. What such a call returns is
*tainted*; taint follows through later calls, and where a tainted value enters a call that makes
nodes it *comes back*. Numbers and arrays are followed as long as they are the same object: what
Python or NumPy computes from them is lost, and then nothing is claimed.

Of tensors the table holds weak references only, by id, and compares identity: ids are reused.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch

from ..entry import PLAIN

MOST_CUTS = 500  # expressions of one thread
MOST_ORIGINS = 16  # cuts that one value may come from
MOST_TAINTED = 20_000
MOST_ITEMS = 256  # of one list of tensors
MOST_WALKED = 5_000  # nodes behind a cut
WALKS = 2  # times that the graph behind one expression is looked at
BIG_LIST = 10_000


SHAPE_ONLY = (
    "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like",
    "randint_like", "new_zeros", "new_ones", "new_empty", "new_full", "type_as", "expand_as",
    "view_as", "reshape_as", "to", "_has_compatible_shallow_copy_type", "set_",
)  # fmt: skip
"""Calls that take shape, type or device of an input, not its value."""

OUT_OF_TORCH = ("item", "numpy", "tolist", "__float__", "__array__")

_LEAF = torch._C._functions.AccumulateGrad


class Cut:
    """One expression at which values leave the graph, and the parameters that they come from.

    `place` is that of calls.py. `leaves` holds weak references by id.
    """

    def __init__(self, op: str, place: Any) -> None:
        self.op = op
        self.place = place
        self.leaves: dict[int, weakref.ref[torch.Tensor]] = {}
        self._walks = 0

    @property
    def upstream(self) -> list[torch.Tensor]:
        """The parameters that its values are computed from, as far as they live."""
        return [leaf for ref in self.leaves.values() if (leaf := ref()) is not None]

    def learn(self, values: Iterable[torch.Tensor]) -> None:
        """Look at the graph behind some values, unless it is known well enough.

        Call it where the script's modes are switched off.
        """
        if self._walks >= WALKS:
            return
        self._walks += 1
        for leaf in leaves_behind(values):
            self.leaves[id(leaf)] = weakref.ref(leaf)


Taint = tuple[Cut, ...]


class Cuts:
    """The cuts of one thread, and the values that come from them."""

    def __init__(self) -> None:
        self._cuts: dict[Any, Cut] = {}
        self._tainted: dict[int, tuple[weakref.ref[Any], Taint]] = {}
        self._numbers: dict[int, tuple[Any, Taint]] = {}  # these are kept: they are small
        self._out: dict[int, Cut] = {}

    def begin(self) -> None:
        """Begin with a new stretch of calls: forget numbers, and values that are gone."""
        self._numbers.clear()
        if len(self._tainted) > MOST_TAINTED // 4:
            alive = {i: known for i, known in self._tainted.items() if known[0]() is not None}
            self._tainted = alive if len(alive) < MOST_TAINTED // 2 else {}

    def of(self, value: Any) -> Taint:
        """Return the cuts that a value comes from."""
        known = self._tainted.get(id(value)) or self._numbers.get(id(value))
        if known is None:
            return ()
        holder = known[0]
        held = holder() if type(holder) is weakref.ref else holder
        return known[1] if held is value else ()

    def entering(self, args: tuple[Any, ...], kwargs: Any) -> Taint:
        """Return the cuts whose values a call takes in that is differentiated."""
        if not self._tainted and not self._numbers:
            return ()
        found: Taint = ()
        for value in values_in((*args, *kwargs.values())):
            if not (type(value) in PLAIN and value.requires_grad):
                found = joined(found, self.of(value))
        return found

    def leaving(self, args: tuple[Any, ...], kwargs: Any) -> tuple[list[torch.Tensor], Taint]:
        """Return the inputs of a call that want a gradient, and the cuts that others come from."""
        wanting: list[torch.Tensor] = []
        taint: Taint = ()
        for value in values_in((*args, *kwargs.values())):
            if type(value) in PLAIN and value.requires_grad:
                wanting.append(value)
            taint = joined(taint, self.of(value))
        return wanting, taint

    def cut(self, op: str, place: Any) -> Cut | None:
        """Return the cut at a place, made on first need; None if there are too many."""
        key = (op, place.project, place.caller)
        found = self._cuts.get(key)
        if found is None and len(self._cuts) < MOST_CUTS:
            found = self._cuts[key] = Cut(op, place)
        if found is not None and op in OUT_OF_TORCH:
            self._out[id(found)] = found
        return found

    def out_of_torch(self) -> dict[int, Cut]:
        """Return the cuts since the last time whose values became numbers or arrays, by id."""
        found, self._out = self._out, {}
        return found

    def taint(self, result: Any, taint: Taint) -> None:
        """Take note that a result comes from cuts. What is a parameter already stays one.

        Where the result is none of PyTorch's, the cuts lead out of it: `h.detach().numpy()`.
        """
        if type(result) in (float, list, np.ndarray):
            self._out |= {id(cut): cut for cut in taint}
        if type(result) in (float, list):
            if type(result) is float or len(result) <= BIG_LIST:
                self._numbers[id(result)] = (result, taint)
            return
        for value in values_in((result,)):
            if type(value) is torch.nn.Parameter or len(self._tainted) >= MOST_TAINTED:
                continue
            if type(value) in (torch.Tensor, np.ndarray):
                self._tainted[id(value)] = (weakref.ref(value), taint)


def values_in(given: Iterable[Any], depth: int = 2) -> Iterator[Any]:
    """Go through the tensors, arrays and real numbers among the arguments of a call."""
    for each in given:
        kind = type(each)
        if kind in PLAIN or kind is float or kind is np.ndarray:
            yield each
        elif issubclass(kind, list | tuple) and depth:
            yield each
            yield from values_in(islice(each, MOST_ITEMS), depth - 1)
        elif issubclass(kind, dict) and depth:
            yield from values_in(islice(dict.values(each), MOST_ITEMS), depth - 1)


def wants_none(result: Any) -> bool | None:
    """Tell whether a result is cut off; None where it is no value at all."""
    kind = type(result)
    if kind in PLAIN:
        return not result.requires_grad
    if kind in (float, np.ndarray):
        return True
    if issubclass(kind, list | tuple):
        found = [each for each in result if type(each) in PLAIN]
        return all(not each.requires_grad for each in found) if found else kind is list or None
    return None


def joined(one: Taint, other: Taint) -> Taint:
    """Return what two values come from together."""
    if not other or one == other:
        return one
    return tuple(dict.fromkeys((*one, *other)))[:MOST_ORIGINS] if one else other


def parameters_in(module: Any) -> Iterator[torch.Tensor]:
    """Go through the trainable parameters of a module, its own first, without calling it."""
    for each in modules_in(module):
        for leaf in each.__dict__.get("_parameters", {}).values():
            if type(leaf) in PLAIN and leaf.requires_grad:
                yield leaf


def modules_in(module: Any) -> list[Any]:
    """List a module and those within, without calling it."""
    found = [module]
    known = {id(module)}
    for each in found:  # which grows as we go
        for child in each.__dict__.get("_modules", {}).values():
            if child is not None and id(child) not in known:
                known.add(id(child))
                found.append(child)
    return found


def leaves_behind(values: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Return the trainable leaves that values are computed from, of the nearest nodes."""
    found: dict[int, torch.Tensor] = {}
    nodes: list[Any] = []
    for value in values:
        if value.grad_fn is not None:
            nodes.append(value.grad_fn)
        elif value.requires_grad:
            base = value._base  # a view that was made where nothing is recorded has no node
            leaf = value if base is None else base
            found[id(leaf)] = leaf
    known = {id(node) for node in nodes}
    for node in nodes:  # which grows as we go
        if type(node) is _LEAF:
            found[id(node.variable)] = node.variable
            continue
        for child, _ in node.next_functions:
            if child is not None and id(child) not in known and len(nodes) < MOST_WALKED:
                known.add(id(child))
                nodes.append(child)
    return list(found.values())
