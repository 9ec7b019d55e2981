"""Numbers as the report writes them, in words and as data."""

from __future__ import annotations

import math

from ..pages.vector.scales import brief


def told(value: float | None, *, share: bool = False) -> str:
    """Write a figure of any size: `0.31`, `2.4e−6`, `1,300`, `87 %`; a dash where there is none."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if share and math.isfinite(value) and not 0 < value < 0.01:
        return f"{100 * value:.0f} %"
    return brief(value)


def plain(value: float | None) -> float | str | None:
    """Return a figure as JSON holds it: four digits, and words for what is not finite."""
    if value is None or math.isfinite(value):
        return None if value is None else float(f"{value:.4g}")
    return told(value)
