"""`backsight report`: a recording as one HTML file; and the file that `run` writes by default."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis
    from ..watching.session import Session

MARK = b'<meta name="generator" content="Backsight report">'
HEAD = 4096  # bytes, in which a report says that it is one


@click.command(
    short_help="Write the report of a recording as HTML.",
    epilog="""\b
Examples:
  backsight report backsight/train.bsr                 writes backsight/train.html
  backsight report run.bsr -o report.html
  backsight report rank0.bsr rank1.bsr -o report.html  one run of several processes""",
)
@click.option("-o", "--output", "file", metavar="FILE", help="Where to write it (.html).")
@click.argument("recordings", metavar="FILE...", nargs=-1, required=True)
def report(recordings: tuple[str, ...], *, file: str | None) -> int:
    """Write one HTML file that shows a run: its findings, its curves, its layers.

    It needs no network and no other file. Several recordings are those of one run, each of a
    process of its own. Without -o it is written beside the (first) recording.
    """
    from ..diagnosis import diagnose
    from ..diagnosis.diagnosis import opened
    from ..report import write_report

    place = Path(recordings[0]).with_suffix(".html") if file is None else named_place(file, "-o")
    recording = opened(recordings)
    try:
        write_report(place, recording, diagnose(recording), replace=file is not None)
    except OSError as error:
        raise click.UsageError(f"{place} cannot be written ({error})") from error
    click.echo(f"report: {file or place}")
    return 0


def named_place(file: str, option: str) -> Path:
    """Return where a user wants a report. Raises click.UsageError, now and not after the run."""
    path = Path(file)
    if path.is_dir():
        raise click.UsageError(f"{option} {file} is a folder; give the name of a file in it")
    if path.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"{option} {file}: a report is an HTML file, end its name in .html")
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"{option} {file}: the folder {path.parent} does not exist")
    return path.absolute()


def clear_report(recording: Path) -> None:
    """Remove the report of an earlier run, which would seem to be of the run that begins.

    Nothing of ours may be imported for it: it would load NumPy before the script does.
    """
    path = recording.with_suffix(".html")
    with suppress(OSError):
        with path.open("rb") as file:
            old = MARK in file.read(HEAD)
        if old:
            path.unlink()


def report_of_run(diagnosis: Diagnosis, session: Session, place: Path | None) -> Path | None:
    """Write the report of a run that has ended, and return where it is, None where there is none.

    Without a `place` it goes beside the recording, but replaces nothing that is no report. What
    goes wrong is told in one line: the run is what counts, not its report.
    """
    if session.recording is None:
        return None
    try:
        from ..report import write_report
        from ..traces.recording import load_recording

        path = session.recording.with_suffix(".html") if place is None else place
        recording = load_recording(session.recording)
        write_report(path, recording, diagnosis, replace=place is not None)
    except Exception as error:
        session.say(f"no report was written ({error or type(error).__name__})")
        return None
    return path
