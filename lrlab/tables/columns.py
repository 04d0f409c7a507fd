"""What every source is read into: columns of equal length, by name. A cell is a number, a text, or None if missing."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lrlab.errors import InputError

Cell = str | int | float | bool | None
Columns = dict[str, list[Cell]]

MAX_ROWS: Final = 1_000_000
MAX_COLUMNS: Final = 2_000
MAX_DEPTH: Final = 20  # of nested objects
MISSING: Final = frozenset(("", "-", "--", "na", "n/a", "#n/a", "<na>", "none", "null"))
THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


@dataclass(frozen=True)
class Source:
    """What was read.

    Attributes:
        name: of the file, experiment or study, for titles.
        columns: all of them.
        loss: the column that the source itself says is the objective; None if it does not.
        maximize: whether the source says that larger is better; None if it does not say.
        keys: the columns that configure a run, so that settings may differ in them; None if any may.
        left_out: rows that are not among the columns, and why: a line each.
    """

    name: str
    columns: Columns
    loss: str | None = None
    maximize: bool | None = None
    keys: frozenset[str] | None = None
    left_out: tuple[str, ...] = field(default=())


def from_rows(rows: Iterable[Mapping[str, Any]], name: str) -> Columns:
    """Return rows as columns; the keys of an object in a cell are joined to the column's name by dots.

    Raises:
        InputError: too many rows or columns.
    """
    columns: Columns = {}
    for place, row in enumerate(rows):
        if place >= MAX_ROWS:
            raise InputError(f"{name} must have at most {MAX_ROWS:,} rows, got more")
        cells = dict(flattened(row))
        for key in cells:
            columns.setdefault(key, [None] * place)
        if len(columns) > MAX_COLUMNS:
            raise InputError(f"{name} must have at most {MAX_COLUMNS} columns, got more")
        for key, column in columns.items():
            column.append(cells.get(key))
    return columns


def flattened(row: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Cell]]:
    """Yield the names and cells of a row: `{"optimizer": {"lr": 0.1}}` has the cell `optimizer.lr`."""
    for key, value in row.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            yield from flattened(value, f"{name}.", depth + 1)
        else:
            yield name, _cell(value)


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    try:
        return json.dumps(value, default=str)
    except (ValueError, TypeError, RecursionError):
        return str(value)


def number(cell: Cell) -> float | None:
    """Return a cell as a number, "nan", "inf", "91.2%" and "1,024" too; None if it is none."""
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        if isinstance(cell, str) and cell.rstrip().endswith("%"):
            return float(cell.rstrip()[:-1]) / 100
        if isinstance(cell, str) and THOUSANDS.fullmatch(cell.strip()):
            return float(cell.replace(",", ""))
        return float(cell)
    except (ValueError, OverflowError):
        return None


def plain(cell: Cell) -> Cell:
    """Return a cell so that equal values are equal: "1e-3", "0.001" and 0.001 are."""
    value = number(cell)
    if value is not None and math.isfinite(value):
        return int(value) if value == int(value) and abs(value) < 1e15 else value
    return cell.strip() if isinstance(cell, str) else cell


def is_missing(cell: Cell) -> bool:
    """Return whether a cell holds nothing, or one of the usual words for it. NaN is a number."""
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING)
