"""A picture before any format: shapes and texts at their places, each with a role, not a colour.

Lengths are in pixels of the picture's natural size, y points down. The painter decides what a role
looks like on light and dark ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal[
    "op",  # a computation
    "input",  # data that goes in
    "parameter",  # what is trained
    "constant",
    "group",  # several computations folded into one box
    "loss",
    "value",  # what the forward computes: black
    "gradient",  # what the backward computes: red
    "local",  # a local derivative
    "wire",  # a line from value to use
    "problem",  # where a finding is
    "note",  # small words beside something
    "axis",  # axes and grids of a plot
]
Point: TypeAlias = tuple[float, float]

MONO = 0.602
"""Width of a character of the fixed-width font, in units of its size."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle from its upper left corner; `rounding` is the radius of its corners."""

    x: float
    y: float
    width: float
    height: float
    role: Role
    rounding: float = 4.0
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, smooth where it bends; with `arrow` its end has a head."""

    points: tuple[Point, ...]
    role: Role
    arrow: bool = False
    dashed: bool = False
    smooth: bool = True
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A text whose baseline begins, is centred or ends at a point.

    It keeps a little ground around it free of lines, unless it stands `inside` a box.
    """

    x: float
    y: float
    text: str
    role: Role
    size: float = 11.0
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False
    inside: bool = False
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """A strip of thin bars for numbers of −1 to 1: upwards where positive, downwards where not."""

    x: float
    y: float
    width: float
    height: float
    numbers: tuple[float, ...]
    role: Role
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Items that belong together, under a name that scripts can find them by."""

    name: str
    items: tuple[Item, ...]
    tip: str = ""


Item: TypeAlias = Box | Line | Label | Bars | Part


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of some size. `title` and `description` say in words what it shows."""

    width: float
    height: float
    items: tuple[Item, ...]
    title: str = ""
    description: str = ""


def text_width(text: str, size: float) -> float:
    """Return the width of a text in the fixed-width font."""
    return len(text) * MONO * size
