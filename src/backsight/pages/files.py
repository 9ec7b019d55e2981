"""Write a file so that its readers find the old one or the new one, never half of it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, in one go: it is written beside the file and then put in its place.

    What is no ordinary file (a pipe, `/dev/stdout`) is written to as it is. Raises OSError where it
    cannot be written; an older file is then still there.
    """
    path = path.resolve()  # a link stays, its target is replaced
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
