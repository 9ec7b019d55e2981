"""A rule: a function from a recording to findings, with a code, a name and a docstring.

The docstring is the documentation: `backsight explain` prints it, the docs show it, and a test runs
its two programs. Its parts are, in this order,

    a sentence that says what is wrong
    prose: why it matters, what exactly is measured
    `Fires on::`    a short program in which it fires
    `Silent on::`   its cured twin
    `What helps:`   a sentence or two
    `Source:`       where the definition or its threshold comes from

The programs run with `np`, `bs` (backsight) and `rng` (a NumPy generator) at hand.

Other packages add rules through the entry point group `backsight.rules`: each entry names a module
whose import registers them, or a function that does.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from typing import Any

from ..errors import UsageError
from ..traces.findings import Finding
from ..traces.recording import Recording
from .observations import holds

Check = Callable[..., Iterator[Finding]]

RULES: dict[str, Rule] = {}
"""Every rule by code. `all_rules()` fills it by walking the folder `rules/`."""

GROUP = "backsight.rules"
_loaded: dict[str, str] = {}
"""Entry points that were loaded, with what went wrong with them, "" if nothing did."""


class Rule:
    """A check of a recording. Call it with a recording; keywords change its thresholds.

    `reads` names what it needs of a recording, in the words of `holds` (observations.py): without
    that it has nothing to say. A rule that `supports` others never gives a verdict of its own: what
    it finds is listed under the findings that it helps to explain.
    """

    def __init__(
        self, code: str, name: str, check: Check, reads: tuple[str, ...], *, supports: bool = False
    ) -> None:
        self.code = code
        self.name = name
        self.check = check
        self.reads = reads
        self.supports = supports
        self.__doc__ = inspect.cleandoc(check.__doc__ or "")

    def __call__(self, recording: Recording, **thresholds: Any) -> tuple[Finding, ...]:
        """Apply the rule. Raises UsageError for a threshold that it does not have."""
        self.check_names(thresholds)
        return tuple(
            dataclasses.replace(finding, code=self.code, rule=self.name)
            for finding in self.check(recording, **thresholds)
        )

    def applies_to(self, recording: Recording) -> bool:
        """Tell whether the recording holds anything that the rule could judge."""
        return any(holds(recording, what) for what in self.reads)

    def __repr__(self) -> str:
        return f"<rule {self.code} {self.name}>"

    def check_names(self, thresholds: Iterable[str]) -> None:
        """Raise UsageError for a threshold that the rule does not have."""
        unknown = sorted(set(thresholds) - self.thresholds.keys())
        if unknown:
            raise UsageError(
                f"{self.code} {self.name} has no threshold {unknown[0]!r}; "
                f"it has {', '.join(self.thresholds) or 'none'}"
            )

    @property
    def thresholds(self) -> dict[str, Any]:
        """The keyword arguments of the check, with their defaults."""
        parameters = inspect.signature(self.check).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    @property
    def ours(self) -> bool:
        """Whether the rule belongs to this package."""
        return self.check.__module__.startswith(f"{__package__}.")

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return (self.__doc__ or "").partition("\n")[0]

    @property
    def meaning(self) -> str:
        """The paragraph after the first line: why it matters."""
        paragraphs = (self.__doc__ or "").split("\n\n")
        prose = [text for text in paragraphs[1:2] if not text.rstrip().endswith("::")]
        return " ".join((prose or paragraphs)[0].split())

    def example(self, title: str) -> str:
        """Return the program under `Fires on` or `Silent on`, "" if there is none."""
        _, found, rest = (self.__doc__ or "").partition(f"\n{title}::\n")
        lines: list[str] = []
        for line in rest.split("\n") if found else []:
            if line and not line.startswith(" "):
                break
            lines.append(line)
        return textwrap.dedent("\n".join(lines)).strip("\n")


def rule(
    code: str, name: str, *, reads: tuple[str, ...], supports: bool = False
) -> Callable[[Check], Rule]:
    """Make a rule of a check and register it. `reads` and `supports` are those of `Rule`.

    A check takes a recording and, keyword-only, its thresholds; it yields findings without code and
    name, which the rule fills in.
    """

    def register(check: Check) -> Rule:
        known = RULES.get(code)
        if known is not None and known.check.__module__ != check.__module__:
            raise UsageError(
                f"two rules have the code {code}: {known.name} in {known.check.__module__} "
                f"and {name} in {check.__module__}"
            )
        RULES[code] = Rule(code, name, check, reads, supports=supports)
        return RULES[code]

    return register


def all_rules() -> tuple[Rule, ...]:
    """Return every rule, by code."""
    from . import rules as folder  # not at the top: the rules in it import this module

    for found in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        importlib.import_module(found.name)
    for entry in metadata.entry_points(group=GROUP):
        name = f"{entry.name} = {entry.value}"
        if name not in _loaded:
            _loaded[name] = ""
            try:
                register = entry.load()
                if not isinstance(register, types.ModuleType | Rule):
                    register()
            except Exception as error:  # somebody else's fault costs a line, not the diagnosis
                _loaded[name] = f"{type(error).__name__}: {error}".partition("\n")[0]
    return tuple(RULES[code] for code in sorted(RULES))


def broken_rules() -> Iterator[str]:
    """Yield a line for each entry point of other packages that could not be loaded."""
    return (f"the rules of {name} ({error})" for name, error in _loaded.items() if error)


def find_rule(wanted: str) -> Rule | None:
    """Return the rule of that code or name; case and underscores do not matter."""
    key = wanted.strip().lower().replace("_", "-")
    return next((r for r in all_rules() if key in (r.code.lower(), r.name)), None)
