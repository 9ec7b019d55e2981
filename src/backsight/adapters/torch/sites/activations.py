"""The activations among the nodes of a graph, measured by what their backward keeps."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ...figures import ROWWISE, activation_figures, unit_axis
from ...seen import pool, worth_measuring
from ..arrays import array_of
from ..places import of_user
from .values import READERS, hand_written_sigmoid, value_of

if TYPE_CHECKING:
    from ..passes import Pass

MOST_READ = 4_000_000  # elements brought from a device


class Applied(NamedTuple):
    """One application of an activation."""

    serial: int
    op: str
    weight: int  # the leaf whose product it is applied to, 0 where unknown
    units: int
    figures: dict[str, float]
    active: Any


class Activations:
    """The activations of one pass, measured before it begins."""

    OPS: ClassVar[Collection[str]] = tuple(READERS)

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._applied: list[Applied] = []
        self._repeats: dict[Any, int] = {}

    def node(self, serial: int, node: Any) -> None:
        """Measure a node, if it is an activation."""
        structure = self.seen.structure
        named = structure.op(serial)
        begun = serial
        if named == "reciprocal":
            serial, begun = hand_written_sigmoid(structure, serial)
            if not begun:
                return
        weight, axis = structure.fed_by(begun)
        key = (of_user(self.seen.places[serial]), named, weight)
        repeats = self._repeats.get(key, 0) + 1
        value = value_of(named, node) if worth_measuring(repeats) else None
        if value is not None:
            found = measured(value.op, value.x, value.out, node, axis, self.seen.probes.phase)
            self._applied.append(Applied(serial, value.op, weight, *found))
        if value is not None or repeats > 1:
            self._repeats[key] = repeats

    def finished(self) -> None:
        """Name the sites and add their figures."""
        seen, structure = self.seen, self.seen.structure
        ordinals: dict[Any, dict[int, int]] = {}
        for each in reversed(self._applied):
            taken = tuple(
                dict.fromkeys(structure.op(n) for n, _ in structure.consumers.get(each.serial, ()))
            )
            counted = ordinals.setdefault((of_user(seen.places[each.serial]), each.op), {})
            ordinal = counted.setdefault(each.weight, len(counted))
            leaf = seen.graph.leaves[-1 - each.weight] if each.weight else None
            weight = seen.probes.parameters.names.of(leaf) if leaf is not None else ""
            attributes = {
                "units": each.units,
                "last": seen.sides[each.serial] == "loss",
                "gate": is_gate(each.op, taken),
                "consumers": list(taken),
                "distance": structure.distances.get(each.serial),
                "weight": weight,
            }
            also = (weight, each.units)
            site = seen.site(each.op, "activation", each.serial, attributes, ordinal, also)
            if site is None:
                continue
            pool(seen.figures.setdefault(site, {}), each.figures)
            if each.active is not None:
                samples, active = seen.units.get(site, (0, 0))
                seen.units[site] = samples + int(each.figures["samples"]), active + each.active


def measured(
    op: str, x: Any, out: Any, node: Any, axis: int | None, phase: int
) -> tuple[int, dict[str, float], Any]:
    """Return the number of units, the figures and the active counts of an application.

    Call it while the graph is alive, where the script's modes are off and no graph is made.
    """
    if out.device.type != "cpu" and out.numel() > MOST_READ and out.ndim:
        step = -(-out.numel() // MOST_READ)
        x, out = x[::step], out[::step]
    put_in, came_out = array_of(x), array_of(out)
    if op in ROWWISE:
        dim = node._saved_dim
        axis = dim - 2**64 if dim >= 2**63 else dim  # negative ones come without their sign
    elif axis is None or not -came_out.ndim <= axis < came_out.ndim:
        axis = unit_axis(came_out.ndim)
    figures, active = activation_figures(op, put_in, came_out, axis=axis, phase=phase)
    return (came_out.shape[axis] if came_out.ndim else 1), figures, active


def is_gate(op: str, consumers: tuple[str, ...]) -> bool:
    """Tell whether an activation opens and closes the way of another value."""
    return op in ("sigmoid", "hard_sigmoid") and consumers == ("multiply",)
