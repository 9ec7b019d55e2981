"""Units of a network: which are alive, and where activations pass hardly any gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Array
from ..pages.vector.axes import SMALL, TITLE, WIDTH
from ..pages.vector.heat import HeatMap, heat_scene
from ..pages.vector.scene import Box, Item, Label, Part, Scene, Tiles
from ..pages.vector.words import paragraph
from ..traces.recording import Recording, Site
from .curves import names_of, nothing, of_site, some, trimmed
from .flow import MOST_ROWS, binned, listed
from .graph import Drawing

MOST_SITES = 8
LATE = 0.25  # of the windows: what a unit does at the end of the run
TILE = 13.0
FINE = 7.0  # a tile where there are many
MANY = 256


@dataclass(frozen=True, slots=True)
class Units:
    """How the units of one activation fared: in which share of the rows each was active, late.

    `never` were active in no recorded row at all, `died` were active once and not any more.
    """

    site: Site
    late: Array
    never: Array
    died: Array
    first: int
    last: int
    samples: int


def draw_units(
    recording: Recording, sites: Sequence[Site] = (), *, width: float = WIDTH
) -> Drawing:
    """Draw a map of the units of each activation: one tile a unit, darker the more it is active.

    A cross is a unit that was never active in the whole recording, a slash one that died. `sites`
    are those to draw, if not all activations.
    """
    title = "Alive and dead units"
    chosen = sites or tuple(recording.of_kind("activation"))
    known = [found for site in chosen if (found := fate(recording, site))]
    if not known:
        why = "No activity of units was recorded in this run: no activation with units was seen."
        return nothing(title, why, width)
    known.sort(key=lambda each: (-(each.site.attributes.get("distance") or 0), each.site.id))
    shown = known
    if len(known) > MOST_SITES:  # those with the most silent units
        silent = sorted(known, key=lambda each: -float(np.mean(each.never | each.died)))
        shown = [each for each in known if each in silent[:MOST_SITES]]
    names = trimmed(names_of([each.site for each in shown]))
    labels, y = paragraph(title, 0, 0, width, size=TITLE, role="value", bold=True)
    items: list[Item] = [*labels, *legend(y + 6, width)]
    y += 26 if width >= 500 else 43
    told = []
    for each, name in zip(shown, names, strict=True):
        words = said(each, name)
        told.append(words)
        lines, y = paragraph(words, 0, y + 6, width, size=SMALL, role="note")
        grid, end = grid_of(each, y + 4, width)
        items += [*lines, Part("", tuple(grid), tip=words)]
        y = end
    note = (
        "Active is a unit of a ReLU above 0, another where its derivative is over 5 % of the "
        "largest; of a convolution, a channel with any such position."
    )
    if len(known) > len(shown):
        note += f" {len(shown)} of {len(known)} activations: those with the most silent units."
    lines, y = paragraph(note, 0, y + 4, width, size=SMALL, role="note")
    part = Part("map-units", (*items, *lines))
    return Drawing(Scene(width, y, (part,), title, " ".join([*told, note])))


def fate(recording: Recording, site: Site) -> Units | None:
    """Return how the units of a site fared, None where nothing was counted."""
    windows = [window for window in recording.units(site) if window.samples]
    if not windows:
        return None
    late = windows[-max(1, math.ceil(len(windows) * LATE)) :]
    samples = sum(window.samples for window in late)
    active = sum((window.active for window in late), np.zeros_like(late[0].active))
    ever = sum((window.active for window in windows), np.zeros_like(late[0].active)) > 0
    return Units(
        site, active / samples, ~ever, ever & (active == 0), late[0].first, late[-1].last, samples
    )


def said(units: Units, name: str) -> str:
    """Say how the units of one activation fared."""
    count = units.late.size
    whole = units.site.attributes.get("units")
    of = f" (every {round(whole / count)}th of {whole:,})" if whole and whole > count else ""
    silent = [f"{int(units.never.sum())} never active"] if units.never.any() else []
    silent += [f"{int(units.died.sum())} died"] if units.died.any() else []
    fared = ", ".join(silent) or "all active"
    span = f"steps {units.first:,} to {units.last:,}, {units.samples:,} rows"
    return f"{name}: {count:,} units{of}, {fared} ({span})"


def legend(y: float, width: float) -> list[Item]:
    """Say what the shades and signs mean."""
    shades = tuple((i + 1) / 8 for i in range(8))
    items: list[Item] = [
        Label(0, y + 10, "active in 0 %", "axis", SMALL),
        Tiles(84, y, 80, 12, (shades,)),
        Box(84, y, 80, 12, "axis", 0),
        Label(169, y + 10, "100 % of rows", "axis", SMALL),
    ]
    x, y = (270.0, y) if width >= 500 else (0.0, y + 17)
    for text, sign in (("never active", math.nan), ("died", None)):
        items += [Tiles(x, y, 12, 12, ((sign,),)), Box(x, y, 12, 12, "axis", 0)]
        items.append(Label(x + 17, y + 10, text, "note", SMALL))
        x += 120
    return items


def grid_of(units: Units, y: float, width: float) -> tuple[list[Item], float]:
    """Draw the units of one activation as tiles, row after row."""
    count = units.late.size
    size = TILE if count <= MANY else FINE
    columns = min(count, 8 * int((width - 34) // (8 * size)))
    marks: list[float | None] = [
        math.nan if never else None if died else float(share)
        for share, never, died in zip(units.late, units.never, units.died, strict=True)
    ]
    items: list[Item] = []
    rows = math.ceil(count / columns)
    for row in range(rows):
        taken = tuple(marks[row * columns : (row + 1) * columns])
        items.append(Tiles(34, y, size * len(taken), size, (taken,)))
        items.append(Box(34, y, size * len(taken), size, "axis", 0))
        if row == 0 or size == TILE or row % 2 == 0:
            items.append(Label(29, y + size - 2.5, str(row * columns), "axis", 9, "end"))
        y += size
    return items, y + 6


def draw_saturation(recording: Recording, *, width: float = WIDTH) -> Drawing:
    """Draw in which share of its elements each activation passes under 5 % of its largest slope.

    Of ReLU and its kin the share of elements whose derivative is exactly 0: a half is healthy.
    """
    title = "Where activations pass hardly any gradient"
    sites = [
        site
        for site in recording.of_kind("activation")
        if "softmax" not in site.op and of_site(recording, site, "flat", "elements")
    ]
    if not sites:
        return nothing(title, "No elementwise activation was observed in this run.", width)
    sites.sort(key=lambda site: (-(site.attributes.get("distance") or 0), site.id))
    shown = sites
    if len(sites) > MOST_ROWS:
        by_share = sorted(sites, key=lambda site: -shut(recording, site)[-1][1])
        worst = by_share[: MOST_ROWS // 2]
        others = some([site for site in sites if site not in worst], MOST_ROWS - len(worst))
        shown = [site for site in sites if site in worst or site in others]
    measured = [shut(recording, site) for site in shown]
    numbers, low, high = binned(measured, width)
    names = [
        name if site.op in name else f"{name} {site.op}"
        for site, name in zip(shown, trimmed(names_of(shown)), strict=True)
    ]
    notes = []
    if any("relu" in site.op for site in shown):
        notes.append("Of ReLU and its kin: the share with derivative 0; a half is healthy.")
    if len(shown) < len(sites):
        notes.append(
            f"{len(shown)} of {len(sites)} activations are shown: those with the largest share at "
            "the end, and of the others some, evenly chosen."
        )
    last = listed(names, [row[-1] for row in numbers])
    heat = HeatMap(
        title,
        "step (backward passes)",
        tuple(names),
        numbers,
        low,
        high,
        "share of elements under 5 %",
        limits=(0.0, 1.0),
        missing="not observed",
        notes=tuple(notes),
        name="map-saturation",
        words=f"The share of elements under 5 % of the largest derivative, at the end: {last}.",
    )
    return Drawing(heat_scene(heat, width=width))


def shut(recording: Recording, site: Site) -> list[tuple[float, float]]:
    """Return the share of elements that pass hardly anything, over steps."""
    saturated = dict(of_site(recording, site, "saturated", "elements"))
    flat = dict(of_site(recording, site, "flat", "elements"))
    return [(step, max(share, saturated.get(step, 0.0))) for step, share in sorted(flat.items())]
