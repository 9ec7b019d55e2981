"""Watch PyTorch: decide before each forward whether to log it, and observe its backward pass.

Which line made which operation is only known if the forward was logged, so that a step is chosen at
the end of the one before.
"""

from __future__ import annotations

import math
import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .arrival import on_import
from .session import Session

if TYPE_CHECKING:
    from ..adapters.torch.calls import CallLog
    from ..adapters.torch.entry import Backward
    from ..adapters.torch.passes import Pass


def watch_torch(session: Session) -> None:
    """Have `session` see PyTorch's backward passes, from the moment torch is imported."""

    def attach(torch: ModuleType) -> None:
        begun = time.perf_counter()
        try:
            if session.here:
                TorchWatcher(session).attach()
        except Exception as error:  # or the script's own import would fail
            session.fail(error)
        finally:
            session.sampling.spent(time.perf_counter() - begun)

    on_import("torch", attach)


class TorchWatcher:
    """Observe passes for a session: what it does is timed, and what it raises ends the watching.

    Each thread has its own log and its own plan, as it has its own stack of modes.
    """

    def __init__(self, session: Session) -> None:
        from ..adapters.torch.probes import TorchProbes  # torch is there by now

        self.session = session
        self._probes = TorchProbes(
            session.site, session.figures, session.fail, session.sampling.spent
        )
        self._threads = threading.local()
        self._logs: weakref.WeakSet[CallLog] = weakref.WeakSet()
        self._lines = True
        self._pid = os.getpid()

    def attach(self) -> None:
        """Begin, with what this PyTorch allows."""
        from ..adapters.torch import entry, private

        missing = private.missing()
        if missing:
            line = private.told(missing)
            self.session.say(line)
            self.session.miss(line)
        if private.ENTRY in missing:
            return
        self._lines = private.LINES not in missing
        self.session.on_end(entry.attach(self, updates=private.UPDATES not in missing))
        self.session.on_end(self._stop)
        self.session.on_end(self._finish)
        if hasattr(os, "register_at_fork"):
            me = weakref.ref(self)

            def in_child() -> None:
                if (watcher := me()) is not None:
                    watcher._stop()

            os.register_at_fork(after_in_child=in_child)
        self.resumes()

    def pauses(self) -> None:
        """Take our mode off the stack before the backward pass."""
        self._guarded(lambda: self._log().pause())

    def resumes(self) -> None:
        """Put it there again if the next step is to be observed."""
        self._guarded(self._rearm)

    def begins(self, call: Backward) -> tuple[int, Pass] | None:
        """Begin a step, and a pass if it is to be observed."""
        if not self.session.here:
            return None
        from ..adapters.torch.arrays import loss_of, unseen

        begun = time.perf_counter()
        try:
            mine = self._threads
            planned, mine.planned, mine.over = getattr(mine, "planned", False), False, True
            self._log().stop()
            with unseen():
                self._probes.parameters.settle()
            loss = loss_of(call.roots[0], wait=planned) if len(call.roots) == 1 else None
            number = self.session.step(loss, "torch", planned)
            if loss is not None and not math.isfinite(loss):
                birth = self._probes.birth(self.session.steps, call, self._log())
                if birth is not None:
                    self.session.event("non-finite", birth)
            return (number, self._probes.begin(number, call, self._log())) if number else None
        except Exception as error:
            self.session.fail(error)
            return None
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def ends(self, observed: tuple[int, Pass], result: Any, error: BaseException | None) -> None:
        """Hand over what was seen, unless the pass itself failed."""
        begun = time.perf_counter()
        try:
            number, seen = observed
            seen.release()
            if error is None and self.session.here:
                self.session.observed(number, seen.finished(result))
        except Exception as failure:
            self.session.fail(failure)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def updating(self, optimizer: Any, closure: bool) -> None:
        """Keep off the stack during an update, unless the forward lies inside it."""
        if not closure:
            self._guarded(lambda: self._log().pause())

    def updated(self, optimizer: Any) -> None:
        """Take note of the learning rate, and come back on the stack."""
        from ..adapters.torch.arrays import unseen
        from ..adapters.torch.sites.parameters import rate_of

        def note() -> None:
            with unseen():
                parameters = self._probes.parameters
                introduced = parameters.new(optimizer, self.session.steps)
                parameters.updated(optimizer)
                self.session.learning_rate(rate_of(optimizer))
            if introduced is not None:
                self.session.event("optimizer", introduced)
            self._rearm()

        self._guarded(note)

    def unseen(self, why: str) -> None:
        """Take note of passes that cannot be observed."""
        self._guarded(lambda: self.session.miss(why))

    def compiles(self) -> None:
        """Log no more calls: each compiled function would be compiled again for it."""
        from ..adapters.torch.entry import COMPILED

        def give_up() -> None:
            self._lines = False
            self._stop()
            self.session.miss(COMPILED)

        self._guarded(give_up)

    def _guarded(self, action: Callable[[], None]) -> None:
        """Do something that must not hurt, in this process only; it is timed."""
        if not self.session.here:
            return
        begun = time.perf_counter()
        try:
            action()
        except Exception as error:
            self.session.fail(error)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def _rearm(self) -> None:
        """Decide on the next step if the last one is over, and log its forward if it is chosen."""
        mine = self._threads
        if getattr(mine, "over", True):
            mine.over = False
            mine.planned = self.session.due_next()
        if mine.planned and self._lines:
            self._log().start()

    def _log(self) -> CallLog:
        """Return the log of this thread."""
        log: CallLog | None = getattr(self._threads, "log", None)
        if log is None:
            from ..adapters.torch.calls import CallLog

            log = self._threads.log = CallLog(self.session.fail, self.session.sampling.spent)
            self._logs.add(log)
        return log

    def _stop(self) -> None:
        """Leave the stack of this thread; the logs of others log nothing more."""
        for log in tuple(self._logs):
            log.stop()

    def _finish(self) -> None:
        """Hand over what waits for an update that will not come."""
        from ..adapters.torch.arrays import unseen

        if os.getpid() == self._pid and not self.session.failure:
            with suppress(Exception), unseen():  # what is lost are a few figures of the last step
                self._probes.parameters.settle()
                self._probes.parameters.finish()
