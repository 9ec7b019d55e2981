"""The updates of PyTorch's optimisers: rates, norms before and after clipping, old gradients.

An optimiser is known from its first update on. Between the backward pass and that update the script
may clip; a GradScaler divides by its scale, or leaves the update out. So the norm is taken twice,
both times as it is without a scale.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from ....traces.recording import Site
from ....traces.trace import Location
from ..arrays import norm_of, readable
from ..places import plain

MOST_NAMES = 100
MOST_OPTIMIZERS = 200  # some programs make one for every task
WITNESSES = 2  # parameters of an optimiser that are looked at; who clears gradients clears them all
MOST_LOOKED_AT = 65_536  # elements of one witness

Find = Callable[[Any, Callable[[], Site]], int | None]
Placed = tuple[Location | None, str]  # and its source lines


@dataclass(slots=True)
class State:
    """One optimiser since its last update."""

    optimizer: weakref.ref[Any]
    site: int | None
    leaves: frozenset[int]  # ids
    step: int = 0  # the last observed one since the update, 0 if none
    norm: float | None = None  # of its gradients after the last pass, if that was observed
    used: float | None = None  # of its gradients as the update finds them
    updates: int = 0
    cleared: bool = False
    kept: list[Witness] = field(default_factory=list)
    thread: int = 0  # that made the last update: only there may its gradients be looked at


class Optimizers:
    """Every optimiser of a run; `record(step, figures)` takes what is measured."""

    def __init__(self, find: Find, record: Callable[[int, Any], None]) -> None:
        self.find = find
        self.record = record
        self._known: dict[int, State] = {}
        self._met = 0
        self._lock = threading.RLock()  # threads may train at once

    def knows(self, optimizer: Any) -> bool:
        """Tell whether an optimiser has been introduced, with the parameters that it has now."""
        state = self._state(optimizer)
        if state is None:
            return False
        return len(state.leaves) == sum([len(group["params"]) for group in optimizer.param_groups])

    def idle(self, optimizer: Any) -> bool:
        """Tell whether nothing is to be measured of the update that an optimiser begins."""
        state = self._state(optimizer)
        return state is not None and not state.step and self.knows(optimizer)

    def introduce(
        self,
        optimizer: Any,
        names: Sequence[str],
        made: Placed,
        backward: Placed,
        step: int,
    ) -> dict[str, Any] | None:
        """Take note of an optimiser; return what to record of a new one, None of others.

        `made` is where it was constructed, `backward` where the pass before its update was called.
        """
        with self._lock:
            state = self._state(optimizer)
            if state is not None:  # it got more parameters
                state.leaves = frozenset(map(id, leaves_of(optimizer)))
                return None
            if self._met >= MOST_OPTIMIZERS:
                return None
            self._met += 1
            (where, source), (called, call) = made, backward
            kind, listed = type(optimizer).__name__, list(names[:MOST_NAMES])
            alive = [s for s in self._known.values() if s.optimizer() is not None]
            key = (kind, str(where), tuple(listed))

            def make(ordinal: int) -> Callable[[], Site]:
                attributes = {
                    "parameters": listed,
                    "backward": plain(called),
                    "backward_source": call,
                }
                return lambda: Site(
                    kind,
                    "optimizer",
                    where,
                    ordinal=ordinal,
                    source=source,
                    attributes=attributes,
                )

            taken = {state.site for state in alive}
            site, ordinal = self.find(("optimizer", key, 0), make(0)), 0
            while site is not None and site in taken:
                ordinal += 1
                site = self.find(("optimizer", key, ordinal), make(ordinal))
            leaves = frozenset(map(id, leaves_of(optimizer)))
            self._known = {k: s for k, s in self._known.items() if s.optimizer() is not None}
            self._known[id(optimizer)] = State(weakref.ref(optimizer), site, leaves)
            return {
                "op": kind,
                "learning_rate": rate_of(optimizer, wait=True),
                "parameters": listed,
                "step": step,
                "where": plain(where),
                "source": source,
            }

    def rested(self) -> None:
        """Forget what is no longer known after steps that were let pass."""
        with self._lock:
            for state in self._known.values():
                state.step, state.norm, state.updates = 0, None, 0

    def begins(self) -> None:
        """See before each pass whether gradients were cleared since the last update."""
        thread = threading.get_ident()
        with self._lock:
            for state in self._known.values():
                if state.thread == thread:
                    state.norm = None
                    if state.updates and not state.cleared:
                        state.cleared = all(map(Witness.is_cleared, state.kept))

    def walked(
        self, step: int, leaves: Sequence[Any], scale: float, norm: float | None = None
    ) -> None:
        """Take the norms after an observed pass that has reached `leaves`.

        `norm` is theirs, if it is known, without the scale.
        """
        reached = set(map(id, leaves))
        with self._lock:
            for state in self._known.values():
                optimizer = state.optimizer()
                if optimizer is not None and state.leaves & reached:
                    own = norm if state.leaves == reached else None
                    if own is None:
                        own = norm_of(gradients_of(optimizer))
                        own = own / scale if own is not None else None
                    state.step, state.norm = step, own

    def reached(self, optimizer: Any, step: int, leaves: frozenset[int]) -> None:
        """Take note of an observed pass before an optimiser was known."""
        state = self._state(optimizer)
        if state is not None and state.leaves & leaves:
            state.step = step

    def updating(self, optimizer: Any) -> None:
        """Take the norm of the gradients that an update is about to use."""
        state = self._state(optimizer)
        if state is not None and state.step:
            norm = norm_of(gradients_of(optimizer))
            scale = getattr(optimizer, "grad_scale", None)  # a fused update divides by it itself
            if norm is not None and isinstance(scale, torch.Tensor):
                norm /= float(scale)
            state.used = norm

    def updated(self, optimizer: Any, closure: bool) -> float | None:
        """Take note of an update; return its learning rate, None where it is not known.

        With a closure the passes lie inside the update, and the norm is that of the last one.
        """
        state = self._state(optimizer)
        rate = rate_of(optimizer, wait=state is None or bool(state.step))
        if state is None:
            return rate
        with self._lock:
            used = norm_of(gradients_of(optimizer)) if closure and state.step else state.used
            if state.step and state.site is not None:
                figures = {"learning_rate": rate, "gradient_norm": used}
                if used is not None and state.norm and math.isfinite(state.norm) and not closure:
                    figures["coefficient"] = used / state.norm
                if state.updates:
                    figures["kept"] = float(not state.cleared)
                known = {name: figure for name, figure in figures.items() if figure is not None}
                self.record(state.step, {state.site: known})
            state.step, state.norm, state.used, state.cleared = 0, None, None, False
            state.kept, state.thread = witnesses(optimizer), threading.get_ident()
            state.updates += 1
            return rate

    def _state(self, optimizer: Any) -> State | None:
        state = self._known.get(id(optimizer))
        return state if state is not None and state.optimizer() is optimizer else None


class Witness(NamedTuple):
    """A parameter with the gradient that an update has left it: the very one, and how written."""

    leaf: weakref.ref[Any]
    gradient: weakref.ref[Any]
    version: int

    def is_cleared(self) -> bool:
        """Tell whether that gradient is gone, replaced or set to zero.

        What lies on a device is not read: it counts as cleared if it was written to.
        """
        leaf, known = self.leaf(), self.gradient()
        if leaf is None or known is None or leaf.grad is not known:
            return True
        gradient: Any = known
        if gradient._version == self.version:
            return False
        return is_zero(gradient) if on_cpu(gradient) else True


def witnesses(optimizer: Any) -> list[Witness]:
    """Return a few parameters that have a gradient after an update."""
    found: list[Witness] = []
    for group in optimizer.param_groups:
        for leaf in group["params"]:
            gradient: Any = leaf.grad
            if gradient is not None:
                found.append(Witness(weakref.ref(leaf), weakref.ref(gradient), gradient._version))
                if len(found) == WITNESSES:
                    return found
    return found


def on_cpu(gradient: Any) -> bool:
    """Tell whether a gradient can be read without waiting."""
    return readable(gradient) and gradient.device.type == "cpu"


def is_zero(gradient: Any) -> bool:
    """Tell whether a gradient is zero, by a sample where it is large."""
    flat = gradient.detach().reshape(-1)
    return not flat[:: max(1, flat.numel() // MOST_LOOKED_AT)].any()


def leaves_of(optimizer: Any) -> list[torch.Tensor]:
    """List the parameters of an optimiser."""
    return [leaf for group in optimizer.param_groups for leaf in group["params"]]


def gradients_of(optimizer: Any) -> list[torch.Tensor]:
    """List the gradients of an optimiser's parameters."""
    found = (leaf.grad for leaf in leaves_of(optimizer))
    return [gradient for gradient in found if readable(gradient)]


def rate_of(optimizer: Any, *, wait: bool) -> float | None:
    """Return the largest learning rate of an optimiser's groups, None where there is none.

    One that lies on a device is read only if `wait` says so.
    """
    found = []
    for group in optimizer.param_groups:
        rate = group.get("lr")
        if isinstance(rate, torch.Tensor) and rate.device.type != "cpu" and not wait:
            return None
        if isinstance(rate, int | float | torch.Tensor):
            found.append(float(rate))
    return max(found, default=None)
