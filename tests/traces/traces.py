"""Traces of every kind, for Hypothesis, and what it means that two are the same."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from backsight.traces import LEAVES, Edge, Location, Node, Statistics, Trace

KINDS = "float16 float32 float64 int8 uint8 int32 int64 bool complex64 >f4 U3 S2 datetime64[s]"
DTYPES = st.sampled_from(KINDS.split())
ARRAYS = DTYPES.flatmap(
    lambda dtype: nps.arrays(
        dtype, nps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
    )
)
NUMBERS = st.one_of(st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.complex_numbers())
SCALARS = st.one_of(
    *(st.floats(width=16).map(kind) for kind in (np.float16, np.float32, np.float64)),
    st.sampled_from([np.int8(-3), np.bool_(True), np.str_("é"), np.uint64(2**64 - 1)]),
)
SMALL = st.one_of(st.none(), st.integers(-9, 9))
LEAVES_OF_VALUES = st.one_of(
    st.none(),
    NUMBERS,
    SCALARS,
    st.text(),
    st.builds(slice, SMALL, SMALL, SMALL),
    st.just(...),
    DTYPES.map(np.dtype),
    st.sampled_from([np.float32, np.bool_, int, float, bool]),
    ARRAYS,
)
VALUES = st.recursive(
    LEAVES_OF_VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(), inner, max_size=3),
    ),
    max_leaves=6,
)
TEXTS = st.text(max_size=5)
LINES = st.integers(1, 10**6)
LOCATIONS = st.none() | st.builds(Location, TEXTS, LINES, LINES, LINES, LINES, TEXTS, TEXTS)
FLOATS = st.floats()
STATISTICS = st.none() | st.builds(
    Statistics,
    st.lists(st.integers(0, 9), max_size=3).map(tuple),
    st.sampled_from(["float16", "bool"]),
    *[st.integers(0, 99)] * 2,
    *[FLOATS] * 6,
)
OUTPUTS = st.one_of(st.none(), ARRAYS, st.tuples(ARRAYS, st.none() | ARRAYS), SCALARS)


@st.composite
def traces(draw):
    """Draw a trace of up to five nodes whose edges are in order."""
    nodes = []
    for id in range(draw(st.integers(0, 5))):
        edges = ()
        op = draw(st.sampled_from([*LEAVES, "add", "torch:fold"]))
        if nodes and op not in LEAVES:
            edges = tuple(draw(st.lists(edges_to(nodes), max_size=3)))
        attributes = draw(st.dictionaries(TEXTS, VALUES, max_size=2))
        rest = [draw(each) for each in (TEXTS, TEXTS, LOCATIONS, OUTPUTS, OUTPUTS)]
        statistics = draw(STATISTICS), draw(STATISTICS)
        nodes.append(Node(id, op, edges, attributes, *rest, *statistics))
    return Trace(tuple(nodes), source=draw(st.sampled_from(["engine", "torch"])))


@st.composite
def edges_to(draw, nodes):
    node = draw(st.sampled_from(nodes))
    outputs = len(node.value) if isinstance(node.value, tuple) else 4
    axes = st.lists(st.integers(0, 3), max_size=2).map(tuple)
    return Edge(draw(TEXTS), node.id, draw(st.integers(0, outputs - 1)), draw(axes))


def same(left, right):
    """Tell whether two values are the same in type, structure, dtype and every bit that counts."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray | np.generic):
        return (
            left.dtype == right.dtype
            and np.shape(left) == np.shape(right)
            and np.asarray(left).tobytes() == np.asarray(right).tobytes()
        )
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, complex):
        return same(left.real, right.real) and same(left.imag, right.imag)
    if isinstance(left, float):
        if math.isnan(left):
            return math.isnan(right)
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    if isinstance(left, Trace | Node | Edge | Statistics):
        names = left.__slots__
        return all(same(getattr(left, name), getattr(right, name)) for name in names)
    return left == right
