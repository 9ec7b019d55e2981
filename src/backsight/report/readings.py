"""The numbers behind the slider: for each step at which it stops, what was measured then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..traces.recording import Recording
from .numbers import plain
from .thinning import Points, spread

MOST_STOPS = 400
LEAST_STOPS = 40
MOST_NUMBERS = 60_000  # in one report: some 400 kB


class Readings:
    """Series of numbers, one for every stop, each under a key that elements of the report name."""

    def __init__(self, stops: Iterable[int]) -> None:
        self.stops = list(stops)
        self.series: dict[str, list[Any]] = {}
        self.shares: list[str] = []

    def add(self, points: Points, *, share: bool = False) -> str:
        """Keep what of a series belongs to the stops; return its key."""
        key = f"r{len(self.series)}"
        known = dict(points)
        self.series[key] = [plain(known.get(step)) for step in self.stops]
        if share:
            self.shares.append(key)
        return key

    def to_json(self) -> str:
        """Return the data for the script, in a form that can stand in an HTML element."""
        data = {"steps": self.stops, "series": self.series, "shares": self.shares}
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def stops_of(recording: Recording, series: int, wanted: Iterable[int]) -> list[int]:
    """Return the steps at which the slider stops, so few that `series` series are not too much.

    They are observed steps, of which the most is known; of a run without any, all steps. `wanted`
    are those that findings speak of.
    """
    most = min(MOST_STOPS, max(LEAST_STOPS, MOST_NUMBERS // max(series, 1)))
    seen = Counter(probe.step for site in recording.sites for probe in recording.probes(site))
    full = max(seen.values(), default=0)
    steps = sorted(step for step, count in seen.items() if 2 * count >= full)
    every = steps or [step.number for step in recording.steps]
    return spread(every, most, [step for step in wanted if step in seen])
