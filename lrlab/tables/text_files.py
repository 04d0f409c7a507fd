"""Text files of bounded size: CSV, and JSON lines."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from lrlab.errors import InputError
from lrlab.tables.columns import MAX_COLUMNS, MAX_ROWS, Cell, Columns, from_rows

MAX_BYTES: Final = 100_000_000
SEPARATORS: Final = ",;\t"
DECIMAL_COMMA: Final = re.compile(r"\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*%?\s*")


def check_size(path: Path, most: int = MAX_BYTES) -> None:
    """Refuse what is no file, or too large to be held in memory.

    Raises:
        InputError: see above.
    """
    try:
        if not path.is_file():
            raise InputError(f"--from must be a file, mlflow:, optuna: or wandb:, got {str(path)!r}: there is none")
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"--from {str(path)!r} cannot be read: {error.strerror}") from None
    if size > most:
        raise InputError(
            f"{path.name} must have at most {most / 1e6:.0f} MB, got {size / 1e6:,.0f} MB: "
            "keep the columns of learning rate, batch size, seed, loss and settings only"
        )


def read_csv(path: Path) -> Columns:
    """Return the columns of a CSV file, separated by commas, semicolons or tabs; every cell is a text.

    Between semicolons a number may have a decimal comma, if none in its column has a point.

    Raises:
        InputError: it is too large, no text, has a name twice, a row that is too long, or no rows.
    """
    text = _text(path)
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        twice = [name for name in header if header.count(name) > 1]
        if twice:
            raise InputError(f"{path.name} must have each column once, got {twice[0]!r} twice")
        if not header or len(header) > MAX_COLUMNS:
            raise InputError(f"{path.name} must have 1 to {MAX_COLUMNS} columns, got {len(header)}")
        columns: Columns = {name: [] for name in header}
        filled = list(columns.values())
        for row in reader:
            if not row:
                continue
            if len(row) > len(header):
                raise InputError(f"{path.name} line {reader.line_num}: {len(row)} cells under {len(header)} columns")
            if len(filled[0]) >= MAX_ROWS:
                raise InputError(f"{path.name} must have at most {MAX_ROWS:,} rows, got more")
            for place, column in enumerate(filled):
                column.append(row[place] if place < len(row) else None)
    except csv.Error as error:
        raise InputError(f"{path.name} line {reader.line_num} is not CSV: {error}") from None
    return {name: _with_points(cells) for name, cells in columns.items()} if separator == ";" else columns


def _with_points(cells: list[Cell]) -> list[Cell]:
    texts = [cell for cell in cells if isinstance(cell, str)]
    if any("." in text for text in texts) or not any(map(DECIMAL_COMMA.fullmatch, texts)):
        return cells
    return [
        cell.replace(",", ".") if isinstance(cell, str) and DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells
    ]


def read_json_lines(path: Path) -> Columns:
    """Return the columns of a file with one JSON object in each line, or of one JSON list of objects.

    Raises:
        InputError: it is too large, no text, or a line is no JSON object.
    """
    text = _text(path)
    if text.lstrip().startswith("["):
        rows = _json(path, 1, text)
        return from_rows((_object(path, number, row) for number, row in enumerate(rows, start=1)), path.name)
    return from_rows(_objects(path, text), path.name)


def _objects(path: Path, text: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _object(path, number, _json(path, number, line))


def _object(path: Path, number: int, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{path.name} line {number} must be a JSON object, got {str(value)[:40]!r}")
    return value


def _json(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} line {number} is not JSON: {error}") from None


def _text(path: Path) -> str:
    check_size(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} must be a text in UTF-8, got the byte {error.object[error.start]:#x}") from None
    except OSError as error:
        raise InputError(f"--from {str(path)!r} cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise InputError(f"{path.name} must be a text, got the byte 0x0")
    return text
