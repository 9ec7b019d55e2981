"""Recorded arrays are handed out read-only, and a write to one says which op still needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..errors import InPlaceError

if TYPE_CHECKING:
    from .tensors import Tensor


class RecordedArray(np.ndarray[Any, Any]):
    """A read-only view of a recorded value. Computing with it gives plain arrays.

    `w.value -= step` works on a leaf: the operator makes a new array, which the assignment hands back.
    """

    maker: tuple[str, Any]

    def __array_finalize__(self, source: Any) -> None:
        self.maker = getattr(source, "maker", ("", None))

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return array[()] if return_scalar else array

    def __setitem__(self, index: Any, value: Any) -> None:
        if not self.flags.writeable:
            _refuse(self)
        super().__setitem__(index, value)


def _refuse(array: RecordedArray) -> NoReturn:
    op, where = array.maker
    place = ""
    if where is not None:
        from ..traces.locations import locate

        found = locate(*where)
        place = f"\n  at {found}   {found.expression}" if found else ""
    made = f"computed by {op}" if op else "of a leaf"
    raise InPlaceError(
        f"this array is the recorded value {made}; writing into it would falsify the backward pass "
        f"that still needs it{place}\n"
        "  Write into a copy: x = t.value.copy(). To replace a leaf: t.value = x"
    )


def _out_of_place(name: str) -> Any:
    ufunc = getattr(np, name)
    in_place = getattr(np.ndarray, f"__i{_OPERATORS[name]}__")

    def operator(self: RecordedArray, other: Any) -> Any:
        return in_place(self, other) if self.flags.writeable else ufunc(self.view(np.ndarray), other)

    return operator


_OPERATORS = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "truediv",
    "power": "pow",
}
for _ufunc, _operator in _OPERATORS.items():
    setattr(RecordedArray, f"__i{_operator}__", _out_of_place(_ufunc))


def handed_out(t: Tensor) -> Any:
    """Return the value of `t` as a user may have it: read-only. Scalars are immutable already."""
    value = t._value
    if value.__class__ is not np.ndarray:
        return value
    view = value.view(RecordedArray)
    view.flags.writeable = False
    view.maker = (t.op.name, t.where) if t.op is not None else ("", None)
    return view
