"""Tables at every width: no value is cut."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lrlab.cli.table import WholeTable

CELLS = st.lists(st.text("0123456789.", min_size=1, max_size=12), max_size=3).map(" ".join)
ROWS = st.integers(1, 5).flatmap(
    lambda columns: st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=4)
)


def shown(table: WholeTable, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, soft_wrap=True, markup=False, highlight=False).print(table)
    return file.getvalue()


@given(ROWS, st.integers(10, 100))
def test_every_word_is_whole(rows: list[list[str]], width: int) -> None:
    headers = ["mean over 5 fresh seeds", "trial", "", "loss", "time"][: len(rows[0])]
    text = shown(WholeTable(rows, headers, title="title"), width)
    words = text.translate({ord(line): " " for line in "│┃"}).split()
    assert {word for row in rows for cell in row for word in cell.split()} <= set(words)
    if "│" in text:
        assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_has_a_block_for_each_row(width: int) -> None:
    rows = [("12", "0.123456789", "/a/long/path/that/has/no/spaces/in/it/at/all"), ("13", "0.2", "")]
    assert shown(WholeTable(rows, ("trial", "loss", "path")), width) == (
        "trial: 12\nloss: 0.123456789\npath: /a/long/path/that/has/no/spaces/in/it/at/all\n\ntrial: 13\nloss: 0.2\n"
    )


def test_without_headers_the_first_column_names_the_second() -> None:
    table = WholeTable([("optimizer.lr", "0.1235"), ("model", "[mlp]")], title="best of s")
    assert shown(table, 12) == "best of s\noptimizer.lr: 0.1235\nmodel: [mlp]\n"
    assert "│ optimizer.lr │ 0.1235 │" in shown(table, 40)
