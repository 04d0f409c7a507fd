"""CSV and Parquet files, read in blocks of rows, so that a file may be larger than the memory."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lrlab.errors import InputError

MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")  # texts of a CSV file
BLOCK = 1 << 22  # bytes of a CSV file read at a time, of which Arrow holds a few dozen; the longest row
ROWS = 1 << 16  # of a Parquet file read at a time

Block = dict[str, Any]  # a pyarrow.Array for each column: texts or numbers, null where a value is missing


@dataclass(frozen=True)
class TableFile:
    """A table of named columns.

    Attributes:
        key: of the configuration, for messages.
        path: a Parquet file if its suffix is .parquet or .pq, otherwise CSV with a header, in UTF-8.
        delimiter: of a CSV file.
    """

    key: str
    path: Path
    delimiter: str = ","

    @property
    def is_parquet(self) -> bool:
        return self.path.suffix.lower() in (".parquet", ".pq")

    @property
    def first_row(self) -> int:
        """Return the number of the first row of values: where there is a header, that is row 1, as in a spreadsheet."""
        return 1 if self.is_parquet else 2

    def place(self, row: int, column: str) -> str:
        """Return where a value is, for messages; rows count from 0."""
        return f"{self.key} {self.path.name}, row {self.first_row + row}, column {column!r}"

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of the columns.

        Raises:
            InputError: the file cannot be read, is empty, or has a column twice or without a name.
        """
        names = [name.strip() for name in (self._parquet_names() if self.is_parquet else self._csv_names())]
        if "" in names:
            raise InputError(
                f"{self.key} must name every column, {self.path} has no name for column {names.index('') + 1}"
            )
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(
                f"{self.key} must have every column once, {self.path} has {twice[0]!r} {names.count(twice[0])} times"
            )
        return tuple(names)

    def blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        """Yield some of the columns, a few rows at a time.

        Raises:
            InputError: a row has too many or too few values, or a column has values that are neither numbers nor text.
        """
        from pyarrow import ArrowException

        read = self._parquet_blocks if self.is_parquet else self._csv_blocks
        try:
            yield from read(wanted)
        except (ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise InputError(
                f"{self.key} must be a {'Parquet' if self.is_parquet else 'CSV'} file, {self.path}: {reason}"
            ) from error

    def _csv_names(self) -> list[str]:
        try:
            with self.path.open("rb") as stream:
                if stream.read(4) == b"PAR1":
                    raise InputError(f"{self.key} must end in .parquet if it is a Parquet file, got {self.path}")
            with self.path.open(encoding="utf-8-sig", newline="") as stream:
                header = next((row for row in csv.reader(stream, delimiter=self.delimiter, strict=True) if row), None)
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{self.key} must be a CSV file in UTF-8 with a header, {self.path}: {error}") from error
        if header is None:
            raise InputError(f"{self.key} must be a CSV file with a header, {self.path} is empty")
        return header

    def _csv_blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        import pyarrow
        from pyarrow import compute
        from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

        missing = pyarrow.array(MISSING)
        stored = {name.strip(): name for name in self._csv_names()}
        chosen = [stored[name] for name in wanted]
        converting = ConvertOptions(
            column_types=dict.fromkeys(chosen, pyarrow.string()), strings_can_be_null=False, include_columns=chosen
        )
        reading = ReadOptions(block_size=BLOCK, use_threads=False)  # with threads, errors would not name the row
        parsing = ParseOptions(delimiter=self.delimiter, newlines_in_values=True)
        with open_csv(self.path, reading, parsing, converting) as reader:
            for batch in reader:
                block = {}
                for name in wanted:
                    texts = compute.utf8_trim_whitespace(batch.column(stored[name]))
                    block[name] = compute.if_else(compute.is_in(texts, missing), None, texts)
                yield block

    def _parquet_names(self) -> list[str]:
        from pyarrow import ArrowException
        from pyarrow.parquet import read_schema

        try:
            return [str(name) for name in read_schema(self.path).names if not name.startswith("__index_level_")]
        except (ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{self.key} must be a Parquet file, {self.path}: {reason}") from error

    def _parquet_blocks(self, wanted: Sequence[str]) -> Iterator[Block]:
        import pyarrow
        from pyarrow import compute, types
        from pyarrow.parquet import ParquetFile

        with ParquetFile(self.path) as file:
            stored = {name.strip(): name for name in file.schema_arrow.names}
            for batch in file.iter_batches(batch_size=ROWS, columns=[stored[name] for name in wanted]):
                block = {}
                for name in wanted:
                    values = batch.column(stored[name])
                    if types.is_dictionary(values.type):
                        values = values.dictionary_decode()
                    kind = values.type
                    if types.is_boolean(kind):
                        values = compute.if_else(values, "True", "False")
                    elif types.is_string(kind) or types.is_large_string(kind):
                        values = compute.utf8_trim_whitespace(compute.cast(values, pyarrow.string()))
                        values = compute.if_else(compute.equal(values, ""), None, values)
                    elif types.is_null(kind):
                        values = compute.cast(values, pyarrow.float64())
                    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)):
                        raise InputError(
                            f"{self.key} must hold numbers and texts, column {name!r} of {self.path} holds {kind} "
                            f"(data.ignore leaves it out)"
                        )
                    block[name] = values
                yield block
