"""Which rules apply, how strictly, and where not: `[tool.backsight]` and comments in the source.

The table stands in the nearest pyproject.toml above the script:

    [tool.backsight]
    ignore = ["BS106", "loss-flat"]      # codes, names, or the beginning of codes: "BS5"
    select = ["BS1", "BS3"]              # only these

    [tool.backsight.per-file-ignores]
    "experiments/*.py" = ["BS301"]

    [tool.backsight.BS301]
    warning = 0.4

A comment `# backsight: ignore[BS301, BS204]` on any line of a statement silences what is found in
it; without codes it silences all.
"""

from __future__ import annotations

import ast
import fnmatch
import linecache
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..traces.findings import Finding
from .registry import Rule, all_rules, find_rule

LISTS = ("select", "ignore", "per-file-ignores")
COMMENT = re.compile(r"#\s*backsight:\s*ignore(?:\[([^\]]*)\])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pyproject.toml says.

    `selected` holds the codes of the rules that apply, None for all; `ignored` those that do not;
    `per_file` those whose findings are left out in files of a pattern; `thresholds` are by code.
    """

    ignored: frozenset[str] = frozenset()
    selected: frozenset[str] | None = None
    per_file: Mapping[str, frozenset[str]] = field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def selects(self, rule: Rule) -> bool:
        """Tell whether a rule applies."""
        wanted = self.selected is None or rule.code in self.selected
        return wanted and rule.code not in self.ignored

    def ignores(self, finding: Finding) -> bool:
        """Tell whether a finding is left out in its file."""
        if finding.location is None:
            return False
        file = Path(finding.location.file).as_posix()
        return any(
            finding.code in codes and (fnmatch.fnmatch(file, p) or fnmatch.fnmatch(file, f"*/{p}"))
            for p, codes in self.per_file.items()
        )


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
    lists: dict[str, Any] = {}
    thresholds: dict[str, Mapping[str, Any]] = {}
    for key, value in own.items():
        if key == "per-file-ignores":
            if not isinstance(value, dict):
                example = '{ "old/*.py" = ["BS106"] }'
                raise UsageError(f"{where}: {key} must be a table, as {example}; it is {value!r}")
            lists[key] = {p: _codes(each, f'{key}."{p}"', where) for p, each in value.items()}
        elif key in LISTS:
            lists[key] = _codes(value, key, where)
        else:
            rule = find_rule(key)
            if rule is None:
                settings = ", ".join(f"`{name}`" for name in LISTS)
                raise UsageError(f"{where}: {key!r} is neither {settings} nor a rule; {_known()}")
            thresholds[rule.code] = _thresholds(rule, value, where)
    return Settings(
        lists.get("ignore", frozenset()),
        lists.get("select"),
        lists.get("per-file-ignores", {}),
        thresholds,
    )


def is_ignored(finding: Finding) -> bool:
    """Tell whether a comment on the statement of a finding silences it.

    The recording holds the lines of the expression. Where the file still has them, the other lines
    of the statement count, too.
    """
    return any(
        not named or finding.code in named
        for text in (finding.source, *statement_around(finding))
        for named in comments_in(text)
    )


def comments_in(text: str) -> Iterable[set[str]]:
    """Yield the codes that each comment of ours names: none for all."""
    for codes in COMMENT.findall(text):
        yield {code.strip().upper() for code in codes.split(",") if code.strip()}


def statement_around(finding: Finding) -> list[str]:
    """Return the lines of the statement (of a compound one its head) that a finding lies in."""
    where = finding.location
    if where is None or not finding.source:
        return []
    lines = linecache.getlines(where.file)
    expression = [line.rstrip("\r\n") for line in lines[where.line - 1 : where.end_line]]
    if expression != finding.source.splitlines():  # edited since
        return []
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError):
        return []
    spans = [
        head_of(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= where.line
    ]
    around = [span for span in spans if span[1] >= where.end_line]
    if not around:
        return []
    first, last = max(around)
    return [line for line in lines[first - 1 : last] if "#" in line]


def head_of(statement: ast.stmt) -> tuple[int, int]:
    """Return the first and last line of a statement, without the body of a compound one."""
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body and body[0].lineno > statement.lineno:
        return statement.lineno, body[0].lineno - 1
    return statement.lineno, statement.end_lineno or statement.lineno


def _codes(values: object, key: str, where: str) -> frozenset[str]:
    if not isinstance(values, list):
        raise UsageError(f'{where}: {key} must be a list, as ["BS106"]; it is {values!r}')
    return frozenset(code for name in values for code in _matching(str(name), key, where))


def _matching(name: str, key: str, where: str) -> list[str]:
    """Return the codes that a code, a name or the beginning of a code stands for."""
    rule = find_rule(name)
    found = [rule.code] if rule is not None else []
    if rule is None and re.fullmatch(r"[A-Za-z]+\d*", name):
        found = [each.code for each in all_rules() if each.code.startswith(name.upper())]
    if not found:
        raise UsageError(f"{where}: {key} names {name!r}, which is no rule; {_known()}")
    return found


def _known() -> str:
    return f"rules: {', '.join(each.code for each in all_rules())}"


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
