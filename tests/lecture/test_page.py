import re
from html import unescape
from html.parser import HTMLParser

import pytest

from lrlab.lecture.chapters.table import Chapter
from lrlab.lecture.claims import COURSE, LECTURE, ChapterResult, Claim
from lrlab.lecture.page import anchor, page, scoreboard, section, statement, summary
from lrlab.plotting.figures import Figure
from lrlab.plotting.page import Link
from tests.lecture.made_up import CLAIMS, DEPENDS, FAILED, HELD, UNEXPLAINED

FIGURE = Figure(b"\x89PNG", "what is seen")


def chapter(number: str, *claims: Claim) -> tuple[Chapter, ChapterResult]:
    result = ChapterResult(claims, (FIGURE,))
    return Chapter(number, f"Chapter {number}", lambda trainer: result), result


CHAPTERS = chapter("2.2", HELD), chapter("5 to 6", FAILED, DEPENDS, UNEXPLAINED)
HTML = page("digits", CHAPTERS, 99.6, 200.4, "abc123")


class Ids(HTMLParser):
    """The ids of a page, where its links lead, and its table cells."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if identity := given.get("id"):
            self.ids.append(identity)
        if tag == "a":
            self.targets.append(str(given["href"]).removeprefix("#"))


def test_every_link_has_its_target_once() -> None:
    found = Ids()
    found.feed(HTML)
    assert len(set(found.ids)) == len(found.ids)
    assert set(found.targets) <= set(found.ids)
    assert {anchor(claim) for claim in CLAIMS} <= set(found.targets)


def test_every_claim_is_on_the_page_once_with_its_section() -> None:
    text = unescape(HTML)
    for claim in CLAIMS:
        assert text.count(claim.claim) == 1
        assert f"CS231n, Lecture 2, §\u00a0{claim.section}" in text
    assert "a < b & c" not in HTML


def test_the_first_screen_says_which_lecture_and_how_many_claims_hold() -> None:
    first = HTML[: HTML.index("Scoreboard")]
    for said in (COURSE, LECTURE, "1 of 4", "digits", "100 s (200 s of processor time)", "abc123"):
        assert said in first
    assert HTML.index("1 of 4") < HTML.index("Scoreboard") < HTML.index("Chapter 2.2")


def test_the_summary_names_what_does_not_hold() -> None:
    assert summary("mnist", CLAIMS) == (
        "1 of 4 claims hold on mnist. 1 depends on a condition: Sinks. 2 do not hold: Falls; Rests."
    )
    assert summary("digits", [HELD]) == "1 of 1 claims hold on digits."
    assert summary("digits", [FAILED]) == "0 of 1 claims hold on digits. 1 does not hold: Falls."


def test_the_scoreboard_has_a_row_for_every_claim_that_leads_to_it() -> None:
    header, *rows = scoreboard(CLAIMS)
    assert header == ("section", "claim", "measured", "verdict")
    assert rows == [
        ("§\u00a02.2", "Order", "0.5", "✓ holds"),
        ("§\u00a06.4", "Falls", "up", "✗ does not hold"),
        ("§\u00a05.8", "Sinks", "some", "◐ depends"),
        ("§\u00a05.1", "Rests", "0.25", "✗ does not hold"),
    ]
    links = [row[1] for row in rows]
    assert [link.anchor for link in links if isinstance(link, Link)] == [anchor(claim) for claim in CLAIMS]


@pytest.mark.parametrize(
    ("claim", "rows"),
    [
        (HELD, ["expected", "measured"]),
        (FAILED, ["expected", "measured", "why not", "would hold"]),
        (DEPENDS, ["expected", "measured", "why not", "holds"]),
        (UNEXPLAINED, ["expected", "measured", "why not"]),
    ],
)
def test_a_claim_that_does_not_hold_says_why_and_where_it_would(claim: Claim, rows: list[str]) -> None:
    made = statement(claim)
    assert [name for name, _ in made.rows] == rows
    assert (made.anchor, made.text) == (anchor(claim), claim.claim)


def test_a_section_has_title_figures_and_claims() -> None:
    made = section(*CHAPTERS[0])
    assert (made.title, made.figures) == ("Chapter 2.2 (§\u00a02.2)", (FIGURE,))
    assert [each.text for each in made.statements] == [HELD.claim]
    assert len(re.findall(r'src="data:image/png;base64,', HTML)) == len(CHAPTERS)
