"""Backward passes under `record()`: gradients heard at the nodes of the graph, then the trace."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.graph import get_gradient_edge

from ....errors import GradientError
from ....traces.trace import Trace
from .. import entry
from ..arrays import unseen
from ..entry import Backward
from ..graph import LEAF
from ..names import Names
from .arguments import copied
from .building import build
from .records import Leaf, Made, Operand
from .seeing import Seeing


class Tracing:
    """Traces the backward passes of the thread that made it, from `start` to `stop`.

    `tell` gets each trace. `seeing` false waits: then passes are counted, and nothing is traced.
    """

    def __init__(self, tell: Callable[[Trace | None], None], *, seeing: bool = True) -> None:
        self.tell = tell
        self.why: set[str] = set()
        self.seen = Seeing()
        self._seeing = seeing
        self._thread = threading.get_ident()
        self._detach: Callable[[], None] | None = None
        self._stance: Any = None

    def start(self) -> None:
        """Begin. To be ended by `stop`."""
        self._detach = entry.attach(self, updates=False)
        if "torch._dynamo" in sys.modules:
            self.compiles()
        if self._seeing:
            self.seen.start()

    def stop(self) -> None:
        """End: PyTorch is as it was."""
        if self._detach is not None:
            self._detach()
            self._detach = None
        if self._stance is not None:
            self._stance.__exit__(None, None, None)
            self._stance = None
        self.seen.stop()

    def see(self) -> None:
        """Trace the passes that follow."""
        if not self._seeing:
            self._seeing = True
            self.seen.start()

    @property
    def error(self) -> Exception | None:
        """What went wrong in here, if something did."""
        return self.seen.error

    def pauses(self) -> None:
        """Keep off the stack of modes while the backward pass goes on."""
        if self._mine():
            self.seen.pause()

    def resumes(self) -> None:
        """Come back after it."""
        if self._mine():
            self.seen.resume()

    def begins(self, call: Backward) -> Walk | None:
        """Hear the gradients of a pass."""
        if not self._mine():
            return None
        try:
            with unseen():
                return Walk(self.seen, call, traced=self._seeing and self.seen.wanted)
        except Exception as error:
            self.seen.error = self.seen.error or error
            return None

    def ends(self, observed: Walk, result: Any, error: BaseException | None) -> None:
        """Build the trace, unless the pass failed."""
        observed.release()
        if error is not None:
            return
        trace = None
        if observed.traced:
            try:
                with unseen():
                    trace = observed.trace(result)
            except Exception as failure:
                self.seen.error = self.seen.error or failure
            self.seen.forget()
        self.tell(trace)

    def updating(self, optimizer: Any, closure: bool) -> None:
        """Nothing of an update belongs into a trace."""

    def updated(self, optimizer: Any) -> None:
        """Nothing of an update belongs into a trace."""

    def unseen(self, why: str) -> None:
        """Remember what could not be traced."""
        self.why.add(why)

    def failed(self, error: Exception) -> None:
        """Remember what went wrong."""
        self.seen.error = self.seen.error or error

    def compiles(self) -> None:
        """Have what is compiled run as it is written meanwhile: compiled, nobody sees its calls.

        Nor may the compiler meet our mode: it would compile that, too.
        """
        if self._stance is not None:
            return
        try:
            self._stance = torch.compiler.set_stance("force_eager")
        except Exception:
            self.seen.wanted = False
            self.seen.pause()
            self.why.add(entry.COMPILED)

    def _mine(self) -> bool:
        return threading.get_ident() == self._thread


class Walk:
    """One backward pass while it goes on: our hooks on the graph, and what they heard."""

    def __init__(self, seen: Seeing, call: Backward, *, traced: bool) -> None:
        self.call = call
        self.traced = traced
        self.gradients: dict[tuple[int, int], Any] = {}
        self.leaves: dict[int, Leaf] = {}
        self._handles: list[Any] = []
        self._held: list[Any] = []
        if not traced:
            return
        self.roots = [seen.operand(root) for root in call.roots]
        self.order = ancestors(self.roots)
        self._hook(seen)
        things = [each.call.module() for each in self.order if each.call.module is not None]
        tensors = [*map(held, leaves_of(self.order)), *call.roots]
        self.names = Names()
        self.names.look([each for each in (*tensors, *things) if each is not None])
        self.modules = modules_of(self.order, self.names)

    def release(self) -> None:
        """Take our hooks off the graph."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._held.clear()

    def trace(self, result: Any) -> Trace:
        """Return the trace. `result` is what the pass returned, where it returns gradients."""
        by_tensor = {id(t): leaf for leaf in leaves_of(self.order) if (t := held(leaf)) is not None}
        if not self.call.accumulates:
            for x, gradient in zip(self.call.inputs, result or (), strict=False):
                if id(x) in by_tensor and gradient is not None:
                    self.gradients[id(x), -1] = copied(gradient)
        return build(self.order, self.roots, self.gradients, self.names, self.modules)

    def _hook(self, seen: Seeing) -> None:
        """Hear what arrives at the nodes of the values in the trace, and at its parameters."""
        wanted = {id(each) for each in self.order}
        met = {root.grad_fn or get_gradient_edge(root).node for root in self.call.roots}
        self._held = list(met)  # PyTorch keeps none for a leaf that no graph leads to
        ahead = list(met)
        while ahead:
            node = ahead.pop()
            if isinstance(node, LEAF):
                self._listen(node, [(id(node.variable), -1)])
                continue
            places: list[tuple[int, int] | None] = []
            for number, (operand, own) in (seen.known(node) or {}).items():
                places += [None] * (number + 1 - len(places))
                if own and id(operand.source) in wanted:
                    places[number] = id(operand.source), operand.output
            if any(places):
                self._listen(node, places)
            for before, _ in node.next_functions:
                if before is not None and before not in met:
                    met.add(before)
                    ahead.append(before)

    def _listen(self, node: Any, places: list[Any]) -> None:
        def hear(arrived: tuple[Any, ...]) -> None:
            with unseen():
                for place, gradient in zip(places, arrived, strict=False):
                    if place is not None and gradient is not None:
                        self.gradients[place] = copied(gradient)

        self._handles.append(node.register_prehook(hear))


