"""What the columns of a table hold, found out block by block while the table is read once.

A scan takes the values of one column and returns a code for each. What cannot be used is refused by the first row.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.data.classes import ADVICE, MAX_CLASSES, WHOLE, in_order
from lrlab.data.columns import Column
from lrlab.data.dataset import Rows
from lrlab.data.own_arrays import TEST, TRAIN, VALIDATION, Parts
from lrlab.errors import InputError

MAX_CATEGORIES = 1000
NUMBER = r"(?i)^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(inf|infinity)$"
LARGEST = np.finfo(np.float32).max
PARTS = {"train": TRAIN, "training": TRAIN, "val": VALIDATION, "validation": VALIDATION, "test": TEST}


class BadValueError(InputError):
    """A value that cannot be used, in a row of the block (from 0)."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


@dataclass
class Codes:
    """Distinct texts, each with the number of texts that came before it."""

    of: dict[str, int] = field(default_factory=dict)

    def encode(self, texts: Any, limit: int, *, grow: bool = True) -> tuple[NDArray[np.int64], int | None]:
        """Return the code of each text of a pyarrow.Array, -1 if it is missing, and the first row without one.

        Args:
            limit: how many codes there may be.
            grow: whether a new text gets a code.
        """
        encoded = texts.dictionary_encode()
        new = [text for text in encoded.dictionary.to_pylist() if text not in self.of]
        for text in new if grow else ():
            if len(self.of) < limit:
                self.of[text] = len(self.of)
        table = np.array([*(self.of.get(text, -2) for text in encoded.dictionary.to_pylist()), -1])
        codes = table[encoded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)]
        unknown = np.flatnonzero(codes == -2)
        return codes, int(unknown[0]) if len(unknown) else None


@dataclass
class FeatureScan:
    """A column to learn from: of numbers, or of texts, which are categories. Both in one must be declared categories.

    Attributes:
        is_categorical: whether it holds categories; None: to be found out.
        impute: whether values may be missing.
        codes: of the categories.
        is_known: whether there may be no other categories than those.
    """

    name: str
    is_categorical: bool | None = None
    impute: bool = False
    codes: Codes = field(default_factory=Codes)
    is_known: bool = False
    is_declared: bool = field(init=False)

    def __post_init__(self) -> None:
        self.is_declared = bool(self.is_categorical)

    def add(self, values: Any) -> NDArray[np.float64]:
        """Return the numbers, or the codes of the categories, of a pyarrow.Array; NaN where a value is missing.

        Raises:
            BadValueError: a value cannot be used.
        """
        bad = []
        missing = _flags(values.is_null(nan_is_null=True))
        if missing.any() and not self.impute:
            bad.append(BadValueError(int(missing.argmax()), "is missing (data.missing=impute fills it in)"))
        if not self.is_declared:
            bad += self._of_another_kind(values, missing)
        if not bad:
            numbers, bad = self._categories(values) if self.is_categorical else _finite(values)
        if bad:
            raise min(bad, key=lambda each: each.row)
        return numbers

    def column(self) -> tuple[Column, Rows]:
        """Return the column, and the place of each code among its categories."""
        if not self.is_categorical:
            return Column(self.name), np.zeros(0, np.intp)
        names, place = in_order(list(self.codes.of), merge=False)
        return Column(self.name, tuple(names)), place

    def _of_another_kind(self, values: Any, missing: NDArray[np.bool_]) -> list[BadValueError]:
        """Find out what the column holds, if that is not known; return the first value of another kind."""
        from pyarrow import compute, types

        if missing.all():
            return []
        is_text = np.zeros(len(values), bool)
        if types.is_string(values.type):
            is_text = ~_flags(compute.match_substring_regex(values, NUMBER).fill_null(False)) & ~missing
        if self.is_categorical is None:
            self.is_categorical = bool(is_text[int((~missing).argmax())])
        others = ~missing & (is_text != self.is_categorical)
        if not others.any():
            return []
        row = int(others.argmax())
        what = "is no number" if is_text[row] else "is a number, where the rows above hold texts"
        advice = "data.categorical takes all values of the column for categories, data.ignore leaves it out"
        return [BadValueError(row, f"{values[row].as_py()!r} {what} ({advice})")]

    def _categories(self, values: Any) -> tuple[NDArray[np.float64], list[BadValueError]]:
        texts = as_texts(values)
        codes, unknown = self.codes.encode(texts, MAX_CATEGORIES, grow=not self.is_known)
        reason = "is a category that data.path does not hold"
        if not self.is_known:
            reason = f"is one category more than {MAX_CATEGORIES} (data.ignore leaves the column out)"
        bad = [] if unknown is None else [BadValueError(unknown, f"{texts[unknown].as_py()!r} {reason}")]
        return np.where(codes >= 0, codes, np.nan), bad


