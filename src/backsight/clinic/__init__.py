"""The clinic: the leaks of backpropagation as programs, each of them sick and cured."""

from __future__ import annotations

from .cases import Case as Case
from .cases import all_cases as all_cases
from .cases import find_case as find_case
from .table import page_of as page_of
from .treatment import FRAMEWORKS as FRAMEWORKS
from .treatment import Treatment as Treatment
from .treatment import available as available
from .treatment import treat as treat
