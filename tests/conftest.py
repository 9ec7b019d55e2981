"""What all tests share: where `make prove` keeps its figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

PROOFS = Path(__file__).parents[1] / "benchmarks" / "PROOFS.md"
_figures: list[str] = []


@pytest.fixture
def record_proof() -> Callable[[str], None]:
    """Keep a measured sentence for `benchmarks/PROOFS.md`."""
    return _figures.append


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Iterator[None]:
    yield
    if _figures and exitstatus == 0:
        lines = [f"# Figures of `make prove`, {date.today()}", ""]
        PROOFS.write_text("\n".join(lines + [f"* {figure}" for figure in _figures]) + "\n")
