"""Questions about the structure of one pass: who takes a value, how far it is from the loss."""

from __future__ import annotations

import functools
from typing import Any

from .graph import Graph

SHAPING = (
    "t", "transpose", "permute", "view", "unsafe_view", "reshape_alias", "expand", "squeeze",
    "unsqueeze", "to_copy", "clone", "alias", "contiguous",
)  # fmt: skip
"""Ops that move numbers and change none."""

NORMALISATIONS = (
    "native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm", "native_layer_norm",
    "native_group_norm", "rms_norm", "fused_rms_norm",
)  # fmt: skip
NEAR = ("add", "subtract", *NORMALISATIONS)
"""What may stand between a weight's product and its activation."""

ELEMENTWISE = ("add", "subtract", "multiply", "divide", "prelu_kernel", "maximum", "minimum")


class Structure:
    """One graph, with what is asked of it more than once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def op(self, serial: int) -> str:
        """Return the op of a node."""
        return self.graph.seen[serial - 1].op

    @functools.cached_property
    def consumers(self) -> dict[int, list[tuple[int, int]]]:
        """For each node and leaf who takes it, and as which input; nearest to the loss first."""
        found: dict[int, list[tuple[int, int]]] = {}
        for serial, sources in enumerate(self.graph.sources, start=1):
            for position, source in enumerate(sources):
                if source:
                    found.setdefault(source, []).append((serial, position))
        return found

    @functools.cached_property
    def distances(self) -> dict[int, int]:
        """For each node and leaf the number of ops on the shortest way to the loss."""
        found: dict[int, int] = {}
        for serial, sources in enumerate(self.graph.sources, start=1):
            own = found.setdefault(serial, 0)
            for source in sources:
                if source and found.get(source, own + 2) > own + 1:
                    found[source] = own + 1
        return found

    def taken_by(self, source: int) -> list[tuple[int, int, bool]]:
        """Return who takes a value in the end, as which input, and whether transposed before."""
        found: list[tuple[int, int, bool]] = []
        stack = [(source, False, 0)]
        while stack:
            at, turned, depth = stack.pop()
            for serial, position in self.consumers.get(at, ()):
                op = self.op(serial)
                if op in SHAPING and depth < 8:
                    stack.append((serial, turned ^ self._turns(serial), depth + 1))
                else:
                    found.append((serial, position, turned))
        return found

    def _turns(self, serial: int) -> bool:
        """Tell whether a node swaps the two axes of a matrix: `w.t()`, `w.T`, `w.mT`."""
        op = self.op(serial)
        if op != "permute":
            return op in ("t", "transpose")
        # Negative axes come without their sign.
        return [axis % 2 for axis in self.graph.nodes[serial - 1]._saved_dims] == [1, 0]

    def behind(self, source: int) -> int:
        """Return what a value is before ops that only move it."""
        while source > 0 and self.op(source) in SHAPING:
            source = self.graph.sources[source - 1][0]
        return source

    def fed_by(self, serial: int) -> tuple[int, int | None]:
        """Return the weight whose product goes into a node, as a leaf, and the axis of its units.

        (0, None) where that is not known.
        """
        sources = self.graph.sources[serial - 1]
        at = next((source for source in sources if source > 0), 0)
        for _ in range(4):
            at = self.behind(at)
            if at <= 0:
                break
            op, sources = self.op(at), self.graph.sources[at - 1]
            if op in ("convolution", "linear", "matmul"):
                inputs = {"convolution": (1,), "linear": (2,), "matmul": (1, 0)}[op]
                leaf = next((s for i in inputs if (s := self.behind(sources[i])) < 0), 0)
                if op == "matmul" and leaf and leaf == self.behind(sources[0]):
                    shape = self.graph.nodes[at - 1]._input_metadata[0].shape
                    return leaf, 0 if len(shape) == 2 else -1  # columns are samples: W @ x
                return leaf, 1 if op == "convolution" else -1
            if op not in NEAR:
                break
            at = next((source for source in sources if source > 0), 0)
        return 0, None

    def feeds_normalisation(self, source: int) -> bool:
        """Tell whether what a parameter enters goes into a normalisation, past a bias at most."""
        at = [serial for serial, _, _ in self.taken_by(source)]
        at = [serial for serial in at if self.op(serial) not in NORMALISATIONS]
        for _ in range(2):
            after = [each for serial in at for each, _, _ in self.taken_by(serial)]
            if any(self.op(serial) in NORMALISATIONS for serial in after):
                return True
            at = [serial for serial in after if self.op(serial) == "add"]
        return False

    def units_along(self, source: int, leaf: Any) -> int | None:
        """Return the axis of a weight along which its units lie, None where there is none."""
        for serial, position, turned in self.taken_by(source):
            op = self.op(serial)
            axis: int | None = None
            if op == "convolution" and position == 1:
                axis = int(bool(getattr(self.graph.nodes[serial - 1], "_saved_transposed", False)))
            elif leaf.ndim == 2 and op == "matmul":
                axis = 1 if position == 1 else 0
            elif leaf.ndim == 2 and op == "linear" and position > 0:
                axis = 1 if position == 2 else 0
            if axis is not None:
                return 1 - axis if turned else axis
        return None

    def is_weight(self, source: int, leaf: Any) -> bool:
        """Tell whether a parameter multiplies across units: two axes or more, not elementwise."""
        taken = [self.op(serial) for serial, _, _ in self.taken_by(source)]
        return leaf.ndim >= 2 and not (taken and all(op in ELEMENTWISE for op in taken))
