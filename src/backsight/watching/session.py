"""One watched run: what is observed, where it is written, what it costs, and what if we fail.

A session knows no framework. What watches one (engine.py) asks it before each step whether to
observe it, and hands it what was seen. The order of its promises: do no harm, then see much.
"""

from __future__ import annotations

import math
import os
import platform
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .sampling import Sampling

if TYPE_CHECKING:
    from ..traces.recording import Observation, Site
    from ..traces.recording_writer import RecordingWriter
    from .early import Early

NUMBER, LOSS, NORM, RATE, OBSERVED = range(5)  # of a step that is not complete yet
ALIKE = 0.01  # two norms of the same gradients
UNLIKE = 10  # observed steps in a row that must be alike after one that was not
LONG_STEP = 0.5  # seconds
LATEST = 4.0  # seconds after which what is known of a run is in the file


class Session:
    """Watch one run into one recording. Active until `finish()`, or our first failure.

    `place` is the file to write; where that fails, a temporary one is. Any thread may call.
    """

    def __init__(
        self,
        place: Path,
        *,
        script: str,
        arguments: Sequence[str] = (),
        sampling: Sampling | None = None,
        explicit: bool = False,
        stream: TextIO | None = None,
    ) -> None:
        self.place = place
        self.script = script
        self.explicit = explicit
        self.sampling = sampling or Sampling()
        self.active = True
        self.finished = False
        self.steps = 0
        self.probed = 0
        self.failure = ""
        self.stream = stream if stream is not None else sys.stderr
        self.early: Early | None = None  # tells what is certain before the end
        self._pid = os.getpid()
        # A signal handler may come upon its own thread in here, and must not wait for it.
        self._lock = threading.RLock()
        self._writer: RecordingWriter | None = None
        self._path: Path | None = None
        self._lost = False  # the recording cannot be written any more
        self._missed: set[str] = set()
        # Number, loss, gradient norm, learning rate of the last step, and whether it was observed.
        self._pending: list[Any] | None = None
        self._alike = 0  # from 0 on: the norms at updates are those after passes
        self._said = 0, False  # to whom asked in advance: a step, and whether it is due
        self._detach: list[Callable[[], None]] = []
        self._meta = {
            "script": script,
            "argv": list(arguments),
            "folder": str(Path.cwd()),
            "pid": self._pid,
            "rank": own_rank(),
            "source": "",
            "started": time.time(),
            "versions": {"backsight": own_version(), "python": platform.python_version()},
        }

    def on_end(self, detach: Callable[[], None]) -> None:
        """Have `detach` called when watching ends, for whatever reason."""
        self._detach.append(detach)

    @property
    def here(self) -> bool:
        """Whether watching goes on, in this very process (not in a forked child)."""
        return self.active and os.getpid() == self._pid

    @property
    def writer(self) -> RecordingWriter:
        """The recording, begun on first use: by then the script has imported NumPy itself."""
        if self._writer is None:
            with self.once():
                from ..traces.recording_writer import RecordingWriter

                path = free_place(self.place, self.explicit)
                try:
                    self._writer = RecordingWriter(path, self._meta)
                except (OSError, sqlite3.Error) as error:
                    self._writer = self._in_temporary_folder(path, error)
            self._path = self._writer.path
            self._writer.news = self._counts
        return self._writer

    @contextmanager
    def once(self) -> Iterator[None]:
        """Do what is done once and for all within a step: its time is no measure of a step."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.sampling.apart(time.perf_counter() - begun)

    @property
    def recording(self) -> Path | None:
        """Where the recording is, None if it was not begun."""
        return self._path

    def due_next(self) -> bool:
        """Tell whether to observe the next step, for a source that must know in advance."""
        with self._lock:
            due = not self.sampling.resting and self.sampling.due(self.steps + 1)
            self._said = self.steps + 1, due
            return due

    @property
    def expects(self) -> bool:
        """Whether the step that is under way may be observed, unless its loss jumps."""
        return self.steps + 1 >= self.sampling.next and not self.sampling.resting

    def passes(self, loss: float | None) -> bool:
        """Tell whether to let a step pass, where steps are too short to record them all.

        It is counted, and nothing else must be done about it.
        """
        if not self.sampling.resting:
            return False
        with self._lock:
            passes = self.sampling.passes(loss)
            self.steps += passes
            return passes

    def step(self, loss: float | None, source: str, due: bool | None = None) -> int:
        """Begin a step; return its number if it is to be observed, else 0.

        `due` is what `due_next` said, if it was asked.
        """
        with self._lock:
            self.steps += 1
            self._write_pending()
            if self.steps == 1:
                self.writer.update(source=source)
            self.sampling.saw("loss", loss)
            if due is None and self._said[0] == self.steps:  # another source has asked before
                due = self._said[1]
            due = self.sampling.due(self.steps) if due is None else due
            self._pending = [self.steps, loss, None, None, due]
            return self.steps if due else 0

    def site(self, site: Site) -> int:
        """Add a site to the recording and return its id."""
        with self._lock:
            return self.writer.site(site)

    def observed(self, step: int, seen: Observation) -> None:
        """Take what was seen in a step."""
        with self._lock:
            self.probed += 1
            for site, figures in seen.figures.items():
                self.writer.probe(step, site, figures)
            for site, (samples, active) in seen.units.items():
                if not self.writer.units(step, site, samples, active):
                    self._miss("units of some layers: there are too many of them")
            for kind, detail in seen.events:
                self.writer.event(kind, detail)
            if self._pending is not None and self._pending[NUMBER] == step:
                self._pending[NORM] = seen.gradient_norm
            for what in seen.missed:
                self._miss(what)
            self._write_if_late()
        if self.early is not None:
            self.early.look(self)

    def flushed(self) -> Path | None:
        """Write what is known so far and return the recording, None if it is not readable now."""
        with self._lock:
            return self._path if self.writer.flush() else None

    def figures(self, step: int, figures: Mapping[int, Mapping[str, float]]) -> None:
        """Take figures of an observed step that became known later, by site."""
        # At the end we may be in a signal handler that interrupted the very holder of the lock.
        if self._lock.acquire(timeout=1.0 if self.finished else -1):
            try:
                for site, measured in figures.items():
                    self.writer.probe(step, site, measured)
            finally:
                self._lock.release()

    def event(self, kind: str, detail: Any) -> None:
        """Take note of something that happened once."""
        with self._lock:
            self.writer.event(kind, detail)

    def miss(self, what: str) -> None:
        """Take note of something that could not be observed."""
        with self._lock:
            self._miss(what)

    def _miss(self, what: str) -> None:
        if what not in self._missed:
            self._missed.add(what)
            self.writer.event("not-observed", what)

    def learning_rate(self, rate: float | None, gradient_norm: float | None = None) -> None:
        """Take note of the learning rate that the last step was made with.

        `gradient_norm` is that at the update. It counts where none was measured after the pass, and
        as long as the two are the same: not where gradients are clipped in between.
        """
        with self._lock:
            pending = self._pending
            if pending is not None:
                pending[RATE] = rate
                self._note_norm(pending, gradient_norm)
                self._write_if_late()

    def gradient_norm(self, step: int, norm: float | None, kind: str = "") -> None:
        """Take note of the norm of a step's gradients; `kind` tells losses of other sizes apart."""
        if norm is None:
            return
        with self._lock:
            pending = self._pending
            if pending is not None and pending[NUMBER] == step and pending[NORM] is None:
                pending[NORM] = norm
            self.sampling.saw(f"gradient norm {kind}", norm)

    def fail(self, error: BaseException) -> None:
        """Switch watching off, once, with one line. The script goes on."""
        if not self.active:
            return
        self.end()
        self.failure = f"{type(error).__name__}: {error}".partition("\n")[0]
        self.say(f"watching is switched off, the script goes on ({self.failure})")
        try:
            self.writer.event("failure", self.failure)
        except Exception:  # the disk is full, say: the line above is all that can be done
            self._give_up()

    def end(self) -> None:
        """Stop watching; the recording stays open."""
        self.active = False
        for detach in self._detach:
            with suppress(Exception):  # the others, and the script, must not suffer from it
                detach()
        self._detach.clear()

    def finish(self, exit_code: int | None) -> None:
        """Stop watching and close the recording, with the script's exit code if there is one."""
        if self.finished or os.getpid() != self._pid:
            return
        self.finished = True
        self.end()
        if self._lost:
            return
        # In a signal handler the lock may be held by the very thread that it interrupted.
        held = self._lock.acquire(timeout=1.0)
        try:
            self._write_pending()
            self.writer.event("exit", exit_code)
            self.writer.close()
        except Exception as error:
            self.failure = self.failure or f"{type(error).__name__}: {error}"
            self._give_up()
        finally:
            if held:
                self._lock.release()

    def observed_so_far(self) -> dict[str, Any]:
        """Return what was observed, in the form of a diagnosis."""
        return {
            "steps": self.steps,
            "probed": self.probed,
            "overhead": round(self.sampling.overhead(), 4),
            "not_observed": sorted(self._missed),
        }

    def say(self, line: str) -> None:
        """Print one line of ours to stderr."""
        with suppress(OSError, ValueError):  # the script may have closed it
            print(f"backsight: {line}", file=self.stream, flush=True)

    def _write_pending(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            number, loss, norm, rate, observed = pending
            self.writer.step(
                number, loss=loss, gradient_norm=norm, learning_rate=rate, observed=observed
            )

    def _note_norm(self, pending: list[Any], norm: float | None) -> None:
        if norm is None:
            return
        self.sampling.saw("gradient norm", norm)
        if pending[NORM] is None:
            pending[NORM] = norm if self._alike >= 0 else None
        elif pending[OBSERVED]:
            alike = abs(norm - pending[NORM]) <= ALIKE * norm or not math.isfinite(norm)
            self._alike = self._alike + 1 if alike else -UNLIKE

    def _write_if_late(self) -> None:
        """Write now what would be older than a few seconds at the next step: steps are long."""
        if self.sampling.pace > LONG_STEP and self.writer.waited() + self.sampling.pace > LATEST:
            self._write_again()
            self.writer.flush()

    def _write_again(self) -> None:
        """Write what is known of the last step so far; what is added later replaces it."""
        pending = self._pending
        self._write_pending()
        self._pending = pending

    def _counts(self) -> dict[str, Any]:
        sampling = self.sampling
        return {
            "steps": self.steps,
            "probed": self.probed,
            "overhead": sampling.overhead(),
            "seconds": sampling.cost,
        }

    def _give_up(self) -> None:
        writer, self._writer = self._writer, None
        self._lost = True
        with suppress(Exception):
            if writer is not None:
                writer.close()

    def _in_temporary_folder(self, path: Path, error: Exception) -> RecordingWriter:
        from ..traces.recording_writer import RecordingWriter

        other = Path(tempfile.mkdtemp(prefix="backsight-")) / path.name
        self.say(f"{path} cannot be written ({error}); recording to {other}")
        return RecordingWriter(other, self._meta)


def free_place(place: Path, explicit: bool) -> Path:
    """Return `place`, or one beside it if another running process records there.

    Raises UsageError if the user named that file.
    """
    from ..errors import UsageError
    from ..traces.recording import writer_of

    other = writer_of(place) if place.exists() else None
    if other is None:
        return place
    if explicit:
        raise UsageError(f"{place} is being written by process {other}; choose another file")
    return place.with_stem(f"{place.stem}-{os.getpid()}")


def own_rank() -> int | None:
    """Return the rank of this process in a job of several, as torchrun and its like tell it."""
    rank, size = os.environ.get("RANK", ""), os.environ.get("WORLD_SIZE", "")
    return int(rank) if rank.isdigit() and size.isdigit() and int(size) > 1 else None


def own_version() -> str:
    """Return the version of Backsight, "" where it runs without being installed."""
    try:
        return metadata.version("backsight")
    except metadata.PackageNotFoundError:
        return ""
