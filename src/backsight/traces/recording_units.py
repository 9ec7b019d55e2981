"""How often each unit of a layer was active, over a whole run in bounded space.

Counts gather in windows of time. A new site begins with short windows; when there are too many,
neighbours are merged and windows become twice as long. So a unit that was never active is told from
one that died, and the moment is known to within a window, however long the run.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_WINDOWS = 32
FIRST_LENGTH = 4  # observed steps in one of the first windows

UNITS_SCHEMA = """
CREATE TABLE units (
    site INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    samples INTEGER NOT NULL, active BLOB NOT NULL, PRIMARY KEY (site, first)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, eq=False, slots=True)
class UnitWindow:
    """One stretch of the run at one site, from step `first` to step `last`.

    `samples` rows were seen in it, and unit i was active in `active[i]` of them.
    """

    first: int
    last: int
    samples: int
    active: Any


class UnitCounter:
    """The windows of one site as they grow."""

    def __init__(self, units: int) -> None:
        self.windows: list[UnitWindow] = []
        self.units = units
        self.length = FIRST_LENGTH
        self.filled = 0  # observed steps in the last window
        self.written = 0  # so many windows are in the file and will not change
        self.changed = False

    def add(self, step: int, samples: int, active: Any) -> None:
        """Count the samples of one step."""
        if not self.windows or self.filled >= self.length:
            if len(self.windows) >= MOST_WINDOWS:
                self.merge()
            self.windows.append(UnitWindow(step, step, 0, np.zeros(self.units, dtype=np.uint64)))
            self.filled = 0
        self.windows[-1] = joined(self.windows[-1], UnitWindow(step, step, samples, active))
        self.filled += 1
        self.changed = True

    def merge(self) -> None:
        """Make one window of every two."""
        pairs = zip(self.windows[::2], self.windows[1::2], strict=True)
        self.windows = [joined(*pair) for pair in pairs]
        self.length *= 2
        self.written = 0

    def unwritten(self) -> list[tuple[int, int, int, bytes]]:
        """Return the rows that the file does not have yet, or not like this."""
        return [encoded(window) for window in self.windows[self.written :]]


def joined(one: UnitWindow, other: UnitWindow) -> UnitWindow:
    """Return two windows as one."""
    first, last = min(one.first, other.first), max(one.last, other.last)
    active = one.active + np.asarray(other.active, dtype=np.uint64)
    return UnitWindow(first, last, one.samples + other.samples, active)


def encoded(window: UnitWindow) -> tuple[int, int, int, bytes]:
    """Return the row of a window: counts are little-endian, of the width that they need."""
    wide = window.active.size and int(window.active.max()) > 0xFFFFFFFF
    counts = window.active.astype("<u8" if wide else "<u4")
    prefix = b"\x08" if wide else b"\x04"
    return window.first, window.last, window.samples, prefix + zlib.compress(counts.tobytes(), 1)


def decoded_window(first: int, last: int, samples: int, blob: bytes) -> UnitWindow:
    """Return the window of a row. Raises ValueError or zlib.error for a damaged one."""
    if blob[:1] not in (b"\x04", b"\x08"):
        raise ValueError("unit counts of unknown width")
    counts = np.frombuffer(zlib.decompress(blob[1:]), dtype=f"<u{blob[0]}")
    return UnitWindow(first, last, samples, counts.astype(np.uint64))
