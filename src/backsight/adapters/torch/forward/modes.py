"""Where modules were put into evaluation: `eval()` and `train(False)` are noted while watching."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable
from typing import Any

import torch

from ..calls import Place
from ..updates.construction import place_here
from .cuts import modules_in
from .modules import MODAL

MOST_SWITCHED = 20_000

_switched: dict[int, tuple[weakref.ref[Any], Place]] = {}
_failing: list[Callable[[Exception], None]] = []
_undo: list[Callable[[], None]] = []
_at_work = threading.local()


def attach(fail: Callable[[Exception], None]) -> Callable[[], None]:
    """Note where modules are put into evaluation; what is returned ends that.

    `fail` is told what goes wrong in here.
    """
    if not _failing:
        _replace()
    _failing.append(fail)

    def detach() -> None:
        if fail in _failing:
            _failing.remove(fail)
        if not _failing:
            _switched.clear()
            while _undo:
                _undo.pop()()

    return detach


def switched_at(module: Any) -> Place | None:
    """Return where a module was last put into evaluation, None where that was not seen."""
    known = _switched.get(id(module))
    return known[1] if known is not None and known[0]() is module else None


def _replace() -> None:
    original = torch.nn.Module.train

    @functools.wraps(original)
    def train(self: Any, mode: bool = True) -> Any:
        if mode is not False or getattr(_at_work, "inside", False):
            return original(self, mode)
        _note(self)
        _at_work.inside = True  # it calls itself for each child
        try:
            return original(self, mode)
        finally:
            _at_work.inside = False

    torch.nn.Module.train = train

    def undo() -> None:
        if torch.nn.Module.train is train:  # else another has replaced it since: leave that
            torch.nn.Module.train = original

    _undo.append(undo)


def _note(module: Any) -> None:
    try:
        if len(_switched) > MOST_SWITCHED:
            _switched.clear()
        place: Place | None = None
        for each in modules_in(module):
            if isinstance(each, MODAL):
                place = place or place_here()
                _switched[id(each)] = weakref.ref(each), place
    except Exception as error:
        for fail in tuple(_failing):
            fail(error)
