"""What is read of every step: the norm of its gradients, without waiting for a device.

Where seconds are scarce the watcher asks for fewer norms: the loss is still read of every step.

A step that is not observed is not walked, so which parameters its loss reaches is known from those
that were: losses of one kind, told by the first operations behind them, reach the same ones. What
lies on a device is added up there and fetched when it has arrived, which is one step later.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from ..arrays import norm_of
from ..entry import PLAIN, Backward, scale_of, scaler_of

DEPTH = 6  # operations by which losses are told apart
MOST_KINDS = 64
MOST_LEAVES = 10_000
MOST_WAITING = 64

Kind = tuple[str, ...]


class Arrived(NamedTuple):
    """A norm that has come from a device, and the step that it is of."""

    step: int
    norm: float
    scaled: bool


class Waiting(NamedTuple):
    """A norm on its way from a device; `scaled`: the loss was, so that it may overflow."""

    step: int
    number: torch.Tensor
    there: Any
    scaled: bool


class Steps:
    """The norms of the steps that are not observed. Call it where the script's modes are off."""

    def __init__(self) -> None:
        # By thread, too: gradients of another one may be written by its pass at this very moment.
        self._reached: dict[tuple[int, Kind], tuple[weakref.ref[Any], ...]] = {}
        self._waiting: list[Waiting] = []

    def learn(self, kind: Kind, leaves: Sequence[torch.Tensor]) -> None:
        """Take note of the leaves that a loss of this kind reaches."""
        key = (threading.get_ident(), kind)
        if key in self._reached or len(self._reached) < MOST_KINDS:
            self._reached[key] = tuple(weakref.ref(leaf) for leaf in leaves[:MOST_LEAVES])

    def leaves(self, kind: Kind) -> list[Any]:
        """List the leaves that a loss of this kind reaches, as far as they are still there."""
        found = (held() for held in self._reached.get((threading.get_ident(), kind), ()))
        return [leaf for leaf in found if leaf is not None]

    def norm(self, step: int, kind: Kind, call: Backward, result: Any) -> float | None:
        """Return the norm of the gradients of a pass that is over; None if it is not known yet."""
        given = result if not call.accumulates else [leaf.grad for leaf in self.leaves(kind)]
        gradients = [each for each in given or () if each.__class__ in PLAIN and is_real(each)]
        if not gradients:
            return None
        if all(each.is_cpu for each in gradients):
            norm = norm_of(gradients)
            return norm / scale_of(call.roots[0]) if norm is not None else None
        self._send(step, gradients, call.roots[0])
        return None

    def arrived(self) -> list[Arrived]:
        """Return the norms that have come from a device since the last time."""
        found: list[Arrived] = []
        while self._waiting and self._waiting[0].there.query():
            step, number, _, scaled = self._waiting.pop(0)
            found.append(Arrived(step, float(number), scaled))
        return found

    def _send(self, step: int, gradients: list[torch.Tensor], root: torch.Tensor) -> None:
        device = gradients[0].device
        if device.type != "cuda" or len(self._waiting) >= MOST_WAITING:
            return
        if any(each.device != device or each.dtype != gradients[0].dtype for each in gradients):
            return
        if torch.cuda.is_current_stream_capturing():
            return
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)).float())
        scaler = scaler_of(root)
        if scaler is not None:
            scale = getattr(scaler, "_scale", None)
            if not isinstance(scale, torch.Tensor) or scale.device != device:
                return
            norm = norm / scale
        number = torch.empty((), dtype=norm.dtype, pin_memory=True)
        number.copy_(norm, non_blocking=True)
        there = torch.cuda.Event()
        there.record()
        self._waiting.append(Waiting(step, number, there, scaler is not None))


def kind_of(root: torch.Tensor) -> Kind:
    """Tell losses apart by the first operations behind them."""
    names: list[str] = []
    node = root.grad_fn
    while node is not None and len(names) < DEPTH:
        behind = node.next_functions
        names.append(f"{node.name()}{len(behind)}")
        node = behind[0][0] if behind else None
    return tuple(names)


def is_real(gradient: torch.Tensor) -> bool:
    """Tell whether a gradient is a plain array of real numbers."""
    return (
        gradient.layout is torch.strided
        and gradient.dtype.is_floating_point
        and not gradient.is_meta
        and gradient.numel() > 0
    )
