"""Ctrl-C, SIGTERM and kill −9 leave a diagnosis behind, and end the run as they should."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backsight.traces.recording import load_recording

from .programs import TRAINING, backsight

LONG = TRAINING + "import time\ntrain(50)\nprint('trained', flush=True)\n"
ENDLESS = LONG + "while True:\n    train(1)\n    time.sleep(0.01)\n"


def started(folder: Path, script: str, *options: str) -> subprocess.Popen[str]:
    """Start a watched script, and wait until it has trained for a while."""
    (folder / "script.py").write_text(script)
    process = subprocess.Popen(
        [sys.executable, "-m", "backsight", "run", *options, "script.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "88", "PYTHONIOENCODING": "utf-8"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "trained\n"
    return process


def test_control_c_gives_the_diagnosis_of_what_was_seen(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "KeyboardInterrupt" in error
    assert "✖ BS301 clip-blocks-loss" in error
    assert "Traceback" in error
    assert "watching/" not in error


def test_a_terminated_run_dies_by_the_signal_after_its_diagnosis(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS)
    process.terminate()
    _, error = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert "✖ BS301 clip-blocks-loss" in error
    assert load_recording(tmp_path / "backsight" / "script.bsr").event("exit").detail == 143  # type: ignore[union-attr]


def test_a_handler_of_the_script_keeps_its_place(tmp_path: Path) -> None:
    handled = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\n"
    process = started(tmp_path, handled + ENDLESS)
    process.terminate()
    _, error = process.communicate(timeout=60)
    assert process.returncode == 5
    assert "✖ BS301 clip-blocks-loss" in error


def test_a_killed_run_can_still_be_diagnosed(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS)
    time.sleep(1.5)
    process.kill()
    process.communicate()
    run = backsight(tmp_path, "diagnose", "backsight/script.bsr", "--format", "json")
    data = json.loads(run.stdout)
    assert run.returncode == 0
    assert data["script_exit_code"] is None
    assert [finding["code"] for finding in data["findings"]] == ["BS301"]
    assert data["observed"]["steps"] > 50
    text = backsight(tmp_path, "diagnose", "backsight/script.bsr").stdout
    assert "The run was killed: the recording ends at step " in " ".join(text.split())


def test_a_run_in_progress_can_be_diagnosed(tmp_path: Path) -> None:
    process = started(tmp_path, ENDLESS)
    time.sleep(1.5)
    run = backsight(tmp_path, "diagnose", "backsight/script.bsr")
    assert "✖ BS301 clip-blocks-loss" in run.stdout
    assert "The run is still going on: this is as of step " in " ".join(run.stdout.split())
    process.kill()
    process.communicate()


def test_two_runs_of_one_script_do_not_meet(tmp_path: Path) -> None:
    first = started(tmp_path, ENDLESS)
    second = started(tmp_path, ENDLESS)
    for process in (first, second):
        process.terminate()
        process.communicate(timeout=60)
    names = {path.name for path in (tmp_path / "backsight").iterdir()}
    stems = (f"script-{second.pid}", "script")
    assert names == {f"{stem}{suffix}" for stem in stems for suffix in (".bsr", ".html")}
    for stem in stems:
        recording = load_recording(tmp_path / "backsight" / f"{stem}.bsr")
        assert recording.meta["steps"] > 50


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX threads and exit codes")
def test_training_in_a_thread_that_outlives_the_script_is_seen(tmp_path: Path) -> None:
    script = TRAINING + (
        "import threading, time\n"
        "def later():\n    time.sleep(0.3)\n    train(30)\n"
        "threading.Thread(target=later).start()\n"
    )
    (tmp_path / "script.py").write_text(script)
    run = backsight(tmp_path, "run", "--fail-on", "critical", "script.py")
    assert "✖ BS301 clip-blocks-loss" in run.stderr
    assert run.returncode == 10
