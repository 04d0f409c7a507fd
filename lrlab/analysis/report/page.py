"""A self-contained HTML page of sections, its figures embedded."""

from collections.abc import Sequence
from dataclasses import dataclass

from lrlab.plotting.figures import Figure


@dataclass(frozen=True)
class Section:
    """A part of a page, shown in this order.

    Attributes:
        title: its heading; empty for none.
        verdict: a paragraph that is set off from the others; empty for none.
        table: rows of cells, the first of them the column names.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    verdict: str = ""


def render(title: str, sections: Sequence[Section]) -> str:
    """Return the page; every text is escaped."""
    import jinja2

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("lrlab.analysis.report", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return templates.get_template("page.html.j2").render(title=title, sections=sections)
