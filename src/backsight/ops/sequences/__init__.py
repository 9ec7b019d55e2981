"""Ops over sequences: recurrent cells, and the attention of transformers."""

from .recurrent import *  # noqa: F403
from .transformer import *  # noqa: F403