@dataclass
class TargetScan:
    """The column of the classes: whole numbers or texts.

    Attributes:
        codes: of the classes.
        is_known: whether there may be no others.
    """

    codes: Codes = field(default_factory=Codes)
    is_known: bool = False
    fraction: BadValueError | None = None

    def add(self, values: Any) -> NDArray[np.int64]:
        """Return the code of each class.

        Raises:
            BadValueError: one is missing, unknown, or a number that is not whole, or there are too many.
        """
        from pyarrow import types

        missing = _flags(values.is_null(nan_is_null=True))
        if missing.any():
            raise BadValueError(int(missing.argmax()), "is missing")
        if types.is_floating(values.type) or types.is_decimal(values.type):
            raise BadValueError(0, f"{values[0].as_py()!r} is no class: {ADVICE}")
        texts = as_texts(values)
        codes, unknown = self.codes.encode(texts, MAX_CLASSES, grow=not self.is_known)
        if unknown is not None and self.is_known:
            raise BadValueError(unknown, f"{texts[unknown].as_py()!r} is a class that data.path does not hold")
        if unknown is not None:
            raise BadValueError(unknown, f"{texts[unknown].as_py()!r} is one class more than {MAX_CLASSES}: {ADVICE}")
        return codes

    def classes(self) -> tuple[list[str], Rows]:
        """Return the classes in order, and the place of each code among them.

        Raises:
            InputError: all are numbers, and some are not whole.
        """
        names = list(self.codes.of)
        fractions = [name for name in names if not WHOLE.fullmatch(name)]
        if fractions and all(re.match(NUMBER, name) for name in names):
            raise InputError(f"{fractions[0]!r} is no class: {ADVICE}")
        return in_order(names)


def parts_of(values: Any) -> Parts:
    """Return the part that each value of a pyarrow.Array names.

    Raises:
        BadValueError: it names none.
    """
    texts = as_texts(values)
    codes = Codes({name: int(part) for name, part in PARTS.items()})
    parts, unknown = codes.encode(texts, len(PARTS), grow=False)
    if unknown is not None or texts.null_count:
        row = int(_flags(texts.is_null()).argmax()) if unknown is None else unknown
        raise BadValueError(row, f"must be train, validation or test, got {texts[row].as_py() or 'nothing'!r}")
    return parts.astype(np.int8)


def as_texts(values: Any) -> Any:
    """Return a pyarrow.Array as one of texts; whole numbers are written without a fraction."""
    import pyarrow
    from pyarrow import compute, types

    if types.is_floating(values.type):
        values = compute.if_else(compute.is_nan(values), None, values)
        if compute.all(compute.equal(values, compute.floor(values))).as_py():
            values = compute.cast(values, pyarrow.int64())
    return compute.cast(values, pyarrow.string())


def _finite(values: Any) -> tuple[NDArray[np.float64], list[BadValueError]]:
    import pyarrow
    from pyarrow import compute

    numbers = compute.cast(values, pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    large = np.abs(numbers) > LARGEST
    row = int(large.argmax())
    return numbers, [BadValueError(row, f"{values[row].as_py()!r} is not finite in float32")] if large.any() else []


def _flags(array: Any) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = array.to_numpy(zero_copy_only=False).astype(bool)
    return flags
