"""Cause before symptom: what explains what, in which order, and how severe it is."""

from __future__ import annotations

from pathlib import Path

from backsight.diagnosis import RULES, Diagnosis, all_rules, diagnose
from backsight.diagnosis.causes import EXPLAINS, SUPPORTED, in_order
from backsight.traces.findings import Finding, Severity

from .recordings import activation, place_of, recording_of, run_of, weight

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def finding(code: str, severity: Severity = WARNING, **fields: object) -> Finding:
    return Finding(f"{code} it is.", severity, code=code, **fields)  # type: ignore[arg-type]


def shape(found: list[Finding]) -> list[tuple[str, list[str]]]:
    return [(each.code, [symptom.code for symptom in each.symptoms]) for each in found]


def test_symptoms_are_listed_under_their_cause() -> None:
    found = [finding("BS101"), finding("BS204"), finding("BS205"), finding("BS307")]
    assert shape(in_order(found)) == [("BS307", ["BS101", "BS204", "BS205"])]


def test_the_cause_is_as_severe_as_the_worst_symptom() -> None:
    (cause,) = in_order([finding("BS101", CRITICAL), finding("BS205", WARNING)])
    assert (cause.code, cause.severity) == ("BS205", CRITICAL)


def test_an_info_explains_nothing() -> None:
    found = in_order([finding("BS101", CRITICAL), finding("BS205", INFO)])
    assert shape(found) == [("BS101", []), ("BS205", [])]


def test_what_stands_elsewhere_is_another_story() -> None:
    here, there = place_of("bs.relu(a)", 3), place_of("bs.relu(b)", 9)
    apart = in_order([finding("BS203", location=here), finding("BS201", location=there)])
    assert len(apart) == 2
    together = in_order([finding("BS203", location=here), finding("BS201", location=here)])
    assert shape(together) == [("BS203", ["BS201"])]


def test_the_worst_and_then_the_nearest_to_the_loss_comes_first() -> None:
    found = [
        finding("BS301", WARNING, distance=1),
        finding("BS308", CRITICAL, distance=9),
        finding("BS309", CRITICAL, distance=2),
        finding("BS207", CRITICAL),
    ]
    assert [each.code for each in in_order(found)] == ["BS309", "BS308", "BS207", "BS301"]


def test_supporting_findings_go_under_what_they_support() -> None:
    helping = [finding("BS501", INFO), finding("BS105", INFO)]
    assert shape(in_order([finding("BS506")], helping)) == [("BS506", ["BS501"])]
    assert in_order([], helping) == []


def test_many_symptoms_of_one_kind_are_one_line() -> None:
    (cause,) = in_order([finding("BS301"), *[finding("BS304")] * 4])
    assert [s.message for s in cause.symptoms] == ["BS304 it is. (and 3 more)"]


def test_nothing_is_explained_in_a_circle() -> None:
    def below(code: str, seen: tuple[str, ...] = ()) -> None:
        assert code not in seen, seen
        for each in EXPLAINS.get(code, ()):
            below(each, (*seen, code))

    for code in EXPLAINS:
        below(code)


def test_the_tables_name_supporting_rules_rightly() -> None:
    all_rules()
    supporting = {code for code, rule in RULES.items() if rule.supports}
    assert supporting == set(SUPPORTED)
    assert not supporting & set(EXPLAINS)


def test_a_run_that_learns_nothing_makes_warnings_critical() -> None:
    site = activation("sigmoid")
    figures = [{"elements": 10.0, "saturated": 4.0}] * 100
    learning = run_of((site, figures), losses=[0.9**step for step in range(100)])
    stuck = run_of((site, figures), losses=[1.0] * 100)
    assert {each.severity for each in diagnose(learning).findings} == {WARNING}
    (cause,) = diagnose(stuck).findings
    assert (cause.code, cause.severity) == ("BS205", CRITICAL)
    assert [symptom.code for symptom in cause.symptoms] == ["BS204", "BS504"]


def test_only_rules_that_had_something_to_read_are_listed() -> None:
    assert diagnose(recording_of([0.0] * 20)).rules == ("BS301",)
    rules = diagnose(run_of((weight("w", 1), [{"gradient_rms": 1.0}]))).rules
    assert rules == ("BS101", "BS102", "BS304")


def test_symptoms_are_in_json_and_on_the_page() -> None:
    (cause,) = in_order([finding("BS101"), finding("BS205")])
    diagnosis = Diagnosis("findings", "x.py", 0, {}, (cause,))
    (data,) = diagnosis.to_json()["findings"]
    assert data["symptoms"] == [{"code": "BS101", "message": "BS101 it is."}]
    assert "also BS101: BS101 it is." in str(diagnosis.page())


def test_every_rule_has_a_file_of_its_name() -> None:
    folder = Path(all_rules()[0].check.__code__.co_filename).parent
    files = {file.stem.replace("_", "-") for file in folder.glob("[a-z]*.py")}
    assert files == {rule.name for rule in all_rules()}


def replaced_head(old: str) -> Diagnosis:
    """A new head that no optimiser holds; `old`, which it holds, gets no gradient."""
    still, starved = {"unchanged": 1.0, "gradient_rms": 0.1}, {"unchanged": 1.0}
    moving = {"unchanged": 0.0, "gradient_rms": 0.1}
    return diagnose(
        run_of(
            (weight("net.head.weight", 1, optimizer=""), [still] * 25),
            (weight("net.head.bias", 1, optimizer=""), [still] * 25),
            (weight("net.body.weight", 3), [moving] * 25),
            (weight(old, 1), [starved] * 25),
        )
    )


def test_a_layer_made_anew_explains_the_old_one_in_the_optimiser() -> None:
    (finding,) = replaced_head("opt.param_groups[0][4]").findings
    assert finding.code == "BS306"
    assert finding.evidence["parameters"] == ["net.head.weight", "net.head.bias"]
    assert "BS304" in {symptom.code for symptom in finding.symptoms}


def test_a_layer_of_the_model_without_gradient_is_another_story() -> None:
    assert {f.code for f in replaced_head("net.other.weight").findings} == {"BS304", "BS306"}
