"""A graph of PyTorch in the neutral form: each node once, before its inputs, with its sources."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from backsight.adapters.seen import PARAMETER, SMALL_CONSTANT, SMALL_PARAMETER  # noqa: E402
from backsight.adapters.torch.graph import op_of, plain_saved, walk  # noqa: E402
from backsight.adapters.torch.structure import Structure  # noqa: E402


def test_every_node_once_and_before_its_inputs() -> None:
    w = torch.randn(4, 4, requires_grad=True)
    x = torch.randn(2, 4)
    for _ in range(5):
        x = x @ w + x  # shared values: a tree of it would have 2^5 paths
    graph = walk([x.sum()])
    assert [seen.serial for seen in graph.seen] == list(range(1, len(graph.nodes) + 1))
    for seen in graph.seen:
        assert all(code > seen.serial for code in seen.inputs if code > 0)
    assert len(graph.nodes) == 1 + 2 * 5
    assert len(graph.leaves) == 1
    assert graph.leaves[0] is w
    assert graph.whole


def test_a_chain_of_many_nodes() -> None:
    x = torch.zeros(2, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 1
    assert len(walk([y.sum()]).nodes) == 20_001


def test_constants_parameters_and_squares() -> None:
    scale = torch.ones(1, requires_grad=True)
    w = torch.ones(3, requires_grad=True)
    by_number = (w * 2.0).grad_fn
    assert [seen.inputs for seen in walk([w * 2.0]).seen] == [(PARAMETER, SMALL_CONSTANT)]
    assert [seen.inputs for seen in walk([w * scale]).seen] == [(PARAMETER, SMALL_PARAMETER)]
    assert plain_saved(by_number, "other") == 2
    y = w.exp()
    for square in (y * y, y**2, y.square(), torch.pow(y, 2)):
        assert walk([square]).seen[0].op == "square"
    assert walk([y**3]).seen[0].op == "power"


def test_several_roots_one_within_the_other() -> None:
    w = torch.ones(3, requires_grad=True)
    inner = w.exp()
    graph = walk([inner, inner.sum()])
    assert [seen.op for seen in graph.seen] == ["sum", "exp"]
    assert walk([w]).nodes == ()


def test_packed_values_are_left_alone() -> None:
    asked = []
    w = torch.ones(3, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, lambda x: asked.append(x) or x):
        y = w.clamp(0, 0.5)
    assert plain_saved(y.grad_fn, "self") is None
    assert asked == []


def test_a_name_of_leaves_does_not_make_a_leaf() -> None:
    class Mine(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # type: ignore[no-untyped-def]
            ctx.variable = x
            return x * 2

        @staticmethod
        def backward(ctx, g):  # type: ignore[no-untyped-def]
            return g * 2

    w = torch.ones(3, requires_grad=True)
    graph = walk([Mine.apply(w).sum()])
    assert len(graph.nodes) == 2
    assert graph.leaves == (w,)
    assert op_of(graph.nodes[0]) == "sum"


def test_weights_their_units_and_their_distance() -> None:
    net = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 4, 3, bias=False), torch.nn.BatchNorm2d(4), torch.nn.ReLU()),
        *(torch.nn.Flatten(), torch.nn.Linear(16, 2), torch.nn.Tanh()),
    )
    structure = Structure(walk([net(torch.randn(3, 1, 4, 4)).sum()]))
    names = {id(p): name for name, p in net.named_parameters()}
    found = {names[id(leaf)]: -1 - i for i, leaf in enumerate(structure.graph.leaves)}
    shapes = dict(net.named_parameters())
    assert structure.units_along(found["0.weight"], shapes["0.weight"]) == 0
    assert structure.units_along(found["4.weight"], shapes["4.weight"]) == 0
    assert structure.feeds_normalisation(found["0.weight"])
    assert not structure.feeds_normalisation(found["4.weight"])
    assert structure.distances[found["0.weight"]] > structure.distances[found["4.weight"]]
    by_op = {seen.op: seen.serial for seen in structure.graph.seen}
    assert structure.fed_by(by_op["relu"]) == (found["0.weight"], 1)
    assert structure.fed_by(by_op["tanh"]) == (found["4.weight"], -1)
    assert structure.is_weight(found["4.weight"], shapes["4.weight"])
    assert not structure.is_weight(found["1.weight"], shapes["1.weight"])
