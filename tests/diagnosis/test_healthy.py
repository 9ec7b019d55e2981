"""Healthy programs give no finding, whatever the seed: a false alarm costs more than a miss."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from backsight.watching import watch

from . import healthy

PROGRAMS = sorted(found.name for found in pkgutil.iter_modules(healthy.__path__))
FEW, MANY = range(3), range(3, 10)


def told(program: str, seed: int) -> str:
    """Train under watch; return the diagnosis as text, "" if it is clean."""
    module = importlib.import_module(f"{healthy.__name__}.{program}")
    with watch(every_step=True) as watched:
        module.train(seed)
    assert watched.diagnosis.status in ("clean", "findings")
    return str(watched.diagnosis.page()) if watched.diagnosis.findings else ""


@pytest.mark.parametrize("seed", FEW)
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_left_in_peace(program: str, seed: int) -> None:
    assert told(program, seed) == ""


@pytest.mark.prove
@pytest.mark.parametrize("seed", MANY)
@pytest.mark.parametrize("program", PROGRAMS)
def test_it_is_left_in_peace_with_more_seeds(program: str, seed: int) -> None:
    assert told(program, seed) == ""


def test_there_are_enough_of_them() -> None:
    assert len(PROGRAMS) >= 10
