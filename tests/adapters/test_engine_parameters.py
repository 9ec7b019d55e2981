"""Parameters of the engine: real updates, by optimisers and by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight import nn

from .engine_runs import only, recorded

RNG = np.random.default_rng(13)
X, Y = RNG.normal(size=(32, 4)), RNG.normal(size=(32, 1))


def two_layers() -> tuple[Any, Any, Any]:
    w1 = bs.tensor(RNG.normal(size=(4, 6)), name="w1")
    b1 = bs.tensor(np.zeros(6), name="b1")
    w2 = bs.tensor(RNG.normal(size=(6, 1)), name="w2")
    return w1, b1, w2


def loss_of(w1: Any, b1: Any, w2: Any) -> Any:
    return np.mean((np.tanh(X @ w1 + b1) @ w2 - Y) ** 2)


@pytest.mark.parametrize("how", ["SGD", "Adam", "by hand", "recreated"])
def test_the_update_is_the_real_one(how: str, tmp_path: Path) -> None:
    leaves = list(two_layers())
    values: list[Any] = []

    def train() -> None:
        opt = getattr(nn.optim, how)(leaves, lr=0.05) if how in ("SGD", "Adam") else None
        for _ in range(6):
            values.append(leaves[0].value.copy())
            for leaf in leaves:
                leaf.grad = None
            loss_of(*leaves).backward()
            if opt is not None:
                opt.step()
            elif how == "by hand":
                for leaf in leaves:
                    leaf.value -= 0.05 * leaf.grad
            else:
                leaves[:] = [bs.tensor(t.value - 0.05 * t.grad, name=t.name) for t in leaves]
        values.append(leaves[0].value.copy())

    recording = recorded(tmp_path, train)
    site = only(recording, "parameter", parameter="w1")
    probes = recording.probes(site)
    assert [probe.step for probe in probes] == [1, 2, 3, 4, 5, 6]
    assert probes[2]["rms"] == pytest.approx(np.sqrt(np.mean(values[2] ** 2)))
    assert probes[2]["std"] == pytest.approx(np.std(values[2]))
    for i in range(5 if how == "recreated" else 6):
        assert probes[i]["update_std"] == pytest.approx(np.std(values[i + 1] - values[i]))
        assert probes[i]["unchanged"] == 0
    if how != "recreated":
        assert recording.steps[2].learning_rate == pytest.approx(0.05)
    assert site.attributes["weight"]
    assert not only(recording, "parameter", parameter="b1").attributes["weight"]
    distance = {s.parameter: s.attributes["distance"] for s in recording.of_kind("parameter")}
    assert distance["w1"] > distance["b1"] > distance["w2"]


def test_gradients_are_measured_as_they_are(tmp_path: Path) -> None:
    leaves = two_layers()
    recording = recorded(tmp_path, lambda: loss_of(*leaves).backward())
    for leaf in leaves:
        (probe,) = recording.probes(only(recording, "parameter", parameter=leaf.name))
        assert probe["gradient_rms"] == pytest.approx(np.sqrt(np.mean(leaf.grad**2)))
        assert "update_std" not in probe.figures


def test_a_parameter_without_gradient_and_one_that_is_forgotten(tmp_path: Path) -> None:
    w1, b1, w2 = two_layers()
    cut = bs.tensor(RNG.normal(size=(4, 4)), name="cut")

    def train() -> None:
        opt = nn.optim.SGD([w1, b1, cut], lr=0.1)
        for _ in range(4):
            opt.zero_grad()
            loss_of(w1, b1, w2).backward()
            opt.step()

    recording = recorded(tmp_path, train)
    probes = recording.probes(only(recording, "parameter", parameter="cut"))
    assert len(probes) == 4
    assert all("gradient_rms" not in probe.figures for probe in probes)
    assert all(probe["unchanged"] == 1 for probe in probes)
    forgotten = only(recording, "parameter", parameter="w2")
    assert forgotten.attributes["optimizer"] == ""
    probes = recording.probes(forgotten)
    assert [probe.figures.get("unchanged") for probe in probes] == [1, 1, 1, 1]
    assert all(probe["gradient_rms"] > 0 for probe in probes)
    (event,) = recording.events_of("optimizer")
    assert event.detail["op"] == "SGD"
    assert event.detail["learning_rate"] == 0.1
    assert event.detail["parameters"] == ["w1", "b1", "cut"]
    assert event.where is not None
    assert event.where.expression == "nn.optim.SGD([w1, b1, cut], lr=0.1)"


def test_accumulation_is_no_missing_update(tmp_path: Path) -> None:
    leaves = two_layers()

    def train() -> None:
        opt = nn.optim.SGD(leaves, lr=0.1)
        for step in range(8):
            loss_of(*leaves).backward()
            if step % 4 == 3:
                opt.step()
                opt.zero_grad()

    recording = recorded(tmp_path, train)
    probes = recording.probes(only(recording, "parameter", parameter="w1"))
    assert [probe.figures.get("unchanged") for probe in probes] == [None] * 3 + [0] + [None] * 3 + [
        0
    ]


def test_two_optimisers_are_kept_apart(tmp_path: Path) -> None:
    """As in a GAN: the second loss reaches the first one's parameters, which it does not update."""
    g, d = (
        bs.tensor(RNG.normal(size=(4, 4)), name="g"),
        bs.tensor(RNG.normal(size=(4, 1)), name="d"),
    )

    def train() -> None:
        for_d, for_g = nn.optim.SGD([d], lr=0.1), nn.optim.SGD([g], lr=0.1)
        for _ in range(4):
            for_d.zero_grad()
            np.mean(((X @ g).detach() @ d) ** 2).backward()
            for_d.step()
            for_g.zero_grad()
            np.mean((X @ g @ d - Y) ** 2).backward()
            for_g.step()

    recording = recorded(tmp_path, train)
    for name in "gd":
        probes = recording.probes(only(recording, "parameter", parameter=name))
        assert not any(probe.figures.get("unchanged") for probe in probes)
        assert sum("update_std" in probe.figures for probe in probes) == 4


