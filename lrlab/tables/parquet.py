"""Parquet files, by PyArrow."""

from pathlib import Path
from typing import Any, Final

from lrlab.errors import InputError
from lrlab.tables.columns import MAX_COLUMNS, MAX_ROWS, Columns, from_rows
from lrlab.tables.text_files import check_size

MAX_CELLS: Final = 20_000_000  # a small file may hold many


def read_parquet(path: Path) -> Columns:
    """Return the columns of a Parquet file; a null is a missing cell, a NaN is a number.

    Raises:
        InputError: it is too large, or no Parquet file.
    """
    check_size(path)
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            rows, width = file.metadata.num_rows, file.metadata.num_columns
            if rows > MAX_ROWS or width > MAX_COLUMNS or rows * width > MAX_CELLS:
                raise InputError(
                    f"{path.name} must have at most {MAX_ROWS:,} rows, {MAX_COLUMNS} columns and {MAX_CELLS:,} cells, "
                    f"got {rows:,} rows of {width}"
                )
            table: Any = file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path.name} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    twice = [name for name in table.column_names if table.column_names.count(name) > 1]
    if twice:
        raise InputError(f"{path.name} must have each column once, got {twice[0]!r} twice")
    return from_rows(table.to_pylist(), path.name)
