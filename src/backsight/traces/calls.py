"""What a user's line calls the inputs of an op: only where the line calls that very op."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .locations import argument_names
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


def texts_of(location: Location | None, op: str, inputs: Sequence[str]) -> tuple[str, ...]:
    """Return what the user wrote for each input of the op, "" where that is not known.

    `linear(h, self.w, b=b1)` gives `h`, `self.w`, `b1` for the inputs x, w, b.
    """
    if location is None or not is_call_of(location, op):
        return ("",) * len(inputs)
    given = argument_names(location)
    positional = given.positional
    if given.receiver and len(positional) + len(given.keyword) < len(inputs):
        positional = (given.receiver, *positional)  # x.dot(w)
    texts = dict(zip(inputs, positional, strict=False)) | dict(given.keyword)
    return tuple(texts.get(name, "") for name in inputs)
