"""Programs as users write them, healthy and faulty; what is expected of them; how they are run."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import runpy
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import backsight
from backsight.diagnosis import all_rules

FOLDER = Path(__file__).parent
LEAK = re.compile(r"# leak: (BS\d{3})")
SEED = re.compile(r"(manual_seed|default_rng)\((\d+)\)")


@dataclass(frozen=True)
class Program:
    """A program, and the code and lines that its comments promise (none: healthy)."""

    path: Path
    leaks: tuple[tuple[str, int], ...]

    @property
    def framework(self) -> str:
        return self.path.name.partition("_")[0]

    @property
    def code(self) -> str:
        return self.leaks[0][0]

    @property
    def lines(self) -> set[int]:
        return {line for _, line in self.leaks}

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.stem}"


def programs(kind: str) -> list[Program]:
    """List the programs of a folder: `healthy` or `faulty`."""
    found = []
    for path in sorted((FOLDER / kind).glob("*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        leaks = [
            (code, number)
            for number, line in enumerate(lines, start=1)
            for code in LEAK.findall(line)
        ]
        found.append(Program(path, tuple(leaks)))
    return found


def watched_frameworks() -> set[str]:
    """Return the frameworks that this Backsight can watch, as far as they are installed."""
    known = {"backsight"}
    watcher = importlib.util.find_spec("backsight.watching.torch")
    if watcher is not None and importlib.util.find_spec("torch") is not None:
        known.add("torch")
    return known


def supported() -> set[tuple[str, str]]:
    """Return the pairs (framework, code) that there is a rule and a watcher for."""
    return {(framework, rule.code) for framework in watched_frameworks() for rule in all_rules()}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep a program's output and warnings to itself, and its changes of NumPy's error state."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(),
    ):
        warnings.simplefilter("ignore")
        yield


def run_bare(program: Program) -> dict[str, Any]:
    """Run a program in this process; return what it leaves behind."""
    with quiet():
        return runpy.run_path(str(program.path), run_name="__main__")


def run_here(program: Program) -> backsight.diagnosis.Diagnosis:
    """Run a program in this process, watched; return its diagnosis.

    Every step is observed, so that the speed of the machine has no say in what is found; what the
    budget of time leaves of that is measured by `run_apart`.
    """
    with quiet(), backsight.watch(every_step=True) as w:
        runpy.run_path(str(program.path), run_name="__main__")
    return w.diagnosis


def run_apart(program: Program, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Run a program by `backsight run` with its seeds moved; return the diagnosis as JSON data."""
    source = program.path.read_text(encoding="utf-8")
    moved = SEED.sub(lambda found: f"{found[1]}({int(found[2]) + 100 * seed})", source)
    script = folder / program.path.name
    script.write_text(moved, encoding="utf-8")
    output = script.with_suffix(".json")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "backsight", "run", "--format", "json", "-o", output.name),
            *("--recording", script.with_suffix(".bsr").name, script.name),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(output.read_text(encoding="utf-8")))
