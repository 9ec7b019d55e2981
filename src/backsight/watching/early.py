"""Say in one line, while the run still goes on, what is critical and certain.

A look reads the recording as it is and applies the rules, as `backsight diagnose` would. That is
done rarely: after some seconds and then each time the run has become twice as long, if the budget
of the watching allows it. A finding is *certain* if two looks in a row found it critical, at the
same place, as a cause of its own: what a network passes through on its way is not told. Each is
told once. A failure in here switches only this off.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .sampling import SECONDS

if TYPE_CHECKING:
    from ..traces.findings import Finding
    from .session import Session

FIRST = 2.0
"""Seconds of the run after which the first look is taken."""
FACTOR = 2.0
"""How much longer a run must have become for the next look."""
COST = 0.2
"""Seconds that the first look may take: most of it goes to loading the rules."""
LARGEST = 16 * 2**20
"""Bytes of a recording; a larger one is not read beside a training that may need the memory."""
WIDEST = 160
"""Characters of a line."""

Key = tuple[str, object, str, str]


class Early:
    """Look now and then at the recording of a session, and tell what is critical and certain."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.looks = 0
        self._clock = clock
        self._begun = clock()
        self._next = FIRST
        self._cost = COST
        self._before: set[Key] = set()
        self._told: set[Key] = set()
        self._on = True

    def look(self, session: Session) -> None:
        """Take a look if it is time. Call it outside of any lock, after an observed step."""
        begun = self._clock()
        if not self._on or begun - self._begun < self._next:
            return
        elapsed = begun - self._begun
        self._next = FACTOR * elapsed
        sampling = session.sampling
        spent = sampling.cost + self._cost > max(sampling.share * elapsed, SECONDS)
        if (spent and not sampling.every_step) or not sampling.share:  # who wants all steps, pays
            return
        try:
            self._look(session)
        except Exception:  # a wrong line would be worse than none; the end still has its diagnosis
            self._on = False
        finally:
            self._cost = self._clock() - begun
            sampling.apart(self._cost)

    def _look(self, session: Session) -> None:
        path = session.flushed()
        if path is None or path.stat().st_size > LARGEST:
            self._on = path is None
            return
        self.looks += 1
        critical = {key_of(finding): finding for finding in critical_in(path)}
        for key, finding in critical.items():
            if key in self._before and key not in self._told:
                self._told.add(key)
                session.say(line_of(finding, session.steps))
        self._before = set(critical)


def critical_in(path: Path) -> list[Finding]:
    """Return the critical findings of a recording that is being written."""
    import numpy as np  # the script has loaded it

    chance = random.getstate()
    try:
        from ..diagnosis import certain_in
    finally:  # Rich draws a number when it is loaded
        random.setstate(chance)
    from ..traces.recording import load_recording

    with np.errstate(all="ignore"):  # the script may have it raise
        return certain_in(load_recording(path))


def key_of(finding: Finding) -> Key:
    """Return what makes two findings the same one."""
    return finding.code, finding.location, finding.module, finding.parameter


def line_of(finding: Finding, step: int) -> str:
    """Write a finding on one line."""
    where = finding.location
    place, what = finding.parameter or finding.module, finding.note
    if where is not None:
        place = f"{where.file}:{where.line}"
        what = f"{' '.join(where.expression.split())} {finding.note}" if finding.note else ""
    told = what or finding.message.partition(". ")[0]
    line = f"step {step:,}: critical {finding.code} {finding.rule}"
    line = f"{line} at {place}: {told}" if place else f"{line}: {told}"
    line = " ".join(line.split())
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
