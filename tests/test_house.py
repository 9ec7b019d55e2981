"""The house stays small and true: sizes, names, docstrings, exports, and the README's words."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import backsight
from backsight.diagnosis import RULES
from backsight.ops.protocol import OPS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "backsight"
MODULES = sorted(SOURCE.rglob("*.py"))
PYTHON = sorted(
    path
    for folder in ("src", "tests", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)
MOST_LINES, MOST_MODULES = 400, 12


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_file_is_one_idea_of_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_no_folder_holds_more_than_12_modules() -> None:
    folders = {path.parent for path in MODULES}
    crowded = {
        relative(folder): count
        for folder in folders
        if (count := sum(p.name != "__init__.py" for p in folder.glob("*.py"))) > MOST_MODULES
        and folder.name != "rules"
    }
    assert not crowded


def test_no_module_is_a_drawer_for_anything() -> None:
    names = {path.stem for path in MODULES}
    assert not names & {"utils", "util", "helpers", "common", "misc", "base", "tools"}


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=relative)
def test_init_lists_public_names_only(path: Path) -> None:
    if path.parent != SOURCE:
        assert len(path.read_text().splitlines()) <= 60


def public_definitions() -> list[tuple[str, ast.AST]]:
    found = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                found.append((f"{relative(path)}:{node.name}", node))
    return found


def test_everything_public_has_a_docstring() -> None:
    bare = [
        name
        for name, node in public_definitions()
        if not ast.get_docstring(node)
        and not name.endswith("_backward")  # type: ignore[arg-type]
        and not _is_check(node)
    ]
    assert not bare


def _is_check(node: ast.AST) -> bool:
    """The check of an op is documented by the sentence that it raises."""
    return any(
        isinstance(d, ast.Attribute) and d.attr in ("check", "backward")
        for d in getattr(node, "decorator_list", [])
    )


def test_every_op_is_exported_at_top_level() -> None:
    ours = {name for name, op in OPS.items() if op.__module__.startswith("backsight.ops")}
    missing = sorted(name for name in ours if getattr(backsight, name, None) is not OPS[name])
    assert not missing


def test_every_name_promised_later_is_there() -> None:
    for name in backsight._ELSEWHERE:
        assert getattr(backsight, name) is not None


def test_unknown_name_says_so() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'tensr'"):
        _ = backsight.tensr


def test_every_module_imports() -> None:
    torch = importlib.util.find_spec("torch") is not None
    for module in pkgutil.walk_packages(backsight.__path__, "backsight."):
        # What watches PyTorch is the only part that needs it.
        if not module.name.endswith("__main__") and (torch or ".adapters.torch" not in module.name):
            importlib.import_module(module.name)


def test_rule_codes_are_unique_and_patterned() -> None:
    assert RULES
    for code, rule in RULES.items():
        assert re.fullmatch(r"BS[1-5]\d\d", code)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    assert len({rule.name for rule in RULES.values()}) == len(RULES)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_import_loads_no_framework_and_little_else() -> None:
    done = run(
        "import sys, backsight; print(*sorted(m.split('.')[0] for m in sys.modules), sep='\\n')"
    )
    loaded = set(done.stdout.split())
    assert done.returncode == 0, done.stderr
    assert not loaded & {
        "numpy",
        "torch",
        "jax",
        "rich",
        "click",
        "sqlite3",
        "safetensors",
        "gymnasium",
    }


def test_wheel_of_docstrings_has_no_stub() -> None:
    stubs = [
        relative(path)
        for path in MODULES
        if re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text())
    ]
    assert not stubs


def readme_commands() -> list[str]:
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"```(?:console|sh|bash)\n(.*?)```", text, re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line]


def test_readme_names_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(readme_commands())


def test_readme_names_only_targets_and_commands_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    rules = re.findall(r"^([a-z][a-z -]*):(?!=)", makefile, re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    from backsight.cli.command import commands

    for command in readme_commands():
        words = command.split()
        if words[0] == "make":
            assert set(words[1:]) <= targets
        elif words[0] == "backsight":
            assert words[1] in commands.commands
            for word in words[2:]:
                if word.endswith(".py") and word.startswith("examples/"):
                    assert (ROOT / word).exists()


def test_readme_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for i, block in enumerate(blocks):
        script = tmp_path / f"readme_{i}.py"
        script.write_text(block)
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_docstring_of_every_op_begins_with_a_sentence() -> None:
    own = [op for op in OPS.values() if op.__module__.startswith("backsight.ops")]
    assert len(own) > 100
    for op in own:  # tests make ops of their own
        first = inspect.getdoc(op).split("\n")[0]  # type: ignore[union-attr]
        assert first.endswith((".", ":")), f"{op.name}: {first}"
