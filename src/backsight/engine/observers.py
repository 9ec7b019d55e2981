"""Who looks on while the engine walks: watchers, and recorders of traces.

An observer sees each node with the gradient that arrived and those that left, in the order of the
walk. It must not change anything. Without observers a walk pays one test.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from .tensors import Tensor


class Observer(Protocol):
    """What an observer has to offer; all of it is called in the thread of the walk."""

    def begins(self, outputs: Sequence[Tensor]) -> bool:
        """Tell whether to observe the walk that begins at `outputs`."""

    def node(self, node: Tensor, dout: Any, downstream: tuple[Any, ...]) -> None:
        """See one node: its upstream gradient, and the raw gradients of its inputs.

        Raw: before un-broadcasting. Where an input wants none the entry may be None or superfluous.
        """

    def ends(self, outputs: Sequence[Tensor], error: BaseException | None) -> None:
        """See the walk end; unless it failed, `.grad` of the leaves is final."""

    def stepped(self, optimizer: Any) -> None:
        """See an optimiser finish one update."""


class FunctionObserver(Observer, Protocol):
    """What sees the walks of functions as well."""

    def differentiates(
        self, outputs: Sequence[Tensor], arguments: Sequence[tuple[str, Tensor]]
    ) -> bool:
        """Tell whether to observe a walk that takes the gradient of a function's arguments.

        They are leaves made for the call, with their names. When the walk ends each holds its
        gradient, as after `.backward()`.
        """


active: list[Observer] = []
"""The observers of every `.backward()`."""

of_functions: list[FunctionObserver] = []
"""The observers of `grad` and `value_and_grad`.

They see the outermost derivative only, and none of what is made for a second one: `jvp`,
`jacobian`, `hessian`, `hvp`.
"""


def beginning(outputs: Sequence[Tensor]) -> list[Observer]:
    """Return the observers that want to see the walk that begins at `outputs`."""
    return [observer for observer in active if observer.begins(outputs)]


def stepped(optimizer: Any) -> None:
    """Tell every observer that an optimiser finished one update."""
    for observer in tuple(active):
        observer.stepped(optimizer)
