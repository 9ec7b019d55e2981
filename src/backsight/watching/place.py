"""Where a recording goes, and that no older one stands there when a run begins.

Nothing here may load NumPy: the script has not begun.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ..errors import UsageError

MARK = b"BSR1"  # at byte 68 of a recording, its SQLite application id
BESIDE = ("", "-wal", "-shm", "-journal")
"""What may stand beside a recording that is being written, or whose writer was killed."""


def is_marked(path: Path) -> bool:
    """Tell whether a file says of itself that it is a recording."""
    try:
        with path.open("rb") as file:
            return file.read(72)[68:] == MARK
    except OSError:
        return False


def clear(place: Path, explicit: bool) -> None:
    """Remove the recording of an earlier run, or one killed early would seem to have made it.

    What another process is writing stays, and so does what is no recording. Raises UsageError if it
    is being written and the user named that file.
    """
    if not is_marked(place):
        return
    other = writing_process(place)
    if other is None:
        for suffix in BESIDE:
            with suppress(OSError):
                place.with_name(place.name + suffix).unlink(missing_ok=True)
    elif explicit:
        raise UsageError(f"{place} is being written by process {other}; choose another file")


def writing_process(place: Path) -> int | None:
    """Return the process that is still writing a recording, None if there is none."""
    try:
        uri = f"{place.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as database:
            if database.execute("SELECT 1 FROM events WHERE kind = 'exit'").fetchone():
                return None
            (pid,) = database.execute("SELECT value FROM meta WHERE name = 'pid'").fetchone()
        os.kill(int(pid), 0)
    except PermissionError:
        return int(pid)
    except (sqlite3.Error, OSError, ValueError, TypeError):
        return None
    return int(pid) if int(pid) != os.getpid() else None
