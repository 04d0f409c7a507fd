"""The documentation: Markdown pages, reference pages made from the program itself, and no network.

nox --session docs      # or: sphinx-build -W --keep-going -E -b html docs outputs/docs
"""

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))

import lrlab
from docs.reference_pages import MADE

project = "lrlab"
author = "the authors of lrlab"
release = version = lrlab.__version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = "lrlab"
html_static_path = ["_static"]
html_css_files = ["lrlab.css"]
html_extra_path = ["llms.txt"]
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#005a9c", "color-brand-content": "#005a9c"},
    "dark_css_variables": {"color-brand-primary": "#7cc4ff", "color-brand-content": "#7cc4ff"},
}


def setup(app: Sphinx) -> None:
    """Fill the pages that are made from the program, and keep every page as Markdown beside its HTML, for llms.txt."""
    app.connect("source-read", fill_and_keep)
    app.connect("html-page-context", make_accessible, priority=900)  # after the theme


def fill_and_keep(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace each `made: NAME` by what `docs.reference_pages` makes, and copy the page's Markdown to the site."""
    source[0] = re.sub(r"<!-- made: (\w+) -->", lambda found: MADE[found[1]](), source[0])
    kept = Path(app.outdir, page).with_suffix(".md")
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(source[0], encoding="utf-8")


def make_accessible(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Let the keyboard reach blocks that scroll, and give the navigation's headings a level (WCAG 2.1.1, 1.3.1)."""
    for name, old, new in (
        ("body", "<pre>", '<pre tabindex="0">'),
        ("furo_navigation_tree", 'role="heading"', 'role="heading" aria-level="2"'),
    ):
        context[name] = context.get(name, "").replace(old, new)
