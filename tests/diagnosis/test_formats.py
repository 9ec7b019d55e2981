"""SARIF and GitHub workflow commands, held against their specifications.

Paragraphs (§) are those of SARIF 2.1.0, OASIS Standard, 27 March 2020.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from backsight.diagnosis import Diagnosis, diagnose
from backsight.diagnosis.formats.github import in_message, in_property
from backsight.diagnosis.formats.places import root_of, within
from backsight.traces.findings import Finding, Severity, Symptom
from backsight.traces.trace import Location

from .recordings import clamp_site, recording_of

LEVELS = {"none", "note", "warning", "error"}  # §3.27.10


def diagnosis_of(*findings: Finding, **changes: Any) -> Diagnosis:
    fields: dict[str, Any] = {
        "status": "findings" if findings else "clean",
        "script": "dqn.py",
        "script_exit_code": 0,
        "observed": {"steps": 20, "probed": 20, "overhead": 0.03, "not_observed": []},
        "findings": findings,
        "rules": ("BS101", "BS301"),
        "folder": "/home/me/project",
    }
    return Diagnosis(**(fields | changes))


def finding(line: int = 41, **changes: Any) -> Finding:
    place = Location("dqn.py", line, line, 20, 44, "np.clip(delta, -1.0, 1.0)", "loss_of")
    fields: dict[str, Any] = {
        "message": "clip blocks 88%.",
        "severity": Severity.CRITICAL,
        "code": "BS301",
        "rule": "clip-blocks-loss",
        "location": place,
        "fix": "Use:\n    x, y",
        "evidence": {"blocked_share": 0.88, "norm": float("nan")},
        "symptoms": (Symptom("BS101", "small"),),
    }
    return Finding(**(fields | changes))


def check_log(log: dict[str, Any]) -> dict[str, Any]:
    """Assert what the standard asks of everything that we write; return the run."""
    assert log["version"] == "2.1.0"  # §3.13.2
    assert urlsplit(log["$schema"]).path.endswith("sarif-schema-2.1.0.json")  # §3.13.3
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]  # §3.19.8
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver.get("semanticVersion", "0.0.0"))  # §3.19.12
    identities = [rule["id"] for rule in driver["rules"]]
    assert len(set(identities)) == len(identities)  # §3.19.23
    for rule in driver["rules"]:
        check_rule(rule)
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")  # §3.14.17
    for base in run.get("originalUriBaseIds", {}).values():  # §3.14.14
        assert urlsplit(base["uri"]).scheme == "file"
        assert base["uri"].endswith("/")
    for invocation in run["invocations"]:
        assert isinstance(invocation["executionSuccessful"], bool)  # §3.20.14
        for note in invocation["toolExecutionNotifications"]:
            assert note["level"] in LEVELS  # §3.58.6
            assert note["message"]["text"]
    for result in run["results"]:
        assert result["message"]["text"]  # §3.27.11
        assert result["level"] in LEVELS
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]  # §3.27.6
        assert all(isinstance(v, str) for v in result["partialFingerprints"].values())  # §3.27.17
        for location in result["locations"]:
            check_place(location["physicalLocation"], run.get("originalUriBaseIds", {}))
    json.dumps(log, allow_nan=False)
    return run


def check_rule(rule: dict[str, Any]) -> None:
    for text in (rule["shortDescription"], rule["fullDescription"], rule["help"]):
        assert text["text"].strip()  # §3.12: a message string needs its text
    assert rule["shortDescription"]["text"].endswith(".")  # §3.49.9: a complete sentence
    assert "\n" not in rule["shortDescription"]["text"]


def check_place(physical: dict[str, Any], bases: dict[str, Any]) -> None:
    uri = physical["artifactLocation"]["uri"]
    if "uriBaseId" in physical["artifactLocation"]:  # §3.4.4: then the URI is relative
        assert physical["artifactLocation"]["uriBaseId"] in bases
        assert not urlsplit(uri).scheme
        assert not uri.startswith("/")
    else:
        assert urlsplit(uri).scheme == "file"
    region = physical["region"]
    assert region["startLine"] >= 1  # §3.30.5
    if "startColumn" in region:
        assert region["startColumn"] >= 1  # §3.30.6
        assert region["endLine"] >= region["startLine"]
        if region["endLine"] == region["startLine"]:  # §3.30.8: one past the last
            assert region["endColumn"] > region["startColumn"]


def test_a_diagnosis_is_a_sarif_log() -> None:
    run = check_log(diagnose(recording_of([0.875] * 20)).to_sarif())
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("BS301", "error")
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"] == {"uri": "dqn.py", "uriBaseId": "SRCROOT"}
    assert physical["region"] == {
        "startLine": 41,
        "startColumn": 20,
        "endLine": 41,
        "endColumn": 45,
        "snippet": {"text": "np.clip(delta, -1.0, 1.0)"},
    }
    assert run["originalUriBaseIds"]["SRCROOT"]["uri"] == "file:///home/me/project/"
    rules = run["tool"]["driver"]["rules"]
    (rule,) = [each for each in rules if each["id"] == "BS301"]
    assert "Fires on::" in rule["help"]["text"]
    assert rule["fullDescription"]["text"].startswith("Outside its range a clip has the local")


def test_columns_count_characters_also_beyond_ascii() -> None:
    text = "    größe = x.clip(-1, 1) ** 2  # 😀"
    site = clamp_site("x.clip(-1, 1)", source=text)
    column = text.index("x.clip") + 1
    place = dataclasses.replace(site.where, column=column, end_column=column + 13)  # type: ignore[type-var]
    site = dataclasses.replace(site, where=place)
    run = check_log(diagnose(recording_of([0.9] * 20, site)).to_sarif())
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    start, end = region["startColumn"] - 1, region["endColumn"] - 1
    assert text[start:end] == "x.clip(-1, 1)"
    assert run["columnKind"] == "unicodeCodePoints"


@pytest.mark.parametrize(
    ("severity", "level", "command"),
    [("INFO", "note", "notice"), ("WARNING", "warning", "warning"), ("CRITICAL", "error", "error")],
)
def test_severities_become_levels(severity: str, level: str, command: str) -> None:
    diagnosis = diagnosis_of(finding(severity=Severity[severity]))
    assert check_log(diagnosis.to_sarif())["results"][0]["level"] == level
    assert diagnosis.to_text("github").startswith(f"::{command} ")


def test_fingerprints_outlive_moved_lines_and_tell_findings_apart() -> None:
    def identities(*findings: Finding) -> list[str]:
        results = check_log(diagnosis_of(*findings).to_sarif())["results"]
        return [result["partialFingerprints"]["backsight/v1"] for result in results]

    (one,) = identities(finding())
    assert identities(finding(line=77, message="another text")) == [one]
    twice = identities(finding(), finding(line=50))
    assert len(set(twice)) == 2
    assert twice[0] == one
    assert identities(finding(parameter="w")) != [one]


def test_a_finding_without_a_place_is_at_the_script() -> None:
    run = check_log(diagnosis_of(finding(location=None)).to_sarif())
    physical = run["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "dqn.py"
    assert physical["region"] == {"startLine": 1}


def test_names_with_spaces_and_files_elsewhere_are_uris() -> None:
    place = Location("my nets/größe.py", 1, 1, 1, 2, "x", "")
    other = dataclasses.replace(place, file="/else where/x.py")
    run = check_log(diagnosis_of(finding(location=place), finding(location=other)).to_sarif())
    near, far = (r["locations"][0]["physicalLocation"]["artifactLocation"] for r in run["results"])
    assert unquote(near["uri"]) == "my nets/größe.py"
    assert " " not in near["uri"]
    assert far == {"uri": "file:///else%20where/x.py"}


def test_what_was_not_observed_and_a_failure_are_notifications() -> None:
    observed = {"steps": 1, "probed": 0, "overhead": float("inf"), "not_observed": ["JAX"]}
    log = diagnosis_of(observed=observed, status="watching-failed", failure="OSError").to_sarif()
    run = check_log(log)
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    texts = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert texts == ["Not observed: JAX", "Watching broke off: OSError"]
    assert run["results"] == []


def test_paths_are_those_of_the_repository(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert root_of(str(inner)) == str(inner)
    (tmp_path / ".git").mkdir()
    assert root_of(str(inner)) == str(tmp_path)
    assert within("train.py", str(inner), str(tmp_path)) == ("a/b/train.py", True)
    assert within("/else/x.py", str(inner), str(tmp_path)) == ("/else/x.py", False)
    assert within("train.py", "", "") == ("train.py", True)


def parsed(command: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as the runner does: actions/runner, `ActionCommand.cs`."""
    level, _, rest = command.removeprefix("::").partition(" ")
    properties, _, message = rest.partition("::")
    back = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}

    def read(text: str, *codes: str) -> str:
        for code in codes:
            text = text.replace(code, back[code])
        return text

    pairs = (pair.partition("=") for pair in properties.split(","))
    named = {k: read(v, "%0D", "%0A", "%3A", "%2C", "%25") for k, _, v in pairs}
    return level, named, read(message, "%0D", "%0A", "%25")


