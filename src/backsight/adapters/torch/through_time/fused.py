"""Layers that go through a whole sequence in one node: how a gradient fares inside them.

On the CPU an `nn.LSTM` is one node for each layer and direction. Nothing of its inside is seen, but
it keeps its input, its weights and all its states: the gates of all steps follow from them, and one
step's contribution can be pulled back through them with the formulas of an LSTM, on a few rows of
the batch. The fused layers of GPUs keep less; they are reported as not observed.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from ....arrays import Array
from ....traces.recording import Site
from ...figures import recurrence_figures
from ..arrays import array_of, readable
from ..graph import plain_saved
from ..places import placed, within
from .recurrences import FEWEST

if TYPE_CHECKING:
    from ..passes import Pass

MOST_ROWS = 16  # of the batch
MOST_PRODUCTS = 1e8  # multiplications to work out the gates; of a wide layer fewer rows are taken
WEIGHT = 2  # which input of the node is the weight that is applied to the state
SAVED = ("input", "weight0", "weight1", "weight2", "weight3", "hx_", "cx_", "result0")

OPAQUE = ("cudnn_rnn", "miopen_rnn", "lstm_mps")
MISSED = "gradients through time inside a fused layer of the GPU (nn.RNN, nn.LSTM, nn.GRU)"
PACKED = "gradients through time inside an nn.LSTM whose values are packed away"


class Fused:
    """The fused recurrent layers of one pass."""

    OPS: ClassVar[Collection[str]] = (*OPAQUE, "mkldnn_rnn_layer")

    def __init__(self, seen: Pass) -> None:
        self.seen = seen
        self._found: list[tuple[int, int, list[float]]] = []

    def node(self, serial: int, node: Any) -> None:
        """Have a layer measured, if it goes through enough steps to tell."""
        seen = self.seen
        op = seen.structure.op(serial)
        if op in OPAQUE:
            seen.missed.add(MISSED)
        if op != "mkldnn_rnn_layer":
            return
        steps = node._input_metadata[0].shape[0]
        leaf = seen.structure.behind(seen.graph.sources[serial - 1][WEIGHT])
        if steps < FEWEST or leaf >= 0 or seen.places[serial] is None:
            return
        key = (seen.probes.key_of(seen.places[serial]), op, id(seen.graph.leaves[-1 - leaf]))
        if seen.probes.recurrences.due(key, 4 * steps):
            seen.hook(node, partial(self._measure, serial, leaf, node), before=True)

    def finished(self) -> None:
        """Name the sites and add their figures."""
        for serial, leaf, norms in self._found:
            site = self._site(serial, leaf)
            if site is not None:
                self.seen.figures[site] = recurrence_figures(norms)

    def _measure(self, serial: int, leaf: int, node: Any, left: Any, arrived: Any) -> None:
        try:
            saved = [plain_saved(node, name) for name in SAVED]
        except RuntimeError:  # overwritten since: the pass itself will say so
            return
        if not all(readable(each) for each in saved):
            self.seen.missed.add(PACKED)
            return
        given = [each if readable(each) else None for each in arrived]
        norms = layer_norms(saved, given, backwards=bool(node._saved_reverse))
        if len(norms) >= FEWEST and all(map(math.isfinite, norms[:2])):
            self._found.append((serial, leaf, norms))

    def _site(self, serial: int, leaf: int) -> int | None:
        probes, place = self.seen.probes, self.seen.places[serial]
        weight = self.seen.graph.leaves[-1 - leaf]
        name = probes.parameters.names.of(weight)

        def make() -> Site:
            where, source = placed(place)
            about = {"parameter": name, "shape": list(weight.shape), **within(place)}
            module = name.rpartition(".")[0]
            return Site("lstm", "recurrence", where, "hidden", module, name, 0, source, about)

        key = ("recurrence", probes.key_of(place), "lstm", name, tuple(weight.shape))
        return probes.find(key, make)


class Layer(NamedTuple):
    """An LSTM as it was applied: x (T, N, D), its states (T, N, H), the first h and c (N, H).

    w_ih (4H, D), w_hh (4H, H), bias (4H,): PyTorch's layout, gates in the order i, f, g, o.
    """

    x: Array
    states: Array
    h: Array
    c: Array
    w_ih: Array
    w_hh: Array
    bias: Array


def layer_norms(saved: list[Any], arrived: list[Any], *, backwards: bool) -> list[float]:
    """Follow the contribution of the last step that has one, given what the node has saved.

    `arrived` are the gradients of all states (T, N, H), of the last state and of the last cell.
    """
    x, w_ih, w_hh, b_ih, b_hh, h, c, states = saved
    steps, batch, inputs = x.shape
    units = w_hh.shape[1]
    dear = steps * 4 * units * (units + inputs)
    rows = max(1, min(MOST_ROWS, batch, int(MOST_PRODUCTS / dear)))
    every = slice(None, None, -(-batch // rows))

    def sequence(tensor: Any) -> Array:
        found = wide(tensor[:, every])
        return found[::-1] if backwards else found

    def state(tensor: Any) -> Array:
        if tensor is None:
            return np.zeros((len(range(batch)[every]), units))
        return wide(tensor.reshape(batch, units)[every])

    dout, dh, dc = arrived
    douts = sequence(dout) if dout is not None else None
    last, dh, dc = steps - 1, state(dh), state(dc)
    if douts is not None:
        dh = dh + douts[last]
        if not (dh.any() or dc.any()):  # the last steps may be masked
            live = np.flatnonzero(douts.any(axis=(1, 2)))
            last = int(live[-1]) if live.size else last
            dh = douts[last]
    if not (dh.any() or dc.any()):
        return []
    values = Layer(
        x=sequence(x)[: last + 1],
        states=sequence(states)[: last + 1],
        h=state(h),
        c=state(c),
        w_ih=wide(w_ih),
        w_hh=wide(w_hh),
        bias=wide(b_ih + b_hh),
    )
    return lstm_norms(values, dh, dc)


def wide(tensor: Any) -> Array:
    """Return a tensor as an array of float64: a product of small factors must not become 0."""
    return array_of(tensor).astype(np.float64)


def lstm_norms(layer: Layer, dh: Array, dc: Array) -> list[float]:
    """Return the norm of (dh, dc) at each step, the latest first, of a contribution to the last."""
    with np.errstate(all="ignore"):
        before = np.concatenate([layer.h[None], layer.states[:-1]])
        gates = layer.x @ layer.w_ih.T + before @ layer.w_hh.T + layer.bias
        i, f, g, o = np.split(gates, 4, axis=-1)
        i, f, o = (0.5 + 0.5 * np.tanh(0.5 * gate) for gate in (i, f, o))
        g = np.tanh(g)
        cells = np.empty_like(g)
        c = layer.c
        for t in range(len(g)):
            c = cells[t] = f[t] * c + i[t] * g[t]
        squashed = np.tanh(cells)
        carried = np.concatenate([layer.c[None], cells[:-1]])
        of_cell = np.concatenate([g * i * (1 - i), carried * f * (1 - f), i * (1 - g * g)], axis=-1)
        of_output = squashed * o * (1 - o)
        passed = o * (1 - squashed * squashed)
        norms = [math.hypot(np.linalg.norm(dh), np.linalg.norm(dc))]
        for t in range(len(g) - 1, 0, -1):
            dcell = dc + dh * passed[t]
            da = np.concatenate([np.tile(dcell, 3) * of_cell[t], dh * of_output[t]], axis=-1)
            dh, dc = da @ layer.w_hh, dcell * f[t]
            norms.append(math.hypot(np.linalg.norm(dh), np.linalg.norm(dc)))
        return norms
