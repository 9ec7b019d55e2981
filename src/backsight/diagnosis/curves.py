"""What the curve of the loss says: whether it is flat, and whether anything was learned."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..traces.recording import Recording

WINDOW = 50


@dataclass(frozen=True, slots=True)
class Flat:
    """A loss that has stopped falling: since which step, where it stands, and where it began.

    `stuck` if it has never fallen by a tenth: then the run has learned nothing, while a run that
    has converged is flat, too.
    """

    first: int
    last: int
    began: float
    stands: float
    slope: float
    stuck: bool


def losses(recording: Recording) -> list[tuple[int, float]]:
    """Return (step, loss) where the loss is known; it may be NaN or infinite."""
    return [(step.number, step.loss) for step in recording.steps if step.loss is not None]


def flat(recording: Recording, *, window: int = WINDOW, slope: float = 0.01) -> Flat | None:
    """Return how the loss is flat at the end of the run, None if it is not.

    Flat: over the last `window` steps it changes by less than the share `slope`, or than the noise
    of single steps explains, and its running mean has no new minimum that is lower by more.
    """
    curve = [pair for pair in losses(recording) if math.isfinite(pair[1])]
    if len(curve) < window + 10:
        return None
    values = [value for _, value in curve]
    recent, before = values[-window:], values[:-window]
    half = window // 2
    early, late = statistics.fmean(recent[:half]), statistics.fmean(recent[half:])
    scale = max(abs(early), abs(late))
    change = 2 * (early - late) / scale if scale > 0 else 0.0
    # Batches differ: a change must be seen against the noise, which is what jumps from step to
    # step.
    jumps = [abs(after - value) for value, after in pairwise(recent)]
    noise = statistics.median(jumps) / scale if scale > 0 else 0.0
    lowest = (min(means(before)) - min(means(recent))) / scale if scale > 0 else 0.0
    if abs(change) >= max(slope, 4 * noise / half**0.5) or lowest > max(slope, noise):
        return None
    began, stands = statistics.median(values[:10]), statistics.median(recent)
    stuck = stands > began - 0.1 * abs(began)
    return Flat(curve[-window][0], curve[-1][0], began, stands, change, stuck)


def still_falls(recording: Recording, *, window: int = WINDOW) -> bool:
    """Tell whether the loss fell by a tenth over the run and is not flat: the network learns."""
    values = [value for _, value in losses(recording) if math.isfinite(value)]
    if len(values) < window + 10 or flat(recording) is not None:
        return False
    began, stands = statistics.median(values[:10]), statistics.median(values[-window:])
    return stands <= began - 0.1 * abs(began)


def means(values: Sequence[float], count: int = 10) -> list[float]:
    """Return the running means over `count` values; the mean of all where there are fewer."""
    if len(values) <= count:
        return [statistics.fmean(values)]
    return [
        statistics.fmean(values[start : start + count]) for start in range(len(values) - count + 1)
    ]


def worse_than_at_start(recording: Recording, *, at_least: int = 20) -> tuple[float, float] | None:
    """Return (loss at the start, loss in the last quarter) if it has not fallen, else None.

    A loss that is not finite any more counts as infinite, if it had grown before: what jumps to NaN
    out of the blue is another story.
    """
    values = [value for _, value in losses(recording)]
    if len(values) < at_least or not math.isfinite(values[0]):
        return None
    finite = [value if math.isfinite(value) else math.inf for value in values]
    sound = next((i for i, value in enumerate(finite) if math.isinf(value)), len(finite))
    few = min(max(1, sound // 3), max(3, len(finite) // 10), 10)
    began, stands = statistics.median(finite[:few]), statistics.median(finite[-len(finite) // 4 :])
    if math.isinf(stands):
        known = [value for value in finite if math.isfinite(value)]
        if known[-1] <= began:
            return None
    return (began, stands) if stands >= began else None
