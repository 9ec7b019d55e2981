"""The data that goes into the first weights of the engine's networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.tensors import Tensor
from ...traces.recording import Site
from ..figures import input_figures
from .activations import CONVOLUTIONS
from .graph import Sites, Visited, placed

MOST_INPUTS = 16  # of one walk
FEEDING = ("matmul", "dot", "linear", *CONVOLUTIONS)


class Inputs:
    """The inputs of one walk: constants of real numbers that a trainable weight multiplies."""

    def __init__(self, sites: Sites) -> None:
        self.sites = sites
        self.figures: dict[int, dict[str, float]] = {}

    def node(self, node: Tensor, visited: Visited) -> None:
        """Measure what a weight is applied to, if it is data."""
        if node.op is None or node.op.name not in FEEDING or len(self.figures) >= MOST_INPUTS:
            return
        if not any(source < 0 for source in visited.sources[:2]):
            return
        for x in node.inputs[:2]:
            value = x._value if x.__class__ is Tensor else x
            wanted = x.wanted if x.__class__ is Tensor else 0
            if wanted or not is_data(value):
                continue
            key = ("input", self.sites.key_of(node.where), node.op.name)

            def make(value: Any = value) -> Site:
                where, source = placed(node.where)
                attributes = {"shape": list(value.shape)}
                assert node.op is not None
                return Site(node.op.name, "input", where, source=source, attributes=attributes)

            site = self.sites.find(key, make)
            if site is not None and site not in self.figures:
                if value.ndim > 2 and node.op.name not in CONVOLUTIONS:
                    value = value.reshape(-1, value.shape[-1])  # each step in time is a row
                self.figures[site] = input_figures(value)


def is_data(value: Any) -> bool:
    """Tell whether an array may be a batch of data."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size >= 2
