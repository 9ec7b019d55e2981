"""Whether calls are recorded: `no_grad`, per thread and per task."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

from ..errors import UsageError

recording: ContextVar[bool] = ContextVar("backsight_recording", default=True)


class no_grad(ContextDecorator):
    """Compute without recording: results are constants. Also a decorator of plain functions.

    >>> with no_grad():
    ...     w -= 0.1 * w.grad
    """

    def __call__(self, function: Any) -> Any:
        """Decorate a function. Raises UsageError for generators and coroutines, which run later."""
        later = inspect.isgeneratorfunction, inspect.iscoroutinefunction, inspect.isasyncgenfunction
        if any(test(function) for test in later):
            raise UsageError(
                f"no_grad() would end before {function.__name__} begins, which runs when it is "
                "awaited or iterated; write `with no_grad():` inside it"
            )
        return super().__call__(function)

    def __enter__(self) -> None:
        # ContextDecorator shares one instance among nested and threaded calls, so tokens are a
        # stack of the context itself.
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
