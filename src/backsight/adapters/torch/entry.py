"""Where every backward pass of PyTorch begins, and every update: watchers are told there.

`Tensor.backward`, `autograd.backward` and `autograd.grad` all go through one function of
torch.autograd; it is replaced while somebody watches. Without watchers nothing is replaced.
"""

from __future__ import annotations

import functools
import importlib
import threading
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

COMPILED = "compiled graph (torch.compile): its operations, and the source lines of all others"


class Backward(NamedTuple):
    """One call of the engine: its roots, and whether gradients go to `.grad` (else: returned)."""

    roots: tuple[Any, ...]
    retains: bool
    creates_graph: bool
    inputs: tuple[Any, ...]
    accumulates: bool

    @property
    def trains(self) -> bool:
        """Whether this is the gradient of a step, not a term of the loss such as a penalty."""
        if self.accumulates or self.creates_graph:
            return self.accumulates
        with torch._C.DisableTorchFunction():  # asking for an attribute is a call, too
            return all(isinstance(x, torch.Tensor) and x.is_leaf for x in self.inputs)


class Watcher(Protocol):
    """What a watcher has to offer. None of it may raise."""

    def pauses(self) -> None:
        """Be told that a backward pass is called, before any mode of the script is set aside."""

    def resumes(self) -> None:
        """Be told that the call is over, and the script's modes are back in place."""

    def begins(self, call: Backward) -> Any:
        """Begin to observe a pass; what is returned comes back in `ends`, unless it is None."""

    def ends(self, observed: Any, result: Any, error: BaseException | None) -> None:
        """See the pass end, with what it returned."""

    def updating(self, optimizer: Any, closure: bool) -> None:
        """See an optimiser begin an update; with a closure forward and backward lie inside it."""

    def updated(self, optimizer: Any) -> None:
        """See an optimiser finish an update."""

    def unseen(self, why: str) -> None:
        """Be told that a pass cannot be observed."""

    def failed(self, error: Exception) -> None:
        """Be told that we have failed before a pass."""

    def compiles(self) -> None:
        """Be told that the script compiles: a mode on the stack would make it compile anew."""


_active: list[Watcher] = []
_undo: list[Callable[[], None]] = []
_depth = threading.local()
_scaled: deque[tuple[weakref.ref[Any], Any]] = deque(maxlen=16)  # losses, and what scaled them


def attach(watcher: Watcher, *, updates: bool = True) -> Callable[[], None]:
    """Have a watcher told, from now on; what is returned ends that.

    With the last watcher gone, PyTorch is as it was. Without `updates` nothing is heard of
    optimisers.
    """
    if not _active:
        _replace()
    _active.append(watcher)
    handles = _hear_updates(watcher) if updates else ()

    def detach() -> None:
        for handle in handles:
            handle.remove()
        if watcher in _active:
            _active.remove(watcher)
        if not _active:
            while _undo:
                _undo.pop()()

    return detach


def unobservable(call: Backward) -> str | None:
    """Return why a pass must be let alone, "" if for a reason not worth saying, None if not."""
    if torch._C._current_graph_task_id() != -1:
        return "backward passes inside a backward pass (reentrant checkpointing)"
    if torch.compiler.is_compiling() or torch._C._functorch.peek_interpreter_stack() is not None:
        return ""
    if torch._C._len_torch_dispatch_stack() > 0:
        return "backward passes under a TorchDispatchMode"
    if any(type(root) not in PLAIN for root in call.roots):
        return "backward passes from subclasses of Tensor"
    return None


def scale_of(root: Any) -> float:
    """Return what a GradScaler multiplied a loss with, 1 if none did.

    Call it where the script's modes are switched off. It waits for the device of the scale.
    """
    scaler = scaler_of(root)
    return float(scaler.get_scale()) if scaler is not None else 1.0


def scaler_of(root: Any) -> Any:
    """Return the GradScaler that a loss was scaled by, None if none did."""
    for known, scaler in reversed(_scaled):
        if known() is root:
            return scaler
    return None


_OURS = str(Path(__file__).parents[2])


def untold(wrapper: Callable[..., Any]) -> Callable[..., Any]:
    """Have errors that pass through a function of ours not tell of it: see `unframed`."""

    @functools.wraps(wrapper)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return wrapper(*args, **kwargs)
        except BaseException as error:
            unframed(error)
            raise

    return call


