"""The parameters of a run: their gradients, and what an update really changed.

A pass shows the gradients; the change is known after the update, by an optimiser or by hand. Until
then a measurement is pending. PyTorch writes in place, so a sample of the value is copied. A new
tensor in place of an old one (`w = w - lr * g`) is its update.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ....traces.recording import Site
from ....traces.trace import Location
from ...clearing import Clearing
from ...figures import parameter_figures, update_figures
from ..arrays import array_of, readable, sampled
from ..names import Names
from .optimizers import is_zero, leaves_of, on_cpu

MOST_PARAMETERS = 1_000
MOST_COPIED = 16_384  # elements of one parameter
FITS = 1e-3  # of the largest change: what a plain update by hand may leave unexplained
ROUNDING = 4.0  # in units of the last place of the value

Record = Callable[[int, Mapping[int, Mapping[str, float]]], None]
Find = Callable[[Any, Callable[[], Site]], int | None]
Where = Callable[[torch.Tensor, str], tuple[Location | None, str]]


@dataclass(slots=True)
class Pending:
    """What a pass showed of a parameter, waiting for the update. `about` describes its site."""

    step: int
    leaf: weakref.ref[torch.Tensor]
    figures: dict[str, float]
    before: Any
    gradient: Any
    about: dict[str, Any]
    name: str
    shape: tuple[int, ...]

    @property
    def key(self) -> tuple[Any, tuple[int, ...]]:
        """What a parameter that is made anew at every step is known by."""
        return self.name or self.about.get("order"), self.shape


class Parameters:
    """Every parameter of a run; `record` takes what is measured, `find` gives a site its number.

    `where(leaf, name)` tells where a leaf was made.
    """

    def __init__(self, find: Find, record: Record, where: Where) -> None:
        self.find = find
        self.record = record
        self.where = where
        self.names = Names()
        self.rate: float | None = None  # of an update by hand that was only found in a pass
        self._owners: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._pending: dict[int, Pending] = {}  # by the leaf's id
        self._abouts: dict[int, tuple[weakref.ref[torch.Tensor], dict[str, Any]]] = {}
        self._named: dict[Any, tuple[weakref.ref[torch.Tensor], str]] = {}  # by order and shape
        self._moved: dict[int, weakref.ref[torch.Tensor]] = {}  # leaves updated by hand before
        self._starts: dict[int, Any] = {}  # values before an update with a closure
        self._clearing = Clearing(is_cleared, stamp)
        self._stepped = False  # an optimiser has made an update since the last pass
        self._lock = threading.RLock()  # threads may train at once

    def seen(
        self,
        step: int,
        leaves: Sequence[torch.Tensor],
        gradients: Sequence[Any],
        scale: float,
        about: Callable[[int], dict[str, Any]],
    ) -> None:
        """Measure what a pass reached. `about(i)` describes leaf i: see `Pass._about`."""
        with self._lock:
            if len(self._abouts) > 4 * MOST_PARAMETERS:
                self._abouts.clear()
            gone = {p.key: p for p in self._pending.values() if p.leaf() is None}
            self._pending = {k: p for k, p in self._pending.items() if p.leaf() is not None}
            for i, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
                if i >= MOST_PARAMETERS or not readable(leaf):
                    continue
                name, described = self._name(leaf, i), self._described(leaf)
                if not described:  # asked once: a parameter keeps its place in the network
                    described = about(i)
                    where, source = self.where(leaf, name)
                    if where is not None:
                        described |= {"where": where, "source": source}
                    self._abouts[id(leaf)] = (weakref.ref(leaf), described)
                value, given = array_of(leaf), array_of(gradient) if readable(gradient) else None
                if given is not None and scale != 1.0:
                    given = given / scale
                figures = parameter_figures(value, given, axis=described["axis"])
                slope = thinned(given) if given is not None and self._free(leaf) else None
                pending = Pending(
                    *(step, weakref.ref(leaf), figures, thinned(value), slope, described),
                    *(name, tuple(leaf.shape)),
                )
                old = gone.pop(pending.key, None)
                if old is not None:
                    self._succeed(old, pending)
                self._release(id(leaf))
                self._pending[id(leaf)] = pending
            for old in gone.values():
                self._hand_over(old)

    def own(self, leaves: Sequence[torch.Tensor], optimizer: str) -> None:
        """Take note that an optimiser of this class updates these leaves."""
        if len(self._owners) > 16 * MOST_PARAMETERS:
            self._owners = {k: each for k, each in self._owners.items() if each[0]() is not None}
        for leaf in leaves:
            self._owners[id(leaf)] = (weakref.ref(leaf), optimizer)

    def updating(self, optimizer: Any) -> None:
        """Keep the values before an update that has its passes inside."""
        with self._lock:
            leaves = leaves_of(optimizer)[:MOST_PARAMETERS]
            self._starts = {id(leaf): sample(leaf) for leaf in leaves if readable(leaf)}

    def updated(self, optimizer: Any) -> None:
        """Complete what an optimiser has updated, and add what no gradient has reached."""
        if not (self._pending or self._starts):
            return  # after most steps: nothing was observed
        with self._lock:
            starts, self._starts = self._starts, {}
            leaves = leaves_of(optimizer)
            mine = [p for leaf in leaves if (p := self._pending.get(id(leaf))) is not None]
            if not mine:
                return
            self._stepped = True
            last = max(pending.step for pending in mine)
            for leaf in leaves[:MOST_PARAMETERS]:
                pending = self._pending.get(id(leaf))
                if pending is not None:
                    pending.before = starts.get(id(leaf), pending.before)
                    self._release(id(leaf), leaf)
                elif readable(leaf) and leaf.requires_grad:
                    gradient = array_of(leaf.grad) if readable(leaf.grad) else None
                    figures = parameter_figures(array_of(leaf), gradient)
                    if gradient is None:
                        figures |= {"update_std": 0.0, "unchanged": 1.0}
                    described, name = self._described(leaf), self.names.of(leaf)
                    held, shape = weakref.ref(leaf), tuple(leaf.shape)
                    self._hand_over(
                        Pending(last, held, figures, None, None, described, name, shape)
                    )

    def settle(self) -> float | None:
        """Complete what was updated by hand since the last pass: all that has no optimiser.

        Where some leaves were written and others never yet, those are unchanged. Returned is the
        learning rate, if the update was plain.
        """
        self._clearing.look()
        if not (self._pending or self._stepped):
            return None
        with self._lock:
            stepped, self._stepped = self._stepped, False
            found = ((key, pending, pending.leaf()) for key, pending in self._pending.items())
            free = [(k, p, leaf) for k, p, leaf in found if leaf is not None and self._free(leaf)]
            written = {
                key
                for key, pending, leaf in free
                if not np.array_equal(sample(leaf), pending.before, equal_nan=True)
            }
            if not written and not stepped:
                return None
            rate = None
            for key, pending, leaf in free:
                if key in written:
                    self._moved[key] = pending.leaf
                    pending.figures |= self._clearing.updated(leaf)
                    rate = rate or plain_rate(pending, sample(leaf))
                if key in written or not self._has_moved(leaf):
                    self._release(key, leaf)
            return rate

    def finish(self) -> None:
        """Hand over what no update has followed."""
        self._clearing.forget()
        with self._lock:
            for key in tuple(self._pending):
                self._release(key)

    @property
    def owned(self) -> bool:
        """Whether any parameter is known to be updated by an optimiser."""
        return bool(self._owners)

    def owner(self, leaf: torch.Tensor) -> str:
        """Return the class of the optimiser that updates a leaf, "" if none is known."""
        known = self._owners.get(id(leaf))
        return known[1] if known is not None and known[0]() is leaf else ""

    def _free(self, leaf: torch.Tensor) -> bool:
        return not self.owner(leaf) and readable(leaf)

    def _has_moved(self, leaf: torch.Tensor) -> bool:
        known = self._moved.get(id(leaf))
        return known is not None and known() is leaf

    def _name(self, leaf: torch.Tensor, order: int) -> str:
        """Return the name of a leaf; of a nameless one that of the leaf that it has replaced."""
        name, key = self.names.of(leaf), (order, tuple(leaf.shape))
        known = self._named.get(key)
        if not name and known is not None and known[0]() is None:
            name = known[1]
        if name and len(self._named) < 4 * MOST_PARAMETERS:
            self._named[key] = (weakref.ref(leaf), name)
        return name

    def _described(self, leaf: torch.Tensor) -> dict[str, Any]:
        known = self._abouts.get(id(leaf))
        return known[1] if known is not None and known[0]() is leaf else {}

    def _succeed(self, pending: Pending, successor: Pending) -> None:
        """Complete a leaf that is gone by the one that has taken its place."""
        pending.figures |= update_figures(pending.before, successor.before)
        self.rate = self.rate or plain_rate(pending, successor.before)
        self._hand_over(pending)

    def _release(self, key: int, updated: torch.Tensor | None = None) -> None:
        pending = self._pending.pop(key, None)
        if pending is None:
            return
        if updated is not None and pending.before is not None and readable(updated):
            after = sample(updated)
            if after.shape == pending.before.shape:
                pending.figures |= update_figures(pending.before, after)
        self._hand_over(pending)

    def _hand_over(self, pending: Pending) -> None:
        about, name, leaf = pending.about, pending.name, pending.leaf()

        def make() -> Site:
            where, source = about.get("where"), about.get("source", "")
            if where is None and leaf is not None:
                where, source = self.where(leaf, name)
            axis = about.get("axis")
            attributes = {
                "shape": list(pending.shape),
                "distance": about.get("distance"),
                "weight": about.get("weight", len(pending.shape) >= 2),
                "normalised": about.get("normalised", False),
                "optimizer": self.owner(leaf) if leaf is not None else "",
                "units": pending.shape[axis] if axis is not None else None,
            }
            module, kind = name.rpartition(".")[0], "parameter"
            return Site(
                *(kind, kind, where, kind, module, name), source=source, attributes=attributes
            )

        # Programs that make new parameters at every step come back to the same sites by name.
        key = name or about.get("order", id(leaf))
        site = self.find(("parameter", key, pending.shape), make)
        if site is not None:
            self.record(pending.step, {site: pending.figures})


def is_cleared(leaf: torch.Tensor) -> bool:
    """Tell whether a leaf has no gradient, or one of zeros; what lies on a device is not read."""
    gradient = leaf.grad
    return gradient is None or not on_cpu(gradient) or is_zero(gradient)


def stamp(leaf: torch.Tensor) -> Any:
    """Return what changes when the gradient of a leaf is replaced or written to."""
    gradient = leaf.grad
    return (id(gradient), gradient._version) if gradient is not None else None


def sample(leaf: torch.Tensor) -> Any:
    """Return a strided copy of a value."""
    if leaf.is_cpu:
        return thinned(array_of(leaf))
    return sampled(leaf, max(1, -(-leaf.numel() // MOST_COPIED))).copy()


def thinned(array: Any) -> Any:
    """Return a copy of every k-th element, flat."""
    return array.reshape(-1)[:: max(1, -(-array.size // MOST_COPIED))].copy()


def plain_rate(pending: Pending, after: Any) -> float | None:
    """Return lr where the update was value − lr · gradient, None where it was something else.

    The rate is that of least squares; what it leaves over must be little, or mere rounding.
    """
    slope, before = pending.gradient, pending.before
    if slope is None or not slope.shape == before.shape == after.shape:
        return None
    with np.errstate(all="ignore"):
        change, slope = before.astype(np.float64) - after, slope.astype(np.float64)
        square = float(np.dot(slope, slope))
        rate = float(np.dot(change, slope)) / square if square > 0 else 0.0
        rest = float(np.max(np.abs(change - rate * slope), initial=0.0))
        largest = float(np.max(np.abs(change), initial=0.0))
        last_place = float(np.max(np.abs(before), initial=0.0)) * float(np.finfo(before.dtype).eps)
    allowed = min(max(FITS * largest, ROUNDING * last_place), 0.1 * largest)
    return rate if rate > 0 and rest <= allowed else None
