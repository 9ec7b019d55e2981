"""Activations and their gradients by layer, and local derivatives, from the values of one pass."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..chain import pulled
from ..ops import activations
from ..pages.vector.axes import SMALL, WIDTH, laid_out
from ..pages.vector.heat import HeatMap, heat_scene
from ..pages.vector.plot import Columns, Plot
from ..pages.vector.scales import brief
from ..pages.vector.scene import Role, Scene
from ..pages.vector.sheet import GAP, sheet
from ..traces.trace import Node, Trace
from .curves import nothing, some, trimmed
from .folding import repeated
from .graph import Drawing

BINS = 31
MOST_LAYERS = 10
MOST_SAMPLES = 24
MOST_UNITS = 64
ELEMENTWISE = {
    *activations.__all__, "tanh", "maximum",
} - {"softmax", "log_softmax", "logsumexp", "erf"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layer:
    """An activation of a pass, with the name that pictures give it."""

    node: Node
    name: str


def layers(trace: Trace) -> list[Layer]:
    """Return the activations of a pass in order of computation; of repeated steps the last."""
    earlier = {node.id for nodes in repeated(trace) for node in nodes[:-1]}
    nodes = [
        node
        for node in trace
        if node.op in ELEMENTWISE
        and node.inputs
        and not isinstance(node.value, tuple)
        and node.id not in earlier
    ]
    names = trimmed([node.module or node.name or node.op for node in nodes])
    return [
        Layer(node, f"{i + 1} {name}" if node.op in name else f"{i + 1} {name} {node.op}")
        for i, (node, name) in enumerate(zip(nodes, names, strict=True))
    ]


def draw_histograms(trace: Trace, *, width: float = WIDTH) -> Drawing:
    """Draw histograms of activations (black) and of the gradients that arrived there (red).

    One row for each layer, in order of the forward pass.
    """
    title = "Activations and their gradients by layer"
    known = [layer for layer in layers(trace) if layer.node.value is not None]
    if not known:
        why = (
            "No activation of this pass has its values: it has none, or only statistics were kept."
        )
        return nothing(title, why, width)
    columns = 2 if width >= 500 else 1
    each = (width - GAP) / 2 if columns == 2 else width
    scenes: list[Scene] = []
    for layer in some(known, MOST_LAYERS):
        scenes.append(histogram(layer.node.value, f"{layer.name}: value", "value", each))
        scenes.append(histogram(layer.node.grad, f"{layer.name}: gradient", "gradient", each))
    notes = []
    if len(known) > MOST_LAYERS:
        notes = [f"{MOST_LAYERS} of {len(known)} layers are shown, evenly chosen."]
    return Drawing(sheet(scenes, columns=columns, title=title, notes=notes))


def histogram(array: object, title: str, role: Role, width: float) -> Scene:
    """Draw how the numbers of an array are spread."""
    if array is None or isinstance(array, tuple):
        return nothing(title, "No gradient arrived.", width).scene
    flat = np.asarray(array, dtype=np.float64).reshape(-1)
    finite = flat[np.isfinite(flat)]
    if not finite.size:
        return nothing(title, f"None of {flat.size:,} numbers is finite.", width).scene
    heights, edges = counted(finite)
    zeros = float(np.mean(finite == 0))
    told = f"mean {brief(float(np.mean(finite)))}, std {brief(float(np.std(finite)))}"
    if zeros >= 0.005:
        told += f", {100 * zeros:.0f} % exactly 0"
    if finite.size < flat.size:
        told += f", {flat.size - finite.size:,} not finite"
    plot = Plot(
        title,
        "",
        told,
        columns=(Columns("", tuple(edges.tolist()), tuple(heights.tolist()), role),),
        words=f"{told}; from {brief(float(edges[0]))} to {brief(float(edges[-1]))}.",
    )
    scene = laid_out(plot, width=width, height=70)
    return Scene(scene.width, scene.height - SMALL, scene.items, scene.title, scene.description)


def counted(finite: Array) -> tuple[Array, Array]:
    """Return how many numbers lie in each of some stretches of equal width, and their edges."""
    low, high = float(np.min(finite)), float(np.max(finite))
    size = max(abs(low), abs(high)) or 1.0
    if high - low <= 1e-9 * size:  # all the same
        low, high = low - size / 2, high + size / 2
    # Tiny numbers (1e-310) have no stretches between them: they are counted in units of their size.
    heights, edges = np.histogram(finite / size, BINS, (low / size, high / size))
    return heights.astype(np.float64), edges * size


def draw_local_derivatives(trace: Trace, *, width: float = WIDTH) -> Drawing:
    """Draw the local derivative of each activation, element by element: a saturation map.

    Black passes the gradient on as well as this op can, white lets nothing through. A row is a
    sample, a column a unit; of a convolution the mean over positions.
    """
    title = "Local derivatives"
    measured = [(layer.name, relative_slopes(trace, layer.node)) for layer in layers(trace)]
    known = [(name, slopes) for name, slopes in measured if slopes is not None]
    scenes = [slope_map(name, slopes, width) for name, slopes in some(known, MOST_LAYERS)]
    if not scenes:
        why = (
            "No activation of this pass has its values: it has none, or only statistics were kept."
        )
        return nothing(title, why, width)
    note = (
        "Relative to the largest derivative in the layer; under 5 % counts as saturated. A ReLU "
        "passes all or nothing."
    )
    if len(known) > MOST_LAYERS:
        note += f" {MOST_LAYERS} of {len(known)} layers are shown, evenly chosen."
    return Drawing(sheet(scenes, title=title, notes=[note]))


def relative_slopes(trace: Trace, node: Node) -> Array | None:
    """Return |local derivative| ÷ the largest as (samples, units), None where it is not known."""
    if node.value is None or isinstance(node.value, tuple) or not np.size(node.value):
        return None
    value = np.asarray(node.value)
    gradients = pulled(trace, node, np.ones_like(value))
    gradient = next(
        (g for g in gradients or () if g is not None and np.shape(g) == value.shape), None
    )
    if gradient is None:
        return None
    slopes = np.abs(np.asarray(gradient, dtype=np.float64))
    largest = float(np.max(slopes, initial=0.0))
    slopes = slopes / largest if largest > 0 and math.isfinite(largest) else slopes
    if slopes.ndim >= 4:  # a convolution: channels are units
        return np.mean(slopes, axis=tuple(range(2, slopes.ndim)))
    return slopes.reshape(-1, slopes.shape[-1]) if slopes.ndim else slopes.reshape(1, 1)


def slope_map(name: str, slopes: Array, width: float) -> Scene:
    """Draw the relative local derivatives of one layer."""
    samples, units = slopes.shape
    shown = slopes[:MOST_SAMPLES, :MOST_UNITS]
    part = float(np.mean(slopes < 0.05))
    told = f"{100 * part:.0f} % of {slopes.size:,} elements pass under 5 %"
    shape = f"{samples} samples × {units} units"
    if shown.shape != slopes.shape:
        shape += f", the first {shown.shape[0]} × {shown.shape[1]} shown"
    heat = HeatMap(
        f"{name}: {told}",
        "unit",
        tuple("" if i % 4 else str(i) for i in range(shown.shape[0])),
        tuple(tuple(float(number) for number in row) for row in shown),
        0.0,
        float(shown.shape[1]),
        "of the largest derivative",
        limits=(0.0, 1.0),
        notes=(shape,),
        words=f"{told}.",
    )
    return heat_scene(heat, width=width, tall=9.0)
