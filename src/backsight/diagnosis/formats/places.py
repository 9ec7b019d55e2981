"""Places as the readers of a repository name them: relative to its root."""

from __future__ import annotations

from pathlib import Path, PurePath


def root_of(folder: str) -> str:
    """Return the root of the repository in which a run was started, else the folder itself."""
    if not folder:
        return ""
    for place in (Path(folder), *Path(folder).parents):
        if (place / ".git").exists():
            return str(place)
    return folder


def within(file: str, folder: str, root: str) -> tuple[str, bool]:
    """Return a file's path with slashes, and whether it lies (and is named) below `root`.

    `file` is absolute, or relative to `folder`.
    """
    path = PurePath(folder) / file
    if not path.is_absolute():
        return path.as_posix(), True
    if root and path.is_relative_to(root):
        return path.relative_to(root).as_posix(), True
    return path.as_posix(), False
