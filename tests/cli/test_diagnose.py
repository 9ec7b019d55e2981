"""`backsight diagnose`: a recording again, or a sentence why not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from backsight.traces.recording_writer import RecordingWriter

from ..diagnosis.recordings import FOLDER, clamp_site, probe
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
        ((), "Missing argument 'FILE...'."),
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


def two_ranks(folder: Path) -> None:
    """Two processes of one job; the second one alone clips."""
    for rank, clipped in ((0, False), (1, True)):
        writer = RecordingWriter(
            folder / f"rank{rank}.bsr",
            {"script": "dqn.py", "folder": FOLDER, "rank": rank, "source": "engine"},
        )
        site = writer.site(clamp_site()) if clipped else 0
        for step in range(1, 21):
            if clipped:
                writer.probe(step, site, probe(step, 0.9).figures)
            writer.step(step, loss=1.0, observed=True)
        writer.update(steps=20, probed=20)
        writer.event("exit", 3 * rank)
        writer.close()


def test_several_files_are_one_run(tmp_path: Path) -> None:
    two_ranks(tmp_path)
    files = ("rank0.bsr", "rank1.bsr")
    data = json.loads(backsight(tmp_path, "diagnose", "--format", "json", *files).stdout)
    assert (data["observed"]["steps"], data["observed"]["probed"]) == (20, 40)
    assert data["script_exit_code"] == 3
    (finding,) = [each for each in data["findings"] if each["code"] == "BS301"]
    assert finding["rank"] == 1
    assert "in: rank 1 only" in backsight(tmp_path, "diagnose", *files).stdout
    again = backsight(tmp_path, "diagnose", "--format", "json", *files, files[0])
    assert json.loads(again.stdout) == data  # a file given twice counts once


def test_recordings_of_different_programs_are_refused(tmp_path: Path) -> None:
    two_ranks(tmp_path)
    writer = RecordingWriter(tmp_path / "other.bsr", {"script": "vae.py", "folder": FOLDER})
    writer.close()
    run = backsight(tmp_path, "diagnose", "rank0.bsr", "other.bsr")
    assert run.returncode == 2
    assert "rank0.bsr and other.bsr are of different programs (dqn.py, vae.py)" in run.stderr


def test_a_newer_recording_asks_for_an_upgrade(tmp_path: Path) -> None:
    two_ranks(tmp_path)
    with closing(sqlite3.connect(tmp_path / "rank0.bsr")) as database:
        database.execute("PRAGMA user_version = 99")
    run = backsight(tmp_path, "diagnose", "rank0.bsr")
    assert run.returncode == 2
    assert "rank0.bsr was written by a newer Backsight (format 99" in run.stderr


def test_processes_of_a_launcher_record_their_rank(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAINING + "train(30)\n")
    for rank in ("0", "1"):
        run = backsight(
            tmp_path,
            *("run", "--recording", f"{rank}.bsr", "--format", "json", "train.py"),
            RANK=rank,
            WORLD_SIZE="2",
        )
        assert [each["rank"] for each in json.loads(run.stderr)["findings"]] == [int(rank)]
    both = backsight(tmp_path, "diagnose", "--format", "json", "0.bsr", "1.bsr")
    assert [each["rank"] for each in json.loads(both.stdout)["findings"]] == [None]
    alone = backsight(tmp_path, "run", "--format", "json", "train.py", RANK="0", WORLD_SIZE="1")
    assert [each["rank"] for each in json.loads(alone.stderr)["findings"]] == [None]
