"""Pieces of HTML with which a notebook shows a result. All texts are escaped."""

from collections.abc import Mapping
from html import escape

from lrlab.plotting.figures import Figure


def document(*parts: str) -> str:
    """Return pieces one below the other."""
    return f"<div>{''.join(parts)}</div>"


def paragraph(text: str) -> str:
    """Return a line of text."""
    return f"<p>{escape(text)}</p>"


def picture(drawn: Figure) -> str:
    """Return a figure inside the page itself."""
    return f'<img src="{drawn.data_uri}" alt="{escape(drawn.caption, quote=True)}">'


def table(rows: Mapping[str, object]) -> str:
    """Return names and values, a row each."""
    cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items())
    return f"<table>{cells}</table>"
