"""The map of a layer's units: which were active, how often, in each stretch of the run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..pages.html import words
from ..pages.vector.scene import Item, Label, Scene, Tiles
from ..pictures.units import draw_units
from ..traces.recording import Recording, Site
from .evidence import name_of
from .figures import figure, picture

MOST_MAPS = 24
MOST_TILES = 12_000  # in all maps together: some 250 kB
MOST_EACH = 6_000  # units in all layers, up to which each has a tile of its own
MOST_UNITS = 96  # rows of one map
WIDTH, LEFT, TOP = 380.0, 8.0, 20.0
SMALL = 10.0


def mapped(recording: Recording) -> list[Site]:
    """Return the layers whose units were counted, those with most idle units first."""
    sites = [
        site for site in recording.sites if len(recording.units(site)) and size(recording, site)
    ]
    return sorted(sites, key=lambda site: -idle(recording, site))


def size(recording: Recording, site: Site) -> int:
    """Return how many units a layer has."""
    return len(recording.units(site)[-1].active)


def idle(recording: Recording, site: Site) -> float:
    """Return the share of units without an active sample in the last stretch."""
    return float(np.mean(recording.units(site)[-1].active == 0))


def map_lines(recording: Recording) -> Iterator[str]:
    """Yield a map for each layer, as many as there is room for."""
    sites = mapped(recording)
    if not sites:
        return
    shown = sites[:MOST_MAPS]
    rows = max(8, min(MOST_UNITS, MOST_TILES // (32 * len(shown))))
    yield (
        '<p class="prose">In the maps over the run: one row a unit, the most active above; from '
        "left to right the run. Full: active on every sample, empty: on none.</p>"
    )
    yield '<div class="grid">'
    if sum(size(recording, site) for site in sites) <= MOST_EACH:
        yield figure(draw_units(recording, width=WIDTH).scene, steps=False)
    for site in shown:
        scene = map_scene(recording, site, rows)
        yield f"<figure>{picture(scene)}<figcaption>{words(scene.title)}</figcaption></figure>"
    yield "</div>"
    if len(sites) > len(shown):
        yield f'<p class="prose">{len(sites) - len(shown)} more layers are not shown.</p>'


def map_scene(recording: Recording, site: Site, most: int) -> Scene:
    """Draw the map of one layer; of more than `most` units an even choice, in order of activity."""
    windows = recording.units(site)
    shares = np.stack([w.active / max(w.samples, 1) for w in windows], axis=1)  # (units, windows)
    order = np.argsort(-shares.mean(axis=1), kind="stable")
    count = len(order)
    chosen = order[np.linspace(0, count - 1, min(most, count)).astype(int)]
    rows = tuple(tuple(float(v) for v in shares[unit]) for unit in chosen)
    tall = max(24.0, min(len(rows) * 6.0, 190.0))
    kind = "in range" if site.kind == "clamp" else "active"
    off = int(np.sum(windows[-1].active == 0))
    name = f"{name_of(site)} ({site.op})" if name_of(site) != site.op else site.op
    sample = f", {len(rows)} of them shown" if len(rows) < count else ""
    title = f"{name}: {off} of {count} units never {kind} in the last stretch{sample}"
    steps = f"steps {windows[0].first:,} to {windows[-1].last:,}"
    items: tuple[Item, ...] = (
        Tiles(LEFT, TOP, WIDTH - 2 * LEFT, tall, rows),
        Label(LEFT, TOP - 6, f"{count} units", "axis", SMALL, inside=True),
        Label(WIDTH - LEFT, TOP - 6, steps, "axis", SMALL, "end", inside=True),
    )
    words = (
        f"{title}. At the beginning it was {int(np.sum(windows[0].active == 0))}. "
        f"{len(windows)} stretches, {steps}."
    )
    return Scene(WIDTH, TOP + tall + 4, items, title, words)
