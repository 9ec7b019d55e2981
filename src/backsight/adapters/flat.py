"""Ops whose derivative is zero wherever it exists, and the parameters that they starve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

FLAT = {
    "round": "round",
    "round_": "round",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "sign": "sign",
    "sgn": "sign",
}
"""By the name that a source has for it: the steps. Their backward gives exact zeros."""


def starved_by(
    nodes: Iterable[tuple[int, Sequence[int]]], flat: Set[int]
) -> dict[int, tuple[int, ...]]:
    """Return for each flat node the leaves that reach the loss through flat nodes only.

    `nodes` are (serial number, sources), each before its sources, which are nodes (> 0), leaves
    (< 0) or 0. Of several flat nodes in a row the one nearest to the loss has the blame.

    >>> starved_by([(1, (2, 3)), (2, (-1,)), (3, (-2, -1))], {3})
    {3: (-2,)}
    """
    live: set[int] = set()  # reached from the loss without passing a flat node
    owners: dict[int, set[int]] = {}
    for serial, sources in nodes:
        alive = serial in live or serial not in owners  # who is nobody's source is a root
        if alive and serial not in flat:
            live.update(sources)
            continue
        blamed = {serial} if alive else owners[serial]
        for source in sources:
            owners.setdefault(source, set()).update(blamed)
    found: dict[int, list[int]] = {}
    for leaf, blamed in owners.items():
        if leaf < 0 and leaf not in live:
            for serial in blamed:
                found.setdefault(serial, []).append(leaf)
    return {serial: tuple(sorted(leaves, reverse=True)) for serial, leaves in found.items()}
