"""Where parameters, optimisers and schedules were made: noted at once, or found in the source.

A finding about an initial value or a learning rate has no operation to point at; it points at the
line where the thing was configured. Modules tell of their parameters through a hook that PyTorch
offers; the constructors of optimisers and schedules are wrapped while somebody watches; values that
are filled in place (`nn.init.zeros_(w)`, `w.data.uniform_()`) are seen by the log of calls.
What was made before the watching began, or without a module, is looked up in the source by name.
"""

from __future__ import annotations

import functools
import re
import sys
import weakref
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, NamedTuple

import torch
from torch.optim import lr_scheduler

from ....traces.expressions import Source, Span, source_of
from ....traces.trace import Location
from ..calls import OURS, PROJECT, Place, noted, whose_is
from ..entry import PLAIN
from ..names import forget
from ..places import placed

MOST_THINGS = 20_000  # of one run; a program may make new ones for ever
MOST_SCHEDULES = 100

FILLING = frozenset(
    getattr(torch.Tensor, name)
    for name in (
        "fill_", "zero_", "normal_", "uniform_", "copy_", "random_", "exponential_", "log_normal_",
        "bernoulli_", "mul_", "div_", "__imul__", "__itruediv__", "__setitem__",
    )
) | {
    getattr(torch.nn.init, name)
    for name in ("uniform_", "normal_", "constant_", "kaiming_uniform_")
}  # fmt: skip
"""Functions that give a tensor its first values, as a mode of the script is told of them."""


class Made(NamedTuple):
    """A thing that was made, when (a running number), and who made it."""

    thing: weakref.ref[Any]
    order: int
    place: Place


class Schedule(NamedTuple):
    """A learning-rate schedule as it was made."""

    op: str
    optimizer: str
    place: Place


class Constructions:
    """What was made in a run, and where. `fail` is told what goes wrong in here."""

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self.fail = fail
        self.schedules: list[Schedule] = []
        self.fresh: list[weakref.ref[Any]] = []  # optimisers that nobody has asked for yet
        self._made: dict[int, Made] = {}
        self._filled: dict[int, tuple[int, Place]] = {}  # by the address of the first element
        self._order = 0

    def constructed(self, optimizer: Any) -> None:
        """Take note of an optimiser."""
        self.made(optimizer)
        if len(self.fresh) < MOST_THINGS:
            self.fresh.append(weakref.ref(optimizer))

    def made(self, thing: Any) -> None:
        """Take note of a parameter or an optimiser, when and where it is made."""
        self._order += 1
        if len(self._made) >= MOST_THINGS:
            self._made = {k: m for k, m in self._made.items() if m.thing() is not None}
        if len(self._made) < MOST_THINGS:
            self._made[id(thing)] = Made(weakref.ref(thing), self._order, place_here())

    def filled(self, args: tuple[Any, ...], kwargs: Any) -> None:
        """Take note that a tensor is given values in place. Called where no mode is on."""
        target = args[0] if args else (kwargs or {}).get("tensor")
        address = address_of(target)
        if address:
            if len(self._filled) >= MOST_THINGS:
                self._filled.clear()
            self._order += 1
            self._filled[address] = self._order, place_here()

    def scheduled(self, schedule: Any) -> None:
        """Take note of a learning-rate schedule."""
        if len(self.schedules) < MOST_SCHEDULES:
            optimizer = getattr(schedule, "optimizer", None)
            name = type(optimizer).__name__ if optimizer is not None else ""
            self.schedules.append(Schedule(type(schedule).__name__, name, place_here()))

    def place_of(self, thing: Any) -> Place | None:
        """Return who made a thing, or gave a parameter its values after that; None if unknown."""
        made = self._made.get(id(thing))
        if made is not None and made.thing() is not thing:
            made = None
        if not isinstance(thing, torch.Tensor):
            return made.place if made is not None else None
        filled = self._filled.get(address_of(thing))
        if filled is not None and (made is None or filled[0] > made.order):
            return filled[1]
        return made.place if made is not None else None


def address_of(tensor: Any) -> int:
    """Return the address of a tensor's first element, 0 where it has none to speak of."""
    if type(tensor) not in PLAIN or tensor.layout is not torch.strided or tensor.is_meta:
        return 0
    if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        return 0
    address: int = tensor.data_ptr()
    return address


_active: list[Constructions] = []
_undo: list[Callable[[], None]] = []


def attach(constructions: Constructions) -> Callable[[], None]:
    """Have what is made from now on noted; what is returned ends that and restores PyTorch."""
    if not _active:
        _replace()
        noted.update(dict.fromkeys(FILLING, functools.partial(tell, "filled")))
    _active.append(constructions)

    def detach() -> None:
        if constructions in _active:
            _active.remove(constructions)
        if not _active:
            noted.clear()
            while _undo:
                _undo.pop()()

    return detach


def tell(what: str, *details: Any) -> None:
    """Tell all that listen that something was `made`, `filled` or `scheduled`. Never raises."""
    for each in tuple(_active):
        try:
            getattr(each, what)(*details)
        except Exception as error:
            each.fail(error)


