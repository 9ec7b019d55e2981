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
Shape: TypeAlias = Literal["circle", "square", "triangle", "diamond", "cross"]

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
    """A line through points, smooth where it bends; with `arrow` its end has a head.

    `dashes` are the lengths of strokes and gaps, where `dashed` alone would not tell lines apart.
    """

    points: tuple[Point, ...]
    role: Role
    arrow: bool = False
    dashed: bool = False
    smooth: bool = True
    tip: str = ""
    dashes: tuple[float, ...] = ()


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
class Dot:
    """A sign at a point: its shape, filled or hollow, tells one series of a plot from another."""

    x: float
    y: float
    role: Role
    shape: Shape = "circle"
    filled: bool = True
    size: float = 3.2
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Area:
    """A faint ground: what lies within a closed line, behind everything that is drawn later."""

    points: tuple[Point, ...]
    role: Role
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Rows of tiles in shades of the ink, 0 (faint) to 1 (full).

    None was not measured and is a slash, NaN is a cross.
    """

    x: float
    y: float
    width: float
    height: float
    rows: tuple[tuple[float | None, ...], ...]
    role: Role = "value"
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Items that belong together, under a name that scripts can find them by ("" for none).

    They are moved by `x` and `y`. `data` are facts for scripts: names and texts.
    """

    name: str
    items: tuple[Item, ...]
    tip: str = ""
    x: float = 0.0
    y: float = 0.0
    data: tuple[tuple[str, str], ...] = ()


Item: TypeAlias = Box | Line | Label | Bars | Dot | Area | Tiles | Part


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
