"""The report of `backsight run` and `backsight report`: where it goes, and that it costs no run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..watching.programs import TRAINING, backsight


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(TRAINING + "train(40)\n")
    return tmp_path


def test_a_run_writes_its_report_beside_its_recording(folder: Path) -> None:
    run = backsight(folder, "run", "--every-step", "train.py")
    assert run.returncode == 0
    assert "report: backsight/train.html" in run.stderr
    html = (folder / "backsight" / "train.html").read_text(encoding="utf-8")
    assert "BS301 clip-blocks-loss" in html
    assert "np.clip(delta, -1.0, 1.0)" in html


def test_no_report_writes_none(folder: Path) -> None:
    run = backsight(folder, "run", "--no-report", "train.py")
    assert run.returncode == 0
    assert "report" not in run.stderr
    assert [path.name for path in (folder / "backsight").iterdir()] == ["train.bsr"]


def test_the_report_goes_where_it_is_wanted(folder: Path) -> None:
    run = backsight(folder, "run", "--report", "shown.html", "--recording", "r.bsr", "train.py")
    assert "recording: r.bsr, report: shown.html" in run.stderr
    assert (folder / "shown.html").is_file()
    assert not (folder / "r.html").exists()


def test_it_is_written_again_from_the_recording_alone(folder: Path) -> None:
    backsight(folder, "run", "--every-step", "train.py")
    first = (folder / "backsight" / "train.html").read_text(encoding="utf-8")
    (folder / "train.py").unlink()
    again = backsight(folder, "report", "backsight/train.bsr", "-o", "again.html")
    assert (again.returncode, again.stdout) == (0, "report: again.html\n")
    assert (folder / "again.html").read_text(encoding="utf-8") == first
    beside = backsight(folder, "report", "backsight/train.bsr")
    assert beside.stdout == "report: backsight/train.html\n"


def test_a_file_of_the_users_is_not_replaced(folder: Path) -> None:
    (folder / "mine.html").write_text("my own page")
    run = backsight(
        folder,
        "run",
        "--every-step",
        "--recording",
        "mine.bsr",
        "--fail-on",
        "critical",
        "train.py",
    )
    assert run.returncode == 10
    assert "no report was written" in run.stderr
    assert "mine.html exists and is no report" in run.stderr
    assert (folder / "mine.html").read_text() == "my own page"
    assert "recording: mine.bsr\n" in run.stderr
    refused = backsight(folder, "report", "mine.bsr")
    assert refused.returncode == 2
    assert (folder / "mine.html").read_text() == "my own page"


def test_a_report_that_fails_changes_neither_exit_code_nor_diagnosis(folder: Path) -> None:
    script = folder / "train.py"
    script.write_text(script.read_text() + "import os\nos.rmdir('out')\nraise SystemExit(4)\n")
    (folder / "out").mkdir()
    (folder / "out" / "sub").mkdir()
    (folder / "out" / "sub").rmdir()
    run = backsight(folder, "run", "--every-step", "--report", "out/r.html", "train.py")
    assert run.returncode == 4
    assert "✖ BS301" in run.stderr


def test_a_broken_painter_costs_one_line(folder: Path) -> None:
    script = folder / "train.py"
    broken = "import backsight.report.document as d\nd.asset = None\n"
    script.write_text(script.read_text() + broken)
    run = backsight(folder, "run", "--every-step", "train.py")
    assert run.returncode == 0
    assert "no report was written" in run.stderr
    assert "Traceback" not in run.stderr
    assert "✖ BS301" in run.stderr


def test_machines_that_read_stderr_find_nothing_else_there(folder: Path) -> None:
    run = backsight(folder, "run", "--every-step", "--format", "github", "train.py")
    assert len(run.stderr.splitlines()) == 1
    assert (folder / "backsight" / "train.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--report", "r.pdf", "train.py"), "end its name in .html"),
        (("run", "--report", "no/r.html", "train.py"), "the folder no does not exist"),
        (("run", "--report", ".", "train.py"), "is a folder"),
        (("report", "no.bsr"), "no.bsr does not exist"),
        (("report", "train.py"), "is not a recording of Backsight"),
        (("report",), "Missing argument 'FILE...'"),
    ],
)
def test_a_slip_is_one_clear_message(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    run = backsight(folder, *arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_script_without_training_gets_a_report_that_says_so(folder: Path) -> None:
    (folder / "idle.py").write_text("print('nothing')\n")
    run = backsight(folder, "run", "idle.py")
    assert run.returncode == 0
    html = (folder / "backsight" / "idle.html").read_text(encoding="utf-8")
    assert "Nothing was observed, so nothing can be said about this run." in html


def test_the_report_of_an_earlier_run_does_not_stay(folder: Path) -> None:
    backsight(folder, "run", "--every-step", "train.py")
    assert (folder / "backsight" / "train.html").is_file()
    (folder / "train.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert backsight(folder, "run", "--every-step", "train.py").returncode == -9
    assert not (folder / "backsight" / "train.html").exists()
