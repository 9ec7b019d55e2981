"""Run a script up to a backward pass, stop it there, and return the trace of that pass."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .arrival import on_import
from .program import Program, Stopped

if TYPE_CHECKING:
    from ..adapters.engine_trace import TraceBuilder
    from ..adapters.torch.tracing.passes import Tracing
    from ..traces.trace import Trace


def trace_script(program: Program, step: int = 1) -> Trace:
    """Run a program up to its `step`-th backward pass in the main thread, and trace that pass.

    The script is stopped when the pass is over: what it would have done then is not done, but its
    `finally` blocks and exit handlers run. Raises UsageError where it ends before that.
    """
    script = Script(step)
    script.attach()
    try:
        code = program.run()
    finally:
        script.detach()
    if script.trace is not None:
        return script.trace
    if script.error is not None:
        what = f"{type(script.error).__name__}: {script.error}"
        raise UsageError(f"{program.target}: the pass could not be traced ({what})")
    raise UsageError(script.ended(program, code))


class Script:
    """Counts the backward passes of a script, of the engine and of PyTorch alike."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.passes = 0
        self.trace: Trace | None = None
        self.error: Exception | None = None
        self._over = False
        self._torch: Tracing | None = None
        self._walks: list[TraceBuilder | None] = []
        self._engine: ModuleType | None = None
        self._thread = threading.get_ident()

    def attach(self) -> None:
        """Wait for the engine and for PyTorch to be imported."""
        on_import("backsight.engine.observers", self._see_engine)
        on_import("torch", self._see_torch)

    def detach(self) -> None:
        """Leave both as they were."""
        self._over = True
        if self._engine is not None:
            self._engine.active.remove(self)
            self._engine.of_functions.remove(self)
        if self._torch is not None:
            self._torch.stop()

    def ended(self, program: Program, code: int) -> str:
        """Say that the script did not get to the pass."""
        which = "its first backward pass" if self.step == 1 else f"backward pass {self.step}"
        seen = f"; it made {self.passes}" if self.passes else ""
        how = f" with exit code {code}" if code else ""
        why = "; ".join(sorted(self._torch.why)) if self._torch is not None else ""
        untraced = f"; what cannot be traced: {why}" if why else ""
        return f"{program.target} ended{how} before {which}{seen}{untraced}"

    # The engine: an observer of its walks.

    def begins(self, outputs: Sequence[Any]) -> bool:
        """Count a walk; trace the one that is asked for."""
        return self._begins(outputs)

    def differentiates(self, outputs: Sequence[Any], arguments: Sequence[tuple[str, Any]]) -> bool:
        """Count the walk of a function's gradient; its arguments are its parameters."""
        return self._begins(outputs, arguments)

    def _begins(self, outputs: Sequence[Any], arguments: Sequence[tuple[str, Any]] = ()) -> bool:
        if threading.get_ident() != self._thread:
            return False
        if self._over:
            raise Stopped
        self.passes += 1
        builder = None
        if self.passes == self.step:
            from ..adapters.engine_trace import Names, TraceBuilder

            names = Names(caller(sys._getframe(2)))
            names.by_id |= {id(leaf): name for name, leaf in arguments}
            builder = TraceBuilder(outputs, names)
        self._walks.append(builder)
        return True

    def node(self, node: Any, dout: Any, downstream: tuple[Any, ...]) -> None:
        """See one node of a walk."""
        builder = self._walks[-1]
        if builder is not None:
            builder.node(node, dout, downstream)

    def ends(self, outputs: Sequence[Any], error: BaseException | None) -> None:
        """See a walk end; stop the script after the one that is asked for."""
        builder = self._walks.pop()
        if error is None:
            self._passed()
            if builder is not None:
                self.trace = builder.build(builder.arrived())
                self._stop()

    def stepped(self, optimizer: Any) -> None:
        """Nothing of an update belongs into a trace."""

    def _see_engine(self, module: ModuleType) -> None:
        if not self._over:
            self._engine = module
            module.active.append(self)
            module.of_functions.append(self)

    # PyTorch.

    def _see_torch(self, module: ModuleType) -> None:
        if self._over or threading.get_ident() != self._thread:
            return
        try:
            from ..adapters.torch.tracing.passes import tracing

            self._torch = tracing(self._told, seeing=self.step == self.passes + 1)
        except Exception as error:  # or the script's own import would fail
            self.error = error

    def _told(self, trace: Trace | None) -> None:
        assert self._torch is not None
        if self._over:
            raise Stopped
        self.passes += 1
        self._passed()
        if self.passes == self.step:
            self.trace, self.error = trace, self._torch.error
            self._stop()

    def _passed(self) -> None:
        """See the forward that follows if its pass is the one that is asked for."""
        if self._torch is not None and self.passes == self.step - 1:
            self._torch.see()

    def _stop(self) -> None:
        self._over = True
        raise Stopped


def caller(frame: FrameType | None) -> FrameType | None:
    """Return the innermost frame that is not ours: its variables name things."""
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return frame


_OURS = str(Path(__file__).parents[1])
