"""How samples as they were given become rows of numbers, and what standardizes those."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lrlab.data.columns import Column
from lrlab.data.standardize import Moments
from lrlab.errors import InputError


class Encoding(Protocol):
    """How samples as they were given become rows of numbers."""

    @property
    def channels(self) -> int:
        """Return C: numbers that are C apart in a row are standardized alike."""

    def rows(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Return samples (n, *shape) as rows (n, D), NaN where a value is missing."""

    def complete(self, moments: Moments) -> tuple[Moments, NDArray[np.float64], tuple[Column, ...]]:
        """Return what standardizes each channel, what stands for its missing values, and the columns on record."""


@dataclass(frozen=True)
class Whole:
    """An encoding of samples that are numbers already, all of them there."""

    channels: int

    def rows(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        return samples.reshape(len(samples), -1).astype(np.float64)

    def complete(self, moments: Moments) -> tuple[Moments, NDArray[np.float64], tuple[Column, ...]]:
        return moments, moments.mean, ()


@dataclass(frozen=True)
class OneHot:
    """An encoding of tables: numbers are standardized, categories become 0 and 1.

    A sample is a value for each column: a number, or the code of a category, and NaN where it is missing.

    Attributes:
        places: of each column, the index of each code among its categories.
        impute: whether values may be missing.
    """

    columns: Sequence[Column]
    places: Sequence[NDArray[np.intp]]
    impute: bool

    @property
    def channels(self) -> int:
        return sum(column.width for column in self.columns)

    def rows(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        encoded = np.empty((len(samples), self.channels))
        first = 0
        for values, column, place in zip(samples.T, self.columns, self.places, strict=True):
            part = encoded[:, first : first + column.width]
            if column.categories:
                missing = np.isnan(values)
                part[:] = place[np.where(missing, 0, values).astype(np.intp), np.newaxis] == np.arange(column.width)
                part[missing] = np.nan
            else:
                part[:, 0] = values
            first += column.width
        return encoded

    def row(self, sample: NDArray[Any]) -> dict[str, float | str | None]:
        """Return a sample as the table has it."""
        return {
            column.name: None
            if np.isnan(value)
            else column.categories[place[int(value)]]
            if column.categories
            else float(value)
            for value, column, place in zip(sample, self.columns, self.places, strict=True)
        }

    def complete(self, moments: Moments) -> tuple[Moments, NDArray[np.float64], tuple[Column, ...]]:
        """Return the moments, of which those of 0 and 1 change nothing; the mean and the most frequent category."""
        mean, std, fill = moments.mean.copy(), moments.std.copy(), moments.mean.copy()
        completed, first = [], 0
        for column in self.columns:
            part = slice(first, first + column.width)
            if np.isnan(mean[part]).any():
                raise InputError(f"data.ignore must name column {column.name!r}: it has no value in the training part")
            value: float | str = float(mean[first])
            if column.categories:
                most = int(mean[part].argmax())
                value = column.categories[most]
                mean[part], std[part], fill[part] = 0, 1, np.arange(column.width) == most
            completed.append(replace(column, fill=value if self.impute else None))
            first += column.width
        return Moments(mean, std), fill, tuple(completed)
