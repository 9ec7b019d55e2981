"""Attribute values as JSON and back; arrays go to a side store and leave a reference.

Plain JSON values stand for themselves, a JSON list for a list. Everything else is an object of one
key that says what it is: `{"tuple": […]}`, `{"float": "nan"}`, `{"array": "a3"}`. What has no form
here (a function, a random generator) becomes its text for good.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import DTypeError, FileFormatError

TYPES: dict[str, type] = {
    **{kind.__name__: kind for kind in (bool, int, float, complex)},
    **{f"numpy.{kind.__name__}": kind for kind in np.sctypeDict.values()},
}
CONSTANTS: dict[str, Any] = {"Ellipsis": ...}
SAVABLE_KINDS = "biufcmMSU"


class Arrays:
    """The arrays of one file by name; an array that occurs twice is kept once."""

    def __init__(self, members: Mapping[str, Any] | None = None) -> None:
        self.members: dict[str, Any] = dict(members or {})
        self.names: dict[int, str] = {}
        self.held: list[object] = []  # what was added stays alive, so that no id is used again

    def add(self, array: Any) -> str:
        """Keep an array and return its name. Raises DTypeError where a file cannot hold it."""
        if id(array) not in self.names:
            plain = as_plain_array(array)
            name = f"a{len(self.members)}"
            self.names[id(array)], self.members[name] = name, plain
            self.held.append(array)
        return self.names[id(array)]

    def get(self, name: object) -> Any:
        """Return the array of that name. Raises FileFormatError where there is none."""
        if not isinstance(name, str) or name not in self.members:
            raise FileFormatError(f"array {name!r} is referred to but not in the file")
        return self.members[name]


def as_plain_array(array: Any) -> Any:
    """Return NumPy's own array. Raises DTypeError for what a file cannot hold without pickle."""
    kind = f"{type(array).__module__}.{type(array).__qualname__}"
    try:
        plain = np.asarray(array)
    except Exception as error:  # each array library refuses in its own way
        raise DTypeError(
            f"NumPy cannot read a {kind} ({error}); copy it to the host, as CuPy's .get() does, "
            "or record without values"
        ) from error
    if plain.dtype.kind not in SAVABLE_KINDS:
        raise DTypeError(
            f"a {kind} of dtype {plain.dtype} cannot be saved without pickle; "
            "convert it to float32, say"
        )
    return plain


def encode(value: Any, arrays: Arrays) -> Any:
    """Return the JSON form of a value; what has none becomes `{"text": repr(value)}`."""
    if isinstance(value, np.generic):
        return {"scalar": arrays.add(value)} if savable(value) else {"text": text_of(value)}
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float | complex):
        return encode_number(value)
    if isinstance(value, list):
        return [encode(item, arrays) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item, arrays) for item in value]}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {str(key): encode(item, arrays) for key, item in value.items()}}
    if isinstance(value, slice):
        return {"slice": [encode(part, arrays) for part in (value.start, value.stop, value.step)]}
    if (kind := encode_kind(value)) is not None:
        return kind
    if hasattr(value, "__array__") and not isinstance(value, type) and savable(value):
        return {"array": arrays.add(value)}
    return {"text": text_of(value)}


def encode_number(value: complex) -> Any:
    """Return the JSON form of a Python number; JSON has no NaN and no infinity."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    return {"complex": [encode_number(value.real), encode_number(value.imag)]}


def encode_kind(value: Any) -> Any:
    """Return the JSON form of a dtype, a number type or a constant; None for anything else."""
    if isinstance(value, np.dtype) and value.kind in SAVABLE_KINDS:
        return {"dtype": value.str}
    for tag, known in (("type", TYPES), ("constant", CONSTANTS)):
        for name, each in known.items():
            if value is each:
                return {tag: name}
    return None


def savable(value: Any) -> bool:
    """Tell whether a file can hold a value as an array."""
    try:
        return as_plain_array(value) is not None
    except DTypeError:
        return False


def text_of(value: Any) -> str:
    """Say what a value is: functions and types by their name, the rest by its repr."""
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType | type):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, np.random.Generator):
        return f"Generator({type(value.bit_generator).__name__})"
    try:
        return repr(value)
    except Exception:  # a repr of the user's may raise anything
        return f"<{type(value).__qualname__}>"


def decode(form: Any, arrays: Arrays) -> Any:
    """Return the value of a JSON form. Raises FileFormatError for a form that nobody wrote."""
    if form is None or isinstance(form, bool | int | float | str):
        return form
    if isinstance(form, list):
        return [decode(item, arrays) for item in form]
    if isinstance(form, dict) and len(form) == 1:
        ((tag, content),) = form.items()
        decoder = DECODERS.get(tag)
        if decoder is not None:
            try:
                return decoder(content, arrays)
            except FileFormatError:
                raise
            except (TypeError, ValueError, LookupError) as error:
                raise FileFormatError(f"{tag} {content!r:.60} cannot be read: {error}") from error
    raise FileFormatError(f"value {form!r:.60} has no known form")


def parts_of(content: Any) -> list[Any]:
    """Return the parts of a container's form. Raises TypeError for anything else."""
    if not isinstance(content, list):
        raise TypeError("not a list")
    return content


def decode_type(name: Any, arrays: Arrays) -> Any:
    """Return a type of numbers. Raises ValueError for any other name."""
    if name not in TYPES:
        raise ValueError("no such type of numbers")
    return TYPES[name]


def decode_constant(name: Any, arrays: Arrays) -> Any:
    """Return a constant. Raises ValueError for an unknown one."""
    if name not in CONSTANTS:
        raise ValueError("no such constant")
    return CONSTANTS[name]


def decode_dict(items: Any, arrays: Arrays) -> dict[str, Any]:
    """Return a dictionary. Raises TypeError for anything else."""
    if not isinstance(items, dict):
        raise TypeError("not a dictionary")
    return {key: decode(item, arrays) for key, item in items.items()}


def decode_text(content: Any, arrays: Arrays) -> str:
    """Return the text that stands for a value without a form."""
    if not isinstance(content, str):
        raise TypeError("not a text")
    return content


def decode_scalar(name: Any, arrays: Arrays) -> Any:
    """Return a NumPy scalar, which is stored as an array of no axes."""
    array = arrays.get(name)
    if array.shape != ():
        raise ValueError(f"a scalar has no axes, this has shape {array.shape}")
    return array[()]


DECODERS: dict[str, Callable[[Any, Arrays], Any]] = {
    "float": lambda text, arrays: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[text],
    "complex": lambda parts, arrays: complex(*(decode(part, arrays) for part in parts_of(parts))),
    "tuple": lambda items, arrays: tuple(decode(item, arrays) for item in parts_of(items)),
    "dict": decode_dict,
    "slice": lambda parts, arrays: slice(*(decode(part, arrays) for part in parts_of(parts))),
    "dtype": lambda name, arrays: np.dtype(decode_text(name, arrays)),
    "type": decode_type,
    "constant": decode_constant,
    "array": lambda name, arrays: arrays.get(name),
    "scalar": decode_scalar,
    "text": decode_text,
}
