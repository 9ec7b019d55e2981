"""One observed backward pass of PyTorch, from its entry to an observation.

The graph is alive when the pass begins and is gone when it ends. So its structure is taken down at
the beginning, the few nodes of interest get a hook, and the hooks are gone before anybody else runs
again: a hook holds its node, and would keep the graph alive.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple

import torch

from ...traces.locations import locate, source_lines
from ...traces.recording import Observation, Site
from ...traces.trace import Location
from ..seen import add, before_parameters, consumers_of, parameter_like
from .activations import activation_of, is_gate, measured
from .arrays import norm_of, readable
from .births import birth_of
from .calls import CallLog, Instruction, Place
from .clamps import Clamp, clamp_figures, clamp_of
from .entry import COMPILED, Backward, scale_of
from .graph import MOST_NODES, Graph, walk
from .parameters import Parameters, Record
from .structure import Structure

MOST_SITES = 2_000
MOST_HOOKS = 2_000  # in one pass; an enormous graph has too many of one kind
MOST_REPEATS = 64  # of one activation's expression in one pass, as in a loop through time


def unseen() -> AbstractContextManager[Any]:
    """Switch off the script's modes, then the making of graphs: in here we leave no trace."""
    stack = ExitStack()
    stack.enter_context(torch._C.DisableTorchFunction())
    stack.enter_context(torch.no_grad())
    return stack


class TorchProbes:
    """Make the probes of many passes of one run; `add_site` gives a new site its number.

    `fail` is told what goes wrong inside a pass, `spend` the seconds that its hooks took, and
    `record` takes what is known of a parameter only after its update.
    """

    def __init__(
        self,
        add_site: Callable[[Site], int],
        record: Record,
        fail: Callable[[Exception], None],
        spend: Callable[[float], None],
    ) -> None:
        self.add_site = add_site
        self.fail = fail
        self.spend = spend
        self.parameters = Parameters(self.find, record)
        self.phase = 0
        self.broken = False
        self._sites: dict[Any, int] = {}
        self._codes: dict[int, Any] = {}  # holding a code object keeps its id from being used again

    def begin(self, step: int, call: Backward, log: CallLog) -> Pass:
        """Begin to observe one pass."""
        self.phase += 1
        return Pass(self, step, call, log)

    def birth(self, step: int, call: Backward, log: CallLog) -> dict[str, Any] | None:
        """Return where a loss that is not finite was born; None if that cannot be told, or was."""
        if self.broken:
            return None
        self.broken = True
        with unseen():
            if scale_of(call.roots[0]) != 1.0:
                return None  # a scaled loss may overflow: that is how a GradScaler finds its scale
            structure = Structure(walk(call.roots))
            self.parameters.names.look(structure.graph.leaves)
            found = birth_of(structure, call.roots[0])
            if found is None:
                return None
            blamed, op, figures = found
            leaf = structure.graph.leaves[-1 - blamed] if blamed < 0 else None
            node = structure.graph.nodes[blamed - 1] if blamed > 0 else None
            place = log.find(node._sequence_nr()) if node is not None else None
            where, source = placed(place)
            return {
                "step": step,
                "phase": "leaf" if blamed <= 0 else "forward",
                "op": op,
                "name": self.parameters.names.of(leaf) if leaf is not None else "",
                "kind": "" if blamed > 0 else "parameter" if leaf is not None else "input",
                **figures,
                "columns": [],
                "where": {k: getattr(where, k) for k in where.__slots__} if where else None,
                "source": source,
            }

    def find(self, key: Any, make: Callable[[], Site]) -> int | None:
        """Return the number of a site, made on first need; None if there are too many already."""
        known = self._sites.get(key)
        if known is None and len(self._sites) < MOST_SITES:
            known = self._sites[key] = self.add_site(make())
        return known

    def key_of(self, place: Place | None) -> tuple[int, int]:
        """Return what stands for a place in keys."""
        code, lasti = of_user(place) or (None, 0)
        self._codes[id(code)] = code
        return id(code), lasti


