"""A page holds every part, escaped, with the specifications of its figures, and fetches nothing."""

import json
import re
import shutil
import subprocess
import tarfile
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import altair as alt
import pytest

from lrlab.plotting import charts
from lrlab.plotting.figures import Figure
from lrlab.plotting.page import Card, Command, Fold, Lead, Link, Section, Statement, render, specs_of

NASTY = "</script><script>alert(1)</script><b>&\u2028"


class Outline(HTMLParser):
    """The elements of a page: each tag with its attributes; ids; headings with their levels."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def chart(name: str = "lr") -> Figure:
    points = alt.Chart(charts.data()).mark_point().encode(x=charts.log_axis(alt.X, "x", NASTY, [1.0, 10.0]))
    spec = charts.spec(points, rows=[{"x": 1.0, "name": NASTY}])
    return Figure((spec,), f"caption {NASTY}", name, f"title {NASTY}")


STATEMENTS = (
    Statement("first", f"it holds {NASTY}", "§ 1", "✓ holds", (("measured", NASTY),)),
    Statement("second", "it depends", "§ 2", "◐ depends", (("measured", "2"), ("why not", "3"))),
)
TABLE = (("claim", "verdict"), (Link(f"see {NASTY}", "first"), "✓ holds"), (Link("other", "second"), "◐ depends"))


def whole() -> str:
    lead = Lead(
        "of it", f"answer {NASTY}", (Card("Best", "0.1", "± 0.01", ((NASTY, "1"),)),), (Command("lrlab ui", "see"),)
    )
    sections = [
        Section(
            "One & all",
            ("text <b>",),
            (chart(),),
            (("lr", "loss"), ("0.1", "<2>")),
            "linear",
            (Fold("More", (NASTY,)),),
        ),
        Section("", ("last",)),
        Section("Two", (), (Figure(b"abc", "a < b"),), commands=(Command("lrlab best 'a b'"),)),
        Section("Three", figures=(Figure((b"one", b"two", b"three"), "tiles", title="All"),), table=TABLE),
        Section("Four", statements=STATEMENTS),
    ]
    return render(f"Question {NASTY}?", sections, lead)


@pytest.fixture(scope="module")
def page() -> str:
    return whole()


def test_every_part_is_there_in_order(page: str) -> None:
    parts = [
        "Question",
        "answer",
        "± 0.01",
        "lrlab ui",
        "One &amp; all",
        "linear",
        "text &lt;b&gt;",
        "&lt;2&gt;",
        "More",
    ]
    places = [page.index(part, page.index("<body>")) for part in [*parts, "last", "lrlab best &#39;a b&#39;"]]
    assert places == sorted(places)
    assert Figure(b"abc", "").data_uri in page


def test_somebody_else_s_words_neither_end_a_script_nor_begin_one(page: str) -> None:
    assert "<script>alert" not in page
    assert "<b>" not in page
    scripts = re.findall(r"<script[^>]*>", page)
    assert len(scripts) == page.count("</script>") == 3
    assert json.loads(json.dumps(specs_of(page)))[0]["datasets"]["rows"][0]["x"] == 1.0


def test_a_cell_can_link_to_a_statement(page: str) -> None:
    outline = Outline(page)
    ids = [attributes["id"] for _, attributes in outline.elements if attributes.get("id")]
    assert len(set(ids)) == len(ids)
    links = {str(link["href"]).removeprefix("#") for link in outline.all("a")}
    assert {"first", "second"} <= links <= set(ids)
    assert [article["id"] for article in outline.all("article")] == ["first", "second"]
    verdicts = [cell.get("class") for cell in outline.all("td") if cell.get("class")]
    assert verdicts == ["yes", "partly"]
    assert Link("text", "place") == "text"  # where there are no links, as in a terminal


def test_panels_that_are_images_stand_beside_each_other_under_one_description(page: str) -> None:
    outline = Outline(page)
    described = [each["aria-label"] for each in outline.all("div") if each.get("class") == "panels several three"]
    assert described == ["All. tiles"]
    assert [image["alt"] for image in outline.all("img")][-3:] == ["", "", ""]
    assert all(image in page for image in Figure((b"one", b"two", b"three"), "").images)


def test_nothing_is_fetched(page: str) -> None:
    outline = Outline(page)
    assert not outline.all("link")
    assert all("src" not in script for script in outline.all("script"))
    assert all(str(image["src"]).startswith("data:") for image in outline.all("img"))
    style = "".join(re.findall(r"<style>(.*?)</style>", page, re.S))
    assert "url(" not in style
    assert "@import" not in style


def test_contents_lead_to_their_sections_and_headings_are_in_steps(page: str) -> None:
    outline = Outline(page)
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]).removeprefix("#") for link in outline.all("a")]
    assert set(links) <= set(map(str, ids))
    levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_figures_are_named_for_those_who_cannot_see_them(page: str) -> None:
    outline = Outline(page)
    drawn, _ = [each for each in outline.all("div") if each.get("role") == "img"]
    assert "title" in str(drawn["aria-label"])
    assert "caption" in str(drawn["aria-label"])
    assert all(image["alt"] for image in outline.all("img")[:-3])  # the last stand in a division with a name
    assert all(button.get("aria-label") for button in outline.all("button"))


def test_a_page_without_charts_needs_no_vega() -> None:
    bare = render("T", [Section("A", figures=(Figure(b"abc", "c"),))])
    assert len(bare) < 40_000
    assert "vegaEmbed =" not in bare


def test_a_page_fits_in_three_megabytes(page: str) -> None:
    assert len(page.encode()) < 1_200_000


@pytest.fixture
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path="/usr/bin/chromium", args=options)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rules of Deque's axe, from npm."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None or subprocess.run([npm, "pack", "axe-core@4.10.3"], cwd=folder, check=False).returncode:
        pytest.skip("axe-core cannot be fetched")
    with tarfile.open(folder / "axe-core-4.10.3.tgz") as packed:
        member = packed.extractfile("package/axe.min.js")
        assert member
        return member.read().decode()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_in_a_browser(browser, axe: str, page: str, tmp_path: Path, scheme: str, width: int) -> None:
    file, said = tmp_path / "page.html", []
    file.write_text(page)
    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown.on(
        "request", lambda request: said.append(request.url) if not request.url.startswith(("file:", "data:")) else None
    )
    shown.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    shown.on("pageerror", lambda error: said.append(str(error)))
    shown.goto(file.as_uri())
    shown.evaluate("window.drawn")
    assert said == []  # nothing is fetched, nothing goes wrong
    assert shown.locator(".chart svg").count() == 1
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    shown.evaluate(axe)
    violations = shown.evaluate(
        "axe.run().then((found) => found.violations.map((each) => [each.id, each.nodes[0].html]))"
    )
    assert violations == []
    shown.emulate_media(media="print")
    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.locator("details:not([open])").count() == 0
