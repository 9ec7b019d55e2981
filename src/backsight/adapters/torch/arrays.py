"""From a tensor to a NumPy array: a view where it can be one, a small copy where it must."""

from __future__ import annotations

import math
from typing import Any

import torch

from .entry import PLAIN, scale_of


class unseen:
    """Switch off the script's modes, then the making of graphs: in here we leave no trace."""

    __slots__ = ("_functions", "_grad")

    def __enter__(self) -> None:
        self._functions = torch._C.DisableTorchFunction()
        self._functions.__enter__()
        self._grad = torch._C.is_grad_enabled()
        # What torch.no_grad does, at a tenth of the time.
        torch._C._set_grad_enabled(False)

    def __exit__(self, *error: object) -> None:
        torch._C._set_grad_enabled(self._grad)
        self._functions.__exit__(*error)


def readable(tensor: Any) -> bool:
    """Tell whether a tensor is a plain one of real floating-point numbers in memory."""
    return (
        type(tensor) in PLAIN
        and tensor.layout is torch.strided
        and not tensor.is_nested
        and tensor.is_floating_point()
        and not tensor.is_meta
        and tensor.numel() > 0
    )


def array_of(tensor: torch.Tensor) -> Any:
    """Return the numbers of a tensor as an array, on the CPU a view of its memory.

    Call it where the script's modes are switched off and no graph is made.
    """
    tensor = tensor.detach()
    if tensor.device.type != "cpu":
        tensor = tensor.cpu()
    return (tensor.float() if tensor.dtype in NOT_IN_NUMPY else tensor).numpy()


NOT_IN_NUMPY = tuple(
    getattr(torch, name)
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz")
)


def sampled(tensor: torch.Tensor, step: int) -> Any:
    """Return every `step`-th element, flat. What lies on a device is thinned out there."""
    return array_of(tensor.detach().reshape(-1)[::step])


def norm_of(tensors: list[torch.Tensor]) -> float | None:
    """Return the norm of all tensors together, None of none.

    Call it where no graph is made.
    """
    if not tensors:
        return None
    first, *others = tensors
    dtype, norms = first.dtype, []
    if first.is_cpu and all(each.is_cpu and each.dtype is dtype for each in others):
        # Numbers in memory are read one by one faster than they are put together.
        norms += [norm.item() for norm in torch._foreach_norm(tensors)]
        return math.hypot(*norms)
    groups: dict[Any, list[torch.Tensor]] = {}
    for tensor in tensors:
        groups.setdefault((tensor.device, tensor.dtype), []).append(tensor)
    for group in groups.values():
        norms += torch.stack(torch._foreach_norm(group)).tolist()
    return math.hypot(*norms)


def loss_of(tensor: torch.Tensor, *, wait: bool) -> float | None:
    """Return a loss as a number, as it was before it was scaled; None if it is not one number.

    What lies on a device is read only if `wait` says so: that waits for all that runs there.
    """
    with unseen():
        if tensor.numel() != 1 or tensor.is_complex() or tensor.is_meta:
            return None
        if not (wait or tensor.device.type == "cpu"):
            return None
        return float(tensor.item()) / scale_of(tensor)
