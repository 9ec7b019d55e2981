"""The cuts of one pass behind which there are parameters that it does not reach.

Those whose values come back to the loss, and those whose values went out of PyTorch as numbers,
where nobody can follow them.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from ....traces.recording import Site
from ..places import placed, within
from .cuts import Cut

if TYPE_CHECKING:
    from ..passes import Pass


class CutOff:
    """The cuts of one pass: where a value left the graph, and whether it enters the loss."""

    OPS: ClassVar[Collection[str]] = ()

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._returned: dict[int, Cut] = {}
        self._out = seen.log.cuts.out_of_torch()
        for leaf in (*seen.graph.leaves, *seen.call.roots):
            self._add(seen.log.cuts.of(leaf))
        for place in seen.places.values():
            if place is not None and place.comes_back:
                self._add(place.comes_back)

    def node(self, serial: int, node: Any) -> None:
        """Values that come back are found by the calls that took them in."""

    def finished(self) -> None:
        """Add the cuts that cost parameters their gradient, as far as this pass tells."""
        seen = self.seen
        reached = {id(leaf) for leaf in seen.graph.leaves}
        for cut in (self._out | self._returned).values():
            upstream = [leaf for leaf in cut.upstream if leaf.requires_grad]
            missed = [leaf for leaf in upstream if id(leaf) not in reached]
            if not missed:
                continue
            names = seen.probes.parameters.names
            names.look(missed)
            known = sorted(filter(None, map(names.of, missed)))
            site = seen.probes.find(
                ("cut", cut.op, seen.probes.key_of(cut.place), *known),
                partial(self._site, cut, known),
            )
            if site is not None:
                seen.figures[site] = {
                    "upstream": float(len(upstream)),
                    "unreached": float(len(missed)),
                    "returned": float(id(cut) in self._returned),
                }

    def _site(self, cut: Cut, parameters: list[str]) -> Site:
        where, source = placed(cut.place)
        return Site(
            cut.op,
            "cut",
            where,
            module=self.seen.probes.module_of(cut.place),
            source=source,
            attributes={"parameters": parameters, **within(cut.place)},
        )

    def _add(self, cuts: tuple[Cut, ...]) -> None:
        for cut in cuts:
            self._returned[id(cut)] = cut
