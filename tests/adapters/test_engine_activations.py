"""Activations of the engine, against counts that plain NumPy makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn

from .engine_runs import only, recorded

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(64, 4)), RNG.normal(size=(64, 1))


def network(hidden: Any, width: int = 20) -> Any:
    w1 = bs.tensor(RNG.normal(size=(4, width)), name="w1")
    b1 = bs.tensor(np.where(np.arange(width) < 6, -100.0, 0.0), name="b1")
    w2 = bs.tensor(RNG.normal(size=(width, 1)), name="w2")

    def train(steps: int = 5) -> None:
        for _ in range(steps):
            loss = np.mean((hidden(X @ w1 + b1) @ w2 - Y) ** 2)
            for w in (w1, b1, w2):
                w.grad = None
            loss.backward()
            for w in (w1, b1, w2):
                w.value -= 1e-3 * w.grad

    return train, w1, b1


@pytest.mark.parametrize(
    "relu",
    [bs.relu, lambda z: np.maximum(z, 0), lambda z: np.maximum(0.0, z),
     lambda z: np.where(z > 0, z, 0.0)],
)  # fmt: skip
def test_every_way_to_write_a_relu_has_its_dead_units_counted(relu: Any, tmp_path: Path) -> None:
    train, w1, b1 = network(relu)
    before = X @ w1.value + b1.value
    recording = recorded(tmp_path, train)
    site = only(recording, "activation")
    assert (site.op, site.side, site.attributes["units"]) == ("relu", "hidden", 20)
    assert not site.attributes["last"]
    first = recording.probes(site)[0]
    assert first["samples"] == 64
    assert first["flat"] == np.count_nonzero(before <= 0)
    (window, last) = recording.units(site)
    assert (window.first, window.last, window.samples) == (1, 4, 256)
    assert (last.first, last.last, last.samples) == (5, 5, 64)
    assert np.flatnonzero(window.active == 0).tolist() == [0, 1, 2, 3, 4, 5]
    assert len(recording.probes(site)) == 5


def test_the_share_of_saturated_elements_is_numpys(tmp_path: Path) -> None:
    train, w1, b1 = network(lambda z: 1 / (1 + np.exp(-z)))
    z = X @ w1.value + b1.value
    with np.errstate(over="ignore"):
        s = 1 / (1 + np.exp(-z))
        recording = recorded(tmp_path, train)
    site = only(recording, "activation")
    assert site.op == "sigmoid"
    probe = recording.probes(site)[0]
    assert probe["saturated"] == np.count_nonzero(s * (1 - s) < 0.05 * 0.25)
    assert probe["elements"] == s.size
    assert probe["mean"] == pytest.approx(s.mean())
    assert probe["std"] == pytest.approx(s.std())


@pytest.mark.parametrize(
    "op",
    ["sigmoid", "elu", "selu", "gelu", "silu", "softplus", "hard_sigmoid", "relu6", "leaky_relu",
     "softmax", "log_softmax", "log_sigmoid"],
)  # fmt: skip
def test_all_activations_are_sites(op: str, tmp_path: Path) -> None:
    train, *_ = network(getattr(bs, op))
    recording = recorded(tmp_path, train)
    site = only(recording, "activation", op=op)
    assert recording.probes(site)[0]["elements"] > 0
    assert bool(recording.units(site)) == (op not in ("softmax", "log_softmax"))


def test_the_last_activation_is_on_the_loss_side(tmp_path: Path) -> None:
    w = bs.tensor(RNG.normal(size=(4, 1)))

    def train() -> None:
        p = bs.sigmoid(X @ w)
        bs.bce(p, (Y > 0).astype(float)).backward()

    site = only(recorded(tmp_path, train), "activation")
    assert site.attributes["last"]
    assert site.side == "loss"
    assert site.attributes["consumers"] == ["bce"]


def test_a_gate_is_told_from_an_activation(tmp_path: Path) -> None:
    w, u, v = (bs.tensor(RNG.normal(size=shape)) for shape in ((4, 8), (4, 8), (8, 1)))

    def train() -> None:
        h = bs.sigmoid(X @ w) * np.tanh(X @ u)
        np.mean((h @ v - Y) ** 2).backward()

    recording = recorded(tmp_path, train)
    assert only(recording, "activation", op="sigmoid").attributes["gate"]
    assert not only(recording, "activation", op="tanh").attributes["gate"]


def test_layers_that_share_an_expression_are_sites_of_their_own(tmp_path: Path) -> None:
    ws = [bs.tensor(RNG.normal(size=(n, m))) for n, m in ((4, 8), (8, 8), (8, 5), (5, 1))]

    def relu(z: Any) -> Any:
        return np.maximum(z, 0)

    def train() -> None:
        h = X
        for w in ws:
            h = relu(h @ w)
        np.mean(h).backward()

    def several() -> None:
        for _ in range(3):
            train()

    recording = recorded(tmp_path, several)
    sites = list(recording.of_kind("activation"))
    assert [site.attributes["units"] for site in sites] == [8, 8, 5, 1]
    assert [site.ordinal for site in sites] == [0, 1, 2, 3]
    assert all(len(recording.probes(site)) == 3 for site in sites)


def test_channels_are_units_and_columns_are_where_the_weight_stands_left(tmp_path: Path) -> None:
    images = RNG.normal(size=(5, 2, 6, 6))
    kernel = bs.tensor(RNG.normal(size=(3, 2, 3, 3)))
    left = bs.tensor(RNG.normal(size=(7, 4)))

    def train() -> None:
        loss = np.mean(bs.relu(bs.conv2d(images, kernel))) + np.mean(np.tanh(left @ X.T))
        loss.backward()

    recording = recorded(tmp_path, train)
    conv = only(recording, "activation", op="relu")
    assert conv.attributes["units"] == 3
    assert recording.probes(conv)[0]["samples"] == 5
    columns = only(recording, "activation", op="tanh")
    assert columns.attributes["units"] == 7
    assert recording.probes(columns)[0]["samples"] == 64


def test_a_loop_through_time_is_pooled(tmp_path: Path) -> None:
    w, u, v = (bs.tensor(RNG.normal(size=shape) * 0.3) for shape in ((4, 8), (8, 8), (8, 1)))

    def train() -> None:
        h = np.zeros((64, 8))
        for _ in range(10):
            h = np.tanh(X @ w + h @ u)
        np.mean((h @ v - Y) ** 2).backward()

    recording = recorded(tmp_path, train)
    site = only(recording, "activation")
    # All of the last eight steps, then every fourth: 12 is beyond the ten there are.
    assert recording.probes(site)[0]["samples"] == 8 * 64
    assert recording.units(site)[0].samples == 8 * 64


def test_layers_of_nn_carry_their_path(tmp_path: Path) -> None:
    class Net:
        def __init__(self) -> None:
            self.first, self.second = nn.Linear(4, 8, RNG), nn.Linear(8, 1, RNG)

    net = Net()

    def train() -> None:
        opt = nn.optim.SGD(net, lr=0.1)
        np.mean(net.second(bs.relu(net.first(X.astype(np.float32)))) ** 2).backward()
        opt.step()

    recording = recorded(tmp_path, train)
    site = only(recording, "activation")
    assert site.module == "first"
    assert {s.parameter for s in recording.of_kind("parameter")} >= {"first.w", "second.w"}