def test_a_finding_is_one_workflow_command() -> None:
    text = diagnosis_of(finding(rule="odd: 5%, or\nmore")).to_text("github")
    assert text.count("\n") == 1
    level, properties, message = parsed(text.rstrip("\n"))
    assert level == "error"
    assert properties == {
        "file": "dqn.py",
        "line": "41",
        "endLine": "41",
        "col": "20",
        "endColumn": "43",
        "title": "BS301 odd: 5%, or\nmore",
    }
    assert message == "clip blocks 88%.\nFix: Use:\n    x, y\nAlso BS101: small"


def test_columns_are_left_out_over_several_lines_and_places_where_there_is_none() -> None:
    place = Location("dqn.py", 3, 5, 20, 4, "f(\n)", "")
    _, properties, _ = parsed(diagnosis_of(finding(location=place)).to_text("github"))
    assert (properties["line"], properties["endLine"]) == ("3", "5")
    assert "col" not in properties
    _, properties, message = parsed(
        diagnosis_of(finding(location=None, parameter="w")).to_text("github")
    )
    assert set(properties) == {"title"}
    assert message.startswith("In w: clip")


def test_a_clean_run_says_so_in_one_notice() -> None:
    level, properties, message = parsed(diagnosis_of().to_text("github").rstrip("\n"))
    assert (level, properties) == ("notice", {"title": "Backsight: dqn.py"})
    assert message == "No leak found."


@pytest.mark.parametrize(
    ("text", "message", "value"),
    [
        ("100%", "100%25", "100%25"),
        ("a\r\nb", "a%0D%0Ab", "a%0D%0Ab"),
        ("a: b, c", "a: b, c", "a%3A b%2C c"),
        ("%0A", "%250A", "%250A"),
    ],
)
def test_escapes(text: str, message: str, value: str) -> None:
    assert in_message(text) == message
    assert in_property(text) == value
