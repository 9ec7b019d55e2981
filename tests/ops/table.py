"""The sample table, collected from `samples_*.py`."""

from __future__ import annotations

import importlib
import pkgutil

from . import __path__ as folder
from .sample import Sample

SAMPLES: list[Sample] = [
    sample
    for module in sorted(each.name for each in pkgutil.iter_modules(folder))
    if module.startswith("samples_")
    for sample in importlib.import_module(f"{__package__}.{module}").SAMPLES
]
