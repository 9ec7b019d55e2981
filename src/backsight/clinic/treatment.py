"""Run the programs of a case under `backsight run` and take down what each of them shows."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .cases import Case, file_name

FRAMEWORKS = ("backsight", "torch")
LONGEST = 120.0
"""Seconds after which a program is taken to hang."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One program, run once: what it printed last, and its diagnosis (JSON data).

    `failure` says why it has none, "" where all is well; `figure` is None if it printed no figure.
    """

    figure: float | None
    diagnosis: Mapping[str, Any]
    seconds: float
    failure: str = ""

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings, worst first."""
        return list(self.diagnosis.get("findings", ()))


@dataclass(frozen=True, slots=True)
class Treatment:
    """A case in one framework: its sick program and its cured one."""

    case: Case
    framework: str
    sick: Visit
    cured: Visit

    @property
    def finding(self) -> dict[str, Any] | None:
        """The finding that names the leak, else the worst one, else None."""
        found = self.sick.findings
        named = [each for code in self.case.codes for each in found if each["code"] == code]
        return next(iter(named + found), None)

    @property
    def expected(self) -> bool:
        """Whether the leak was named as it should be."""
        return self.finding is not None and self.finding["code"] in self.case.codes

    @property
    def failures(self) -> list[str]:
        """Why programs could not be run, "sick_torch.py: …"."""
        visits = (("sick", self.sick), ("cured", self.cured))
        return [
            f"{self.case.name}/{file_name(state, self.framework)}: {visit.failure}"
            for state, visit in visits
            if visit.failure
        ]


def available(framework: str) -> tuple[str, ...]:
    """Return the frameworks that a choice stands for: `both` is those that are installed.

    Raises UsageError if PyTorch is asked for by name and is missing.
    """
    installed = importlib.util.find_spec("torch") is not None
    if framework == "both":
        return FRAMEWORKS if installed else FRAMEWORKS[:1]
    if framework == "torch" and not installed:
        raise UsageError(
            "PyTorch is not installed; pip install 'backsight[torch]', or --framework backsight"
        )
    return (framework,)


def treat(case: Case, framework: str, folder: Path) -> Treatment:
    """Run both programs of a case in `folder`, where copies of them are left."""
    place = folder / case.name
    sick, cured = (visit(case, state, framework, place) for state in ("sick", "cured"))
    return Treatment(case, framework, sick, cured)


def visit(case: Case, state: str, framework: str, place: Path) -> Visit:
    """Copy a program to a folder and run it there, watched.

    It runs as a copy since a place inside the installed package is not taken for the user's code.
    """
    script = place / file_name(state, framework)
    put(script, case.program(state, framework))
    output = script.with_suffix(".json")
    begun = time.perf_counter()
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "backsight", "run", "--format", "json"),
                *("--output", output.name, "--recording", script.with_suffix(".bsr").name),
                script.name,
            ],
            cwd=place,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=LONGEST,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Visit(None, {}, time.perf_counter() - begun, f"took more than {LONGEST:.0f} s")
    seconds = time.perf_counter() - begun
    failure = ""
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        failure = f"ended with exit code {done.returncode}: {said[-1]}"
    try:
        diagnosis = json.loads(output.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        diagnosis = {}
        failure = failure or "left no diagnosis"
    figure = figure_in(done.stdout, case.figure)
    if figure is None and not failure:
        failure = f"printed no {case.figure} in its last line"
    return Visit(figure, diagnosis, seconds, failure)


def put(script: Path, source: str) -> None:
    """Write a program. Raises UsageError where the user's own version of it would be lost."""
    script.parent.mkdir(parents=True, exist_ok=True)
    if script.exists() and script.read_text(encoding="utf-8") != source:
        raise UsageError(
            f"{script} was changed and would be overwritten; move it, or choose another folder"
        )
    script.write_text(source, encoding="utf-8")


def figure_in(printed: str, name: str) -> float | None:
    """Return the number behind `name` in the last line of what a program printed."""
    last = (printed.strip().splitlines() or [""])[-1]
    found = re.fullmatch(rf"{name} ([-+.\w]+)", last)
    try:
        return float(found[1]) if found else None
    except ValueError:
        return None