def test_copies_among_units_are_seen(tmp_path: Path) -> None:
    w1 = bs.tensor(np.full((4, 6), 0.5), name="w1")
    w2 = bs.tensor(np.full((6, 1), 0.5), name="w2")
    recording = recorded(tmp_path, lambda: loss_of(w1, 0.0, w2).backward())
    (probe,) = recording.probes(only(recording, "parameter", parameter="w1"))
    assert (probe["rows_equal"], probe["gradient_rows_equal"]) == (1, 1)
    assert (
        "rows_equal"
        not in recording.probes(only(recording, "parameter", parameter="w2"))[0].figures
    )


def test_weights_before_a_normalisation_are_marked(tmp_path: Path) -> None:
    w1, b1, w2 = two_layers()
    gamma, beta = bs.tensor(np.ones(6), name="gamma"), bs.tensor(np.zeros(6), name="beta")

    def train() -> None:
        h = bs.layer_norm(X @ w1 + b1, gamma, beta)
        np.mean((h @ w2 - Y) ** 2).backward()

    recording = recorded(tmp_path, train)
    marked = {s.parameter for s in recording.of_kind("parameter") if s.attributes["normalised"]}
    assert marked == {"w1", "b1"}


def test_names_come_from_the_program(tmp_path: Path) -> None:
    weight = bs.tensor(RNG.normal(size=(4, 1)))
    others = [bs.tensor(RNG.normal(size=(1,)))]

    def train() -> None:
        mine = weight
        np.mean((X @ mine + others[0] - Y) ** 2).backward()

    recording = recorded(tmp_path, train)
    assert {site.parameter for site in recording.of_kind("parameter")} == {"mine", "others[0]"}

    def made_inside() -> None:
        w = bs.tensor(RNG.normal(size=(4, 1)))
        np.mean((X @ w) ** 2).backward()

    site = only(recorded(tmp_path, made_inside), "parameter")
    assert site.parameter == "w"
    assert site.where is not None
    assert site.where.expression == "bs.tensor(RNG.normal(size=(4, 1)))"
