"""Pictures of passes and runs."""

from .graph import Drawing as Drawing
from .graph import draw as draw
