"""Many steps of one training run as data: `Recording`, `Site`, `Probe`, `Step`, `load_recording`.

A *site* is a place in the user's program that was watched: a source expression, with its op. A
*probe* is what was measured there in one observed step. Every step has its loss, observed or not.
The file is written by recording_writer.py, as the run goes on; reading works at any moment, also on
what a killed run left behind.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FileFormatError
from .recording_units import UNITS_SCHEMA, UnitWindow, decoded_window
from .trace import Location

VERSION = 2  # 2 adds the table `units`; recordings of version 1 are still read
APPLICATION = 0x42535231  # "BSR1", in the header of the file: tells it from any other SQLite file

SCHEMA = (
    """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE steps (
    step INTEGER PRIMARY KEY, loss REAL, gradient_norm REAL, learning_rate REAL,
    observed INTEGER NOT NULL
);
CREATE TABLE sites (
    id INTEGER PRIMARY KEY, op TEXT NOT NULL, kind TEXT NOT NULL, side TEXT NOT NULL,
    file TEXT, line INTEGER, end_line INTEGER, column INTEGER, end_column INTEGER,
    expression TEXT, function TEXT,
    module TEXT NOT NULL, parameter TEXT NOT NULL, ordinal INTEGER NOT NULL,
    source TEXT NOT NULL, attributes TEXT NOT NULL
);
CREATE TABLE probes (
    site INTEGER NOT NULL, step INTEGER NOT NULL, figures TEXT NOT NULL, PRIMARY KEY (site, step)
) WITHOUT ROWID;
CREATE TABLE events (time REAL NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL);
"""
    + UNITS_SCHEMA
)


@dataclass(frozen=True, slots=True)
class Site:
    """A watched place. `kind` says what is measured there (`clamp`), `side` where it lies.

    `side` is `loss` if no trainable parameter enters between the op's output and the loss,
    `parameter` if the op is applied to a parameter itself, else `hidden`. `ordinal` counts repeated
    applications of one expression, as in a loop through time. `source` holds the whole source lines
    of the expression, so that a recording can be shown where the program is not at hand.
    """

    op: str
    kind: str
    where: Location | None = None
    side: str = "hidden"
    module: str = ""
    parameter: str = ""
    ordinal: int = 0
    source: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class Probe:
    """What was measured at one site in one step: named figures."""

    step: int
    figures: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        return self.figures[name]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the run; what is not known is None. `observed` steps have probes."""

    number: int
    loss: float | None = None
    gradient_norm: float | None = None
    learning_rate: float | None = None
    observed: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once: the script's exit, a failure of ours, a thing not seen."""

    time: float
    kind: str
    detail: Any = None

    @property
    def where(self) -> Location | None:
        """The place in the user's program, where the detail has one."""
        place = self.detail.get("where") if isinstance(self.detail, dict) else None
        return Location(**place) if place else None


@dataclass(frozen=True, slots=True)
class Observation:
    """What an adapter saw in one observed step: figures by site id, and the step as a whole.

    `missed` says in words what it could not observe. `units` are by site: how many samples were
    seen, and an array that says in how many of them each unit was active; of one site it always has
    the same length. `events` are (kind, detail).
    """

    figures: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    gradient_norm: float | None = None
    missed: tuple[str, ...] = ()
    units: Mapping[int, tuple[int, Any]] = field(default_factory=dict)
    events: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """Many steps of one training run. `meta` says whose: script, arguments, versions, source.

    `steps` and the probes of a site are in time order; of a long run they are a fair sample that
    keeps the first and the last ones, while `meta["steps"]` and `meta["probed"]` count them all.
    """

    path: Path
    meta: Mapping[str, Any]
    sites: tuple[Site, ...] = ()
    steps: tuple[Step, ...] = ()
    events: tuple[Event, ...] = ()
    probes_by_site: Mapping[int, tuple[Probe, ...]] = field(default_factory=dict)
    units_by_site: Mapping[int, tuple[UnitWindow, ...]] = field(default_factory=dict)

    def probes(self, site: Site) -> tuple[Probe, ...]:
        """Return what was measured at `site`, in time order."""
        return self.probes_by_site.get(site.id, ())

    def units(self, site: Site) -> tuple[UnitWindow, ...]:
        """Return how often the units of `site` were active, window after window."""
        return self.units_by_site.get(site.id, ())

    def of_kind(self, kind: str) -> Iterator[Site]:
        """Go through the sites of one kind (`clamp`)."""
        return (site for site in self.sites if site.kind == kind)

    def events_of(self, kind: str) -> Iterator[Event]:
        """Go through the events of one kind (`optimizer`), in the order in which they happened."""
        return (event for event in self.events if event.kind == kind)

    def event(self, kind: str) -> Event | None:
        """Return the last event of that kind (`exit`, `failure`), None if there was none."""
        return next((event for event in reversed(self.events) if event.kind == kind), None)


