"""Where a loss that is not finite was born: the op and its expression, or the leaf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backsight as bs
from backsight.traces.recording import load_recording

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def birth(loss_of: Callable[[Any], Any], leaf: Any, folder: Path) -> Any:
    with bs.watch(folder / "run.bsr", every_step=True):
        for _ in range(3):
            loss_of(leaf).backward()
    events = load_recording(folder / "run.bsr").events
    return next((each for each in events if each.kind == "non-finite"), None)


CASES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "log of 0": (lambda w: -(w.relu().log()).mean(), "w.relu().log()"),
    "overflow": (lambda w: (w * 300).exp().mean(), "(w * 300).exp()"),
    "0 times log of 0": (lambda w: (w.relu() * w.relu().log()).sum(), "w.relu().log()"),
    "0 over 0": (lambda w: ((w.relu() / (w - w)) ** 2).sum(), "w.relu() / (w - w)"),
    "logistic": (lambda w: (1 / (1 + (w * 300).exp())).mean() + (w * 300).exp().sum(), "exp()"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_it_is_found(name: str, tmp_path: Path) -> None:
    loss_of, expression = CASES[name]
    found = birth(loss_of, torch.tensor([-1.0, 0.0, 1.0], requires_grad=True), tmp_path)
    assert found.detail["phase"] == "forward"
    assert found.where.expression.endswith(expression)
    assert found.detail["step"] == 1


def test_a_parameter_that_is_broken_is_named(tmp_path: Path) -> None:
    weight = torch.tensor([1.0, float("nan")], requires_grad=True)
    found = birth(lambda w: (w.exp() * w).sum(), weight, tmp_path)
    assert (found.detail["phase"], found.detail["kind"]) == ("leaf", "parameter")
    assert found.detail["nan"] == 1


def test_a_mask_is_a_tool(tmp_path: Path) -> None:
    w = torch.zeros(2, 3, requires_grad=True)
    mask = torch.tensor([0.0, 0.0, float("-inf")])
    assert birth(lambda w: (w + mask).softmax(-1).square().sum(), w, tmp_path) is None
