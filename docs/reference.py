"""Write the pages of ops and rules from their docstrings."""

from __future__ import annotations

import inspect
import textwrap
from collections import defaultdict
from pathlib import Path

import backsight  # noqa: F401 - registers every op
from backsight.diagnosis import all_rules
from backsight.ops.protocol import OPS, Op


def write(folder: Path) -> None:
    """Write `ops.md` and `rules.md`."""
    folder.mkdir(exist_ok=True)
    (folder / "ops.md").write_text(ops_page())
    (folder / "rules.md").write_text(rules_page())


def ops_page() -> str:
    """Every op with its forward and its backward, as they run."""
    families: dict[str, list[Op]] = defaultdict(list)
    for op in OPS.values():
        families[op.__module__.removeprefix("backsight.ops.")].append(op)
    lines = [
        "# Ops",
        "",
        "Every op is a forward and a backward, both plain NumPy. What follows runs.",
    ]
    for family in sorted(families):
        lines += ["", f"## {family}"]
        for op in families[family]:
            lines += ["", f"### {op.name}", "", "```python", source(op.forward)]
            if op.backward_function is not None:
                lines += ["", source(op.backward_function)]
            lines += ["```"]
    return "\n".join(lines) + "\n"


def rules_page() -> str:
    """Every rule: an index, then each with its docstring and its thresholds."""
    rules = all_rules()
    lines = [
        "# Rules",
        "",
        "A finding is a claim with its evidence. These are the patterns that are looked for; "
        "`backsight explain` prints the same. The programs under *Fires on* and *Silent on* are "
        "run by a test.",
        "",
        "| code | name | |",
        "|---|---|---|",
    ]
    lines += [f"| [{r.code}](#{r.code.lower()}-{r.name}) | {r.name} | {r.summary} |" for r in rules]
    for rule in rules:
        lines += ["", f"## {rule.code} {rule.name}", "", "```text", rule.__doc__ or "", "```"]
        if rule.thresholds:
            lines += ["", "```toml", f"[tool.backsight.{rule.code}]"]
            lines += [f"{name} = {value}" for name, value in rule.thresholds.items()]
            lines += ["```"]
    return "\n".join(lines) + "\n"


def source(function: object) -> str:
    """Return the source of a function as it stands in its file."""
    return textwrap.dedent(inspect.getsource(function)).rstrip()  # type: ignore[arg-type]
