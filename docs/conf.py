"""Sphinx configuration; reference pages are written from docstrings at build time."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import reference

reference.write(Path(__file__).parent / "reference")

project = "Backsight"
author = copyright = "The Backsight authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
