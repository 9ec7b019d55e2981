"""The forms in which a diagnosis is written for machines, each a module of its own."""

from __future__ import annotations

from .github import as_github as as_github
from .json import as_json as as_json
from .sarif import as_sarif as as_sarif
