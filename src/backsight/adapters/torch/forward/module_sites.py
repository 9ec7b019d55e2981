"""Modules that evaluate while they are trained: batch norms and dropouts in a pass."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ....traces.recording import Site
from ..places import placed, within
from .cuts import parameters_in
from .modes import switched_at
from .modules import Forward

if TYPE_CHECKING:
    from ..passes import Pass


class Evaluating:
    """The batch norms and dropouts whose results a pass goes through."""

    OPS: ClassVar[Collection[str]] = ()

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._found: list[Forward] = []
        waiting = seen.log.modules.forwards
        if waiting:
            numbers = {node._sequence_nr() for node in seen.graph.nodes}
            self._found = [each for each in waiting if each.number in numbers]
            waiting[:] = [each for each in waiting if each.number not in numbers]

    def node(self, serial: int, node: Any) -> None:
        """Modules are found by the numbers of their nodes."""

    def finished(self) -> None:
        """Add each module with whether it evaluated, and whether what is near is trained."""
        seen = self.seen
        reached = {id(leaf) for leaf in seen.graph.leaves}
        for each in self._found:
            modules = [module for ref in each.around if (module := ref()) is not None]
            if len(modules) < len(each.around) or not works(modules[-1]):
                continue
            near = next((m for m in reversed(modules) if any(True for _ in parameters_in(m))), None)
            leaves = list(parameters_in(near)) if near is not None else []
            trained = [leaf for leaf in leaves if id(leaf) in reached and self._updated(leaf)]
            site = self._find(each, modules[-1])
            if site is not None:
                seen.figures[site] = {
                    "evaluating": float(not each.training),
                    "trained": len(trained) / len(leaves) if leaves else 0.0,
                    "whole": float(not any(_is_training(m) for m in modules)),
                }

    def _find(self, each: Forward, module: Any) -> int | None:
        """Return the site of a module, made when it is first seen to evaluate."""
        names = self.seen.probes.parameters.names
        names.look([module])
        key = ("module", names.of(module) or id(module))
        if each.training and not self.seen.probes.knows(key):
            return None
        return self.seen.probes.find(key, partial(self._site, each, module))

    def _updated(self, leaf: Any) -> bool:
        parameters = self.seen.probes.parameters
        return bool(parameters.owner(leaf)) or not parameters.owned

    def _site(self, each: Forward, module: Any) -> Site:
        called = each.place
        place = switched_at(module) or called
        where, source = placed(place)
        return Site(
            type(module).__name__,
            "module",
            where,
            module=self.seen.probes.parameters.names.of(module),
            source=source,
            attributes={
                "own": bool(module.__dict__.get("_parameters", {}).get("weight") is not None),
                "switched": place is not called,
                **within(place),
            },
        )


def works(module: Any) -> bool:
    """Tell whether a module computes another thing in evaluation: some have nothing to switch."""
    if hasattr(module, "p"):
        return bool(module.p > 0)
    return getattr(module, "running_mean", None) is not None


def _is_training(module: Any) -> bool:
    return bool(module.__dict__.get("training", True))
