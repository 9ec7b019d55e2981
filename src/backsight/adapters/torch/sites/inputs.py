"""The data that goes into the first weights of PyTorch's networks."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ...figures import input_figures
from ..arrays import array_of, readable
from ..graph import plain_saved
from ..places import of_user

if TYPE_CHECKING:
    from ..passes import Pass

MOST_INPUTS = 16  # of one pass
MOST_READ = 1_000_000  # elements brought from a device


class Feeding(NamedTuple):
    """How an op is fed: which input may be data, under which name it is kept, which are weights."""

    data: int
    name: str
    weights: tuple[int, ...]


FEEDING: dict[str, tuple[Feeding, ...]] = {
    "linear": (Feeding(1, "mat1", (2,)),),
    "matmul": (Feeding(0, "self", (1,)), Feeding(1, "mat2", (0,))),
    "convolution": (Feeding(0, "input", (1,)),),
    "mkldnn_rnn_layer": (Feeding(0, "input", (1, 2)),),
    "cudnn_rnn": (Feeding(0, "input", (1, 2)),),
}


class Inputs:
    """The inputs of one pass: constants of real numbers that a trainable weight multiplies."""

    OPS: ClassVar[Collection[str]] = tuple(FEEDING)

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._found: list[tuple[int, str, list[int], dict[str, float]]] = []
        self._measured: set[Any] = set()  # one input of each expression stands for all

    def node(self, serial: int, node: Any) -> None:
        """Measure what a weight is applied to, if it is data."""
        structure = self.seen.structure
        op = structure.op(serial)
        if op not in FEEDING or len(self._found) >= MOST_INPUTS:
            return
        sources = self.seen.graph.sources[serial - 1]
        for data, name, weights in FEEDING[op]:
            if data >= len(sources) or sources[data]:
                continue
            if not any(structure.behind(sources[i]) < 0 for i in weights if i < len(sources)):
                continue
            key = (of_user(self.seen.places[serial]), op, self.seen.sides[serial])
            value = plain_saved(node, name) if key not in self._measured else None
            if value is None or not readable(value) or value.numel() < 2:
                continue
            self._measured.add(key)
            if value.device.type != "cpu" and value.ndim:
                value = value[:: -(-value.numel() // MOST_READ)]
            array = array_of(value)
            if array.ndim > 2 and op != "convolution":
                array = array.reshape(-1, array.shape[-1])  # each step in time is a row
            self._found.append((serial, op, list(value.shape), input_figures(array)))

    def finished(self) -> None:
        """Name the sites and add their figures."""
        for serial, op, shape, figures in self._found:
            site = self.seen.site(op, "input", serial, {"shape": shape})
            if site is not None:
                self.seen.figures.setdefault(site, figures)
