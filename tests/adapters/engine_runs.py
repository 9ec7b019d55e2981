"""Runs of the engine, watched at every step, as recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from backsight.traces.recording import Recording, Site, load_recording
from backsight.watching import Sampling, Session
from backsight.watching.engine import watch_engine


def recorded(folder: Path, train: Callable[[], Any], **options: Any) -> Recording:
    """Watch `train` at every step and read what was recorded."""
    session = Session(
        folder / "run.bsr", script="t.py", sampling=Sampling(**({"every_step": True} | options))
    )
    watch_engine(session)
    try:
        train()
    finally:
        session.finish(None)
    assert session.failure == ""
    return load_recording(folder / "run.bsr")


def only(recording: Recording, kind: str, **wanted: Any) -> Site:
    """Return the one site of a kind with these fields."""
    found = [
        site
        for site in recording.of_kind(kind)
        if all(getattr(site, name) == value for name, value in wanted.items())
    ]
    assert len(found) == 1, [(site.op, site.parameter, site.where) for site in found]
    return found[0]
