"""Checking hand-written backward passes."""

from .check import Check as Check
from .check import Result as Result
from .check import check as check
