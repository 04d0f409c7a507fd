from lrlab.plotting.figures import Figure
from lrlab.plotting.page import Section, render


def test_every_part_of_a_section_is_on_the_page_in_order_and_escaped() -> None:
    figure = Figure(b"abc", "a < b")
    first = Section("One & all", ("text <b>",), (figure,), (("lr", "loss"), ("0.1", "<2>")), verdict="linear")
    page = render("Report <1>", [first, Section("", ("last",))])
    parts = ("Report &lt;1&gt;", "One &amp; all", "linear", "text &lt;b&gt;", figure.data_uri, "&lt;2&gt;", "last")
    assert all(part in page for part in parts)
    assert page.index("One &amp; all") < page.index("last")
    assert "a &lt; b" in page
    assert "<b>" not in page
    assert "<2>" not in page
    assert "://" not in page  # nothing is fetched