def load_recording(path: str | Path) -> Recording:
    """Read a recording: of a run that ended, that was killed, or that is still going on.

    Raises FileFormatError if the file is missing, damaged, written by a newer Backsight, or
    something else.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a recording" if path.is_dir() else "does not exist"
        raise FileFormatError(f"{path} {what}. `backsight run train.py` writes one")
    try:
        with closing(_opened(path)) as database:
            _check(path, database)
            return _read(path, database)
    except (sqlite3.Error, ValueError, TypeError, KeyError, zlib.error) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            f"{path} is damaged and cannot be read as a recording ({error}). Run the script again"
        ) from error


def writer_of(path: Path) -> int | None:
    """Return the process that is still writing the recording at `path`, None if there is none."""
    try:
        with closing(_opened(path)) as database:
            row = database.execute("SELECT value FROM meta WHERE name = 'pid'").fetchone()
            ended = database.execute("SELECT 1 FROM events WHERE kind = 'exit'").fetchone()
        pid = int(row[0])
        if ended is not None or pid == os.getpid():
            return None
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (sqlite3.Error, OSError, ValueError, TypeError):
        return None
    return pid


def is_recording(path: Path) -> bool:
    """Tell whether the file at `path` is a recording, by its header only."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    return header[:15] == b"SQLite format 3" and header[68:72] == APPLICATION.to_bytes(4, "big")


def decoded(value: Any) -> float | None:
    """Return a number as it was: SQLite has no NaN, it is stored as text."""
    return None if value is None else float(value)


def _opened(path: Path) -> sqlite3.Connection:
    # Read-only, so that looking never changes a recording; SQLite still sees the write-ahead log
    # that a running or killed writer left beside it.
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5.0)


def _check(path: Path, database: sqlite3.Connection) -> None:
    if not is_recording(path):
        kind = "is empty" if path.stat().st_size == 0 else "is not a recording of Backsight"
        raise FileFormatError(f"{path} {kind}. `backsight run train.py` writes recordings (.bsr)")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise FileFormatError(
            f"{path} was written by a newer Backsight (format {version}; this one reads up to "
            f"{VERSION}). Upgrade: pip install -U backsight"
        )
    (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise FileFormatError(f"{path} is damaged ({state}). Run the script again")


def _read(path: Path, database: sqlite3.Connection) -> Recording:
    database.execute("BEGIN")  # one moment of a running recording, not several
    meta = {name: json.loads(value) for name, value in database.execute("SELECT * FROM meta")}
    sites = tuple(_site(row) for row in database.execute("SELECT * FROM sites ORDER BY id"))
    steps = tuple(
        Step(number, decoded(loss), decoded(norm), decoded(rate), bool(observed))
        for number, loss, norm, rate, observed in database.execute(
            "SELECT step, loss, gradient_norm, learning_rate, observed FROM steps ORDER BY step"
        )
    )
    events = tuple(
        Event(time, kind, json.loads(detail))
        for time, kind, detail in database.execute("SELECT * FROM events ORDER BY rowid")
    )
    probes: dict[int, list[Probe]] = {}
    for site, step, figures in database.execute("SELECT * FROM probes ORDER BY site, step"):
        probes.setdefault(site, []).append(Probe(step, json.loads(figures)))
    frozen = {site: tuple(found) for site, found in probes.items()}
    (version,) = database.execute("PRAGMA user_version").fetchone()
    units: dict[int, list[UnitWindow]] = {}
    if version >= 2:
        for site, *row in database.execute("SELECT * FROM units ORDER BY site, first"):
            units.setdefault(site, []).append(decoded_window(*row))
    windows = {site: tuple(found) for site, found in units.items()}
    return Recording(path, meta, sites, steps, events, frozen, windows)


def _site(row: tuple[Any, ...]) -> Site:
    id, op, kind, side = row[:4]
    module, parameter, ordinal, source, attributes = row[11:]
    where = None if row[4] is None else Location(*row[4:11])
    return Site(
        op, kind, where, side, module, parameter, ordinal, source, json.loads(attributes), id
    )
