"""The same network and data give the same figures and findings in the engine and in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from .parity import Both, Weights, claims, compare, recorded  # noqa: E402

F = torch.nn.functional

# Each in the two ways of writing it: Backsight's, PyTorch's, and what it is called in a recording.
ACTIVATIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], str]] = {
    "relu": (bs.relu, torch.relu, "relu"),
    "relu in place": (bs.relu, torch.relu_, "relu"),
    "maximum": (lambda x: np.maximum(x, 0), lambda x: torch.max(x, torch.zeros_like(x)), "relu"),
    "clip": (lambda x: np.clip(x, 0, None), lambda x: x.clamp(min=0), "relu"),
    "clamp_min": (lambda x: np.maximum(0, x), lambda x: x.clamp_min(0), "relu"),
    "clamp in place": (bs.relu, lambda x: x.clamp_(min=torch.zeros(())), "relu"),
    "relu6": (bs.relu6, F.relu6, "relu6"),
    "sigmoid": (bs.sigmoid, torch.sigmoid, "sigmoid"),
    "sigmoid by hand": (
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x: 1 / (1 + torch.exp(-x)),
        "sigmoid",
    ),
    "tanh": (np.tanh, torch.tanh, "tanh"),
    "gelu": (bs.gelu, F.gelu, "gelu"),
    "gelu by tanh": (
        lambda x: bs.gelu(x, approximate="tanh"),
        lambda x: F.gelu(x, approximate="tanh"),
        "gelu",
    ),
    "silu": (bs.silu, F.silu, "silu"),
    "elu": (bs.elu, F.elu, "elu"),
    "elu in place": (bs.elu, lambda x: F.elu(x, inplace=True), "elu"),
    "selu": (bs.selu, F.selu, "selu"),
    "selu in place": (bs.selu, lambda x: F.selu(x, inplace=True), "selu"),
    "leaky": (lambda x: bs.leaky_relu(x, slope=0.2), lambda x: F.leaky_relu(x, 0.2), "leaky_relu"),
    "leaky in place": (
        lambda x: bs.leaky_relu(x, slope=0.2),
        lambda x: F.leaky_relu_(x, 0.2),
        "leaky_relu",
    ),
    "softplus": (lambda x: bs.softplus(x, beta=3.0), lambda x: F.softplus(x, 3.0), "softplus"),
    "hard sigmoid": (bs.hard_sigmoid, F.hardsigmoid, "hard_sigmoid"),
    "log sigmoid": (bs.log_sigmoid, F.logsigmoid, "log_sigmoid"),
}


def data(seed: int = 0, rows: int = 64) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, 8)), rng.normal(size=(rows, 3))


def layers(*, scale: float = 1.0, bias: float = 0.0, hidden: int = 16, seed: int = 1) -> Weights:
    """Make the weights of a network of two hidden layers."""
    rng = np.random.default_rng(seed)
    return {
        "a": scale * rng.normal(size=(8, hidden)) / np.sqrt(8),
        "ab": np.where(np.arange(hidden) < hidden // 2, bias, 0.0),
        "b": scale * rng.normal(size=(hidden, hidden)) / np.sqrt(hidden),
        "bb": np.zeros(hidden),
        "c": rng.normal(size=(hidden, 3)) / np.sqrt(hidden),
        "cb": np.zeros(3),
    }


def perceptron(folder: Path, kind: str, weights: Weights, **options: Any) -> Both:
    """Train two hidden layers with one kind of activation."""
    ours, theirs, _ = ACTIVATIONS[kind]
    x, y = data()
    xt, yt = torch.tensor(x), torch.tensor(y)

    def engine(w: Any) -> Any:
        h = ours(bs.linear(x, w["a"], w["ab"]))
        h = ours(bs.linear(h, w["b"], w["bb"]))
        return np.mean((bs.linear(h, w["c"], w["cb"]) - y) ** 2)

    def pytorch(w: Any) -> Any:
        h = theirs(F.linear(xt, w["a"].T, w["ab"]))
        h = theirs(F.linear(h, w["b"].t(), w["bb"]))
        return ((F.linear(h, w["c"].mT, w["cb"]) - yt) ** 2).mean()

    return recorded(folder, weights, engine, pytorch, **options)


PARAMETER = ("shape", "units", "weight", "normalised", "optimizer")
ACTIVATION = ("units", "last", "gate")


def same(both: Both, activations: int, parameters: int, clamps: int = 0) -> None:
    """Assert that everything that is measured in both sources agrees, and is there."""
    assert compare(both, "activation", attributes=ACTIVATION) == activations
    assert compare(both, "parameter", attributes=PARAMETER) == parameters
    assert compare(both, "clamp", attributes=("low", "high")) == clamps
    norms = [[step.gradient_norm for step in each.steps] for each in both]
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_are_measured_alike(kind: str, tmp_path: Path) -> None:
    both = perceptron(tmp_path, kind, layers(), steps=12)
    same(both, activations=2, parameters=6)
    assert {site.op for r in both for site in r.of_kind("activation")} == {ACTIVATIONS[kind][2]}


@pytest.mark.parametrize(
    ("kind", "weights", "expected"),
    [
        ("relu", layers(), set()),
        ("relu", layers(bias=-30.0, hidden=20), {"BS201"}),
        ("clip", layers(bias=-30.0, hidden=20), {"BS201"}),
        ("sigmoid", layers(scale=30.0), {"BS205"}),
        ("sigmoid by hand", layers(scale=30.0), {"BS205"}),
        ("tanh", layers(scale=30.0), {"BS205"}),
        ("tanh", {**layers(), "a": np.full((8, 16), 0.1), "b": np.full((16, 16), 0.1),
                  "c": np.full((16, 3), 0.1)}, {"BS207"}),
    ],
    ids=["healthy", "dead", "dead-clip", "saturated", "by-hand", "tanh", "constant"],
)  # fmt: skip
def test_findings_are_the_same(
    kind: str, weights: Weights, expected: set[str], tmp_path: Path
) -> None:
    both = perceptron(tmp_path, kind, weights, steps=60)
    same(both, activations=2, parameters=6)
    engine, pytorch = (claims(recording) for recording in both)
    assert engine == pytorch
    assert expected <= {code for code, *_ in engine}
    if not expected:
        assert engine == []


@pytest.mark.parametrize(("scale", "expected"), [(1.2, None), (0.15, "BS206")])
def test_a_deep_network(scale: float, expected: str | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    x, y = data()
    xt, yt = torch.tensor(x), torch.tensor(y)
    weights = {f"w{i}": scale * rng.normal(size=(8, 8)) / np.sqrt(8) for i in range(6)}
    weights |= {"v": rng.normal(size=(8, 3)) / np.sqrt(8)}

    def engine(w: Any) -> Any:
        h = x
        for i in range(6):
            h = np.tanh(h @ w[f"w{i}"])
        return np.mean((h @ w["v"] - y) ** 2)

    def pytorch(w: Any) -> Any:
        h = xt
        for i in range(6):
            h = torch.tanh(h @ w[f"w{i}"])
        return ((h @ w["v"] - yt) ** 2).mean()

    both = recorded(tmp_path, weights, engine, pytorch)
    same(both, activations=6, parameters=7)
    engine_claims, torch_claims = (claims(recording) for recording in both)
    assert engine_claims == torch_claims
    assert {code for code, *_ in engine_claims} >= ({expected} if expected else set())
    assert expected or not engine_claims


def test_a_convolution_with_pooling(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x, labels = rng.normal(size=(16, 2, 8, 8)), rng.integers(0, 3, 16)
    xt, lt = torch.tensor(x), torch.tensor(labels)
    weights = {
        "k": rng.normal(size=(6, 2, 3, 3)) / 4,
        "kb": np.array([0, 0, 0, 0, 0, -50.0]),
        "c": rng.normal(size=(54, 3)) / 7,
        "cb": np.zeros(3),
    }

    def engine(w: Any) -> Any:
        h = bs.max_pool2d(bs.relu(bs.conv2d(x, w["k"], w["kb"])), size=2)
        return bs.cross_entropy(bs.linear(h.reshape(16, 54), w["c"], w["cb"]), labels=labels)

    def pytorch(w: Any) -> Any:
        h = F.max_pool2d(torch.relu(F.conv2d(xt, w["k"], w["kb"])), 2)
        return F.cross_entropy(F.linear(h.flatten(1), w["c"].T, w["cb"]), lt)

    both = recorded(tmp_path, weights, engine, pytorch, steps=40)
    hidden = {"relu"}
    for recording in both:  # the loss is one op here and two there
        assert {s.op for s in recording.of_kind("activation") if s.side == "hidden"} == hidden
    assert compare(both, "parameter", attributes=PARAMETER) == 4
    relus = [next(s for s in r.of_kind("activation") if s.op == "relu") for r in both]
    counts = [r.units(site)[-1] for r, site in zip(both, relus, strict=True)]
    assert [c.samples for c in counts] == [counts[0].samples] * 2
    np.testing.assert_array_equal(counts[0].active, counts[1].active)
    assert [int((c.active == 0).sum()) for c in counts] == [1, 1]
    probes = [r.probes(site)[-1].figures for r, site in zip(both, relus, strict=True)]
    assert probes[0] == pytest.approx(probes[1], rel=1e-5)


@pytest.mark.parametrize("kind", ["layer", "batch"])
def test_normalised_layers(kind: str, tmp_path: Path) -> None:
    x, y = data()
    xt, yt = torch.tensor(x), torch.tensor(y)
    weights = {**layers(), "g": np.ones(16), "h": np.zeros(16)}

    def engine(w: Any) -> Any:
        norm = bs.layer_norm if kind == "layer" else bs.batch_norm
        h = np.tanh(norm(x @ w["a"] + w["ab"], w["g"], w["h"]))
        return np.mean((bs.relu(h @ w["b"] + w["bb"]) @ w["c"] + w["cb"] - y) ** 2)

    def pytorch(w: Any) -> Any:
        h = xt @ w["a"] + w["ab"]
        if kind == "layer":
            h = F.layer_norm(h, (16,), w["g"], w["h"])
        else:
            h = F.batch_norm(h, None, None, w["g"], w["h"], training=True)
        return ((torch.relu(torch.tanh(h) @ w["b"] + w["bb"]) @ w["c"] + w["cb"] - yt) ** 2).mean()

    both = recorded(tmp_path, weights, engine, pytorch)
    same(both, activations=2, parameters=8)
    normalised = {s.parameter for s in both.engine.of_kind("parameter") if
                  s.attributes["normalised"]}  # fmt: skip
    assert normalised == {"a", "ab"}
    assert claims(both.engine) == claims(both.torch)


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_attention_over_an_embedding(scale: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    words, y = rng.integers(0, 9, (12, 5)), rng.normal(size=(12, 5, 4))
    wt, yt = torch.tensor(words), torch.tensor(y)
    weights = {
        "e": rng.normal(size=(9, 6)),
        "q": scale * rng.normal(size=(6, 6)) / 3,
        "k": rng.normal(size=(6, 6)) / 3,
        "v": rng.normal(size=(6, 6)) / 3,
        "o": rng.normal(size=(6, 4)) / 3,
    }

    def engine(w: Any) -> Any:
        h = bs.embedding(w["e"], indices=words)
        scores = (h @ w["q"]) @ np.swapaxes(h @ w["k"], -1, -2) / np.sqrt(6)
        return np.mean((bs.softmax(scores) @ (h @ w["v"]) @ w["o"] - y) ** 2)

    def pytorch(w: Any) -> Any:
        h = F.embedding(wt, w["e"])
        scores = (h @ w["q"]) @ (h @ w["k"]).transpose(-1, -2) / np.sqrt(6)
        return ((torch.softmax(scores, -1) @ (h @ w["v"]) @ w["o"] - yt) ** 2).mean()

    both = recorded(tmp_path, weights, engine, pytorch)
    same(both, activations=1, parameters=5)
    found = [claims(recording) for recording in both]
    assert found[0] == found[1]
    assert ("BS205" in {code for code, *_ in found[0]}) == (scale > 1)


def test_a_loop_through_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(20, 8, 3)), rng.normal(size=(8, 1))
    xt, yt = torch.tensor(x), torch.tensor(y)
    weights = {
        "u": rng.normal(size=(3, 6)),
        "w": 0.9 * np.linalg.qr(rng.normal(size=(6, 6)))[0],
        "v": rng.normal(size=(6, 1)),
    }

    def engine(w: Any) -> Any:
        h = np.zeros((8, 6))
        for t in range(20):
            h = np.tanh(h @ w["w"] + x[t] @ w["u"])
        return np.mean((h @ w["v"] - y) ** 2)

    def pytorch(w: Any) -> Any:
        h = torch.zeros(8, 6).double()
        for t in range(20):
            h = torch.tanh(h @ w["w"] + xt[t] @ w["u"])
        return ((h @ w["v"] - yt) ** 2).mean()

    both = recorded(tmp_path, weights, engine, pytorch)
    assert compare(both, "parameter", attributes=PARAMETER) == 3
    pooled = [
        {
            name: sum(r.probes(site)[0][name] for site in r.of_kind("activation"))
            for name in ("samples", "elements", "saturated", "flat", "repeats")
        }
        for r in both
    ]
    assert pooled[0] == pooled[1]
    assert claims(both.engine) == claims(both.torch)


def test_columns_as_samples(tmp_path: Path) -> None:
    x, y = data()
    xt, yt = torch.tensor(x.T.copy()), torch.tensor(y.T.copy())
    weights = {"a": layers()["a"].T.copy(), "c": layers()["c"].T.copy()}
    both = recorded(
        tmp_path,
        weights,
        lambda w: np.mean((w["c"] @ bs.relu(w["a"] @ x.T) - y.T) ** 2),
        lambda w: ((w["c"] @ torch.relu(w["a"] @ xt) - yt) ** 2).mean(),
    )
    same(both, activations=1, parameters=2)
    (site,) = both.torch.of_kind("activation")
    assert site.attributes["units"] == 16


@pytest.mark.parametrize("bound", [0.5, 50.0])
def test_a_clipped_error(bound: float, tmp_path: Path) -> None:
    x, y = data()
    xt, yt = torch.tensor(x), torch.tensor(y)
    both = recorded(
        tmp_path,
        {"a": np.zeros((8, 3))},
        lambda w: np.mean(np.clip(x @ w["a"] - 5 * y, -bound, bound) ** 2),
        lambda w: ((xt @ w["a"] - 5 * yt).clamp(-bound, bound) ** 2).mean(),
    )
    assert compare(both, "parameter", attributes=PARAMETER) == 1
    (mine,), (theirs,) = (list(r.of_kind("clamp")) for r in both)
    for a, b in zip(both.engine.probes(mine), both.torch.probes(theirs), strict=True):
        assert dict(a.figures) == pytest.approx(dict(b.figures), rel=1e-6)
    found = [[(code, severity) for code, severity, *_ in claims(each)] for each in both]
    assert found[0] == found[1]
    assert ("BS301" in dict(found[0])) == (bound < 1)


def test_a_margin_is_no_layer(tmp_path: Path) -> None:
    x, _ = data(rows=200)
    label = np.sign(x[:, :1])
    far = np.abs(x[:, 0]) > 0.7
    x, label = x[far], label[far]
    xt, lt = torch.tensor(x), torch.tensor(label)
    both = recorded(
        tmp_path,
        {"a": np.full((8, 1), 0.01)},
        lambda w: np.mean(np.maximum(0, 1 - label * (x @ w["a"]))),
        lambda w: torch.relu(1 - lt * (xt @ w["a"])).mean(),
        steps=120,
        rate=0.9,
    )
    assert both.engine.steps[-1].loss == 0.0  # all solved: no sample is within the margin
    assert claims(both.engine) == claims(both.torch) == []
