"""The cases of the clinic: programs kept as data, with what is known about them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError

PROGRAMS = Path(__file__).parent / "programs"
HEADER = re.compile(r"(?:# (?:mypy|ruff): .*\n)*")
"""Comments for the tools that look after this repository; a user's program has none."""


@dataclass(frozen=True, slots=True)
class Case:
    """A leak and its cure.

    `seed` says in a sentence what is told of it in the literature, `explanation` what goes wrong in
    the backward pass. Any of `codes` names the leak, the best name first. `figure` (`loss` or
    `return`) is what a program prints in its last line, measured anew each time.
    """

    name: str
    title: str
    seed: str
    explanation: str
    codes: tuple[str, ...]
    figure: str
    order: int
    folder: Path = field(repr=False)

    def program(self, state: str, framework: str) -> str:
        """Return the source of a program: `sick` or `cured`, for `backsight` or `torch`."""
        source = (self.folder / file_name(state, framework)).read_text(encoding="utf-8")
        return HEADER.sub("", source, count=1)


def file_name(state: str, framework: str) -> str:
    """Return the name of a program's file."""
    return f"{state}_{framework}.py"


def all_cases() -> tuple[Case, ...]:
    """Return every case, in the order in which they are best read."""
    found = (load_case(file.parent) for file in PROGRAMS.glob("*/case.toml"))
    return tuple(sorted(found, key=lambda case: case.order))


def load_case(folder: Path) -> Case:
    """Read a case from its folder."""
    known = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    return Case(
        name=folder.name.replace("_", "-"),
        title=known["title"],
        seed=known["seed"],
        explanation=known["explanation"],
        codes=tuple(known["codes"]),
        figure=known["figure"],
        order=known["order"],
        folder=folder,
    )


def find_case(name: str) -> Case:
    """Return the case of that name. Raises UsageError, with the names, where there is none."""
    wanted = name.strip().lower().replace("_", "-")
    cases = all_cases()
    for case in cases:
        if case.name == wanted:
            return case
    known = ", ".join(case.name for case in cases)
    raise UsageError(f"the clinic has no case {name!r}; it has {known}")
