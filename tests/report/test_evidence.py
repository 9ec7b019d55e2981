"""The chart under a finding: of the right site, with the rule's own span and threshold."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from backsight.diagnosis.registry import all_rules
from backsight.report.curves import chart_scene
from backsight.report.evidence import CHARTS, JUDGED, evidence_chart
from backsight.traces.findings import Finding
from backsight.traces.recording import Recording, Site

from ..diagnosis.recordings import activation, clamp_site, place_of, run_of, weight
from .runs import clamped, small

CODES = sorted(rule.code for rule in all_rules())


def finding(code: str, site: Site | None = None, **evidence: Any) -> Finding:
    known = {} if site is None else {"location": site.where, "op": site.op, "module": site.module}
    return Finding("…", code=code, rule="…", evidence=evidence, **known)


def test_every_chart_is_of_a_rule_that_there_is() -> None:
    assert set(CHARTS) <= set(CODES)
    assert set(JUDGED) <= set(CHARTS)


@pytest.mark.parametrize("code", CODES)
def test_every_rule_has_a_chart_that_can_be_drawn(code: str) -> None:
    chart = evidence_chart(finding(code, threshold=0.5, first_step=3, last_step=9), small())
    assert any(curve.points for curve in chart.curves)
    assert chart.span == (3, 9)
    assert chart_scene(chart).description


def test_the_threshold_is_drawn_only_beside_the_figure_that_it_belongs_to() -> None:
    run = small()
    assert evidence_chart(finding("BS301", clamp_site(), threshold=0.5), run).threshold == 0.5
    assert evidence_chart(finding("BS504", threshold=0.01), run).threshold is None


def test_of_several_sites_it_is_the_one_at_the_place_of_the_finding() -> None:
    other = clamp_site("np.clip(other, -1.0, 1.0)")
    run = run_of((clamp_site(), [clamped(0.25)] * 8), (other, [clamped(0.75)] * 8))
    for site, share in ((clamp_site(), 0.25), (other, 0.75)):
        (curve,) = evidence_chart(finding("BS301", site), run).curves
        assert [value for _, value in curve.points] == [share] * 8


def test_a_finding_names_its_file_in_a_shorter_way_than_the_site() -> None:
    site = clamp_site()
    assert site.where is not None
    short = dataclasses.replace(site, where=dataclasses.replace(site.where, file="dqn.py"))
    run = run_of(
        (clamp_site("np.clip(other, -1.0, 1.0)"), [clamped(0.75)] * 8), (site, [clamped(0.25)] * 8)
    )
    (curve,) = evidence_chart(finding("BS301", short), run).curves
    assert curve.points[0] == (1, 0.25)


def test_dead_units_are_counted_window_by_window() -> None:
    relu = activation("relu", where=place_of("bs.relu(h)"))
    run = run_of(units=[(relu, 64, [[5, 5, 5, 5], [5, 5, 0, 0], [5, 0, 0, 0]])])
    (curve,) = evidence_chart(finding("BS201", relu), run).curves
    assert curve.points == [(4, 0.0), (8, 0.5), (12, 0.75)]


def test_the_farthest_weight_comes_first() -> None:
    figures = [{"gradient_rms": 1.0}] * 6
    run = run_of(*((weight(f"w{distance}", distance), figures) for distance in (2, 4, 6, 8, 10)))
    names = [curve.name for curve in evidence_chart(finding("BS101"), run).curves]
    assert names[0] == "w10"
    assert names[-1] == "w2"


def test_numbers_that_are_not_finite_are_told_and_break_the_line() -> None:
    run = run_of(losses=[1.0, 2.0, math.nan, 3.0])
    scene = chart_scene(evidence_chart(finding("BS401"), run))
    assert "loss: not finite in 1 of 4 steps, first in 3" in scene.description


def test_a_recording_of_nothing_has_an_empty_chart() -> None:
    run = Recording(small().path, {})
    assert chart_scene(evidence_chart(finding("BS301"), run)).title == "loss"
