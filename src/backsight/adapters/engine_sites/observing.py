"""Everything that is observed of the engine in a run, and in one walk of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Observation, Site
from ..engine_outline import Outline
from ..engine_probe import EngineProbes
from ..seen import before_parameters, parameter_like
from .activations import Activations
from .cuts import Cuts
from .faults import birth_of, born_in_backward, is_finite
from .flat import flat_sites
from .graph import Graph, Place, Sites
from .inputs import Inputs
from .losses import Losses
from .narrowing import Narrowings
from .optimizers import Optimizers
from .parameters import Arguments, Parameters, leaves_of
from .recurrences import Recurrences


class EngineRun:
    """One run under observation. `add_site` numbers sites, `record(step, figures)` takes figures.

    Figures of parameters come late, when the update has been seen. At most one birth of a number
    that is not finite is told: what follows it is its consequence.
    """

    def __init__(
        self,
        add_site: Callable[[Site], int],
        record: Callable[[int, Mapping[int, Mapping[str, float]]], None],
    ) -> None:
        self.sites = Sites(add_site)
        self.probes = EngineProbes(add_site)
        self.parameters = Parameters(self.sites, record)
        self.optimizers = Optimizers(self.sites, record)
        self.recurrences = Recurrences(self.sites, self.parameters.name)
        self.cuts = Cuts(self.sites, self.parameters)
        self.broken = False
        self.phase = 0

    def walk(
        self, step: int, arguments: Arguments = (), outputs: Sequence[Tensor] = ()
    ) -> EngineWalk:
        """Begin to observe one walk; `arguments` are those of a function that it differentiates.

        Of the first one, if it begins at `outputs`, the graph is kept as well.
        """
        self.phase += 1
        return EngineWalk(self, step, arguments, outputs if self.phase == 1 else ())

    def settle(self, arguments: Arguments = ()) -> float | None:
        """Take note of what came before a walk; return the learning rate of updates by hand."""
        self.optimizers.begins()
        self.cuts.turn()
        return self.parameters.settle(arguments)

    def rested(self) -> None:
        """Forget what is no longer known after steps that were let pass."""
        self.parameters.forget()
        self.optimizers.rested()

    def check(self, outputs: Sequence[Tensor], step: int) -> dict[str, Any] | None:
        """Return the birth of a loss that is not finite, None if it is finite."""
        with np.errstate(all="ignore"):
            birth = birth_of(outputs) if not is_finite(outputs[0]._value) else None
        self.broken = birth is not None
        return {"step": step, **birth} if birth is not None else None

    def knows(self, optimizer: Any) -> bool:
        """Tell whether an optimiser is known."""
        return self.optimizers.knows(optimizer)

    def optimizer(self, optimizer: Any, where: Place, step: int) -> dict[str, Any] | None:
        """Take note of a new optimiser; return what to record of it."""
        leaves = leaves_of(optimizer)
        names = [self.parameters.name(leaf) for leaf in leaves]
        detail = self.optimizers.introduce(optimizer, where, step, names)
        if detail is not None:
            self.parameters.own(leaves, detail["op"])
        return detail

    def stepped(self, optimizer: Any) -> tuple[float | None, float | None]:
        """Take note of an update; return its learning rate, and the norm of its gradients."""
        self.parameters.stepped(optimizer)
        return self.optimizers.stepped(optimizer)

    def finish(self) -> None:
        """Hand over what is pending."""
        self.parameters.finish()


class EngineWalk:
    """One walk under observation: `node` for each node, latest first, then `finished`."""

    def __init__(
        self,
        run: EngineRun,
        step: int,
        arguments: Arguments = (),
        outputs: Sequence[Tensor] = (),
    ) -> None:
        self.run = run
        self.outline = Outline(outputs) if outputs else None
        self.step = step
        self.arguments = arguments
        self.clamps = run.probes.walk()
        self.graph = Graph()
        self.activations = Activations(run.phase)
        self.losses = Losses()
        self.inputs = Inputs(run.sites)
        self.narrowings = Narrowings(run.sites)
        self.following = run.recurrences.walk()
        self.cuts = run.cuts.walk()
        self.birth: dict[str, Any] | None = None

    def node(self, node: Tensor, dout: Any, downstream: Sequence[Any]) -> None:
        """Look at one node."""
        if self.outline is not None:
            self.outline.node(node, dout, downstream)
        self.clamps.node(node, dout, downstream)
        visited = self.graph.add(node)
        if visited is None:
            return
        self.activations.node(node, visited, self.graph)
        self.losses.node(node, visited)
        self.inputs.node(node, visited)
        self.cuts.node(node)
        self.narrowings.node(node, dout, downstream)
        self.following.node(node, dout)
        if not self.run.broken:
            with np.errstate(all="ignore"):
                self.birth = born_in_backward(node, dout, downstream)
            self.run.broken = self.birth is not None

    def finished(self) -> Observation:
        """Work out what was seen. `.grad` of the leaves must be final."""
        clamps = self.clamps.finished()
        seen = self.clamps.seen
        of_parameters = parameter_like(seen)
        hidden = before_parameters(seen, of_parameters)
        sides = {node.serial: "hidden" if node.serial in hidden else "loss" for node in seen}
        sides |= dict.fromkeys(of_parameters, "parameter")
        run = self.run
        names = run.parameters.walked(self.step, self.graph, self.arguments)
        run.optimizers.walked(self.step, self.graph.leaves)
        run.recurrences.learn(self.graph)
        figures, units = self.activations.finished(self.graph, run.sites, sides, names)
        events: list[tuple[str, Any]] = []
        outline = self.outline.finished(run.parameters.name) if self.outline is not None else None
        if outline is not None:
            events.append(("graph", {"step": self.step, "outline": outline}))
        if self.birth is not None:
            events.append(("non-finite", {"step": self.step, **self.birth}))
        return Observation(
            {
                **clamps.figures,
                **figures,
                **self.losses.finished(self.graph, run.sites, sides),
                **self.following.figures,
                **self.inputs.figures,
                **self.cuts.finished(self.graph),
                **self.narrowings.figures,
                **flat_sites(self.graph, run.sites, sides, names),
            },
            clamps.gradient_norm,
            clamps.missed,
            {**units, **clamps.units},
            tuple(events),
        )
