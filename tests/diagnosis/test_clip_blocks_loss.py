"""BS301 on recordings made by hand: when it fires, how severely, and what it says."""

from __future__ import annotations

import dataclasses

import pytest

from backsight.diagnosis import diagnose, find_rule
from backsight.traces.findings import Finding, Severity
from backsight.traces.recording import Recording

from .recordings import clamp_site, probe, recording_of


def found(recording: Recording, **thresholds: float) -> tuple[Finding, ...]:
    rule = find_rule("BS301")
    assert rule is not None
    return rule(recording, **thresholds)


@pytest.mark.parametrize(
    ("share", "severity"),
    [
        (0.20, None),
        (0.30, Severity.WARNING),
        (0.49, Severity.WARNING),
        (0.51, Severity.CRITICAL),
        (1.0, Severity.CRITICAL),
    ],
)
def test_severity_follows_the_blocked_share(share: float, severity: Severity | None) -> None:
    findings = found(recording_of([share] * 20))
    assert [finding.severity for finding in findings] == ([] if severity is None else [severity])


def test_four_observations_are_not_enough() -> None:
    assert not found(recording_of([1.0] * 4))
    assert found(recording_of([1.0] * 5))


def test_a_transient_at_the_start_is_no_leak() -> None:
    assert not found(recording_of([0.9] * 10 + [0.0] * 90))


def test_isolated_outliers_are_no_leak() -> None:
    assert not found(recording_of([0.0, 0.0, 0.0, 0.0, 1.0] * 10))


def test_steps_without_upstream_gradient_do_not_count() -> None:
    recording = recording_of([0.8] * 4)
    empty = recording.probes_by_site[1][0].figures | {"arriving": 0.0, "blocked_inward": 0.0}
    probes = tuple(type(p)(i, empty) for i, p in enumerate(recording.probes_by_site[1], start=5))
    recording.probes_by_site[1] += probes  # type: ignore[index]
    assert not found(recording)


def test_clips_inside_the_model_are_not_judged() -> None:
    assert not found(recording_of([1.0] * 20, clamp_site(side="hidden")))
    assert found(recording_of([1.0] * 20, clamp_site(side="parameter")))


def test_thresholds_are_keywords() -> None:
    assert not found(recording_of([0.3] * 20), warning=0.4)
    (finding,) = found(recording_of([0.3] * 20), critical=0.29)
    assert finding.severity is Severity.CRITICAL
    assert diagnose(recording_of([0.3] * 20), BS301={"warning": 0.4}).status == "clean"
    assert diagnose(recording_of([0.3] * 20), clip_blocks_loss={"warning": 0.4}).findings == ()


def test_evidence_and_message_agree() -> None:
    (finding,) = found(recording_of([0.0] * 2 + [0.75] * 18))
    assert finding.evidence == {
        "blocked_share": 0.675,
        "threshold": 0.5,
        "first_step": 3,
        "last_step": 20,
        "samples": 1280,
        "observations": 20,
        "passed_norm": 0.5,
    }
    assert finding.message == (
        "clip blocks 68% of the gradient that reaches it: 864 of 1,280 elements in 20 observed "
        "steps (steps 3 to 20). Outside [-1, 1] its local derivative is zero, and these are values "
        "that the loss wants back inside the range: the largest errors teach nothing."
    )
    assert finding.op == "clip"
    assert finding.location is not None
    assert finding.location.expression == "np.clip(delta, -1.0, 1.0)"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(None, 5.0, "Above 5"), (0.0, None, "Below 0"), (None, None, "Outside its range")],
)
def test_the_range_is_named(low: float | None, high: float | None, words: str) -> None:
    site = clamp_site(attributes={"low": low, "high": high})
    (finding,) = found(recording_of([0.9] * 9, site))
    assert f"{words} its local derivative is zero" in finding.message


def test_a_dense_beginning_does_not_outweigh_the_run() -> None:
    early = [probe(step, 0.0) for step in range(1, 401)]
    late = [probe(step, 1.0) for step in range(2_000, 2_600, 100)]
    recording = dataclasses.replace(
        recording_of([0.0], steps=29_000), probes_by_site={1: (*early, *late)}
    )
    (finding,) = found(recording)
    assert finding.evidence["blocked_share"] > 0.9
    assert "weighed by the time" in finding.message
