"""A scene as SVG: one self-contained text, the same for the same scene, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from .scene import Bars, Box, Item, Label, Line, Part, Scene

MARGIN = 12.0

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
.bs text.local,.bs text.note,.bs text.axis{fill:var(--soft)}
.bs text.local{font-style:italic}
.bs text.problem{fill:var(--hot)}
.bs .bars{fill:var(--ink)}
.bs .bars.gradient{fill:var(--grad)}
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
            yield (
                f'<path class="line {item.role}{dashed}" d="{path(item)}"{ending("path", item.tip)}'
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
        case Part():
            yield f'<g id="{escape(item.name, quote=True)}">{tip(item.tip)}'
            for each in item.items:
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
