"""`backsight run`: watch a script from its first line to its last, then say what leaks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..watching.early import Early
from ..watching.place import is_marked
from ..watching.program import Program
from ..watching.run import default_place, run_script
from ..watching.sampling import SHARE, Sampling
from ..watching.session import Session
from .output import Output, output_options
from .report import clear_report, named_place, report_of_run

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

WRONG = 3
READ_SETTINGS = f"""
import pathlib, sys
from backsight.diagnosis.settings import UsageError, read_settings
try:
    read_settings(pathlib.Path(sys.argv[1]))
except UsageError as error:
    print(error)
    sys.exit({WRONG})
"""


class ShareOfTime(click.ParamType[float]):
    """A share as `5%` or `0.05`."""

    name = "share"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read a share. Fails unless it lies between 0 and 1."""
        text = str(value).strip()
        try:
            share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        except ValueError:
            self.fail(f"{text!r} is no share of time; write 5% or 0.05", param, ctx)
        if not 0 <= share <= 1:
            self.fail(f"{text} is not between 0 and 1 (5% is 0.05)", param, ctx)
        return share


@click.command(
    context_settings={"allow_interspersed_args": False},  # what follows the script is the script's
    epilog="""Options go before the script; all that follows it is the script's own.

\b
Examples:
  backsight run train.py --epochs 3
  backsight run -m package.train
  backsight run --fail-on warning train.py          exit with 10 if it leaks
  backsight run --format json -o d.json train.py    the diagnosis as data
  backsight run --format github train.py            annotations in a workflow""",
)
@click.option("-m", "module", is_flag=True, help="Run a module (package.module) as a script.")
@output_options
@click.option("--every-step", is_flag=True, help="Observe every step, whatever that costs.")
@click.option(
    "--budget",
    type=ShareOfTime(),
    default=SHARE,
    metavar="SHARE",
    help="Share of the run's time that watching may take (always at least 3 s).  [default: 5%]",
)
@click.option(
    "--steps", type=click.IntRange(min=1), metavar="N", help="Observe nothing after step N."
)
@click.option(
    "--recording",
    metavar="FILE",
    help="Where to record.  [default: backsight/<script>.bsr]",
)
@click.option(
    "--report",
    metavar="FILE",
    help="Where to write the report.  [default: beside the recording]",
)
@click.option("--no-report", is_flag=True, help="Write no report.")
@click.argument("script", required=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(
    script: str | None,
    args: tuple[str, ...],
    *,
    module: bool,
    output: Output,
    every_step: bool,
    budget: float,
    steps: int | None,
    recording: str | None,
    report: str | None,
    no_report: bool,
) -> int:
    """Watch a training script, then print the diagnosis.

    The script runs as under `python`: same output, same exit code. What we say goes to stderr, at
    the end; only what is critical and certain is told in one line while the run goes on.
    """
    if script is None:
        what = "module" if module else "script"
        raise click.UsageError(
            f"which {what}? backsight run {'-m package.module' * module or 'train.py'}"
        )
    program = Program(script, args, module=module)
    check_settings(Path.cwd() if module else Path(script).absolute().parent)
    place = default_place(program) if recording is None else recording_place(recording)
    report_place = named_place(report, "--report") if report is not None else None
    session = Session(
        place,
        script=script,
        arguments=args,
        sampling=Sampling(every_step=every_step, share=budget, steps=steps),
        explicit=recording is not None,
    )
    if not output.quiet and not output.alone:
        session.early = Early()
    stdout = sys.stdout
    clear_report(place)

    def tell(diagnosis: Diagnosis, session: Session) -> int:
        code = output.show(diagnosis, session.stream, stdout)
        written = None if no_report else report_of_run(diagnosis, session, report_place)
        if not output.quiet and (output.format == "text" or output.file is not None):
            say_where(diagnosis, output, session, written)
        return code

    return run_script(program, session, tell)


def say_where(diagnosis: Diagnosis, output: Output, session: Session, report: Path | None) -> None:
    """Name the files that were written, in one line."""
    files = []
    if output.file is not None:
        count = len(diagnosis.findings)
        what = f"{count} finding{'s' if count > 1 else ''}" if count else diagnosis.status
        files.append(f"diagnosis ({what}): {'stdout' if output.file == '-' else output.file}")
    if session.recording is not None:
        files.append(f"recording: {shown(session.recording)}")
    if report is not None:
        files.append(f"report: {shown(report)}")
    if files:
        session.say(", ".join(files))


def shown(path: Path) -> str:
    """Return a path as the user would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def recording_place(recording: str) -> Path:
    """Return where `--recording` says. Raises click.UsageError for what must not be replaced."""
    path = Path(recording).absolute()
    if path.is_dir():
        raise click.UsageError(
            f"--recording {recording} is a folder; give the name of a file in it"
        )
    if path.is_file() and path.stat().st_size and not is_marked(path):
        raise click.UsageError(f"--recording {recording} exists and is not a recording")
    return path


def check_settings(folder: Path) -> None:
    """Raise click.UsageError for a slip in `[tool.backsight]`: now, not after hours of training.

    The nearest pyproject.toml counts. It is read by another process if it names us at all: the
    rules, which know what is right, load NumPy, and the script must be the first to do that.
    """
    files = (place / "pyproject.toml" for place in (folder, *folder.parents))
    file = next(filter(Path.is_file, files), None)
    if file is None or b"backsight" not in file.read_bytes():
        return
    done = subprocess.run(
        [sys.executable, "-P", "-c", READ_SETTINGS, str(file)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    if done.returncode == WRONG:
        raise click.UsageError(done.stdout.strip())
