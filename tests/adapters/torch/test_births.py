"""Births of numbers that are not finite: in the backward, in data, in steps not observed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backsight as bs
from backsight.diagnosis import diagnose
from backsight.traces.recording import Recording, load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

F = torch.nn.functional


def recorded(train: Callable[[], Any], folder: Path, **options: Any) -> Recording:
    with bs.watch(folder / "run.bsr", **(options or {"every_step": True})) as run:
        train()
    assert not run.diagnosis.failure
    return load_recording(folder / "run.bsr")


def births(recording: Recording) -> list[Any]:
    return [event for event in recording.events if event.kind == "non-finite"]


IN_BACKWARD: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "root of 0": (lambda w: (w - w.detach()).sum().sqrt(), "sqrt", "(w - w.detach()).sum().sqrt()"),
    "power of 0": (lambda w: (w * 0).sum() ** 0.5, "power", "(w * 0).sum() ** 0.5"),
    "logistic": (lambda w: (1 / (1 + (w * 400).exp())).sum(), "exp", "(w * 400).exp()"),
}


@pytest.mark.parametrize("name", list(IN_BACKWARD))
def test_a_birth_in_the_backward(name: str, tmp_path: Path) -> None:
    loss_of, op, expression = IN_BACKWARD[name]
    w = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)

    def train() -> None:
        for _ in range(3):
            loss = loss_of(w) + (w**2).sum()
            assert torch.isfinite(loss)
            loss.backward()

    (birth,) = births(recorded(train, tmp_path))
    assert not torch.isfinite(w.grad).all()  # the truth
    assert (birth.detail["phase"], birth.detail["op"]) == ("backward", op)
    assert birth.where.expression == expression
    assert birth.detail["step"] == 1


def cosine(w: Any) -> Any:
    h = (w - 1).relu()
    goal = torch.ones(3)
    return ((h * 0 / (h * 0).norm() - goal) ** 2).sum()


def entropy(w: Any) -> Any:
    p, y = torch.sigmoid(w * 100), torch.tensor([0.0, 1.0, 1.0])
    return -(y * torch.log(p) + (1 - y) * torch.log(1 - p)).mean()


IN_FORWARD: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "0 / 0, then a difference and a square": (cosine, "divide", "h * 0 / (h * 0).norm()"),
    "one logarithm of two": (entropy, "log", "torch.log(1 - p)"),
    "a square of all": (lambda w: ((w * 1e30) ** 2 + w).sum(), "square", "(w * 1e30) ** 2"),
}


@pytest.mark.parametrize("name", list(IN_FORWARD))
def test_a_birth_in_the_forward_is_traced_past_ops_that_keep_nothing(
    name: str, tmp_path: Path
) -> None:
    loss_of, op, expression = IN_FORWARD[name]
    w = torch.tensor([0.5, 1.0, 2.0], requires_grad=True)

    def train() -> None:
        loss = loss_of(w)
        assert not torch.isfinite(loss)
        loss.backward()

    (birth,) = births(recorded(train, tmp_path))
    assert (birth.detail["phase"], birth.detail["op"]) == ("forward", op)
    assert birth.where.expression == expression
    assert birth.detail["sure"]
    assert birth.detail["size"] == 3


HEALTHY: dict[str, Callable[[Any], Any]] = {
    "root": lambda w: w.square().sum().sqrt(),
    "norm of 0": lambda w: (w * 0).norm(),
    "masked root": lambda w: (w.square() + 1e-12).sqrt().sum(),
    "logarithm": lambda w: w.square().add(1e-6).log().sum(),
}


@pytest.mark.parametrize("name", list(HEALTHY))
def test_what_stays_finite_is_no_birth(name: str, tmp_path: Path) -> None:
    w = torch.tensor([0.5, 0.0, 2.0], requires_grad=True)
    recording = recorded(lambda: HEALTHY[name](w).backward(), tmp_path)
    assert torch.isfinite(w.grad).all()
    assert births(recording) == []


def test_a_scaled_loss_may_overflow(tmp_path: Path) -> None:
    w = torch.ones(3, requires_grad=True)

    def train() -> None:
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
        opt = torch.optim.SGD([w], 0.1)
        for _ in range(3):
            opt.zero_grad()
            scaler.scale((w * 9).square().sum().sqrt()).backward()
            scaler.step(opt)
            scaler.update()

    assert births(recorded(train, tmp_path)) == []


@pytest.mark.parametrize("where", ["input", "target"])
def test_broken_data_is_named_by_column(where: str, tmp_path: Path) -> None:
    features, wanted = torch.randn(16, 5), torch.randn(16, 5)
    (features if where == "input" else wanted)[3, [1, 4]] = float("nan")
    net = torch.nn.Linear(5, 5)

    def train() -> None:
        F.mse_loss(net(features), wanted).backward()

    recording = recorded(train, tmp_path)
    (birth,) = births(recording)
    assert (birth.detail["phase"], birth.detail["kind"]) == ("leaf", "input")
    assert (birth.detail["columns"], birth.detail["nan"]) == ([1, 4], 2)
    assert birth.detail["name"] == ("features" if where == "input" else "wanted")
    assert birth.where.line == train.__code__.co_firstlineno + 1
    (finding,) = [f for f in diagnose(recording).findings if f.code == "BS401"]
    assert "in columns [1, 4]" in finding.message


def test_a_line_is_known_though_the_step_was_not_observed(tmp_path: Path) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)

    def train() -> None:
        for i in range(60):
            x = torch.full((2,), 0.0 if i == 55 else 1.0)
            loss = (w * x).log().mean()
            if i == 55:
                assert loss.item() == -float("inf")
            loss.backward()
            w.grad = None

    recording = recorded(train, tmp_path, steps=20)
    assert not recording.steps[55].observed
    (birth,) = births(recording)
    assert (birth.detail["step"], birth.detail["op"]) == (56, "log")
    assert birth.where.expression == "(w * x).log()"


def test_a_broken_gradient_of_an_unobserved_step_is_told(tmp_path: Path) -> None:
    net = torch.nn.Linear(3, 1)

    def train() -> None:
        for i in range(60):
            x = torch.zeros(4, 3) if i == 55 else torch.ones(4, 3)
            out = (net(x) - net.bias).square().sum().sqrt()
            out.backward()
            if i < 55:
                net.zero_grad()

    recording = recorded(train, tmp_path, steps=20)
    (birth,) = births(recording)
    assert not torch.isfinite(net.weight.grad).all()
    assert (birth.detail["step"], birth.detail["kind"]) == (56, "gradient")
    assert birth.detail["name"] in ("net.weight", "net.bias")
    (finding,) = [f for f in diagnose(recording).findings if f.code == "BS401"]
    assert "is not finite in step 56" in finding.message
