"""Rules on clips inside the network, steps, and outputs that are sure and wrong, by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from backsight.diagnosis import diagnose, find_rule
from backsight.traces.findings import Finding, Severity
from backsight.traces.recording import Recording, Site

from .recordings import activation, clamp_site, loss_of, place_of, run_of, weight


def found(code: str, recording: Recording) -> tuple[Finding, ...]:
    rule = find_rule(code)
    assert rule is not None
    return rule(recording)


def clipped(
    *windows: Sequence[int], refused: float = 0.3, samples: int = 512, side: str = "hidden"
) -> Recording:
    """A clip inside the network, with so many open rows per unit, window by window."""
    site = clamp_site("np.clip(h, -1.0, 1.0)", side=side)
    recording = run_of(units=[(site, samples, windows)])
    figures = {"arriving": 100.0, "blocked_inward": 100 * refused}
    probes = {1: tuple(type(p)(p.step, figures) for p in recording.probes_by_site[1])}
    return Recording(
        recording.path, recording.meta, recording.sites, recording.steps, recording.events,
        probes, recording.units_by_site,
    )  # fmt: skip


SHUT, OPEN = [0] * 6 + [300] * 4, [300] * 10


@pytest.mark.parametrize(
    ("recording", "severity"),
    [
        (clipped(SHUT, SHUT), Severity.WARNING),
        (clipped([0] * 9 + [1], [0] * 9 + [5]), Severity.CRITICAL),
    ],
)
def test_units_that_are_always_outside(recording: Recording, severity: Severity) -> None:
    (finding,) = found("BS302", recording)
    assert finding.severity is severity
    assert "all of 1,024 sampled inputs" in finding.message


@pytest.mark.parametrize(
    "recording",
    [
        clipped(OPEN, OPEN),
        clipped(SHUT, OPEN),  # another stretch shows them inside
        clipped([0] * 3 + [300] * 7, [0] * 3 + [300] * 7),  # too few
        clipped(SHUT, SHUT, samples=20),  # too little was seen
        clipped(SHUT, SHUT, refused=0.0),  # all gradient pushes outwards
        clipped(SHUT, SHUT, side="loss"),  # BS301's business
    ],
)
def test_units_that_are_sometimes_inside(recording: Recording) -> None:
    assert found("BS302", recording) == ()


def step_site(*names: str) -> Site:
    attributes = {"parameters": list(names), "distance": 3}
    return Site("round", "flat", place_of("np.round(h)"), attributes=attributes)


def starved(gradient: float, *names: str) -> Recording:
    """A rounding that starves `names`, whose gradients in the recording have this RMS."""
    leaves = [(weight(name, 5), [{"gradient_rms": gradient}] * 30) for name in names]
    return run_of((step_site(*names), [{"starved": float(len(names))}] * 30), *leaves)


def test_a_step_that_starves_is_told_at_once() -> None:
    (finding,) = found("BS303", starved(0.0, "w", "b"))
    assert finding.severity is Severity.CRITICAL
    assert "`w`, `b` reach the loss through it alone" in finding.message
    assert "(np.round(x) - x).detach()" in finding.fix
    (nameless,) = found("BS303", run_of((step_site(), [{"starved": 2.0}])))
    assert "2 trainable parameters reach" in nameless.message


def test_a_parameter_that_learns_from_another_pass_is_not_starved() -> None:
    assert found("BS303", starved(0.1, "w")) == ()
    site = step_site("w", "b")
    learning, idle = ([{"gradient_rms": rms}] * 30 for rms in (0.1, 0.0))
    mixed = run_of(
        (site, [{"starved": 2.0}] * 30), (weight("w", 5), learning), (weight("b", 5), idle)
    )
    (finding,) = found("BS303", mixed)
    assert finding.evidence["parameters"] == ["b"]


def test_parameters_without_gradient_are_symptoms_of_the_step() -> None:
    codes = [finding.code for finding in diagnose(starved(0.0, "w", "b")).findings]
    assert codes == ["BS303"]
    symptoms = diagnose(starved(0.0, "w", "b")).findings[0].symptoms
    assert "BS304" in {symptom.code for symptom in symptoms}


def test_parameters_that_others_starve_are_not() -> None:
    other = (weight("elsewhere", 5), [{"gradient_rms": 0.0}] * 30)
    own = (weight("w", 5), [{"gradient_rms": 0.0}] * 30)
    recording = run_of((step_site("w"), [{"starved": 1.0}] * 30), own, other)
    codes = {finding.code for finding in diagnose(recording).findings}
    assert codes == {"BS303", "BS304"}


def headed(share: float, error: float, loss: str = "squared_error", **changes: Any) -> Recording:
    """An output with a saturated share, under a loss with an error; the targets have std 0.3."""
    head = activation("sigmoid", side="loss", attributes={"units": 1, "last": True})
    taken = loss_of(loss, **{"fed_by": "sigmoid", **changes})
    return run_of(
        (head, [{"elements": 100.0, "saturated": 100 * share}] * 20),
        (taken, [{"error_rms": error, "target_std": 0.3}] * 20),
    )


@pytest.mark.parametrize("code", ["BS204", "BS205"])
def test_an_output_that_is_sure_and_wrong(code: str) -> None:
    (finding,) = found(code, headed(0.7, 0.6))
    assert "further from the targets than their mean" in finding.message


@pytest.mark.parametrize("code", ["BS204", "BS205"])
@pytest.mark.parametrize(
    "recording",
    [
        headed(0.9, 0.05),  # it fits
        headed(0.9, 0.3),  # it gives the mean, as of targets that are nearly always 0
        headed(0.1, 0.6),  # wrong, but free to learn
        headed(0.9, 0.6, "bce"),
        headed(0.9, 0.6, "cross_entropy"),
        headed(0.9, 0.6, fed_by="tanh"),
    ],
)
def test_an_output_that_may_be_sure(code: str, recording: Recording) -> None:
    assert found(code, recording) == ()


def test_half_of_a_straight_through_choice_may_be_sure() -> None:
    figures = [{"elements": 100.0, "saturated": 90.0}] * 20
    for consumers, count in ((["matmul"], 1), (["add"], 0)):
        site = activation("softmax", attributes={"units": 4, "consumers": consumers})
        assert len(found("BS204", run_of((site, figures)))) == count


def test_only_losses_that_compare_elements_ask_for_a_range() -> None:
    figures = [{"target_min": 0.0, "target_max": 1.0}] * 5
    for loss, count in (("kl_divergence", 0), ("squared_error", 1)):
        site = loss_of(loss, fed_by="log_softmax", low=None, high=0.0, prediction_shape=[8, 3])
        assert len(found("BS309", run_of((site, figures)))) == count


def test_a_softmax_over_one_output() -> None:
    for shape, count in (([8, 1], 1), ([8, 3, 1], 0), ([8, 3], 0)):
        site = loss_of("bce", fed_by="softmax", low=0.0, high=1.0, prediction_shape=shape)
        figures = [{"target_min": 0.0, "target_max": 1.0}] * 5
        assert len(found("BS309", run_of((site, figures)))) == count


def test_as_many_predictions_as_targets() -> None:
    for prediction, target, count in (
        ([64, 1], [64], 1),
        ([64], [64, 1], 1),
        ([64, 1, 4], [9, 4], 0),  # distances to prototypes
        ([64, 3], [64, 1], 0),
    ):
        site = loss_of("squared_error", prediction_shape=prediction, target_shape=target)
        assert len(found("BS308", run_of((site, [{"target_rms": 1.0}] * 5)))) == count


def test_a_term_of_a_loss_is_not_judged_by_the_whole() -> None:
    for whole, count in ((True, 1), (False, 0)):
        site = loss_of("cross_entropy", whole=whole, reduction="mean")
        assert (
            len(found("BS503", run_of((site, [{"classes": 10.0}] * 5), losses=[30.0] * 5))) == count
        )
