"""Watch PyTorch: decide before each forward whether to log it, and observe its backward pass.

Which line made which operation is only known if the forward was logged, so that a step is chosen at
the end of the one before.
"""

from __future__ import annotations

import math
import os
import random
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


NORM_SHARE = 0.01  # of the time of a step: where seconds are scarce, norms may take so much
LONGEST_GAP = 100  # steps from one such norm to the next

Begun = tuple[int, Any, tuple[str, ...], "Backward"]
"""A pass that has begun: its number and the pass, or 0 and its number, the kind of loss, the call.
"""


def watch_torch(session: Session) -> None:
    """Have `session` see PyTorch's backward passes, from the moment torch is imported."""

    def attach(torch: ModuleType) -> None:
        begun = time.perf_counter()
        try:
            if session.here:
                with session.once():
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
        # Torch is there by now. An import inside a function takes a microsecond of every step.
        from ..adapters.torch import arrays, entry
        from ..adapters.torch.probes import TorchProbes
        from ..adapters.torch.updates.steps import kind_of

        self._unseen, self._loss_of = arrays.unseen, arrays.loss_of
        self._scaler_of, self._kind_of = entry.scaler_of, kind_of
        self.session = session
        self._probes = TorchProbes(
            session.site, session.figures, session.fail, session.sampling.spent
        )
        self._threads = threading.local()
        self._logs: weakref.WeakSet[CallLog] = weakref.WeakSet()
        self._lines = True
        self._pid = os.getpid()
        self._next_norm = 0  # the step from which on a norm is taken again
        self._random = random.Random(0)

    def attach(self) -> None:
        """Begin, with what this PyTorch allows."""
        from ..adapters.torch import entry, private
        from ..adapters.torch.forward import modes
        from ..adapters.torch.updates import construction

        missing = private.missing()
        if missing:
            line = private.told(missing)
            self.session.say(line)
            self.session.miss(line)
        if private.ENTRY in missing:
            return
        self._lines = private.LINES not in missing
        if private.CONSTRUCTION not in missing:
            self.session.on_end(construction.attach(self._probes.updates.constructions))
        self.session.on_end(entry.attach(self, updates=private.UPDATES not in missing))
        self.session.on_end(modes.attach(self.session.fail))
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
        log: CallLog | None = getattr(self._threads, "log", None)
        if log is not None and log.wanted:
            self._guarded(log.pause)

    def resumes(self) -> None:
        """Put it there again if the next step is to be observed."""
        mine = self._threads
        if self.session.sampling.resting and getattr(mine, "over", False):
            mine.over = False  # the next step will be let pass
        else:
            self._guarded(self._rearm)

    def begins(self, call: Backward) -> Begun | None:
        """Begin a step, and a pass if it is to be observed."""
        if not self.session.here:
            return None
        begun = time.perf_counter()
        mine = self._threads
        rested, mine.passing = getattr(mine, "passing", False), False
        try:
            planned, mine.planned, mine.over = getattr(mine, "planned", False), False, True
            loss = self._loss_of(call.roots[0], wait=planned) if len(call.roots) == 1 else None
            mine.passing = not planned and self.session.passes(loss)
            if mine.passing:
                return None
            self._log().stop()
            with self._unseen():
                if rested:
                    self._probes.updates.rested()
                kind = self._kind_of(call.roots[0])
                self._settle()
                number = self.session.step(loss, "torch", planned)
                if loss is not None and not math.isfinite(loss):
                    birth = self._probes.birth(self.session.steps, call, self._log())
                    if birth is not None:
                        self.session.event("non-finite", birth)
                if not number:
                    return 0, self.session.steps, kind, call
                self._probes.updates.observing()
            return number, self._probes.begin(number, call, self._log()), kind, call
        except Exception as error:
            self.session.fail(error)
            return None
        finally:
            if not mine.passing:
                self.session.sampling.spent(time.perf_counter() - begun)

    def ends(self, observed: Begun, result: Any, error: BaseException | None) -> None:
        """Hand over what was seen, unless the pass itself failed."""
        begun = time.perf_counter()
        try:
            number, seen, _, _ = observed
            if number:
                seen.release()
            if error is None and self.session.here:
                (self._observed if number else self._idle)(observed, result)
            if number:
                seen.close()
        except Exception as failure:
            self.session.fail(failure)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def updating(self, optimizer: Any, closure: bool) -> None:
        """Keep off the stack during an update, unless the forward lies inside it."""
        mine = self._threads
        mine.closure = closure
        if not closure:
            self.pauses()
        if getattr(mine, "passing", False) and not closure:
            return

        def note() -> None:
            updates = self._probes.updates
            if closure or not updates.optimizers.idle(optimizer):
                with self._unseen():
                    updates.updating(optimizer, closure, getattr(mine, "planned", False))

        self._guarded(note)

    def updated(self, optimizer: Any) -> None:
        """Take note of the learning rate, and come back on the stack."""
        mine = self._threads
        if getattr(mine, "passing", False):
            self.resumes()
            return

        def note() -> None:
            updates, step = self._probes.updates, self.session.steps
            with self._unseen():
                rate = updates.updated(optimizer, getattr(mine, "closure", False), step)
            self.session.learning_rate(rate)
            for each in updates.news():
                self.session.event(*each)
            self._rearm()

        self._guarded(note)

    def unseen(self, why: str) -> None:
        """Take note of passes that cannot be observed."""
        self._guarded(lambda: self.session.miss(why))

    def failed(self, error: Exception) -> None:
        """End the watching."""
        self.session.fail(error)

    def compiles(self) -> None:
        """Log no more calls: each compiled function would be compiled again for it."""
        from ..adapters.torch.entry import COMPILED

        def give_up() -> None:
            self._lines = False
            self._stop()
            self.session.miss(COMPILED)

        self._guarded(give_up)

    def _settle(self) -> None:
        """Complete the step before, of which some things are known only now."""
        rate, late = self._probes.updates.begins()
        if rate is not None:
            self.session.learning_rate(rate)
        for each in late:
            self._norm(each.step, each.norm, ("",), each.scaled)

    def _observed(self, observed: Begun, result: Any) -> None:
        """Hand over what an observed pass has shown."""
        number, seen, kind, call = observed
        found = seen.finished(result)
        self.session.observed(number, found)
        self.session.gradient_norm(number, found.gradient_norm, " ".join(kind))
        with self._unseen():
            leaves = seen.graph.leaves
            rate = self._probes.updates.walked(
                number, call, kind, leaves, seen.scale, found.gradient_norm
            )
        if rate is not None:
            self.session.learning_rate(rate)

    def _idle(self, observed: Begun, result: Any) -> None:
        """Take the norm of the gradients of a pass that was not observed.

        Of every one, unless seconds are scarce: then of as many as the norms may take time, at
        random, for a fixed period would always meet the same half of an alternating loop.
        """
        _, number, kind, call = observed
        sampling = self.session.sampling
        if sampling.scarce and number < self._next_norm:
            return
        begun = time.perf_counter()
        with self._unseen():
            norm = self._probes.updates.idle(number, call, kind, result)
            if norm is not None:
                self._norm(number, norm, kind, self._scaler_of(call.roots[0]) is not None)
        if sampling.scarce:
            steps = (time.perf_counter() - begun) / max(NORM_SHARE * sampling.pace, 1e-9)
            gap = self._random.randint(0, round(2 * min(max(steps - 1, 0), LONGEST_GAP)))
            self._next_norm = number + 1 + gap

    def _norm(self, number: int, norm: float, kind: tuple[str, ...], scaled: bool) -> None:
        """Hand over a norm; one that is not finite is told once, unless a scale explains it."""
        if math.isfinite(norm):
            self.session.gradient_norm(number, norm, " ".join(kind))
        elif not scaled:
            self.session.gradient_norm(number, norm, " ".join(kind))
            if not self._probes.broken:
                self._probes.broken = True
                self.session.event("non-finite", self._probes.updates.broken(number, kind))

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
            with self.session.once():
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
        if os.getpid() == self._pid and not self.session.failure:
            with (
                suppress(Exception),
                self._unseen(),
            ):  # what is lost are a few figures of the last step
                self._probes.updates.finish()
