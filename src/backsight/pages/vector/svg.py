"""A scene as SVG: one self-contained text, the same for the same scene, light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape

from .scene import Area, Bars, Box, Dot, Item, Label, Line, Part, Scene, Tiles

MARGIN = 12.0
SHADES = 20  # steps of grey: as many as an eye tells apart
FAINTEST = 0.05
MISSING, BROKEN = -1, -2

STYLE = """
.bs{--ink:#1b1b1b;--paper:#fff;--grad:#c4161c;--soft:#6b6b6b;--faint:#d4d4d4;
--fill:#f6f6f4;--par:#e7effa;--hot:#b45309}
@media (prefers-color-scheme:dark){.bs{--ink:#ececec;--paper:#161616;--grad:#ff7b78;
--soft:#a3a3a3;--faint:#4a4a4a;--fill:#242424;--par:#1d2b3f;--hot:#f0b352}}
.bs text{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:var(--ink);
paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.bs .inside{stroke:none}
.bs .ground{fill:var(--paper)}
.bs .box{stroke:var(--ink);stroke-width:1.2;fill:var(--fill)}
.bs .box.parameter{fill:var(--par);stroke-width:2}
.bs .box.input{stroke-dasharray:4 3}
.bs .box.constant{stroke:var(--soft);stroke-dasharray:1 3}
.bs .box.group{stroke-width:1.2;stroke-dasharray:none;fill:var(--fill)}
.bs .box.loss{stroke-width:2.4}
.bs .box.problem{fill:none;stroke:var(--hot);stroke-width:2.4;stroke-dasharray:6 3}
.bs .box.gradient{fill:var(--paper);stroke:var(--grad)}
.bs .box.axis{fill:none;stroke:var(--faint)}
.bs .line{fill:none;stroke:var(--soft);stroke-width:1.2}
.bs .line.gradient{stroke:var(--grad);stroke-width:1.5}
.bs .line.value{stroke:var(--ink);stroke-width:1.5}
.bs .line.axis{stroke:var(--faint);stroke-width:1}
.bs .line.problem{stroke:var(--hot);stroke-width:1.5}
.bs .dashed{stroke-dasharray:5 4}
.bs .head{fill:var(--soft);stroke:none}
.bs text.gradient{fill:var(--grad)}
.bs text.local,.bs text.note,.bs text.axis{fill:var(--soft);font-style:normal}
.bs text.local{font-style:italic}
.bs text.problem{fill:var(--hot)}
.bs .bars{fill:var(--ink)}
.bs .bars.gradient{fill:var(--grad)}
.bs .line.note{stroke-width:.7}
.bs .dot{fill:var(--ink);stroke:var(--ink);stroke-width:1.3;stroke-linejoin:round}
.bs .dot.gradient{fill:var(--grad);stroke:var(--grad)}
.bs .dot.problem{fill:var(--hot);stroke:var(--hot)}
.bs .dot.note{fill:var(--soft);stroke:var(--soft)}
.bs .dot.hollow{fill:var(--paper)}
.bs .area{fill:var(--ink);fill-opacity:.13}.bs .area.gradient{fill:var(--grad)}
.bs .area.problem{fill:var(--hot);fill-opacity:.18}
.bs .tile{fill:var(--ink)}.bs .tile.gradient{fill:var(--grad)}
.bs .tile.missing,.bs .tile.broken{fill:none;stroke:var(--soft);stroke-width:.7}
.bs .tile.broken{stroke:var(--hot);stroke-width:1.1}
""".strip()


def to_svg(scene: Scene) -> str:
    """Write a scene as an SVG document with a text alternative."""
    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bs" role="img" width="{n(width)}" '
        f'height="{n(height)}" viewBox="{n(-MARGIN)} {n(-MARGIN)} {n(width)} {n(height)}">',
        f"<title>{escape(scene.title)}</title>",
        f"<desc>{escape(scene.description)}</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" x="{n(-MARGIN)}" y="{n(-MARGIN)}" width="{n(width)}" '
        f'height="{n(height)}"/>',
    ]
    for item in scene.items:
        lines += item_lines(item)
    return "\n".join([*lines, "</svg>", ""])


def item_lines(item: Item) -> Iterator[str]:
    """Yield the elements of one item."""
    match item:
        case Box():
            yield (
                f'<rect class="box {item.role}" x="{n(item.x)}" y="{n(item.y)}" '
                f'width="{n(item.width)}" height="{n(item.height)}" rx="{n(item.rounding)}"'
                f"{ending('rect', item.tip)}"
            )
        case Line():
            dashed = " dashed" if item.dashed else ""
            lengths = " ".join(map(n, item.dashes))
            dashes = f' stroke-dasharray="{lengths}"' if lengths else ""
            yield (
                f'<path class="line {item.role}{dashed}" d="{path(item)}"{dashes}'
                f"{ending('path', item.tip)}"
            )
            if item.arrow:
                yield head(item)
        case Label():
            weight = ' font-weight="600"' if item.bold else ""
            inside = " inside" if item.inside else ""
            anchor = f' text-anchor="{item.anchor}"' if item.anchor != "start" else ""
            yield (
                f'<text class="{item.role}{inside}" x="{n(item.x)}" y="{n(item.y)}" '
                f'font-size="{n(item.size)}"{anchor}{weight}>{tip(item.tip)}'
                f"{escape(printable(item.text))}</text>"
            )
        case Bars():
            yield f'<path class="bars {item.role}" d="{bars(item)}"{ending("path", item.tip)}'
        case Dot():
            hollow = "" if item.filled else " hollow"
            yield (
                f'<path class="dot {item.role}{hollow}" d="{sign(item)}"{ending("path", item.tip)}'
            )
        case Area():
            around = "L".join(f"{n(x)} {n(y)}" for x, y in item.points)
            yield f'<path class="area {item.role}" d="M{around}z"{ending("path", item.tip)}'
        case Tiles() | Part():
            yield from group_lines(item)


def group_lines(group: Tiles | Part) -> Iterator[str]:
    """Yield the elements of what is several things at once."""
    if isinstance(group, Tiles):
        yield f"<g>{tip(group.tip)}"
        yield from shades(group)
    else:
        yield f"<g{attributes(group)}>{tip(group.tip)}"
        for each in group.items:
            yield from item_lines(each)
    yield "</g>"


def n(number: float) -> str:
    """Write a length with one decimal at most."""
    text = f"{number:.1f}"
    return text[:-2] if text.endswith(".0") else text


def tip(text: str) -> str:
    """Write what is shown when the pointer rests on something."""
    return f"<title>{escape(printable(text))}</title>" if text else ""


def ending(element: str, text: str) -> str:
    """Close an element, with its tip inside if it has one."""
    return f">{tip(text)}</{element}>" if text else "/>"


def printable(text: str) -> str:
    """Drop what XML does not allow in a text: control characters and lone surrogates."""
    return "".join(
        c if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff") else "\ufffd" for c in text
    )


def path(line: Line) -> str:
    """Write the way of a line: curved between points where it is smooth."""
    (x, y), *rest = line.points
    parts = [f"M{n(x)} {n(y)}"]
    for to_x, to_y in rest:
        if line.smooth and to_y != y and to_x > x:
            middle = (x + to_x) / 2
            parts.append(f"C{n(middle)} {n(y)} {n(middle)} {n(to_y)} {n(to_x)} {n(to_y)}")
        else:
            parts.append(f"L{n(to_x)} {n(to_y)}")
        x, y = to_x, to_y
    return "".join(parts)


def head(line: Line) -> str:
    """Write the head of an arrow that ends to the right."""
    x, y = line.points[-1]
    return f'<path class="head" d="M{n(x)} {n(y)}l-7 -3.5v7z"/>'


def bars(strip: Bars) -> str:
    """Write the bars of a strip as one path."""
    count = len(strip.numbers)
    if not count:
        return "M0 0"
    step = strip.width / count
    middle = strip.y + strip.height / 2
    parts = []
    for i, number in enumerate(strip.numbers):
        tall = max(-1.0, min(1.0, number)) * strip.height / 2
        top = middle - max(tall, 0.0)
        size = max(abs(tall), 0.6)
        x = strip.x + i * step
        parts.append(f"M{n(x)} {n(top)}h{n(max(step - 0.8, 0.6))}v{n(size)}H{n(x)}z")
    return "".join(parts)


def attributes(part: Part) -> str:
    """Write the name, the place and the facts of a part."""
    name = f' id="{escape(part.name, quote=True)}"' if part.name else ""
    move = f' transform="translate({n(part.x)} {n(part.y)})"' if part.x or part.y else ""
    data = "".join(
        f' data-{key}="{escape(printable(text), quote=True)}"' for key, text in part.data
    )
    return name + move + data


def sign(dot: Dot) -> str:
    """Write the outline of a sign as a path."""
    x, y, r = dot.x, dot.y, dot.size
    match dot.shape:
        case "square":
            return f"M{n(x - r)} {n(y - r)}h{n(2 * r)}v{n(2 * r)}h{n(-2 * r)}z"
        case "triangle":
            return f"M{n(x)} {n(y - 1.2 * r)}l{n(1.2 * r)} {n(2.1 * r)}h{n(-2.4 * r)}z"
        case "diamond":
            a = 1.35 * r
            return f"M{n(x)} {n(y - a)}l{n(a)} {n(a)}l{n(-a)} {n(a)}l{n(-a)} {n(-a)}z"
        case "cross":
            return (
                f"M{n(x - r)} {n(y - r)}l{n(2 * r)} {n(2 * r)}m0 {n(-2 * r)}l{n(-2 * r)} {n(2 * r)}"
            )
    return f"M{n(x - r)} {n(y)}a{n(r)} {n(r)} 0 1 0 {n(2 * r)} 0a{n(r)} {n(r)} 0 1 0 {n(-2 * r)} 0z"


def shades(tiles: Tiles) -> Iterator[str]:
    """Yield the tiles, one path for all of one shade; neighbours of one shade are one rectangle."""
    by_shade: dict[int, list[str]] = {}
    tall = tiles.height / max(len(tiles.rows), 1)
    for i, row in enumerate(tiles.rows):
        wide, top, start = tiles.width / max(len(row), 1), tiles.y + i * tall, 0
        levels = [level_of(shade) for shade in row]
        for end in range(1, len(row) + 1):
            if end < len(row) and levels[end] == levels[start] >= 0:
                continue
            x, level = tiles.x + start * wide, levels[start]
            size = (end - start) * wide
            drawn = f"M{n(x)} {n(top)}H{n(x + size)}V{n(top + tall)}H{n(x)}z"
            if level < 0:
                drawn = f"M{n(x)} {n(top + tall)}L{n(x + size)} {n(top)}"
            if level == BROKEN:
                drawn += f"M{n(x)} {n(top)}L{n(x + size)} {n(top + tall)}"
            by_shade.setdefault(level, []).append(drawn)
            start = end
    for level, paths in sorted(by_shade.items()):
        if level < 0:
            kind = "broken" if level == BROKEN else "missing"
            yield f'<path class="tile {kind}" d="{"".join(paths)}"/>'
            continue
        opacity = f"{FAINTEST + (1 - FAINTEST) * level / SHADES:.3f}"
        yield (
            f'<path class="tile {tiles.role}" fill-opacity="{opacity}" '
            f'shape-rendering="crispEdges" d="{"".join(paths)}"/>'
        )


def level_of(shade: float | None) -> int:
    """Return the step of grey that a shade is drawn in."""
    if shade is None:
        return MISSING
    return BROKEN if math.isnan(shade) else round(min(max(shade, 0.0), 1.0) * SHADES)
