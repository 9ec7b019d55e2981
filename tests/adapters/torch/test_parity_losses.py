"""The same network on the same data, in the engine and in PyTorch: what is seen is the same.

Compared are the figures of losses, inputs, clamps and steps, the counts of units, and the findings.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import backsight as bs
from backsight.diagnosis import diagnose
from backsight.traces.recording import Recording, Site, load_recording

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:Using a target size:UserWarning"),
]
F = torch.nn.functional

RNG = np.random.default_rng(17)
X = RNG.normal(size=(96, 6))
SIGNED, ROW = X[:, :1] - X[:, 1:2], X[:, 0] - X[:, 1]
LABELS = X[:, :4].argmax(axis=1)
ONE_HOT = np.eye(4)[LABELS]
WIDE, NARROW = RNG.normal(size=(6, 12)) * 0.4, RNG.normal(size=(12, 4)) * 0.4
BIAS = np.linspace(0.0, 6.0, 12)
t = torch.from_numpy


class Pair(NamedTuple):
    """One network twice: the loss from its parameters, and the codes that must be found."""

    engine: Callable[[list[Any]], Any]
    torch: Callable[[list[Any]], Any]
    start: list[Any]
    codes: set[str]


PAIRS: dict[str, Pair] = {
    "a classifier": Pair(
        lambda p: bs.cross_entropy(np.tanh(X @ p[0]) @ p[1], labels=LABELS),
        lambda p: F.cross_entropy(torch.tanh(t(X) @ p[0]) @ p[1], t(LABELS)),
        [WIDE, NARROW],
        set(),
    ),
    "softmax twice": Pair(
        lambda p: bs.cross_entropy(bs.softmax(np.tanh(X @ p[0]) @ p[1]), labels=LABELS),
        lambda p: F.cross_entropy(F.softmax(torch.tanh(t(X) @ p[0]) @ p[1], 1), t(LABELS)),
        [WIDE, NARROW],
        {"BS307"},
    ),
    "a regression by hand": Pair(
        lambda p: np.mean((np.tanh(X @ p[0]) @ p[1][:, :1] - SIGNED) ** 2),
        lambda p: ((torch.tanh(t(X) @ p[0]) @ p[1][:, :1] - t(SIGNED)) ** 2).mean(),
        [WIDE, NARROW],
        set(),
    ),
    "stretched targets": Pair(
        lambda p: bs.squared_error(np.tanh(X @ p[0]) @ p[1][:, :1], ROW),
        lambda p: F.mse_loss(torch.tanh(t(X) @ p[0]) @ p[1][:, :1], t(ROW)),
        [WIDE, NARROW],
        {"BS308"},
    ),
    "stretched by hand": Pair(
        lambda p: np.mean(np.abs(ROW - X @ p[0][:, :1])),
        lambda p: (t(ROW) - t(X) @ p[0][:, :1]).abs().mean(),
        [WIDE],
        {"BS308"},
    ),
    "a sigmoid for signed targets": Pair(
        lambda p: np.mean((bs.sigmoid(np.tanh(X @ p[0]) @ p[1][:, :1]) - SIGNED) ** 2),
        lambda p: ((torch.sigmoid(torch.tanh(t(X) @ p[0]) @ p[1][:, :1]) - t(SIGNED)) ** 2).mean(),
        [WIDE, NARROW],
        {"BS309"},
    ),
    "binary targets": Pair(
        lambda p: bs.bce(bs.sigmoid(X @ p[0][:, :4]), ONE_HOT),
        lambda p: F.binary_cross_entropy(torch.sigmoid(t(X) @ p[0][:, :4]), t(ONE_HOT)),
        [WIDE],
        set(),
    ),
    "a likelihood": Pair(
        lambda p: bs.nll_loss(bs.log_softmax(X @ p[0][:, :4]), labels=LABELS),
        lambda p: F.nll_loss(F.log_softmax(t(X) @ p[0][:, :4], 1), t(LABELS)),
        [WIDE],
        set(),
    ),
    "a huber loss": Pair(
        lambda p: bs.huber_loss(X @ p[0][:, :1], SIGNED),
        lambda p: F.huber_loss(t(X) @ p[0][:, :1], t(SIGNED)),
        [WIDE],
        set(),
    ),
    "a large start": Pair(
        lambda p: bs.cross_entropy(30 * (X @ p[0][:, :4]), labels=LABELS),
        lambda p: F.cross_entropy(30 * (t(X) @ p[0][:, :4]), t(LABELS)),
        [WIDE],
        {"BS503"},
    ),
    "clipped errors": Pair(
        lambda p: np.mean(np.clip(X @ p[0][:, :1] - 9 * SIGNED, -1.0, 1.0) ** 2),
        lambda p: (torch.clamp(t(X) @ p[0][:, :1] - t(9 * SIGNED), -1.0, 1.0) ** 2).mean(),
        [WIDE],
        {"BS301"},
    ),
    "clipped features": Pair(
        lambda p: np.mean((np.clip(X @ p[0] + p[2], -1.0, 1.0) @ p[1][:, :1] - SIGNED) ** 2),
        lambda p: (
            (torch.clamp(t(X) @ p[0] + p[2], -1.0, 1.0) @ p[1][:, :1] - t(SIGNED)) ** 2
        ).mean(),
        [WIDE, NARROW, BIAS],
        {"BS302"},
    ),
    "rounded features": Pair(
        lambda p: np.mean((np.round(2 * np.tanh(X @ p[0])) @ p[1][:, :1] - SIGNED) ** 2),
        lambda p: (
            (torch.round(2 * torch.tanh(t(X) @ p[0])) @ p[1][:, :1] - t(SIGNED)) ** 2
        ).mean(),
        [WIDE, NARROW],
        {"BS303"},
    ),
    "a sure and wrong output": Pair(
        lambda p: np.mean((bs.sigmoid(60 * (X @ p[0][:, :1])) - bs.sigmoid(SIGNED)) ** 2),
        lambda p: (
            (torch.sigmoid(60 * (t(X) @ p[0][:, :1])) - torch.sigmoid(t(SIGNED))) ** 2
        ).mean(),
        [WIDE],
        {"BS205"},
    ),
}
NOT_SAID_BY_BOTH = {"shape", "consumers", "fed_by", "distance", "weight", "inside"}


def run_engine(pair: Pair, file: Path, steps: int, rate: float) -> Recording:
    leaves = [bs.tensor(start, name=f"p{i}") for i, start in enumerate(pair.start)]
    with bs.watch(file, every_step=True):
        for _ in range(steps):
            loss = pair.engine(leaves)
            for p in leaves:
                p.grad = None
            loss.backward()
            for p in leaves:
                p.value -= rate * p.grad
    return load_recording(file)


def run_torch(pair: Pair, file: Path, steps: int, rate: float) -> Recording:
    leaves = [t(start.copy()).requires_grad_() for start in pair.start]
    with bs.watch(file, every_step=True):
        for _ in range(steps):
            loss = pair.torch(leaves)
            for p in leaves:
                p.grad = None
            loss.backward()
            with torch.no_grad():
                for p in leaves:
                    p -= rate * p.grad
    return load_recording(file)


@pytest.fixture(params=PAIRS, scope="module")
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Pair, Recording, Recording]:
    pair, steps, rate = PAIRS[request.param], 30, 0.01
    folder = tmp_path_factory.mktemp("parity")
    return (
        pair,
        run_engine(pair, folder / "engine.bsr", steps, rate),
        run_torch(pair, folder / "torch.bsr", steps, rate),
    )


def sites(recording: Recording, kind: str) -> list[Site]:
    return sorted(recording.of_kind(kind), key=lambda site: (site.op, site.id))


def test_what_is_seen_is_the_same(both: tuple[Pair, Recording, Recording]) -> None:
    _, ours, theirs = both
    for kind in ("loss", "clamp", "input", "flat"):
        pairs = list(zip(sites(ours, kind), sites(theirs, kind), strict=True))
        for one, other in pairs:
            if kind in ("loss", "flat"):
                assert one.op == other.op
            said = set(one.attributes) - NOT_SAID_BY_BOTH
            assert {key: one.attributes[key] for key in said if key != "parameters"} == {
                key: other.attributes[key] for key in said if key != "parameters"
            }
            assert one.side == other.side
            if kind == "loss" and one.attributes["low"] is not None:
                assert one.attributes["fed_by"] == other.attributes["fed_by"]
            probes = list(zip(ours.probes(one), theirs.probes(other), strict=True))
            assert len(probes) == 30
            for mine, their in probes:
                shared = mine.figures.keys() & their.figures.keys()
                assert {name: mine[name] for name in shared} == pytest.approx(
                    {name: their[name] for name in shared}, rel=1e-6, abs=1e-9
                )
                assert mine.figures.keys() ^ their.figures.keys() <= unknown_to_torch(one)
            for window, same in zip(ours.units(one), theirs.units(other), strict=True):
                assert window.samples == same.samples
                assert window.active.tolist() == same.active.tolist()


def unknown_to_torch(site: Site) -> set[str]:
    """A difference that stretches is kept by no node, nor is what a matrix product gave."""
    stretched = site.attributes.get("prediction_shape") != site.attributes.get("target_shape")
    return (
        {"prediction_min", "prediction_max"} if site.op == "absolute_error" and stretched else set()
    )


def test_what_is_found_is_the_same(both: tuple[Pair, Recording, Recording]) -> None:
    pair, ours, theirs = both
    codes = [{finding.code for finding in diagnose(each).findings} for each in (ours, theirs)]
    assert codes[0] == codes[1]
    assert pair.codes <= codes[0]
    if not pair.codes:
        assert codes[0] == set()
