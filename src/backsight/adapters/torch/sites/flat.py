"""The flat ops among the nodes of a graph: those that starve parameters of their gradient."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from ...flat import FLAT, starved_by

if TYPE_CHECKING:
    from ..passes import Pass


class Flats:
    """The flat ops of one pass. What is detached, as in a straight-through estimator, is none."""

    OPS: ClassVar[Collection[str]] = (*FLAT, "div", "divide")

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._flat: dict[int, str] = {}

    def node(self, serial: int, node: Any) -> None:
        """Take note of a node, if its derivative is zero everywhere."""
        op = self.seen.structure.op(serial)
        if op in FLAT:
            self._flat[serial] = FLAT[op]
        elif op in ("div", "divide") and getattr(node, "_saved_rounding_mode", None) is not None:
            self._flat[serial] = str(node._saved_rounding_mode)

    def finished(self) -> None:
        """Name the sites of those that starve parameters, and count these."""
        if not self._flat:
            return
        seen, names = self.seen, self.seen.probes.parameters.names
        starved = starved_by(enumerate(seen.graph.sources, start=1), self._flat.keys())
        for serial, leaves in starved.items():
            named = sorted({name for i in leaves if (name := names.of(seen.graph.leaves[-1 - i]))})
            distance = seen.structure.distances.get(serial)
            attributes = {"parameters": named, "distance": distance}
            site = seen.site(self._flat[serial], "flat", serial, attributes, also=named)
            if site is not None:
                known = seen.figures.setdefault(site, {"starved": 0.0})
                known["starved"] = max(known["starved"], float(len(leaves)))
