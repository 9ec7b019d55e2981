"""Which line of the script made which node: a log of calls, kept on observed steps only.

PyTorch numbers the nodes of a thread in the order of their making. A function mode sees each call
from Python; the numbers before and after it are those of the nodes it made, however many ops it is
composed of. No tensor is kept, and calls that make no node cost no frame walk, unless they cut a
value off the graph (forward/cuts.py). Modules are seen by hooks on their calls.

The stack of modes is the script's: it pushes and pops in pairs, and would pop ours in place of its
own if ours lay on top. So ours goes to the bottom, and is taken out by identity. Only the mode of
`torch.set_default_device` insists on the bottom for itself.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import time
import weakref
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from .entry import unframed
from .forward.cuts import OUT_OF_TORCH, SHAPE_ONLY, Cuts, Taint, joined, leaves_behind, wants_none
from .forward.modules import Modules, switched_off
from .sites.operands import Notes, Operands

Instruction = tuple[CodeType, int]

MOST_CALLS = 200_000  # between two backward passes; whoever does more is not in a training loop
KEPT = 20_000  # calls kept from earlier steps: a retained graph is older than its backward pass
DISPATCH = 1.5e-6  # seconds that PyTorch needs to call a mode, which we cannot measure from inside

# Without it (see private.py) all numbers are 0, and nothing is logged.
_numbered: Callable[[], int] = getattr(torch.autograd, "_get_sequence_nr", int)
_grad_enabled = torch._C.is_grad_enabled
_HOOK = torch.Tensor.register_hook
_inside_function = torch._C._functorch.peek_interpreter_stack
_tracing = torch._C._get_tracing_state
_GETTER = type(torch.Tensor.shape.__get__)  # x.shape, x.grad: too many, and they compute nothing
_COMPUTED = {getattr(torch.Tensor, name) for name in ("data", "T", "mT", "H", "mH", "real", "imag")}
_DETACHING, _WRITING = torch.Tensor.detach_, torch.Tensor.__setitem__
_WANTING = torch.Tensor.requires_grad_
_FOLLOWED = (_WRITING, _WANTING, torch.tensor, torch.as_tensor)
"""What may hand on a value that was cut off though its result wants a gradient, or is none."""

OURS, LIBRARY, PROJECT = 0, 1, 2

noted: dict[Any, Callable[[tuple[Any, ...], Any], None]] = {}
"""Functions whose arguments somebody wants to know of, while the log is on; called before them."""


class Place(NamedTuple):
    """Who made a node: the innermost frame of the user's project, and the one that called torch.

    They differ where a library stands between the user and PyTorch. `module` is the innermost one
    that was being called, `operands` are noted of losses, and `comes_back` says what of the values
    taken in had left the graph before.
    """

    after: int
    project: Instruction | None
    caller: Instruction | None
    module: weakref.ref[Any] | None
    operands: Operands | None = None
    comes_back: Taint = ()


class CallLog(TorchFunctionMode):
    """The log of one thread. `start` and `stop` may come in any order, any number of times.

    `fail` is told what goes wrong in here, `spend` the seconds it took.
    """

    def __init__(self, fail: Callable[[Exception], None], spend: Callable[[float], None]) -> None:
        self.fail = fail
        self.spend = spend
        self.wanted = False
        self.overrun = False
        self.hooked: set[int] = set()  # numbers of the nodes to whose outputs hooks were added
        self._count = 0
        self._starts: list[int] = []
        self._places: list[Place] = []
        self._notes = Notes()
        self._hooks: tuple[Any, ...] = ()
        self._thread = threading.get_ident()
        self.cuts = Cuts()
        self.modules = Modules(self.cuts)

    def start(self) -> None:
        """Log the calls of this thread from now on."""
        if len(self._starts) > KEPT:
            del self._starts[:-KEPT], self._places[:-KEPT]
            self.hooked = {each for each in self.hooked if each >= self._starts[0]}
        if not self.wanted:
            self.cuts.begin()
            self.modules.begin()
        self.wanted, self.overrun, self._count = True, False, 0
        insert(self)
        if not self._hooks:
            hooks = torch.nn.modules.module
            self._hooks = (
                hooks.register_module_forward_pre_hook(self._enter),
                hooks.register_module_forward_hook(self._leave),
            )

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
        for hook in self._hooks:
            hook.remove()
        self._hooks = ()
        self.modules.clear()

    def forget(self) -> None:
        """Drop what was logged."""
        self.hooked.clear()
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
        """Let the call happen, then log what it made, and what it cut off."""
        kwargs = kwargs or {}
        getter = func.__class__ is _GETTER
        if not self.wanted or (getter and func.__self__ not in _COMPUTED):
            self.spend(DISPATCH)
            try:
                return func(*args, **kwargs)
            except BaseException as error:
                unframed(error)
                raise
        begun = time.perf_counter()
        wanting, taint = self._before(func, args, kwargs)
        before = _numbered()
        begun -= time.perf_counter()
        try:
            result = func(*args, **kwargs)
        except BaseException as error:
            unframed(error)
            raise
        begun += time.perf_counter()
        try:
            after = _numbered()
            if after > before:
                self._log(before, after, func, args, kwargs, sys._getframe(1))
            if wanting or wants_none(result) or func in _FOLLOWED:
                self._follow(func, args, kwargs, result, sys._getframe(1), wanting, taint)
            self._count += _grad_enabled()
            if self._count > MOST_CALLS:
                self.wanted, self.overrun = False, True
        except Exception as error:
            self.fail(error)
        self.spend(time.perf_counter() - begun + DISPATCH)
        return result

    def _before(self, func: Any, args: tuple[Any, ...], kwargs: Any) -> tuple[list[Any], Taint]:
        """Do what must be done before the call; of `detach_` return what it will cut off."""
        try:
            if func in noted:
                noted[func](args, kwargs)
            elif func is _HOOK and args[0].grad_fn is not None:
                self.hooked.add(args[0].grad_fn._sequence_nr())
            elif func is _DETACHING:
                wanting, taint = self.cuts.leaving(args, kwargs)
                return leaves_behind(wanting), taint
        except Exception as error:
            self.fail(error)
        return [], ()

    def _log(
        self,
        before: int,
        after: int,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Any,
        frame: FrameType | None,
    ) -> None:
        if self._starts and before < self._starts[-1]:
            self.forget()  # the numbers began anew: cannot be, but would upset the search
        operands, comes_back = self._notes.of(func, args, kwargs), self.cuts.entering(args, kwargs)
        self._starts.append(before)
        self._places.append(self._place(frame, after, operands, comes_back))

    def _place(
        self,
        frame: FrameType | None,
        after: int = 0,
        operands: Operands | None = None,
        comes_back: Taint = (),
    ) -> Place:
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
        return Place(after, project, caller, self.modules.innermost, operands, comes_back)

    def _follow(
        self,
        func: Any,
        args: tuple[Any, ...],
        kwargs: Any,
        result: Any,
        frame: FrameType,
        wanting: list[Any],
        taint: Taint,
    ) -> None:
        """Take note of a call that cuts values off the graph, or hands on what was cut off."""
        if not wanting:
            wanting, taint = self.cuts.leaving(args, kwargs)
        if func is _WRITING:
            result = args[0]
        elif wanting and func is not _WANTING and func.__name__ not in SHAPE_ONLY:
            cut = self.cuts.cut(_op(func), self._place(frame))
            if cut is not None and _inside_function() is None:  # values there are not the script's
                cut.learn(wanting)
                taint = joined((cut,), taint)
        if taint:
            self.cuts.taint(result, taint)

    def _enter(self, module: Any, args: Any) -> None:
        """See a module called. Keep off the stack while nothing is differentiated.

        Layers of the transformer compute another way, to other last digits, if a mode is on and
        they evaluate.
        """
        begun = time.perf_counter()
        try:
            if not self.wanted or threading.get_ident() != self._thread:
                return
            if _tracing() is not None:  # a trace would have our lines in it
                remove(self)
                return
            off, place = not _grad_enabled(), None
            if not off:
                insert(self)
            else:
                remove(self)
                if not self.modules.unrecorded:
                    place = self._place(sys._getframe(1))
            self.modules.enter(module, off, place)
        except Exception as error:
            self.fail(error)
        self.spend(time.perf_counter() - begun)

    def _leave(self, module: Any, args: Any, result: Any) -> None:
        """See a call of a module end, and come back to the stack after an unrecorded one."""
        begun = time.perf_counter()
        try:
            if not self.wanted or threading.get_ident() != self._thread:
                return
            frame = sys._getframe(1)
            with torch._C.DisableTorchFunction():
                left = self.modules.leave(module, args, result, lambda: self._place(frame))
            if left is not None and left.place is not None:
                insert(self)
        except Exception as error:
            self.fail(error)
        self.spend(time.perf_counter() - begun)


def _op(func: Any) -> str:
    """Return what cuts: the call, or the block in which nothing is recorded."""
    if not _grad_enabled() and func.__name__ not in OUT_OF_TORCH:
        return switched_off()
    return str(func.__self__.__name__ if func.__class__ is _GETTER else func.__name__)


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
