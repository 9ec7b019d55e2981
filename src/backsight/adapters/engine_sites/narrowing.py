"""The places of the engine at which gradients become float16: casts of float16 values to more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..narrowing import narrowing_figures
from ..seen import add
from .graph import Sites, placed

MOST_NARROWINGS = 64  # of one walk


class Narrowings:
    """The narrowings of one walk."""

    def __init__(self, sites: Sites) -> None:
        self.sites = sites
        self.figures: dict[int, dict[str, float]] = {}
        self._met = 0

    def node(self, node: Tensor, dout: Any, downstream: Sequence[Any]) -> None:
        """Measure a node, if it narrows its gradient."""
        if node.op is None or node.op.name != "astype" or self._met >= MOST_NARROWINGS:
            return
        narrow = downstream[0]
        if not (isinstance(dout, np.ndarray) and isinstance(narrow, np.ndarray)):
            return
        if narrow.dtype != np.float16 or dout.dtype.itemsize <= 2 or dout.shape != narrow.shape:
            return
        self._met += 1

        def make() -> Site:
            where, source = placed(node.where)
            attributes = {"dtype": "float16"}
            return Site("astype", "narrowing", where, source=source, attributes=attributes)

        site = self.sites.find(("narrowing", self.sites.key_of(node.where)), make)
        if site is not None:
            add(self.figures.setdefault(site, {}), narrowing_figures(dout, narrow))
