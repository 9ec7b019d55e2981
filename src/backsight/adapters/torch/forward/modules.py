"""The modules that are being called, as hooks on their calls tell; only while calls are logged.

They give places their module, name what is computed inside `no_grad`, where the log keeps off the
stack of modes, and tell of modules that compute one thing in training and another in evaluation.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from .cuts import Cuts, joined, parameters_in

MODAL = (_BatchNorm, _DropoutNd)
"""Modules that compute one thing while they train and another while they evaluate."""
KEPT = 2_000  # calls of them: their backward pass may come late, or never

_grad_enabled = torch._C.is_grad_enabled
_inside_function = torch._C._functorch.peek_interpreter_stack


class Entered(NamedTuple):
    """A call of a module that goes on. `off`: nothing is differentiated in it, since `place`."""

    module: Any
    ref: weakref.ref[Any]
    off: bool
    place: Any


class Forward(NamedTuple):
    """A call of a module of `MODAL`, by the number of the node of its result.

    `around` are the modules that it was called in, outermost first, then itself. `place` is known
    of those that evaluated.
    """

    number: int
    training: bool
    around: tuple[weakref.ref[Any], ...]
    place: Any


class Modules:
    """The stack of calls of modules of one thread."""

    def __init__(self, cuts: Cuts) -> None:
        self.cuts = cuts
        self.forwards: list[Forward] = []
        self._stack: list[Entered] = []

    @property
    def innermost(self) -> weakref.ref[Any] | None:
        """The module that is being called, None outside of all."""
        return self._stack[-1].ref if self._stack else None

    @property
    def unrecorded(self) -> bool:
        """Whether a module is being called in which nothing is differentiated."""
        return bool(self._stack) and self._stack[-1].off

    def begin(self) -> None:
        """Begin with a new stretch of calls."""
        del self.forwards[:-KEPT]

    def clear(self) -> None:
        """Forget the calls that go on: nobody will tell of their end."""
        self._stack.clear()

    def enter(self, module: Any, off: bool, place: Any) -> None:
        """See a module called; with a place, it is the outermost in which nothing is recorded."""
        self._stack.append(Entered(module, weakref.ref(module), off, place))

    def leave(
        self, module: Any, args: Any, result: Any, place_here: Callable[[], Any]
    ) -> Entered | None:
        """See a call end and return it, None if it was not seen to begin.

        Call it where the script's modes are switched off.
        """
        stack = self._stack
        while stack and stack[-1].module is not module:
            stack.pop()  # calls that raised
        if not stack:
            return None
        entered = stack[-1]
        if _inside_function() is None:
            if entered.place is not None:
                self._unrecorded(entered, args, result)
            elif isinstance(module, MODAL) and type(result) is torch.Tensor:
                self._note(module, result, place_here)
        return stack.pop()

    def _note(self, module: Any, result: torch.Tensor, place_here: Callable[[], Any]) -> None:
        if result.grad_fn is None or not _grad_enabled():
            return
        number = result.grad_fn._sequence_nr()
        around = tuple(each.ref for each in self._stack)
        training = bool(module.training)
        place = None if training else place_here()
        self.forwards.append(Forward(number, training, around, place))

    def _unrecorded(self, entered: Entered, args: Any, result: Any) -> None:
        """Take note of what was computed while nothing was differentiated."""
        wanting, taint = self.cuts.leaving((args,), {})
        cut = self.cuts.cut(switched_off(), entered.place)
        if cut is not None:
            cut.learn([*wanting, *parameters_in(entered.module)])
            self.cuts.taint(result, joined((cut,), taint))


def switched_off() -> str:
    """Return the name of the block in which nothing is recorded."""
    return "inference_mode" if torch.is_inference_mode_enabled() else "no_grad"
