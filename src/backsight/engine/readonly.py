"""Recorded arrays are handed out read-only, and a write to one says which op still needs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..errors import InPlaceError

if TYPE_CHECKING:
    from .tensors import Tensor


class RecordedArray(np.ndarray[Any, Any]):
    """A read-only view of a recorded value. Computing with it, and copying it, give plain arrays.

    `w.value -= step` works on a leaf: the operator makes a new array, which the assignment hands
    back.
    """

    maker: tuple[str, Any]

    def __array_finalize__(self, source: Any) -> None:
        self.maker = getattr(source, "maker", ("", None))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        targets = inputs[:1] if method == "at" else options.get("out", ())
        for array in locked(targets):
            _refuse(array)
        if "out" in options:
            options["out"] = tuple(_plain(each) for each in options["out"])
        return getattr(ufunc, method)(*(_plain(each) for each in inputs), **options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        try:
            made = super().__array_function__(function, types, args, options)
        except ValueError as error:
            if "read-only" in str(error):
                for array in locked((*args, *options.values())):
                    _refuse(array)
            raise
        is_view = isinstance(made, RecordedArray) and not made.flags.writeable
        return made if is_view else _plain(made)

    def __setitem__(self, index: Any, value: Any) -> None:
        for array in locked((self,)):
            _refuse(array)
        super().__setitem__(index, value)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.view(np.ndarray).__reduce_ex__(protocol)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if value.__class__ is RecordedArray else value


def locked(values: Any) -> Iterator[RecordedArray]:
    """Yield the recorded arrays among some values that cannot be written to."""
    for value in values:
        if isinstance(value, RecordedArray) and not value.flags.writeable:
            yield value


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


def _out_of_place(name: str, operator_name: str) -> Any:
    ufunc = getattr(np, name)
    in_place = getattr(np.ndarray, operator_name)

    def operator(self: RecordedArray, other: Any) -> Any:
        return in_place(self, other) if self.flags.writeable else ufunc(self, other)

    return operator


def _writing(name: str) -> Any:
    write = getattr(np.ndarray, name)

    def method(self: RecordedArray, *args: Any, **options: Any) -> Any:
        for array in locked((self,)):
            _refuse(array)
        return write(self, *args, **options)

    return method


def _copying(name: str) -> Any:
    copy = getattr(np.ndarray, name)
    return lambda self, *args, **options: copy(self.view(np.ndarray), *args, **options)


for _operator, _ufunc in (
    ("__iadd__", "add"),
    ("__isub__", "subtract"),
    ("__imul__", "multiply"),
    ("__itruediv__", "divide"),
    ("__ifloordiv__", "floor_divide"),
    ("__imod__", "remainder"),
    ("__ipow__", "power"),
    ("__imatmul__", "matmul"),
):
    setattr(RecordedArray, _operator, _out_of_place(_ufunc, _operator))
for _name in ("fill", "sort", "partition", "put"):
    setattr(RecordedArray, _name, _writing(_name))
for _name in ("copy", "astype"):
    setattr(RecordedArray, _name, _copying(_name))


def handed_out(t: Tensor) -> Any:
    """Return the value of `t` as a user may have it: read-only. Scalars are immutable already."""
    value = t._value
    if value.__class__ is not np.ndarray:
        return value
    view = value.view(RecordedArray)
    view.flags.writeable = False
    view.maker = (t.op.name, t.where) if t.op is not None else ("", None)
    return view
