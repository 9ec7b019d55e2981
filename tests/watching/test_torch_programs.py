"""BS301 and BS302 on whole PyTorch programs: which must be named, and which left in peace."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import backsight as bs
from backsight.traces.recording import load_recording

from .forked import PROGRAMS, watched

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

F = torch.nn.functional


@pytest.fixture(autouse=True)
def chance() -> Iterator[None]:
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


def diagnosed(loss_of: Callable[[], Any], *leaves: Any, steps: int = 60, rate: float = 0.05) -> Any:
    optimizer = torch.optim.SGD(leaves, rate)
    with bs.watch(every_step=True) as run:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()
    return run.diagnosis


def clips(diagnosis: Any) -> list[Any]:
    return [finding for finding in diagnosis.findings if finding.code in ("BS301", "BS302")]


def data(seed: int) -> tuple[Any, Any, Any]:
    torch.manual_seed(seed)
    x = torch.randn(64, 5)
    return x, x @ torch.randn(5, 1), torch.nn.Linear(5, 1)


def clipped_error(seed: int) -> Any:
    x, y, net = data(seed)
    return diagnosed(lambda: (torch.clamp(net(x) - 20 * y, -1, 1) ** 2).mean(), *net.parameters())


def clipped_loss(seed: int) -> Any:
    x, y, net = data(seed)
    return diagnosed(lambda: ((net(x) - 20 * y) ** 2).clamp(max=1).mean(), *net.parameters())


def clipped_by_minimum(seed: int) -> Any:
    x, y, net = data(seed)
    one = torch.ones(())
    return diagnosed(lambda: torch.minimum((net(x) - 20 * y).abs(), one).mean(), *net.parameters())


def clipped_prediction(seed: int) -> Any:
    x, _, net = data(seed)
    torch.nn.init.normal_(net.weight, std=10)
    target = torch.rand(64, 1) * 0.6 + 0.2
    return diagnosed(lambda: F.mse_loss(net(x).clamp(0, 1), target), *net.parameters())


def clipped_log_std(seed: int) -> Any:
    data(seed)
    sample = torch.randn(256, 5)
    log_std = torch.full((5,), 3.0, requires_grad=True)

    def loss() -> Any:
        bounded = log_std.clamp(-2, 2)
        return (0.5 * (sample / bounded.exp()) ** 2 + bounded).mean()

    return diagnosed(loss, log_std)


def huber(seed: int) -> Any:
    x, y, net = data(seed)
    return diagnosed(lambda: F.huber_loss(net(x), 20 * y), *net.parameters())


def smooth(seed: int) -> Any:
    x, y, net = data(seed)
    return diagnosed(lambda: F.smooth_l1_loss(net(x), 20 * y), *net.parameters())


def rare_outliers(seed: int) -> Any:
    x, y, net = data(seed)
    return diagnosed(lambda: ((net(x) - y).clamp(-4, 4) ** 2).mean(), *net.parameters())


def hinge(seed: int) -> Any:
    x, y, net = data(seed)
    return diagnosed(lambda: (1 - torch.sign(y) * net(x)).clamp(min=0).mean(), *net.parameters())


def siamese(seed: int) -> Any:
    x, _, _ = data(seed)
    net, other, same = torch.nn.Linear(5, 3), torch.randn(64, 5), torch.randint(0, 2, (64,))

    def loss() -> Any:
        distance = ((net(x) - net(other)) ** 2).sum(1).add(1e-9).sqrt()
        margin = torch.clamp(2 - distance, min=0)
        return (same * distance**2 + (1 - same) * margin**2).mean()

    return diagnosed(loss, *net.parameters())


def ppo(seed: int) -> Any:
    x, _, net = data(seed)
    advantage, old = torch.randn(64, 1), net(x).detach()

    def loss() -> Any:
        ratio = (net(x) - old).exp()
        return -torch.min(ratio * advantage, torch.clamp(ratio, 0.8, 1.2) * advantage).mean()

    return diagnosed(loss, *net.parameters())


def clipped_probability(seed: int) -> Any:
    x, y, net = data(seed)
    label = (y > 0).float()

    def loss() -> Any:
        p = net(x).sigmoid().clamp(1e-7, 1 - 1e-7)
        return -(label * p.log() + (1 - label) * (1 - p).log()).mean()

    return diagnosed(loss, *net.parameters(), rate=0.5)


def relu6_network(seed: int) -> Any:
    torch.manual_seed(seed)
    net = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU6(), torch.nn.Conv2d(8, 8, 3), torch.nn.ReLU6()),
        *(torch.nn.Flatten(), torch.nn.Linear(128, 3)),
    )
    x, y = torch.randn(16, 1, 8, 8) * 4, torch.randint(0, 3, (16,))
    return diagnosed(lambda: F.cross_entropy(net(x), y), *net.parameters(), steps=20)


def adversary(seed: int) -> Any:
    x, _, net = data(seed)
    noise = torch.zeros_like(x, requires_grad=True)
    return diagnosed(lambda: net((x + noise).clamp(-1, 1)).mean(), noise, rate=5.0)


SICK = [clipped_error, clipped_loss, clipped_by_minimum, clipped_prediction, clipped_log_std]
HEALTHY = [
    *(huber, smooth, rare_outliers, hinge, siamese, ppo, clipped_probability, relu6_network),
    adversary,
]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", SICK)
def test_it_is_named(program: Callable[[int], Any], seed: int) -> None:
    (finding,) = clips(program(seed))
    assert finding.code == "BS301"
    assert Path(__file__).match(finding.location.file)
    assert finding.location.function.startswith(program.__name__)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", HEALTHY)
def test_it_is_left_in_peace(program: Callable[[int], Any], seed: int) -> None:
    diagnosis = program(seed)
    assert clips(diagnosis) == []
    assert diagnosis.observed["probed"] >= 20


def test_the_finding_has_the_expression_the_share_and_the_repair() -> None:
    (finding,) = clips(clipped_error(0))
    assert finding.location.expression == "torch.clamp(net(x) - 20 * y, -1, 1)"
    assert finding.op == "clamp"
    assert finding.evidence["blocked_share"] > 0.8
    assert "huber_loss(net(x) - 20 * y" in finding.fix


def test_the_command_line_on_an_unmodified_script(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "backsight", "run", "--recording", str(tmp_path / "r.bsr")]
    run = subprocess.run(
        [*command, "--fail-on", "critical", "dqn.py"],
        cwd=PROGRAMS, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 10
    assert "✖ BS301 clip-blocks-loss" in run.stderr
    assert "torch.clamp(delta, -1, 1)" in run.stderr
    assert "backsight" not in run.stdout


def test_what_is_recorded_of_a_network(tmp_path: Path) -> None:
    watched(PROGRAMS / "dqn.py", tmp_path, every_step=True)
    recording = load_recording(tmp_path / "run.bsr")
    found = {site.parameter: site for site in recording.of_kind("parameter")}
    assert sorted(found) == ["q.0.bias", "q.0.weight", "q.2.bias", "q.2.weight"]
    weight = found["q.0.weight"]
    assert weight.attributes["shape"] == [32, 4]
    assert weight.attributes["weight"]
    assert weight.attributes["optimizer"] == "Adam"
    assert weight.attributes["distance"] > found["q.2.weight"].attributes["distance"]
    for probe in recording.probes(weight):
        assert probe["gradient_rms"] > 0
        assert 0 < probe["update_std"] < 2e-3
        assert probe["unchanged"] == 0
    (relu,) = recording.of_kind("activation")
    assert (relu.op, relu.side, relu.attributes["weight"]) == ("relu", "hidden", "q.0.weight")
    assert (relu.attributes["units"], relu.attributes["last"]) == (32, False)
    windows = recording.units(relu)
    assert sum(window.samples for window in windows) == 60 * 64
    assert recording.steps[30].learning_rate == 1e-3
    event = recording.event("optimizer")
    assert event is not None
    assert event.detail["op"] == "Adam"


def test_scaled_losses_are_told_as_they_were(tmp_path: Path) -> None:
    ran = watched(PROGRAMS / "mixed.py", tmp_path, every_step=True)
    recording = load_recording(tmp_path / "run.bsr")
    first, second = map(float, ran.stdout.splitlines()[-2].split())
    losses = [step.loss for step in recording.steps]
    assert losses[-2:] == pytest.approx([first / 2, second / 2], rel=1e-6)
    norms = [step.gradient_norm for step in recording.steps if step.gradient_norm is not None]
    assert norms
    assert max(norms) < 1e3
