"""Make the pictures of the README: what a terminal really shows, as SVG.

    python docs/pictures.py

The program is that of the tutorial. It is run in a terminal of 80 columns, and what it printed
there is drawn; nothing is retouched. Only what follows the findings is left out.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
PICTURE = DOCS / "pictures" / "run.svg"
WIDTH = 80


def first_program(page: Path) -> tuple[str, str]:
    """Return name and text of the first program of a page."""
    found = re.search(r"```python\n# (\w+\.py)\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    if found is None:
        raise ValueError(f"{page} shows no program that begins with its name")
    return found[1], found[2]


def printed_in_a_terminal(folder: Path, *command: str) -> str:
    """Run a command in a terminal of its own and return what it printed there, colours and all."""
    ours, theirs = pty.openpty()
    variables = {"COLUMNS": str(WIDTH), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={k: v for k, v in os.environ.items() if k != "NO_COLOR"} | variables,
    ):
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not piece:
                break
            pieces.append(piece)
    os.close(ours)
    return b"".join(pieces).decode("utf-8").replace("\r\n", "\n")


def drawn(text: str, title: str) -> str:
    """Return what a terminal shows as SVG."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(text), soft_wrap=True)
        return console.export_svg(title=title, unique_id="backsight")


def main() -> None:
    """Run the program, draw what is printed."""
    name, source = first_program(DOCS / "tutorial.md")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(source, encoding="utf-8")
        command = (sys.executable, "-m", "backsight", "run", name)
        text = printed_in_a_terminal(Path(folder), *command)
    shown = re.split(r"\n(?:\x1b\[[\d;]*m)*Observed", text)[0].rstrip()
    PICTURE.parent.mkdir(exist_ok=True)
    svg = drawn(f"$ backsight run {name}\n{shown}", f"backsight run {name}")
    PICTURE.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
