"""Finding what a layer holds: its parameters, its running averages, the layers inside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ..arrays import Array
from ..engine.tensors import Tensor, assign
from ..errors import UsageError

STATE = {"state": True}
"""Metadata of a field whose array is no parameter but belongs to the layer: a running average."""


def parameters(layer: Any) -> dict[str, Tensor]:
    """Return the trainable Tensors of a layer by path (`layers.0.w`), in order of their fields.

    A layer is a dataclass, any object with attributes, or a list, tuple or dict of those. A Tensor
    that is used twice appears once, under its first path.
    """
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for path, value in walk(layer):
        if not isinstance(value, Tensor) or id(value) in seen:
            continue
        if value.wanted and value.op is None:
            seen.add(id(value))
            found[path] = value
    return found


def layers_in(layer: Any) -> list[Any]:
    """Return a layer and all that it holds, each once: what has fields or attributes."""
    return list({id(value): value for _, value in walk(layer)}.values())


def state(layer: Any) -> dict[str, Array]:
    """Return the arrays that make a layer what it is, by path: parameters and running averages."""
    arrays = {path: t._value for path, t in parameters(layer).items()}
    for path, value in walk(layer):
        for name in _state_fields(value):
            arrays[f"{path}.{name}" if path else name] = getattr(value, name)
    return arrays


def set_state(layer: Any, arrays: Mapping[str, Array]) -> None:
    """Give a layer the arrays that `state` returned, copied; all are checked first.

    Raises UsageError where names or shapes do not agree.
    """
    own = state(layer)
    missing, extra = sorted(set(own) - set(arrays)), sorted(set(arrays) - set(own))
    if missing or extra:
        raise UsageError(
            "parameters differ from the layer's; only in the layer: "
            f"{', '.join(missing) or 'none'}; only in the file: {', '.join(extra) or 'none'}"
        )
    for name, array in own.items():
        if np.shape(arrays[name]) != array.shape:
            raise UsageError(
                f"{name} has shape {np.shape(arrays[name])} in the file, {array.shape} in the layer"
            )
    for name, t in parameters(layer).items():
        assign(t, arrays[name])
    for path, value in walk(layer):
        for name in _state_fields(value):
            given = arrays[f"{path}.{name}" if path else name]
            setattr(value, name, np.array(given, getattr(value, name).dtype))


def _state_fields(value: Any) -> list[str]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return []
    return [each.name for each in dataclasses.fields(value) if each.metadata == STATE]


def walk(value: Any, path: str = "", above: frozenset[int] = frozenset()) -> Iterator[Any]:
    """Go through everything that `value` holds, with paths; `above` are the ids of its holders."""
    if isinstance(value, Tensor):
        yield path, value
        return
    if id(value) in above:
        return  # a layer that knows its owner
    if isinstance(value, Mapping):
        parts: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [(each.name, getattr(value, each.name)) for each in dataclasses.fields(value)]
    elif hasattr(value, "__dict__") and not callable(getattr(value, "__wrapped__", None)):
        parts = vars(value).items() if not isinstance(value, type) else ()
    else:
        return
    yield path, value
    for name, part in parts:
        if isinstance(part, Tensor | list | tuple | dict) or hasattr(part, "__dict__"):
            yield from walk(part, f"{path}.{name}" if path else str(name), above | {id(value)})
