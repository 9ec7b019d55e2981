"""The graph of one observed walk of the engine, as statistics: what a recording keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..engine.tensors import Tensor
from ..traces.store import outline_form
from .engine_trace import Names, TraceBuilder

MOST_NODES = 800
MOST_NUMBERS = 4_000_000  # in all values together; they are held until the walk ends


class Outline:
    """Follows one walk, unless it is too large or something goes wrong: then there is no outline.

    Nothing that is raised in here gets out. The outline is a picture, no evidence: what else is
    seen of the walk must not be lost for it.
    """

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        self._names = Names(None)
        self._builder: TraceBuilder | None = None
        with suppress(Exception):
            builder = TraceBuilder(outputs, self._names)
            self._builder = builder if small(builder) else None

    def node(self, node: Tensor, dout: Any, downstream: Sequence[Any]) -> None:
        """See one node of the walk."""
        if self._builder is None:
            return
        try:
            with np.errstate(all="ignore"):
                self._builder.node(node, dout, tuple(downstream))
        except Exception:
            self._builder = None

    def finished(self, name_of: Callable[[Tensor], str]) -> Any:
        """Return the outline as plain JSON, None if there is none. `name_of` names parameters."""
        builder, self._builder = self._builder, None
        if builder is None:
            return None
        with suppress(Exception), np.errstate(all="ignore"):
            for leaf in builder.trainable():
                self._names.by_id[id(leaf)] = name_of(leaf)
            return outline_form(builder.build(builder.arrived()))
        return None


def small(builder: TraceBuilder) -> bool:
    """Tell whether a pass is so small that following it costs little time and little memory."""
    if len(builder.order) > MOST_NODES:
        return False
    sizes = 0
    for node, inputs, _ in builder.order:
        values = (node._value, *(x for x in inputs if not isinstance(x, Tensor)))
        if not all(value is None or plain(value) for value in values):
            return False
        sizes += sum(np.size(value) for value in values)
    return sizes <= MOST_NUMBERS


def plain(value: Any) -> bool:
    """Tell whether a value is NumPy's own, or a number (or several of them): safe to copy."""
    if isinstance(value, tuple | list):
        return all(map(plain, value))
    return isinstance(value, np.ndarray | np.generic | int | float)
