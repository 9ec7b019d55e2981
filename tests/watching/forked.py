"""Run programs in forks of this process, which has torch loaded: to load it takes seconds."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("torch")
pytest.importorskip("torch._dynamo")  # optimisers load it when they are made

from backsight.watching.program import Program
from backsight.watching.run import run_script
from backsight.watching.sampling import Sampling
from backsight.watching.session import Session

PROGRAMS = Path(__file__).parent / "torch_programs"


class Ran(NamedTuple):
    """What a program printed, and how it ended."""

    stdout: str
    stderr: str
    code: int


def bare(script: Path, folder: Path) -> Ran:
    """Run a script as it is."""
    return in_fork(lambda: Program(str(script)).run(), script, folder / "bare")


def watched(script: Path, folder: Path, *, recording: str = "run.bsr", **options: object) -> Ran:
    """Run a script under a session; the recording lands in `folder`."""
    before = setting_up(options.pop("setup", ""))

    def run() -> int:
        exec(before, {})
        session = Session(
            folder / recording,
            script=script.name,
            sampling=Sampling(**options),  # type: ignore[arg-type]
            explicit=True,
        )
        return run_script(Program(str(script)), session, lambda diagnosis, session: 0)

    return in_fork(run, script, folder / "watched")


def setting_up(source: object) -> str:
    """Return source to run before the script."""
    assert isinstance(source, str)
    return source


def in_fork(run: Callable[[], int], script: Path, output: Path) -> Ran:
    """Call `run` in a fork, in the script's folder; its result is the exit code."""
    paths = [output.with_suffix(suffix) for suffix in (".out", ".err")]
    sys.stdout.flush(), sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pid = os.fork()
    if pid == 0:
        _child(run, script, paths)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    stdout, stderr = (path.read_text() for path in paths)
    return Ran(stdout, stderr, code)


def _child(run: Callable[[], int], script: Path, paths: Sequence[Path]) -> None:
    code = 99
    try:
        for number, path in enumerate(paths, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (
            os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2)
        )
        warnings.resetwarnings()
        warnings.simplefilter("ignore")
        os.chdir(script.parent)
        random.seed(0)  # Python draws a new state in a fork
        sys.dont_write_bytecode = True
        code = run()
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
