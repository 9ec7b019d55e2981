"""The birth of numbers that are not finite, at every place where they can be born."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn
from backsight.traces.recording import Event

from .engine_runs import recorded

RNG = np.random.default_rng(23)
X = RNG.normal(size=(8, 3))
W = np.ones((3, 1))


def birth(folder: Path, loss: Callable[[Any], Any], start: Any = W, **options: Any) -> Event:
    w = bs.tensor(start, name="w")

    def train() -> None:
        with np.errstate(all="ignore"):
            for _ in range(3):
                w.grad = None
                loss(w).backward()
                w.value -= 0.01 * w.grad

    (event,) = recorded(folder, train, **options).events_of("non-finite")
    return event


def log_of_nothing(w: Any) -> Any:
    p = np.maximum(X @ w, 0)
    return -np.mean(np.log(p * (np.arange(8) % 2).reshape(8, 1)))


def overflow(w: Any) -> Any:
    big = np.exp(X @ w * 1e4)
    return np.mean(big / np.sum(big))


def nothing_by_nothing(w: Any) -> Any:
    h = X @ w
    return np.mean((h * 0) / (h * 0))


@pytest.mark.parametrize(
    ("loss", "op", "expression"),
    [
        (log_of_nothing, "log", "np.log(p * (np.arange(8) % 2).reshape(8, 1))"),
        (overflow, "exp", "np.exp(X @ w * 1e4)"),
        (nothing_by_nothing, "divide", "(h * 0) / (h * 0)"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"steps": 0}])
def test_born_in_the_forward(
    loss: Any, op: str, expression: str, options: dict[str, Any], tmp_path: Path
) -> None:
    event = birth(tmp_path, loss, **options)
    assert (event.detail["phase"], event.detail["op"]) == ("forward", op)
    assert event.detail["step"] == 1
    assert event.where is not None
    assert event.where.expression == expression


def test_the_count_is_that_of_the_elements(tmp_path: Path) -> None:
    detail = birth(tmp_path, log_of_nothing).detail
    p = np.maximum(X @ W, 0) * (np.arange(8) % 2).reshape(8, 1)
    assert detail["count"] == detail["inf"] == np.count_nonzero(p == 0)
    assert (detail["size"], detail["nan"]) == (8, 0)


def root_of_nothing(w: Any) -> Any:
    return np.mean(np.sqrt((X @ w * 0) ** 2))


def masked_division(w: Any) -> Any:
    h = X @ w
    mask = h.value > 0
    return np.mean(np.where(mask, h, 0.0) + np.where(mask, 0.0, (h * 0) / (h * 0)) * 0)


def test_born_in_the_backward(tmp_path: Path) -> None:
    event = birth(tmp_path, root_of_nothing)
    assert (event.detail["phase"], event.detail["op"]) == ("backward", "sqrt")
    assert event.where is not None
    assert event.where.expression == "np.sqrt((X @ w * 0) ** 2)"


def raw_sigmoid(w: Any) -> Any:
    z = (X * 400).astype(np.float32) @ w
    return np.mean(1 / (1 + np.exp(-z)))


def test_the_raw_sigmoid_far_out(tmp_path: Path) -> None:
    event = birth(tmp_path, raw_sigmoid, W.astype(np.float32))
    assert (event.detail["phase"], event.detail["op"]) == ("backward", "exp")
    assert event.where is not None
    assert event.where.expression == "np.exp(-z)"


def test_leaves_are_named(tmp_path: Path) -> None:
    data = X.copy()
    data[3, 1] = np.nan
    detail = birth(tmp_path, lambda w: np.mean((data @ w) ** 2)).detail
    assert (detail["phase"], detail["kind"], detail["columns"]) == ("leaf", "input", [1])
    assert (detail["count"], detail["nan"], detail["size"]) == (1, 1, 24)
    start = W.copy()
    start[0] = np.inf
    detail = birth(tmp_path, lambda w: np.mean((X @ w) ** 2), start).detail
    assert (detail["phase"], detail["kind"], detail["name"]) == ("leaf", "parameter", "w")


def test_a_mask_of_minus_infinity_is_no_fault(tmp_path: Path) -> None:
    mask = np.where(np.tri(8) > 0, 0.0, -np.inf)
    w = bs.tensor(RNG.normal(size=(3, 8)), name="w")

    def train() -> None:
        np.mean(bs.softmax(X @ w + mask) ** 2).backward()

    assert not list(recorded(tmp_path, train).events_of("non-finite"))

    def all_masked() -> None:
        with np.errstate(all="ignore"):
            np.mean(bs.softmax(X @ w + np.full((8, 8), -np.inf)) ** 2).backward()

    (event,) = recorded(tmp_path, all_masked).events_of("non-finite")
    assert (event.detail["phase"], event.detail["op"]) == ("forward", "softmax")


def test_a_healthy_run_has_no_such_event(tmp_path: Path) -> None:
    w = bs.tensor(W, name="w")

    def train() -> None:
        opt = nn.optim.Adam([w], lr=0.1)
        for _ in range(5):
            opt.zero_grad()
            np.mean((X @ w) ** 2).backward()
            opt.step()

    assert not list(recorded(tmp_path, train).events_of("non-finite"))
