"""What a user's line calls the inputs of an op: only where the line calls that very op."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence

from .expressions import Source, source_of
from .locations import Arguments, argument_names
from .trace import Location

# NumPy's and Python's other names for ops.
_ALIASES = {
    "abs": "absolute",
    "amax": "max",
    "amin": "min",
    "around": "round",
    "concat": "concatenate",
    "inv": "inverse",
    "take_along_axis": "gather",
}
# What is commonly called so is a module, whichever cell of a notebook imports it.
_MODULES = {"np", "numpy", "xp", "cp", "cupy", "bs", "backsight", "ops", "torch", "jnp"}
# fmt: off
_METHODS = {
    "astype", "clip", "cumsum", "dot", "max", "mean", "min", "prod", "repeat", "reshape", "round",
    "squeeze", "std", "sum", "transpose", "var",
}
# fmt: on


def is_call_of(location: Location | None, op: str) -> bool:
    """Tell whether the expression there is the op itself, not the call of a layer that contains it.

    An operator (`x @ w`) or a subscript always is.
    """
    if location is None:
        return False
    called = re.match(r"(?:[\w.\[\]]*\.)?(\w+)\(", location.expression)
    if called is None or not location.expression.endswith(")"):
        return True
    name = called[1].rstrip("_")
    return _ALIASES.get(name, name) == op


def gives_several(location: Location | None) -> bool:
    """Tell whether the call there returns a list of values, whose name is none of theirs."""
    called = r"(?:[\w.]*\.)?(?:array_split|split|unstack)\("
    return location is not None and re.match(called, location.expression) is not None


def texts_of(location: Location | None, op: str, inputs: Sequence[str]) -> tuple[str, ...]:
    """Return what the user wrote for each input of the op, "" where that is not known.

    `linear(h, self.w, b=b1)` gives `h`, `self.w`, `b1` for the inputs x, w, b. The inputs of an op
    that takes a list are called `xs[0]`, `xs[1]`, …; `stack([h, c])` gives `h`, `c`.
    """
    if location is None or not is_call_of(location, op):
        return ("",) * len(inputs)
    given = argument_names(location)
    positional = operands_of(given, op, source_of(location.file))
    if inputs and inputs[0].endswith("[0]"):
        return listed(positional, len(inputs))
    texts = dict(zip(inputs, positional, strict=False)) | dict(given.keyword)
    return tuple(texts.get(name, "") for name in inputs)


def operands_of(given: Arguments, op: str, source: Source) -> tuple[str, ...]:
    """Return what a call gives for an op's inputs by position, in their order.

    NumPy's `where` and `einsum` take something else first; a method's first operand is its object.
    """
    positional = given.positional
    root = re.match(r"\w*", given.receiver)
    if root and root[0] and op in _METHODS and root[0] not in _MODULES | imported(source):
        return (given.receiver, *(positional if op == "dot" else ()))
    if (op == "where" and len(positional) == 3) or (op == "einsum" and "spec" not in given.keyword):
        return positional[1:]
    return positional


def listed(positional: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return what the user wrote for each of `count` values, given as one list or singly."""
    unknown = ("",) * count
    if len(positional) == count > 1:
        return positional  # the op itself: concatenate(a, b)
    try:
        tree = ast.parse(positional[0].strip(), mode="eval").body if positional else None
    except SyntaxError:
        return unknown
    if isinstance(tree, ast.List | ast.Tuple):
        texts = tuple(ast.unparse(each) for each in tree.elts)
        return texts if len(texts) == count and "*" not in {t[:1] for t in texts} else unknown
    if isinstance(tree, ast.Name | ast.Attribute):
        return tuple(f"{positional[0]}[{i}]" for i in range(count))
    return unknown


@functools.lru_cache(maxsize=64)
def imported(source: Source) -> frozenset[str]:
    """Return the names that a file's import statements bind, as far as they stand on one line."""
    names = set()
    for line in source.lines:
        statement = re.match(r"\s*(?:from\s+[\w.]+\s+)?import\s+\(?([\w., ]+)", line)
        for part in statement[1].split(",") if statement else ():
            words = part.split()
            if words:
                names.add(words[-1] if "as" in words else words[0].partition(".")[0])
    return frozenset(names)
