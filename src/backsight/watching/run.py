"""Run a script and watch it: `run_script`, from its first line to the diagnosis at its end."""

from __future__ import annotations

import atexit
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import FileFormatError
from .engine import watch_engine
from .place import clear
from .program import Program
from .session import Session
from .torch import watch_torch

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis

Tell = Callable[["Diagnosis", Session], int]
"""Shows a diagnosis and returns the exit code to use in place of 0."""

UNWATCHED = {"tensorflow": "TensorFlow", "jax": "JAX"}
KILLED = 128  # a shell reports a death by signal n as 128 + n


def run_script(program: Program, session: Session, tell: Tell) -> int:
    """Run a program under a session, then diagnose and `tell`. Returns the exit code.

    The code is the program's own, whatever became of the watching; `tell` may replace 0. Where the
    program leaves threads behind, the diagnosis waits for the end of the process, as the threads
    may.

    Raises UsageError for a module that does not exist, and for a recording named by the user that
    another process is writing.
    """
    ending = Ending(session, tell)
    clear(session.place, session.explicit)
    watch_engine(session)
    watch_torch(session)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and _in_main_thread():
        signal.signal(signal.SIGTERM, ending.on_terminate)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=ending.forking,
                after_in_parent=ending.forked,
                after_in_child=ending.forked_child,
            )
    # Registered before the script's own, it runs after them.
    atexit.register(ending.at_exit)
    try:
        ending.code = program.run()
    except BaseException:
        ending.done = True
        session.end()
        raise
    if ending.code in (0, 1) and _others_alive():
        return ending.code
    return ending.finish()


class Ending:
    """What happens at the end of a watched run, whichever way it ends: once."""

    def __init__(self, session: Session, tell: Tell) -> None:
        self.session = session
        self.tell = tell
        self.code = 0
        self.done = False
        self._pid = os.getpid()
        self._masks = threading.local()

    def finish(self) -> int:
        """Close the recording, diagnose, tell; return the exit code."""
        if self.done or os.getpid() != self._pid:
            return self.code
        self.done = True
        with suppress(Exception):  # what the script printed comes before what we say of it
            sys.stdout.flush()
        try:
            note_unwatched(self.session)
            self.session.finish(self.code)
            replaced = self.tell(diagnosed(self.session, self.code), self.session)
        except Exception as error:
            kept = self.session.recording
            what = f"the diagnosis failed ({type(error).__name__}: {error})"
            self.session.say(f"{what}; the recording is {kept}" if kept else what)
            replaced = 0
        return self.code or replaced

    def at_exit(self) -> None:
        """Finish when the interpreter ends, after the threads that the script left behind."""
        if self.done or os.getpid() != self._pid:
            return
        code = self.finish()
        if code != self.code:
            # Too late for an ordinary exit code; the script's own handlers have run before ours.
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
            os._exit(code)

    def on_terminate(self, number: int, frame: FrameType | None) -> None:
        """Tell what was seen, then die by the same signal, as the script would have."""
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() == self._pid:
            self.code = KILLED + number
            with suppress(BaseException):
                self.finish()
        os.kill(os.getpid(), number)

    def forking(self) -> None:
        """Hold back SIGTERM while a child is made: see `forked_child`."""
        self._masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def forked(self) -> None:
        """Let SIGTERM through again."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.before)

    def forked_child(self) -> None:
        """Give a forked child the script's own way to die, before a signal can reach it.

        A handler in Python runs only between two bytecodes, and Python forgets signals that arrive
        while it forks. A worker that waits for a lock would miss the signal, and whoever waits for
        the worker would wait for ever.
        """
        if signal.getsignal(signal.SIGTERM) == self.on_terminate:
            with suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self.forked()


def diagnosed(session: Session, code: int | None) -> Diagnosis:
    """Return the diagnosis of a finished session."""
    from ..diagnosis import Diagnosis, diagnose  # NumPy, at last: the script has had its say

    if session.recording is not None and not session.failure:
        return diagnose(session.recording)
    failed = Diagnosis(
        "watching-failed",
        session.script,
        code,
        session.observed_so_far(),
        failure=session.failure,
        seconds=session.sampling.cost,
    )
    try:  # what had been written before the failure still counts
        found = diagnose(session.recording or os.devnull)
    except FileFormatError:
        return failed
    return dataclasses.replace(failed, findings=found.findings, rules=found.rules)


def note_unwatched(session: Session) -> None:
    """Say what the script has used that this version does not watch: frameworks, processes."""
    if session.steps == 0 and _started_processes():
        session.miss("processes that the script started: only the first one is watched")
    for module, name in UNWATCHED.items():
        if module in sys.modules:
            session.miss(
                f"{name}: only PyTorch and Backsight's own engine are watched by this version"
            )


def _started_processes() -> bool:
    """Tell whether the script has started processes through multiprocessing."""
    counter = getattr(sys.modules.get("multiprocessing.process"), "_process_counter", None)
    return counter is not None and repr(counter) != "count(1)"


def default_place(program: Program) -> Path:
    """Return where a recording goes if nothing else is said: `./backsight/<script>.bsr`."""
    return Path.cwd() / "backsight" / f"{program.name}.bsr"


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _others_alive() -> bool:
    this = threading.current_thread()
    return any(t is not this and t.is_alive() and not t.daemon for t in threading.enumerate())
