"""The updates of the engine's optimisers: rates, norms before and after clipping, old gradients."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..engine_probe import gradient_norm
from .graph import Place, Sites, placed
from .parameters import Record, leaves_of, rate_of, without_gradient

LOOKED_AT = 2  # parameters of an optimiser; who clears gradients clears them all
MOST_NAMES = 100
MOST_OPTIMIZERS = 200  # some programs make one for every task


@dataclass(slots=True)
class State:
    """One optimiser since its last update."""

    optimizer: weakref.ref[Any]
    site: int | None
    key: Any
    first: list[weakref.ref[Tensor]]
    step: int = 0  # the last observed one, 0 if none since the update
    norm: float | None = None  # of its gradients after the last walk, if that was observed
    updates: int = 0
    cleared: bool = False

    def leaves(self) -> list[Tensor]:
        """List the parameters that it updates, none where it is gone."""
        return leaves_of(self.optimizer())


class Optimizers:
    """Every optimiser of a run; `record(step, figures)` takes what is measured."""

    def __init__(self, sites: Sites, record: Record) -> None:
        self.sites = sites
        self.record = record
        self._known: dict[int, State] = {}
        self._met = 0

    def knows(self, optimizer: Any) -> bool:
        """Tell whether an optimiser has been introduced."""
        known = self._known.get(id(optimizer))
        return known is not None and known.optimizer() is optimizer

    def introduce(
        self, optimizer: Any, where: Place, step: int, names: list[str]
    ) -> dict[str, Any] | None:
        """Take note of a new optimiser; return what to record of it, None if there are too many."""
        if self._met >= MOST_OPTIMIZERS:
            return None
        self._met += 1
        place, source = placed(where)
        kind = type(optimizer).__name__
        names = names[:MOST_NAMES]
        key = (kind, self.sites.key_of(where), tuple(names))
        alive = [s for s in self._known.values() if s.optimizer() is not None]
        ordinal = sum(state.key == key for state in alive)
        site = self.sites.find(
            ("optimizer", key, ordinal),
            lambda: Site(
                kind,
                "optimizer",
                place,
                ordinal=ordinal,
                source=source,
                attributes={"parameters": names},
            ),
        )
        first = [weakref.ref(leaf) for leaf in leaves_of(optimizer)[:LOOKED_AT]]
        self._known[id(optimizer)] = State(weakref.ref(optimizer), site, key, first)
        return {
            "op": kind,
            "learning_rate": rate_of(optimizer),
            "parameters": names,
            "step": step,
            "where": {name: getattr(place, name) for name in place.__slots__} if place else None,
            "source": source,
        }

    def rested(self) -> None:
        """Forget what is no longer known after steps that were let pass."""
        for state in self._known.values():
            state.step, state.norm, state.updates = 0, None, 0

    def begins(self) -> None:
        """See before a walk whether gradients were cleared since the last update."""
        for state in self._known.values():
            state.norm = None  # only the last walk before an update tells what was clipped
            if state.updates and not state.cleared:
                state.cleared = any(map(is_cleared, state.first))

    def walked(self, step: int, reached: Iterable[Tensor]) -> None:
        """Take the norms after an observed walk that has reached these leaves."""
        ids = set(map(id, reached))
        for state in self._known.values():
            leaves = state.leaves()
            if any(id(leaf) in ids for leaf in leaves):
                state.step, state.norm = step, gradient_norm(leaves)

    def stepped(self, optimizer: Any) -> tuple[float | None, float | None]:
        """Take note of an update; return its rate, and the norm of the gradients that it used."""
        rate, norm = rate_of(optimizer), norm_of(leaves_of(optimizer))
        state = self._known.get(id(optimizer))
        if state is None or state.optimizer() is not optimizer:
            return rate, norm
        if state.step and state.site is not None:
            figures = {"learning_rate": rate, "gradient_norm": norm}
            if norm is not None and state.norm:
                figures["coefficient"] = norm / state.norm
            if state.updates:
                figures["kept"] = float(not state.cleared)
            known = {name: figure for name, figure in figures.items() if figure is not None}
            self.record(state.step, {state.site: known})
        state.step, state.norm, state.cleared = 0, None, False
        state.updates += 1
        return rate, norm


def is_cleared(held: weakref.ref[Tensor]) -> bool:
    """Tell whether a parameter has no gradient, or one of zeros."""
    leaf = held()
    return leaf is None or without_gradient(leaf)


def norm_of(leaves: list[Tensor]) -> float | None:
    """Return the norm of all gradients together: at every step, so it has to be quick."""
    total = 0.0
    for leaf in leaves:
        gradient = leaf.extra.grad if leaf.extra is not None else None
        if gradient is not None:
            if gradient.__class__ is not np.ndarray or gradient.itemsize < 4:
                return gradient_norm(leaves)
            flat = gradient.reshape(-1)
            total += float(flat.dot(flat))
    if 0.0 < total < math.inf:
        return math.sqrt(total)
    return gradient_norm(leaves)  # there is none, or a square has left the range of its dtype
