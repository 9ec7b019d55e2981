"""What a diagnosis says, as JSON, as text, and of runs that cannot be judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backsight.diagnosis import Diagnosis, diagnose
from backsight.errors import FileFormatError, UsageError
from backsight.traces.recording import Event

from .recordings import clamp_site, recording_of


def test_the_json_is_the_documented_one() -> None:
    data = diagnose(recording_of([0.875] * 20)).to_json()
    (finding,) = data["findings"]
    message, fix = finding.pop("message"), finding.pop("fix")
    assert message
    assert fix
    assert data == {
        "version": 1,
        "status": "findings",
        "script_exit_code": 0,
        "observed": {"steps": 20, "probed": 20, "overhead": 0.031, "not_observed": []},
        "findings": [
            {
                "code": "BS301",
                "rule": "clip-blocks-loss",
                "severity": "critical",
                "location": {
                    "file": "dqn.py",
                    "line": 41,
                    "end_line": 41,
                    "column": 20,
                    "expression": "np.clip(delta, -1.0, 1.0)",
                    "function": "loss_of",
                },
                "op": "clip",
                "module": "",
                "parameter": "",
                "evidence": {
                    "blocked_share": 0.875,
                    "threshold": 0.5,
                    "first_step": 1,
                    "last_step": 20,
                    "samples": 1280,
                    "observations": 20,
                    "passed_norm": 0.5,
                },
                "rank": None,
                "symptoms": [],
            }
        ],
    }


def test_the_text_gives_verdict_place_evidence_fix_and_scope() -> None:
    diagnosis = diagnose(recording_of([0.875] * 20))
    assert str(diagnosis.page()) == TEXT + ", ".join(diagnosis.rules) + ".\n"


TEXT = """\
Diagnosis of dqn.py
═══════════════════

✖ 1 critical finding.

✖ BS301 clip-blocks-loss

   ╭─ dqn.py:41:20 in loss_of
41 │     loss = np.mean(np.clip(delta, -1.0, 1.0) ** 2)
   │                    ^^^^^^^^^^^^^^^^^^^^^^^^^
   │                    ╰── blocks 88% of the gradient

clip blocks 88% of the gradient that reaches it: 1,120 of 1,280 elements in 20 observed
steps (steps 1 to 20). Outside [-1, 1] its local derivative is zero, and these are
values that the loss wants back inside the range: the largest errors teach nothing.
evidence: blocked share 88%, threshold 50%, steps 1 to 20, samples 1,280, observations
          20, passed norm 0.5
fix: Use the Huber loss:
         loss = np.mean(bs.huber(delta, delta=1.0))
     Inside ±1 it is the same parabola (halved); outside it goes on as a straight line,
     so large errors still pull, with a gradient of at most 1.

Observed

20 of 20 steps (a step is one backward pass); watching took 0 s, 3.1% of the run. Rules
applied: """


def test_a_clean_run_is_clean() -> None:
    diagnosis = diagnose(recording_of([0.0] * 20))
    assert diagnosis.status == "clean"
    assert "✔ No leak found." in str(diagnosis.page())


def test_a_run_of_which_too_little_was_seen_is_not_called_healthy() -> None:
    diagnosis = diagnose(recording_of([0.0], steps=400, probed=1))
    text = " ".join(str(diagnosis.page()).split())
    assert "✔" not in text
    assert "● No leak found, but too few steps were observed to rule one out." in text
    assert "not observed: enough: 1 of 400 steps, while most rules need 5 in a row" in text
    assert diagnosis.to_json()["observed"]["not_observed"]
    short = diagnose(recording_of([0.0], steps=1, probed=1))  # all of a short run is all there is
    assert "✔ No leak found." in str(short.page())


def test_a_run_without_backward_is_not_called_healthy() -> None:
    diagnosis = diagnose(recording_of([]))
    assert diagnosis.status == "not-observed"
    text = str(diagnosis.page())
    assert "Nothing was observed, so nothing can be said about this run." in text
    assert "never called" in text


def test_a_failure_of_the_watching_is_told() -> None:
    recording = recording_of([0.9] * 20)
    failed = type(recording)(
        recording.path,
        recording.meta,
        recording.sites,
        events=(Event(0.0, "failure", "OSError: disk full"), Event(0.0, "not-observed", "x")),
        probes_by_site=recording.probes_by_site,
    )
    diagnosis = diagnose(failed)
    assert diagnosis.status == "watching-failed"
    assert diagnosis.script_exit_code is None
    text = str(diagnosis.page())
    assert "Watching broke off: OSError: disk full. Until then: 1 critical finding." in text
    assert "not observed: x" in text
    assert "The run was killed: the recording ends at step 20." in text


@pytest.mark.parametrize("comment", ["ignore[BS301]", "ignore", "ignore[BS101, bs301]"])
def test_a_comment_on_the_line_silences(comment: str) -> None:
    site = clamp_site(source=f"    loss = np.clip(delta, -1, 1)  # backsight: {comment} wanted")
    diagnosis = diagnose(recording_of([0.9] * 20, site))
    assert diagnosis.status == "clean"
    assert "ignored as told: 1 finding of BS301" in str(diagnosis.page())


def test_a_comment_for_another_rule_does_not() -> None:
    site = clamp_site(source="    loss = np.clip(delta, -1, 1)  # backsight: ignore[BS101]")
    assert diagnose(recording_of([0.9] * 20, site)).status == "findings"


def test_files_outside_the_folder_keep_their_path() -> None:
    diagnosis = diagnose(recording_of([0.9] * 20, folder="/somewhere/else"))
    assert diagnosis.to_json()["findings"][0]["location"]["file"] == "/home/me/project/dqn.py"


def test_json_has_no_nan() -> None:
    diagnosis = Diagnosis("clean", "x.py", 0, {"overhead": float("nan")})
    assert diagnosis.to_json()["observed"] == {"overhead": None}


def test_it_is_saved_by_suffix(tmp_path: Path) -> None:
    diagnosis = diagnose(recording_of([0.875] * 20))
    diagnosis.save(tmp_path / "d.json")
    assert json.loads((tmp_path / "d.json").read_text()) == diagnosis.to_json()
    diagnosis.save(tmp_path / "d.txt")
    assert (tmp_path / "d.txt").read_text(encoding="utf-8") == str(diagnosis.page())
    diagnosis.save(tmp_path / "d.sarif")
    assert json.loads((tmp_path / "d.sarif").read_text()) == diagnosis.to_sarif()
    with pytest.raises(UsageError, match=r"cannot be saved as \.docx"):
        diagnosis.save(tmp_path / "d.docx")


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no rule 'BS999'; rules: BS101"):
        diagnose(recording_of([]), BS999={})
    with pytest.raises(
        UsageError, match="BS301 clip-blocks-loss has no threshold 'high'; it has warn"
    ):
        diagnose(recording_of([]), BS301={"high": 1})
    with pytest.raises(FileFormatError, match="does not exist"):
        diagnose(tmp_path / "no.bsr")