class Applied(NamedTuple):
    """One application of an activation."""

    serial: int
    op: str
    weight: int  # the leaf whose product it is applied to, 0 where unknown
    units: int
    figures: dict[str, float]
    active: Any


class Pass:
    """One pass under observation. `release` must be called, `finished` may be, in that order."""

    def __init__(self, probes: TorchProbes, step: int, call: Backward, log: CallLog) -> None:
        self.probes = probes
        self.step = step
        self.call = call
        self._handles: list[Any] = []
        self._missed: set[str] = set()
        self._clamped: list[tuple[int, Clamp, dict[str, float]]] = []
        self._applied: list[Applied] = []
        self._places: dict[int, Place | None] = {}
        with unseen():
            self._scale = scale_of(call.roots[0])
            self._graph = walk(call.roots)
            self._structure = Structure(self._graph)
            self._look(self._graph, log)
            probes.parameters.names.look(self._graph.leaves)

    def release(self) -> None:
        """Take our hooks off the graph."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def finished(self, result: Any) -> Observation:
        """Work out what was seen. `result` is what the pass returned, where it returns gradients.

        The norm of the gradients is that before any clipping, which comes later.
        """
        graph = self._graph
        figures: dict[int, dict[str, float]] = {}
        units: dict[int, tuple[int, Any]] = {}
        with unseen():
            of_parameters = parameter_like(graph.seen)
            hidden = before_parameters(graph.seen, of_parameters)
            sides = {
                seen.serial: "hidden" if seen.serial in hidden else "loss" for seen in graph.seen
            }
            sides |= dict.fromkeys(of_parameters, "parameter")
            given = [leaf.grad for leaf in graph.leaves]
            if not self.call.accumulates:
                returned = dict(zip(map(id, self.call.inputs), result or (), strict=False))
                given = [returned.get(id(leaf)) for leaf in graph.leaves]
            norm = self._unscaled(norm_of([each for each in given if readable(each)]))
            if norm is not None:
                self.probes.parameters.seen(
                    self.step, graph.leaves, given, self._scale, self._about
                )
            self._clamps(sides, figures)
            self._activations(sides, figures, units)
        return Observation(figures, norm, tuple(sorted(self._missed)), units)

    def _unscaled(self, norm: float | None) -> float | None:
        """Return a norm as it is without a GradScaler, None where that will skip the update."""
        if norm is None or self._scale == 1.0:
            return norm
        return norm / self._scale if math.isfinite(norm) else None

    def _look(self, graph: Graph, log: CallLog) -> None:
        if not graph.whole:
            self._missed.add(f"more than {MOST_NODES:,} operations in one backward pass")
        repeats: dict[Any, int] = {}
        for node, seen in zip(graph.nodes, graph.seen, strict=True):
            if "compiled_function" in seen.op:
                self._missed.add(COMPILED)
            place = self._places[seen.serial] = log.find(node._sequence_nr())
            clamp = clamp_of(node)
            if clamp is not None and len(self._handles) < MOST_HOOKS:
                self._handles.append(node.register_hook(self._hook(seen.serial, clamp, node)))
            op = activation_of(node) if clamp is None else None
            if op is None:
                continue
            weight, axis = self._structure.fed_by(seen.serial)
            key = (of_user(place), op, weight)
            repeats[key] = repeats.get(key, 0) + 1
            if repeats[key] <= MOST_REPEATS:
                found = measured(op, node, axis, self.probes.phase)
                if found is not None:
                    self._applied.append(Applied(seen.serial, op, weight, *found))

    def _hook(self, serial: int, clamp: Clamp, node: Any) -> Callable[..., None]:
        def measure(left: tuple[Any, ...], arrived: tuple[Any, ...]) -> None:
            begun = time.perf_counter()
            try:
                with unseen():
                    figures = clamp_figures(clamp, node, left, arrived)
                if figures is not None:
                    self._clamped.append((serial, clamp, figures))
                elif all(readable(gradient) for gradient in (*arrived, left[clamp.input])):
                    self._missed.add(f"{clamp.op} whose input is packed away or stretched")
            except Exception as error:
                self.probes.fail(error)
            finally:
                self.probes.spend(time.perf_counter() - begun)

        return measure

    def _clamps(self, sides: dict[int, str], figures: dict[int, dict[str, float]]) -> None:
        consumers = consumers_of(self._graph.seen) if self._clamped else {}
        for serial, clamp, blocked in self._clamped:
            side, place = sides[serial], self._places[serial]
            attributes = {**clamp.bounds, "consumers": list(consumers.get(serial, ()))}
            site = self._site(clamp.op, "clamp", side, place, attributes)
            if site is not None:
                add(figures.setdefault(site, {}), blocked)

    def _activations(
        self,
        sides: dict[int, str],
        figures: dict[int, dict[str, float]],
        units: dict[int, tuple[int, Any]],
    ) -> None:
        structure, names = self._structure, self.probes.parameters.names
        ordinals: dict[Any, dict[int, int]] = {}
        for each in reversed(self._applied):
            place, side = self._places[each.serial], sides[each.serial]
            taken = tuple(
                dict.fromkeys(structure.op(n) for n, _ in structure.consumers.get(each.serial, ()))
            )
            counted = ordinals.setdefault((of_user(place), each.op), {})
            ordinal = counted.setdefault(each.weight, len(counted))
            weight = names.of(self._graph.leaves[-1 - each.weight]) if each.weight else ""
            attributes = {
                "units": each.units,
                "last": side == "loss",
                "gate": is_gate(each.op, taken),
                "consumers": list(taken),
                "distance": structure.distances.get(each.serial),
                "weight": weight,
            }
            site = self._site(
                each.op, "activation", side, place, attributes, ordinal, (weight, each.units)
            )
            if site is None:
                continue
            pool(figures.setdefault(site, {}), each.figures)
            if each.active is not None:
                samples, active = units.get(site, (0, 0))
                units[site] = samples + int(each.figures["samples"]), active + each.active

    def _site(
        self,
        op: str,
        kind: str,
        side: str,
        place: Place | None,
        attributes: dict[str, Any],
        ordinal: int = 0,
        also: tuple[Any, ...] = (),
    ) -> int | None:
        def make() -> Site:
            where, source = placed(place)
            module = attributes.get("weight", "").rpartition(".")[0]
            about = {**attributes, **within(place)}
            return Site(op, kind, where, side, module, "", ordinal, source, about)

        key = (kind, self.probes.key_of(place), op, side, ordinal, *also)
        return self.probes.find(key, make)

    def _about(self, index: int) -> dict[str, Any]:
        """Describe leaf i: where it is used, how far from the loss, whether it is a weight."""
        structure, leaf, source = self._structure, self._graph.leaves[index], -1 - index
        first = max((serial for serial, _, _ in structure.taken_by(source)), default=0)
        where, text = placed(self._places.get(first))
        return {
            "axis": structure.units_along(source, leaf),
            "distance": structure.distances.get(source),
            "weight": structure.is_weight(source, leaf),
            "normalised": structure.feeds_normalisation(source),
            "order": index,
            "where": where,
            "source": text,
        }


def pool(total: dict[str, float], figures: dict[str, float]) -> None:
    """Pool the repeats of one expression in one pass: counts add, mean and std are averaged."""
    repeats = total.get("repeats", 0)
    for name, figure in figures.items():
        if name in ("mean", "std"):
            total[name] = (total.get(name, 0.0) * repeats + figure) / (repeats + 1)
        else:
            total[name] = total.get(name, 0.0) + figure
    total["repeats"] = repeats + 1


def of_user(place: Place | None) -> Instruction | None:
    """Return the instruction to show: the user's own where there is one."""
    return (place.project or place.caller) if place is not None else None


def placed(place: Place | None) -> tuple[Location | None, str]:
    """Return a place in the user's words, and its source lines."""
    instruction = of_user(place)
    if instruction is None:
        return None, ""
    where = locate(*instruction)
    return where, "\n".join(source_lines(where, context=0)[1])


def within(place: Place | None) -> dict[str, str]:
    """Return where inside a library the op is, for a user's line that only calls the library."""
    if place is None or place.caller is None or place.caller == of_user(place):
        return {}
    return {"inside": str(locate(*place.caller))}
