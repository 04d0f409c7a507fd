"""A self-contained HTML page: what was asked and found, contents, and sections with figures to hover and zoom."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from lrlab.plotting import theme
from lrlab.plotting.figures import Figure


@dataclass(frozen=True)
class Command:
    """A command to copy, and what it is good for."""

    line: str
    purpose: str = ""


class Link(str):
    """A cell of a table that leads to an anchor of the page."""

    __slots__ = ("anchor",)
    anchor: str

    def __new__(cls, text: str, anchor: str) -> "Link":
        link = super().__new__(cls, text)
        link.anchor = anchor
        return link


@dataclass(frozen=True)
class Statement:
    """A statement that a table can link to.

    Attributes:
        anchor: its id, unique on the page.
        text: the statement.
        source: where it is from.
        verdict: begins with ✓, ✗ or ◐.
        rows: names and texts below it.
    """

    anchor: str
    text: str
    source: str
    verdict: str
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Fold:
    """What a page holds, but opens only where it is asked for, or printed."""

    title: str
    paragraphs: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of a page, shown in this order.

    Attributes:
        title: its heading; empty for none.
        verdict: the answer, set off from what follows; empty for none.
        figures: to be seen next.
        statements: in their order.
        table: rows of cells, the first of them the column names.
        folds: what is opened on demand.
        commands: what to type next.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    verdict: str = ""
    folds: tuple[Fold, ...] = ()
    commands: tuple[Command, ...] = ()
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True)
class Card:
    """A few numbers under a heading on the first screen.

    Attributes:
        title: its heading.
        value: what is largest; empty for none.
        note: beside it, such as its uncertainty.
        rows: names and values.
    """

    title: str
    value: str = ""
    note: str = ""
    rows: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Lead:
    """The first screen.

    Attributes:
        origin: a line above the heading: what the page is of.
        answer: in a sentence; empty for none.
        cards: beside each other.
        commands: to copy.
    """

    origin: str = ""
    answer: str = ""
    cards: tuple[Card, ...] = ()
    commands: tuple[Command, ...] = ()


def render(title: str, sections: Sequence[Section], lead: Lead | None = None) -> str:
    """Return the page; every text is escaped.

    Args:
        title: its heading, such as the question.
        sections: in their order.
        lead: what is above the contents.
    """
    import jinja2

    from lrlab.plotting.vega import javascript

    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("lrlab.plotting", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    panels = [panel for section in sections for figure in section.figures for panel in figure.panels]
    return templates.get_template("page.html.j2").render(
        title=title,
        lead=lead or Lead(),
        sections=sections,
        light=theme.variables("light"),
        dark=theme.variables("dark"),
        style=_file("page.css"),
        script=_file("page.js"),
        vega=javascript() if panels else "",
        specs=_for_script(panels),
    )


def _file(name: str) -> str:
    return resources.files("lrlab.plotting").joinpath(name).read_text(encoding="utf-8")


def _for_script(document: Any) -> str:
    """Return a document as JSON that no parser of HTML takes for the end of its script."""
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c").replace("\u2028", "\\u2028")


def specs_of(page: str) -> list[Mapping[str, Any]]:
    """Return the specifications of the figures on a page, in their order."""
    _, _, rest = page.partition('<script type="application/json" id="specs">')
    specs: list[Mapping[str, Any]] = json.loads(rest.partition("</script>")[0])
    return specs
