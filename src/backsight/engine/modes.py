"""Whether calls are recorded: `no_grad`, per thread and per task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

recording: ContextVar[bool] = ContextVar("backsight_recording", default=True)


class no_grad(ContextDecorator):  # noqa: N801 - a context manager reads like a function, as PyTorch's
    """Compute without recording: results are constants. Also a decorator.

    >>> with no_grad():
    ...     w -= 0.1 * w.grad
    """

    def __enter__(self) -> None:
        # ContextDecorator shares one instance among nested and threaded calls, so tokens are a stack
        # of the context itself.
        _outer.set((*_outer.get(), recording.set(False)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        *rest, token = _outer.get()
        _outer.set(tuple(rest))
        recording.reset(token)


_outer: ContextVar[tuple[Any, ...]] = ContextVar("backsight_no_grad_tokens", default=())


@contextmanager
def recorded(flag: bool) -> Iterator[None]:
    """Set recording on or off for a block, as the walk needs it."""
    token = recording.set(flag)
    try:
        yield
    finally:
        recording.reset(token)
