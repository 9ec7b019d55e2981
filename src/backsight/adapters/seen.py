"""The structure of one pass in integers, and what follows from it, whatever framework it is of.

A source numbers the nodes of a pass and codes their inputs; from that this module tells on which
side of the model a node lies, and who takes its output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

MOST_REPEATS = 64  # of one expression in one pass, as in a loop through time
ALL_REPEATS = 8  # so many activations are all measured, of those after them every fourth

# How an input of a node is remembered: a node by its serial number, which is positive, a leaf as
SMALL_CONSTANT, LARGE_CONSTANT, SMALL_PARAMETER, PARAMETER = 0, -1, -2, -3

LOOKUPS = ("embedding", "embedding_bag", "gather", "index_select", "take")
"""Ops that choose rows of a table by the data."""


class Seen(NamedTuple):
    """One node: its serial number, op, inputs by code, and whether its output is one number.

    In a sequence of them, every node comes before its inputs.
    """

    serial: int
    op: str
    inputs: tuple[int, ...]
    small: bool


def parameter_like(seen: Sequence[Seen]) -> set[int]:
    """Return the nodes computed from parameters and single numbers alone: `w.T`, `exp(w)`.

    What is looked up in a table is as good as data.
    """
    found: set[int] = set()
    for node in reversed(seen):
        own = [
            code for code in node.inputs if code in (PARAMETER, SMALL_PARAMETER) or code in found
        ]
        rest = [code for code in node.inputs if code not in own and code != SMALL_CONSTANT]
        if own and not rest and node.op not in LOOKUPS:
            found.add(node.serial)
    return found


def before_parameters(seen: Sequence[Seen], of_parameters: set[int]) -> set[int]:
    """Return the nodes between which and the loss a trainable parameter enters.

    Single numbers do not count: a learned temperature or loss weight leaves a loss a loss.
    """
    small = {node.serial for node in seen if node.small}
    found: set[int] = set()
    for node in seen:
        entering = [
            code
            for code in node.inputs
            if code == PARAMETER or (code in of_parameters and code not in small)
        ]
        for code in node.inputs:
            if code > 0 and (node.serial in found or any(other != code for other in entering)):
                found.add(code)
    return found


def consumers_of(seen: Sequence[Seen]) -> dict[int, tuple[str, ...]]:
    """Return for each node the ops that take its output."""
    found: dict[int, tuple[str, ...]] = {}
    for node in seen:
        for code in set(node.inputs):
            if code > 0 and node.op not in found.get(code, ()):
                found[code] = (*found.get(code, ()), node.op)
    return found


def add(total: dict[str, float], figures: dict[str, float]) -> None:
    """Pool the repeats of one expression in one walk: counts add, norms add as squares."""
    if total.get("repeats", 0) >= MOST_REPEATS:
        return
    for name, figure in figures.items():
        known = total.get(name, 0.0)
        total[name] = math.hypot(known, figure) if name.endswith("_norm") else known + figure
    total["repeats"] = total.get("repeats", 0) + 1


def worth_measuring(repeats: int) -> bool:
    """Tell whether to measure the n-th repeat of one activation in one pass."""
    return repeats <= ALL_REPEATS or (repeats <= MOST_REPEATS and repeats % 4 == 0)


def pool(total: dict[str, float], figures: dict[str, float]) -> None:
    """Pool the repeats of one activation in one pass: counts add, mean and std are averaged."""
    repeats = total.get("repeats", 0)
    for name, figure in figures.items():
        if name in ("mean", "std"):
            total[name] = (total.get(name, 0.0) * repeats + figure) / (repeats + 1)
        else:
            total[name] = total.get(name, 0.0) + figure
    total["repeats"] = repeats + 1
