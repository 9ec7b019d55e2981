"""Sick programs are named: the leak of each stands first."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

from backsight.watching import watch

from . import sick

PROGRAMS = sorted(found.name for found in pkgutil.iter_modules(sick.__path__))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_it_is_named(program: str, seed: int) -> None:
    module = importlib.import_module(f"{sick.__name__}.{program}")
    with watch(every_step=True) as watched:
        module.train(seed)
    codes = [finding.code for finding in watched.diagnosis.findings]
    assert codes[:1] == [module.LEAK], str(watched.diagnosis.page())
