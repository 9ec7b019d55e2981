"""Where gradients become float16: at casts on their way back.

A value that is cast from float16 to a wider type in the forward, as autocast does before a loss,
has its gradient cast to float16 in the backward. What is too small for that is lost, unless the
loss was scaled. bfloat16 has the range of float32 and loses none.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ...figures import MOST_SAMPLES
from ...narrowing import narrowing_figures
from ...seen import add
from ..arrays import readable, sampled

if TYPE_CHECKING:
    from ..passes import Pass

HALF = torch.float16
WIDER = (torch.float32, torch.float64)
MOST_NARROWINGS = 64  # of one pass


class Narrowings:
    """The places of one pass at which gradients become float16."""

    OPS: ClassVar[Collection[str]] = ("to_copy",)

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._scaled = seen.scale != 1.0
        self._hooked = 0
        self._measured: list[tuple[int, dict[str, float]]] = []

    def node(self, serial: int, node: Any) -> None:
        """Have a node measured if it narrows its gradient."""
        if self.seen.structure.op(serial) != "to_copy" or self._scaled or not narrows(node):
            return
        if self._hooked < MOST_NARROWINGS:
            self._hooked += 1
            self.seen.hook(node, partial(self._measure, serial))

    def finished(self) -> None:
        """Name the sites and add their figures."""
        seen = self.seen
        for serial, figures in self._measured:
            site = seen.site("to_copy", "narrowing", serial, {"dtype": "float16"})
            if site is not None:
                add(seen.figures.setdefault(site, {}), figures)

    def _measure(self, serial: int, left: Any, arrived: Any) -> None:
        wide, narrow = arrived[0], left[0]
        if readable(wide) and readable(narrow) and wide.shape == narrow.shape:
            step = max(1, -(-wide.numel() // MOST_SAMPLES))
            figures = narrowing_figures(sampled(wide, step), sampled(narrow, step))
            self._measured.append((serial, figures))


def narrows(node: Any) -> bool:
    """Tell whether a cast gets its gradient in a wide type and hands it on in float16."""
    child, position = node.next_functions[0]
    arriving = node._input_metadata[0].dtype
    if child is None or arriving not in WIDER:
        return False
    if hasattr(child, "variable"):
        return bool(child.variable.dtype is HALF)
    return bool(child._input_metadata[position].dtype is HALF)
