"""Run a script, or a block of code, and watch what its backward passes do."""

from __future__ import annotations

from .block import watch as watch
from .program import Program as Program
from .run import default_place as default_place
from .run import run_script as run_script
from .sampling import SHARE as SHARE
from .sampling import Sampling as Sampling
from .session import Session as Session
