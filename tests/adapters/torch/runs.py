"""Runs of PyTorch, watched at every step, as recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import backsight as bs
from backsight.traces.recording import Recording, load_recording


def recorded(folder: Path, train: Callable[[], Any]) -> Recording:
    """Watch `train` at every step and read what was recorded."""
    folder.mkdir(exist_ok=True)
    with bs.watch(folder / "run.bsr", every_step=True) as watched:
        train()
    assert watched.diagnosis.failure == ""
    return load_recording(folder / "run.bsr")
