"""Write the pages of ops and rules from their docstrings."""

from __future__ import annotations

import inspect
import textwrap
from collections import defaultdict
from pathlib import Path

import backsight  # noqa: F401 - registers every op
from backsight.diagnosis import RULES
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
    """Every rule with its docstring."""
    lines = ["# Rules"]
    for code in sorted(RULES):
        rule = RULES[code]
        text = inspect.getdoc(rule.check) or ""
        lines += ["", f"## {code} {rule.name}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def source(function: object) -> str:
    """Return the source of a function as it stands in its file."""
    return textwrap.dedent(inspect.getsource(function)).rstrip()  # type: ignore[arg-type]
