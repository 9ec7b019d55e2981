"""Every rule on recordings made by hand: one that makes it fire, one that keeps it silent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from backsight.diagnosis import all_rules, find_rule
from backsight.traces.findings import Finding, Severity
from backsight.traces.recording import Recording, Site

from .recordings import (
    activation,
    by_hand,
    detached,
    divided,
    evaluating,
    gathering,
    loss_of,
    narrowed,
    optimizing,
    place_of,
    recording_of,
    rounding,
    run_of,
    shut_units,
    weight,
)  # fmt: skip

CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO


def found(code: str, recording: Recording, **thresholds: Any) -> tuple[Finding, ...]:
    rule = find_rule(code)
    assert rule is not None
    return rule(recording, **thresholds)


def layers(*rms: float, steps: int = 20, **attributes: Any) -> Recording:
    """Weights with these gradients, the first of them farthest from the loss."""
    sites = [weight(f"w{i}", len(rms) - i, **attributes) for i in range(len(rms))]
    return run_of(*((s, [{"gradient_rms": r}] * steps) for s, r in zip(sites, rms, strict=True)))


def saturated(*shares: float, op: str = "sigmoid", **changes: Any) -> Recording:
    figures = [{"elements": 100.0, "saturated": 100 * share} for share in shares]
    return run_of((activation(op, **changes), figures))


def units(*windows: Sequence[int], samples: int = 512, losses: Sequence[float] = ()) -> Recording:
    return run_of(units=[(activation("relu"), samples, windows)], losses=losses)


def beside_data() -> Recording:
    """A leaf that stays and one made anew at every step, both inputs: the optimiser has the net."""
    figures = [{"unchanged": 0.0, "gradient_rms": 0.1}] * 25
    still = [{"unchanged": 1.0, "gradient_rms": 0.1}] * 25
    inputs = weight("t0", 5, optimizer=""), weight("t", 4, optimizer="")
    return run_of((inputs[0], still), (inputs[1], figures), (weight("net.w", 1), figures))


def called_twice(here: Sequence[int], there: Sequence[int]) -> Recording:
    """A layer of one weight with a site at each of two calls."""
    one, other = (
        activation(
            "relu",
            where=place_of(f"net({name})"),
            attributes={"units": 10, "weight": "net.0.weight"},
        )
        for name in ("real", "fake")
    )
    return run_of(units=[(one, 512, [here] * 4), (other, 512, [there] * 4)])


def died_under_updates(size: float, *windows: Sequence[int]) -> Recording:
    """Units that die while the updates have this size against a weight of spread 1."""
    updates = (weight("w", 3), [{"std": 1.0, "update_std": size}] * 5)
    counted = windows or (ALIVE, ALIVE, DEAD, DEAD, DEAD)
    return run_of(updates, units=[(activation("relu"), 512, counted)])


def scales(*stds: float, op: str = "relu") -> Recording:
    return run_of(*((activation(op), [{"std": std}] * 3) for std in stds))


def rows(equal: float, gradient_equal: float, shape: Sequence[int] = (4, 8)) -> Recording:
    figures = {"rows_equal": equal, "gradient_rows_equal": gradient_equal, "gradient_rms": 0.1}
    return run_of((weight("w", 3, shape=list(shape)), [figures] * 5))


def without_gradient(steps: int, at: int = -1, **attributes: Any) -> Recording:
    figures = [{"rms": 1.0} | ({"gradient_rms": 0.1} if i == at else {}) for i in range(steps)]
    neighbour = (weight("v", 1), [{"rms": 1.0, "gradient_rms": 0.1}] * 30)
    return run_of((weight("w", 3, **attributes), figures), neighbour, length=30)


def unchanged(name: str, neighbour: str = "v", moved: float = 0.0) -> Recording:
    still = [{"unchanged": 1.0, "gradient_rms": 0.1}] * 25
    other = [{"unchanged": moved, "gradient_rms": 0.1}] * 25
    return run_of((weight(name, 3, optimizer=""), still), (weight(neighbour, 1), other))


def never_updated(rms: Sequence[float]) -> Recording:
    still = [{"rms": each, "std": each, "gradient_rms": 0.1} for each in rms]
    other = [{"unchanged": 0.0, "gradient_rms": 0.1}] * 25
    return run_of((weight("w", 3, optimizer=""), still), (weight("v", 1), other))


def losing(op: str, figures: dict[str, float] | None = None, **attributes: Any) -> Recording:
    return run_of((loss_of(op, **attributes), [figures or {"value": 1.0}] * 3))


def beginning(loss: float, op: str = "cross_entropy", **figures: float) -> Recording:
    return run_of((loss_of(op), [figures] * 3), losses=[loss] * 3)


def updated(ratio: float, losses: Sequence[float] = (), rates: Sequence[float] = ()) -> Recording:
    figures = [{"std": 1.0, "update_std": ratio, "gradient_rms": 0.1}] * max(len(losses), 80)
    return run_of((weight("w", 3), figures), losses=losses, rates=rates)


def through_time(steps: int = 60, losses: Sequence[float] = (), **figures: float) -> Recording:
    site = Site("matmul", "recurrence", place_of("h @ w"), parameter="w")
    return run_of((site, [{"times": 60.0} | figures] * steps), losses=losses)


def falling(length: int = 100, rate: float = 0.95) -> list[float]:
    return [rate**step for step in range(length)]


STUCK = [1.0] * 100
DEAD, ALIVE, OFTEN = [0] * 6 + [9] * 4, [9] * 10, [200] * 10
NAN = {"step": 3, "phase": "forward", "op": "log", "count": 4, "size": 64, "inf": 4}
NAN_INPUT = {"step": 1, "phase": "leaf", "name": "x", "kind": "input", "count": 1, "size": 8}

FIRES: list[tuple[str, Recording, Severity]] = [
    ("BS101", layers(1e-4, 1e-2, 0.1, 1.0), WARNING),
    ("BS101", layers(1e-6, 1e-2, 0.1, 1.0), CRITICAL),
    ("BS102", layers(1e3, 1e2, 10.0, 1.0), WARNING),
    ("BS102", layers(1e5, 1e2, 10.0, 1.0), CRITICAL),
    ("BS103", through_time(total=2e3), WARNING),
    ("BS103", through_time(total=2e5), CRITICAL),
    ("BS104", through_time(horizon=5.0, losses=STUCK), CRITICAL),
    ("BS104", through_time(horizon=12.0, losses=STUCK), WARNING),
    ("BS105", through_time(spectral_radius=1.6, slope=0.725), INFO),
    ("BS106", run_of(norms=[1.0] * 30 + [50.0] + [1.0] * 9), WARNING),
    ("BS106", run_of(norms=[1.0] * 30 + [500.0] + [1.0] * 9), CRITICAL),
    ("BS201", units(*[DEAD] * 4), CRITICAL),
    ("BS201", units(*[[0] * 11 + [9] * 9] * 4), WARNING),
    ("BS201", units(*[[0] * 9 + [9] * 11] * 4, losses=STUCK), WARNING),
    ("BS201", units(*[[0] * 11 + [9] * 9] * 12, samples=8), WARNING),
    ("BS202", units(*[[0] * 2 + [1] * 5 + [300] * 3] * 8), WARNING),
    ("BS201", called_twice(DEAD, DEAD), CRITICAL),
    ("BS203", units(ALIVE, ALIVE, DEAD, DEAD, DEAD), CRITICAL),
    ("BS203", died_under_updates(0.2), CRITICAL),
    ("BS203", died_under_updates(0.5, OFTEN, OFTEN, DEAD), CRITICAL),
    ("BS204", saturated(*[0.4] * 10), WARNING),
    ("BS204", saturated(*[0.86] * 10), CRITICAL),
    ("BS204", saturated(*[0.1] * 20, *[0.9] * 10), CRITICAL),
    ("BS205", saturated(0.3, 0.1, 0.0), WARNING),
    ("BS206", scales(1.0, 0.1, 0.02), WARNING),
    ("BS206", scales(1.0, 0.1, 0.001, op="tanh"), CRITICAL),
    ("BS207", rows(1.0, 1.0), CRITICAL),
    ("BS301", recording_of([0.9] * 20), CRITICAL),
    ("BS304", without_gradient(25), CRITICAL),
    ("BS304", gathering(20), CRITICAL),
    ("BS304", gathering(5), CRITICAL),
    ("BS306", unchanged("w"), CRITICAL),
    ("BS306", never_updated([0.5] * 25), CRITICAL),
    ("BS306", unchanged("net.head.weight", "net.body.weight"), CRITICAL),
    ("BS307", losing("cross_entropy", fed_by="softmax"), CRITICAL),
    ("BS307", losing("bce_with_logits", fed_by="sigmoid"), CRITICAL),
    ("BS307", losing("nll_loss", {"prediction_max": 0.9}), CRITICAL),
    ("BS308", losing("squared_error", prediction_shape=[64, 1], target_shape=[64]), CRITICAL),
    (
        "BS309",
        losing(
            "squared_error", {"target_min": 0, "target_max": 5}, fed_by="sigmoid", low=0, high=1
        ),
        WARNING,
    ),
    ("BS309", losing("cross_entropy", fed_by="relu", low=0), WARNING),
    ("BS309", losing("squared_error", fed_by="softmax", prediction_shape=[64, 1]), CRITICAL),
    (
        "BS309",
        losing("squared_error", {"target_sums_min": 0.0, "target_sums_max": 3.0}, fed_by="softmax"),
        WARNING,
    ),
    ("BS401", run_of(events=[("non-finite", NAN)]), CRITICAL),
    ("BS401", run_of(events=[("non-finite", NAN_INPUT)]), CRITICAL),
    ("BS401", run_of(losses=[1.0, math.nan, math.nan]), CRITICAL),
    ("BS501", updated(1e-7), INFO),
    ("BS501", updated(0.5), INFO),
    ("BS503", beginning(8.0, classes=10.0), WARNING),
    ("BS503", beginning(40.0, classes=10.0), CRITICAL),
    (
        "BS503",
        beginning(90.0, "squared_error", target_rms=1.0, prediction_min=0.0, prediction_max=40.0),
        CRITICAL,
    ),
    ("BS504", run_of(losses=STUCK), INFO),
    ("BS506", updated(0.5, [1.0, 2.0] * 20), WARNING),
    ("BS506", updated(0.5, [2.0**step for step in range(40)]), CRITICAL),
    ("BS507", updated(1e-8, STUCK), WARNING),
    ("BS507", updated(3e-5, [1.0 - 1e-4 * step for step in range(80)]), WARNING),
    ("BS507", updated(1e-3, STUCK, [0.1] * 10 + [1e-9] * 90), WARNING),
]


INPUT = Site("", "input", place_of("x"))
PIXELS = (INPUT, [{"mean": 120.0, "std": 70.0}] * 20)
SMOOTH = (INPUT, [{"mean": 0.0, "std": 1.0}] * 20)
SATURATED = (activation("sigmoid"), [{"elements": 10.0, "saturated": 9.0}] * 20)
FIRES += [
    ("BS502", optimizing(kept=1.0), WARNING),
    ("BS502", by_hand(kept=1.0), WARNING),
    ("BS505", optimizing(coefficient=0.01, gradient_norm=1e-3), WARNING),
    ("BS505", optimizing("Adam", coefficient=0.01, gradient_norm=1e-3), INFO),
    ("BS302", shut_units(4, inward=0.3), WARNING),
    ("BS303", rounding(0.0), CRITICAL),
    ("BS305", detached(1.0, {}), CRITICAL),
    ("BS402", narrowed(0.4), WARNING),
    ("BS509", evaluating(1.0), WARNING),
    ("BS508", run_of(PIXELS, SATURATED), WARNING),
    ("BS508", run_of((INPUT, [{"std": 1.0, "column_ratio": 1e4}] * 20), losses=STUCK), WARNING),
    ("BS508", run_of((loss_of("squared_error"), [{"target_rms": 500.0}]), losses=STUCK), WARNING),
]

SILENT: list[tuple[str, Recording]] = [
    ("BS101", layers(0.07, 0.1, 0.5, 1.0)),
    ("BS101", layers(1e-6, 1e-3, 1.0)),
    ("BS101", layers(1e-6, 1e-2, 0.1, 1.0, steps=4)),
    ("BS101", layers(1e-6, 1e-2, 0.1, 1.0, normalised=True)),
    ("BS102", layers(50.0, 10.0, 3.0, 1.0)),
    ("BS102", layers(1e3, 10.0, 3.0, 0.0)),
    ("BS103", through_time(total=7.0)),
    ("BS104", through_time(horizon=12.0, losses=falling())),
    ("BS104", through_time(steps=20, horizon=5.0, losses=STUCK)),
    ("BS104", through_time(horizon=30.0, losses=STUCK)),
    ("BS105", through_time(spectral_radius=1.0, slope=1.0)),
    ("BS106", run_of(norms=[1.0, 7.0] * 30)),
    ("BS106", run_of(norms=[100.0, *[1.0] * 30])),
    ("BS106", run_of(norms=[1.0] * 9 + [500.0])),
    ("BS106", run_of(norms=[0.01, 1.0] * 30)),
    ("BS201", units(*[ALIVE] * 4)),
    ("BS201", units(*[[0] * 9 + [9] * 11] * 4, losses=falling())),
    ("BS201", units([9] * 20, *[[0] * 9 + [9] * 11] * 4, losses=falling())),
    ("BS201", units(*[[0] * 9 + [9] * 11] * 4)),
    ("BS201", units(*[[0] * 3 + [9] * 7] * 4)),
    ("BS201", units(*[[0] * 6 + [9] * 14] * 4)),
    ("BS201", called_twice(DEAD, [9] * 4 + [0] * 6)),
    ("BS201", units(DEAD, ALIVE, DEAD, ALIVE)),
    ("BS201", units(*[DEAD] * 2, samples=8)),
    ("BS202", units(*[[100] * 10] * 8)),
    ("BS203", units(*[DEAD] * 5)),
    ("BS203", died_under_updates(0.001)),
    ("BS203", died_under_updates(0.2, OFTEN, OFTEN, DEAD)),
    ("BS203", died_under_updates(0.5, ALIVE, ALIVE, DEAD)),
    ("BS203", units(OFTEN, OFTEN, DEAD)),
    ("BS206", scales(1.0, 0.0, 1.0, 1.0)),
    ("BS203", units(*[ALIVE] * 5)),
    ("BS204", saturated(*[0.1] * 10)),
    ("BS204", saturated(*[0.9] * 4)),
    ("BS204", saturated(*[0.9] * 10, attributes={"gate": True})),
    ("BS204", saturated(*[0.9] * 10, attributes={"consumers": ["multiply"]})),
    ("BS204", saturated(*[0.9] * 10, side="loss")),
    ("BS204", saturated(*[0.9] * 10, op="relu")),
    ("BS205", saturated(0.1, 0.3, 0.9)),
    ("BS206", scales(1.0, 0.5, 0.2)),
    ("BS206", scales(1.0, 0.001)),
    ("BS207", rows(1.0, 0.0)),
    ("BS207", rows(0.0, 1.0)),
    ("BS207", rows(1.0, 1.0, shape=(8, 1))),
    ("BS301", recording_of([0.0] * 20)),
    ("BS304", without_gradient(25, at=7)),
    ("BS304", without_gradient(25, optimizer="")),
    ("BS304", without_gradient(15)),
    ("BS304", gathering(4)),
    ("BS306", beside_data()),
    ("BS306", unchanged("w", moved=1.0)),
    ("BS306", never_updated([0.5 + 1e-9 * step for step in range(25)])),
    ("BS306", unchanged("vgg.features.weight", "image")),
    ("BS307", losing("cross_entropy", fed_by="linear")),
    ("BS307", losing("cross_entropy", fed_by="log_softmax")),
    ("BS307", losing("nll_loss", {"prediction_max": -0.1}, fed_by="log_softmax")),
    ("BS308", losing("squared_error", prediction_shape=[64, 1], target_shape=[64, 1])),
    ("BS308", losing("squared_error", prediction_shape=[64, 1], target_shape=[])),
    ("BS308", losing("huber_loss", prediction_shape=[64, 1, 8], target_shape=[64, 8, 1])),
    ("BS308", losing("squared_error", prediction_shape=[5, 64], target_shape=[64])),
    (
        "BS309",
        losing(
            "squared_error", {"target_min": 0, "target_max": 1}, fed_by="sigmoid", low=0, high=1
        ),
    ),
    ("BS309", losing("cross_entropy", fed_by="linear")),
    ("BS401", run_of(losses=[1.0, 0.5])),
    ("BS501", updated(1e-3)),
    ("BS503", beginning(3.0, classes=10.0)),
    (
        "BS503",
        beginning(3.0, "squared_error", target_rms=1.0, prediction_min=-4.0, prediction_max=4.0),
    ),
    (
        "BS503",
        beginning(90.0, "squared_error", target_rms=1.0, prediction_min=-4.0, prediction_max=4.0),
    ),
    ("BS504", run_of(losses=falling())),
    ("BS504", run_of(losses=[1.0] * 40)),
    ("BS506", updated(0.5, falling(40))),
    ("BS506", updated(0.01, [1.0, 2.0] * 20)),
    ("BS502", optimizing(kept=0.0)),
    ("BS502", by_hand(kept=0.0)),
    ("BS502", optimizing(kept=1.0, steps=2)),
    ("BS505", optimizing(coefficient=0.5)),
    ("BS505", optimizing(coefficient=0.01, steps=20)),
    ("BS505", divided()),
    ("BS302", shut_units(4, inward=0.0)),
    ("BS302", shut_units(1, inward=0.3)),
    ("BS303", rounding(0.1)),
    ("BS305", detached(0.0, {})),
    ("BS305", detached(1.0, {"gradient_rms": 0.1})),
    ("BS402", narrowed(0.04)),
    ("BS402", narrowed(0.4, weighty=0.01)),
    ("BS509", evaluating(0.0)),
    ("BS509", evaluating(1.0, evaluating=0.0)),
    ("BS508", run_of(PIXELS)),
    ("BS508", run_of(SMOOTH, SATURATED)),
    ("BS507", updated(1e-3, STUCK)),
    ("BS507", updated(3e-5, falling())),
    ("BS507", updated(1e-3, STUCK, [0.1 * step / 100 for step in range(100)])),
    ("BS507", updated(1e-3, STUCK, [0.1] * 90 + [0.0] * 10)),
]


@pytest.mark.parametrize(("code", "recording", "severity"), FIRES)
def test_it_fires(code: str, recording: Recording, severity: Severity) -> None:
    findings = found(code, recording)
    assert [(f.code, f.severity) for f in findings] == [(code, severity)]
    (finding,) = findings
    assert finding.message.endswith(".")
    assert finding.fix.endswith(".")
    assert finding.evidence
    assert "nan" not in finding.message.lower().replace("nan,", "") or code == "BS401"
    rule = find_rule(code)
    assert rule is not None
    assert rule.applies_to(recording)


@pytest.mark.parametrize(("code", "recording"), SILENT)
def test_it_is_silent(code: str, recording: Recording) -> None:
    assert found(code, recording) == ()


def test_every_rule_is_tested_both_ways() -> None:
    codes = {rule.code for rule in all_rules()}
    assert {code for code, _, _ in FIRES} == codes
    assert {code for code, _ in SILENT} == codes


@pytest.mark.parametrize("rule", all_rules(), ids=str)
def test_an_empty_recording_gives_nothing(rule: Callable[[Recording], Any]) -> None:
    assert rule(run_of()) == ()
