"""`record()` around PyTorch: names, places, several passes, and no harm to who is traced."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.errors import GradientError

from .tracing import check_trace, ops_of

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
F, nn = torch.nn.functional, torch.nn


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(4, 5)
        self.out = nn.Linear(5, 3)

    def forward(self, x: Any) -> Any:
        h = torch.tanh(self.hidden(x))
        return self.out(h)


def batch() -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


def test_names_modules_and_places() -> None:
    torch.manual_seed(0)
    net, (x, labels) = Net(), batch()
    with bs.record() as r:
        loss = F.cross_entropy(net(x), labels)
        loss.backward()
    trace = r.trace
    assert [node.name for node in trace.parameters()] == [
        "net.hidden.weight", "net.hidden.bias", "net.out.weight", "net.out.bias",
    ]  # fmt: skip
    assert trace.loss.name == "loss"
    assert trace.named("x").op == "input"
    assert trace.named("h").op == "tanh"
    assert trace.named("h").module == "net"
    linear = [node for node in trace if node.op == "linear"]
    assert [node.module for node in linear] == ["net.hidden", "net.out"]
    assert [node.where.expression for node in linear if node.where] == [
        "self.hidden(x)",
        "self.out(h)",
    ]
    assert float(trace.loss.value) == loss.item()
    for node, leaf in zip(trace.parameters(), net.parameters(), strict=True):
        np.testing.assert_array_equal(node.value, leaf.detach())
        np.testing.assert_array_equal(node.grad, leaf.grad)
    check_trace(trace, 1e-5)


def trained(*, traced: bool) -> tuple[list[float], Any, list[Any], int]:
    """Train with dropout, hooks and in-place ops; return what came of it."""
    torch.manual_seed(3)
    net, (x, labels) = nn.Sequential(Net(), nn.ReLU(inplace=True), nn.Dropout(0.2)), batch()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    heard: list[Any] = []
    net[0].hidden.weight.register_hook(lambda gradient: heard.append(float(gradient.sum())))
    losses = []
    r = bs.record()
    if traced:
        r.__enter__()
    for _ in range(4):
        loss = F.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    if traced:
        r.__exit__(None, None, None)
        assert len(r.traces) == 4
    state = torch.cat([p.detach().flatten() for p in net.parameters()])
    return losses, state, heard, int(torch.randint(1 << 30, ()))


def test_training_is_the_same_when_traced() -> None:
    plain, traced = trained(traced=False), trained(traced=True)
    assert plain[0] == traced[0]
    assert torch.equal(plain[1], traced[1])
    assert plain[2:] == traced[2:]


def test_hooks_modes_and_records_are_gone_after_the_block() -> None:
    engine, backward = torch.autograd._engine_run_backward, torch.Tensor.backward
    hooks = nn.modules.module
    before = len(hooks._global_forward_pre_hooks), len(hooks._global_forward_hooks)
    x = torch.ones(3, requires_grad=True)
    with bs.record():
        kept = (x * 2).sum()
        kept.backward(retain_graph=True)
    assert torch._C._len_torch_function_stack() == 0
    assert (torch.autograd._engine_run_backward, torch.Tensor.backward) == (engine, backward)
    assert (len(hooks._global_forward_pre_hooks), len(hooks._global_forward_hooks)) == before
    assert all(not found for found in kept.grad_fn.metadata.values())
    kept.backward()
    assert x.grad.tolist() == [4.0, 4.0, 4.0]


def test_error_inside_the_block_leaves_nothing_behind() -> None:
    with pytest.raises(IndexError), bs.record():
        (torch.ones(3, requires_grad=True) * 2)[5]
    assert torch._C._len_torch_function_stack() == 0


def test_both_kinds_in_one_block() -> None:
    w, v = bs.tensor([1.0, 2.0], name="w"), torch.tensor([3.0], requires_grad=True)
    with bs.record() as r:
        (w * w).sum().backward()
        (v * 5).sum().backward()
        (w * 3).sum().backward()
    assert [trace.source for trace in r.traces] == ["engine", "torch", "engine"]


def test_only_what_leads_to_the_loss_is_in_the_trace() -> None:
    x = torch.ones(3, requires_grad=True)
    with bs.record() as r:
        x.exp()
        with torch.no_grad():
            y = x.cos()
        (x.tanh() * y + x.sin().detach()).sum().backward()
    assert ops_of(r.trace) == ["tanh", "multiply", "add", "sum"]
    check_trace(r.trace, 1e-6)


def test_several_passes_over_one_graph_and_autograd_grad() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with bs.record() as r:
        loss = (x * x).sum()
        loss.backward(retain_graph=True)
        loss.backward(retain_graph=True)
        (slope,) = torch.autograd.grad(loss, x)
    assert [trace.parameters()[0].grad.tolist() for trace in r.traces] == [[2.0, 4.0]] * 3
    assert slope.tolist() == [2.0, 4.0]
    assert x.grad.tolist() == [4.0, 8.0]


def test_gradient_changed_by_a_hook_is_the_one_told() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with bs.record() as r:
        h = x * 2
        h.register_hook(lambda gradient: gradient * 10)
        h.sum().backward()
    assert r.trace.named("h").grad.tolist() == [10.0, 10.0]
    assert r.trace.parameters()[0].grad.tolist() == [20.0, 20.0]


def test_backward_with_an_upstream_gradient() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with bs.record() as r:
        (x * 3).backward(torch.tensor([1.0, 10.0]))
    assert r.trace.loss.grad.tolist() == [1.0, 10.0]
    assert r.trace.parameters()[0].grad.tolist() == [3.0, 30.0]


def test_traces_keep_their_numbers_through_updates() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    with bs.record() as r:
        for _ in range(2):
            w.grad = None
            (w * w).sum().backward()
            w.data -= 0.5 * w.grad
    assert [trace.parameters()[0].value.tolist() for trace in r.traces] == [[1.0, 2.0], [0.0, 0.0]]
    assert r.traces[0].parameters()[0].grad.tolist() == [2.0, 4.0]


def test_failed_pass_gives_no_trace() -> None:
    x = torch.ones(2, requires_grad=True)
    with bs.record() as r:
        with pytest.raises(RuntimeError):
            (x * 2).backward()
        with pytest.raises(GradientError, match="no backward pass ran"):
            r.trace  # noqa: B018
        (x * 2).sum().backward()
    assert len(r.traces) == 1


def test_other_threads_are_not_traced() -> None:
    x = torch.ones(2, requires_grad=True)
    with bs.record() as r:
        other = threading.Thread(target=lambda: (x * 5).sum().backward())
        other.start()
        other.join()
        (x * 2).sum().backward()
    assert len(r.traces) == 1
    assert r.trace.parameters()[0].grad.tolist() == [2.0, 2.0]


def test_backward_from_a_leaf() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    with bs.record() as r:
        x.backward()
    assert [(node.op, node.name, float(node.grad)) for node in r.trace] == [("parameter", "x", 1)]


@pytest.mark.filterwarnings("ignore:Using `torch.compile")
def test_what_is_compiled_runs_as_written_inside_the_block() -> None:
    compiled = torch.compile(lambda x: (x * 2).tanh(), backend="eager")
    x = torch.ones(3, requires_grad=True)
    with bs.record() as r:
        compiled(x).sum().backward()
        torch.compile(lambda x: x * 3, backend="eager")(x).sum().backward()
    assert [ops_of(trace) for trace in r.traces] == [
        ["multiply", "tanh", "sum"],
        ["multiply", "sum"],
    ]
    assert torch._dynamo.eval_frame._stance.stance == "default"


def test_half_precision_under_autocast() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(8, 4), torch.randn(5, 8)
    with bs.record() as r:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = layer(x).float().square().mean()
        loss.backward()
    assert r.trace.loss.op == "mean"
    assert "linear" in ops_of(r.trace)
    np.testing.assert_array_equal(r.trace.named("layer.weight").grad, layer.weight.grad)


def test_trace_comes_back_from_a_file(tmp_path: Any) -> None:
    torch.manual_seed(0)
    net, (x, labels) = Net(), batch()
    with bs.record() as r:
        F.cross_entropy(net(x), labels).backward()
    bs.save(r.trace, tmp_path / "t.npz")
    again = bs.load(tmp_path / "t.npz")
    assert again.source == "torch"
    assert [(n.op, n.name, n.module, n.inputs) for n in again] == [
        (n.op, n.name, n.module, n.inputs) for n in r.trace
    ]
