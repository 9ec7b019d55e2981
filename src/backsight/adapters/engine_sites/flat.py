"""The flat ops of one walk of the engine: those that starve parameters of their gradient."""

from __future__ import annotations

from typing import Any

from ...traces.recording import Site
from ..flat import FLAT, starved_by
from .graph import Graph, Sites, Visited, placed


def flat_sites(
    graph: Graph, sites: Sites, sides: dict[int, str], names: dict[int, tuple[int | None, str]]
) -> dict[int, dict[str, float]]:
    """Return the figures by site. `names` has site and name of each leaf."""
    flat = {node.serial: node for node in graph.nodes if node.op in FLAT}
    if not flat:
        return {}
    found: dict[int, dict[str, float]] = {}
    starved = starved_by(((node.serial, node.sources) for node in graph.nodes), flat.keys())
    for serial, leaves in starved.items():
        node, side = flat[serial], sides.get(serial, "loss")
        named = sorted({name for leaf in leaves if (name := names.get(leaf, (None, ""))[1])})
        attributes = {"parameters": named, "distance": graph.distances().get(serial)}

        def make(
            node: Visited = node, side: str = side, attributes: dict[str, Any] = attributes
        ) -> Site:
            where, source = placed(node.where)
            return Site(FLAT[node.op], "flat", where, side, source=source, attributes=attributes)

        key = ("flat", sites.key_of(node.where), node.op, side, *named)
        site = sites.find(key, make)
        if site is not None:
            known = found.setdefault(site, {"starved": 0.0})
            known["starved"] = max(known["starved"], float(len(leaves)))
    return found
