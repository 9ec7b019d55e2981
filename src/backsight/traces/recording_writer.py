"""Write a recording as the run goes on, so that a killed run still has its diagnosis.

One SQLite file in WAL mode, or with a rollback journal where WAL cannot work (network file
systems). Rows gather in memory and are written in one transaction about once a second, so the file
is readable at any moment and a kill costs the last second. It stays bounded: a fair sample of steps
and probes is kept, with the first, the last and the extreme ones. What is not in the sample is not
even written, so that a row of a long run costs less than one of a short run.

A forked child (a data loader's worker) never touches the file.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import math
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .recording import APPLICATION, SCHEMA, VERSION, Site, is_recording
from .recording_units import UnitCounter

MOST_STEPS = 100_000
MOST_PROBES = 800  # of one site
MOST_PROBES_IN_ALL = 80_000  # of all sites: some 30 MB
MOST_UNITS_IN_ALL = 65_536  # of all sites; each may have 32 windows of 4 bytes: 8 MB
MOST_FIGURES = 16  # of a site, whose extremes are remembered
ENDS = 64  # how many of the first and of the last ones are kept in any case
MOST_PENDING = 4096  # rows in memory
MOST_LOG = 1 << 22  # bytes of the log beside the file that are kept for use again
INTERVAL = 1.0  # seconds between two writes; more where writing is slow, never more than 5
BUSY = 0.5  # seconds to wait for a reader that holds the file (rollback journal only)

# Kept of the middle ones are those whose rank, the fraction of step × golden ratio, lies under a
# bar: spread evenly, after no period of the training loop, the same steps at all sites.
GOLDEN, ALL = 2_654_435_761, 1 << 32
_RANK = f"((step * {GOLDEN}) & {ALL - 1})"


class Extremes:
    """For every figure of a series, the steps of its smallest and of its largest number."""

    def __init__(self) -> None:
        self._low: dict[str, tuple[float, int]] = {}
        self._high: dict[str, tuple[float, int]] = {}

    def add(self, step: int, figures: Mapping[str, float | None]) -> None:
        """Take note of one step. The first number that is not finite is the most extreme of all."""
        for name, figure in figures.items():
            if figure is None:
                continue
            low, high = self._low.get(name), self._high.get(name)
            if low is None or high is None:
                if len(self._low) < MOST_FIGURES:
                    self._low[name] = self._high[name] = (figure, step)
            elif figure < low[0]:
                self._low[name] = (figure, step)
            elif figure > high[0] or (figure != figure and high[0] == high[0]):
                self._high[name] = (figure, step)

    def add_all(self, name: str, found: Sequence[tuple[float, int]]) -> None:
        """Take note of one figure of many steps: (figure, step) each."""
        plain = [each for each in found if each[0] == each[0]]
        broken = [each for each in found if each[0] != each[0]]
        for figure, step in ([min(plain), max(plain)] if plain else []) + broken[:1]:
            self.add(step, {name: figure})

    def steps(self) -> set[int]:
        """Return the steps of all extremes."""
        return {step for found in (self._low, self._high) for _, step in found.values()}


class Series:
    """Which rows of a series are kept, where each has its step: `table` of one site, or of all.

    When there are too many the bar is halved: half of the middle ones are dropped, and of what
    follows only half is written at all.
    """

    def __init__(self, table: str, where: str = "1") -> None:
        self.extremes = Extremes()
        self._table = f"{table} WHERE {where} AND"
        self._count = 0
        self._bar = ALL
        self._first: list[int] = []
        self._tail: list[int] = []  # the latest of those in the file that are not of the sample

    def chosen(
        self, database: sqlite3.Connection, steps: Sequence[int], most: int
    ) -> set[int] | None:
        """Return which of the new steps to write, None for all, and drop older ones for them."""
        self._first += steps[: ENDS - len(self._first)]
        self._count += len(steps)
        if self._bar == ALL:
            return None
        ends, extreme = min(ENDS, most // 4), self.extremes.steps()
        kept = {s for s in steps if (s * GOLDEN) % ALL < self._bar} | extreme
        self._tail += dict.fromkeys(s for s in steps if s not in kept)
        gone, self._tail = self._tail[:-ends], self._tail[-ends:]
        self._count -= len(gone)
        dropped = ", ".join(str(step) for step in gone if step not in extreme)
        database.execute(f"DELETE FROM {self._table} step IN ({dropped})")
        return kept.union(self._tail)

    def shrink(self, database: sqlite3.Connection, most: int) -> None:
        """Drop rows if there are more than `most`."""
        if self._count <= most:
            return
        self._bar, ends = self._bar // 2, min(ENDS, most // 4)
        last = f"SELECT step FROM {self._table} 1 ORDER BY step DESC LIMIT {ends}"
        tail = sorted(step for (step,) in database.execute(last))
        self._tail = [step for step in tail if (step * GOLDEN) % ALL >= self._bar]
        kept = {*self._first[:ends], *tail, *self.extremes.steps()}
        database.execute(
            f"DELETE FROM {self._table} {_RANK} >= {self._bar} AND step NOT IN "
            f"({', '.join(map(str, sorted(kept)))})"
        )
        (self._count,) = database.execute(f"SELECT COUNT(*) FROM {self._table} 1").fetchone()


class RecordingWriter:
    """Write one recording. Any thread may add; all calls do nothing in a forked child.

    `meta` is what is known at the start; `update` adds to it. An old recording at `path` is
    replaced. Raises UsageError rather than replace a file that is something else, OSError or
    sqlite3.Error where it cannot be written.
    """

    def __init__(self, path: Path, meta: Mapping[str, Any]) -> None:
        self.path = path
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._counting = threading.Lock()
        self._meta: dict[str, Any] = dict(meta)
        self._steps: list[tuple[Any, ...]] = []
        self._sites: list[tuple[Any, ...]] = []
        self._probes: list[tuple[int, int, Mapping[str, float]]] = []
        self._events: list[tuple[float, str, str]] = []
        self._last_site = 0
        self._last_step = -1
        self._step_series = Series("steps")
        self._series: dict[int, Series] = {}  # by site
        self.news: Callable[[], Mapping[str, Any]] = dict  # asked at each flush, as for `update`
        self._units: dict[int, UnitCounter | None] = {}
        self._unit_count = 0
        self._interval = INTERVAL
        self._database: sqlite3.Connection | None = _created(path)
        _writers.add(self)
        self._flushed = 0.0
        self.flush()

    def site(self, site: Site) -> int:
        """Add a site and return its id."""
        self._last_site += 1
        if self._database is None:
            return self._last_site
        place = dataclasses.astuple(site.where) if site.where is not None else (None,) * 7
        row = (self._last_site, site.op, site.kind, site.side, *place, site.module, site.parameter)
        self._sites.append((*row, site.ordinal, site.source, _json(site.attributes)))
        return self._last_site

    def step(
        self,
        number: int,
        *,
        loss: float | None = None,
        gradient_norm: float | None = None,
        learning_rate: float | None = None,
        observed: bool = False,
    ) -> None:
        """Add one step, or what has become known about it since, and write when it is time."""
        if self._database is None:
            return
        self._steps.append((number, loss, gradient_norm, learning_rate, observed))
        waiting = len(self._steps) + len(self._probes)
        if waiting >= MOST_PENDING or self.waited() >= self._interval:
            self.flush()

    def probe(self, step: int, site: int, figures: Mapping[str, float]) -> None:
        """Add what was measured at a site."""
        if self._database is not None:
            self._probes.append((site, step, figures))

    def waited(self) -> float:
        """Return the seconds since the last flush."""
        return time.monotonic() - self._flushed

    def units(self, step: int, site: int, samples: int, active: Any) -> bool:
        """Count in how many of `samples` each unit of a site was active.

        Tell whether they are counted: not beyond what may be kept of all sites together, nor where
        a site changes its number of units.
        """
        if site not in self._units:
            fits = self._unit_count + len(active) <= MOST_UNITS_IN_ALL
            self._units[site] = UnitCounter(len(active)) if fits else None
            self._unit_count += len(active) if fits else 0
        counter = self._units[site]
        if counter is None or self._database is None or counter.units != len(active):
            return False
        with self._counting:
            counter.add(step, samples, active)
        return True

    def event(self, kind: str, detail: Any = None) -> None:
        """Add something that happened once, and write it at once."""
        if self._database is not None:
            self._events.append((time.time(), kind, _json(detail)))
            self.flush()

    def update(self, **meta: Any) -> None:
        """Change or add what is known of the run as a whole; written with the next flush."""
        self._meta.update(meta)

    def flush(self) -> bool:
        """Write what has gathered; tell whether it was written.

        It is not when another thread is writing, or a reader holds the file: then the rows wait.
        """
        if self._database is None or os.getpid() != self._pid:
            return False
        # A signal handler must not wait for its own thread.
        if not self._lock.acquire(blocking=False):
            return False
        try:
            begun = time.monotonic()
            written = self._write(self._database)
            self._flushed = time.monotonic()
            # Never more than some 2 % of the time for writing, however slow the disk.
            self._interval = min(5.0, max(INTERVAL, 40 * (self._flushed - begun)))
            return written
        finally:
            self._lock.release()

    def close(self) -> None:
        """Write the rest and make it a single plain file."""
        if self._database is None or os.getpid() != self._pid:
            return
        try:
            self.flush()
        finally:
            database, self._database = self._database, None
            with suppress(sqlite3.Error):  # a reader has it open: then the log beside it stays
                database.execute("PRAGMA journal_mode = DELETE")
            database.close()

    def abandon(self) -> None:
        """Leave the file as it is; used in a forked child, which must not even close it."""
        # SQLite would take the child's closing for the last one and fold up the parent's log, so
        # this reference is never given back.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._database))
        self._database = None

    def _write(self, database: sqlite3.Connection) -> bool:
        steps, sites, probes, events = self._steps, self._sites, self._probes, self._events
        taken = len(steps), len(sites), len(probes), len(events)
        self._meta.update(self.news())
        try:
            with database:
                database.execute("BEGIN IMMEDIATE")
                database.executemany(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                    [(name, _json(value)) for name, value in self._meta.items()],
                )
                self._write_steps(database, steps[: taken[0]])
                marks = ", ".join("?" * 16)
                database.executemany(f"INSERT INTO sites VALUES ({marks})", sites[: taken[1]])
                self._write_probes(database, probes[: taken[2]])
                database.executemany("INSERT INTO events VALUES (?, ?, ?)", events[: taken[3]])
                counted = self._write_units(database)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) and len(steps) + len(probes) < 8 * MOST_PENDING:
                return False
            raise
        for counter, written in counted:
            counter.written, counter.changed = written, False
        del steps[: taken[0]], sites[: taken[1]], probes[: taken[2]], events[: taken[3]]
        return True

    def _write_steps(self, database: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> None:
        series = self._step_series
        for name, at in (("loss", 1), ("gradient_norm", 2)):
            series.extremes.add_all(
                name, [(row[at], row[0]) for row in rows if row[at] is not None]
            )
        new = [row[0] for row in rows if row[0] > self._last_step]
        self._last_step = max(new, default=self._last_step)
        kept = series.chosen(database, new, MOST_STEPS)
        database.executemany(
            "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?)",
            [
                (number, _real(loss), _real(norm), _real(rate), observed)
                for number, loss, norm, rate, observed in rows
                if kept is None or number in kept
            ],
        )
        series.shrink(database, MOST_STEPS)

    def _write_probes(
        self, database: sqlite3.Connection, rows: list[tuple[int, int, Mapping[str, float]]]
    ) -> None:
        by_site: dict[int, dict[int, Mapping[str, float]]] = {}
        for site, step, figures in rows:
            by_site.setdefault(site, {})[step] = figures
        for site in by_site.keys() - self._series.keys():
            self._series[site] = Series("probes", f"site = {site}")
        most = max(16, min(MOST_PROBES, MOST_PROBES_IN_ALL // max(1, len(self._series))))
        for site, found in by_site.items():
            series = self._series[site]
            # Not the same for all: halved in one go, they would make the log as large as the file.
            own = most - most * ((site * GOLDEN) % ALL) // (4 * ALL)
            for step, figures in found.items():
                series.extremes.add(step, figures)
            kept = series.chosen(database, list(found), own)
            chosen = found if kept is None else {s: f for s, f in found.items() if s in kept}
            database.executemany(
                "INSERT OR REPLACE INTO probes VALUES (?, ?, ?)",
                [(site, step, _json(figures)) for step, figures in chosen.items()],
            )
            series.shrink(database, own)

    def _write_units(self, database: sqlite3.Connection) -> list[tuple[UnitCounter, int]]:
        """Write what was counted; return how many windows of each site are then done with."""
        done: list[tuple[UnitCounter, int]] = []
        if not self._counting.acquire(blocking=False):
            return done  # interrupted by a signal while counting: the next flush will do
        try:
            for site, counter in self._units.items():
                if counter is None or not counter.changed:
                    continue
                if counter.written == 0:
                    database.execute("DELETE FROM units WHERE site = ?", (site,))
                database.executemany(
                    "INSERT OR REPLACE INTO units VALUES (?, ?, ?, ?, ?)",
                    [(site, *row) for row in counter.unwritten()],
                )
                done.append((counter, len(counter.windows) - 1))
        finally:
            self._counting.release()
        return done


_writers: weakref.WeakSet[RecordingWriter] = weakref.WeakSet()


def _leave_to_the_parent() -> None:
    for writer in tuple(_writers):
        writer.abandon()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_leave_to_the_parent)


def _created(path: Path) -> sqlite3.Connection:
    if path.exists() and path.stat().st_size > 0 and not is_recording(path):
        raise UsageError(f"{path} exists and is not a recording; choose another name for it")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connected(path, "WAL")
    except sqlite3.OperationalError:
        return _connected(path, "DELETE")


def _connected(path: Path, journal: str) -> sqlite3.Connection:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    database = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        # What the system has taken over survives a kill; only a power cut could cost the last
        # seconds.
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA journal_size_limit = {MOST_LOG}")
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.executescript("BEGIN;" + SCHEMA + "COMMIT;")
        # Last, so that the file itself, not only the log beside it, says what it is.
        database.execute(f"PRAGMA journal_mode = {journal}")
        database.executescript("BEGIN IMMEDIATE; COMMIT")  # shows whether that works here
    except sqlite3.Error:
        database.close()
        raise
    return database


def _real(value: float | None) -> float | str | None:
    return "nan" if value is not None and math.isnan(value) else value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)