def variable_of(thing: Any) -> str:
    """Return a variable of the frames at work that holds a thing, "" if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if whose_is(frame.f_code.co_filename) == PROJECT:
            variables = frame.f_locals
            owner = variables.get("self")
            name = next((k for k, v in list(variables.items()) if v is thing), "")
            if not name and owner is not None:
                held = getattr(owner, "__dict__", {})
                name = next((f"self.{k}" for k, v in list(held.items()) if v is thing), "")
            forget(frame, variables)
            if name:
                return name
        frame = frame.f_back
    return ""


def place_here() -> Place:
    """Return who is at work: the innermost frame of the project, and who called PyTorch."""
    frame: FrameType | None = sys._getframe(1)
    caller = project = None
    while frame is not None:
        whose = whose_is(frame.f_code.co_filename)
        if whose != OURS:
            caller = caller or (frame.f_code, frame.f_lasti)
            if whose == PROJECT:
                project = (frame.f_code, frame.f_lasti)
                break
        frame = frame.f_back
    return Place(0, project, caller, None)


def declared(name: str) -> tuple[Location | None, str]:
    """Return where, in the frames at work, a variable gets its value; nowhere if that is unsure.

    `name` is what the user calls a parameter: for `net.fc.weight` it is the variable `net`, for
    `params['w']` that item, or else `params`. Sure is a variable that is assigned once, not
    counting assignments that use it.
    """
    item, owner = name, name.partition(".")[0].partition("[")[0]
    if owner == "self":
        owner = ".".join(name.split(".")[:2])
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if whose_is(code.co_filename) == PROJECT and name:
            span = _scope(code, owner)
            for wanted in dict.fromkeys((item, owner)) if span is not None else ():
                found = assigned(code.co_filename, wanted, span or (1, 1))
                if found is not None:
                    lines = source_of(found.file).lines[found.line - 1 : found.end_line]
                    return found, "\n".join(line.rstrip("\r\n") for line in lines)
            if span is not None and "." not in owner:
                return None, ""  # a variable of this very frame, and not sure
        frame = frame.f_back
    return None, ""


def _scope(code: CodeType, owner: str) -> tuple[int, int] | None:
    """Return the lines in which a variable of a frame can be assigned, None if it is no such."""
    whole = (1, sys.maxsize)
    if owner.startswith("self."):
        return whole
    if code.co_name == "<module>":
        return whole if owner in code.co_names else None
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if owner in arguments or owner not in (*code.co_varnames, *code.co_cellvars):
        return None
    return code.co_firstlineno, max(line or 0 for _, _, line in code.co_lines())


def assigned(file: str, name: str, lines: tuple[int, int]) -> Location | None:
    """Return the one expression whose value a variable gets, None if there are several or none."""
    source = source_of(file)
    known = _bound.get(file)
    if known is None or known[0] is not source:
        known = _bound[file] = source, spans_by_name(source)
    found = [
        span
        for span in known[1].get(name, ())
        if lines[0] <= span[0] <= lines[1]
        and not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", source.text(span))
    ]
    if len(found) != 1:
        return None
    line, end_line, column, end_column = found[0]
    return Location(file, line, end_line, column, end_column, source.text(found[0]), "")


_bound: dict[str, tuple[Source, dict[str, list[Span]]]] = {}


def spans_by_name(source: Source) -> dict[str, list[Span]]:
    """Return for each name of a file where the expressions stand that are bound to it."""
    spans = {id(node): span for span, node in reversed(source.nodes.items())}
    found: dict[str, list[Span]] = {}
    for node, name in source.names.items():
        if id(node) in spans:
            found.setdefault(name.replace('"', "'"), []).append(spans[id(node)])
    return found


def where_made(place: Place | None) -> tuple[Location | None, str]:
    """Return a noted place in the user's words, with its source lines; nowhere if not of theirs."""
    return placed(place) if place is not None and place.project is not None else (None, "")


def _replace() -> None:
    register = torch.nn.modules.module.register_module_parameter_registration_hook
    handle = register(lambda module, name, parameter: _registered(parameter))
    _undo.append(handle.remove)
    _wrap(torch.optim.Optimizer, "constructed")
    for owner in (lr_scheduler.LRScheduler, *_apart(lr_scheduler.LRScheduler)):
        _wrap(owner, "scheduled")


def _apart(base: type) -> list[type]:
    """List the schedules whose constructor does not call that of their base."""
    names = ("SequentialLR", "ChainedScheduler", "ReduceLROnPlateau")
    return [each for name in names if (each := getattr(lr_scheduler, name, base)) is not base]


def _registered(parameter: Any) -> None:
    if type(parameter) in PLAIN:
        tell("made", parameter)


def _wrap(owner: Any, what: str) -> None:
    original = owner.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        tell(what, self)

    owner.__init__ = __init__

    def undo() -> None:
        if owner.__init__ is __init__:  # else another has replaced it since: leave that
            owner.__init__ = original

    _undo.append(undo)
