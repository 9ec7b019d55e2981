"""Fewer steps of a long run, evenly chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Points: TypeAlias = Sequence[tuple[int, float]]
"""(step, value), in time order."""


def spread(steps: Sequence[int], most: int, wanted: Sequence[int] = ()) -> list[int]:
    """Return at most about `most` of the steps, evenly, with both ends and those that are wanted.

    A wanted step that is not among them is left out.
    """
    known = set(steps)
    chosen = {step for step in wanted if step in known}
    count = min(most, len(steps))
    if count == 1:
        chosen.add(steps[-1])
    elif count:
        chosen |= {steps[i * (len(steps) - 1) // (count - 1)] for i in range(count)}
    return sorted(chosen)
