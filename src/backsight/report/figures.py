"""Pictures within the report, and what the slider shows beside them."""

from __future__ import annotations

from ..pages.html import words
from ..pages.vector.scene import Scene
from ..pages.vector.svg import STYLE, to_svg
from .curves import MOST_CURVES, Chart, chart_scene
from .numbers import told
from .readings import Readings

OWN_STYLE = f"<style>{STYLE}</style>\n"


def picture(scene: Scene) -> str:
    """Write a picture without its style, which the document has once for all of them."""
    return to_svg(scene).replace(OWN_STYLE, "", 1)


def figure(scene: Scene, *, steps: bool = True) -> str:
    """Write a picture as a figure; over steps, the slider has its marker in it."""
    kind = ' class="steps"' if steps else ""
    return f"<figure{kind}>{picture(scene)}</figure>"


def chart_figure(chart: Chart, readings: Readings) -> str:
    """Write a chart with its legend; the slider moves a marker in it and shows the numbers."""
    entries = []
    for curve in chart.curves[:MOST_CURVES]:
        key = readings.add(curve.points, share=chart.share)
        value = told(curve.points[-1][1] if curve.points else None, share=chart.share)
        shown = f'<b data-reading="{key}">{value}</b>'
        entries.append(f"<li>{words(curve.name)} {shown}</li>")
    return (
        f'<figure class="steps">{picture(chart_scene(chart))}'
        f"<figcaption>At the step shown: <ul>{''.join(entries)}</ul></figcaption></figure>"
    )
