"""A data set as training sees it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.data.columns import Column
from lrlab.data.standardize import Moments

Rows = NDArray[np.intp]
Images = tuple[NDArray[Any], NDArray[Any]]  # for training and validation (N, D), and for the test


@dataclass(frozen=True, eq=False)
class Dataset:
    """Standardized samples, such as images, their split and their origin. The arrays are read-only.

    x: (N, D) float32, the samples for training and validation, one a row. A memory map if it is large.
    y: (N,) classes.
    train, validation: rows of x, disjoint, ascending.
    x_test, y_test: as x and y; only the final evaluation looks at them.
    image_shape: (H, W, channels), to which a row reshapes; () if the samples are no images.
    moments: reads what the published samples were standardized with, of every channel or of every number of a row;
        None: they were not.
    load_raw_images: reads the images as they were published, in the order of x and x_test.
    files_digest: names the content of x, y, x_test and y_test where they are large and were hashed when they were
        written; None: hash the arrays.
    source: where the samples come from; "" if the name says it.
    example: a sample as it was published: (1, *shape), or of a table a value for each column; None: a row of whole
        pixels.
    columns: of a table, in the order in which they become the numbers of a row.
    """

    name: str
    x: NDArray[np.float32]
    y: Rows
    train: Rows
    validation: Rows
    x_test: NDArray[np.float32]
    y_test: Rows
    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    moments: Callable[[], Moments] | None = None
    load_raw_images: Callable[[], Images] | None = None
    files_digest: str | None = None
    source: str = ""
    example: Any = None
    columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.x, self.y, self.train, self.validation, self.x_test, self.y_test):
            array.flags.writeable = False

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 (hex) over what is trained on: the arrays after standardization, and the split.

        It counts dtype, shape and bytes of every array. Two data sets with one digest train alike.
        """
        images = self.files_digest or array_digest(self.x, self.y, self.x_test, self.y_test)
        return hashlib.sha256((images + array_digest(self.train, self.validation)).encode()).hexdigest()

    def pixels(self) -> Images:
        """Return rows of whole pixels, uint8, in the order of x and x_test; these themselves if there are no pixels."""
        return self.load_raw_images() if self.load_raw_images else (self.x, self.x_test)

    def standardization(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard deviation (D,), each: a row of x is (raw - mean) / std."""
        if self.moments is None:
            return np.zeros(self.x.shape[1]), np.ones(self.x.shape[1])
        moments = self.moments()
        repeats = self.x.shape[1] // len(moments.mean)
        return np.tile(moments.mean, repeats), np.tile(moments.std, repeats)


def array_digest(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 (hex) over dtype, shape and bytes of the arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def as_rows(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reshape images (N, H, W, channels) to rows (N, H * W * channels)."""
    return pixels.reshape(len(pixels), -1)
