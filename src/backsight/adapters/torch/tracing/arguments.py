"""Calls of PyTorch taken apart: their tensors, their numbers, what they are called and where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import FrameType
from typing import Any

import numpy as np
import torch

from ..arrays import array_of
from ..calls import OURS, PROJECT, Instruction, whose_is
from ..entry import PLAIN
from ..graph import op_of
from .records import Operand

GETTER = type(torch.Tensor.shape.__get__)
"""The type of `Tensor.T.__get__`: attributes come as calls, too."""


def tensors_in(value: Any) -> Iterator[Any]:
    """Go through the tensors in arguments or results."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from tensors_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from tensors_in(each)
    elif isinstance(value, slice):
        yield from tensors_in((value.start, value.stop, value.step))


def replaced(value: Any, given: dict[int, Operand]) -> Any:
    """Put Operands in the place of tensors."""
    if isinstance(value, torch.Tensor):
        return given[id(value)]
    if isinstance(value, list):
        return [replaced(each, given) for each in value]
    if isinstance(value, tuple):
        return tuple(replaced(each, given) for each in value)
    if isinstance(value, slice):
        return slice(*(replaced(each, given) for each in (value.start, value.stop, value.step)))
    return value


def attributes_in(args: Any, kwargs: Any) -> dict[str, Any]:
    """Return the arguments of an opaque call that are plain numbers and words."""
    kinds = bool | int | float | str
    return {
        **{f"argument{i}": each for i, each in enumerate(args) if isinstance(each, kinds)},
        **{key: each for key, each in kwargs.items() if isinstance(each, kinds)},
    }


def copied(tensor: Any) -> Any:
    """Return the numbers of a tensor as they are now; None where there is no array of them."""
    if type(tensor) not in PLAIN or tensor.layout is not torch.strided or tensor.is_meta:
        return None
    if tensor.is_conj() or tensor.is_neg():
        tensor = tensor.resolve_conj().resolve_neg()
    found = np.array(array_of(tensor))
    found.flags.writeable = False
    return found


def name_of(func: Any) -> str:
    """Return what a function is called, without underscores: `add` for `__iadd__` and `add_`."""
    if func.__class__ is GETTER:
        return str(func.__self__.__name__)
    name = str(getattr(func, "__name__", "function"))
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        in_place = re.fullmatch(r"i(add|sub|mul|truediv|div|pow|matmul)", name)
        return in_place[1] if in_place else name
    return name.rstrip("_")


def opaque_name(node: Any) -> str:
    """Return what to call what no call was seen to make."""
    name = str(op_of(node)).removeprefix("torch:")
    return re.sub(r"^(?i:checkpoint(_?function)?)$", "checkpoint", name)


_whose: dict[str, int] = {}


def instruction(frame: FrameType | None) -> Instruction | None:
    """Return the innermost instruction of the user's project, else of a library."""
    library = None
    while frame is not None:
        code = frame.f_code
        whose = _whose.get(code.co_filename)
        if whose is None:
            whose = _whose[code.co_filename] = whose_is(code.co_filename)
        if whose == PROJECT and code.co_name != "__torch_function__":
            return code, frame.f_lasti
        if whose != OURS and library is None:
            library = code, frame.f_lasti
        frame = frame.f_back
    return library
