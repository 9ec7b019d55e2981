"""Watch Backsight's own engine: an observer of its backward walks that cannot hurt them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .arrival import on_import
from .session import Session

if TYPE_CHECKING:
    from ..adapters.engine_probe import EngineProbes, Walk


def watch_engine(session: Session) -> None:
    """Have `session` see the engine's backward walks, from the moment the engine is imported."""

    def attach(observers: ModuleType) -> None:
        if not session.active:
            return
        observer = EngineObserver(session)
        observers.active.append(observer)

        def detach() -> None:
            with suppress(ValueError):  # the script has cleared the list itself
                observers.active.remove(observer)

        session.on_end(detach)

    on_import("backsight.engine.observers", attach)


class EngineObserver:
    """Observe walks for a session: what it does is timed, and what it raises ends the watching."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._probes: EngineProbes | None = None
        self._walks = (
            threading.local()
        )  # each thread walks graphs of its own; a hook may walk another

    def begins(self, outputs: Sequence[Any]) -> bool:
        """Begin a step, and tell whether to observe it."""
        if not self.session.here:
            return False
        begun = time.perf_counter()
        try:
            value = outputs[0]._value
            number = self.session.step(value.item() if value.size == 1 else None, "engine")
            if number:
                self._open().append((number, self._made().walk()))
            return number > 0
        except Exception as error:
            self.session.fail(error)
            return False
        finally:
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
                self.session.observed(number, walk.finished())
        except Exception as failure:
            self.session.fail(failure)
        finally:
            self.session.sampling.spent(time.perf_counter() - begun)

    def stepped(self, optimizer: Any) -> None:
        """Take note of the learning rate of an update."""
        if not self.session.here:
            return
        try:
            rate = getattr(optimizer, "learning_rate", getattr(optimizer, "lr", None))
            self.session.learning_rate(float(rate) if rate is not None else None)
        except Exception as error:
            self.session.fail(error)

    def _open(self) -> list[tuple[int, Walk]]:
        """Return the walks that this thread is in, innermost last."""
        if not hasattr(self._walks, "open"):
            self._walks.open = []
        walks: list[tuple[int, Walk]] = self._walks.open
        return walks

    def _made(self) -> EngineProbes:
        if self._probes is None:
            from ..adapters.engine_probe import EngineProbes  # the engine is complete only by now

            self._probes = EngineProbes(self.session.site)
        return self._probes
