"""Watch Backsight's own engine: an observer of its backward walks that cannot hurt them."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from .arrival import on_import
from .engine_cuts import note_cuts
from .session import Session

if TYPE_CHECKING:
    from ..adapters.engine_sites.observing import EngineRun, EngineWalk


def watch_engine(session: Session) -> None:
    """Have `session` see the engine's backward walks, from the moment the engine is imported."""
    observer = EngineObserver(session)

    def attach(observers: ModuleType) -> None:
        if not session.active:
            return
        observers.active.append(observer)
        observers.of_functions.append(observer)
        restore = note_places(observers.Tensor, observer)
        session.on_end(note_cuts(observers.Tensor, observer))

        def detach() -> None:
            with suppress(ValueError):  # the script has cleared the list itself
                observers.active.remove(observer)
            with suppress(ValueError):
                observers.of_functions.remove(observer)
            restore()
            observer.finish()

        session.on_end(detach)

    def attach_optimizers(optim: ModuleType) -> None:
        if session.active:
            session.on_end(note_optimizers(optim.Optimizer, observer))

    on_import("backsight.engine.observers", attach)
    on_import("backsight.nn.optim", attach_optimizers)


class EngineObserver:
    """Observe walks for a session: what it does is timed, and what it raises ends the watching."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._run: EngineRun | None = None
        self._passing = False  # the current step is let pass: see `Session.passes`
        self._lock = threading.RLock()  # what belongs to the run is shared by all threads
        # Each thread walks graphs of its own; a hook may walk another.
        self._walks = threading.local()

    def begins(self, outputs: Sequence[Any]) -> bool:
        """Begin a step, and tell whether to observe it."""
        return self._begins(outputs)

    def differentiates(self, outputs: Sequence[Any], arguments: Sequence[tuple[str, Any]]) -> bool:
        """Begin a step that a function of arrays makes, and tell whether to observe it.

        A derivative by single numbers is mathematics, not training.
        """
        trains = any(leaf._value.size > 1 for _, leaf in arguments)
        return trains and self._begins(outputs, arguments)

    def _begins(self, outputs: Sequence[Any], arguments: Sequence[tuple[str, Any]] = ()) -> bool:
        if not self.session.here:
            return False
        begun = time.perf_counter()
        try:
            loss = loss_of(outputs)
            rested, self._passing = self._passing, self.session.passes(loss)
            if self._passing:
                return False
            if rested:
                with self._lock:
                    self._made().rested()
            with self._lock:
                number = self._begun(outputs, loss, arguments)
            return number > 0
        except Exception as error:
            self.session.fail(error)
            return False
        finally:
            if not self._passing:
                self.session.sampling.spent(time.perf_counter() - begun)

    def node(self, node: Any, dout: Any, downstream: tuple[Any, ...]) -> None:
        """See one node of an observed walk."""
        begun = time.perf_counter()
        try:
            if self.session.active:
                self._open()[-1][1].node(node, dout, downstream)
        except Exception as error:
            self.session.fail(error)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def ends(self, outputs: Sequence[Any], error: BaseException | None) -> None:
        """Hand over what was seen, unless the walk itself failed."""
        begun = time.perf_counter()
        try:
            number, walk = self._open().pop()
            if error is None and self.session.here:
                with self._lock:
                    self.session.observed(number, walk.finished())
        except Exception as failure:
            self.session.fail(failure)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def made(self, optimizer: Any) -> None:
        """Take note of a new optimiser, and where it was made."""
        if self.session.here:
            try:
                with self._lock:
                    self._introduce(optimizer)
            except Exception as error:
                self.session.fail(error)

    def stepped(self, optimizer: Any) -> None:
        """Take note of an update: its learning rate, its gradients, what it changed."""
        if self._passing or not self.session.here:
            return
        begun = time.perf_counter()
        try:
            with self._lock:
                self._introduce(optimizer)
                self.session.learning_rate(*self._made().stepped(optimizer))
        except Exception as error:
            self.session.fail(error)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def listens(self) -> bool:
        """Tell whether values that leave the graph are of interest: the step may be observed."""
        return self.session.active and self.session.expects

    def left(self, op: str, sources: list[Any], result: Any) -> None:
        """Take note of a value that leaves the graph."""
        if not self.session.here:
            return
        begun = time.perf_counter()
        try:
            with self._lock:
                self._made().cuts.note(op, sources, result, users_place)
        except Exception as error:
            self.session.fail(error)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def finish(self) -> None:
        """Hand over what waits for an update that will not come."""
        if self._run is not None and not self.session.failure:
            with suppress(Exception):  # the recording is closing; what is lost are a few figures
                self._run.finish()

    def _begun(
        self,
        outputs: Sequence[Any],
        loss: float | None,
        arguments: Sequence[tuple[str, Any]],
    ) -> int:
        run = self._made()
        rate = run.settle(arguments)
        if rate is not None:
            self.session.learning_rate(rate)
        number = self.session.step(loss, "engine")
        if not run.broken and (loss is None or not math.isfinite(loss)):
            birth = run.check(outputs, self.session.steps)
            if birth is not None:
                self.session.event("non-finite", birth)
        if number:
            self._open().append((number, run.walk(number, arguments, outputs)))
        return number

    def _introduce(self, optimizer: Any) -> None:
        if self._made().knows(optimizer):
            return
        detail = self._made().optimizer(optimizer, users_place(), self.session.steps)
        if detail is not None:
            self.session.event("optimizer", detail)

    def _open(self) -> list[tuple[int, EngineWalk]]:
        """Return the walks that this thread is in, innermost last."""
        if not hasattr(self._walks, "open"):
            self._walks.open = []
        walks: list[tuple[int, EngineWalk]] = self._walks.open
        return walks

    def _made(self) -> EngineRun:
        if self._run is None:
            # The engine is complete only by now.
            with self.session.once():
                from ..adapters.engine_sites.observing import EngineRun

                self._run = EngineRun(self.session.site, self.session.figures)
        return self._run


def loss_of(outputs: Sequence[Any]) -> float | None:
    """Return the number that a walk begins at, None if it is not one."""
    value = outputs[0]._value
    return value.item() if value.size == 1 else None


def note_places(tensor: Any, observer: EngineObserver) -> Callable[[], None]:
    """Have leaves remember where they are made; return what undoes that."""
    original = tensor.__init__

    def __init__(self: Any, value: Any, wanted: int = 0) -> None:
        original(self, value, wanted)
        if wanted and observer.session.active:
            self.where = users_place()

    tensor.__init__ = __init__

    def restore() -> None:
        if tensor.__init__ is __init__:
            tensor.__init__ = original

    return restore


def note_optimizers(optimizer: Any, observer: EngineObserver) -> Callable[[], None]:
    """Have the observer told of every new optimiser; return what undoes that."""
    original = optimizer.__post_init__

    def __post_init__(self: Any) -> None:
        original(self)
        observer.made(self)

    optimizer.__post_init__ = __post_init__

    def restore() -> None:
        if optimizer.__post_init__ is __post_init__:
            optimizer.__post_init__ = original

    return restore


def users_place() -> tuple[Any, int] | None:
    """Return code and instruction of the innermost frame that is not of this package."""
    home = __file__.rpartition("watching")[0]
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        # A dataclass's own `__init__` comes from a string.
        if not file.startswith(home) and file != "<string>":
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return None
