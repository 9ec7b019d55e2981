"""Everything about the updates of one run: what a watcher is told before, in and after each."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ....traces.recording import Site
from ....traces.trace import Location
from ..arrays import array_of, readable
from ..entry import Backward
from ..places import plain
from ..sites.births import described, fault_figures, is_finite
from .construction import Constructions, declared, place_here, variable_of, where_made
from .optimizers import Optimizers, leaves_of
from .parameters import Parameters, Record
from .steps import Arrived, Kind, Steps

Events = list[tuple[str, dict[str, Any]]]
NONE_SEEN: tuple[int, frozenset[int]] = (0, frozenset())
"""No observed pass: its step, and the ids of its leaves."""


class Updates:
    """The updates of a run. Call all of it where the script's modes are off and no graph is made.

    `find` numbers sites, `record` takes figures, `fail` is told what goes wrong at constructions.
    """

    def __init__(
        self,
        find: Callable[[Any, Callable[[], Site]], int | None],
        record: Record,
        fail: Callable[[Exception], None],
    ) -> None:
        self.constructions = Constructions(fail)
        self.parameters = Parameters(find, record, self._where)
        self.optimizers = Optimizers(find, record)
        self.steps = Steps()
        self._unmet: list[weakref.ref[Any]] = []  # optimisers made, and not introduced yet
        self._backward: tuple[Location | None, str] = (None, "")
        self._last = NONE_SEEN
        self._told = 0  # schedules
        self._news: Events = []

    def begins(self) -> tuple[float | None, list[Arrived]]:
        """See a pass begin: return the rate of an update by hand before it, and late norms."""
        if self.constructions.fresh:
            fresh, self.constructions.fresh = self.constructions.fresh, []
            self._unmet += fresh
            for optimizer in (held() for held in fresh):
                if optimizer is not None:
                    self.parameters.own(leaves_of(optimizer), type(optimizer).__name__)
        self._last = NONE_SEEN
        rate = self.parameters.settle()
        self.optimizers.begins()
        return rate, self.steps.arrived()

    def rested(self) -> None:
        """Forget what is no longer known after steps that were let pass."""
        self.parameters.finish()
        self.optimizers.rested()

    def observing(self) -> None:
        """Take note of who calls the pass that is about to be observed."""
        if self._backward[0] is None:
            self._backward = where_made(place_here())

    def walked(
        self,
        step: int,
        call: Backward,
        kind: Kind,
        leaves: Sequence[Any],
        scale: float,
        norm: float | None,
    ) -> float | None:
        """See an observed pass end; return the rate of an update by hand that it has shown.

        `norm` is that of the gradients of `leaves`, as it is without a scale.
        """
        self.steps.learn(kind, leaves)
        self._last = (step, frozenset(map(id, leaves)))
        for optimizer in (held() for held in self._unmet):
            if optimizer is not None:
                self._introduce(optimizer, step)
        self._unmet.clear()
        if call.accumulates:
            self.optimizers.walked(step, leaves, scale, norm)
        rate, self.parameters.rate = self.parameters.rate, None
        return rate

    def idle(self, step: int, call: Backward, kind: Kind, result: Any) -> float | None:
        """See another pass end; return the norm of its gradients, None if it is not known yet."""
        return self.steps.norm(step, kind, call, result)

    def broken(self, step: int, kind: Kind) -> dict[str, Any]:
        """Describe gradients that are not finite after a pass that was not observed."""
        name, counts = "", {"count": 1, "size": 0, "nan": 0, "inf": 0}
        for leaf in self.steps.leaves(kind):
            if readable(leaf.grad) and not is_finite(leaf.grad):
                name, counts = self.parameters.names.of(leaf), fault_figures(array_of(leaf.grad))
                break
        detail = described("backward", "", counts, None, name, "gradient")
        return {"step": step, **detail, "columns": []}

    def updating(self, optimizer: Any, closure: bool, planned: bool) -> None:
        """See an update begin; with a closure its passes lie inside it."""
        if not closure:
            if not self.optimizers.knows(optimizer):
                self._introduce(optimizer, self._last[0])
                self.optimizers.reached(optimizer, *self._last)
            self.optimizers.updating(optimizer)
        elif planned:
            self.parameters.updating(optimizer)

    def updated(self, optimizer: Any, closure: bool, step: int) -> float | None:
        """See an update end; return its learning rate, None where it is not known."""
        if not self.optimizers.knows(optimizer):
            self._introduce(optimizer, step)
        self.parameters.updated(optimizer)
        return self.optimizers.updated(optimizer, closure)

    def news(self) -> Events:
        """Return the events that have come up since the last time: (kind, detail)."""
        made = self.constructions.schedules
        if len(made) == self._told and not self._news:
            return []
        for schedule in made[self._told :]:
            where, source = where_made(schedule.place)
            about = {"op": schedule.op, "optimizer": schedule.optimizer}
            self._news.append(("schedule", {**about, "where": plain(where), "source": source}))
        self._told = len(made)
        news, self._news = self._news, []
        return news

    def finish(self) -> None:
        """Hand over what waits for an update that will not come."""
        self.parameters.settle()
        self.parameters.finish()

    def _introduce(self, optimizer: Any, step: int) -> None:
        leaves = leaves_of(optimizer)
        self.parameters.names.look(tuple(leaves))
        self.parameters.own(leaves, type(optimizer).__name__)
        made = where_made(self.constructions.place_of(optimizer))
        if made[0] is None:
            made = declared(variable_of(optimizer))
        names = [self.parameters.names.of(leaf) for leaf in leaves]
        detail = self.optimizers.introduce(optimizer, names, made, self._backward, step)
        if detail is not None:
            self._news.append(("optimizer", detail))

    def _where(self, leaf: torch.Tensor, name: str) -> tuple[Location | None, str]:
        """Return where a leaf was made, or given its values."""
        made = where_made(self.constructions.place_of(leaf))
        return made if made[0] is not None else declared(name)