def ancestors(roots: list[Operand]) -> list[Made]:
    """Return what the roots were computed from, in order of computation."""
    found: dict[int, Made] = {}
    ahead = [root.source for root in roots]
    while ahead:
        source = ahead.pop()
        if isinstance(source, Made) and id(source) not in found:
            found[id(source)] = source
            ahead += [each.source for each in source.inputs]
    return sorted(found.values(), key=lambda each: each.number)


def leaves_of(order: list[Made]) -> list[Leaf]:
    """Return the leaves that values were computed from, in order of first use."""
    found = {
        id(each.source): each.source
        for made in order
        for each in made.inputs
        if isinstance(each.source, Leaf)
    }
    return list(found.values())


def held(leaf: Leaf) -> Any:
    """Return the tensor of a leaf while it lives."""
    return leaf.tensor() if leaf.tensor is not None else None


def modules_of(order: list[Made], names: Names) -> dict[int, str]:
    """Return the paths of the modules that computed something, by id, while they live."""
    found = {}
    for each in order:
        module = each.call.module() if each.call.module is not None else None
        if module is not None:
            found[id(each.call.module)] = names.of(module)
    return found


def tracing(tell: Callable[[Trace | None], None], **options: Any) -> Tracing:
    """Begin to trace. Raises GradientError where this PyTorch does not allow it."""
    from .. import private

    missing = private.missing()
    if private.ENTRY in missing or private.LINES in missing:
        raise GradientError(private.told(missing))
    made = Tracing(tell, **options)
    made.start()
    return made
