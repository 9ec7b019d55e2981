"""`backsight diagnose`: a recording again, or a sentence why not."""

from __future__ import annotations

import json
from pathlib import Path

from ..watching.programs import TRAINING, backsight


def test_it_reproduces_the_diagnosis_of_the_run(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING + "train(40)\n")
    run = backsight(tmp_path, "run", "--format", "json", "-o", "first.json", "train.py")
    assert run.returncode == 0
    again = backsight(tmp_path, "diagnose", "--format", "json", "backsight/train.bsr")
    assert json.loads(again.stdout) == json.loads((tmp_path / "first.json").read_text())
    (tmp_path / "train.py").unlink()  # the recording holds the source lines that it shows
    text = backsight(tmp_path, "diagnose", "backsight/train.bsr")
    assert "np.mean(np.clip(delta, -1.0, 1.0) ** 2)" in text.stdout
    assert text.stderr == ""
    failing = backsight(tmp_path, "diagnose", "--fail-on", "warning", "backsight/train.bsr")
    assert failing.returncode == 10


def test_what_cannot_be_read_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "text.bsr").write_text("not at all a recording\n" * 10)
    for arguments, message in (
        (("no.bsr",), "no.bsr does not exist. `backsight run train.py` writes one\n"),
        (
            ("text.bsr",),
            "text.bsr is not a recording of Backsight. `backsight run train.py` writes",
        ),
        ((".",), ". is a folder, not a recording"),
        ((), "Missing argument 'RUN.bsr'."),
    ):
        run = backsight(tmp_path, "diagnose", *arguments)
        assert run.returncode == 2
        assert run.stdout == ""
        assert run.stderr.startswith(f"backsight: {message}")


def test_a_damaged_recording_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING + "train(400)\n")
    backsight(tmp_path, "run", "train.py")
    recording = tmp_path / "backsight" / "train.bsr"
    recording.write_bytes(recording.read_bytes()[:9000])
    run = backsight(tmp_path, "diagnose", "backsight/train.bsr")
    assert run.returncode == 2
    assert run.stderr.startswith("backsight: backsight/train.bsr is damaged")
    assert "Traceback" not in run.stderr


def test_a_recording_given_as_a_command_is_understood(tmp_path: Path) -> None:
    (tmp_path / "run.bsr").touch()
    run = backsight(tmp_path, "run.bsr")
    assert run.returncode == 2
    assert run.stderr.startswith("backsight: Did you mean: backsight diagnose run.bsr\n")
