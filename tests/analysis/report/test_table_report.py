"""Reports of tables: one setting, several, and names that are somebody else's."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from lrlab.analysis.report.table_report import MAX_ROWS, TableReport, table_report
from lrlab.scaling_law.settings import PooledAnalysis
from lrlab.scaling_law.table import Table
from tests.scaling_law.crossed import Crossed
from tests.scaling_law.synthetic import Noise

NASTY = '=HYPERLINK("http://evil")<script>alert(1)</script>$\\frac$'


@pytest.fixture(scope="module")
def tables() -> dict:
    return Crossed(noise=Noise(0.001), widths=(16, 64), accuracy=True).tables(0)[0]


def made(tables: dict, *by: str) -> TableReport:
    return table_report("theirs", tables, by, loss=NASTY, how_read=[NASTY])


@pytest.fixture(scope="module")
def several(tables: dict) -> TableReport:
    return made({(NASTY, *key): table for key, table in tables.items()}, NASTY, "depth", "width")


def test_several_settings(several: TableReport) -> None:
    files = several.files()
    assert set(files) == {"index.html", "verdict.json", "exponents.png", "best_lr.png"}
    answer = json.loads(files["verdict.json"])
    assert answer["how_read"] == [NASTY]
    assert len(answer["settings"]) == 4
    assert [section.title for section in several.sections] == [
        "All settings",
        "Settings one by one",
        "How the table was read",
    ]
    assert len(several.sections[1].table) == 5


def test_names_are_escaped(several: TableReport) -> None:
    page = several.files()["index.html"].decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert page.count("<script") == page.count("</script>") == 3


def test_one_setting(tables: dict) -> None:
    report = made({(): next(iter(tables.values()))})
    assert set(report.files()) == {
        "index.html",
        "verdict.json",
        "loss_against_lr.png",
        "best_lr.png",
        "loss_surface.png",
    }
    assert report.to_dict()["verdict"] == report.answer.verdict
    assert "<script>alert" not in report.files()["index.html"].decode()


def changed(table: Table, loss: float) -> Table:
    return replace(table, loss=np.full(len(table.loss), loss))


@pytest.mark.parametrize("loss", [0.0, -1.0, 1.0])
def test_saturated_metrics(tables: dict, loss: float) -> None:
    for chosen in (list(tables)[:1], list(tables)):
        report = made({key: changed(tables[key], loss) for key in chosen}, "depth", "width")
        assert report.answer.verdict == "cannot_tell"
        assert report.files()["index.html"]


def test_a_setting_of_which_all_diverged(tables: dict) -> None:
    first, *others = tables
    report = made({first: changed(tables[first], math.inf), **{key: tables[key] for key in others}}, "depth", "width")
    assert isinstance(report.answer, PooledAnalysis)
    assert report.files()["index.html"]
    assert made({first: changed(tables[first], math.inf)}).answer.verdict == "cannot_tell"


def test_a_page_of_many_settings_is_bounded(tables: dict) -> None:
    table = next(iter(tables.values()))
    few = table.rows(np.arange(len(table.loss)) < 2)
    report = made({(number,): few for number in range(MAX_ROWS + 5)}, "number")
    assert len(report.sections[1].table) == MAX_ROWS + 1
    assert report.sections[1].paragraphs == (f"The first {MAX_ROWS}; 5 more are in verdict.json.",)
