"""BS305 and BS509 on PyTorch programs: each way out of the graph is named, each use of it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import backsight as bs

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad"),
]

nn, F = torch.nn, torch.nn.functional
STEPS = 22


@pytest.fixture(autouse=True)
def chance() -> Iterator[None]:
    state = torch.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.set_rng_state(state)


def diagnosed(loss_of: Callable[[], Any], *leaves: Any, after: Any = None) -> Any:
    optimizer = torch.optim.SGD(leaves, 0.01)
    with bs.watch(every_step=True) as run:
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()
            if after is not None:
                after()
    assert not run.diagnosis.failure
    return run.diagnosis


class Two:
    """An encoder and a decoder, and how the code goes from one to the other."""

    def __init__(self) -> None:
        self.x = torch.randn(16, 5)
        self.encoder, self.decoder = nn.Linear(5, 3), nn.Linear(3, 5)

    def diagnosed(self, way: Callable[[Any], Any]) -> Any:
        leaves = *self.encoder.parameters(), *self.decoder.parameters()
        return diagnosed(lambda: F.mse_loss(self.decoder(way(self.x)), self.x), *leaves)


def in_no_grad(two: Two, x: Any) -> Any:
    with torch.no_grad():
        return two.encoder(x)


def in_no_grad_by_hand(two: Two, x: Any) -> Any:
    with torch.no_grad():
        return torch.tanh(x @ two.encoder.weight.T + two.encoder.bias)


def in_inference(two: Two, x: Any) -> Any:
    with torch.inference_mode():
        code = two.encoder(x)
    return code.clone()


def written(two: Two, x: Any) -> Any:
    code = torch.zeros(16, 3)
    code[:] = two.encoder(x).detach()
    return code


def detached_in_place(two: Two, x: Any) -> Any:
    code = two.encoder(x) * 1
    code.detach_()
    return code


CUTS: dict[str, tuple[Callable[[Two, Any], Any], str, str]] = {
    "detach": (lambda t, x: t.encoder(x).detach(), "detach", "t.encoder(x).detach()"),
    "data": (lambda t, x: t.encoder(x).data, "data", "t.encoder(x).data"),
    "detach_": (detached_in_place, "detach_", "code.detach_()"),
    "comparison": (lambda t, x: (t.encoder(x) > 0).float(), "gt", "t.encoder(x) > 0"),
    "long": (lambda t, x: t.encoder(x).long().float(), "long", "t.encoder(x).long()"),
    "argmax": (
        lambda t, x: F.one_hot(t.encoder(x).argmax(1), 3).float(),
        *("argmax", "t.encoder(x).argmax(1)"),
    ),
    "tensor": (
        lambda t, x: torch.tensor([row.sum() for row in t.encoder(x)])[:, None].expand(-1, 3),
        *("tensor", "torch.tensor([row.sum() for row in t.encoder(x)])"),
    ),
    "numpy": (
        lambda t, x: torch.tensor(t.encoder(x).detach().numpy()),
        *("detach", "t.encoder(x).detach()"),
    ),
    "item": (
        lambda t, x: x[:, :3] * t.encoder(x).mean().item(),
        *("item", "t.encoder(x).mean().item()"),
    ),
    "written": (written, "detach", "two.encoder(x).detach()"),
    "leaf": (
        lambda t, x: t.encoder(x).detach().requires_grad_(),
        *("detach", "t.encoder(x).detach()"),
    ),
    "no_grad": (in_no_grad, "no_grad", "two.encoder(x)"),
    "no_grad by hand": (in_no_grad_by_hand, "no_grad", "x @ two.encoder.weight.T"),
    "inference": (in_inference, "inference_mode", "two.encoder(x)"),
    "parameter": (lambda t, x: x @ t.encoder.weight.data.T, "data", "t.encoder.weight.data"),
}


@pytest.mark.parametrize("name", CUTS)
def test_the_expression_that_cuts_is_named(name: str) -> None:
    way, op, expression = CUTS[name]
    two = Two()
    diagnosis = two.diagnosed(lambda x: way(two, x))
    found = [finding for finding in diagnosis.findings if finding.code == "BS305"]
    assert (op, expression) in [(f.op, f.location.expression) for f in found]
    names = [name for f in found for name in f.evidence["parameters"]]
    expected = {"self.encoder.weight"} | ({"self.encoder.bias"} if name != "parameter" else set())
    assert set(names) == expected
    assert "BS304" in {symptom.code for symptom in found[0].symptoms}
    assert len(diagnosis.findings) == len(found)


def straight_through(two: Two, x: Any) -> Any:
    soft = two.encoder(x).sigmoid()
    return soft + ((soft > 0.5).float() - soft).detach()


def sampled(two: Two, x: Any) -> Any:
    probability = two.encoder(x).softmax(1)
    return probability * F.one_hot(torch.multinomial(probability.detach(), 1)[:, 0], 3)


def scaled_by_itself(two: Two, x: Any) -> Any:
    code = two.encoder(x)
    return code / code.detach().std()


def logged(two: Two, x: Any) -> Any:
    code = two.encoder(x)
    assert float(code.sum()) < 1e6
    assert code.tolist()
    assert code.detach().numpy().shape == (16, 3)
    return code


@pytest.mark.parametrize("way", [straight_through, sampled, scaled_by_itself, logged])
def test_a_cut_that_costs_no_gradient_is_left_in_peace(way: Any) -> None:
    two = Two()
    diagnosis = two.diagnosed(lambda x: way(two, x))
    assert not {"BS304", "BS305"} & {finding.code for finding in diagnosis.findings}


def test_targets_and_teachers_are_left_in_peace() -> None:
    net, target, x = nn.Linear(4, 2), nn.Linear(4, 2), torch.randn(16, 4)

    def loss() -> Any:
        with torch.no_grad():
            wanted = 0.9 * target(x).max(1)[0] + net(x).mean(1)
        return ((net(x).max(1)[0] - wanted) ** 2).mean() + F.mse_loss(net(x), target(x).detach())

    def follow() -> None:
        with torch.no_grad():
            for ours, theirs in zip(target.parameters(), net.parameters(), strict=True):
                ours.mul_(0.9).add_(theirs, alpha=0.1)

    found = diagnosed(loss, *net.parameters(), after=follow).findings
    assert not {"BS304", "BS305"} & {finding.code for finding in found}


def test_a_hidden_state_across_steps_is_left_in_peace() -> None:
    cell, head, state = nn.RNNCell(3, 4), nn.Linear(4, 1), [torch.zeros(8, 4)]

    def loss() -> Any:
        state[0] = cell(torch.randn(8, 3), state[0].detach())
        return (head(state[0]) ** 2).mean()

    assert not diagnosed(loss, *cell.parameters(), *head.parameters()).findings


def test_what_is_computed_once_before_the_loop_is_named() -> None:
    x, body, head = torch.randn(16, 5), nn.Linear(5, 3), nn.Linear(3, 1)
    optimizer = torch.optim.SGD([*body.parameters(), *head.parameters()], 0.01)
    with bs.watch(every_step=True) as run:
        features = body(x).detach()
        for _ in range(STEPS):
            optimizer.zero_grad()
            (head(features) ** 2).mean().backward()
            optimizer.step()
    found = {f.code: f.location.expression for f in run.diagnosis.findings if f.location}
    assert found.get("BS305") == "body(x).detach()"


class Net(nn.Module):
    """A network with both kinds of modules that have a mode."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.2))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x))


