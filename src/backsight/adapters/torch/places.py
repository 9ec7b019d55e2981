"""Where something was done, in the user's words."""

from __future__ import annotations

from typing import Any

from ...traces.locations import locate, source_lines
from ...traces.trace import Location
from .calls import Instruction, Place


def of_user(place: Place | None) -> Instruction | None:
    """Return the instruction to show: the user's own where there is one."""
    return (place.project or place.caller) if place is not None else None


def placed(place: Place | None) -> tuple[Location | None, str]:
    """Return a place in the user's words, and its source lines."""
    instruction = of_user(place)
    if instruction is None:
        return None, ""
    where = locate(*instruction)
    return where, "\n".join(source_lines(where, context=0)[1])


def plain(where: Location | None) -> dict[str, Any] | None:
    """Return a place as events have it."""
    return {name: getattr(where, name) for name in where.__slots__} if where else None


def within(place: Place | None) -> dict[str, str]:
    """Return where inside a library the op is, for a user's line that only calls the library."""
    if place is None or place.caller is None or place.caller == of_user(place):
        return {}
    return {"inside": str(locate(*place.caller))}