def unframed(error: BaseException) -> None:
    """Take our innermost callers off a traceback. To be followed by `raise`, which adds no more.

    A script that prints the traceback sees what it would see unwatched.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_frame.f_code.co_filename.startswith(_OURS):
        traceback = traceback.tb_next
    error.__traceback__ = traceback


PLAIN = (torch.Tensor, torch.nn.Parameter)
"""Types whose behaviour is PyTorch's own; what subclasses do is theirs."""


def _replace() -> None:
    engine = torch.autograd._engine_run_backward

    @functools.wraps(engine)
    def run_backward(outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        try:
            watched = _begun(outputs, args, kwargs)
        except Exception as error:
            watched = []
            for watcher in tuple(_active):
                watcher.failed(error)
        result, failure = None, None
        try:
            result = engine(outputs, *args, **kwargs)
            return result
        except BaseException as error:
            failure = error
            unframed(error)
            raise
        finally:
            for watcher, observed in watched:
                watcher.ends(observed, result, failure)

    _put(torch.autograd, "_engine_run_backward", run_backward)
    for owner, name in (
        (torch.Tensor, "backward"),
        (torch.autograd, "backward"),
        (torch.autograd, "grad"),
    ):
        _put(owner, name, _aside(getattr(owner, name)))
    _put(torch.amp.GradScaler, "scale", _noting_scales(torch.amp.GradScaler.scale))
    _put(torch, "compile", _noting_compilation(torch.compile))


def _begun(outputs: Sequence[Any], args: tuple[Any, ...], kwargs: Any) -> list[tuple[Watcher, Any]]:
    if len(args) < 4:
        return []  # called in a way that we do not know
    accumulates = bool(kwargs.get("accumulate_grad", False))
    call = Backward(tuple(outputs), bool(args[1]), bool(args[2]), tuple(args[3]), accumulates)
    if not call.trains:
        return []
    why = unobservable(call)
    if why is not None:
        for watcher in tuple(_active) if why else ():
            watcher.unseen(why)
        return []
    begun = ((watcher, watcher.begins(call)) for watcher in tuple(_active))
    return [(watcher, observed) for watcher, observed in begun if observed is not None]


def _aside(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a way into the engine, so that watchers act while the stack of modes is whole.

    PyTorch takes the innermost mode off the stack before it calls these functions again. A penalty
    inside the loss (`grad(…, create_graph=True)`) changes nothing.
    """
    is_grad = function.__name__ == "grad"
    running = torch._C._current_graph_task_id

    @functools.wraps(function)
    def outermost(*args: Any, **kwargs: Any) -> Any:
        part_of_forward = is_grad and kwargs.get("create_graph", False)
        try:
            if getattr(_depth, "value", 0) or part_of_forward or running() != -1:
                return function(*args, **kwargs)
            _depth.value = 1
            for watcher in tuple(_active):
                watcher.pauses()
            try:
                return function(*args, **kwargs)
            finally:
                _depth.value = 0
                for watcher in tuple(_active):
                    watcher.resumes()
        except BaseException as error:
            unframed(error)
            raise

    return outermost


def _noting_scales(scale: Callable[..., Any]) -> Callable[..., Any]:
    @untold
    @functools.wraps(scale)
    def noting(self: Any, outputs: Any) -> Any:
        scaled = scale(self, outputs)
        if type(scaled) is torch.Tensor:
            _scaled.append((weakref.ref(scaled), self))
        return scaled

    return noting


def _noting_compilation(compile: Callable[..., Any]) -> Callable[..., Any]:
    @untold
    @functools.wraps(compile)
    def noting(*args: Any, **kwargs: Any) -> Any:
        for watcher in tuple(_active):
            watcher.compiles()
        return compile(*args, **kwargs)

    return noting


def _put(owner: Any, name: str, function: Any) -> None:
    before = getattr(owner, name)
    setattr(owner, name, function)

    def undo() -> None:
        if getattr(owner, name) is function:  # else another has replaced it since: leave that
            setattr(owner, name, before)

    _undo.append(undo)


def _hear_updates(watcher: Watcher) -> tuple[Any, ...]:
    def before(optimizer: Any, args: tuple[Any, ...], kwargs: Any) -> None:
        given = kwargs.get("closure", args[1] if len(args) > 1 else None)
        watcher.updating(optimizer, given is not None)

    def after(optimizer: Any, args: tuple[Any, ...], kwargs: Any) -> None:
        watcher.updated(optimizer)

    hooks = importlib.import_module("torch.optim.optimizer")  # torch hides the name
    return (
        hooks.register_optimizer_step_pre_hook(before),
        hooks.register_optimizer_step_post_hook(after),
    )
