"""Where a report is written, and that it replaces nothing but an older report."""

from __future__ import annotations

from pathlib import Path

from ..diagnosis import Diagnosis
from ..errors import UsageError
from ..pages import write_text
from ..traces.recording import Recording
from .document import GENERATOR, report_html

SUFFIXES = (".html", ".htm")
HEAD = 4096  # bytes, in which a report says that it is one


def write_report(
    path: Path, recording: Recording, diagnosis: Diagnosis, *, replace: bool = True
) -> None:
    """Write the report of a run.

    Raises UsageError for a name that is not of an HTML file, and, unless told to replace it, where
    a file stands that is no report; OSError where it cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a report is an HTML file, name it {path.stem}.html")
    if path.exists() and not replace and not is_report(path):
        raise UsageError(f"{path} exists and is no report; give the report another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, report_html(recording, diagnosis))


def is_report(path: Path) -> bool:
    """Tell whether a file says of itself that it is a report."""
    try:
        with path.open("rb") as file:
            return GENERATOR.encode() in file.read(HEAD)
    except OSError:
        return False
