"""Training with `grad` and `value_and_grad` of arrays is seen as training with `.backward()` is."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backsight as bs
from backsight.engine import observers
from backsight.traces.recording import Recording

from .engine_runs import only, recorded

RNG = np.random.default_rng(17)
X, Y = RNG.normal(size=(32, 4)), 5 * RNG.normal(size=(32, 1))
START = {"w1": RNG.normal(size=(4, 6)), "b1": np.zeros(6), "w2": RNG.normal(size=(6, 1))}
STEPS, RATE = 12, 0.05


def loss_of(w1: Any, b1: Any, w2: Any) -> Any:
    error = np.clip(np.tanh(X @ w1 + b1) @ w2 - Y, -1, 1)
    return np.mean(error**2)


def by_function() -> dict[str, Any]:
    values = {name: value.copy() for name, value in START.items()}
    step = bs.value_and_grad(loss_of, argnums=(0, 1, 2))
    for _ in range(STEPS):
        _, gradients = step(*values.values())
        for name, gradient in zip(values, gradients, strict=True):
            values[name] -= RATE * gradient  # in place: the arrays are the script's own
    return values


def by_backward() -> dict[str, Any]:
    leaves = {name: bs.tensor(value, name=name) for name, value in START.items()}
    for _ in range(STEPS):
        for leaf in leaves.values():
            leaf.grad = None
        loss_of(**leaves).backward()
        for leaf in leaves.values():
            leaf.value -= RATE * leaf.grad
    return {name: leaf.value for name, leaf in leaves.items()}


def figures(recording: Recording) -> dict[Any, Any]:
    return {
        (site.kind, site.op, site.parameter): [
            (probe.step, dict(probe.figures)) for probe in recording.probes(site)
        ]
        for site in recording.sites
    }


def test_the_same_figures_as_with_backward(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "b").mkdir()
    one, other = recorded(tmp_path / "f", by_function), recorded(tmp_path / "b", by_backward)
    seen, expected = figures(one), figures(other)
    assert seen.keys() == expected.keys()
    assert {kind for kind, _, _ in seen} >= {"clamp", "activation", "parameter", "loss"}
    # There are no `.grad`s that could be kept, and
    last = STEPS  # nobody sees the update after the last call: there is no next one
    for key, probes in expected.items():
        if key[0] == "parameter":
            probes = [each for each in probes if each[0] != last]
            assert seen[key][-1][0] == last
            seen[key] = seen[key][:-1]
        assert [step for step, _ in seen[key]] == [step for step, _ in probes]
        for (_, mine), (_, theirs) in zip(seen[key], probes, strict=True):
            theirs = {name: each for name, each in theirs.items() if name != "kept"}
            assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    assert [s.loss for s in one.steps] == pytest.approx([s.loss for s in other.steps])
    assert [s.gradient_norm for s in one.steps] == pytest.approx(
        [s.gradient_norm for s in other.steps]
    )
    assert [s.learning_rate for s in one.steps[:-1]] == pytest.approx([RATE] * (STEPS - 1))


def test_results_are_those_of_an_unwatched_run(tmp_path: Path) -> None:
    bare, watched = by_function(), {}
    recorded(tmp_path, lambda: watched.update(by_function()))
    for name, value in bare.items():
        np.testing.assert_array_equal(watched[name], value)
    assert observers.of_functions == []


def test_arguments_in_containers_have_the_names_of_their_places(tmp_path: Path) -> None:
    params = {"layers": [{"w": START["w1"], "b": START["b1"]}], "out": START["w2"]}

    def loss(params: Any, x: Any) -> Any:
        (layer,) = params["layers"]
        return np.mean((np.tanh(x @ layer["w"] + layer["b"]) @ params["out"] - Y) ** 2)

    def train() -> None:
        for _ in range(5):
            bs.grad(loss)(params, X)
            gc.collect()

    recording = recorded(tmp_path, train)
    names = {site.parameter for site in recording.of_kind("parameter")}
    assert names == {"params['layers'][0]['w']", "params['layers'][0]['b']", "params['out']"}
    for site in recording.of_kind("parameter"):
        assert len(recording.probes(site)) == 5
        assert all(probe["unchanged"] == 1.0 for probe in recording.probes(site)[:-1])


def hvp() -> Any:
    return bs.hvp(lambda w: np.sum(np.tanh(w) ** 2), START["w1"], np.ones((4, 6)))


def second() -> Any:
    return bs.jacobian(bs.grad(lambda w: np.sum(w**3)))(START["b1"])


@pytest.mark.parametrize(
    "derive",
    [
        hvp,
        second,
        lambda: bs.hessian(lambda w: np.sum(w**3))(START["b1"]),
        lambda: bs.jacobian(lambda w: np.tanh(w))(START["b1"]),
        lambda: bs.jvp(lambda w: np.tanh(w), (START["b1"],), (START["b1"],)),
        lambda: bs.vjp(lambda w: np.tanh(w), START["b1"])[1](START["b1"]),
        lambda: [bs.grad(lambda x: np.sin(x))(v) for v in np.linspace(0, 1, 5)],
    ],
    ids=["hvp", "second", "hessian", "jacobian", "jvp", "vjp", "of one number"],
)
def test_what_is_no_training_is_no_step(derive: Callable[[], Any], tmp_path: Path) -> None:
    recording = recorded(tmp_path, lambda: (by_function(), derive()))
    assert recording.meta["steps"] == STEPS


def test_an_inner_derivative_is_part_of_the_loss(tmp_path: Path) -> None:
    def penalised(w: Any) -> Any:
        slope = bs.grad(lambda x: np.sum(np.tanh(x @ w)))(X)
        return np.mean((X @ w - Y) ** 2) + 0.1 * np.sum(slope**2)

    def train() -> None:
        w = START["w1"][:, :1]
        for _ in range(4):
            w = w - 0.01 * bs.grad(penalised)(w)

    recording = recorded(tmp_path, train)
    assert recording.meta["steps"] == 4
    assert only(recording, "parameter").parameter == "w"


def test_a_tensor_that_the_function_only_uses_is_not_accused(tmp_path: Path) -> None:
    head = bs.tensor(START["w2"], name="head")

    def train() -> None:
        w = START["w1"].copy()
        for _ in range(6):
            w -= 0.01 * bs.grad(lambda w: np.mean((np.tanh(X @ w) @ head - Y) ** 2))(w)

    recording = recorded(tmp_path, train)
    assert only(recording, "parameter").parameter == "w"
    assert head.grad is None


def test_a_walk_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    @bs.op
    def breaks_in_backward(x: Any) -> Any:
        return x * 1.0

    @breaks_in_backward.backward
    def breaks_in_backward_pull(dout: Any) -> Any:
        return np.linalg.inv(np.zeros((2, 2)) + 0 * np.sum(dout))

    def train() -> None:
        for _ in range(3):
            with pytest.raises(Exception, match="Singular"):
                bs.grad(lambda w: np.sum(breaks_in_backward(w)))(START["b1"])
        by_function()

    assert recorded(tmp_path, train).meta["probed"] == STEPS
