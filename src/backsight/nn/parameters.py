"""Finding the parameters of a layer, and keeping them in a file."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.tensors import Tensor, assign
from ..errors import FileFormatError, UsageError


def parameters(layer: Any) -> dict[str, Tensor]:
    """Return the trainable Tensors of a layer by path (`layers.0.w`), in order of their fields.

    A layer is a dataclass, any object with attributes, or a list, tuple or dict of those. A Tensor
    that is used twice appears once, under its first path.
    """
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for path, value in _walk(layer, "", set()):
        if value.wanted and value.op is None and id(value) not in seen:
            seen.add(id(value))
            found[path] = value
    return found


def _walk(value: Any, path: str, above: set[int]) -> Iterator[tuple[str, Tensor]]:
    """Go through everything that `value` holds; `above` are the ids of what holds it."""
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
        parts = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    elif hasattr(value, "__dict__") and not callable(getattr(value, "__wrapped__", None)):
        parts = vars(value).items() if not isinstance(value, type) else ()
    else:
        return
    for name, part in parts:
        if isinstance(part, Tensor | list | tuple | dict) or hasattr(part, "__dict__"):
            yield from _walk(part, f"{path}.{name}" if path else str(name), {*above, id(value)})


def save(layer: Any, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a layer to a safetensors file, whole or not at all.

    Raises UsageError where the package safetensors is missing.
    """
    to_bytes = _safetensors("save")
    arrays = {name: np.ascontiguousarray(t._value) for name, t in parameters(layer).items()}
    if not arrays:
        raise UsageError(f"save: {type(layer).__name__} has no parameters")
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(to_bytes(arrays))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def load(layer: Any, path: str | os.PathLike[str]) -> None:
    """Read the parameters of a layer from a safetensors file; all are checked first.

    Raises FileFormatError for a missing or damaged file, and where names or shapes do not agree.
    """
    from_bytes = _safetensors("load")
    try:
        arrays = from_bytes(Path(path).read_bytes())
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:
        raise FileFormatError(
            f"{path}: not a safetensors file, or a damaged one ({error}); "
            "write it again with backsight.nn.save"
        ) from None
    own = parameters(layer)
    missing, extra = sorted(set(own) - set(arrays)), sorted(set(arrays) - set(own))
    if missing or extra:
        raise FileFormatError(
            f"{path}: parameters differ from the layer's; only in the layer: "
            f"{', '.join(missing) or 'none'}; only in the file: {', '.join(extra) or 'none'}"
        )
    for name, t in own.items():
        if arrays[name].shape != t.shape:
            raise FileFormatError(
                f"{path}: {name} has shape {arrays[name].shape} in the file, {t.shape} in the layer"
            )
    for name, t in own.items():
        assign(t, arrays[name])


def _safetensors(function: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise UsageError(
            f"{function}: parameters are kept in safetensors files; "
            "install the package with: pip install 'backsight[save]'"
        ) from None
    return getattr(safetensors.numpy, function)