def modes(net: Any, *, before: Any = None, after: Any = None, leaves: Any = None) -> list[Any]:
    x, y = torch.randn(32, 5), torch.randint(0, 2, (32,))

    def loss() -> Any:
        if before is not None:
            before()
        return F.cross_entropy(net(x), y)

    found = diagnosed(loss, *(leaves or net.parameters()), after=after).findings
    return [finding for finding in found if finding.code == "BS509"]


def test_a_network_left_in_eval_mode_is_named_by_the_line_that_put_it_there() -> None:
    net = Net()
    (finding,) = modes(net, after=lambda: net.eval())
    assert finding.location.expression == "net.eval()"
    assert finding.evidence["modules"] == ["net.body.1", "net.body.3"]


def test_a_network_that_was_never_put_into_training_is_named() -> None:
    net = Net()
    (finding,) = modes(net, before=lambda: net.train(mode=False))
    assert finding.location.expression == "net.train(mode=False)"
    net = Net()
    for each in net.modules():
        each.training = False  # which nobody sees
    (finding,) = modes(net)
    assert finding.location.function.startswith(("Net.forward", "modes"))


def test_modes_as_they_should_be_are_left_in_peace() -> None:
    net = Net()
    assert modes(net, before=lambda: net.train(), after=lambda: net.eval()) == []
    frozen = Net()
    for leaf in frozen.body.parameters():
        leaf.requires_grad_(False)
    assert modes(frozen, before=lambda: frozen.body.eval(), leaves=frozen.head.parameters()) == []
    certain = Net()
    assert modes(certain, before=lambda: certain.body[3].eval()) == []


def test_networks_that_are_not_trained_may_evaluate() -> None:
    judge, made = Net(), torch.zeros(32, 5, requires_grad=True)
    judge.eval()  # and its parameters want gradients, as they do by default
    found = diagnosed(lambda: judge(made)[:, 0].mean(), made).findings
    assert [finding for finding in found if finding.code == "BS509"] == []


def test_findings_say_in_which_module() -> None:
    class Agent:
        def __init__(self) -> None:
            self.nets = {"q": Net()}

    agent = Agent()
    net = agent.nets["q"]
    del net
    with bs.watch(every_step=True) as run:
        optimizer = torch.optim.SGD(agent.nets["q"].parameters(), 0.01)
        for _ in range(STEPS):
            optimizer.zero_grad()
            agent.nets["q"](torch.randn(32, 5)).detach().sum()
            (agent.nets["q"](torch.randn(32, 5)).clamp(-1e-3, 1e-3) ** 2).mean().backward()
            optimizer.step()
            agent.nets["q"].body[1].eval()
    found = {finding.code: finding.module for finding in run.diagnosis.findings}
    assert found["BS509"] == "agent.nets['q'].body.1"


def test_pytorch_is_as_it_was_when_the_watching_ends() -> None:
    before = nn.Module.train
    with bs.watch(every_step=True):
        assert nn.Module.train is not before
    assert nn.Module.train is before
