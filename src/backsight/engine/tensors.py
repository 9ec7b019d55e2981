"""`Tensor`: a value under record. It holds no logic: operators and methods come from tables."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..arrays import Array, Shape, is_differentiable
from ..errors import DTypeError, InPlaceError, ShapeError
from .modes import recording
from .readonly import handed_out

if TYPE_CHECKING:
    from ..ops.protocol import Op

next_serial = itertools.count(1).__next__

HOME = f"{Path(__file__).parents[1]}{os.sep}"
"""The folder of the package: a user's line is the innermost frame outside it."""


class Extra:
    """What few Tensors have: a name, a gradient that is kept, hooks."""

    __slots__ = ("grad", "hooks", "name")

    def __init__(self) -> None:
        self.name: str = ""
        self.grad: Array | None = None
        self.hooks: list[Callable[[Array], Array | None]] = []


class Tensor:
    """A value under record: ndarray's operators and methods, `.backward()`, `.grad`.

    One object is both the value and its place in the graph:

    `op`      the op that computed it, None for a leaf
    `inputs`  that op's inputs, Tensors or constants
    `saved`   values of its attributes, then the forward's locals that its backward asked for
    `wanted`  bit i is set if input i wants a gradient; 1 on a trainable leaf, 0 on a constant
    `serial`  its place in the order of computation; of a leaf, the moment of its last write
    `where`   code object and instruction of the user's line

    `pending`, `owned` and `mark` belong to the walk (tape.py). Make one with `tensor(data)`.
    """

    __slots__ = (
        "__weakref__",
        "_value",
        "extra",
        "inputs",
        "mark",
        "op",
        "owned",
        "pending",
        "saved",
        "serial",
        "wanted",
        "where",
    )
    __array_priority__ = 1000
    __hash__ = object.__hash__

    _value: Array
    op: Op | None
    inputs: tuple[Any, ...]
    saved: tuple[Any, ...]
    wanted: int
    serial: int
    where: tuple[Any, int] | None
    pending: Any
    owned: bool
    mark: int
    extra: Extra | None

    def __init__(self, value: Array, wanted: int = 0) -> None:
        self._value = value
        self.op = None
        self.inputs = self.saved = ()
        self.wanted = wanted
        self.serial = next_serial()
        self.where = self.pending = self.extra = None
        self.mark = 0

    if TYPE_CHECKING:  # given by protocols.py
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = cast(Any, None)
        __rtruediv__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __neg__ = cast(Any, None)
        __abs__ = __lt__ = __le__ = __gt__ = __ge__ = __getitem__ = cast(Any, None)

        def __getattr__(self, name: str) -> Any: ...

    def __init_subclass__(cls) -> None:
        raise TypeError(
            f"{cls.__name__}: Tensor is not for subclassing; keep a Tensor in a field of your class"
        )

    # What it is

    shape: Shape = property(lambda self: self._value.shape)  # type: ignore[assignment]
    ndim: int = property(lambda self: self._value.ndim)  # type: ignore[assignment]
    size: int = property(lambda self: self._value.size)  # type: ignore[assignment]
    dtype: np.dtype[Any] = property(lambda self: self._value.dtype)  # type: ignore[assignment]

    @property
    def value(self) -> Array:
        """The array, read-only. Assigning to it replaces a leaf's: `w.value -= lr * w.grad`."""
        return handed_out(self)

    @value.setter
    def value(self, new: Array) -> None:
        assign(self, new)

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient flows to this value. May be set on leaves."""
        return self.wanted != 0

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        if self.op is not None:
            raise DTypeError(
                f"requires_grad is set on leaves only; this value is computed by {self.op.name}. "
                "Use detach() to cut it off"
            )
        if flag:
            check_differentiable(self.dtype, "requires_grad = True")
        self.wanted = int(flag)

    @property
    def name(self) -> str:
        """The name given to `tensor(data, name=…)`, or ""."""
        return self.extra.name if self.extra else ""

    @name.setter
    def name(self, name: str) -> None:
        extra_of(self).name = name

    @property
    def grad(self) -> Array | None:
        """The gradient that `.backward()` accumulated here, None before the first. Settable."""
        return self.extra.grad if self.extra else None

    @grad.setter
    def grad(self, grad: Array | None) -> None:
        if grad is not None:
            grad = strip(grad)
            if np.shape(grad) != self.shape:
                raise ShapeError(
                    f"{self.name or 'a value'} of shape {self.shape} cannot take a gradient of "
                    f"shape {np.shape(grad)}; a gradient has the shape of its value"
                )
            if getattr(grad, "dtype", None) != self.dtype:
                grad = as_dtype(grad, self.dtype)
        if grad is not None or self.extra is not None:
            extra_of(self).grad = grad

    # What it does

    def backward(self, dout: Array | None = None, *, retain_graph: bool = False) -> None:
        """Walk back from here and accumulate into `.grad` of every trainable leaf.

        `dout` is the upstream gradient, of this value's shape; 1 if left out, which needs a value
        of size 1. The graph is freed on the way unless `retain_graph`.

        Raises GradientError where there is nothing to walk, or it was freed; InPlaceError where a
        leaf was written after an op that needs its old value.
        """
        from .tape import backward

        backward(self, dout, retain_graph=retain_graph)

    def detach(self) -> Tensor:
        """Return the same value as a constant: no gradient flows through it."""
        return Tensor(self._value)

    def register_hook(self, hook: Callable[[Array], Array | None]) -> Callable[[], None]:
        """Call `hook(grad)` when the walk has this value's whole gradient.

        What it returns replaces the gradient. Returns a function that removes the hook.
        """
        hooks = extra_of(self).hooks
        hooks.append(hook)
        return lambda: hooks.remove(hook) if hook in hooks else None

    def item(self) -> float:
        """Return the one number in it as a Python number."""
        return self._value.item()  # type: ignore[no-any-return]

    def tolist(self) -> Any:
        """Return the values as nested Python lists."""
        return self._value.tolist()

    def __repr__(self) -> str:
        body = np.array2string(np.asarray(self._value), separator=", ", prefix="tensor(")
        name = f", name={self.name!r}" if self.name else ""
        kind = f", op={self.op.name}" if self.op else "" if self.wanted else ", requires_grad=False"
        dtype = f", dtype={self.dtype}" if self.dtype != np.float64 else ""
        return f"tensor({body}{dtype}{name}{kind})"

    def __len__(self) -> int:
        return len(self._value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __contains__(self, item: object) -> bool:
        return item in self._value

    def __setitem__(self, index: Any, value: Any) -> None:
        made = f" computed by {self.op.name}" if self.op else ""
        raise InPlaceError(
            f"a recorded value{made} cannot be written in place: a backward may still need it. "
            "Use np.where(mask, new, x) to replace elements under record, "
            "or assign a changed copy to .value of a leaf"
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise DTypeError(
            "turning a Tensor into an array would cut its gradient silently; "
            "use tensor.value for the array, or np.stack / np.concatenate to join Tensors"
        )

    def __float__(self) -> float:
        raise DTypeError("float(tensor) would cut its gradient silently; use tensor.item()")

    def __int__(self) -> int:
        raise DTypeError("int(tensor) would cut its gradient silently; use int(tensor.item())")

    def __index__(self) -> int:
        raise DTypeError("a Tensor is no Python index or count; use tensor.item()")

    def __format__(self, form: str) -> str:
        return format(self.item(), form) if form and self.size == 1 else format(str(self), form)

    def __copy__(self) -> Tensor:
        return self if self.op is not None else self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        check_leaf(self, "copied")
        made = Tensor(self._value, self.wanted)
        if self.extra is not None:
            made.name = self.name
            made.grad = None if self.grad is None else self.grad.copy()
        memo[id(self)] = made
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        check_leaf(self, "pickled")
        return tensor, (np.asarray(self._value), self.name or None, bool(self.wanted))


def tensor(
    data: Any, name: str | None = None, requires_grad: bool = True, *, dtype: Any = None
) -> Tensor:
    """Make a leaf of a copy of `data`: an array, nested lists, a number, or another Tensor's value.

    `name` is what traces and messages call it. float16, float32 and float64 are kept as they are.

    Raises DTypeError for data that cannot carry a gradient (integers, booleans, text), unless
    `requires_grad=False`.
    """
    if isinstance(data, Tensor):
        data = data._value
    if isinstance(data, np.ma.MaskedArray):
        raise DTypeError("tensor: a masked array has no gradient at its gaps; use data.filled(…)")
    if isinstance(data, np.ndarray) or not hasattr(data, "__array_function__"):
        value = numbers(data, dtype, "tensor")
    else:  # an array of another library stays one
        value = data.astype(dtype) if dtype is not None else data.copy()
    if requires_grad:
        check_differentiable(value.dtype, f"tensor({name!r})" if name else "tensor")
    made = Tensor(value, int(requires_grad))
    if name:
        made.name = name
    return made


def assign(leaf: Tensor, new: Any) -> None:
    """Replace the value of a leaf, keeping its dtype. Shapes must agree.

    The array is replaced, never written to, so what was recorded before keeps its numbers; a
    backward that still needs the old value raises InPlaceError.
    """
    if leaf.op is not None:
        raise InPlaceError(
            f"only the value of a leaf can be assigned; this one is computed by {leaf.op.name}. "
            "Write x = x + 1 to go on from it"
        )
    if isinstance(new, Tensor):
        new = new._value
    if not hasattr(new, "astype") or new.dtype.kind not in "fiub":
        new = numbers(new, None, leaf.name or "value")
    old = leaf._value
    if new.shape != old.shape:
        raise ShapeError(
            f"{leaf.name or 'a leaf'} of shape {old.shape} cannot take a value of shape {new.shape}"
        )
    copied = new.astype(old.dtype)
    replace(leaf, copied if old.ndim else np.asarray(copied))


def numbers(data: Any, dtype: Any, who: str) -> Array:
    """Copy data into a plain array. Raises DTypeError unless it is real numbers, rows alike."""
    try:
        value = np.array(data, dtype=dtype)
    except ValueError as error:
        raise DTypeError(
            f"{who}: data is no array of numbers: {error}. Rows must have one length; pad them"
        ) from None
    if value.dtype.kind not in "fiub":
        raise DTypeError(
            f"{who}: data of dtype {value.dtype} is not numbers; "
            "Backsight computes with float16, float32 and float64"
        )
    return value


def replace(leaf: Tensor, new: Array) -> None:
    """Give a leaf an array of its own shape and dtype, without a copy. For optimisers."""
    leaf._value = new
    leaf.serial = next_serial()


def as_dtype(value: Any, dtype: Any) -> Array:
    """Convert an array, of any library, or what makes one."""
    return value.astype(dtype) if hasattr(value, "astype") else np.asarray(value, dtype=dtype)


def extra_of(t: Tensor) -> Extra:
    """Return the Extra of a Tensor, made on first need."""
    if t.extra is None:
        t.extra = Extra()
    return t.extra


def check_leaf(t: Tensor, done: str) -> None:
    """Raise DTypeError for a computed value: what it was computed from cannot go with it."""
    if t.op is not None:
        raise DTypeError(
            f"only leaves can be {done}; this value is computed by {t.op.name}. "
            "Use tensor(t.value) for a new leaf"
        )


def check_differentiable(dtype: Any, who: str) -> None:
    """Raise DTypeError unless numbers of `dtype` carry a gradient."""
    if not is_differentiable(dtype):
        raise DTypeError(
            f"{who}: {np.dtype(dtype).name} numbers carry no gradient. Write them as floats "
            "([2.0, -3.0], dtype=float), or pass requires_grad=False for labels, masks and indices"
        )


def strip(value: Any) -> Any:
    """Replace Tensors by their arrays, also inside tuples, lists and dicts."""
    kind = value.__class__
    if kind is Tensor:
        return value._value
    if kind is tuple or kind is list:
        return kind(strip(item) for item in value)
    if kind is dict:
        return {key: strip(item) for key, item in value.items()}
    return value


def is_recording() -> bool:
    """Tell whether calls on Tensors are recorded here: not inside `no_grad()`."""
    return recording.get()
