"""Traces as frozen data, and where their parts come from: places, statistics, files."""

from __future__ import annotations

from .findings import Finding as Finding
from .findings import Severity as Severity
from .locations import Arguments as Arguments
from .locations import argument_names as argument_names
from .locations import assigned_name as assigned_name
from .locations import locate as locate
from .locations import source_lines as source_lines
from .recording import Recording as Recording
from .recording import load_recording as load_recording
from .statistics import Statistics as Statistics
from .statistics import statistics as statistics
from .store import load_trace as load_trace
from .store import save_trace as save_trace
from .trace import LEAVES as LEAVES
from .trace import Edge as Edge
from .trace import Location as Location
from .trace import Node as Node
from .trace import Trace as Trace
