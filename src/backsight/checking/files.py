"""The pairs in a file, `*_forward` and `*_backward`, and the inputs to try them on."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import UsageError

SIZES = {"N": 5, "T": 3, "D": 4, "M": 3, "C": 3, "H": 4, "K": 3, "V": 6}
"""How long an axis of that letter is made; other letters get lengths of their own."""
SHAPE = re.compile(
    r"\b(\w+)\s*(?:is|:|of shape|has shape)?\s*\(([A-Z][A-Z0-9]*(?:\s*,\s*[A-Z][A-Z0-9]*)*),?\)"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A pair of a file, with inputs that it can be tried on."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]


def pairs_in(path: Path, only: str = "", *, seed: int = 0) -> list[Found]:
    """Load a file and return its pairs, or the one that is called `only`.

    What the file prints goes to stderr. Raises UsageError where the file cannot be loaded, holds no
    pair, or inputs of a pair are not known.
    """
    with contextlib.redirect_stdout(sys.stderr):
        module = load(path)
        names = [
            name.removesuffix("_forward")
            for name, value in vars(module).items()
            if name.endswith("_forward") and callable(value)
        ]
        paired = [name for name in names if callable(getattr(module, f"{name}_backward", None))]
        if only and only not in paired:
            raise UsageError(
                f"{path}: there is no pair {only}_forward and {only}_backward; "
                f"pairs: {', '.join(paired) or 'none'}"
            )
        if not paired:
            raise UsageError(
                f"{path}: no pair of functions named *_forward and *_backward was found"
                + (f"; {names[0]}_forward has no {names[0]}_backward" if names else "")
            )
        return [
            Found(
                name,
                getattr(module, f"{name}_forward"),
                getattr(module, f"{name}_backward"),
                inputs_of(module, name, seed),
            )
            for name in ([only] if only else paired)
        ]


def load(path: Path) -> ModuleType:
    """Import a file under a name of its own."""
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    specification = importlib.util.spec_from_file_location(f"checked_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise UsageError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise UsageError(f"{path}:{error.lineno}: {error.msg}") from None
    except Exception as error:
        raise UsageError(f"{path}: it cannot be loaded: {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    return module


def inputs_of(module: ModuleType, name: str, seed: int) -> tuple[Any, ...]:
    """Return the inputs of a pair: what `<name>_inputs()` gives, else arrays of the stated shapes.

    Shapes are read from the forward's docstring, by letter: `x (N, D), w (D, M), b (M,)`.
    """
    given = getattr(module, f"{name}_inputs", None)
    if callable(given):
        made = given()
        return tuple(made) if isinstance(made, tuple | list) else (made,)
    forward = getattr(module, f"{name}_forward")
    shapes = dict(stated_shapes(inspect.getdoc(forward) or ""))
    parameters = [p for p in inspect.signature(forward).parameters.values() if p.default is p.empty]
    missing = [p.name for p in parameters if p.name not in shapes]
    if missing:
        raise UsageError(
            f"{name}: the shape of {', '.join(missing)} is not known; say it in the docstring of "
            f"{name}_forward (`x (N, D), w (D, M)`), or write {name}_inputs() that returns inputs"
        )
    rng = np.random.default_rng(seed)
    lengths: dict[str, int] = {}
    return tuple(
        rng.standard_normal([length(letter, lengths) for letter in shapes[p.name]])
        for p in parameters
    )


def stated_shapes(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield names with their shapes by letter."""
    for name, letters in SHAPE.findall(text):
        yield name, tuple(letter.strip() for letter in letters.split(","))


def length(letter: str, lengths: dict[str, int]) -> int:
    """Return the length of an axis: the same for the same letter, another for another."""
    if letter not in lengths:
        lengths[letter] = SIZES.get(letter, 2 + len(lengths))
    return lengths[letter]
