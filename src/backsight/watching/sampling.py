"""Which steps to observe: all of the first ones, then as many as a budget of time allows.

The budget is *cumulative*: what all our work has cost so far, against all the time so far. It is
max(share of the run, a few seconds), and it is kept whatever the steps cost: it may be overrun by
one step that turns out dearer than those before it, no more. The seconds are not spent at once but
along a logarithm: densely in the first moments, so that a short run is seen well, and never so fast
that a long one starves. Gaps are random, for a periodic one would always meet the same half of an
alternating loop. Within the budget one step is observed each time the run has grown by a twelfth: a
hundred in a million steps, and the end of a run is not unseen.

Even a step that is not observed costs a little: its loss, its learning rate, the norm of its
gradients. Where steps are so short that this alone would take more than half of the budget, blocks
of steps are *let pass*: counted, and not recorded, unless their loss jumps.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

FIRST = 20
ALWAYS = 10  # of these, observed whatever one of them may cost, until the seconds are used up
SHARE = 0.05
SECONDS = 3.0
IDLE = 0.5  # of the budget, for steps that are not observed
NEARLY = 0.9  # of the budget is used: then only half of what is added to it goes to such steps
GROWTH = 1 / 12  # of the run, after which one step is observed if the budget allows it at all
LONGEST_GAP = 1000  # steps; one slow step must not blind us for the rest of the run
JUMP = 10.0  # times its usual size: then something happens that is worth seeing
ARMED = 3  # steps observed after a jump
MOST_JUMPS = 20  # in one run; what jumps all the time is no event
NEGLIGIBLE = 0.1  # of the budget; for so little nothing is let pass
LATER = 0.3  # of the first observation, in which much is done once and for all
BLOCK = 8  # steps recorded in a row, so that what follows what is known
LONGEST_REST = 2000  # steps let pass in a row
CALL = 1e-6  # seconds that each of our calls takes beyond what it measures itself
PASSING = 1.5e-6  # seconds that a step takes which is let pass


class Sampling:
    """Decide step by step, by `passes` and then `due`. Tell it what was spent with `spent`."""

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
        self.next = 0  # the step of the next decision; those before it are not observed
        self.pace = 0.0  # seconds of the script's own from step to step, a running mean
        self.scarce = False  # whether steps that are not observed have used up their part
        self._clock = clock
        self._begun = self._then = clock()
        self._at = 0  # the step of the last decision
        self._milestone = first
        self._armed = 0
        self._jumps = 0
        self._usual: dict[str, float] = {}
        self._alarm: float | None = None  # a loss beyond it is a jump
        self._observing = False
        self._step_cost = 0.0  # of an observed step
        self._mark = 0.0  # the cost at the last decision
        self._aside = 0.0  # seconds that will be counted, and belong to no step
        self._idle = 0  # recorded steps since, which were not observed
        self._idle_cost = 0.0  # of all such steps so far
        self._idle_each = 0.0  # of one, a running mean
        self._unused = 0.0  # seconds of the budget that have lapsed
        self._block = 0  # recorded steps until the next rest; 0 for no rest at all
        self._length = 0  # of a rest
        self._rest = 0  # steps still to let pass
        # Our own generator: the script's random numbers are its own.
        self._random = random.Random(0)

    @property
    def resting(self) -> bool:
        """Whether the next step is to be let pass, unless its loss jumps."""
        return self._rest > 0

    def passes(self, loss: float | None) -> bool:
        """Tell whether to let a step pass, counted but not recorded; then do not ask `due`."""
        if self._rest <= 0:
            return False
        alarm = self._alarm
        if alarm is not None and loss is not None and not -alarm < loss < alarm:
            self._rest = 0
            return False
        self._rest -= 1
        self.cost += PASSING
        self._mark += PASSING
        self._idle_cost += PASSING
        return True

    def due(self, step: int) -> bool:
        """Tell whether to observe this step (they count from 1)."""
        if step >= self.next:
            now = self._clock()
            self._account(step, now)
            observe = self._decided(step, now - self._begun)
            self._observing = observe
            if observe:
                return True
            self._plan_rests(now - self._begun)
        self._idle += 1
        # Never right after an observed step: it is complete only when the next one begins.
        if self._block > 0:
            self._block -= 1
            if self._block == 0:
                self._rest = self._random.randint(0, self._length)
                self._block = BLOCK
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
            self.next = 0
        usual = self._usual[name] = size if usual is None else usual + 0.1 * (size - usual)
        if name == "loss":
            watched = self._jumps < MOST_JUMPS and math.isfinite(usual)
            self._alarm = JUMP * usual if watched else None

    def spent(self, seconds: float) -> None:
        """Count time that we used, of whatever kind."""
        self.cost += seconds + CALL
        if self._aside:
            self._mark += min(self._aside, seconds)
            self._aside = max(self._aside - seconds, 0.0)

    def apart(self, seconds: float) -> None:
        """Say that so many of the seconds that are about to be counted belong to no step."""
        self._aside += seconds

    def overhead(self) -> float:
        """Return the share of our work in all the time so far."""
        return self.cost / max(self._clock() - self._begun, self.cost, 1e-9)

    def allowed(self, elapsed: float) -> float:
        """Return the seconds that we may have used by now, to have some left for later."""
        if self.share <= 0:
            return 0.0
        full = SECONDS / self.share  # from here on the share rules
        if elapsed >= full:
            return self.share * elapsed
        return SECONDS * math.log1p(elapsed) / math.log1p(full)

    def _account(self, step: int, now: float) -> None:
        """Learn from what has happened since the last decision."""
        spent, self._mark = self.cost - self._mark, self.cost
        if self._observing:  # what came after it, until now, was about that step
            known = self._step_cost
            self._step_cost = max(spent, 0.8 * known + 0.2 * spent) if known else LATER * spent
        elif self._idle > 0:
            self._idle_cost += spent
            each = spent / self._idle
            self._idle_each = 0.7 * self._idle_each + 0.3 * each if self._idle_each else each
        self._idle = 0
        if step > self._at:
            pace = max(now - self._then - spent, 0.0) / (step - self._at)
            self.pace = 0.5 * self.pace + 0.5 * pace if self.pace else pace
            self._at, self._then = step, now
        # Seconds that nobody used while the script did something else are not saved up: they would
        # be spent in one burst.
        unused = self.allowed(now - self._begun) - self._unused - self.cost - SECONDS
        self._unused += max(0.0, unused)

    def _decided(self, step: int, elapsed: float) -> bool:
        """Decide on a step; where it is not observed, plan when to think again."""
        self.next = step + 1
        if self.limit is not None and step > self.limit:
            self.next = step + LONGEST_GAP
            return False
        if self.every_step:
            return True
        if step <= min(ALWAYS, self.first) and self.cost <= self._most(elapsed):
            return True
        expected = self.cost + self._step_cost
        if expected <= self._most(elapsed):
            if step <= self.first:
                return True
            if self.share > 0 and step >= self._milestone:
                self._milestone = step + 1 + int(step * GROWTH * (0.5 + self._random.random()))
                return True
            if self._armed > 0:
                self._armed -= 1
                return True
        missing = expected + self._unused - self.allowed(elapsed)
        if missing <= 0:
            return True
        self.next = step + 1 + self._drawn(missing, elapsed)
        if self._milestone > step:
            self.next = min(self.next, self._milestone)
        return False

    def _most(self, elapsed: float) -> float:
        """Return the seconds that we may have used by now at the very most."""
        return max(self.share * elapsed, SECONDS)

    def _drawn(self, missing: float, elapsed: float) -> int:
        """Draw a gap, in steps, whose mean is the time until the missing seconds are there."""
        if self.share <= 0 or self.pace <= 0:
            return LONGEST_GAP
        growth = self.allowed(elapsed + 1.0) - self.allowed(elapsed)  # in a second
        steps = missing / growth / self.pace
        return self._random.randint(0, round(min(2 * steps, LONGEST_GAP)))

    def _growth(self, elapsed: float) -> float:
        """Return the seconds that we may use in a second, now."""
        return self.allowed(elapsed + 1.0) - self.allowed(elapsed)

    def _plan_rests(self, elapsed: float) -> None:
        """Let steps pass if those that are not observed have used up their part, or all is used."""
        most = self._most(elapsed)
        self._length, block = 0, 0
        self.scarce = self._idle_cost > IDLE * most or self.cost > NEARLY * most
        if self.scarce and self._idle_each > NEGLIGIBLE * self.share * self.pace:
            free = IDLE * self.share * self.pace - PASSING if self.cost < most else 0.0
            recorded = free / max(self._idle_each, PASSING)  # the part of all steps
            if recorded < 1 and not self.every_step:
                self._length = round(min(2 * BLOCK * (1 / max(recorded, 1e-6) - 1), LONGEST_REST))
                block = BLOCK
        if not block or not self._block:
            self._block = block
