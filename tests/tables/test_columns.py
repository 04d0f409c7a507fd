import math
from typing import Any

import pytest

from lrlab.errors import InputError
from lrlab.tables.columns import MAX_COLUMNS, Cell, from_rows, is_missing, number, plain


def test_objects_are_flattened_and_gaps_filled() -> None:
    rows: list[dict[str, Any]] = [
        {"optimizer": {"lr": 0.1, "name": "sgd"}, "seed": 0},
        {"seed": 1, "loss": None},
        {"optimizer.lr": 0.2},
    ]
    assert from_rows(rows, "t") == {
        "optimizer.lr": [0.1, None, 0.2],
        "optimizer.name": ["sgd", None, None],
        "seed": [0, 1, None],
        "loss": [None, None, None],
    }
    assert from_rows([{"a": {"b": 1}, "a.b": 2}], "t") == {"a.b": [2]}
    assert from_rows([], "t") == {}


def test_other_values_become_text() -> None:
    rows: list[dict[str, Any]] = [{"hidden": [1, 2], "c": complex(1)}]
    assert from_rows(rows, "t") == {"hidden": ["[1, 2]"], "c": ['"(1+0j)"']}
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"a": deep}
    assert len(from_rows([deep], "t")) == 1


def test_too_many_columns() -> None:
    with pytest.raises(InputError, match="must have at most"):
        from_rows([{str(i): i for i in range(MAX_COLUMNS + 1)}], "t")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("0.1", 0.1),
        (" 1e-3 ", 1e-3),
        (3, 3.0),
        ("inf", math.inf),
        ("fast", None),
        (True, None),
        (None, None),
        ("", None),
        ("91.2%", 0.912),
        (" 5 % ", 0.05),
        ("1,024", 1024.0),
        ("1,234,567.5", 1234567.5),
        ("0,001", None),
        ("12,34", None),
        ("%", None),
        ("16 samples", None),
    ],
)
def test_numbers(cell: object, expected: float | None) -> None:
    assert number(cell) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("cell", [None, "", " ", "-", "N/A", "NA", "None", "null"])
def test_missing_cells(cell: Cell) -> None:
    assert is_missing(cell)
    present: list[Cell] = ["nan", "inf", "0", 0, False, "nano"]
    assert not any(map(is_missing, present))


def test_equal_values_are_equal() -> None:
    assert plain("1e-3") == plain("0.001") == plain(0.001)
    assert plain("2.0") == plain(2) == 2
    assert plain(" adam ") == "adam"
    assert plain("nan") == "nan"
    assert plain("=1+1") == "=1+1"
