"""`trace(loss)`: every value and gradient against PyTorch, names, places, edges."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.errors import GradientError
from backsight.traces import Trace

generator = np.random.default_rng(0)


class Net:
    """A small network that is no layer of ours: it holds Tensors and layers as attributes."""

    def __init__(self) -> None:
        self.hidden = nn.Linear(3, 4, generator, dtype=np.float64)
        self.head = nn.Linear(4, 2, generator, dtype=np.float64)
        self.scale = bs.tensor(np.array([0.5, 2.0]))

    def __call__(self, inputs: Any) -> Any:
        h = np.tanh(self.hidden(inputs))
        scores = self.head(h) * self.scale
        return scores


X = generator.standard_normal((5, 3))
LABELS = np.array([0, 1, 1, 0, 1])


def ops(trace: Trace) -> list[str]:
    return [node.op for node in trace]


@pytest.mark.torch
def test_every_value_and_gradient_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    net = Net()
    loss = bs.cross_entropy(net(X), labels=LABELS)
    trace = bs.trace(loss)

    def leaf(t: Any) -> Any:
        return torch.tensor(np.array(t.value), requires_grad=True)

    w1, b1, w2, b2 = (leaf(t) for t in (net.hidden.w, net.hidden.b, net.head.w, net.head.b))
    scale = leaf(net.scale)
    a = torch.tensor(X) @ w1 + b1
    h = torch.tanh(a)
    s = h @ w2 + b2
    scores = s * scale
    truth = torch.nn.functional.cross_entropy(scores, torch.tensor(LABELS))
    values = [a, h, s, scores, truth]
    for value in values:
        value.retain_grad()
    truth.backward()
    computed = [node for node in trace if not node.is_leaf]
    assert [n.op for n in computed] == ["linear", "tanh", "linear", "multiply", "cross_entropy"]
    for node, value in zip(computed, values, strict=True):
        np.testing.assert_allclose(node.value, value.detach(), rtol=1e-13)
        np.testing.assert_allclose(node.grad, value.grad, rtol=1e-11)
    for node, value in zip(trace.parameters(), (w1, b1, w2, b2, scale), strict=True):
        np.testing.assert_array_equal(node.value, value.detach())
        np.testing.assert_allclose(node.grad, value.grad, rtol=1e-11)
    assert trace.source == "engine"
    assert trace.loss.grad == 1.0


def test_trace_leaves_grad_and_graph_alone() -> None:
    w = bs.tensor([1.0, 2.0])
    loss = (w * w).sum()
    first, second = bs.trace(loss), bs.trace(loss)
    assert w.grad is None
    assert first.parameters()[0].grad.tolist() == second.parameters()[0].grad.tolist()
    loss.backward()
    assert w.grad.tolist() == [2.0, 4.0]


def test_trace_works_inside_no_grad_and_stays_as_it_was() -> None:
    w = bs.tensor([1.0, 2.0])
    c = np.array([3.0, 4.0])
    loss = (w * 2 + c).sum()
    with bs.no_grad():
        trace = bs.trace(loss)
    loss.backward()
    w.grad[:] = 99.0
    w.value = [7.0, 8.0]
    c[:] = 9.0
    parameter = trace.parameters()[0]
    assert (parameter.value.tolist(), parameter.grad.tolist()) == ([1.0, 2.0], [2.0, 2.0])
    assert trace.named("c").value.tolist() == [3.0, 4.0]


def test_arrays_of_a_trace_are_read_only() -> None:
    w = bs.tensor([1.0, 2.0])
    loss = (w * w).sum()
    for node in bs.trace(loss):
        for array in (node.value, node.grad):
            if isinstance(array, np.ndarray):
                assert not array.flags.writeable
    loss.backward()
    assert w.grad.tolist() == [2.0, 4.0]


# Names


def test_names_are_those_of_variables_attributes_and_parameters() -> None:
    net, x = Net(), X
    out = net(x)
    loss = bs.cross_entropy(out, labels=LABELS)
    assert {node.name: node.op for node in bs.trace(loss) if node.name} == {
        "x": "input",
        "net.hidden.w": "parameter",
        "net.hidden.b": "parameter",
        "net.head.w": "parameter",
        "net.head.b": "parameter",
        "net.scale": "parameter",
        "h": "tanh",
        "scores": "multiply",
        "loss": "cross_entropy",
    }


def test_layers_that_hold_each_other_cost_only_their_names() -> None:
    net: Any = Net()
    net.parent = net
    assert bs.trace(net(X).sum()).named("h").op == "tanh"


def test_given_name_comes_first() -> None:
    weight = bs.tensor([1.0], name="W")
    assert bs.trace((weight * 2).sum())[0].name == "W"


def test_parameters_named_by_an_optimiser_keep_that_name() -> None:
    net = Net()
    nn.optim.SGD(net, lr=0.1)
    assert bs.trace(net(X).sum()).parameters()[0].name == "hidden.w"


def test_names_from_the_expression_alone() -> None:
    def loss_of(params: dict[str, Any], data: Any) -> Any:
        return (params["w"] * data + params["b"]).sum()

    trace = bs.trace(loss_of({"w": bs.tensor([1.0]), "b": bs.tensor([2.0])}, np.array([3.0])))
    assert [node.name for node in trace if node.is_leaf] == ['params["w"]', "data", 'params["b"]']


def test_last_of_several_values_on_a_line_has_the_name() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    z = w * 3 + 1
    total = z.sum()
    trace = bs.trace(total)
    assert [(n.op, n.name) for n in trace if not n.is_leaf] == [
        ("multiply", ""),
        ("add", "z"),
        ("sum", "total"),
    ]


def test_pieces_of_a_list_do_not_take_its_name() -> None:
    w = bs.tensor(np.arange(4.0), name="w")
    pieces = np.split(w, 2)
    first, second = np.split(w, 2)
    trace = bs.trace((pieces[0] * pieces[1] * first * second).sum())
    assert [n.name for n in trace if n.op == "getitem"] == ["", "", "first", "second"]


def test_name_that_is_not_there_lists_those_that_are() -> None:
    w = bs.tensor([1.0], name="w")
    with pytest.raises(KeyError, match="no value named 'v' in this trace; names: w"):
        bs.trace((w * 2).sum()).named("v")


# Places


def test_expression_is_the_exact_sub_expression_of_the_users_line() -> None:
    w, x = bs.tensor([1.0, 2.0]), np.array([3.0, 4.0])
    loss = (np.clip(w * x, -1, 1) ** 2).sum() + 0.5 * (w @ w)
    found = {node.op: node.where for node in bs.trace(loss) if node.where}
    assert {op: where.expression for op, where in found.items()} == {
        "clip": "np.clip(w * x, -1, 1)",
        "power": "np.clip(w * x, -1, 1) ** 2",
        "sum": "(np.clip(w * x, -1, 1) ** 2).sum()",
        "matmul": "w @ w",
        "multiply": "0.5 * (w @ w)",
        "add": "(np.clip(w * x, -1, 1) ** 2).sum() + 0.5 * (w @ w)",
    }
    where = found["clip"]
    line = linecache.getline(where.file, where.line)
    assert line[where.column - 1 : where.end_column - 1] == where.expression
    assert where.file == __file__
    name = test_expression_is_the_exact_sub_expression_of_the_users_line.__name__
    assert where.function == name


def test_place_of_a_layers_op_is_where_the_layer_is_called() -> None:
    net = Net()
    trace = bs.trace(net(X).sum())
    linear = next(node for node in trace if node.op == "linear")
    assert linear.where.expression == "self.hidden(inputs)"
    assert linear.where.function == "Net.__call__"


def test_leaves_have_no_place() -> None:
    assert all(node.where is None for node in bs.trace(Net()(X).sum()) if node.is_leaf)


# Structure


def test_edges_summed_axes_and_fan_out() -> None:
    u, v = bs.tensor(np.ones((3, 1)), name="u"), bs.tensor(np.ones(4), name="v")
    s = u + v
    total = (s * s + s).sum()
    trace = bs.trace(total)
    assert ops(trace) == ["parameter", "parameter", "add", "multiply", "add", "sum"]
    left, right = trace[2].inputs
    assert (left.argument, left.node, left.summed_axes) == ("x", 0, (1,))
    assert (right.argument, right.node, right.summed_axes) == ("y", 1, (0,))
    assert [(e.node, e.summed_axes) for e in trace[3].inputs] == [(2, ()), (2, ())]
    assert [e.node for e in trace[4].inputs] == [3, 2]
    assert trace[2].grad.tolist() == np.full((3, 4), 5.0).tolist()
    assert trace[0].grad.tolist() == [[20.0]] * 3


def test_leaf_used_in_many_places_is_one_node() -> None:
    w = bs.tensor([1.0, 2.0], name="w")
    trace = bs.trace((np.tanh(w) * w + w).sum())
    assert [node.name for node in trace if node.op == "parameter"] == ["w"]
    assert trace.named("w").grad is not None


def test_nodes_are_in_order_of_computation_with_ids_by_place() -> None:
    trace = bs.trace(bs.cross_entropy(Net()(X), labels=LABELS))
    assert [node.id for node in trace] == list(range(len(trace)))
    for node in trace:
        assert all(edge.node < node.id for edge in node.inputs)


def test_op_of_several_outputs_is_one_node() -> None:
    x, h, c = (bs.tensor(generator.standard_normal((2, n))) for n in (3, 4, 4))
    w_ih, w_hh = (bs.tensor(generator.standard_normal(s)) for s in ((3, 16), (4, 16)))
    h_next, c_next = bs.lstm_cell(x, h, c, w_ih, w_hh)
    trace = bs.trace((h_next * 2 + c_next[:, ::-1]).sum())
    cell = next(node for node in trace if node.op == "lstm_cell")
    assert [value.shape for value in cell.value] == [(2, 4), (2, 4)]
    assert [gradient.tolist() for gradient in cell.grad] == [[[2.0] * 4] * 2, [[1.0] * 4] * 2]
    taken = [(e.node, e.output) for n in trace for e in n.inputs if e.node == cell.id]
    assert taken == [(cell.id, 0), (cell.id, 1)]


def test_output_that_is_not_used_has_the_gradient_zero() -> None:
    x, h, c = (bs.tensor(generator.standard_normal((2, n))) for n in (3, 4, 4))
    w_ih, w_hh = (bs.tensor(generator.standard_normal(s)) for s in ((3, 16), (4, 16)))
    h_next, _ = bs.lstm_cell(x, h, c, w_ih, w_hh)
    trace = bs.trace(h_next.sum())
    cell = next(node for node in trace if node.op == "lstm_cell")
    assert not np.any(cell.grad[1])


def test_attributes_and_optional_inputs() -> None:
    w = bs.tensor(np.ones((2, 3)), name="w")
    trace = bs.trace(bs.linear(np.ones((4, 2)), w).sum(axis=0, keepdims=True).max())
    linear = next(node for node in trace if node.op == "linear")
    assert [edge.argument for edge in linear.inputs] == ["x", "w"]
    total = next(node for node in trace if node.op == "sum")
    assert dict(total.attributes) == {"axis": 0, "keepdims": True}


def test_kinds_of_leaves() -> None:
    w, fixed = bs.tensor([1.0]), bs.tensor([2.0], requires_grad=False)
    trace = bs.trace((w * fixed * np.array([3.0]) * 4.0).sum())
    leaves = [(n.op, n.grad is None) for n in trace if n.is_leaf]
    assert leaves == [("parameter", False), ("input", True), ("input", True), ("constant", True)]


def test_statistics_are_those_of_the_arrays() -> None:
    trace = bs.trace(Net()(X).sum())
    for node in trace:
        assert node.value_stats.shape == np.shape(node.value)
        assert node.value_stats.mean == pytest.approx(float(np.mean(node.value)))
        assert (node.grad_stats is None) == (node.grad is None)


def test_loss_that_is_a_leaf() -> None:
    w = bs.tensor(3.0, name="w")
    trace = bs.trace(w)
    assert [(n.op, n.name, float(n.grad)) for n in trace] == [("parameter", "w", 1.0)]


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda: bs.tensor([1.0, 2.0]) * 2, r"shape \(2,\)"),
        (lambda: bs.tensor(1.0, requires_grad=False), "constant"),
        (lambda: np.ones(()), "expected the Tensor of a loss, got ndarray"),
        (lambda: 3.0, "got float"),
    ],
)
def test_what_cannot_be_traced_is_told(loss: Any, said: str) -> None:
    with pytest.raises(GradientError, match=said):
        bs.trace(loss())


def test_freed_graph_is_told() -> None:
    loss = (bs.tensor([1.0]) * 2).sum()
    loss.backward()
    with pytest.raises(GradientError, match="freed it"):
        bs.trace(loss)
