"""The parameters of a run: their gradients, and what an update really changed.

A pass shows the gradients; the change is known after the update, by an optimiser or by hand. Until
then a measurement is pending. PyTorch writes in place, so a sample of the value is copied.
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
from ...figures import parameter_figures, update_figures
from ..arrays import array_of, readable, sampled
from ..names import Names

MOST_PARAMETERS = 1_000
MOST_COPIED = 16_384  # elements of one parameter

Record = Callable[[int, Mapping[int, Mapping[str, float]]], None]
Find = Callable[[Any, Callable[[], Site]], int | None]


@dataclass(slots=True)
class Pending:
    """What a pass showed of a parameter, waiting for the update. `about` describes its site."""

    step: int
    leaf: weakref.ref[torch.Tensor]
    figures: dict[str, float]
    before: Any
    about: dict[str, Any]


class Parameters:
    """Every parameter of a run; `record` takes what is measured, `find` gives a site its number."""

    def __init__(self, find: Find, record: Record) -> None:
        self.find = find
        self.record = record
        self.names = Names()
        self._owners: dict[int, tuple[weakref.ref[Any], str]] = {}
        self._optimizers: weakref.WeakSet[Any] = weakref.WeakSet()
        self._pending: dict[int, Pending] = {}  # by the leaf's id
        self._abouts: dict[int, tuple[weakref.ref[torch.Tensor], dict[str, Any]]] = {}
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
            for i, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
                if i >= MOST_PARAMETERS or not readable(leaf):
                    continue
                described = self._described(leaf)
                if not described:  # asked once: a parameter keeps its place in the network
                    described = about(i)
                    self._abouts[id(leaf)] = (weakref.ref(leaf), described)
                given = array_of(gradient) if readable(gradient) else None
                if given is not None and scale != 1.0:
                    given = given / scale
                figures = parameter_figures(array_of(leaf), given, axis=described["axis"])
                self._release(id(leaf))
                self._pending[id(leaf)] = Pending(
                    step, weakref.ref(leaf), figures, sample(leaf), described
                )

    def new(self, optimizer: Any, step: int) -> dict[str, Any] | None:
        """Take note of an optimiser; return what the recording should say of a new one."""
        if optimizer in self._optimizers:
            return None
        self._optimizers.add(optimizer)
        leaves = leaves_of(optimizer)
        for leaf in leaves:
            self._owners[id(leaf)] = (weakref.ref(leaf), type(optimizer).__name__)
        return {
            "op": type(optimizer).__name__,
            "learning_rate": rate_of(optimizer),
            "parameters": [self.names.of(leaf) for leaf in leaves],
            "step": step,
            "where": None,
            "source": "",
        }

    def updated(self, optimizer: Any) -> None:
        """Complete what an optimiser has updated, and add what no gradient has reached."""
        with self._lock:
            leaves = leaves_of(optimizer)
            steps = [self._pending[id(leaf)].step for leaf in leaves if id(leaf) in self._pending]
            if not steps:
                return
            for leaf in leaves[:MOST_PARAMETERS]:
                pending = self._pending.get(id(leaf))
                if pending is not None:
                    self._release(id(leaf), leaf)
                elif readable(leaf) and leaf.requires_grad:
                    gradient = array_of(leaf.grad) if readable(leaf.grad) else None
                    figures = parameter_figures(array_of(leaf), gradient)
                    if gradient is None:
                        figures |= {"update_std": 0.0, "unchanged": 1.0}
                    pending = Pending(
                        max(steps), weakref.ref(leaf), figures, None, self._described(leaf)
                    )
                    self._hand_over(pending)

    def settle(self) -> None:
        """Complete what was updated by hand since the last pass: all that has no optimiser."""
        with self._lock:
            alive = {key: pending.leaf() for key, pending in self._pending.items()}
            free = {
                k: leaf
                for k, leaf in alive.items()
                if leaf is not None and readable(leaf) and not self.owner(leaf)
            }
            before = {key: self._pending[key].before for key in free}
            if all(np.array_equal(sample(x), before[k], equal_nan=True) for k, x in free.items()):
                return
            for key, leaf in free.items():
                self._release(key, leaf)

    def finish(self) -> None:
        """Hand over what no update has followed."""
        with self._lock:
            for key in tuple(self._pending):
                self._release(key)

    def owner(self, leaf: torch.Tensor) -> str:
        """Return the class of the optimiser that updates a leaf, "" if none is known."""
        known = self._owners.get(id(leaf))
        return known[1] if known is not None and known[0]() is leaf else ""

    def _described(self, leaf: torch.Tensor) -> dict[str, Any]:
        known = self._abouts.get(id(leaf))
        return known[1] if known is not None and known[0]() is leaf else {}

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
        leaf = pending.leaf()
        if leaf is None:
            return
        name, owner, about = self.names.of(leaf), self.owner(leaf), pending.about

        def make() -> Site:
            attributes = {
                "shape": list(leaf.shape),
                "distance": about.get("distance"),
                "weight": about.get("weight", leaf.ndim >= 2),
                "normalised": about.get("normalised", False),
                "optimizer": owner,
                "units": leaf.shape[about["axis"]] if about.get("axis") is not None else None,
            }
            return Site(
                "parameter",
                "parameter",
                about.get("where"),
                "parameter",
                name.rpartition(".")[0],
                name,
                source=about.get("source", ""),
                attributes=attributes,
            )

        # Programs that make new parameters at every step come back to the same sites by name.
        key = name or about.get("order", id(leaf))
        site = self.find(("parameter", key, tuple(leaf.shape)), make)
        if site is not None:
            self.record(pending.step, {site: pending.figures})


def sample(leaf: torch.Tensor) -> Any:
    """Return a strided copy of a value."""
    return sampled(leaf, max(1, -(-leaf.numel() // MOST_COPIED))).copy()


def leaves_of(optimizer: Any) -> list[torch.Tensor]:
    """List the parameters of an optimiser."""
    return [leaf for group in optimizer.param_groups for leaf in group["params"]]


def rate_of(optimizer: Any) -> float | None:
    """Return the learning rate of an optimiser's first group, None where it is no number."""
    rate = optimizer.param_groups[0].get("lr")
    return float(rate) if rate is not None else None
