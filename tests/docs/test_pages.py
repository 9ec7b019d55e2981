"""The documentation is true: its programs are run, its commands print what it says they print.

In a page a block of Python that begins with a comment like `# prices.py` is a file, and a block of
`diff` changes the last one. Of a block of `console` each line after `$ ` is run, and what follows
is compared with what it prints; `…` stands for anything, alone on a line for any number of lines.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from backsight.cli.command import commands
from backsight.diagnosis.settings import read_settings

from ..watching.programs import python

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The blocks of a page with their language."""
    return ((found[1], found[2]) for found in BLOCK.finditer((DOCS / page).read_text("utf-8")))


def follow(page: str, folder: Path) -> int:
    """Do what a page says, step by step; return how many commands were run."""
    last, done = folder, 0
    for language, text in blocks(page):
        if language == "python" and (named := re.match(r"# (\w+\.py)\n", text)):
            last = folder / named[1]
            last.write_text(text[named.end() :])
        elif language == "diff":
            changed(last, text)
        elif language == "console":
            done += run_block(text, folder)
    return done


def changed(file: Path, diff: str) -> None:
    lines = diff.splitlines()
    old = "\n".join(line[1:] for line in lines if line[0] in " -") + "\n"
    new = "\n".join(line[1:] for line in lines if line[0] in " +") + "\n"
    text = file.read_text()
    assert text.count(old) == 1, f"not once in {file.name}: {old}"
    file.write_text(text.replace(old, new))


def run_block(text: str, folder: Path) -> int:
    pieces = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)[1:]
    for command, expected in zip(pieces[::2], pieces[1::2], strict=True):
        name, *arguments = shlex.split(command)
        module = ("-m", "backsight") if name == "backsight" else ()
        assert module or name == "python"
        run = python(folder, *module, *arguments, COLUMNS="80", OMP_NUM_THREADS="1")
        printed = run.stdout + re.sub(r"^backsight: step .*\n", "", run.stderr, flags=re.MULTILINE)
        assert re.fullmatch(pattern_of(expected), printed), f"$ {command}\n{printed}"
    return len(pieces) // 2


def pattern_of(expected: str) -> str:
    """What a shown output allows."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
        for line in expected.splitlines()
    ]
    return "".join(lines)


def test_the_comparison_can_fail() -> None:
    assert re.fullmatch(pattern_of("a\n…\nloss 0.…\n"), "a\nb\nc\nloss 0.25\n")
    assert not re.fullmatch(pattern_of("a\n…\nloss 0.…\n"), "a\nb\nloss 1.25\n")
    assert not re.fullmatch(pattern_of("a\n"), "a\nb\n")


@pytest.mark.torch
def test_the_tutorial_cures_the_network(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert follow("tutorial.md", tmp_path) == 3


def test_a_block_is_watched(tmp_path: Path) -> None:
    assert follow("notebooks.md", tmp_path) == 1


def test_settings_are_those_that_are_read(tmp_path: Path) -> None:
    tables = [text for language, text in blocks("settings.md") if language == "toml"]
    file = tmp_path / "pyproject.toml"
    file.write_text(tables[0])
    settings = read_settings(file)
    assert settings.ignored == {"BS106", "BS504"}
    assert settings.selected
    assert settings.per_file == {"experiments/*.py": {"BS301"}}
    assert settings.thresholds == {"BS301": {"warning": 0.4}}
    assert "backsight.rules" in tomllib.loads(tables[1])["project"]["entry-points"]


def test_the_rule_that_is_shown_judges(tmp_path: Path) -> None:
    (source,) = [
        text for language, text in blocks("settings.md") if language == "python" and "@rule" in text
    ]
    source += (
        "\nfrom pathlib import Path\nfrom backsight.traces.recording import Recording, Step\n"
        "for loss in (5.0, 500.0):\n"
        "    run = Recording(Path('x'), {}, steps=(Step(1, loss),))\n"
        "    print([finding.message for finding in loss_too_high(run)])\n"
    )
    (tmp_path / "rule.py").write_text(source)
    assert python(tmp_path, "rule.py").stdout == "[]\n['The last loss is 500.']\n"


def test_the_options_are_those_that_there_are() -> None:
    text = (DOCS / "run.md").read_text("utf-8")
    table = text.partition("| option")[2].partition("\n\n")[0]
    shown = set(re.findall(r"--[a-z][a-z-]+", table))
    there = {name for each in commands.commands["run"].params for name in each.opts}
    assert shown == {name for name in there if name.startswith("--")}


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_commands_and_pages_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    for command in re.findall(r"backsight ([a-z]+)\b(?= )", "\n".join(_commands(text))):
        assert command in commands.commands
    for name in re.findall(r"\{doc\}`([^`]+)`", text):
        assert (DOCS / f"{name}.md").is_file()


def _commands(text: str) -> list[str]:
    shown = re.findall(r"^\$ (backsight .*)$", text, re.MULTILINE)
    return shown + re.findall(r"run: (backsight .*)$", text, re.MULTILINE)


def test_the_picture_shows_the_program_of_the_tutorial() -> None:
    """It was drawn from a run of it; a change of either must be followed by `docs/pictures.py`."""
    svg = (DOCS / "pictures" / "run.svg").read_text("utf-8")
    shown = re.sub(r"<[^>]+>", "", svg).replace("&#160;", " ").replace("&quot;", '"')
    (program, *_) = (text for language, text in blocks("tutorial.md") if language == "python")
    line = next(line for line in program.splitlines() if ".clamp(" in line)
    assert line.strip() in shown
    (output, *_) = (text for language, text in blocks("tutorial.md") if language == "console")
    for expected in output.splitlines():
        if expected != "…":
            assert re.search(re.escape(expected.strip()).replace("…", ".*"), shown), expected
