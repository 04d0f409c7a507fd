"""The one input of the analysis: which batch size, learning rate and seed ended at which loss."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lrlab.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

COLUMNS: Final = ("batch_size", "lr", "seed", "loss")
MAX_LOSS: Final = 1e100


@dataclass(frozen=True)
class Table:
    """One row per trial. A loss that is not finite, or beyond `MAX_LOSS`, is a trial that diverged.

    Attributes:
        batch_size: (N,) samples per update, >= 1.
        lr: (N,) learning rate, > 0.
        seed: (N,) any label of the repetition.
        loss: (N,) loss at the end of the trial, smaller is better.
    """

    batch_size: IntArray
    lr: FloatArray
    seed: npt.NDArray[np.str_]
    loss: FloatArray

    def at(self, batch_size: int) -> "Table":
        """Return the rows of one batch size."""
        return self.rows(self.batch_size == batch_size)

    def rows(self, kept: npt.NDArray[np.bool_]) -> "Table":
        """Return the rows to keep (N,)."""
        return Table(self.batch_size[kept], self.lr[kept], self.seed[kept], self.loss[kept])


def read(source: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]) -> Table:
    """Read a dict of columns or a sequence of rows; other columns than `COLUMNS` are ignored.

    Raises:
        InputError: nothing in it, a missing column, columns of unequal length, a batch size that is not a whole
            number >= 1, a learning rate that is not a finite number > 0, or fewer than two batch sizes.
    """
    columns = source if isinstance(source, Mapping) else _transposed(source)
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(f"table must have the columns {', '.join(COLUMNS)}, got none named {', '.join(missing)}")
    sizes = {name: len(columns[name]) for name in COLUMNS}
    if len(set(sizes.values())) > 1:
        raise InputError(f"table columns must be equally long, got {sizes}")
    if not sizes["loss"]:
        raise InputError("table must have rows, got none")
    batch_size, lr = _numbers("batch_size", columns["batch_size"]), _numbers("lr", columns["lr"])
    whole = np.isfinite(batch_size) & (batch_size == np.floor(batch_size))
    _refuse("batch_size", batch_size, "whole numbers >= 1", wrong=~(whole & (batch_size >= 1)))
    _refuse("lr", lr, "finite numbers > 0", wrong=~(np.isfinite(lr) & (lr > 0)))
    if len(np.unique(batch_size)) < 2:
        raise InputError(f"table must have at least two different values of batch_size, got only {batch_size[0]:g}")
    seed = np.array([str(label) for label in columns["seed"]])
    return Table(batch_size.astype(np.int64), lr, seed, _squarable(_numbers("loss", columns["loss"])))


def _transposed(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    for index, row in enumerate(rows):
        missing = [name for name in COLUMNS if name not in row]
        if missing:
            raise InputError(f"table row {index} must have {', '.join(COLUMNS)}, got no {', '.join(missing)}")
    return {name: [row[name] for row in rows] for name in COLUMNS}


def _numbers(name: str, values: Sequence[Any]) -> FloatArray:
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"table column {name} must hold numbers, got {list(values[:3])} ...") from None


def _squarable(loss: FloatArray) -> FloatArray:
    """Return losses whose squares neither overflow nor vanish: larger ones have diverged, smaller ones are 0."""
    size = np.abs(loss)
    limited: FloatArray = np.where(size > MAX_LOSS, math.inf, np.where(size < 1 / MAX_LOSS, 0.0, loss))
    return limited


def _refuse(name: str, column: FloatArray, allowed: str, *, wrong: npt.NDArray[np.bool_]) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"table column {name} must hold {allowed}, got {column[row]:g} in row {row}")
