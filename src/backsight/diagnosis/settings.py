"""The table `[tool.backsight]` of the nearest pyproject.toml: which rules apply, and how strictly.

[tool.backsight]
disable = ["BS106", "loss-flat"]

[tool.backsight.BS301]
warning = 0.4
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .registry import Rule, all_rules, find_rule


@dataclass(frozen=True, slots=True)
class Settings:
    """Codes of rules that are switched off, and thresholds by code."""

    disabled: frozenset[str] = frozenset()
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def settings_near(place: Path) -> Settings:
    """Read the settings that hold for a script, from the nearest pyproject.toml above it.

    The nearest file counts, whether it has the table or not. Raises UsageError for a file that is
    no TOML, and for rules, thresholds or values that do not exist.
    """
    folders = (place, *place.parents) if place.is_dir() else tuple(place.parents)
    for folder in folders:
        file = folder / "pyproject.toml"
        if file.is_file():
            return read_settings(file)
    return Settings()


def read_settings(file: Path) -> Settings:
    """Read one pyproject.toml. Raises UsageError as `settings_near` does."""
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    tool = table.get("tool", {})
    own = tool.get("backsight", {}) if isinstance(tool, dict) else {}
    if not isinstance(own, dict):
        raise UsageError(f"{file}: [tool.backsight] must be a table, it is {own!r}")
    where = f"{file}, [tool.backsight]"
    disabled: set[str] = set()
    thresholds: dict[str, Mapping[str, Any]] = {}
    for key, value in own.items():
        if key == "disable":
            if not isinstance(value, list):
                raise UsageError(f'{where}: disable must be a list, as ["BS106"]; it is {value!r}')
            disabled |= {_rule(str(name), where).code for name in value}
        else:
            rule = _rule(key, where)
            thresholds[rule.code] = _thresholds(rule, value, where)
    return Settings(frozenset(disabled), thresholds)


def _rule(name: str, where: str) -> Rule:
    rule = find_rule(name)
    if rule is None:
        known = ", ".join(each.code for each in all_rules())
        raise UsageError(f"{where}: {name!r} is neither `disable` nor a rule; rules: {known}")
    return rule


def _thresholds(rule: Rule, values: object, where: str) -> Mapping[str, Any]:
    if not isinstance(values, dict):
        example = next(iter(rule.thresholds), "warning")
        raise UsageError(
            f"{where}: {rule.code} must be a table, as {rule.code} = {{ {example} = 0.5 }}; "
            f"it is {values!r}"
        )
    try:
        rule.check_names(values)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{where}: {rule.code}.{name} must be a number, it is {value!r}")
    return values
