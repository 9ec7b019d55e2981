"""What results look like before any output format, and the painters that print them."""

from __future__ import annotations

from .blocks import Block as Block
from .blocks import Code as Code
from .blocks import Heading as Heading
from .blocks import Mark as Mark
from .blocks import Math as Math
from .blocks import Picture as Picture
from .blocks import Prose as Prose
from .blocks import Table as Table
from .files import write_text as write_text
from .page import HasPage as HasPage
from .page import Page as Page
from .terminal import to_terminal as to_terminal
from .text import to_text as to_text
