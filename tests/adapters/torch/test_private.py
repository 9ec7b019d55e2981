"""What a PyTorch without one of its private parts costs: one feature, and one line."""

from __future__ import annotations

from typing import Any

import pytest

import backsight as bs

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from backsight.adapters.torch import private  # noqa: E402


def trained() -> Any:
    w = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([w], 0.01)
    with bs.watch(every_step=True) as run:
        for _ in range(20):
            optimizer.zero_grad()
            ((w - 5).clamp(-1, 1) ** 2).sum().backward()
            optimizer.step()
    return run.diagnosis


def test_nothing_is_missing_here() -> None:
    assert private.missing() == {}


def test_an_old_version_is_not_watched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch, "__version__", "2.2.2+cpu")
    diagnosis = trained()
    assert diagnosis.status == "not-observed"
    assert capsys.readouterr().err.count("\n") == 1
    assert any("2.6 or newer is needed" in line for line in diagnosis.observed["not_observed"])


@pytest.mark.parametrize(
    "feature", [private.LINES, private.UPDATES, private.VALUES, private.CONSTRUCTION]
)
def test_each_feature_is_lost_alone(
    feature: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone() -> None:
        raise AttributeError("it is gone")

    monkeypatch.setitem(private.TRIALS, feature, gone)
    diagnosis = trained()
    assert diagnosis.observed["probed"] == 20
    assert capsys.readouterr().err.count(private.COST[feature]) == 1
    found = [each for each in diagnosis.findings if each.code == "BS301"]
    assert [each.location is None for each in found] == [feature == private.LINES]
