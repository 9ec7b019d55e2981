"""The probes of one run of PyTorch: its sites, its parameters, and what happens once in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...traces.recording import Site
from .arrays import unseen
from .calls import CallLog, Place
from .entry import Backward, scale_of
from .graph import walk
from .passes import Pass
from .places import of_user
from .sites.births import Table, birth_of, described
from .structure import Structure
from .through_time.recurrences import History
from .updates.construction import variable_of
from .updates.parameters import Record
from .updates.run import Updates

MOST_SITES = 2_000


class TorchProbes:
    """Make the probes of many passes of one run; `add_site` gives a new site its number.

    `fail` is told what goes wrong inside a pass, `spend` the seconds that its hooks took, and
    `record` takes what is known of a parameter only after its update.
    """

    def __init__(
        self,
        add_site: Callable[[Site], int],
        record: Record,
        fail: Callable[[Exception], None],
        spend: Callable[[float], None],
    ) -> None:
        self.add_site = add_site
        self.fail = fail
        self.spend = spend
        self.updates = Updates(self.find, record, fail)
        self.parameters = self.updates.parameters
        self.table = Table()
        self.recurrences = History()
        self.phase = 0
        self.broken = False
        self._sites: dict[Any, int] = {}
        self._codes: dict[int, Any] = {}  # holding a code object keeps its id from being used again

    def begin(self, step: int, call: Backward, log: CallLog) -> Pass:
        """Begin to observe one pass."""
        self.phase += 1
        return Pass(self, step, call, log)

    def birth(self, step: int, call: Backward, log: CallLog) -> dict[str, Any] | None:
        """Return where a loss that is not finite was born; None if that cannot be told, or was."""
        if self.broken:
            return None
        with unseen():
            if scale_of(call.roots[0]) != 1.0:
                return None  # a scaled loss may overflow: that is how a GradScaler finds its scale
            self.broken = True
            structure = Structure(walk(call.roots))
            self.parameters.names.look(structure.graph.leaves)
            found = birth_of(structure, call.roots[0])
            if found is None:
                return None
            place = None
            if found.serial > 0:
                number = structure.graph.nodes[found.serial - 1]._sequence_nr()
                place = log.find(number) or self.table.find(structure.graph, found.serial)
            name, kind = "", ""
            if found.leaf is not None:
                name, kind = self.parameters.names.of(found.leaf), "parameter"
            elif found.data is not None:
                name, kind = variable_of(found.data), "input"
            return {
                "step": step,
                **described(found.phase, found.op, found.figures, place, name, kind),
                "sure": found.sure,
            }

    def find(self, key: Any, make: Callable[[], Site]) -> int | None:
        """Return the number of a site, made on first need; None if there are too many already."""
        known = self._sites.get(key)
        if known is None and len(self._sites) < MOST_SITES:
            known = self._sites[key] = self.add_site(make())
        return known

    def knows(self, key: Any) -> bool:
        """Tell whether a site has been made."""
        return key in self._sites

    def module_of(self, place: Place | None) -> str:
        """Return the name of the module in whose call a place lies, "" where there is none."""
        module = place.module() if place is not None and place.module is not None else None
        if module is None:
            return ""
        self.parameters.names.look([module])
        return self.parameters.names.of(module)

    def key_of(self, place: Place | None) -> tuple[int, int]:
        """Return what stands for a place in keys."""
        code, lasti = of_user(place) or (None, 0)
        self._codes[id(code)] = code
        return id(code), lasti
