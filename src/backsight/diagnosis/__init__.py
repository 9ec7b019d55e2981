"""Rules, and what they say about a recording."""

from __future__ import annotations

from .diagnosis import Diagnosis as Diagnosis
from .diagnosis import certain_in as certain_in
from .diagnosis import diagnose as diagnose
from .page import worst as worst
from .registry import RULES as RULES
from .registry import Rule as Rule
from .registry import all_rules as all_rules
from .registry import broken_rules as broken_rules
from .registry import find_rule as find_rule
from .registry import rule as rule
