"""`backsight run`: watch a script from its first line to its last, then say what leaks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..watching.program import Program
from ..watching.run import default_place, run_script
from ..watching.sampling import SHARE, Sampling
from ..watching.session import Session
from .output import Output, output_options

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

MARK = b"BSR1"  # at byte 68 of a recording; traces.recording knows more, but would load NumPy


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
  backsight run --format json -o diagnosis.json --fail-on warning train.py""",
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
) -> int:
    """Watch a training script, then print the diagnosis.

    The script runs as under `python`: same output, same exit code. What we say goes to stderr, at
    the end.
    """
    if script is None:
        what = "module" if module else "script"
        raise click.UsageError(
            f"which {what}? backsight run {'-m package.module' * module or 'train.py'}"
        )
    program = Program(script, args, module=module)
    place = default_place(program) if recording is None else recording_place(recording)
    session = Session(
        place,
        script=script,
        arguments=args,
        sampling=Sampling(every_step=every_step, share=budget, steps=steps),
        explicit=recording is not None,
    )
    stdout = sys.stdout

    def tell(diagnosis: Diagnosis, session: Session) -> int:
        code = output.show(diagnosis, session.stream, stdout)
        if not output.quiet and (output.format == "text" or output.file is not None):
            say_where(diagnosis, output, session)
        return code

    return run_script(program, session, tell)


def say_where(diagnosis: Diagnosis, output: Output, session: Session) -> None:
    """Name the files that were written, in one line."""
    files = []
    if output.file is not None:
        count = len(diagnosis.findings)
        what = f"{count} finding{'s' if count > 1 else ''}" if count else diagnosis.status
        files.append(f"diagnosis ({what}): {'stdout' if output.file == '-' else output.file}")
    if session.recording is not None:
        files.append(f"recording: {shown(session.recording)}")
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
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(72)[68:] != MARK:
                raise click.UsageError(f"--recording {recording} exists and is not a recording")
    return path
