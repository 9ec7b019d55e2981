"""Lines of what was configured: parameters, their initial values, optimisers, schedules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backsight as bs
from backsight.traces.recording import Recording, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

nn = torch.nn


def recorded(train: Callable[[], Any], folder: Path) -> Recording:
    with bs.watch(folder / "run.bsr", every_step=True) as run:
        train()
    assert not run.diagnosis.failure
    return load_recording(folder / "run.bsr")


def expressions(recording: Recording) -> dict[str, str]:
    return {
        site.parameter: site.where.expression if site.where is not None else ""
        for site in recording.of_kind("parameter")
    }


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 3)
        self.scale = nn.Parameter(torch.ones(3))
        nn.init.zeros_(self.body.bias)

    def forward(self, x: Any) -> Any:
        return self.body(x) * self.scale


def test_parameters_of_modules_and_their_last_values(tmp_path: Path) -> None:
    def train() -> None:
        net = Net()
        net.body.weight.data.uniform_(-1, 1)
        net(torch.randn(8, 4)).square().mean().backward()

    recording = recorded(train, tmp_path)
    found = expressions(recording)
    assert found["net.body.weight"] == "net.body.weight.data.uniform_(-1, 1)"
    assert found["net.body.bias"] == "nn.init.zeros_(self.body.bias)"
    (scale,) = (site for site in recording.of_kind("parameter") if site.parameter == "net.scale")
    assert scale.where is not None
    assert scale.where.line == Net.__init__.__code__.co_firstlineno + 3


def test_plain_leaves_are_found_in_the_source(tmp_path: Path) -> None:
    def train() -> None:
        w = torch.randn(4, 3, requires_grad=True)
        p = {"b": torch.zeros(3, requires_grad=True)}
        (torch.randn(8, 4) @ w + p["b"]).square().mean().backward()

    found = expressions(recorded(train, tmp_path))
    assert found["w"] == "torch.randn(4, 3, requires_grad=True)"
    assert found["p['b']"] == '{"b": torch.zeros(3, requires_grad=True)}'


def test_what_was_made_before_the_watching(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    chosen = torch.optim.SGD(net.parameters(), 0.1)
    with bs.watch(tmp_path / "run.bsr", every_step=True):
        for _ in range(3):
            chosen.zero_grad()
            net(torch.randn(8, 4)).square().mean().backward()
            chosen.step()
    recording = load_recording(tmp_path / "run.bsr")
    assert set(expressions(recording).values()) == {"nn.Sequential(nn.Linear(4, 3), nn.ReLU())"}
    (site,) = recording.of_kind("optimizer")
    assert site.where is not None
    assert site.where.expression == "torch.optim.SGD(net.parameters(), 0.1)"
    assert site.attributes["backward"]["expression"].endswith(".backward()")


def test_an_argument_is_no_variable_of_its_function(tmp_path: Path) -> None:
    def loss_of(w: Any) -> Any:
        return w.square().sum()

    def train() -> None:
        given = torch.ones(3, requires_grad=True)
        loss_of(given).backward()

    assert expressions(recorded(train, tmp_path)) == {"given": "torch.ones(3, requires_grad=True)"}


def test_schedules_have_their_line(tmp_path: Path) -> None:
    def train() -> None:
        net = nn.Linear(2, 1)
        opt = torch.optim.SGD(net.parameters(), 0.1)
        torch.optim.lr_scheduler.ReduceLROnPlateau(opt)
        net(torch.randn(8, 2)).square().mean().backward()
        opt.step()

    event = recorded(train, tmp_path).event("schedule")
    assert event is not None
    assert (event.detail["op"], event.detail["optimizer"]) == ("ReduceLROnPlateau", "SGD")
    assert event.where is not None
    assert event.where.expression == "torch.optim.lr_scheduler.ReduceLROnPlateau(opt)"
