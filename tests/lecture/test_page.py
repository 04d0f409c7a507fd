import re
from html import unescape

import pytest

from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.page import page, section, table
from lrlab.plotting.figures import Figure

CLAIMS = (Claim("a < b & c", "<= 1", "0.5", True), Claim("falls", "down", "up", False))
FIGURE = Figure(b"\x89PNG", "what is seen")


def test_a_table_has_a_row_for_every_claim_under_the_names_of_its_columns() -> None:
    assert table(CLAIMS) == (
        ("claim", "expected", "measured", ""),
        ("a < b & c", "<= 1", "0.5", "✓ holds"),
        ("falls", "down", "up", "✗ does not"),
    )


def test_a_section_has_title_times_figures_and_claims() -> None:
    made = section("Loss (lecture 2.2)", ChapterResult(CLAIMS[:1], (FIGURE,)), 1.26, 3.0)
    assert (made.title, made.figures, made.table) == ("Loss (lecture 2.2)", (FIGURE,), table(CLAIMS[:1]))
    assert made.paragraphs == ("1.3 s, 3.0 s of processor time",)


@pytest.mark.parametrize(("held", "said"), [(0, "0 of 2"), (1, "1 of 2"), (2, "2 of 2")])
def test_the_page_begins_with_how_many_claims_hold(held: int, said: str) -> None:
    claims = [Claim(str(k), "", "", k < held) for k in range(2)]
    html = page("digits", claims, [section("Loss", ChapterResult(tuple(claims)), 1, 1)], 99.6, 200.4)
    assert f"{said} claims hold here." in html
    assert "It took 100 s (200 s of processor time)." in html
    assert html.index(said) < html.index("Loss")


def test_the_page_is_of_its_data_and_spells_every_text_out() -> None:
    html = page("digits", CLAIMS, [section("Loss", ChapterResult(CLAIMS, (FIGURE,)), 1, 1)], 1, 1)
    assert "The lecture, measured on digits" in html
    assert "a < b & c" not in html
    assert unescape(html).count("a < b & c") == 2  # on the scoreboard and in its chapter
    assert len(re.findall(r'src="data:image/png;base64,', html)) == 1
