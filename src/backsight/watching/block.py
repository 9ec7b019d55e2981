"""Watch a piece of code: `with watch() as w: …`, then `w.diagnosis`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from .engine import watch_engine
from .run import diagnosed
from .sampling import SHARE, Sampling
from .session import Session
from .torch import watch_torch

if TYPE_CHECKING:
    from ..diagnosis import Diagnosis


class watch:
    """Watch the training inside the block; afterwards `.diagnosis` holds what was found.

    >>> with watch() as w:
    ...     train()
    >>> print(w.diagnosis.page())

    `recording` names the file to keep; without it there is none. `every_step` observes all steps,
    whatever that costs; `budget` is the share of the run's time that watching may take (though
    always 3 s); after `steps` steps nothing more is observed.
    """

    def __init__(
        self,
        recording: str | Path | None = None,
        *,
        every_step: bool = False,
        budget: float = SHARE,
        steps: int | None = None,
    ) -> None:
        self.path = Path(recording) if recording is not None else None
        self._sampling = {"every_step": every_step, "share": budget, "steps": steps}
        self._session: Session | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._diagnosis: Diagnosis | None = None

    @property
    def diagnosis(self) -> Diagnosis:
        """What was found. Raises UsageError before the block has ended."""
        if self._diagnosis is None:
            raise UsageError("watch: the diagnosis is there when the block has ended")
        return self._diagnosis

    def __enter__(self) -> watch:
        if self._session is not None:
            raise UsageError(
                "watch: this object has been used already; make a new one for each block"
            )
        place = self.path
        if place is None:
            self._folder = tempfile.TemporaryDirectory(prefix="backsight-")
            place = Path(self._folder.name) / "block.bsr"
        options: dict[str, Any] = self._sampling
        self._session = Session(
            place.absolute(),
            script=os.path.basename(sys.argv[0]) if sys.argv else "",  # noqa: PTH119
            sampling=Sampling(**options),
            explicit=True,
        )
        watch_engine(self._session)
        watch_torch(self._session)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session = self._session
        assert session is not None
        session.finish(None)
        try:
            self._diagnosis = diagnosed(session, None)
        except Exception:
            if error is None:  # else the user's own error is the one to see
                raise
        if self._folder is not None:
            self._folder.cleanup()
