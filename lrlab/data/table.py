"""data=table: a CSV or Parquet file of the user's own, with a column that names the class of each row."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import doc
from numpy.typing import NDArray

from lrlab.data.classes import check_classes
from lrlab.data.column_scan import BadValueError, FeatureScan, TargetScan, parts_of
from lrlab.data.dataset import Rows
from lrlab.data.encoding import OneHot
from lrlab.data.own_arrays import TEST, TRAIN, VALIDATION, Parts, Samples
from lrlab.data.own_cache import SourceFile
from lrlab.data.own_data import FilePath, OwnData, as_tuple, existing
from lrlab.data.table_file import TableFile
from lrlab.errors import InputError

ColumnNames = Annotated[Sequence[str], doc("null or a list of column names")] | None


@dataclass(frozen=True)
class Table(OwnData):
    """Rows of numbers and categories. Columns of text are categories; all but the target are learned from.

    Args:
        target: the column of the classes.
        test_path: a file with the same columns for the test; None: a part of `path`.
        split_column: says train, validation or test; None: by the seed.
        categorical: columns whose values are categories even if they are numbers.
        ignore: columns to leave out.
        missing: refuse a row in which a value is missing, or fill in the mean or the most frequent category.
        delimiter: of a CSV file.
    """

    expects: ClassVar[str] = "the path of a CSV or Parquet file"

    target: Annotated[str, doc("null or the name of a column")] | None = None
    test_path: FilePath = None
    split_column: Annotated[str, doc("null or the name of a column")] | None = None
    categorical: ColumnNames = None
    ignore: ColumnNames = None
    missing: Literal["refuse", "impute"] = "refuse"
    delimiter: Annotated[str, doc("one character")] = ","

    def __post_init__(self) -> None:
        super().__post_init__()
        as_tuple(self, "categorical", "ignore")

    def files(self) -> list[SourceFile]:
        if len(self.delimiter) != 1:
            raise InputError(f"data.delimiter must be one character, got {self.delimiter!r}")
        paths = {"data.path": self.path} | ({"data.test_path": self.test_path} if self.test_path is not None else {})
        return [SourceFile(key, existing(key, path, self.expects)) for key, path in paths.items()]

    def read(self, scratch: Path) -> Samples:
        main, *further = (TableFile(key, path, self.delimiter) for key, path in self.files())
        features = self._features(main)
        scans = [
            FeatureScan(name, name in (self.categorical or ()) or None, self.missing == "impute") for name in features
        ]
        target = TargetScan()
        x, y, parts = self._scan(main, scans, target, scratch / "x")
        classes, class_place = self._classes(target, main)
        y = class_place[y]
        check_classes("data.target", classes, y, f"column {self.target!r} of {main.path.name}")
        columns, places = zip(*(scan.column() for scan in scans), strict=True)
        for other in further:
            self._check_names(other, main)
            known = [replace(scan, is_known=True) for scan in scans]
            x_test, y_test, _ = self._scan(other, known, replace(target, is_known=True), scratch / "x_test")
        encoding = OneHot(columns, places, self.missing == "impute")
        return Samples(
            x=x,
            y=y,
            parts=self._check_parts(parts, main) if self.split_column else self.draw_parts(len(y), test=not further),
            classes=classes,
            encoding=encoding,
            x_test=x_test if further else None,
            y_test=class_place[y_test] if further else None,
            example=encoding.row(x[0]),
        )

    def _features(self, table: TableFile) -> list[str]:
        """Return the columns to learn from.

        Raises:
            InputError: a column that is named in the configuration is not there, or nothing is left.
        """
        if self.target is None:
            raise InputError(f"data.target must be the name of a column, one of {_listed(table.names)}, got None")
        used = {"data.target": [self.target], "data.split_column": [self.split_column] if self.split_column else []}
        named = used | {"data.categorical": list(self.categorical or ()), "data.ignore": list(self.ignore or ())}
        for key, names in named.items():
            for name in names:
                if name not in table.names:
                    raise InputError(
                        f"{key} must name columns of {table.path.name}: {_listed(table.names)}, got {name!r}"
                    )
        left_out = {name for key, names in named.items() if key != "data.categorical" for name in names}
        features = [name for name in table.names if name not in left_out]
        if not features or self.target == self.split_column or left_out & set(self.categorical or ()):
            raise InputError(
                f"data.path must have columns to learn from beside target, split_column and ignore, in which no other "
                f"key names a column again, {table.path.name} has {_listed(table.names)}"
            )
        return features

    def _scan(
        self, table: TableFile, features: Sequence[FeatureScan], target: TargetScan, path: Path
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], Parts]:
        """Read a table once: write its features (N, F) to a file, mapped into memory; return target and parts (N,)."""
        labels: list[NDArray[np.int64]] = []
        parts: list[Parts] = []
        count, split = 0, self.split_column if target.is_known is False else None
        names = [str(self.target), *([split] if split else []), *(scan.name for scan in features)]
        adders = [target.add, *([parts_of] if split else []), *(scan.add for scan in features)]
        with path.open("xb") as stream:
            for block in table.blocks(names):
                encoded: list[Any] = []
                bad = []
                for name, add in zip(names, adders, strict=True):
                    try:
                        encoded.append(add(block[name]))
                    except BadValueError as error:
                        bad.append((error.row, name, str(error)))
                if bad:
                    row, name, reason = min(bad, key=lambda each: each[0])
                    raise InputError(f"{table.place(count + row, name)}: {reason}")
                labels.append(encoded[0])
                parts.extend(encoded[1:2] if split else [])
                stream.write(np.column_stack(encoded[-len(features) :]).astype(np.float64, copy=False).data)
                count += len(labels[-1])
        if not count:
            raise InputError(f"{table.key} must hold rows, {table.path} has none below its header")
        x = np.memmap(path, np.float64, "r", shape=(count, len(features)))
        return x, np.concatenate(labels), np.concatenate(parts) if parts else np.zeros(0, np.int8)

    def _classes(self, target: TargetScan, table: TableFile) -> tuple[list[str], Rows]:
        try:
            return target.classes()
        except InputError as error:
            raise InputError(f"data.target, column {self.target!r} of {table.path.name}: {error}") from error

    def _check_names(self, other: TableFile, main: TableFile) -> None:
        unused = {self.split_column, *(self.ignore or ())}
        lacking = [name for name in main.names if name not in other.names and name not in unused]
        further = [name for name in other.names if name not in main.names and name not in unused]
        if lacking or further:
            what = f"lacks {lacking[0]!r}" if lacking else f"has {further[0]!r} besides"
            raise InputError(f"{other.key} must have the columns of {main.path.name}, {other.path.name} {what}")

    def _check_parts(self, parts: Parts, table: TableFile) -> Parts:
        needed = {"train": TRAIN, "validation": VALIDATION} | ({} if self.test_path else {"test": TEST})
        for name, part in needed.items():
            if not (parts == part).any():
                raise InputError(
                    f"data.split_column must name rows of {', '.join(needed)}, column {self.split_column!r} of "
                    f"{table.path.name} names none of {name}"
                )
        if self.test_path and (parts == TEST).any():
            raise InputError(
                f"data.split_column must name no rows of test beside data.test_path, column {self.split_column!r} of "
                f"{table.path.name} does"
            )
        return parts


def _listed(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")
