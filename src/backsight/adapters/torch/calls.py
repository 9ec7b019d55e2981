"""Which line of the script made which node: a log of calls, kept on observed steps only.

PyTorch numbers the nodes of a thread in the order of their making. A function mode sees each call
from Python; the numbers before and after it are those of the nodes it made, however many ops it is
composed of. No tensor is kept, and calls that make no node cost no frame walk.

The stack of modes is the script's: it pushes and pops in pairs, and would pop ours in place of its
own if ours lay on top. So ours goes to the bottom, and is taken out by identity. Only the mode of
`torch.set_default_device` insists on the bottom for itself.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

Instruction = tuple[CodeType, int]

MOST_CALLS = 200_000  # between two backward passes; whoever does more is not in a training loop
KEPT = 20_000  # calls kept from earlier steps: a retained graph is older than its backward pass
DISPATCH = 1.5e-6  # seconds that PyTorch needs to call a mode, which we cannot measure from inside

_numbered = torch.autograd._get_sequence_nr
_grad_enabled = torch._C.is_grad_enabled
_GETTER = type(torch.Tensor.shape.__get__)  # x.shape, x.grad: too many, and they compute nothing

OURS, LIBRARY, PROJECT = 0, 1, 2


class Place(NamedTuple):
    """Who made a node: the innermost frame of the user's project, and the one that called torch.

    They differ where a library stands between the user and PyTorch.
    """

    after: int
    project: Instruction | None
    caller: Instruction | None
    module: str


class CallLog(TorchFunctionMode):
    """The log of one thread. `start` and `stop` may come in any order, any number of times.

    `fail` is told what goes wrong in here, `spend` the seconds it took.
    """

    def __init__(self, fail: Callable[[Exception], None], spend: Callable[[float], None]) -> None:
        self.fail = fail
        self.spend = spend
        self.wanted = False
        self.overrun = False
        self._count = 0
        self._starts: list[int] = []
        self._places: list[Place] = []
        self._hook: Any = None
        self._thread = threading.get_ident()

    def start(self) -> None:
        """Log the calls of this thread from now on."""
        if len(self._starts) > KEPT:
            del self._starts[:-KEPT], self._places[:-KEPT]
        self.wanted, self.overrun, self._count = True, False, 0
        insert(self)
        if self._hook is None:
            register = torch.nn.modules.module.register_module_forward_pre_hook
            self._hook = register(self._forward)

    def pause(self) -> None:
        """Leave the stack for a while, as during an update."""
        remove(self)

    def resume(self) -> None:
        """Come back after a pause, if the log is still wanted."""
        if self.wanted:
            insert(self)

    def stop(self) -> None:
        """Log nothing more. What was logged stays readable."""
        self.wanted = False
        remove(self)
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def forget(self) -> None:
        """Drop what was logged."""
        self._starts.clear()
        self._places.clear()

    def find(self, number: int) -> Place | None:
        """Return who made the node of that number, None if that was not logged."""
        at = bisect_right(self._starts, number) - 1
        if at < 0:
            return None
        place = self._places[at]
        return place if number < place.after else None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Let the call happen, then log what it made."""
        if not self.wanted or func.__class__ is _GETTER or not _grad_enabled():
            self.spend(DISPATCH)
            return func(*args, **(kwargs or {}))
        before = _numbered()
        result = func(*args, **(kwargs or {}))
        begun = time.perf_counter()
        try:
            self._count += 1
            after = _numbered()
            if after > before:
                self._log(before, after, sys._getframe(1))
            if self._count > MOST_CALLS:
                self.wanted, self.overrun = False, True
        except Exception as error:
            self.fail(error)
        self.spend(time.perf_counter() - begun + DISPATCH)
        return result

    def _log(self, before: int, after: int, frame: FrameType | None) -> None:
        caller = project = None
        while frame is not None:
            code = frame.f_code
            whose = _whose.get(code.co_filename)
            if whose is None:
                whose = _whose[code.co_filename] = whose_is(code.co_filename)
            if whose != OURS and code.co_name != "__torch_function__":
                caller = caller or (code, frame.f_lasti)
                if whose == PROJECT:
                    project = (code, frame.f_lasti)
                    break
            frame = frame.f_back
        if self._starts and before < self._starts[-1]:
            self.forget()  # the numbers began anew: cannot be, but would upset the search
        self._starts.append(before)
        self._places.append(Place(after, project, caller, ""))

    def _forward(self, module: Any, args: Any) -> None:
        """Keep off the stack while nothing is differentiated.

        Layers of the transformer compute another way, to other last digits, if a mode is on and
        they evaluate.
        """
        try:
            if not self.wanted or threading.get_ident() != self._thread:
                return
            if _grad_enabled():
                insert(self)
            else:
                remove(self)
        except Exception as error:
            self.fail(error)


_whose: dict[str, int] = {}
_TORCH = str(Path(torch.__file__).parent)
_BACKSIGHT = str(Path(__file__).parents[2])
_PATHS = sysconfig.get_paths()
_LIBRARIES = tuple({_PATHS[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def whose_is(file: str) -> int:
    """Tell whose a source file is: OURS (or torch's, which is skipped alike), LIBRARY, PROJECT."""
    if file.startswith((_TORCH, _BACKSIGHT)):
        return OURS
    installed = "site-packages" in file or "dist-packages" in file
    if installed or file.startswith((*_LIBRARIES, "<frozen")):
        return LIBRARY
    return PROJECT


def insert(mode: Any) -> bool:
    """Put a mode at the bottom of this thread's stack; tell whether it is there now."""
    found = _taken_off()
    if mode in found:
        _put_back(found)
        return True
    default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    # A default device whose mode is not at the bottom has been set aside by PyTorch for a moment:
    # it would come back on top of ours, where it must not be.
    safe = default is None or (bool(found) and found[0] is default)
    bottom = default is not None
    _put_back([*found[:bottom], mode, *found[bottom:]] if safe else found)
    return safe


def remove(mode: Any) -> None:
    """Take a mode off this thread's stack, wherever it lies."""
    if torch._C._len_torch_function_stack():
        found = _taken_off()
        _put_back([each for each in found if each is not mode])


def _taken_off() -> list[Any]:
    """Empty the stack; return what was on it, bottom first."""
    found = []
    while torch._C._len_torch_function_stack():
        found.append(torch._C._pop_torch_function_stack())
    return found[::-1]


def _put_back(modes: list[Any]) -> None:
    for mode in modes:
        torch._C._push_on_torch_function_stack(mode)
