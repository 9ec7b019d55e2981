"""The activations among the nodes of a graph, measured by what their backward keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from torch.nn import functional

from ...figures import ROWWISE, activation_figures, unit_axis
from ..arrays import array_of, readable
from ..graph import op_of, plain_saved
from ..places import of_user

if TYPE_CHECKING:
    from ..passes import Pass

# By op: what the backward keeps (the result, else the input), and the result from the input.
KEPT: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "relu": ("result", lambda node, x: x),
    "sigmoid": ("result", lambda node, x: x),
    "tanh": ("result", lambda node, x: x),
    "softmax": ("result", lambda node, x: x),
    "log_softmax": ("result", lambda node, x: x),
    "leaky_relu": ("self", lambda node, x: functional.leaky_relu(x, node._saved_negative_slope)),
    "gelu": ("self", lambda node, x: functional.gelu(x)),
    "silu": ("self", lambda node, x: functional.silu(x)),
    "softplus": ("self", lambda node, x: functional.softplus(x)),
    "hard_sigmoid": ("self", lambda node, x: functional.hardsigmoid(x)),
    "log_sigmoid": ("self", lambda node, x: functional.logsigmoid(x)),
    "relu6": ("self", lambda node, x: functional.relu6(x)),
}
MOST_READ = 4_000_000  # elements brought from a device
MOST_REPEATS = 64  # of one expression in one pass, as in a loop through time


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

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._applied: list[Applied] = []
        self._repeats: dict[Any, int] = {}

    def node(self, serial: int, node: Any) -> None:
        """Measure a node, if it is an activation."""
        op = activation_of(node)
        if op is None:
            return
        weight, axis = self.seen.structure.fed_by(serial)
        key = (of_user(self.seen.places[serial]), op, weight)
        repeats = self._repeats[key] = self._repeats.get(key, 0) + 1
        if repeats <= MOST_REPEATS:
            found = measured(op, node, axis, self.seen.probes.phase)
            if found is not None:
                self._applied.append(Applied(serial, op, weight, *found))

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


def activation_of(node: Any) -> str | None:
    """Return the canonical name of an activation, None for other nodes."""
    op = op_of(node)
    if op == "hard_tanh":
        return "relu6" if (node._saved_min_val, node._saved_max_val) == (0, 6) else None
    return op if op in KEPT else None


def measured(
    op: str, node: Any, axis: int | None, phase: int
) -> tuple[int, dict[str, float], Any] | None:
    """Return the number of units, the figures and the active counts; None where nothing is kept.

    Call it while the graph is alive, where the script's modes are off and no graph is made.
    """
    name, result = KEPT[op]
    kept = plain_saved(node, name)
    if kept is None or not readable(kept):
        return None
    if kept.device.type != "cpu" and kept.numel() > MOST_READ and kept.ndim:
        kept = kept[:: -(-kept.numel() // MOST_READ)]
    x, out = array_of(kept), array_of(result(node, kept.detach()))
    if op in ROWWISE:
        dim = node._saved_dim
        axis = dim - 2**64 if dim >= 2**63 else dim  # negative ones come without their sign
    elif axis is None or not -out.ndim <= axis < out.ndim:
        axis = unit_axis(out.ndim)
    figures, active = activation_figures(op, x, out, axis=axis, phase=phase)
    return (out.shape[axis] if out.ndim else 1), figures, active


def is_gate(op: str, consumers: tuple[str, ...]) -> bool:
    """Tell whether an activation opens and closes the way of another value."""
    return op in ("sigmoid", "hard_sigmoid") and consumers == ("multiply",)


def pool(total: dict[str, float], figures: dict[str, float]) -> None:
    """Pool the repeats of one expression in one pass: counts add, mean and std are averaged."""
    repeats = total.get("repeats", 0)
    for name, figure in figures.items():
        if name in ("mean", "std"):
            total[name] = (total.get(name, 0.0) * repeats + figure) / (repeats + 1)
        else:
            total[name] = total.get(name, 0.0) + figure
    total["repeats"] = repeats + 1
