"""From numbers to places on an axis: linear and logarithmic scales, round ticks, short labels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
SHELF = 16.0
"""Room below a logarithmic scale for what has no logarithm: zeros."""
MOST_DECADES = 60  # of a logarithmic scale; smaller numbers stand on its shelf


@dataclass(frozen=True, slots=True)
class Tick:
    """A marked place of an axis, with its label ("" for a small tick between others)."""

    place: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps numbers from `low` to `high` to places from `start` to `end`.

    On a logarithmic scale with a `shelf`, numbers of 0 and below stand at `start`, apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    shelf: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a number; of one beyond the ends, the end."""
        begin = self.begin
        if self.log:
            if value <= 0:
                return self.start
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return begin + (self.end - begin) * min(max(share, 0.0), 1.0)

    @property
    def begin(self) -> float:
        """The place of `low`."""
        return self.start + math.copysign(SHELF, self.end - self.start) * self.shelf

    def ticks(self, most: int, *, whole: bool = False) -> tuple[Tick, ...]:
        """Return round numbers within the scale, `most` or fewer; with `whole` no fractions."""
        numbers = self.decades(most) if self.log else rounds(self.low, self.high, most)
        if whole:
            numbers = [pair for pair in numbers if pair[0] == round(pair[0])]
        found = [Tick(self(value), label) for value, label in numbers]
        return (Tick(self.start, "0"), *found) if self.shelf else tuple(found)

    def decades(self, most: int) -> list[tuple[float, str]]:
        """Return powers of ten; of a short scale 2 and 5 too, of a very short one round numbers."""
        first, last = math.log10(self.low), math.log10(self.high)
        inside = range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)
        if last - first < 0.7 or not inside:
            return rounds(self.low, self.high, most)
        if len(inside) <= 2:
            several = [
                digit * 10.0**power
                for power in range(math.floor(first), math.ceil(last) + 1)
                for digit in (1, 2, 5)
            ]
            return [(v, label(v)) for v in several if self.low <= v <= self.high]
        every = math.ceil(len(inside) / most)
        return [(10.0**p, label(10.0**p)) for p in inside if p % every == 0]


def scale_for(
    values: Iterable[float], start: float, end: float, *, log: bool = False, pad: float = 0.0
) -> Scale:
    """Return the scale that holds all finite numbers, with `pad` (a share) to spare at both ends.

    A logarithmic one has a shelf where there are zeros, and is linear where nothing is positive.
    """
    finite = [float(v) for v in values if math.isfinite(v)]
    positive = [v for v in finite if v > 0]
    if log and positive:
        shelf = len(positive) < len(finite)
        high = max(positive)
        floor = math.log10(high) - MOST_DECADES
        low = max(min(positive), 10.0**floor if floor > -300 else 1e-300)
        shelf = shelf or low > min(positive)
        wide = max(math.log10(high / low), 0.0)
        room = max(wide * pad, 0.15 if wide < 0.1 else 0.0)
        low = max(low * 10.0**-room, 1e-307)
        high = high * 10.0**room if math.log10(high) + room < 308 else high
        return Scale(low, high, start, end, log=True, shelf=shelf)
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if not math.isfinite(high - low):
        low, high = low / 4, high / 4
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        room = abs(low) * 0.1 or 1.0
        return Scale(low - room, high + room, start, end)
    room = (high - low) * pad
    return Scale(low - room, high + room, start, end)


def rounds(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Return the round numbers from low to high, `most` or fewer, with labels of equal decimals.

    >>> rounds(0.0, 1.0, 6)
    [(0.0, '0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6'), (0.8, '0.8'), (1.0, '1')]
    """
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / max(most, 1)))
    for step in (power * r for r in (*ROUND, 20.0, 50.0, 100.0)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= max(most, 2):
            break
    found = [i * step for i in range(first, last + 1)]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += abs(step * 10**digits - round(step * 10**digits)) > 1e-6
    values = [round(v, digits) if digits < 300 else v for v in found]
    return [(v, label(v, digits)) for v in values]


def label(value: float, digits: int | None = None) -> str:
    """Write the label of a tick: plain where that is short, else with a power of ten.

    >>> label(0.25), label(12000.0), label(1e-6), label(2.5e7), label(-0.0)
    ('0.25', '12,000', '1e−6', '2.5e7', '0')
    """
    size = abs(value)
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if 1e-3 <= size < 1e6:
        text = f"{value:,.6g}" if digits is None else f"{value:,.{digits}f}"
        plain = text.rstrip("0").rstrip(".") if "." in text else text
        return plain.replace("-", "−")
    mantissa, _, power = f"{value:.6e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(power)}".replace("-", "−")


def brief(value: float) -> str:
    """Write a number in a sentence or at the end of a line: three digits."""
    if not math.isfinite(value):
        return str(value).replace("-", "−").replace("inf", "∞")
    return label(float(f"{value:.3g}"))
