"""Whether gradients are cleared between two updates by hand, where no optimiser could be asked."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_LEAVES = 2  # who clears gradients clears them all


@dataclass(slots=True)
class Updated:
    """A leaf since its last update. `stamp` tells whether its gradient was written since."""

    leaf: weakref.ref[Any]
    stamp: Any
    cleared: bool


class Clearing:
    """The first leaves of a run that are updated by hand.

    `is_cleared(leaf)` tells whether a leaf has no gradient, or one of zeros, and `stamp(leaf)`
    gives what changes whenever its gradient is replaced or written to.
    """

    def __init__(self, is_cleared: Callable[[Any], bool], stamp: Callable[[Any], Any]) -> None:
        self.is_cleared = is_cleared
        self.stamp = stamp
        self._known: dict[int, Updated] = {}

    def look(self) -> None:
        """See before each pass what was cleared."""
        for known in self._known.values():
            leaf = known.leaf()
            known.cleared = known.cleared or leaf is None or self.is_cleared(leaf)

    def updated(self, leaf: Any) -> dict[str, float]:
        """Take note of an update by hand; return whether its gradient holds those before it, too.

        Nothing is returned of the first update, nor where no gradient was added to what was kept.
        """
        self._known = {i: each for i, each in self._known.items() if each.leaf() is not None}
        known, stamp = self._known.get(id(leaf)), self.stamp(leaf)
        if known is None and len(self._known) >= MOST_LEAVES:
            return {}
        self._known[id(leaf)] = Updated(weakref.ref(leaf), stamp, self.is_cleared(leaf))
        if known is None or (not known.cleared and known.stamp == stamp):
            return {}
        return {"kept": float(not known.cleared)}

    def forget(self) -> None:
        """Forget all: steps were let pass, and nobody saw what was done in them."""
        self._known.clear()
