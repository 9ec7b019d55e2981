"""Losses of the engine: shapes, ranges, and what feeds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs

from .engine_runs import only, recorded

RNG = np.random.default_rng(19)
X, Y = RNG.normal(size=(16, 4)), RNG.normal(size=(16, 1))
LABELS = RNG.integers(0, 3, size=16)

CASES: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "by hand": (
        lambda w: np.mean((X @ w[:, :1] - Y) ** 2),
        {"op": "squared_error", "fed_by": "matmul", "target_shape": [16, 1]},
    ),
    "the other way round": (
        lambda w: np.mean(np.abs(Y - np.tanh(X @ w[:, :1]))),
        {"op": "absolute_error", "fed_by": "tanh", "low": -1.0, "high": 1.0},
    ),
    "broadcast": (
        lambda w: np.mean((X @ w[:, :1] - Y[:, 0]) ** 2),
        {"op": "squared_error", "prediction_shape": [16, 1], "target_shape": [16]},
    ),
    "an op": (
        lambda w: bs.squared_error(bs.sigmoid(X @ w[:, :1]), Y),
        {"op": "squared_error", "fed_by": "sigmoid", "low": 0.0, "high": 1.0},
    ),
    "softmax twice": (
        lambda w: bs.cross_entropy(bs.softmax(X @ w), labels=LABELS),
        {"op": "cross_entropy", "fed_by": "softmax", "target_shape": [16]},
    ),
    "past a reshape": (
        lambda w: bs.squared_error(np.maximum(X @ w[:, :1], 0).reshape(16), Y[:, 0]),
        {"op": "squared_error", "fed_by": "relu", "low": 0.0, "high": None},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_are_found(name: str, tmp_path: Path) -> None:
    loss, wanted = CASES[name]
    w = bs.tensor(RNG.normal(size=(4, 3)), name="w")
    recording = recorded(tmp_path, lambda: loss(w).backward())
    site = only(recording, "loss")
    found = {"op": site.op, **site.attributes}
    assert {key: found[key] for key in wanted} == wanted
    (probe,) = recording.probes(site)
    if site.op == "cross_entropy":
        assert probe["classes"] == 3
    else:
        assert probe["target_min"] == Y.min()
        assert probe["target_max"] == Y.max()
        assert probe["target_rms"] == pytest.approx(np.sqrt(np.mean(Y**2)))


def test_centring_inside_the_network_is_no_loss(tmp_path: Path) -> None:
    w, v = bs.tensor(RNG.normal(size=(4, 3))), bs.tensor(RNG.normal(size=(3, 1)))

    def train() -> None:
        h = (X @ w - RNG.normal(size=(16, 3))) ** 2
        bs.squared_error(h @ v, Y).backward()

    assert only(recorded(tmp_path, train), "loss").attributes["fed_by"] == "matmul"
