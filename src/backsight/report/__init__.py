"""The report: a run as one HTML file that needs nothing else."""

from __future__ import annotations

from .document import report_html as report_html
from .files import is_report as is_report
from .files import write_report as write_report
