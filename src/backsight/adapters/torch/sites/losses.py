"""The losses among the nodes of a graph: predictions against targets, and what feeds them.

What a loss was given was noted when it was called (operands.py); where it was not, what its
backward keeps has to do. One call is one loss, of however many nodes it is composed: the log
softmax inside a cross-entropy is none that the user wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch

from ...comparing import BY_HAND, MOST_LOSSES, THROUGH, loss_figures
from ...figures import RANGES
from ..graph import plain_saved
from ..structure import SHAPING, Structure
from .clamps import clamp_of
from .operands import REVERSED, Operands, sample
from .values import hand_written_sigmoid

if TYPE_CHECKING:
    from ..passes import Pass

KERNELS = {
    "nll_loss": "nll_loss",
    "nll_loss2_d": "nll_loss",
    "mse_loss": "squared_error",
    "smooth_l1_loss": "smooth_l1_loss",
    "huber_loss": "huber_loss",
    "binary_cross_entropy": "bce",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "multi_margin_loss": "multiclass_svm",
    "soft_margin_loss": "soft_margin_loss",
    "multilabel_margin_loss": "multilabel_margin_loss",
}
"""The losses that are one node, by the name of that."""

PASSING = (*SHAPING, "select", "slice", "index", "gather", "split", "unbind", "narrow", "reshape")
AVERAGING = ("mean", "sum")
REDUCTIONS = {1: "mean", 2: "sum"}


class Compared(NamedTuple):
    """One loss as it was met: its first node, its op, and where its prediction comes from."""

    serial: int
    op: str
    source: int
    attributes: dict[str, Any]
    figures: dict[str, float]


class Losses:
    """The losses of one pass, measured before it begins."""

    OPS: ClassVar[Collection[str]] = ()

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._met: list[Compared] = []
        self._known: set[int] = set()  # the calls, by id: their places live as long as the pass
        for each in seen.graph.seen:
            place = seen.places[each.serial]
            if (place is not None and place.operands is not None) or each.op in KERNELS:
                self.node(each.serial, seen.graph.nodes[each.serial - 1])

    def node(self, serial: int, node: Any) -> None:
        """Measure a node, if a loss begins there, seen from the end."""
        place = self.seen.places[serial]
        noted = place.operands if place is not None else None
        if id(noted) in self._known or len(self._met) >= MOST_LOSSES:
            return
        if self.seen.sides[serial] != "loss":
            return
        found: Compared | None
        if noted is None:
            found = self._kernel(serial, node)
        else:
            self._known.add(id(noted))
            found = self._call(serial, noted) if noted.loss else self._difference(serial, noted)
        if found is not None:
            self._met.append(found)

    def finished(self) -> None:
        """Name the sites and add their figures."""
        seen = self.seen
        for met in self._met:
            fed_by = met.attributes["fed_by"]
            site = seen.site(met.op, "loss", met.serial, met.attributes, also=(fed_by,))
            if site is not None:
                seen.figures.setdefault(site, met.figures)

    def _kernel(self, serial: int, node: Any) -> Compared:
        """Measure a loss of one node whose call was not logged."""
        op = KERNELS[self.seen.structure.op(serial)]
        source = self.seen.structure.behind(self.seen.graph.sources[serial - 1][0])
        prediction, target = read(node, "self"), read(node, "target")
        if op == "nll_loss" and source > 0 and follows(self.seen, serial, source):
            op, source = "cross_entropy", self.seen.graph.sources[source - 1][0]
            prediction = None  # the logits are nowhere kept
        shapes = tuple(list(x.shape) if x is not None else None for x in (prediction, target))
        if "expand" in (
            self.seen.structure.op(n) for n in self.seen.graph.sources[serial - 1][:1] if n > 0
        ):
            shapes = (None, None)  # they were broadcast, from what is not known
        return self._compared(serial, op, source, shapes, (prediction, target), serial)

    def _call(self, serial: int, noted: Operands) -> Compared:
        """Measure a call of a loss."""
        inside, outside = self._extent(serial, noted)
        op, node = noted.loss, self.seen.graph.nodes[serial - 1]
        prediction, target = noted.samples
        if op == "cross_entropy" and target is not None and target.dtype.kind == "f":
            op = "cross_entropy_probabilities"
        if prediction is None and op not in ("cross_entropy", "cross_entropy_probabilities"):
            prediction = read(node, "self")
        if target is None:
            target = read(node, "target")
        source = next(iter(outside), 0)
        return self._compared(serial, op, source, noted.shapes, (prediction, target), *inside)

    def _difference(self, serial: int, noted: Operands) -> Compared | None:
        """Measure a difference between a live value and data, if that is what a loss takes."""
        structure, sources = self.seen.structure, self.seen.graph.sources[serial - 1]
        if structure.op(serial) not in ("subtract", "rsub") or len(sources) < 2:
            return None
        live = next((i for i, source in enumerate(sources[:2]) if source), 0)
        target, shape = noted.samples[1 - live], noted.shapes[live]
        taken, op = self._taken(serial)
        if not taken or target is None or shape is None:
            return None
        prediction, given = None, noted.shapes[1 - live]
        at = self.seen.graph.sources[taken[0] - 1].index(serial)
        error = kept_input(self.seen.graph.nodes[taken[0] - 1], at)
        if error is not None and tuple(error.shape) == shape == given:
            # The graph keeps the difference, as what is squared; the prediction follows.
            minus = (live == 1) != (noted.name in REVERSED)
            kept = sample(error)
            prediction = None if kept is None else target - kept if minus else target + kept
        elif sources[live] > 0:
            prediction = read(self.seen.graph.nodes[structure.behind(sources[live]) - 1], "result")
        shapes = (shape, given)
        return self._compared(
            serial, op, sources[live], shapes, (prediction, target), serial, *taken
        )

    def _taken(self, serial: int) -> tuple[tuple[int, ...], str]:
        """Return who takes a difference, past a clip or a mask, and what loss that makes."""
        structure = self.seen.structure
        for after in dict.fromkeys(each for each, _ in structure.consumers.get(serial, ())):
            name = structure.op(after)
            if name in BY_HAND:
                return (after,), BY_HAND[name]
            if name in THROUGH:
                for beyond, _ in structure.consumers.get(after, ()):
                    if structure.op(beyond) in BY_HAND:
                        return (after, beyond), BY_HAND[structure.op(beyond)]
        return (), ""

    def _extent(self, serial: int, noted: Operands) -> tuple[list[int], list[int]]:
        """Return the nodes of a call, and the nodes and leaves that feed them, in order."""
        inside: dict[int, None] = {}
        outside, stack = [], [serial]
        while stack:
            at = stack.pop()
            place = self.seen.places[at] if at > 0 else None
            if place is not None and place.operands is noted:
                if at not in inside:
                    inside[at] = None
                    stack.extend(s for s in reversed(self.seen.graph.sources[at - 1]) if s)
            else:
                outside.append(at)
        return list(inside), outside

    def _compared(
        self,
        serial: int,
        op: str,
        source: int,
        shapes: Sequence[Any],
        given: tuple[Any, Any],
        *inside: int,
    ) -> Compared:
        """Put together what is known of a loss. `inside` are the nodes that make it up."""
        fed_by = op_before(self.seen.structure, source)
        low, high = range_of(self.seen.structure, source, fed_by)
        reduction, whole = self._reduced(serial, inside)
        attributes = {
            "prediction_shape": list(shapes[0]) if shapes[0] is not None else None,
            "target_shape": list(shapes[1]) if shapes[1] is not None else None,
            "fed_by": fed_by,
            "low": low,
            "high": high,
            "reduction": reduction,
            "whole": whole,
        }
        return Compared(serial, op, source, attributes, loss_figures(op, *given))

    def _reduced(self, serial: int, inside: Sequence[int]) -> tuple[str, bool]:
        """Return how a loss is reduced, and whether it is all that the pass begins with."""
        structure = self.seen.structure
        place = self.seen.places[serial]
        noted = place.operands if place is not None else None
        reduction = noted.reduction if noted is not None and noted.loss else ""
        if not reduction:
            codes = (getattr(self.seen.graph.nodes[n - 1], "_saved_reduction", 0) for n in inside)
            reduction = next((REDUCTIONS[code] for code in codes if code in REDUCTIONS), "")
        at = serial
        while True:
            after = {each for each, _ in structure.consumers.get(at, ())}
            if not after:
                return reduction or "none", True
            at = after.pop()
            name = structure.op(at)
            scaled = name == "multiply" and self.seen.scale != 1.0
            plain = name in AVERAGING or name in SHAPING or at in inside or scaled
            if after or not plain:
                return reduction or "none", False
            if name in AVERAGING:
                reduction = name if reduction in ("", "none") else reduction


def follows(seen: Pass, serial: int, source: int) -> bool:
    """Tell whether a log softmax was made right before a likelihood, as in a cross-entropy."""
    if seen.structure.op(source) != "log_softmax":
        return False
    nodes = seen.graph.nodes
    apart: int = nodes[serial - 1]._sequence_nr() - nodes[source - 1]._sequence_nr()
    return apart <= 2


def op_before(structure: Structure, source: int) -> str:
    """Return the op that computed a value, before those that only pass it on; "" for a leaf."""
    while source > 0 and structure.op(source) in PASSING:
        source = structure.graph.sources[source - 1][0]
    if source <= 0:
        return ""
    op, node = structure.op(source), structure.graph.nodes[source - 1]
    if op in ("multiply", "reciprocal"):
        inner = source if op == "reciprocal" else structure.graph.sources[source - 1][0]
        if inner > 0 and structure.op(inner) == "reciprocal":
            return "sigmoid" if hand_written_sigmoid(structure, inner)[0] == source else op
    if op == "hard_tanh" and (node._saved_min_val, node._saved_max_val) == (0, 6):
        return "relu6"
    clamp = clamp_of(node)
    return "relu" if clamp is not None and clamp.rectifies else op


def range_of(structure: Structure, source: int, op: str) -> tuple[float | None, float | None]:
    """Return what the op before a loss can put out, None where it has no limit."""
    if op != "hard_tanh":
        return RANGES.get(op, (None, None))
    while structure.op(source) in PASSING:
        source = structure.graph.sources[source - 1][0]
    node = structure.graph.nodes[source - 1]
    return float(node._saved_min_val), float(node._saved_max_val)


def read(node: Any, name: str) -> Any:
    """Return a sample of what a node keeps, as an array; None where that is nothing or packed."""
    kept = plain_saved(node, name)
    if kept is None or type(kept) not in (torch.Tensor, torch.nn.Parameter):
        return None
    if kept.layout is not torch.strided or kept.is_meta or not kept.numel():
        return None
    return sample(kept)


def kept_input(node: Any, position: int) -> Any:
    """Return an input of a node, if it keeps it."""
    kept = plain_saved(node, ("self", "other")[position]) if position < 2 else None
    if kept is None or kept.layout is not torch.strided or kept.is_meta or not kept.numel():
        return None
    return kept.detach()
