"""Layers in files: safetensors, written atomically. Nothing is ever unpickled."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileFormatError, UsageError
from .parameters import set_state, state


def save(layer: Any, path: str | os.PathLike[str]) -> None:
    """Write parameters and running averages to a safetensors file, whole or not at all.

    Raises UsageError where the package safetensors is missing.
    """
    to_bytes = _safetensors("save")
    arrays = {name: np.ascontiguousarray(array) for name, array in state(layer).items()}
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
    """Read what `save` wrote into a layer of the same form; all is checked first.

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
    try:
        set_state(layer, arrays)
    except UsageError as error:
        raise FileFormatError(f"{path}: {error}") from None


def _safetensors(function: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise UsageError(
            f"{function}: parameters are kept in safetensors files; "
            "install the package with: pip install 'backsight[save]'"
        ) from None
    return getattr(safetensors.numpy, function)
