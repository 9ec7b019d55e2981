"""The report as a document: whole, escaped, self-contained, small, and true to the recording."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from backsight.diagnosis import diagnose
from backsight.errors import UsageError
from backsight.report import is_report, write_report
from backsight.traces.recording import Event, Recording

from ..diagnosis.recordings import loss_of, run_of
from .parsed import Element
from .runs import HOSTILE, hostile, long, report_of, small, traced, tree_of

MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def tree() -> Element:
    return tree_of(small())


def readings(tree: Element) -> dict[str, object]:
    return json.loads(tree.one("script", id="readings").text)


def test_it_says_the_verdict_and_the_findings_with_their_marked_source(tree: Element) -> None:
    assert tree.one("p", class_="verdict").text.startswith("✖ 1 critical finding")
    finding = tree.one("article", class_="finding")
    assert "✖ BS301 clip-blocks-loss critical" in finding.one("h3").text
    assert finding.one("mark").text == "np.clip(delta, -1.0, 1.0)"
    assert "dqn.py:41:20" in finding.text
    assert "the largest errors teach nothing" in finding.text


def test_the_evidence_is_the_figure_that_the_rule_judged_by(tree: Element) -> None:
    finding = tree.one("article", class_="finding")
    assert "share of the gradient's elements that are blocked" in finding.one("svg").text
    description = finding.one("desc").text
    assert "A line at 0.5: limit 50 %." in description
    assert "Shaded from 1 to 40" in description
    assert finding.one("b").text == "75 %"  # 48 of 64 elements, in every step


def test_numbers_behind_the_slider_are_those_of_the_recording(tree: Element) -> None:
    data = readings(tree)
    assert data["steps"] == list(range(1, 41))
    row = next(row for row in tree.all("tr") if row.text.startswith("first.w"))
    cells = [
        cell.attributes["data-reading"]
        for cell in row.all("td")
        if "data-reading" in cell.attributes
    ]
    gradient, ratio = (data["series"][key] for key in cells)
    assert gradient == [float(f"{0.5 / (i + 1):.4g}") for i in range(40)]
    assert ratio == [0.001] * 40


def test_rows_go_from_the_input_to_the_loss(tree: Element) -> None:
    rows = tree.one("section", id="flow").all("th", scope="row")
    heads = [row.text.split()[0] for row in rows]
    assert heads == ["first.w", "last.w"]


def test_dead_units_are_counted_and_drawn(tree: Element) -> None:
    section = tree.one("section", id="units")
    assert "2 of 10 units never active in the last stretch" in section.text


def test_a_clean_run_says_so() -> None:
    tree = tree_of(small(share=0.0))
    assert tree.one("p", class_="verdict").text.startswith("✔ No leak found.")
    assert not list(tree.all("article"))
    assert "None." in tree.one("section", id="findings").text


def test_what_was_not_observed_is_told() -> None:
    run = small()
    run = Recording(
        run.path,
        run.meta,
        run.sites,
        run.steps,
        (*run.events, Event(0.0, "not-observed", "the moon")),
        run.probes_by_site,
        run.units_by_site,
    )
    assert "not observed: the moon" in tree_of(run).one("section", id="observed").text


def test_a_run_of_which_nothing_is_known_has_a_report_without_a_slider() -> None:
    run = Recording(Path("run.bsr"), {"script": "idle.py", "steps": 0, "probed": 0})
    tree = tree_of(run)
    assert "Nothing was observed" in tree.one("p", class_="verdict").text
    assert not list(tree.all("input"))


def test_losses_that_are_not_finite_break_the_line_and_nothing_else() -> None:
    losses = [1.0, float("nan"), float("inf"), 0.5] + [float("nan")] * 16
    run = run_of((loss_of("squared_error"), [{"error_rms": 1.0}] * 20), losses=losses)
    tree = tree_of(run)
    assert "not finite in 18 of 20 steps, first in 2" in tree.one("section", id="curves").text
    values = readings(tree)["series"]
    assert [1.0, "NaN", "∞", 0.5] in [series[:4] for series in values.values()]


def test_nothing_of_the_users_becomes_markup() -> None:
    html = report_of(hostile())
    tree = tree_of(hostile())
    assert HOSTILE not in html
    assert HOSTILE in tree.one("h1").text
    assert HOSTILE in tree.one("article").one("pre").text
    assert f"not observed: {HOSTILE}" in tree.one("section", id="observed").text
    assert len(list(tree.all("script"))) == 2
    assert {element.tag for element in tree.all()} == {
        element.tag for element in tree_of(small()).all()
    }
    for element in tree.all():
        assert not [name for name in element.attributes if name.startswith("on")]


def test_the_policy_lets_nothing_in_but_our_own_script_and_style(tree: Element) -> None:
    policy = tree.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"

    def digest(element: Element) -> str:
        found = hashlib.sha256(element.text.encode()).digest()
        return f"'sha256-{base64.b64encode(found).decode()}'"

    (ours,) = [script for script in tree.all("script") if not script.attributes]
    assert rules["script-src"] == digest(ours)
    assert rules["style-src"] == digest(tree.one("style"))


def test_it_refers_to_nothing_outside(tree: Element) -> None:
    for element in tree.all():
        for name, value in element.attributes.items():
            if name in ("href", "src", "action", "data", "srcset"):
                assert value.startswith("#")
                assert list(tree.all(id=value[1:]))
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", report_of(small()))


def test_names_of_elements_are_unique(tree: Element) -> None:
    names = [element.attributes["id"] for element in tree.all() if "id" in element.attributes]
    assert len(names) == len(set(names))


def test_it_can_be_read_without_eyes_and_without_a_mouse(tree: Element) -> None:
    for picture in tree.all("svg"):
        told = picture.attributes.get("aria-hidden") == "true"
        assert told or (picture.attributes["role"] == "img" and picture.one("desc").text)
    levels = [int(e.tag[1]) for e in tree.all() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("header", "main", "nav"):
        assert tree.one(landmark)
    assert tree.one("label").attributes["for"] == tree.one("input").attributes["id"]
    for section in tree.all("section"):
        assert tree.one(id=section.attributes["aria-labelledby"])


def test_ten_thousand_steps_of_a_deep_network_stay_small() -> None:
    html = report_of(long())
    assert len(html.encode()) < MOST_BYTES
    data = readings(tree_of(long()))
    assert 40 <= len(data["steps"]) <= 420


def test_the_same_recording_gives_the_same_report() -> None:
    assert report_of(small()) == report_of(small())


def test_it_replaces_an_older_report_and_nothing_else(tmp_path: Path) -> None:
    run = small()
    place = tmp_path / "sub" / "run.html"
    write_report(place, run, diagnose(run), replace=False)
    assert is_report(place)
    write_report(place, run, diagnose(run), replace=False)
    other = tmp_path / "thesis.html"
    other.write_text("years of work")
    with pytest.raises(UsageError, match="exists and is no report"):
        write_report(other, run, diagnose(run), replace=False)
    assert other.read_text() == "years of work"
    with pytest.raises(UsageError, match=r"name it run\.html"):
        write_report(tmp_path / "run.txt", run, diagnose(run))


def test_the_graph_is_drawn_with_the_place_of_the_finding_marked() -> None:
    section = tree_of(traced()).one("section", id="graph")
    picture = section.one("svg")
    (cell,) = [part for part in picture.all("g") if "BS301" in part.text]
    assert "clip" in cell.text
    assert "The backward pass of step 1, findings marked" in section.text


def test_a_graph_that_cannot_be_read_costs_the_graph_only() -> None:
    run = traced({"format": "backsight trace", "version": 99})
    tree = tree_of(run)
    assert "cannot be shown" in tree.one("section", id="graph").text
    assert tree.one("article", class_="finding")
