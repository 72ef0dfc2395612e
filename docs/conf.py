"""How Sphinx builds these pages; docs/build calls it, and pydoctor after it."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "_ext"), str(Path(__file__).parent.parent)]

project = "mailext"
author = "The mailext contributors"
copyright = "2026, the mailext contributors"  # noqa: A001  # the name that Sphinx reads

extensions = ["sphinx.ext.graphviz", "hostile", "proofs", "wire_tables"]
exclude_patterns = ["_build"]
nitpicky = True
highlight_language = "none"

graphviz_output_format = "svg"

html_theme = "alabaster"
html_theme_options = {
    "description": "A mail stack for Twisted that speaks CLIENTID and REQUIRETLS in full",
    "fixed_sidebar": True,
    "page_width": "60rem",
}
html_show_sourcelink = False
