"""The command line. `main` is what the `backsight` command runs."""

from __future__ import annotations

from .command import main as main
