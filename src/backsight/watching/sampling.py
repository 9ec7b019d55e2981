"""Which steps to observe: all of the first ones, then as many as a budget of time allows.

The budget is *cumulative*: what all our work has cost so far, against all the time so far. It is
max(share of the run, a few seconds). The seconds are not spent at once but along a logarithm:
densely in the first moments, so that a short run is seen well, and never so fast that a long one
starves. Gaps are random, for a periodic one would always meet the same half of an alternating loop.
Whatever the budget says, one step is observed each time the run has grown by a twelfth: a hundred
in a million steps, and the end of a run is never unseen.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

FIRST = 20
SHARE = 0.05
SECONDS = 3.0
GROWTH = 1 / 12  # of the run, after which one step is observed in any case
LONGEST_GAP = 1000  # steps; one slow step must not blind us for the rest of the run
JUMP = 10.0  # times its usual size: then something happens that is worth seeing
ARMED = 3  # steps observed after a jump
MOST_JUMPS = 20  # in one run; what jumps all the time is no event


class Sampling:
    """Decide step by step. Tell it what was spent with `spent`."""

    def __init__(
        self,
        *,
        first: int = FIRST,
        share: float = SHARE,
        every_step: bool = False,
        steps: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.share = share
        self.first = first
        self.every_step = every_step
        self.limit = steps
        self.cost = 0.0
        self._clock = clock
        self._begun = clock()
        self._step_cost = 0.0  # of an observed step, a running mean
        self._cost_before = 0.0
        self._gap = 0
        self._milestone = first
        self._last = 0.0
        self._pace = 0.0  # seconds between steps, a running mean
        self._usual: dict[str, float] = {}
        self._armed = 0
        self._jumps = 0
        # Our own generator: the script's random numbers are its own.
        self._random = random.Random(0)

    def due(self, step: int) -> bool:
        """Tell whether to observe this step (they count from 1)."""
        now = self._clock()
        self._pace += 0.1 * (now - self._last - self._pace) if self._last else 0.0
        self._last = now
        if self.limit is not None and step > self.limit:
            return False
        if self.every_step or step <= self.first:
            return True
        if self.share > 0 and step >= self._milestone:
            self._milestone = step + 1 + int(step * GROWTH * (0.5 + self._random.random()))
            return True
        if self._armed > 0:
            self._armed -= 1
            return True
        if self._gap > 0:
            self._gap -= 1
            return False
        missing = self.cost + self._step_cost - self.allowed(now - self._begun)
        if missing <= 0:
            return True
        self._gap = self._drawn(missing, now - self._begun)
        return False

    def saw(self, name: str, value: float | None) -> None:
        """Look at a figure of a step, such as the loss; a jump has the next steps observed.

        A jump is a value ten times its running mean, or the first one that is not finite.
        """
        usual = self._usual.get(name)
        if value is None or (usual is not None and not math.isfinite(usual)):
            return
        size = abs(value)
        if usual is not None and not size <= JUMP * usual and self._jumps < MOST_JUMPS:
            self._jumps += 1
            self._armed = ARMED
        self._usual[name] = size if usual is None else usual + 0.1 * (size - usual)

    def spent(self, seconds: float) -> None:
        """Count time that we used, of whatever kind."""
        self.cost += seconds

    def observed(self) -> None:
        """Take note that a step was observed, and learn what that costs."""
        cost = self.cost - self._cost_before
        self._cost_before = self.cost
        self._step_cost = cost if not self._step_cost else 0.8 * self._step_cost + 0.2 * cost

    def overhead(self) -> float:
        """Return the share of our work in all the time so far."""
        return self.cost / max(self._clock() - self._begun, self.cost, 1e-9)

    def allowed(self, elapsed: float) -> float:
        """Return the seconds that we may have used by now."""
        if self.share <= 0:
            return 0.0
        full = SECONDS / self.share  # from here on the share rules
        if elapsed >= full:
            return self.share * elapsed
        return SECONDS * math.log1p(elapsed) / math.log1p(full)

    def _drawn(self, missing: float, elapsed: float) -> int:
        """Draw a gap, in steps, whose mean is the time until the missing seconds are there."""
        if self.share <= 0 or self._pace <= 0:
            return LONGEST_GAP
        growth = self.allowed(elapsed + 1.0) - self.allowed(elapsed)
        steps = missing / growth / self._pace
        return self._random.randint(0, round(min(2 * steps, LONGEST_GAP)))
