"""`backsight run`: where things go, exit codes, and one clear message for what is wrong."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ..watching.programs import TRAINING, backsight, python

HUBER = TRAINING.replace("np.clip(delta, -1.0, 1.0) ** 2", "bs.huber(delta, delta=1.0)")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clipped.py").write_text(TRAINING + "print(train(100).shape)\n")
    (tmp_path / "huber.py").write_text(HUBER + "print(train(100).shape)\n")
    (tmp_path / "fails.py").write_text(TRAINING + "train(100)\nraise SystemExit(4)\n")
    (tmp_path / "idle.py").write_text("print('nothing to see')\n")
    return tmp_path


def refused(folder: Path, *arguments: str) -> str:
    """The message of a usage error: exit code 2, nothing on stdout, no traceback."""
    run = backsight(folder, *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith("backsight: ")
    return run.stderr.removeprefix("backsight: ")


def test_the_leak_is_named_by_place_share_reason_and_repair(folder: Path) -> None:
    run = backsight(folder, "run", "clipped.py")
    assert run.returncode == 0
    assert run.stdout == "()\n"
    text = " ".join(run.stderr.split())
    assert text.startswith("Diagnosis of clipped.py")
    for part in (
        "✖ 1 critical finding.",
        "clipped.py:12:20 in loss_of",
        "12 │     return np.mean(np.clip(delta, -1.0, 1.0) ** 2)".replace("    ", ""),
        "clip blocks",
        "Outside [-1, 1] its local derivative is zero",
        "return np.mean(bs.huber(delta, delta=1.0))",
        "of 100 steps (a step is one backward pass)",
        "backsight: recording: backsight/clipped.bsr, report: backsight/clipped.html",
    ):
        assert part in text


def test_the_cured_program_gets_no_finding(folder: Path) -> None:
    run = backsight(folder, "run", "--fail-on", "info", "huber.py")
    assert run.returncode == 0
    assert "✔ No leak found." in run.stderr


def test_a_script_without_training_is_not_called_healthy(folder: Path) -> None:
    run = backsight(folder, "run", "idle.py")
    assert (run.returncode, run.stdout) == (0, "nothing to see\n")
    assert "Nothing was observed" in run.stderr


def test_json_goes_to_the_file_and_stdout_stays_the_scripts(folder: Path) -> None:
    run = backsight(folder, "run", "--format", "json", "-o", "d.json", "clipped.py")
    assert run.stdout == "()\n"
    assert run.stderr == (
        "backsight: diagnosis (1 finding): d.json, recording: backsight/clipped.bsr, "
        "report: backsight/clipped.html\n"
    )
    data = json.loads((folder / "d.json").read_text())
    assert data["status"] == "findings"
    assert data["script_exit_code"] == 0
    assert data["findings"][0]["location"] == {
        "file": "clipped.py",
        "line": 12,
        "end_line": 12,
        "column": 20,
        "expression": "np.clip(delta, -1.0, 1.0)",
        "function": "loss_of",
    }


def test_a_dash_is_stdout(folder: Path) -> None:
    run = backsight(folder, "run", "--format", "json", "-o", "-", "-q", "idle.py")
    assert run.stderr == ""
    first, _, rest = run.stdout.partition("\n")
    assert first == "nothing to see"
    assert json.loads(rest)["status"] == "not-observed"


def test_json_without_a_file_goes_to_stderr_alone(folder: Path) -> None:
    run = backsight(folder, "run", "--format", "json", "clipped.py")
    assert json.loads(run.stderr)["status"] == "findings"


def test_quiet_prints_findings_only(folder: Path) -> None:
    assert backsight(folder, "run", "--quiet", "huber.py").stderr == ""
    text = backsight(folder, "run", "-q", "clipped.py").stderr
    assert "✖ BS301" in text
    assert "Observed" not in text
    assert "recording" not in text


def test_fail_on_replaces_zero_only(folder: Path) -> None:
    assert backsight(folder, "run", "--fail-on", "critical", "clipped.py").returncode == 10
    assert backsight(folder, "run", "--fail-on", "info", "fails.py").returncode == 4
    assert backsight(folder, "run", "--fail-on", "warning", "idle.py").returncode == 0


def test_sarif_and_github_are_written(folder: Path) -> None:
    run = backsight(folder, "run", "--format", "sarif", "-o", "out.sarif", "clipped.py")
    assert run.stdout == "()\n"
    log = json.loads((folder / "out.sarif").read_text())
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["BS301"]
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]
    run = backsight(folder, "run", "--format", "github", "clipped.py")
    assert run.stderr.startswith("::error file=clipped.py,line=12,endLine=12,col=20,endColumn=44,")
    assert len(run.stderr.splitlines()) == 1


def test_a_diagnosis_that_cannot_be_written_is_told(folder: Path) -> None:
    script = folder / "clipped.py"
    script.write_text(script.read_text() + "import os\nos.rmdir('out')\n")
    (folder / "out").mkdir()
    run = backsight(folder, "run", "--format", "json", "-o", "out/d.json", "clipped.py")
    assert run.returncode == 0
    assert "backsight: out/d.json cannot be written" in run.stderr
    assert "✖ BS301" in run.stderr


def test_a_slip_in_the_settings_is_told_before_the_run(folder: Path) -> None:
    file = folder / "pyproject.toml"
    file.write_text("[tool.backsight.BS301]\nwarn = 0.4\n")
    message = refused(folder, "run", "clipped.py")
    assert f"{file}, [tool.backsight]: BS301 clip-blocks-loss has no threshold 'warn'" in message
    file.write_text("[tool.backsight.BS301]\nwarning = 0.99\ncritical = 0.99\n")
    assert "BS301 clip" not in backsight(folder, "run", "clipped.py").stderr


def test_a_run_killed_before_its_first_step_is_not_taken_for_an_older_one(folder: Path) -> None:
    backsight(folder, "run", "clipped.py")
    assert (folder / "backsight" / "clipped.bsr").is_file()
    (folder / "clipped.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert backsight(folder, "run", "clipped.py").returncode == -9
    run = backsight(folder, "diagnose", "backsight/clipped.bsr")
    assert run.returncode == 2
    assert "backsight/clipped.bsr does not exist" in run.stderr


def test_a_framework_that_cannot_be_imported_fails_as_it_would_unwatched(folder: Path) -> None:
    (folder / "torch.py").write_text("raise RuntimeError('a broken installation')\n")
    (folder / "uses.py").write_text("import torch\n")
    bare = python(folder, "uses.py")
    watched = backsight(folder, "run", "-q", "uses.py")
    assert watched.returncode == bare.returncode == 1
    kept = [line for line in bare.stderr.splitlines() if "~" not in line and "^" not in line]
    seen = [line for line in watched.stderr.splitlines() if "~" not in line and "^" not in line]
    assert seen[: len(kept)] == kept


def test_steps_and_recording_options(folder: Path) -> None:
    run = backsight(folder, "run", "--steps", "7", "--recording", "deep/down/r.bsr", "clipped.py")
    assert "7 of 100 steps" in " ".join(run.stderr.split())
    assert (folder / "deep" / "down" / "r.bsr").is_file()
    assert not (folder / "backsight").exists()
    run = backsight(folder, "run", "--budget", "0%", "clipped.py")
    assert "20 of 100 steps" in " ".join(run.stderr.split())


def test_options_after_the_script_are_the_scripts(folder: Path) -> None:
    (folder / "show.py").write_text("import sys; print(sys.argv[1:])")
    run = backsight(folder, "run", "show.py", "--quiet", "--format", "x", "-o", "--", "-m")
    assert run.stdout == "['--quiet', '--format', 'x', '-o', '--', '-m']\n"
    run = backsight(folder, "run", "-q", "-m", "show", "--steps", "x")
    assert run.stdout == "['--steps', 'x']\n"


def test_an_ignored_line_is_left_alone(folder: Path) -> None:
    script = folder / "clipped.py"
    script.write_text(script.read_text().replace("** 2)", "** 2)  # backsight: ignore[BS301]"))
    run = backsight(folder, "run", "--fail-on", "info", "clipped.py")
    assert run.returncode == 0
    assert "ignored as told: 1 finding of BS301" in run.stderr


def test_a_place_that_cannot_be_written_costs_a_line(folder: Path) -> None:
    (folder / "backsight").write_text("a file stands where the folder should be")
    run = backsight(folder, "run", "clipped.py")
    assert run.returncode == 0
    assert "backsight/clipped.bsr cannot be written" in run.stderr
    assert "recording to /" in run.stderr
    assert "✖ BS301" in run.stderr


def test_a_file_of_another_kind_is_never_replaced(folder: Path) -> None:
    (folder / "data.csv").write_text("1,2")
    message = refused(folder, "run", "--recording", "data.csv", "clipped.py")
    assert message.startswith("--recording data.csv exists and is not a recording")
    assert (folder / "data.csv").read_text() == "1,2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nope.py"), "script nope.py does not exist (looked in "),
        (("run", "."), ". is a folder, not a script"),
        (("run",), "which script? backsight run train.py"),
        (("run", "-m"), "which module? backsight run -m package.module"),
        (("run", "-m", "no.such.module"), "there is no module no.such.module to run (looked from "),
        (("run", "--nope", "idle.py"), "No such option '--nope'"),
        (
            ("run", "--format", "pdf", "idle.py"),
            "Invalid value for '--format': 'pdf' is not one of",
        ),
        (
            ("run", "--fail-on", "all", "idle.py"),
            "Invalid value for '--fail-on': 'all' is not one of",
        ),
        (
            ("run", "--budget", "lots", "idle.py"),
            "Invalid value for '--budget': 'lots' is no share",
        ),
        (
            ("run", "--budget", "7", "idle.py"),
            "Invalid value for '--budget': 7 is not between 0 and",
        ),
        (("run", "--steps", "0", "idle.py"), "Invalid value for '--steps': 0 is not in the range"),
        (("run", "-o", "no/d.json", "idle.py"), "--output no/d.json: the folder no does not exist"),
        (("run", "-o", ".", "idle.py"), "--output . is a folder; give the name of a file in it"),
        (("run", "--recording", ".", "idle.py"), "--recording . is a folder; give the name of"),
        (("idle.py", "--x"), "Did you mean: backsight run idle.py --x"),
        (
            ("dance",),
            "there is no command 'dance'; commands: check, clinic, derive, diagnose, draw, "
            "explain, report, run",
        ),
    ],
)
def test_usage_errors_are_one_clear_message(
    folder: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert refused(folder, *arguments).startswith(message)


def test_help_shows_examples_and_only_what_works(folder: Path) -> None:
    text = backsight(folder, "--help").stdout
    assert "backsight run train.py" in text
    commands = text.partition("Commands:\n")[2].partition("\n\n")[0].split("\n")
    assert [line.split()[0] for line in commands] == [
        "check",
        "clinic",
        "derive",
        "diagnose",
        "draw",
        "explain",
        "report",
        "run",
    ]
    for command in ("run", "diagnose", "explain", "report"):
        assert f"  backsight {command} " in backsight(folder, command, "--help").stdout
    assert backsight(folder, "--version").stdout == "backsight, version 0.1.0\n"


def test_the_installed_command_is_the_same(folder: Path) -> None:
    run = subprocess.run(
        ["backsight", "--version"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(Path(__import__("sys").executable).parent)},
    )
    assert run.stdout == "backsight, version 0.1.0\n"
